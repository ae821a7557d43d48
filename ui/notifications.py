"""Notifications: what happens while the window is not in front, told by the tray or, without one, in the window."""

import time
from collections import deque
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from support_manager.events import Attention, Happening, OfferArrived, OfferGone
from support_manager.protocol.views import InboxItem, InboxKind
from ui.bridge import Bridge
from ui.tray import Tray
from ui.widgets.kit import Kit
from ui.widgets.plain import isolated, number_in_threes, one_line
from ui.work import Notice

_TEXT_CHARS = 160
_MOST, _WITHIN_S = 3, 10.0
"""So many notifications at a time about one session, or about the Inbox: whoever writes, comes and goes, or asks for
control again and again must not bury the others. Tabs and the Inbox show everything."""
_INBOX = "inbox"
"""Stands for the Inbox where else a session's id does."""


class Notifications(QObject):
    """Tells of joins, chat and the like, as the setting says.

    Args:
        kit: what every widget is handed.
        bridge: the controller's events.
        tray: shows messages where there is one.
        window: what is in front or not.
        sees: whether the rep has before his eyes right now what that is about.
        inbox_in_sight: whether he is looking at the Inbox.
        parent: the owner.
        clock: seconds that only grow.

    Signals:
        session_chosen: the rep clicked a notification; the argument is its session's id.
        inbox_chosen: the rep clicked the notification of an offer.
    """

    session_chosen = Signal(str)
    inbox_chosen = Signal()

    def __init__(
        self,
        kit: Kit,
        bridge: Bridge,
        tray: Tray,
        window: QWidget,
        sees: Callable[[Attention], bool],
        inbox_in_sight: Callable[[], bool] = lambda: False,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(parent)
        self._clock = clock
        self._lately: dict[str, deque[float]] = {}
        self._kit, self._tray, self._window, self._sees = kit, tray, window, sees
        self._inbox_in_sight = inbox_in_sight
        self._last = ""
        self._waits: dict[str, Notice] = {}
        """What the window says of offers, by session; it is taken back with the offer."""
        self.is_private: Callable[[], bool] = lambda: False
        """Whether others see this rep's screen: then nothing carries a name or what somebody wrote (B-6.4)."""
        bridge.offer_arrived.connect(self._on_offer)
        bridge.offer_gone.connect(self._on_offer_gone)
        bridge.attention.connect(self._on_attention)
        tray.message_clicked.connect(self._on_clicked)

    def _on_attention(self, event: Attention) -> None:
        if not self._kit.intents.settings.notifications or self._sees(event):
            return
        if self._is_room(event.session_id):
            self._last = event.session_id
            self._tell(*self.words(event))

    def _on_offer(self, event: OfferArrived) -> None:
        wanted = self._kit.intents.settings.notifications and not self._inbox_in_sight()
        if wanted and self._is_room(_INBOX):
            self._last = _INBOX
            notice = self._tell(*self.words_of_offer(event.item))
            if notice is not None and not self.is_private():  # then all say the same, whatever they are about
                self._waits[event.item.session_id] = notice

    def _is_room(self, about: str) -> bool:
        """Whether one more notification about that session, or the Inbox, is not too many."""
        now = self._clock()
        lately = self._lately.setdefault(about, deque(maxlen=_MOST))
        if len(lately) == _MOST and now - lately[0] < _WITHIN_S:
            return False
        lately.append(now)
        return True

    def _on_offer_gone(self, event: OfferGone) -> None:
        """Who is taken by somebody else vanishes from the Inbox; that is said, so that nobody looks for him."""
        notice = self._waits.pop(event.session_id, None)
        if notice is not None and notice not in self._waits.values():
            self._kit.work.take_back(notice)
        if event.taken:
            t = self._kit.translator.t
            if self.is_private():
                return
            self._kit.work.tell(t("app", "notify.offer_gone", name=isolated(event.customer)))

    def words_of_offer(self, item: InboxItem) -> tuple[str, str]:
        """Title and text of the notification of an offer, plain text."""
        t = self._kit.translator.t
        title = t("app", "notify.offer", name=isolated(item.customer))
        said = one_line(item.message or item.problem, _TEXT_CHARS)
        if item.kind is InboxKind.TRANSFER:
            whence = t("app", "notify.offer.from_rep", name=isolated(item.former))
        elif item.former:
            whence = t(
                "app", "notify.offer.from_rep_queue", name=isolated(item.former), queue=isolated(item.queue_name)
            )
        else:
            whence = t("app", "notify.offer.from_queue", queue=isolated(item.queue_name))
        return title, f"{whence}\n{said}" if said else whence

    def _tell(self, title: str, text: str) -> Notice | None:
        """Tell it by the tray, else in the window; gives what the window shows."""
        notice = None
        if self.is_private():
            t = self._kit.translator.t
            title, text = t("show", "notify.title"), t("show", "notify.text")
        if not self._tray.show_message(title, text):
            notice = self._kit.work.tell(f"{title}\n{text}" if text else title)
        QApplication.alert(self._window)
        return notice

    def words(self, event: Attention) -> tuple[str, str]:
        """Title and text of the notification of `event`, plain text."""
        t = self._kit.translator.t
        name = isolated(event.name) if event.name else t("app", "notify.somebody")
        title = t("app", f"notify.{event.what.value}", name=name)
        if event.what is Happening.CHAT and event.line is not None:
            return title, one_line(event.line.text, _TEXT_CHARS)
        session = self._kit.intents.sessions.get(event.session_id)
        return title, t("app", "notify.session", number=number_in_threes(session.view.number)) if session else ""

    def _on_clicked(self) -> None:
        if self._last == _INBOX:
            self.inbox_chosen.emit()
        elif self._last:
            self.session_chosen.emit(self._last)
