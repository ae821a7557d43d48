"""A session's recording at its controller's: only with a yes, only in charge, stopped here first, told later."""

import asyncio
from typing import Any

import msgspec
import pytest

from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import RecordingEnded, RecordingFigures
from support_manager.media.engine import (
    EngineFailed,
    PeerKey,
    RecordingOver,
    RecordingPlan,
    RecordingRuns,
    RecordingTrouble,
    RecordingUnwanted,
)
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityAsk, ActivityStop
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    Audience,
    ChatLine,
    Connection,
    Mark,
    MarkKind,
    Mode,
    ParticipantView,
    SessionView,
)
from support_manager.session.recording import SessionRecording
from tests.harness.scripted_engine import ScriptedEngine


def person(name: str, role: Role, connection: Connection = Connection.ONLINE) -> ParticipantView:
    return ParticipantView(id=name.lower(), role=role, name=name, connection=connection, joined_at=1)


REP, ANA = person("Maria", Role.CONTROLLER), person("Ana", Role.PRIMARY)
ASKED = ActivityView(id="r1", kind=ActivityKind.RECORDING, state=ActivityState.ASKED, asked_by="maria", subject="ana")
RUNS = msgspec.structs.replace(ASKED, state=ActivityState.RUNNING)
SHARE = ActivityView(id="v1", kind=ActivityKind.VIEW, state=ActivityState.RUNNING, asked_by="maria", subject="ana")
EMPTY = SessionView(
    id="s1", number="1", mode=Mode.SINGLE, state=SessionState.ACTIVE, seq=1, started_at=0, you="maria",
    participants=(REP, ANA),
)  # fmt: skip


def with_(*activities: ActivityView, **more: Any) -> SessionView:
    return msgspec.structs.replace(EMPTY, activities=activities, **more)


