"""How many customers each rep may help at once (B-6.3), and who is let in when there is room again."""

import asyncio

import structlog
from sqlalchemy import select

from server_stub.members import Members
from server_stub.ports import RelaySettings
from server_stub.state import customers
from server_stub.state.decide import Moment
from server_stub.state.facts import ConnectionChanged, Ended, Entry, Fact, Joined, Left, PassedOn, RoleChanged
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import JournalFailed
from server_stub.tasks import TaskOwner
from support_manager.protocol.roles import Role
from support_manager.protocol.views import AccountView

log = structlog.get_logger(__name__)

_REFRESH_S = 2.0
"""How soon a limit that an administrator changed holds."""
_MAKES_ROOM = (ConnectionChanged, Ended, Joined, Left, PassedOn, RoleChanged)
"""After these somebody who waits for room may have it, or a new controller has room for him."""


class Ceiling:
    """Counts what each rep may still take, and lets in who waited longest when there is room.

    Args:
        members: the sessions.
        settings: the site's own limit.
        database: the accounts' limits; read every now and then, so that asking costs nothing.
        tasks: owner of what goes on after an answer.
    """

    def __init__(self, members: Members, settings: RelaySettings, database: Database, tasks: TaskOwner) -> None:
        self._members = members
        self._settings = settings
        self._database = database
        self._tasks = tasks
        self._own: dict[str, int] = {}
        self._letting_in: set[str] = set()

    async def open(self) -> None:
        """Read the limits, and look after them from now on; only once the relay has its sessions.

        Raises:
            StoreError: the accounts cannot be read.
        """
        await self._read()
        self._members.live.watch(self._seen, _MAKES_ROOM)
        self._tasks.spawn(self._follow(), name="limits")

    def learn(self, account: AccountView) -> None:
        """A rep has come in: his limit holds from his first request on, also if the account is only just made."""
        self._own.setdefault(account.id, account.customers_limit)

    def limit_of(self, account_id: str) -> int:
        """How many customers a rep may help at once; 0 for any number."""
        return self._own.get(account_id, self._settings.customers_per_rep)

    def room_of(self, account_id: str) -> int | None:
        """How many customers more a rep may help; None without limit, below 0 when his limit was lowered."""
        limit = self.limit_of(account_id)
        return limit - self._members.live.registry.customers_of(account_id) if limit and account_id else None

    def room_in(self, session: Session) -> int | None:
        """How many customers more the session's controller may help."""
        return self.room_of(controller_of(session))

    async def _read(self) -> None:
        columns = tables.account.c
        wanted = select(columns.id, columns.customers_limit).where(columns.customers_limit.is_not(None))
        async with self._database.reading() as connection:
            self._own = {row.id: row.customers_limit for row in await connection.execute(wanted)}

    async def _follow(self) -> None:
        seen: int | None = None
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                stamp = await self._database.stamp()
                if stamp is None or stamp != seen:
                    await self._read()
                    seen = stamp
            except StoreError as error:
                log.warning("limits could not be read", code=error.code)
            for session in self._members.live.registry.live():
                if customers.next_over_the_limit(session) is not None:
                    self._look(controller_of(session))

    def _seen(self, session: Session, entry: Entry) -> None:
        fact = entry.fact
        if isinstance(fact, Ended | Left | PassedOn):
            # Whoever was its controller; he may have left, so everybody who ever was is looked at.
            for account_id in {p.account_id for p in session.participants.values() if p.was_controller}:
                self._look(account_id)
        else:
            self._look(controller_of(session))
            if isinstance(fact, RoleChanged) and fact.role is Role.ASSISTANT:
                self._look(session.participants[fact.participant_id].account_id)

    def _look(self, account_id: str) -> None:
        if account_id in self._letting_in or not self._waiting(account_id):
            return
        self._letting_in.add(account_id)
        self._tasks.spawn(self._let_in(account_id), name="let in")

    def _waiting(self, account_id: str) -> list[Session]:
        """Sessions of that rep in which somebody waits for room, the longest-waiting one first."""
        waiting = []
        for session in self._members.live.registry.controlled_by(account_id) if account_id else ():
            person = customers.next_over_the_limit(session)
            if person is not None:
                waiting.append((person.joined_at, session.id, session))
        return [session for *_, session in sorted(waiting, key=lambda each: each[:2])]

    async def _let_in(self, account_id: str) -> None:
        try:
            while (waiting := self._waiting(account_id)) and _has_room(self.room_of(account_id)):
                before = waiting[0].seq
                await self._let_in_next(waiting[0])
                if waiting[0].seq == before:
                    return
        except (JournalFailed, Refused):
            return  # tried again by `_follow`
        finally:
            self._letting_in.discard(account_id)

    async def _let_in_next(self, session: Session) -> None:
        def decision(moment: Moment) -> list[Fact]:
            facts = customers.decide_let_in(session, moment, room=self.room_in(session))
            self._members.live.spend(session, "relay", facts)
            return facts

        await self._members.live.change(session, decision, burdens=lambda: controller_of(session))


def controller_of(session: Session) -> str:
    """The account in charge of a session; empty when there is none."""
    controller = session.holder(Role.CONTROLLER)
    return controller.account_id if controller is not None else ""


def _has_room(room: int | None) -> bool:
    return room is None or room > 0
