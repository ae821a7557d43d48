"""The recording of one session at its controller's: asks for it, follows what the relay says, stops here first."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from typing import Protocol

import structlog

from support_manager.errors import Refused, SupportManagerError
from support_manager.events import AppEvent, RecordingEnded, RecordingFigures
from support_manager.media.engine import (
    EngineFailed,
    MediaEngine,
    MediaEvent,
    PeerKey,
    RecordingOver,
    RecordingPlan,
    RecordingRuns,
    RecordingUnwanted,
)
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityAsk, ActivityMade, ActivityStop, Nothing
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import ActivityView, SessionView
from support_manager.session import chapters
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_HIS_S = 5.0
_SHARES = frozenset({ActivityKind.VIEW, ActivityKind.SHOW})


class Recordings(Protocol):
    """Where recordings go."""

    def plan(self, view: SessionView) -> RecordingPlan:
        """Where the recording of that session goes that begins now, and what it says of itself."""

    def chapter(self, key: str, **places: str) -> str:
        """What stands in a list of chapters."""

    def tend(self) -> None:
        """A recording is over: finish what was cut off, delete what is kept no longer, in the background."""


def recording_of(view: SessionView) -> ActivityView | None:
    """The recording that is asked for or running."""
    return next((each for each in view.activities if each.kind is ActivityKind.RECORDING), None)


class SessionRecording:
    """Records while the relay says that the customer agreed and this app is in charge, and not a moment longer.

    Args:
        session_id: of the session.
        send: to the relay.
        ready: gives the media engine, starting it if need be.
        engine: the media engine, if it is running.
        recordings: where they go.
        emit: called with the events for windows.
        new_id: makes an idempotency key.
        on_change: called when what windows show of it has changed by itself.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        ready: Callable[[], Awaitable[MediaEngine]],
        engine: Callable[[], MediaEngine | None],
        recordings: Recordings,
        emit: Callable[[AppEvent], None],
        new_id: Callable[[], str],
        on_change: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._send = send
        self._ready = ready
        self._engine = engine
        self._recordings = recordings
        self._emit = emit
        self._new_id = new_id
        self._on_change = on_change
        self._view: SessionView | None = None
        self._running: str | None = None
        """The activity that is being recorded here."""
        self._over: set[str] = set()
        """Activities of which nothing more is recorded, whatever the relay thinks."""
        self._untold: dict[str, ActivityEnd] = {}
        self._publisher: PeerKey | None = None
        self._is_hub = False
        self._tasks = TaskOwner(f"recording-{session_id}")

    def shown(self, view: SessionView) -> ActivityView | None:
        """The recording as windows show it: what was stopped here is over, also while the relay cannot be told."""
        recording = recording_of(view)
        return None if recording is None or recording.id in self._over else recording

    async def ask(self, view: SessionView) -> None:
        """Ask the primary customer whether he agrees.

        Raises:
            Refused: there is no customer, one is running, or the relay says no.
            RelayUnavailable: nobody was asked.
        """
        customer = next((each for each in view.participants if each.role is Role.PRIMARY), None)
        if customer is None:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        if recording_of(view) is not None:
            raise Refused(ErrorCode.ACTIVITY_BUSY)
        message = ActivityAsk(
            session_id=self._session_id, request_id=self._new_id(), kind=ActivityKind.RECORDING, subject=customer.id
        )
        await self._send(message, ActivityMade)

    async def stop(self, view: SessionView) -> None:
        """Stop, here first, whatever the network does; or take the question back. Nothing to stop is no error."""
        recording = recording_of(view)
        if recording is None:
            return
        asked = recording.state is ActivityState.ASKED
        self._over.add(recording.id)
        self._stop_here()
        self._untold[recording.id] = ActivityEnd.CANCELLED if asked else ActivityEnd.STOPPED
        await self._tell()

    def follow(self, view: SessionView, *, is_hub: bool) -> None:
        """Bring what is recorded here into line with the session as it is now."""
        old, self._view, self._is_hub = self._view, view, is_hub
        recording = recording_of(view)
        wanted = recording if is_hub and recording is not None and recording.state is ActivityState.RUNNING else None
        if wanted is not None and wanted.id in self._over:
            wanted = None
        if wanted is None:
            self._stop_here()
        elif self._running is None:
            self._running = wanted.id
            _ = self._tasks.spawn(self._begin(wanted), name="begin")
        elif old is not None:
            self._mark(chapters.between(old, view))
        self._follow_share(view)

    def _follow_share(self, view: SessionView) -> None:
        shares = (each for each in view.activities if each.kind in _SHARES and each.state is ActivityState.RUNNING)
        share = next(shares, None)
        publisher = None if share is None or self._running is None else PeerKey(self._session_id, share.subject)
        engine = self._engine()
        if publisher != self._publisher and engine is not None:
            self._publisher = publisher
            engine.record_share(self._session_id, publisher)

    async def _begin(self, recording: ActivityView) -> None:
        try:
            engine = await self._ready()
        except SupportManagerError:
            self._running = None
            await self._failed(recording.id)
            return
        view = self._view
        if self._running != recording.id or view is None:
            return
        engine.start_recording(self._session_id, self._recordings.plan(view))
        self._publisher = None
        self._follow_share(view)
        self._mark(chapters.opening(view, recording))

    def _mark(self, found: Iterable[chapters.Chapter]) -> None:
        engine = self._engine()
        for key, places in found:
            if engine is not None:
                engine.mark_recording(self._session_id, self._recordings.chapter(key, **places))

    def _stop_here(self) -> None:
        running, self._running = self._running, None
        engine = self._engine()
        if running is not None:
            self._over.add(running)
            if engine is not None:
                engine.stop_recording(self._session_id)

    def take_media(self, event: MediaEvent) -> None:
        """Take an event of the engine."""
        if isinstance(event, EngineFailed):
            # Its recording is whole; the next engine records on, to another file, for the customer's yes still holds.
            self._publisher, self._running = None, None
            if self._view is not None:
                self.follow(self._view, is_hub=self._is_hub)
        elif isinstance(event, RecordingUnwanted):
            self._unwanted(event.peer.participant_id)
        elif isinstance(event, RecordingRuns):
            if self._running is not None:
                self._emit(RecordingFigures(self._session_id, event.seconds, event.bytes))
        elif isinstance(event, RecordingOver):
            name = event.path.name if event.path is not None else ""
            self._emit(RecordingEnded(self._session_id, name, event.seconds, event.bytes, event.trouble))
            if event.trouble is not None and self._running is not None:
                failed = self._running
                self._stop_here()  # the engine lets go of the share, and is free for the next one
                _ = self._tasks.spawn(self._failed(failed), name="failed")

    def _unwanted(self, participant_id: str) -> None:
        """A customer stops it: at once, whether the relay can be reached or not, which he tells it himself too."""
        view = self._view
        person = None if view is None else next((p for p in view.participants if p.id == participant_id), None)
        if view is not None and person is not None and person.role in CUSTOMERS and self._running is not None:
            stopped = self._running
            self._stop_here()
            self._on_change()
            _ = self._tasks.spawn(self._tell_later(stopped), name="tell later")

    async def _tell_later(self, activity_id: str) -> None:
        """Whoever stopped it tells the relay, so that everybody reads his name; unless he is gone by now."""
        await asyncio.sleep(_HIS_S)
        recording = None if self._view is None else recording_of(self._view)
        if recording is not None and recording.id == activity_id:
            self._untold[activity_id] = ActivityEnd.STOPPED
            await self._tell()

    async def _failed(self, activity_id: str) -> None:
        self._over.add(activity_id)
        self._untold[activity_id] = ActivityEnd.FAILED
        await self._tell()

    def went_online(self) -> None:
        """The relay is there (again): tell it what was stopped meanwhile."""
        if self._untold:
            _ = self._tasks.spawn(self._tell(), name="tell")

    async def _tell(self) -> None:
        for activity_id, reason in list(self._untold.items()):
            message = ActivityStop(session_id=self._session_id, activity_id=activity_id, reason=reason)
            try:
                await self._send(message, Nothing)
            except Refused as refusal:
                if refusal.code in TRANSIENT:
                    return
            except SupportManagerError:
                return  # told as soon as the relay is back
            self._untold.pop(activity_id, None)

    async def aclose(self) -> None:
        """The session is put away here: nothing more of it is recorded."""
        self._stop_here()
        await self._tasks.aclose(1.0)
