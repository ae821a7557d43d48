"""The agents' side of waiting: Inbox, presence, offers taken and declined, and who is told of changes (B-11)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Set
from typing import Any

import structlog

from server_stub.ceiling import Ceiling
from server_stub.directory import Directory
from server_stub.link import Link
from server_stub.live import packet_of
from server_stub.members import Members
from server_stub.ports import Clock, RelaySettings
from server_stub.presence import Presences
from server_stub.state import transfer
from server_stub.state.decide import Moment, decide_return
from server_stub.state.dispatch import Dispatcher
from server_stub.state.facts import (
    ConnectionChanged,
    Ended,
    Entered,
    Entry,
    Fact,
    Joined,
    Left,
    PassedOn,
    RoleChanged,
    StateChanged,
)
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from server_stub.store.database import StoreError
from server_stub.store.journal import JournalFailed
from server_stub.tasks import TaskOwner
from server_stub.waiting_room import WaitingRoom
from support_manager.protocol import events, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Nothing
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import AccountView, InboxView, Place, Presence

log = structlog.get_logger(__name__)

COALESCE_S = 0.010
"""Changes within this time are told at once; nobody waits longer for them."""
_AGAIN_S = 1.0
_CATCH_UP_S = 0.1
_LONG_CHARS = 64 * 1024
_LONG_CHARS_PER_S = 4 * 1024 * 1024
"""How fast one agent is told long Inboxes: strangers write them, and must not cut him off or keep the relay busy."""
_NO_INBOX = InboxView(presence=Presence.OFFLINE, chosen=Presence.ONLINE)
"""What is left of it when an agent's privilege is taken away."""
_MINUTE_MS = 60_000
_NOTHING = Nothing()
_MATTERS = (ConnectionChanged, Ended, Entered, Joined, Left, PassedOn, RoleChanged, StateChanged)


