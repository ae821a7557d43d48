"""What the audit log says of an act, in words for people: names for ids, sentences for codes."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from resources.invitations import in_threes
from server_stub.admin.asking import Asking
from server_stub.markup import Html, joined, tag
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.views import EndReason, LeaveReason

_SESSION = re.compile(r"session (\d+)((?:, .*)?)")
_FILE = re.compile(r"(\d+) bytes")
_CODES = frozenset(EndReason) | frozenset(ActivityEnd) | frozenset(LeaveReason)
_NOBODYS = ("customer", "operator", "relay")
_ABOUT_A_SESSION = ("session_noted", "session_rated")
"""Acts whose kind says all that there is to say."""


@dataclass(frozen=True)
class Names:
    """What ids stand for."""

    accounts: dict[str, tuple[str, str]] = field(default_factory=dict)
    """Id → the name to sign in with and the name that people see."""
    queues: dict[str, str] = field(default_factory=dict)
    numbers: dict[str, str] = field(default_factory=dict)
    """Id of a session → its number."""


async def read_names(database: Database, records: Sequence[Any]) -> Names:
    """The names of all accounts and queues, and the numbers of the sessions in these records.

    Raises:
        StoreError: the database failed.
    """
    account, queue, history = tables.account.c, tables.queue.c, tables.history.c
    sessions = {one.session_id for one in records if one.session_id}
    async with database.reading() as connection:
        accounts = await connection.execute(select(account.id, account.name, account.display_name))
        queues = await connection.execute(select(queue.id, queue.name))
        numbers = await connection.execute(
            select(history.session_id, history.number).where(history.session_id.in_(sessions))
        )
        known = {row.session_id: row.number for row in numbers}
        return Names(
            {row.id: (row.name, row.display_name) for row in accounts}, {row.id: row.name for row in queues}, known
        )


def kind_words(asking: Asking, kind: str) -> str:
    """An act's name in the reader's language; what another version wrote keeps its own, and so does the CSV."""
    key = f"audit.kind.{kind}"
    return asking.t(key) if asking.has(key) else kind


def who_words(asking: Asking, who: str, names: Names) -> Html | str:
    """Who acted: an account by both its names, or what is no account in the reader's language."""
    if who in _NOBODYS:
        return asking.t(f"audit.who.{who}")
    name, shown = names.accounts.get(who, (who, ""))
    return name if shown in ("", name) else joined(name, tag("div", shown, class_="hint"))


def what_words(asking: Asking, record: Any, names: Names) -> Html | str:  # noqa: ANN401 - a database row
    """What was done to what: the session by its number, ends and addressees in words.

    Args:
        asking: in which language.
        record: of the audit log.
        names: of what stands in it.
    """
    what, session_id = record.what, record.session_id or ""
    number = names.numbers.get(session_id, "")
    found = _SESSION.fullmatch(what) if session_id and record.kind != "session_ended_by_admin" else None
    if found is not None:
        number, parts = found[1], [part for part in found[2].split(", ") if part]
        said = [words for words in (_part(asking, record.kind, part, names) for part in parts) if words]
    else:
        said = [] if number and record.kind in _ABOUT_A_SESSION else [what]
    if number:
        said.insert(0, asking.t("audit.session", number=in_threes(number).replace(" ", "\u00a0")))
    # The id stands in the relay's own log, too; who compares the two finds it by the pointer, and in the CSV.
    return tag("span", " · ".join(said), title=session_id) if session_id else what


def _part(asking: Asking, kind: str, part: str, names: Names) -> str:
    word, _, rest = part.partition(" ")
    if part in _CODES:
        own = f"audit.{kind}.{part}"  # a file may end for a reason of the same name, which is another one
        return asking.t(own if asking.has(own) else f"audit.end.{part}")
    if word == "queue":
        return asking.t("audit.queue", name=names.queues.get(rest, rest))
    if word in ("agents", "to"):
        agents = (names.accounts.get(agent, (agent, ""))[0] for agent in rest.split(" "))
        return asking.t("audit.agents", names=", ".join(agents))
    if word in ("file", "customer"):
        return ""  # an id of ours; never a name
    size = _FILE.fullmatch(part)
    return asking.t("audit.bytes", count=int(size[1])) if size is not None else part
