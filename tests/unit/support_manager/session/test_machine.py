"""The session machine: playbooks of what happens, and any order of events at all."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support_manager.events import Happening, LineState, Picture
from support_manager.protocol import events as wire
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    ChatLine,
    Connection,
    EndReason,
    LeaveReason,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.session.machine import SessionMachine, online_customers, primary_of
from support_manager.session.outcome import Outcome

REP = ParticipantView(id="rep", role=Role.CONTROLLER, name="Ana", connection=Connection.ONLINE, joined_at=1)
ION = ParticipantView(id="ion", role=Role.PRIMARY, name="Ion", connection=Connection.ONLINE, joined_at=2)


def view(**changes: Any) -> SessionView:
    base = SessionView(
        id="s1",
        number="482119903",
        mode=Mode.MULTI,
        state=SessionState.WAITING,
        seq=0,
        started_at=1,
        you="rep",
        participants=(REP,),
    )
    return msgspec.structs.replace(base, **changes)


def line(name: str, seq: int, sender: ParticipantView = ION) -> ChatLine:
    return ChatLine(
        id=name,
        seq=seq,
        at=seq,
        sender=sender.id,
        sender_name=sender.name,
        sender_role=sender.role,
        text=f"text {name}",
    )


def share(state: ActivityState, name: str = "a1", **changes: Any) -> ActivityView:
    base = ActivityView(id=name, kind=ActivityKind.VIEW, state=state, asked_by="rep", subject="ion")
    return msgspec.structs.replace(base, **changes)


class Play:
    """A machine and a counter: each fact gets the next number."""

    def __init__(self, first: SessionView) -> None:
        self.machine = SessionMachine(first)
        self.seq = first.seq

    def __call__(self, fact: Any) -> Outcome:
        self.seq += 1
        return self.machine.apply(wire.SessionEvent(session_id="s1", seq=self.seq, at=0, fact=fact))

    def happened(self, fact: Any) -> list[Happening]:
        return [each.what for each in self(fact).attention]


@pytest.fixture
def play() -> Play:
    return Play(view())


@pytest.fixture
def joined() -> Play:
    return Play(view(participants=(REP, ION), state=SessionState.ACTIVE))


@pytest.mark.rule("B-6.2")
def test_who_comes_and_goes_is_noticed_by_name(play: Play) -> None:
    outcome = play(wire.ParticipantJoined(participant=ION))
    assert [(each.what, each.name) for each in outcome.attention] == [(Happening.JOINED, "Ion")]
    play(wire.SessionChanged(state=SessionState.ACTIVE))
    assert play.machine.snapshot().customer == ION
    assert play.machine.view.state is SessionState.ACTIVE
    outcome = play(wire.ParticipantLeft(participant_id="ion", reason=LeaveReason.LEFT))
    assert outcome.gone == ["ion"]
    assert [each.what for each in outcome.attention] == [Happening.LEFT]
    assert play.machine.snapshot().customer is None


@pytest.mark.rule("B-12.4")
def test_a_closed_page_is_told_apart_from_a_lost_connection(joined: Play) -> None:
    lost = wire.ParticipantConnection(participant_id="ion", connection=Connection.LOST)
    closed = wire.ParticipantConnection(participant_id="ion", connection=Connection.CLOSED_PAGE)
    back = wire.ParticipantConnection(participant_id="ion", connection=Connection.ONLINE)
    assert joined.happened(lost) == [Happening.LOST]
    assert online_customers(joined.machine.view) == []
    assert joined.happened(back) == [Happening.BACK]
    assert joined.happened(closed) == [Happening.CLOSED_PAGE]
    assert joined.happened(closed) == [], "said once"
    assert [each.id for each in online_customers(joined.machine.view)] == []


def test_our_own_comings_and_goings_are_no_news(joined: Play) -> None:
    assert joined.happened(wire.ParticipantConnection(participant_id="rep", connection=Connection.LOST)) == []
    assert joined.happened(wire.ChatAdded(line=line("mine", 9, REP))) == []


@pytest.mark.rule("B-7.1")
@pytest.mark.parametrize(
    ("end", "by", "noticed"),
    [
        (ActivityEnd.DENIED, "ion", [Happening.DENIED]),
        (ActivityEnd.PICKER_DISMISSED, "ion", [Happening.DENIED]),
        (ActivityEnd.STOPPED, "ion", [Happening.STOPPED]),
        (ActivityEnd.SOURCE_ENDED, "ion", [Happening.STOPPED]),
        (ActivityEnd.PAGE_RELOADED, "ion", [Happening.STOPPED]),
        (ActivityEnd.STOPPED, "rep", []),
        (ActivityEnd.CANCELLED, "rep", []),
    ],
)
def test_the_end_of_a_share_is_noticed_unless_it_was_ours(
    joined: Play, end: ActivityEnd, by: str, noticed: list[Happening]
) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.ASKED)))
    assert joined.machine.snapshot().share == share(ActivityState.ASKED)
    assert joined.happened(wire.ActivityChanged(activity=share(ActivityState.RUNNING))) == [Happening.SHARING]
    over = joined(wire.ActivityChanged(activity=share(ActivityState.ENDED, end=end, ended_by=by)))
    assert over.share_over == ["ion"]
    assert [each.what for each in over.attention] == noticed
    assert joined.machine.snapshot().share is None


@pytest.mark.rule("B-7.1")
@pytest.mark.parametrize(
    "end",
    [
        ActivityEnd.PAGE_RELOADED,
        ActivityEnd.SOURCE_ENDED,
        ActivityEnd.STOPPED,
        ActivityEnd.PARTICIPANT_LEFT,
        ActivityEnd.SESSION_TRANSFERRED,
    ],
)
def test_who_was_only_asked_never_stops_showing(joined: Play, end: ActivityEnd) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.ASKED)))
    over = joined(wire.ActivityChanged(activity=share(ActivityState.ENDED, end=end, ended_by="ion")))
    assert over.share_over == ["ion"], "the question is off the screen"
    assert over.attention == []
    assert joined.machine.snapshot().share is None


def test_a_question_that_is_gone_from_the_snapshot_or_with_the_customer_was_no_share_either(joined: Play) -> None:
    asked = joined.machine.view
    joined(wire.ActivityChanged(activity=share(ActivityState.ASKED)))
    anew = msgspec.structs.replace(asked, seq=joined.seq + 1)
    assert Happening.STOPPED not in [each.what for each in joined.machine.take_snapshot(anew).attention]
    assert joined.machine.share is None
    joined.seq += 1
    joined(wire.ActivityChanged(activity=share(ActivityState.ASKED)))
    assert joined.happened(wire.ParticipantLeft(participant_id="ion", reason=LeaveReason.LEFT)) == [Happening.LEFT]


def test_a_running_share_does_not_become_a_question_again(joined: Play) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.RUNNING)))
    joined(wire.ActivityChanged(activity=share(ActivityState.ASKED)))
    assert joined.machine.snapshot().share == share(ActivityState.RUNNING)


def test_a_change_of_a_running_share_is_no_news(joined: Play) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.RUNNING)))
    assert joined.happened(wire.ActivityChanged(activity=share(ActivityState.RUNNING, paused=True))) == []
    assert joined.machine.share is not None
    assert joined.machine.share.paused


def test_whoever_leaves_takes_his_share_along(joined: Play) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.RUNNING)))
    outcome = joined(wire.ParticipantLeft(participant_id="ion", reason=LeaveReason.CLOSED_PAGE))
    assert outcome.share_over == ["ion"]
    assert joined.machine.share is None


@pytest.mark.rule("B-7.4")
def test_a_line_of_ours_is_pending_until_it_stands_in_the_transcript(joined: Play) -> None:
    machine = joined.machine
    machine.add_pending("l1", "one")
    machine.add_pending("l2", "two")
    assert [each.text for each in machine.snapshot().pending] == ["one", "two"]
    joined(wire.ChatAdded(line=line("l1", 1, REP)))
    assert [each.id for each in machine.pending] == ["l2"]
    machine.fail("l2")
    assert [each.state for each in machine.pending] == [LineState.FAILED]


def test_a_confirmed_line_is_known_by_its_number_whichever_comes_first(joined: Play) -> None:
    machine = joined.machine
    machine.add_pending("l1", "one")
    machine.confirm("l1", 7)
    assert len(machine.pending) == 1, "the line itself is not here yet"
    joined(wire.ChatAdded(line=line("relay-id-1", 7, REP)))
    assert machine.pending == ()
    machine.add_pending("l2", "two")
    joined(wire.ChatAdded(line=line("relay-id-2", 8, REP)))
    assert machine.confirm("l2", 8).changed
    assert machine.pending == ()


def test_duplicates_and_other_sessions_change_nothing(joined: Play) -> None:
    event = wire.SessionEvent(session_id="s1", seq=1, at=0, fact=wire.ChatAdded(line=line("l1", 1)))
    assert joined.machine.apply(event).changed
    before = joined.machine.snapshot()
    again = joined.machine.apply(event)
    other = joined.machine.apply(msgspec.structs.replace(event, session_id="s2", seq=9))
    assert not again.changed
    assert not other.changed
    assert again.attention == other.attention == []
    assert joined.machine.snapshot() == before


@pytest.mark.rule("B-12.5")
def test_a_snapshot_after_a_gap_tells_what_was_missed(joined: Play) -> None:
    joined(wire.ChatAdded(line=line("l1", 1)))
    joined.machine.hold()
    newer = view(
        participants=(REP, msgspec.structs.replace(ION, connection=Connection.LOST)),
        state=SessionState.ACTIVE,
        seq=6,
        chat=(line("l2", 2),),
        activities=(share(ActivityState.RUNNING),),
    )
    outcome = joined.machine.take_snapshot(newer)
    assert [each.id for each in joined.machine.view.chat] == ["l1", "l2"], "the older part is still there"
    assert {each.what for each in outcome.attention} == {Happening.LOST, Happening.CHAT, Happening.SHARING}
    assert not outcome.ended


@pytest.mark.rule("B-12.5")
def test_events_that_overtake_the_snapshot_wait_for_it(joined: Play) -> None:
    joined.machine.hold()
    late = wire.SessionEvent(session_id="s1", seq=8, at=0, fact=wire.ChatAdded(line=line("l8", 8)))
    old = wire.SessionEvent(session_id="s1", seq=6, at=0, fact=wire.ChatAdded(line=line("l6", 6)))
    assert not joined.machine.apply(old).changed
    assert not joined.machine.apply(late).changed
    joined.machine.take_snapshot(view(participants=(REP, ION), seq=7, chat=(line("l6", 6), line("l7", 7))))
    assert [each.id for each in joined.machine.view.chat] == ["l6", "l7", "l8"]
    assert joined.machine.view.seq == 8


@pytest.mark.rule("B-12.1")
def test_the_end_has_a_reason_and_nothing_follows_it(joined: Play) -> None:
    joined(wire.ActivityChanged(activity=share(ActivityState.RUNNING)))
    joined.machine.set_picture(Picture.LIVE)
    outcome = joined(wire.SessionEnded(reason=EndReason.ENDED_BY_REP, by="rep"))
    assert outcome.ended is EndReason.ENDED_BY_REP
    assert outcome.share_over == ["ion"]
    assert joined.machine.snapshot().picture is Picture.NONE
    assert not joined(wire.ChatAdded(line=line("l9", 99))).changed


def test_an_end_while_we_were_away_is_told_with_its_reason(joined: Play) -> None:
    outcome = joined.machine.take_snapshot(view(seq=9, state=SessionState.ENDED, end_reason=EndReason.EXPIRED))
    assert outcome.ended is EndReason.EXPIRED


def test_an_older_snapshot_does_not_turn_time_back(joined: Play) -> None:
    joined.machine.take_snapshot(view(participants=(REP, ION), seq=5, chat=(line("l5", 5),)))
    assert not joined.machine.take_snapshot(view(seq=3)).changed
    assert primary_of(joined.machine.view) == ION


# --- any order at all

_people = st.sampled_from(["rep", "ion", "eva", "nobody"])


def _person(name: str, role: Role, connection: Connection) -> ParticipantView:
    return ParticipantView(id=name, role=role, name=name.title(), connection=connection, joined_at=0)


_views = st.builds(
    _person, _people, st.sampled_from([Role.CONTROLLER, Role.PRIMARY, Role.SECONDARY]), st.sampled_from(Connection)
)
_activity = st.builds(
    ActivityView,
    id=st.sampled_from(["a1", "a2"]),
    kind=st.sampled_from([ActivityKind.VIEW, ActivityKind.DRAW]),
    state=st.sampled_from(ActivityState),
    asked_by=_people,
    subject=_people,
    paused=st.booleans(),
    end=st.none() | st.sampled_from(ActivityEnd),
    ended_by=st.none() | _people,
)
_facts = st.one_of(
    st.builds(wire.ParticipantJoined, participant=_views),
    st.builds(wire.ParticipantChanged, participant=_views),
    st.builds(wire.ParticipantConnection, participant_id=_people, connection=st.sampled_from(Connection)),
    st.builds(wire.ParticipantLeft, participant_id=_people, reason=st.sampled_from(LeaveReason)),
    st.builds(wire.ActivityChanged, activity=_activity),
    st.integers(1, 9).map(lambda number: wire.ChatAdded(line=line(f"l{number}", number))),
    st.integers(1, 4).map(lambda number: wire.ChatAdded(line=line(f"p{number}", 20 + number, REP))),
    st.builds(wire.SessionChanged, state=st.sampled_from(SessionState), locked=st.booleans()),
    st.builds(wire.SessionEnded, reason=st.sampled_from(EndReason)),
)
_events = st.builds(
    wire.SessionEvent,
    session_id=st.sampled_from(["s1", "s1", "s1", "s2"]),
    seq=st.integers(0, 30),
    at=st.just(0),
    fact=_facts,
)
_snapshots = st.builds(
    view,
    seq=st.integers(0, 30),
    state=st.sampled_from(SessionState),
    participants=st.lists(_views, unique_by=lambda each: each.id, max_size=3).map(tuple),
    chat=st.lists(st.integers(1, 9).map(lambda number: line(f"l{number}", number)), unique_by=lambda each: each.id).map(
        tuple
    ),
)
_acts: st.SearchStrategy[Callable[[SessionMachine], Outcome | None]] = st.one_of(
    _events.map(lambda event: lambda machine: machine.apply(event)),
    _snapshots.map(lambda snapshot: lambda machine: machine.take_snapshot(snapshot)),
    st.just(lambda machine: machine.hold()),
    st.integers(1, 4).map(lambda number: lambda machine: machine.add_pending(f"p{number}", "text")),
    st.integers(1, 4).map(lambda number: lambda machine: machine.confirm(f"p{number}", 20 + number)),
    st.integers(1, 4).map(lambda number: lambda machine: machine.fail(f"p{number}")),
)


@given(st.lists(_acts, max_size=40))
@settings(max_examples=80, deadline=None)
def test_whatever_arrives_the_view_fits_together(acts: list[Callable[[SessionMachine], Outcome | None]]) -> None:
    machine = SessionMachine(view())
    seq, ended, lines = 0, 0, set[str]()
    for act in acts:
        outcome = act(machine)
        shown = machine.snapshot().view
        assert shown.seq >= seq, "time runs forward"
        seq = shown.seq
        assert len({each.id for each in shown.participants}) == len(shown.participants)
        assert len({each.id for each in shown.chat}) == len(shown.chat), "no line twice"
        assert [each.seq for each in shown.chat] == sorted(each.seq for each in shown.chat)
        assert lines <= {each.id for each in shown.chat}, "no line is lost"
        lines = {each.id for each in shown.chat}
        assert all(each.state is not ActivityState.ENDED for each in shown.activities)
        assert not lines & {each.id for each in machine.pending}, "a line is pending or said, never both"
        if outcome is not None and outcome.ended is not None:
            ended += 1
            assert machine.is_over
        assert ended <= 1, "a session ends once"


@given(st.lists(_events, max_size=25))
@settings(max_examples=50, deadline=None)
def test_saying_everything_twice_changes_nothing(events: list[wire.SessionEvent]) -> None:
    once, twice = SessionMachine(view()), SessionMachine(view())
    noticed_once, noticed_twice = [], []
    for event in events:
        noticed_once += once.apply(event).attention
        noticed_twice += twice.apply(event).attention + twice.apply(event).attention
    assert once.snapshot() == twice.snapshot()
    assert noticed_once == noticed_twice
