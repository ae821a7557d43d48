"""What is written of sessions beside their journal: a history row when one is over, acts in the audit log (B-12.7)."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub import audit
from server_stub.live import LiveSessions
from server_stub.state.facts import Ended, Entered, Entry, Joined, MarkAdded, Started
from server_stub.state.model import Session, apply
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import read_session
from server_stub.tasks import TaskOwner
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import MarkKind

log = structlog.get_logger(__name__)

GROUP_S = 0.5
"""Records wait this long for others: each transaction keeps the journal of the live sessions waiting."""
_AGAIN_S = 5.0
_CUSTOMER = "customer"


class Records:
    """Writes history and audit as sessions go on, always a moment later than the journal.

    Args:
        database: open.
        tasks: owner of the writing.
        on_written: called when history rows were written.
    """

    def __init__(self, database: Database, tasks: TaskOwner, on_written: Callable[[], None]) -> None:
        self._database = database
        self._tasks = tasks
        self._on_written = on_written
        self._over: list[Session] = []
        self._acts: list[audit.Record] = []
        self._is_writing = False
        self._turn = asyncio.Lock()

    async def open(self, live: LiveSessions) -> None:
        """Write what a relay that was cut off could not write any more, then follow the sessions.

        Raises:
            StoreError: the database failed.
        """
        session, history = tables.session.c, tables.history.c
        unwritten = select(session.id).where(
            session.ended_at.is_not(None),
            session.first_fact.is_not(None),
            ~select(history.session_id).where(history.session_id == session.id, history.ended_at.is_not(None)).exists(),
        )
        async with self._database.reading() as connection:
            missing = list((await connection.execute(unwritten)).scalars())
        for session_id in missing:
            over = Session(session_id)
            for entry in await read_session(self._database, session_id):
                apply(over, entry)
            async with self._database.transaction() as connection:
                await _write_history(connection, over)
        live.watch(self._seen)

    def _seen(self, session: Session, entry: Entry) -> None:
        act = _act(session, entry)
        if act is not None:
            self._acts.append(act)
        if isinstance(entry.fact, Ended):
            self._over.append(session)
        if (act is not None or self._over) and not self._is_writing:
            self._is_writing = True
            self._tasks.spawn(self._write(), name="records")

    async def _write(self) -> None:
        try:
            while self._acts or self._over:
                await asyncio.sleep(GROUP_S)
                await self._write_group()
        finally:
            self._is_writing = False

    async def _write_group(self) -> None:
        async with self._turn:
            await self._write_now()

    async def _write_now(self) -> None:
        acts, over = self._acts[:], self._over[:]
        if not acts and not over:
            return
        try:
            async with self._database.transaction() as connection:
                await audit.append(connection, acts)
                for session in over:
                    await _write_history(connection, session)
        except StoreError as error:
            log.warning("records not written; they are tried again", code=error.code, acts=len(acts), over=len(over))
            await asyncio.sleep(_AGAIN_S)
            return
        del self._acts[: len(acts)], self._over[: len(over)]
        if over:
            self._on_written()

    async def flush(self) -> None:
        """Write what waits now, before the relay stops."""
        await self._write_group()


def _act(session: Session, entry: Entry) -> audit.Record | None:
    """The audit's record of a fact, once it is applied; None for what is no act. Never what people wrote."""
    fact, what = entry.fact, f"session {session.number}"
    controller = session.holder(Role.CONTROLLER)
    in_charge = controller.account_id if controller is not None else ""
    match fact:
        case Started():
            kind, who = "session_started", fact.account_id
        case Entered():
            kind, who, what = "session_entered", _CUSTOMER, f"{what}, queue {fact.queue_id}"
        case Joined() if fact.account_id and fact.role is Role.ASSISTANT:
            kind, who = "session_assisted", fact.account_id
        case MarkAdded(kind=MarkKind.PASSED_ON):
            kind, who = "session_passed_on", _former(session, fact.former)
        case MarkAdded() if fact.kind is not MarkKind.CUSTOMER:
            kind, who = f"session_{fact.kind.value}", in_charge or "relay"
        case Ended():
            by = session.participants.get(fact.by or "")
            kind, who = "session_ended", by.account_id if by is not None and by.account_id else "relay"
            what = f"{what}, {fact.reason.value}"
        case _:
            return None
    return audit.Record(entry.at, kind, who, what, session.id)


def _former(session: Session, name: str) -> str:
    """The account of the controller who left a moment ago; the last one of that name."""
    left = [p.account_id for p in session.participants.values() if p.was_controller and p.left and p.name == name]
    return left[-1] if left else "relay"


async def _write_history(connection: AsyncConnection, session: Session) -> None:
    table = tables.history
    values = history_of(session)
    here = table.c.session_id == session.id
    if (await connection.execute(select(table.c.session_id).where(here))).first() is None:
        written = {"outcome": "", "notes": "", "rating": None, "comment": ""}
        await connection.execute(insert(table).values(session_id=session.id, **written, **values))
    else:
        # Noted while it lived: what a rep wrote stays.
        await connection.execute(update(table).where(here).values(**values))
    reps = tables.history_rep
    await connection.execute(delete(reps).where(reps.c.session_id == session.id))
    accounts: dict[str, bool] = {}
    for person in session.participants.values():
        if person.account_id:
            accounts[person.account_id] = accounts.get(person.account_id, False) or person.was_controller
    if accounts:
        rows = [
            {"session_id": session.id, "account_id": account_id, "was_controller": was_controller}
            for account_id, was_controller in accounts.items()
        ]
        await connection.execute(insert(reps), rows)


def history_of(session: Session) -> dict[str, Any]:
    """The columns of a session's history row that the session itself says; ended or not."""
    people = session.participants.values()
    customers = list(dict.fromkeys(p.name for p in people if p.role in CUSTOMERS))
    reps = list(dict.fromkeys(p.name for p in people if p.account_id))
    intake = session.intake
    words = [
        *(session.number, session.tracking_code, *customers, *reps),
        *((intake.email, intake.problem) if intake is not None else ()),
        *(line.text for line in session.chat),
    ]
    return {
        "number": session.number,
        "mode": session.mode.value,
        "started_at": session.started_at,
        "ended_at": session.ended_at or None,
        "customers": customers,
        "reps": reps,
        "queue_id": session.queue_id or None,
        "queue_name": session.queue_name,
        "tracking_code": session.tracking_code,
        "end_reason": session.end_reason.value if session.end_reason is not None else None,
        "lines": len(session.chat),
        "handling_ms": _handling_ms(session),
        "search": "\n".join(word for word in words if word).casefold(),
    }


def _handling_ms(session: Session) -> int | None:
    """How long the rep who accepted it last had it; None for a customer whom nobody helped in the end (B-11.2)."""
    if not session.ended_at or not session.queue_id or session.holder(Role.CONTROLLER) is None:
        return None
    accepted = [mark.at for mark in session.marks if mark.kind is MarkKind.ACCEPTED]
    return session.ended_at - accepted[-1] if accepted else None
