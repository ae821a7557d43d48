"""How good a picture was over the last minute: frames, age, rate and loss, each with its figure and a small plot."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPen, QPolygonF

from support_manager.events import PictureStats
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.share_overlay import age_words, draw_card

SECONDS = 60.0
_PLOT_WIDTH = 132
_GAP_S = 2.5
"""Without figures for longer than this the line is broken: nobody knows what was in between."""
SLOW_FPS = 15.0
OLD_MS = 500.0
LOSSY = 0.02


class _Row(NamedTuple):
    """One figure.

    Attributes:
        key: of its name.
        value: of some statistics.
        top: at least this much fits into the plot.
        is_bad: whether a value is one to be marked.
    """

    key: str
    value: Callable[[PictureStats], float]
    top: float
    is_bad: Callable[[float], bool]


_ROWS = (
    _Row("quality.fps", lambda stats: stats.fps, 30.0, lambda value: 0 < value < SLOW_FPS),
    _Row("quality.age", lambda stats: stats.age_ms, OLD_MS, lambda value: value > OLD_MS),
    _Row("quality.rate", lambda stats: stats.kilobytes_per_s, 100.0, lambda value: False),
    _Row("quality.loss", lambda stats: stats.loss * 100, 5.0, lambda value: value > LOSSY * 100),
)


class Quality:
    """Keeps the figures of the last minute and draws them.

    A screen on which nothing moves sends nothing: 0 frames are no fault, and are not marked as one.

    Args:
        clock: seconds that never jump.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: deque[tuple[float, PictureStats]] = deque()

    def take(self, stats: PictureStats) -> None:
        """One more second is known."""
        now = self._clock()
        self._kept.append((now, stats))
        while self._kept and self._kept[0][0] < now - SECONDS:
            self._kept.popleft()

    def clear(self) -> None:
        """Another share begins."""
        self._kept.clear()

    @property
    def newest(self) -> PictureStats | None:
        """The last second, if any is known."""
        return self._kept[-1][1] if self._kept else None

    def words(self, translator: Translator, key: str) -> str:
        """The present value of a row as a person reads it."""
        stats = self.newest
        if stats is None:
            return ""
        match key:
            case "quality.fps":
                return f"{stats.fps:.0f}"
            case "quality.age":
                return age_words(translator, stats.age_ms) if stats.age_ms > 0 else "–"
            case "quality.rate":
                return f"{stats.kilobytes_per_s:.0f} kB/s"
            case _:
                return f"{stats.loss * 100:.1f} %".replace(".", translator.t("view", "quality.point"))

    def lines(self, row: int, area: QRectF) -> list[QPolygonF]:
        """The plot of a row inside `area`, newest on the right; broken where nothing was known."""
        now, wanted = self._clock(), _ROWS[row]
        top = max([wanted.top, *(wanted.value(stats) for _, stats in self._kept)])
        found: list[QPolygonF] = []
        last = float("-inf")
        for at, stats in self._kept:
            if at - last > _GAP_S:
                found.append(QPolygonF())
            last = at
            x = area.right() - (now - at) / SECONDS * area.width()
            found[-1].append(QPointF(max(area.left(), x), area.bottom() - wanted.value(stats) / top * area.height()))
        return found

    def draw(self, painter: QPainter, area: QRect, theme: Theme, translator: Translator) -> None:
        """The card in the lower left corner of `area`; nothing while nothing is known, or where it has no room."""
        stats = self.newest
        if stats is None:
            return
        font = QFont(painter.font())
        font.setPixelSize(theme.size("secondary"))
        metrics = QFontMetrics(font)
        gap, height = theme.space(2), metrics.height() + theme.space(1)
        names = [translator.t("view", row.key) for row in _ROWS]
        names_width = max(metrics.horizontalAdvance(name) for name in names)
        values_width = max(metrics.horizontalAdvance(text) for text in ("00000 kB/s", "0000 ms"))
        width = names_width + values_width + _PLOT_WIDTH + 4 * gap
        card = QRect(0, 0, width, len(_ROWS) * height + 2 * theme.space(1))
        if card.width() > area.width() - 2 * gap or card.height() > area.height() / 2:
            return
        card.moveBottomLeft(area.bottomLeft())
        card.translate(gap, -gap)
        draw_card(painter, card, theme, 6)
        painter.save()
        painter.setFont(font)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        for number, (row, name) in enumerate(zip(_ROWS, names, strict=True)):
            line = QRect(card.x() + gap, card.y() + theme.space(1) + number * height, names_width, height)
            bad = row.is_bad(row.value(stats))
            painter.setPen(theme.color("text-muted"))
            painter.drawText(line, int(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter), name)
            line.setLeft(line.right() + gap)
            line.setWidth(values_width)
            painter.setPen(theme.color("warning" if bad else "text"))
            text = self.words(translator, row.key)
            painter.drawText(line, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), text)
            plot = QRectF(line.right() + gap, line.y() + 3, _PLOT_WIDTH, height - 6)
            self._plot(painter, plot, number, theme.color("warning" if bad else "accent"), theme.color("line"))
        painter.restore()

    def _plot(self, painter: QPainter, area: QRectF, row: int, color: QColor, ground: QColor) -> None:
        painter.setPen(QPen(ground, 1))
        painter.drawLine(area.bottomLeft(), area.bottomRight())
        for line in self.lines(row, area):
            painter.setPen(QPen(color, 1.5))
            if line.size() == 1:
                painter.drawPoint(line.at(0))
            else:
                painter.drawPolyline(line)
