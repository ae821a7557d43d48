"""Paints strokes, pointers and their drawers' names over a picture (B-7.3)."""

import math
from collections.abc import Callable, Iterable, Mapping

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen, QPolygonF

from support_manager.media.board import Stroke
from support_manager.protocol.channel import DrawPointer, DrawTool
from ui.widgets.plain import one_line

WHOLE = 65_535
"""A place on the picture is counted in 65535ths of its width or height."""
LINE, HALO = 4.0, 8.0
"""Widths in device-independent pixels: the colour, and the white around it that parts it from any picture."""
_HEAD = 24.0
_NAME_CHARS = 24

Place = Callable[[int, int], QPointF]


def path_of(stroke: Stroke, place: Place) -> QPainterPath:
    """The lines of one stroke.

    Args:
        stroke: whichever.
        place: gives the place of a point of the picture in the painter's coordinates.
    """
    points = [place(x, y) for x, y in stroke.points]
    path = QPainterPath()
    if stroke.tool is DrawTool.PEN or len(points) < 2:
        path.addPolygon(QPolygonF([*points, points[0]] if len(points) == 1 else points))
        return path
    start, end = points[0], points[-1]
    if stroke.tool is DrawTool.BOX:
        path.addRect(QRectF(start, end).normalized())
        return path
    along = math.atan2(end.y() - start.y(), end.x() - start.x())
    head = min(_HEAD, math.hypot(end.x() - start.x(), end.y() - start.y()))
    path.moveTo(start)
    path.lineTo(end)
    for turn in (0.5, -0.5):
        path.moveTo(end)
        path.lineTo(end - QPointF(head * math.cos(along + turn), head * math.sin(along + turn)))
    return path


def paint_strokes(
    painter: QPainter, strokes: Iterable[Stroke], place: Place, colours: list[QColor], *, smooth: bool = True
) -> QRectF:
    """Paint strokes, the oldest first.

    Args:
        painter: set up by the caller.
        strokes: of everybody.
        place: gives the place of a point of the picture.
        colours: by number.
        smooth: half covered pixels are half painted; else every pixel is painted or not.

    Returns:
        All that may have been painted on.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    halo = QColor(255, 255, 255, 217 if smooth else 255)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    touched = QRectF()
    for stroke in strokes:
        path = path_of(stroke, place)
        for width, colour in ((HALO, halo), (LINE, colours[stroke.colour])):
            pen = QPen(colour, width)
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
            painter.setPen(pen)
            painter.drawPath(path)
        touched |= path.boundingRect().adjusted(-HALO, -HALO, HALO, HALO)
    return touched


def paint_people(
    painter: QPainter,
    strokes: Iterable[Stroke],
    pointers: Mapping[str, DrawPointer],
    names: Mapping[str, str],
    place: Place,
    colours: list[QColor],
    inside: QRectF,
    *,
    smooth: bool = True,
) -> None:
    """Paint everybody's pointer, and beside it, or at his newest stroke, his name.

    Args:
        painter: set up by the caller.
        strokes: of everybody.
        pointers: by participant id.
        names: by participant id; without one there is no name beside it.
        place: gives the place of a point of the picture.
        colours: by number.
        inside: where names have to stay.
        smooth: half covered pixels are half painted; else every pixel is painted or not.
    """
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, smooth)
    marks = {each.by: (place(*each.points[0]), each.colour) for each in strokes if each.points}
    for by, pointer in pointers.items():
        at = place(pointer.x, pointer.y)
        _paint_pointer(painter, at, colours[pointer.colour])
        marks[by] = at + QPointF(12, 18), pointer.colour
    for by, (at, number) in marks.items():
        name = one_line(names.get(by, ""), _NAME_CHARS)
        if name:
            _paint_name(painter, name, at, colours[number], inside)


def _paint_pointer(painter: QPainter, at: QPointF, colour: QColor) -> None:
    shape = QPolygonF([at, at + QPointF(0, 22), at + QPointF(6, 17), at + QPointF(16, 16)])
    painter.setPen(QPen(QColor("white"), 2))
    painter.setBrush(colour)
    painter.drawPolygon(shape)


def _paint_name(painter: QPainter, name: str, at: QPointF, colour: QColor, inside: QRectF) -> None:
    font = QFont(painter.font())
    font.setPixelSize(13)
    font.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    width, height = metrics.horizontalAdvance(name) + 16, metrics.height() + 6
    left = max(inside.left() + 2, min(at.x(), inside.right() - width - 2))
    top = max(inside.top() + 2, min(at.y() + 6, inside.bottom() - height - 2))
    card = QRectF(left, top, width, height)
    painter.setPen(QPen(QColor("white"), 1.5))
    painter.setBrush(colour)
    painter.drawRoundedRect(card, height / 2, height / 2)
    painter.setFont(font)
    painter.drawText(card, int(Qt.AlignmentFlag.AlignCenter), name)
