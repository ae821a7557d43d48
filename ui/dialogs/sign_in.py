"""The sign-in page: a calm card in the middle of the window; what goes wrong is said on it."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QCheckBox, QFrame, QHBoxLayout, QLabel, QLineEdit, QVBoxLayout, QWidget

from support_manager.errors import AppCode, CertificateProblem, SupportManagerError
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.limits import ACCOUNT_NAME_CHARS, PASSWORD_CHARS, URL_CHARS
from ui.dialogs.certificate import ask_certificate
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_4, SPACE_6, Kit, button, label, set_kind

_WIDTH = 400
_WHOSE_FAULT = {
    ErrorCode.WRONG_CREDENTIALS: "password",
    AppCode.BAD_ADDRESS: "relay",
    AppCode.NOT_A_RELAY: "relay",
    AppCode.RELAY_UNREACHABLE: "relay",
    AppCode.NO_TLS: "relay",
}
"""Which field to mend; it is marked and gets the cursor."""


class SignInPage(QWidget):
    """Relay address, name, password, stay signed in.

    Args:
        kit: what every widget is handed.
        relay_url: the relay to suggest; the one last used by default.
        parent: the window.
    """

    def __init__(self, kit: Kit, relay_url: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kit = kit
        self._error: SupportManagerError | None = None
        self._resuming = False
        self.setObjectName("sign_in_page")
        self.setProperty("kind", "page")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)

        picture = QLabel()
        picture.setPixmap(kit.theme.app_icon().pixmap(48, 48))
        picture.setFixedSize(48, 48)
        self._title = label("sign_in_title", "title")
        self._lead = label("sign_in_lead", "muted", wrap=True)
        self._trouble = QFrame()
        self._trouble.setObjectName("sign_in_trouble")
        self._trouble.setProperty("kind", "error")
        self._trouble_text = label("sign_in_error", "error", wrap=True, selectable=True)
        inside = QHBoxLayout(self._trouble)
        inside.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        inside.addWidget(self._trouble_text)
        self._trouble.hide()

        card = QFrame()
        card.setObjectName("sign_in_card")
        card.setProperty("kind", "card")
        card.setFixedWidth(_WIDTH)
        column = QVBoxLayout(card)
        column.setContentsMargins(SPACE_6, SPACE_6, SPACE_6, SPACE_6)
        column.setSpacing(SPACE_1)
        column.addWidget(picture)
        column.addSpacing(SPACE_3)
        column.addWidget(self._title)
        column.addWidget(self._lead)
        column.addSpacing(SPACE_3)
        column.addWidget(self._trouble)
        self._relay, self._relay_label = self._field(column, "relay", URL_CHARS)
        self._name, self._name_label = self._field(column, "name", ACCOUNT_NAME_CHARS)
        self._password, self._password_label = self._field(column, "password", PASSWORD_CHARS)
        self._password.setEchoMode(QLineEdit.EchoMode.Password)
        self._show = QAction(self)
        self._show.setObjectName("sign_in_show_password")
        self._show.setCheckable(True)
        self._show.setIcon(kit.theme.icon("eye", "text-muted", "accent"))
        self._show.toggled.connect(self._on_show)
        self._password.addAction(self._show, QLineEdit.ActionPosition.TrailingPosition)
        self._stay = QCheckBox()
        self._stay.setObjectName("sign_in_stay")
        column.addSpacing(SPACE_2)
        column.addWidget(self._stay)
        self._button = button("sign_in_button", "primary")
        self._button.setDefault(True)
        column.addSpacing(SPACE_4)
        column.addWidget(self._button)

        outer = QVBoxLayout(self)
        outer.addStretch(2)
        # A row of its own: an aligned widget would get the height of its unwrapped text, and be squeezed.
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(card)
        row.addStretch(1)
        outer.addLayout(row)
        outer.addStretch(3)

        settings = kit.intents.settings
        self._relay.setText(relay_url or settings.relay_url)
        self._name.setText(settings.account_name)
        self._stay.setChecked(settings.stay_signed_in)
        self._button.clicked.connect(self.submit)
        for field in self._fields:
            field.returnPressed.connect(self.submit)
            field.textEdited.connect(self._on_edited)
        kit.on_words(self.retranslate)

    @property
    def _fields(self) -> tuple[QLineEdit, QLineEdit, QLineEdit]:
        return self._relay, self._name, self._password

    def _field(self, column: QVBoxLayout, name: str, limit: int) -> tuple[QLineEdit, QLabel]:
        words = label(f"sign_in_{name}_label", "caption")
        made = QLineEdit()
        made.setObjectName(f"sign_in_{name}")
        made.setMaxLength(limit)
        words.setBuddy(made)
        column.addSpacing(SPACE_2)
        column.addWidget(words)
        column.addWidget(made)
        return made, words

    def take_cursor(self) -> None:
        """Put the cursor where something is missing."""
        missing = next((field for field in self._fields if not field.text()), self._password)
        missing.setFocus()

    def set_resuming(self, resuming: bool) -> None:
        """Say that a kept sign-in is being tried; meanwhile nothing is asked."""
        self._resuming = resuming
        self._set_busy(resuming)
        self.retranslate()

    def show_error(self, error: SupportManagerError | None) -> None:
        """Say what went wrong, on the card; None takes it away."""
        self._error = error
        wrong = _WHOSE_FAULT.get(error.code) if error is not None else None
        for field, name in zip(self._fields, ("relay", "name", "password"), strict=True):
            set_kind(field, "wrong", "true" if name == wrong else "false")
            if name == wrong:
                field.setFocus()
                field.selectAll()
        self._show_trouble(self._kit.work.sentence(error) if error is not None else "")

    def _show_trouble(self, words: str) -> None:
        self._trouble_text.setText(words)
        self._trouble.setVisible(bool(words))

    def submit_as(self, name: str, password: str) -> None:
        """Sign in with these; for automation."""
        self._name.setText(name)
        self._password.setText(password)
        self.submit()

    def submit(self) -> None:
        """Sign in with what is typed, or say what is missing."""
        if not self._button.isEnabled():
            return
        for field, name in zip(self._fields, ("relay", "name", "password"), strict=True):
            if not field.text().strip():
                self._error = None
                self._show_trouble(self._t(f"sign_in.missing_{name}"))
                field.setFocus()
                return
        self.show_error(None)
        self._set_busy(True)
        self.retranslate()
        self._kit.work.run(
            self._kit.intents.sign_in(
                self._relay.text().strip(),
                self._name.text().strip(),
                self._password.text(),
                stay=self._stay.isChecked(),
            ),
            name="sign_in",
            on_done=self._on_done,
            on_error=self._on_error,
        )

    def _on_done(self, _account: object) -> None:
        self._password.clear()
        self._show.setChecked(False)
        self._set_busy(False)
        self.retranslate()

    def _on_error(self, error: SupportManagerError) -> None:
        self._set_busy(False)
        self.retranslate()
        self.show_error(error)
        if isinstance(error, CertificateProblem) and error.params.get("fingerprint"):
            relay = self._relay.text().strip()
            ask_certificate(
                self._kit, self.window(), relay, error, lambda fingerprint: self._accept(relay, fingerprint)
            )

    def _accept(self, relay: str, fingerprint: str) -> None:
        self._kit.work.run(
            self._kit.intents.accept_certificate(relay, fingerprint),
            name="accept_certificate",
            on_done=lambda _: self.submit(),
            on_error=self.show_error,
        )

    def _set_busy(self, busy: bool) -> None:
        for widget in (*self._fields, self._stay, self._button):
            widget.setEnabled(not busy)
        self._busy = busy

    def _on_edited(self) -> None:
        if self._trouble.isVisible():
            self.show_error(None)

    def _on_show(self, shown: bool) -> None:
        self._password.setEchoMode(QLineEdit.EchoMode.Normal if shown else QLineEdit.EchoMode.Password)
        self.retranslate()

    def _t(self, key: str) -> str:
        return self._kit.translator.t("app", key)

    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self._title.setText(self._t("sign_in.title"))
        self._lead.setText(self._t("sign_in.resuming" if self._resuming else "sign_in.lead"))
        for field, words, name in (
            (self._relay, self._relay_label, "relay"),
            (self._name, self._name_label, "name"),
            (self._password, self._password_label, "password"),
        ):
            words.setText(self._t(f"sign_in.{name}"))
            field.setAccessibleName(words.text())
        self._relay.setPlaceholderText(self._t("sign_in.relay.hint"))
        self._show.setText(self._t("sign_in.hide_password" if self._show.isChecked() else "sign_in.show_password"))
        self._show.setToolTip(self._show.text())
        self._stay.setText(self._t("sign_in.stay"))
        self._button.setText(self._t("sign_in.button" if self._button.isEnabled() else "sign_in.busy"))
        if self._error is not None:
            self._trouble_text.setText(self._kit.work.sentence(self._error))
