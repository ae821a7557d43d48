"""Runs one session: feeds the machine, the chat outbox and the media connections, and tells what changed."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

import structlog

from support_manager.camera_use import CameraUse
from support_manager.errors import AppCode, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import (
    AppEvent,
    DrawingChanged,
    Failed,
    Happening,
    LeftWhy,
    SessionChanged,
    SessionClosed,
    SessionLeft,
    SessionOpened,
    SessionSnapshot,
)
from support_manager.media.board import Board
from support_manager.media.engine import (
    CameraFigures,
    Drawn,
    EngineFailed,
    MediaEngine,
    MediaEvent,
    RecordingOver,
    RecordingRuns,
    ShareFigures,
)
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol import limits
from support_manager.protocol.activities import ACTIVITIES, ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.calls import call_of
from support_manager.protocol.channel import DrawMessage
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import SessionEvent, SignalReceived
from support_manager.protocol.requests import (
    ActivityAsk,
    ActivityMade,
    ActivityStop,
    Nothing,
    Resumed,
    SessionResume,
)
from support_manager.protocol.views import (
    ActivityView,
    Audience,
    Connection,
    EndReason,
    IceServers,
    Place,
    SessionView,
)
from support_manager.session.acts import SessionActs
from support_manager.session.cameras import cameras_of, running
from support_manager.session.drawing import SessionDrawing
from support_manager.session.ends import Ends
from support_manager.session.hub_link import HubLink
from support_manager.session.machine import SessionMachine, came_by_queue, controller_of, online_customers, primary_of
from support_manager.session.outbox import TRANSIENT, Outbox, Send
from support_manager.session.outcome import Outcome
from support_manager.session.peers import Peers
from support_manager.session.recording import Recordings, SessionRecording
from support_manager.session.showing import Showing
from support_manager.session.video import Video
from support_manager.session.voice import SessionVoice
from support_manager.session.watching import Watching
from support_manager.session.words import well_formed
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_HELD_SIGNALS = 256
_GONE = frozenset({ErrorCode.SESSION_UNKNOWN, ErrorCode.SESSION_ENDED, ErrorCode.WRONG_NUMBER})


def _end_of(activity: ActivityView) -> ActivityEnd:
    """What it is to be stopped now: the question for it is taken back, or it ends."""
    return ActivityEnd.CANCELLED if activity.state is ActivityState.ASKED else ActivityEnd.STOPPED


class SessionRuntime:
    """One open session of this app.

    Args:
        view: the first snapshot.
        send: to the relay.
        engine: gives the media engine, starting it at the first call.
        emit: called with the events for windows.
        new_id: makes an idempotency key.
        recordings: where recordings go.
        camera: this app's own camera.
        shut: lets nothing of this computer's microphone be heard.
        before: the runtime of the same session that was let go of and is closed; what is known of the session, and the
            lines that are on their way, go on here. Nothing is captured or connected before the session is resumed.
    """

    def __init__(
        self,
        view: SessionView,
        send: Send,
        engine: Callable[[], "asyncio.Future[MediaEngine]"],
        emit: Callable[[AppEvent], None],
        new_id: Callable[[], str],
        recordings: Recordings,
        camera: CameraUse,
        shut: Callable[[], None],
        before: "SessionRuntime | None" = None,
    ) -> None:
        self._send = send
        self._emit = emit
        self._new_id = new_id
        self._machine: SessionMachine = SessionMachine(view) if before is None else before._machine
        self._tasks = TaskOwner(f"session-{view.id}")
        self.acts = SessionActs(view.id, send)
        kept = None if before is None else before._outbox
        self._outbox: Outbox = Outbox(view.id, send, self._confirmed, self._line_refused, kept)
        self._peers = Peers(view.id, send, engine, self._is_online, self._is_showing, self._refresh)
        self._link = HubLink(view.id, send, self._peers.ready, self._peers.ice_servers, self._refresh)
        visible = before is not None and before.watching.visible
        self.watching: Watching = Watching(self._machine, self._peers, self._link, emit, visible=visible)
        self.voice = SessionVoice(view.id, send, lambda: self._machine.view, self._peers.ready, new_id, shut)
        self.drawing = SessionDrawing(lambda: self._machine.view, send, new_id, self._drawn, self._undrawn)
        own = self._peers.key(view.you)
        self.showing = Showing(own, send, self._peers.ready, new_id, self._changed, emit)
        self.recording = SessionRecording(
            view.id, send, self._peers.ready, lambda: self._peers.engine, recordings, emit, new_id, self._changed
        )
        self.video = Video(
            view.id, send, self._peers.ready, camera, new_id, self._refresh, self._stop, self._tell_failure
        )
        self._ends = Ends(send, self._tasks)
        self._held_signals: list[SignalReceived] = []
        self._told: bool = before is not None and before._told
        self._closed = False
        self._let_go = False
        self._going: LeftWhy | None = None
        """How the rep last wanted to be out of this session."""
        if before is None:
            self._peers.set_hub(self._machine.is_hub)
            self._follow()
            self._follow_cameras()

    @property
    def id(self) -> str:
        """The session's id."""
        return self._machine.view.id

    @property
    def snapshot(self) -> SessionSnapshot:
        """The session as windows show it."""
        shown = self.recording.shown(self._machine.view)
        known = replace(self._machine.snapshot(), draws=self.drawing.mine is not None, show=self.showing.state)
        return replace(known, recording=shown)

    @property
    def is_let_go(self) -> bool:
        """Whether another app of this account holds the session; to go on with it here takes a runtime made anew."""
        return self._let_go

    @property
    def is_told(self) -> bool:
        """Whether the windows know of this session."""
        return self._told

    def begin(self) -> None:
        """Begin to work; nothing is told before `tell`."""
        _ = self._tasks.spawn(self._outbox.run(), name="outbox")
        self._peers.start()
        self._link.start()

    def tell(self, *, recovered: bool) -> None:
        """Tell that the session is here."""
        self._told = True
        self._machine.set_picture(self.watching.picture)
        self._emit(SessionOpened(self.snapshot, recovered))

    def went_online(self) -> None:
        """The session is bound to the present connection: send what is left, ask who is not connected."""
        self._outbox.went_online()
        self.voice.went_online()
        self._link.went_online()
        for stopped in self._machine.stopped:
            self._tell_stopped(stopped)
        if self.drawing.has_untold:
            _ = self._tasks.spawn(self._tell_undrawn(), name="end drawing")
        self.showing.went_online()
        self.recording.went_online()
        self._peers.went_online(wanted={each.id for each in online_customers(self._machine.view)})

    def take_view(self, view: SessionView) -> None:
        """Take a whole snapshot that came with an answer."""
        self._act(self._machine.take_snapshot(view))

    def set_ice(self, ice: IceServers) -> None:
        """Keep ICE servers that came with an answer."""
        self._peers.set_ice(ice)

    def went_offline(self) -> None:
        """The relay is away. The picture is not its business and stays."""
        self._outbox.went_offline()
        self._peers.went_offline()
        self._link.went_offline()

    def let_go(self) -> None:
        """Another app of this account holds the session: nobody at this screen hears of what is captured, recorded or
        said in it any more, so nothing is. What is known of it stays, and `aclose` with its media must follow."""
        self.went_offline()
        self._let_go = True

    async def resume(self) -> bool:
        """Take the session up again on a new connection; False when it is over meanwhile.

        Raises:
            SupportManagerError: the connection failed again.
        """
        self._machine.hold()
        try:
            resumed = await self._send(SessionResume(session_id=self.id, after_seq=self._machine.view.seq), Resumed)
        except Refused as refusal:
            if refusal.code not in _GONE:
                raise
            self._gone(refusal.code)
            return False
        self._going = None  # it was not done: the session is still ours
        self._peers.set_ice(resumed.ice)
        self._act(self._machine.take_snapshot(resumed.session))
        self.showing.take_view(self._machine.view, whole=True)
        for received in self._take_held_signals():
            self.take_signal(received)
        if self._closed or self._machine.is_over:
            return False
        self.went_online()
        return True

    def _gone(self, code: ErrorCode | AppCode) -> None:
        """The relay does not give the session back: it is over, or goes on without us."""
        view = self._machine.view
        if code is ErrorCode.SESSION_UNKNOWN and self._going is not None:
            self._leave(self._going)  # what the rep wanted was done, and only its answer got lost
        elif code is ErrorCode.SESSION_UNKNOWN and not self._machine.is_hub:
            self._leave(LeftWhy.REMOVED)
        elif code is ErrorCode.SESSION_UNKNOWN and came_by_queue(view):
            self._leave(LeftWhy.TRANSFERRED)  # back to its queue while we were away (B-12.6)
        else:
            self._close(EndReason.CONTROLLER_LOST)  # it does not wait longer for us than that (B-12.6)

    # --- what the rep wants

    async def leave(self) -> None:
        """Leave; the relay's answer is enough, whatever becomes of its events."""
        await self._go(LeftWhy.LEFT, self.acts.leave())
        self._leave(LeftWhy.LEFT)

    async def transfer(self, queue_id: str | None, agents: Sequence[str], message: str) -> None:
        """Pass the session on, and be out of it (B-10.3)."""
        await self._go(LeftWhy.TRANSFERRED, self.acts.transfer(queue_id, agents, message))
        self._leave(LeftWhy.TRANSFERRED)

    async def _go(self, why: LeftWhy, act: Awaitable[None]) -> None:
        self._going = why
        try:
            await act
        except Refused:
            self._going = None
            raise

    async def ask_control(self, asking: bool) -> None:
        """Ask the controller for control, or take that back."""
        self._machine.withdrew(not asking)
        await self.acts.ask_control(asking)

    async def ask_view(self) -> None:
        """Ask the primary customer to show his screen."""
        customer = primary_of(self._machine.view)
        if customer is None:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        if self._machine.share is not None:
            raise Refused(ErrorCode.ACTIVITY_BUSY)
        message = ActivityAsk(
            session_id=self.id, request_id=self._new_id(), kind=ActivityKind.VIEW, subject=customer.id
        )
        await self._send(message, ActivityMade)

    async def ask_camera(self) -> None:
        """Ask the primary customer to show his camera."""
        customer = primary_of(self._machine.view)
        if customer is None:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        await self.video.ask(customer.id)

    async def stop_view(self) -> None:
        """Stop looking, or take the question back; nothing to stop is no error."""
        share = self._machine.share
        if share is not None:
            await self._stop(share)

    async def _stop(self, activity: ActivityView) -> None:
        """Stop an activity: here first, whatever the network does; the relay learns of it now or later."""
        self._act(self._machine.stop(activity.id))
        message = ActivityStop(session_id=self.id, activity_id=activity.id, reason=_end_of(activity))
        try:
            await self._send(message, Nothing)
        except RelayUnavailable:
            self._tell_stopped(activity)
        except Refused as refusal:
            if refusal.code in TRANSIENT:
                self._tell_stopped(activity)
            elif refusal.code is not ErrorCode.ACTIVITY_UNKNOWN:  # it ended in the same moment
                raise

    def _tell_stopped(self, activity: ActivityView) -> None:
        self._ends.tell(self.id, activity.id, _end_of(activity))

    def draw(self, message: DrawMessage) -> None:
        """Draw on what is shared: here at once, and at everybody's who sees it. Without the right to it nothing is."""
        engine = self._peers.engine
        if self.drawing.mine is not None and self.drawing.take(self._machine.view.you, message) and engine is not None:
            engine.draw(self._peers.key(self._machine.view.you), message)

    @property
    def board(self) -> Board:
        """What is drawn over what is shared."""
        return self.drawing.board

    async def ask_recording(self) -> None:
        """Ask the primary customer whether the session may be recorded (B-7.8)."""
        await self.recording.ask(self._machine.view)

    async def stop_recording(self) -> None:
        """Stop recording, here first, or take the question back."""
        try:
            await self.recording.stop(self._machine.view)
        finally:
            self._changed()

    def send_chat(self, text: str, audience: Audience) -> None:
        """Send one line."""
        text = well_formed(text).strip()
        if not text:
            return
        if len(text) > limits.TEXT_CHARS:
            raise Refused(ErrorCode.TOO_LARGE)
        if self._machine.is_over:
            raise Refused(ErrorCode.SESSION_ENDED)
        self._machine.add_pending(self._outbox.add(text, audience), text, audience)
        self._changed()

    def retry_chat(self, line_id: str) -> None:
        """Send a line once more that the relay had refused; any other id is no error."""
        if self._machine.is_over:
            raise Refused(ErrorCode.SESSION_ENDED)
        if self._outbox.again(line_id):
            self._machine.again(line_id)
            self._changed()

    def set_visible(self, visible: bool) -> None:
        """Whether this session's picture is on screen."""
        self.watching.visible = visible
        if not self._let_go:
            self.watching.show()
            self._follow_cameras()

    def mailbox(self) -> FrameMailbox | None:
        """Where the newest picture is to be had, while something is shared."""
        return None if self._let_go else self.watching.mailbox()

    # --- what arrives

    def take_event(self, event: SessionEvent) -> None:
        """Take an event of the relay."""
        self._act(self._machine.apply(event))

    def take_place(self, place: Place) -> None:
        """The customer's place in line changed."""
        self._act(self._machine.take_place(place))

    def take_signal(self, received: SignalReceived) -> None:
        """Take a signal; from somebody who is not in the session it is dropped."""
        if self._let_go:
            return
        if self._machine.is_holding:
            # Who is in charge, and who is in at all, is about to become known.
            if len(self._held_signals) < _HELD_SIGNALS:
                self._held_signals.append(received)
            return
        if self._machine.person(received.sender) is None:
            log.warning("signal of a stranger dropped", session=self.id)
            return
        if self._machine.is_hub:
            self._peers.take_signal(received)
        else:
            self._link.take_signal(received)

    def take_media(self, event: MediaEvent) -> None:
        """Take an event of the media engine."""
        if self._let_go and not isinstance(event, RecordingOver):
            return  # of what is being closed; how its recording ended is told
        if isinstance(event, Drawn):
            self.drawing.take(event.peer.participant_id, event.message)
            return
        self.recording.take_media(event)
        if isinstance(event, RecordingRuns | RecordingOver):
            return
        if isinstance(event, ShareFigures):
            self.watching.take(event)
        self._peers.take_media(event)
        self.showing.take_media(event)
        if isinstance(event, EngineFailed):
            self._link.failed()
            self.voice.engine_failed()
            self.showing.failed()
            self.video.engine_failed()
        elif isinstance(event, CameraFigures):
            self.video.take(event)
        elif not self._machine.is_hub:
            self._link.take_media(event)
        if isinstance(event, ShareFigures):
            self.watching.tell(event)

    # --- inside

    def _take_held_signals(self) -> list[SignalReceived]:
        held, self._held_signals = self._held_signals, []
        return held

    def _act(self, outcome: Outcome) -> None:
        if self._let_go:
            return
        for participant_id in outcome.share_over:
            self._peers.share_over(participant_id)
            self._link.share_over()
        for participant_id in outcome.gone:
            self._peers.gone(participant_id)
        if outcome.changed:
            view = self._machine.view
            self._peers.set_hub(
                self._machine.is_hub,
                wanted=[each.id for each in online_customers(view)],
                is_call=bool(call_of(view).speaking),
            )
            self._follow()
            self.recording.follow(self._machine.view, is_hub=self._machine.is_hub)
            self.watching.take_share()
            self._machine.set_picture(self.watching.picture)
            self.watching.show()
            self.showing.take_view(self._machine.view)
            self._follow_cameras()
            self._changed()
        for attention in outcome.attention:
            if self._told:
                self._emit(attention)
            if attention.what is Happening.BACK:
                self._somebody_is_back()
        if outcome.ended is not None:
            self._close(outcome.ended)
        if outcome.left is not None:
            self._leave(outcome.left)

    def _somebody_is_back(self) -> None:
        for customer in online_customers(self._machine.view):
            self._peers.came_back(customer.id)

    def _refresh(self) -> None:
        if self._let_go:
            return
        changed = self._machine.set_picture(self.watching.picture).changed
        if self._machine.set_cameras(self.video.views()).changed or changed:
            self._changed()

    def _follow_cameras(self) -> None:
        machine = self._machine
        over = self._closed or machine.is_over
        self.video.follow(machine.view, is_hub=machine.is_hub, visible=self.watching.visible, is_over=over)
        machine.set_cameras(self.video.views())

    def _tell_failure(self, error: SupportManagerError) -> None:
        self._emit(Failed(error.code, dict(error.params), session_id=self.id))

    def _changed(self) -> None:
        if self._told and not self._closed:
            self._emit(SessionChanged(self.snapshot))

    def _drawn(self) -> None:
        if self._told and not self._closed:
            self._emit(DrawingChanged(self.id))

    async def _tell_undrawn(self) -> None:
        try:
            await self.drawing.tell_waiting()
        except SupportManagerError as error:
            log.info("end of a drawing not told", session=self.id, code=str(error.code))

    def _undrawn(self) -> None:
        self._follow()
        self._changed()

    def _follow(self) -> None:
        """Connect to whoever is in charge, or hand on what is shown to whoever may see it."""
        is_hub = self._machine.is_hub
        hub = None if is_hub or self._machine.is_over else controller_of(self._machine.view)
        known = self._link.peer
        if hub is not None and not self._has_media and (known is None or known.key.participant_id != hub.id):
            hub = None  # there is nothing to see: the question to the customer leaves time enough to connect
        self._link.follow(
            hub.id if hub is not None else None,
            is_there=hub is not None and hub.connection is Connection.ONLINE,
            is_call=bool(call_of(self._machine.view).speaking),
        )
        self.voice.follow(is_hub=is_hub, hub_id=hub.id if hub is not None else None)
        self.drawing.follow()
        self._peers.set_drawing(self.drawing.drawers, self.drawing.viewers)
        share = self._machine.shown if is_hub else None
        if share is None:
            self._peers.set_audience(None, frozenset())
            return
        rule = ACTIVITIES[share.kind].seen_by
        away = {self._machine.view.you, share.subject}
        people = [self._machine.person(each) for each in share.seen_by if each not in away]
        self._peers.set_audience(share.subject, frozenset(each.id for each in people if each and each.role in rule))

    @property
    def _has_media(self) -> bool:
        """Whether there is anything to see or to hear, or soon will be."""
        view = self._machine.view
        return self._machine.share is not None or call_of(view).is_there or bool(cameras_of(view))

    def _is_online(self, participant_id: str) -> bool:
        person = self._machine.person(participant_id)
        return person is not None and person.connection is Connection.ONLINE

    def _is_showing(self, participant_id: str) -> bool:
        """Whether pictures are owed by that participant: of his screen, or of his camera."""
        return self.watching.is_sharing(participant_id) or running(self._machine.view, participant_id)

    def _confirmed(self, line_id: str, seq: int) -> None:
        if self._machine.confirm(line_id, seq).changed:
            self._changed()

    def _line_refused(self, line_id: str, code: ErrorCode) -> None:
        self._machine.fail(line_id)
        self._changed()
        self._emit(Failed(code, session_id=self.id))

    def _close(self, reason: EndReason) -> None:
        if self._closed:
            return
        self._closed = True
        self._machine.fail_all()
        self._follow_cameras()
        if self._told:
            self._emit(SessionClosed(self.snapshot, reason))

    def _leave(self, why: LeftWhy) -> None:
        if self._closed:
            return
        self._closed = True
        self._machine.fail_all()
        self._follow_cameras()
        if self._told:
            self._emit(SessionLeft(self.snapshot, why))

    @property
    def is_closed(self) -> bool:
        """Whether the session is over, or goes on without us, and that is told."""
        return self._closed

    async def aclose(self, *, close_media: bool = False) -> None:
        """Stop working, and close the media of a session that is over (or all the same, with `close_media`)."""
        await self.voice.aclose()
        await self.video.aclose()
        await self._link.aclose()
        await self.showing.aclose()
        await self.recording.aclose()
        await self._peers.aclose(over=self._closed or close_media)
        await self._tasks.aclose(1.0)
