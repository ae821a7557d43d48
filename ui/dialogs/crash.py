"""Tells once, calmly, that something unexpected happened and where its report is."""

from pathlib import Path

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget
from typing_extensions import override

from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit


class CrashDialog(Dialog):
    """What happened, that the work goes on, and the report.

    Args:
        kit: what every widget is handed.
        report: its path; empty when it could not be saved.
        parent: the window.
    """

    def __init__(self, kit: Kit, report: str, parent: QWidget | None = None) -> None:
        super().__init__(kit, "crash_dialog", parent)
        self._report = report
        self.setModal(False)
        self._text = self.add_text("text")
        self._where = self.add_text("where", "muted", selectable=True)
        self._folder = self.add_button("folder", "quiet")
        self._folder.setVisible(bool(report))
        self._close = self.add_button("close", "primary", default=True)
        self._folder.clicked.connect(self._show_folder)
        self._close.clicked.connect(self.accept)

    def _show_folder(self) -> None:
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(self._report).parent)))

    @override
    def start(self) -> None:
        """Show it beside the work, not over it."""
        self._kit.on_words(self.retranslate)
        self.fit()
        self.show()

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        self.setWindowTitle(self.t("crash.title"))
        self.heading.setText(self.t("crash.title"))
        self._text.setText(self.t("crash.text"))
        self._where.setText(self.t("crash.saved", path=self._report) if self._report else self.t("crash.not_saved"))
        self._folder.setText(self.t("crash.folder"))
        self._close.setText(self.t("crash.close"))
