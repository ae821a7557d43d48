"""What the fake controllers know of people, control, passing on, the Inbox, mail and the past.

Each intent is written down in `asked` and fails as its test says; nothing else happens by itself: a test scripts what
comes of it by the events of its fake. Replies are attributes that a test sets.
"""

from collections.abc import Sequence

from support_manager.errors import Refused
from support_manager.events import InboxChanged, SessionSnapshot
from support_manager.media.camera import CameraDevice
from support_manager.media.mailbox import FrameMailbox
from support_manager.media.voice.ports import AudioDevice
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import History, HistoryPage, Noted, Targets
from support_manager.protocol.views import InboxView, Presence
from tests.harness.fake_drawing import FakeDrawing
from tests.harness.fake_shows import FakeShows


class FakePeople(FakeDrawing, FakeShows):
    """A part of both fakes of `Intents`; the other part has `sessions`, `emit` and `_ask`."""

    company = "Example"
    is_muted = False
    inbox: InboxView | None = None
    targets = Targets()
    past = History()
    pages: dict[str, HistoryPage] = {}  # noqa: RUF012 - a test puts its own in its place
    noted: dict[str, Noted] = {}  # noqa: RUF012 - a test puts its own in its place
    coming: SessionSnapshot | None = None
    """The session that `assist` and `accept_offer` return; a test puts it among the sessions itself."""

    def set_inbox(self, inbox: InboxView | None) -> None:
        """Have the Inbox change."""
        self.inbox = inbox
        self.emit(InboxChanged(inbox))

    def _comes(self) -> SessionSnapshot:
        if self.coming is None:
            raise Refused(ErrorCode.WRONG_NUMBER)
        return self.coming

    async def assist(self, number: str) -> SessionSnapshot:
        self._ask("assist", number)
        return self._comes()

    devices: tuple[CameraDevice, ...] = ()
    tiles: dict[str, FrameMailbox] = {}  # noqa: RUF012 - a test puts its own in its place

    async def cameras(self) -> tuple[CameraDevice, ...]:
        return self.devices

    async def start_camera(self, session_id: str) -> None:
        self._ask("start_camera", session_id)

    async def stop_camera(self, session_id: str, owner: str = "") -> None:
        self._ask("stop_camera", session_id, owner)

    async def ask_camera(self, session_id: str) -> None:
        self._ask("ask_camera", session_id)

    def camera_mailbox(self, session_id: str, owner: str) -> FrameMailbox | None:
        return self.tiles.get(owner)

    async def leave_session(self, session_id: str) -> None:
        self._ask("leave_session", session_id)

    async def lock_session(self, session_id: str, locked: bool) -> None:
        self._ask("lock_session", session_id, locked)

    async def admit(self, session_id: str, participant_id: str, accept: bool) -> None:
        self._ask("admit", session_id, participant_id, accept)

    async def select_customer(self, session_id: str, participant_id: str) -> None:
        self._ask("select_customer", session_id, participant_id)

    async def transfer_control(self, session_id: str, participant_id: str) -> None:
        self._ask("transfer_control", session_id, participant_id)

    async def ask_control(self, session_id: str, asking: bool = True) -> None:
        self._ask("ask_control", session_id, asking)

    async def refuse_control(self, session_id: str, participant_id: str) -> None:
        self._ask("refuse_control", session_id, participant_id)

    async def take_control(self, session_id: str) -> None:
        self._ask("take_control", session_id)

    async def ask_voice(self, session_id: str, participant_id: str | None = None) -> None:
        self._ask("ask_voice", session_id, participant_id)

    async def join_voice(self, session_id: str) -> None:
        self._ask("join_voice", session_id)

    async def leave_voice(self, session_id: str) -> None:
        self._ask("leave_voice", session_id)

    async def end_voice(self, session_id: str) -> None:
        self._ask("end_voice", session_id)

    async def mute_voice(self, session_id: str, muted: bool) -> None:
        self._ask("mute_voice", session_id, muted)
        self.is_muted = muted

    async def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        return (AudioDevice("m1", "Desk microphone"),), (AudioDevice("s1", "Headset"),)

    def use_audio(self, microphone: str, speaker: str) -> None:
        self._ask("use_audio", microphone, speaker)

    async def transfer_targets(self) -> Targets:
        self._ask("transfer_targets")
        return self.targets

    async def transfer_session(
        self, session_id: str, *, queue_id: str | None = None, agents: Sequence[str] = (), message: str = ""
    ) -> None:
        self._ask("transfer_session", session_id, queue_id, tuple(agents), message)

    async def set_presence(self, presence: Presence) -> None:
        self._ask("set_presence", presence)

    async def accept_offer(self, session_id: str) -> SessionSnapshot:
        self._ask("accept_offer", session_id)
        return self._comes()

    async def decline_offer(self, session_id: str) -> None:
        self._ask("decline_offer", session_id)

    def user_active(self) -> None:
        pass

    async def mail_invitation(self, session_id: str, address: str, locale: str, *, to_rep: bool = False) -> str:
        self._ask("mail_invitation", session_id, address, locale, to_rep)
        return "mail-1"

    async def history(self, search: str = "", before: int | None = None) -> History:
        self._ask("history", search, before)
        return self.past

    async def history_page(self, session_id: str) -> HistoryPage:
        self._ask("history_page", session_id)
        if session_id not in self.pages:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return self.pages[session_id]

    async def session_notes(self, session_id: str) -> Noted:
        self._ask("session_notes", session_id)
        return self.noted.get(session_id, Noted())

    async def note_session(self, session_id: str, outcome: str, notes: str, seen: Noted) -> None:
        self._ask("note_session", session_id, outcome, notes)
        if self.noted.get(session_id, Noted()) != seen:
            raise Refused(ErrorCode.NOTES_CHANGED)
        self.noted = self.noted | {session_id: Noted(outcome=outcome, notes=notes)}
