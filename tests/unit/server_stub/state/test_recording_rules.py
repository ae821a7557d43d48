"""Playbooks of a recording's rules (B-7.8): who asks, who agrees every time, who stops it, what it outlives."""

import pytest

from server_stub.records import recording_acts
from server_stub.state.refused import Refused
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import Connection, Mode
from tests.harness.scene import Scene

RECORDING = ActivityKind.RECORDING


@pytest.fixture
def scene():
    return Scene()


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


def state_of(scene, recording):
    found = scene.session.activities.get(recording)
    return ActivityState.ENDED if found is None else found.state


def running(scene, customer):
    recording = scene.ask(scene.rep, customer, RECORDING)
    scene.answer(customer, recording, True)
    assert state_of(scene, recording) is ActivityState.RUNNING
    return recording


def acts(scene):
    found = [act for entry in scene.journal for act in recording_acts(scene.session, entry)]
    return [(act.kind, act.who) for act in found]


@pytest.mark.rule("B-7.8")
def test_the_controller_asks_and_the_primary_customer_agrees_every_time(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    assert refusal(scene.ask, bogdan, maria, RECORDING) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, maria, scene.rep, RECORDING) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.ask, scene.rep, bogdan, RECORDING) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.offer, scene.rep, RECORDING) is ErrorCode.NOT_ALLOWED
    for _ in range(2):
        recording = scene.ask(scene.rep, maria, RECORDING)
        assert refusal(scene.answer, scene.rep, recording, True) is ErrorCode.NOT_ALLOWED
        assert state_of(scene, recording) is ActivityState.ASKED
        scene.answer(maria, recording, True)
        scene.stop(scene.rep, recording)


@pytest.mark.rule("B-7.8")
def test_everybody_in_the_session_is_told_that_it_runs():
    scene = Scene(Mode.SINGLE)
    maria = scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    bogdan = scene.assist("Bogdan")
    recording = running(scene, maria)
    for who in (maria, ion, bogdan, scene.rep):
        assert any(one.id == recording for one in scene.view(who).activities), who
    assert set(scene.session.activities[recording].seen_by) == {scene.rep, ion, bogdan}


@pytest.mark.rule("B-7.8")
def test_a_refused_recording_never_runs(scene):
    maria = scene.join()
    recording = scene.ask(scene.rep, maria, RECORDING)
    scene.answer(maria, recording, False)
    assert state_of(scene, recording) is ActivityState.ENDED
    assert refusal(scene.answer, maria, recording, True) is ErrorCode.ACTIVITY_UNKNOWN
    assert acts(scene) == [("recording_asked", "account-ana"), ("recording_refused", "customer")]


@pytest.mark.rule("B-7.8")
def test_any_customer_stops_it_and_an_assistant_does_not():
    scene = Scene(Mode.SINGLE)
    maria = scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    bogdan = scene.assist("Bogdan")
    for who in (scene.rep, maria, ion):
        recording = running(scene, maria)
        assert refusal(scene.stop, bogdan, recording) is ErrorCode.NOT_ALLOWED
        scene.stop(who, recording)
        assert state_of(scene, recording) is ActivityState.ENDED


@pytest.mark.rule("B-7.8")
def test_there_is_one_in_a_session_whoever_agreed_to_it():
    scene = Scene(Mode.SINGLE)
    maria = scene.join()
    ion = scene.join("Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    running(scene, maria)
    scene.select(scene.rep, ion)
    assert refusal(scene.ask, scene.rep, ion, RECORDING) is ErrorCode.ACTIVITY_BUSY


@pytest.mark.rule("B-7.8", "B-9.4")
def test_it_ends_by_either_transfer_and_by_the_end(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    recording = running(scene, maria)
    scene.transfer_control(scene.rep, bogdan)
    assert state_of(scene, recording) is ActivityState.ENDED
    again = scene.ask(bogdan, maria, RECORDING)
    scene.answer(maria, again, True)
    scene.pass_on(bogdan, queue="support")
    assert state_of(scene, again) is ActivityState.ENDED

    other = Scene()
    his = running(other, other.join())
    other.end(other.rep)
    assert state_of(other, his) is ActivityState.ENDED


@pytest.mark.rule("B-7.8")
def test_a_lost_link_or_a_reload_does_not_end_it(scene):
    maria = scene.join()
    recording = running(scene, maria)
    for who in (maria, scene.rep):
        for connection in (Connection.LOST, Connection.ONLINE):
            scene.connection(who, connection)
    scene.connection(maria, Connection.CLOSED_PAGE)
    scene.connection(maria, Connection.ONLINE)
    assert state_of(scene, recording) is ActivityState.RUNNING
    scene.leave(maria)
    assert state_of(scene, recording) is ActivityState.ENDED, "who agreed to it is gone for good"


@pytest.mark.rule("B-7.8")
def test_consent_start_and_stop_are_on_record_once(scene):
    maria = scene.join()
    recording = running(scene, maria)
    scene.assist("Bogdan")  # is named among those who know of it: no new consent
    scene.stop(maria, recording)
    assert acts(scene) == [
        ("recording_asked", "account-ana"),
        ("recording_allowed", "customer"),
        ("recording_started", "account-ana"),
        ("recording_stopped", "customer"),
    ]
    # Of several customers: which one said yes, and which one stopped it.
    records = [act for entry in scene.journal for act in recording_acts(scene.session, entry)]
    of_whom = [f"customer {maria}" in act.what for act in records if act.kind != "recording_started"]
    assert of_whom == [True, True, True]


@pytest.mark.rule("B-7.8")
def test_a_recording_that_was_only_asked_for_is_not_on_record_as_stopped(scene):
    maria = scene.join()
    scene.stop(scene.rep, scene.ask(scene.rep, maria, ActivityKind.RECORDING))
    assert acts(scene) == [("recording_asked", "account-ana"), ("recording_lapsed", "account-ana")]


def test_nobody_holds_or_changes_a_recording(scene):
    maria = scene.join()
    recording = running(scene, maria)
    assert refusal(scene.update, maria, recording, paused=True) is ErrorCode.NOT_SUPPORTED
    assert refusal(scene.stop, maria, recording, ActivityEnd.CONTROL_TRANSFERRED) is ErrorCode.NOT_ALLOWED
