"""The desk: one session's trouble stays that session's, and nothing of strangers is kept."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from support_manager.desk import Desk
from support_manager.errors import AppCode, Refused
from support_manager.events import AppEvent, Failed
from support_manager.media.engine import EngineFailed
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import SessionEnded, SessionEvent
from support_manager.protocol.requests import (
    Request,
    Resumed,
    SessionList,
    SessionResume,
    Sessions,
    SessionStart,
    SessionStarted,
)
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import EndReason, IceServers, Mode, SessionView
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
        self.desk = Desk(self._send, self._engine, self.events.append)

    def _engine(self) -> ScriptedEngine:
        self.engines.append(ScriptedEngine())
        return self.engines[-1]

    async def _send(self, message: Request, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        if isinstance(message, SessionStart):
            self.started += 1
            for event in self.meanwhile:
                self.desk.take(event)
            return SessionStarted(session=view(f"s{self.started}"))
        if isinstance(message, SessionResume):
            if message.session_id in self.refused:
                raise Refused(self.refused[message.session_id])
            return Resumed(session=view(message.session_id), ice=IceServers())
        assert isinstance(message, SessionList)
        return Sessions()

    async def start(self, count: int) -> None:
        for _ in range(count):
            await self.desk.start_session(Mode.MULTI, "")


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
