"""What every panel and widget is handed: the intents, the words, the colours and the runner of intents."""

from collections.abc import Callable
from dataclasses import dataclass

import shiboken6
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QToolButton, QWidget

from support_manager.intents import Intents
from ui.actions import Actions
from ui.i18n import Translator
from ui.theme import Theme
from ui.work import Work

ICON = QSize(16, 16)
WIDE_ICON = QSize(20, 16)
"""For an icon beside words: Qt sets them closer than the eye likes."""
SPACE_1, SPACE_2, SPACE_3, SPACE_4, SPACE_5, SPACE_6 = 4, 8, 12, 16, 24, 32
"""The spacing steps of `resources/styles/tokens.json`, in px."""
ROW = 32
"""The height of a row, in px."""


@dataclass(frozen=True)
class Kit:
    """Handed down from the composition root to every panel."""

    intents: Intents
    translator: Translator
    theme: Theme
    work: Work

    def say(self, key: str, **places: object) -> str:
        """The sentence under `key` in the area `session`."""
        return self.translator.t("session", key, **places)

    def on_words(self, retranslate: Callable[[], None]) -> None:
        """Call `retranslate` now and whenever the language changes; a method of a QObject goes with its object."""
        self.translator.changed.connect(retranslate)
        retranslate()

    def on_colours(self, repaint: Callable[[], None]) -> None:
        """Call `repaint` now and whenever the theme changes; a method of a QObject goes with its object."""
        self.theme.changed.connect(repaint)
        repaint()


@dataclass(frozen=True)
class Desk(Kit):
    """What the panels of the multisession window are handed: the kit and the commands."""

    actions: Actions


def label(name: str, kind: str = "body", *, wrap: bool = False, selectable: bool = False) -> QLabel:
    """A label that shows plain text only, whoever wrote it."""
    made = QLabel()
    made.setObjectName(name)
    made.setProperty("kind", kind)
    made.setTextFormat(Qt.TextFormat.PlainText)
    made.setWordWrap(wrap)
    if selectable:
        made.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
    return made


def button(name: str, kind: str = "secondary") -> QPushButton:
    """A button with a text; `kind` is primary, secondary, quiet or danger."""
    made = QPushButton()
    made.setObjectName(name)
    made.setProperty("kind", kind)
    made.setIconSize(WIDE_ICON)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
    made.setAutoDefault(False)
    return made


def icon_button(name: str) -> QToolButton:
    """A square button that bears only an icon; its accessible name is its tool tip."""
    made = QToolButton()
    made.setObjectName(name)
    made.setProperty("kind", "icon")
    made.setIconSize(ICON)
    made.setCursor(Qt.CursorShape.PointingHandCursor)
    made.setFocusPolicy(Qt.FocusPolicy.TabFocus)
    made.setFixedSize(ROW - SPACE_1, ROW - SPACE_1)
    return made


def name_it(widget: QWidget, text: str) -> None:
    """Give a widget without visible words its name for screen readers and its tool tip; `text` is our own."""
    widget.setAccessibleName(text)
    widget.setToolTip(text)


def set_kind(widget: QWidget, name: str, value: object) -> None:
    """Set a dynamic property and have the style sheet looked at again."""
    if widget.property(name) != value:
        widget.setProperty(name, value)
        style = widget.style()
        style.unpolish(widget)
        style.polish(widget)


def bind(to: QPushButton | QToolButton, action: QAction, *, icon: bool = True) -> None:
    """Have a button be another face of a command: same name, icon, enabled state and effect."""

    def show() -> None:
        if isinstance(to, QPushButton):
            to.setText(action.iconText())
        if icon:
            to.setIcon(action.icon())
        to.setAccessibleName(action.iconText())
        to.setToolTip(action.toolTip())
        to.setEnabled(action.isEnabled())
        if action.isCheckable():
            to.setCheckable(True)
            to.setChecked(action.isChecked())

    action.changed.connect(show)
    to.destroyed.connect(lambda: _unbind(action, show))
    to.clicked.connect(action.trigger)
    show()


def _unbind(action: QAction, show: Callable[[], None]) -> None:
    if shiboken6.isValid(action):
        action.changed.disconnect(show)
