"""A window that paints the time code over and over, as a program of its own: what a rep shows in tests.

`python -m tests.harness.code_window X Y FPS [WIDTH HEIGHT]`; its title is `Code window`.
"""

import sys
import time

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QPaintEvent, QRasterWindow
from typing_extensions import override

from tests.harness import timecode

TITLE = "Code window"


class CodeWindow(QRasterWindow):
    """Paints the present time."""

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        pixels, width, height = timecode.draw(int(time.time() * 1000))
        painter = QPainter(self)
        painter.fillRect(0, 0, self.width(), self.height(), 0xFFFFFFFF)
        painter.drawImage(0, 0, QImage(pixels, width, height, width * 4, QImage.Format.Format_RGB32))
        painter.end()


def main() -> None:
    """Show the window until the process is ended."""
    x, y, fps, *size = map(int, sys.argv[1:])
    app = QGuiApplication(sys.argv[:1])
    window = CodeWindow()
    window.setTitle(TITLE)
    window.setFlags(window.flags() | Qt.WindowType.WindowStaysOnTopHint)
    width, height = size or (timecode.WIDTH, timecode.HEIGHT + 40)
    window.setGeometry(x, y, width, height)
    window.show()
    timer = QTimer()
    timer.timeout.connect(window.update)
    timer.start(1000 // fps)
    app.exec()


if __name__ == "__main__":
    main()
