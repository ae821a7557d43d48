"""Transfer Control as a dialog: the same list of assistants as in the menus, for the dashboard and the keyboard."""

from PySide6.QtCore import QSignalBlocker
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QButtonGroup, QRadioButton, QVBoxLayout, QWidget
from typing_extensions import override

from ui.actions import Actions
from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit


class TransferControlDialog(Dialog):
    """Choose one assistant; he is in charge at once (B-9.1, B-9.2). Follows who comes and goes while it is open.

    Args:
        kit: what every widget is handed.
        actions: whose `control_targets` are the list.
        parent: the window.
    """

    def __init__(self, kit: Kit, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(kit, "control_dialog", parent)
        self._actions = actions
        self._session_id = actions.current.id if actions.current is not None else ""
        self._shown: list[QAction] = []
        self._text = self.add_text("text", "muted")
        self._nobody = self.add_text("nobody")
        self._group = QButtonGroup(self)
        self._list = QVBoxLayout()
        self.body.addLayout(self._list)
        self._cancel = self.add_button("cancel", "quiet")
        self._give = self.add_button("confirm", "primary", default=True)
        self._cancel.clicked.connect(self.reject)
        self._give.clicked.connect(self._on_give)
        actions.updated.connect(self._fill)
        self._fill()

    def _fill(self) -> None:
        current = self._actions.current
        if current is None or current.id != self._session_id or not current.has_control:
            self.reject()  # another tab, or control is gone: there is nothing left to decide here
            return
        targets = self._actions.control_targets
        if targets == self._shown:
            return
        self._shown = list(targets)
        before = self._chosen()
        for old in self._group.buttons():
            self._group.removeButton(old)
            old.hide()
            old.deleteLater()
        for target in targets:
            if target is not self._actions.nobody_assists:
                self._list.addWidget(self._radio(target))
        radios = self._group.buttons()
        usable = [one for one in radios if one.isEnabled()]
        again = next((one for one in usable if one.objectName() == before), usable[0] if usable else None)
        if again is not None:
            with QSignalBlocker(self._group):
                again.setChecked(True)
            again.setFocus()
        self._nobody.setVisible(not radios)
        self._give.setEnabled(again is not None)
        if self.isVisible():
            self.fit()

    def _radio(self, target: QAction) -> QRadioButton:
        made = QRadioButton(target.text())
        made.setObjectName(target.objectName())
        made.setIcon(target.icon())
        made.setEnabled(target.isEnabled())
        self._group.addButton(made)
        return made

    def _chosen(self) -> str:
        checked = self._group.checkedButton()
        return checked.objectName() if checked is not None else ""

    def _on_give(self) -> None:
        chosen = self._chosen()
        target = next((one for one in self._actions.control_targets if one.objectName() == chosen), None)
        self.accept()
        if target is not None:
            target.trigger()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("transfer_control.title"))
        self.heading.setText(self.t("transfer_control.title"))
        self._text.setText(self.t("transfer_control.text"))
        self._nobody.setText(self.t("transfer_control.nobody.long"))
        self._cancel.setText(self.t("transfer_control.cancel"))
        self._give.setText(self.t("transfer_control.confirm"))
