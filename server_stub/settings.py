"""The operator's settings: what there is, how each is checked, where it is kept, and how the running relay reads it."""

import json
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec
from sqlalchemy import delete, insert, select

from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.transport import allowed_origins
from support_manager.protocol import limits
from support_manager.protocol.views import IceServer


class SettingError(Exception):
    """A setting cannot be taken; the text says what it must look like."""


@dataclass(frozen=True)
class Definition:
    """One setting: its meaning, the value without one, and the check that turns an operator's text into a value."""

    key: str
    meaning: str
    default: Any
    parse: Callable[[str], Any]


def _company(text: str) -> str:
    name = unicodedata.normalize("NFC", text).strip()
    if not name or len(name) > limits.NAME_CHARS or not name.isprintable():
        raise SettingError(f"The company's name must have 1 to {limits.NAME_CHARS} printable characters.")
    return name


def check_public_url(text: str) -> str:
    """The address under which customers reach the relay: a bare origin, or empty for "where it listens".

    Raises:
        SettingError: when it is anything else; a path would break the links that customers get.
    """
    text = text.strip().rstrip("/")
    if not text:
        return ""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    bare = parts.scheme in ("http", "https") and parts.hostname and not (parts.path or parts.query or parts.fragment)
    plain = text.isascii() and text.isprintable() and not set(" \"'<>;,\\@") & set(text)
    if not bare or not plain or port == 0 or len(text) > limits.URL_CHARS:
        raise SettingError(
            "The public URL must look like https://support.example.org, with a port if need be and no path."
        )
    return text.lower()


def _app_url(text: str) -> str:
    text = text.strip()
    parts = urlsplit(text)
    odd = not text.isascii() or not text.isprintable() or set(" \"'<>") & set(text) or len(text) > limits.URL_CHARS
    if text and (odd or parts.scheme not in ("http", "https") or not parts.hostname):
        raise SettingError("The app's address must begin with https:// or http://.")
    return text


def _ice_servers(text: str) -> list[dict[str, Any]]:
    usage = (
        'ICE servers must be a JSON list such as [{"urls": ["turn:turn.example.org:3478"], "username": "u", '
        '"credential": "c"}]; [] means none.'
    )
    try:
        servers = msgspec.json.decode(text, type=list[_IceServerText])
    except msgspec.MsgspecError:
        raise SettingError(usage) from None
    if len(servers) > limits.ICE_SERVERS:
        raise SettingError(f"There may be at most {limits.ICE_SERVERS} ICE servers.")
    for server in servers:
        urls = server.urls
        if not 1 <= len(urls) <= limits.ICE_URLS or not all(_is_ice_url(url) for url in urls):
            raise SettingError(usage)
        if any(url.startswith("turn") for url in urls) and not (server.username and server.credential):
            raise SettingError("A TURN server needs a username and a credential; browsers refuse it otherwise.")
    plain: list[dict[str, Any]] = msgspec.to_builtins(servers)
    return plain


def _is_ice_url(url: str) -> bool:
    # RFC 7064 and RFC 7065: scheme, host, optional port and transport; nothing else is passed to a browser.
    scheme, _, rest = url.partition(":")
    return (
        scheme in ("stun", "stuns", "turn", "turns")
        and bool(rest)
        and len(url) <= limits.URL_CHARS
        and not (set(' /"<>') & set(rest))
    )


