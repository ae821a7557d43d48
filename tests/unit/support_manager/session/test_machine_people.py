"""The session machine with several people: control moves, customers wait and are chosen, sessions leave us."""

from typing import Any

import msgspec
import pytest

from support_manager.events import Happening, LeftWhy
from support_manager.protocol import events as wire
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    Connection,
    LeaveReason,
    Mark,
    MarkKind,
    Mode,
    ParticipantView,
    Place,
    SessionView,
    TransferTarget,
    TransferView,
)
from support_manager.session.machine import SessionMachine, came_by_queue
from support_manager.session.outcome import Outcome


def person(name: str, role: Role, **changes: Any) -> ParticipantView:
    made = ParticipantView(id=name, role=role, name=name.title(), connection=Connection.ONLINE, joined_at=1)
    return msgspec.structs.replace(made, **changes)


ANA = person("ana", Role.CONTROLLER)
BOB = person("bob", Role.ASSISTANT)
EVA = person("eva", Role.ASSISTANT)
ION = person("ion", Role.PRIMARY)
IDA = person("ida", Role.SECONDARY)


def now(someone: ParticipantView, **changes: Any) -> wire.ParticipantChanged:
    return wire.ParticipantChanged(participant=msgspec.structs.replace(someone, **changes))


class Screen:
    """What one of the reps sees of a session with everybody in it."""

    def __init__(self, you: str = "ana") -> None:
        self.machine = SessionMachine(
            SessionView(
                id="s1", number="482119903", mode=Mode.SINGLE, state=SessionState.ACTIVE, seq=1, started_at=1, you=you,
                participants=(ANA, BOB, EVA, ION, IDA),
            )
        )  # fmt: skip
        self.seq = 1

    def __call__(self, *facts: Any) -> Outcome:
        whole = Outcome()
        for fact in facts:
            self.seq += 1
            whole.add(self.machine.apply(wire.SessionEvent(session_id="s1", seq=self.seq, at=0, fact=fact)))
        return whole

    def told(self, *facts: Any) -> list[tuple[Happening, str]]:
        return [(each.what, each.name) for each in self(*facts).attention]


def control(former: ParticipantView, heir: ParticipantView) -> tuple[Any, ...]:
    """What the relay tells of Transfer Control, in its order."""
    return (
        now(former, role=Role.ASSISTANT),
        now(heir, role=Role.CONTROLLER),
        wire.MarkAdded(mark=Mark(seq=90, at=0, kind=MarkKind.CONTROL, name=heir.name, former=former.name)),
    )


@pytest.mark.rule("B-9.2", "B-9.3")
@pytest.mark.parametrize(
    ("you", "told"),
    [
        ("ana", [(Happening.CONTROL_GONE, "Bob")]),
        ("bob", [(Happening.CONTROL_GIVEN, "Ana")]),
        ("eva", [(Happening.CONTROL_MOVED, "Bob")]),
    ],
)
def test_each_rep_reads_of_control_what_concerns_him(you: str, told: list[tuple[Happening, str]]) -> None:
    screen = Screen(you)
    assert screen.told(*control(ANA, BOB)) == told
    shown = screen.machine.snapshot()
    assert shown.controller is not None
    assert shown.controller.id == "bob"
    assert shown.has_control is screen.machine.is_hub is (you == "bob")
    assert [each.id for each in shown.assistants] == ["ana", "eva"]
    back = screen.told(*control(BOB, ANA))
    assert [what for what, _ in back] == [
        {"ana": Happening.CONTROL_GIVEN, "bob": Happening.CONTROL_GONE, "eva": Happening.CONTROL_MOVED}[you]
    ]


