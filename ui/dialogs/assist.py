"""Assist Session: a rep types a colleague's session number and comes in as an assistant (B-8.1, B-8.2)."""

import re

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLineEdit, QWidget
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.events import SessionSnapshot
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit, label, set_kind
from ui.widgets.plain import number_in_threes

_OWN_WORDS = {
    ErrorCode.WRONG_NUMBER: "assist.wrong_number",
    ErrorCode.SESSION_ENDED: "assist.ended",
    ErrorCode.NO_PRIVILEGE: "assist.no_privilege",
    ErrorCode.SESSION_LOCKED: "assist.locked",
}
"""A rep is signed in, so he may know which of these it is (B-8.2)."""


class AssistDialog(Dialog):
    """The number, Join, and what was wrong with it.

    Args:
        kit: what every widget is handed.
        number: nine digits that a link brought along, or nothing; it is filled in and waits for Join (B-2.2).
        parent: the window.

    Signals:
        inside: the rep is in; the argument is the session's id.
    """

    inside = Signal(str)

    def __init__(self, kit: Kit, number: str = "", parent: QWidget | None = None) -> None:
        super().__init__(kit, "assist_dialog", parent)
        self._code: ErrorCode | None = None
        self._text = self.add_text("text", "muted")
        self._label = label("assist_dialog_number_label", "secondary")
        self.number = QLineEdit()
        self.number.setObjectName("assist_dialog_number")
        self.number.setMaxLength(24)
        self.number.setStyleSheet(f"font-size: {kit.theme.size('title')}px; min-height: 38px;")
        self._label.setBuddy(self.number)
        self.body.addWidget(self._label)
        self.body.addWidget(self.number)
        self._problem = self.add_text("problem", "error")
        self._problem.setMinimumHeight(34)  # two lines are reserved, so that nothing jumps
        self._cancel = self.add_button("cancel", "quiet")
        self.join = self.add_button("join", "primary", default=True)
        self._cancel.clicked.connect(self.reject)
        self.join.clicked.connect(self._join)
        self.number.textEdited.connect(self._edited)
        self.number.returnPressed.connect(self._join)
        self.fill(number)

    def fill(self, number: str) -> None:
        """Fill a number in; nothing happens before Join."""
        if number:
            self.number.setText(number_in_threes(_digits(number)).replace("\u00a0", " "))
        self._edited()
        (self.join if self.join.isEnabled() else self.number).setFocus()

    def _edited(self) -> None:
        self._complain(None)
        self.join.setEnabled(len(_digits(self.number.text())) == limits.SESSION_NUMBER_DIGITS)

    def _join(self) -> None:
        number = _digits(self.number.text())
        if len(number) != limits.SESSION_NUMBER_DIGITS or self._kit.work.running("assist"):
            return
        known = next((one for one in self._kit.intents.sessions.values() if one.view.number == number), None)
        if known is not None:
            self._inside(known)
            return
        self._complain(None)
        act = self._kit.intents.assist(number)
        on_done, on_error = self.while_here(self._inside), self.while_here(self._refused)
        self._kit.work.run(act, name="assist", on_done=on_done, on_error=on_error, busy=self.join)

    def _inside(self, session: SessionSnapshot) -> None:
        self.accept()
        self.inside.emit(session.id)

    def _refused(self, error: SupportManagerError) -> None:
        words = _OWN_WORDS.get(error.code) if isinstance(error.code, ErrorCode) else None
        self._complain(self.t(words) if words is not None else self._kit.work.sentence(error))
        self.number.setFocus()
        self.number.selectAll()

    def _complain(self, words: str | None) -> None:
        self._problem.setText(words or "")
        set_kind(self.number, "wrong", bool(words))

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("assist.title"))
        self.heading.setText(self.t("assist.title"))
        self._text.setText(self.t("assist.text"))
        self._label.setText(self.t("assist.number"))
        self.number.setAccessibleName(self.t("assist.number"))
        self.number.setPlaceholderText("000 000 000")
        self._cancel.setText(self.t("assist.cancel"))
        self.join.setText(self.t("assist.join"))


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)
