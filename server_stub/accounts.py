"""Reps' accounts: passwords, sign-in, access tokens in memory and rotating refresh tokens in the database.

Access tokens live 15 minutes and in memory only: after a restart of the relay an app is refused with `token_expired`,
refreshes once and goes on. Refresh tokens are kept as SHA-256 hashes: 256 random bits need no slow hash.
"""

import asyncio
import hashlib
import secrets
import time
import unicodedata
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import structlog
from argon2 import PasswordHasher
from argon2.exceptions import Argon2Error, InvalidHashError
from sqlalchemy import delete, insert, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub import audit, rights
from server_stub.account_names import AccountError, clean_display_name, clean_name, name_key
from server_stub.ports import Caller
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.http import SignedIn
from support_manager.protocol.views import AccountView, Mode
from support_manager.protocol.wire import ProtocolError

__all__ = ["AccountError", "AccountRow", "Accounts", "check_password", "clean_name", "name_key"]

log = structlog.get_logger(__name__)
T = TypeVar("T")

ACCESS_VALID_S = 15 * 60
REFRESH_VALID_S = 30 * 24 * 3600
"""A refresh token unused for this long is worthless; each refresh starts it anew."""
LOST_ANSWER_S = 60
"""How long a used refresh token may be used once more, for an app that never received or could not keep the answer."""
_HASHES_AT_ONCE = 2
_HASHES_WAITING = 32
_FAMILIES_AT_ONCE = 500


@dataclass(frozen=True)
class AccountRow:
    """An account as an operator lists it."""

    id: str
    name: str
    display_name: str
    disabled: bool
    created_at: int
    privileges: tuple[str, ...] = ()
    modes: tuple[str, ...] = ()
    """None: the site's."""
    customers_limit: int | None = None
    """None: the site's; 0: without limit."""


