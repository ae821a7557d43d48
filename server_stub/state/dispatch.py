"""Whom a waiting session is offered to, and how long: rules, time-outs, declines, places in line (B-10.4, B-11).

Without any input or output: told who waits, who is there and what time it is, the dispatcher says who is asked. What it
remembers (who was asked and said no, whose turn it is) lives in memory only; after a restart everybody is asked anew.
"""

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

REST_MS = 10_000
"""When nobody who is there wants a waiting customer, they are left in peace this long before they are asked again."""


class Rule(StrEnum):
    """How a queue asks its agents (B-11.1)."""

    EVERYBODY = "everybody"
    """All who are Online at once; the first to accept gets the customer."""
    MOST_IDLE = "most_idle"
    """Who has been longest without a customer, then the next."""
    ROUND_ROBIN = "round_robin"
    """Each in turn."""


class Waiting(NamedTuple):
    """A session without a controller."""

    session_id: str
    since_ms: int
    queue_id: str = ""
    """Empty: it is offered to chosen agents."""
    agents: frozenset[str] = frozenset()
    """The chosen agents' accounts."""
    at_head: bool = False
    former: str = ""
    """The account of who passed it on to the queue: he is asked when there is no colleague left to ask."""


class QueueNow(NamedTuple):
    """A queue as it stands."""

    rule: Rule
    offer_ms: int
    members: frozenset[str]
    """Accounts that are agents of it by now."""


class AgentNow(NamedTuple):
    """An agent as he stands."""

    is_online: bool
    """Whether he may be asked at all."""
    customers: int = 0
    idle_since_ms: int = 0
    """Since when he has had no customer."""


class Outcome(NamedTuple):
    """What follows from a step."""

    falls: list[str]
    """Sessions that go to the default queue's head: nobody accepted in time, all declined, or their queue is gone."""
    next_ms: int | None
    """When time alone changes something; None for never."""


class _Call:
    """What is remembered of one waiting session."""

    __slots__ = ("asked", "declined", "is_over", "passed", "rest_until", "seen_ms", "waiting")

    def __init__(self, waiting: Waiting, now_ms: int) -> None:
        self.waiting = waiting
        self.seen_ms = now_ms
        self.asked: dict[str, int] = {}
        """account → until when he is asked"""
        self.passed: set[str] = set()
        """Who declined or let his time run out, in this round."""
        self.declined: set[str] = set()
        """Who declined, for good where agents were chosen by name."""
        self.rest_until: int | None = None
        self.is_over = False
        """Whether it is on its way to the default queue, and nobody takes it before it is there."""


