"""Asks what is to become of open sessions when the window closes, the app quits or the rep signs out (B-12.3)."""

from enum import Enum

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.actions import Actions
from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, Kit, button, label


class Closing(Enum):
    """What is to close; the values are parts of the names of the words."""

    WINDOW = ""
    APP = "quit"
    ACCOUNT = "sign_out"


class CloseDialog(Dialog):
    """Ways on: keep the sessions, pass the one on that is open, end them, or stay; closing the dialog means stay.

    Args:
        kit: what every widget is handed.
        count: of the open sessions.
        closing: what is to close.
        tray: whether there is a tray to keep the app in.
        actions: the commands; with one session open, those that hand it over are offered too (B-12.2).
        parent: the window.

    Signals:
        end_chosen: end them all.
        keep_chosen: close the window (or quit, or sign out) and leave the sessions open.
    """

    end_chosen = Signal()
    keep_chosen = Signal()

    def __init__(
        self,
        kit: Kit,
        count: int,
        *,
        closing: Closing,
        tray: bool,
        actions: Actions | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(kit, "close_dialog", parent)
        self._count, self._closing, self._tray = count, closing, tray
        self._text = self.add_text("text", "muted")
        self._keep, self._keep_note = self._choice("keep", "primary")
        self._passing: list[tuple[str, QAction, QPushButton, QLabel]] = []
        if actions is not None and count == 1 and actions.current is not None and actions.current.has_control:
            if actions.current.assistants and actions.transfer_control.isEnabled():
                self._pass_on("control", actions.transfer_control)
            if actions.transfer_session.isVisible() and actions.transfer_session.isEnabled():
                self._pass_on("session", actions.transfer_session)
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

    def _pass_on(self, name: str, action: QAction) -> None:
        made, note = self._choice(name, "secondary")
        made.setIcon(action.icon())
        made.clicked.connect(lambda: self._chosen(action))
        self._passing.append((name, action, made, note))

    def _chosen(self, action: QAction) -> None:
        """Somebody else is to have the customer; the window stays until that is done."""
        self.accept()
        action.trigger()

    def _on_keep(self) -> None:
        self.accept()
        self.keep_chosen.emit()

    def _on_end(self) -> None:
        self.accept()
        self.end_chosen.emit()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        title = self.t("close.title", count=self._count)
        self.setWindowTitle(title)
        self.heading.setText(title)
        what = self._closing.value
        self._text.setText(self.t(f"close.{what}.text" if what else "close.text", count=self._count))
        keep = f"keep_{what}" if what else "keep" if self._tray else "keep_minimised"
        for widget, note, key in (
            (self._keep, self._keep_note, f"close.{keep}"),
            (self._end, self._end_note, f"close.end_{what}" if what else "close.end"),
        ):
            widget.setText(self.t(key, count=self._count))
            words = self.t(f"{key}.note") if widget is self._keep else self.t("close.end.note", count=self._count)
            note.setText(words)
            widget.setAccessibleDescription(words)
        for name, action, made, note in self._passing:
            made.setText(action.iconText())
            note.setText(self.t(f"leave.{name}.note"))
            made.setAccessibleDescription(note.text())
        self._stay.setText(self.t("close.stay"))
