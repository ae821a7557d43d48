"""The list of canned replies above the chat's field: opened by `/` or its button, used without leaving the field."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QObject, QPoint, Qt
from PySide6.QtGui import QKeyEvent, QTextCursor
from PySide6.QtWidgets import QListWidget, QListWidgetItem, QPlainTextEdit, QWidget
from typing_extensions import override

from support_manager.settings import Reply
from ui.models.replies import fill, matching
from ui.widgets.kit import ROW, SPACE_1, Kit
from ui.widgets.plain import one_line

_MOST_ROWS = 6


class ReplyPicker(QListWidget):
    """Shows the replies that fit what stands after the `/`; Enter or a click puts one into the field.

    Args:
        kit: what every widget is handed; its settings hold the replies.
        name: object name.
        field: where lines are written; keeps the focus all the while.
        places: gives the values of the places at the moment when a reply is used.
        parent: over which the list is shown.
    """

    def __init__(
        self, kit: Kit, name: str, field: QPlainTextEdit, places: Callable[[], Mapping[str, str]], parent: QWidget
    ) -> None:
        super().__init__(parent)
        self._kit, self._field, self._places, self._over = kit, field, places, parent
        self._fitting: list[Reply] = []
        self._put_away = ""
        self.setObjectName(name)
        self.setProperty("kind", "popup")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setUniformItemSizes(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.itemClicked.connect(lambda item: self._use(self.row(item)))
        field.textChanged.connect(self._look)
        field.installEventFilter(self)
        self.hide()
        kit.on_words(self.retranslate)

    def open_all(self) -> None:
        """Show every reply, as a `/` in an empty field does; what is written stays."""
        self._put_away = ""
        self._show(matching(self._kit.intents.settings.replies, ""))
        self._field.setFocus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.setAccessibleName(self._kit.say("replies.title"))
        if not self.isHidden():
            self._look()

    def _look(self) -> None:
        text = self._field.toPlainText()
        if text == self._put_away:
            self.hide()
            return
        self._put_away = ""
        if not text.startswith("/") or "\n" in text:
            self.hide()
            return
        self._show(matching(self._kit.intents.settings.replies, text[1:]))

    def _show(self, fitting: list[Reply]) -> None:
        self._fitting = fitting
        self.clear()
        for one in fitting:
            self.addItem(QListWidgetItem(f"{one_line(one.name, 40)}  ·  {one_line(one.text, 120)}"))
        if not fitting:
            none = "replies.no_match" if self._kit.intents.settings.replies else "replies.none_yet"
            item = QListWidgetItem(self._kit.say(none))
            item.setFlags(Qt.ItemFlag.NoItemFlags)
            self.addItem(item)
        else:
            self.setCurrentRow(0)
        corner = self._field.mapTo(self._over, QPoint(0, 0))
        height = (ROW + 2) * min(_MOST_ROWS, self.count()) + 2 * SPACE_1
        height = min(height, corner.y() - SPACE_1)
        width = self._over.width() - 2 * corner.x()
        self.setGeometry(corner.x(), corner.y() - height - SPACE_1, max(width, self._field.width()), height)
        self.show()
        self.raise_()

    def _use(self, at: int) -> None:
        if not 0 <= at < len(self._fitting):
            return
        text = fill(self._fitting[at].text, self._places())
        self.hide()
        cursor = self._field.textCursor()
        if self._field.toPlainText().startswith("/"):
            cursor.select(QTextCursor.SelectionType.Document)
        self._put_away = text  # a reply may itself begin with a `/`
        cursor.insertText(text)
        self._field.setTextCursor(cursor)
        self._field.setFocus()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if self.isHidden() or watched is not self._field:
            return False
        if event.type() == QEvent.Type.FocusOut:
            self.hide()
        if event.type() != QEvent.Type.KeyPress or not isinstance(event, QKeyEvent):
            return False
        match event.key():
            case Qt.Key.Key_Up | Qt.Key.Key_Down if self._fitting:
                step = 1 if event.key() == Qt.Key.Key_Down else -1
                self.setCurrentRow((self.currentRow() + step) % len(self._fitting))
            case Qt.Key.Key_Return | Qt.Key.Key_Enter | Qt.Key.Key_Tab if self._fitting:
                self._use(self.currentRow())
            case Qt.Key.Key_Escape:
                self._put_away = self._field.toPlainText()
                self.hide()
            case _:
                return False
        return True
