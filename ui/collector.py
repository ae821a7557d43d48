"""Lets the garbage collector run on the UI's thread only, where what it finds may be put away."""

import gc
import sys

from PySide6.QtCore import QObject, QTimer

_LOOK_MS = 250
_MANY_MODULES = 50


class Collector(QObject):
    """Stands in for CPython's own collecting, which runs on whatever thread makes the object that is one too many.

    A closed panel lies in cycles (its signals hold functions that hold it), and so it is the collector that frees it,
    widgets, timers and pixmaps and all. Qt allows that on the UI's thread only ("Threads and QObjects", "QWidget and
    all its subclasses are not reentrant"); a collection on a thread of media or of capture ended the program now and
    then. The thresholds are CPython's own, looked at between two events.

    Importing media makes a hundred thousand objects, which stay: looking through them would stop the UI's loop for some
    100 ms, so nothing is collected while many modules come, and then what is there is left out for good (`gc.freeze`).

    Args:
        parent: whose end ends this.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._modules = 0
        self._new_modules = 0
        self._timer = QTimer(self)
        self._timer.setInterval(_LOOK_MS)
        self._timer.timeout.connect(self._look)

    def start(self) -> None:
        """Begin; on the UI's thread, before any other is."""
        gc.disable()
        self._modules = len(sys.modules)
        self._timer.start()

    def stop(self) -> None:
        """Let CPython collect by itself again; once the other threads have ended."""
        self._timer.stop()
        gc.enable()

    def _look(self) -> None:
        if len(sys.modules) != self._modules:
            self._new_modules += len(sys.modules) - self._modules
            self._modules = len(sys.modules)
            return
        if self._new_modules >= _MANY_MODULES:
            self._new_modules = 0
            gc.freeze()
        # The oldest generation that is due takes the younger ones with it.
        for generation in (2, 1, 0):
            if gc.get_count()[generation] > gc.get_threshold()[generation]:
                gc.collect(generation)
                return
