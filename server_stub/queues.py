"""Queues as the operator sets them up: name, rule, offer time-out, opening hours and members (B-11.1)."""

import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub import audit
from server_stub.account_names import name_key
from server_stub.hours import HoursError, OpeningHours, TimeZoneError
from server_stub.setting_checks import SettingError, slug
from server_stub.settings import read_all
from server_stub.state.dispatch import Rule
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol import limits
from support_manager.protocol.views import AGENT

__all__ = ["OFFER_S_HIGHEST", "OFFER_S_LOWEST", "Queue", "QueueError", "Queues", "Rule", "default_queue", "read_queues"]

OFFER_S_LOWEST, OFFER_S_HIGHEST = 5, 600


class QueueError(Exception):
    """A queue cannot be made or changed; the text is a sentence for the operator.

    `code` is one of `bad_slug`, `bad_name`, `bad_rule`, `bad_offer_s`, `bad_hours`, `bad_time_zone`, `slug_taken`,
    `unknown_queue`, `unknown_account`, `no_agent`, `default_queue`.
    """

    def __init__(self, code: str, sentence: str) -> None:
        super().__init__(sentence)
        self.code = code


@dataclass(frozen=True)
class Queue:
    """One queue."""

    id: str
    slug: str
    """Its name in addresses, `…/help/SLUG`; never changes, as it is printed and linked."""
    name: str
    rule: Rule
    offer_s: int
    hours: OpeningHours
    enabled: bool
    """A queue that is not takes no new customers and no transfers, and keeps those who wait in it."""
    members: frozenset[str] = frozenset()
    """Accounts, whether they are agents by now or not."""

    def is_open(self, now_ms: int) -> bool:
        """Whether customers may enter it now."""
        return self.enabled and self.hours.open_at(now_ms)

    def opens_at(self, now_ms: int) -> int | None:
        """When it opens again; None while it is open, and when that is not known."""
        return self.hours.next_opening(now_ms) if self.enabled else None


async def read_queues(connection: AsyncConnection) -> list[Queue]:
    """Every queue, by name."""
    members: dict[str, set[str]] = {}
    of = tables.queue_member.c
    for queue_id, account_id in (await connection.execute(select(of.queue_id, of.account_id))).all():
        members.setdefault(queue_id, set()).add(account_id)
    rows = (await connection.execute(select(tables.queue).order_by(tables.queue.c.name, tables.queue.c.slug))).all()
    return [_queue(row, frozenset(members.get(row.id, ()))) for row in rows]


def _queue(row: Any, members: frozenset[str]) -> Queue:  # noqa: ANN401 - a database row
    return Queue(
        id=row.id,
        slug=row.slug,
        name=row.name,
        rule=Rule(row.rule),
        offer_s=row.offer_s,
        hours=OpeningHours.of_plain(row.time_zone, row.hours),
        enabled=row.enabled,
        members=members,
    )


