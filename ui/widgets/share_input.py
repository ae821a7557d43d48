"""What a person's wheel, mouse and keys do over a shared picture: zoom, move, full screen."""

from typing import Protocol

from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent, QWheelEvent

PAN_STEP = 64
"""Device-independent pixels for one press of an arrow key."""
WHEEL_STEP = 120
"""Eighths of a degree that one notch of a mouse wheel turns (Qt's `angleDelta`)."""
_MOVES = {
    Qt.Key.Key_Left: (PAN_STEP, 0),
    Qt.Key.Key_Right: (-PAN_STEP, 0),
    Qt.Key.Key_Up: (0, PAN_STEP),
    Qt.Key.Key_Down: (0, -PAN_STEP),
}


class Steerable(Protocol):
    """What can be done to the view."""

    @property
    def has_frame(self) -> bool:
        """Whether there is a picture."""

    @property
    def can_pan(self) -> bool:
        """Whether there is a picture, and a part of it lies outside of the view."""

    @property
    def full_screen(self) -> bool:
        """Whether the view fills the whole screen now."""

    def fit(self) -> None:
        """Show all of the screen."""

    def actual_size(self) -> None:
        """One pixel of the customer's screen on one pixel of this one."""

    def zoom_step(self, up: bool, at: QPointF | None) -> None:
        """One step closer or back, about a point of the view or its middle."""

    def pan(self, x: float, y: float) -> None:
        """Move the picture by device-independent pixels."""

    def set_full_screen(self, on: bool) -> None:
        """Fill the screen, or go back into the window."""

    def setCursor(self, shape: Qt.CursorShape, /) -> None:  # noqa: N802 - Qt's name
        """Show this pointer over the view."""

    def unsetCursor(self) -> None:  # noqa: N802 - Qt's name
        """Show the usual pointer."""


class ShareInput:
    """Turns events of the view's own into what they mean; each method says whether the event was meant for it.

    Args:
        view: what is steered.
    """

    def __init__(self, view: Steerable) -> None:
        self._view = view
        self._drag: QPoint | None = None
        self._turned = 0

    def let_go(self) -> None:
        """Nothing is held any more, e.g. because the picture is gone."""
        self._drag = None
        self.show_hand()

    def show_hand(self) -> None:
        """An open hand where the picture can be moved, a closed one while it is held."""
        if self._drag is not None:
            self._view.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._view.can_pan:
            self._view.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self._view.unsetCursor()

    def wheel(self, event: QWheelEvent) -> bool:
        """Ctrl and the wheel zoom about the pointer; the wheel alone moves a picture that is larger than the view."""
        view = self._view
        if event.modifiers() & Qt.KeyboardModifier.ControlModifier:
            self._turned += event.angleDelta().y()
            while abs(self._turned) >= WHEEL_STEP:
                up = self._turned > 0
                self._turned -= WHEEL_STEP if up else -WHEEL_STEP
                view.zoom_step(up, event.position())
            return True
        if not view.can_pan:
            return False
        moved = event.pixelDelta() if not event.pixelDelta().isNull() else event.angleDelta() / 2
        if event.modifiers() & Qt.KeyboardModifier.ShiftModifier and not moved.x():
            moved = moved.transposed()
        view.pan(moved.x(), moved.y())
        return True

    def press(self, event: QMouseEvent) -> bool:
        """Take hold of a picture that is larger than the view."""
        if event.button() not in (Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton) or not self._view.can_pan:
            return False
        self._drag = event.position().toPoint()
        self.show_hand()
        return True

    def move(self, event: QMouseEvent) -> bool:
        """Drag the picture."""
        if self._drag is None:
            return False
        here = event.position().toPoint()
        self._view.pan(here.x() - self._drag.x(), here.y() - self._drag.y())
        self._drag = here
        return True

    def double_click(self, event: QMouseEvent) -> bool:
        """Full screen and back."""
        if event.button() != Qt.MouseButton.LeftButton:
            return False
        return self._toggle_full_screen()

    def key(self, event: QKeyEvent) -> bool:
        """+ − 0 1 zoom, arrows move, F11 and Esc as everywhere."""
        key, view = Qt.Key(event.key()), self._view
        if key in (Qt.Key.Key_Plus, Qt.Key.Key_Equal):
            view.zoom_step(True, None)
        elif key == Qt.Key.Key_Minus:
            view.zoom_step(False, None)
        elif key == Qt.Key.Key_0:
            view.fit()
        elif key == Qt.Key.Key_1:
            view.actual_size()
        elif key == Qt.Key.Key_F11:
            return self._toggle_full_screen()
        elif key == Qt.Key.Key_Escape and view.full_screen:
            view.set_full_screen(False)
        elif key in _MOVES and view.can_pan:
            view.pan(*_MOVES[key])
        else:
            return False
        return True

    def _toggle_full_screen(self) -> bool:
        if not self._view.has_frame and not self._view.full_screen:
            return False
        self._view.set_full_screen(not self._view.full_screen)
        return True
