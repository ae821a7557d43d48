"""Outcome and notes of a session, written when it has ended or whenever the rep likes; never in the way (B-12.7)."""

import unicodedata

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QPlainTextEdit, QWidget
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Noted
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
        written: outcome and notes as far as they are known; the relay is asked for what is kept now.
        parent: the window.

    Signals:
        saved: session id, outcome and notes, once the relay has them.
    """

    saved = Signal(str, str, str)

    def __init__(self, kit: Kit, session_id: str, name: str, written: Noted, parent: QWidget | None = None) -> None:
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
        self._save = self.add_button("save", "primary")
        self._skip.clicked.connect(self.reject)
        self._save.clicked.connect(self.save)
        self._written = written
        self._unsure: Noted | None = None
        self.notes.textChanged.connect(self._count)
        self.outcome.editTextChanged.connect(self._count)

    @property
    def begun(self) -> bool:
        """Whether anything was written that is not saved."""
        return self._typed != self._written

    @property
    def _typed(self) -> Noted:
        return Noted(outcome=self.outcome.currentText().strip(), notes=self.notes.toPlainText().strip())

    @override
    def start(self) -> None:
        """Take the words and open beside the work."""
        self._kit.on_words(self.retranslate)
        self._put(self._written)
        self.fit()
        self.show()
        self._kit.work.run(
            self._kit.intents.session_notes(self.session_id),
            name=f"session_notes {self.session_id}",
            on_done=self.while_here(self._told),
            on_error=lambda _: None,  # whatever is kept, saving replaces nothing that was not shown
        )

    def save(self) -> None:
        """Have the relay keep what is written; the dialog stays when it does not."""
        if not self._save.isEnabled():
            return
        sent = self._typed
        self._problem.setText("")
        self._kit.work.run(
            self._kit.intents.note_session(self.session_id, sent.outcome, sent.notes, self._written),
            name=f"note_session {self.session_id}",
            on_done=self.while_here(lambda _: self._done(sent)),
            on_error=self.while_here(lambda error: self._refused(error, sent)),
            busy=self._save,
        )

    def _told(self, kept: Noted) -> None:
        """What is kept now, unless the rep has begun to write: then saving finds it."""
        if not self.begun:
            self._written = kept
            self._put(kept)

    def _put(self, noted: Noted) -> None:
        self.outcome.setEditText(noted.outcome)
        self.notes.setPlainText(noted.notes)

    def _done(self, sent: Noted) -> None:
        self._written = sent
        self.saved.emit(self.session_id, sent.outcome, sent.notes)
        if self.begun:  # typed while that was on its way
            self._count()
        else:
            self.accept()

    def _refused(self, error: SupportManagerError, sent: Noted) -> None:
        if error.code != ErrorCode.NOTES_CHANGED:
            # The relay may have them all the same: a connection can break between its write and its answer.
            self._unsure = sent
            self._fail(error)
            return
        self._kit.work.run(
            self._kit.intents.session_notes(self.session_id),
            name=f"session_notes {self.session_id}",
            on_done=self.while_here(lambda kept: self._changed(kept, error)),
            on_error=self.while_here(self._fail),
            busy=self._save,
        )

    def _fail(self, error: SupportManagerError) -> None:
        self._count()
        if self._save.isEnabled():
            self._problem.setText(self._kit.work.sentence(error))

    def _changed(self, kept: Noted, error: SupportManagerError) -> None:
        if kept == self._unsure:
            self._written = kept
            self._count()
            self.save()
        else:
            self._put_both(kept, error)

    def _put_both(self, kept: Noted, error: SupportManagerError) -> None:
        """What somebody else has written meanwhile above what is typed here: the rep decides what stays."""
        typed, self._written = self._typed, kept
        outcomes = (kept.outcome,) if typed.outcome not in ("", kept.outcome) else ()
        parts = dict.fromkeys(part for part in (*outcomes, kept.notes, typed.notes) if part)
        self._put(Noted(outcome=typed.outcome or kept.outcome, notes="\n\n".join(parts)))
        self._fail(error)
        self.fit()

    def _count(self) -> None:
        over = len(unicodedata.normalize("NFC", self.notes.toPlainText().strip())) - limits.NOTES_CHARS
        self._problem.setText(self._kit.say("chat.too_long", count=over) if over > 0 else "")
        set_kind(self.notes, "wrong", over > 0)
        is_saving = self._save.property("busy") is True
        self._save.setEnabled(over <= 0 and not is_saving)
        # Return saves only what was written: one too many, pressed to end the session, must not answer the question.
        self._save.setDefault(self.begun)

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
