"""The Inbox: who waits in an agent's queues and what was passed on to him, with accept and decline (B-11.3)."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QProgressBar, QScrollArea, QVBoxLayout, QWidget
from typing_extensions import override

from support_manager.protocol.views import InboxItem, InboxKind, Presence
from ui.models.inbox import InboxModel
from ui.widgets.elided import ElidedLabel
from ui.widgets.kit import SPACE_1, SPACE_2, SPACE_3, Kit, button, label, set_kind
from ui.widgets.plain import isolated, one_line, without_overrides

_SHOWN_CHARS, _SHOWN_LINES = 400, 4
"""Of what somebody wrote; all of it stands in the session once it is accepted. Lines are bounded too: a customer who
writes a thousand empty ones must not push everybody else out of sight."""
MOST_CARDS = 50
"""The oldest, and what a colleague passed on to this agent himself; the heading counts all. Each further card makes
every layout of the column longer."""
_MADE_AT_ONCE = 10
"""Cards that are made in one go (some 2 ms each); the rest follow when the window has breathed."""
_TICK_MS = 1_000


class InboxCard(QFrame):
    """One entry: who, since when, from where, with what; Enter accepts, Delete declines.

    Args:
        kit: what every widget is handed.
        model: tells the times.
        item: the entry.

    Signals:
        accepted, declined: of the session with that id.
        step_wanted: the focus is to go to the next (1) or the previous (-1) entry.
    """

    accepted = Signal(str)
    declined = Signal(str)
    step_wanted = Signal(int)

    def __init__(self, kit: Kit, model: InboxModel, item: InboxItem) -> None:
        super().__init__()
        self._kit, self._model, self._item = kit, model, item
        self._longest_s = 0.0
        self.setObjectName("inboxCard")
        self.setProperty("kind", "item")
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._name = ElidedLabel("inboxName", "strong")
        self._since = label("inboxSince", "secondary")
        self._from = label("inboxFrom", "secondary", wrap=True)
        self._message_title = label("inboxMessageTitle", "secondary", wrap=True)
        self._message = label("inboxMessage", wrap=True)
        self._said_title = label("inboxSaidTitle", "secondary", wrap=True)
        self._said = label("inboxSaid", wrap=True)
        self._email = ElidedLabel("inboxEmail", "secondary")
        self._bar = QProgressBar()
        self._bar.setObjectName("inboxTimeLeft")
        self._bar.setTextVisible(False)
        self._bar.setFixedHeight(4)
        self.time_left = label("inboxLeft", "secondary")
        self.accept = button("inboxAccept", "primary")
        self.decline = button("inboxDecline", "quiet")
        self.accept.clicked.connect(lambda: self.accepted.emit(self._item.session_id))
        self.decline.clicked.connect(lambda: self.declined.emit(self._item.session_id))
        head = QHBoxLayout()
        head.setSpacing(SPACE_2)
        head.addWidget(self._name, 1)
        head.addWidget(self._since)
        answers = QHBoxLayout()
        answers.setSpacing(0)
        answers.addWidget(self.accept)
        answers.addWidget(self.decline)
        answers.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(SPACE_2, SPACE_2, SPACE_2, SPACE_2)
        column.setSpacing(SPACE_1)
        column.addLayout(head)
        for part in (self._from, self._email, self._message_title, self._message, self._said_title, self._said):
            column.addWidget(part)
        column.addSpacing(SPACE_1)
        # Below the buttons, and its room is kept: as it comes and goes, no button moves from under somebody's pointer.
        for kept in (self._bar, self.time_left):
            policy = kept.sizePolicy()
            policy.setRetainSizeWhenHidden(True)
            kept.setSizePolicy(policy)
        time_left = QHBoxLayout()
        time_left.setSpacing(SPACE_2)
        time_left.addWidget(self._bar, 1)
        time_left.addWidget(self.time_left)
        column.addLayout(answers)
        column.addLayout(time_left)
        self.take(item)

    @property
    def item(self) -> InboxItem:
        """The entry."""
        return self._item

    def take(self, item: InboxItem) -> None:
        """Show the entry as it is now."""
        if item.offered_until != self._item.offered_until or not item.offered:
            self._longest_s = 0.0
        self._item = item
        say = self._kit.say
        self._name.setText(one_line(item.customer, 80))
        if item.kind is InboxKind.TRANSFER:
            self._from.setText(say("inbox.from_rep", name=isolated(item.former)))
        elif item.former:
            self._from.setText(say("inbox.from_rep_queue", name=isolated(item.former), queue=isolated(item.queue_name)))
        else:
            self._from.setText(say("inbox.from_queue", queue=isolated(item.queue_name)))
        # Who wrote it is plain while the line above names the only one who can have; else each has a heading.
        both, passed_on = bool(item.message and item.problem), bool(item.message or item.former)
        self._message_title.setText(say("side.handover", name=isolated(item.former)))
        self._message_title.setVisible(both)
        self._message.setText(_beginning(item.message))
        self._message.setVisible(bool(item.message))
        self._said_title.setText(say("inbox.form"))
        self._said_title.setVisible(bool(item.problem) and passed_on)
        self._said.setText(_beginning(item.problem))
        self._said.setVisible(bool(item.problem))
        self._email.setText(one_line(item.email, 254))
        self._email.setVisible(bool(item.email))
        self.accept.setText(say("inbox.accept" if item.offered else "inbox.take"))
        self.decline.setText(say("inbox.decline"))
        self.decline.setVisible(item.offered)
        set_kind(self.accept, "kind", "primary" if item.offered else "secondary")
        set_kind(self, "offered", item.offered)
        self.tick()

    def tick(self) -> None:
        """Show the times as they are now."""
        say, item = self._kit.say, self._item
        minutes = int(self._model.waited_s(item) // 60)
        self._since.setText(say("inbox.minutes", count=minutes) if minutes else say("inbox.just_now"))
        left = self._model.left_s(item)
        for part in (self._bar, self.time_left):
            part.setVisible(left is not None)
        words = self._from.text()
        if left is not None:
            self._longest_s = max(self._longest_s, left)
            self._bar.setRange(0, max(1, int(self._longest_s * 10)))
            self._bar.setValue(int(left * 10))
            words = f"{words}, {say('inbox.left', count=round(left))}"
            self._bar.setAccessibleName(say("inbox.left", count=round(left)))
            self.time_left.setText(say("inbox.seconds", count=round(left)))
        written = (self._message_title, self._message, self._said_title, self._said)
        said = "".join(f", {part.text()}" for part in written if part.text() and not part.isHidden())
        self.setAccessibleName(f"{self._name.text()}, {self._since.text()}, {words}{said}")
        name = self._name.text()
        self.accept.setAccessibleName(f"{self.accept.text()}: {name}")
        self.decline.setAccessibleName(f"{self.decline.text()}: {name}")

    @override
    def keyPressEvent(self, event: QKeyEvent) -> None:
        match event.key():
            case Qt.Key.Key_Return | Qt.Key.Key_Enter:
                self.accepted.emit(self._item.session_id)
            case Qt.Key.Key_Delete | Qt.Key.Key_Backspace if self._item.offered:
                self.declined.emit(self._item.session_id)
            case Qt.Key.Key_Down:
                self.step_wanted.emit(1)
            case Qt.Key.Key_Up:
                self.step_wanted.emit(-1)
            case _:
                super().keyPressEvent(event)


class InboxPanel(QFrame):
    """All entries, oldest first; says so when nobody waits. What is offered comes into view with its answers.

    Args:
        kit: what every widget is handed.
        model: the Inbox.
    """

    def __init__(self, kit: Kit, model: InboxModel) -> None:
        super().__init__()
        self._kit, self._model = kit, model
        self.unseen = False
        """Whether others see this screen: then it says only how many wait (B-6.4)."""
        self._cards: dict[str, InboxCard] = {}
        self.setObjectName("inboxPanel")
        self._title = label("inboxTitle", "caption")
        self._empty = label("inboxEmpty", "muted", wrap=True)
        self._empty.setContentsMargins(SPACE_1, 0, SPACE_1, 0)
        self._inner = QWidget()
        self._column = QVBoxLayout(self._inner)
        self._column.setContentsMargins(SPACE_2, 0, SPACE_1, SPACE_2)  # a side of 208 px has room for both answers
        self._column.setSpacing(SPACE_2)
        self._column.addWidget(self._empty)
        self._column.addStretch(1)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFrameShape(QFrame.Shape.NoFrame)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(self._inner)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, SPACE_2, 0, 0)
        column.setSpacing(SPACE_2)
        head = QHBoxLayout()
        head.setContentsMargins(SPACE_3, 0, SPACE_3, 0)
        head.addWidget(self._title, 1)
        column.addLayout(head)
        column.addWidget(self._area, 1)
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._tick)
        model.changed.connect(self.show_items)
        kit.theme.changed.connect(self._show_anew)
        self._rest = QTimer(self, singleShot=True, interval=0)
        self._rest.timeout.connect(self.show_items)
        self._laid_out = QTimer(self, singleShot=True, interval=0)
        self._laid_out.timeout.connect(self._show_offer)
        self._area.verticalScrollBar().rangeChanged.connect(lambda: self._laid_out.start())
        kit.on_words(self._show_anew)

    def set_titled(self, titled: bool) -> None:
        """Show its own heading, or leave that to whoever holds it."""
        self._title.setVisible(titled)

    def set_unseen(self, unseen: bool) -> None:
        """Name nobody from now on, or everybody again; what is hidden is painted over when this returns."""
        self.unseen = unseen
        self.show_items()
        self.repaint()

    def _show_anew(self) -> None:
        for card in self._cards.values():
            card.take(card.item)
        self.show_items()

    def show_items(self) -> None:
        """Show the entries as they are now; those that stay keep their place and the focus."""
        items = self._model.items
        named = () if self.unseen else items
        first = sorted(named, key=lambda item: not (item.offered and item.kind is InboxKind.TRANSFER))[:MOST_CARDS]
        shown = {item.session_id for item in first}
        wanted = {item.session_id: item for item in items if item.session_id in shown}
        had_focus = self._focused()
        for gone in [one for one in self._cards if one not in wanted]:
            old = self._cards.pop(gone)
            self._column.removeWidget(old)
            old.hide()
            old.deleteLater()
        made = 0
        for at, (session_id, item) in enumerate(wanted.items()):
            card = self._cards.get(session_id)
            if card is None:
                if made == _MADE_AT_ONCE:
                    self._rest.start()
                    break
                made += 1
                card = self._cards[session_id] = self._made(item)
            elif card.item != item:
                card.take(item)
            there = self._column.itemAt(at)
            if there is None or there.widget() is not card:
                self._column.insertWidget(at, card)
        say, inbox = self._kit.say, self._model.inbox
        count = len(items)
        self._title.setText(say("inbox.title.count", count=count) if count else say("inbox.title"))
        self.setAccessibleName(self._title.text())
        away = inbox is not None and inbox.presence is not Presence.ONLINE
        if items:
            self._empty.setText(say("inbox.unseen", count=count))
        else:
            self._empty.setText(say(f"inbox.empty.{inbox.presence.value}" if inbox and away else "inbox.empty"))
        self._empty.setVisible(not wanted)
        if had_focus is not None and had_focus not in self._cards:
            self.take_focus()
        if bool(wanted) != self._timer.isActive():
            self._timer.start() if wanted else self._timer.stop()

    def take_focus(self) -> None:
        """Put the focus on the oldest entry that is offered, else on the oldest."""
        cards = self._in_order()
        card = next((one for one in cards if one.item.offered), cards[0] if cards else None)
        if card is not None:
            card.setFocus(Qt.FocusReason.ShortcutFocusReason)
            self._area.ensureWidgetVisible(card)

    def _show_offer(self) -> None:
        """Bring the oldest offer into view, whose time runs out, but never take away what has the focus."""
        card = next((one for one in self._in_order() if one.item.offered), None)
        if card is not None and self._focused() is None:
            self._area.ensureWidgetVisible(card, 0, 0)
            self._area.ensureWidgetVisible(card.time_left, 0, SPACE_2)
            self._area.ensureWidgetVisible(card.accept, 0, SPACE_2)  # of a card that is higher than the room for it

    def _made(self, item: InboxItem) -> InboxCard:
        card = InboxCard(self._kit, self._model, item)
        card.accepted.connect(self._accept)
        card.declined.connect(self._decline)
        card.step_wanted.connect(self._step)
        return card

    def _in_order(self) -> list[InboxCard]:
        return sorted(self._cards.values(), key=self._column.indexOf)

    def _focused(self) -> str | None:
        focused = QApplication.focusWidget()
        found = (one for one, card in self._cards.items() if card is focused or card.isAncestorOf(focused or self))
        return next(found, None)

    def _step(self, step: int) -> None:
        cards = self._in_order()
        at = next((at for at, card in enumerate(cards) if card.hasFocus()), -1) + step
        if 0 <= at < len(cards):
            cards[at].setFocus(Qt.FocusReason.TabFocusReason)
            self._area.ensureWidgetVisible(cards[at])

    def _tick(self) -> None:
        if self.isVisible():
            for card in self._cards.values():
                card.tick()

    def _accept(self, session_id: str) -> None:
        name = f"accept:{session_id}"
        if not self._kit.work.running(name):
            card = self._cards.get(session_id)
            act = self._kit.intents.accept_offer(session_id)
            self._kit.work.run(act, name=name, busy=card.accept if card is not None else None)

    def _decline(self, session_id: str) -> None:
        name = f"decline:{session_id}"
        if not self._kit.work.running(name):
            self._kit.work.run(self._kit.intents.decline_offer(session_id), name=name)


def _beginning(text: str) -> str:
    """The beginning of a stranger's text: its first lines that say something, and that there is more."""
    whole = [line for line in (" ".join(line.split()) for line in without_overrides(text).splitlines()) if line]
    shown = "\n".join(whole[:_SHOWN_LINES])
    more = len(whole) > _SHOWN_LINES or len(shown) > _SHOWN_CHARS
    return f"{shown[:_SHOWN_CHARS].rstrip()}…" if more else shown
