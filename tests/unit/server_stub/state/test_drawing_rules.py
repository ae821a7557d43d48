"""Playbooks of drawing on a shared view: who may, while what is shown, and everything that ends it (B-7.3, B-9.4)."""

import pytest

from server_stub.state.refused import Refused
from support_manager.protocol.activities import ACTIVITIES, ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import ActivityView, Connection, Mode
from tests.harness.scene import Scene

DRAW, VIEW = ActivityKind.DRAW, ActivityKind.VIEW


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


def drawn(mode=Mode.MULTI):
    """A session in which the rep draws on what the customer shows."""
    scene = Scene(mode)
    maria = scene.join()
    view = scene.offer(maria)
    return scene, maria, view, scene.offer(scene.rep, DRAW)


def end_of(scene, activity_id):
    """How everybody was told that it ended; all the same."""
    ends = set()
    for who in scene.told:
        for fact in scene.facts_told(who):
            activity = getattr(fact, "activity", None)
            if activity is not None and activity.id == activity_id and activity.state is ActivityState.ENDED:
                ends.add(activity.end)
    assert activity_id not in scene.session.activities
    assert activity_id not in scene.rebuilt().activities, "nor after a restart of the relay"
    return ends


@pytest.mark.rule("B-7.3")
def test_the_controller_draws_only_on_what_the_customer_shows():
    scene = Scene()
    maria = scene.join()
    dan = scene.assist()
    assert refusal(scene.offer, scene.rep, DRAW) is ErrorCode.ACTIVITY_UNKNOWN
    view = scene.ask(scene.rep, maria)
    assert refusal(scene.offer, scene.rep, DRAW) is ErrorCode.ACTIVITY_UNKNOWN, "asked for is not shown"
    scene.answer(maria, view, True)
    drawing = scene.session.activities[scene.offer(scene.rep, DRAW)]
    assert drawing.state is ActivityState.RUNNING, "consent came with the view"
    assert set(drawing.seen_by) == {maria, dan}
    assert refusal(scene.offer, scene.rep, DRAW) is ErrorCode.ACTIVITY_BUSY
    assert refusal(scene.offer, dan, DRAW) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.offer, maria, DRAW) is ErrorCode.ACTIVITY_UNKNOWN, "what he shows is not the rep's to see"
    assert refusal(scene.ask, scene.rep, maria, DRAW) is ErrorCode.NOT_ALLOWED


def test_the_primary_customer_draws_only_on_what_the_rep_shows():
    scene = Scene(Mode.SINGLE)
    maria = scene.join()
    eva = scene.join("Eva", "join-request-0002")
    scene.admit(scene.rep, eva)
    show = ActivityView(
        id="show", kind=ActivityKind.SHOW, state=ActivityState.RUNNING, asked_by=scene.rep, subject=scene.rep
    )
    scene.session.activities["show"] = show
    assert refusal(scene.offer, eva, DRAW) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.offer, scene.rep, DRAW) is ErrorCode.ACTIVITY_UNKNOWN
    drawing = scene.offer(maria, DRAW)
    assert set(scene.session.activities[drawing].seen_by) == {scene.rep, eva}
    scene.stop(scene.rep, "show")
    assert end_of(scene, drawing) == {ActivityEnd.VIEW_ENDED}


@pytest.mark.rule("B-7.3")
@pytest.mark.parametrize("who", ["rep", "customer"])
def test_either_side_stops_it_and_the_view_goes_on(who):
    scene, maria, view, drawing = drawn()
    scene.stop(scene.rep if who == "rep" else maria, drawing)
    assert end_of(scene, drawing) == {ActivityEnd.STOPPED}
    assert scene.session.activities[view].state is ActivityState.RUNNING
    assert scene.offer(scene.rep, DRAW) != drawing, "and may begin again"


@pytest.mark.rule("B-7.3")
def test_it_ends_with_the_view_however_that_ends():
    ways = {
        "customer": lambda scene, maria, view: scene.stop(maria, view),
        "rep": lambda scene, maria, view: scene.stop(scene.rep, view),
        "browser": lambda scene, maria, view: scene.stop(maria, view, ActivityEnd.SOURCE_ENDED),
        "reload": lambda scene, maria, view: scene.connection(maria, Connection.CLOSED_PAGE),
        "leaves": lambda scene, maria, view: scene.leave(maria),
    }
    for name, act in ways.items():
        scene, maria, view, drawing = drawn()
        act(scene, maria, view)
        assert end_of(scene, drawing) == {ActivityEnd.VIEW_ENDED}, name


@pytest.mark.rule("B-7.3", "B-9.4")
def test_both_transfers_the_switch_and_the_end_end_it():
    scene, _, _, drawing = drawn()
    scene.transfer_control(scene.rep, scene.assist())
    assert end_of(scene, drawing) == {ActivityEnd.CONTROL_TRANSFERRED}
    scene, _, _, drawing = drawn()
    scene.pass_on(scene.rep, queue="support")
    assert end_of(scene, drawing) == {ActivityEnd.SESSION_TRANSFERRED}
    scene, _, _, drawing = drawn(Mode.SINGLE)
    eva = scene.join("Eva", "join-request-0002")
    scene.admit(scene.rep, eva)
    scene.select(scene.rep, eva)
    assert end_of(scene, drawing) == {ActivityEnd.CUSTOMER_SWITCHED}
    scene, _, _, drawing = drawn()
    scene.end(scene.rep)
    assert end_of(scene, drawing) == {ActivityEnd.SESSION_ENDED}


def test_a_pause_and_a_lost_connection_end_no_drawing():
    scene, maria, view, drawing = drawn()
    scene.update(maria, view, paused=True)
    scene.connection(maria, Connection.LOST)
    scene.connection(scene.rep, Connection.LOST)
    assert scene.session.activities[drawing].state is ActivityState.RUNNING


@pytest.mark.rule("B-7.3")
def test_whoever_comes_while_somebody_draws_sees_it_too():
    scene, _, _, drawing = drawn()
    dan = scene.assist()
    assert dan in scene.session.activities[drawing].seen_by
    scene.leave(dan)
    assert dan not in scene.session.activities[drawing].seen_by
    assert scene.session.activities[drawing].state is ActivityState.RUNNING


def test_every_end_of_a_drawing_stands_in_the_table():
    assert ActivityEnd.VIEW_ENDED in ACTIVITIES[DRAW].ended_by
