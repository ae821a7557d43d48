"""The audit log: who did what, every record chained to the one before, so that a change in between shows."""

import hashlib
import json
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import structlog
from sqlalchemy import insert, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub.store import tables
from server_stub.store.database import Database

log = structlog.get_logger(__name__)

OPERATOR = "operator"
"""Who acts at the command line."""
WHO_CHARS = 128
_CHECKED_AT_ONCE = 1_000


def chained(before: str, *, at: int, kind: str, who: str, what: str, session_id: str, address: str) -> str:
    """The chain value of a record: SHA-256, hexadecimal, over the record before it and this one.

    Args:
        before: the chain value of the record before; empty for the first.
        at: milliseconds since 1970.
        kind: which act.
        who: an account's id, an address, or the operator at the command line.
        what: what it was done to.
        session_id: the session that it was done in, if any.
        address: from which it was done, if known.
    """
    record = json.dumps([before, at, kind, who, what, session_id, address], ensure_ascii=True, separators=(",", ":"))
    return hashlib.sha256(record.encode()).hexdigest()


class Record(NamedTuple):
    """One act, to be written."""

    at: int
    kind: str
    who: str
    what: str
    session_id: str = ""
    address: str = ""


async def append(connection: AsyncConnection, records: Sequence[Record]) -> None:
    """Add records in order within a transaction of the caller's, so that an act and its record are one.

    Nobody else can add between reading the last record and writing the next: SQLite's transactions begin with the
    write lock, and elsewhere the table is locked.
    """
    table = tables.audit
    if connection.dialect.name != "sqlite":
        await connection.execute(text("LOCK TABLE audit IN EXCLUSIVE MODE"))
    last = (await connection.execute(select(table.c.chain).order_by(table.c.id.desc()).limit(1))).scalar()
    chain = str(last or "")
    rows = []
    for record in records:
        cut = record._replace(who=record.who[:WHO_CHARS], address=record.address[:64], kind=record.kind[:40])
        chain = chained(chain, **cut._asdict())
        rows.append({**cut._asdict(), "session_id": cut.session_id or None, "chain": chain})
    if rows:
        await connection.execute(insert(table), rows)


class Audit:
    """Writes the audit log.

    Args:
        database: open.
        now_ms: milliseconds since 1970, by the relay's own clock.
    """

    def __init__(self, database: Database, now_ms: Callable[[], int] | None = None) -> None:
        self._database = database
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)

    async def record(self, kind: str, *, who: str, what: str, session_id: str = "", address: str = "") -> None:
        """Add one record in a transaction of its own.

        Args:
            kind: which act, such as `queue_added`.
            who: an account's id, an address, or `operator` for the command line.
            what: what it was done to; never a password, a token or what people wrote.
            session_id: the session that it was done in, if any.
            address: from which it was done, if known.

        Raises:
            StoreError: the database failed; nothing was written.
        """
        log.info("audit", kind=kind, who=who, what=what, session=session_id, address=address)
        async with self._database.transaction() as connection:
            await append(connection, [Record(self._now_ms(), kind, who, what, session_id, address)])


class ChainFinding(NamedTuple):
    """What a check of the chain found."""

    records: int
    broken_at: int | None
    """Id of the first record that does not follow from the one before it; None when the chain holds."""
    last: str
    """The last chain value. Kept elsewhere, it shows later whether the end of the log was cut off."""


async def check_chain(database: Database) -> ChainFinding:
    """Read the whole log and follow its chain.

    Raises:
        StoreError: the database failed.
    """
    table = tables.audit
    chain, last_id, count = "", -1, 0
    async with database.reading() as connection:
        while True:
            some = select(table).where(table.c.id > last_id).order_by(table.c.id).limit(_CHECKED_AT_ONCE)
            rows = (await connection.execute(some)).all()
            if not rows:
                return ChainFinding(count, None, chain)
            for row in rows:
                expected = chained(
                    chain,
                    at=row.at,
                    kind=row.kind,
                    who=row.who,
                    what=row.what,
                    session_id=row.session_id or "",
                    address=row.address,
                )
                if row.chain != expected:
                    return ChainFinding(count, row.id, chain)
                chain, last_id, count = expected, row.id, count + 1
