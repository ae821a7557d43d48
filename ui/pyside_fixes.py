"""Keeps faults of PySide6 away from the app; imported by the package itself, before any window is."""

import ctypes
import os
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


def silence_pipewire() -> None:
    """Have Qt Multimedia say nothing of a PipeWire that is not there; `QT_LOGGING_RULES` has the last word.

    WORKAROUND(Qt 6.12): it says so on stderr while it is being imported, so before any rule that a program could set
    by Qt's own means – qtmultimedia/src/multimedia/qsymbolsresolveutils.cpp. Nothing here needs PipeWire, and who
    starts the app in a terminal takes it for a fault. To go when Qt is silent about a library that is optional.
    """
    rules = ["qt.multimedia.symbolsresolver*=false", os.environ.get("QT_LOGGING_RULES", "")]
    os.environ["QT_LOGGING_RULES"] = ";".join(filter(None, rules))