class Queues:
    """Makes, changes and deletes queues; every act is in the audit log.

    Args:
        database: open.
        who: acts, for the audit log.
        now_ms: milliseconds since 1970.
    """

    def __init__(
        self, database: Database, *, who: str = audit.OPERATOR, now_ms: Callable[[], int] | None = None
    ) -> None:
        self._database = database
        self._who = who
        self._now_ms = now_ms or (lambda: time.time_ns() // 1_000_000)

    async def everyone(self) -> list[Queue]:
        """Every queue, by name."""
        async with self._database.reading() as connection:
            return await read_queues(connection)

    async def add(
        self,
        short_name: str,
        name: str,
        *,
        rule: str = Rule.EVERYBODY,
        offer_s: int | None = None,
        time_zone: str = "UTC",
        hours: str = "always",
    ) -> str:
        """Make a queue; returns its id.

        Args:
            short_name: for addresses; it never changes.
            name: what people read.
            rule: of `Rule`.
            offer_s: how long an agent is asked; by default the site's setting of that name.
            time_zone: of the opening hours.
            hours: see `OpeningHours.parse`.

        Raises:
            QueueError: see there.
        """
        try:
            slug(short_name)
        except SettingError as error:
            raise QueueError("bad_slug", str(error)) from None
        if offer_s is None:
            offer_s = int((await read_all(self._database))["offer_s"])
        values: dict[str, Any] = {
            "id": secrets.token_urlsafe(12),
            "slug": short_name,
            "name": _name(name),
            "rule": _rule(rule),
            "offer_s": _offer_s(offer_s),
            **_hours(hours, time_zone),
            "enabled": True,
            "created_at": self._now_ms(),
        }
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(tables.queue).values(values))
                await self._note(connection, "queue_added", short_name)
        except IntegrityError:
            raise QueueError("slug_taken", f"There is already a queue “{short_name}”; choose another.") from None
        return str(values["id"])

    async def change(
        self,
        short_name: str,
        *,
        name: str | None = None,
        rule: str | None = None,
        offer_s: int | None = None,
        time_zone: str | None = None,
        hours: str | None = None,
        enabled: bool | None = None,
    ) -> None:
        """Change what is not None of a queue.

        Raises:
            QueueError: see there; the default queue can be renamed, and not closed.
        """
        async with self._database.transaction() as connection:
            row = await self._row(connection, short_name)
            values: dict[str, Any] = {}
            if name is not None:
                values["name"] = _name(name)
            if rule is not None:
                values["rule"] = _rule(rule)
            if offer_s is not None:
                values["offer_s"] = _offer_s(offer_s)
            if time_zone is not None or hours is not None:
                now = OpeningHours.of_plain(row.time_zone, row.hours)
                values |= _hours(
                    now.text() if hours is None else hours, row.time_zone if time_zone is None else time_zone
                )
            if enabled is not None:
                if not enabled:
                    await self._refuse_default(connection, short_name)
                values["enabled"] = enabled
            if not values:
                return
            await connection.execute(update(tables.queue).where(tables.queue.c.id == row.id).values(values))
            await self._note(connection, "queue_changed", f"{short_name}: {', '.join(sorted(values))}")

    async def remove(self, short_name: str) -> None:
        """Delete a queue; who waits in it falls to the default queue's head.

        Raises:
            QueueError: `unknown_queue`, `default_queue`.
        """
        async with self._database.transaction() as connection:
            row = await self._row(connection, short_name)
            await self._refuse_default(connection, short_name)
            await connection.execute(delete(tables.queue).where(tables.queue.c.id == row.id))
            await self._note(connection, "queue_deleted", short_name)

    async def add_member(self, short_name: str, account_name: str) -> None:
        """Make an agent a member of a queue; nothing changes when he is one.

        Raises:
            QueueError: `unknown_queue`, `unknown_account`, `no_agent`.
        """
        await self._set_member(short_name, account_name, True)

    async def remove_member(self, short_name: str, account_name: str) -> None:
        """Take an account out of a queue; nothing changes when it is not in it.

        Raises:
            QueueError: `unknown_queue`, `unknown_account`.
        """
        await self._set_member(short_name, account_name, False)

    async def _set_member(self, short_name: str, account_name: str, is_member: bool) -> None:
        account, table = tables.account, tables.queue_member
        async with self._database.transaction() as connection:
            row = await self._row(connection, short_name)
            who = (
                await connection.execute(select(account).where(account.c.name_key == name_key(account_name)))
            ).first()
            if who is None:
                raise QueueError("unknown_account", "There is no account of that name; see `support-relay user list`.")
            if is_member and AGENT not in who.privileges:
                raise QueueError(
                    "no_agent",
                    f"{who.name} is no agent; give the privilege first: support-relay user set {who.name} --agent",
                )
            here = (table.c.queue_id == row.id) & (table.c.account_id == who.id)
            was_member = (await connection.execute(select(table).where(here))).first() is not None
            if was_member == is_member:
                return
            if is_member:
                await connection.execute(insert(table).values(queue_id=row.id, account_id=who.id))
            else:
                await connection.execute(delete(table).where(here))
            kind = "queue_member_added" if is_member else "queue_member_removed"
            await self._note(connection, kind, f"{short_name}: {who.name}")

    async def _row(self, connection: AsyncConnection, short_name: str) -> Any:  # noqa: ANN401 - a database row
        row = (await connection.execute(select(tables.queue).where(tables.queue.c.slug == short_name))).first()
        if row is None:
            raise QueueError("unknown_queue", "There is no queue of that short name; see `support-relay queue list`.")
        return row

    async def _refuse_default(self, connection: AsyncConnection, short_name: str) -> None:
        if default_queue(await _stored(connection), await read_queues(connection)).slug == short_name:
            raise QueueError(
                "default_queue",
                "Sessions that nobody accepts fall to this queue, so it stays; rename it, or name another first: "
                "support-relay setting set default_queue SHORT-NAME",
            )

    async def _note(self, connection: AsyncConnection, kind: str, what: str) -> None:
        await audit.append(connection, [audit.Record(self._now_ms(), kind, self._who, what)])


async def _stored(connection: AsyncConnection) -> str:
    value = select(tables.setting.c.value).where(tables.setting.c.key == "default_queue")
    return str((await connection.execute(value)).scalar() or "")


def default_queue(wanted: str, queues: list[Queue]) -> Queue:
    """The queue to which a session falls that nobody accepts: the one wanted, else an open one, else any.

    There is always one: the last cannot be deleted.
    """
    by_slug: Mapping[str, Queue] = {queue.slug: queue for queue in queues}
    first = next((queue for queue in queues if queue.enabled), queues[0])
    return by_slug.get(wanted) or by_slug.get("support") or first


def _name(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > limits.QUEUE_NAME_CHARS or not name.isprintable():
        raise QueueError("bad_name", f"A queue's name must have 1 to {limits.QUEUE_NAME_CHARS} printable characters.")
    return name


def _rule(text: str) -> str:
    if text not in tuple(Rule):
        raise QueueError("bad_rule", f"The rule must be one of {', '.join(Rule)}.")
    return str(Rule(text))


def _offer_s(seconds: int) -> int:
    if not OFFER_S_LOWEST <= seconds <= OFFER_S_HIGHEST:
        raise QueueError("bad_offer_s", f"An offer must stand {OFFER_S_LOWEST} to {OFFER_S_HIGHEST} seconds.")
    return seconds


def _hours(text: str, zone: str) -> dict[str, Any]:
    try:
        hours = OpeningHours.parse(text, zone)
    except TimeZoneError as error:
        raise QueueError("bad_time_zone", str(error)) from None
    except HoursError as error:
        raise QueueError("bad_hours", str(error)) from None
    return {"time_zone": zone, "hours": hours.plain()}
