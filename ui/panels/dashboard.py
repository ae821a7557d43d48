"""The dashboard of single-session mode: the tabs Tools, Application and Session above the participants (B-5.4)."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt
from PySide6.QtGui import QAction, QFont, QFontMetrics
from PySide6.QtWidgets import (
    QButtonGroup,
    QComboBox,
    QFrame,
    QHBoxLayout,
    QMenu,
    QScrollArea,
    QSizePolicy,
    QStackedWidget,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from resources.catalog import LANGUAGES
from support_manager.settings import Settings
from ui.models.sessions import SessionEntry
from ui.panels.participants import ParticipantsPanel
from ui.panels.written import Written
from ui.session_menu import PresenceMenu
from ui.widgets.command_button import CommandButton
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, WIDE_ICON, Desk, button, label
from ui.widgets.menu_button import let_go, opens
from ui.widgets.number_label import CopyButton, NumberLabel
from ui.widgets.plain import isolated

LEAST = 264
"""The narrowest dashboard in px: the names of its three tabs, in the longer of the languages."""
TAB_PADDING = 4
TABS = ("tools", "application", "session")


class TransferButton(QToolButton):
    """Transfer Session with an arrow that leads to Transfer Control (B-9.1).

    A rep who may not transfer sessions has the arrow's command on the button itself.

    Args:
        kit: what every widget is handed, and the commands.
    """

    def __init__(self, kit: Desk) -> None:
        super().__init__()
        self._actions = kit.actions
        self.setObjectName("dashboardTransfer")
        self.setIconSize(WIDE_ICON)
        self.setFixedHeight(ROW)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setProperty("kind", "row")
        self._menu = QMenu(self)
        self._menu.setObjectName("transferMenu")
        self._menu.addActions([kit.actions.transfer_session, kit.actions.transfer_control])
        let_go(self, self._menu)
        kit.actions.updated.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        agent = self._actions.transfer_session.isVisible()
        face = self._actions.transfer_session if agent else self._actions.transfer_control
        if self.defaultAction() is not face:
            if self.defaultAction() is not None:
                self.removeAction(self.defaultAction())
            self.setDefaultAction(face)
            self.setMenu(self._menu if agent else None)  # type: ignore[arg-type]  # Qt takes none; the stubs do not
            popup = QToolButton.ToolButtonPopupMode
            self.setPopupMode(popup.MenuButtonPopup if agent else popup.DelayedPopup)
        self.setAccessibleName(face.iconText())


class Dashboard(QScrollArea):
    """Everything about a session with several customers that is not the picture or the chat.

    Args:
        kit: what every widget is handed, and the commands.
        entry: the session.
    """

    def __init__(self, kit: Desk, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self.setObjectName("dashboard")
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.number = NumberLabel(kit, "sideNumber", large=False)
        self._link = ElidedLabel("sideLink", "secondary")
        self._copy_link = CopyButton(kit, "sideCopyLink", "copy.link")
        self._tabs = {name: button(f"dashboardTab_{name}", "segment") for name in TABS}
        self._pages = QStackedWidget()
        self._pages.setObjectName("dashboardPages")
        self._started = label("sideStarted", "secondary", wrap=True)
        self._tracking = label("sideTracking", "secondary", wrap=True)
        self._language_label = label("dashboardLanguageLabel", "secondary")
        self._language = QComboBox()
        self.participants = ParticipantsPanel(kit, entry)
        self._written = Written(kit)
        for page in (self._make_tools(), self._make_application(), self._make_session()):
            self._pages.addWidget(page)
        self._lay_out()
        self.show_tab("tools")
        self.take(entry)
        kit.work.running_changed.connect(self._follow_language)
        kit.on_words(self.retranslate)

    def show_tab(self, name: str) -> None:
        """Bring one of `TABS` to the front."""
        self._tabs[name].setChecked(True)
        self._pages.setCurrentIndex(TABS.index(name))

    def take(self, entry: SessionEntry) -> None:
        """Show the session's present facts."""
        self._entry = entry
        view = entry.snapshot.view
        self.number.set_number(view.number)
        self._link.setText(view.link.split("://", 1)[-1])
        self._copy_link.set_text_to_copy(view.link)
        self.participants.take(entry)
        self._show_words()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setAccessibleName(say("dashboard.title"))
        for at, (name, tab) in enumerate(self._tabs.items()):
            tab.setText(say(f"dashboard.{name}"))
            # The chosen one is bold, which Qt leaves out of its size: each gets room by its own words when bold.
            font = QFont(tab.font())
            font.setWeight(QFont.Weight.DemiBold)
            width = QFontMetrics(font).horizontalAdvance(tab.text()) + 2 * TAB_PADDING
            tab.setMinimumWidth(width)
            self._tab_row.setStretch(at, width)
        words = self._kit.translator.t("app", "preferences.language")
        self._language_label.setText(words)
        self._language.setAccessibleName(words)
        for at in range(self._language.count()):
            value = self._language.itemData(at) or "system"
            self._language.setItemText(at, self._kit.translator.t("app", f"preferences.language.{value}"))
        self._presence.setText(f"{self._kit.translator.t('app', 'presence.menu')} ▾")
        self._follow_language()
        self._show_words()

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        tabs = self._tab_row = QHBoxLayout()
        tabs.setSpacing(0)
        for name, tab in self._tabs.items():
            tab.setCheckable(True)
            tab.setFixedHeight(ROW)
            tab.setProperty("dense", True)
            tab.clicked.connect(lambda _=False, name=name: self.show_tab(name))
            group.addButton(tab)
            tabs.addWidget(tab)
        link = QHBoxLayout()
        link.setSpacing(SPACE_1)
        link.addWidget(self._link, 1)
        link.addWidget(self._copy_link)
        line = QFrame()
        line.setProperty("kind", "line")
        inner = QWidget()
        column = QVBoxLayout(inner)
        column.setContentsMargins(SPACE_3, 0, SPACE_3, SPACE_3)
        column.setSpacing(SPACE_2)
        column.addWidget(self.number)
        column.addLayout(link)
        column.addWidget(self._written)
        column.addLayout(tabs)
        column.addWidget(self._pages)
        column.addWidget(line)
        column.addWidget(self.participants)
        column.addStretch(1)
        self.setWidget(inner)

    def _make_tools(self) -> QWidget:
        a = self._kit.actions
        shows = (a.show_screen, a.pause_show, a.stop_show)
        talk = (a.focus_chat, a.focus_private, a.send_file, a.screenshot)
        calls = (a.voice, a.mute, a.hang_up)
        return self._page((a.invite, a.ask_view, a.stop_view, *shows, a.point, a.record, *calls, *talk))

    def _make_application(self) -> QWidget:
        a = self._kit.actions
        self._language.setObjectName("dashboardLanguage")
        for value in ("", *LANGUAGES):
            self._language.addItem("", value)
        self._language.activated.connect(self._choose_language)
        self._language_label.setBuddy(self._language)
        language = QHBoxLayout()
        language.setContentsMargins(SPACE_2, 0, 0, 0)
        language.setSpacing(SPACE_2)
        language.addWidget(self._language_label)
        language.addWidget(self._language, 1)
        self._presence = QToolButton()
        self._presence.setObjectName("dashboardPresence")
        self._presence.setIcon(self._kit.theme.icon("circle-user"))
        self._presence.setIconSize(WIDE_ICON)
        self._presence.setFixedHeight(ROW)
        self._presence.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._presence.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        opens(self._presence, PresenceMenu(a, self._kit.translator, self._presence))
        a.updated.connect(self._show_presence)
        page = self._page((a.inbox, a.preferences, a.icon_tray, a.history, a.recordings, a.replies, a.sign_out))
        column = page.layout()
        if isinstance(column, QVBoxLayout):
            column.insertLayout(0, language)
            column.insertWidget(1, self._presence)
        self._show_presence()
        return page

    def _make_session(self) -> QWidget:
        a = self._kit.actions
        page = self._page((a.ask_control, a.take_control, a.lock_session, a.notes, a.leave_session, a.end_session))
        column = page.layout()
        if isinstance(column, QVBoxLayout):
            column.insertWidget(0, TransferButton(self._kit))
            column.insertWidget(column.count() - 1, self._started)
            column.insertWidget(column.count() - 1, self._tracking)
        return page

    @staticmethod
    def _page(actions: Sequence[QAction]) -> QWidget:
        page = QWidget()
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for action in actions:
            column.addWidget(CommandButton(f"dashboard_{action.objectName().removeprefix('action_')}", action))
        column.addStretch(1)
        return page

    def _show_presence(self) -> None:
        self._presence.setVisible(self._kit.actions.presence_online.isVisible())

    def _choose_language(self) -> None:
        kit = self._kit

        def take(settings: Settings) -> None:
            kit.translator.set_language(settings.language)

        chosen = self._language.currentData()
        kit.work.run(kit.intents.change_settings(language=chosen), name="preferences language", on_done=take)

    def _follow_language(self) -> None:
        """The preferences may have changed it, too."""
        at = self._language.findData(self._kit.intents.settings.language)
        if not self._kit.work.running("preferences language"):
            with QSignalBlocker(self._language):
                self._language.setCurrentIndex(max(0, at))

    def _show_words(self) -> None:
        say, view = self._kit.say, self._entry.snapshot.view
        time = self._kit.translator.time(view.started_at)
        self._started.setText(say("side.started", time=time))
        self._written.take(view.intake, () if view.handover is None else (view.handover,))
        self._tracking.setVisible(bool(view.tracking_code))
        self._tracking.setText(say("side.tracking", code=isolated(view.tracking_code)))
