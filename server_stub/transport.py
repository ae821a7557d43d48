"""Who is at the other end: the client's address, and which origins a browser may call from."""

import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

from aiohttp import web


def client_address(request: web.BaseRequest, *, behind_proxy: bool) -> str:
    """The address of whoever sent the request, for rate limits and the log.

    Behind a proxy this is the last entry of X-Forwarded-For, the one that the proxy itself appended; everything before
    it was written by the client. Without `behind_proxy` the header is ignored, whatever it says.
    """
    peer = request.remote or ""
    if behind_proxy:
        last = ",".join(request.headers.getall("X-Forwarded-For", [])).rpartition(",")[2].strip()
        return _plain_address(last) or _plain_address(peer) or "unknown"
    return _plain_address(peer) or "unknown"


def environ_address(environ: Mapping[str, object], *, behind_proxy: bool) -> str:
    """The same for the WSGI-like dictionary that the Socket.IO library passes to its connect handler."""
    request = environ.get("aiohttp.request")
    return client_address(request, behind_proxy=behind_proxy) if isinstance(request, web.BaseRequest) else "unknown"


def _plain_address(text: str) -> str:
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ipaddress.ip_address(text.partition("%")[0])
    except ValueError:
        return ""
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def origin_of(url: str) -> str:
    """The origin (RFC 6454) of a URL as browsers write it: lower case, no port where it is the usual one."""
    parts = urlsplit(url)
    host = (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    port = "" if parts.port in (None, usual) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def allowed_origins(public_url: str, bound_url: str) -> frozenset[str]:
    """The origins from which the relay's own pages may open a socket.

    These are the public address and, on a relay that listens on loopback, the loopback names with the bound port. No
    header of the request takes part, so a forged Host or X-Forwarded-Host changes nothing.
    """
    origins = {origin_of(public_url), origin_of(bound_url)}
    bound = urlsplit(bound_url)
    if is_loopback(bound.hostname or ""):
        port = f":{bound.port}" if bound.port else ""
        origins |= {origin_of(f"{bound.scheme}://{host}{port}") for host in ("127.0.0.1", "localhost", "[::1]")}
    return frozenset(origins)


def origin_check(origins: frozenset[str]) -> Callable[[str | None, Mapping[str, object]], bool]:
    """A check for the Socket.IO library: a browser's Origin must be one of `origins`.

    The library asks only when there is an Origin header; the app sends none, and the check is no authentication.
    """

    def is_allowed(origin: str | None, environ: Mapping[str, object]) -> bool:
        return origin is not None and origin in origins

    return is_allowed


def is_loopback(host: str) -> bool:
    """Whether a host to listen on can be reached from this machine only."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def is_wildcard(host: str) -> bool:
    """Whether a host to listen on means every address of this machine."""
    try:
        return ipaddress.ip_address(host.strip("[]")).is_unspecified
    except ValueError:
        return host == ""
