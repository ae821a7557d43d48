"""Tells the controller that somebody is at this computer: every few seconds at most, and at no cost in between."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QTimer
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtWidgets import QApplication
from typing_extensions import override

PAUSE_MS = 5_000
_SIGNS = frozenset({QEvent.Type.KeyPress, QEvent.Type.MouseMove, QEvent.Type.MouseButtonPress, QEvent.Type.Wheel})


class UserActivity(QObject):
    """Calls `active` at a key or the mouse in any window of the app.

    Only the native window with the focus is listened to, and not again before a pause has passed: the events of a
    running picture and of a moving mouse do not pass through Python.

    Args:
        app: the application.
        active: mostly `Intents.user_active`.
        parent: the owner.
        pause_ms: how long nothing is listened to after a sign.
    """

    def __init__(
        self, app: QApplication, active: Callable[[], None], parent: QObject | None = None, pause_ms: int = PAUSE_MS
    ) -> None:
        super().__init__(parent)
        self._active = active
        self._watched: QWindow | None = None
        self._pause = QTimer(self)
        self._pause.setSingleShot(True)
        self._pause.setInterval(pause_ms)
        self._pause.timeout.connect(self._listen)
        app.focusWindowChanged.connect(self._changed)
        self._listen()

    def _changed(self, window: QWindow | None) -> None:
        self._forget()
        if window is not None and not self._pause.isActive():
            self._watch(window)

    def _listen(self) -> None:
        window = QGuiApplication.focusWindow()
        if window is not None:
            self._forget()
            self._watch(window)

    def _watch(self, window: QWindow) -> None:
        window.installEventFilter(self)
        window.destroyed.connect(self._gone)
        self._watched = window

    def _forget(self) -> None:
        if self._watched is not None:
            self._watched.removeEventFilter(self)
            self._watched.destroyed.disconnect(self._gone)
            self._watched = None

    def _gone(self) -> None:
        self._watched = None

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in _SIGNS:
            self._forget()
            self._pause.start()
            self._active()
        return False