class Dispatcher:
    """Says who is asked."""

    def __init__(self) -> None:
        self._calls: dict[str, _Call] = {}
        self._turns: dict[tuple[str, str], int] = {}
        """(queue, account) → when he was last asked, counted; whoever never was comes first."""
        self._turn = 0
        self._now_ms = 0

    def step(
        self,
        now_ms: int,
        waiting: Iterable[Waiting],
        queues: Mapping[str, QueueNow],
        agents: Mapping[str, AgentNow],
        chosen_ms: int,
    ) -> Outcome:
        """Bring the offers up to date.

        Args:
            now_ms: milliseconds.
            waiting: every session without a controller.
            queues: every queue.
            agents: every agent.
            chosen_ms: how long a session is offered to chosen agents.
        """
        if now_ms < self._now_ms:
            self._set_back(self._now_ms - now_ms)
        self._now_ms = now_ms
        line = in_line(waiting)
        self._calls = {one.session_id: self._call(one, now_ms) for one in line}
        online = {account for account, agent in agents.items() if agent.is_online}
        for call in self._calls.values():
            _let_lapse(call, now_ms, online)
        ringing = {account for call in self._calls.values() if _is_alone(call, queues) for account in call.asked}
        falls = []
        moments: list[int] = []
        for one in line:
            call = self._calls[one.session_id]
            queue = queues.get(one.queue_id)
            if one.queue_id and queue is not None:
                self._ask(call, queue, now_ms, agents, online, ringing)
                if call.rest_until is not None:
                    moments.append(call.rest_until)
            elif one.queue_id or not _ask_chosen(call, now_ms, online, chosen_ms):
                call.asked.clear()
                call.is_over = True
                falls.append(one.session_id)
            else:
                moments.append(call.seen_ms + chosen_ms)
            moments.extend(call.asked.values())
        return Outcome(falls, min(moments, default=None))

    def _set_back(self, by_ms: int) -> None:
        """The wall clock was set back: what was to end at a time ends as much earlier, and not hours too late."""
        for call in self._calls.values():
            call.seen_ms -= by_ms
            call.asked = {account: until - by_ms for account, until in call.asked.items()}
            if call.rest_until is not None:
                call.rest_until -= by_ms

    def _call(self, waiting: Waiting, now_ms: int) -> _Call:
        call = self._calls.get(waiting.session_id)
        # Passed on once more is a new question: who said no before may well be asked again.
        return call if call is not None and call.waiting == waiting else _Call(waiting, now_ms)

    def _ask(
        self,
        call: _Call,
        queue: QueueNow,
        now_ms: int,
        agents: Mapping[str, AgentNow],
        online: set[str],
        ringing: set[str],
    ) -> None:
        for account in call.asked.keys() - queue.members:
            del call.asked[account]
        here = queue.members & online
        if call.rest_until is not None and now_ms >= call.rest_until:
            call.passed.clear()
            call.rest_until = None
        wanted = here - call.passed
        if wanted or not here:
            call.rest_until = None
        elif call.rest_until is None and not call.asked:
            call.rest_until = now_ms + REST_MS
        until = now_ms + queue.offer_ms
        former = call.waiting.former
        if queue.rule is Rule.EVERYBODY:
            for account in _rather_others(wanted, former) - call.asked.keys():
                call.asked[account] = until
            return
        for account in sorted(call.asked)[1:]:  # the rule was another a moment ago
            del call.asked[account]
        free = _rather_others(wanted - ringing, former)
        if call.asked or not free:
            return
        queue_id = call.waiting.queue_id
        if queue.rule is Rule.MOST_IDLE:
            chosen = min(free, key=lambda account: (*_busy(agents[account]), account))
        else:
            chosen = min(free, key=lambda account: (self._turns.get((queue_id, account), 0), account))
        self._turn += 1
        self._turns[(queue_id, chosen)] = self._turn
        call.asked[chosen] = until
        ringing.add(chosen)

    def decline(self, session_id: str, account: str) -> None:
        """An agent does not take it; the next step asks somebody else, if there is anybody."""
        call = self._calls.get(session_id)
        if call is not None:
            call.asked.pop(account, None)
            call.passed.add(account)
            call.declined.add(account)

    def asked(self, session_id: str) -> Mapping[str, int]:
        """Who is asked about a session right now, and until when."""
        call = self._calls.get(session_id)
        return call.asked if call is not None else {}

    def asked_alone(self, queues: Mapping[str, QueueNow]) -> dict[str, set[str]]:
        """Account → sessions about which he is asked by name, or nobody else with him."""
        found: dict[str, set[str]] = {}
        for session_id, call in self._calls.items():
            if not call.waiting.queue_id or _is_alone(call, queues):
                for account in call.asked:
                    found.setdefault(account, set()).add(session_id)
        return found

    def may_take(self, session_id: str, account: str, queues: Mapping[str, QueueNow]) -> bool:
        """Whether an agent may accept a session: one of the chosen who has not declined; or an agent of its queue,
        unless somebody else is asked alone right now.
        """
        call = self._calls.get(session_id)
        if call is None or call.is_over:
            return False
        if not call.waiting.queue_id:
            return account in call.waiting.agents and account not in call.declined
        queue = queues.get(call.waiting.queue_id)
        if queue is None or account not in queue.members:
            return False
        return queue.rule is Rule.EVERYBODY or not call.asked or account in call.asked


def in_line(waiting: Iterable[Waiting]) -> list[Waiting]:
    """In the order in which they are helped: whoever fell to the head first, else oldest first."""
    return sorted(waiting, key=lambda one: (not one.at_head, one.since_ms, one.session_id))


def wait_s(place: int, handling_ms: float | None, agents_online: int) -> int | None:
    """The estimated wait: place × mean handling time ÷ agents online, in whole seconds; None for unknown (B-11.2)."""
    if handling_ms is None or agents_online <= 0 or place <= 0:
        return None
    return round(place * handling_ms / agents_online / 1_000)


def mean_ms(samples: Sequence[int]) -> float | None:
    """The mean of some times; None of none."""
    return sum(samples) / len(samples) if samples else None


def _rather_others(wanted: set[str] | frozenset[str], former: str) -> set[str] | frozenset[str]:
    """Who is asked next: whoever passed the session on has said that it is not for him, but better he than nobody."""
    return wanted - {former} or wanted


def _busy(agent: AgentNow) -> tuple[int, int]:
    return (agent.customers, agent.idle_since_ms)


def _is_alone(call: _Call, queues: Mapping[str, QueueNow]) -> bool:
    queue = queues.get(call.waiting.queue_id)
    return queue is not None and queue.rule is not Rule.EVERYBODY


def _let_lapse(call: _Call, now_ms: int, online: set[str]) -> None:
    for account, until in list(call.asked.items()):
        if account not in online:
            # He is not counted as having passed: he may be back in a moment.
            del call.asked[account]
        elif now_ms >= until:
            del call.asked[account]
            call.passed.add(account)


def _ask_chosen(call: _Call, now_ms: int, online: set[str], chosen_ms: int) -> bool:
    """Ask the chosen agents who are there; False when it is over: time is up, or every one has declined (B-10.4)."""
    deadline = call.seen_ms + chosen_ms
    left = call.waiting.agents - call.declined
    if now_ms >= deadline or not left:
        return False
    call.asked = dict.fromkeys(sorted(left & online), deadline)
    return True
