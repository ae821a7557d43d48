"""Every command of the app, defined once: name, icon, shortcut and enabled state, for window, tabs, menus and tray."""

from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeySequence

from support_manager.events import Link, OwnShow, Picture, SessionSnapshot
from support_manager.protocol.roles import LIVE, REPS, Role, SessionState
from support_manager.protocol.views import (
    AGENT,
    AccountView,
    Capability,
    Connection,
    InboxView,
    Mode,
    ParticipantView,
    Presence,
)
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.plain import one_line

_HELD = frozenset({SessionState.WAITING, SessionState.ACTIVE})
PRESENCES = (Presence.ONLINE, Presence.AWAY, Presence.BUSY)
"""What an agent may choose."""


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
    Command("assist", "user-plus", "Ctrl+Shift+A"),
    Command("inbox", "inbox", "Ctrl+Shift+I"),
    Command("ask_view", "eye", "Ctrl+Shift+V"),
    Command("stop_view", "eye-off", "Ctrl+Shift+X"),
    Command("point", "mouse-pointer-2", "Ctrl+Alt+D", checkable=True),
    Command("clear_drawing", "eraser", "Ctrl+Alt+Backspace"),
    Command("show_screen", "monitor-up", "Ctrl+Shift+P"),
    Command("pause_show", "pause", "Ctrl+Alt+P", checkable=True),
    Command("stop_show", "monitor-off", "Ctrl+Alt+X"),
    Command("record", "circle-dot", "Ctrl+Shift+G", checkable=True),
    Command("camera", "video", "Ctrl+Shift+Y", checkable=True),
    Command("ask_camera", "webcam"),
    Command("send_file", "paperclip", "Ctrl+Shift+U"),
    Command("voice", "phone", "Ctrl+Shift+J"),
    Command("hang_up", "phone-off", "Ctrl+Shift+Q"),
    Command("mute", "mic-off", "Ctrl+Alt+M", checkable=True),
    Command("end_call", "circle-x"),
    Command("transfer_control", "arrow-right-left", "Ctrl+Shift+K"),
    Command("transfer_session", "forward", "Ctrl+Shift+T"),
    Command("ask_control", "hand", "Ctrl+Shift+H", checkable=True),
    Command("take_control", "user-check"),
    Command("lock_session", "lock", checkable=True),
    Command("leave_session", "door-open", "Ctrl+Shift+W"),
    Command("end_session", "circle-x", "Ctrl+Shift+E", role="danger"),
    Command("notes", "notebook-pen", "Ctrl+Shift+O"),
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
    Command("detach_tab", "external-link", "Ctrl+Shift+D", checkable=True),
    Command("focus_chat", "message-square", "Ctrl+M"),
    Command("focus_private", "message-square-lock", "Ctrl+Shift+M"),
    Command("presence_online", "circle-check", checkable=True, role="positive"),
    Command("presence_away", "clock", checkable=True, role="warning"),
    Command("presence_busy", "circle-minus", checkable=True, role="danger"),
    Command("icon_tray", "panel-top", "Ctrl+Shift+B", checkable=True),
    Command("history", "history", "Ctrl+H"),
    Command("recordings", "film", "Ctrl+G"),
    Command("replies", "message-square-quote", "Ctrl+Shift+R"),
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

    Signals:
        updated: what can be used, or whom control can be given to, may have changed.
        control_chosen: an entry of the list of assistants was chosen; the argument is the participant's id.
    """

    updated = Signal()
    control_chosen = Signal(str)

    start_session: QAction
    invite: QAction
    assist: QAction
    inbox: QAction
    voice: QAction
    hang_up: QAction
    mute: QAction
    end_call: QAction
    transfer_control: QAction
    transfer_session: QAction
    ask_control: QAction
    take_control: QAction
    lock_session: QAction
    leave_session: QAction
    focus_private: QAction
    presence_online: QAction
    presence_away: QAction
    presence_busy: QAction
    camera: QAction
    ask_camera: QAction
    ask_view: QAction
    stop_view: QAction
    send_file: QAction
    point: QAction
    clear_drawing: QAction
    show_screen: QAction
    pause_show: QAction
    stop_show: QAction
    record: QAction
    recordings: QAction
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
    notes: QAction
    detach_tab: QAction
    icon_tray: QAction
    history: QAction
    replies: QAction
    preferences: QAction
    about: QAction
    sign_out: QAction
    show_window: QAction
    quit: QAction

    def __init__(self, theme: Theme, translator: Translator, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._translator = translator
        self._current: SessionSnapshot | None = None
        self._noted: SessionSnapshot | None = None
        self._show: OwnShow | None = None
        self._inbox: InboxView | None = None
        self._theme = theme
        self._waiting = 0
        self._targets: list[QAction] = []
        self._targets_of: tuple[object, ...] = ()
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
        self._presences = QActionGroup(self)
        for presence in PRESENCES:
            self._presences.addAction(self.presence(presence))
        self.nobody_assists = QAction(self)
        """Stands in the list of assistants where there is none (B-9.1)."""
        self.nobody_assists.setObjectName("nobody_assists")
        self.nobody_assists.setEnabled(False)
        translator.changed.connect(self.retranslate)
        self.retranslate()
        self.set_showing(None)
        self.update(Link.SIGNED_OUT, account=None, current=None, count=0)

    def __iter__(self) -> Iterator[QAction]:
        return iter(self._all.values())

    def __getitem__(self, name: str) -> QAction:
        return self._all[name]

    @property
    def current(self) -> SessionSnapshot | None:
        """The session that the commands are about."""
        return self._current

    @property
    def noted(self) -> SessionSnapshot | None:
        """The session that outcome and notes are about: the chosen one, also once it has ended."""
        return self._noted

    @property
    def control_targets(self) -> list[QAction]:
        """The assistants of the current session, each an entry that gives him control; else one that says why not."""
        return self._targets or [self.nobody_assists]

    def presence(self, presence: Presence) -> QAction:
        """The command that chooses `presence`, one of `PRESENCES`."""
        return self._all[f"presence_{presence.value}"]

    def retranslate(self) -> None:
        """Take the names in the language in use; the tooltip names the shortcut too.

        `text` has the menus' mnemonic, `iconText` is plain: for buttons, where the same letter would stand often.
        """
        for name, action in self._all.items():
            self._name(action, self._translator.t("app", f"action.{name}"))
        self._name_inbox()
        self.nobody_assists.setText(self._translator.t("app", "transfer_control.nobody"))
        self._targets_of = ()
        self._make_targets()
        self.updated.emit()

    @staticmethod
    def _name(action: QAction, text: str) -> None:
        action.setText(text)
        words = text.replace("&", "")
        action.setIconText(words)
        keys = action.shortcut().toString(QKeySequence.SequenceFormat.NativeText)
        action.setToolTip(f"{words} ({keys})" if keys else words)

    def _name_inbox(self) -> None:
        """The Inbox bears its count wherever it stands (B-13.1)."""
        t = self._translator.t
        name = t("app", "action.inbox")
        self._name(self.inbox, t("app", "inbox.count", inbox=name, count=self._waiting) if self._waiting else name)

    def update(
        self,
        link: Link,
        *,
        account: AccountView | None,
        current: SessionSnapshot | None,
        count: int,
        inbox: InboxView | None = None,
        over: SessionSnapshot | None = None,
    ) -> None:
        """Set which commands can be used.

        Args:
            link: the connection to the relay.
            account: who is signed in, if anybody.
            current: the session in the chosen tab, if any.
            count: how many sessions are open.
            inbox: the agent's Inbox; None for other reps.
            over: the session in the chosen tab that has ended, if any: outcome and notes can still be written.
        """
        if current is not None and current.view.state not in LIVE:
            current = None
        self._current, self._inbox = current, inbox
        kept = current if current is not None else over
        self._noted = kept if kept is not None and kept.has_control else None
        online = link is Link.ONLINE and account is not None
        agent = account is not None and AGENT in account.privileges
        usable = self._usable_anywhere(online=online, account=account, count=count)
        usable |= self._usable_inside(current, online=online, agent=agent)
        usable |= dict.fromkeys(("pause_show", "stop_show"), self._show is not None)
        for name in ("hang_up", "mute", "end_call"):
            # Shown first: Qt keeps disabled what is hidden, whatever it is told.
            self._all[name].setVisible(usable[name])
        for name, enabled in usable.items():
            self._all[name].setEnabled(enabled)
        self._show_or_hide(current, agent=agent)
        self.tick()
        waiting = len(inbox.items) if inbox is not None else 0
        if waiting != self._waiting:
            self._waiting = waiting
            self._name_inbox()
        self._make_targets()
        self.updated.emit()

    def set_showing(self, show: OwnShow | None) -> None:
        """Say what this app itself shows, in whatever session: holding and stopping it needs no relay."""
        self._show = show
        for action in (self.pause_show, self.stop_show):
            action.setEnabled(show is not None)
            action.setVisible(show is not None)
        self.tick()

    @staticmethod
    def _usable_anywhere(*, online: bool, account: AccountView | None, count: int) -> dict[str, bool]:
        agent = account is not None and AGENT in account.privileges
        known = account is not None
        usable = {"start_session": online, "assist": online, "history": online, "inbox": agent}
        usable |= {"sign_out": known, "icon_tray": known, "replies": known, "recordings": known}
        usable |= {f"presence_{presence.value}": online and agent for presence in PRESENCES}
        return usable | {"next_tab": count > 1, "previous_tab": count > 1}

    def _usable_inside(self, current: SessionSnapshot | None, *, online: bool, agent: bool) -> dict[str, bool]:
        open_ = current is not None
        role = current.role if current is not None else Role.ANONYMOUS
        state = current.view.state if current is not None else SessionState.NONE
        controls, assists = role is Role.CONTROLLER, role is Role.ASSISTANT
        picture = current.picture if current is not None else Picture.NONE
        has_frame = picture in (Picture.LIVE, Picture.STATIC, Picture.PAUSED, Picture.LOST)
        usable = {
            "invite": open_,
            "ask_view": online and controls and picture is Picture.NONE and current is not None and _can_show(current),
            "stop_view": controls and picture is not Picture.NONE,
            "point": current is not None and (current.draws or (online and controls and has_frame)),
            "clear_drawing": current is not None and (current.draws or (controls and bool(current.drawers))),
            "show_screen": online and controls and state is SessionState.ACTIVE,
            "record": controls and current is not None and (_is_recorded(current) or (online and _is_here(current))),
            "camera": (online and controls and state is SessionState.ACTIVE) or _is_seen(current),
            "ask_camera": online and controls and current is not None and _can_be_seen(current),
            "send_file": online and controls and current is not None and _can_take_files(current),
            **call_commands(current, online=online),
            "transfer_control": online and controls and state in _HELD,
            "transfer_session": online and controls and agent and state is SessionState.ACTIVE,
            "ask_control": online and assists and state in _HELD,
            "take_control": online and assists and current is not None and controller_lost(current),
            "lock_session": online and controls and current is not None and current.view.mode is Mode.SINGLE,
            "leave_session": online and (controls or assists),
            "end_session": online and controls,
            "notes": online and self._noted is not None,
            "copy_number": open_,
            "copy_link": open_,
            "focus_chat": open_,
            "detach_tab": open_,
            "focus_private": current is not None and bool(other_reps(current)),
            "full_screen": has_frame or self.full_screen.isChecked(),
        }
        for name in ("screenshot", "save_screenshot", "view_fit", "view_actual", "zoom_in", "zoom_out", "show_figures"):
            usable[name] = has_frame
        return usable

    def tick(self) -> None:
        """Tick the commands whose state holds now; a click that was refused has ticked too early."""
        current, inbox = self._current, self._inbox
        me = current.me if current is not None else None
        self.pause_show.setChecked(self._show is not None and self._show.paused)
        self.camera.setChecked(_is_seen(current))
        self.lock_session.setChecked(current is not None and current.view.locked)
        self.point.setChecked(current is not None and current.draws)
        self.ask_control.setChecked(me is not None and me.asks_control)
        self.record.setChecked(current is not None and _is_recorded(current))
        for presence in PRESENCES:
            self.presence(presence).setChecked(inbox is not None and inbox.chosen is presence)

    def _show_or_hide(self, current: SessionSnapshot | None, *, agent: bool) -> None:
        """Hide what this rep never has, or not in this session."""
        assists = current is not None and current.role is Role.ASSISTANT
        single = current is not None and current.view.mode is Mode.SINGLE
        for name in ("transfer_session", "inbox", *(f"presence_{presence.value}" for presence in PRESENCES)):
            self._all[name].setVisible(agent)  # B-10.5: who is no agent does not see it
        for name in ("ask_control", "take_control"):
            self._all[name].setVisible(assists)
        self.lock_session.setVisible(single)
        inside = current is not None and current.view.you in current.call.speaking
        self.voice.setVisible(not inside)

    def _make_targets(self) -> None:
        """Make the entries of Transfer Control anew when the assistants are others: the one place that does (B-9.1)."""
        current = self._current
        people = current.assistants if current is not None and current.has_control else ()
        enabled = self.transfer_control.isEnabled()
        wanted = (enabled, *((person.id, person.name, person.connection) for person in people))
        if wanted == self._targets_of:
            return
        self._targets_of = wanted
        for old in self._targets:
            old.deleteLater()
        self._targets = [self._target(person, enabled=enabled) for person in people]

    def _target(self, person: ParticipantView, *, enabled: bool) -> QAction:
        name = one_line(person.name, 60)
        here = person.connection is Connection.ONLINE
        words = name if here else self._translator.t("app", "transfer_control.lost", name=name)
        made = QAction(self._theme.icon("user-round"), words.replace("&", "&&"), self)
        made.setObjectName(f"control_target_{person.id}")
        made.setEnabled(enabled and here)
        made.triggered.connect(lambda: self.control_chosen.emit(person.id))
        return made


def call_commands(session: SessionSnapshot | None, *, online: bool) -> dict[str, bool]:
    """Which commands of the call can be used: everybody joins a running one, only the controller begins one (B-7.7).

    Hanging up and muting act here first, with the relay away too.
    """
    if session is None:
        return {"voice": False, "hang_up": False, "mute": False, "end_call": False}
    call, you = session.call, session.view.you
    customer = session.customer
    can_ask = session.has_control and customer is not None and customer.connection is Connection.ONLINE
    may_join = bool(call.speaking) or you in call.asked or can_ask
    active = session.view.state is SessionState.ACTIVE
    inside = you in call.speaking
    return {
        "voice": online and active and not inside and may_join,
        "hang_up": inside or you in call.asked,
        "mute": inside,
        "end_call": online and session.has_control and call.is_there,
    }


def other_reps(session: SessionSnapshot) -> tuple[ParticipantView, ...]:
    """The representatives in a session besides this app's own."""
    you = session.view.you
    return tuple(person for person in session.view.participants if person.role in REPS and person.id != you)


