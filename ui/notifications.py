"""Notifications: what happens while the window is not in front, told by the tray or, without one, in the window."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from support_manager.events import Attention, Happening
from ui.bridge import Bridge
from ui.tray import Tray
from ui.widgets.kit import Kit
from ui.widgets.plain import isolated, number_in_threes, one_line

_TEXT_CHARS = 160


class Notifications(QObject):
    """Tells of joins, chat and the like, as the setting says.

    Args:
        kit: what every widget is handed.
        bridge: the controller's events.
        tray: shows messages where there is one.
        window: what is in front or not.
        in_front: whether the rep is looking at the session of that id right now.
        parent: the owner.

    Signals:
        session_chosen: the rep clicked a notification; the argument is its session's id.
    """

    session_chosen = Signal(str)

    def __init__(
        self,
        kit: Kit,
        bridge: Bridge,
        tray: Tray,
        window: QWidget,
        in_front: Callable[[str], bool],
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._kit, self._tray, self._window, self._in_front = kit, tray, window, in_front
        self._last = ""
        bridge.attention.connect(self._on_attention)
        tray.message_clicked.connect(self._on_clicked)

    def _on_attention(self, event: Attention) -> None:
        if not self._kit.intents.settings.notifications or self._in_front(event.session_id):
            return
        title, text = self.words(event)
        self._last = event.session_id
        if not self._tray.show_message(title, text):
            self._kit.work.tell(f"{title}\n{text}" if text else title)
        QApplication.alert(self._window)

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
        if self._last:
            self.session_chosen.emit(self._last)
