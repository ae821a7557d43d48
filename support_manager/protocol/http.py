"""Bodies of the relay's small HTTP interface for the app: sign-in, refresh, sign-out, site information.

`POST /api/sign-in` SignIn → SignedIn · `POST /api/refresh` Refresh → SignedIn
`POST /api/sign-out` Refresh → Nothing · `GET /api/site` → SiteView · `GET /health` → Health
`GET /api/queue/SLUG` → QueueEntry

A refusal is `{"ok": false, "code": CODE}` with status 400, 401, 403, 404, 413, 429 or 503; success is
`{"ok": true, "value": …}`.
"""

from support_manager.protocol.fields import (
    AccountName,
    Ask,
    ClientVersion,
    Count,
    Password,
    QueueName,
    Time,
    Token,
    Wire,
)
from support_manager.protocol.views import AccountView


class SignIn(Ask, frozen=True, kw_only=True):
    """A rep's name and password."""

    name: AccountName
    password: Password
    v: int
    client_version: ClientVersion = ""


class Refresh(Ask, frozen=True, kw_only=True):
    """A refresh token to be exchanged; using an old one again revokes its whole family (RFC 9700 section 4.14.2)."""

    refresh_token: Token
    v: int


class SignedIn(Wire, frozen=True, kw_only=True):
    """A short access token for the socket and a refresh token for later."""

    access_token: Token
    access_valid_s: Count
    refresh_token: Token
    account: AccountView


class QueueEntry(Wire, frozen=True, kw_only=True):
    """What a queue's entry page says before anybody enters (B-11.1); it is for everybody to read."""

    name: QueueName
    is_open: bool
    opens_at: Time | None = None
    """When it opens again; None while it is open, and when that is not known."""


class Health(Wire, frozen=True, kw_only=True):
    """What a monitor wants to know."""

    status: str
    """`ok` or `stopping`."""
    relay_version: str
    sessions: Count
    participants: Count
    uptime_s: Count
