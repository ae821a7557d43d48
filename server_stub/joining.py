"""Coming into a session and coming back: start, list, join, resume, and the limits on wrong guesses."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog

from server_stub import rights
from server_stub.audit import Audit
from server_stub.ceiling import Ceiling, controller_of
from server_stub.limits import TryLimiter, networks_of
from server_stub.link import Link
from server_stub.members import Members
from server_stub.ports import Clock, RandomBytes
from server_stub.state import customers, decide, tokens
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import Fact, Joined
from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from server_stub.store.database import Database
from server_stub.tasks import TaskOwner
from support_manager.protocol import limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Connection

log = structlog.get_logger(__name__)

SLOW_ANSWER_S = 2.0
"""How long every answer to a join by number waits while the whole site sees too many wrong numbers (B-2.7)."""
WAITERS_PER_NETWORK = 20
"""So many may wait to be let into one session from one network, and a few times as many from a wider one (see
`networks_of`): nobody takes all places from one, whose number he has."""


class Joining:
    """Lets reps and customers into sessions.

    Args:
        members: the sessions.
        ceiling: how many customers each rep may help.
        database: the accounts.
        audit: who guesses numbers.
        clock: wall and monotonic time.
        random: unpredictable bytes.
        tasks: owner of what goes on after an answer.
    """

    def __init__(
        self,
        members: Members,
        ceiling: Ceiling,
        database: Database,
        audit: Audit,
        clock: Clock,
        random: RandomBytes,
        tasks: TaskOwner,
    ) -> None:
        self._members = members
        self._ceiling = ceiling
        self._database = database
        self._audit = audit
        self._clock = clock
        self._random = random
        self._tasks = tasks
        self._tries = TryLimiter(
            per_address=limits.WRONG_NUMBERS_PER_MINUTE_PER_ADDRESS,
            per_site=limits.WRONG_NUMBERS_PER_MINUTE_PER_SITE,
            clock=clock.monotonic_s,
        )
        self._audited_s = float("-inf")
        self._came_from: dict[str, dict[str, tuple[str, ...]]] = {}
        """Session → who waits to be let in → the networks, from narrow to wide, from which he came."""

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {
            "session.start": self._on_session_start,
            "session.list": self._on_session_list,
            "session.join": self._on_session_join,
            "session.resume": self._on_session_resume,
        }

    async def _on_session_start(self, link: Link, request: requests.SessionStart) -> requests.SessionStarted:
        authorise("session.start", Role.ANONYMOUS if link.account is None else Role.SIGNED_IN, SessionState.NONE)
        if link.account is None:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        account = await rights.read_now(self._database, link.account)
        live, registry = self._members.live, self._members.live.registry
        session_id = tokens.new_id(self._random)

        def started() -> Session | None:
            mine = (s for s in registry.of_account(account.id) if s.account_id == account.id)
            return next((s for s in mine if s.request_id == request.request_id), None)

        def decision(moment: Moment) -> list[Fact]:
            if started() is not None:
                return []
            number = tokens.new_number(self._random, live.numbers_in_use)
            return decide.decide_start(account, number, request, moment, room=self._ceiling.room_of(account.id))

        await live.start(account.id, session_id, decision)
        session = started()
        if session is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        me = session.rep_of(account.id)
        if me is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        if me.connection is not Connection.ONLINE:  # asked again, as after a lost answer
            await live.change(session, lambda _: decide.decide_return(me) if session.is_live else [])
        live.bind(session, me, link)
        log.info("session started", session=session.id, account=account.id)
        return requests.SessionStarted(session=self._members.snapshot(session, me))

    async def _on_session_list(self, link: Link, request: requests.SessionList) -> requests.Sessions:
        account = link.account
        authorise("session.list", Role.ANONYMOUS if account is None else Role.SIGNED_IN, SessionState.NONE)
        if account is None:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        views = []
        for session in self._members.live.registry.of_account(account.id):
            me = self._members.of_account(session, account.id)
            if me is not None:
                views.append(self._members.snapshot(session, me, with_chat=False))
        return requests.Sessions(sessions=tuple(views))

    async def _on_session_join(self, link: Link, request: requests.SessionJoin) -> requests.Joined:
        authorise("session.join", Role.SIGNED_IN if link.account else Role.ANONYMOUS, SessionState.NONE)
        if (request.number is None) == (request.link_token is None):
            raise Refused(ErrorCode.BAD_MESSAGE)
        session = await self._find(link, request)
        token = tokens.new_token(self._random)
        locale = link.hello.locale if link.hello is not None else "en"
        joined: list[str] = []

        def decision(moment: Moment) -> list[Fact]:
            if not session.is_live:
                raise Refused(ErrorCode.WRONG_NUMBER)
            made = customers.decide_join(session, request, locale, token, moment, room=self._ceiling.room_in(session))
            joined.append(made.participant_id)
            if any(isinstance(fact, Joined) and fact.role is Role.WAITING for fact in made.facts):
                self._find_room(session, link, made.participant_id)
            self._members.live.spend(session, "", made.facts)
            return made.facts

        await self._members.live.change(session, decision, burdens=lambda: controller_of(session))
        me = self._members.still(session, joined[0])
        self._members.live.bind(session, me, link)
        log.info("joined", session=session.id, participant=me.id, address=link.address)
        return requests.Joined(
            session=self._members.snapshot(session, me), resume_token=token, ice=self._members.ice(session, me)
        )

    def _find_room(self, session: Session, link: Link, participant_id: str) -> None:
        """Let one more from there wait to be let in, or refuse it."""
        registry = self._members.live.registry
        self._came_from = {key: people for key, people in self._came_from.items() if registry.get(key) is not None}
        people = self._came_from.setdefault(session.id, {})
        here = [people[one.id] for one in session.members() if one.role is Role.WAITING and one.id in people]
        for network, times in networks_of(link.address):
            if sum(network in networks for networks in here) >= WAITERS_PER_NETWORK * times:
                raise Refused(ErrorCode.SESSION_TAKEN)
        people[participant_id] = tuple(network for network, _ in networks_of(link.address))

    async def _find(self, link: Link, request: requests.SessionJoin) -> Session:
        """The session behind a number or a link; a wrong link counts as a wrong number does (B-2.7).

        A link's token cannot be guessed, so a right one opens also where somebody at the same address has guessed too
        much, and waits for nobody: the abuser of an office must not keep out its customers.
        """
        by_number = request.link_token is None
        session = self._members.live.registry.find(request.number, request.link_token)
        if session is not None and not by_number:
            return session
        if self._tries.is_blocked(link.address):
            raise Refused(ErrorCode.TOO_MANY_TRIES)
        if self._tries.is_site_slow:
            await self._slow_down(link)
            # Looked up anew: the session may have ended meanwhile, and others at this address have guessed on.
            session = self._members.live.registry.find(request.number, request.link_token)
            if self._tries.is_blocked(link.address):
                raise Refused(ErrorCode.TOO_MANY_TRIES)
        if session is None:
            self._tries.failed(link.address)
            raise Refused(ErrorCode.WRONG_NUMBER)
        return session

    async def _slow_down(self, link: Link) -> None:
        now = self._clock.monotonic_s()
        if now - self._audited_s >= 60:
            self._audited_s = now
            written = self._audit.record(
                "wrong_numbers", who=link.address, what="over the site's limit", address=link.address
            )
            self._tasks.spawn(written, name="audit")
        await asyncio.sleep(SLOW_ANSWER_S)

    async def _on_session_resume(self, link: Link, request: requests.SessionResume) -> requests.Resumed:
        session = self._members.live.registry.get(request.session_id)
        used = request.resume_token
        if session is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN if link.account else ErrorCode.RESUME_REFUSED)
        new = tokens.new_token(self._random) if link.account is None and session.is_live else None
        found: list[Participant] = []

        def decision(_: Moment) -> list[Fact]:
            me = self._who_resumes(session, link, used)
            authorise("session.resume", me.role, session.state)
            found.append(me)
            facts = decide.decide_resume(session, me, used, new)
            self._members.live.spend(session, me.id, facts)
            return facts

        await self._members.live.change(session, decision)
        me = found[0]
        self._members.live.bind(session, me, link)
        log.info("resumed", session=session.id, participant=me.id, address=link.address)
        return requests.Resumed(
            session=self._members.snapshot(session, me, request.after_seq),
            ice=self._members.ice(session, me),
            resume_token=new if session.is_live else None,
        )

    @staticmethod
    def _who_resumes(session: Session, link: Link, token: str | None) -> Participant:
        if link.account is not None:
            me = Members.of_account(session, link.account.id)
            if me is None or token is not None:
                raise Refused(ErrorCode.SESSION_UNKNOWN)
            return me
        if token is None:
            raise Refused(ErrorCode.RESUME_REFUSED)
        return decide.find_by_token(session, token)
