"""Opens the relay's database: connection settings, migrations, and refusals that an operator can act on."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Any, Self

import structlog
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util.exc import CommandError
from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, InvalidRequestError, NoSuchModuleError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

log = structlog.get_logger(__name__)

BUSY_TIMEOUT_MS = 5_000
"""How long a writer waits for another process (`user add`) before the database counts as locked."""

_READS = "relay_reads"
_DRIVERS = {"sqlite": "sqlite+aiosqlite", "postgresql": "postgresql+asyncpg", "postgres": "postgresql+asyncpg"}
"""The asynchronous driver of a URL that names none."""


class StoreError(Exception):
    """The database cannot be used.

    `code` is one of `database_locked` (another relay or program holds it), `database_newer` (written by a newer
    version of this program), `no_driver` (not installed), `unknown_database` (a URL of no kind that we can use),
    `database_unreadable` (not a database, no permission, server down).
    `detail` is for the log; it never holds a password.
    """

    def __init__(self, code: str, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else code)
        self.code = code
        self.detail = detail


def _store_error(error: Exception) -> StoreError:
    """Tell a locked database from an unreadable one; SQLite says it in words only (sqlite3 result codes 5 and 6)."""
    cause = getattr(error, "orig", None) or error
    if isinstance(cause, ModuleNotFoundError):
        return StoreError("no_driver", cause.name or "")
    if isinstance(cause, NoSuchModuleError | InvalidRequestError):
        return StoreError("unknown_database", "no asynchronous driver of that name is known")
    text = str(cause)
    code = "database_locked" if "locked" in text or "busy" in text else "database_unreadable"
    return StoreError(code, text[:200])


class Database:
    """An open database, up to date with this program.

    Args:
        url: any SQLAlchemy URL with an asynchronous driver; for SQLite `sqlite+aiosqlite:///PATH`.
        exclusive: take the lock that only one relay may hold; programs that add a user do not.
    """

    def __init__(self, url: str, *, exclusive: bool = False) -> None:
        try:
            self._url = make_url(url)
        except ArgumentError as error:
            raise StoreError("unknown_database", "it is no database URL") from error
        driver = _DRIVERS.get(self._url.drivername)
        if driver:
            self._url = self._url.set(drivername=driver)
        self._exclusive = exclusive
        self._lock: IO[bytes] | None = None
        self._engine: AsyncEngine | None = None
        self.journal_stamp: Callable[[], Awaitable[int | None]] | None = None
        """Gives the stamp; set by the journal's writer, whose connection alone does not count its own writes."""

    @classmethod
    def in_directory(cls, directory: Path, *, exclusive: bool = False) -> Self:
        """Name the default database of a data directory, `relay.sqlite3`."""
        return cls(f"sqlite+aiosqlite:///{directory / 'relay.sqlite3'}", exclusive=exclusive)

    @property
    def engine(self) -> AsyncEngine:
        """The engine; only between `open` and `close`."""
        if self._engine is None:
            raise RuntimeError("the database is not open")
        return self._engine

    @property
    def sqlite_path(self) -> Path | None:
        """Where the file is, if it is a SQLite file."""
        is_file = self._url.get_backend_name() == "sqlite" and self._url.database not in (None, "", ":memory:")
        return Path(self._url.database or "") if is_file else None

    async def open(self) -> Self:
        """Connect, lock if asked to, and bring the tables up to date.

        Raises:
            StoreError: see there.
        """
        path = self.sqlite_path
        try:
            # First, as it connects nowhere yet: a URL that we cannot use must leave no file.
            self._engine = create_async_engine(self._url)
            if path is not None:
                self._prepare_file(path)
            if self._url.get_backend_name() == "sqlite":
                _set_up_sqlite(self._engine)
            async with self._engine.begin() as connection:
                await connection.run_sync(_migrate)
        except StoreError:
            await self.close()
            raise
        except (SQLAlchemyError, OSError, sqlite3.Error, CommandError, ImportError) as error:
            await self.close()
            raise _store_error(error) from error
        return self

    def _prepare_file(self, path: Path) -> None:
        if self._exclusive:
            self._lock = _lock_file(path.with_name(path.name + ".lock"))
        # Only the relay's own user may read accounts and transcripts; SQLite gives -wal and -shm the same mode.
        path.touch(mode=0o600, exist_ok=True)

    async def close(self) -> None:
        """Close every connection and give the lock back."""
        if self._engine is not None:
            await self._engine.dispose()
            self._engine = None
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    @asynccontextmanager
    async def _connected(self) -> AsyncIterator[AsyncConnection]:
        """A connection. While one is made, the network's errors come through SQLAlchemy as they are; what fails within
        the block is the caller's.

        Raises:
            StoreError: none could be made, or none was free in time.
        """
        connecting = self.engine.connect()
        async with AsyncExitStack() as leave:
            try:
                connection = await leave.enter_async_context(connecting)
            except (SQLAlchemyError, OSError) as error:
                raise _store_error(error) from error
            yield connection

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[AsyncConnection]:
        """One transaction: committed at the end of the block, rolled back when the block fails.

        Raises:
            StoreError: `database_locked` or `database_unreadable` when the database fails; constraint violations
                pass as SQLAlchemy's own `IntegrityError`.
        """
        try:
            async with self._connected() as connection, connection.begin():
                yield connection
        except DBAPIError as error:
            if type(error).__name__ == "IntegrityError":
                raise
            raise _store_error(error) from error

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """One transaction that only reads: it sees one state of the database and waits for no writer.

        Raises:
            StoreError: as for `transaction`.
        """
        try:
            async with self._connected() as plain:
                connection = await plain.execution_options(**{_READS: True})
                async with connection.begin():
                    yield connection
        except DBAPIError as error:
            raise _store_error(error) from error

    async def stamp(self) -> int | None:
        """A number that stays the same as long as nothing but the journal writes to the database, this process or any
        other; None when that is not known, and whoever wants to know must look.

        Asking costs a fraction of looking, and tables that people change by hand are looked at every second.
        """
        return await self.journal_stamp() if self.journal_stamp is not None else None

    async def forget_deleted(self) -> None:
        """Empty SQLite's write-ahead log, in which deleted rows stand until it is written over.

        While another program reads, the log stays as it is until the next time; other databases look after this
        themselves.

        Raises:
            StoreError: the database failed.
        """
        if self.sqlite_path is None:
            return
        try:
            async with self._connected() as connection:
                # Past SQLAlchemy, which would begin a transaction: within one there is no checkpoint.
                raw = await connection.get_raw_connection()
                await raw.driver_connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr]
        except (DBAPIError, sqlite3.Error) as error:
            raise _store_error(error) from error

    async def __aenter__(self) -> Self:
        return await self.open()

    async def __aexit__(self, *_: object) -> None:
        await asyncio.shield(self.close())