class Inbox:
    """Keeps offers, Inboxes and places true.

    Args:
        members: the sessions.
        ceiling: how many customers each rep may help.
        directory: queues and agents.
        settings: how long chosen agents are asked.
        clock: wall and monotonic time.
        tasks: owner of what goes on after an answer.
    """

    def __init__(
        self,
        members: Members,
        ceiling: Ceiling,
        directory: Directory,
        settings: RelaySettings,
        clock: Clock,
        tasks: TaskOwner,
    ) -> None:
        self._members = members
        self._ceiling = ceiling
        self._directory = directory
        self._settings = settings
        self._clock = clock
        self._tasks = tasks
        self._presences = Presences(clock, ceiling.room_of)
        self._dispatcher = Dispatcher()
        self._room = WaitingRoom(directory, self._presences)
        self._places: dict[str, Place] = {}
        self._told: dict[Link, InboxView] = {}
        self._not_before_s: dict[Link, float] = {}
        """When an agent who was told a long Inbox may be told the next one."""
        self._falling: set[str] = set()
        self._soon: asyncio.TimerHandle | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {
            "inbox.open": self._on_inbox_open,
            "presence.set": self._on_presence_set,
            "offer.accept": self._on_offer_accept,
            "offer.decline": self._on_offer_decline,
            "transfer.targets": self._on_transfer_targets,
        }

    async def open(self) -> None:
        """Learn who and what there is, and look after it from now on; only once the relay has its sessions.

        Raises:
            StoreError: the queues cannot be read.
        """
        await self._directory.reload()
        self._members.live.watch(self._seen, _MATTERS)
        self._members.place_of = self.place_of
        self._tasks.spawn(self._directory.follow(self.settle_soon), name="queues")
        self.settle()

    def close(self) -> None:
        """Nobody is told of anything any more."""
        self._is_closed = True
        for timer in (self._soon, self._timer):
            if timer is not None:
                timer.cancel()

    def gone(self, link: Link) -> None:
        """A connection is no more."""
        self._told.pop(link, None)
        self._not_before_s.pop(link, None)
        if self._presences.gone(link):
            self.settle_soon()

    def place_of(self, session: Session) -> Place | None:
        """The place in line of a waiting session's customer; None for a session that does not wait."""
        return self._places.get(session.id) if session.transfer is not None else None

    # Keeping it true

    def _seen(self, session: Session, entry: Entry) -> None:
        self.settle_soon()

    def settle_soon(self) -> None:
        """Bring everything up to date in a moment, with whatever else changes until then."""
        if self._soon is None and not self._is_closed:
            self._soon = asyncio.get_running_loop().call_later(COALESCE_S, self._settle_safely)

    def _settle_safely(self) -> None:
        try:
            self.settle()
        except Exception:
            # Called by the loop: a mistake here must not silence the Inboxes for good.
            log.exception("inboxes could not be brought up to date")
            self._later(_AGAIN_S)

    def settle(self, *, answered: Link | None = None) -> None:
        """Bring offers, Inboxes and places up to date now, and tell whoever sees something change.

        Args:
            answered: gets his Inbox as an answer, and not as an event besides.
        """
        if self._soon is not None:
            self._soon.cancel()
            self._soon = None
        registry, now = self._members.live.registry, self._clock.now_ms()
        customers = {account_id: registry.customers_of(account_id) for account_id in self._directory.agents}
        line = self._room.look(now, registry.passed_on(), customers)
        outcome = self._dispatcher.step(now, line, self._room.queues, self._room.agents, self._settings.offer_s * 1_000)
        for session_id in outcome.falls:
            if session_id not in self._falling:
                self._falling.add(session_id)
                self._tasks.spawn(self._fall(session_id), name="fall to queue")
        self._tell_customers()
        wait_s = _CATCH_UP_S if self._tell_agents(answered) else 60.0
        if outcome.next_ms is not None:
            wait_s = min(wait_s, max(0, outcome.next_ms - now) / 1_000 + 0.001)
        # Queues open and close at whole minutes, and nothing else may happen then.
        self._later(min(wait_s, (_MINUTE_MS - now % _MINUTE_MS) / 1_000 + 0.001))

    def _later(self, delay_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        if self._is_closed:
            return
        self._timer = asyncio.get_running_loop().call_later(delay_s, self._settle_safely)

    def _tell_customers(self) -> None:
        before, self._places = self._places, self._room.places()
        for session_id, place in self._places.items():
            session = self._room.session(session_id)
            if session is None or before.get(session_id) == place:
                continue
            packet = packet_of("place", events.PlaceChanged(session_id=session_id, place=place))
            for person in session.members():
                link = self._members.live.link_of(session, person.id)
                if link is not None and person.role is not Role.WAITING:
                    link.send(packet)

    def _tell_agents(self, answered: Link | None) -> bool:
        """Tell them what has changed; whether somebody is so far behind that he is told later."""
        views: dict[str, InboxView] = {}
        alone = self._dispatcher.asked_alone(self._room.queues)
        now_s, is_late = self._clock.monotonic_s(), False
        for account_id, link in self._presences.links():
            if account_id not in views:
                is_agent = account_id in self._directory.agents
                asked: Set[str] = alone.get(account_id, frozenset())
                views[account_id] = self._room.inbox(account_id, self._dispatcher, asked) if is_agent else _NO_INBOX
            view = views[account_id]
            if link is answered:
                self._told[link] = view
            elif self._told.get(link) == view:
                continue
            elif link.is_behind or now_s < self._not_before_s.get(link, now_s):
                is_late = True
            else:
                self._told[link] = view
                packet = packet_of("inbox", events.InboxChanged(inbox=view))
                if len(packet) > _LONG_CHARS:
                    self._not_before_s[link] = now_s + len(packet) / _LONG_CHARS_PER_S
                link.send(packet)
        return is_late

    async def _fall(self, session_id: str) -> None:
        """Nobody accepted, or the queue is gone: to the head of the site's default queue (B-10.4)."""
        try:
            await self._directory.reload()
            session = self._members.live.registry.get(session_id)
            if session is None:
                return
            passed_on = session.transfer

            def decision(moment: Moment) -> list[Fact]:
                if session.transfer != passed_on or passed_on is None:
                    return []
                if session.state is SessionState.QUEUED and passed_on.queue_id in self._directory.queues:
                    return []
                queue = self._directory.default
                return transfer.decide_fall_to_queue(session, queue.id, queue.name, moment, from_queue=True)

            await self._members.live.change(session, decision)
        except (JournalFailed, StoreError):
            await asyncio.sleep(_AGAIN_S)
        finally:
            self._falling.discard(session_id)
            self.settle_soon()

    # Requests

    async def _agent(self, link: Link) -> AccountView:
        """The agent who asks, as he may now and not as when he came.

        Raises:
            Refused: `not_allowed` for a page, `no_privilege` for a rep who is no agent.
            StoreError: the database failed.
        """
        if link.account is None:
            raise Refused(ErrorCode.NOT_ALLOWED)
        if link.account.id not in self._directory.agents:
            await self._directory.reload()
        agent = self._directory.agents.get(link.account.id)
        if agent is None:
            raise Refused(ErrorCode.NO_PRIVILEGE)
        return agent

    async def _on_inbox_open(self, link: Link, request: requests.InboxOpen) -> InboxView:
        agent = await self._agent(link)
        if link.is_closing:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        self._presences.open(agent.id, link)
        self.settle(answered=link)
        return self._told[link]

    async def _on_presence_set(self, link: Link, request: requests.PresenceSet) -> Nothing:
        agent = await self._agent(link)
        if request.presence is Presence.OFFLINE:
            raise Refused(ErrorCode.BAD_MESSAGE)
        if not self._presences.is_there(agent.id):
            raise Refused(ErrorCode.NOT_ALLOWED)
        self._presences.choose(agent.id, request.presence)
        self.settle()
        return _NOTHING

    async def _on_transfer_targets(self, link: Link, request: requests.TransferTargets) -> requests.Targets:
        agent = await self._agent(link)
        await self._directory.look()
        self.settle()
        return requests.Targets(queues=self._room.queue_views(agent.id), agents=self._room.agent_views(agent.id))

    async def _on_offer_decline(self, link: Link, request: requests.OfferDecline) -> Nothing:
        agent = await self._agent(link)
        if not self._may_take(request.session_id, agent.id):
            raise Refused(ErrorCode.OFFER_GONE)
        self._dispatcher.decline(request.session_id, agent.id)
        self.settle()
        return _NOTHING

    def _may_take(self, session_id: str, account_id: str) -> bool:
        self.settle()
        return self._dispatcher.may_take(session_id, account_id, self._room.queues)

    async def _on_offer_accept(self, link: Link, request: requests.OfferAccept) -> requests.Inside:
        agent = await self._agent(link)
        session = self._members.live.registry.get(request.session_id)
        if session is None:
            raise Refused(ErrorCode.OFFER_GONE)
        inside: list[str] = []

        def decision(moment: Moment) -> list[Fact]:
            mine = session.rep_of(agent.id)
            if session.is_live and mine is not None and mine.role is Role.CONTROLLER:
                inside.append(mine.id)  # asked again, as after a lost answer
                return decide_return(mine)
            if not self._may_take(session.id, agent.id):
                raise Refused(ErrorCode.OFFER_GONE)
            facts, participant_id = transfer.decide_accept(session, agent, moment, room=self._ceiling.room_of(agent.id))
            inside.append(participant_id)
            # By account and not by all who come in: strangers must not use up what an agent needs.
            self._members.live.spend(session, agent.id, facts)
            return facts

        await self._members.live.change(session, decision, burdens=lambda: agent.id)
        me = self._members.still(session, inside[0])
        self._members.live.bind(session, me, link)
        log.info("offer accepted", session=session.id, participant=me.id, account=agent.id)
        return requests.Inside(session=self._members.snapshot(session, me), ice=self._members.ice(session, me))
