"""Carries "a picture is ready" from a media thread to the window's thread, at most one message at a time."""

from PySide6.QtCore import QObject, Signal


class Waker(QObject):
    """Connect `ready` by a queued connection; `wake` is called on a media thread.

    Signals:
        ready: there is something to take.
    """

    ready = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._posted = False

    def wake(self) -> None:
        """Called on a media thread."""
        if not self._posted:
            self._posted = True
            self.ready.emit()

    def arrived(self) -> None:
        """Called on the window's thread before it takes the picture: a later one posts again."""
        self._posted = False
