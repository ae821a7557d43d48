"""The rep shows his screen: who may begin it, who may stop it, what it may not stand beside, and what ends it."""

import pytest

from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState, Source
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.scene import Scene
from tests.unit.server_stub.state.test_session_rules import refusal

SHOW = ActivityKind.SHOW


@pytest.fixture
def scene() -> Scene:
    return Scene(Mode.SINGLE)


def running(scene: Scene, kind: ActivityKind = SHOW) -> list[str]:
    return [one.id for one in scene.session.activities.values() if one.kind is kind]


def why(scene: Scene, who: str, activity: str) -> ActivityEnd | None:
    told = [fact.activity for fact in scene.facts_told(who) if getattr(fact, "activity", None) is not None]
    return next(one.end for one in reversed(told) if one.id == activity)


@pytest.mark.rule("B-7.2")
def test_the_controller_shows_without_asking_and_everybody_sees_it(scene):
    maria = scene.join()
    helper = scene.assist()
    show = scene.offer(scene.rep, SHOW)
    activity = scene.session.activities[show]
    assert activity.state is ActivityState.RUNNING
    assert set(activity.seen_by) == {maria, helper}
    late = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, late)
    assert late in scene.session.activities[show].seen_by


@pytest.mark.rule("B-7.2", "B-7.9")
def test_nobody_else_shows_and_nobody_is_asked_for_it(scene):
    maria = scene.join()
    helper = scene.assist()
    for who in (maria, helper):
        assert refusal(scene.offer, who, SHOW) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, scene.rep, maria, SHOW) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, scene.rep, scene.rep, SHOW) is ErrorCode.NOT_ALLOWED
    scene.offer(scene.rep, SHOW)
    assert refusal(scene.offer, scene.rep, SHOW) is ErrorCode.ACTIVITY_BUSY


def test_one_screen_at_a_time(scene):
    maria = scene.join()
    view = scene.ask(scene.rep, maria)
    assert refusal(scene.offer, scene.rep, SHOW) is ErrorCode.ACTIVITY_BUSY
    scene.answer(maria, view, True)
    assert refusal(scene.offer, scene.rep, SHOW) is ErrorCode.ACTIVITY_BUSY
    scene.stop(maria, view)
    show = scene.offer(scene.rep, SHOW)
    assert refusal(scene.ask, scene.rep, maria) is ErrorCode.ACTIVITY_BUSY
    assert refusal(scene.offer, maria) is ErrorCode.ACTIVITY_BUSY
    scene.stop(scene.rep, show)
    assert scene.offer(maria)


@pytest.mark.rule("B-7.2")
def test_the_rep_and_the_customer_he_helps_stop_it_and_nobody_else_does(scene):
    maria = scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    helper = scene.assist()
    show = scene.offer(scene.rep, SHOW)
    for who in (ion, helper):
        assert refusal(scene.stop, who, show) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.stop, maria, show, ActivityEnd.SOURCE_ENDED) is ErrorCode.NOT_ALLOWED
    scene.stop(maria, show)
    assert why(scene, ion, show) is ActivityEnd.STOPPED
    again = scene.offer(scene.rep, SHOW)
    scene.stop(scene.rep, again, ActivityEnd.SOURCE_ENDED)
    assert why(scene, maria, again) is ActivityEnd.SOURCE_ENDED


@pytest.mark.rule("B-7.2")
def test_only_its_owner_pauses_it_or_switches_its_source(scene):
    maria = scene.join()
    show = scene.offer(scene.rep, SHOW)
    assert refusal(scene.update, maria, show, paused=True) is ErrorCode.NOT_ALLOWED
    scene.update(scene.rep, show, paused=True, source=Source.WINDOW, width=800, height=600)
    activity = scene.session.activities[show]
    assert (activity.paused, activity.source, activity.width) == (True, Source.WINDOW, 800)


@pytest.mark.rule("B-7.2", "B-5.3")
def test_another_customer_is_helped(scene):
    scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    show = scene.offer(scene.rep, SHOW)
    scene.select(scene.rep, ion)
    assert not running(scene)
    assert why(scene, ion, show) is ActivityEnd.CUSTOMER_SWITCHED


@pytest.mark.rule("B-7.2", "B-9.4")
def test_control_moves(scene):
    maria = scene.join()
    helper = scene.assist()
    show = scene.offer(scene.rep, SHOW)
    scene.transfer_control(scene.rep, helper)
    assert not running(scene)
    assert why(scene, maria, show) is ActivityEnd.CONTROL_TRANSFERRED
    assert refusal(scene.offer, scene.rep, SHOW) is ErrorCode.NOT_ALLOWED
    assert scene.offer(helper, SHOW)


@pytest.mark.rule("B-7.2")
def test_the_session_is_passed_on(scene):
    maria = scene.join()
    show = scene.offer(scene.rep, SHOW)
    scene.pass_on(scene.rep, agents=("Dan",))
    assert not running(scene)
    assert why(scene, maria, show) is ActivityEnd.SESSION_TRANSFERRED
    dan = scene.accept("Dan")
    assert scene.session.participants[dan].role is Role.CONTROLLER
    assert scene.offer(dan, SHOW)
