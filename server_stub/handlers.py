"""The edge of the relay: decode, authorise, change the state, journal, acknowledge; never raises, always acks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import structlog
from aiohttp import web
from sqlalchemy import insert, select

from server_stub.connections import Link, Server
from server_stub.http_api import relay_version
from server_stub.limits import TryLimiter
from server_stub.live import LiveSessions, packet_of
from server_stub.ports import AccountsPort, Clock, RandomBytes, RelaySettings, SystemClock, random_bytes
from server_stub.state import activities, decide, tokens
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import ActivitySet, Fact
from server_stub.state.model import Participant, Session
from server_stub.state.project import snapshot
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import JournalFailed
from server_stub.tasks import TaskOwner
from support_manager.protocol import events, limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import REQUESTS, Nothing, Request
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION
from support_manager.protocol.views import Connection, EndReason, IceServers, LeaveReason, SessionView, SiteView
from support_manager.protocol.wire import ProtocolError, decode_request, to_message

log = structlog.get_logger(__name__)

_TICK_S = 5.0
_SLOW_ANSWER_S = 2.0
"""How long every answer to a join by number waits while the whole site sees too many wrong numbers (B-2.7)."""
_LINK_KEY = "link_key"
_NOTHING = Nothing()
_encode = msgspec.json.Encoder().encode


class Relay:
    """The relay's core: sessions, their members and what flows between them.

    Args:
        database: open and up to date.
        settings: what the operator decided.
        accounts: who a rep is.
        clock: wall and monotonic time.
        random: unpredictable bytes.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: RelaySettings,
        accounts: AccountsPort,
        clock: Clock | None = None,
        random: RandomBytes = random_bytes,
    ) -> None:
        self._database = database
        self._settings = settings
        self._accounts = accounts
        self._clock = clock or SystemClock()
        self._random = random
        self._tasks = TaskOwner("relay")
        self._server = Server(self, settings, self._clock.monotonic_s)
        self._tries = TryLimiter(
            per_address=limits.WRONG_NUMBERS_PER_MINUTE_PER_ADDRESS,
            per_site=limits.WRONG_NUMBERS_PER_MINUTE_PER_SITE,
            clock=self._clock.monotonic_s,
        )
        self._audited_s = float("-inf")
        self._is_stopping = False
        self._live: LiveSessions | None = None
        self._handlers: dict[str, Callable[[Link, Any], Awaitable[Wire]]] = {
            "session.start": self._on_session_start,
            "session.list": self._on_session_list,
            "session.join": self._on_session_join,
            "session.resume": self._on_session_resume,
            "session.end": self._on_session_end,
            "session.leave": self._on_session_leave,
            "page.closing": self._on_page_closing,
            "participant.report": self._on_participant_report,
            "activity.ask": self._on_activity_ask,
            "activity.offer": self._on_activity_offer,
            "activity.answer": self._on_activity_answer,
            "activity.update": self._on_activity_update,
            "activity.stop": self._on_activity_stop,
            "chat.send": self._on_chat_send,
            "signal.send": self._on_signal_send,
            "ice.get": self._on_ice_get,
        }

    # Life

    async def start(self) -> None:
        """Rebuild the live sessions from the journal, before the first client comes.

        Raises:
            StoreError: the journal cannot be read.
        """
        registry = Registry(await self._link_key())
        self._live = LiveSessions(self._database, registry, self._clock, self._random)
        await self._live.rebuild()
        self._tasks.spawn(self._tick(), name="tick")

    def attach(self, app: web.Application) -> None:
        """Serve Socket.IO under `/socket.io/` of `app`."""
        self._server.attach(app)

    async def stop(self) -> None:
        """Tell every client `relay_stopping`, write what waits, close the sockets."""
        self._is_stopping = True
        notice = packet_of("notice", events.Notice(code=ErrorCode.RELAY_STOPPING))
        links = self._server.links
        for link in links:
            link.send(notice)
        await self._tasks.aclose()
        if self._live is not None:
            await self._live.close()
        await self._server.close_all(links)

    def figures(self) -> tuple[int, int]:
        """Live sessions and participants, for `/health`."""
        sessions = self._sessions.registry.live() if self._live is not None else []
        return len(sessions), sum(len(session.members()) for session in sessions)

    @property
    def _sessions(self) -> LiveSessions:
        if self._live is None:
            raise RuntimeError("the relay has not started")
        return self._live

    async def _link_key(self) -> bytes:
        """The installation's key for link tokens, made at the first start."""
        table = tables.setting
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table.c.value).where(table.c.key == _LINK_KEY))).first()
            if row is not None:
                return bytes.fromhex(str(row.value))
            key = self._random(32)
            await connection.execute(insert(table).values(key=_LINK_KEY, value=key.hex()))
            return key

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self._sessions.tick()
            except Exception:
                log.exception("tick failed")

    # Connections (connections.Requests)

    async def admit(self, link: Link, auth: object) -> ErrorCode | None:
        """Say who a new connection is, or why it may not come in; never raises."""
        try:
            code = await self._admit(link, auth)
        except ProtocolError as error:
            code = error.code
        except StoreError:
            code = ErrorCode.RELAY_BUSY
        except Exception:
            log.exception("connect failed", address=link.address)
            code = ErrorCode.INTERNAL
        if code is not None:
            log.info("connection refused", code=code.value, address=link.address)
        return code

    async def _admit(self, link: Link, auth: object) -> ErrorCode | None:
        if self._is_stopping or self._live is None:
            return ErrorCode.RELAY_STOPPING
        # The version comes first: a client of another version may well send other fields.
        version = auth.get("v") if isinstance(auth, dict) else None
        if type(version) is int and version < OLDEST_SUPPORTED:
            return ErrorCode.VERSION_TOO_OLD
        if type(version) is int and version > PROTOCOL_VERSION:
            return ErrorCode.VERSION_TOO_NEW
        hello = to_message(auth, requests.Hello)
        if hello.client == "app":
            if hello.access is None:
                return ErrorCode.NOT_SIGNED_IN
            link.account = await self._accounts.account_by_access(hello.access)
            if link.account is None:
                return ErrorCode.TOKEN_EXPIRED
        elif hello.client != "page" or hello.access is not None:
            return ErrorCode.BAD_MESSAGE
        link.hello = hello
        return None

    def welcome(self, link: Link) -> None:
        """Greet a connection that is in."""
        site = SiteView(
            company=self._settings.company,
            relay_version=relay_version(),
            protocol=PROTOCOL_VERSION,
            oldest_protocol=OLDEST_SUPPORTED,
            url=self._settings.public_url,
        )
        link.send(packet_of("welcome", events.Welcome(site=site, now=self._clock.now_ms(), account=link.account)))

    def gone(self, link: Link) -> None:
        """A connection is no more: whoever it was has lost it."""
        if self._live is None:
            return
        for session, participant_id in self._sessions.unbind(link):
            if not self._is_stopping:
                lost = self._sessions.change_connection(session, participant_id, Connection.LOST)
                self._tasks.spawn(lost, name="connection lost")

    async def answer(self, link: Link, event: str, arguments: list[Any]) -> str:
        """Carry out a request and give the JSON of its ack; never raises."""
        try:
            now = self._clock.monotonic_s()
            if not link.bucket.take(now):
                raise Refused(ErrorCode.TOO_FAST)
            if event not in REQUESTS:
                raise Refused(ErrorCode.UNKNOWN_EVENT)
            request = decode_request(event, arguments[0] if len(arguments) == 1 else None)
            reply = await self._handlers[event](link, request)
            return f'{{"ok":true,"value":{_encode(reply).decode()}}}'
        except (Refused, ProtocolError) as error:
            code = error.code
        except JournalFailed:
            code = ErrorCode.RELAY_STOPPING if self._is_stopping else ErrorCode.RELAY_BUSY
        except Exception:
            log.exception("request failed", request=event if event in REQUESTS else "unknown")
            code = ErrorCode.INTERNAL
        self._note_refusal(link, event, code)
        return f'{{"ok":false,"code":"{code.value}"}}'

    def _note_refusal(self, link: Link, event: str, code: ErrorCode) -> None:
        log.info(
            "request refused",
            request=event if event in REQUESTS else "unknown",
            code=code.value,
            address=link.address,
            sessions=tuple(link.bound),
        )
        senseless = code in (ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_EVENT, ErrorCode.TOO_FAST)
        if senseless and not link.strikes.take(self._clock.monotonic_s()):
            link.kick("too many senseless messages")

    # Sessions: coming and going

    async def _on_session_start(self, link: Link, request: requests.SessionStart) -> requests.SessionStarted:
        account = link.account
        authorise("session.start", Role.ANONYMOUS if account is None else Role.SIGNED_IN, SessionState.NONE)
        if account is None:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        live, registry = self._sessions, self._sessions.registry
        session_id = tokens.new_id(self._random)

        def decision(moment: Moment) -> list[Fact]:
            if any(s.request_id == request.request_id for s in registry.of_account(account.id)):
                return []
            number = tokens.new_number(self._random, live.numbers_in_use)
            return decide.decide_start(account, number, request, moment)

        await live.start(account.id, session_id, decision)
        session = next(s for s in registry.of_account(account.id) if s.request_id == request.request_id)
        me = session.holder(Role.CONTROLLER)
        if me is None:
            raise Refused(ErrorCode.INTERNAL)
        live.bind(session, me, link)
        log.info("session started", session=session.id, account=account.id)
        return requests.SessionStarted(session=self._snapshot(session, me))

    async def _on_session_list(self, link: Link, request: requests.SessionList) -> requests.Sessions:
        account = link.account
        authorise("session.list", Role.ANONYMOUS if account is None else Role.SIGNED_IN, SessionState.NONE)
        if account is None:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        views = []
        for session in self._sessions.registry.of_account(account.id):
            me = self._account_member(session, account.id)
            if me is not None:
                views.append(self._snapshot(session, me))
        return requests.Sessions(sessions=tuple(views))

    async def _on_session_join(self, link: Link, request: requests.SessionJoin) -> requests.Joined:
        authorise("session.join", Role.SIGNED_IN if link.account else Role.ANONYMOUS, SessionState.NONE)
        if (request.number is None) == (request.link_token is None):
            raise Refused(ErrorCode.BAD_MESSAGE)
        by_number = request.link_token is None
        if by_number and self._tries.is_blocked(link.address):
            raise Refused(ErrorCode.TOO_MANY_TRIES)
        if by_number and self._tries.is_site_slow:
            await self._slow_down(link)
        session = self._sessions.registry.find(request.number, request.link_token)
        if session is None:
            if by_number:
                self._tries.failed(link.address)
            raise Refused(ErrorCode.WRONG_NUMBER)
        token = tokens.new_token(self._random)
        locale = link.hello.locale if link.hello is not None else "en"
        joined: list[str] = []

        def decision(moment: Moment) -> list[Fact]:
            if not session.is_live:
                raise Refused(ErrorCode.WRONG_NUMBER)
            made = decide.decide_join(session, request, locale, token, moment)
            joined.append(made.participant_id)
            return made.facts

        await self._sessions.change(session, decision)
        me = self._still_member(session, joined[0])
        self._sessions.bind(session, me, link)
        log.info("joined", session=session.id, participant=me.id, address=link.address)
        return requests.Joined(session=self._snapshot(session, me), resume_token=token, ice=self._ice())

    async def _slow_down(self, link: Link) -> None:
        now = self._clock.monotonic_s()
        if now - self._audited_s >= 60:
            self._audited_s = now
            self._tasks.spawn(self._audit("wrong_numbers", link.address, "over the site's limit"), name="audit")
        await asyncio.sleep(_SLOW_ANSWER_S)

    async def _audit(self, kind: str, who: str, what: str) -> None:
        log.warning("audit", kind=kind, who=who, what=what)
        async with self._database.transaction() as connection:
            entry = insert(tables.audit).values(at=self._clock.now_ms(), kind=kind, who=who, what=what)
            await connection.execute(entry)

    async def _on_session_resume(self, link: Link, request: requests.SessionResume) -> requests.Resumed:
        session = self._sessions.registry.get(request.session_id)
        used = request.resume_token
        if session is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN if link.account else ErrorCode.RESUME_REFUSED)
        new = tokens.new_token(self._random) if link.account is None and session.is_live else None
        found: list[Participant] = []

        def decision(_: Moment) -> list[Fact]:
            me = self._who_resumes(session, link, used)
            authorise("session.resume", me.role, session.state)
            found.append(me)
            return decide.decide_resume(session, me, used, new)

        await self._sessions.change(session, decision)
        me = found[0]
        self._sessions.bind(session, me, link)
        log.info("resumed", session=session.id, participant=me.id, address=link.address)
        return requests.Resumed(
            session=self._snapshot(session, me, request.after_seq),
            ice=self._ice() if session.is_live else IceServers(),
            resume_token=new if session.is_live else None,
        )

    @staticmethod
    def _who_resumes(session: Session, link: Link, token: str | None) -> Participant:
        if link.account is not None:
            me = Relay._account_member(session, link.account.id)
            if me is None or token is not None:
                raise Refused(ErrorCode.SESSION_UNKNOWN)
            return me
        if token is None:
            raise Refused(ErrorCode.RESUME_REFUSED)
        return decide.find_by_token(session, token)

    @staticmethod
    def _account_member(session: Session, account_id: str) -> Participant | None:
        return next((p for p in session.members() if p.account_id == account_id), None)

    async def _on_session_end(self, link: Link, request: requests.SessionEnd) -> Nothing:
        await self._change(
            link, "session.end", request, lambda s, me, m: decide.decide_end(s, EndReason.ENDED_BY_REP, me.id, m)
        )
        return _NOTHING

    async def _on_session_leave(self, link: Link, request: requests.SessionLeave) -> Nothing:
        await self._change(
            link, "session.leave", request, lambda s, me, m: decide.decide_leave(s, me, LeaveReason.LEFT, m)
        )
        return _NOTHING

    async def _on_page_closing(self, link: Link, request: requests.PageClosing) -> Nothing:
        await self._change(
            link,
            "page.closing",
            request,
            lambda s, me, m: decide.decide_connection(s, me, Connection.CLOSED_PAGE, m),
        )
        return _NOTHING

    async def _on_participant_report(self, link: Link, request: requests.ParticipantReport) -> Nothing:
        await self._change(link, "participant.report", request, lambda s, me, m: decide.decide_report(me, request))
        return _NOTHING

    # Activities

    async def _on_activity_ask(self, link: Link, request: requests.ActivityAsk) -> requests.ActivityMade:
        return await self._make_activity(
            link,
            "activity.ask",
            request,
            lambda s, me, m, new: activities.decide_ask(s, me, request, m.now_ms, new),
        )

    async def _on_activity_offer(self, link: Link, request: requests.ActivityOffer) -> requests.ActivityMade:
        return await self._make_activity(
            link,
            "activity.offer",
            request,
            lambda s, me, m, new: activities.decide_offer(s, me, request, m.now_ms, new),
        )

    async def _make_activity(
        self,
        link: Link,
        event: str,
        request: requests.ActivityAsk | requests.ActivityOffer,
        decision: Callable[[Session, Participant, Moment, str], list[Fact]],
    ) -> requests.ActivityMade:
        made: list[str] = []

        def once(session: Session, me: Participant, moment: Moment) -> list[Fact]:
            known = session.requests.get((me.id, request.request_id))
            if known is not None:
                made.append(known)
                return []
            facts = decision(session, me, moment, tokens.new_id(self._random))
            made.extend(fact.activity.id for fact in facts if isinstance(fact, ActivitySet))
            return facts

        await self._change(link, event, request, once)
        return requests.ActivityMade(activity_id=made[0])

    async def _on_activity_answer(self, link: Link, request: requests.ActivityAnswer) -> Nothing:
        await self._change(
            link, "activity.answer", request, lambda s, me, m: activities.decide_answer(s, me, request, m.now_ms)
        )
        return _NOTHING

    async def _on_activity_update(self, link: Link, request: requests.ActivityUpdate) -> Nothing:
        await self._change(
            link, "activity.update", request, lambda s, me, m: activities.decide_update(s, me, request, m.now_ms)
        )
        return _NOTHING

    async def _on_activity_stop(self, link: Link, request: requests.ActivityStop) -> Nothing:
        await self._change(
            link, "activity.stop", request, lambda s, me, m: activities.decide_stop(s, me, request, m.now_ms)
        )
        return _NOTHING

    # Chat, signals, ICE

    async def _on_chat_send(self, link: Link, request: requests.ChatSend) -> requests.ChatSent:
        session, me = await self._change(
            link, "chat.send", request, lambda s, me, m: decide.decide_chat(s, me, request, m)
        )
        line = session.lines[(me.id, request.line_id)]
        return requests.ChatSent(seq=line.seq, at=line.at)

    async def _on_signal_send(self, link: Link, request: requests.SignalSend) -> Nothing:
        """Relay a signal; whoever has no connection right now gets none, and the sender is told so."""
        session, me = self._member(link, request.session_id)
        authorise("signal.send", me.role, session.state)
        self._sessions.book(session).check(session, me, request.to, request.epoch, request.signal)
        other = self._sessions.link_of(session, request.to)
        if other is None:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        signal = events.SignalReceived(session_id=session.id, sender=me.id, epoch=request.epoch, signal=request.signal)
        other.send(packet_of("signal", signal))
        return _NOTHING

    async def _on_ice_get(self, link: Link, request: requests.IceGet) -> IceServers:
        session, me = self._member(link, request.session_id)
        authorise("ice.get", me.role, session.state)
        return self._ice()

    # What they share

    async def _change(
        self,
        link: Link,
        event: str,
        request: Request,
        decision: Callable[[Session, Participant, Moment], list[Fact]],
    ) -> tuple[Session, Participant]:
        """Authorise and decide for a member of the session that the request names."""
        session, _ = self._member(link, request.session_id)  # type: ignore[union-attr]

        def decide_now(moment: Moment) -> list[Fact]:
            # Asked anew: while the request waited its turn, the session may have changed.
            _, me = self._member(link, session.id)
            authorise(event, me.role, session.state)
            return decision(session, me, moment)

        me_id = link.bound[session.id]
        await self._sessions.change(session, decide_now)
        return session, session.participants[me_id]

    def _member(self, link: Link, session_id: str) -> tuple[Session, Participant]:
        """Who this connection is in a session; foreign and unknown sessions get the same answer."""
        session = self._sessions.registry.get(session_id)
        participant_id = link.bound.get(session_id)
        if session is None or participant_id is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return session, self._still_member(session, participant_id)

    @staticmethod
    def _still_member(session: Session, participant_id: str) -> Participant:
        me = session.member(participant_id)
        if me is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return me

    def _snapshot(self, session: Session, me: Participant, after_seq: int = 0) -> SessionView:
        link = f"{self._settings.public_url}/join#{self._sessions.registry.link_token(session)}"
        return snapshot(session, me, link=link, after_seq=after_seq)

    def _ice(self) -> IceServers:
        return IceServers(servers=self._settings.ice_servers)
