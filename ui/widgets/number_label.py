"""A session number in large tabular figures, with a button that copies it."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QHBoxLayout, QLabel, QToolButton, QWidget

from ui.widgets.clipboard import copy_text
from ui.widgets.kit import SPACE_1, SPACE_2, Kit, icon_button, label, name_it
from ui.widgets.plain import number_in_threes

COPIED_MS = 1_600
"""How long the button shows that it has copied."""


def tabular(font: QFont) -> QFont:
    """`font` with figures of one width, so that numbers do not dance (OpenType feature `tnum`)."""
    made = QFont(font)
    made.setFeature(QFont.Tag.fromString("tnum"), 1)
    return made


class CopyButton(QToolButton):
    """Copies a text and says for a moment that it did."""

    copied = Signal()

    def __init__(self, kit: Kit, name: str, words: str) -> None:
        super().__init__()
        made = icon_button(name)
        self.setObjectName(name)
        self.setProperty("kind", "icon")
        self.setIconSize(made.iconSize())
        self.setFixedSize(made.size())
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        made.deleteLater()
        self._kit = kit
        self._words = words
        self._text = ""
        self._timer = QTimer(self, singleShot=True, interval=COPIED_MS)
        self._timer.timeout.connect(self._show)
        self.clicked.connect(self._copy)
        kit.theme.changed.connect(self._show)
        kit.on_words(self._show)

    def set_text_to_copy(self, text: str) -> None:
        """What a click copies."""
        self._text = text

    def _copy(self) -> None:
        copy_text(self._text)
        self._timer.start()
        self._show()
        self.copied.emit()

    def _show(self) -> None:
        done = self._timer.isActive()
        self.setIcon(self._kit.theme.icon("check" if done else "copy", "positive" if done else "text-muted"))
        name_it(self, self._kit.say("copy.done" if done else self._words))


class NumberLabel(QWidget):
    """The number in threes; `large` for the middle of the window and the Invite panel."""

    def __init__(self, kit: Kit, name: str, *, large: bool) -> None:
        super().__init__()
        self._kit = kit
        self._number = ""
        self.setObjectName(name)
        self._figures: QLabel = label(f"{name}Figures", "number" if large else "body", selectable=True)
        font = tabular(self._figures.font())
        if not large:
            font.setPixelSize(18)
            font.setWeight(QFont.Weight.DemiBold)
        self._figures.setFont(font)
        self._copy = CopyButton(kit, f"{name}Copy", "copy.number")
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_2 if large else SPACE_1)
        row.addWidget(self._figures)
        row.addWidget(self._copy)
        if not large:
            row.addStretch(1)
        kit.on_words(self.retranslate)

    def set_number(self, number: str) -> None:
        """Show another number (nine digits)."""
        self._number = number
        self._figures.setText(number_in_threes(number))
        self._copy.set_text_to_copy(number)
        self.retranslate()

    def text(self) -> str:
        """The number as it is shown."""
        return self._figures.text()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._figures.setAccessibleName(self._kit.say("number.named", number=number_in_threes(self._number)))
