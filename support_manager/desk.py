"""The desk: all open sessions of this app, what arrives for them, and the media engine that serves them."""

import asyncio
from collections.abc import AsyncIterator, Callable, Hashable, Mapping, Sequence
from contextlib import asynccontextmanager
from uuid import uuid4

import msgspec
import structlog

from support_manager.camera_use import CameraUse
from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import (
    AppEvent,
    Failed,
    MailChanged,
    RecordingEnded,
    SessionChanged,
    SessionClosed,
    SessionLeft,
    SessionOpened,
    SessionSnapshot,
    VoiceDevice,
    VoiceHeard,
)
from support_manager.files.desk import FilesDesk
from support_manager.media.engine import (
    EngineFailed,
    MediaEngine,
    MediaEvent,
    PeerConnected,
    RecordingOver,
    RecordingRuns,
    VoiceLevels,
    VoiceTrouble,
)
from support_manager.media.voice.ports import AudioDevice
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import (
    ActivityChanged,
    InvitationChanged,
    Notice,
    PlaceChanged,
    SessionEvent,
    SessionReplaced,
    SignalReceived,
)
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import (
    Inside,
    OfferAccept,
    SessionAssist,
    SessionList,
    Sessions,
    SessionStart,
    SessionStarted,
)
from support_manager.protocol.views import IceServers, Mode, SessionView
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.session.recording import Recordings
from support_manager.session.runtime import SessionRuntime
from support_manager.session.voice import AudioWishes
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_HELD_EVENTS = 1_000
_ENGINES = 3
"""Media engines that may fail before this app goes on without pictures until its next start."""


