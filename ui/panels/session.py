"""One session's tab: facts on the left, the customer's screen or words about it in the middle, chat on the right."""

from dataclasses import dataclass

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import QFrame, QPushButton, QSplitter, QStackedWidget, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.events import Happening
from support_manager.protocol.activities import ActivityKind, ActivityState, Source
from support_manager.protocol.views import Audience, Capability, Mode, SessionView
from ui.areas import focused_in
from ui.models.sessions import SHOWS_PICTURE, SessionEntry, Stage
from ui.panels.banners import Banners
from ui.panels.beside import Beside
from ui.panels.cameras import CameraStrip, LargeCamera
from ui.panels.chats import Chats
from ui.panels.dashboard import LEAST as DASHBOARD_PX
from ui.panels.dashboard import Dashboard
from ui.panels.files import dropped, offer
from ui.panels.recording_bar import RecordingBar
from ui.panels.side import SessionSide
from ui.panels.waiting import WaitingPage
from ui.widgets.call_strip import CallStrip
from ui.widgets.kit import SPACE_2, SPACE_3, Desk, bind, button, label
from ui.widgets.plain import isolated
from ui.widgets.share_view import ShareView
from ui.widgets.side import Side
from ui.widgets.state_message import StateMessage
from ui.widgets.view_bar import ViewBar

LEFT_PX, RIGHT_PX = 208, 280


@dataclass(frozen=True, slots=True)
class _Look:
    """What the middle says in one stage: icon, colour, sentences, buttons."""

    icon: str
    key: str
    role: str = "text-muted"
    buttons: tuple[str, ...] = ()


_LOOKS = {
    Stage.JOINED: _Look("monitor", "joined", "accent", ("ask",)),
    Stage.ASKED: _Look("hand", "asked", "accent", ("take_back",)),
    Stage.DENIED: _Look("eye-off", "denied", buttons=("ask",)),
    Stage.STOPPED: _Look("monitor-off", "stopped", buttons=("ask",)),
    Stage.CUSTOMER_LOST: _Look("unplug", "customer_lost", "warning"),
    Stage.CLOSED_PAGE: _Look("door-open", "closed_page", buttons=("copy_link", "end")),
    Stage.LEFT: _Look("door-open", "left", buttons=("copy_link", "end")),
    Stage.OFFERED: _Look("forward", "offered"),
    Stage.QUEUED: _Look("clock", "queued"),
    Stage.TAKEN: _Look("app-window", "taken", "warning", ("close_tab",)),
    Stage.ENDED: _Look("circle-check", "ended", buttons=("start_new", "notes", "close_tab")),
}
_SHOWING = _Look("monitor-up", "showing", "live")
"""In place of what could be shared instead, while this rep shows something of his own."""
_CONTROL = frozenset({"ask", "take_back", "end", "notes"})
"""Buttons that only the controller has (B-7.9)."""
_ASSISTED = frozenset({"joined", "asked", "denied", "stopped"})
"""What reads otherwise for an assistant: somebody else asks."""
_BY_FORM = frozenset({"closed_page", "left"})
"""What reads otherwise of a customer who came by a queue's form: he never had a link or a number."""


