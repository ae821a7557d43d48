"""The Invite panel: brings a customer or a colleague into a session by e-mail, link or phone (B-4.1 to B-4.6)."""

from PySide6.QtCore import QSignalBlocker, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import (
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QLineEdit,
    QPlainTextEdit,
    QPushButton,
    QVBoxLayout,
    QWidget,
)

from support_manager.errors import SupportManagerError
from support_manager.intents import Invitation
from support_manager.invitations import check_address, mailto
from ui.models.sessions import SessionEntry
from ui.widgets.clipboard import copy_text
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_5, Kit, button, label, set_kind
from ui.widgets.number_label import CopyButton, NumberLabel
from ui.widgets.plain import number_in_threes
from ui.work import Tone

_OWN_PROGRAM = "change_settings:mail"
"""The name of the work that keeps the box's setting."""


def open_mail_program(mailto: str) -> bool:
    """Have the rep's mail program open a new message; whether the desktop took the request."""
    return QDesktopServices.openUrl(QUrl(mailto, QUrl.ParsingMode.StrictMode))


class InvitePanel(QWidget):
    """The same panel wherever Invite is chosen; lives in the window's sheet."""

    done = Signal()

    def __init__(self, kit: Kit, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self._why = ""
        self.setObjectName("invitePanel")
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_5, SPACE_1, SPACE_5, SPACE_3)
        column.setSpacing(SPACE_2)
        column.addLayout(self._make_choice())
        column.addSpacing(SPACE_1)
        self._make_mail(column)
        self._make_text(column)
        self._make_rest(column)
        kit.on_words(self.retranslate)

    def _make_choice(self) -> QHBoxLayout:
        self.customer = button("inviteCustomer")
        self.rep = button("inviteRep")
        self._choice = QButtonGroup(self)
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        for made in (self.customer, self.rep):
            made.setCheckable(True)
            self._choice.addButton(made)
            row.addWidget(made, 1)
        self.customer.setChecked(True)
        self._choice.buttonClicked.connect(self._choice_changed)
        return row

    def _make_mail(self, column: QVBoxLayout) -> None:
        self._mail_title = label("inviteMailTitle", "caption")
        self.address = QLineEdit()
        self.address.setObjectName("inviteAddress")
        self.address.setMaxLength(254)
        self.address.textEdited.connect(lambda: self._complain(""))
        self.address.returnPressed.connect(self.send)
        self._ok: QPushButton = button("inviteOk", "primary")
        self._ok.clicked.connect(self.send)
        self._problem = label("inviteProblem", "error", wrap=True)
        self._problem.setMinimumHeight(18)
        self.own_program = QCheckBox()
        self.own_program.setObjectName("inviteOwnProgram")
        self.own_program.setChecked(self._kit.intents.settings.own_mail_program)
        self.own_program.toggled.connect(self._remember_program)
        self._kit.work.running_changed.connect(self._follow_setting)
        self._reasons = label("inviteReasons", "secondary", wrap=True)
        self._reasons.setContentsMargins(24, 0, 0, 0)
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(self.address, 1)
        row.addWidget(self._ok)
        column.addWidget(self._mail_title)
        column.addLayout(row)
        column.addWidget(self._problem)
        column.addWidget(self.own_program)
        column.addWidget(self._reasons)

    def _make_text(self, column: QVBoxLayout) -> None:
        """The text with a copy button, where no mail program can take it."""
        self._fallback = QFrame()
        self._fallback.setObjectName("inviteFallback")
        self._fallback.setProperty("kind", "notice")
        self._fallback_why = label("inviteFallbackWhy", wrap=True)
        self.text = QPlainTextEdit()
        self.text.setObjectName("inviteText")
        self.text.setReadOnly(True)
        self.text.setTabChangesFocus(True)
        self.text.setFixedHeight(148)
        self._copy_text = button("inviteCopyText", "primary")
        self._copy_text.clicked.connect(self._copy_whole_text)
        inner = QVBoxLayout(self._fallback)
        inner.setContentsMargins(SPACE_3, SPACE_3, SPACE_3, SPACE_3)
        inner.setSpacing(SPACE_2)
        inner.addWidget(self._fallback_why)
        inner.addWidget(self.text)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(self._copy_text)
        inner.addLayout(row)
        self._show_text = button("inviteShowText", "link")
        self._show_text.clicked.connect(lambda: self._offer_text("invite.not_opened"))
        self._show_text.hide()
        self._fallback.hide()
        column.addWidget(self._show_text)
        column.addWidget(self._fallback)

    def _make_rest(self, column: QVBoxLayout) -> None:
        self._link_title = label("inviteLinkTitle", "caption")
        self._link = ElidedLabel("inviteLink")
        self._copy_link = CopyButton(self._kit, "inviteCopyLink", "copy.link")
        self._message = ElidedLabel("inviteMessage")
        self._copy_message = CopyButton(self._kit, "inviteCopyMessage", "copy.message")
        self._phone_title = label("invitePhoneTitle", "caption")
        self._number = NumberLabel(self._kit, "inviteNumber", large=True)
        self._number.set_number(self._entry.snapshot.view.number)
        self._phone = label("invitePhone", wrap=True, selectable=True)
        column.addSpacing(SPACE_3)
        column.addWidget(self._link_title)
        self._link_row = self._copied(self._link, self._copy_link)
        column.addWidget(self._link_row)
        column.addWidget(self._copied(self._message, self._copy_message))
        column.addSpacing(SPACE_3)
        column.addWidget(self._phone_title)
        number = QHBoxLayout()
        number.addWidget(self._number)
        number.addStretch(1)
        column.addLayout(number)
        column.addWidget(self._phone)
        column.addStretch(1)

    @staticmethod
    def _copied(words: ElidedLabel, copy: CopyButton) -> QWidget:
        holder = QWidget()
        row = QHBoxLayout(holder)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(SPACE_2)
        row.addWidget(words, 1)
        row.addWidget(copy)
        return holder

    def take_focus(self) -> None:
        """Put the cursor into the address field (B-3.2)."""
        self.address.setFocus()

    def send(self) -> None:
        """Do what OK does: check the address, then hand the message over (B-4.2 to B-4.6)."""
        try:
            invitation = self._invitation(check_address(self.address.text()))
        except SupportManagerError as error:
            self._complain(self._kit.work.sentence(error))
            self.address.setFocus()
            return
        self._complain("")
        if not self.own_program.isChecked():
            self._offer_text("invite.no_server_mail")
        elif open_mail_program(invitation.mailto):
            self._show_text.show()
            self._kit.work.tell(self._kit.say("invite.opened"), Tone.GOOD)
            if not self._kit.intents.settings.own_mail_chosen:
                self._kit.work.run(self._kit.intents.change_settings(own_mail_chosen=True), name=_OWN_PROGRAM)
        else:
            self._offer_text("invite.no_program")

    def offer_text(self) -> None:
        """Show the text to copy, because no mail program could be opened (B-4.3)."""
        self._offer_text("invite.no_program")

    def retranslate(self) -> None:
        """Take the words of the present language; the invitation is made anew in it."""
        say = self._kit.say
        self.setAccessibleName(say("invite.title"))
        self.customer.setText(say("invite.customer"))
        self.rep.setText(say("invite.rep"))
        self._mail_title.setText(say("invite.mail"))
        self.address.setPlaceholderText(say("invite.address.hint"))
        self.address.setAccessibleName(say("invite.address"))
        self._ok.setText(say("invite.ok"))
        self.own_program.setText(say("invite.own_program"))
        self._reasons.setText(say("invite.reasons"))
        self._copy_text.setText(say("invite.copy_text"))
        self._show_text.setText(say("invite.show_text"))
        self.text.setAccessibleName(say("invite.text"))
        self._link_title.setText(say("invite.link"))
        self._phone_title.setText(say("invite.phone"))
        if self._why:
            self._fallback_why.setText(say(self._why))
        self._complain("")
        self._show_invitation()

    def _choice_changed(self) -> None:
        self._fallback.hide()
        self._show_text.hide()
        self._why = ""
        self._complain("")
        self._show_invitation()

    def _invitation(self, address: str = "") -> Invitation:
        if self.customer.isChecked():
            return self._kit.intents.invitation(self._entry.id, self._kit.translator.language, address)
        return self._rep_invitation(address)

    def _rep_invitation(self, address: str) -> Invitation:
        """A colleague gets the number and the way to Assist Session, never the customer's link (B-4.6)."""
        say = self._kit.say
        number = number_in_threes(self._entry.snapshot.view.number).replace("\u00a0", " ")
        places = {"number": number, "relay": self._kit.intents.relay_url}
        subject, text = say("invite.rep.subject", **places), say("invite.rep.text", **places)
        return Invitation(
            subject=subject,
            text=text,
            mailto=mailto(subject, text, address),
            instant_message=say("invite.rep.message", **places),
            link="",
            number=number,
            phone=say("invite.rep.phone", **places),
        )

    def _show_invitation(self) -> None:
        try:
            found = self._invitation()
        except SupportManagerError as error:
            self._complain(self._kit.work.sentence(error))
            return
        self._link.setText(found.link)
        self._copy_link.set_text_to_copy(found.link)
        self._link_row.setVisible(bool(found.link))
        self._link_title.setText(self._kit.say("invite.link" if found.link else "invite.message"))
        self._message.setText(" ".join(found.instant_message.split()))
        self._copy_message.set_text_to_copy(found.instant_message)
        self._phone.setText(found.phone)
        self.text.setPlainText(f"{found.subject}\n\n{found.text}")

    def _offer_text(self, why: str) -> None:
        self._why = why
        self._show_text.hide()
        self._fallback_why.setText(self._kit.say(why))
        self._fallback.show()
        self._copy_text.setFocus()

    def _copy_whole_text(self) -> None:
        copy_text(self._invitation().text)
        self._kit.work.tell(self._kit.say("copy.done"), Tone.GOOD)

    def _complain(self, words: str) -> None:
        self._problem.setText(words)
        set_kind(self.address, "wrong", bool(words))

    def _follow_setting(self) -> None:
        """The preferences may change what the box says, too; not while our own change is on its way."""
        if not self._kit.work.running(_OWN_PROGRAM):
            with QSignalBlocker(self.own_program):
                self.own_program.setChecked(self._kit.intents.settings.own_mail_program)

    def _remember_program(self, own: bool) -> None:
        self._kit.work.run(self._kit.intents.change_settings(own_mail_program=own), name=_OWN_PROGRAM)
