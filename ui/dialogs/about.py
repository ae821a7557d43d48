"""Says what this program is, its version, its licence and whose work it stands on."""

import platform
from importlib.metadata import PackageNotFoundError, version

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from resources import text
from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, SPACE_4, Kit, label

PARTS = (
    ("PySide6-Essentials", "Qt for Python", "LGPL-3.0"),
    ("aiortc", "aiortc", "BSD-3-Clause"),
    ("av", "PyAV, FFmpeg, x264", "BSD-3-Clause, GPL-2.0-or-later"),
    ("python-socketio", "python-socketio", "MIT"),
    ("aiohttp", "aiohttp", "Apache-2.0"),
    ("qasync", "qasync", "BSD-2-Clause"),
    ("msgspec", "msgspec", "BSD-3-Clause"),
    ("keyring", "keyring", "MIT"),
    ("cryptography", "cryptography, OpenSSL", "Apache-2.0 OR BSD-3-Clause"),
)
"""Distribution, the name people know, licence (SPDX)."""


def own_version() -> str:
    """The version of this program; empty when it runs from its sources uninstalled."""
    try:
        return version("support-manager")
    except PackageNotFoundError:
        return ""


class AboutDialog(Dialog):
    """Version and licences.

    Args:
        kit: what every widget is handed.
        parent: the window.
    """

    def __init__(self, kit: Kit, parent: QWidget | None = None) -> None:
        super().__init__(kit, "about_dialog", parent)
        head = QHBoxLayout()
        head.setSpacing(SPACE_4)
        picture = QLabel()
        picture.setPixmap(kit.theme.app_icon().pixmap(QSize(56, 56)))
        words = QVBoxLayout()
        words.setSpacing(SPACE_1)
        self._version = label("about_dialog_version", "muted", selectable=True)
        self._purpose = label("about_dialog_purpose", wrap=True)
        words.addWidget(self._purpose)
        words.addWidget(self._version)
        head.addWidget(picture)
        head.addLayout(words, 1)
        self.body.addLayout(head)
        self._licence = self.add_text("licence", "muted")
        self._caption = self.add_text("parts_caption", "caption")
        self._parts = QPlainTextEdit()
        self._parts.setObjectName("about_dialog_parts")
        self._parts.setReadOnly(True)
        self._parts.setTabChangesFocus(True)
        self._parts.setPlainText(_parts())
        self._parts.setMinimumHeight(160)
        self.body.addWidget(self._parts)
        self._done = self.add_button("close", "secondary", default=True)
        self._done.clicked.connect(self.accept)

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("about.title"))
        self.heading.setText(self.t("app.name"))
        parts = [self.t("about.python", version=platform.python_version())]
        if found := own_version():
            parts.insert(0, self.t("about.version", version=found))
        self._version.setText(" · ".join(parts))
        self._purpose.setText(self.t("about.purpose"))
        self._licence.setText(self.t("about.licence"))
        self._caption.setText(self.t("about.parts"))
        self._parts.setAccessibleName(self.t("about.parts"))
        self._done.setText(self.t("about.close"))


def _parts() -> str:
    lines = []
    for package, name, licence in PARTS:
        try:
            lines.append(f"{name} {version(package)} ({licence})")
        except PackageNotFoundError:
            lines.append(f"{name} ({licence})")
    return "\n".join([*lines, "Lucide (ISC)", "", text("icons/LICENSE")])
