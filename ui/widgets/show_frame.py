"""A frame in the live colour around what is shown: above everything, and no click ever lands on it."""

from collections.abc import Callable

from PySide6.QtCore import QObject, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from ui.devices.screens import Place
from ui.theme import Theme

WIDTH = 4
_FOLLOW_MS = 250


class _Edge(QWidget):
    """One side of the frame."""

    def __init__(self, theme: Theme, name: str) -> None:
        flags = (
            Qt.WindowType.ToolTip
            | Qt.WindowType.FramelessWindowHint
            | Qt.WindowType.WindowStaysOnTopHint
            | Qt.WindowType.WindowTransparentForInput
            | Qt.WindowType.WindowDoesNotAcceptFocus
            | Qt.WindowType.BypassWindowManagerHint
        )
        super().__init__(None, flags)
        self._theme = theme
        self._pale = False
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_ShowWithoutActivating)
        self.setAttribute(Qt.WidgetAttribute.WA_QuitOnClose, False)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def set_pale(self, pale: bool) -> None:
        """Draw it as held."""
        if pale is not self._pale:
            self._pale = pale
            self.update()

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), self._theme.color("text-muted" if self._pale else "live"))
        painter.end()


class ShowFrame(QObject):
    """Follows what is shown, inside a screen's edges and outside a window's.

    Args:
        theme: gives the colour.
        parent: the owner.
    """

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._edges = [_Edge(theme, f"showFrame{side}") for side in ("Top", "Left", "Right", "Bottom")]
        self._place: Callable[[], Place | None] | None = None
        self._outside = False
        self._timer = QTimer(self, interval=_FOLLOW_MS)
        self._timer.timeout.connect(self._follow)

    def surround(self, place: Callable[[], Place | None], *, outside: bool, paused: bool) -> None:
        """Stand around what `place` says, wherever it moves.

        Args:
            place: where it is; None while it is nowhere to be seen.
            outside: around it, as for a window; else within it.
            paused: whether it is held just now.
        """
        self._place, self._outside = place, outside
        for edge in self._edges:
            edge.set_pale(paused)
        self._follow()
        self._timer.start()

    def end(self) -> None:
        """Be gone."""
        self._place = None
        self._timer.stop()
        for edge in self._edges:
            edge.hide()

    def dispose(self) -> None:
        """Delete the windows."""
        self.end()
        for edge in self._edges:
            edge.deleteLater()
        self._edges = []

    def _follow(self) -> None:
        found = self._place() if self._place is not None else None
        if found is None:
            for edge in self._edges:
                edge.hide()
            return
        out = WIDTH if self._outside else 0
        x, y = found.x - out, found.y - out
        width, height = found.width + 2 * out, found.height + 2 * out
        places = (
            (x, y, width, WIDTH),
            (x, y + WIDTH, WIDTH, height - 2 * WIDTH),
            (x + width - WIDTH, y + WIDTH, WIDTH, height - 2 * WIDTH),
            (x, y + height - WIDTH, width, WIDTH),
        )
        for edge, place in zip(self._edges, places, strict=True):
            if edge.geometry().getRect() != place:
                edge.setGeometry(*place)
            if not edge.isVisible():
                edge.show()
                edge.raise_()
