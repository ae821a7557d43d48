"""What lies over a shared picture: everybody's strokes and pointers, and the tools of whoever draws (B-7.3)."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap, QResizeEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from support_manager.media.board import Board
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.drawing_paint import WHOLE, paint_people, paint_strokes
from ui.widgets.drawing_tools import DrawingTools
from ui.widgets.pencil import Pencil, Spot, Tool

_STEPS = {
    Qt.Key.Key_Left: (-1, 0),
    Qt.Key.Key_Right: (1, 0),
    Qt.Key.Key_Up: (0, -1),
    Qt.Key.Key_Down: (0, 1),
}
_DRAWS = (Qt.Key.Key_Space, Qt.Key.Key_Return, Qt.Key.Key_Enter)


class DrawingLayer(QWidget):
    """Covers the view; takes the mouse only while this rep draws. The picture below is painted as ever.

    Args:
        translator: gives the words (area `draw`).
        theme: gives the colours.
        view: what it covers, and its owner; keys go there and come from there by `key`.
        area: gives the place of the whole picture in the view, empty while there is none.

    Signals:
        drawn: this rep drew; the argument is a `DrawMessage`.
        ended: he has had enough.
    """

    drawn = Signal(object)
    ended = Signal()

    def __init__(self, translator: Translator, theme: Theme, view: QWidget, area: Callable[[], QRectF]) -> None:
        super().__init__(view)
        self._theme = theme
        self._area = area
        self._board: Board | None = None
        self._names: Mapping[str, str] = {}
        self._you = ""
        self._on = False
        self._spot: Spot = (WHOLE // 2, WHOLE // 2)
        self._ink = QPixmap()
        self._ink_of: tuple[object, ...] = ()
        self._touched = QRectF()
        self.setObjectName("drawingLayer")
        self.setMouseTracking(True)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.pencil = Pencil(0, self)
        self.pencil.says.connect(self.drawn)
        self.tools = DrawingTools(translator, theme, self.pencil, self)
        self.tools.tool_chosen.connect(self._choose)
        self.tools.undo_wanted.connect(self.undo)
        self.tools.clear_wanted.connect(self.pencil.clear)
        self.tools.done_wanted.connect(self.ended)
        self.tools.hide()
        self.hide()

    # -- what the panel tells

    def show_board(self, board: Board | None, names: Mapping[str, str], you: str) -> None:
        """Show what is drawn now.

        Args:
            board: with everybody's strokes; None: nothing is shared.
            names: of the others, by participant id.
            you: this rep's participant id.
        """
        self._board, self._names, self._you = board, names, you
        self._show()

    def set_on(self, on: bool) -> None:
        """Whether this rep draws now."""
        if on == self._on:
            return
        self._on = on
        if not on:
            self.pencil.away()
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents, not on)
        self.tools.setVisible(on)
        self._cursor()
        self._show()
        parent = self.parentWidget()
        if on and parent is not None:
            parent.setFocus(Qt.FocusReason.OtherFocusReason)

    @property
    def on(self) -> bool:
        """Whether this rep draws now."""
        return self._on

    def undo(self) -> None:
        """Take back one's newest stroke."""
        self.pencil.undo(self._board.last_number(self._you) if self._board is not None else None)

    def _show(self) -> None:
        self.setVisible(self._on or bool(self._board))
        if self.isVisible():
            self._place_tools()
            self.update()

    def _choose(self, tool: Tool) -> None:
        self.pencil.away()
        self.pencil.tool = tool
        self._cursor()

    def _cursor(self) -> None:
        pointing = self.pencil.tool is Tool.POINTER
        if self._on:
            self.setCursor(Qt.CursorShape.ArrowCursor if pointing else Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()

    # -- painting

    def _place(self, x: int, y: int) -> QPointF:
        area = self._area()
        return QPointF(area.left() + x / WHOLE * area.width(), area.top() + y / WHOLE * area.height())

    def _colours(self) -> list[QColor]:
        return [self._theme.draw_color(number) for number in range(4)]

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        board, area = self._board, self._area()
        if board is None or not board or area.isEmpty():
            return
        painter = QPainter(self)
        painter.setClipRect(QRectF(event.rect()) & area)
        if board.strokes:
            self._make_ink(board, area)
            part = self._touched & QRectF(event.rect())
            ratio = self.devicePixelRatioF()
            source = QRectF(part.x() * ratio, part.y() * ratio, part.width() * ratio, part.height() * ratio)
            painter.drawPixmap(part, self._ink, source)
        # One's own name is no news to oneself, nor is one's pointer while the mouse is it.
        names = {by: name for by, name in self._names.items() if by != self._you}
        pointers = {by: one for by, one in board.pointers.items() if by != self._you or not self.underMouse()}
        inside = QRectF(self.rect()) & area
        paint_people(painter, board.strokes, pointers, names, self._place, self._colours(), inside)
        painter.end()

    def _make_ink(self, board: Board, area: QRectF) -> None:
        """All strokes as one picture, made anew only when one of them or the picture below is another."""
        ratio = self.devicePixelRatioF()
        ink_of = (id(board), board.version, area, self.size(), ratio)
        if ink_of == self._ink_of:
            return
        self._ink_of = ink_of
        self._ink = QPixmap(self.size() * ratio)
        self._ink.setDevicePixelRatio(ratio)
        self._ink.fill(Qt.GlobalColor.transparent)
        painter = QPainter(self._ink)
        self._touched = paint_strokes(painter, board.strokes, self._place, self._colours()) & QRectF(self.rect())
        painter.end()

    # -- the hand

    def _at(self, event: QMouseEvent) -> Spot | None:
        """The place of the picture under the mouse; None beside it, but at its edge for a stroke that has begun."""
        area, here = self._area(), event.position()
        if area.isEmpty() or (not area.contains(here) and not self.pencil.is_down):
            return None
        x = (here.x() - area.left()) / area.width()
        y = (here.y() - area.top()) / area.height()
        return round(min(max(x, 0.0), 1.0) * WHOLE), round(min(max(y, 0.0), 1.0) * WHOLE)

    @override
    def mousePressEvent(self, event: QMouseEvent) -> None:
        spot = self._at(event) if event.button() == Qt.MouseButton.LeftButton else None
        if spot is None:
            event.ignore()  # the middle button moves the picture, as ever
            return
        parent = self.parentWidget()
        if parent is not None:
            parent.setFocus(Qt.FocusReason.MouseFocusReason)
        self.pencil.down(spot)

    @override
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        spot = self._at(event)
        if spot is not None:
            self._spot = spot
            self.pencil.move(spot)
        elif not self.pencil.is_down:
            self.pencil.away()

    @override
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self.pencil.up()

    @override
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.mousePressEvent(event)

    @override
    def leaveEvent(self, event: QEvent) -> None:
        super().leaveEvent(event)
        if not self.pencil.is_down:
            self.pencil.away()
        self.update()

    def key(self, event: QKeyEvent) -> bool:
        """A key that the view got: arrows move, Space draws, Backspace takes back, Esc ends; whether it was one."""
        key = Qt.Key(event.key())
        step = _STEPS.get(key)
        if not self._on:
            return False
        if key == Qt.Key.Key_Escape:
            self.ended.emit()
        elif step is not None:
            far = WHOLE // (20 if event.modifiers() & Qt.KeyboardModifier.ShiftModifier else 100)
            x, y = self._spot[0] + step[0] * far, self._spot[1] + step[1] * far
            self._spot = min(max(x, 0), WHOLE), min(max(y, 0), WHOLE)
            self.pencil.move(self._spot)
        elif key in _DRAWS and self.pencil.is_down:
            self.pencil.up()
        elif key in _DRAWS:
            self.pencil.down(self._spot)
        elif key == Qt.Key.Key_Backspace:
            self.undo()
        else:
            return False
        return True

    # -- the tools

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place_tools()

    def _place_tools(self) -> None:
        """In the border above or below the picture where there is one, else at its head."""
        if not self._on:
            return
        self.tools.adjustSize()
        size, area = self.tools.size(), self._area()
        below = not area.isEmpty() and area.top() < size.height() <= self.height() - area.bottom()
        y = self.height() - size.height() - 4 if below else 4
        self.tools.move((self.width() - size.width()) // 2, y)
