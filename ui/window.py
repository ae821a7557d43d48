"""The multisession window: assembles bar, tabs and panels, and keeps them true to the controller's events."""

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QMoveEvent, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.events import (
    Happening,
    LinkChanged,
    LinkPrefilled,
    SessionOpened,
    SessionSnapshot,
)
from support_manager.protocol.views import Mode
from ui.actions import Actions
from ui.areas import move_on
from ui.bridge import Bridge
from ui.models.sessions import SessionEntry, SessionModel, Stage
from ui.panels.invite import InvitePanel, open_mail_program
from ui.panels.layout_memory import LayoutMemory
from ui.panels.session import SessionPanel
from ui.panels.start import StartPage
from ui.panels.top_bar import TopBar
from ui.view_commands import ViewCommands
from ui.widgets.kit import Desk, Kit
from ui.widgets.link_bar import LinkBar
from ui.widgets.plain import number_in_threes
from ui.widgets.sheet import Sheet
from ui.widgets.state_dot import mark_of
from ui.widgets.tab_bar import TabFace, tab_title
from ui.widgets.toasts import Toasts
from ui.work import Tone

_OVER = frozenset({Stage.TAKEN, Stage.ENDED})
"""The stages in which a tab only shows what was: it closes without a question, and no command is about it."""


