"""The system tray icon and its menu (B-13.1); it may come late or never, and says so."""

import shiboken6
from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMenu, QSystemTrayIcon

from support_manager.events import Attention, Link, LinkChanged, SessionSnapshot
from ui.actions import Actions
from ui.bridge import Bridge
from ui.session_menu import PresenceMenu, SessionMenu
from ui.widgets.kit import Kit
from ui.widgets.plain import number_in_threes, one_line

RECHECK_MS = 5_000
"""A tray may come late: with the desktop's session, or with an extension that is switched on."""


class Tray(QObject):
    """Icon, menu and messages of the system tray.

    Args:
        kit: what every widget is handed.
        actions: the commands.
        bridge: the controller's events.
        parent: the owner.

    Signals:
        available_changed: a tray came or went.
        session_chosen: the rep chose an open session; the argument is its id.
        opened: the rep clicked the icon.
        message_clicked: the rep clicked the last message.
    """

    available_changed = Signal(bool)
    session_chosen = Signal(str)
    opened = Signal()
    message_clicked = Signal()

    def __init__(self, kit: Kit, actions: Actions, bridge: Bridge, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kit, self._actions = kit, actions
        self._available = False
        self._waiting: set[str] = set()
        self._session_actions: list[QAction] = []
        self._showing = ""
        self.menu = QMenu()
        self.menu.setObjectName("tray_menu")
        for action in (actions.show_window, actions.start_session, actions.invite):
            self.menu.addAction(action)
        self.session_menu = SessionMenu(actions, kit.translator, self.menu, picture=False, assist=False)
        self.menu.addMenu(self.session_menu)
        for action in (actions.assist, actions.inbox):
            self.menu.addAction(action)
        self.menu.addMenu(PresenceMenu(actions, kit.translator, self.menu))
        self._above = self.menu.addSeparator()
        self._none = QAction(self)
        self._none.setObjectName("action_tray_no_sessions")
        self._none.setEnabled(False)
        self.menu.addAction(self._none)
        self._below = self.menu.addSeparator()
        for action in (actions.icon_tray, actions.preferences, actions.quit):
            self.menu.addAction(action)
        self._icon = QSystemTrayIcon(self)
        self._icon.setObjectName("tray_icon")
        self._icon.setContextMenu(self.menu)
        self._icon.activated.connect(self._on_activated)
        self._icon.messageClicked.connect(self.message_clicked)
        self._timer = QTimer(self)
        self._timer.setInterval(RECHECK_MS)
        self._timer.timeout.connect(self.check)
        bridge.session_opened.connect(self._refresh)
        bridge.session_changed.connect(self._refresh)
        bridge.session_closed.connect(self._on_closed)
        bridge.attention.connect(self._on_attention)
        bridge.link_changed.connect(self._on_link)
        bridge.session_left.connect(self._on_closed)
        bridge.signed_out.connect(self._on_closed)
        actions.updated.connect(self._name_session)
        kit.on_words(self.retranslate)

    @property
    def available(self) -> bool:
        """Whether there is a tray to be seen in."""
        return self._available

    def start(self) -> None:
        """Show the icon where there is a tray, and keep looking for one."""
        self._timer.start()
        self.check()

    def check(self) -> None:
        """Look whether there is a tray now."""
        available = QSystemTrayIcon.isSystemTrayAvailable()
        if available == self._available:
            return
        self._available = available
        self._icon.setVisible(available)
        self.available_changed.emit(available)

    def show_message(self, title: str, text: str) -> bool:
        """Show a notification through the tray; False where it cannot. Both are plain text."""
        if not (self._available and QSystemTrayIcon.supportsMessages()):
            return False
        self._icon.showMessage(_harmless(title), _harmless(text), self._kit.theme.app_icon())
        return True

    def seen(self, session_id: str = "") -> None:
        """The rep looked at a session, or (empty) at all of them."""
        if session_id:
            self._waiting.discard(session_id)
        else:
            self._waiting.clear()
        self._draw()

    def set_showing(self, words: str) -> None:
        """Say on the icon that this rep shows his screen; empty: he does not."""
        self._showing = words
        self._draw()

    def close(self) -> None:
        """Take the icon away for good."""
        self._timer.stop()
        self._icon.hide()
        if shiboken6.isValid(self.menu):
            self.menu.deleteLater()

    def _on_activated(self, reason: QSystemTrayIcon.ActivationReason) -> None:
        if reason in (QSystemTrayIcon.ActivationReason.Trigger, QSystemTrayIcon.ActivationReason.DoubleClick):
            self.opened.emit()

    def _on_attention(self, event: Attention) -> None:
        self._waiting.add(event.session_id)
        self._draw()

    def _on_closed(self, _event: object) -> None:
        self._waiting &= set(self._kit.intents.sessions)
        self._refresh()

    def _on_link(self, _event: LinkChanged) -> None:
        self._draw()

    def _refresh(self, _event: object = None) -> None:
        for action in self._session_actions:
            self.menu.removeAction(action)
            action.deleteLater()
        self._session_actions = [self._line(session) for session in self._kit.intents.sessions.values()]
        for action in self._session_actions:
            self.menu.insertAction(self._below, action)
        self._none.setVisible(not self._session_actions)
        self._draw()

    def _line(self, session: SessionSnapshot) -> QAction:
        t = self._kit.translator.t
        customer = session.customer
        name = one_line(customer.name, 40) if customer is not None else t("app", "tray.session.waiting")
        # One `&` would become a mnemonic, and a tab would start the column of the shortcuts.
        words = t("app", "tray.session", name=name, number=number_in_threes(session.view.number)).replace("&", "&&")
        action = QAction(self._kit.theme.icon("user-round"), words, self)
        action.setObjectName(f"action_tray_session_{session.view.number}")
        action.triggered.connect(lambda: self.session_chosen.emit(session.id))
        return action

    def _name_session(self) -> None:
        """The sub-menu says which session it is about: behind a hidden window nobody could tell."""
        t = self._kit.translator.t
        current = self._actions.current
        own = self.session_menu.menuAction()
        own.setIcon(self._kit.theme.icon("app-window"))
        own.setEnabled(current is not None)
        if current is None:
            own.setText(t("app", "menu.session"))
            return
        customer = current.customer
        name = one_line(customer.name, 40) if customer is not None else number_in_threes(current.view.number)
        own.setText(t("app", "menu.session_of", name=name.replace("&", "&&")))

    def _draw(self) -> None:
        t = self._kit.translator.t
        link = self._kit.intents.link
        if self._waiting:
            variant, tip = "attention", t("app", "tray.attention", count=len(self._waiting))
        else:
            variant = "" if link is Link.ONLINE else "offline"
            tip = f"{t('app', 'app.name')}: {t('app', f'link.{link.value}')}"
        if self._showing:
            variant, tip = "attention", f"{t('app', 'app.name')}: {self._showing}"
        self._icon.setIcon(self._kit.theme.app_icon(variant))
        self._icon.setToolTip(tip)

    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self._none.setText(self._kit.translator.t("app", "tray.no_sessions"))
        self._name_session()
        self._refresh()


def _harmless(text: str) -> str:
    """Plain text for a notification.

    Notification servers differ: some read `<b>` and `&lt;` as markup, others show them as they are (freedesktop.org
    Desktop Notifications 1.2, `body-markup`), so escaping is wrong for one half of them. Look-alikes are right for all.
    """
    return text.translate({ord("<"): "‹", ord(">"): "›", ord("&"): "＆"})
