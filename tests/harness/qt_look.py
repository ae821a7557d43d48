"""Looks at the screen and at a window through Qt's capture, as on Windows and macOS; prints what it read, as JSON."""

import json
import sys
import threading
import time

from PySide6.QtCore import QTimer
from PySide6.QtGui import QGuiApplication

from support_manager.media.screens import Grabber, Shareable, SourceRefused
from tests.harness import timecode
from tests.harness.code_window import TITLE
from ui.devices.qt_screens import QtScreen, qt_windows


def codes(source: Shareable) -> dict[str, object]:
    """Two codes, one after the other, and the size."""
    try:
        grabber: Grabber = source.open()
    except SourceRefused as refused:
        return {"refused": refused.code}
    pixels, size, found, place = bytearray(), (0, 0), [], None
    end = time.monotonic() + 8
    while len(found) < 2 and time.monotonic() < end:
        grabber.wait(0.1)
        rows = grabber.grab()
        if rows is None:
            continue
        step = rows.width * 4
        if size != (rows.width, rows.height):
            size, pixels = (rows.width, rows.height), bytearray(step * rows.height)
        pixels[rows.top * step : rows.top * step + len(rows.data)] = rows.data
        place = place or timecode.find(pixels, *size, step)
        value = timecode.read(pixels, step, place) if place else None
        if value is not None and value not in found:
            found.append(value)
    grabber.close()
    return {"codes": len(found), "size": size}


def main() -> None:
    """Look, print, end."""
    app = QGuiApplication(sys.argv)
    screen = QtScreen("screen", QGuiApplication.primaryScreen())

    def work() -> None:
        windows = [one for one in qt_windows() if TITLE in one.title]
        told = {"screen": codes(screen), "window": codes(windows[0]) if windows else {"windows": len(qt_windows())}}
        print(json.dumps(told), flush=True)
        QTimer.singleShot(0, app, app.quit)

    threading.Thread(target=work, daemon=True).start()
    QTimer.singleShot(40_000, app, app.quit)
    app.exec()


if __name__ == "__main__":
    main()
