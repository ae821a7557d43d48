"""The files of one session: send some, answer what is offered, see how far each is, find what has arrived (B-7.5)."""

from pathlib import Path

from PySide6.QtCore import Qt, QUrl
from PySide6.QtGui import QDesktopServices, QDragEnterEvent, QDropEvent
from PySide6.QtWidgets import (
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QProgressBar,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from support_manager.files.lines import FileLine, FileState
from support_manager.protocol.activities import ActivityEnd
from ui.models.sessions import SessionEntry
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_4, Desk, bind, button, icon_button, label, name_it
from ui.widgets.plain import isolated, one_line, size_text

_MOVING = frozenset({FileState.RUNNING, FileState.PAUSED})
_STEPS = 1_000
_OVER = {
    ActivityEnd.CONTROL_TRANSFERRED: "over.control",
    ActivityEnd.SESSION_TRANSFERRED: "over.passed_on",
    ActivityEnd.SESSION_ENDED: "over.session",
}
"""What ends a file that nobody has cancelled."""


class FileRow(QFrame):
    """One file: its name, where it stands in words, how far it is, and what may be done."""

    def __init__(self, kit: Desk, line: FileLine) -> None:
        super().__init__()
        self._kit = kit
        self._line = line
        self.setObjectName("fileRow")
        self._name = ElidedLabel("fileName", "strong")
        self._words = label("fileWords", "secondary", wrap=True)
        self._bar = QProgressBar()
        self._bar.setObjectName("fileBar")
        self._bar.setRange(0, _STEPS)
        self._bar.setTextVisible(False)
        self._hash = label("fileHash", "secondary", wrap=True, selectable=True)
        self._hash.hide()
        names = ("accept", "decline", "pause", "resume", "cancel", "folder", "hash")
        kinds = {"accept": "primary", "folder": "link", "hash": "link"}
        self._buttons = {name: button(f"file_{name}", kinds.get(name, "quiet")) for name in names}
        for name, made in self._buttons.items():
            made.clicked.connect(lambda _=False, name=name: self._pressed(name))
        buttons = QHBoxLayout()
        buttons.setSpacing(SPACE_1)
        for made in self._buttons.values():
            buttons.addWidget(made)
        buttons.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_2)
        column.setSpacing(SPACE_1)
        for part in (self._name, self._words, self._bar, self._hash):
            column.addWidget(part)
        column.addLayout(buttons)
        self.show_line(line)

    def show_line(self, line: FileLine) -> None:
        """Show the file as it is now; the row stays, so that nothing moves under the mouse."""
        t = self._kit.translator.t
        self._line = line
        name = one_line(line.name, 255) or t("files", "nameless")
        self._name.setText(name)
        self._words.setText(self._sentence(line))
        self._bar.setVisible(line.state in _MOVING)
        self._bar.setValue(_STEPS * line.done // line.size if line.size else _STEPS)
        done = line.state is FileState.DONE
        shown = {
            "accept": line.state is FileState.OFFERED,
            "decline": line.state is FileState.OFFERED,
            "pause": line.state is FileState.RUNNING,
            "resume": line.state is FileState.PAUSED,
            "cancel": line.state in _MOVING or line.state is FileState.WAITING,
            "folder": done and line.incoming,
            "hash": done,
        }
        for key, made in self._buttons.items():
            made.setVisible(shown[key])
            made.setText(t("files", f"button.{key}"))
            made.setAccessibleName(t("files", "button.named", what=t("files", f"button.{key}"), file=name))
        if self._hash.isVisibleTo(self):
            self._show_hash()
        self.setAccessibleName(f"{name}, {self._words.text()}")

    def _sentence(self, line: FileLine) -> str:
        t, language = self._kit.translator.t, self._kit.translator.language
        size, done, name = size_text(line.size, language), size_text(line.done, language), isolated(line.other)
        way = "in" if line.incoming else "out"
        if line.state is FileState.RUNNING and line.left_s is not None:
            left = self._left(line.left_s)
            rate = size_text(line.rate, language)
            said = [t("files", f"moving.{way}", done=done, size=size, rate=rate, left=left)]
        elif line.state is FileState.STOPPED and line.by_me and line.end not in _OVER:
            said = [t("files", "stopped.mine")]
        else:
            said = [t("files", f"state.{line.state.value}.{way}", size=size, done=done, name=name)]
        if line.state is FileState.STOPPED and line.end in _OVER:
            said.append(t("files", _OVER[line.end]))
        if line.code is not None:
            said.append(t("errors", str(line.code)))
        if line.weak:
            said.append(t("files", "weak"))
        return " ".join(said)

    def _left(self, seconds: float) -> str:
        t = self._kit.translator.t
        whole = max(1, round(seconds))
        return t("files", "seconds", count=whole) if whole < 90 else t("files", "minutes", count=round(whole / 60))

    def _show_hash(self) -> None:
        groups = " ".join(self._line.digest[at : at + 8] for at in range(0, len(self._line.digest), 8))
        self._hash.setText(self._kit.translator.t("files", "hash", hash=groups))

    def _pressed(self, name: str) -> None:
        line, intents = self._line, self._kit.intents
        acts = {
            "accept": lambda: intents.accept_file(line.session_id, line.id),
            "decline": lambda: intents.decline_file(line.session_id, line.id),
            "pause": lambda: intents.pause_file(line.session_id, line.id, True),
            "resume": lambda: intents.pause_file(line.session_id, line.id, False),
            "cancel": lambda: intents.cancel_file(line.session_id, line.id),
        }
        if name == "folder":
            # The folder and never the file: nothing from a customer is opened by us.
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(Path(line.path).parent)))
        elif name == "hash":
            self._show_hash()
            self._hash.setVisible(not self._hash.isVisibleTo(self))
        else:
            self._kit.work.run(acts[name](), name=f"{name}_file {line.id}", busy=self._buttons[name])


