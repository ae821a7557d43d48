"""Keeps faults of PySide6 away from the app; imported by the package itself, before any window is."""

import ctypes
import sys

_PLENTY = 1 << 40


def keep_booleans_alive() -> None:
    """Give True, False and None so many references that they are never freed.

    WORKAROUND(PySide6 6.12.0 with CPython before 3.12): every `Signal.emit()` returns True without taking a reference
    to it, so after some hundred emits the interpreter ends with "deallocating True or False"; many methods without a
    result (`QTimer.start`, `QFont.setPixelSize`) do the same with None. From 3.12 on all three are immortal (PEP 683).
    It may go when 3.12 is the least Python, or when the test of this module passes without it.
    """
    if sys.version_info >= (3, 12):
        return
    for value in (True, False, None):
        count = ctypes.c_ssize_t.from_address(id(value))
        # Only where the count is what lies there (a tracing build of CPython keeps something else first).
        if abs(count.value - sys.getrefcount(value)) < 16:
            count.value += _PLENTY
