"""The chat of one session: transcript, what is new, and the line being written."""

import unicodedata
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPlainTextEdit, QPushButton, QSizePolicy, QVBoxLayout
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.events import Happening, LineState
from support_manager.protocol import limits
from support_manager.protocol.views import Audience
from ui.models.sessions import SessionEntry
from ui.models.transcript import TranscriptModel
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, Kit, button, icon_button, label, name_it, set_kind
from ui.widgets.plain import number_in_threes
from ui.widgets.reply_picker import ReplyPicker
from ui.widgets.transcript_view import TranscriptView

COUNT_FROM = limits.TEXT_CHARS - 200
"""From this length on, the counter is shown."""
_MOST_LINES = 6
_AT_BOTTOM_PX = 24


def length_of(text: str) -> int:
    """The length of a line as every part of the product counts it: code points after NFC."""
    return len(unicodedata.normalize("NFC", text))


class LineInput(QPlainTextEdit):
    """Where a line is written: Enter sends it, Shift+Enter starts a new line; it grows with the text."""

    send_wanted = Signal()

    def __init__(self, name: str = "chatInput") -> None:
        super().__init__()
        self.setObjectName(name)
        self.setTabChangesFocus(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.textChanged.connect(self._grow)
        self._grow()

    def _grow(self) -> None:
        lines = min(_MOST_LINES, max(1, int(self.document().size().height())))
        full = int(self.document().size().height()) > _MOST_LINES
        policy = Qt.ScrollBarPolicy.ScrollBarAsNeeded if full else Qt.ScrollBarPolicy.ScrollBarAlwaysOff
        self.setVerticalScrollBarPolicy(policy)
        self.setFixedHeight(max(ROW + SPACE_1, lines * self.fontMetrics().lineSpacing() + 2 * SPACE_2))

    @override
    def sizeHint(self) -> QSize:
        return QSize(120, ROW)

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}
        if enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
            self.send_wanted.emit()
            return
        super().keyPressEvent(event)

    @override
    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self._grow()