@pytest.mark.rule("B-9.2")
@pytest.mark.parametrize("you", ["ana", "bob", "eva"])
def test_control_that_moved_while_we_were_away_is_told_once(you: str) -> None:
    screen = Screen(you)
    people = (msgspec.structs.replace(ANA, role=Role.ASSISTANT), msgspec.structs.replace(BOB, role=Role.CONTROLLER))
    screen.machine.hold()
    screen(*control(ANA, BOB)[:1])
    mark = control(ANA, BOB)[2].mark
    newer = msgspec.structs.replace(screen.machine.view, seq=9, participants=(*people, EVA, ION, IDA), marks=(mark,))
    outcome = screen.machine.take_snapshot(newer)
    expected = {"ana": Happening.CONTROL_GONE, "bob": Happening.CONTROL_GIVEN, "eva": Happening.CONTROL_MOVED}[you]
    assert [each.what for each in outcome.attention] == [expected]
    assert screen.machine.view.marks == (mark,)


@pytest.mark.rule("B-7.9")
def test_only_the_controller_is_asked_for_control() -> None:
    assert Screen("ana").told(now(BOB, asks_control=True)) == [(Happening.ASKS_CONTROL, "Bob")]
    assert Screen("eva").told(now(BOB, asks_control=True)) == []
    assert Screen("bob").told(now(BOB, asks_control=True)) == []


@pytest.mark.rule("B-7.9")
def test_a_refused_question_is_told_and_one_taken_back_is_not() -> None:
    bob = Screen("bob")
    bob.machine.withdrew(False)
    assert bob.told(now(BOB, asks_control=True), now(BOB)) == [(Happening.CONTROL_REFUSED, "Ana")]
    bob.machine.withdrew(True)
    assert bob.told(now(BOB, asks_control=True), now(BOB)) == []
    eva = Screen("eva")
    assert eva.told(now(BOB, asks_control=True), now(BOB)) == [], "no business of hers"
    given = Screen("bob")
    assert given.told(now(BOB, asks_control=True), *control(ANA, BOB)) == [(Happening.CONTROL_GIVEN, "Ana")]


@pytest.mark.rule("B-2.5")
def test_who_waits_is_told_and_has_joined_once_he_is_let_in() -> None:
    screen = Screen()
    leo = person("leo", Role.WAITING)
    assert screen.told(wire.ParticipantJoined(participant=leo)) == [(Happening.WAITING, "Leo")]
    shown = screen.machine.snapshot()
    assert shown.waiting == (leo,)
    assert leo not in shown.customers
    assert screen.told(now(leo, role=Role.SECONDARY)) == [(Happening.JOINED, "Leo")]
    assert screen.machine.snapshot().waiting == ()
    assert [each.id for each in screen.machine.snapshot().customers] == ["ion", "ida", "leo"]
    mia = person("mia", Role.WAITING)
    screen(wire.ParticipantJoined(participant=mia))
    assert screen.told(wire.ParticipantLeft(participant_id="mia", reason=LeaveReason.REMOVED)) == [
        (Happening.LEFT, "Mia")
    ]


@pytest.mark.rule("B-1.2", "B-5.1")
def test_a_customer_who_is_chosen_is_the_one_being_helped() -> None:
    screen = Screen()
    told = screen.told(now(ION, role=Role.SECONDARY), now(IDA, role=Role.PRIMARY))
    assert told == [(Happening.CUSTOMER_SELECTED, "Ida")]
    customer = screen.machine.snapshot().customer
    assert customer is not None
    assert customer.id == "ida"


@pytest.mark.rule("B-8.1")
def test_an_assistant_who_comes_is_no_customer() -> None:
    screen = Screen()
    assert screen.told(wire.ParticipantJoined(participant=person("max", Role.ASSISTANT))) == [
        (Happening.ASSISTANT_JOINED, "Max")
    ]
    assert "max" in [each.id for each in screen.machine.snapshot().assistants]
    assert screen.told(wire.ParticipantLeft(participant_id="max", reason=LeaveReason.LEFT)) == [(Happening.LEFT, "Max")]


