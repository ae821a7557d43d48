"""Every command of the app, defined once: name, icon, shortcut and enabled state, for window, tabs, menus and tray."""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QAction, QKeySequence

from support_manager.events import Link, Picture, SessionSnapshot
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Capability, Connection
from ui.i18n import Translator
from ui.theme import Theme


@dataclass(frozen=True, slots=True)
class Command:
    """What is fixed about a command; its name is `action.NAME`, with an `&` before the letter that menus underline."""

    name: str
    icon: str
    shortcut: str = ""
    checkable: bool = False
    role: str = "text"
    quits: bool = False


COMMANDS = (
    Command("start_session", "circle-plus", "Ctrl+N"),
    Command("invite", "mail", "Ctrl+I"),
    Command("ask_view", "eye", "Ctrl+Shift+V"),
    Command("stop_view", "eye-off", "Ctrl+Shift+X"),
    Command("end_session", "circle-x", "Ctrl+Shift+E", role="danger"),
    Command("copy_number", "hash", "Ctrl+Shift+N"),
    Command("copy_link", "link", "Ctrl+Shift+L"),
    Command("screenshot", "camera", "Ctrl+Shift+C"),
    Command("save_screenshot", "image-down", "Ctrl+Shift+S"),
    Command("view_fit", "fullscreen", "Ctrl+0"),
    Command("view_actual", "one-to-one", "Ctrl+1"),
    Command("zoom_in", "zoom-in", "Ctrl++"),
    Command("zoom_out", "zoom-out", "Ctrl+-"),
    Command("full_screen", "maximize-2", "F11", checkable=True),
    Command("show_figures", "gauge", "Ctrl+Shift+F", checkable=True),
    Command("next_tab", "chevron-right", "Ctrl+Tab"),
    Command("previous_tab", "chevron-left", "Ctrl+Shift+Tab"),
    Command("focus_chat", "message-square", "Ctrl+M"),
    Command("preferences", "settings", "Ctrl+,"),
    Command("about", "info"),
    Command("sign_out", "log-out"),
    Command("show_window", "app-window"),
    Command("quit", "power", "Ctrl+Q", quits=True),
)


class Actions(QObject):
    """The commands as `QAction`s; object names are `action_NAME`.

    Whoever has the means connects `triggered`: `ui/commands.py` those that need only the controller and the
    clipboard, the window those that need its panels and the view. `update` sets what can be used just now.

    Args:
        theme: gives the icons.
        translator: gives the names.
        parent: the owner.
    """

    start_session: QAction
    invite: QAction
    ask_view: QAction
    stop_view: QAction
    end_session: QAction
    copy_number: QAction
    copy_link: QAction
    screenshot: QAction
    save_screenshot: QAction
    view_fit: QAction
    view_actual: QAction
    zoom_in: QAction
    zoom_out: QAction
    full_screen: QAction
    show_figures: QAction
    next_tab: QAction
    previous_tab: QAction
    focus_chat: QAction
    preferences: QAction
    about: QAction
    sign_out: QAction
    show_window: QAction
    quit: QAction

    def __init__(self, theme: Theme, translator: Translator, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self._current: SessionSnapshot | None = None
        self._all: dict[str, QAction] = {}
        for command in COMMANDS:
            action = QAction(self)
            action.setObjectName(f"action_{command.name}")
            action.setIcon(theme.icon(command.icon, command.role))
            action.setCheckable(command.checkable)
            # Full Screen and Preferences must not be moved by macOS's guess from their (translated) names.
            action.setMenuRole(QAction.MenuRole.QuitRole if command.quits else QAction.MenuRole.NoRole)
            if command.shortcut:
                action.setShortcut(QKeySequence(command.shortcut))
                action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
            self._all[command.name] = action
            setattr(self, command.name, action)
        translator.changed.connect(self.retranslate)
        self.retranslate()
        self.update(Link.SIGNED_OUT, signed_in=False, current=None, count=0)

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._all.values())

    def __getitem__(self, name: str) -> QAction:
        return self._all[name]

    @property
    def current(self) -> SessionSnapshot | None:
        """The session that the commands are about."""
        return self._current

    def retranslate(self) -> None:
        """Take the names in the language in use; the tooltip names the shortcut too.

        `text` has the menus' mnemonic, `iconText` is plain: for buttons, where the same letter would stand often.
        """
        for name, action in self._all.items():
            action.setText(self._translator.t("app", f"action.{name}"))
            words = action.text().replace("&", "")
            action.setIconText(words)
            keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
            action.setToolTip(f"{words} ({keys})" if keys else words)

    def update(self, link: Link, *, signed_in: bool, current: SessionSnapshot | None, count: int) -> None:
        """Set which commands can be used.

        Args:
            link: the connection to the relay.
            signed_in: whether a rep is signed in.
            current: the session in the chosen tab, if any.
            count: how many sessions are open.
        """
        self._current = current
        online = link is Link.ONLINE and signed_in
        open_ = current is not None and current.view.state is not SessionState.ENDED
        controls = open_ and current is not None and _controls(current)
        picture = current.picture if open_ and current is not None else Picture.NONE
        has_frame = picture in (Picture.LIVE, Picture.STATIC, Picture.PAUSED, Picture.LOST)
        usable = {
            "start_session": online,
            "invite": open_,
            "ask_view": online and controls and picture is Picture.NONE and current is not None and _can_show(current),
            "stop_view": controls and picture is not Picture.NONE,
            "end_session": online and controls,
            "copy_number": open_,
            "copy_link": open_,
            "next_tab": count > 1,
            "previous_tab": count > 1,
            "focus_chat": open_,
            "sign_out": signed_in,
        }
        for name in ("screenshot", "save_screenshot", "view_fit", "view_actual", "zoom_in", "zoom_out", "show_figures"):
            usable[name] = has_frame
        usable["full_screen"] = has_frame or self.full_screen.isChecked()
        for name, enabled in usable.items():
            self._all[name].setEnabled(enabled)


def _controls(session: SessionSnapshot) -> bool:
    """Whether this app's rep is the controller (B-7.9); the relay has the last word in any case."""
    me = session.view.you
    return any(person.id == me and person.role is Role.CONTROLLER for person in session.view.participants)


def _can_show(session: SessionSnapshot) -> bool:
    """Whether there is a customer at the other end whose device has not said that it cannot share."""
    customer = session.customer
    return (
        customer is not None
        and customer.connection is Connection.ONLINE
        and customer.device.screen is not Capability.NO
        and session.view.state is SessionState.ACTIVE
    )
