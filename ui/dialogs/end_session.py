"""Asks once more before a session with a customer in it is ended for everybody."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit
from ui.widgets.plain import isolated


class EndSessionDialog(Dialog):
    """End it, or not.

    Args:
        kit: what every widget is handed.
        name: of the customer, a stranger's text.
        parent: the window.

    Signals:
        confirmed: the session is to be ended.
    """

    confirmed = Signal()

    def __init__(self, kit: Kit, name: str, parent: QWidget | None = None) -> None:
        super().__init__(kit, "end_dialog", parent)
        self._name = name
        self._text = self.add_text("text", "muted")
        self._cancel = self.add_button("cancel", "quiet")
        self._end = self.add_button("confirm", "danger", default=True)
        self._cancel.clicked.connect(self.reject)
        self._end.clicked.connect(self._on_end)
        self._end.setFocus()

    def _on_end(self) -> None:
        self.accept()
        self.confirmed.emit()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("end.title"))
        self.heading.setText(self.t("end.title"))
        self._text.setText(self.t("end.text", name=isolated(self._name)))
        self._cancel.setText(self.t("end.cancel"))
        self._end.setText(self.t("end.confirm"))
