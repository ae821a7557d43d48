"""The audit log in the admin area: read page by page, filtered by who, kind and day, and taken away as CSV."""

import csv
import io
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from typing import Any, NamedTuple
from urllib.parse import urlencode

from sqlalchemy import ColumnElement, or_, select

from server_stub.account_names import name_key
from server_stub.admin.asking import Answer, Asking, clock, failed, row
from server_stub.admin.audit_words import kind_words, read_names, what_words, who_words
from server_stub.audit import WHO_CHARS, check_chain
from server_stub.markup import Html, joined, tag
from server_stub.store import tables
from server_stub.store.database import Database

PATH = "/admin/audit"
ROWS = 100
_CSV_ROWS = 500
_COLUMNS = ("id", "time", "kind", "who", "who_name", "what", "session", "address", "chain")


class Filter(NamedTuple):
    """Which records are wanted."""

    who: str = ""
    kind: str = ""
    first: str = ""
    last: str = ""


class BadDayError(ValueError):
    """Not a day of the calendar."""


class AuditPages:
    """The pages about the audit log.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def show(self, asking: Asking) -> Answer:
        """A page of it, the newest first."""
        t, query = asking.t, asking.request.query
        wanted, wrong = _filter(asking), ""
        names = await self._names()
        try:
            found = await self._rows(wanted, names, before=_whole(query.get("before", "")))
        except BadDayError:
            found, wrong = [], t("audit.bad_day")
        more, words = len(found) > ROWS, await read_names(self._database, found)
        rows = [
            row(
                clock(one.at),
                kind_words(asking, one.kind),
                who_words(asking, one.who, words),
                what_words(asking, one, words),
                one.address or "–",
            )
            for one in found[:ROWS]
        ]
        columns = ("audit.time", "audit.kind", "audit.who", "audit.what", "audit.address")
        address = {key: value for key, value in _as_query(wanted).items() if value}
        older = f"{PATH}?{urlencode({**address, 'before': str(found[ROWS - 1].id)})}" if more else ""
        content = joined(
            tag("h1", t("audit.title")),
            tag("p", t("times"), class_="quiet"),
            await self._checked(asking) if query.get("check") else None,
            failed(wrong),
            await self._form(asking, wanted),
            asking.table(columns, rows, t("audit.title")) if rows else tag("p", t("audit.none"), class_="lead"),
            tag(
                "p",
                tag("a", t("audit.older"), href=older, class_="button") if older else None,
                tag("a", t("audit.csv"), href=f"{PATH}.csv?{urlencode(address)}", class_="button", download=True),
                tag("a", t("audit.check"), href=f"{PATH}?check=1", class_="button"),
                class_="actions",
            ),
        )
        return Answer(t("audit.title"), content, 422 if wrong else 200)

    async def _checked(self, asking: Asking) -> Html:
        found = await check_chain(self._database)
        if found.broken_at is not None:
            return failed(asking.t("audit.broken", id=found.broken_at))
        words = asking.t("audit.whole", count=found.records)
        return tag("p", words, tag("code", found.last), class_="said", role="status")

    async def _form(self, asking: Asking, wanted: Filter) -> Html:
        t = asking.t
        async with self._database.reading() as connection:
            kind = tables.audit.c.kind
            kinds = list((await connection.execute(select(kind).distinct().order_by(kind))).scalars())
        options = [tag("option", t("audit.any"), value="")]
        options += [tag("option", kind_words(asking, one), value=one, selected=one == wanted.kind) for one in kinds]
        return tag(
            "form",
            tag(
                "label",
                t("audit.who"),
                tag("input", name="who", value=wanted.who, maxlength=WHO_CHARS, title=t("audit.who.hint")),
            ),
            tag("label", t("audit.kind"), tag("select", *options, name="kind")),
            tag("label", t("audit.first"), tag("input", type="date", name="first", value=wanted.first)),
            tag("label", t("audit.last"), tag("input", type="date", name="last", value=wanted.last)),
            tag("button", t("audit.filter"), type="submit", class_="button"),
            method="get",
            action=PATH,
            class_="filter",
        )

    async def _names(self) -> dict[str, tuple[str, str]]:
        return (await read_names(self._database, ())).accounts

    async def _rows(
        self, wanted: Filter, names: dict[str, tuple[str, str]], *, before: int | None = None, count: int = ROWS + 1
    ) -> list[Any]:
        table = tables.audit.c
        conditions = _conditions(wanted, names)
        if before is not None:
            conditions.append(table.id < before)
        query = select(tables.audit).where(*conditions).order_by(table.id.desc()).limit(count)
        async with self._database.reading() as connection:
            return list((await connection.execute(query)).all())

    async def csv(self, asking: Asking) -> AsyncIterator[bytes]:
        """The filtered log as CSV (RFC 4180) in UTF-8, the newest first, piece by piece.

        Raises:
            BadDayError: a day of the filter is none.
        """
        names, wanted = await self._names(), _filter(asking)
        _conditions(wanted, names)  # complains before anything is sent
        # With a byte order mark, without which spreadsheets take UTF-8 for something else.
        yield b"\xef\xbb\xbf" + _line(_COLUMNS)
        before: int | None = None
        while True:
            found = await self._rows(wanted, names, before=before, count=_CSV_ROWS)
            for one in found:
                at = datetime.fromtimestamp(one.at / 1000, UTC).isoformat(timespec="milliseconds")
                who = (one.who, names.get(one.who, ("", ""))[0])
                yield _line((one.id, at, one.kind, *who, one.what, one.session_id or "", one.address, one.chain))
            if len(found) < _CSV_ROWS:
                return
            before = found[-1].id


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


def _filter(asking: Asking) -> Filter:
    query = asking.request.query
    return Filter(*(query.get(key, "").strip()[:WHO_CHARS] for key in Filter._fields))


def _as_query(wanted: Filter) -> dict[str, str]:
    return wanted._asdict()


def _conditions(wanted: Filter, names: dict[str, tuple[str, str]]) -> list[ColumnElement[bool]]:
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


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