class Accounts:
    """Makes, checks and signs in accounts.

    Args:
        database: an open database.
        clock: seconds since 1970, by the relay's own clock; clients' clocks never count.
        hasher: how passwords are hashed; the default follows RFC 9106 section 4, second recommended option.
        who: acts, for the audit log.
    """

    def __init__(
        self,
        database: Database,
        *,
        clock: Callable[[], float] = time.time,
        hasher: PasswordHasher | None = None,
        who: str = audit.OPERATOR,
    ) -> None:
        self._who = who
        self._database = database
        self._clock = clock
        self._hasher = hasher or PasswordHasher()
        self._threads = ThreadPoolExecutor(_HASHES_AT_ONCE, thread_name_prefix="argon2")
        self._hashes_wanted = 0
        self._access: dict[str, tuple[str, float, str]] = {}
        """Hash of an access token → account, end of validity, family."""
        self._no_account_hash: str | None = None

    def close(self) -> None:
        """Let the hashing threads go."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # Accounts

    async def add(
        self,
        name: str,
        password: str,
        *,
        display_name: str = "",
        modes: tuple[Mode, ...] = (),
        privileges: tuple[str, ...] = (),
        customers_limit: int | None = None,
    ) -> AccountRow:
        """Make an account.

        Args:
            name: to sign in with.
            password: see `check_password`.
            display_name: that people see; by default the same.
            modes: in which he may start sessions; none for the site's.
            privileges: of `PRIVILEGES`.
            customers_limit: how many customers he may help at once; None for the site's.

        Raises:
            AccountError: see there.
        """
        name = clean_name(name)
        shown = clean_display_name(display_name or name)
        password_hash = await self._hash(check_password(password))
        row: dict[str, Any] = {
            "id": secrets.token_urlsafe(12),
            "name": name,
            "name_key": name_key(name),
            "display_name": shown,
            "password_hash": password_hash,
            "privileges": list(privileges),
            "modes": [mode.value for mode in modes],
            "locale": "en",
            "disabled": False,
            "created_at": self._now_ms(),
            "customers_limit": customers_limit,
        }
        try:
            async with self._database.transaction() as connection:
                await connection.execute(insert(tables.account).values(row))
                await self._note(connection, "account_added", name)
        except IntegrityError:
            raise AccountError("name_taken") from None
        log.info("account added", account=row["id"])
        return AccountRow(
            row["id"], name, shown, False, row["created_at"], privileges, tuple(row["modes"]), customers_limit
        )

    async def everyone(self) -> list[AccountRow]:
        """Every account, by name."""
        table = tables.account
        async with self._database.reading() as connection:
            rows = await connection.execute(select(table).order_by(table.c.name_key))
            return [
                AccountRow(
                    row.id,
                    row.name,
                    row.display_name,
                    row.disabled,
                    row.created_at,
                    tuple(row.privileges),
                    tuple(row.modes),
                    row.customers_limit,
                )
                for row in rows
            ]

    async def set_disabled(self, name: str, disabled: bool) -> None:
        """Close an account, or open it again.

        A closed account's tokens open nothing, and are kept only so that an app that shows one can be told why; opening
        it again deletes them, so that none of them comes back to life.

        Raises:
            AccountError: `unknown_name`.
        """
        kind = "account_closed" if disabled else "account_opened"
        await self._change(name, {"disabled": disabled}, kind, revoke=not disabled)

    async def set_password(self, name: str, password: str) -> None:
        """Give an account another password; every token it has is revoked.

        Raises:
            AccountError: `unknown_name`, `short_password`, `long_password`.
        """
        fresh = {"password_hash": await self._hash(check_password(password))}
        await self._change(name, fresh, "password_changed", revoke=True)

    async def _change(self, name: str, values: dict[str, Any], kind: str, *, revoke: bool) -> None:
        table = tables.account
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table).where(table.c.name_key == name_key(name)))).first()
            if row is None:
                raise AccountError("unknown_name")
            found = row.id
            if values == {"disabled": row.disabled}:
                return  # opening what is open puts nobody out
            await connection.execute(update(table).where(table.c.id == found).values(values))
            if revoke:
                await connection.execute(delete(tables.refresh_token).where(tables.refresh_token.c.account_id == found))
            await self._note(connection, kind, row.name)
        self._access = {key: value for key, value in self._access.items() if value[0] != found}

    async def _note(self, connection: AsyncConnection, kind: str, what: str) -> None:
        await audit.append(connection, [audit.Record(self._now_ms(), kind, self._who, what)])

    # Signing in

    async def sign_in(self, name: str, password: str) -> SignedIn:
        """Check a name and password and hand out the first tokens of a new family.

        A wrong password and a name that does not exist take the same time and give the same answer; that an account is
        closed is told only to who knows its password.

        Raises:
            ProtocolError: `wrong_credentials`, `account_disabled`, `relay_busy`.
        """
        table = tables.account
        async with self._database.reading() as connection:
            row = (await connection.execute(select(table).where(table.c.name_key == name_key(name)))).first()
        stored = row.password_hash if row is not None else await self._hash_of_nobody()
        right = await self._verify(stored, password)
        if row is None or not right:
            raise ProtocolError(ErrorCode.WRONG_CREDENTIALS)
        if row.disabled:
            raise ProtocolError(ErrorCode.ACCOUNT_DISABLED)
        fresh = await self._hash(password) if self._hasher.check_needs_rehash(stored) else None
        async with self._database.transaction() as connection:
            if fresh is not None:
                await connection.execute(update(table).where(table.c.id == row.id).values(password_hash=fresh))
            return await self._issue(connection, await _view(connection, row), family=secrets.token_urlsafe(12))

    async def refresh(self, token: str) -> SignedIn:
        """Exchange a refresh token for new ones; the old one is spent.

        A spent token that turns up again is either a lost answer (within `LOST_ANSWER_S`, once: the answer's token is
        withdrawn and a new one given) or a stolen one, and then its whole family is revoked (RFC 9700 section 4.14.2).

        Raises:
            ProtocolError: `account_disabled` to the holder of a token that would work if the account were open,
                `token_expired` for every other.
        """
        table, now = tables.refresh_token, self._now_ms()
        hashed = _hash_token(token)
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table).where(table.c.hash == hashed))).first()
            if row is None:
                raise ProtocolError(ErrorCode.TOKEN_EXPIRED)
            of_family = table.c.family == row.family
            reused = row.used_at is not None and now - row.used_at > LOST_ANSWER_S * 1000
            if row.revoked or reused or row.expires_at <= now:
                await connection.execute(delete(table).where(of_family))
                refusal = ErrorCode.TOKEN_EXPIRED
            else:
                account = (
                    await connection.execute(select(tables.account).where(tables.account.c.id == row.account_id))
                ).one()
                if not account.disabled:
                    # Unspent tokens of this family can only be the answer that got lost.
                    await connection.execute(
                        update(table)
                        .where(of_family, table.c.used_at.is_(None), table.c.hash != hashed)
                        .values(revoked=True)
                    )
                    spent = {"used_at": now} if row.used_at is None else {"revoked": True}
                    await connection.execute(update(table).where(table.c.hash == hashed).values(spent))
                    await connection.execute(delete(table).where(of_family, table.c.expires_at <= now))
                    return await self._issue(connection, await _view(connection, account), family=row.family)
                refusal = ErrorCode.ACCOUNT_DISABLED
        if refusal is ErrorCode.TOKEN_EXPIRED and (row.revoked or reused):
            self._forget_access(row.account_id)
            log.warning("a spent refresh token was used again; its family is revoked", account=row.account_id)
        raise ProtocolError(refusal)

    async def sign_out(self, token: str) -> None:
        """Forget the family of a refresh token; a token that is not known changes nothing and tells nothing."""
        table = tables.refresh_token
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table).where(table.c.hash == _hash_token(token)))).first()
            if row is not None:
                await connection.execute(delete(table).where(table.c.family == row.family))
        if row is not None:
            self._access = {key: value for key, value in self._access.items() if value[2] != row.family}

    async def caller_by_access(self, token: str) -> Caller | None:
        """Whose access token this is; None when it is unknown, expired, or its sign-in holds no longer: signed out,
        revoked, or the account closed, by this process or another.
        """
        entry = self._access.get(_hash_token(token))
        if entry is None or entry[1] <= self._clock():
            return None
        account_id, _, family = entry
        account, tokens = tables.account, tables.refresh_token
        wanted = select(account).where(account.c.id == account_id, account.c.disabled.is_(False))
        wanted = wanted.where(select(tokens.c.hash).where(tokens.c.family == family).exists())
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).first()
            return None if row is None else Caller(await _view(connection, row), family)

    async def ended_sign_ins(self, sign_ins: Mapping[str, str]) -> Mapping[str, ErrorCode]:
        """Which of these sign-ins (family → account) hold no longer: `account_disabled`, or `token_expired` after a
        sign-out, a change of the password or a stolen token. The database says so, so another process may have done it.
        """
        account, tokens = tables.account, tables.refresh_token
        asked, hold = list(sign_ins), set[str]()
        async with self._database.reading() as connection:
            for start in range(0, len(asked), _FAMILIES_AT_ONCE):
                some = asked[start : start + _FAMILIES_AT_ONCE]
                wanted = select(tokens.c.family).join(account, account.c.id == tokens.c.account_id)
                wanted = wanted.where(tokens.c.family.in_(some), account.c.disabled.is_(False))
                hold.update((await connection.execute(wanted)).scalars())
            gone = [family for family in asked if family not in hold]
            if not gone:
                return {}
            closed = set((await connection.execute(select(account.c.id).where(account.c.disabled.is_(True)))).scalars())
        return {
            family: ErrorCode.ACCOUNT_DISABLED if sign_ins[family] in closed else ErrorCode.TOKEN_EXPIRED
            for family in gone
        }

    async def _issue(self, connection: AsyncConnection, account: AccountView, *, family: str) -> SignedIn:
        access, refresh, now = secrets.token_urlsafe(32), secrets.token_urlsafe(32), self._clock()
        await connection.execute(
            insert(tables.refresh_token).values(
                hash=_hash_token(refresh),
                family=family,
                account_id=account.id,
                created_at=int(now * 1000),
                expires_at=int((now + REFRESH_VALID_S) * 1000),
                used_at=None,
                revoked=False,
            )
        )
        self._access = {key: value for key, value in self._access.items() if value[1] > now}
        self._access[_hash_token(access)] = (account.id, now + ACCESS_VALID_S, family)
        return SignedIn(access_token=access, access_valid_s=ACCESS_VALID_S, refresh_token=refresh, account=account)

    def _forget_access(self, account_id: str) -> None:
        self._access = {key: value for key, value in self._access.items() if value[0] != account_id}

    # Passwords

    async def _hash(self, password: str) -> str:
        normal = unicodedata.normalize("NFKC", password)
        return await self._in_thread(lambda: self._hasher.hash(normal))

    async def _verify(self, stored: str, password: str) -> bool:
        def verify() -> bool:
            try:
                return self._hasher.verify(stored, unicodedata.normalize("NFKC", password))
            except (Argon2Error, InvalidHashError):
                return False

        return await self._in_thread(verify)

    async def _hash_of_nobody(self) -> str:
        if self._no_account_hash is None:
            self._no_account_hash = await self._hash(secrets.token_urlsafe(32))
        return self._no_account_hash

    async def prepare(self) -> None:
        """Make the hash that unknown names are checked against, so that the first of them takes no longer either."""
        await self._hash_of_nobody()

    async def _in_thread(self, function: Callable[[], T]) -> T:
        # Each hash takes 64 MiB and all of a core for a while: few at once, and no endless queue for a flood to fill.
        if self._hashes_wanted >= _HASHES_WAITING:
            raise ProtocolError(ErrorCode.RELAY_BUSY, "password hashing")
        self._hashes_wanted += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, function)
        finally:
            self._hashes_wanted -= 1

    def _now_ms(self) -> int:
        return int(self._clock() * 1000)


def check_password(password: str) -> str:
    """The password itself, when it may be one.

    Raises:
        AccountError: `short_password` or `long_password`.
    """
    if len(password) < limits.PASSWORD_MIN_CHARS:
        raise AccountError("short_password")
    if len(password) > limits.PASSWORD_CHARS:
        raise AccountError("long_password")
    return password


async def _view(connection: AsyncConnection, row: Any) -> AccountView:  # noqa: ANN401 - a database row
    return rights.view(row, await rights.site_rights(connection))


def _hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