def _set_up_sqlite(engine: AsyncEngine) -> None:
    """Give every connection the same settings, and transactions that really begin where we say.

    Python's driver begins transactions by itself and not before DDL, so its magic is switched off and `BEGIN
    IMMEDIATE` is sent by us: a transaction that will write waits at its start instead of failing in the middle
    One that only reads (`Database.reading`) waits for nobody: with a write-ahead log it sees the last commit
    (SQLAlchemy's documentation, "SQLite: transactions with the sqlite3 driver"; sqlite.org/wal.html, "SQLITE_BUSY").
    """

    @event.listens_for(engine.sync_engine, "connect")
    def on_connect(dbapi_connection: Any, _record: object) -> None:  # noqa: ANN401 - a driver's connection
        dbapi_connection.isolation_level = None
        cursor = dbapi_connection.cursor()
        cursor.execute(f"PRAGMA busy_timeout={BUSY_TIMEOUT_MS}")
        cursor.execute("PRAGMA journal_mode=WAL")
        # FULL: what was acked survives a power cut, not only a crash of the relay.
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        # What is deleted is overwritten with zeros, not only forgotten.
        cursor.execute("PRAGMA secure_delete=ON")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def on_begin(connection: Connection) -> None:
        reads = connection.get_execution_options().get(_READS, False)
        connection.exec_driver_sql("BEGIN" if reads else "BEGIN IMMEDIATE")


def _migrate(connection: Connection) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise StoreError("database_newer", current)
    if current is None and not known:
        raise StoreError("database_unreadable", "no migrations found")
    command.upgrade(config, "head")


def _lock_file(path: Path) -> IO[bytes]:
    """Hold `path` as long as this process lives; the kernel lets go of it even after `kill -9`."""
    path.touch(mode=0o600, exist_ok=True)
    handle = path.open("ab")
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(handle.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        handle.close()
        raise StoreError("database_locked", str(path.name)) from error
    return handle