class FilesPanel(QFrame):
    """The files of a session, the newest on top; files dropped on it are offered to the customer.

    Args:
        kit: what every panel is handed.
        entry: the session.
    """

    def __init__(self, kit: Desk, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self._rows: dict[str, FileRow] = {}
        self.setObjectName("filesPanel")
        self.setProperty("kind", "panel")
        self.setAcceptDrops(True)
        self._empty = label("filesEmpty", "muted", wrap=True)
        self._empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._list = QWidget()
        self._column = QVBoxLayout(self._list)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE_1)
        self._column.addStretch(1)
        self._scroll = QScrollArea()
        self._scroll.setObjectName("filesScroll")
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._scroll.setWidget(self._list)
        self._send = button("filesSend", "secondary")
        bind(self._send, kit.actions.send_file)
        self._folder = ElidedLabel("filesFolder", "secondary")
        self._change = icon_button("filesChangeFolder")
        self._change.clicked.connect(self.choose_folder)
        foot = QHBoxLayout()
        foot.setSpacing(SPACE_1)
        foot.addWidget(self._folder, 1)
        foot.addWidget(self._change)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(self._empty, 1)
        column.addWidget(self._scroll, 1)
        bottom = QVBoxLayout()
        bottom.setContentsMargins(SPACE_3, SPACE_2, SPACE_3, SPACE_3)
        bottom.setSpacing(SPACE_2)
        bottom.addWidget(self._send)
        bottom.addLayout(foot)
        column.addLayout(bottom)
        self._empty.setContentsMargins(SPACE_4, SPACE_4, SPACE_4, SPACE_4)
        self.take(entry)
        kit.on_words(self.retranslate)
        kit.on_colours(self._tint)

    def take(self, entry: SessionEntry) -> None:
        """Show the session's files as they are now."""
        self._entry = entry
        self.show_files(self._kit.intents.files(entry.id))

    def show_files(self, lines: tuple[FileLine, ...]) -> None:
        """Show these files."""
        known = {line.id for line in lines}
        for gone in [file_id for file_id in self._rows if file_id not in known]:
            self._rows.pop(gone).deleteLater()
        for line in lines:
            row = self._rows.get(line.id)
            if row is None:
                row = self._rows[line.id] = FileRow(self._kit, line)
                self._column.insertWidget(0, row)
            else:
                row.show_line(line)
        self._empty.setVisible(not lines)
        self._scroll.setVisible(bool(lines))

    def retranslate(self) -> None:
        """Take the words of the present language."""
        t = self._kit.translator.t
        self._empty.setText(t("files", "empty"))
        name_it(self._change, t("files", "folder.change"))
        self._show_folder()
        for line in self._kit.intents.files(self._entry.id):
            if line.id in self._rows:
                self._rows[line.id].show_line(line)

    def _show_folder(self) -> None:
        self._folder.setText(self._kit.translator.t("files", "folder", folder=str(self._kit.intents.files_folder)))

    def _tint(self) -> None:
        self._change.setIcon(self._kit.theme.icon("folder-open", "text-muted"))

    def choose_folder(self) -> None:
        """Ask where received files are to go from now on."""
        dialog = QFileDialog(self.window(), self._kit.translator.t("files", "folder.change"))
        dialog.setObjectName("files_folder_dialog")
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setDirectory(str(self._kit.intents.files_folder))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.fileSelected.connect(self._keep_folder)
        dialog.open()

    def choose_files(self) -> None:
        """Ask which files to send, and offer them."""
        dialog = QFileDialog(self.window(), self._kit.translator.t("files", "choose"))
        dialog.setObjectName("files_dialog")
        dialog.setFileMode(QFileDialog.FileMode.ExistingFiles)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.filesSelected.connect(self._offer_chosen)
        dialog.open()

    def _offer_chosen(self, found: list[str]) -> None:
        offer(self._kit, self._entry.id, [Path(one) for one in found])

    def _keep_folder(self, folder: str) -> None:
        change = self._kit.intents.change_settings(files_folder=folder)
        self._kit.work.run(change, name="files_folder", on_done=lambda _: self._show_folder())

    @override
    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if dropped(event) and self._kit.actions.send_file.isEnabled():
            event.acceptProposedAction()

    @override
    def dropEvent(self, event: QDropEvent) -> None:
        paths = dropped(event)
        if paths and self._kit.actions.send_file.isEnabled():
            event.acceptProposedAction()
            offer(self._kit, self._entry.id, paths)


def dropped(event: QDropEvent) -> list[Path]:
    """The files of this machine that are being dragged."""
    return [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]


def offer(kit: Desk, session_id: str, paths: list[Path]) -> None:
    """Offer files to the customer of a session."""
    kit.work.run(kit.intents.offer_files(session_id, paths), name=f"offer_files {session_id}")
