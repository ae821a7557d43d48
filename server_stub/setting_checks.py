"""What a setting may be: one check for each kind, with the sentence that says what it must look like."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import msgspec

from support_manager.protocol import limits
from support_manager.protocol.views import Mode

MAIL_SECURITY = ("none", "starttls", "tls")
MODES: dict[str, tuple[Mode, ...]] = {
    "single": (Mode.SINGLE,),
    "multi": (Mode.MULTI,),
    "choice": (Mode.MULTI, Mode.SINGLE),
}
"""The operator's word → the modes in which a rep may start sessions (B-3.4), the usual one first."""
SITES_MODES = "choice"
"""What holds until the operator says otherwise."""
_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)*")
_HOST = re.compile(r"[A-Za-z0-9.:-]+")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")


class SettingError(Exception):
    """A setting cannot be taken; the text says what it must look like."""


@dataclass(frozen=True)
class Definition:
    """One setting: its meaning, the value without one, and the check that turns an operator's text into a value."""

    key: str
    meaning: str
    default: Any
    parse: Callable[[str], Any]
    secret: bool = False
    """Never shown again, once it is set."""


def company(text: str) -> str:
    """The name of the site's owner."""
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


def app_url(text: str) -> str:
    """Where reps get the app: an address of the web, or nothing."""
    text = text.strip()
    parts = urlsplit(text)
    odd = not text.isascii() or not text.isprintable() or set(" \"'<>") & set(text) or len(text) > limits.URL_CHARS
    if text and (odd or parts.scheme not in ("http", "https") or not parts.hostname):
        raise SettingError("The app's address must begin with https:// or http://.")
    return text


def ice_servers(text: str) -> list[dict[str, Any]]:
    """STUN and TURN servers as browsers take them."""
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


def turn_urls(text: str) -> str:
    """Addresses of one TURN server whose credentials the relay makes, parted by spaces, or nothing."""
    found = text.split()
    if len(found) > limits.ICE_URLS or not all(
        url.startswith(("turn:", "turns:")) and _is_ice_url(url) for url in found
    ):
        raise SettingError(
            f"These must be at most {limits.ICE_URLS} addresses parted by spaces, such as "
            "turn:turn.example.org:3478?transport=udp turns:turn.example.org:5349?transport=tcp."
        )
    return " ".join(found)


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


def whole_number(text: str, lowest: int, highest: int) -> int:
    """A whole number within bounds."""
    if not text.strip().isascii() or not text.strip().isdigit() or not lowest <= int(text) <= highest:
        raise SettingError(f"This must be a whole number from {lowest} to {highest}.")
    return int(text)


def one_of(text: str, words: tuple[str, ...]) -> str:
    """One of some words."""
    word = text.strip().lower()
    if word not in words:
        raise SettingError(f"This must be one of {', '.join(words)}.")
    return word


def slug(text: str) -> str:
    """The name of a queue in addresses.

    Raises:
        SettingError: when it is none.
    """
    if not _SLUG.fullmatch(text) or len(text) > limits.ID_CHARS:
        raise SettingError(
            f"A queue's short name has at most {limits.ID_CHARS} of a-z, 0-9 and single hyphens, such as first-aid."
        )
    return text


def host(text: str) -> str:
    """The name or address of a server, or nothing."""
    text = text.strip()
    if text and (not _HOST.fullmatch(text) or len(text) > limits.URL_CHARS):
        raise SettingError("A server's name must look like mail.example.org.")
    return text


def address(text: str) -> str:
    """An e-mail address or nothing."""
    text = text.strip()
    if text and (not _ADDRESS.fullmatch(text) or len(text) > limits.EMAIL_CHARS or not text.isascii()):
        raise SettingError("An e-mail address must look like support@example.org.")
    return text


def line(text: str) -> str:
    """Any one line of text; a user name or a password."""
    if len(text) > limits.URL_CHARS or any(ord(char) < 32 for char in text):
        raise SettingError(f"This must be one line of at most {limits.URL_CHARS} characters.")
    return text
