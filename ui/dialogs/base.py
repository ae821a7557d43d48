"""A dialog as all of ours are: opened without a loop of its own, gone when closed, told in the present language."""

from collections.abc import Callable
from typing import TypeVar

import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QHBoxLayout, QLabel, QPushButton, QVBoxLayout, QWidget

from ui.widgets.kit import SPACE_3, SPACE_4, SPACE_5, Kit, button, label

T = TypeVar("T")


class Dialog(QDialog):
    """A window that asks one thing; subclasses fill `body` and `buttons` and set their words in `retranslate`.

    Args:
        kit: what every widget is handed.
        name: the object name; buttons are named after it.
        parent: the window it belongs to.
    """

    def __init__(self, kit: Kit, name: str, parent: QWidget | None) -> None:
        super().__init__(parent)
        self._kit = kit
        self.setObjectName(name)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setModal(True)
        self.heading = label(f"{name}_title", "title", wrap=True)
        self.body = QVBoxLayout()
        self.body.setSpacing(SPACE_3)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(SPACE_3)
        self.buttons.addStretch(1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(SPACE_5, SPACE_5, SPACE_5, SPACE_4)
        layout.setSpacing(SPACE_4)
        layout.addWidget(self.heading)
        layout.addLayout(self.body)
        layout.addStretch(1)
        layout.addLayout(self.buttons)
        self.setMinimumWidth(440)

    def t(self, key: str, **places: object) -> str:
        """The sentence under `key` in the area `app`."""
        return self._kit.translator.t("app", key, **places)

    def add_button(self, name: str, kind: str = "secondary", *, default: bool = False) -> QPushButton:
        """A button in the lower row, from left to right."""
        made = button(f"{self.objectName()}_{name}", kind)
        made.setDefault(default)
        self.buttons.addWidget(made)
        return made

    def add_text(self, name: str, kind: str = "body", *, selectable: bool = False) -> QLabel:
        """A line or paragraph in the body."""
        made = label(f"{self.objectName()}_{name}", kind, wrap=True, selectable=selectable)
        self.body.addWidget(made)
        return made

    def while_here(self, call: Callable[[T], object]) -> Callable[[T], None]:
        """`call`, for an answer that may come after the dialog was closed: then its widgets are deleted already."""

        def answer(value: T) -> None:
            if shiboken6.isValid(self):
                call(value)

        return answer

    def start(self) -> None:
        """Take the words, follow later changes of the language, and open without blocking anything."""
        self._kit.on_words(self.retranslate)
        self.fit()
        self.open()

    def fit(self) -> None:
        """Be as high as the wrapped words need, and no higher."""
        layout = self.layout()
        if layout is not None:
            width = max(self.minimumWidth(), layout.sizeHint().width())
            self.resize(width, layout.totalHeightForWidth(width))

    def retranslate(self) -> None:
        """Take the words in the language in use."""
        raise NotImplementedError