def passed_on(screen: Screen) -> Outcome:
    return screen(
        wire.ParticipantLeft(participant_id="ana", reason=LeaveReason.LEFT),
        wire.MarkAdded(mark=Mark(seq=90, at=0, kind=MarkKind.PASSED_ON, former="Ana", queue="Support")),
        wire.SessionChanged(
            state=SessionState.QUEUED,
            transfer=TransferView(to=TransferTarget.QUEUE, since=5, queue_name="Support", former="Ana"),
        ),
    )


@pytest.mark.rule("B-10.3")
def test_who_passes_a_session_on_is_out_of_it_and_the_assistants_are_told() -> None:
    ana, bob = Screen("ana"), Screen("bob")
    assert passed_on(ana).left is LeftWhy.TRANSFERRED
    assert ana.machine.snapshot().role is Role.SIGNED_IN
    outcome = passed_on(bob)
    assert outcome.left is None
    assert [(each.what, each.name) for each in outcome.attention] == [(Happening.PASSED_ON, "Ana")]
    shown = bob.machine.snapshot()
    assert shown.controller is None
    assert shown.view.transfer is not None
    assert shown.view.transfer.queue_name == "Support"


@pytest.mark.rule("B-10.4")
def test_an_agent_who_accepts_is_in_charge() -> None:
    bob = Screen("bob")
    passed_on(bob)
    accepted = (
        wire.ParticipantJoined(participant=person("max", Role.CONTROLLER)),
        wire.MarkAdded(mark=Mark(seq=91, at=0, kind=MarkKind.ACCEPTED, name="Max", former="Ana")),
        wire.SessionChanged(state=SessionState.ACTIVE),
    )
    assert bob.told(*accepted) == [(Happening.CONTROL_MOVED, "Max")]
    assert bob.machine.view.transfer is None
    assert came_by_queue(bob.machine.view)
    himself = Screen("bob")
    passed_on(himself)
    assert himself.told(now(BOB, role=Role.CONTROLLER)) == [(Happening.CONTROL_GIVEN, "Ana")]
    assert himself.machine.is_hub


def test_a_place_in_line_ends_with_the_waiting() -> None:
    bob = Screen("bob")
    passed_on(bob)
    bob.machine.take_snapshot(msgspec.structs.replace(bob.machine.view, seq=20, place=Place(place=1)))
    assert bob.machine.take_place(Place(place=2, wait_s=60)).changed
    assert not bob.machine.take_place(Place(place=2, wait_s=60)).changed
    assert bob.machine.view.place == Place(place=2, wait_s=60)
    bob.seq = 20
    bob(wire.SessionChanged(state=SessionState.ACTIVE))
    assert bob.machine.view.place is None
    assert not bob.machine.take_place(Place(place=1)).changed, "one that came too late"


@pytest.mark.rule("B-12.1")
@pytest.mark.parametrize(
    ("you", "reason", "why"),
    [
        ("bob", LeaveReason.LEFT, LeftWhy.LEFT),
        ("bob", LeaveReason.LOST, LeftWhy.REMOVED),
        ("bob", LeaveReason.REMOVED, LeftWhy.REMOVED),
        ("ana", LeaveReason.LOST, LeftWhy.TRANSFERRED),
    ],
)
def test_why_a_session_goes_on_without_us(you: str, reason: LeaveReason, why: LeftWhy) -> None:
    outcome = Screen(you)(wire.ParticipantLeft(participant_id=you, reason=reason))
    assert outcome.left is why
    assert outcome.attention == [], "nobody is told that he himself has left"


@pytest.mark.rule("B-12.6")
def test_a_lost_controller_is_told_apart_from_a_lost_customer() -> None:
    lost = Connection.LOST
    assert Screen("bob").told(wire.ParticipantConnection(participant_id="ana", connection=lost)) == [
        (Happening.CONTROLLER_LOST, "Ana")
    ]
    assert Screen("bob").told(wire.ParticipantConnection(participant_id="ion", connection=lost)) == [
        (Happening.LOST, "Ion")
    ]