class Bench:
    """A recording on a scripted engine, and a relay that says what a test wants."""

    def __init__(self) -> None:
        self.engine = ScriptedEngine()
        self.events: list[Any] = []
        self.sent: list[Any] = []
        self.error: Exception | None = None
        self.changes = 0
        self.made = SessionRecording(
            "s1", self._send, self._ready, lambda: self.engine, self, self.events.append, lambda: "new", self._changed
        )
        self.engine.start(self.made.take_media)

    async def _ready(self) -> ScriptedEngine:
        return self.engine

    async def _send(self, message: Any, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        self.sent.append(message)
        if self.error is not None:
            raise self.error
        return None

    def _changed(self) -> None:
        self.changes += 1

    def plan(self, view: SessionView) -> RecordingPlan:
        return RecordingPlan("/nowhere/a.webm", view.id, 0)  # type: ignore[arg-type]

    def chapter(self, key: str, **places: str) -> str:
        return " ".join((key, *(value for value in places.values() if value)))

    def tend(self) -> None:
        raise AssertionError("that is the desk's")

    @property
    def chapters(self) -> list[str]:
        return [text for _, text in self.engine.chapters]

    @property
    def stops(self) -> list[tuple[str, ActivityEnd]]:
        return [(one.activity_id, one.reason) for one in self.sent if isinstance(one, ActivityStop)]

    async def sees(self, view: SessionView, *, is_hub: bool = True) -> None:
        self.made.follow(view, is_hub=is_hub)
        for _ in range(5):
            await asyncio.sleep(0)


@pytest.fixture
async def bench():
    made = Bench()
    yield made
    await made.made.aclose()


@pytest.mark.rule("B-7.8")
async def test_nothing_is_recorded_before_the_yes_and_after_the_end(bench):
    await bench.made.ask(EMPTY)
    assert isinstance(bench.sent[0], ActivityAsk)
    assert (bench.sent[0].kind, bench.sent[0].subject) == (ActivityKind.RECORDING, "ana")
    await bench.sees(with_(ASKED, SHARE))
    assert not bench.engine.recording
    assert bench.engine.recorded.get("s1") is None
    await bench.sees(with_(RUNS, SHARE))
    assert list(bench.engine.recording) == ["s1"]
    assert bench.engine.recorded["s1"] == PeerKey("s1", "ana")
    assert bench.chapters == ["chapter.consent Ana Maria", "chapter.share Ana"]
    await bench.sees(with_(SHARE))
    assert not bench.engine.recording


@pytest.mark.rule("B-7.8", "B-9.4")
async def test_who_is_not_in_charge_records_nothing(bench):
    await bench.sees(with_(RUNS), is_hub=False)
    assert not bench.engine.recording
    await bench.sees(with_(RUNS))
    await bench.sees(with_(RUNS), is_hub=False)
    assert not bench.engine.recording
    await bench.sees(with_(RUNS))
    assert not bench.engine.recording, "what was stopped here never begins again under the old yes"


async def test_there_must_be_somebody_to_ask_and_nothing_running(bench):
    with pytest.raises(Refused) as caught:
        await bench.made.ask(msgspec.structs.replace(EMPTY, participants=(REP,)))
    assert caught.value.code is ErrorCode.PARTICIPANT_UNKNOWN
    with pytest.raises(Refused) as caught:
        await bench.made.ask(with_(RUNS))
    assert caught.value.code is ErrorCode.ACTIVITY_BUSY


@pytest.mark.rule("B-7.8")
async def test_a_stop_works_without_the_relay_and_is_told_later(bench):
    await bench.sees(with_(RUNS))
    bench.error = RelayUnavailable(AppCode.CONNECTION_LOST)
    await bench.made.stop(with_(RUNS))
    assert not bench.engine.recording
    assert bench.made.shown(with_(RUNS)) is None, "for the rep it is over"
    await bench.sees(with_(RUNS))
    assert not bench.engine.recording
    bench.error = None
    bench.made.went_online()
    await bench.sees(with_(RUNS))
    assert bench.stops[-1] == ("r1", ActivityEnd.STOPPED)
    told = len(bench.stops)
    bench.made.went_online()
    await bench.sees(with_())
    assert len(bench.stops) == told, "once"


async def test_a_question_is_taken_back(bench):
    await bench.made.stop(with_(ASKED))
    assert bench.stops == [("r1", ActivityEnd.CANCELLED)]
    await bench.made.stop(EMPTY)
    assert len(bench.stops) == 1


@pytest.mark.rule("B-7.8")
async def test_a_customer_stops_it_past_the_relay_and_nobody_else_does(bench):
    bogdan = person("Bogdan", Role.ASSISTANT)
    await bench.sees(with_(RUNS, participants=(REP, ANA, bogdan)))
    for nobody in ("bogdan", "maria", "stranger"):
        bench.made.take_media(RecordingUnwanted(PeerKey("s1", nobody)))
        assert bench.engine.recording
    bench.made.take_media(RecordingUnwanted(PeerKey("s1", "ana")))
    assert not bench.engine.recording
    assert bench.changes == 1
    assert bench.made.shown(with_(RUNS)) is None


async def test_what_goes_on_becomes_chapters(bench):
    await bench.sees(with_(RUNS))
    bench.engine.chapters.clear()
    ion = person("Ion", Role.SECONDARY)
    lost = person("Ana", Role.PRIMARY, Connection.LOST)
    lines = tuple(
        ChatLine(
            id=f"l{n}", seq=n, at=1, sender="ana", sender_name="Ana", sender_role=Role.PRIMARY, text=text,
            audience=audience,
        )
        for n, (text, audience) in enumerate((("Hello\n there", Audience.ALL), ("private", Audience.REPS)))
    )  # fmt: skip
    door = person("Eva", Role.WAITING)
    await bench.sees(with_(RUNS, participants=(REP, ANA, ion, door)))
    await bench.sees(with_(RUNS, SHARE, participants=(REP, lost, ion), chat=lines))
    paused = msgspec.structs.replace(SHARE, paused=True)
    await bench.sees(with_(RUNS, paused, participants=(REP, ANA, ion), chat=lines))
    await bench.sees(with_(RUNS, SHARE, participants=(REP, ANA), chat=lines))
    mark = Mark(seq=9, at=1, kind=MarkKind.CUSTOMER, name="Ion")
    await bench.sees(with_(RUNS, participants=(REP, ANA), chat=lines, marks=(mark,)))
    assert bench.chapters == [
        "chapter.joined Ion",
        "chapter.lost Ana",
        "chapter.share Ana",
        "chapter.chat Ana Hello there",
        "chapter.back Ana",
        "chapter.paused Ana",
        "chapter.left Ion",
        "chapter.resumed Ana",
        "chapter.share_over Ana",
        "chapter.mark.customer Ion",
    ]


@pytest.mark.rule("B-7.8")
async def test_a_full_disk_ends_it_and_the_session_goes_on(bench):
    await bench.sees(with_(RUNS))
    bench.made.take_media(RecordingRuns("s1", 3.0, 90_000))
    bench.engine.recording.clear()
    bench.made.take_media(RecordingOver("s1", None, 3.0, 0, RecordingTrouble.DISK_FULL))
    await bench.sees(with_(RUNS))
    assert bench.events == [
        RecordingFigures("s1", 3.0, 90_000),
        RecordingEnded("s1", "", 3.0, 0, RecordingTrouble.DISK_FULL),
    ]
    assert bench.stops == [("r1", ActivityEnd.FAILED)]
    assert bench.engine.recording == {}
    again = msgspec.structs.replace(RUNS, id="r2")
    await bench.sees(with_(again))
    assert list(bench.engine.recording) == ["s1"], "there is room again, and the customer agreed again"


@pytest.mark.rule("B-7.8")
async def test_an_assistants_engine_that_fails_records_nothing_afterwards(bench):
    await bench.sees(with_(RUNS, SHARE), is_hub=False)
    bench.made.take_media(EngineFailed("boom"))
    await bench.sees(with_(RUNS, SHARE), is_hub=False)
    assert bench.engine.recording == {}


async def test_an_engine_that_failed_is_followed_by_another_recording(bench):
    await bench.sees(with_(RUNS, SHARE))
    bench.engine.recording.clear()
    bench.made.take_media(EngineFailed("boom"))
    await bench.sees(with_(RUNS, SHARE))
    assert list(bench.engine.recording) == ["s1"], "the customer's yes still holds"
