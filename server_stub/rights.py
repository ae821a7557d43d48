"""What an account may: its privileges, modes and limit, its own or the site's (B-3.4, B-6.3, B-10.5)."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

from sqlalchemy import select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub import audit
from server_stub.account_names import AccountError, clean_display_name, name_key
from server_stub.setting_checks import MODES, SITES_MODES
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.views import ADMIN, AGENT, PRIVILEGES, AccountView, Mode

SITES = "site"
"""The operator's word for "as the site's setting says"."""
_SITE_KEYS = ("modes", "customers_per_rep")


class SiteRights(NamedTuple):
    """What the site's settings say for accounts that say nothing themselves."""

    modes: tuple[Mode, ...]
    customers: int


async def site_rights(connection: AsyncConnection) -> SiteRights:
    """Read the site's settings, within a transaction of the caller's."""
    table = tables.setting
    rows = await connection.execute(select(table.c.key, table.c.value).where(table.c.key.in_(_SITE_KEYS)))
    stored: dict[str, Any] = {row.key: row.value for row in rows}
    return SiteRights(MODES.get(stored.get("modes", ""), MODES[SITES_MODES]), int(stored.get("customers_per_rep", 0)))


def view(row: Any, site: SiteRights) -> AccountView:  # noqa: ANN401 - a database row
    """An account as its rep's app gets it, with what the site's settings add."""
    return AccountView(
        id=row.id,
        name=row.name,
        display_name=row.display_name,
        privileges=tuple(word for word in PRIVILEGES if word in row.privileges),
        customers_limit=site.customers if row.customers_limit is None else row.customers_limit,
        modes=tuple(Mode(mode) for mode in row.modes) or site.modes,
        locale=row.locale,
    )


async def read_now(database: Database, account: AccountView) -> AccountView:
    """An account as it is by now, whatever it was when its rep connected.

    Raises:
        StoreError: the database cannot be read.
    """
    table = tables.account
    async with database.reading() as connection:
        row = (await connection.execute(select(table).where(table.c.id == account.id))).one()
        return view(row, await site_rights(connection))


async def read_agents(connection: AsyncConnection) -> list[AccountView]:
    """Every open account with the agent privilege, by the name that people see."""
    site, table = await site_rights(connection), tables.account
    rows = await connection.execute(select(table).where(table.c.disabled.is_(False)).order_by(table.c.display_name))
    return [view(row, site) for row in rows if AGENT in row.privileges]


class Rights:
    """Changes what an account may; every change is in the audit log.

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

    async def change(
        self,
        name: str,
        *,
        agent: bool | None = None,
        admin: bool | None = None,
        mode: str | None = None,
        limit: int | str | None = None,
        display_name: str | None = None,
    ) -> None:
        """Change what is not None.

        Args:
            name: the account.
            agent: whether he has the Inbox and Transfer Session.
            admin: whether he may open the admin area.
            mode: `single`, `multi`, `choice`, or `site` for the site's.
            limit: how many customers at once, 0 for any number, or `site` for the site's.
            display_name: the name that people see.

        Raises:
            AccountError: `unknown_name`, `bad_display_name`.
        """
        table = tables.account
        values: dict[str, Any] = {}
        if mode is not None:
            values["modes"] = [] if mode == SITES else [one.value for one in MODES[mode]]
        if limit is not None:
            values["customers_limit"] = None if limit == SITES else int(limit)
        if display_name is not None:
            values["display_name"] = clean_display_name(display_name)
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table).where(table.c.name_key == name_key(name)))).first()
            if row is None:
                raise AccountError("unknown_name")
            wanted = {ADMIN: admin, AGENT: agent}
            privileges = [
                word for word in PRIVILEGES if (word in row.privileges if wanted[word] is None else wanted[word])
            ]
            if privileges != list(row.privileges):
                values["privileges"] = privileges
            if not values:
                return
            await connection.execute(update(table).where(table.c.id == row.id).values(values))
            told = ", ".join(f"{key} = {value}" for key, value in sorted(values.items()))
            record = audit.Record(self._now_ms(), "account_changed", self._who, f"{row.name}: {told}")
            await audit.append(connection, [record])
