"""The Invite panel: brings a customer or a colleague into a session by e-mail, link or phone (B-4.1 to B-4.6)."""

import shiboken6
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
from support_manager.events import MailChanged
from support_manager.intents import Invitation
from support_manager.invitations import check_address
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import Connection, Delivery
from ui.models.sessions import SessionEntry
from ui.widgets.clipboard import copy_text
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_5, Kit, button, label, set_kind
from ui.widgets.number_label import CopyButton, NumberLabel
from ui.widgets.plain import isolated, one_line
from ui.work import Tone

_OWN_PROGRAM = "change_settings:mail"
"""The name of the work that keeps the box's setting."""
_MAILING = "mail_invitation"
"""The name of the work that hands a message to the relay."""


def delivery_words(kit: Kit, news: MailChanged, address: str) -> str:
    """What became of a message that the relay sends: sending, sent, or the server's own error (B-4.4).

    Args:
        kit: gives the words.
        news: the latest of it; the server's words in it are a stranger's text.
        address: to which it goes.
    """
    if news.state is not Delivery.FAILED:
        return kit.say(f"invite.delivery.{news.state.value}", address=isolated(address))
    why = kit.work.sentence(SupportManagerError(news.code or ErrorCode.MAIL_FAILED))
    detail = one_line(news.detail, 300)
    words = kit.say("invite.delivery.failed", address=isolated(address), why=why)
    return f"{words}\n{kit.say('invite.delivery.detail', detail=isolated(detail))}" if detail else words


def open_mail_program(mailto: str) -> bool:
    """Have the rep's mail program open a new message; whether the desktop took the request."""
    return QDesktopServices.openUrl(QUrl(mailto, QUrl.ParsingMode.StrictMode))