class _IceServerText(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    urls: list[str]
    username: str = ""
    credential: str = ""


DEFINITIONS: dict[str, Definition] = {
    definition.key: definition
    for definition in (
        Definition("company", "Name shown to customers on the site and in the page.", "Support Manager", _company),
        Definition(
            "public_url",
            "Address under which customers reach the relay, such as https://support.example.org; "
            "empty: where it listens.",
            "",
            check_public_url,
        ),
        Definition(
            "ice_servers",
            "STUN and TURN servers handed out to members of sessions, as a JSON list; [] by default.",
            [],
            _ice_servers,
        ),
        Definition(
            "app_url",
            "Where reps get the desktop app, such as https://intranet.example.org/apps; "
            "empty: they ask their administrator.",
            "",
            _app_url,
        ),
        Definition(
            "keep_days",
            "How many days a session's transcript is kept after its end, 0 to 3650; then only that it took place.",
            30,
            lambda text: _whole_number(text, 0, 3_650),
        ),
        Definition(
            "connections_per_address",
            "How many sockets one address may hold at once, 4 to 10000; an office shares one address.",
            200,
            lambda text: _whole_number(text, 4, 10_000),
        ),
    )
}


def _whole_number(text: str, lowest: int, highest: int) -> int:
    if not text.strip().isascii() or not text.strip().isdigit() or not lowest <= int(text) <= highest:
        raise SettingError(f"This must be a whole number from {lowest} to {highest}.")
    return int(text)


def definition(key: str) -> Definition:
    """The setting called `key`.

    Raises:
        SettingError: when there is none; the text names those there are.
    """
    if key not in DEFINITIONS:
        raise SettingError(f"There is no setting “{key}”; there are: {', '.join(DEFINITIONS)}.")
    return DEFINITIONS[key]


def as_text(value: Any) -> str:  # noqa: ANN401 - a JSON value
    """A value in the form in which it is given to `setting set`."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


async def read_all(database: Database) -> dict[str, Any]:
    """Every setting, stored or default. A stored value that no longer passes its check counts as not set."""
    async with database.transaction() as connection:
        rows = (await connection.execute(select(tables.setting.c.key, tables.setting.c.value))).all()
    stored = {row.key: row.value for row in rows}
    values: dict[str, Any] = {}
    for key, entry in DEFINITIONS.items():
        values[key] = entry.default
        if key in stored:
            try:
                values[key] = entry.parse(as_text(stored[key]))
            except SettingError:
                continue
    return values


async def write(database: Database, key: str, text: str) -> Any:  # noqa: ANN401 - a JSON value
    """Check `text`, keep it as the setting `key` and return its value.

    Raises:
        SettingError: for an unknown key or a value that does not pass.
    """
    value = definition(key).parse(text)
    async with database.transaction() as connection:
        await connection.execute(delete(tables.setting).where(tables.setting.c.key == key))
        await connection.execute(insert(tables.setting).values(key=key, value=value))
    return value


class LiveSettings:
    """The settings as the running relay reads them: the operator's, and what the command line decided.

    Args:
        public_url: from the command line; it wins over the stored one. Empty: the stored one, else `bound_url`.
        bound_url: where the relay listens.
        behind_proxy: whether a proxy in front tells the client's address.
    """

    def __init__(self, *, public_url: str, bound_url: str, behind_proxy: bool) -> None:
        self._given_url = public_url
        self._bound_url = bound_url
        self._behind_proxy = behind_proxy
        self._values = {key: entry.default for key, entry in DEFINITIONS.items()}
        self._derive()

    def take(self, values: dict[str, Any]) -> None:
        """Use `values` (of `read_all`) from now on."""
        if values != self._values:
            self._values = dict(values)
            self._derive()

    def _derive(self) -> None:
        self._public_url = self._given_url or self._values["public_url"] or self._bound_url
        self._origins = tuple(sorted(allowed_origins(self._public_url, self._bound_url)))
        self._ice = tuple(
            IceServer(urls=tuple(entry["urls"]), username=entry["username"], credential=entry["credential"])
            for entry in self._values["ice_servers"]
        )

    @property
    def company(self) -> str:
        """Name of the site's owner."""
        return str(self._values["company"])

    @property
    def public_url(self) -> str:
        """Address under which customers reach the relay, without a slash at the end."""
        return self._public_url

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Origins from which the relay's own pages may open a socket."""
        return self._origins

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """Handed out to members of sessions."""
        return self._ice

    @property
    def behind_proxy(self) -> bool:
        """Whether the last `X-Forwarded-For` entry is the client's address."""
        return self._behind_proxy

    @property
    def connections_per_address(self) -> int:
        """How many sockets one address may hold."""
        return int(self._values["connections_per_address"])

    @property
    def keep_days(self) -> int:
        """How many days after its end a session's transcript and other facts are kept."""
        return int(self._values["keep_days"])

    @property
    def app_url(self) -> str:
        """Where reps get the desktop app; empty when the operator does not say."""
        return str(self._values["app_url"])

    @property
    def is_tls(self) -> bool:
        """Whether customers reach the relay over TLS, its own or the proxy's."""
        return self._public_url.startswith("https:")
