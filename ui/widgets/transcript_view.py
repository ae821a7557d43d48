"""Paints the transcript: the rep's lines on the right, the others' on the left, plain text whatever it looks like."""

from PySide6.QtCore import (
    QEvent,
    QModelIndex,
    QPersistentModelIndex,
    QPointF,
    QRect,
    QRectF,
    QSize,
    Qt,
    QTimerEvent,
    Signal,
)
from PySide6.QtGui import QFont, QFontMetrics, QKeyEvent, QKeySequence, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import (
    QAbstractItemView,
    QListView,
    QMenu,
    QStyle,
    QStyledItemDelegate,
    QStyleOptionViewItem,
    QWidget,
)
from typing_extensions import override

from support_manager.events import LineState
from ui.models.transcript import ROW_ROLE, RowKind, TranscriptModel, TranscriptRow
from ui.widgets.clipboard import copy_text
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, Kit

_PAD_X, _PAD_Y = 10, 6
_SIDE = SPACE_3
_WRAPPED = frozenset({RowKind.MARK, RowKind.FILE})
_NOTE_HEIGHT = 28
_AT_ONCE = 300
"""So many rows are measured without a break; more of them at once would let the window stand still."""


class TranscriptDelegate(QStyledItemDelegate):
    """Measures and paints one row; heights are kept, because 2,000 rows are asked for theirs at once."""

    def __init__(self, kit: Kit, model: TranscriptModel, parent: QWidget) -> None:
        super().__init__(parent)
        self._kit = kit
        self._model = model
        self._sizes: dict[tuple[str, int, bool], tuple[int, int]] = {}
        self._fonts: dict[tuple[str, bool], QFont] = {}
        self._marks: dict[tuple[str, int], QRect] = {}
        self._head = 0

    def forget(self) -> None:
        """Measure everything anew: fonts or words changed."""
        self._sizes.clear()
        self._fonts.clear()
        self._marks.clear()
        self._head = 0

    def _font(self, base: QFont, size: str, *, strong: bool = False) -> QFont:
        font = self._fonts.get((size, strong))
        if font is None:
            font = self._fonts[size, strong] = QFont(base)
            font.setPixelSize(self._kit.theme.size(size))
            font.setWeight(QFont.Weight.DemiBold if strong else QFont.Weight.Normal)
        return font

    @staticmethod
    def _widest(width: int) -> int:
        return max(80, int((width - 2 * _SIDE) * 0.88) - 2 * _PAD_X)

    def _text_size(self, row: TranscriptRow, font: QFont, width: int) -> tuple[int, int]:
        """Width and height of a line's text within a row of `width`."""
        key = (f"{row.id}{row.pending}", width, row.headed)
        found = self._sizes.get(key)
        if found is None:
            metrics = QFontMetrics(font)
            widest = self._widest(width)
            short = "\n" not in row.text and len(row.text) < 200
            advance = metrics.horizontalAdvance(row.text) if short else widest + 1
            if advance <= widest:
                found = (advance + 1, metrics.height())
            else:
                layout = self._laid_out(row, font, widest)
                box = layout.boundingRect()
                used = max((layout.lineAt(at).naturalTextWidth() for at in range(layout.lineCount())), default=0.0)
                found = (int(used) + 1, int(box.height()) + 1)
            self._sizes[key] = found
        return found

    @staticmethod
    def _laid_out(row: TranscriptRow, font: QFont, widest: int) -> QTextLayout:
        layout = QTextLayout(row.text.replace("\n", "\u2028"), font)
        option = QTextOption()
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        layout.setTextOption(option)
        layout.setCacheEnabled(True)
        layout.beginLayout()
        y = 0.0
        while (line := layout.createLine()).isValid():
            line.setLineWidth(widest)
            line.setPosition(QPointF(0, y))
            y += line.height()
        layout.endLayout()
        return layout

    @override
    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex) -> QSize:
        row: TranscriptRow = index.data(ROW_ROLE)
        width = self._view_width()
        if self._is_wrapped(row, width):
            return QSize(width, self._mark_box(row, width).height() + 2 * SPACE_3)
        if row.kind is not RowKind.LINE:
            return QSize(width, _NOTE_HEIGHT)
        font = self._font(self._base(), "body")
        height = self._text_size(row, font, width)[1] + 2 * _PAD_Y + SPACE_1
        if row.headed:
            if not self._head:
                self._head = QFontMetrics(self._font(self._base(), "secondary")).height() + SPACE_2 + 2
            height += self._head
        return QSize(width, height)

    def _base(self) -> QFont:
        parent = self.parent()
        assert isinstance(parent, QListView)  # noqa: S101 - made by the view alone
        return parent.font()

    def _view_width(self) -> int:
        parent = self.parent()
        assert isinstance(parent, QListView)  # noqa: S101
        return parent.viewport().width()

    @override
    def paint(
        self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex | QPersistentModelIndex
    ) -> None:
        row: TranscriptRow = index.data(ROW_ROLE)
        box: QRect = option.rect
        state: QStyle.StateFlag = option.state
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if row.kind is RowKind.LINE:
            self._paint_line(painter, row, box, selected=bool(state & QStyle.StateFlag.State_Selected))
        elif self._is_wrapped(row, box.width()):
            self._paint_mark(painter, row, box)
        else:
            self._paint_note(painter, row, box)
        painter.restore()

    def _is_wrapped(self, row: TranscriptRow, width: int) -> bool:
        """A mark or a file always; a note where one line has no room for it: none of its words may be left out."""
        if row.kind is not RowKind.NOTE:
            return row.kind in _WRAPPED
        metrics = QFontMetrics(self._font(self._base(), "secondary"))
        return metrics.horizontalAdvance(self._model.words(row)) > width - 2 * _SIDE

    def _mark_box(self, row: TranscriptRow, width: int) -> QRect:
        """The room that the words of a mark, a file or a long note need, wrapped."""
        words = self._model.words(row)
        found = self._marks.get((words, width))
        if found is not None:
            return found
        metrics = QFontMetrics(self._font(self._base(), "secondary", strong=True))
        room = QRect(0, 0, max(80, width - 2 * (_SIDE + SPACE_2)), 400)
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter
        found = self._marks[words, width] = metrics.boundingRect(room, int(flags), words)
        return found

    def _paint_mark(self, painter: QPainter, row: TranscriptRow, box: QRect) -> None:
        theme, strong = self._kit.theme, row.kind is RowKind.MARK
        band = box.adjusted(_SIDE, SPACE_2, -_SIDE, -SPACE_2)
        painter.setPen(theme.color("line"))
        if strong:
            painter.drawLine(band.topLeft(), band.topRight())
        painter.setFont(self._font(self._base(), "secondary", strong=strong))
        painter.setPen(theme.color("text" if strong else "text-muted"))
        flags = Qt.TextFlag.TextWordWrap | Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom
        painter.drawText(band.adjusted(SPACE_2, 0, -SPACE_2, 0), int(flags), self._model.words(row))

    def _paint_note(self, painter: QPainter, row: TranscriptRow, box: QRect) -> None:
        theme = self._kit.theme
        role = "accent" if row.kind is RowKind.NEW else "text-muted"
        font = self._font(self._base(), "secondary", strong=row.kind is RowKind.NEW)
        metrics = QFontMetrics(font)
        words = self._model.words(row)
        used = metrics.horizontalAdvance(words) + 2 * SPACE_2
        middle = box.center().y()
        painter.setPen(theme.color("accent" if row.kind is RowKind.NEW else "line"))
        left, right = box.left() + _SIDE, box.right() - _SIDE
        painter.drawLine(left, middle, max(left, box.center().x() - used // 2), middle)
        painter.drawLine(min(right, box.center().x() + used // 2), middle, right, middle)
        painter.setFont(font)
        painter.setPen(theme.color(role))
        painter.drawText(box, Qt.AlignmentFlag.AlignCenter, words)

    def _paint_line(self, painter: QPainter, row: TranscriptRow, box: QRect, *, selected: bool) -> None:
        theme = self._kit.theme
        font = self._font(self._base(), "body")
        small = self._font(self._base(), "secondary")
        width, height = self._text_size(row, font, box.width())
        top = box.top()
        if row.headed:
            metrics = QFontMetrics(small)
            head = QRect(box.left() + _SIDE + 2, top + SPACE_2, box.width() - 2 * _SIDE - 4, metrics.height())
            side = Qt.AlignmentFlag.AlignRight if row.own else Qt.AlignmentFlag.AlignLeft
            words = metrics.elidedText(self._model.heading(row), Qt.TextElideMode.ElideMiddle, head.width())
            painter.setFont(small)
            painter.setPen(theme.color("danger" if row.pending is LineState.FAILED else "text-muted"))
            painter.drawText(head, side | Qt.AlignmentFlag.AlignVCenter, words)
            top = head.bottom() + 3
        bubble = QRectF(0, top, width + 2 * _PAD_X, height + 2 * _PAD_Y)
        bubble.moveLeft(box.right() - _SIDE - bubble.width() if row.own else box.left() + _SIDE)
        painter.setPen(Qt.PenStyle.NoPen)
        own = "private-soft" if self._model.private else "accent-soft"
        painter.setBrush(theme.color("selection" if selected else own if row.own else "hover"))
        painter.drawRoundedRect(bubble, 10, 10)
        painter.setPen(theme.color("text-muted" if row.pending is not None else "text"))
        place = QPointF(bubble.left() + _PAD_X, bubble.top() + _PAD_Y)
        self._laid_out(row, font, self._widest(box.width())).draw(painter, place)


class TranscriptView(QListView):
    """The list of lines; scrolls by pixels, copies what is selected."""

    again_wanted = Signal(str)
    """A line that failed was clicked, or Enter was pressed on it: its id."""
    laid_out = Signal()
    """A long transcript has been measured to its end."""

    def __init__(self, kit: Kit, model: TranscriptModel) -> None:
        super().__init__()
        self._kit = kit
        self._transcript = model
        self._delegate = TranscriptDelegate(kit, model, self)
        self.setObjectName("transcript")
        self.setModel(model)
        self.setItemDelegate(self._delegate)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOn)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.setResizeMode(QListView.ResizeMode.Adjust)
        self.setTabKeyNavigation(False)
        self.verticalScrollBar().setSingleStep(24)
        self._handle_shown = True
        self.verticalScrollBar().rangeChanged.connect(self._show_handle)
        self._show_handle()
        self.setBatchSize(_AT_ONCE)
        model.rowsInserted.connect(self._many_or_few)
        self.clicked.connect(self._again)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        self.customContextMenuRequested.connect(self._menu)
        kit.theme.changed.connect(self._remeasure)

    def _show_handle(self) -> None:
        """The bar keeps its room, so that lines are not wrapped anew when it is needed; only its handle is hidden."""
        bar = self.verticalScrollBar()
        needed = bar.maximum() > 0
        if needed != self._handle_shown:
            self._handle_shown = needed
            bar.setStyleSheet("" if needed else "QScrollBar::handle { background: transparent; }")

    def _many_or_few(self, _: QModelIndex, first: int, last: int) -> None:
        """A whole transcript at once is measured in steps, and shown when it is done."""
        if last - first >= _AT_ONCE and self.layoutMode() is QListView.LayoutMode.SinglePass:
            self.setLayoutMode(QListView.LayoutMode.Batched)
            self.viewport().setUpdatesEnabled(False)

    @override
    def timerEvent(self, event: QTimerEvent) -> None:
        super().timerEvent(event)
        if self.layoutMode() is QListView.LayoutMode.Batched and self._is_laid_out():
            # From now on all at once again: a line more must not move the others to and fro.
            self.setLayoutMode(QListView.LayoutMode.SinglePass)
            self.viewport().setUpdatesEnabled(True)
            self.laid_out.emit()

    def _is_laid_out(self) -> bool:
        rows = self._transcript.rowCount()
        return not rows or self.visualRect(self._transcript.index(rows - 1)).isValid()

    def _remeasure(self) -> None:
        self._delegate.forget()
        self.doItemsLayout()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self.setAccessibleName(self._kit.say("chat.transcript"))
        self._transcript.retranslate()
        self.viewport().update()

    def copy_selected(self) -> None:
        """Copy the selected lines."""
        rows = [index.row() for index in self.selectedIndexes()]
        if rows:
            copy_text(self._transcript.as_text(rows))

    def _again(self, index: QModelIndex) -> None:
        row: TranscriptRow | None = index.data(ROW_ROLE)
        if row is not None and row.pending is LineState.FAILED and self._transcript.can_retry:
            self.again_wanted.emit(row.id)

    def _menu(self) -> None:
        if not self.selectedIndexes():
            return
        menu = QMenu(self)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        menu.addAction(self._kit.say("chat.copy"), self.copy_selected)
        menu.popup(self.cursor().pos())

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Copy):
            self.copy_selected()
            return
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._again(self.currentIndex())
            return
        super().keyPressEvent(event)

    @override
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.FontChange:
            self._delegate.forget()
        super().changeEvent(event)
