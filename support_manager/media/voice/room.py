"""All calls of this app: one clock of 20 ms, one microphone and speaker, which are in at most one of them."""

import asyncio
import time
from collections.abc import Callable, Collection, Hashable
from typing import Protocol

import structlog

from support_manager.media.engine import MediaEvent, PeerKey, VoiceLevels, VoiceTrouble
from support_manager.media.voice.call import Call, Member, Tap
from support_manager.media.voice.local import LocalVoice
from support_manager.media.voice.ports import AudioPorts, Trouble
from support_manager.media.voice.processing import Processing
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

TICK_S = 0.02
_BEHIND_S = 0.2
"""A clock that is later than this goes on from now: what it missed is over."""
_LEVELS_EVERY = 5
HERE: Hashable = "here"
"""The name of this computer's own place among the members."""


class Ways(Protocol):
    """Where the voice lines of a session are; they change with every new connection."""

    def voices(self, session_id: str, peers: Collection[PeerKey]) -> dict[Hashable, Member]:
        """The lines to these participants that carry now, and whatever else belongs to that session's call."""


class _Room:
    def __init__(self) -> None:
        self.call = Call()
        self.peers: frozenset[PeerKey] = frozenset()
        self.runs = False
        self.failed = False
        """Something threw that belongs to no single member; it is logged once."""


class VoiceRooms:
    """The calls. Lives on the media loop; every method but `aclose` returns at once.

    Args:
        ways: gives the lines.
        ports: the devices; None where this app has none.
        emit: takes events, from the media loop.
    """

    def __init__(self, ways: Ways, ports: AudioPorts | None, emit: Callable[[MediaEvent], None]) -> None:
        self._ways = ways
        self._emit = emit
        self._loop = asyncio.get_running_loop()
        self._rooms: dict[str, _Room] = {}
        self._here: str | None = None
        self._local = None if ports is None else LocalVoice(ports, self._on_trouble)
        self._tasks = TaskOwner("voice")
        self._preparing = False
        self._clock: asyncio.Task[None] | None = None

    def set_call(self, session_id: str, peers: Collection[PeerKey], *, here: bool) -> None:
        """Say who is in that session's call: these participants and, with `here`, this computer; with nobody it ends.

        This computer leaves the call of another session that it was in.
        """
        room = self._rooms.setdefault(session_id, _Room())
        room.peers = frozenset(peers)
        room.runs = bool(peers) or here
        if here:
            self._here = session_id
        elif self._here == session_id:
            self._here = None
        if self._local is not None:
            if self._here is None:
                self._local.close()
            else:
                self._local.open()
                if self._local.processing is None and not self._preparing:
                    self._preparing = True
                    _ = self._tasks.spawn(self._prepare(self._local), name="processing")
        if room.runs and (self._clock is None or self._clock.done()):
            self._clock = self._tasks.spawn(self._run(), name="clock")

    async def _prepare(self, local: LocalVoice) -> None:
        """The library takes a third of a second to load, which is too long for this loop."""
        try:
            local.processing = await asyncio.to_thread(Processing)
        except Exception:
            log.exception("no echo cancellation")
            self._tell_trouble(Trouble.ECHO_STAYS)

    def forget(self, session_id: str) -> None:
        """That session is over."""
        if session_id in self._rooms:
            self.set_call(session_id, (), here=False)
            del self._rooms[session_id]

    def add_tap(self, session_id: str, tap: Tap) -> None:
        """Have `tap` called with that session's whole call from now on, while there is one."""
        self._rooms.setdefault(session_id, _Room()).call.add_tap(tap)

    def remove_tap(self, session_id: str, tap: Tap) -> None:
        """Not any more."""
        room = self._rooms.get(session_id)
        if room is not None:
            room.call.remove_tap(tap)

    def set_muted(self, muted: bool) -> None:
        """Say nothing from this computer, or go on."""
        if self._local is not None:
            self._local.muted = muted

    def use_devices(self, microphone: str, speaker: str) -> None:
        """Use these devices from now on."""
        if self._local is not None:
            self._local.use(microphone, speaker)

    def _on_trouble(self, trouble: Trouble) -> None:
        """On a device's own thread."""
        try:
            self._loop.call_soon_threadsafe(self._tell_trouble, trouble)
        except RuntimeError:
            log.debug("trouble of a device dropped, the media loop has closed")

    def _tell_trouble(self, trouble: Trouble) -> None:
        if self._here is not None:
            self._emit(VoiceTrouble(self._here, trouble))

    async def _run(self) -> None:
        due = time.monotonic()
        ticks = 0
        while any(room.runs for room in self._rooms.values()):
            now = time.monotonic()
            if due > now:
                await asyncio.sleep(due - now)
            elif now - due > _BEHIND_S:
                due = now
            else:
                await asyncio.sleep(0)  # let in what has come meanwhile
            ticks += 1
            for session_id, room in list(self._rooms.items()):
                if room.runs:
                    try:
                        self._tick(session_id, room, due)
                        if ticks % _LEVELS_EVERY == 0:
                            self._tell_levels(session_id, room)
                    except Exception as error:  # one call must not be the end of all of them
                        if not room.failed:
                            log.error("a call's sound fails", session=session_id, exc_info=error)
                        room.failed = True
            due += TICK_S

    def _tick(self, session_id: str, room: _Room, now: float) -> None:
        members = self._ways.voices(session_id, room.peers)
        if self._local is not None and self._here == session_id:
            members[HERE] = self._local
        room.call.tick(members, now)

    def _tell_levels(self, session_id: str, room: _Room) -> None:
        levels = room.call.take_levels()
        people = {name.participant_id: value for name, value in levels.items() if isinstance(name, PeerKey)}
        self._emit(VoiceLevels(session_id, people, levels.get(HERE, 0.0)))

    async def aclose(self) -> None:
        """Let the devices go and stop the clock."""
        if self._local is not None:
            self._local.close()
        await self._tasks.aclose(0.5)
