"""The app's media engine in a process of its own, so that its cost can be told from everybody else's.

A program as `light_receiver` is one: `offer` with `name` and `sdp` → the answer; `join` as an assistant's app → the
offer, then `answer`; `audience` with `publisher` and `viewers`, `visible` with `name` and `visible`, `record` with
`publisher` and `path`, `stop` → bytes and seconds, `watch` with `name` and `seconds` → when frames came, `read` →
frames for the screen and CPU, `end`.
"""

import asyncio
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import (
    AnswerReady,
    MediaEvent,
    OfferReady,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    RecordingOver,
    RecordingPlan,
    ShareFigures,
)
from tests.harness.programs import serve

_S = 20.0
_LOOK_S = 0.01


class Engine:
    """The engine; one session."""

    def __init__(self) -> None:
        self._engine = AiortcEngine()
        self._events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self._connected: set[str] = set()
        self._answers: dict[str, asyncio.Future[str]] = {}
        self._figures: dict[str, ShareFigures] = {}
        self._over: asyncio.Future[RecordingOver]
        self._epoch = 0
        self._engine.start(self._take)

    def _take(self, event: MediaEvent) -> None:
        if isinstance(event, RecordingOver):
            self._over.set_result(event)
        elif isinstance(event, ShareFigures):
            self._figures[event.peer.participant_id] = event
        elif isinstance(event, PeerLost):
            self._connected.discard(event.peer.participant_id)
        elif isinstance(event, PeerConnected):
            self._connected.add(event.peer.participant_id)
        elif isinstance(event, AnswerReady | OfferReady):
            self._answers[event.peer.participant_id].set_result(event.sdp)
        elif isinstance(event, OfferRejected):
            self._answers[event.peer.participant_id].set_exception(OSError(event.reason))

    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        match asked["do"]:
            case "offer":
                name = asked["name"]
                self._answers[name] = asyncio.get_running_loop().create_future()
                self._connected.discard(name)
                self._epoch += 1
                self._engine.take_offer(_key(name), self._epoch, asked["sdp"], ())
                async with asyncio.timeout(_S):
                    return {"sdp": await self._answers[name]}
            case "join":
                name = asked["name"]
                self._answers[name] = asyncio.get_running_loop().create_future()
                self._epoch += 1
                self._engine.join(_key(name), self._epoch, ())
                async with asyncio.timeout(_S):
                    return {"sdp": await self._answers[name]}
            case "answer":
                self._engine.take_answer(_key(asked["name"]), self._epoch, asked["sdp"])
                return {}
            case "connected":
                async with asyncio.timeout(_S):
                    while not self._connected.issuperset(asked["names"]):  # noqa: ASYNC110 - a benchmark may wait
                        await asyncio.sleep(0.02)
                return {}
            case "lost":
                async with asyncio.timeout(_S):
                    while asked["name"] in self._connected:  # noqa: ASYNC110 - a benchmark may wait
                        await asyncio.sleep(0.02)
                return {}
            case "audience":
                self._engine.set_audience(_key(asked["publisher"]), [_key(name) for name in asked["viewers"]])
                return {}
            case "record":
                plan = RecordingPlan(Path(asked["path"]), "bench", 0)
                self._over = asyncio.get_running_loop().create_future()
                self._engine.record_share("bench", _key(asked["publisher"]))
                self._engine.start_recording("bench", plan)
                return {}
            case "stop":
                self._engine.stop_recording("bench")
                async with asyncio.timeout(_S):
                    over = await self._over
                return {"bytes": over.bytes, "seconds": over.seconds, "path": str(over.path)}
            case "visible":
                self._engine.set_visible(_key(asked["name"]), asked["visible"])
                return {}
            case "watch":
                return await self._watch(asked["name"], asked["seconds"])
            case "read":
                frames = {name: self._engine.mailbox(_key(name)).figures().received for name in asked["names"]}
                return {"frames": frames, "cpu_s": time.process_time()}
            case word:
                raise ValueError(word)

    async def _watch(self, name: str, seconds: float) -> dict[str, Any]:
        """When frames came and what the figures said, for some time; a measurement, so it lets the time pass."""
        box = self._engine.mailbox(_key(name))
        came: list[float] = []
        told: list[tuple[float, float, float, float]] = []
        known, last = box.figures().received, self._figures.get(name)
        end = time.monotonic() + seconds
        while (now := time.monotonic()) < end:
            figures, received = self._figures.get(name), box.figures().received
            came += [now] * (received - known)
            known = received
            if figures is not None and figures is not last:
                last = figures
                told.append((now, figures.fps, figures.age_ms, figures.kilobytes_per_s))
            await asyncio.sleep(_LOOK_S)
        edges = [end - seconds, *came, end]
        longest = max(after - before for before, after in pairwise(edges))
        return {"fps": len(came) / seconds, "longest_gap_s": longest, "told": told, "came": came}

    async def aclose(self) -> None:
        """End the engine."""
        await self._engine.aclose()


def _key(name: str) -> PeerKey:
    return PeerKey("bench", name)


if __name__ == "__main__":
    asyncio.run(serve(Engine))
