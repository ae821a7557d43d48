"""Transfer Session: an agent cedes a session to one queue or to some agents, with a message (B-10.1, B-10.2)."""

import unicodedata
from collections.abc import Sequence

from PySide6.QtCore import QDateTime, Qt
from PySide6.QtWidgets import (
    QAbstractButton,
    QButtonGroup,
    QCheckBox,
    QFrame,
    QHBoxLayout,
    QPlainTextEdit,
    QRadioButton,
    QScrollArea,
    QStackedWidget,
    QTabBar,
    QVBoxLayout,
    QWidget,
)
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.events import SessionSnapshot
from support_manager.protocol import limits
from support_manager.protocol.requests import Targets
from support_manager.protocol.views import AgentView, Presence, QueueView
from ui.dialogs.base import Dialog
from ui.widgets.kit import SPACE_1, SPACE_2, Kit, button, label, set_kind
from ui.widgets.plain import isolated, one_line
from ui.widgets.state_dot import Mark, StateDot

_LIST_HEIGHT = 190
_PRESENCE_MARKS = {
    Presence.ONLINE: Mark.DOT,
    Presence.AWAY: Mark.RING,
    Presence.BUSY: Mark.HALF,
    Presence.OFFLINE: Mark.GONE,
}
_QUEUES, _AGENTS = 0, 1


def message_length(text: str) -> int:
    """The length of a message as app, page and relay count it: code points after NFC (B-10.2)."""
    return len(unicodedata.normalize("NFC", text))


class _Choices(QScrollArea):
    """A list of rows to choose from: one, or several."""

    def __init__(self, kit: Kit, name: str, *, several: bool) -> None:
        super().__init__()
        self._kit, self._name, self._several = kit, name, several
        self.setObjectName(name)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.group = QButtonGroup(self)
        self.group.setExclusive(not several)
        self._ids: dict[QAbstractButton, str] = {}
        inner = QWidget()
        self._column = QVBoxLayout(inner)
        self._column.setContentsMargins(0, SPACE_1, SPACE_2, SPACE_1)
        self._column.setSpacing(SPACE_1)
        self._column.addStretch(1)
        self.setWidget(inner)

    def add(self, id: str, name: str, words: str, mark: Mark | None = None, *, usable: bool = True) -> None:  # noqa: A002
        """Add a row: a name and, below it, how things stand with it."""
        made = QCheckBox() if self._several else QRadioButton()
        made.setObjectName(f"{self._name}_{id}")
        made.setText(one_line(name, 60).replace("&", "&&"))
        made.setAccessibleName(f"{one_line(name, 60)}, {words}")
        made.setEnabled(usable)
        self.group.addButton(made)
        self._ids[made] = id
        row = QHBoxLayout()
        row.setSpacing(SPACE_2)
        row.addWidget(made, 1)
        if mark is not None:
            dot = StateDot(self._kit, f"{self._name}_dot")
            dot.set_state(mark, words)
            row.addWidget(dot)
        said = label(f"{self._name}_words", "secondary")
        said.setText(words)
        row.addWidget(said)
        self._column.insertLayout(self._column.count() - 1, row)

    def chosen(self) -> list[str]:
        """The ids of the chosen rows."""
        return [id_ for one, id_ in self._ids.items() if one.isChecked()]

    def take_focus(self) -> None:
        """Put the focus on what is chosen, else on the first row that can be."""
        rows = [one for one in self._ids if one.isEnabled()]
        found = next((one for one in rows if one.isChecked()), rows[0] if rows else None)
        if found is not None:
            found.setFocus()


