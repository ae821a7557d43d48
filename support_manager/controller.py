"""The controller: takes the intents of the windows and tells them, as events, all that happens."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import platformdirs
import structlog

from resources.catalog import best_language
from support_manager.account_link import AccountLink, TransportMaker
from support_manager.camera_use import CameraUse
from support_manager.credentials import CredentialStore
from support_manager.desk import Desk
from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import AppEvent, Failed, Link, SessionSnapshot
from support_manager.files.book import Done
from support_manager.files.desk import FilesDesk
from support_manager.files.lines import FileLine
from support_manager.history import HistoryDesk
from support_manager.inbox import InboxDesk
from support_manager.intents import Invitation
from support_manager.invitations import build_invitation, check_address
from support_manager.links import parse_link
from support_manager.media.board import Board
from support_manager.media.camera import CameraDevice, CameraPort
from support_manager.media.engine import MediaEngine
from support_manager.media.mailbox import FrameMailbox
from support_manager.media.screens import Shareable
from support_manager.media.voice.ports import AudioDevice
from support_manager.protocol import limits
from support_manager.protocol.channel import DrawMessage
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import InboxChanged, Welcome
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import History, HistoryPage, Noted, Targets, TransferTargets
from support_manager.protocol.views import AGENT, AccountView, Audience, InboxView, Mode, Presence, SiteView
from support_manager.recordings import Recording, RecordingLibrary
from support_manager.settings import Settings, SettingsStore, profile_folder, recordings_folder

log = structlog.get_logger(__name__)
_CLOSE_S = 5.0


def app_version() -> str:
    """This app's version, as the relay's log shows it."""
    try:
        return version("support-manager")
    except PackageNotFoundError:
        return "0"


def aiortc_engine() -> MediaEngine:
    """The real media engine; importing it takes a while, so it is called in a thread after the first paint."""
    from support_manager.media.aiortc_engine import AiortcEngine

    return AiortcEngine()


class Controller:
    """Implements `intents.Intents`.

    Args:
        settings: the profile's settings.
        credentials: the keyring.
        engine_factory: makes the media engine; called in a thread, once it is needed.
        transport_factory: makes a transport to the relay; the default is Socket.IO.
        rng: for the jitter of the back-off.
    """

    def __init__(
        self,
        settings: SettingsStore,
        credentials: CredentialStore,
        engine_factory: Callable[[], MediaEngine] = aiortc_engine,
        *,
        transport_factory: TransportMaker | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._store = settings
        self._listeners: list[Callable[[AppEvent], None]] = []
        self._way = AccountLink(
            settings,
            credentials,
            self,
            self._emit,
            client_version=app_version(),
            transport_factory=transport_factory,
            rng=rng,
        )
        self._recordings = RecordingLibrary(settings, self._emit)
        self._camera = CameraUse(lambda: settings.current.camera)
        self._files = FilesDesk(
            self._way.request, self._emit, settings.folder, lambda: self._way.access, lambda: self.files_folder
        )
        self._desk = Desk(self._way.request, engine_factory, self._emit, self._recordings, self._camera, self._files)
        self._desk.set_relay_only(settings.current.relay_only)
        self._desk.set_muted(settings.current.push_to_talk)
        self._inbox = InboxDesk(self._way.request, self._emit)
        self._history = HistoryDesk(self._way.request)
        self._site: SiteView | None = None
        self._closed = False

    @classmethod
    def for_profile(
        cls, folder: Path | None = None, engine_factory: Callable[[], MediaEngine] = aiortc_engine
    ) -> "Controller":
        """The controller of a profile folder, with everything real; None means the platform's own folder."""
        service = "support-manager" if folder is None else f"support-manager {folder.resolve()}"
        settings = SettingsStore(profile_folder(folder), recordings_folder(folder))
        return cls(settings, CredentialStore(service), engine_factory)

    def use_camera(self, port: CameraPort) -> None:
        """Take this computer's cameras from that port; without one there are none."""
        self._camera.use(port)

    # --- what windows may read

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""
        return self._way.account

    @property
    def link(self) -> Link:
        """The connection to the relay."""
        return self._way.state

    @property
    def relay_url(self) -> str:
        """The relay's address, as last used."""
        return self._way.origin

    @property
    def company(self) -> str:
        """The company's name as the relay's site says it; empty before it was asked."""
        return self._site.company if self._site is not None else ""

    @property
    def site(self) -> SiteView | None:
        """What the relay said of itself, once it has."""
        return self._site

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The open sessions by id."""
        return self._desk.sessions

    @property
    def settings(self) -> Settings:
        """The present settings."""
        return self._store.current

    @property
    def inbox(self) -> InboxView | None:
        """The agent's Inbox; None for everybody else."""
        return self._inbox.view

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; calling the result ends that."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    # --- signing in and out

    async def start(self) -> None:
        """Sign in with what the keyring holds; see `Intents.start`."""
        if self._store.set_aside is not None:
            self._emit(Failed(AppCode.SETTINGS_UNREADABLE, {"file": str(self._store.set_aside)}))
        await self._way.start()

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in; see `Intents.sign_in`."""
        return await self._way.sign_in(relay_url, name, password, stay=stay)

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        """Trust exactly this certificate for that relay from now on."""
        await self._way.accept_certificate(relay_url, fingerprint)

    async def sign_out(self) -> None:
        """Revoke and forget the tokens; sessions stay on the relay."""
        await self._way.sign_out()

    # --- sessions

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        """Start a session (B-3.1)."""
        tried = mode or self._own_mode()
        try:
            return await self._desk.start_session(tried, tracking_code)
        except Refused as refusal:
            if refusal.code != ErrorCode.NO_PRIVILEGE:
                raise
            await self._way.reread_account()
            if mode is not None or self._own_mode() is tried:
                raise
        # An administrator has changed what is allowed, and the rep had not chosen.
        return await self._desk.start_session(self._own_mode(), tracking_code)

    def _own_mode(self) -> Mode:
        allowed = self.account.modes if self.account is not None else ()
        return self.settings.mode if not allowed or self.settings.mode in allowed else allowed[0]

    async def assist(self, number: str) -> SessionSnapshot:
        """Come into a colleague's session by its number (B-8.1)."""
        typed = "".join(number.split())
        if len(typed) != limits.SESSION_NUMBER_DIGITS or not (typed.isascii() and typed.isdigit()):
            raise Refused(ErrorCode.WRONG_NUMBER)
        return await self._desk.assist(typed)

    async def end_session(self, session_id: str) -> None:
        """End a session for everybody."""
        await self._desk[session_id].acts.end()

    async def leave_session(self, session_id: str) -> None:
        """Leave a session that goes on."""
        await self._desk.leave(session_id)

    async def lock_session(self, session_id: str, locked: bool) -> None:
        """Let nobody else in, or open the session again."""
        await self._desk[session_id].acts.lock(locked)

    async def admit(self, session_id: str, participant_id: str, accept: bool) -> None:
        """Let a waiting customer in, or turn him away."""
        await self._desk[session_id].acts.admit(participant_id, accept)

    async def select_customer(self, session_id: str, participant_id: str) -> None:
        """Help that customer from now on."""
        await self._desk[session_id].acts.select(participant_id)

    async def ask_view(self, session_id: str) -> None:
        """Ask the primary customer to show his screen."""
        await self._desk[session_id].ask_view()

    async def stop_view(self, session_id: str) -> None:
        """Stop looking, or take the question back."""
        await self._desk[session_id].stop_view()

    async def begin_drawing(self, session_id: str) -> None:
        """Begin to point and draw on what the customer shows."""
        await self._desk[session_id].drawing.begin()

    async def end_drawing(self, session_id: str, drawer: str | None = None) -> None:
        """Stop drawing, or have that participant stop."""
        await self._desk[session_id].drawing.end(drawer)

    def draw(self, session_id: str, message: DrawMessage) -> None:
        """Draw, while that is in force."""
        runtime = self._desk.get(session_id)
        if runtime is not None:
            runtime.draw(message)

    def board(self, session_id: str) -> Board | None:
        """What is drawn over that session's share."""
        runtime = self._desk.get(session_id)
        return None if runtime is None else runtime.board

    async def show_screen(self, session_id: str, source: Shareable, paused: Callable[[], bool] | None = None) -> None:
        """Show a screen or window; see `Intents.show_screen`."""
        await self._desk[session_id].showing.start(source, paused)

    def pause_show(self, session_id: str, paused: bool) -> None:
        """Hold what is shown, or go on; see `Intents.pause_show`."""
        self._desk[session_id].showing.pause(paused)

    async def stop_show(self, session_id: str) -> None:
        """Show nothing more; see `Intents.stop_show`."""
        await self._desk[session_id].showing.stop()

    async def ask_recording(self, session_id: str) -> None:
        """Ask the primary customer whether the session may be recorded."""
        await self._desk[session_id].ask_recording()

    async def stop_recording(self, session_id: str) -> None:
        """Stop recording, or take the question back."""
        await self._desk[session_id].stop_recording()

    @property
    def recordings_folder(self) -> str:
        """Where recordings are kept."""
        return str(self._recordings.folder)

    async def recordings(self) -> tuple[Recording, ...]:
        """The recordings on this computer, newest first."""
        return await self._recordings.find()

    async def delete_recording(self, name: str) -> None:
        """Delete one for good."""
        await self._recordings.delete(name)

    def tend_recordings(self) -> None:
        """Finish what was cut off and delete what is old, in the background."""
        self._recordings.tend()

    async def cameras(self) -> tuple[CameraDevice, ...]:
        """The cameras of this computer."""
        return await self._camera.devices()

    async def start_camera(self, session_id: str) -> None:
        """Show this rep's own camera in that session."""
        await self._desk[session_id].video.start()

    async def stop_camera(self, session_id: str, owner: str = "") -> None:
        """Stop a camera, or take the question for it back."""
        runtime = self._desk[session_id]
        await runtime.video.stop(owner or runtime.snapshot.view.you)

    async def ask_camera(self, session_id: str) -> None:
        """Ask the customer who is helped to show his camera."""
        await self._desk[session_id].ask_camera()

    def camera_mailbox(self, session_id: str, owner: str) -> FrameMailbox | None:
        """Where the newest picture of that participant's camera is to be had."""
        runtime = self._desk.get(session_id)
        return None if runtime is None else runtime.video.mailbox(owner)

    async def ask_voice(self, session_id: str, participant_id: str | None = None) -> None:
        """Join the call and ask somebody to talk; see `Intents.ask_voice`."""
        self._desk.check_voice(session_id)
        await self._desk[session_id].voice.ask(participant_id)

    async def join_voice(self, session_id: str) -> None:
        """Join the call; see `Intents.join_voice`."""
        self._desk.check_voice(session_id)
        await self._desk[session_id].voice.join()

    async def leave_voice(self, session_id: str) -> None:
        """Hang up, or say no."""
        await self._desk[session_id].voice.leave()

    async def end_voice(self, session_id: str) -> None:
        """End the call for everybody."""
        await self._desk[session_id].voice.end()

    @property
    def is_muted(self) -> bool:
        """Whether this rep's microphone is shut, whichever call he is in."""
        return self._desk.is_muted

    async def mute_voice(self, session_id: str, muted: bool) -> None:
        """Let nothing of this microphone be heard, or let it again."""
        self._desk.set_muted(muted)
        await self._desk[session_id].voice.tell_muted(muted)

    async def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now."""
        return await self._desk.audio_devices()

    def use_audio(self, microphone: str, speaker: str) -> None:
        """Use these devices from now on."""
        self._desk.use_audio(microphone, speaker)

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        """Send one line; see `Intents.send_chat`."""
        self._desk[session_id].send_chat(text, audience)

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        """Send a line once more; see `Intents.retry_chat`."""
        self._desk[session_id].retry_chat(line_id)

    def set_visible(self, session_id: str, visible: bool) -> None:
        """Tell whether that session's picture is on screen."""
        self._desk.set_visible(session_id, visible)

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        """Where that session's newest picture is to be had; None when nothing is shared."""
        runtime = self._desk.get(session_id)
        return None if runtime is None else runtime.mailbox()

    # --- control, and passing a session on

    async def transfer_control(self, session_id: str, participant_id: str) -> None:
        """Give control to an assistant at once."""
        await self._desk[session_id].acts.transfer_control(participant_id)

    async def ask_control(self, session_id: str, asking: bool = True) -> None:
        """Ask the controller for control, or take that back."""
        await self._desk[session_id].ask_control(asking)

    async def refuse_control(self, session_id: str, participant_id: str) -> None:
        """Keep control though that assistant asks for it."""
        await self._desk[session_id].acts.refuse_control(participant_id)

    async def take_control(self, session_id: str) -> None:
        """Take over from a controller who is lost."""
        await self._desk[session_id].acts.take_control()

    async def transfer_targets(self) -> Targets:
        """The queues and agents to whom a session may be passed on."""
        return await self._way.request(TransferTargets(), Targets)

    async def transfer_session(
        self, session_id: str, *, queue_id: str | None = None, agents: Sequence[str] = (), message: str = ""
    ) -> None:
        """Pass the session on to one queue, or to agents."""
        await self._desk.transfer(session_id, queue_id, agents, message)

    # --- the Inbox

    async def set_presence(self, presence: Presence) -> None:
        """Be Online, Away or Busy from now on."""
        await self._inbox.set_presence(presence)

    async def accept_offer(self, session_id: str) -> SessionSnapshot:
        """Take a waiting customer or a transferred session."""
        self._inbox.accepting(session_id)
        try:
            return await self._desk.accept(session_id)
        except RelayUnavailable:
            raise  # it may be his by now: that it goes from the Inbox is no colleague's doing
        except SupportManagerError:
            self._inbox.not_accepted(session_id)
            raise

    async def decline_offer(self, session_id: str) -> None:
        """Do not take it."""
        await self._inbox.decline(session_id)

    def user_active(self) -> None:
        """The rep pressed a key or moved the mouse."""
        self._inbox.user_active()

    # --- files

    @property
    def files_folder(self) -> Path:
        """Where received files go."""
        chosen = self.settings.files_folder
        return Path(chosen) if chosen else Path(platformdirs.user_downloads_dir())

    def files(self, session_id: str) -> tuple[FileLine, ...]:
        """The file transfers of a session, the oldest first."""
        return self._files.lines(session_id)

    def files_done(self, session_id: str) -> tuple[Done, ...]:
        """What has arrived in a session, also long after its end."""
        return self._files.done(session_id)

    async def offer_files(self, session_id: str, paths: Sequence[Path]) -> None:
        """Offer files to the customer who is helped."""
        await self._files.offer(session_id, paths)

    async def accept_file(self, session_id: str, file_id: str) -> None:
        """Take a file that is offered."""
        await self._files.accept(session_id, file_id)

    async def decline_file(self, session_id: str, file_id: str) -> None:
        """Do not take it."""
        await self._files.decline(session_id, file_id)

    async def pause_file(self, session_id: str, file_id: str, paused: bool) -> None:
        """Halt a transfer, or let it go on."""
        await self._files.pause(session_id, file_id, paused)

    async def cancel_file(self, session_id: str, file_id: str) -> None:
        """Stop a transfer for good."""
        await self._files.cancel(session_id, file_id)

    # --- invitations

    def invitation(self, session_id: str, locale: str, address: str = "", *, to_rep: bool = False) -> Invitation:
        """What an invitation to that session says.

        Raises:
            Refused: `session_unknown`; LocalProblem: `bad_mail_address`.
        """
        view = self._desk[session_id].snapshot.view
        return build_invitation(
            view,
            locale=locale,
            rep=self.account.display_name if self.account is not None else "",
            company=self.company,
            site=self._site.url if self._site is not None and self._site.url else self.relay_url,
            address=address,
            to_rep=to_rep,
        )

    async def mail_invitation(self, session_id: str, address: str, locale: str, *, to_rep: bool = False) -> str:
        """Have the relay send an invitation; see `Intents.mail_invitation`.

        Raises:
            LocalProblem: `bad_mail_address`, and nothing was sent.
        """
        return await self._desk.mail(session_id, check_address(address), best_language(locale), to_rep=to_rep)

    # --- the past

    async def history(self, search: str = "", before: int | None = None) -> History:
        """This rep's sessions that are over, newest first."""
        return await self._history.find(search, before)

    async def history_page(self, session_id: str) -> HistoryPage:
        """One of those sessions with its transcript."""
        return await self._history.read(session_id)

    async def session_notes(self, session_id: str) -> Noted:
        """Outcome and notes of a session as they are kept now."""
        return await self._history.notes(session_id)

    async def note_session(self, session_id: str, outcome: str, notes: str, seen: Noted) -> None:
        """Write down outcome and notes of a session in place of those that were seen."""
        await self._history.note(session_id, outcome, notes, seen)

    # --- the rest

    async def change_settings(self, **changes: object) -> Settings:
        """Change some settings and keep them."""
        try:
            return await self._store.change(**changes)
        finally:
            self._desk.set_relay_only(self._store.current.relay_only)
            if "camera" in changes:
                self._camera.choice_changed()

    def open_link(self, url: str) -> None:
        """Take a `support-manager:` link."""
        try:
            self._emit(parse_link(url))
        except LocalProblem as problem:
            self._emit(Failed(problem.code, problem.params))

    async def aclose(self) -> None:
        """Shut everything down in order, within 5 s."""
        if self._closed:
            return
        self._closed = True
        self._camera.close()
        await asyncio.gather(self._way.aclose_tokens(), self._close_rest())

    async def _close_rest(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                for step in (self._way.aclose, self._inbox.aclose, self._desk.aclose, self._recordings.aclose):
                    await _told(step)
        except TimeoutError:
            log.error("the app did not close in time")

    # --- what the connection tells (account_link.LinkUser)

    def take(self, message: Wire) -> None:
        """An event of the relay."""
        if isinstance(message, Welcome):
            self._site = message.site
        elif isinstance(message, InboxChanged):
            self._inbox.take(message.inbox)
        else:
            self._desk.take(message)

    async def take_up(self) -> None:
        """Connected: bind the sessions and the Inbox to the new connection."""
        await self._desk.take_up()
        account = self.account
        await self._inbox.open(is_agent=account is not None and AGENT in account.privileges)

    def went_offline(self) -> None:
        """The relay is away."""
        self._desk.went_offline()

    async def clear(self) -> None:
        """Another account, or none."""
        self._inbox.close()
        await self._desk.clear()

    def _emit(self, event: AppEvent) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("listener failed", event_type=type(event).__name__)


async def _told(step: Callable[[], Awaitable[None]]) -> None:
    """One step of closing; its failure is logged and keeps nobody from the next one."""
    try:
        await step()
    except Exception:
        log.exception("a part of the app did not close in order")