class MainWindow(QMainWindow):
    """The rep's window.

    Args:
        plain_kit: what every widget is handed.
        actions: the commands.
        bridge: the controller's events as signals.

    Signals:
        looked_at: the rep has that session before his eyes.
    """

    looked_at = Signal(str)

    def __init__(self, plain_kit: Kit, actions: Actions, bridge: Bridge) -> None:
        super().__init__()
        kit = Desk(plain_kit.intents, plain_kit.translator, plain_kit.theme, plain_kit.work, actions)
        self._kit = kit
        self._panels: dict[str, SessionPanel] = {}
        self._visible: str | None = None
        self.model = SessionModel(self)
        self.setObjectName("mainWindow")
        # A laptop of 1366 × 768 at 150 % has 910 × 512.
        self.setMinimumSize(860, 490)

        self.top = TopBar(kit)
        self.tabs = self.top.tabs
        self.start_page = StartPage(kit)
        self.centre = QStackedWidget()
        self.centre.setObjectName("centre")
        self.centre.addWidget(self.start_page)
        self.link_bar = LinkBar(kit)
        desk = QWidget()
        column = QVBoxLayout(desk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.centre, 1)
        column.addWidget(self.link_bar)
        self.pages = QStackedWidget()
        self.pages.setObjectName("pages")
        self.pages.addWidget(desk)
        self._desk = desk
        self._sign_in: QWidget | None = None
        self.setCentralWidget(self.pages)
        self.sheet = Sheet(kit, self)
        self.sheet.closed.connect(self._look)
        self.toasts = Toasts(kit, self)
        self.view_commands = ViewCommands(kit, self, self._panel, self._update_commands)
        self.layout_memory = LayoutMemory(kit.intents, kit.work, self, self._panels)

        self._connect_parts()
        self._connect_events(bridge)
        self._connect_commands()
        self.layout_memory.restore()
        for snapshot in kit.intents.sessions.values():
            self.model.take(SessionOpened(snapshot, recovered=True))
        kit.on_words(self.retranslate)
        self._refresh()

    # -- for the composition root

    def set_sign_in_page(self, page: QWidget) -> None:
        """Take the page that fills the window while nobody is signed in."""
        self._sign_in = page
        self.pages.addWidget(page)
        self.show_sessions(self._kit.intents.account is not None)

    @property
    def shows_sessions(self) -> bool:
        """Whether the sessions are in front, and not the sign-in."""
        return self.pages.currentWidget() is self._desk

    def show_sessions(self, shown: bool) -> None:
        """Bring the sessions to the front, or the sign-in page."""
        page = self._desk if shown or self._sign_in is None else self._sign_in
        if page is not self._desk:
            self.sheet.close_sheet()
        self.pages.setCurrentWidget(page)
        self.toasts.set_at_foot(page is not self._desk)
        self._refresh()
        if page is self._desk and self.tabs.current() is None:
            self.start_page.take_focus()

    @property
    def current_session(self) -> str | None:
        """The id of the session in the chosen tab."""
        return self.tabs.current()

    def show_session(self, session_id: str) -> None:
        """Bring the window to the front, with that session chosen."""
        self.come_to_front()
        if session_id in self._panels:
            self.tabs.choose(session_id)

    def come_to_front(self) -> None:
        """Show the window before all others."""
        self.setWindowState(self.windowState() & ~Qt.WindowState.WindowMinimized)
        self.show()
        self.raise_()
        self.activateWindow()

    def in_front(self) -> bool:
        """Whether the rep is looking at this window."""
        return self.isVisible() and self.isActiveWindow() and not self.isMinimized()

    def current(self) -> SessionEntry | None:
        """The chosen session, open or ended."""
        session_id = self.tabs.current()
        return self.model.entry(session_id) if session_id is not None else None

    def show_invite(self, *, with_text: bool = False) -> None:
        """Open the Invite panel for the chosen session, the cursor in the address field."""
        entry = self.current()
        if entry is None or entry.ended is not None:
            return
        self.come_to_front()
        panel = InvitePanel(self._kit, entry)
        panel.done.connect(self.sheet.close_sheet)
        self.sheet.open_with(panel, self._kit.say("invite.title"))
        panel.take_focus()
        if with_text:
            panel.offer_text()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._show_title()
        if isinstance(self.sheet.content, InvitePanel):
            self.sheet.set_title(self._kit.say("invite.title"))
        for session_id in self._panels:
            self._show_tab(session_id)

    # -- wiring

    def _connect_parts(self) -> None:
        self.tabs.chosen.connect(self._choose)
        self.tabs.close_wanted.connect(self._close_tab)
        self.tabs.renamed.connect(self.model.rename)
        self.top.new_tab_wanted.connect(self._show_start)
        self.start_page.start_wanted.connect(self._start)
        self.model.added.connect(self._add_panel)
        self.model.changed.connect(self._session_changed)
        self.model.figures.connect(self._figures_changed)
        self.model.happened.connect(self._happened)
        self.model.removed.connect(self._remove_panel)

    def _connect_events(self, bridge: Bridge) -> None:
        for signal in (
            bridge.session_opened,
            bridge.session_changed,
            bridge.session_closed,
            bridge.attention,
            bridge.picture_stats,
            bridge.signed_out,
            bridge.failed,
            bridge.link_changed,
        ):
            signal.connect(self.model.take)
        bridge.session_opened.connect(self._session_opened)
        bridge.signed_in.connect(self._refresh)
        bridge.signed_out.connect(self._refresh)
        bridge.link_changed.connect(self._link_changed)
        bridge.link_prefilled.connect(self._prefill)

    def _connect_commands(self) -> None:
        actions = self._kit.actions
        self.addActions(list(actions))
        actions.start_session.triggered.connect(self._start_remembered)
        actions.invite.triggered.connect(lambda: self.show_invite())
        actions.focus_chat.triggered.connect(self._focus_chat)
        actions.next_tab.triggered.connect(lambda: self.tabs.step(1))
        actions.previous_tab.triggered.connect(lambda: self.tabs.step(-1))
        for number in range(1, 10):
            shortcut = QShortcut(QKeySequence(f"Alt+{number}"), self)
            shortcut.activated.connect(lambda at=number - 1: self._choose_at(at))
        QShortcut(QKeySequence("Ctrl+W"), self).activated.connect(self._close_current)
        QShortcut(QKeySequence("F6"), self).activated.connect(lambda: self._next_area(1))
        QShortcut(QKeySequence("Shift+F6"), self).activated.connect(lambda: self._next_area(-1))

    # -- sessions

    def _add_panel(self, session_id: str) -> None:
        entry = self.model.entry(session_id)
        if entry is None:
            return
        panel = SessionPanel(self._kit, entry)
        panel.close_wanted.connect(lambda: self._close_tab(session_id))
        panel.start_wanted.connect(self._show_start)
        panel.sides_changed.connect(lambda: self.layout_memory.take(panel))
        self.view_commands.take_up(panel)
        self._panels[session_id] = panel
        self.centre.addWidget(panel)
        self.layout_memory.give(panel)
        self.tabs.add(session_id)
        self._show_tab(session_id)
        if self.tabs.current() is None and len(self._panels) == 1:
            self.tabs.choose(session_id)
        self._update_commands()

    def _session_opened(self, event: SessionOpened) -> None:
        """A session that was started here comes to the front, and the invitation with it (B-3.2, B-3.3)."""
        if event.recovered:
            return
        self.tabs.choose(event.session.id)
        settings = self._kit.intents.settings
        if not settings.email_at_start:
            return
        if not (settings.own_mail_program and settings.own_mail_chosen):
            self.show_invite()
            return
        try:
            invitation = self._kit.intents.invitation(event.session.id, self._kit.translator.language)
        except SupportManagerError as error:
            self._kit.work.tell_error(error)
            return
        if open_mail_program(invitation.mailto):
            self._kit.work.tell(self._kit.say("invite.opened"), Tone.GOOD)
        else:
            self.show_invite(with_text=True)

    def _session_changed(self, session_id: str) -> None:
        entry, panel = self.model.entry(session_id), self._panels.get(session_id)
        if entry is None or panel is None:
            return
        panel.take(entry)
        self._show_tab(session_id)
        if session_id == self.tabs.current():
            if entry.ended is not None and isinstance(self.sheet.content, InvitePanel):
                self.sheet.close_sheet()
            self._update_commands()

    def _figures_changed(self, session_id: str) -> None:
        entry, panel = self.model.entry(session_id), self._panels.get(session_id)
        if entry is not None and panel is not None:
            panel.take_figures(entry)

    def _happened(self, session_id: str, what: Happening, name: str) -> None:
        panel = self._panels.get(session_id)
        if panel is not None and what is not Happening.CHAT:
            panel.note(what, name)

    def _remove_panel(self, session_id: str) -> None:
        panel = self._panels.pop(session_id, None)
        self.tabs.remove(session_id)
        if self._visible == session_id:
            self._visible = None
        if panel is not None:
            panel.share.set_mailbox(None)
            self.centre.removeWidget(panel)
            panel.hide()
            panel.deleteLater()
        if not self._panels:
            self._choose("")

    def _show_tab(self, session_id: str) -> None:
        entry, tab = self.model.entry(session_id), self.tabs.tab(session_id)
        if entry is None or tab is None:
            return
        say = self._kit.say
        number = number_in_threes(entry.snapshot.view.number)
        title = tab_title(entry.title, entry.last_customer, number)
        parts = [title, say(f"stage.{entry.stage.value}")]
        if entry.unread:
            parts.append(say("tabs.unread", count=entry.unread))
        if entry.attention is not None:
            parts.append(say("tabs.attention"))
        tab.show_face(TabFace(title, mark_of(entry), entry.unread, entry.attention is not None, ", ".join(parts)))
        tab.setToolTip("")  # titles come from strangers: no rich text by accident
        self._show_title()

    def _show_title(self) -> None:
        unread = sum(entry.unread for entry in map(self.model.entry, self.model.ids()) if entry is not None)
        app = self._kit.translator.t("app", "app.name")
        self.setWindowTitle(f"({unread}) {app}" if unread else app)

    def _choose(self, session_id: str) -> None:
        panel = self._panels.get(session_id)
        focused = QApplication.focusWidget()
        follow = focused is None or self.centre.isAncestorOf(focused)
        self.tabs.mark_chosen(session_id)
        self.centre.setCurrentWidget(panel if panel is not None else self.start_page)
        if panel is not None and follow:
            panel.take_focus()  # else Qt would go on to whatever comes next to the widget that is hidden now
        if panel is None:
            self.start_page.show_state()
        if self.sheet.content is not None:
            self.sheet.close_sheet()
        self._look()
        self._update_commands()

    def _look(self) -> None:
        """Tell model, panels and controller what is before the rep's eyes now."""
        chosen = self.tabs.current() if self.pages.currentWidget() is self._desk else None
        visible = chosen if self.isVisible() and not self.isMinimized() else None
        if visible != self._visible:
            for session_id, seen in ((self._visible, False), (visible, True)):
                if session_id is not None and session_id in self._kit.intents.sessions:
                    self._kit.intents.set_visible(session_id, seen)
            self._visible = visible
        before_eyes = chosen if self.in_front() else None
        for session_id, panel in self._panels.items():
            panel.chat.set_looked_at(session_id == before_eyes)
        self.model.look_at(before_eyes)
        if before_eyes is not None:
            self.looked_at.emit(before_eyes)

    def _close_tab(self, session_id: str) -> None:
        """An ended session's tab closes; an open session is ended first, which asks (B-12.2)."""
        entry = self.model.entry(session_id)
        if entry is None:
            return
        if entry.stage in _OVER:
            self.model.close(session_id)
            return
        self.tabs.choose(session_id)
        self._kit.actions.end_session.trigger()

    def _close_current(self) -> None:
        session_id = self.tabs.current()
        if session_id is not None:
            self._close_tab(session_id)

    def _choose_at(self, at: int) -> None:
        ids = self.tabs.ids()
        if at < len(ids):
            self.tabs.choose(ids[at])

    # -- commands

    def _panel(self) -> SessionPanel | None:
        """The panel in front; None on the Start page."""
        session_id = self.tabs.current()
        return self._panels.get(session_id) if session_id is not None else None

    def _update_commands(self) -> None:
        intents = self._kit.intents
        entry = self.current()
        current = intents.sessions.get(entry.id) if entry is not None and entry.stage not in _OVER else None
        self._kit.actions.update(
            intents.link,
            signed_in=intents.account is not None,
            current=current,
            count=len(self.tabs.ids()),
        )

    def _show_start(self) -> None:
        self.tabs.choose("")
        self.start_page.take_focus()

    def _start_remembered(self) -> None:
        account = self._kit.intents.account
        both = account is not None and len(account.modes) > 1
        self._start(self._kit.intents.settings.mode if both else None, "")

    def _start(self, mode: Mode | None, tracking_code: str) -> None:
        if self._kit.work.running("start_session"):
            return
        self.come_to_front()
        self._kit.work.run(
            self._kit.intents.start_session(mode, tracking_code), name="start_session", on_done=self._started
        )

    def _started(self, snapshot: SessionSnapshot) -> None:
        self._update_commands()
        panel = self._panels.get(snapshot.id)
        if panel is not None and self.sheet.content is None:
            panel.take_focus()

    def _focus_chat(self) -> None:
        panel = self._panel()
        if panel is not None:
            panel.right.set_folded(False)
            panel.chat.input.setFocus()

    def _next_area(self, step: int) -> None:
        """Move the focus to the next part of the window: bar, left side, middle, chat."""
        panel = self._panel()
        move_on((self.top, *(panel.areas if panel is not None else (self.start_page,))), step)

    # -- the connection and other events

    def _refresh(self) -> None:
        self.top.retranslate()
        self.link_bar.retranslate()
        self.start_page.show_state()
        self._look()
        self._update_commands()

    def _link_changed(self, event: LinkChanged) -> None:
        self.top.set_link(event.link)
        self.link_bar.take(event)
        self._update_commands()

    def _prefill(self, event: LinkPrefilled) -> None:
        self.come_to_front()
        self._show_start()
        if event.action == "assist":
            self.start_page.tell_assist(event.number)

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if self.isVisible():
            self.layout_memory.save_soon()

    @override
    def moveEvent(self, event: QMoveEvent) -> None:
        super().moveEvent(event)
        if self.isVisible():
            self.layout_memory.save_soon()

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._look()

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._look()

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.ActivationChange, QEvent.Type.WindowStateChange} and self.isVisible():
            self._look()