class TransferSessionDialog(Dialog):
    """Tabs Queues and Agents, the message with its counter, Transfer.

    Args:
        kit: what every widget is handed.
        session: the session to be ceded.
        parent: the window.
    """

    def __init__(self, kit: Kit, session: SessionSnapshot, parent: QWidget | None = None) -> None:
        super().__init__(kit, "transfer_dialog", parent)
        self._session = session
        self._targets: Targets | None = None
        self._error: SupportManagerError | None = None
        self._online: set[str] = set()
        self.setMinimumWidth(520)
        self._text = self.add_text("text", "muted")
        self.tabs = QTabBar()
        self.tabs.setObjectName("transfer_dialog_tabs")
        self.tabs.setExpanding(False)
        for _ in range(2):
            self.tabs.addTab("")
        self.body.addWidget(self.tabs)
        self.queues = _Choices(kit, "transfer_queue", several=False)
        self.agents = _Choices(kit, "transfer_agent", several=True)
        self._state = label("transfer_dialog_state", "muted", wrap=True)
        self._state.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self._again = button("transfer_dialog_again")
        self._again.clicked.connect(self.load)
        waiting = QWidget()
        column = QVBoxLayout(waiting)
        column.addStretch(1)
        column.addWidget(self._state)
        column.addWidget(self._again, 0, Qt.AlignmentFlag.AlignHCenter)
        column.addStretch(1)
        self._pages = QStackedWidget()
        self._pages.setFixedHeight(_LIST_HEIGHT)
        for page in (self.queues, self.agents, waiting):
            self._pages.addWidget(page)
        self.body.addWidget(self._pages)
        self._hint = self.add_text("hint", "secondary")
        self._hint.setMinimumHeight(30)  # reserved, so that nothing jumps
        self._label = label("transfer_dialog_message_label", "secondary")
        self._counter = label("transfer_dialog_counter", "secondary")
        self._counter.setAlignment(Qt.AlignmentFlag.AlignRight)
        line = QHBoxLayout()
        line.addWidget(self._label, 1)
        line.addWidget(self._counter)
        self.message = QPlainTextEdit()
        self.message.setObjectName("transfer_dialog_message")
        self.message.setTabChangesFocus(True)
        self.message.setFixedHeight(76)
        self._label.setBuddy(self.message)
        self.body.addLayout(line)
        self.body.addWidget(self.message)
        self._problem = self.add_text("problem", "error")
        self._problem.hide()
        self._cancel = self.add_button("cancel", "quiet")
        self.transfer = self.add_button("confirm", "primary", default=True)
        self._cancel.clicked.connect(self.reject)
        self.transfer.clicked.connect(self._on_transfer)
        self.tabs.currentChanged.connect(self._show)
        self.message.textChanged.connect(self._show)
        for choices in (self.queues, self.agents):
            choices.group.buttonToggled.connect(lambda *_: self._show())
        self.load()

    def load(self) -> None:
        """Ask the relay for the queues and agents as they stand now."""
        self._error = None
        self._kit.work.run(
            self._kit.intents.transfer_targets(),
            name="transfer_targets",
            on_done=self.while_here(self._loaded),
            on_error=self.while_here(self._failed),
        )
        self._show()

    def _loaded(self, targets: Targets) -> None:
        if self._targets is not None:
            return
        self._targets = targets
        for queue in targets.queues:
            self.queues.add(queue.id, queue.name, self._queue_words(queue))
        order = (Presence.ONLINE, Presence.BUSY, Presence.AWAY, Presence.OFFLINE)
        for agent in sorted(targets.agents, key=lambda one: (order.index(one.presence), one.name.casefold())):
            mark, usable = _PRESENCE_MARKS[agent.presence], agent.presence is not Presence.OFFLINE
            self.agents.add(agent.account_id, agent.name, self._agent_words(agent), mark, usable=usable)
        self._online = {agent.account_id for agent in targets.agents if agent.presence is Presence.ONLINE}
        if len(targets.queues) == 1:
            self.queues.group.buttons()[0].setChecked(True)
        self._show()
        (self.queues if self.tabs.currentIndex() == _QUEUES else self.agents).take_focus()

    def _failed(self, error: SupportManagerError) -> None:
        self._error = error
        self._show()

    def _queue_words(self, queue: QueueView) -> str:
        if not queue.is_open:
            if queue.opens_at is None:
                return self.t("transfer.queue.closed")
            day = self._kit.translator.locale.toString(QDateTime.fromMSecsSinceEpoch(queue.opens_at), "ddd d MMM")
            when = f"{day}, {self._kit.translator.time(queue.opens_at)}"
            return self.t("transfer.queue.opens", when=when)
        return self.t("transfer.queue.open", waiting=queue.waiting, online=queue.online)

    def _agent_words(self, agent: AgentView) -> str:
        presence = self.t(f"presence.{agent.presence.value}")
        if agent.presence is Presence.OFFLINE or (not agent.customers and not agent.limit):
            return presence
        if agent.limit:
            return self.t("transfer.agent.of", presence=presence, count=agent.customers, limit=agent.limit)
        return self.t("transfer.agent", presence=presence, count=agent.customers)

    def _on_transfer(self) -> None:
        queue_id, agents = self._chosen()
        if not self._ready() or self._kit.work.running("transfer_session"):
            return
        self._problem.hide()
        message = unicodedata.normalize("NFC", self.message.toPlainText()).strip()
        act = self._kit.intents.transfer_session(self._session.id, queue_id=queue_id, agents=agents, message=message)
        self._kit.work.run(
            act,
            name="transfer_session",
            on_done=self.while_here(lambda _: self.accept()),
            on_error=self.while_here(self._refused),
            busy=self.transfer,
        )

    def follow(self, session: SessionSnapshot | None) -> None:
        """Close when the session is not this rep's to pass on any more: it ended, or control is somebody else's."""
        if session is None or not session.has_control:
            self.reject()

    def _refused(self, error: SupportManagerError) -> None:
        self._problem.setText(self._kit.work.sentence(error))
        self._problem.show()
        self.fit()
        self._show()

    def _chosen(self) -> tuple[str | None, Sequence[str]]:
        """One queue or some agents: what stands under the tab in front, and nothing of the other."""
        if self.tabs.currentIndex() == _QUEUES:
            queues = self.queues.chosen()
            return (queues[0] if queues else None), ()
        return None, tuple(self.agents.chosen())

    def _ready(self) -> bool:
        queue_id, agents = self._chosen()
        fits = message_length(self.message.toPlainText()) <= limits.TRANSFER_MESSAGE_CHARS
        return fits and (queue_id is not None or bool(agents)) and len(agents) <= limits.AGENTS_PER_TRANSFER

    def _show(self) -> None:
        at = self.tabs.currentIndex()
        choices = self.queues if at == _QUEUES else self.agents
        if self._targets is None:
            words = self._kit.work.sentence(self._error) if self._error is not None else self.t("transfer.loading")
            self._state.setText(words)
        elif not choices.group.buttons():
            self._state.setText(self.t("transfer.no_queues" if at == _QUEUES else "transfer.no_agents"))
        self._again.setVisible(self._error is not None)
        empty = self._targets is None or not choices.group.buttons()
        self._pages.setCurrentIndex(2 if empty else at)
        _, agents = self._chosen()
        nobody = bool(agents) and not self._online.intersection(agents)
        key = "transfer.hint.queue" if at == _QUEUES else "transfer.hint.nobody" if nobody else "transfer.hint.agents"
        self._hint.setText(self.t(key))
        set_kind(self._hint, "kind", "warning" if nobody else "secondary")
        length = message_length(self.message.toPlainText())
        over = length - limits.TRANSFER_MESSAGE_CHARS
        words = self.t("transfer.too_long", count=over) if over > 0 else f"{length} / {limits.TRANSFER_MESSAGE_CHARS}"
        self._counter.setText(words)
        set_kind(self._counter, "kind", "error" if over > 0 else "secondary")
        set_kind(self.message, "wrong", over > 0)
        self.transfer.setEnabled(self._ready() and not self._kit.work.running("transfer_session"))

    @override
    def retranslate(self) -> None:
        """Take the words in the language in use."""
        customer = self._session.customer
        self.setWindowTitle(self.t("transfer.title"))
        self.heading.setText(self.t("transfer.title"))
        name = isolated(customer.name) if customer is not None else self.t("notify.somebody")
        self._text.setText(self.t("transfer.text", name=name))
        self.tabs.setTabText(_QUEUES, self.t("transfer.queues"))
        self.tabs.setTabText(_AGENTS, self.t("transfer.agents"))
        self.tabs.setAccessibleName(self.t("transfer.title"))
        self._label.setText(self.t("transfer.message"))
        self.message.setAccessibleName(self.t("transfer.message"))
        self.message.setPlaceholderText(self.t("transfer.message.hint"))
        self._again.setText(self.t("transfer.again"))
        self._cancel.setText(self.t("transfer.cancel"))
        self.transfer.setText(self.t("transfer.confirm"))
        self._show()
        if self.isVisible():
            self.fit()