def controller_lost(session: SessionSnapshot) -> bool:
    """Whether the controller has lost his connection; how long ago is the relay's to judge (B-12.6)."""
    controller = session.controller
    return controller is not None and controller.connection is not Connection.ONLINE


def _is_recorded(session: SessionSnapshot) -> bool:
    """Whether a recording is asked for or running: then the command takes it back or stops it."""
    return session.recording is not None


def _is_here(session: SessionSnapshot) -> bool:
    """Whether there is a customer at the other end who can be asked."""
    customer = session.customer
    return (
        customer is not None and customer.connection is Connection.ONLINE and session.view.state is SessionState.ACTIVE
    )


def _is_seen(session: SessionSnapshot | None) -> bool:
    """Whether this rep shows his camera: what a person stops, stops with the network down too."""
    return session is not None and any(each.mine for each in session.cameras)


def _can_be_seen(session: SessionSnapshot) -> bool:
    """Whether the customer may be asked for his camera: he is there, has one, and does not show it."""
    customer = session.customer
    return (
        customer is not None
        and customer.connection is Connection.ONLINE
        and customer.device.camera is not Capability.NO
        and session.view.state is SessionState.ACTIVE
        and all(each.owner != customer.id for each in session.cameras)
    )


def _can_take_files(session: SessionSnapshot) -> bool:
    """Whether there is a customer at the other end whose browser can do anything with files (B-7.5)."""
    customer = session.customer
    return customer is not None and bool(customer.device.file_key) and session.view.state is SessionState.ACTIVE


def _can_show(session: SessionSnapshot) -> bool:
    """Whether there is a customer at the other end whose device has not said that it cannot share."""
    customer = session.customer
    return (
        customer is not None
        and customer.connection is Connection.ONLINE
        and customer.device.screen is not Capability.NO
        and session.view.state is SessionState.ACTIVE
    )
