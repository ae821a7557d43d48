"""Playbooks of a voice call's rules (B-7.7, B-9.5): who asks, who answers for himself, who joins, who ends it."""

import pytest

from server_stub.state.refused import Refused
from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Capability, Connection, Device, Mode
from tests.harness.scene import Scene

VOICE = ActivityKind.VOICE


@pytest.fixture
def scene():
    return Scene()


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


def speakers(scene):
    running = [a for a in scene.session.activities.values() if a.kind is VOICE and a.state is ActivityState.RUNNING]
    return {activity.subject for activity in running}


def call(scene, customer):
    """The rep asks and joins, the customer says yes; gives both activities."""
    mine = scene.offer(scene.rep, VOICE)
    his = scene.ask(scene.rep, customer, VOICE)
    scene.answer(customer, his, True)
    return mine, his


@pytest.mark.rule("B-7.7")
def test_the_controller_asks_and_each_speaker_answers_for_himself(scene):
    maria = scene.join()
    his = scene.ask(scene.rep, maria, VOICE)
    assert speakers(scene) == set()
    assert refusal(scene.answer, scene.rep, his, True) is ErrorCode.NOT_ALLOWED
    scene.answer(maria, his, True)
    assert speakers(scene) == {maria}, "nobody's microphone is opened by somebody else's yes"
    scene.offer(scene.rep, VOICE)
    assert speakers(scene) == {maria, scene.rep}
    assert refusal(scene.offer, scene.rep, VOICE) is ErrorCode.ACTIVITY_BUSY


@pytest.mark.rule("B-7.7")
def test_the_customer_may_offer_and_an_assistant_may_only_join(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    assert refusal(scene.offer, bogdan, VOICE) is ErrorCode.NOT_ALLOWED
    scene.offer(maria, VOICE)
    scene.offer(bogdan, VOICE)
    assert speakers(scene) == {maria, bogdan}
    assert refusal(scene.ask, maria, scene.rep, VOICE) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, bogdan, scene.rep, VOICE) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, scene.rep, scene.rep, VOICE) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-7.7")
def test_a_secondary_customer_joins_what_runs_and_begins_nothing():
    scene = Scene(mode=Mode.SINGLE)
    maria = scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    assert scene.person(ion).role is Role.SECONDARY
    assert refusal(scene.offer, ion, VOICE) is ErrorCode.NOT_ALLOWED
    call(scene, maria)
    scene.offer(ion, VOICE)
    assert speakers(scene) == {scene.rep, maria, ion}
    assert refusal(scene.offer, ion, ActivityKind.VIEW) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-7.7")
def test_who_is_asked_and_refuses_leaves_nobody_talking_to_himself(scene):
    maria = scene.join()
    mine = scene.offer(scene.rep, VOICE)
    his = scene.ask(scene.rep, maria, VOICE)
    scene.answer(maria, his, False)
    assert not scene.session.activities
    ends = {f.activity.id: f.activity.end for f in scene.facts_told(maria)[-2:]}
    assert ends == {his: ActivityEnd.DENIED, mine: ActivityEnd.STOPPED}


@pytest.mark.rule("B-7.7")
def test_everybody_leaves_for_himself_and_only_the_controller_puts_others_out(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    mine, his = call(scene, maria)
    third = scene.offer(bogdan, VOICE)
    assert refusal(scene.stop, maria, third) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.stop, bogdan, his) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.stop, maria, mine) is ErrorCode.NOT_ALLOWED
    scene.stop(bogdan, third)
    assert speakers(scene) == {scene.rep, maria}
    again = scene.offer(bogdan, VOICE)
    scene.stop(scene.rep, again)
    scene.stop(maria, his)
    assert speakers(scene) == set(), "the other one hung up: the call is over"


@pytest.mark.rule("B-7.7")
def test_an_assistant_stops_nothing_that_is_not_his(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    view = scene.offer(maria)
    assert refusal(scene.stop, bogdan, view) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-7.7")
def test_a_reloaded_page_is_out_of_the_call_and_the_rep_waits_for_it(scene):
    maria = scene.join()
    call(scene, maria)
    scene.connection(maria, Connection.CLOSED_PAGE)
    assert speakers(scene) == {scene.rep}
    scene.resume(scene.tokens[maria][-1])
    scene.offer(maria, VOICE)
    scene.connection(maria, Connection.LOST)
    assert speakers(scene) == {scene.rep, maria}, "a lost connection comes back into the call"


@pytest.mark.rule("B-7.7")
def test_who_goes_for_good_takes_the_last_other_speaker_out_of_the_call(scene):
    maria = scene.join()
    call(scene, maria)
    scene.leave(maria)
    assert speakers(scene) == set()


@pytest.mark.rule("B-2.4", "B-7.7")
def test_a_device_without_a_microphone_is_not_asked(scene):
    maria = scene.join(device=requests.DeviceReport(microphone=Capability.NO))
    assert refusal(scene.ask, scene.rep, maria, VOICE) is ErrorCode.NOT_SUPPORTED


@pytest.mark.rule("B-9.4", "B-9.5")
def test_the_call_goes_on_with_the_former_controller_in_it_and_the_new_one_joins(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    call(scene, maria)
    scene.person(bogdan).device = Device(microphone=Capability.YES)
    scene.transfer_control(scene.rep, bogdan)
    assert speakers(scene) == {scene.rep, maria}
    scene.offer(bogdan, VOICE)
    assert speakers(scene) == {scene.rep, maria, bogdan}


@pytest.mark.rule("B-7.9", "B-9.3")
def test_who_asked_for_a_voice_puts_nobody_out_any_more_once_control_is_gone(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    _, his = call(scene, maria)
    scene.person(bogdan).device = Device(microphone=Capability.YES)
    scene.transfer_control(scene.rep, bogdan)
    assert refusal(scene.stop, scene.rep, his) is ErrorCode.NOT_ALLOWED
    assert speakers(scene) == {scene.rep, maria}


@pytest.mark.rule("B-9.5")
def test_without_voice_at_the_new_controllers_the_call_ends_with_a_reason(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    call(scene, maria)
    scene.transfer_control(scene.rep, bogdan)
    assert speakers(scene) == set()
    told = [f.activity for f in scene.facts_told(maria) if isinstance(f, events.ActivityChanged) and f.activity.end]
    assert {activity.end for activity in told} == {ActivityEnd.CONTROL_TRANSFERRED}


@pytest.mark.rule("B-10.3")
def test_a_session_that_is_ceded_takes_no_call_along(scene):
    maria = scene.join()
    call(scene, maria)
    scene.pass_on(scene.rep, queue="q")
    assert speakers(scene) == set()
