"""Asks before another customer is helped while something is shared, because every share ends with it (B-5.3)."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit
from ui.widgets.plain import isolated


class SelectCustomerDialog(Dialog):
    """Help the other one, or not.

    Args:
        kit: what every widget is handed.
        name: of the other customer, a stranger's text.
        parent: the window.

    Signals:
        confirmed: the other customer is to be helped.
    """

    confirmed = Signal()

    def __init__(self, kit: Kit, name: str, parent: QWidget | None = None) -> None:
        super().__init__(kit, "select_dialog", parent)
        self._name = name
        self._text = self.add_text("text", "muted")
        self._cancel = self.add_button("cancel", "quiet")
        self._select = self.add_button("confirm", "primary", default=True)
        self._cancel.clicked.connect(self.reject)
        self._select.clicked.connect(self._on_select)
        self._select.setFocus()

    def _on_select(self) -> None:
        self.accept()
        self.confirmed.emit()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        name = isolated(self._name)
        self.setWindowTitle(self.t("select.title", name=name))
        self.heading.setText(self.t("select.title", name=name))
        self._text.setText(self.t("select.text", name=name))
        self._cancel.setText(self.t("select.cancel"))
        self._select.setText(self.t("select.confirm"))
