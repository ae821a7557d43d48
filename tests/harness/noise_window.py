"""A window of noise that changes all the time, as a program of its own: more than any narrow line carries.

`python -m tests.harness.noise_window X Y WIDTH HEIGHT`.
"""

import os
import sys

from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QGuiApplication, QImage, QPainter, QPaintEvent, QRasterWindow
from typing_extensions import override


class NoiseWindow(QRasterWindow):
    """Paints other noise each time, in blocks of 4 by 4 pixels."""

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        width, height = self.width() // 4, self.height() // 4
        stride = -(-width // 4) * 4
        noise = QImage(os.urandom(stride * height), width, height, stride, QImage.Format.Format_Grayscale8)
        painter = QPainter(self)
        painter.drawImage(self.geometry().translated(-self.position()), noise)
        painter.end()


def main() -> None:
    """Show the window until the process is ended."""
    x, y, width, height = map(int, sys.argv[1:])
    app = QGuiApplication(sys.argv[:1])
    window = NoiseWindow()
    window.setFlags(window.flags() | Qt.WindowType.WindowStaysOnTopHint)
    window.setGeometry(x, y, width, height)
    window.show()
    timer = QTimer()
    timer.timeout.connect(window.update)
    timer.start(50)
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
