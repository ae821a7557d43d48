"""What comes after a session, and what is kept of it: outcome and notes, the history (B-12.7)."""

from collections.abc import Callable

from PySide6.QtCore import QCoreApplication, QEvent, QObject, Qt
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from support_manager.events import SessionClosed, SessionSnapshot
from support_manager.protocol.requests import Noted
from support_manager.protocol.views import HistoryEntry
from ui.bridge import Bridge
from ui.dialogs.outcome import OutcomeDialog
from ui.panels.history import HistoryPanel
from ui.panels.replies import RepliesPanel
from ui.widgets.kit import Desk
from ui.widgets.plain import number_in_threes, one_line
from ui.widgets.sheet import Sheet

_HISTORY_PX, _REPLIES_PX = 960, 720
_EDGE_PX = 48
_GOES_ON = frozenset({QEvent.Type.KeyPress, QEvent.Type.MouseButtonPress})
"""After one of these, in whatever window of the app, the rep is at something else than what he has ended."""


class AfterSession(QObject):
    """Opens the dialog for outcome and notes, the history, and the canned replies.

    Args:
        kit: what every widget is handed, and the commands.
        sheet: holds the panels.
        window: the parent of dialogs; the owner.
        bridge: tells of sessions that ended.
        chosen: says which session's tab is in front.

    Attributes:
        quiet: no dialog opens by itself; set while the app ends everything and closes.
    """

    def __init__(
        self, kit: Desk, sheet: Sheet, window: QWidget, bridge: Bridge, chosen: Callable[[], str | None]
    ) -> None:
        super().__init__(window)
        self._kit, self._sheet, self._window, self._chosen = kit, sheet, window, chosen
        self.quiet = False
        self._ended_here = ""
        bridge.session_closed.connect(self._closed)
        bridge.signed_out.connect(self._signed_out)
        kit.actions.notes.triggered.connect(self._note_current)
        kit.actions.history.triggered.connect(self.show_history)
        kit.actions.replies.triggered.connect(self.show_replies)
        kit.on_words(self.retranslate)

    def note(self, session: SessionSnapshot, *, by_itself: bool = False) -> None:
        """Ask for outcome and notes of a session.

        Args:
            session: live or over.
            by_itself: nobody asked for it, so that the focus stays where it is.
        """
        customer = next(iter(session.customers), None)
        name = customer.name if customer is not None else number_in_threes(session.view.number)
        self._ask(session.id, name, Noted(), by_itself=by_itself)

    def tab_closed(self, session_id: str) -> None:
        """The rep has closed the tab without a word about it: that is a «not now», unless he began to write."""
        for open_one in self._window.findChildren(OutcomeDialog):
            if open_one.session_id == session_id and not open_one.begun:
                open_one.reject()

    def show_history(self) -> None:
        """Open the sessions that are over."""
        panel = HistoryPanel(self._kit)
        panel.notes_wanted.connect(self._note_past)
        self._open(panel, "history.title", _HISTORY_PX)
        panel.take_focus()

    def show_replies(self) -> None:
        """Open the canned replies for editing."""
        panel = RepliesPanel(self._kit)
        self._open(panel, "replies.title", _REPLIES_PX)
        panel.take_focus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        content = self._sheet.content
        if isinstance(content, HistoryPanel | RepliesPanel):
            key = "history.title" if isinstance(content, HistoryPanel) else "replies.title"
            self._sheet.set_title(self._kit.say(key))

    def _open(self, panel: QWidget, title: str, width: int) -> None:
        self._window.show()
        self._window.raise_()
        self._window.activateWindow()
        self._sheet.open_with(panel, self._kit.say(title), min(width, self._window.width() - _EDGE_PX))

    def expect_end(self, session_id: str) -> None:
        """The rep has just ended the session: unless he does something else, he goes on with outcome and notes."""
        self._ended_here = session_id
        app = QCoreApplication.instance()
        if app is not None:
            app.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _GOES_ON:
            self._forget_end()
        return False

    def _forget_end(self) -> None:
        self._ended_here = ""
        app = QCoreApplication.instance()
        if app is not None:
            app.removeEventFilter(self)

    def _closed(self, event: SessionClosed) -> None:
        """A session ended: asked of its controller, and only if there was anybody to help."""
        session = event.session
        goes_on_with_it = session.id == self._ended_here == self._chosen()
        if session.id == self._ended_here:
            self._forget_end()
        if not self.quiet and session.has_control and session.customers:
            self.note(session, by_itself=not goes_on_with_it)

    def _note_current(self) -> None:
        noted = self._kit.actions.noted
        if noted is not None:
            self.note(noted)

    def _note_past(self, entry: HistoryEntry) -> None:
        name = entry.customers[0] if entry.customers else number_in_threes(entry.number)
        self._ask(entry.session_id, name, Noted(outcome=entry.outcome, notes=entry.notes), by_itself=False)

    def _ask(self, session_id: str, name: str, written: Noted, *, by_itself: bool) -> None:
        for open_one in self._window.findChildren(OutcomeDialog):
            if open_one.session_id == session_id and open_one.isVisible():
                open_one.raise_()
                if not by_itself:
                    open_one.activateWindow()
                return
        dialog = OutcomeDialog(self._kit, session_id, one_line(name, 80), written, self._window)
        dialog.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating, by_itself)
        dialog.saved.connect(self._saved)
        dialog.start()

    def _saved(self, session_id: str, outcome: str, notes: str) -> None:
        content = self._sheet.content
        if isinstance(content, HistoryPanel):
            content.noted(session_id, outcome, notes)

    def _signed_out(self) -> None:
        """Another rep's notes are none of the next one's."""
        for open_one in self._window.findChildren(OutcomeDialog):
            open_one.reject()
