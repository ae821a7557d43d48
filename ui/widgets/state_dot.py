"""A small mark for a state: colour and shape together, so that nobody needs the colour."""

import math
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget
from typing_extensions import override

from support_manager.protocol.views import Connection
from ui.models.sessions import SessionEntry, Stage
from ui.widgets.kit import Kit


class Mark(Enum):
    """The marks there are; each has a shape and a colour role of its own."""

    RING = "ring"
    """Waiting."""
    DOT = "dot"
    """Here."""
    HALF = "half"
    """Asked, or on the way."""
    LIVE = "live"
    """Something is being shared."""
    LOST = "lost"
    """Connection lost: a triangle."""
    GONE = "gone"
    """Left, closed, ended: a cross."""


_ROLES = {
    Mark.RING: "text-muted",
    Mark.DOT: "positive",
    Mark.HALF: "accent",
    Mark.LIVE: "live",
    Mark.LOST: "warning",
    Mark.GONE: "text-muted",
}

_BY_STAGE = {
    Stage.WAITING: Mark.RING,
    Stage.JOINED: Mark.DOT,
    Stage.ASKED: Mark.HALF,
    Stage.CONNECTING: Mark.HALF,
    Stage.SHARING: Mark.LIVE,
    Stage.PAUSED: Mark.HALF,
    Stage.PICTURE_LOST: Mark.LOST,
    Stage.DENIED: Mark.DOT,
    Stage.STOPPED: Mark.DOT,
    Stage.CUSTOMER_LOST: Mark.LOST,
    Stage.CLOSED_PAGE: Mark.GONE,
    Stage.LEFT: Mark.GONE,
    Stage.OFFERED: Mark.HALF,
    Stage.QUEUED: Mark.HALF,
    Stage.TAKEN: Mark.GONE,
    Stage.ENDED: Mark.GONE,
}

_BY_CONNECTION = {Connection.ONLINE: Mark.DOT, Connection.LOST: Mark.LOST, Connection.CLOSED_PAGE: Mark.GONE}


def mark_of(entry: SessionEntry) -> Mark:
    """The mark on a session's tab."""
    return _BY_STAGE[entry.stage]


def mark_of_connection(connection: Connection) -> Mark:
    """The mark beside a participant."""
    return _BY_CONNECTION[connection]


def mark_color(kit: Kit, mark: Mark) -> QColor:
    """The colour of a mark in the present theme."""
    return kit.theme.color(_ROLES[mark])


def paint_mark(painter: QPainter, mark: Mark, color: QColor, centre: QPointF, size: float = 8.0) -> None:
    """Paint `mark` around `centre`, `size` px wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    half = size / 2
    box = QRectF(centre.x() - half, centre.y() - half, size, size)
    pen = QPen(color, 1.6)
    match mark:
        case Mark.DOT | Mark.LIVE:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(box)
            if mark is Mark.LIVE:
                painter.setBrush(Qt.BrushStyle.NoBrush)
                painter.setPen(QPen(color, 1.2))
                painter.drawEllipse(box.adjusted(-2.2, -2.2, 2.2, 2.2))
        case Mark.RING:
            painter.setPen(pen)
            painter.drawEllipse(box.adjusted(0.6, 0.6, -0.6, -0.6))
        case Mark.HALF:
            painter.setPen(pen)
            painter.drawEllipse(box.adjusted(0.6, 0.6, -0.6, -0.6))
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawPie(box, 90 * 16, 180 * 16)
        case Mark.LOST:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            rise = size * math.sqrt(3) / 2
            top = centre.y() - rise / 2 - 0.5
            painter.drawPolygon(
                QPolygonF(
                    [
                        QPointF(centre.x(), top),
                        QPointF(centre.x() + half + 1, top + rise + 1),
                        QPointF(centre.x() - half - 1, top + rise + 1),
                    ]
                )
            )
        case Mark.GONE:
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            painter.setPen(pen)
            inner = box.adjusted(1, 1, -1, -1)
            painter.drawLine(inner.topLeft(), inner.bottomRight())
            painter.drawLine(inner.topRight(), inner.bottomLeft())
    painter.restore()


class StateDot(QWidget):
    """A mark as a widget; `set_state` names it for screen readers too."""

    def __init__(self, kit: Kit, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kit = kit
        self._mark = Mark.RING
        self.setObjectName(name)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        kit.theme.changed.connect(self.update)

    @property
    def mark(self) -> Mark:
        """The mark that is shown."""
        return self._mark

    def set_state(self, mark: Mark, words: str) -> None:
        """Show `mark`; `words` say the same."""
        self._mark = mark
        self.setAccessibleName(words)
        self.setToolTip(words)
        self.update()

    @override
    def sizeHint(self) -> QSize:
        return QSize(16, 16)

    @override
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        centre = QRectF(self.rect()).center()
        paint_mark(painter, self._mark, mark_color(self._kit, self._mark), centre)
