"""What stands beside the customer's screen: the chat or the files, one in front; the other tells of news."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from support_manager.files.lines import FileLine, FileState
from ui.areas import focused_in
from ui.models.sessions import SessionEntry
from ui.panels.chats import Chats
from ui.panels.files import FilesPanel
from ui.widgets.kit import ROW, SPACE_1, Desk, button


class Beside(QFrame):
    """Two segments over their contents.

    Args:
        kit: what every panel is handed.
        entry: the session.
        chats: the session's chats.

    Signals:
        switched: the other of the two may be in front.
    """

    switched = Signal()

    def __init__(self, kit: Desk, entry: SessionEntry, chats: Chats, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._kit = kit
        self._entry = entry
        self._lines: tuple[FileLine, ...] = ()
        self.setObjectName("beside")
        self.setProperty("kind", "panel")
        self._chats = chats
        self.files = FilesPanel(kit, entry)
        self._segments = {"chat": self._segment("besideChat"), "files": self._segment("besideFiles")}
        head = QFrame(self)
        head.setProperty("kind", "strip")
        row = QHBoxLayout(head)
        row.setContentsMargins(SPACE_1, 0, SPACE_1, 0)
        row.setSpacing(0)
        for name, segment in self._segments.items():
            row.addWidget(segment, 1)
            segment.clicked.connect(lambda _=False, name=name: self.bring(name))
        self._stack = QStackedWidget(self)
        self._stack.addWidget(chats)
        self._stack.addWidget(self.files)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addWidget(head)
        column.addWidget(self._stack, 1)
        self.bring("chat")
        chats.public.take_files()
        kit.on_words(self.retranslate)

    def bring(self, name: str) -> None:
        """Bring `chat` or `files` to the front."""
        self._stack.setCurrentWidget(self.files if name == "files" else self._chats)
        # No button group: Tab reaches both, and not only the one that is in front.
        for other, segment in self._segments.items():
            segment.setChecked(other == name)
        self._name_segments()
        self.switched.emit()

    @property
    def shows_chat(self) -> bool:
        """Whether the chat is in front."""
        return self._stack.currentWidget() is self._chats

    def take(self, entry: SessionEntry) -> None:
        """Show the session as it is now: what nobody has read in a chat that stands behind the files."""
        self._entry = entry
        self._name_segments()

    def take_focus(self) -> None:
        """Put the cursor into the chat if it is in front; else on the files' heading, where no key answers an offer."""
        if self.shows_chat:
            self._chats.take_focus()
        else:
            self._segments["files"].setFocus()

    def show_files(self, lines: tuple[FileLine, ...]) -> None:
        """Show these files; one that is offered comes to the front, unless something is being written."""
        offered = {line.id for line in lines if line.state is FileState.OFFERED}
        before = {line.id for line in self._lines if line.state is FileState.OFFERED}
        self._lines = lines
        self.files.show_files(lines)
        self._chats.public.take_files()
        self._name_segments()
        if offered - before and not self._chats.is_writing:
            focused = focused_in(self)
            had_focus = focused is not None and self._chats.isAncestorOf(focused)
            self.bring("files")
            if had_focus:
                # Qt goes on to what had it in the files last: a key meant for the chat would press that.
                self.take_focus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._name_segments()

    def _name_segments(self) -> None:
        t = self._kit.translator.t
        open_ = sum(line.is_open for line in self._lines)
        say, chat = self._kit.say, t("files", "tab.chat")
        unread = 0 if self.shows_chat else self._entry.unread
        self._segments["chat"].setText(say("chats.unread", name=chat, count=unread) if unread else chat)
        self._segments["chat"].setAccessibleName(f"{chat}, {say('tabs.unread', count=unread)}" if unread else chat)
        self._segments["files"].setText(t("files", "tab.count", count=open_) if open_ else t("files", "tab.files"))

    @staticmethod
    def _segment(name: str) -> QPushButton:
        made = button(name, "segment")
        made.setCheckable(True)
        made.setFixedHeight(ROW)
        return made
