"""Which agents are there: what each chose, what follows from his connections and his limit, since when he is idle."""

from collections.abc import Callable, Iterable

from server_stub.link import Link
from server_stub.ports import Clock
from support_manager.protocol import limits
from support_manager.protocol.views import Presence


class _Agent:
    __slots__ = ("chosen", "gone_s", "has_customers", "idle_since_ms", "links")

    def __init__(self, now_ms: int) -> None:
        self.links: set[Link] = set()
        self.chosen = Presence.ONLINE
        self.gone_s = float("-inf")
        self.has_customers = False
        self.idle_since_ms = now_ms


class Presences:
    """Presence of agents (B-11.3); in memory, for a relay that stops has nobody there.

    Args:
        clock: wall and monotonic time.
        room_of: how many customers more an account may help; None without limit.
    """

    def __init__(self, clock: Clock, room_of: Callable[[str], int | None]) -> None:
        self._clock = clock
        self._room_of = room_of
        self._agents: dict[str, _Agent] = {}
        self._of_link: dict[Link, str] = {}

    def open(self, account_id: str, link: Link) -> None:
        """An agent's app wants his Inbox. He is Online, unless he chose otherwise and was away for a moment only."""
        agent = self._agents.setdefault(account_id, _Agent(self._clock.now_ms()))
        if not agent.links and self._clock.monotonic_s() - agent.gone_s > limits.CONTROLLER_LOST_S:
            agent.chosen = Presence.ONLINE
        agent.links.add(link)
        self._of_link[link] = account_id

    def gone(self, link: Link) -> bool:
        """A connection is no more; whether it was an agent's."""
        account_id = self._of_link.pop(link, None)
        if account_id is None:
            return False
        agent = self._agents[account_id]
        agent.links.discard(link)
        agent.gone_s = self._clock.monotonic_s()
        return True

    def choose(self, account_id: str, presence: Presence) -> None:
        """An agent says whether he may be asked; his app has opened his Inbox."""
        self._agents[account_id].chosen = presence

    def is_there(self, account_id: str) -> bool:
        """Whether an app of his has opened his Inbox and hangs on the relay."""
        agent = self._agents.get(account_id)
        return agent is not None and bool(agent.links)

    def chosen(self, account_id: str) -> Presence:
        """What he chose."""
        agent = self._agents.get(account_id)
        return agent.chosen if agent is not None else Presence.ONLINE

    def effective(self, account_id: str) -> Presence:
        """As others see him."""
        if not self.is_there(account_id):
            return Presence.OFFLINE
        chosen = self.chosen(account_id)
        if chosen is Presence.ONLINE and self._is_full(account_id):
            return Presence.BUSY
        return chosen

    def serves(self, account_id: str) -> bool:
        """Whether he works for the queue: he is there and chose Online, also while he has all the customers he may."""
        return self.is_there(account_id) and self.chosen(account_id) is Presence.ONLINE

    def _is_full(self, account_id: str) -> bool:
        room = self._room_of(account_id)
        return room is not None and room <= 0

    def idle_since(self, account_id: str, customers: int) -> int:
        """Since when he has had no customer, in milliseconds since 1970; now, while he has some."""
        now = self._clock.now_ms()
        agent = self._agents.setdefault(account_id, _Agent(now))
        if customers > 0 or agent.has_customers:
            agent.idle_since_ms = now
        agent.has_customers = customers > 0
        return agent.idle_since_ms

    def links(self) -> Iterable[tuple[str, Link]]:
        """Every connection that wants an Inbox, with its account."""
        return [(account_id, link) for link, account_id in self._of_link.items()]
