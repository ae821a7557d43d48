"""The canned replies: written, named and deleted; kept in the profile at once."""

from PySide6.QtCore import QSignalBlocker, QSize, Qt, QTimer
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QLineEdit, QListWidget, QPlainTextEdit, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.settings import Reply
from ui.models.replies import MOST, NAME_CHARS, PLACES, TEXT_CHARS
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, SPACE_4, SPACE_5, Kit, button, label
from ui.widgets.plain import one_line

_SAVE_MS = 500
_LIST_PX = 220


class RepliesPanel(QWidget):
    """Lives in the window's sheet.

    Args:
        kit: what every widget is handed; its settings hold the replies.
    """

    def __init__(self, kit: Kit) -> None:
        super().__init__()
        self._kit = kit
        self._replies = list(kit.intents.settings.replies)
        self.setObjectName("repliesPanel")
        self._lead = label("repliesLead", "muted", wrap=True)
        self.list = QListWidget()
        self.list.setObjectName("repliesList")
        self.list.currentRowChanged.connect(self._show)
        self._none = label("repliesNone", "muted", wrap=True)
        self._none.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._add = button("repliesAdd")
        self._add.setIcon(kit.theme.icon("plus"))
        self._add.clicked.connect(self.add)
        self._remove = button("repliesRemove", "danger")
        self._remove.clicked.connect(self.remove)
        self._name_label = label("repliesNameLabel", "secondary")
        self.name = QLineEdit()
        self.name.setObjectName("repliesName")
        self.name.setMaxLength(NAME_CHARS)
        self.name.textEdited.connect(lambda: self._take())
        self._name_label.setBuddy(self.name)
        self._text_label = label("repliesTextLabel", "secondary")
        self.text = QPlainTextEdit()
        self.text.setObjectName("repliesText")
        self.text.setTabChangesFocus(True)
        self.text.textChanged.connect(self._take)
        self._places_label = label("repliesPlacesLabel", "secondary", wrap=True)
        self._places = {name: button(f"repliesPlace_{name}", "secondary") for name in PLACES}
        self._timer = QTimer(self, singleShot=True, interval=_SAVE_MS)
        self._timer.timeout.connect(self.save)
        self._lay_out()
        self._fill(0)
        kit.on_words(self.retranslate)

    def _lay_out(self) -> None:
        left = QVBoxLayout()
        left.setSpacing(SPACE_2)
        left.addWidget(self._none, 1)
        left.addWidget(self.list, 1)
        left.addWidget(self._add)
        holder = QWidget()
        left.setContentsMargins(0, 0, 0, 0)
        holder.setLayout(left)
        holder.setFixedWidth(_LIST_PX)
        places = QHBoxLayout()
        places.setSpacing(SPACE_1)
        for name, made in self._places.items():
            made.setText(f"{{{name}}}")
            made.clicked.connect(lambda _=False, name=name: self._insert(name))
            places.addWidget(made)
        places.addStretch(1)
        right = QVBoxLayout()
        right.setSpacing(SPACE_2)
        for part in (self._name_label, self.name, self._text_label):
            right.addWidget(part)
        right.addWidget(self.text, 1)
        right.addWidget(self._places_label)
        right.addLayout(places)
        below = QHBoxLayout()
        below.addStretch(1)
        below.addWidget(self._remove)
        right.addLayout(below)
        row = QHBoxLayout()
        row.setSpacing(SPACE_4)
        row.addWidget(holder)
        row.addLayout(right, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_5, SPACE_1, SPACE_5, SPACE_3)
        column.setSpacing(SPACE_3)
        column.addWidget(self._lead)
        column.addLayout(row, 1)

    @override
    def sizeHint(self) -> QSize:
        return QSize(super().sizeHint().width(), 500)

    @override
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self.list.doItemsLayout()  # its rows were measured before it was dressed

    @override
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self.save()  # the sheet closes: what was typed last is kept, too

    def take_focus(self) -> None:
        """Put the focus where the rep begins."""
        (self.name if self._replies else self._add).setFocus()

    def add(self) -> None:
        """A new reply at the end, to be written."""
        if len(self._replies) < MOST:
            self._replies.append(Reply(name=self._kit.say("replies.new"), text=""))
            self._fill(len(self._replies) - 1)
            self._timer.start()
            self.name.setFocus()
            self.name.selectAll()

    def remove(self) -> None:
        """Take the chosen reply away."""
        at = self.list.currentRow()
        if 0 <= at < len(self._replies):
            del self._replies[at]
            self._fill(min(at, len(self._replies) - 1))
            self._timer.start()
            self.take_focus()

    def save(self) -> None:
        """Keep what is written."""
        self._timer.stop()
        kept = tuple(one for one in self._replies if one.name.strip() and one.text.strip())
        if kept != self._kit.intents.settings.replies:
            self._kit.work.run(self._kit.intents.change_settings(replies=kept), name="change_settings:replies")

    def _fill(self, at: int) -> None:
        with QSignalBlocker(self.list):
            self.list.clear()
            self.list.addItems([one_line(one.name, NAME_CHARS) for one in self._replies])
            self.list.setCurrentRow(at)
        self._none.setVisible(not self._replies)
        self.list.setVisible(bool(self._replies))
        self._show(at)

    def _show(self, at: int) -> None:
        chosen = self._replies[at] if 0 <= at < len(self._replies) else None
        with QSignalBlocker(self.name), QSignalBlocker(self.text):
            self.name.setText(chosen.name if chosen is not None else "")
            self.text.setPlainText(chosen.text if chosen is not None else "")
        for part in (self.name, self.text, self._remove, *self._places.values()):
            part.setEnabled(chosen is not None)
        self._add.setEnabled(len(self._replies) < MOST)

    def _take(self) -> None:
        at = self.list.currentRow()
        if 0 <= at < len(self._replies):
            self._replies[at] = Reply(name=self.name.text().strip(), text=self.text.toPlainText()[:TEXT_CHARS])
            self.list.item(at).setText(one_line(self._replies[at].name, NAME_CHARS))
            self._timer.start()

    def _insert(self, name: str) -> None:
        self.text.insertPlainText(f"{{{name}}}")
        self.text.setFocus()

    def retranslate(self) -> None:
        """Take the words of the present language."""
        say = self._kit.say
        self.setAccessibleName(say("replies.title"))
        self._lead.setText(say("replies.lead"))
        self._none.setText(say("replies.empty"))
        self.list.setAccessibleName(say("replies.title"))
        self._add.setText(say("replies.add"))
        self._remove.setText(say("replies.remove"))
        self._name_label.setText(say("replies.name"))
        self.name.setAccessibleName(say("replies.name"))
        self._text_label.setText(say("replies.text"))
        self.text.setAccessibleName(say("replies.text"))
        self._places_label.setText(say("replies.places"))
        for name, made in self._places.items():
            made.setToolTip(say(f"replies.place.{name}"))
            made.setAccessibleName(say(f"replies.place.{name}"))
