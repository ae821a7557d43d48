"""What others draw on this rep's own screen: a window above everything that no click ever lands on (B-7.3)."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QPointF, QRect, QRectF, Qt, QTimer
from PySide6.QtGui import QBitmap, QColor, QGuiApplication, QImage, QPainter, QPaintEvent, QRegion
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from support_manager.media.board import Board
from ui.devices.screens import Place
from ui.theme import Theme
from ui.widgets.drawing_paint import WHOLE, paint_people, paint_strokes

_EVERY_MS = 50
"""Cutting the window's shape out anew costs more than painting does."""
_FOLLOW_MS = 250


class _Ink(QWidget):
    """The window. On X its shape is that of the strokes, so it needs no compositing; elsewhere edges are smooth."""

    def __init__(self) -> None:
        flags = (
            Qt.WindowType.ToolTip
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowTransparentForInput
            | Qt.WindowType.WindowDoesNotAcceptFocus
            | Qt.WindowType.BypassWindowManagerHint
        )
        super().__init__(None, flags)
        self.setObjectName("drawingWindow")
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.shaped = QGuiApplication.platformName() == "xcb"
        if not self.shaped:
            self.setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.image = QImage()
        self.at = QRect()

    def take(self, image: QImage, at: QRect) -> None:
        """Show this picture of the ink there, in the window's coordinates."""
        self.image, self.at = image, at
        if self.shaped:
            shape = QBitmap.fromImage(image.createAlphaMask(Qt.ImageConversionFlag.ThresholdDither))
            self.setMask(QRegion(shape).translated(at.topLeft()))
        self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.drawImage(self.at.topLeft(), self.image)
        painter.end()


class DrawingWindow(QObject):
    """Follows what is shown, as its frame does.

    Args:
        theme: gives the colours.
        parent: the owner.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._ink = _Ink()
        self._board: Board | None = None
        self._names: Mapping[str, str] = {}
        self._place: Callable[[], Place | None] | None = None
        self._soon = QTimer(self, singleShot=True, interval=_EVERY_MS)
        self._soon.timeout.connect(self._draw)
        self._follow = QTimer(self, interval=_FOLLOW_MS)
        self._follow.timeout.connect(self._move)

    def show_board(self, board: Board, names: Mapping[str, str], place: Callable[[], Place | None]) -> None:
        """Show what is drawn over what `place` says.

        Args:
            board: what is drawn.
            names: by participant id.
            place: where it is; None while it is nowhere to be seen.
        """
        self._board, self._names, self._place = board, names, place
        if not board:
            self.end()
            return
        if not self._soon.isActive():
            self._soon.start()
        self._follow.start()

    def end(self) -> None:
        """Show nothing more."""
        self._board = None
        self._soon.stop()
        self._follow.stop()
        self._ink.hide()

    def dispose(self) -> None:
        """Delete the window."""
        self.end()
        self._ink.deleteLater()

    def _move(self) -> None:
        found = self._place() if self._place is not None else None
        if found is None:
            self._ink.hide()
        elif self._ink.isHidden() or self._ink.geometry().getRect() != (found.x, found.y, found.width, found.height):
            self._draw()

    def _draw(self) -> None:
        found = self._place() if self._place is not None else None
        board = self._board
        if found is None or board is None or not board:
            self._ink.hide()
            return
        ink = self._ink
        ink.setGeometry(found.x, found.y, found.width, found.height)
        image, at = self._render(board, found)
        ink.take(image, at)
        if ink.isHidden():
            ink.show()
            ink.raise_()

    def _render(self, board: Board, found: Place) -> tuple[QImage, QRect]:
        ratio = self._ink.devicePixelRatioF()
        size = round(found.width * ratio), round(found.height * ratio)
        image = QImage(*size, QImage.Format.Format_ARGB32_Premultiplied)
        image.setDevicePixelRatio(ratio)
        image.fill(Qt.GlobalColor.transparent)
        colours: list[QColor] = [self._theme.draw_color(number) for number in range(4)]
        inside = QRectF(0, 0, found.width, found.height)

        def place(x: int, y: int) -> QPointF:
            return QPointF(x / WHOLE * found.width, y / WHOLE * found.height)

        painter = QPainter(image)
        smooth = not self._ink.shaped
        paint_strokes(painter, board.strokes, place, colours, smooth=smooth)
        paint_people(painter, board.strokes, board.pointers, self._names, place, colours, inside, smooth=smooth)
        painter.end()
        return image, QRect(0, 0, found.width, found.height)
