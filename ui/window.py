"""The multisession window: assembles bar, tabs and panels, and keeps them true to the controller's events."""

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QKeySequence, QMoveEvent, QResizeEvent, QShortcut, QShowEvent
from PySide6.QtWidgets import QApplication, QMainWindow, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.events import (
    DrawingChanged,
    FilesChanged,
    Happening,
    LinkChanged,
    SessionLeft,
    SessionOpened,
    SessionSnapshot,
    VoiceDevice,
    VoiceHeard,
)
from support_manager.protocol.views import Audience, Mode
from ui.actions import Actions
from ui.after_session import AfterSession
from ui.areas import move_on
from ui.bridge import Bridge
from ui.detached import Detached
from ui.inviting import Inviting
from ui.models.inbox import InboxModel
from ui.models.sessions import MARKED, SessionEntry, SessionModel, Stage
from ui.panels.inbox_seat import InboxSeat
from ui.panels.layout_memory import LayoutMemory
from ui.panels.session import SessionPanel
from ui.panels.start import StartPage
from ui.panels.top_bar import TopBar
from ui.recording_desk import RecordingDesk
from ui.showing import Showing
from ui.sight import Sight
from ui.tab_faces import TabFaces
from ui.view_commands import ViewCommands
from ui.widgets.kit import Desk, Kit
from ui.widgets.link_bar import LinkBar
from ui.widgets.plain import isolated, number_in_threes
from ui.widgets.sheet import Sheet
from ui.widgets.show_strip import ShowStrip
from ui.widgets.toasts import Toasts

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
        self.model = SessionModel(self)
        self.inbox_model = InboxModel(bridge, kit.intents.inbox, self)
        self.setObjectName("mainWindow")
        # A laptop of 1366 × 768 at 150 % has 910 × 512.
        self.setMinimumSize(860, 490)

        self.top = TopBar(kit)
        self.tabs = self.top.tabs
        self.start_page = StartPage(kit)
        self.centre = QStackedWidget()
        self.centre.setObjectName("centre")
        self.seat = InboxSeat(kit, self.inbox_model, self.start_page)
        self.centre.addWidget(self.seat)
        self.link_bar = LinkBar(kit)
        self.show_strip = ShowStrip(kit)
        desk = QWidget()
        column = QVBoxLayout(desk)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.top)
        column.addWidget(self.show_strip)
        column.addWidget(self.centre, 1)
        column.addWidget(self.link_bar)
        self.pages = QStackedWidget()
        self.pages.setObjectName("pages")
        self.pages.addWidget(desk)
        self._desk = desk
        self._sign_in: QWidget | None = None
        self.setCentralWidget(self.pages)
        self.sheet = Sheet(kit, self)
        self.sheet.focus_homeless.connect(self._take_focus)
        self.sheet.closed.connect(self._look)
        self.toasts = Toasts(kit, self, self._room_for_toasts)
        self.detached = Detached(kit, self)
        self.centre.addWidget(self.detached.page)
        self.sight = Sight(kit.intents, self.model, self._panels, self.detached, self._on_screen, self.in_front)
        self.faces = TabFaces(kit, self.model, self.tabs, self.detached, self, lambda: not self.shows_sessions)
        self.inviting = Inviting(kit, self.sheet, self.current, self.come_to_front, bridge)
        self.after_session = AfterSession(kit, self.sheet, self, bridge, self.tabs.current)
        self.showing = Showing(kit, bridge, self.show_strip, self, self)
        self.recording_desk = RecordingDesk(kit, self.sheet, self, bridge)
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
        self.toasts.place()
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
            self.detached.bring(session_id)

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
        self.inviting.show(with_text=with_text)

    def show_inbox(self) -> None:
        """Bring the Inbox into view, the focus on its first entry."""
        self.showing.looks_at("")
        self.come_to_front()
        self.sheet.close_sheet()
        if self.tabs.current() in self.detached:
            self.tabs.choose("")  # it stands beside the Start page, for that session's panel is elsewhere
        self.seat.open()

    def inbox_in_sight(self) -> bool:
        """Whether the rep has the Inbox before his eyes."""
        return self.in_front() and self.seat.inbox.isVisible() and not self.seat.inbox.unseen

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.faces.show_title()
        self.inviting.retranslate()
        for session_id in self._panels:
            self.faces.show(session_id)

    def _room_for_toasts(self) -> QWidget | None:
        """Sign-in and sheets have their cards in the middle, and nothing at the foot."""
        if not self.shows_sessions or self.sheet.content is not None:
            return None
        page = self.centre.currentWidget()
        if isinstance(page, SessionPanel):
            return page.centre
        return self.start_page if page is self.seat else page

    # -- wiring

    def _connect_parts(self) -> None:
        self.centre.currentChanged.connect(self.toasts.place)
        self.sheet.opened.connect(self.toasts.place)
        self.sheet.closed.connect(self.toasts.place)
        self.tabs.chosen.connect(self._choose)
        self.tabs.close_wanted.connect(self._close_tab)
        self.tabs.renamed.connect(self.model.rename)
        self.tabs.detach_wanted.connect(self._detach_or_attach)
        self.detached.attach_wanted.connect(self._attach)
        self.detached.front_changed.connect(self._follow_front)
        self.top.new_tab_wanted.connect(self._show_start)
        self.start_page.start_wanted.connect(self._start)
        self.model.added.connect(self._add_panel)
        self.model.changed.connect(self._session_changed)
        self.model.figures.connect(self._figures_changed)
        self.model.happened.connect(self._happened)
        self.model.removed.connect(self._remove_panel)
        self.model.left.connect(self._left)
        self.inbox_model.changed.connect(self._update_commands)
        self.showing.exposed.connect(self.seat.inbox.set_unseen)

    def _connect_events(self, bridge: Bridge) -> None:
        for signal in (
            bridge.session_opened,
            bridge.session_changed,
            bridge.session_closed,
            bridge.session_left,
            bridge.attention,
            bridge.picture_stats,
            bridge.recording_figures,
            bridge.signed_out,
            bridge.failed,
            bridge.link_changed,
        ):
            signal.connect(self.model.take)
        bridge.files_changed.connect(self._files_changed)
        bridge.session_opened.connect(self._session_opened)
        bridge.signed_in.connect(self._refresh)
        bridge.signed_out.connect(self._refresh)
        bridge.link_changed.connect(self._link_changed)
        bridge.link_prefilled.connect(self._show_start)
        bridge.drawing_changed.connect(self._drawing_changed)
        bridge.voice_heard.connect(self._voice_heard)
        bridge.voice_device.connect(self._voice_device)

    def _connect_commands(self) -> None:
        actions = self._kit.actions
        self.addActions(list(actions))
        actions.start_session.triggered.connect(self._start_remembered)
        actions.invite.triggered.connect(lambda: self.show_invite())
        actions.inbox.triggered.connect(self.show_inbox)
        actions.focus_chat.triggered.connect(lambda: self._focus_chat(Audience.ALL))
        actions.focus_private.triggered.connect(lambda: self._focus_chat(Audience.REPS))
        actions.send_file.triggered.connect(self._send_files)
        actions.detach_tab.triggered.connect(lambda: self._detach_or_attach(self.tabs.current() or ""))
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
        panel = SessionPanel(self._kit, entry, self.centre)
        panel.close_wanted.connect(lambda: self._close_tab(session_id))
        panel.start_wanted.connect(self._show_start)
        panel.notes_wanted.connect(self.after_session.note)
        panel.sides_changed.connect(lambda: self.layout_memory.take(panel))
        panel.reading_changed.connect(self._look)
        self.view_commands.take_up(panel)
        self._panels[session_id] = panel
        self.centre.addWidget(panel)
        self.layout_memory.give(panel)
        self.tabs.add(session_id)
        self.faces.show(session_id)
        if self.tabs.current() is None and len(self._panels) == 1:
            self.tabs.choose(session_id)
        self._update_commands()

    def _session_opened(self, event: SessionOpened) -> None:
        """A session that was started, entered or accepted here comes to the front."""
        if not event.recovered:
            self.tabs.choose(event.session.id)
            # In a turn of the loop of its own: panel, first layout and invitation together would hold it too long.
            QTimer.singleShot(0, self, lambda: self.inviting.started(event.session))

    def _left(self, event: SessionLeft) -> None:
        """The tab is gone; why, is said in words (B-12.1)."""
        view, customer = event.session.view, event.session.customer
        name = isolated(customer.name) if customer is not None else number_in_threes(view.number)
        self._kit.work.tell(self._kit.say(f"gone.{event.why.value}", name=name))

    def _session_changed(self, session_id: str) -> None:
        entry, panel = self.model.entry(session_id), self._panels.get(session_id)
        if entry is None or panel is None:
            return
        self.inviting.follow(entry)  # first, so that the focus it gives back goes on with the panel's
        panel.take(entry)
        self.faces.show(session_id)
        if session_id == self.tabs.current():
            self._update_commands()

    def _files_changed(self, event: FilesChanged) -> None:
        panel = self._panels.get(event.session_id)
        if panel is not None:
            panel.beside.show_files(event.files)

    def _send_files(self) -> None:
        """Ask which files to send to the customer of the chosen tab."""
        panel = self._panels.get(self.tabs.current() or "")
        if panel is not None:
            panel.beside.bring("files")
            panel.beside.files.choose_files()

    def _figures_changed(self, session_id: str) -> None:
        entry, panel = self.model.entry(session_id), self._panels.get(session_id)
        if entry is not None and panel is not None:
            panel.take_figures(entry)

    def _drawing_changed(self, event: DrawingChanged) -> None:
        panel = self._panels.get(event.session_id)
        if panel is not None:
            panel.take_drawing()

    def _happened(self, session_id: str, what: Happening, name: str) -> None:
        panel = self._panels.get(session_id)
        if panel is not None and what is not Happening.CHAT and what not in MARKED:
            panel.note(what, name)

    def _voice_heard(self, event: VoiceHeard) -> None:
        panel = self._panels.get(event.session_id)
        if panel is not None and panel.call is not None:
            panel.call.take_levels(event)

    def _voice_device(self, event: VoiceDevice) -> None:
        panel = self._panels.get(event.session_id)
        if panel is not None and panel.call is not None:
            panel.call.take_trouble(event)

    def _remove_panel(self, session_id: str) -> None:
        panel = self._panels.pop(session_id, None)
        if session_id == self.tabs.current():
            self.seat.lend(None)  # the Inbox must not go with the panel that holds it
        self.detached.give_back(session_id)
        self.tabs.remove(session_id)
        self.sight.forget(session_id)
        self.after_session.tab_closed(session_id)
        if panel is not None:
            panel.share.set_mailbox(None)
            self.centre.removeWidget(panel)
            panel.hide()
            panel.deleteLater()
        if not self._panels:
            self._choose("")

    def _choose(self, session_id: str) -> None:
        self.showing.looks_at(session_id)
        panel = self._panels.get(session_id)
        focused = QApplication.focusWidget()
        follow = focused is None or self.centre.isAncestorOf(focused)
        self.tabs.mark_chosen(session_id)
        if session_id in self.detached:
            panel = None
            self.centre.setCurrentWidget(self.detached.stand_in(session_id))
        else:
            self.centre.setCurrentWidget(panel if panel is not None else self.seat)
        self.seat.lend(panel)
        if panel is not None and follow:
            panel.take_focus()  # else Qt would go on to whatever comes next to the widget that is hidden now
        if panel is None:
            self.start_page.show_state()
        if self.sheet.content is not None:
            self.sheet.close_sheet()
        self._look()
        self._update_commands()

    def _take_focus(self) -> None:
        """Put the focus where the rep goes on in what this window shows now."""
        page = self.centre.currentWidget()
        if isinstance(page, SessionPanel):
            page.take_focus()
        elif page is self.detached.page:
            self.detached.take_focus()
        else:
            self.start_page.take_focus()

    def _look(self) -> None:
        """Tell model, panels, title and controller what is before the rep's eyes now."""
        self.sight.look()
        self.faces.show_title()
        if self.sight.read is not None:
            self.looked_at.emit(self.sight.read)

    def _on_screen(self) -> str | None:
        """The session that this window shows, if it is shown itself."""
        shown = self.shows_sessions and self.isVisible() and not self.isMinimized()
        return self.tabs.current() if shown else None

    # -- tabs in windows of their own

    def _detach_or_attach(self, session_id: str) -> None:
        if session_id in self.detached:
            self._attach(session_id)
        elif session_id in self._panels:
            self.tabs.choose(session_id)
            self.seat.lend(None)
            panel = self._panels[session_id]
            self.centre.removeWidget(panel)
            self.detached.take_out(session_id, panel)
            self._moved(session_id)

    def _attach(self, session_id: str) -> None:
        panel = self.detached.give_back(session_id)
        if panel is not None:
            self.centre.addWidget(panel)
            self._moved(session_id)
            self.show_session(session_id)

    def _moved(self, session_id: str) -> None:
        tab = self.tabs.tab(session_id)
        if tab is not None:
            tab.detached = session_id in self.detached
        self.faces.show(session_id)
        self._choose(session_id)

    def _follow_front(self, session_id: str) -> None:
        """The commands are about the session whose window is in front."""
        if session_id and session_id != self.tabs.current():
            self._choose(session_id)
        else:
            self._look()

    def _close_tab(self, session_id: str) -> None:
        """An ended session's tab closes; an open one is left or ended first, which asks (B-12.2)."""
        entry = self.model.entry(session_id)
        if entry is None:
            return
        if entry.stage in _OVER:
            self.model.close(session_id)
            return
        self.tabs.choose(session_id)
        actions, snapshot = self._kit.actions, entry.snapshot
        others = bool(snapshot.assistants) or actions.transfer_session.isEnabled()
        (actions.end_session if snapshot.has_control and not others else actions.leave_session).trigger()

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
            account=intents.account,
            current=current,
            count=len(self.tabs.ids()),
            inbox=self.inbox_model.inbox,
            over=entry.snapshot if entry is not None and entry.stage is Stage.ENDED else None,
        )
        self._kit.actions.detach_tab.setChecked(self.tabs.current() in self.detached)

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

    def _focus_chat(self, audience: Audience) -> None:
        panel = self._panel()
        if panel is not None:
            panel.write(audience)

    def _next_area(self, step: int) -> None:
        """Move the focus to the next part of the window: bar, left side, middle, chat."""
        panel = self._panel()
        move_on((self.top, *(panel.areas if panel is not None else (self.seat,))), step)

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
