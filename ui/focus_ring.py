"""Tells a focus that the keyboard brought from one that the mouse or the program left behind: the first gets a ring."""

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication, QWidget
from typing_extensions import override

RING = "ring"
"""The dynamic property of the widget that has the focus: true after a key, false after the mouse."""
_PRESSES = {QEvent.Type.KeyPress: True, QEvent.Type.ShortcutOverride: True, QEvent.Type.MouseButtonPress: False}


class FocusRing(QObject):
    """Sets `RING` on the widget with the focus, as a browser does with `:focus-visible`.

    The reason of a focus event does not tell: Qt gives `TabFocusReason` when it moves the focus away from a widget that
    was hidden, too. What was pressed last does. Only native windows are listened to, so that the many events of the
    widgets do not pass through Python.

    Args:
        app: the application.
    """

    def __init__(self, app: QApplication, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._keys = False
        app.focusWindowChanged.connect(self._watch)
        app.focusChanged.connect(self._moved)
        self._watch(QGuiApplication.focusWindow())

    def _watch(self, window: QWindow | None) -> None:
        if window is not None:
            window.removeEventFilter(self)  # one filter only, however often the window comes to the front
            window.installEventFilter(self)

    def _moved(self, old: QWidget | None, now: QWidget | None) -> None:
        del old
        self._show(now)

    def _show(self, widget: QWidget | None) -> None:
        if widget is None or widget.property(RING) == self._keys:
            return
        widget.setProperty(RING, self._keys)
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)
        widget.update()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        pressed = _PRESSES.get(event.type())
        if pressed is not None:
            self._keys = pressed
        return False
