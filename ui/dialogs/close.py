"""Asks what is to become of open sessions when the window closes or the app quits (B-12.3)."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, Kit, button, label


class CloseDialog(Dialog):
    """Three ways on: end the sessions, keep them, or stay; closing the dialog means stay.

    Args:
        kit: what every widget is handed.
        count: of the open sessions.
        quitting: whether the app is to quit, not only its window to close.
        tray: whether there is a tray to keep the app in.
        parent: the window.

    Signals:
        end_chosen: end them all.
        keep_chosen: close the window (or quit) and leave the sessions open.
    """

    end_chosen = Signal()
    keep_chosen = Signal()

    def __init__(self, kit: Kit, count: int, *, quitting: bool, tray: bool, parent: QWidget | None = None) -> None:
        super().__init__(kit, "close_dialog", parent)
        self._count, self._quitting, self._tray = count, quitting, tray
        self._text = self.add_text("text", "muted")
        self._keep, self._keep_note = self._choice("keep", "primary")
        self._end, self._end_note = self._choice("end", "danger")
        self._stay = self.add_button("stay", "quiet")
        self._keep.setDefault(True)
        self._keep.clicked.connect(self._on_keep)
        self._end.clicked.connect(self._on_end)
        self._stay.clicked.connect(self.reject)
        self._keep.setFocus()

    def _choice(self, name: str, kind: str) -> tuple[QPushButton, QLabel]:
        made = button(f"close_dialog_{name}", kind)
        note = label(f"close_dialog_{name}_note", "secondary", wrap=True)
        row = QVBoxLayout()
        row.setSpacing(SPACE_1)
        row.addWidget(made)
        row.addWidget(note)
        self.body.addLayout(row)
        return made, note

    def _on_keep(self) -> None:
        self.accept()
        self.keep_chosen.emit()

    def _on_end(self) -> None:
        self.accept()
        self.end_chosen.emit()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("close.title"))
        self.heading.setText(self.t("close.title"))
        self._text.setText(self.t("close.quit.text" if self._quitting else "close.text", count=self._count))
        keep = "keep_quit" if self._quitting else "keep" if self._tray else "keep_minimised"
        for widget, note, key in (
            (self._keep, self._keep_note, f"close.{keep}"),
            (self._end, self._end_note, "close.end_quit" if self._quitting else "close.end"),
        ):
            widget.setText(self.t(key, count=self._count))
            words = self.t(f"{key}.note" if key != "close.end_quit" else "close.end.note")
            note.setText(words)
            widget.setAccessibleDescription(words)
        self._stay.setText(self.t("close.stay"))