class InvitePanel(QWidget):
    """The same panel wherever Invite is chosen; lives in the window's sheet.

    Signals:
        mailed: the relay has taken a message; the arguments are its request's id and the address.
    """

    mailed = Signal(str, str)

    def __init__(self, kit: Kit, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self._why = ""
        self._link_key = "invite.show_text"
        self._mail: tuple[str, str] | None = None  # the last message that the relay sends: its request's id and address
        self._news: MailChanged | None = None
        self._handed_over = ""  # what stood in the address field when its message was taken
        self._awaits = not self._customer_is_here()
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
        self._delivery = label("inviteDelivery", "body", wrap=True, selectable=True)
        self._delivery.hide()
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(self.address, 1)
        row.addWidget(self._ok)
        column.addWidget(self._mail_title)
        column.addLayout(row)
        column.addWidget(self._problem)
        column.addWidget(self._delivery)
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

    def is_done(self, entry: SessionEntry) -> bool:
        """Whether the panel has nothing left to do, now that `entry` changed.

        So it is when its session has ended, and when the first customer comes in and nothing is under way here. Whoever
        opened it beside a customer, or was still busy with it when he came, closes it himself.
        """
        if entry.id != self._entry.id:
            return False
        if entry.ended is not None:
            return True
        came = self._awaits and self._customer_is_here()
        self._awaits = self._awaits and not came
        return came and not self._under_way()

    def _customer_is_here(self) -> bool:
        """Whether a customer is in; who closed the page is invited again."""
        return any(one.connection is not Connection.CLOSED_PAGE for one in self._entry.snapshot.customers)

    def _under_way(self) -> bool:
        """Whether a colleague is being invited, an address waits for OK, or the relay has not sent a message (yet)."""
        typed = self.address.text()
        on_its_way = self._kit.work.running(_MAILING)
        unsent = self._mail is not None and (self._news is None or self._news.state is not Delivery.SENT)
        unsaid = bool(typed.strip()) and typed != self._handed_over
        return self.rep.isChecked() or unsaid or on_its_way or unsent

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
            self._send_by_relay()
        elif open_mail_program(invitation.mailto):
            self._handed_over = self.address.text()
            self._offer_link("invite.show_text")
            self._kit.work.tell(self._kit.say("invite.opened"), Tone.GOOD)
            if not self._kit.intents.settings.own_mail_chosen:
                self._kit.work.run(self._kit.intents.change_settings(own_mail_chosen=True), name=_OWN_PROGRAM)
        else:
            self._offer_text("invite.no_program")

    def _send_by_relay(self) -> None:
        address = check_address(self.address.text())
        intents, language = self._kit.intents, self._kit.translator.language
        act = intents.mail_invitation(self._entry.id, address, language, to_rep=self.rep.isChecked())
        self._fallback.hide()
        self._show_text.hide()
        self._mail = self._news = None
        self._handed_over = self.address.text()
        self._kit.work.run(
            act,
            name=_MAILING,
            on_done=lambda request_id: self._on_its_way(request_id, address),
            on_error=self._not_taken,
            busy=self._ok,
        )

    def _on_its_way(self, request_id: str, address: str) -> None:
        self.mailed.emit(request_id, address)
        if shiboken6.isValid(self):
            self._mail = (request_id, address)
            if self._news is None or self._news.request_id != request_id:
                self._news = MailChanged(self._entry.id, request_id, Delivery.SENDING)
            self._show_delivery()

    def _not_taken(self, error: SupportManagerError) -> None:
        """The relay did not take it: said in the panel while it is there."""
        if not shiboken6.isValid(self):
            self._kit.work.tell_error(error)
            return
        self._handed_over = ""
        self._complain(self._kit.work.sentence(error))
        self._offer_link("invite.show_text.relay")

    def take_mail(self, news: MailChanged) -> bool:
        """Show what became of a message; False when it is not the one that this panel sent last."""
        if self._mail is None or self._mail[0] != news.request_id:
            self._news = news  # it may be about the one whose id is still on its way
            return False
        self._news = news
        self._show_delivery()
        return True

    def _show_delivery(self) -> None:
        news = self._news
        self._delivery.setVisible(self._mail is not None and news is not None)
        if self._mail is None or news is None:
            return
        self._delivery.setText(delivery_words(self._kit, news, self._mail[1]))
        kinds = {Delivery.SENDING: "muted", Delivery.SENT: "positive", Delivery.FAILED: "error"}
        set_kind(self._delivery, "kind", kinds[news.state])
        if news.state is Delivery.FAILED:
            self._handed_over = ""
            self._offer_link("invite.show_text.relay")

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
        self._show_text.setText(say(self._link_key))
        self.text.setAccessibleName(say("invite.text"))
        self._link_title.setText(say("invite.link"))
        self._phone_title.setText(say("invite.phone"))
        if self._why:
            self._fallback_why.setText(say(self._why))
        self._complain("")
        self._show_delivery()
        self._show_invitation()

    def _choice_changed(self) -> None:
        self._fallback.hide()
        self._show_text.hide()
        self._delivery.hide()
        self._mail = None
        self._handed_over = ""
        self._why = ""
        self._complain("")
        self._show_invitation()

    def _invitation(self, address: str = "") -> Invitation:
        to_rep = self.rep.isChecked()
        return self._kit.intents.invitation(self._entry.id, self._kit.translator.language, address, to_rep=to_rep)

    def _show_invitation(self) -> None:
        try:
            found = self._invitation()
        except SupportManagerError as error:
            self._complain(self._kit.work.sentence(error))
            return
        self._link.setText(found.link)
        self._copy_link.set_text_to_copy(found.link)
        customer = self.customer.isChecked()  # a colleague types the number; his link opens in the app alone
        self._link_row.setVisible(customer)
        self._link_title.setText(self._kit.say("invite.link" if customer else "invite.message"))
        self._message.setText(" ".join(found.instant_message.split()))
        self._copy_message.set_text_to_copy(found.instant_message)
        self._phone.setText(found.phone)
        self.text.setPlainText(f"{found.subject}\n\n{found.text}")

    def _offer_link(self, key: str) -> None:
        """Offer the text, one click away."""
        self._link_key = key
        self._show_text.setText(self._kit.say(key))
        self._show_text.show()

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
