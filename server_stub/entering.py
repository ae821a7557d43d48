"""Customers who come by a queue's entry form: a session of their own, in that queue (B-11.1)."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from server_stub.directory import Directory
from server_stub.inbox import Inbox
from server_stub.limits import TryLimiter, networks_of
from server_stub.link import Link
from server_stub.members import Members
from server_stub.ports import Clock, RandomBytes
from server_stub.queues import Queue
from server_stub.state import tokens, transfer
from server_stub.state.decide import Moment, authorise, joined_before
from server_stub.state.facts import Fact
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from support_manager.protocol import requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.roles import Role, SessionState

log = structlog.get_logger(__name__)

ENTRIES_PER_MINUTE = 300
"""From one address; an office shares one, and a benchmark is one. Whoever is served makes room by himself."""
WAITING_PER_NETWORK = 40
"""So many may wait from one network, and a few times as many from a wider one (see `networks_of`): nobody fills the
agents' Inboxes from one place."""


class Entering:
    """Lets customers into queues.

    Args:
        members: the sessions.
        inbox: the line.
        directory: the queues.
        clock: wall and monotonic time.
        random: unpredictable bytes.
    """

    def __init__(self, members: Members, inbox: Inbox, directory: Directory, clock: Clock, random: RandomBytes) -> None:
        self._members = members
        self._inbox = inbox
        self._directory = directory
        self._clock = clock
        self._random = random
        self._entries = TryLimiter(
            per_address=ENTRIES_PER_MINUTE, per_site=100 * ENTRIES_PER_MINUTE, clock=clock.monotonic_s
        )
        self._came_from: dict[str, tuple[str, ...]] = {}
        """Waiting session → the networks, from narrow to wide, from which its customer came."""
        self._coming: dict[str, tuple[str, ...]] = {}
        """The same of sessions that are being made."""

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {"queue.enter": self._on_queue_enter}

    async def _on_queue_enter(self, link: Link, request: requests.QueueEnter) -> requests.Joined:
        authorise("queue.enter", Role.SIGNED_IN if link.account else Role.ANONYMOUS, SessionState.NONE)
        token = tokens.new_token(self._random)
        session, made = self._entered(request), None
        if session is None:
            session_id = tokens.new_id(self._random)
            self._count(link)
            self._coming[session_id] = _networks(link)
            try:
                made = await self._make(link, request, await self._open_queue(request.queue), token, session_id)
            finally:
                del self._coming[session_id]
            session = made[0] if made is not None else self._entered(request)
        if session is None:
            raise Refused(ErrorCode.SESSION_ENDED)
        participant_id = made[1] if made is not None else await self._again(session, request, token)
        self._came_from[session.id] = _networks(link)
        me = self._members.still(session, participant_id)
        self._members.live.bind(session, me, link)
        self._inbox.settle()
        log.info("entered", session=session.id, participant=me.id, address=link.address)
        return requests.Joined(
            session=self._members.snapshot(session, me), resume_token=token, ice=self._members.ice(session, me)
        )

    def _entered(self, request: requests.QueueEnter) -> Session | None:
        """The session that this very form has made already."""
        session = self._members.live.registry.by_form(request.request_id)
        return session if session is not None and joined_before(session, request.request_id) else None

    async def _open_queue(self, slug: str) -> Queue:
        queue = await self._directory.queue_now(slug)
        if queue is None:
            raise Refused(ErrorCode.QUEUE_UNKNOWN)
        if not queue.is_open(self._clock.now_ms()):
            raise Refused(ErrorCode.QUEUE_CLOSED)
        return queue

    async def _make(
        self, link: Link, request: requests.QueueEnter, queue: Queue, token: str, session_id: str
    ) -> tuple[Session, str] | None:
        """Make the session; None when the same form, sent twice at once, has made it a moment before."""
        live = self._members.live
        locale = link.hello.locale if link.hello is not None else "en"
        made: list[str] = []

        def decision(moment: Moment) -> list[Fact]:
            if self._entered(request) is not None:
                return []
            number = tokens.new_number(self._random, live.numbers_in_use)
            entered = transfer.decide_queue_enter(number, queue.id, queue.name, request, locale, token, moment)
            made.append(entered.participant_id)
            return entered.facts

        await live.start(f"form {request.request_id}", session_id, decision)
        session = live.registry.get(session_id)
        return (session, made[0]) if session is not None and made else None

    async def _again(self, session: Session, request: requests.QueueEnter, token: str) -> str:
        """Who sent the form before: he gets a new token."""
        found: list[str] = []

        def decision(_: Moment) -> list[Fact]:
            made = transfer.decide_enter_again(session, request, token)
            if made is None:
                raise Refused(ErrorCode.SESSION_ENDED)
            found.append(made.participant_id)
            self._members.live.spend(session, made.participant_id, made.facts)
            return made.facts

        await self._members.live.change(session, decision)
        return found[0]

    def _count(self, link: Link) -> None:
        waiting = {session.id for session in self._members.live.registry.passed_on()}
        self._came_from = {key: networks for key, networks in self._came_from.items() if key in waiting}
        here = [*self._came_from.values(), *self._coming.values()]
        for network, times in networks_of(link.address):
            if sum(network in networks for networks in here) >= WAITING_PER_NETWORK * times:
                raise Refused(ErrorCode.TOO_MANY_TRIES)
        if self._entries.is_blocked(link.address):
            raise Refused(ErrorCode.TOO_MANY_TRIES)
        self._entries.failed(link.address)


def _networks(link: Link) -> tuple[str, ...]:
    return tuple(network for network, _ in networks_of(link.address))
