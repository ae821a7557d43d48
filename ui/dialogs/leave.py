"""What a controller who wants out is offered: Transfer Control, Transfer Session, or End (B-12.2)."""

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QLabel, QPushButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.actions import Actions
from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, Kit, button, label


class LeaveDialog(Dialog):
    """The controller cannot simply leave: somebody has to take the customer, or the session ends.

    Args:
        kit: what every widget is handed.
        actions: the commands; those that can be used now are offered.
        parent: the window.
    """

    def __init__(self, kit: Kit, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(kit, "leave_dialog", parent)
        self._text = self.add_text("text", "muted")
        self._choices: list[tuple[str, QAction, QPushButton, QLabel]] = []
        self._actions = actions
        current = actions.current
        self._session_id = current.id if current is not None else ""
        if current is not None and current.assistants and actions.transfer_control.isEnabled():
            self._choice("control", actions.transfer_control, "secondary")
        if actions.transfer_session.isVisible() and actions.transfer_session.isEnabled():
            self._choice("session", actions.transfer_session, "secondary")
        self._choice("end", actions.end_session, "danger")
        self._stay = self.add_button("stay", "quiet")
        self._stay.clicked.connect(self.reject)
        self._choices[0][2].setFocus()
        actions.updated.connect(self._follow)

    def _follow(self) -> None:
        """The commands are about the session in front: with another one there, End would end that."""
        current = self._actions.current
        if current is None or current.id != self._session_id or not current.has_control:
            self.reject()

    def _choice(self, name: str, action: QAction, kind: str) -> None:
        made = button(f"leave_dialog_{name}", kind)
        made.setIcon(action.icon())
        note = label(f"leave_dialog_{name}_note", "secondary", wrap=True)
        row = QVBoxLayout()
        row.setSpacing(SPACE_1)
        row.addWidget(made)
        row.addWidget(note)
        self.body.addLayout(row)
        made.clicked.connect(lambda: self._chosen(action))
        self._choices.append((name, action, made, note))

    def _chosen(self, action: QAction) -> None:
        self.accept()
        action.trigger()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("leave.title"))
        self.heading.setText(self.t("leave.title"))
        self._text.setText(self.t("leave.text"))
        self._stay.setText(self.t("leave.stay"))
        for name, action, made, note in self._choices:
            made.setText(action.iconText())
            words = self.t(f"leave.{name}.note")
            note.setText(words)
            made.setAccessibleDescription(words)