class SessionPanel(QSplitter):
    """Everything about one customer."""

    close_wanted = Signal()
    start_wanted = Signal()
    notes_wanted = Signal(object)
    """Outcome and notes of this session that has ended are to be written; the argument is its snapshot."""
    sides_changed = Signal()
    """The rep folded a side or moved a splitter; the window has the other tabs follow."""
    reading_changed = Signal()
    """`shows_chat` may have changed."""

    def __init__(self, kit: Desk, entry: SessionEntry, parent: QWidget | None = None) -> None:
        # With its parent from the start: Qt dresses a whole tree anew whenever it comes under another one.
        super().__init__(Qt.Orientation.Horizontal, parent)
        self._kit = kit
        self._entry = entry
        self.setObjectName("sessionPanel")
        self.setAcceptDrops(True)
        self.setChildrenCollapsible(False)
        self.setHandleWidth(1)
        self._single = entry.snapshot.view.mode is Mode.SINGLE
        # Each part comes under the next outer one before it is filled: Qt dresses a tree anew whenever it moves.
        left, talk = QWidget(), QWidget()
        self._left_title = "dashboard.title" if self._single else "side.title"
        least = DASHBOARD_PX if self._single else 200
        self.left = Side(kit, "leftSide", self._left_title, "panel-left", left, least, self)
        self._middle = QWidget(self)
        self.right = Side(kit, "rightSide", "beside.title", "panel-right", talk, 240, self)

        self.facts: SessionSide | Dashboard = Dashboard(kit, entry) if self._single else SessionSide(kit, entry)
        self._facts_title = label("factsTitle", "caption")
        self._facts_title.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        self._facts_line = QFrame()
        self._facts_line.setProperty("kind", "line")
        self._left_column = QVBoxLayout(left)
        self._left_column.setContentsMargins(0, 0, 0, 0)
        self._left_column.setSpacing(0)
        for part in (self._facts_line, self._facts_title):
            self._left_column.addWidget(part)
            part.hide()
        self._left_column.addWidget(self.facts, 3)
        self.chats = Chats(kit, entry)
        self.chat = self.chats.public
        self.cameras = CameraStrip(kit, entry.id)
        self.beside = Beside(kit, entry, self.chats, talk)
        talk_column = QVBoxLayout(talk)
        talk_column.setContentsMargins(0, 0, 0, 0)
        talk_column.setSpacing(0)
        talk_column.addWidget(self.cameras)
        talk_column.addWidget(self.beside, 1)

        self._stack = QStackedWidget(self._middle)
        self._stack.setObjectName("sessionCentre")
        self.waiting = WaitingPage(kit, entry.id)
        self.message = StateMessage(kit, "statePage", "monitor")
        self._buttons = self._make_buttons()
        self.share = ShareView(kit.translator, kit.theme)
        self.share.drawing.drawn.connect(lambda message: kit.intents.draw(self._entry.id, message))
        self.share.drawing.ended.connect(lambda: self._end_drawing())
        self._bar = ViewBar(kit)
        kit.actions.show_figures.toggled.connect(self._place_figures)
        self._share_page = QWidget(self._stack)
        column = QVBoxLayout(self._share_page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self.share, 1)
        column.addWidget(self._bar)
        for page in (self.waiting, self.message, self._share_page):
            self._stack.addWidget(page)

        self.recording_bar = RecordingBar(kit, entry)
        self.banners = Banners(kit, entry)
        self.call: CallStrip | None = None
        """Made with the first call: most sessions have none, and a new tab is to be there at once."""
        self._middle.setObjectName("sessionMiddle")
        self._middle.setMinimumWidth(360)
        middle = QVBoxLayout(self._middle)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.setSpacing(0)
        middle.addWidget(self.recording_bar)
        middle.addWidget(self.banners)
        middle.addWidget(self._stack, 1)
        self._middle_column = middle

        self._large_camera = LargeCamera(kit, self.cameras, self._middle, entry.id)
        self.addWidget(self.left)
        self.addWidget(self._middle)
        self.addWidget(self.right)
        for at, stretch in enumerate((0, 1, 0)):
            self.setStretchFactor(at, stretch)
        self.setSizes([LEFT_PX, 1_000, RIGHT_PX])
        self.splitterMoved.connect(self.sides_changed)
        for side in (self.left, self.right):
            side.folded_changed.connect(self.sides_changed)
        self.right.folded_changed.connect(self._show_news)
        self.right.folded_changed.connect(self.reading_changed)
        self.beside.switched.connect(self.reading_changed)
        self.take(entry)
        kit.on_words(self.retranslate)

    @property
    def areas(self) -> tuple[QWidget, ...]:
        """The parts that F6 goes through."""
        return (self.left, self._middle, self.right)

    @property
    def centre(self) -> QWidget:
        """The part between headings, tabs and banners: what is shared, or the words about it."""
        return self._stack

    def take(self, entry: SessionEntry) -> None:
        """Show the session as it is now."""
        focused = focused_in(self)
        acting = focused if focused is not None and self._middle.isAncestorOf(focused) else None
        self._entry = entry
        self.facts.take(entry)
        self.recording_bar.take(entry)
        self.banners.take(entry)
        if self.call is None and entry.snapshot.call.is_there:
            self.call = CallStrip(self._kit, entry)
            self._middle_column.insertWidget(1, self.call)
        if self.call is not None:
            self.call.take(entry)
        self.chats.take(entry)
        self.beside.take(entry)
        self._show_news()
        self._large_camera.take(entry)
        self.cameras.take(entry)
        if not self.waiting.number.text():
            self.waiting.set_number(entry.snapshot.view.number)
        stage = entry.stage
        self.share.set_customer(entry.last_customer)
        self.share.set_picture(entry.snapshot.picture)
        if stage in SHOWS_PICTURE:
            self.share.set_mailbox(self._kit.intents.mailbox(entry.id))
            self._stack.setCurrentWidget(self._share_page)
        else:
            self.share.set_mailbox(None)
            self._stack.setCurrentWidget(self.waiting if stage is Stage.WAITING else self.message)
        self._bar.take(entry)
        self.take_drawing()
        self._show_words()
        if acting is not None and not acting.isVisibleTo(self):
            self.take_focus()

    def seat_inbox(self, inbox: QWidget | None) -> None:
        """Hold the Inbox above the facts, in a share of the height that stays whoever comes and goes."""
        if inbox is not None:
            # The dashboard of single mode needs more room: its list of participants is what a rep works with there.
            self._left_column.insertWidget(0, inbox, 1 if self._single else 2)
        for part in (self._facts_line, self._facts_title):
            part.setVisible(inbox is not None)
        self.left.set_title_key(self._left_title if inbox is None else "inbox.title")

    @property
    def number(self) -> str:
        """The session's number, nine digits."""
        return self._entry.snapshot.view.number

    def take_focus(self) -> None:
        """Put the focus where the rep goes on: Invite while nobody is here, Close when it is over, else what is beside.

        Never into what he does not see: whatever is typed there would be sent unseen.
        """
        if self._entry.stage is Stage.WAITING:
            self.waiting.take_focus()
        elif self._entry.stage in {Stage.TAKEN, Stage.ENDED}:
            self._buttons["close_tab"].setFocus()
        elif self.right.folded:
            self.right.take_focus()
        else:
            self.beside.take_focus()

    def write(self, audience: Audience) -> None:
        """Bring that chat before the rep's eyes, with the cursor in it."""
        self.right.set_folded(False)
        self.beside.bring("chat")
        self.chats.take_focus(audience)

    @property
    def shows_chat(self) -> bool:
        """Whether whoever has this panel before his eyes sees the chat."""
        return not self.right.folded and self.beside.shows_chat

    def take_figures(self, entry: SessionEntry) -> None:
        """Show new figures of the running view."""
        self._bar.take(entry)
        self.recording_bar.take(entry)
        if entry.figures is not None:
            self.share.set_stats(entry.figures)

    def _show_news(self) -> None:
        """Say on the folded side how many lines nobody has read."""
        self.right.set_news("tabs.unread", self._entry.unread if self.right.folded else 0)

    def take_drawing(self) -> None:
        """Show what is drawn over the picture now, and the tools while this rep draws."""
        snapshot = self._entry.snapshot
        shown = self._entry.stage in SHOWS_PICTURE
        names = {person.id: person.name for person in snapshot.view.participants}
        drawing = self.share.drawing
        board = self._kit.intents.board(self._entry.id) if shown and not _bears_ink(snapshot.view) else None
        drawing.show_board(board, names, snapshot.view.you)
        drawing.set_on(shown and snapshot.draws)

    def _end_drawing(self) -> None:
        kit, session_id = self._kit, self._entry.id
        kit.work.run(kit.intents.end_drawing(session_id), name=f"end_drawing {session_id}")

    def _place_figures(self, _changed: bool = False) -> None:
        """The bar says the figures of now where it has room; the view shows how they were over the last minute."""
        self.share.show_figures(self._kit.actions.show_figures.isChecked())

    def note(self, what: Happening, name: str) -> None:
        """Write into the transcript that something happened."""
        self.chat.note(what, name)

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event) and self._kit.actions.send_file.isEnabled():
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        """Files dropped anywhere on the session, also on the customer's screen, are offered to him (B-7.5)."""
        paths = dropped(event)
        if paths and self._kit.actions.send_file.isEnabled():
            event.acceptProposedAction()
            self.beside.bring("files")
            offer(self._kit, self._entry.id, paths)

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self._buttons["take_back"].setText(say("state.asked.take_back"))
        self._buttons["close_tab"].setText(say("state.ended.close"))
        self._buttons["notes"].setText(self._kit.actions.notes.iconText())
        self._buttons["start_new"].setText(say("state.ended.start"))
        self._facts_title.setText(say(self._left_title))
        self._show_words()

    def _make_buttons(self) -> dict[str, QPushButton]:
        kit, message = self._kit, self.message
        made = {
            "ask": button("stateAsk", "primary"),
            "take_back": button("stateTakeBack"),
            "copy_link": button("stateCopyLink"),
            "end": button("stateEnd", "quiet"),
            "start_new": button("stateStartNew", "primary"),
            "notes": button("stateNotes"),
            "close_tab": button("stateCloseTab"),
        }
        bind(made["ask"], kit.actions.ask_view, icon=False)
        bind(made["copy_link"], kit.actions.copy_link)
        bind(made["end"], kit.actions.end_session)
        made["take_back"].clicked.connect(kit.actions.stop_view.trigger)
        made["start_new"].clicked.connect(self.start_wanted)
        made["notes"].clicked.connect(lambda: self.notes_wanted.emit(self._entry.snapshot))
        made["close_tab"].clicked.connect(self.close_wanted)
        for one in made.values():
            message.add_button(one)
        return made

    def _show_words(self) -> None:
        entry, say = self._entry, self._kit.say
        stage = entry.stage
        name = isolated(entry.customer.name if entry.customer is not None else entry.last_customer)
        look = _LOOKS.get(stage)
        if look is None:
            return
        if entry.snapshot.show is not None and "ask" in look.buttons:
            look = _SHOWING
        key = look.key
        if key == "joined" and entry.customer is not None and entry.customer.device.screen is Capability.NO:
            key = "cannot_show"
        self.message.set_icon(look.icon, look.role)
        self.message.set_words(say(f"state.{key}.title", name=name), self._explanation(key, name))
        for button_name, made in self._buttons.items():
            mine = not (entry.assists and button_name in _CONTROL)
            made.setVisible(mine and button_name in look.buttons and key != "cannot_show")
        self.message.fit_buttons()

    def _explanation(self, key: str, name: str) -> str:
        """The sentence under the heading; an assistant reads what it means for him."""
        entry, say = self._entry, self._kit.say
        view, controller = entry.snapshot.view, entry.snapshot.controller
        if entry.stage is Stage.ENDED and entry.ended is not None:
            assisted = ".assist" if entry.assists else ""
            return say(f"state.ended.{entry.ended.value}{assisted}")
        if key == _SHOWING.key and entry.snapshot.show is not None and entry.snapshot.show.paused:
            return say("state.showing.paused", name=name)
        if entry.stage is Stage.QUEUED:
            queue = isolated(view.transfer.queue_name) if view.transfer is not None else ""
            return say("state.queued.text", name=name, queue=queue)
        if entry.assists and key in _ASSISTED and controller is not None:
            return say(f"state.{key}.assist.text", name=name, controller=isolated(controller.name))
        by_form = ".form" if view.intake is not None and key in _BY_FORM else ""
        return say(f"state.{key}{by_form}.text", name=name)


def _bears_ink(view: SessionView) -> bool:
    """Whether the picture itself shows what is drawn: on a rep's whole screen it stands for him to see, too."""
    return any(
        one.kind is ActivityKind.SHOW and one.state is ActivityState.RUNNING and one.source is Source.SCREEN
        for one in view.activities
        if not one.paused
    )
