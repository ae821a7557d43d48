"""What agents and customers are told of who waits: entries of the Inbox, queues, places in line (B-11)."""

from collections.abc import Iterable, Set

import msgspec

from server_stub.directory import Directory
from server_stub.presence import Presences
from server_stub.queues import Queue
from server_stub.state.dispatch import AgentNow, Dispatcher, QueueNow, Waiting, in_line, wait_s
from server_stub.state.model import Session
from support_manager.protocol import limits
from support_manager.protocol.roles import Role
from support_manager.protocol.views import (
    AgentView,
    InboxItem,
    InboxKind,
    InboxView,
    Place,
    Presence,
    QueueView,
    TransferTarget,
)


class WaitingRoom:
    """The line of waiting sessions at one moment, and how each reader sees it.

    Args:
        directory: queues and agents.
        presences: who is there.
    """

    def __init__(self, directory: Directory, presences: Presences) -> None:
        self._directory = directory
        self._presences = presences
        self._now_ms = 0
        self._sessions: dict[str, Session] = {}
        self._line: list[Waiting] = []
        self._in_queue: dict[str, list[str]] = {}
        self._serving: dict[str, int] = {}
        self._items: dict[str, tuple[tuple[int, Waiting], InboxItem]] = {}
        self._asked_items: dict[str, InboxItem] = {}
        self._openings: dict[str, tuple[Queue, int, int | None]] = {}
        self.queues: dict[str, QueueNow] = {}
        """As the dispatcher wants them."""
        self.agents: dict[str, AgentNow] = {}

    def look(self, now_ms: int, passed_on: Iterable[Session], customers: dict[str, int]) -> list[Waiting]:
        """Take everything in as it stands now; gives the line for the dispatcher.

        Args:
            now_ms: milliseconds since 1970.
            passed_on: the sessions without a controller.
            customers: account → how many customers he helps.
        """
        directory, presences = self._directory, self._presences
        self._now_ms = now_ms
        self._sessions = {session.id: session for session in passed_on}
        self._line = in_line(_waiting(session) for session in self._sessions.values())
        self._in_queue = {}
        for one in self._line:
            self._in_queue.setdefault(one.queue_id, []).append(one.session_id)
        self.queues = {
            key: QueueNow(queue.rule, queue.offer_s * 1_000, directory.members(queue))
            for key, queue in directory.queues.items()
        }
        self.agents = {
            key: AgentNow(
                presences.effective(key) is Presence.ONLINE,
                customers.get(key, 0),
                presences.idle_since(key, customers.get(key, 0)),
            )
            for key in directory.agents
        }
        self._serving = {key: sum(map(presences.serves, queue.members)) for key, queue in self.queues.items()}
        self._items = {key: kept for key, kept in self._items.items() if key in self._sessions}
        self._asked_items = {key: kept for key, kept in self._asked_items.items() if key in self._sessions}
        return self._line

    def session(self, session_id: str) -> Session | None:
        """One of those who wait."""
        return self._sessions.get(session_id)

    # Customers

    def places(self) -> dict[str, Place]:
        """Session → the customer's place in line (B-11.2)."""
        places = {}
        for queue_id, line in self._in_queue.items():
            queue = self._directory.queues.get(queue_id)
            opens_at = self._opens_at(queue) if queue is not None else None
            is_open = queue is None or queue.is_open(self._now_ms)
            for number, session_id in enumerate(line, 1):
                place = number if queue_id else 0
                places[session_id] = Place(
                    place=place,
                    wait_s=self._wait_s(queue_id, place),
                    is_open=is_open,
                    opens_at=opens_at,
                    is_staffed=queue is None or self._serving.get(queue_id, 0) > 0,
                )
        return places

    def _wait_s(self, queue_id: str, place: int) -> int | None:
        return wait_s(place, self._directory.handling_ms.get(queue_id), self._serving.get(queue_id, 0))

    def _opens_at(self, queue: Queue) -> int | None:
        """The same as `Queue.opens_at`, which searches days for it: so what was found is kept until it comes."""
        if queue.is_open(self._now_ms):
            return None
        known = self._openings.get(queue.id)
        if known is not None and known[0] is queue and known[1] <= self._now_ms < (known[2] or known[1] + 60_000):
            return known[2]
        found = queue.opens_at(self._now_ms)
        self._openings[queue.id] = (queue, self._now_ms, found)
        return found

    # Agents

    def inbox(self, account_id: str, dispatcher: Dispatcher, alone: Set[str] = frozenset()) -> InboxView:
        """An agent's whole Inbox; in one that is too long, what nobody but he is asked about has its place first.

        Args:
            account_id: the agent.
            dispatcher: who is asked.
            alone: sessions about which he is asked by name or alone.
        """
        items: list[InboxItem] = []
        room = limits.INBOX_ITEMS - min(len(alone), limits.INBOX_ITEMS)
        left = len(alone)
        for one in self._line:
            is_alone = one.session_id in alone
            left -= is_alone
            if len(items) == limits.INBOX_ITEMS or not (room or left or is_alone):
                break
            if not (room or is_alone):
                continue
            before = len(items)
            until = dispatcher.asked(one.session_id).get(account_id)
            if until is not None:
                items.append(self._asked_item(one, until))
            elif dispatcher.may_take(one.session_id, account_id, self.queues):
                items.append(self._item(one))
            if not is_alone:
                room -= len(items) - before
        return InboxView(
            presence=self._presences.effective(account_id),
            chosen=self._presences.chosen(account_id),
            items=tuple(items),
            queues=tuple(view for view in self.queue_views(account_id) if view.is_member),
        )

    def _item(self, one: Waiting) -> InboxItem:
        session = self._sessions[one.session_id]
        known = self._items.get(session.id)
        if known is not None and known[0] == (session.seq, one):
            return known[1]
        item = _item(session, one)
        self._items[session.id] = ((session.seq, one), item)
        return item

    def _asked_item(self, one: Waiting, until: int) -> InboxItem:
        item = msgspec.structs.replace(self._item(one), offered=True, offered_until=until)
        known = self._asked_items.get(one.session_id)
        if known == item:
            return known
        self._asked_items[one.session_id] = item
        return item

    def queue_views(self, reader: str) -> tuple[QueueView, ...]:
        """Every queue that takes sessions, as an agent sees it, here and in his Inbox: who is there besides himself."""
        views = []
        for queue in self._directory.queues.values():
            if not queue.enabled:
                continue
            waiting = len(self._in_queue.get(queue.id, ()))
            members = self.queues[queue.id].members
            views.append(
                QueueView(
                    id=queue.id,
                    slug=queue.slug,
                    name=queue.name,
                    is_open=queue.is_open(self._now_ms),
                    opens_at=self._opens_at(queue),
                    waiting=waiting,
                    online=sum(self.agents[member].is_online for member in members if member != reader),
                    wait_s=self._wait_s(queue.id, waiting + 1),
                    is_member=reader in members,
                )
            )
        return tuple(views)

    def agent_views(self, reader: str) -> tuple[AgentView, ...]:
        """Every agent but the reader (B-10.1)."""
        return tuple(
            AgentView(
                account_id=agent.id,
                name=agent.display_name,
                presence=self._presences.effective(agent.id),
                customers=self.agents[agent.id].customers,
                limit=agent.customers_limit,
            )
            for agent in self._directory.agents.values()
            if agent.id != reader
        )


def _waiting(session: Session) -> Waiting:
    transfer = session.transfer
    if transfer is None:
        return Waiting(session.id, session.started_at)
    is_queued = transfer.to is TransferTarget.QUEUE
    return Waiting(
        session_id=session.id,
        since_ms=transfer.since_ms,
        queue_id=transfer.queue_id if is_queued else "",
        agents=transfer.agents,
        at_head=transfer.at_head,
        former=transfer.former_account,
    )


def _item(session: Session, one: Waiting) -> InboxItem:
    transfer, intake = session.transfer, session.intake
    customer = session.holder(Role.PRIMARY) or next(iter(session.customers()), None)
    return InboxItem(
        session_id=session.id,
        kind=InboxKind.WAITING if one.queue_id else InboxKind.TRANSFER,
        customer=customer.name if customer is not None else session.number,
        since=one.since_ms,
        offered=False,
        queue_id=one.queue_id or None,
        queue_name=transfer.queue_name if transfer is not None else "",
        email=intake.email if intake is not None else "",
        problem=intake.problem if intake is not None else "",
        former=transfer.former if transfer is not None else "",
        message=transfer.message if transfer is not None else "",
        locale=customer.locale if customer is not None else "en",
    )
