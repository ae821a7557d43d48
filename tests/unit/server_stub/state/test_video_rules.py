"""Cameras at the relay (B-7.6): who starts one, who is asked, who sees it, and all that ends it."""

import pytest

from server_stub.state.refused import Refused
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Capability, Connection, Mode
from tests.harness.scene import Scene

VIDEO = ActivityKind.VIDEO


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def single():
    return Scene(Mode.SINGLE)


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


def join(scene, name):
    return scene.join(name, f"join-request-of-{name}")


def ends(scene, who):
    return [
        (fact.activity.id, fact.activity.end)
        for fact in scene.facts_told(who)
        if getattr(fact, "activity", None) is not None and fact.activity.state is ActivityState.ENDED
    ]


@pytest.mark.rule("B-7.6")
def test_each_starts_his_own_camera_and_everybody_else_sees_it(single):
    maria, ion = join(single, "Maria"), join(single, "Ion")
    single.admit(single.rep, ion)
    bogdan = single.assist()
    mine, hers = single.offer(single.rep, VIDEO), single.offer(maria, VIDEO)
    assert mine != hers
    activities = single.session.activities
    assert (activities[mine].subject, set(activities[mine].seen_by)) == (single.rep, {maria, ion, bogdan})
    assert (activities[hers].subject, set(activities[hers].seen_by)) == (maria, {single.rep, ion, bogdan})
    assert all(activities[each].state is ActivityState.RUNNING for each in (mine, hers))
    for who in (ion, bogdan):
        assert refusal(single.offer, who, VIDEO) is ErrorCode.NOT_ALLOWED
    assert refusal(single.offer, maria, VIDEO) is ErrorCode.ACTIVITY_BUSY


@pytest.mark.rule("B-7.6")
def test_the_customer_is_asked_and_nobody_else_answers_for_him(single):
    maria = join(single, "Maria")
    bogdan = single.assist()
    asked = single.ask(single.rep, maria, VIDEO)
    assert single.session.activities[asked].state is ActivityState.ASKED
    assert refusal(single.answer, single.rep, asked, True) is ErrorCode.NOT_ALLOWED
    assert refusal(single.ask, single.rep, bogdan, VIDEO) is ErrorCode.NOT_ALLOWED
    assert refusal(single.ask, single.rep, single.rep, VIDEO) is ErrorCode.NOT_ALLOWED
    single.answer(maria, asked, False)
    assert ends(single, single.rep) == [(asked, ActivityEnd.DENIED)]
    again = single.ask(single.rep, maria, VIDEO)
    single.answer(maria, again, True)
    assert single.session.activities[again].state is ActivityState.RUNNING
    # Whoever is asked may as well press the button that starts it.
    single.stop(maria, again)
    third = single.ask(single.rep, maria, VIDEO)
    assert single.offer(maria, VIDEO) == third


def test_whoever_has_no_camera_is_not_asked(scene):
    from support_manager.protocol.requests import DeviceReport

    maria = scene.join("Maria", device=DeviceReport(camera=Capability.NO))
    assert refusal(scene.ask, scene.rep, maria, VIDEO) is ErrorCode.NOT_SUPPORTED


@pytest.mark.rule("B-7.6")
@pytest.mark.parametrize("stopper", ["rep", "maria"])
def test_either_side_stops_either_camera(scene, stopper):
    maria = scene.join("Maria")
    who = scene.rep if stopper == "rep" else maria
    both = [scene.offer(scene.rep, VIDEO), scene.offer(maria, VIDEO)]
    for each in both:
        scene.stop(who, each)
    assert ends(scene, maria) == [(each, ActivityEnd.STOPPED) for each in both]
    assert not scene.session.activities


@pytest.mark.rule("B-7.6", "B-9.4")
def test_cameras_end_with_transfer_control(scene):
    maria = scene.join("Maria")
    bogdan = scene.assist()
    both = [scene.offer(scene.rep, VIDEO), scene.offer(maria, VIDEO)]
    former = scene.rep
    scene.transfer_control(former, bogdan)
    assert ends(scene, maria) == [(each, ActivityEnd.CONTROL_TRANSFERRED) for each in both]
    assert refusal(scene.offer, former, VIDEO) is ErrorCode.NOT_ALLOWED
    assert scene.person(bogdan).role is Role.CONTROLLER
    scene.offer(bogdan, VIDEO)


@pytest.mark.rule("B-7.6")
def test_cameras_end_with_transfer_session(scene):
    maria = scene.join("Maria")
    both = [scene.offer(scene.rep, VIDEO), scene.offer(maria, VIDEO)]
    scene.pass_on(scene.rep, queue="support")
    assert ends(scene, maria) == [(each, ActivityEnd.SESSION_TRANSFERRED) for each in both]


@pytest.mark.rule("B-7.6", "B-1.2")
def test_the_camera_of_whoever_is_not_helped_any_more_ends_and_the_reps_goes_on(single):
    maria, ion = join(single, "Maria"), join(single, "Ion")
    single.admit(single.rep, ion)
    mine, hers = single.offer(single.rep, VIDEO), single.offer(maria, VIDEO)
    single.select(single.rep, ion)
    assert ends(single, ion) == [(hers, ActivityEnd.CUSTOMER_SWITCHED)]
    assert set(single.session.activities) == {mine}
    assert refusal(single.offer, maria, VIDEO) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-7.6")
def test_a_closed_page_and_a_leaver_have_no_camera_and_a_lost_line_keeps_it(scene):
    maria = scene.join("Maria")
    hers = scene.offer(maria, VIDEO)
    scene.connection(maria, Connection.LOST)
    assert hers in scene.session.activities
    scene.connection(maria, Connection.ONLINE)
    scene.connection(maria, Connection.CLOSED_PAGE)
    assert ends(scene, scene.rep) == [(hers, ActivityEnd.PAGE_RELOADED)]
    scene.connection(maria, Connection.ONLINE)
    hers = scene.offer(maria, VIDEO)
    scene.leave(maria)
    assert ends(scene, scene.rep)[-1] == (hers, ActivityEnd.PARTICIPANT_LEFT)


def test_only_the_owner_says_that_his_camera_has_gone_or_pauses(scene):
    maria = scene.join("Maria")
    hers = scene.offer(maria, VIDEO)
    assert refusal(scene.stop, scene.rep, hers, ActivityEnd.SOURCE_ENDED) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.update, scene.rep, hers, paused=True) is ErrorCode.NOT_ALLOWED
    scene.update(maria, hers, paused=True)
    assert scene.session.activities[hers].paused
    scene.stop(maria, hers, ActivityEnd.SOURCE_ENDED)
    assert ends(scene, scene.rep) == [(hers, ActivityEnd.SOURCE_ENDED)]
