"""The live sessions: decides one request at a time per session, journals, applies, and tells the members."""

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import msgspec
import structlog

from server_stub.limits import Bucket
from server_stub.link import Link, frame_around
from server_stub.ports import Clock, RandomBytes
from server_stub.state import decide, leaving
from server_stub.state.decide import Moment
from server_stub.state.facts import (
    ActivitySet,
    ChatAdded,
    ConnectionChanged,
    Ended,
    Entered,
    Entry,
    Fact,
    Joined,
    Left,
    RoleChanged,
    Started,
    TokenRotated,
)
from server_stub.state.model import Participant, Session
from server_stub.state.project import event_of, may_see
from server_stub.state.refused import Refused
from server_stub.state.registry import KEEP_ENDED_MS, Registry
from server_stub.state.signalling import SignalBook
from server_stub.store.database import Database
from server_stub.store.journal import Journal, JournalFailed, read_journal, writer_for
from support_manager.protocol import limits
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import SessionReplaced
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection

log = structlog.get_logger(__name__)

MEMBER_FACTS_PER_SECOND = 1.0
MEMBER_FACTS_BURST = 200.0
"""What one member may have written of himself besides chat lines: reports, activities, comings back."""
SESSION_FACTS = 50_000
"""More than a session ever needs: beyond it only chat, within its own bounds, comings back and ends are written."""
RETURN_FACTS_PER_SECOND = 0.2
RETURN_FACTS_BURST = 100.0
"""What one member may have written by coming back, apart from all he does: a bad line costs nobody his share."""
CLOCK_JUMP_S = 1.0
"""The wall clock has been set when it differs from the steady one by so much all at once."""

_encode = msgspec.json.Encoder().encode


def packet_of(event: str, payload: object) -> str:
    """A Socket.IO event packet as text, made once for all its readers (Socket.IO protocol, revision 5)."""
    return f'2["{event}",{_encode(payload).decode()}]'


def frame_with(event: str, payload: object) -> bytes:
    """The same as the WebSocket frame in which it goes out over a direct connection."""
    return frame_around(b'42["%b",%b]' % (event.encode(), _encode(payload)))


