"""Files as activities: who offers whom, who answers, pauses and stops, who hears of it, and what ends a transfer."""

import msgspec
import pytest

from server_stub.records import file_acts
from server_stub.state import files
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import Mode
from tests.harness.scene import FILE_RULES, Scene
from tests.unit.server_stub.state.test_session_rules import refusal


@pytest.fixture
def scene() -> Scene:
    made = Scene(Mode.SINGLE)
    takes_files(made, made.rep)
    return made


def takes_files(scene: Scene, who: str) -> None:
    person = scene.person(who)
    person.device = msgspec.structs.replace(person.device, file_key="k" * 87)


def customer(scene: Scene, name: str = "Maria", request_id: str = "join-request-0001") -> str:
    made = scene.join(name, request_id)
    takes_files(scene, made)
    return made


def offer(scene: Scene, who: str, size: int = 10, rules: files.FileRules = FILE_RULES) -> str:
    return scene.offer_file(who, size, rules)


def why(scene: Scene, who: str, activity: str) -> ActivityEnd | None:
    told = [fact.activity for fact in scene.facts_told(who) if getattr(fact, "activity", None) is not None]
    return next((one.end for one in reversed(told) if one.id == activity), None)


@pytest.mark.rule("B-7.5")
def test_the_receiver_says_yes_to_every_file_and_nobody_else_can(scene):
    maria, helper = customer(scene), scene.assist()
    for sender, receiver in ((scene.rep, maria), (maria, scene.rep)):
        one = offer(scene, sender)
        assert scene.session.activities[one].state is ActivityState.ASKED
        for other in (sender, helper):
            assert refusal(scene.answer, other, one, True) is ErrorCode.NOT_ALLOWED
        scene.answer(receiver, one, True)
        assert scene.session.activities[one].state is ActivityState.RUNNING
        assert refusal(scene.stop, sender, one, ActivityEnd.FINISHED) is ErrorCode.NOT_ALLOWED
        scene.stop(receiver, one, ActivityEnd.FINISHED)
        assert why(scene, sender, one) is ActivityEnd.FINISHED
        assert why(scene, helper, one) is None, "only the two ends know of it"


@pytest.mark.rule("B-7.5")
def test_assistants_and_second_customers_neither_send_nor_get_nor_stop(scene):
    maria, helper = customer(scene), scene.assist()
    ion = customer(scene, "Ion", "join-request-0002")
    scene.admit(scene.rep, ion)
    for who in (helper, ion):
        assert refusal(offer, scene, who) is ErrorCode.NOT_ALLOWED
    one = offer(scene, scene.rep)
    for who in (helper, ion):
        assert refusal(scene.stop, who, one) is ErrorCode.NOT_ALLOWED
    scene.answer(maria, one, True)
    assert refusal(scene.update, helper, one, paused=True) is ErrorCode.NOT_ALLOWED
    for end in (maria, scene.rep):
        scene.update(end, one, paused=True)
        assert scene.session.activities[one].paused
        scene.update(end, one, paused=False)


def test_what_the_administrator_allows_is_kept(scene):
    maria = customer(scene)
    assert refusal(offer, scene, maria, 1_001) is ErrorCode.FILE_TOO_LARGE
    assert refusal(offer, scene, maria, 1, FILE_RULES._replace(size_bytes=0)) is ErrorCode.FILES_OFF
    first, _ = offer(scene, maria), offer(scene, maria)
    assert refusal(offer, scene, maria) is ErrorCode.FILES_FULL, "two at once"
    scene.answer(scene.rep, first, False)
    offer(scene, maria)
    assert refusal(offer, scene, maria) is ErrorCode.FILES_FULL


@pytest.mark.rule("B-9.4", "B-7.5")
def test_transfer_control_ends_every_file_asked_or_running(scene):
    maria, helper = customer(scene), scene.assist()
    asked, running = offer(scene, scene.rep), offer(scene, maria)
    scene.answer(scene.rep, running, True)
    former = scene.rep
    scene.transfer_control(former, helper)
    assert {why(scene, maria, one) for one in (asked, running)} == {ActivityEnd.CONTROL_TRANSFERRED}
    assert not [one for one in scene.session.activities.values() if one.kind is ActivityKind.FILE]


@pytest.mark.rule("B-10.3", "B-7.5")
def test_transfer_session_ends_every_file(scene):
    maria = customer(scene)
    running = offer(scene, maria)
    scene.answer(scene.rep, running, True)
    scene.pass_on(scene.rep, queue="support")
    assert why(scene, maria, running) is ActivityEnd.SESSION_TRANSFERRED


@pytest.mark.rule("B-7.5")
def test_offer_yes_and_end_are_on_record_once_and_without_a_name(scene):
    maria = customer(scene)
    first, second = offer(scene, scene.rep, 777), offer(scene, maria)
    scene.answer(maria, first, True)
    scene.update(scene.rep, first, paused=True)
    scene.update(maria, first, paused=False)
    scene.stop(maria, first, ActivityEnd.FINISHED)
    scene.answer(scene.rep, second, False)
    found = [act for entry in scene.journal for act in file_acts(scene.session, entry)]
    assert [(act.kind, act.who) for act in found] == [
        ("file_offered", "account-ana"),
        ("file_offered", "customer"),
        ("file_accepted", "customer"),
        ("file_arrived", "customer"),
        ("file_declined", "account-ana"),
    ]
    assert "777 bytes" in found[0].what
    assert not any("sealed" in act.what for act in found)
