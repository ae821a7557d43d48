"""The plot of a picture's quality: a minute long, broken where nothing was known, and marked where it is bad."""

import pytest
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from support_manager.events import PictureStats
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.quality import SECONDS, Quality

AREA = QRectF(0, 0, 120, 20)
FPS, AGE, RATE, LOSS = range(4)


def stats(**changes: float) -> PictureStats:
    values = {"fps": 30.0, "age_ms": 41.0, "kilobytes_per_s": 210.0, "width": 1280, "height": 720, **changes}
    return PictureStats(session_id="s", **values)  # type: ignore[arg-type]


class Minute:
    """A plot and its clock."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.quality = Quality(lambda: self.now)

    def second(self, **changes: float) -> None:
        self.now += 1.0
        self.quality.take(stats(**changes))


def test_the_newest_is_on_the_right_and_a_minute_ago_has_gone():
    minute = Minute()
    for number in range(90):
        minute.second(fps=number / 3)
    (line,) = minute.quality.lines(FPS, AREA)
    assert len(line) == SECONDS + 1
    assert line[len(line) - 1].x() == AREA.right()
    assert line[0].x() == AREA.left()
    assert line[0].y() > line[len(line) - 1].y(), "more is higher"
    minute.quality.clear()
    assert minute.quality.lines(FPS, AREA) == []


def test_a_value_beyond_the_scale_makes_the_scale_larger():
    minute = Minute()
    minute.second(age_ms=100.0)
    minute.second(age_ms=4_000.0)
    (line,) = minute.quality.lines(AGE, AREA)
    assert line[1].y() == AREA.top()
    assert line[0].y() == pytest.approx(AREA.bottom() - AREA.height() / 40)


def test_the_line_is_broken_where_nothing_was_known():
    minute = Minute()
    minute.second()
    minute.second()
    minute.now += 10.0
    minute.second()
    assert [len(line) for line in minute.quality.lines(RATE, AREA)] == [2, 1]


@pytest.mark.parametrize(("language", "loss"), [("en", "2.5 %"), ("ro", "2,5 %")])
def test_the_figures_in_words(language, loss):
    minute = Minute()
    translator = Translator(language)
    minute.second(loss=0.025, fps=7.2, age_ms=0.0)
    assert minute.quality.words(translator, "quality.loss") == loss
    assert minute.quality.words(translator, "quality.fps") == "7"
    assert minute.quality.words(translator, "quality.age") == "–", "an age that is not known is not 0"


def colours(quality: Quality, theme: Theme) -> set[str]:
    image = QImage(700, 400, QImage.Format.Format_RGB32)
    image.fill(QColor("#808080"))
    painter = QPainter(image)
    quality.draw(painter, QRect(0, 0, 700, 400), theme, Translator("en"))
    painter.end()
    return {image.pixelColor(x, y).name() for x in range(image.width()) for y in range(200, image.height())}


@pytest.mark.parametrize("name", ["light", "dark"])
def test_what_is_bad_is_marked_and_a_still_screen_is_not(qtbot, name):
    theme = Theme(name)
    minute = Minute()
    assert colours(minute.quality, theme) == {"#808080"}, "nothing is drawn while nothing is known"
    for _ in range(5):
        minute.second(fps=0.0, loss=0.0)
    warning = theme.color("warning").name()
    assert warning not in colours(minute.quality, theme)
    minute.second(fps=4.0)
    assert warning in colours(minute.quality, theme)
