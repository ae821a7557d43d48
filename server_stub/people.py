"""What concerns people and their roles in a session: assisting, lock, admission, selection, control, passing on."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from server_stub import addressees, rights
from server_stub.ceiling import Ceiling, controller_of
from server_stub.limits import TryLimiter
from server_stub.link import Link
from server_stub.members import Members
from server_stub.ports import Clock
from server_stub.state import control, customers, transfer
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import Fact
from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from server_stub.store.database import Database
from support_manager.protocol import limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Nothing
from support_manager.protocol.roles import Role, SessionState

log = structlog.get_logger(__name__)

_NOTHING = Nothing()


class People:
    """Carries out the requests by which people come into a session and change their roles.

    Args:
        members: the sessions.
        ceiling: how many customers each rep may help.
        database: queues and accounts.
        clock: wall and monotonic time.
    """

    def __init__(self, members: Members, ceiling: Ceiling, database: Database, clock: Clock) -> None:
        self._members = members
        self._ceiling = ceiling
        self._database = database
        self._tries = TryLimiter(
            per_address=limits.WRONG_NUMBERS_PER_MINUTE_PER_ADDRESS,
            per_site=limits.WRONG_NUMBERS_PER_MINUTE_PER_SITE,
            clock=clock.monotonic_s,
        )
        """By account: what a rep mistypes must keep out no colleague and no customer behind the same address."""

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {
            "session.assist": self._on_session_assist,
            "session.lock": self._on_session_lock,
            "customer.admit": self._on_customer_admit,
            "customer.select": self._on_customer_select,
            "control.transfer": self._on_control_transfer,
            "control.ask": self._on_control_ask,
            "control.refuse": self._on_control_refuse,
            "control.take": self._on_control_take,
            "session.transfer": self._on_session_transfer,
        }

    async def _on_session_assist(self, link: Link, request: requests.SessionAssist) -> requests.Inside:
        authorise("session.assist", Role.ANONYMOUS if link.account is None else Role.SIGNED_IN, SessionState.NONE)
        if link.account is None:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        if self._tries.is_blocked(link.account.id):
            raise Refused(ErrorCode.TOO_MANY_TRIES)
        registry = self._members.live.registry
        session = registry.find(request.number, None) or registry.ended_by_number(request.number)
        if session is None:
            self._tries.failed(link.account.id)
            raise Refused(ErrorCode.WRONG_NUMBER)
        account = await rights.read_now(self._database, link.account)
        inside: list[str] = []

        def decision(moment: Moment) -> list[Fact]:
            facts, participant_id = control.decide_assist(session, account, request.request_id, moment)
            inside.append(participant_id)
            self._members.live.spend(session, account.id, facts)
            return facts

        await self._members.live.change(session, decision)
        me = self._members.still(session, inside[0])
        self._members.live.bind(session, me, link)
        log.info("assisting", session=session.id, participant=me.id, account=account.id)
        return requests.Inside(session=self._members.snapshot(session, me), ice=self._members.ice(session, me))

    # Customers

    async def _on_session_lock(self, link: Link, request: requests.SessionLock) -> Nothing:
        await self._members.change(link, "session.lock", request, lambda s, me, m: customers.decide_lock(s, request))
        return _NOTHING

    async def _on_customer_admit(self, link: Link, request: requests.CustomerAdmit) -> Nothing:
        await self._members.change(
            link,
            "customer.admit",
            request,
            lambda s, me, m: customers.decide_admit(s, me, request, m, room=self._ceiling.room_in(s)),
            burdens=controller_of if request.accept else None,
        )
        return _NOTHING

    async def _on_customer_select(self, link: Link, request: requests.CustomerSelect) -> Nothing:
        await self._members.change(
            link, "customer.select", request, lambda s, me, m: customers.decide_select(s, me, request, m)
        )
        return _NOTHING

    # Control

    async def _on_control_transfer(self, link: Link, request: requests.ControlTransfer) -> Nothing:
        def heir(session: Session) -> str:
            found = session.member(request.to)
            return found.account_id if found is not None else ""

        def decision(session: Session, me: Participant, moment: Moment) -> list[Fact]:
            room = self._ceiling.room_of(heir(session))
            return control.decide_transfer_control(session, me, request.to, moment, room=room)

        def not_any_more(session: Session, me: Participant) -> None:
            # Two transfers raced, and this one lost: he is told where control is, not that he may not (B-9.6).
            if me.role is Role.ASSISTANT and me.was_controller and session.is_live:
                holder = session.holder(Role.CONTROLLER)
                if holder is None or holder.id != request.to:
                    raise Refused(ErrorCode.CONTROL_MOVED)

        session, me = self._members.of(link, request.session_id)
        holder = session.holder(Role.CONTROLLER)
        if me.was_controller and me is not holder and holder is not None and holder.id == request.to:
            return _NOTHING  # asked again, as after a lost answer
        await self._members.change(link, "control.transfer", request, decision, burdens=heir, before=not_any_more)
        return _NOTHING

    async def _on_control_ask(self, link: Link, request: requests.ControlAsk) -> Nothing:
        def nobody_to_ask(session: Session, me: Participant) -> None:
            if me.role is Role.ASSISTANT and session.state in transfer.PASSED_ON:
                raise Refused(ErrorCode.NO_CONTROLLER)

        await self._members.change(
            link,
            "control.ask",
            request,
            lambda s, me, m: control.decide_ask_control(me, request),
            before=nobody_to_ask,
        )
        return _NOTHING

    async def _on_control_refuse(self, link: Link, request: requests.ControlRefuse) -> Nothing:
        await self._members.change(
            link, "control.refuse", request, lambda s, me, m: control.decide_refuse_control(s, me, request)
        )
        return _NOTHING

    async def _on_control_take(self, link: Link, request: requests.ControlTake) -> Nothing:
        account_id = link.account.id if link.account is not None else ""

        def decision(session: Session, me: Participant, moment: Moment) -> list[Fact]:
            return control.decide_take_control(session, me, moment, room=self._ceiling.room_of(account_id))

        await self._members.change(link, "control.take", request, decision, burdens=lambda _: account_id)
        return _NOTHING

    async def _on_session_transfer(self, link: Link, request: requests.SessionTransfer) -> Nothing:
        session, me = self._members.of(link, request.session_id)
        authorise("session.transfer", me.role, session.state)
        account_id = link.account.id if link.account is not None else ""
        agents = await addressees.agents_of(self._database, (account_id, *request.agents))
        if account_id not in agents:
            raise Refused(ErrorCode.NO_PRIVILEGE)
        if (request.queue_id is None) == (not request.agents):
            raise Refused(ErrorCode.BAD_MESSAGE)
        if not agents.issuperset(request.agents):
            raise Refused(ErrorCode.AGENT_UNKNOWN)
        queue_name = ""
        if request.queue_id is not None:
            queue_name = await addressees.queue_name(self._database, request.queue_id)
        await self._members.change(
            link,
            "session.transfer",
            request,
            lambda s, me, m: transfer.decide_pass_on(s, me, request, queue_name, m),
        )
        log.info("session passed on", session=session.id, account=account_id, queue=request.queue_id)
        return _NOTHING
