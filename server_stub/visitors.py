"""Reps who are signed in to the site: the cookie that says so, its forms' tokens, and who it is now.

The cookie is a refresh token of a sign-in of its own, never exchanged: so signing out, another password, or closing the
account ends it as any other sign-in, and a restart of the relay does not.
"""

import hashlib
import hmac
import re
import secrets
import time
from typing import NamedTuple

from aiohttp import web
from sqlalchemy import select

from server_stub import rights
from server_stub.accounts import Accounts
from server_stub.settings import LiveSettings
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.views import ADMIN, AccountView

VALID_S = 12 * 3600
"""A working day: after that the rep signs in again."""
_TOKEN = re.compile(r"[A-Za-z0-9_-]{20,128}")


class Visitor(NamedTuple):
    """A rep who is signed in to the site."""

    account: AccountView
    token: str

    @property
    def is_admin(self) -> bool:
        """Whether the admin area is his."""
        return ADMIN in self.account.privileges

    @property
    def form_token(self) -> str:
        """What his forms carry, and no other site's can (CSRF)."""
        return form_token(self.token)


def form_token(secret: str) -> str:
    """The token of forms on pages of whoever holds that cookie."""
    return hmac.new(secret.encode(), b"form", hashlib.sha256).hexdigest()


class Visitors:
    """Says who sent a request for a page, and keeps the cookies.

    Args:
        accounts: to sign out.
        database: open.
        settings: whether the site is reached over TLS.
    """

    def __init__(self, accounts: Accounts, database: Database, settings: LiveSettings) -> None:
        self._accounts = accounts
        self._database = database
        self._settings = settings

    def _cookie(self, name: str) -> str:
        # The prefix makes browsers refuse such a cookie from a neighbour's domain or without TLS (RFC 6265bis).
        return f"__Host-{name}" if self._settings.is_tls else name

    def _kept(self, request: web.Request, name: str) -> str:
        value = request.cookies.get(self._cookie(name), "")
        return value if _TOKEN.fullmatch(value) else ""

    def _keep(self, response: web.StreamResponse, name: str, value: str, max_age_s: int) -> None:
        response.set_cookie(
            self._cookie(name),
            value,
            max_age=max_age_s,
            path="/",
            httponly=True,
            samesite="Strict",
            secure=self._settings.is_tls,
        )

    async def visitor(self, request: web.Request) -> Visitor | None:
        """Who sent this request; None when he is not signed in, or not any more.

        Raises:
            StoreError: the database failed.
        """
        token = self._kept(request, "sign_in")
        if not token:
            return None
        account, tokens, now = tables.account, tables.refresh_token, time.time_ns() // 1_000_000
        wanted = (
            select(account)
            .join(tokens, tokens.c.account_id == account.c.id)
            .where(
                tokens.c.hash == hashlib.sha256(token.encode()).hexdigest(),
                tokens.c.revoked.is_(False),
                tokens.c.used_at.is_(None),
                tokens.c.expires_at > now,
                tokens.c.created_at > now - VALID_S * 1000,
                account.c.disabled.is_(False),
            )
        )
        async with self._database.reading() as connection:
            row = (await connection.execute(wanted)).first()
            if row is None:
                return None
            return Visitor(rights.view(row, await rights.site_rights(connection)), token)

    def remember(self, response: web.StreamResponse, token: str) -> None:
        """Sign the browser in that gets this response."""
        self._keep(response, "sign_in", token, VALID_S)

    async def sign_out(self, visitor: Visitor, response: web.StreamResponse) -> None:
        """End the sign-in for good, here and in the database."""
        await self._accounts.sign_out(visitor.token)
        self._keep(response, "sign_in", "", 0)

    def stranger(self, request: web.Request) -> str:
        """The form token of a browser that is not signed in; empty when it has no cookie for it yet."""
        kept = self._kept(request, "form")
        return form_token(kept) if kept else ""

    def greet_stranger(self, response: web.StreamResponse) -> str:
        """Give a browser that cookie with a page, and return the token for the page's form."""
        secret = secrets.token_urlsafe(24)
        self._keep(response, "form", secret, 3600)
        return form_token(secret)


def is_same(token: str, typed: str) -> bool:
    """Whether a form carried the right token; an empty one is never right."""
    return bool(token) and hmac.compare_digest(token.encode(), typed.encode())
