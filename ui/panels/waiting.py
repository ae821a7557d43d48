"""Waiting for the customer: the number in large figures, the link, a ready-made message, what to say on the phone."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QHBoxLayout, QVBoxLayout

from support_manager.errors import SupportManagerError
from support_manager.intents import Invitation
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_2, SPACE_3, SPACE_4, Desk, bind, button, label
from ui.widgets.number_label import CopyButton, NumberLabel
from ui.widgets.state_message import StateMessage


class WaitingPage(StateMessage):
    """All that brings the customer in, on one card."""

    def __init__(self, kit: Desk, session_id: str) -> None:
        super().__init__(kit, "waitingPage", "clock")
        self._session_id = session_id
        self.number = NumberLabel(kit, "waitingNumber", large=True)
        self._link = ElidedLabel("waitingLink", "muted", Qt.TextElideMode.ElideMiddle)
        self._copy_link = CopyButton(kit, "waitingCopyLink", "copy.link")
        self._message = ElidedLabel("waitingMessage", "muted")
        self._copy_message = CopyButton(kit, "waitingCopyMessage", "copy.message")
        self._phone_title = label("waitingPhoneTitle", "caption")
        self._phone = label("waitingPhone", wrap=True, selectable=True)
        card = QFrame()
        card.setProperty("kind", "card")
        column = QVBoxLayout(card)
        column.setContentsMargins(SPACE_4, SPACE_3, SPACE_4, SPACE_4)
        column.setSpacing(SPACE_2)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self.number)
        row.addStretch(1)
        column.addLayout(row)
        column.addLayout(self._copied(self._link, self._copy_link))
        column.addLayout(self._copied(self._message, self._copy_message))
        column.addSpacing(SPACE_2)
        column.addWidget(self._phone_title)
        column.addWidget(self._phone)
        self.extra.addSpacing(SPACE_2)
        self.extra.addWidget(card)
        self._invite = self.add_button(button("waitingInvite", "primary"))
        bind(self._invite, kit.actions.invite, icon=False)
        kit.on_words(self.retranslate)

    @staticmethod
    def _copied(words: ElidedLabel, copy: CopyButton) -> QHBoxLayout:
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(words, 1)
        row.addWidget(copy)
        return row

    def set_number(self, number: str) -> None:
        """Show the session's number."""
        self.number.set_number(number)
        self.retranslate()

    def take_focus(self) -> None:
        """Put the focus on what the rep needs next: Invite."""
        self._invite.setFocus()

    def retranslate(self) -> None:
        """Take the words of the present language; the invitation is made anew in it."""
        say = self._kit.say
        self.set_words(say("waiting.title"), say("waiting.text"))
        self._phone_title.setText(say("waiting.phone"))
        found = self._invitation()
        if found is not None:
            self._link.setText(found.link)
            self._copy_link.set_text_to_copy(found.link)
            self._message.setText(" ".join(found.instant_message.split()))
            self._copy_message.set_text_to_copy(found.instant_message)
            self._phone.setText(found.phone)

    def _invitation(self) -> Invitation | None:
        try:
            return self._kit.intents.invitation(self._session_id, self._kit.translator.language)
        except SupportManagerError:
            return None  # the session is gone; another page takes this one's place
