"""The two chats of a session side by side: everybody's, and the one that only representatives read (B-7.4)."""

from PySide6.QtWidgets import QButtonGroup, QFrame, QHBoxLayout, QLabel, QPushButton, QStackedWidget, QVBoxLayout

from support_manager.events import Happening
from support_manager.protocol.views import Audience
from ui.actions import other_reps
from ui.models.sessions import SessionEntry
from ui.panels.chat import ChatPanel
from ui.widgets.kit import ROW, SPACE_1, SPACE_2, SPACE_3, Kit, button, label


class Chats(QFrame):
    """Everybody's chat; with other representatives in the session a second one beside it, in a colour of its own.

    Each has an input of its own, so that nothing begun for colleagues can be sent to the customer. Once the private
    one was there it stays for as long as the tab does.

    Args:
        kit: what every widget is handed.
        entry: the session.
    """

    def __init__(self, kit: Kit, entry: SessionEntry) -> None:
        super().__init__()
        self._kit = kit
        self._entry = entry
        self._unread = {Audience.ALL: 0, Audience.REPS: 0}
        self.setObjectName("chats")
        self.setProperty("kind", "panel")
        self.public = ChatPanel(kit, entry)
        self._panels = {Audience.ALL: self.public}
        self._segments = {Audience.ALL: self._segment("chatsPublic"), Audience.REPS: self._segment("chatsPrivate")}
        self._segments[Audience.REPS].setProperty("private", True)
        group = QButtonGroup(self)
        self._head = QFrame(self)
        self._head.setProperty("kind", "strip")
        segments = QHBoxLayout(self._head)
        segments.setContentsMargins(SPACE_1, 0, SPACE_1, 0)
        segments.setSpacing(0)
        for audience, segment in self._segments.items():
            group.addButton(segment)
            segments.addWidget(segment, 1)
            segment.clicked.connect(lambda _=False, audience=audience: self.bring(audience))
        self._band = QFrame(self)
        self._band.setObjectName("privateBand")
        self._band.setProperty("kind", "private")
        self._lock, self._band_words = QLabel(), label("privateBandWords", "private", wrap=True)
        band = QHBoxLayout(self._band)
        band.setContentsMargins(SPACE_3, SPACE_1, SPACE_3, SPACE_1)
        band.setSpacing(SPACE_2)
        band.addWidget(self._lock)
        band.addWidget(self._band_words, 1)
        self._stack = QStackedWidget(self)
        self._stack.addWidget(self.public)
        self.public.foreign_lines.connect(lambda count: self._count(Audience.ALL, count))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        for part in (self._head, self._band):
            column.addWidget(part)
        column.addWidget(self._stack, 1)
        self._head.hide()
        self.bring(Audience.ALL)
        self.take(entry)
        kit.on_words(self.retranslate)
        kit.on_colours(self._tint)

    @property
    def private(self) -> ChatPanel:
        """The chat of the representatives; made when it is first needed, for most sessions never need it."""
        found = self._panels.get(Audience.REPS)
        if found is None:
            found = self._panels[Audience.REPS] = ChatPanel(self._kit, self._entry, Audience.REPS)
            found.set_looked_at(False)
            found.foreign_lines.connect(lambda count: self._count(Audience.REPS, count))
            self._stack.addWidget(found)
        return found

    @property
    def is_writing(self) -> bool:
        """Whether a line is begun in either."""
        return any(bool(panel.input.toPlainText()) for panel in self._panels.values())

    @property
    def front(self) -> Audience:
        """Whose chat is in front."""
        return Audience.ALL if self._stack.currentWidget() is self.public else Audience.REPS

    def take(self, entry: SessionEntry) -> None:
        """Show the session's present lines."""
        self._entry = entry
        private = any(line.audience is Audience.REPS for line in entry.snapshot.view.chat)
        if private or other_reps(entry.snapshot):
            _ = self.private  # before any line comes in, so that each is counted
            self._head.show()
        for panel in self._panels.values():
            panel.take(entry)

    def note(self, what: Happening, name: str) -> None:
        """Write into the transcript that something happened."""
        self.public.note(what, name)

    def set_looked_at(self, looked_at: bool) -> None:
        """Say whether the rep has the chat in front before his eyes."""
        for audience, panel in self._panels.items():
            panel.set_looked_at(looked_at and audience is self.front)

    def bring(self, audience: Audience) -> None:
        """Bring one of the two to the front."""
        looked_at = self._panels[self.front].model.looked_at
        self._stack.setCurrentWidget(self.private if audience is Audience.REPS else self.public)
        self._band.setVisible(audience is Audience.REPS)
        self._segments[audience].setChecked(True)
        self._unread[audience] = 0
        self.set_looked_at(looked_at)
        self._name_segments()

    def take_focus(self, audience: Audience | None = None) -> None:
        """Put the cursor into the chat in front, or into that of `audience`."""
        if audience is not None:
            self.bring(audience)
        self._panels[self.front].input.setFocus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        self._band_words.setText(self._kit.say("private.band"))
        self._name_segments()

    def _count(self, audience: Audience, count: int) -> None:
        if audience is not self.front:
            self._unread[audience] += count
            self._name_segments()

    def _name_segments(self) -> None:
        say = self._kit.say
        for audience, segment in self._segments.items():
            unread = self._unread[audience]
            name = say(f"chats.{audience.value}")
            segment.setText(say("chats.unread", name=name, count=unread) if unread else name)
            segment.setAccessibleName(f"{name}, {say('tabs.unread', count=unread)}" if unread else name)

    def _tint(self) -> None:
        theme = self._kit.theme
        self._lock.setPixmap(theme.icon("lock", "private").pixmap(14, 14))
        self._segments[Audience.REPS].setIcon(theme.icon("lock", "private"))

    @staticmethod
    def _segment(name: str) -> QPushButton:
        made = button(name, "segment")
        made.setCheckable(True)
        made.setFixedHeight(ROW)
        return made
