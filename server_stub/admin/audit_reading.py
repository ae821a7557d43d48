"""Reads the audit log, the newest first: filtered by who, kind and day, and as CSV that no spreadsheet calculates."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, or_, select

from server_stub.account_names import name_key
from server_stub.admin.audit_words import read_names
from server_stub.store import tables
from server_stub.store.database import Database

_ROWS_AT_ONCE = 500
_COLUMNS = ("id", "time", "kind", "who", "who_name", "what", "session", "address", "chain")
AccountNames = dict[str, tuple[str, str]]
"""Id of an account → the name to sign in with and the name that people see."""


class Filter(NamedTuple):
    """Which records are wanted."""

    who: str = ""
    kind: str = ""
    first: str = ""
    last: str = ""


class BadDayError(ValueError):
    """Not a day of the calendar."""


class AuditReader:
    """Reads the audit log.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def names(self) -> AccountNames:
        """Every account's names."""
        return (await read_names(self._database, ())).accounts

    async def kinds(self) -> list[str]:
        """Every kind of act that stands in the log."""
        kind = tables.audit.c.kind
        async with self._database.reading() as connection:
            return list((await connection.execute(select(kind).distinct().order_by(kind))).scalars())

    async def rows(
        self, wanted: Filter, names: AccountNames, *, before: int | None = None, count: int = _ROWS_AT_ONCE
    ) -> list[Any]:
        """The newest records that are wanted, at most `count` of them.

        Args:
            wanted: see there.
            names: of all accounts.
            before: only those with a lower id.
            count: how many.

        Raises:
            BadDayError: a day of the filter is none.
        """
        table = tables.audit.c
        conditions = _conditions(wanted, names)
        if before is not None:
            conditions.append(table.id < before)
        query = select(tables.audit).where(*conditions).order_by(table.id.desc()).limit(count)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).all())

    async def everything(self, wanted: Filter, names: AccountNames) -> AsyncIterator[Any]:
        """All records that are wanted, read piece by piece.

        Raises:
            BadDayError: a day of the filter is none.
        """
        before: int | None = None
        while True:
            found = await self.rows(wanted, names, before=before)
            for one in found:
                yield one
            if len(found) < _ROWS_AT_ONCE:
                return
            before = found[-1].id

    async def csv(self, wanted: Filter) -> AsyncIterator[bytes]:
        """The same as CSV (RFC 4180) in UTF-8, piece by piece; the first piece is the names of the columns.

        Raises:
            BadDayError: a day of the filter is none; raised before the first piece.
        """
        names = await self.names()
        _conditions(wanted, names)  # complains before anything is sent
        # With a byte order mark, without which spreadsheets take UTF-8 for something else.
        yield b"\xef\xbb\xbf" + _line(_COLUMNS)
        async for one in self.everything(wanted, names):
            at = datetime.fromtimestamp(one.at / 1000, UTC).isoformat(timespec="milliseconds")
            who = (one.who, names.get(one.who, ("", ""))[0])
            yield _line((one.id, at, one.kind, *who, one.what, one.session_id or "", one.address, one.chain))


def _line(cells: tuple[Any, ...]) -> bytes:
    text = io.StringIO()
    csv.writer(text).writerow([harmless(str(cell)) for cell in cells])
    return text.getvalue().encode()


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula, whoever wrote it (OWASP, "CSV Injection")."""
    return (
        f"'{cell}"
        if cell.lstrip(" ").startswith(("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"))
        else cell
    )


def _conditions(wanted: Filter, names: AccountNames) -> list[ColumnElement[bool]]:
    table = tables.audit.c
    conditions: list[ColumnElement[bool]] = []
    if wanted.who:
        key = name_key(wanted.who)
        accounts = [account for account, both in names.items() if any(key in name_key(name) for name in both)]
        conditions.append(or_(table.who == wanted.who, table.address == wanted.who, table.who.in_(accounts)))
    if wanted.kind:
        conditions.append(table.kind == wanted.kind)
    if wanted.first:
        conditions.append(table.at >= _midnight(wanted.first, 0))
    if wanted.last:
        conditions.append(table.at < _midnight(wanted.last, 1))
    return conditions


def _midnight(text: str, days_later: int) -> int:
    try:
        day = date.fromisoformat(text) + timedelta(days=days_later)
        return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)
    except (ValueError, OverflowError):
        raise BadDayError(text) from None
