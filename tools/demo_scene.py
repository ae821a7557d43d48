"""What the guided tour shows to cameras and on the rep's screen: two drawn faces and the window of a printer."""

import sys

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QLinearGradient, QPainter, QPainterPath, QPen
from PySide6.QtWidgets import QApplication, QCheckBox, QComboBox, QFormLayout, QLabel, QPushButton, QWidget

WINDOW_TITLE = "Printer settings"
_WIDTH, _HEIGHT = 640, 360


def portrait(wall: str, hair: str, shirt: str, *, long_hair: bool) -> QImage:
    """A person at a desk, as a webcam would see him: 640 by 360, RGB32."""
    image = QImage(_WIDTH, _HEIGHT, QImage.Format.Format_RGB32)
    painter = QPainter(image)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    light = QLinearGradient(0, 0, _WIDTH, _HEIGHT)
    light.setColorAt(0, QColor(wall).lighter(125))
    light.setColorAt(1, QColor(wall).darker(135))
    painter.fillRect(image.rect(), light)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(wall).darker(115))
    painter.drawRoundedRect(QRectF(470, 40, 120, 150), 6, 6)  # a picture on the wall
    painter.setBrush(QColor(hair))
    if long_hair:
        painter.drawRoundedRect(QRectF(232, 70, 176, 240), 86, 86)
    else:
        painter.drawEllipse(QRectF(240, 66, 160, 160))
    painter.setBrush(QColor(shirt))
    painter.drawRoundedRect(QRectF(170, 272, 300, 160), 90, 90)
    skin = QColor("#e2b48f")
    painter.setBrush(skin.darker(112))
    painter.drawRoundedRect(QRectF(292, 224, 56, 76), 24, 24)
    painter.setBrush(skin)
    painter.drawEllipse(QRectF(252, 92, 136, 166))
    fringe = QPainterPath(QPointF(250, 160))
    fringe.cubicTo(256, 60, 384, 60, 390, 160)
    fringe.cubicTo(360, 116, 300, 112, 250, 160)
    painter.setBrush(QColor(hair))
    painter.drawPath(fringe)
    painter.setBrush(QColor("#33291f"))
    for x in (292, 340):
        painter.drawEllipse(QRectF(x, 166, 11, 13))
    smile = QPainterPath(QPointF(294, 212))
    smile.quadTo(320, 238, 346, 212)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(QColor("#8c4a3a"), 5, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawPath(smile)
    painter.end()
    return image


def main() -> None:
    """Show the window until the process is ended."""
    app = QApplication(sys.argv[:1])
    window = QWidget(None, Qt.WindowType.WindowStaysOnTopHint)
    window.setWindowTitle(WINDOW_TITLE)
    form = QFormLayout(window)
    form.setContentsMargins(16, 16, 16, 16)
    form.setSpacing(14)
    title = QLabel("Tray 2")
    title.setStyleSheet("font-size: 22px; font-weight: 600")
    form.addRow(title)
    for name, *choices in (
        ("Paper size", "A4", "A5"),
        ("Paper type", "Plain, 80 g/m²", "Recycled"),
        ("When it is empty", "Use tray 1", "Wait"),
    ):
        box = QComboBox()
        box.addItems(choices)
        form.addRow(name, box)
    form.addRow("", QCheckBox("Check the size before printing"))
    form.addRow("", QPushButton("Clear the paper path"))
    window.setGeometry(1052, 500, 372, 340)  # beside the picker and below the strip
    window.show()
    sys.exit(app.exec())


if __name__ == "__main__":
    main()
