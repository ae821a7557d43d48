"""The theme: colours, sizes, icons and the one style sheet, made from the tokens; light, dark and high contrast."""

import json
import re
from functools import cache
from typing import Any, cast

from PySide6.QtCore import QByteArray, QObject, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QIcon, QIconEngine, QPainter, QPalette, QPixmap
from PySide6.QtSvg import QSvgRenderer
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from resources import text
from ui.style_sheet import style_sheet

CHOICES = ("system", "light", "dark", "contrast")
"""What the setting `theme` may say."""


@cache
def tokens() -> dict[str, Any]:
    """The design tokens that app and page share."""
    found: dict[str, Any] = json.loads(text("styles/tokens.json"))
    return found


@cache
def _svg(name: str) -> str:
    return text(f"icons/{name}.svg")


class _TintedIcon(QIconEngine):
    """Draws a line icon in the colour that its role has at that moment, so that a theme switch needs no new icons."""

    def __init__(self, theme: "Theme", name: str, role: str, role_on: str) -> None:
        super().__init__()
        self._theme, self._name, self._role, self._role_on = theme, name, role, role_on

    @override
    def clone(self) -> QIconEngine:
        """A copy, as Qt wants one before it changes an icon."""
        return _TintedIcon(self._theme, self._name, self._role, self._role_on)

    def _color(self, mode: QIcon.Mode, state: QIcon.State) -> str:
        role = self._role_on if state == QIcon.State.On else self._role
        color = self._theme.color(role)
        if mode == QIcon.Mode.Disabled:
            color = self._theme.color("text-muted")
            color.setAlpha(110)
        return color.name(QColor.NameFormat.HexArgb)

    @override
    def scaledPixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State, scale: float) -> QPixmap:
        """The icon in `size` logical pixels for a screen of `scale` device pixels to each (Qt 6.8 and later)."""
        return self._theme.pixmap(self._name, self._color(mode, state), size * scale, scale)

    @override
    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon in `size` pixels."""
        return self.scaledPixmap(size, mode, state, 1.0)

    @override
    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Draw the icon, sharp at the device's own resolution."""
        scale = painter.device().devicePixelRatioF()
        painter.drawPixmap(rect, self.scaledPixmap(rect.size(), mode, state, scale))


