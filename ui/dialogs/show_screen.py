"""The picker: which screen or window to show, with small pictures of them, and who will see it (B-7.2)."""

import asyncio
from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, QTimer, Signal
from PySide6.QtGui import QIcon, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QListView, QListWidget, QListWidgetItem, QWidget
from typing_extensions import override

from support_manager.media.screens import Shareable
from support_manager.protocol.activities import Source
from ui.devices.screens import Screens
from ui.dialogs.base import Dialog
from ui.widgets.kit import Kit
from ui.widgets.plain import one_line

PICTURE = QSize(176, 110)
_CELL = QSize(196, 158)
_AGAIN_MS = 2_000
_TITLE_CHARS = 60


class ShowScreenDialog(Dialog):
    """Lists screens and windows; kept up to date while it is open.

    Args:
        kit: what every widget is handed.
        screens: gives them.
        viewers: the names of whoever will see it, already fit to stand in a sentence; empty for nobody yet.
        ends: the name of the customer whose own screen will no longer be shown then; empty where none is.
        parent: the window.

    Signals:
        chosen: the argument is the `Shareable`.
    """

    chosen = Signal(object)

    def __init__(self, kit: Kit, screens: Screens, viewers: str, ends: str = "", parent: QWidget | None = None) -> None:
        super().__init__(kit, "show_dialog", parent)
        self._screens, self._viewers, self._ends = screens, viewers, ends
        self._text = self.add_text("text", "muted")
        self._ends_text = self.add_text("ends", "warning")
        self._ends_text.setVisible(bool(ends))
        self._problem = self.add_text("problem", "body")
        self._problem.hide()
        self.list = QListWidget()
        self.list.setObjectName("show_dialog_list")
        self.list.setViewMode(QListView.ViewMode.IconMode)
        self.list.setResizeMode(QListView.ResizeMode.Adjust)
        self.list.setMovement(QListView.Movement.Static)
        self.list.setIconSize(PICTURE)
        self.list.setGridSize(_CELL)
        self.list.setWordWrap(True)
        self.list.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.list.setMinimumSize(3 * _CELL.width() + 24, 2 * _CELL.height() + 12)
        self.body.addWidget(self.list)
        self._cancel = self.add_button("cancel", "quiet")
        self._confirm = self.add_button("confirm", "primary", default=True)
        self._cancel.clicked.connect(self.reject)
        self._confirm.clicked.connect(self._choose)
        self.list.itemActivated.connect(self._choose)
        self.list.currentItemChanged.connect(self._follow)
        self._pictures: dict[object, QIcon] = {}
        self._looking = False
        self._timer = QTimer(self, interval=_AGAIN_MS)
        self._timer.timeout.connect(self._look)
        if screens.problem:
            self.list.hide()
            self._problem.show()
        else:
            self._fill([])
            self._timer.start()
            self._look()
        self.list.setFocus()
        self._follow()

    def _look(self) -> None:
        """List the windows anew and take pictures of what has none yet, in a worker thread."""
        if self._looking:
            return
        self._looking = True
        found = asyncio.to_thread(_look, self._screens, self._screens.screens(), frozenset(self._pictures))
        self._kit.work.run(found, name="screens:list", on_done=self.while_here(self._looked), on_error=lambda _: None)

    def _looked(self, found: tuple[list[Shareable], dict[object, QImage | None]]) -> None:
        self._looking = False
        windows, pictures = found
        for source, image in pictures.items():
            self._pictures[source] = self._icon(source, image)
        self._fill(windows)

    def _icon(self, source: object, image: QImage | None) -> QIcon:
        if image is not None:
            # All of one size, so that the names stand in one line; and no tint over what is chosen.
            whole = QPixmap(PICTURE)
            whole.fill(Qt.GlobalColor.transparent)
            painter = QPainter(whole)
            painter.drawImage((PICTURE.width() - image.width()) // 2, (PICTURE.height() - image.height()) // 2, image)
            painter.end()
            made = QIcon(whole)
            made.addPixmap(whole, QIcon.Mode.Selected)
            return made
        kind = getattr(source, "kind", Source.SCREEN)
        return self._kit.theme.icon("monitor" if kind is Source.SCREEN else "app-window")

    def _fill(self, windows: Sequence[Shareable]) -> None:
        """Show what there is now; what was chosen stays so."""
        wanted: list[Shareable] = [*self._screens.screens(), *windows]
        before = self._source()
        there = [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]
        if wanted != there:
            self.list.clear()
            for source in wanted:
                item = QListWidgetItem()
                item.setData(Qt.ItemDataRole.UserRole, source)
                item.setSizeHint(_CELL)
                self.list.addItem(item)
        screens = sum(one.kind is Source.SCREEN for one in wanted)
        for row, source in enumerate(wanted):
            item = self.list.item(row)
            item.setIcon(self._pictures.get(source) or self._icon(source, None))
            item.setText(self._name(source, row if screens > 1 else -1))
            item.setToolTip("")
        at = wanted.index(before) if before in wanted else 0
        if wanted and self.list.currentRow() != at:
            self.list.setCurrentRow(at)
        self._follow()

    def _name(self, source: Shareable, number: int) -> str:
        t = self._kit.translator.t
        if source.kind is not Source.SCREEN:
            return one_line(source.title, _TITLE_CHARS) or t("show", "picker.untitled")
        return t("show", "picker.screen") if number < 0 else t("show", "picker.screen_number", number=number + 1)

    def _source(self) -> Shareable | None:
        row = self.list.currentRow()
        return self._there()[row] if row >= 0 else None

    def _follow(self, *_: object) -> None:
        self._confirm.setEnabled(self._source() is not None)

    def _choose(self, *_: object) -> None:
        source = self._source()
        if source is not None:
            self.accept()
            self.chosen.emit(source)

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        t = self._kit.translator.t
        self.setWindowTitle(t("show", "picker.title"))
        self.heading.setText(t("show", "picker.title"))
        key = "picker.text" if self._viewers else "picker.nobody"
        self._text.setText(t("show", key, **({"names": self._viewers} if self._viewers else {})))
        if self._ends:
            self._ends_text.setText(t("show", "picker.ends", name=self._ends))
        if self._screens.problem:
            self._problem.setText(t("show", self._screens.problem))
        else:
            self._fill([one for one in self._there() if one.kind is not Source.SCREEN])
        self.list.setAccessibleName(t("show", "picker.list"))
        self._cancel.setText(t("show", "picker.cancel"))
        self._confirm.setText(t("show", "picker.confirm"))

    def _there(self) -> list[Shareable]:
        return [self.list.item(row).data(Qt.ItemDataRole.UserRole) for row in range(self.list.count())]


def _look(
    screens: Screens, there: Sequence[Shareable], known: frozenset[object]
) -> tuple[list[Shareable], dict[object, QImage | None]]:
    """The windows, and pictures of what is not known yet; in a worker thread.

    It must hold nothing of the dialog's: whoever holds that last destroys its widgets, and here that would be the
    worker, where the dialog was closed meanwhile.
    """
    windows = screens.windows()
    wanted = [one for one in (*there, *windows) if one not in known]
    return windows, {one: screens.thumbnail(one, PICTURE) for one in wanted}
