"""Outcome and notes of a session, written when it has ended or whenever the rep likes; never in the way (B-12.7)."""

import unicodedata

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QWidget
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.protocol import limits
from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit, label, set_kind
from ui.widgets.plain import isolated

_SUGGESTED = ("solved", "partly", "follow_up", "not_solved")


class OutcomeDialog(Dialog):
    """Not modal: the rep may go on with another customer meanwhile, and skip it.

    Args:
        kit: what every widget is handed.
        session_id: the session, live or over.
        name: of its customer, a stranger's text, or the session's number.
        written: outcome and notes as they are now.
        parent: the window.

    Signals:
        saved: session id, outcome and notes, once the relay has them.
    """

    saved = Signal(str, str, str)

    def __init__(
        self, kit: Kit, session_id: str, name: str, written: tuple[str, str] = ("", ""), parent: QWidget | None = None
    ) -> None:
        super().__init__(kit, "outcome_dialog", parent)
        self.setModal(False)
        self.session_id, self._name = session_id, name
        self._text = self.add_text("text", "muted")
        self._outcome_label = label("outcome_dialog_outcome_label", "secondary")
        self.outcome = QComboBox()
        self.outcome.setObjectName("outcome_dialog_outcome")
        self.outcome.setEditable(True)
        self.outcome.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        for _ in _SUGGESTED:
            self.outcome.addItem("")
        typed = self.outcome.lineEdit()
        if typed is not None:
            typed.setObjectName("outcome_dialog_outcome_text")
            typed.setMaxLength(limits.OUTCOME_CHARS)
        self._outcome_label.setBuddy(self.outcome)
        self._notes_label = label("outcome_dialog_notes_label", "secondary")
        self.notes = QPlainTextEdit()
        self.notes.setObjectName("outcome_dialog_notes")
        self.notes.setTabChangesFocus(True)
        self.notes.setFixedHeight(132)
        self._problem = label("outcome_dialog_problem", "error", wrap=True)
        self._problem.setMinimumHeight(18)
        for part in (self._outcome_label, self.outcome, self._notes_label, self.notes, self._problem):
            self.body.addWidget(part)
        self._skip = self.add_button("skip", "quiet")
        self._save = self.add_button("save", "primary", default=True)
        self._skip.clicked.connect(self.reject)
        self._save.clicked.connect(self.save)
        self._written = written
        self.notes.setPlainText(written[1])
        self.notes.textChanged.connect(self._count)

    @property
    def begun(self) -> bool:
        """Whether anything was written that is not saved."""
        return (self.outcome.currentText().strip(), self.notes.toPlainText().strip()) != self._written

    @override
    def start(self) -> None:
        """Take the words and open beside the work."""
        self._kit.on_words(self.retranslate)
        self.outcome.setEditText(self._written[0])
        self.fit()
        self.show()

    def save(self) -> None:
        """Have the relay keep what is written; the dialog stays when it does not."""
        if not self._save.isEnabled():
            return
        outcome, notes = self.outcome.currentText().strip(), self.notes.toPlainText().strip()
        self._problem.setText("")
        self._kit.work.run(
            self._kit.intents.note_session(self.session_id, outcome, notes),
            name=f"note_session {self.session_id}",
            on_done=lambda _: self._done(outcome, notes),
            on_error=self._refused,
            busy=self._save,
        )

    def _done(self, outcome: str, notes: str) -> None:
        self.saved.emit(self.session_id, outcome, notes)
        self.accept()

    def _refused(self, error: SupportManagerError) -> None:
        self._problem.setText(self._kit.work.sentence(error))

    def _count(self) -> None:
        over = len(unicodedata.normalize("NFC", self.notes.toPlainText().strip())) - limits.NOTES_CHARS
        self._problem.setText(self._kit.say("chat.too_long", count=over) if over > 0 else "")
        set_kind(self.notes, "wrong", over > 0)
        self._save.setEnabled(over <= 0)

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        typed = self.outcome.currentText()
        self.setWindowTitle(self.t("outcome.title", name=isolated(self._name)))
        self.heading.setText(self.t("outcome.title", name=isolated(self._name)))
        self._text.setText(self.t("outcome.text"))
        self._outcome_label.setText(self.t("outcome.outcome"))
        self.outcome.setAccessibleName(self.t("outcome.outcome"))
        edit = self.outcome.lineEdit()
        if edit is not None:
            edit.setAccessibleName(self.t("outcome.outcome"))
            edit.setPlaceholderText(self.t("outcome.outcome.hint"))
        for at, key in enumerate(_SUGGESTED):
            self.outcome.setItemText(at, self.t(f"outcome.{key}"))
        self.outcome.setEditText(typed)
        self._notes_label.setText(self.t("outcome.notes"))
        self.notes.setAccessibleName(self.t("outcome.notes"))
        self.notes.setPlaceholderText(self.t("outcome.notes.hint"))
        self._skip.setText(self.t("outcome.skip"))
        self._save.setText(self.t("outcome.save"))