class Theme(QObject):
    """The look in use; follows the system or the setting, and switches without a restart.

    Args:
        choice: `system`, `light`, `dark` or `contrast`.
        parent: the owner.
    """

    changed = Signal()

    def __init__(self, choice: str = "system", parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice = choice if choice in CHOICES else "system"
        self._app: QApplication | None = None
        self._pixmaps: dict[tuple[str, str, int, int, float], QPixmap] = {}
        self._name = self._find()

    @property
    def name(self) -> str:
        """`light`, `dark` or `contrast`: what is in use."""
        return self._name

    @property
    def choice(self) -> str:
        """What the rep chose."""
        return self._choice

    @property
    def dark(self) -> bool:
        """Whether the background is dark."""
        return self._name != "light"

    @property
    def motion_ms(self) -> int:
        """How long a movement may take; 0 where the system asks for none."""
        style_hints = QGuiApplication.styleHints()  # owns the other: PySide frees both where nobody holds this one
        hints = style_hints.accessibility()
        if hints.motionPreference() == Qt.MotionPreference.ReducedMotion:
            return 0
        return int(tokens()["motion-ms"])

    def color(self, role: str) -> QColor:
        """The colour of `role`, e.g. `text-muted`.

        Raises:
            KeyError: for a role that the tokens do not have.
        """
        return QColor(tokens()["colors"][self._name][role])

    def draw_color(self, number: int) -> QColor:
        """The colour of that number for drawing over a picture; the same in every theme, for the picture has none."""
        return QColor(tokens()["draw"][number])

    def space(self, step: int) -> int:
        """The `step`-th spacing in pixels, from 1 (4 px) to 6 (32 px)."""
        return int(tokens()["space"][step - 1])

    def size(self, name: str) -> int:
        """A type size in pixels by its name, e.g. `title`."""
        return int(tokens()["type"][name])

    @property
    def row(self) -> int:
        """The height of a row in pixels."""
        return int(tokens()["row"])

    def icon(self, name: str, role: str = "text", role_on: str = "") -> QIcon:
        """The line icon `name`, tinted by `role` (by `role_on` when checked); it follows later theme switches."""
        _svg(name)
        self.color(role)
        return QIcon(_TintedIcon(self, name, role, role_on or role))

    def app_icon(self, variant: str = "") -> QIcon:
        """The app's own icon; `variant` is empty, `attention` or `offline`. It keeps its colours in every theme."""
        name = f"app-{variant}" if variant else "app"
        icon = QIcon()
        for side in (16, 22, 24, 32, 48, 64, 128):
            icon.addPixmap(self.pixmap(name, "#ff000000", QSize(side, side)))
        return icon

    def pixmap(self, name: str, color: str, size: QSize, scale: float = 1.0) -> QPixmap:
        """The icon `name` in one colour and `size` device pixels; kept, because the same few are asked for often."""
        key = (name, color, size.width(), size.height(), scale)
        found = self._pixmaps.get(key)
        if found is None:
            found = self._pixmaps[key] = _render(_svg(name), color, size)
            found.setDevicePixelRatio(scale)
        return found

    def apply(self, app: QApplication) -> None:
        """Dress the whole application, now and at each later change."""
        first = self._app is None
        self._app = app
        if first:
            app.setStyle("Fusion")
            font = QFont(app.font())
            font.setPixelSize(self.size("body"))
            app.setFont(font)
            hints = app.styleHints()
            hints.colorSchemeChanged.connect(self._look_again)
            hints.accessibility().contrastPreferenceChanged.connect(self._look_again)
            self._tell_system()
            self._name = self._find()
        self._dress()

    def choose(self, choice: str) -> None:
        """Take another look: one of `CHOICES`."""
        if choice not in CHOICES or choice == self._choice:
            return
        self._choice = choice
        self._tell_system()
        self._look_again()

    def _tell_system(self) -> None:
        """Have title bars and native dialogs follow the choice where the platform can."""
        if self._app is None:
            return
        hints = self._app.styleHints()
        if self._choice == "system":
            hints.unsetColorScheme()
        else:
            hints.setColorScheme(Qt.ColorScheme.Light if self._choice == "light" else Qt.ColorScheme.Dark)

    def _find(self) -> str:
        if self._choice != "system":
            return self._choice
        hints = QGuiApplication.styleHints()
        if hints.accessibility().contrastPreference() == Qt.ContrastPreference.HighContrast:
            return "contrast"
        return "dark" if hints.colorScheme() == Qt.ColorScheme.Dark else "light"

    def _look_again(self) -> None:
        name = self._find()
        if name == self._name:
            return
        self._name = name
        self._pixmaps.clear()
        if self._app is not None:
            self._dress()
        self.changed.emit()

    def _dress(self) -> None:
        app = cast(QApplication, self._app)
        app.setPalette(self._palette())
        app.setStyleSheet(style_sheet(tokens(), self._name))

    def _palette(self) -> QPalette:
        roles = QPalette.ColorRole
        palette = QPalette()
        for role, name in (
            (roles.Window, "surface"),
            (roles.WindowText, "text"),
            (roles.Base, "surface-raised"),
            (roles.AlternateBase, "surface"),
            (roles.Text, "text"),
            (roles.PlaceholderText, "text-muted"),
            (roles.Button, "surface-raised"),
            (roles.ButtonText, "text"),
            (roles.BrightText, "on-accent"),
            (roles.Highlight, "accent"),
            (roles.HighlightedText, "on-accent"),
            (roles.Accent, "accent"),
            (roles.Link, "accent"),
            (roles.LinkVisited, "accent"),
            (roles.ToolTipBase, "surface-raised"),
            (roles.ToolTipText, "text"),
            (roles.Light, "surface-raised"),
            (roles.Midlight, "hover"),
            (roles.Mid, "line"),
            (roles.Dark, "line"),
        ):
            palette.setColor(role, self.color(name))
        for role in (roles.WindowText, roles.Text, roles.ButtonText):
            palette.setColor(QPalette.ColorGroup.Disabled, role, self.color("text-muted"))
        return palette


def _render(svg: str, color: str, size: QSize) -> QPixmap:
    """Draw a line icon; its `currentColor` becomes `color` (#AARRGGBB)."""
    tint = QColor(color)
    drawn = re.sub(r"currentColor", tint.name(), svg)
    pixmap = QPixmap(size)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setOpacity(tint.alphaF())
    side = min(size.width(), size.height())
    target = QRectF((size.width() - side) / 2, (size.height() - side) / 2, side, side)
    QSvgRenderer(QByteArray(drawn.encode())).render(painter, target)
    painter.end()
    return pixmap
