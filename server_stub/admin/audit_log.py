"""The audit log in the admin area: read page by page, filtered by who, kind and day, and taken away as CSV."""

from collections.abc import AsyncIterator
from urllib.parse import urlencode

from server_stub.admin.asking import Answer, Asking, clock, failed, row
from server_stub.admin.audit_reading import AuditReader, BadDayError, Filter
from server_stub.admin.audit_words import kind_words, read_names, what_words, who_words
from server_stub.audit import WHO_CHARS, check_chain
from server_stub.markup import Html, joined, tag
from server_stub.store.database import Database

PATH = "/admin/audit"
ROWS = 100


class AuditPages:
    """The pages about the audit log.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._log = AuditReader(database)

    async def show(self, asking: Asking) -> Answer:
        """A page of it, the newest first."""
        t, query = asking.t, asking.request.query
        wanted, wrong = _filter(asking), ""
        names = await self._log.names()
        try:
            found = await self._log.rows(wanted, names, before=_whole(query.get("before", "")), count=ROWS + 1)
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
        options = [tag("option", t("audit.any"), value="")]
        for one in await self._log.kinds():
            options.append(tag("option", kind_words(asking, one), value=one, selected=one == wanted.kind))
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

    def csv(self, asking: Asking) -> AsyncIterator[bytes]:
        """The filtered log as CSV; see `AuditReader.csv`."""
        return self._log.csv(_filter(asking))


def _filter(asking: Asking) -> Filter:
    query = asking.request.query
    return Filter(*(query.get(key, "").strip()[:WHO_CHARS] for key in Filter._fields))


def _as_query(wanted: Filter) -> dict[str, str]:
    return wanted._asdict()


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 16 else None