class Desk:
    """Every session this app takes part in.

    Args:
        send: to the relay, over whatever connection there is.
        engine_factory: makes the media engine; called in a thread, because it imports the media libraries.
        emit: called with the events for windows.
        recordings: where recordings go.
        camera: this app's own camera.
        files: the files of all sessions.
    """

    def __init__(
        self,
        send: Send,
        engine_factory: Callable[[], MediaEngine],
        emit: Callable[[AppEvent], None],
        recordings: Recordings,
        camera: CameraUse,
        files: FilesDesk,
    ) -> None:
        self._camera = camera
        self._send = send
        self._factory = engine_factory
        self._tell = emit
        self.files = files
        self._recordings = recordings
        self._runtimes: dict[str, SessionRuntime] = {}
        self._engine: asyncio.Task[MediaEngine] | None = None
        self._engines_left = _ENGINES
        self._relay_only = False
        self._starting = 0
        self._early: dict[str, list[SessionEvent]] = {}
        self._unanswered: dict[Hashable, str] = {}
        """What was wished for → the idempotency key of the request that nobody answered yet."""
        self._mailing: dict[str, list[MailChanged]] = {}
        self._audio = AudioWishes()
        self._closing: dict[str, asyncio.Task[None]] = {}
        """Of the sessions that were let go of: the task that closes their media."""
        self._tasks = TaskOwner("desk")

    def _emit(self, event: AppEvent) -> None:
        """Tell the windows, and have the files follow."""
        self._tell(event)
        if isinstance(event, SessionOpened | SessionChanged):
            if event.session.id in self._runtimes:  # not one that is being put away
                self.files.follow(event.session)
        elif isinstance(event, SessionClosed | SessionLeft):
            self.files.over(event.session.id)

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The open sessions, in the order in which they were opened."""
        return {each.id: each.snapshot for each in self._runtimes.values() if each.is_told and not each.is_closed}

    def __getitem__(self, session_id: str) -> SessionRuntime:
        """The runtime of an open session.

        Raises:
            Refused: `session_unknown`; `resume_refused` while another app of this account holds it.
        """
        runtime = self._runtimes.get(session_id)
        if runtime is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        if runtime.is_let_go:
            raise Refused(ErrorCode.RESUME_REFUSED)
        return runtime

    def get(self, session_id: str) -> SessionRuntime | None:
        """The runtime of an open session, if it is open."""
        return self._runtimes.get(session_id)

    async def start_session(self, mode: Mode, tracking_code: str) -> SessionSnapshot:
        """Start a session at the relay and open it here.

        When no answer comes, the next try with the same wishes is the same request, so that two clicks never make two
        sessions.
        """
        tracking_code = tracking_code.strip()
        async with self._coming((mode, tracking_code)) as request_id:
            message = SessionStart(request_id=request_id, mode=mode, tracking_code=tracking_code)
            started = await self._send(message, SessionStarted)
            return await self._enter(started.session)

    async def assist(self, number: str) -> SessionSnapshot:
        """Come into a colleague's session."""
        async with self._coming(number) as request_id:
            inside = await self._send(SessionAssist(request_id=request_id, number=number), Inside)
            return await self._enter(inside.session, inside.ice)

    async def accept(self, session_id: str) -> SessionSnapshot:
        """Take a session that is offered or waits; as an assistant in it the agent has it open already."""
        async with self._coming(session_id):
            inside = await self._send(OfferAccept(session_id=session_id), Inside)
            return await self._enter(inside.session, inside.ice)

    async def leave(self, session_id: str) -> None:
        """Leave a session that goes on."""
        await self[session_id].leave()
        self._sweep()

    async def transfer(self, session_id: str, queue_id: str | None, agents: Sequence[str], message: str) -> None:
        """Pass a session on, and be out of it."""
        await self[session_id].transfer(queue_id, agents, message)
        self._sweep()

    @asynccontextmanager
    async def _coming(self, wish: Hashable) -> AsyncIterator[str]:
        """A request that brings a session is on its way: keep the events that overtake its answer."""
        request_id = self._unanswered.setdefault(wish, uuid4().hex)
        self._starting += 1
        try:
            yield request_id
        except Refused:
            self._unanswered.pop(wish, None)
            raise
        except RelayUnavailable:
            _ = self._tasks.spawn(self._look_for_missed(), name="look for missed")
            raise
        else:
            self._unanswered.pop(wish, None)
        finally:
            self._starting -= 1
            if not self._starting:
                self._early = {}

    async def _enter(self, view: SessionView, ice: IceServers | None = None) -> SessionSnapshot:
        runtime = self._runtimes.get(view.id)
        if runtime is None:
            runtime = self._open(view)
        else:
            runtime = await self._anew(runtime)
            runtime.take_view(view)
        if ice is not None:
            runtime.set_ice(ice)
        if not runtime.is_told:
            runtime.tell(recovered=False)
        runtime.went_online()
        for event in self._early.pop(view.id, []):
            runtime.take_event(event)
        return runtime.snapshot

    async def take_up(self) -> None:
        """Bind all sessions to the present connection: resume the known ones, find the others (crash, other run).

        Raises:
            SupportManagerError: the connection failed again.
        """
        for runtime in list(self._runtimes.values()):
            await self._resume(await self._anew(runtime))
        await self._find_others()
        self._sweep()
        self.files.went_online()

    async def _find_others(self) -> None:
        """Open what the relay knows to be ours and is not open here."""
        found = await self._send(SessionList(), Sessions)
        for view in found.sessions:
            if view.id not in self._runtimes:
                # Listed without chat: seen from here nothing of it is known yet, and resuming brings all of it.
                # One that was accepted here, but for the answer, is waited for: it comes to the front as any other.
                wanted = self._unanswered.pop(view.id, None) is not None
                await self._resume(self._open(msgspec.structs.replace(view, seq=0)), recovered=not wanted)

    async def _look_for_missed(self) -> None:
        """An answer got lost: nobody is to be in charge of a session that he does not see."""
        try:
            await self._find_others()
        except SupportManagerError as error:
            log.info("missed sessions are found at the next connect", code=str(error.code))

    async def _resume(self, runtime: SessionRuntime, *, recovered: bool = True) -> None:
        try:
            alive = await runtime.resume()
        except Refused as refusal:
            if refusal.code in TRANSIENT:
                raise
            # One session that the relay will not give back must not keep the rep from all the others.
            log.warning("session not resumed", session=runtime.id, code=str(refusal.code))
            if runtime.is_told:
                self._emit(Failed(refusal.code, session_id=runtime.id))
            else:
                self._forget(runtime)
            return
        if not alive:
            self._forget(runtime)
        elif not runtime.is_told:
            runtime.tell(recovered=recovered)

    async def mail(self, session_id: str, address: str, locale: str, *, to_rep: bool) -> str:
        """Have the relay send an invitation; what becomes of it is told after this has returned its id."""
        request_id = uuid4().hex
        self._mailing[request_id] = []
        try:
            await self[session_id].acts.mail(request_id, address, locale, to_rep=to_rep)
        finally:
            for news in self._mailing.pop(request_id):
                asyncio.get_running_loop().call_soon(self._emit, news)
        return request_id

    def went_offline(self) -> None:
        """The relay is away."""
        for runtime in self._runtimes.values():
            runtime.went_offline()

    def take(self, message: Wire) -> None:
        """Take an event of the relay."""
        if isinstance(message, SessionEvent):
            runtime = self._runtimes.get(message.session_id)
            if runtime is not None:
                if isinstance(message.fact, ActivityChanged):
                    self.files.take_activity(message.session_id, message.fact.activity)
                runtime.take_event(message)
                self._sweep()
            elif self._starting:
                held = self._early.setdefault(message.session_id, [])
                if len(held) < _HELD_EVENTS:  # the relay's answer to `session.start` is still on its way
                    held.append(message)
        elif isinstance(message, SignalReceived):
            runtime = self._runtimes.get(message.session_id)
            if runtime is not None:
                runtime.take_signal(message)
        elif isinstance(message, PlaceChanged):
            runtime = self._runtimes.get(message.session_id)
            if runtime is not None:
                runtime.take_place(message.place)
        elif isinstance(message, SessionReplaced):
            runtime = self._runtimes.get(message.session_id)
            if runtime is not None:
                log.warning("session taken up elsewhere", session=message.session_id)
                self._let_go(runtime)
                self._emit(Failed(ErrorCode.RESUME_REFUSED, session_id=message.session_id))
        elif isinstance(message, InvitationChanged):
            news = MailChanged(message.session_id, message.request_id, message.state, message.code, message.detail)
            if message.request_id in self._mailing:  # whoever asked does not know the id yet
                self._mailing[message.request_id].append(news)
            else:
                self._emit(news)
        elif isinstance(message, Notice):
            log.info("notice of the relay", code=message.code.value)

    def set_visible(self, session_id: str, visible: bool) -> None:
        """Whether that session's picture is on screen."""
        runtime = self._runtimes.get(session_id)
        if runtime is not None:
            runtime.set_visible(visible)

    # --- voice

    def check_voice(self, session_id: str) -> None:
        """One microphone, one call.

        Raises:
            LocalProblem: `voice_elsewhere`.
        """
        open_here = [each for each in self._runtimes.values() if not each.is_let_go]
        if any(each.voice.is_in and each.id != session_id for each in open_here):
            raise LocalProblem(AppCode.VOICE_ELSEWHERE)

    @property
    def is_muted(self) -> bool:
        """Whether nothing is to be heard of the microphone."""
        return self._audio.muted

    def set_muted(self, muted: bool) -> None:
        """Let nothing of this microphone be heard, or let it again."""
        self._audio.muted = muted
        self._tell_audio()

    def use_audio(self, microphone: str, speaker: str) -> None:
        """Use these devices from now on."""
        self._audio.devices = (microphone, speaker)
        self._tell_audio()

    async def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now; asked in a thread."""
        engine = await self.engine()
        return await asyncio.to_thread(engine.audio_devices)

    def _tell_audio(self) -> None:
        started = self._engine
        if started is not None and started.done() and not started.cancelled() and started.exception() is None:
            self._audio.tell(started.result())

    # --- media

    def engine(self) -> "asyncio.Future[MediaEngine]":
        """The media engine; the first session makes and starts it, so that it is ready when somebody offers."""
        return asyncio.shield(self._begin_engine())

    def _begin_engine(self) -> asyncio.Task[MediaEngine]:
        if self._engine is None:
            self._engine = self._tasks.spawn(self._start_engine(), name="engine")
        return self._engine

    async def _start_engine(self) -> MediaEngine:
        if self._engines_left <= 0:
            self._engine = None
            raise LocalProblem(AppCode.MEDIA_FAILED)
        try:
            engine = await asyncio.to_thread(self._factory)
            engine.start(self._take_media)
            self._audio.tell(engine)
            engine.set_relay_only("rep", self._relay_only)
        except Exception as error:
            log.exception("media engine did not start")
            self._engine = None  # the next offer tries again
            self._emit(Failed(AppCode.MEDIA_FAILED))
            raise LocalProblem(AppCode.MEDIA_FAILED) from error
        return engine

    def set_relay_only(self, wanted: bool) -> None:
        """Whether the rep wants his media to go through the relay's TURN server only; for connections to come."""
        self._relay_only = wanted
        engine = self._engine
        if engine is not None and engine.done() and not engine.cancelled() and engine.exception() is None:
            engine.result().set_relay_only("rep", wanted)

    def _take_media(self, event: MediaEvent) -> None:
        if isinstance(event, EngineFailed):
            log.error("media engine failed", reason=event.reason)
            self._put_engine_away()
            for runtime in self._runtimes.values():
                runtime.take_media(event)
            self._emit(Failed(AppCode.MEDIA_FAILED))
            return
        if isinstance(event, VoiceLevels):
            self._emit(VoiceHeard(event.session_id, event.people, event.here))
            return
        if isinstance(event, VoiceTrouble):
            self._emit(VoiceDevice(event.session_id, event.trouble))
            return
        about = event.session_id if isinstance(event, RecordingRuns | RecordingOver) else event.peer.session_id
        peers_runtime = self._runtimes.get(about)
        if peers_runtime is None and isinstance(event, RecordingOver):
            # The session is put away, and its recording became whole a moment later: that is told all the same.
            name = event.path.name if event.path is not None else ""
            self._emit(RecordingEnded(about, name, event.seconds, event.bytes, event.trouble))
        if isinstance(event, RecordingOver):
            self._recordings.tend()
        if peers_runtime is not None:
            peers_runtime.take_media(event)
            if isinstance(event, PeerConnected) and self._engine is not None and self._engine.done():
                self.files.reached(event.peer, self._engine.result())

    def _put_engine_away(self) -> None:
        """The thread is dead; what it left is closed, and the next offer starts another engine."""
        failed, self._engine = self._engine, None
        self._engines_left -= 1
        if failed is not None and failed.done() and failed.exception() is None:
            _ = self._tasks.spawn(failed.result().aclose(), name="failed engine")

    # --- coming and going

    def _open(self, view: SessionView, before: SessionRuntime | None = None) -> SessionRuntime:
        runtime = SessionRuntime(
            view,
            self._send,
            self.engine,
            self._emit,
            lambda: uuid4().hex,
            self._recordings,
            self._camera,
            lambda: self.set_muted(True),
            before,
        )
        self._runtimes[view.id] = runtime
        runtime.begin()
        _ = self._begin_engine()
        return runtime

    def _let_go(self, runtime: SessionRuntime) -> None:
        """Another app of this account holds that session now; here it stays to be seen, and closes its media."""
        if not runtime.is_let_go:
            runtime.let_go()
            closing = self._tasks.spawn(runtime.aclose(close_media=True), name=f"let-go-{runtime.id}")
            self._closing[runtime.id] = closing

    async def _anew(self, runtime: SessionRuntime) -> SessionRuntime:
        """The runtime that goes on with a session that was let go of; any other one itself."""
        if not runtime.is_let_go:
            return runtime
        closing = self._closing.get(runtime.id)  # none is left where all was put away meanwhile
        if closing is not None:
            await asyncio.wait([closing])
        now = self._runtimes.get(runtime.id)
        if now is not runtime:
            return now or runtime  # made anew, or put away, meanwhile
        del self._closing[runtime.id]
        return self._open(runtime.snapshot.view, runtime)

    def _sweep(self) -> None:
        for runtime in [each for each in self._runtimes.values() if each.is_closed]:
            self._forget(runtime)

    def _forget(self, runtime: SessionRuntime) -> None:
        if self._runtimes.pop(runtime.id, None) is not None:
            self._closing.pop(runtime.id, None)
            _ = self._tasks.spawn(runtime.aclose(), name=f"close-{runtime.id}")

    async def clear(self) -> None:
        """Put every session away without ending it, as on signing out."""
        runtimes, self._runtimes = list(self._runtimes.values()), {}
        self._closing.clear()
        await self.files.clear()
        await asyncio.gather(*(each.aclose(close_media=True) for each in runtimes))

    async def aclose(self) -> None:
        """Stop all sessions here, then the media engine. The sessions stay on the relay."""
        runtimes, self._runtimes = list(self._runtimes.values()), {}
        await self.files.aclose()
        await asyncio.gather(*(each.aclose() for each in runtimes))
        if self._engine is not None:
            try:
                engine = await asyncio.wait_for(self._engine, 1.0)
                await asyncio.wait_for(engine.aclose(), 3.0)
            except (TimeoutError, LocalProblem):
                log.exception("media engine did not end in time")
        await self._tasks.aclose(1.0)
