"""Tabs in windows of their own: taken out of the main window for another screen, and put back (B-6.2)."""

from PySide6.QtCore import QEvent, QObject, QPoint, Qt, Signal
from PySide6.QtGui import QCloseEvent, QGuiApplication, QHideEvent, QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QToolButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.areas import move_on
from ui.panels.session import SessionPanel
from ui.session_menu import SessionMenu
from ui.widgets.command_button import CommandButton
from ui.widgets.kit import ROW, SPACE_1, SPACE_3, WIDE_ICON, Desk, button
from ui.widgets.menu_button import opens
from ui.widgets.state_message import StateMessage
from ui.widgets.toasts import Toasts

_SIZE = (1_080, 720)
_STEP = QPoint(48, 48)


class DetachedWindow(QWidget):
    """One session's panel with its commands above it.

    Args:
        kit: what every widget is handed, and the commands.
        panel: the session's panel; the window holds it until it is put back.

    Signals:
        looked_at: it is in front, or not any more, or shown or hidden.
        attach_wanted: the rep closes it, and the tab goes back.
    """

    looked_at = Signal()
    attach_wanted = Signal()

    def __init__(self, kit: Desk, panel: SessionPanel) -> None:
        super().__init__(None, Qt.WindowType.Window)
        self._kit = kit
        self._leaving = False
        self.panel = panel
        self.setObjectName("detachedWindow")
        self.setProperty("kind", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setMinimumSize(700, 420)
        self.resize(*_SIZE)
        a = kit.actions
        strip = QFrame()
        strip.setProperty("kind", "strip")
        strip.setFixedHeight(ROW + 16)
        self._session = QToolButton()
        self._session.setObjectName("detachedSession")
        self._session.setIcon(kit.theme.icon("app-window"))
        self._session.setIconSize(WIDE_ICON)
        self._session.setFixedHeight(ROW)
        self._session.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._session.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        opens(self._session, SessionMenu(a, kit.translator, self._session))
        self._attach = button("detachedAttach", "quiet")
        self._attach.setIcon(kit.theme.icon("app-window"))
        self._attach.clicked.connect(self.attach_wanted)
        row = QHBoxLayout(strip)
        row.setContentsMargins(SPACE_3, 0, SPACE_3, 0)
        row.setSpacing(SPACE_1)
        for action in (a.invite, a.ask_view, a.stop_view):
            made = CommandButton(f"detached_{action.objectName().removeprefix('action_')}", action)
            row.addWidget(made, 0)
        row.insertWidget(1, self._session)
        row.addStretch(1)
        row.addWidget(self._attach)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(strip)
        column.addWidget(panel, 1)
        self._toasts = Toasts(kit, self, lambda: panel.centre)
        self.addActions(list(a))
        for keys, step in (("F6", 1), ("Shift+F6", -1)):
            QShortcut(QKeySequence(keys), self).activated.connect(
                lambda step=step: move_on((strip, *self.panel.areas), step)
            )
        QShortcut(QKeySequence("Ctrl+W"), self).activated.connect(self.attach_wanted)
        panel.show()
        kit.on_words(self.retranslate)

    def in_front(self) -> bool:
        """Whether the rep is looking at this window."""
        return self.isVisible() and self.isActiveWindow() and not self.isMinimized()

    def let_go(self) -> None:
        """Be gone, once the panel is out of it."""
        self._leaving = True
        self.close()
        self.deleteLater()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._session.setText(self._kit.say("top.session"))
        self._session.setAccessibleName(self._kit.say("top.session"))
        self._attach.setText(self._kit.say("tabs.attach"))

    @override
    def closeEvent(self, event: QCloseEvent) -> None:
        if self._leaving:
            super().closeEvent(event)
            return
        event.ignore()  # closing a window ends nothing by accident (B-12.3): the tab goes back
        self.attach_wanted.emit()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.ActivationChange, QEvent.Type.WindowStateChange}:
            self.looked_at.emit()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.looked_at.emit()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.looked_at.emit()


class Detached(QObject):
    """All detached tabs, and the page that stands in their place in the main window.

    Args:
        kit: what every widget is handed, and the commands.
        window: the main window; the owner.

    Signals:
        front_changed: a detached window came to the front or left it; the argument is its session, empty for none.
        attach_wanted: that session's tab is to go back.
    """

    front_changed = Signal(str)
    attach_wanted = Signal(str)

    def __init__(self, kit: Desk, window: QWidget) -> None:
        super().__init__(window)
        self._kit, self._window = kit, window
        self._windows: dict[str, DetachedWindow] = {}
        self._shown = ""
        self.page = StateMessage(kit, "detachedPage", "external-link")
        self._bring = button("detachedBring", "primary")
        self._bring.clicked.connect(lambda: self.bring(self._shown))
        self._back = button("detachedBack")
        self._back.clicked.connect(lambda: self.attach_wanted.emit(self._shown))
        for made in (self._bring, self._back):
            self.page.add_button(made)
        window.destroyed.connect(self.close_all)
        kit.on_words(self.retranslate)

    def __contains__(self, session_id: object) -> bool:
        return session_id in self._windows

    def shown(self) -> set[str]:
        """The sessions whose windows are on a screen."""
        return {key for key, window in self._windows.items() if window.isVisible() and not window.isMinimized()}

    def in_front(self) -> str | None:
        """The session whose window the rep is looking at."""
        return next((key for key, window in self._windows.items() if window.in_front()), None)

    def stand_in(self, session_id: str) -> QWidget:
        """The page for the main window while that session is detached."""
        self._shown = session_id
        return self.page

    def take_focus(self) -> None:
        """Put the focus on what brings the shown session's window to the front."""
        self._bring.setFocus()

    def take_out(self, session_id: str, panel: SessionPanel) -> None:
        """Give a panel a window of its own, on another screen where there is one."""
        window = DetachedWindow(self._kit, panel)
        self._windows[session_id] = window
        window.looked_at.connect(lambda: self.front_changed.emit(self.in_front() or ""))
        window.attach_wanted.connect(lambda: self.attach_wanted.emit(session_id))
        main = self._window.frameGeometry()
        here = QGuiApplication.screenAt(main.center())
        others = [one for one in QGuiApplication.screens() if one is not here]
        window.move(others[0].availableGeometry().topLeft() + _STEP if others else main.topLeft() + _STEP)
        window.show()
        self.bring(session_id)

    def give_back(self, session_id: str) -> SessionPanel | None:
        """Take the panel out of its window, which goes."""
        window = self._windows.pop(session_id, None)
        if window is None:
            return None
        panel = window.panel
        panel.setParent(None)
        window.let_go()
        return panel

    def bring(self, session_id: str) -> None:
        """Bring a session's window to the front."""
        window = self._windows.get(session_id)
        if window is not None:
            window.setWindowState(window.windowState() & ~Qt.WindowState.WindowMinimized)
            window.show()
            window.raise_()
            window.activateWindow()

    def name(self, session_id: str, title: str) -> None:
        """Give a session's window its title; our own words or a stranger's name, as plain text."""
        window = self._windows.get(session_id)
        if window is not None:
            window.setWindowTitle(title)

    def close_all(self) -> None:
        """Take all windows away, with the app."""
        for window in list(self._windows.values()):
            window.let_go()
        self._windows.clear()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.page.set_words(say("detached.title"), say("detached.text"))
        self._bring.setText(say("detached.bring"))
        self._back.setText(say("tabs.attach"))
        self.page.fit_buttons()
