"""The intents that windows may send to the controller: the whole interface between `ui` and the logic.

Every coroutine raises `support_manager.errors.SupportManagerError` when it could not do what was asked; nothing is
then half done. All methods are called on the one UI loop, and listeners are called there.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from support_manager.events import AppEvent, Link, SessionSnapshot
from support_manager.files.book import Done
from support_manager.files.lines import FileLine
from support_manager.media.board import Board
from support_manager.media.camera import CameraDevice
from support_manager.media.mailbox import FrameMailbox
from support_manager.media.screens import Shareable
from support_manager.media.voice.ports import AudioDevice
from support_manager.protocol.channel import DrawMessage
from support_manager.protocol.requests import History, HistoryPage, Noted, Targets
from support_manager.protocol.views import AccountView, Audience, InboxView, Mode, Presence
from support_manager.recordings import Recording
from support_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Invitation:
    """Everything that an invitation to one session says, in one language, to a customer or to a colleague."""

    subject: str
    text: str
    """The whole message with the link, lines parted by `\\n`."""
    mailto: str
    """A `mailto:` URL (RFC 6068) with subject, text and, if given, the address."""
    instant_message: str
    link: str
    """The join link; for a colleague the `support-manager:` link that opens Assist Session with the number."""
    number: str
    """In threes: `482 119 903`."""
    phone: str
    """The words to say on the phone."""


class Intents(Protocol):
    """What a window may ask for."""

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""

    @property
    def link(self) -> Link:
        """The connection to the relay."""

    @property
    def relay_url(self) -> str:
        """The relay's address, as last used."""

    @property
    def company(self) -> str:
        """The company's name as the relay's site says it; empty before it was asked."""

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The open sessions by id, in the order in which they were opened."""

    @property
    def settings(self) -> Settings:
        """The present settings; change them with `change_settings`."""

    @property
    def inbox(self) -> InboxView | None:
        """This agent's Inbox and presence; None for a rep without the agent privilege, and before the relay told."""

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; calling the result ends that."""

    async def start(self) -> None:
        """Sign in with what the keyring holds, if anything; never raises for a missing or refused token."""

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in; `stay` keeps a refresh token in the keyring."""

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        """Trust exactly this certificate for that relay from now on (kept in the settings)."""

    async def sign_out(self) -> None:
        """Revoke and forget the tokens; sessions stay on the relay."""

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        """Start a session (B-3.1)."""

    async def assist(self, number: str) -> SessionSnapshot:
        """Come into a colleague's session by its number, as an assistant (B-8.1); spaces in it do not matter."""

    async def end_session(self, session_id: str) -> None:
        """End a session for everybody; only the controller may."""

    async def leave_session(self, session_id: str) -> None:
        """Leave a session that goes on; assistants may (B-12.1). Ends in `SessionLeft`."""

    async def lock_session(self, session_id: str, locked: bool) -> None:
        """Let nobody else in, or open the session again (B-2.5)."""

    async def admit(self, session_id: str, participant_id: str, accept: bool) -> None:
        """Let a waiting customer in, or turn him away."""

    async def select_customer(self, session_id: str, participant_id: str) -> None:
        """Help that customer from now on; shares end (B-5.3)."""

    async def transfer_control(self, session_id: str, participant_id: str) -> None:
        """Give control to an assistant at once (B-9.2); raises `control_moved` when it is gone already."""

    async def ask_control(self, session_id: str, asking: bool = True) -> None:
        """Ask the controller for control, or take that back (B-7.9)."""

    async def refuse_control(self, session_id: str, participant_id: str) -> None:
        """Keep control though that assistant asks for it."""

    async def take_control(self, session_id: str) -> None:
        """Take over from a controller who is lost (B-12.6); raises `controller_present` while it is too early."""

    async def transfer_targets(self) -> Targets:
        """The queues and agents to whom a session may be passed on (B-10.1)."""

    async def transfer_session(
        self, session_id: str, *, queue_id: str | None = None, agents: Sequence[str] = (), message: str = ""
    ) -> None:
        """Pass the session on to one queue, or to agents by their account ids (B-10). Ends in `SessionLeft`.

        Raises `transfer_message_too_long` for a message of more than `limits.TRANSFER_MESSAGE_CHARS` code points.
        """

    async def set_presence(self, presence: Presence) -> None:
        """Be Online, Away or Busy from now on, as chosen by the agent himself."""

    async def accept_offer(self, session_id: str) -> SessionSnapshot:
        """Take a waiting customer or a transferred session; raises `offer_gone` when somebody else was first."""

    async def decline_offer(self, session_id: str) -> None:
        """Do not take it."""

    def user_active(self) -> None:
        """The rep pressed a key or moved the mouse (told every few seconds at most): after ten minutes without, an
        agent who is Online is Away by himself, and with the next one Online again (B-11.3)."""

    async def ask_view(self, session_id: str) -> None:
        """Ask the primary customer to show his screen."""

    async def stop_view(self, session_id: str) -> None:
        """Stop looking, or take the question back."""

    async def begin_drawing(self, session_id: str) -> None:
        """Begin to point and draw on what the customer shows (B-7.3); it runs already: nothing happens."""

    async def end_drawing(self, session_id: str, drawer: str | None = None) -> None:
        """Stop drawing, or have that participant stop; what was drawn is gone at once. Nothing to stop is no error."""

    def draw(self, session_id: str, message: DrawMessage) -> None:
        """Draw while `begin_drawing` is in force; at any other time nothing happens."""

    def board(self, session_id: str) -> Board | None:
        """What is drawn over that session's share; None for a session that is not open."""

    async def show_screen(self, session_id: str, source: Shareable, paused: Callable[[], bool] | None = None) -> None:
        """Show a screen or window of this computer to everybody in the session (B-7.2), in place of what is shown
        there now; raises `activity_busy` while a customer shows his.

        Args:
            session_id: of the session.
            source: what is shown.
            paused: asked right before anything of it is looked at, whether it is to be held from the first.
        """

    def pause_show(self, session_id: str, paused: bool) -> None:
        """Hold what is shown, or go on: nothing that comes onto the screen after this call is seen by anybody."""

    async def stop_show(self, session_id: str) -> None:
        """Show nothing more: at once here, and told to the relay as soon as it can be reached."""

    async def ask_recording(self, session_id: str) -> None:
        """Ask the primary customer whether the session may be recorded (B-7.8)."""

    async def stop_recording(self, session_id: str) -> None:
        """Stop recording, at once and also without the relay; or take the question back."""

    @property
    def recordings_folder(self) -> str:
        """Where recordings are kept."""

    async def recordings(self) -> tuple[Recording, ...]:
        """The recordings on this computer, newest first; raises `recordings_unreadable` when the folder cannot be."""

    async def delete_recording(self, name: str) -> None:
        """Delete one for good; raises `recording_not_deleted`."""

    def tend_recordings(self) -> None:
        """Finish recordings that were cut off and delete those that are too old; ends in `RecordingsTended`.

        From then on it is done by itself, once a day and after each recording.
        """

    async def cameras(self) -> tuple[CameraDevice, ...]:
        """The cameras of this computer, the system's own choice first."""

    async def start_camera(self, session_id: str) -> None:
        """Show this rep's own camera in that session (B-7.6); raises `camera_…` when there is no picture of it."""

    async def stop_camera(self, session_id: str, owner: str = "") -> None:
        """Stop a camera, or take the question for it back; `owner` is whose, empty for this rep's own."""

    async def ask_camera(self, session_id: str) -> None:
        """Ask the customer who is helped to show his camera."""

    def camera_mailbox(self, session_id: str, owner: str) -> FrameMailbox | None:
        """Where the newest picture of that participant's camera is to be had; None while it does not run."""

    async def ask_voice(self, session_id: str, participant_id: str | None = None) -> None:
        """Join the session's call and ask that person, or else the customer, to talk (B-7.7)."""

    async def join_voice(self, session_id: str) -> None:
        """Join the call that runs, or to which this rep is asked; raises `voice_elsewhere` while he is in another."""

    async def leave_voice(self, session_id: str) -> None:
        """Hang up, or say no; here at once, whatever the network does."""

    async def end_voice(self, session_id: str) -> None:
        """End the call for everybody; only the controller may."""

    @property
    def is_muted(self) -> bool:
        """Whether this rep's microphone is shut, whichever call he is in."""

    async def mute_voice(self, session_id: str, muted: bool) -> None:
        """Let nothing of this microphone be heard, or let it again; here at once."""

    async def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now."""

    def use_audio(self, microphone: str, speaker: str) -> None:
        """Use these devices (ids of `AudioDevice`; empty: the system's choice) from now on, in a running call too."""

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        """Send one line; it shows as pending at once and is sent again after a reconnect until the relay has it."""

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        """Send a line of ours once more that shows as failed; one that does not is left alone."""

    @property
    def files_folder(self) -> Path:
        """Where received files go."""

    def files(self, session_id: str) -> tuple[FileLine, ...]:
        """The file transfers of a session, the oldest first (B-7.5); every change comes as `FilesChanged`."""

    def files_done(self, session_id: str) -> tuple[Done, ...]:
        """What has arrived in a session, also long after its end: name, size, hash."""

    async def offer_files(self, session_id: str, paths: Sequence[Path]) -> None:
        """Offer files, and folders as archives, to the customer who is helped; he accepts or declines each."""

    async def accept_file(self, session_id: str, file_id: str) -> None:
        """Take a file that is offered; raises `file_folder` or `file_no_room` where there is no place for it."""

    async def decline_file(self, session_id: str, file_id: str) -> None:
        """Do not take it."""

    async def pause_file(self, session_id: str, file_id: str, paused: bool) -> None:
        """Halt a transfer, or let it go on; either end may do either."""

    async def cancel_file(self, session_id: str, file_id: str) -> None:
        """Stop a transfer for good."""

    async def change_settings(self, **changes: object) -> Settings:
        """Change some settings and keep them; raises `settings_not_saved` when the disk refuses."""

    def invitation(self, session_id: str, locale: str, address: str = "", *, to_rep: bool = False) -> Invitation:
        """What an invitation of a customer, or with `to_rep` of a colleague, to that session says."""

    async def mail_invitation(self, session_id: str, address: str, locale: str, *, to_rep: bool = False) -> str:
        """Have the relay send an invitation (B-4.4); returns the id under which `MailChanged` tells how it goes."""

    async def history(self, search: str = "", before: int | None = None) -> History:
        """This rep's sessions that are over, newest first; `before` is the `ended_at` of the last one shown."""

    async def history_page(self, session_id: str) -> HistoryPage:
        """One of those sessions with its transcript."""

    async def session_notes(self, session_id: str) -> Noted:
        """Outcome and notes of a session, live or over, of which this rep was the controller (B-12.7)."""

    async def note_session(self, session_id: str, outcome: str, notes: str, seen: Noted) -> None:
        """Write them down in place of those that were `seen`; raises `notes_changed` when others are kept by now."""

    def set_visible(self, session_id: str, visible: bool) -> None:
        """Tell whether that session's picture is on screen; a hidden one asks its page for ≤ 2 fps, ≤ 300 kbit/s."""

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        """Where that session's newest picture is to be had; None when nothing is shared."""

    def open_link(self, url: str) -> None:
        """Take a `support-manager:` link; emits `LinkPrefilled`, or `Failed(bad_link)`. Does nothing else."""

    async def aclose(self) -> None:
        """Shut everything down in order, within 5 s. Sessions stay on the relay."""
