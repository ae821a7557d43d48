"""The look: every text can be read on every ground, the live colour is nobody else's, a switch needs no restart."""

import itertools
from pathlib import Path

import pytest
from PySide6.QtCore import QSize
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QApplication, QPushButton

from ui.style_sheet import marks, style_sheet
from ui.theme import Theme, tokens

THEMES = tuple(tokens()["colors"])
TEXTS = ("text", "text-muted", "accent", "positive", "warning", "danger", "live")
GROUNDS = ("surface", "surface-raised", "hover", "selection", "accent-soft")
PRIVATE = [(text, "private-soft") for text in ("text", "text-muted", "private")]
PRIVATE += [("private", ground) for ground in ("surface", "surface-raised", "hover")]


def luminance(color: str) -> float:
    """Relative luminance (W3C WCAG 2.2)."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(first: str, second: str) -> float:
    darker, lighter = sorted((luminance(first), luminance(second)))
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("name", THEMES)
@pytest.mark.parametrize(
    ("text", "ground"), [*itertools.product(TEXTS, GROUNDS), ("on-accent", "accent"), ("on-live", "live"), *PRIVATE]
)
def test_contrast_is_enough_to_read(name: str, text: str, ground: str):
    colors = tokens()["colors"][name]
    assert contrast(colors[text], colors[ground]) >= 4.5


@pytest.mark.parametrize("name", THEMES)
def test_live_is_a_colour_of_its_own(name: str):
    colors = dict(tokens()["colors"][name])
    live = QColor(colors.pop("live"))
    assert 8 <= live.hue() <= 25, "red-orange"
    for role, value in colors.items():
        other = QColor(value)
        hue = abs(live.hue() - other.hue())
        assert other.hslSaturationF() < 0.3 or min(hue, 360 - hue) > 12 or contrast(value, live.name()) > 3, role


def test_all_themes_have_the_same_roles():
    roles = [set(tokens()["colors"][name]) for name in THEMES]
    assert all(found == roles[0] for found in roles)


@pytest.mark.parametrize("name", THEMES)
def test_style_sheet_has_no_gaps_and_its_pictures_exist(name: str, qtbot):
    assert "$" not in style_sheet(tokens(), name)
    assert all(Path(mark).is_file() for mark in marks(name).values())


@pytest.fixture
def theme(qapp: QApplication):
    made = Theme("light")
    made.apply(qapp)
    yield made
    qapp.setStyleSheet("")
    qapp.setPalette(QPalette())


def test_switch_dresses_everything_anew_and_tells(theme: Theme, qapp: QApplication, qtbot):
    before = qapp.palette().color(QPalette.ColorRole.Window)
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.dark
    assert qapp.palette().color(QPalette.ColorRole.Window) == theme.color("surface") != before
    assert theme.color("surface").name() in qapp.styleSheet()


def test_an_icon_follows_the_theme_without_being_set_again(theme: Theme, qtbot):
    button = QPushButton()
    qtbot.addWidget(button)
    button.setIcon(theme.icon("x"))

    def drawn() -> QColor:
        picture = button.icon().pixmap(16, 16).toImage()
        points = ((x, y) for x in range(picture.width()) for y in range(picture.height()))
        return max((picture.pixelColor(x, y) for x, y in points), key=QColor.alpha)

    assert drawn().lightness() < 100
    theme.choose("dark")
    assert drawn().lightness() > 150


def test_unknown_choice_and_unknown_icon(theme: Theme):
    theme.choose("pink")
    assert theme.choice == "light"
    with pytest.raises(FileNotFoundError):
        theme.icon("no-such-icon")
    with pytest.raises(KeyError):
        theme.icon("x", "no-such-role")


def test_icon_is_sharp_on_a_dense_screen(theme: Theme):
    picture = theme.icon("mail").pixmap(QSize(16, 16), 2.0)
    assert picture.devicePixelRatio() == 2.0
    assert picture.width() == 32
