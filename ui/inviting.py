"""Opens the invitation of a session: the Invite panel by command, and what is wanted at the start by itself (B-3.2)."""

from collections.abc import Callable

from support_manager.errors import SupportManagerError
from support_manager.events import MailChanged, SessionSnapshot
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Delivery
from ui.bridge import Bridge
from ui.models.sessions import SessionEntry
from ui.panels.invite import InvitePanel, delivery_words, open_mail_program
from ui.widgets.kit import Desk
from ui.widgets.sheet import Sheet
from ui.work import Tone


class Inviting:
    """Brings the Invite panel into the window's sheet.

    Args:
        kit: what every widget is handed.
        sheet: holds the panel.
        current: the session in front, if any.
        come_to_front: brings the window there.
        bridge: tells what became of messages that the relay sends.
    """

    def __init__(
        self,
        kit: Desk,
        sheet: Sheet,
        current: Callable[[], SessionEntry | None],
        come_to_front: Callable[[], None],
        bridge: Bridge,
    ) -> None:
        self._kit, self._sheet, self._current, self._come_to_front = kit, sheet, current, come_to_front
        self._mails: dict[str, str] = {}  # request id → address, of the messages on their way
        bridge.mail_changed.connect(self._mail_changed)

    @property
    def open(self) -> bool:
        """Whether the panel is there."""
        return isinstance(self._sheet.content, InvitePanel)

    def show(self, *, with_text: bool = False) -> None:
        """Open the Invite panel for the session in front, the cursor in the address field."""
        entry = self._current()
        if entry is None or entry.ended is not None:
            return
        self._come_to_front()
        panel = InvitePanel(self._kit, entry)
        panel.mailed.connect(self._mails.__setitem__)
        self._sheet.open_with(panel, self._kit.say("invite.title"))
        panel.take_focus()
        if with_text:
            panel.offer_text()

    def started(self, session: SessionSnapshot) -> None:
        """A session is new here: open its invitation if it was started by this rep and he wants that (B-3.2, B-3.3)."""
        settings = self._kit.intents.settings
        fresh = session.has_control and session.view.state is SessionState.WAITING
        if not (fresh and settings.email_at_start):
            return
        if not (settings.own_mail_program and settings.own_mail_chosen):
            self.show()
            return
        try:
            invitation = self._kit.intents.invitation(session.id, self._kit.translator.language)
        except SupportManagerError as error:
            self._kit.work.tell_error(error)
            return
        if open_mail_program(invitation.mailto):
            self._kit.work.tell(self._kit.say("invite.opened"), Tone.GOOD)
        else:
            self.show(with_text=True)

    def follow(self, entry: SessionEntry) -> None:
        """A session changed: the panel goes once it has nothing left to do, for it covers what comes next."""
        panel = self._sheet.content
        if isinstance(panel, InvitePanel) and panel.is_done(entry):
            self._sheet.close_sheet()

    def _mail_changed(self, news: MailChanged) -> None:
        """Into the panel where it was sent from, while that is open; else a notice, for nobody would see it there."""
        panel = self._sheet.content
        shown = isinstance(panel, InvitePanel) and panel.take_mail(news)
        address = self._mails.get(news.request_id, "")
        if news.state is Delivery.SENDING:
            return
        self._mails.pop(news.request_id, None)
        if not shown and address:
            good = news.state is Delivery.SENT
            self._kit.work.tell(delivery_words(self._kit, news, address), Tone.GOOD if good else Tone.ERROR)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        if self.open:
            self._sheet.set_title(self._kit.say("invite.title"))
