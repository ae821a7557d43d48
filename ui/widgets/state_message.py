"""What stands in the middle when there is no picture: an icon, a sentence, what to do, and at most a few buttons."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.widgets.kit import SPACE_2, SPACE_3, SPACE_4, SPACE_5, Kit, label

WIDTH = 440
_LOW_PX = 460
"""With less height the icon goes."""
_SHARE = 100
"""Of the width, against 1 on either side: it grows to `WIDTH` first."""


class StateMessage(QWidget):
    """One state in words; `extra` takes what a state needs besides."""

    def __init__(self, kit: Kit, name: str, icon: str, role: str = "text-muted") -> None:
        super().__init__()
        self._kit = kit
        self._icon_name, self._role = icon, role
        self.setObjectName(name)
        self._icon = QLabel()
        self._icon.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._icon.setFixedHeight(40)
        self.title = label(f"{name}Title", "title", wrap=True)
        self.title.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.text = label(f"{name}Text", "muted", wrap=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop)
        self.extra = QVBoxLayout()
        self.extra.setSpacing(SPACE_3)
        self._buttons = QBoxLayout(QBoxLayout.Direction.LeftToRight)
        self._made: list[QPushButton] = []
        self._buttons.setSpacing(SPACE_2)
        self._buttons.addStretch(1)
        self._buttons.addStretch(1)
        column = QVBoxLayout()
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(SPACE_2)
        column.addStretch(2)
        column.addWidget(self._icon)
        column.addSpacing(SPACE_2)
        column.addWidget(self.title)
        column.addWidget(self.text)
        column.addLayout(self.extra)
        column.addSpacing(SPACE_3)
        column.addLayout(self._buttons)
        column.addStretch(3)
        holder = QWidget()
        holder.setLayout(column)
        holder.setMaximumWidth(WIDTH)
        row = QBoxLayout(QBoxLayout.Direction.LeftToRight, self)
        row.setContentsMargins(SPACE_5, SPACE_4, SPACE_5, SPACE_4)
        row.addStretch(1)
        row.addWidget(holder, _SHARE)
        row.addStretch(1)
        kit.on_colours(self._tint)

    def add_button(self, made: QPushButton) -> QPushButton:
        """Add a button to the row below the words."""
        self._buttons.insertWidget(self._buttons.count() - 1, made)
        self._made.append(made)
        return made

    def fit_buttons(self) -> None:
        """Put the buttons below one another where they have no room side by side; after words or buttons changed."""
        shown = [one.sizeHint().width() for one in self._made if not one.isHidden()]
        needed = sum(shown) + SPACE_2 * (len(shown) - 1)
        room = min(WIDTH, (self.width() - 2 * SPACE_5) * _SHARE // (_SHARE + 2))
        narrow = len(shown) > 1 and needed > room
        self._buttons.setDirection(QBoxLayout.Direction.TopToBottom if narrow else QBoxLayout.Direction.LeftToRight)

    def set_words(self, title: str, text: str = "") -> None:
        """Say something else."""
        self.title.setText(title)
        self.text.setText(text)
        self.text.setVisible(bool(text))
        self.setAccessibleName(title)
        self.setAccessibleDescription(text)

    def set_icon(self, icon: str, role: str = "text-muted") -> None:
        """Show another icon."""
        self._icon_name, self._role = icon, role
        self._tint()

    @override
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._icon.setVisible(self.height() >= _LOW_PX)  # where it is low the words come first
        self.fit_buttons()

    def _tint(self) -> None:
        self._icon.setPixmap(self._kit.theme.icon(self._icon_name, self._role).pixmap(36, 36))
