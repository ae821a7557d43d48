"""What is written over a shared picture: the state in calm words; and its figures in words."""

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter

from support_manager.events import Picture, PictureStats
from ui.i18n import Translator
from ui.theme import Theme

_FLAGS = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
_SECOND_MS, _MINUTE_MS = 1_000, 60_000


def _font(painter: QPainter, pixels: int, *, strong: bool = False) -> QFont:
    font = QFont(painter.font())
    font.setPixelSize(pixels)
    if strong:
        font.setWeight(QFont.Weight.DemiBold)
    return font


def state_words(
    translator: Translator, state: Picture, name: str, *, has_frame: bool, silent_s: float
) -> tuple[str, str]:
    """What to say over the picture: the state, and a second line; both empty while the picture speaks for itself.

    Args:
        translator: gives the words.
        state: what the pictures are worth.
        name: of the customer; empty while not known.
        has_frame: whether there is a picture under the words.
        silent_s: seconds since the customer's last sign of life.
    """
    say = translator.t
    name = name or say("view", "view.somebody")
    match state:
        case Picture.NONE:
            return say("view", "view.none"), ""
        case Picture.ASKED:
            return say("view", "view.asked", name=name), say("view", "view.asked.note")
        case Picture.PAUSED:
            return say("view", "view.paused", name=name), say("view", "view.paused.note")
        case Picture.LOST:
            seconds = max(0, int(silent_s))
            key, count = ("view.lost", seconds) if seconds < 120 else ("view.lost.minutes", seconds // 60)
            return say("view", key, count=count), say("view", "view.lost.note") if has_frame else ""
        case Picture.TOO_LARGE:
            return say("view", "view.too_large", name=name), say("view", "view.too_large.note")
        case _ if not has_frame:
            return say("view", "view.connecting", name=name), say("view", "view.connecting.note")
        case _:
            return "", ""


def age_words(translator: Translator, age_ms: float) -> str:
    """How old a picture is, in the unit a person would use."""
    if age_ms < _SECOND_MS:
        return translator.t("view", "view.age.ms", count=round(age_ms))
    if age_ms < 2 * _MINUTE_MS:
        return translator.t("view", "view.age.s", count=round(age_ms / _SECOND_MS))
    return translator.t("view", "view.age.min", count=int(age_ms / _MINUTE_MS))


def figure_words(translator: Translator, stats: PictureStats) -> str:
    """The figures in one line."""
    places = {
        "fps": f"{stats.fps:.0f}",
        "age": age_words(translator, stats.age_ms),
        "rate": f"{stats.kilobytes_per_s:.0f}",
        "width": stats.width,
        "height": stats.height,
    }
    return translator.t("view", "view.figures" if stats.age_ms > 0 else "view.figures.no_age", **places)


def draw_words(painter: QPainter, area: QRect, theme: Theme, title: str, note: str) -> None:
    """A title and a quieter line under it, on a card in the middle of `area`; wrapped where it is narrow."""
    room = QRect(0, 0, min(area.width() - theme.space(5) * 2, 480), area.height())
    title_font = _font(painter, theme.size("title"), strong=True)
    note_font = _font(painter, theme.size("body"))
    title_size = QFontMetrics(title_font).boundingRect(room, int(_FLAGS), title).size()
    note_size = QFontMetrics(note_font).boundingRect(room, int(_FLAGS), note).size() if note else QSize()
    gap = theme.space(2) if note else 0
    inner = QSize(max(title_size.width(), note_size.width()), title_size.height() + gap + note_size.height())
    margin = theme.space(5)
    card = QRect(0, 0, inner.width() + 2 * margin, inner.height() + 2 * theme.space(4))
    card.moveCenter(area.center())
    draw_card(painter, card, theme, 10)
    x, y = card.x() + margin, card.y() + theme.space(4)
    painter.setFont(title_font)
    painter.setPen(theme.color("text"))
    painter.drawText(QRect(x, y, inner.width(), title_size.height()), int(_FLAGS), title)
    if note:
        painter.setFont(note_font)
        painter.setPen(theme.color("text-muted"))
        below = QRect(x, y + title_size.height() + gap, inner.width(), note_size.height())
        painter.drawText(below, int(_FLAGS), note)


def draw_card(painter: QPainter, card: QRect, theme: Theme, radius: int) -> None:
    """The ground for something that is written over a picture."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    background = QColor(theme.color("surface-raised"))
    background.setAlpha(235)
    painter.setBrush(background)
    painter.setPen(theme.color("line"))
    painter.drawRoundedRect(QRectF(card).adjusted(0.5, 0.5, -0.5, -0.5), radius, radius)
    painter.restore()
