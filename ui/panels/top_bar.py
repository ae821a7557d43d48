"""The bar at the window's head: Start, Invite, Session, the tabs, the state of the connection, the rep's own menu."""

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QAction, QFont, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QToolButton
from typing_extensions import override

from support_manager.events import Link
from ui.focus_ring import RING
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, WIDE_ICON, Desk, icon_button, label, name_it
from ui.widgets.link_bar import MARKS
from ui.widgets.plain import one_line
from ui.widgets.state_dot import StateDot
from ui.widgets.tab_bar import SessionTabBar

HEIGHT = ROW + 16


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
        self.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
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
        menu = QMenu(self)
        menu.setObjectName("sessionMenu")
        a = kit.actions
        looking = (a.view_fit, a.view_actual, a.zoom_in, a.zoom_out, a.full_screen, a.screenshot, a.save_screenshot)
        asking = (a.ask_view, a.stop_view)
        for group in (asking, looking, (a.copy_number, a.copy_link, a.invite), (a.end_session,)):
            menu.addActions(list(group))
            menu.addSeparator()
        self._session.setMenu(menu)
        self._new = icon_button("topNewTab")
        self._new.setIcon(kit.theme.icon("plus", "text-muted"))
        self._new.clicked.connect(self.new_tab_wanted)
        self._dot = StateDot(kit, "topLinkDot")
        self._state = label("topLink", "secondary")
        self._account = _Initials(kit)
        self._who = QAction(self)
        self._who.setEnabled(False)
        own = QMenu(self)
        own.setObjectName("accountMenu")
        own.addAction(self._who)
        for group in ((a.preferences, a.about), (a.sign_out, a.quit)):
            own.addSeparator()
            own.addActions(list(group))
        self._account.setMenu(own)
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, 0, SPACE_3, 0)
        row.setSpacing(SPACE_1)
        for part in (self._start, self._invite, self._session):
            row.addWidget(part)
        row.addSpacing(SPACE_3)
        row.addWidget(self.tabs, 1)
        row.addWidget(self._new)
        row.addSpacing(SPACE_2)
        row.addWidget(self._dot)
        row.addWidget(self._state)
        row.addWidget(self._account)
        kit.on_words(self.retranslate)

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
        made.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        made.setIconSize(WIDE_ICON)
        made.setFixedHeight(ROW)
        made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return made
