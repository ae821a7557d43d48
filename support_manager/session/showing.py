"""What this app itself shows in one session (B-7.2): begun with the relay's word, stopped here first whatever comes."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from support_manager.errors import AppCode, Refused, SupportManagerError
from support_manager.events import AppEvent, Failed, OwnShow
from support_manager.media.engine import MediaEngine, MediaEvent, PeerKey, ShowEnded, ShowFigures
from support_manager.media.screens import Shareable
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityMade, ActivityOffer, ActivityStop, ActivityUpdate, Nothing
from support_manager.protocol.views import SessionView
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_CODES = {str(code): code for code in AppCode}


class Showing:
    """One session's own share.

    Args:
        key: this app's own participant.
        send: to the relay.
        engine: gives the media engine, starting it at the first call.
        new_id: makes an idempotency key.
        on_change: called after anything that windows show of it has changed.
        emit: called with events for windows.
    """

    def __init__(
        self,
        key: PeerKey,
        send: Send,
        engine: Callable[[], Awaitable[MediaEngine]],
        new_id: Callable[[], str],
        on_change: Callable[[], None],
        emit: Callable[[AppEvent], None],
    ) -> None:
        self._key = key
        self._send, self._engine_of, self._new_id = send, engine, new_id
        self._on_change, self._emit = on_change, emit
        self._engine: MediaEngine | None = None
        self._source: Shareable | None = None
        self._activity_id = ""
        self._seen = False
        self._starting = asyncio.Lock()
        self._paused = self._told_paused = False
        self._figures: ShowFigures | None = None
        self._told_size = (0, 0)
        self._untold: dict[str, ActivityEnd] = {}
        self._tasks = TaskOwner(f"showing-{key.session_id}")

    @property
    def state(self) -> OwnShow | None:
        """What is shown, as windows tell it; None while nothing is."""
        source, figures = self._source, self._figures
        if source is None or not self._activity_id:
            return None
        return OwnShow(
            kind=source.kind,
            title=source.title,
            paused=self._paused,
            hidden=figures is not None and figures.is_hidden,
            viewers=figures.viewers if figures is not None else 0,
            width=figures.width if figures is not None else 0,
            height=figures.height if figures is not None else 0,
            fps=figures.fps if figures is not None else 0.0,
            kilobytes_per_s=figures.kilobytes_per_s if figures is not None else 0.0,
        )

    # --- what the rep wants

    async def start(self, source: Shareable, paused: Callable[[], bool] | None = None) -> None:
        """Show this; while something is shown already, this in its place, without a word to the connections.

        Args:
            source: what is shown.
            paused: asked right before anything of it is looked at, whether it is to be held from the first.
        """
        async with self._starting:
            engine = self._engine = await self._engine_of()
            if not self._activity_id:
                offer = ActivityOffer(
                    session_id=self._key.session_id,
                    request_id=self._new_id(),
                    kind=ActivityKind.SHOW,
                    source=source.kind,
                )
                made = await self._send(offer, ActivityMade)
                if made.activity_id in self._untold:
                    return  # ended again before its beginning was known here
                self._activity_id, self._seen = made.activity_id, False
                self._paused = self._told_paused = False
                switched = False
            else:
                switched = True
            self._source, self._figures, self._told_size = source, None, (0, 0)
            self._paused = self._paused or (paused is not None and paused())
            engine.begin_show(self._key, source, paused=self._paused)
        self._on_change()
        if switched or self._paused:
            await self._tell()

    def pause(self, paused: bool) -> None:
        """Hold the picture, or go on; here within this call, and the relay is told as soon as it can be."""
        if not self._activity_id or self._paused is paused:
            return
        self._paused = paused
        if self._engine is not None:
            self._engine.pause_show(self._key, paused)
        self._on_change()
        _ = self._tasks.spawn(self._tell(), name="tell pause")

    async def stop(self, reason: ActivityEnd = ActivityEnd.STOPPED) -> None:
        """Show nothing more: here first, then the relay is told, now or when it is back; doing it twice is no error."""
        activity_id = self._stop_here()
        if activity_id:
            self._untold[activity_id] = reason
            await self._tell_ends()

    def _stop_here(self) -> str:
        activity_id, self._activity_id = self._activity_id, ""
        self._source = self._figures = None
        self._paused = self._told_paused = False
        if self._engine is not None:
            self._engine.stop_show(self._key)
        if activity_id:
            self._on_change()
        return activity_id

    # --- what arrives

    def take_view(self, view: SessionView, *, whole: bool = False) -> None:
        """Bring what is done here into line with what the relay says; the own stop always wins.

        Args:
            view: the session.
            whole: whether it is a fresh snapshot, in which everything stands that there is.
        """
        mine = [each for each in view.activities if each.kind is ActivityKind.SHOW and each.subject == view.you]
        running = {each.id for each in mine if each.state is ActivityState.RUNNING}
        if self._activity_id in running:
            self._seen = True
        elif self._activity_id and (self._seen or whole):
            self._stop_here()  # somebody else stopped it, or control has moved
        for stray in running - {self._activity_id} - set(self._untold):
            if not self._starting.locked():
                # Shown by this app before it crashed: nothing is shown any more, so say that.
                self._untold[stray] = ActivityEnd.PAGE_RELOADED
                _ = self._tasks.spawn(self._tell_ends(), name="tell end")

    def take_media(self, event: MediaEvent) -> None:
        """Take an event of the media engine about this share."""
        if isinstance(event, ShowFigures) and event.peer == self._key:
            before, self._figures = self._figures, event
            if (event.width, event.height) != self._told_size and event.width:
                _ = self._tasks.spawn(self._tell(), name="tell size")
            if before is None or (before.is_hidden, before.viewers) != (event.is_hidden, event.viewers):
                self._on_change()
        elif isinstance(event, ShowEnded) and event.peer == self._key and self._activity_id:
            gone = event.code == AppCode.SOURCE_GONE
            self._emit(Failed(_CODES.get(event.code, AppCode.SHOW_FAILED), session_id=self._key.session_id))
            end = ActivityEnd.SOURCE_ENDED if gone else ActivityEnd.FAILED
            _ = self._tasks.spawn(self.stop(end), name="source ended")

    def failed(self) -> None:
        """The engine is gone, and what it showed with it."""
        self._engine = None
        if self._activity_id:
            _ = self._tasks.spawn(self.stop(ActivityEnd.FAILED), name="engine failed")

    def went_online(self) -> None:
        """The relay is there (again): tell it what it missed."""
        _ = self._tasks.spawn(self._catch_up(), name="catch up")

    async def _catch_up(self) -> None:
        await self._tell_ends()
        if self._activity_id and self._paused is not self._told_paused:
            await self._tell()

    async def _tell(self) -> None:
        """Tell the relay what is shown and whether it is held; without it, it is told later."""
        source, figures = self._source, self._figures
        if source is None or not self._activity_id:
            return
        paused = self._paused
        size = (figures.width, figures.height) if figures is not None else (0, 0)
        update = ActivityUpdate(
            session_id=self._key.session_id,
            activity_id=self._activity_id,
            source=source.kind,
            paused=paused,
            width=size[0],
            height=size[1],
        )
        try:
            await self._send(update, Nothing)
        except SupportManagerError as error:
            log.info("own share not told", session=self._key.session_id, code=str(error.code))
            return
        self._told_paused, self._told_size = paused, size

    async def _tell_ends(self) -> None:
        for activity_id, reason in list(self._untold.items()):
            message = ActivityStop(session_id=self._key.session_id, activity_id=activity_id, reason=reason)
            try:
                await self._send(message, Nothing)
            except Refused as refusal:
                if refusal.code in TRANSIENT:
                    return
                if refusal.code is not ErrorCode.ACTIVITY_UNKNOWN:
                    log.info("end of own share refused", session=self._key.session_id, code=str(refusal.code))
            except SupportManagerError:
                return  # it is told when the relay is back
            self._untold.pop(activity_id, None)

    async def aclose(self) -> None:
        """Show nothing more."""
        self._stop_here()
        await self._tasks.aclose(1.0)
