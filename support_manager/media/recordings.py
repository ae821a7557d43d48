"""The recordings of the hub: which session is being recorded, from whose share, with whose voices."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from support_manager.media.engine import PeerKey, RecordingOver, RecordingPlan, RecordingRuns
from support_manager.media.recording import Recordable, Recorder
from support_manager.media.recording_thread import RecordingThread
from support_manager.media.webm import Facts

_JOIN_S = 1.5


class Source(Protocol):
    """A connection by which a share comes, as far as recording is concerned."""

    @property
    def share(self) -> Recordable:
        """The share on it."""

    def record(self, recording: bool) -> None:
        """Ask for the full rate while it is being recorded, whether it is on the screen or not."""


class Voices(Protocol):
    """The calls of all sessions."""

    def add_tap(self, session_id: str, tap: Callable[[bytes, float], None]) -> None:
        """Call `tap` on the media loop with 20 ms of that session's whole call and their time, while there is one."""

    def remove_tap(self, session_id: str, tap: Callable[[bytes, float], None]) -> None:
        """Do not any more; an unknown one is no error."""


@dataclass(slots=True)
class _Running:
    recorder: Recorder
    publisher: PeerKey | None = None
    source: Source | None = None


class Recordings:
    """One recorder for each session that is being recorded. Lives on the media loop; only `aclose` waits.

    Args:
        emit: takes what happens, on any thread.
        source_of: the connection that carries that participant's share now, if any.
        voices: the calls.
    """

    def __init__(
        self,
        emit: Callable[[RecordingRuns | RecordingOver], None],
        source_of: Callable[[PeerKey], Source | None],
        voices: Voices,
    ) -> None:
        self._emit = emit
        self._source_of = source_of
        self._voices = voices
        self._running: dict[str, _Running] = {}
        self._publishers: dict[str, PeerKey] = {}
        self._ending: list[Recorder] = []

    def start(self, session_id: str, plan: RecordingPlan) -> None:
        """Begin to record."""
        running = self._running.get(session_id)
        if running is not None:
            if not running.recorder.has_failed:
                return
            self.stop(session_id)  # of that one nothing more will be written
        facts = Facts(plan.title, plan.started_at, dict(plan.tags))
        thread = RecordingThread(session_id, plan.path, facts, self._emit)
        recorder = Recorder(thread, time.monotonic, _wall_ms, asyncio.get_running_loop().call_later)
        self._running[session_id] = _Running(recorder)
        self._voices.add_tap(session_id, recorder.sound)
        self.route(session_id)

    def share(self, session_id: str, publisher: PeerKey | None) -> None:
        """Whose share it is, now and whenever the session is recorded."""
        if publisher is None:
            self._publishers.pop(session_id, None)
        else:
            self._publishers[session_id] = publisher
        self.route(session_id)

    def mark(self, session_id: str, text: str) -> None:
        """Put a chapter here."""
        running = self._running.get(session_id)
        if running is not None:
            running.recorder.chapter(text)

    def route(self, session_id: str) -> None:
        """Bring what is recorded into line with what is connected."""
        running = self._running.get(session_id)
        if running is None:
            return
        publisher = self._publishers.get(session_id)
        source = None if publisher is None else self._source_of(publisher)
        if source is not running.source:
            if running.source is not None:
                running.source.record(False)
            running.source = source
            if source is not None:
                source.record(True)
        running.recorder.follow(None if source is None else source.share)

    def stop(self, session_id: str) -> None:
        """End the recording; the file is whole a moment later."""
        running = self._running.pop(session_id, None)
        if running is None:
            return
        if running.source is not None:
            running.source.record(False)
        self._voices.remove_tap(session_id, running.recorder.sound)
        running.recorder.close()
        self._ending = [each for each in self._ending if not each.join(0)]
        self._ending.append(running.recorder)

    def forget(self, session_id: str) -> None:
        """The session is closed here."""
        self.stop(session_id)
        self._publishers.pop(session_id, None)

    async def aclose(self) -> None:
        """End all recordings and wait for their files, within `_JOIN_S`."""
        for session_id in list(self._running):
            self.forget(session_id)
        ending, self._ending = self._ending, []
        deadline = time.monotonic() + _JOIN_S
        for recorder in ending:
            await asyncio.to_thread(recorder.join, max(0.0, deadline - time.monotonic()))


def _wall_ms() -> float:
    return time.time() * 1000
