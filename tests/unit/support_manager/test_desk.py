"""The desk: one session's trouble stays that session's, and nothing of strangers is kept."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from support_manager.camera_use import CameraUse
from support_manager.desk import Desk
from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import (
    AppEvent,
    Failed,
    LeftWhy,
    MailChanged,
    RecordingEnded,
    SessionClosed,
    SessionLeft,
    SessionOpened,
)
from support_manager.media.engine import EngineFailed, RecordingOver, RecordingRuns
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import InvitationChanged, SessionEnded, SessionEvent, SessionReplaced
from support_manager.protocol.requests import (
    ChatSend,
    ChatSent,
    Inside,
    InviteMail,
    Nothing,
    OfferAccept,
    Request,
    Resumed,
    SessionAssist,
    SessionLeave,
    SessionList,
    SessionResume,
    Sessions,
    SessionStart,
    SessionStarted,
    SessionTransfer,
)
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    Audience,
    ChatLine,
    Connection,
    Delivery,
    EndReason,
    IceServers,
    Mark,
    MarkKind,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.recordings import RecordingLibrary
from support_manager.settings import SettingsStore
from tests.harness.fake_files import NoFiles
from tests.harness.scripted_engine import ScriptedEngine


def view(session_id: str) -> SessionView:
    return SessionView(
        id=session_id, number="123456789", mode=Mode.MULTI, state=SessionState.WAITING, seq=1, started_at=0, you="rep"
    )


class Bench:
    """A desk and a relay that says what a test wants."""

    def __init__(self) -> None:
        self.events: list[AppEvent] = []
        self.engines: list[ScriptedEngine] = []
        self.refused: dict[str, ErrorCode] = {}
        self.started = 0
        self.meanwhile: list[SessionEvent] = []
        self.assists: list[SessionAssist] = []
        self.silent = False
        self.said: list[str] = []
        self.listed: tuple[SessionView, ...] = ()
        self.resumed: dict[str, SessionView] = {}
        self.told_at_resume: list[type] = []
        self.tended = 0
        recordings = RecordingLibrary(SettingsStore(Path("/nowhere")), self.events.append)
        recordings.tend = self._tend  # type: ignore[method-assign]
        self.desk = Desk(self._send, self._engine, self.events.append, recordings, CameraUse(lambda: ""), NoFiles())

    def _tend(self) -> None:
        self.tended += 1

    def _engine(self) -> ScriptedEngine:
        self.engines.append(ScriptedEngine())
        return self.engines[-1]

    async def _send(self, message: Request, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        if isinstance(message, SessionStart):
            self.started += 1
            for event in self.meanwhile:
                self.desk.take(event)
            return SessionStarted(session=view(f"s{self.started}"))
        if isinstance(message, SessionAssist):
            self.assists.append(message)
            if self.silent:
                raise RelayUnavailable(AppCode.TIMED_OUT)
            return Inside(session=view("s9"), ice=IceServers())
        if isinstance(message, OfferAccept | SessionLeave | SessionTransfer) and self.silent:
            raise RelayUnavailable(AppCode.TIMED_OUT)
        if isinstance(message, InviteMail):
            for state in (Delivery.SENDING, Delivery.FAILED):
                self.desk.take(
                    InvitationChanged(session_id=message.session_id, request_id=message.request_id, state=state)
                )
            return Nothing()
        if isinstance(message, ChatSend):
            self.said.append(message.text)
            return ChatSent(seq=8)
        if isinstance(message, SessionResume):
            self.told_at_resume = [type(each) for each in self.events]
            if message.session_id in self.refused:
                raise Refused(self.refused[message.session_id])
            return Resumed(session=self.resumed.get(message.session_id, view(message.session_id)), ice=IceServers())
        assert isinstance(message, SessionList)
        return Sessions(sessions=self.listed)

    async def start(self, count: int) -> None:
        for _ in range(count):
            await self.desk.start_session(Mode.MULTI, "")


async def test_the_reps_wish_for_the_turn_server_holds_for_the_engine_to_come_and_the_one_there_is() -> None:
    made = Bench()
    made.desk.set_relay_only(True)
    await made.start(1)
    await made.desk.engine()
    assert made.engines[0].relay_only == {"rep": True}
    made.desk.set_relay_only(False)
    assert made.engines[0].relay_only == {"rep": False}
    await made.desk.aclose()


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.desk.aclose()


@pytest.mark.rule("B-12.5")
async def test_a_session_that_is_not_given_back_holds_up_no_other(bench: Bench) -> None:
    await bench.start(3)
    bench.refused = {"s1": ErrorCode.RESUME_REFUSED, "s2": ErrorCode.SESSION_ENDED}
    await bench.desk.take_up()
    assert list(bench.desk.sessions) == ["s1", "s3"]
    assert [each for each in bench.events if isinstance(each, Failed)] == [
        Failed(ErrorCode.RESUME_REFUSED, session_id="s1")
    ]


@pytest.mark.rule("B-13.1")
async def test_a_session_that_is_over_is_not_listed_any_more_when_that_is_told(bench: Bench) -> None:
    """Whoever draws a list at that event, as the tray does, is told nothing further of that session."""
    listed: list[list[str]] = []
    bench.desk._emit = lambda event: listed.append(list(bench.desk.sessions))
    await bench.start(2)
    bench.desk.take(SessionEvent(session_id="s1", seq=2, at=0, fact=SessionEnded(reason=EndReason.EXPIRED)))
    assert listed[-1] == ["s2"]


async def test_what_may_pass_is_tried_again_by_the_link(bench: Bench) -> None:
    await bench.start(1)
    bench.refused = {"s1": ErrorCode.RELAY_BUSY}
    with pytest.raises(Refused):
        await bench.desk.take_up()


async def test_events_that_overtake_the_answer_are_kept_and_those_of_strangers_are_not(bench: Bench) -> None:
    bench.meanwhile = [
        SessionEvent(session_id=name, seq=2, at=0, fact=SessionEnded(reason=EndReason.EXPIRED))
        for name in ("s1", "stranger")
    ]
    snapshot = await bench.desk.start_session(Mode.MULTI, "")
    assert snapshot.view.end_reason is EndReason.EXPIRED
    assert bench.desk._early == {}


async def test_a_failed_engine_is_closed_and_a_failing_one_not_started_for_ever(bench: Bench) -> None:
    for number in range(1, 4):
        engine = await bench.desk.engine()
        assert bench.engines == [*bench.engines[:-1], engine]
        assert len(bench.engines) == number
        bench.engines[-1].tell(EngineFailed("out of memory"))
        async with asyncio.timeout(5):
            while not bench.engines[-1].is_closed:  # noqa: ASYNC110 - the condition is about another object
                await asyncio.sleep(0.005)
    with pytest.raises(Exception, match=AppCode.MEDIA_FAILED):
        await bench.desk.engine()
    assert len(bench.engines) == 3


@pytest.mark.rule("B-7.8")
async def test_a_recording_that_is_whole_after_its_session_is_told_all_the_same(bench: Bench) -> None:
    await bench.start(1)
    await bench.desk.engine()
    bench.desk.take(SessionEvent(session_id="s1", seq=2, at=0, fact=SessionEnded(reason=EndReason.ENDED_BY_REP)))
    assert bench.desk.sessions == {}
    bench.engines[0].tell(RecordingOver("s1", Path("/nowhere/a.webm"), 9.0, 900))
    await asyncio.sleep(0)
    assert bench.events[-1] == RecordingEnded("s1", "a.webm", 9.0, 900)


async def test_after_each_recording_the_library_is_tended(bench: Bench) -> None:
    await bench.start(1)
    await bench.desk.engine()
    for number in (1, 2):
        bench.engines[0].tell(RecordingRuns("s1", 3.0, 300))
        bench.engines[0].tell(RecordingOver("s1", Path("/nowhere/a.webm"), 9.0, 900))
        await asyncio.sleep(0)
        assert bench.tended == number
    bench.desk.take(SessionEvent(session_id="s1", seq=2, at=0, fact=SessionEnded(reason=EndReason.ENDED_BY_REP)))
    bench.engines[0].tell(RecordingOver("s1", Path("/nowhere/a.webm"), 9.0, 900))
    await asyncio.sleep(0)
    assert bench.tended == 3, "also where its session is put away by then"


LINE = ChatLine(id="l1", seq=1, at=1, sender="ion", sender_name="Ion", sender_role=Role.PRIMARY, text="hello")


@pytest.mark.rule("B-12.5")
async def test_a_recovered_session_shows_its_transcript_from_the_first_moment(bench: Bench) -> None:
    bench.listed = (view("s7"),)
    bench.resumed["s7"] = msgspec.structs.replace(view("s7"), chat=(LINE,))
    await bench.desk.take_up()
    assert bench.told_at_resume == [], "nothing is told of what is not known yet"
    opened = bench.events[0]
    assert isinstance(opened, SessionOpened)
    assert opened.recovered
    assert opened.session.view.chat == (LINE,)
    assert bench.events == [opened]


async def test_a_recovered_session_that_is_over_by_then_is_not_told_at_all(bench: Bench) -> None:
    bench.listed = (view("s7"),)
    bench.refused = {"s7": ErrorCode.SESSION_UNKNOWN}
    await bench.desk.take_up()
    assert bench.events == []
    assert bench.desk.sessions == {}


@pytest.mark.rule("B-8.1")
async def test_assisting_again_after_no_answer_is_the_same_request(bench: Bench) -> None:
    bench.silent = True
    with pytest.raises(RelayUnavailable):
        await bench.desk.assist("123456789")
    bench.silent = False
    await bench.desk.assist("123456789")
    await bench.desk.assist("123456789")
    first, again, later = (each.request_id for each in bench.assists)
    assert first == again != later
    assert len([each for each in bench.events if isinstance(each, SessionOpened)]) == 1


@pytest.mark.rule("B-1.1", "B-12.5")
async def test_a_session_whose_answer_got_lost_is_found_all_the_same(bench: Bench) -> None:
    bench.silent = True
    bench.listed = (view("s9"),)
    with pytest.raises(RelayUnavailable):
        await bench.desk.assist("123456789")
    async with asyncio.timeout(5):
        while not bench.events:  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0)
    opened = bench.events[0]
    assert isinstance(opened, SessionOpened)
    assert (opened.session.id, opened.recovered) == ("s9", True)
    bench.silent = False
    assert (await bench.desk.assist("123456789")).id == "s9"
    assert len([each for each in bench.events if isinstance(each, SessionOpened)]) == 1


@pytest.mark.rule("B-4.4")
async def test_news_of_a_mail_never_comes_before_its_id_is_known(bench: Bench) -> None:
    await bench.start(1)
    bench.events.clear()
    request_id = await bench.desk.mail("s1", "ion@example.org", "en", to_rep=False)
    assert bench.events == []
    async with asyncio.timeout(5):
        while len(bench.events) < 2:  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0)
    assert bench.events == [
        MailChanged("s1", request_id, Delivery.SENDING),
        MailChanged("s1", request_id, Delivery.FAILED),
    ]
    bench.desk.take(InvitationChanged(session_id="s1", request_id=request_id, state=Delivery.SENT, detail="250 ok"))
    assert bench.events[-1] == MailChanged("s1", request_id, Delivery.SENT, detail="250 ok")


REP = ParticipantView(id="rep", role=Role.CONTROLLER, name="Ana", connection=Connection.ONLINE, joined_at=0)
ACCEPTED = Mark(seq=1, at=0, kind=MarkKind.ACCEPTED, name="Ana")


@pytest.mark.rule("B-12.6", "B-12.1")
@pytest.mark.parametrize(
    ("role", "marks", "expected"),
    [
        (Role.ASSISTANT, (), LeftWhy.REMOVED),
        (Role.CONTROLLER, (ACCEPTED,), LeftWhy.TRANSFERRED),
        (Role.CONTROLLER, (), EndReason.CONTROLLER_LOST),
    ],
)
async def test_a_session_that_is_not_ours_any_more_is_told_with_the_likeliest_reason(
    bench: Bench, role: Role, marks: tuple[Mark, ...], expected: LeftWhy | EndReason
) -> None:
    me = msgspec.structs.replace(REP, role=role)
    bench.listed = (view("s7"),)
    bench.resumed["s7"] = msgspec.structs.replace(view("s7"), participants=(me,), marks=marks)
    await bench.desk.take_up()
    bench.refused = {"s7": ErrorCode.SESSION_UNKNOWN}
    bench.listed = ()
    await bench.desk.take_up()
    last = bench.events[-1]
    assert isinstance(last, SessionLeft | SessionClosed)
    assert (last.why if isinstance(last, SessionLeft) else last.reason) is expected
    assert bench.desk.sessions == {}


@pytest.mark.rule("B-10.3", "B-12.1")
@pytest.mark.parametrize(("role", "why"), [(Role.CONTROLLER, LeftWhy.TRANSFERRED), (Role.ASSISTANT, LeftWhy.LEFT)])
async def test_who_goes_while_the_answer_gets_lost_is_told_what_he_did_himself(
    bench: Bench, role: Role, why: LeftWhy
) -> None:
    bench.listed = (view("s7"),)
    bench.resumed["s7"] = msgspec.structs.replace(view("s7"), participants=(msgspec.structs.replace(REP, role=role),))
    await bench.desk.take_up()
    bench.silent = True
    bench.listed = ()
    with pytest.raises(RelayUnavailable):
        await (bench.desk.leave("s7") if role is Role.ASSISTANT else bench.desk.transfer("s7", "q1", (), ""))
    bench.refused = {"s7": ErrorCode.SESSION_UNKNOWN}
    await bench.desk.take_up()
    last = bench.events[-1]
    assert isinstance(last, SessionLeft), last
    assert last.why is why


@pytest.mark.rule("B-1.1", "B-10.4")
async def test_an_accepted_session_whose_answer_got_lost_comes_to_the_front(bench: Bench) -> None:
    bench.silent = True
    bench.listed = (view("s9"), view("s8"))
    with pytest.raises(RelayUnavailable):
        await bench.desk.accept("s9")
    async with asyncio.timeout(5):
        while len(bench.events) < 2:  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0)
    opened = {each.session.id: each.recovered for each in bench.events if isinstance(each, SessionOpened)}
    assert opened == {"s9": False, "s8": True}, "a customer waits there, and the agent has just said yes"


@pytest.mark.rule("B-1.1")
async def test_a_session_taken_up_elsewhere_runs_nothing_here_and_comes_back_with_the_next_connection(
    bench: Bench,
) -> None:
    """Its microphone, camera, capture and recording have nobody at this screen any more who is told of them."""
    await bench.start(2)
    await bench.desk.engine()
    former = bench.desk["s1"]
    assert await former._peers.ready() is bench.engines[0]
    former._outbox.add("on its way", Audience.ALL)
    bench.desk.take(SessionReplaced(session_id="s1"))
    with pytest.raises(Refused, match="resume_refused"):
        bench.desk["s1"]
    await until(lambda: "s1" in bench.engines[0].closed)
    await bench.desk._find_others()
    assert set(bench.desk.sessions) == {"s1", "s2"}
    assert bench.desk.get("s1") is former, "the other app keeps it"
    bench.resumed["s1"] = msgspec.structs.replace(view("s1"), seq=7)
    await bench.desk.take_up()
    assert list(bench.desk.sessions) == ["s1", "s2"]
    assert bench.desk["s1"] is not former
    assert bench.desk["s1"].snapshot.view.seq == 7
    await until(lambda: bench.said == ["on its way"])


async def test_the_end_of_a_session_taken_up_elsewhere_is_told_with_the_next_connection(bench: Bench) -> None:
    await bench.start(1)
    bench.desk.take(SessionReplaced(session_id="s1"))
    bench.refused["s1"] = ErrorCode.SESSION_ENDED
    await bench.desk.take_up()
    assert [each.session.id for each in bench.events if isinstance(each, SessionClosed)] == ["s1"]
    assert not bench.desk.sessions


async def test_a_session_put_away_while_others_are_taken_up_is_not_made_anew(bench: Bench) -> None:
    await bench.start(1)
    bench.desk.take(SessionReplaced(session_id="s1"))
    former = bench.desk.get("s1")
    assert former is not None
    await bench.desk.clear()
    assert await bench.desk._anew(former) is former
    assert not bench.desk.sessions


def in_call(session: SessionView, *, muted: bool) -> SessionView:
    mine = ActivityView(
        id="a1",
        kind=ActivityKind.VOICE,
        state=ActivityState.RUNNING,
        subject="rep",
        asked_by="rep",
        changed_at=1,
        paused=muted,
    )
    return msgspec.structs.replace(session, seq=session.seq + 1, activities=(mine,))


@pytest.mark.rule("B-12.5")
@pytest.mark.parametrize("muted", [True, False])
async def test_the_microphone_is_as_it_was_in_a_call_that_is_found_again_after_a_crash(
    bench: Bench, muted: bool
) -> None:
    bench.listed = (in_call(view("s1"), muted=muted),)
    bench.resumed["s1"] = bench.listed[0]
    await bench.desk.take_up()
    await until(lambda: bool(bench.engines) and bench.engines[0].calls.get("s1") == (frozenset(), True))
    assert bench.engines[0].muted is muted


@pytest.mark.rule("B-12.5")
async def test_who_muted_himself_in_another_app_is_muted_when_the_call_comes_back_here(bench: Bench) -> None:
    bench.listed = (in_call(view("s1"), muted=False),)
    bench.resumed["s1"] = bench.listed[0]
    await bench.desk.take_up()
    await until(lambda: bool(bench.engines) and bench.engines[0].calls.get("s1") == (frozenset(), True))
    bench.desk.take(SessionReplaced(session_id="s1"))
    bench.engines[0].calls.clear()
    bench.resumed["s1"] = in_call(bench.resumed["s1"], muted=True)
    await bench.desk.take_up()
    await until(lambda: bench.engines[0].calls.get("s1") == (frozenset(), True))
    assert bench.engines[0].muted


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0)
