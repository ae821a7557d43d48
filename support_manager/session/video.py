"""Cameras of one session (B-7.6): starting and stopping ours, asking for the customer's, what each picture is worth."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog

from support_manager.camera_use import CameraUse, code_of
from support_manager.errors import LocalProblem, Refused, SupportManagerError
from support_manager.events import CameraState, CameraView
from support_manager.media.camera import CameraTrouble
from support_manager.media.engine import CameraFigures, Liveness, MediaEngine, PeerKey
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.activities import ACTIVITIES, ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityAsk, ActivityMade, ActivityOffer, ActivityStop, Nothing
from support_manager.protocol.views import ActivityView, SessionView
from support_manager.session.cameras import cameras_of, running
from support_manager.session.outbox import Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_Wanted = tuple[Mapping[str, frozenset[str]], str | None, bool]
_NOTHING: _Wanted = ({}, None, False)


class Video:
    """The cameras of one session.

    Args:
        session_id: of the session.
        send: to the relay.
        engine: gives the media engine, starting it at the first call.
        camera: this app's own camera, shared by all sessions.
        new_id: makes an idempotency key.
        on_change: called after anything that `views` depends on has changed.
        stop: stops one of them here first, the relay learns of it now or later; takes a question back, too.
        failed: called with what went wrong in the background.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        engine: Callable[[], Awaitable[MediaEngine]],
        camera: CameraUse,
        new_id: Callable[[], str],
        on_change: Callable[[], None],
        stop: Callable[[ActivityView], Awaitable[None]],
        failed: Callable[[SupportManagerError], None],
    ) -> None:
        self._session_id = session_id
        self._send = send
        self._engine_of = engine
        self._camera = camera
        self._new_id = new_id
        self._on_change = on_change
        self._stop = stop
        self._failed = failed
        self._engine: MediaEngine | None = None
        self._view: SessionView | None = None
        self._figures: dict[str, CameraFigures] = {}
        self._seen: set[str] = set()
        self._wanted: _Wanted = _NOTHING
        self._told: _Wanted = _NOTHING
        self._starting = False
        self._ending: set[str] = set()
        """Activities of ours whose end the relay is being told."""
        self._tasks = TaskOwner(f"video-{session_id}")
        self._telling: asyncio.Task[None] | None = None

    # --- what the rep wants

    async def start(self) -> None:
        """Show our own camera; nothing is told to anybody before the camera gives pictures.

        Raises:
            LocalProblem: what is wrong with the camera.
        """
        view = self._view
        if view is None or self._starting or running(view, view.you):
            return
        self._starting = True
        try:
            engine = await self._ready()
            await self._camera.begin(self._session_id, engine.camera_slot(), self._trouble)
            offer = ActivityOffer(session_id=self._session_id, request_id=self._new_id(), kind=ActivityKind.VIDEO)
            await self._send(offer, ActivityMade)
        except BaseException:
            self._camera.end(self._session_id)
            raise
        finally:
            self._starting = False
        self._on_change()

    async def stop(self, owner: str) -> None:
        """Stop a camera, or take the question for it back; here it is out first, whatever the network does."""
        view = self._view
        if view is None:
            return
        if owner == view.you:
            self._camera.end(self._session_id)
            self._on_change()
        activity = next((each for each in cameras_of(view) if each.subject == owner), None)
        if activity is not None:
            await self._stop(activity)

    async def ask(self, customer: str) -> None:
        """Ask the customer for his camera."""
        message = ActivityAsk(
            session_id=self._session_id, request_id=self._new_id(), kind=ActivityKind.VIDEO, subject=customer
        )
        await self._send(message, ActivityMade)

    def mailbox(self, owner: str) -> FrameMailbox | None:
        """Where that participant's newest picture is to be had; None while his camera does not run."""
        view, engine = self._view, self._engine
        if view is None or engine is None or not running(view, owner):
            return None
        return engine.camera_mailbox(None if owner == view.you else PeerKey(self._session_id, owner))

    # --- what arrives

    def follow(self, view: SessionView, *, is_hub: bool, visible: bool, is_over: bool) -> None:
        """Bring engine and camera into line with what the relay says.

        Args:
            view: the session now.
            is_hub: whether this app is the centre.
            visible: whether this session is on screen.
            is_over: whether the session is over for us.
        """
        self._view = view
        cameras: dict[str, frozenset[str]] = {}
        for activity in () if is_over else cameras_of(view):
            if activity.state is ActivityState.RUNNING and view.you in (activity.subject, *activity.seen_by):
                allowed = ACTIVITIES[activity.kind].seen_by
                people = frozenset(each.id for each in view.participants if each.role in allowed)
                cameras[activity.subject] = people & set(activity.seen_by) - {view.you} if is_hub else frozenset()
        own = view.you if view.you in cameras and self._camera.is_used_by(self._session_id) else None
        if own is None and view.you in cameras:
            del cameras[view.you]
        self._wanted = (cameras, own, visible)
        for gone in set(self._figures) - set(cameras):
            del self._figures[gone]
        self._seen &= set(cameras)
        self._tell()
        self._look_after_ours(over=is_over)

    def _look_after_ours(self, *, over: bool) -> None:
        view = self._view
        if view is None or self._starting:
            return
        ours = None if over else next((each for each in cameras_of(view) if each.subject == view.you), None)
        used = self._camera.is_used_by(self._session_id)
        self._ending &= {each.id for each in cameras_of(view)}
        if used and (ours is None or ours.state is not ActivityState.RUNNING):
            self._camera.end(self._session_id)  # stopped by somebody else, or control moved
        elif not used and ours is not None and ours.state is ActivityState.RUNNING and ours.id not in self._ending:
            # From before a restart of this app, or from another one of ours: nothing is shown, so say that.
            self._ending.add(ours.id)
            _ = self._tasks.spawn(self._end_quietly(ours.id, ActivityEnd.PAGE_RELOADED), name="not shown")

    def take(self, event: CameraFigures) -> None:
        """Take figures of the engine."""
        owner = event.peer.participant_id
        if owner not in self._wanted[0]:
            return
        self._figures[owner] = event
        if event.fps > 0:
            self._seen.add(owner)
        self._on_change()

    def engine_failed(self) -> None:
        """The engine is gone; another one is told all of it."""
        self._engine = None
        self._told = _NOTHING
        self._figures.clear()
        if self._wanted[0]:
            self._tell()

    def views(self) -> tuple[CameraView, ...]:
        """The cameras as windows show them: ours first, then by their owners' coming."""
        view = self._view
        if view is None:
            return ()
        names = {each.id: each.name for each in view.participants}
        order = {each.id: at for at, each in enumerate(view.participants)}
        found = [
            CameraView(
                owner=each.subject,
                name=names.get(each.subject, ""),
                state=self._state(each),
                mine=each.subject == view.you,
            )
            for each in cameras_of(view)
            if each.subject != view.you or self._starting or self._camera.is_used_by(self._session_id)
        ]
        return tuple(sorted(found, key=lambda one: (not one.mine, order.get(one.owner, len(order)))))

    def _state(self, activity: ActivityView) -> CameraState:
        if activity.state is ActivityState.ASKED:
            return CameraState.ASKED
        if self._view is not None and activity.subject == self._view.you:
            return CameraState.LIVE
        figures = self._figures.get(activity.subject)
        if activity.paused or (figures is not None and figures.paused):
            return CameraState.PAUSED
        if figures is not None and figures.fps > 0 and figures.liveness is not Liveness.LOST:
            return CameraState.LIVE
        return CameraState.LOST if activity.subject in self._seen else CameraState.CONNECTING

    # --- inside

    async def _ready(self) -> MediaEngine:
        engine = self._engine = await self._engine_of()
        return engine

    def _tell(self) -> None:
        if self._wanted == self._told:
            return
        if self._engine is not None:
            self._told = self._wanted
            cameras, own, visible = self._wanted
            self._engine.set_cameras(self._session_id, cameras, own, visible=visible)
        elif self._wanted[0] and (self._telling is None or self._telling.done()):
            self._telling = self._tasks.spawn(self._tell_later(), name="tell")

    async def _tell_later(self) -> None:
        try:
            await self._ready()
        except SupportManagerError as error:
            log.warning("no pictures of cameras", session=self._session_id, code=str(error.code))
            return
        if self._engine is not None:
            self._camera.move(self._engine.camera_slot())
        self._tell()
        self._on_change()

    def _trouble(self, trouble: CameraTrouble) -> None:
        """Our camera gives no pictures any more."""
        self._failed(LocalProblem(code_of(trouble)))
        view = self._view
        ours = None if view is None else next((each for each in cameras_of(view) if each.subject == view.you), None)
        if ours is not None:
            _ = self._tasks.spawn(self._end_quietly(ours.id, ActivityEnd.SOURCE_ENDED), name="camera gone")
        self._on_change()

    async def _end_quietly(self, activity_id: str, reason: ActivityEnd) -> None:
        self._ending.add(activity_id)
        try:
            await self._send(ActivityStop(session_id=self._session_id, activity_id=activity_id, reason=reason), Nothing)
        except SupportManagerError as error:
            if isinstance(error, Refused) and error.code is ErrorCode.ACTIVITY_UNKNOWN:
                return  # it ended in the same moment
            self._ending.discard(activity_id)  # told as soon as the relay is there again
            log.info("camera's end not told", session=self._session_id, code=str(error.code))

    async def aclose(self) -> None:
        """Let go of the camera and stop working."""
        self._camera.end(self._session_id)
        await self._tasks.aclose(1.0)
