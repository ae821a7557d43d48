"""The journal: facts are written in groups, and only what is on disk is applied, acknowledged and told to others."""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import chain
from typing import Any, NamedTuple, Protocol

import msgspec
import structlog
from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.exc import SQLAlchemyError

from server_stub.state.facts import Ended, Entered, Entry, Started, decode_fact, encode_fact, kind_of
from server_stub.store import tables
from server_stub.store.database import Database, StoreError

log = structlog.get_logger(__name__)

GROUP_S = 0.010
"""A group waits at most this long after the one before it; after a quiet time the first fact goes at once."""
GROUP_FACTS = 64
READ_AT_ONCE = 1_000
"""After so many facts read back, the live sessions have their turn."""
WAITING_FACTS = 10_000
"""More than this waiting for the disk, and new facts are refused: memory is bounded."""


class JournalFailed(Exception):  # noqa: N818 - reads as what happened
    """The facts were not written; nothing was changed."""


class Rows(NamedTuple):
    """One group, ready to be written in one transaction."""

    facts: list[tuple[str, int, int, str, str]]
    started: list[tuple[str, str, int]]
    ended: list[tuple[int, str]]


class Writer(Protocol):
    """Writes a group in one transaction, all of it or nothing."""

    async def write(self, rows: Rows) -> None:
        """Write and commit.

        Raises:
            SQLAlchemyError, sqlite3.Error, OSError: nothing was written.
        """

    async def close(self) -> None:
        """Let go of connection and thread."""


class SqliteWriter:
    """One thread with one connection: a group costs one hop between threads instead of one for every statement.

    Each statement gives Python's lock away and has to wait for it, so the facts go in by few statements of many rows.
    """

    _FACT = "INSERT INTO fact (session_id, seq, at, kind, body) VALUES "
    _FACT_ROW = "(?, ?, ?, ?, ?)"
    _ROWS_AT_ONCE = (32, 8, 1)
    """Few different numbers, for each makes a statement that SQLite keeps prepared."""
    _STARTED = (
        "INSERT INTO session (id, number, started_at, first_fact) "
        "VALUES (?, ?, ?, (SELECT coalesce(max(id), 0) + 1 FROM fact))"
    )
    _ENDED = "UPDATE session SET ended_at = ?, last_fact = (SELECT max(id) FROM fact) WHERE id = ?"

    def __init__(self, path: str, busy_timeout_s: float) -> None:
        self._path = path
        self._busy_timeout_s = busy_timeout_s
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")
        self._connection: sqlite3.Connection | None = None

    async def write(self, rows: Rows) -> None:
        """See `Writer`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._write, rows)

    async def stamp(self) -> int | None:
        """See `Database.stamp`; sqlite.org/pragma.html, "PRAGMA data_version"."""
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, self._stamp)
        except (sqlite3.Error, RuntimeError):  # RuntimeError: closed
            return None

    def _stamp(self) -> int:
        (version,) = self._open().execute("PRAGMA data_version").fetchone()
        return int(version)

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = sqlite3.connect(self._path, timeout=self._busy_timeout_s, isolation_level=None)
            self._connection.execute("PRAGMA synchronous=FULL")
        return self._connection

    def _write(self, rows: Rows) -> None:
        connection = self._open()
        connection.execute("BEGIN IMMEDIATE")
        try:
            if rows.started:
                connection.executemany(self._STARTED, rows.started)
            self._insert(connection, rows.facts)
            if rows.ended:
                connection.executemany(self._ENDED, rows.ended)
            connection.execute("COMMIT")
        except BaseException:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            raise

    def _insert(self, connection: sqlite3.Connection, facts: Sequence[tuple[str, int, int, str, str]]) -> None:
        done = 0
        for size in self._ROWS_AT_ONCE:
            statement = self._FACT + ", ".join([self._FACT_ROW] * size)
            while len(facts) - done >= size:
                connection.execute(statement, tuple(chain.from_iterable(facts[done : done + size])))
                done += size

    async def close(self) -> None:
        """See `Writer`."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown(wait=True)

    def _close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


