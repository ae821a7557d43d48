"""Relay addresses as people type them, made into one origin: scheme, host and port, nothing else."""

import ipaddress
from urllib.parse import urlsplit

from support_manager.errors import AppCode, RelayUnavailable

_PORTS = {"http": 80, "https": 443}


def normalise(typed: str) -> str:
    """Make an origin such as `https://relay.example.org` of what was typed or pasted.

    A bare host means https, except for this machine itself. Path, query and fragment are dropped: people paste the
    address of the page they see.

    Raises:
        RelayUnavailable: `bad_address` for what is no address, `no_tls` for plain HTTP to another machine.
    """
    text = typed.strip()
    if not text or any(character.isspace() or not character.isprintable() for character in text):
        raise RelayUnavailable(AppCode.BAD_ADDRESS, address=typed.strip()[:200])
    bare = "://" not in text
    try:
        parts = urlsplit(f"https://{text}" if bare else text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
        parts = urlsplit("")
    if not host or parts.scheme not in _PORTS or "@" in parts.netloc or "\\" in text:
        raise RelayUnavailable(AppCode.BAD_ADDRESS, address=text[:200])
    scheme = "http" if bare and is_loopback(host) else parts.scheme
    if scheme == "http" and not is_loopback(host):
        raise RelayUnavailable(AppCode.NO_TLS, host=host)
    shown = f"[{host}]" if ":" in host else host
    return f"{scheme}://{shown}" if port in (None, _PORTS[scheme]) else f"{scheme}://{shown}:{port}"


def host_and_port(origin: str) -> tuple[str, int]:
    """The host and the port of an origin that `normalise` made."""
    parts = urlsplit(origin)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def pin_key(origin: str) -> str:
    """The name under which a certificate accepted for that origin is kept: `host:port`."""
    host, port = host_and_port(origin)
    return f"{host}:{port}"


def is_loopback(host: str) -> bool:
    """Say whether `host` is this machine itself, judged by the name alone: no look-up that somebody could answer."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
