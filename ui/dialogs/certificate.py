"""Shows the fingerprint of a certificate that is not trusted, in groups to compare, and lets it be accepted once."""

from collections.abc import Callable
from urllib.parse import urlsplit

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontDatabase
from PySide6.QtWidgets import QCheckBox, QFrame, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.errors import AppCode, SupportManagerError
from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, SPACE_3, Kit, label
from ui.widgets.plain import one_line

_GROUP, _GROUPS_A_LINE = 4, 4


def grouped(fingerprint: str) -> str:
    """A fingerprint in groups of four hexadecimal digits, four groups to a line, as people compare them."""
    digits = "".join(char for char in fingerprint if char.isalnum()).upper()
    groups = [digits[at : at + _GROUP] for at in range(0, len(digits), _GROUP)]
    lines = [groups[at : at + _GROUPS_A_LINE] for at in range(0, len(groups), _GROUPS_A_LINE)]
    return "\n".join("   ".join(line) for line in lines)


class CertificateDialog(Dialog):
    """Whether to trust exactly this certificate for that relay from now on.

    Args:
        kit: what every widget is handed.
        host: the relay as the rep typed it or the error named it.
        fingerprint: SHA-256, hexadecimal.
        changed: whether another one was accepted before: the more dangerous case, and no default button then.
        parent: the window.

    Signals:
        accepted_once: the rep compared and trusts it.
    """

    accepted_once = Signal()

    def __init__(
        self, kit: Kit, host: str, fingerprint: str, *, changed: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(kit, "certificate_dialog", parent)
        self._host, self._changed = one_line(host), changed
        self._text = self.add_text("text", "warning" if changed else "muted")
        card = QFrame()
        card.setProperty("kind", "card")
        inside = QVBoxLayout(card)
        inside.setContentsMargins(SPACE_3, SPACE_3, SPACE_3, SPACE_3)
        inside.setSpacing(SPACE_1)
        self._caption = label("certificate_dialog_caption", "caption")
        self._digits = label("certificate_dialog_fingerprint", "digits", selectable=True)
        font = QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont)
        font.setPixelSize(kit.theme.size("title"))
        self._digits.setFont(font)
        self._digits.setText(grouped(fingerprint))
        self._digits.setAlignment(Qt.AlignmentFlag.AlignHCenter)
        inside.addWidget(self._caption)
        inside.addWidget(self._digits)
        self.body.addWidget(card)
        self._advice = self.add_text("advice", "secondary")
        self._compared = QCheckBox()
        self._compared.setObjectName("certificate_dialog_compared")
        self.body.addWidget(self._compared)
        self._cancel = self.add_button("cancel", "secondary", default=True)
        self._accept = self.add_button("accept", "danger" if changed else "primary")
        self._accept.setEnabled(False)
        self._compared.toggled.connect(self._accept.setEnabled)
        self._cancel.clicked.connect(self.reject)
        self._accept.clicked.connect(self._on_accept)
        self._compared.setFocus()

    def _on_accept(self) -> None:
        self.accept()
        self.accepted_once.emit()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("certificate.title"))
        self.heading.setText(self.t("certificate.title"))
        self._text.setText(self.t("certificate.changed" if self._changed else "certificate.unknown", host=self._host))
        self._caption.setText(self.t("certificate.fingerprint"))
        self._digits.setAccessibleName(self.t("certificate.fingerprint"))
        self._advice.setText(self.t("certificate.advice"))
        self._compared.setText(self.t("certificate.compared"))
        self._cancel.setText(self.t("certificate.cancel"))
        self._accept.setText(self.t("certificate.accept"))


def open_question(window: QWidget) -> CertificateDialog | None:
    """The question about a certificate that is before the rep's eyes in that window."""
    return next((each for each in window.findChildren(CertificateDialog) if each.isVisible()), None)


def ask_certificate(
    kit: Kit, window: QWidget, relay: str, problem: SupportManagerError, accepted: Callable[[str], object]
) -> None:
    """Ask about the certificate that was seen; one question at a time, whoever asks.

    Args:
        kit: what every widget is handed.
        window: in which it is asked.
        relay: its address, as typed or as used.
        problem: carries the fingerprint.
        accepted: called with the fingerprint once the rep trusts it.
    """
    asked = open_question(window)
    if asked is not None:
        asked.raise_()
        return
    fingerprint = problem.params["fingerprint"]
    host = problem.params.get("host") or urlsplit(relay).netloc or relay
    is_another = problem.code is AppCode.CERTIFICATE_CHANGED
    dialog = CertificateDialog(kit, host, fingerprint, changed=is_another, parent=window)
    dialog.accepted_once.connect(lambda: accepted(fingerprint))
    dialog.start()
