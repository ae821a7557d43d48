"""The bar at the window's head: Start, Invite, Session, the tabs, the state of the connection, the rep's own menu."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QAction, QFont, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton
from typing_extensions import override

from support_manager.events import Link
from support_manager.protocol.views import Presence
from ui.focus_ring import RING
from ui.session_menu import PresenceMenu, SessionMenu
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, WIDE_ICON, Desk, icon_button, label, name_it, set_kind
from ui.widgets.link_bar import MARKS
from ui.widgets.menu_button import opens
from ui.widgets.plain import one_line
from ui.widgets.state_dot import StateDot
from ui.widgets.tab_bar import SessionTabBar

HEIGHT = ROW + 16
_TIGHT_PX = 1_000
_PRESENCES = {
    Presence.ONLINE: ("circle-check", "positive"),
    Presence.AWAY: ("clock", "warning"),
    Presence.BUSY: ("circle-minus", "danger"),
    Presence.OFFLINE: ("unplug", "text-muted"),
}
"""Icon and colour of each presence."""


def initials(name: str) -> str:
    """At most two letters for a name."""
    words = one_line(name, 80).split()
    letters = [word[0] for word in words if word[0].isalnum()]
    chosen = [letters[0], letters[-1]] if len(letters) > 1 else letters[:1]
    return "".join(chosen).upper()


class _Initials(QToolButton):
    """The rep's own button: his initials in a disc."""

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self.setObjectName("topAccount")
        self.setFixedSize(ROW, ROW)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        kit.theme.changed.connect(self.update)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        theme = self._kit.theme
        disc = QRectF(self.rect()).adjusted(2, 2, -2, -2)
        ringed = self.hasFocus() and self.property(RING)
        painter.setPen(QPen(theme.color("accent"), 1.5) if ringed else Qt.PenStyle.NoPen)
        painter.setBrush(theme.color("selection" if self.underMouse() else "accent-soft"))
        painter.drawEllipse(disc)
        font = QFont(self.font())
        font.setPixelSize(theme.size("secondary"))
        font.setWeight(QFont.Weight.DemiBold)
        painter.setFont(font)
        painter.setPen(theme.color("accent"))
        painter.drawText(disc, Qt.AlignmentFlag.AlignCenter, self.text())


class TopBar(QFrame):
    """One row; the tabs take what room there is."""

    new_tab_wanted = Signal()

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._kit = kit
        self._link = kit.intents.link
        self.setObjectName("topBar")
        self.setProperty("kind", "strip")
        self.setFixedHeight(HEIGHT)
        self.tabs = SessionTabBar(kit)
        self._start = self._command("topStart", kit.actions.start_session)
        self._invite = self._command("topInvite", kit.actions.invite)
        self._session = self._menu_button("topSession", "app-window")
        a = kit.actions
        opens(self._session, SessionMenu(a, kit.translator, self))
        self._inbox = self._command("topInbox", a.inbox)
        self._new = icon_button("topNewTab")
        self._new.setIcon(kit.theme.icon("plus", "text-muted"))
        self._new.clicked.connect(self.new_tab_wanted)
        self._dot = StateDot(kit, "topLinkDot")
        self._state = label("topLink", "secondary")
        self._presence = self._menu_button("topPresence", "circle-check")
        opens(self._presence, PresenceMenu(a, kit.translator, self))
        self._account = _Initials(kit)
        self._who = QAction(self)
        self._who.setEnabled(False)
        own = QMenu(self)
        own.setObjectName("accountMenu")
        own.addAction(self._who)
        for group in (
            (a.history, a.recordings, a.replies, a.icon_tray),
            (a.preferences, a.about),
            (a.sign_out, a.quit),
        ):
            own.addSeparator()
            own.addActions(list(group))
        opens(self._account, own)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, 0, SPACE_3, 0)
        row.setSpacing(SPACE_1)
        for part in (self._start, self._invite, self._session, self._inbox):
            row.addWidget(part)
        row.addSpacing(SPACE_3)
        row.addWidget(self.tabs, 1)
        row.addWidget(self._new)
        row.addSpacing(SPACE_2)
        row.addWidget(self._dot)
        row.addWidget(self._state)
        row.addWidget(self._presence)
        row.addWidget(self._account)
        a.updated.connect(self.show_agent)
        kit.on_words(self.retranslate)

    def show_agent(self) -> None:
        """Show what agents alone have: the Inbox, and how others see them; the latter only while that is true."""
        kit = self._kit
        inbox = kit.intents.inbox
        online = self._link is Link.ONLINE and inbox is not None
        self._inbox.setVisible(kit.actions.inbox.isVisible())
        self._fit()
        set_kind(self._inbox, "tone", "ask" if inbox is not None and any(one.offered for one in inbox.items) else "")
        for part in (self._dot, self._state):
            part.setVisible(not online)
        self._presence.setVisible(online)
        if inbox is not None:
            icon, role = _PRESENCES[inbox.presence]
            words = kit.translator.t("app", f"presence.{inbox.presence.value}")
            self._presence.setIcon(kit.theme.icon(icon, role))
            self._presence.setText(f"{words} ▾")
            self._presence.setAccessibleName(kit.translator.t("app", "presence.named", presence=words))

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        """Leave the tabs their room: an agent's bar has more on it, so in a narrow window Start and Invite say less."""
        tight = self.width() < _TIGHT_PX and not self._inbox.isHidden()
        style = Qt.ToolButtonStyle.ToolButtonIconOnly if tight else Qt.ToolButtonStyle.ToolButtonTextBesideIcon
        for part in (self._start, self._invite):
            part.setToolButtonStyle(style)

    def set_link(self, link: Link) -> None:
        """Show how the connection to the relay stands."""
        self._link = link
        self.retranslate()

    def retranslate(self) -> None:
        """Take the words of the present language, and the account's name."""
        say = self._kit.say
        words = say(f"link.{self._link.value}.short")
        self._state.setText(words)
        self._dot.set_state(MARKS[self._link], words)
        self._session.setText(say("top.session"))
        self._session.setAccessibleName(say("top.session"))
        name_it(self._new, say("top.new"))
        account = self._kit.intents.account
        name = one_line(account.display_name, 60) if account is not None else ""
        self._who.setText(name.replace("&", "&&"))
        self._account.setText(initials(name))
        self._account.setAccessibleName(say("top.account", name=name))
        self._account.setVisible(account is not None)
        self.show_agent()

    def _command(self, name: str, action: QAction) -> QToolButton:
        made = QToolButton()
        made.setObjectName(name)
        made.setDefaultAction(action)
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setIconSize(WIDE_ICON)
        made.setFixedHeight(ROW)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made

    def _menu_button(self, name: str, icon: str) -> QToolButton:
        made = QToolButton()
        made.setObjectName(name)
        made.setIcon(self._kit.theme.icon(icon))
        made.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        made.setIconSize(WIDE_ICON)
        made.setFixedHeight(ROW)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made