class EngineWriter:
    """The same over SQLAlchemy's engine, for every other database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        last = select(func.coalesce(func.max(tables.fact.c.id), 0)).scalar_subquery()
        self._fact = insert(tables.fact)
        self._started = insert(tables.session).values(first_fact=last + 1)
        self._ended = update(tables.session).values(last_fact=last)

    async def write(self, rows: Rows) -> None:
        """See `Writer`."""
        async with self._database.engine.begin() as connection:
            if rows.started:
                started = [{"id": i, "number": n, "started_at": at} for i, n, at in rows.started]
                await connection.execute(self._started, started)
            columns = ("session_id", "seq", "at", "kind", "body")
            await connection.execute(self._fact, [dict(zip(columns, row, strict=True)) for row in rows.facts])
            for at, session_id in rows.ended:
                await connection.execute(self._ended.where(tables.session.c.id == session_id).values(ended_at=at))

    async def close(self) -> None:
        """See `Writer`."""


def writer_for(database: Database) -> Writer:
    """The fastest writer that fits the database."""
    path = database.sqlite_path
    if path is not None:
        writer = SqliteWriter(str(path), busy_timeout_s=5.0)
        database.journal_stamp = writer.stamp
        return writer
    return EngineWriter(database)


class _Waiting(NamedTuple):
    entries: Sequence[Entry]
    then: Callable[[JournalFailed | None], None]


class Journal:
    """Group commit.

    `append` gives a future. When the group is on disk, `on_committed` is called with the entries of each decision in
    order, in the same step in which the futures are resolved; when the disk fails, nothing is called and the futures
    carry `JournalFailed`. So a fact is either written, applied, told and acknowledged, or none of it.

    Args:
        writer: to disk.
        on_committed: applies and tells; where it fails, that decision alone counts as failed.
        on_failed: hears of entries that were not written.
        group_s: see `GROUP_S`.
    """

    def __init__(
        self,
        writer: Writer,
        on_committed: Callable[[Sequence[Entry]], None],
        on_failed: Callable[[Sequence[Entry]], None],
        *,
        group_s: float = GROUP_S,
    ) -> None:
        self._writer = writer
        self._on_committed = on_committed
        self._on_failed = on_failed
        self._group_s = group_s
        self._waiting: list[_Waiting] = []
        self._facts_waiting = 0
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None
        self._last_flush_s = -1.0
        self._closed = False

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[None]:
        """Hand over the entries of one decision; they are written together.

        Raises:
            JournalFailed: closed, or the disk is so slow that too many facts wait.
        """
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.put(entries, partial(_resolve, done))
        return done

    def put(self, entries: Sequence[Entry], then: Callable[[JournalFailed | None], None]) -> None:
        """The same without a future, for what comes by the thousand.

        Args:
            entries: of one decision.
            then: called right after the entries were applied and told, or with why they were not; must not fail.

        Raises:
            JournalFailed: as for `append`; `then` is not called.
        """
        if self._closed or self._facts_waiting >= WAITING_FACTS:
            raise JournalFailed("closed" if self._closed else "too many facts waiting")
        self._waiting.append(_Waiting(entries, then))
        self._facts_waiting += len(entries)
        if self._writing is None:
            if self._facts_waiting >= GROUP_FACTS:
                self._flush()
            elif self._timer is None:
                loop = asyncio.get_running_loop()
                delay = self._last_flush_s + self._group_s - loop.time()
                # Even a delay of 0 lets the other sockets of this turn of the loop add their facts.
                self._timer = loop.call_later(max(0.0, delay), self._flush)

    def _flush(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None or not self._waiting:
            return
        group, self._waiting = self._waiting, []
        self._facts_waiting = 0
        loop = asyncio.get_running_loop()
        self._last_flush_s = loop.time()
        self._writing = loop.create_task(self._write(group), name="journal:write")

    async def _write(self, group: list[_Waiting]) -> None:
        entries = [entry for waiting in group for entry in waiting.entries]
        try:
            await self._writer.write(_rows(entries))
        except (SQLAlchemyError, sqlite3.Error, OSError, StoreError) as error:
            log.error("journal not written", facts=len(entries), error=type(error).__name__, reason=str(error)[:200])
            self._fail(group, entries, str(error)[:200])
        except BaseException:
            self._fail(group, entries, "stopped")
            raise
        else:
            for waiting in group:
                self._settle(waiting)
        finally:
            self._writing = None
            if self._facts_waiting >= GROUP_FACTS:
                self._flush()
            elif self._waiting and self._timer is None:
                loop = asyncio.get_running_loop()
                delay = self._last_flush_s + self._group_s - loop.time()
                self._timer = loop.call_later(max(0.0, delay), self._flush)

    def _settle(self, waiting: _Waiting) -> None:
        try:
            self._on_committed(waiting.entries)
        except Exception:
            # A mistake of the program in one session must not keep the others of the group waiting for ever.
            log.exception("written, but not applied", session=waiting.entries[0].session_id)
            _tell(waiting, JournalFailed("not applied"))
        else:
            _tell(waiting, None)

    def _fail(self, group: list[_Waiting], entries: Sequence[Entry], reason: str) -> None:
        self._on_failed(entries)
        for waiting in group:
            _tell(waiting, JournalFailed(reason))

    async def flush(self) -> None:
        """Wait until all that was appended is written or refused."""
        while self._waiting or self._writing is not None:
            self._flush()
            if self._writing is not None:
                await asyncio.wait([self._writing])

    async def close(self) -> None:
        """Write what waits, refuse what comes, let go of the disk."""
        await self.flush()
        self._closed = True
        await self._writer.close()


def _tell(waiting: _Waiting, failed: JournalFailed | None) -> None:
    try:
        waiting.then(failed)
    except Exception:
        log.exception("written, but not answered", session=waiting.entries[0].session_id)


def _resolve(done: asyncio.Future[None], failed: JournalFailed | None) -> None:
    if done.done():
        return
    if failed is None:
        done.set_result(None)
    else:
        done.set_exception(failed)
        # Whoever waited may be gone; the failure is logged where it happened, not once more by asyncio.
        done.exception()


def _rows(entries: Sequence[Entry]) -> Rows:
    facts = []
    started = []
    ended = []
    for entry in entries:
        session_id, at, fact = entry.session_id, entry.at, entry.fact
        facts.append((session_id, entry.seq, at, kind_of(fact), encode_fact(fact)))
        if isinstance(fact, Started | Entered):
            started.append((session_id, fact.number, at))
        elif isinstance(fact, Ended):
            ended.append((at, session_id))
    return Rows(facts, started, ended)


async def read_journal(database: Database, ended_after_ms: int) -> list[Entry]:
    """The entries of all sessions that live or ended after `ended_after_ms`; those of one session in order.

    Raises:
        StoreError: `database_unreadable` when an entry cannot be understood.
    """
    session, fact = tables.session, tables.fact
    wanted = session.c.ended_at.is_(None) | (session.c.ended_at > ended_after_ms)
    first = select(func.min(session.c.first_fact)).where(wanted).scalar_subquery()
    query = select(fact).join(session, session.c.id == fact.c.session_id).where(fact.c.id >= first, wanted)
    return await _read(database, query)


async def read_session(database: Database, session_id: str) -> list[Entry]:
    """The entries of one session in order; none when it is unknown or its facts are deleted.

    Raises:
        StoreError: `database_unreadable` when an entry cannot be understood.
    """
    session, fact = tables.session, tables.fact
    query = (
        select(fact)
        .join(session, session.c.id == fact.c.session_id)
        .where(
            session.c.id == session_id,
            fact.c.id >= select(session.c.first_fact).where(session.c.id == session_id).scalar_subquery(),
            session.c.last_fact.is_(None) | (fact.c.id <= session.c.last_fact),
        )
    )
    return await _read(database, query)


async def _read(database: Database, query: Select[Any]) -> list[Entry]:
    async with database.reading() as connection:
        rows = (await connection.execute(query.order_by(tables.fact.c.id))).all()
    found: dict[str, list[Entry]] = {}
    try:
        for number, row in enumerate(rows, 1):
            if number % READ_AT_ONCE == 0:
                await asyncio.sleep(0)
            entries = found.setdefault(row.session_id, [])
            # A commit that the disk reported as failed may have been kept after all: what was written under the same
            # numbers afterwards is what happened.
            while entries and entries[-1].seq >= row.seq:
                entries.pop()
            entries.append(Entry(row.session_id, row.seq, row.at, decode_fact(row.body)))
    except msgspec.MsgspecError as error:
        raise StoreError("database_unreadable", "journal") from error
    return [entry for entries in found.values() for entry in entries]