class LiveSessions:
    """State, journal and the links of the members, kept in step.

    A session decides the next request only when the facts of the last one are on disk and applied: so no decision
    rests on something that the disk then refuses, and a failure leaves nothing half done.
    """

    def __init__(self, database: Database, registry: Registry, clock: Clock, random: RandomBytes) -> None:
        self._database = database
        self.registry = registry
        self._clock = clock
        self._random = random
        self._journal = Journal(writer_for(database), self._committed, self._failed)
        self._busy: dict[str, list[asyncio.Future[None]]] = {}
        """Sessions (and, for starts, accounts) with facts on their way to disk, and who waits for them."""
        self._rooms: dict[str, dict[str, Link]] = {}
        self._books: dict[str, SignalBook] = {}
        self._new_numbers: set[str] = set()
        self._watchers: dict[type[Fact], list[Callable[[Session, Entry], None]]] = {}
        self._budgets: dict[str, dict[str, Bucket]] = {}
        self._unbound: set[tuple[str, str]] = set()
        """Who was Online without a connection when `tick` looked last."""
        self._ahead_s = self._clock_ahead_s()
        self._posted: list[Link] = []
        """Links with events that go out when whoever is acked with them has had his turn."""

    def watch(self, watcher: Callable[[Session, Entry], None], facts: Sequence[type[Fact]]) -> None:
        """From now on `watcher` is called with every such entry that was written and applied, after it was told.

        It must not block and not fail, and whatever it wants changed it does later, in a task of its own.

        Args:
            watcher: called with session and entry, in order.
            facts: the kinds that concern it; what concerns nobody, as chat, costs nothing.
        """
        for fact in facts:
            self._watchers.setdefault(fact, []).append(watcher)

    async def rebuild(self) -> None:
        """Rebuild the sessions from the journal; whoever was online has lost his connection with the relay's stop.

        Nobody could come back while the relay was down: who had been gone before has no more been gone for that time
        (B-12.5, B-12.6). The last entry says when it surely still ran.
        """
        now = self._clock.now_ms()
        last = now
        for at, entry in enumerate(await read_journal(self._database, now - KEEP_ENDED_MS)):
            self.registry.apply(entry)
            last = entry.at if not at else max(last, entry.at)
        for session in self.registry.live():
            session.put_clock_on(now - last)
        # All at once, for they share their turns at the disk: one by one, 1,000 people took more than ten seconds.
        lost = (
            self.change_connection(session, person.id, Connection.LOST)
            for session in self.registry.live()
            for person in session.members()
            if person.connection is Connection.ONLINE
        )
        await asyncio.gather(*lost)
        log.info("sessions rebuilt", live=len(self.registry.live()))

    def moment(self) -> Moment:
        """Now."""
        ahead_s = self._clock_ahead_s()
        if abs(ahead_s - self._ahead_s) > CLOCK_JUMP_S:
            # The 60 s and ten minutes of whoever is lost (B-12.6) are counted from times on the wall, for they survive
            # a restart: so those times are put on as well, and nobody is lost for an hour longer, or shorter.
            log.warning("the clock was set", by_s=round(ahead_s - self._ahead_s))
            for session in self.registry.live():
                session.put_clock_on(round((ahead_s - self._ahead_s) * 1_000))
        self._ahead_s = ahead_s
        return Moment(self._clock.now_ms(), self._random)

    def steady_s(self) -> float:
        """Seconds of the clock that nobody sets."""
        return self._clock.monotonic_s()

    def _clock_ahead_s(self) -> float:
        return self._clock.now_ms() / 1_000 - self._clock.monotonic_s()

    async def change(
        self,
        session: Session,
        decision: Callable[[Moment], list[Fact]],
        *,
        burdens: Callable[[], str] | None = None,
    ) -> None:
        """Decide when the session is at rest, and return when the facts are on disk, applied and told.

        Args:
            session: whose facts they are.
            decision: gives the facts.
            burdens: gives the account that may have more customers to help afterwards, if any; decisions that burden
                the same account are made one at a time, so that two of them never pass its limit together.

        Raises:
            Refused: by the decision; nothing happened.
            JournalFailed: nothing happened.
        """
        while True:
            account_id = burdens() if burdens is not None else ""
            keys = (session.id, _account_key(account_id)) if account_id else (session.id,)
            busy = next((key for key in keys if key in self._busy), None)
            if busy is None:
                break
            await self._turn(busy)
        moment = self.moment()
        await self._write(session.id, session.seq, decision(moment), moment, keys)

    @property
    def numbers_in_use(self) -> set[str]:
        """Numbers of live sessions and of those on their way to disk."""
        return self._new_numbers | self.registry.numbers

    async def start(self, account_id: str, session_id: str, decision: Callable[[Moment], list[Fact]]) -> None:
        """The same for a session that does not exist yet; one at a time for each account (or queue)."""
        key = _account_key(account_id)
        while key in self._busy:
            await self._turn(key)
        moment = self.moment()
        facts = decision(moment)
        numbers = {fact.number for fact in facts if isinstance(fact, Started | Entered)}
        self._new_numbers |= numbers
        try:
            await self._write(session_id, 0, facts, moment, (key,))
        finally:
            self._new_numbers -= numbers

    def spend(self, session: Session, who: str, facts: Sequence[Fact]) -> None:
        """Count what a request would have written, so that nobody fills the disk.

        Args:
            session: whose facts they are.
            who: the participant who asks, the account of a rep who comes in, `relay` for what it does by itself;
                empty for all customers together who come in.
            facts: what was decided. Chat lines have bounds of their own, whoever goes may always go, and what runs
                may always end: it was counted when it began.

        Raises:
            Refused: `too_fast`, or `transcript_full` when the session has used up its share.
        """
        if not facts or isinstance(facts[0], ChatAdded) or any(isinstance(fact, Left | Ended) for fact in facts):
            return
        facts = [fact for fact in facts if not _is_end(session, fact)]
        if not facts:
            return
        comes_back = all(isinstance(fact, TokenRotated | ConnectionChanged) for fact in facts)
        if session.seq >= SESSION_FACTS and not comes_back:
            raise Refused(ErrorCode.TRANSCRIPT_FULL)
        now_s = self._clock.monotonic_s()
        budgets = self._budgets.setdefault(session.id, {})
        key = f"{who} back" if comes_back else who
        bucket = budgets.get(key)
        if bucket is None:
            rates = (RETURN_FACTS_PER_SECOND, RETURN_FACTS_BURST)
            bucket = budgets[key] = Bucket(
                *(rates if comes_back else (MEMBER_FACTS_PER_SECOND, MEMBER_FACTS_BURST)), now_s
            )
        for _ in facts:
            if not bucket.take(now_s):
                raise Refused(ErrorCode.TOO_FAST)

    def is_busy(self, session: Session) -> bool:
        """Whether facts of the session are on their way to disk, so that the next decision has to wait."""
        return session.id in self._busy

    def put(
        self, session: Session, facts: list[Fact], moment: Moment, then: Callable[[JournalFailed | None], None]
    ) -> None:
        """Have facts written that were decided while the session was at rest; `change` without waiting.

        Args:
            session: whose facts they are; must not be busy.
            facts: at least one.
            moment: when they were decided.
            then: called once they are on disk, applied and told, or with why they are not.

        Raises:
            JournalFailed: nothing happened, and `then` is not called.
        """
        self._journal.put(_entries(session.id, session.seq, facts, moment), then)
        self._busy[session.id] = []

    async def _turn(self, key: str) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._busy[key].append(turn)
        await turn

    async def _write(self, session_id: str, seq: int, facts: list[Fact], moment: Moment, keys: tuple[str, ...]) -> None:
        if not facts:
            return
        done = self._journal.append(_entries(session_id, seq, facts, moment))
        for key in keys:
            self._busy[key] = []
            if key != session_id:
                done.add_done_callback(partial(self._rest_later, key))
        await done

    def _rest_later(self, key: str, _: asyncio.Future[None]) -> None:
        self._rest(key)

    def _rest(self, key: str) -> None:
        for turn in self._busy.pop(key, ()):
            if not turn.done():
                turn.set_result(None)

    def _failed(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._rest(entry.session_id)

    def _committed(self, entries: Sequence[Entry]) -> None:
        """Apply and tell the entries of one decision, which are on disk now.

        Raises:
            Exception: an entry does not apply, which is a mistake in the program; its session goes on nevertheless.
        """
        session_id = entries[0].session_id
        try:
            for entry in entries:
                session = self.registry.apply(entry)
                room = self._rooms.get(session_id)
                if room:
                    self._tell(session, entry, room)
                kind = type(entry.fact)
                if kind in _NEW_HUB and _is_new_hub(entry.fact):
                    # Everybody makes his media connection anew, to somebody else.
                    self._books.pop(session_id, None)
                for watcher in self._watchers.get(kind, ()):
                    watcher(session, entry)
        finally:
            self._rest(session_id)

    def _tell(self, session: Session, entry: Entry, room: dict[str, Link]) -> None:
        event = event_of(session, entry)
        if event is None:
            return
        frame = b""
        gone_id = entry.fact.participant_id if isinstance(entry.fact, Left) else None
        for participant_id, link in tuple(room.items()):
            is_told = participant_id == gone_id or may_see(session, entry, session.participants[participant_id])
            if not is_told:
                continue
            if not link.is_direct:
                link.send(packet_of("session.event", event))
                continue
            frame = frame or frame_with("session.event", event)
            if link.post(frame):
                self._deliver_later(link)
        gone = room.pop(gone_id, None) if gone_id is not None else None
        if gone is not None:
            gone.bound.pop(session.id, None)

    def _deliver_later(self, link: Link) -> None:
        self._posted.append(link)
        if len(self._posted) == 1:
            loop = asyncio.get_running_loop()
            # In the turn after the next one: in the next one the ack of whoever asked is made.
            loop.call_soon(loop.call_soon, self._deliver)

    def _deliver(self) -> None:
        posted, self._posted = self._posted, []
        for link in posted:
            link.deliver()

    def bind(self, session: Session, me: Participant, link: Link) -> None:
        """From now on this link is that participant; another that was him is told and put out."""
        if link.is_closing:
            return  # it broke meanwhile and was unbound already; `tick` notes that nobody is there
        room = self._rooms.setdefault(session.id, {})
        before = room.get(me.id)
        if before is not None and before is not link:
            before.bound.pop(session.id, None)
            before.send(packet_of("session.replaced", SessionReplaced(session_id=session.id)))
        room[me.id] = link
        link.bound[session.id] = me.id

    def link_of(self, session: Session, participant_id: str) -> Link | None:
        """The connection of a participant, if he has one."""
        return self._rooms.get(session.id, {}).get(participant_id)

    def book(self, session: Session) -> SignalBook:
        """The session's book of signals."""
        return self._books.setdefault(session.id, SignalBook())

    def unbind(self, link: Link) -> list[tuple[Session, str]]:
        """Forget a link that is gone; returns whom it was."""
        gone = []
        for session_id, participant_id in link.bound.items():
            room = self._rooms.get(session_id, {})
            if room.get(participant_id) is link:
                del room[participant_id]
                session = self.registry.get(session_id)
                if session is not None:
                    gone.append((session, participant_id))
        link.bound.clear()
        return gone

    async def change_connection(self, session: Session, participant_id: str, connection: Connection) -> None:
        """Note that somebody's connection broke, or that he is there after all, unless that has changed meanwhile; a
        failing disk is tried again later."""

        def decision(moment: Moment) -> list[Fact]:
            if (connection is Connection.ONLINE) is (self.link_of(session, participant_id) is None):
                return []
            return decide.decide_connection(session, session.participants[participant_id], connection, moment)

        try:
            await self.change(session, decision)
        except JournalFailed:
            log.warning("connection not journalled", session=session.id)

    async def tick(self, without_controller_s: int = limits.SESSION_WITHOUT_CONTROLLER_S) -> None:
        """What time does: expiry, and connections whose loss could not be written before.

        Who is Online without a connection is lost only when that was so the last time too: between the moment at which
        somebody's coming in is on disk and the one at which his connection is his, he must not be told as lost.

        Args:
            without_controller_s: after how many seconds a session without its controller ends.
        """

        def expiry(session: Session, moment: Moment) -> list[Fact]:
            return leaving.decide_expiry(session, moment, without_controller_s=without_controller_s)

        unbound, self._unbound = self._unbound, set()
        for session in self.registry.live():
            # First who is there: whoever came back while his old connection's loss was being written is not lost.
            for person in session.members():
                is_bound = self.link_of(session, person.id) is not None
                if person.connection is Connection.LOST and is_bound:
                    await self.change_connection(session, person.id, Connection.ONLINE)
                elif person.connection is Connection.ONLINE and not is_bound:
                    if (session.id, person.id) in unbound:
                        await self.change_connection(session, person.id, Connection.LOST)
                    else:
                        self._unbound.add((session.id, person.id))
            try:
                await self.change(session, partial(expiry, session))
            except JournalFailed:
                continue
        for session in self.registry.forget_ended(self._clock.now_ms()):
            self._budgets.pop(session.id, None)
            for link in self._rooms.pop(session.id, {}).values():
                link.bound.pop(session.id, None)

    async def close(self) -> None:
        """Write what waits and close the journal."""
        await self._journal.close()


def _entries(session_id: str, seq: int, facts: list[Fact], moment: Moment) -> list[Entry]:
    return [Entry(session_id, seq + n, moment.now_ms, fact) for n, fact in enumerate(facts, 1)]


def _is_end(session: Session, fact: Fact) -> bool:
    """Whether it ends what runs or was asked; each activity ends once, so there are no more of these than began."""
    return (
        isinstance(fact, ActivitySet)
        and fact.activity.state is ActivityState.ENDED
        and fact.activity.id in session.activities
    )


def _account_key(account_id: str) -> str:
    return f"account {account_id}"


_NEW_HUB = (Ended, Joined, RoleChanged)


def _is_new_hub(fact: Fact) -> bool:
    return isinstance(fact, Ended) or (isinstance(fact, RoleChanged | Joined) and fact.role is Role.CONTROLLER)