class ChatPanel(QFrame):
    """One of a session's two chats: everybody's, or the one that only representatives read.

    Args:
        kit: what every widget is handed.
        entry: the session.
        audience: who reads it.

    Signals:
        foreign_lines: so many new lines of others came in.
    """

    foreign_lines = Signal(int)

    def __init__(self, kit: Kit, entry: SessionEntry, audience: Audience = Audience.ALL) -> None:
        super().__init__()
        self._kit = kit
        self._audience = audience
        self._private = audience is Audience.REPS
        self._entry = entry
        prefix = "private" if self._private else "chat"
        self._session_id = entry.id
        self._ended = False
        self._sticky = True
        self._unseen = 0
        self.setObjectName(f"{prefix}Panel")
        self.setProperty("kind", "panel")
        self.model = TranscriptModel(kit, self, audience)
        self.view = TranscriptView(kit, self.model)
        self.input = LineInput(f"{prefix}Input")
        self.input.setProperty("private", self._private)
        self._empty = label(f"{prefix}Empty", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._empty.setParent(self.view)
        self._pill: QPushButton = button(f"{prefix}NewLines", "primary")
        self._pill.setParent(self.view)
        self._pill.hide()
        self._pill.clicked.connect(self.to_the_end)
        self._counter = label(f"{prefix}Counter", "secondary")
        self._counter.setAlignment(Qt.AlignmentFlag.AlignRight)
        self._counter.setFixedHeight(16)
        self._send = icon_button(f"{prefix}Send")
        self._send.setFixedSize(ROW + SPACE_1, ROW + SPACE_1)
        self._send.clicked.connect(self.send)
        self.input.send_wanted.connect(self.send)
        self.input.textChanged.connect(self._count)
        self._send.setIcon(kit.theme.icon("send", "private" if self._private else "accent"))

        self._replies = icon_button(f"{prefix}Replies")
        self._replies.setFixedSize(ROW + SPACE_1, ROW + SPACE_1)
        self._replies.setIcon(kit.theme.icon("message-square-quote", "text-muted"))
        self.picker = ReplyPicker(kit, f"{prefix}Picker", self.input, self._places, self)
        self._replies.clicked.connect(self.picker.open_all)

        line = QFrame()
        line.setProperty("kind", "line")
        writing = QHBoxLayout()
        writing.setContentsMargins(SPACE_3, SPACE_2, SPACE_2, 0)
        writing.setSpacing(SPACE_1)
        writing.addWidget(self.input, 1)
        writing.addWidget(self._replies, 0, Qt.AlignmentFlag.AlignBottom)
        writing.addWidget(self._send, 0, Qt.AlignmentFlag.AlignBottom)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, SPACE_1)
        column.setSpacing(0)
        column.addWidget(self.view, 1)
        column.addWidget(line)
        column.addLayout(writing)
        counting = QHBoxLayout()
        counting.setContentsMargins(SPACE_3, 2, SPACE_3, 0)
        counting.addWidget(self._counter, 1)
        column.addLayout(counting)

        bar = self.view.verticalScrollBar()
        bar.valueChanged.connect(self._scrolled)
        bar.rangeChanged.connect(self._range_changed)
        self.view.again_wanted.connect(self._send_again)
        self.view.installEventFilter(self)
        self._range_changed()
        self.take(entry)
        kit.on_words(self.retranslate)

    def take(self, entry: SessionEntry) -> None:
        """Show the session's present lines."""
        self._entry = entry
        pending = entry.snapshot.pending
        if entry.ended is not None:  # nobody will send them any more: they must not look as if they were on their way
            pending = tuple(replace(line, state=LineState.FAILED) for line in pending)
        self.model.can_retry = entry.ended is None and not entry.taken
        foreign = self.model.take(entry.snapshot.view, pending)
        if entry.ended is not None:
            self.model.end(entry.ended)
        if foreign and not self._sticky:
            self._unseen += foreign
        if foreign:
            self.foreign_lines.emit(foreign)
        self._ended = entry.ended is not None or entry.taken
        self.input.setReadOnly(self._ended)
        self.input.setEnabled(not self._ended)
        self._replies.setEnabled(not self._ended)
        self._empty.setVisible(self.model.rowCount() == 0)
        self._show_pill()
        self._count()
        self._show_placeholder()

    def take_files(self) -> None:
        """Show the files that have arrived by now."""
        self.model.take_files(self._kit.intents.files_done(self._session_id))
        self._empty.setVisible(self.model.rowCount() == 0)

    def note(self, what: Happening, name: str) -> None:
        """Write into the transcript that something happened."""
        self.model.note(what, name)
        self._empty.hide()

    def set_looked_at(self, looked_at: bool) -> None:
        """Say whether the rep has this chat before his eyes."""
        self.model.set_looked_at(looked_at)

    def to_the_end(self) -> None:
        """Scroll to the newest line and stay there."""
        self._sticky = True
        self._unseen = 0
        self.view.scrollToBottom()
        self._show_pill()

    def send(self) -> None:
        """Send what is written, if it is anything and not too long."""
        text = unicodedata.normalize("NFC", self.input.toPlainText()).strip()
        if not text or len(text) > limits.TEXT_CHARS or self._ended:
            return
        self.input.clear()
        self.model.forget_new()
        self.to_the_end()
        send = self._kit.intents.send_chat(self._session_id, text, self._audience)

        def give_back(error: SupportManagerError) -> None:
            # Not even on its way: it goes back to where it was written, before whatever was written since.
            since = self.input.toPlainText()
            self.input.setPlainText(f"{text}\n{since}" if since else text)
            self.input.moveCursor(QTextCursor.MoveOperation.End)
            self._kit.work.tell_error(error)

        self._kit.work.run(send, name=f"send_chat:{self._session_id}", on_error=give_back)

    def _places(self) -> dict[str, str]:
        """What the places of a canned reply stand for here and now."""
        intents, snapshot = self._kit.intents, self._entry.snapshot
        account = intents.account
        return {
            "customer": snapshot.customer.name if snapshot.customer is not None else self._entry.last_customer,
            "rep": account.display_name if account is not None else "",
            "number": number_in_threes(snapshot.view.number),
            "company": intents.company,
        }

    def _send_again(self, line_id: str) -> None:
        self._kit.work.run(self._kit.intents.retry_chat(self._session_id, line_id), name=f"retry_chat:{line_id}")

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setAccessibleName(say("private.title" if self._private else "chat.title"))
        self.input.setAccessibleName(say("private.input" if self._private else "chat.input"))
        name_it(self._send, say("chat.send"))
        name_it(self._replies, say("replies.insert"))
        self._empty.setText(say("private.empty" if self._private else "chat.empty"))
        self.view.retranslate()
        self._show_placeholder()
        self._show_pill()
        self._count()

    def _show_placeholder(self) -> None:
        open_ = "private.placeholder" if self._private else "chat.placeholder"
        self.input.setPlaceholderText(self._kit.say("chat.ended" if self._ended else open_))
        # WORKAROUND(Qt 6.12): an empty QPlainTextEdit goes on showing the placeholder before – setPlaceholderText asks
        # for no repaint while one is visible – it may go when it does.
        self.input.viewport().update()

    def _count(self) -> None:
        length = length_of(self.input.toPlainText())
        over = length - limits.TEXT_CHARS
        words = ""
        if over > 0:
            words = self._kit.say("chat.too_long", count=over)
        elif length >= COUNT_FROM:
            words = self._kit.say("chat.left", count=-over)
        self._counter.setText(words)
        set_kind(self._counter, "kind", "error" if over > 0 else "secondary")
        self._send.setEnabled(bool(self.input.toPlainText().strip()) and over <= 0 and not self._ended)

    def _scrolled(self, value: int) -> None:
        self._sticky = value >= self.view.verticalScrollBar().maximum() - _AT_BOTTOM_PX
        if self._sticky and self._unseen:
            self._unseen = 0
            self._show_pill()

    def _range_changed(self) -> None:
        bar = self.view.verticalScrollBar()
        if self._sticky:
            bar.setValue(bar.maximum())

    def _show_pill(self) -> None:
        self._pill.setVisible(self._unseen > 0)
        if self._unseen:
            self._pill.setText(self._kit.say("chat.new_lines", count=self._unseen))
            self._pill.adjustSize()
            self._pill.move(
                (self.view.width() - self._pill.width()) // 2, self.view.height() - self._pill.height() - SPACE_2
            )

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is self.view and event.type() == QEvent.Type.Resize:
            width = self.view.width() - 2 * SPACE_3 * 2
            self._empty.setGeometry(SPACE_3 * 2, 0, width, self.view.height())
            self._show_pill()
        return False
