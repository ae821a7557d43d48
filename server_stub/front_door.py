"""The door of the relay: how many connections may stand in it, and how long a request's body may take."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import structlog
from aiohttp import web
from engineio.payload import Payload
from typing_extensions import override

from server_stub.http_api import BODY_S
from server_stub.limits import networks_of
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.wire import ack_error

log = structlog.get_logger(__name__)

CONNECTIONS = 4_000
"""How many connections the relay holds at once."""
PACKETS = limits.EVENTS_BURST
"""How many packets one body of long polling may hold; a page sends all that waits at once (trickled candidates)."""
_KEYS_EACH = 4
"""A connection is counted under at most three keys; with more than these, most of them are of closed ones."""
_KINDS = frozenset("134")
_FULL = b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 10\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class FrontDoor:
    """Hands each new connection to the HTTP server, or turns it away at once when there are too many.

    Args:
        runner: set up; its server makes the protocol of each connection.
        connections: how many at once.
        per_address: how many of them from one address, or one network of IPv6 (see `networks_of`); None behind a
            proxy, where all come from one.
    """

    def __init__(
        self, runner: web.AppRunner, *, connections: int = CONNECTIONS, per_address: int | None = None
    ) -> None:
        self._runner = runner
        self._connections = connections
        self._per_address = per_address
        self._open: dict[str, list[asyncio.Transport]] = {}

    def protocol(self) -> asyncio.BaseProtocol:
        """The first protocol of a new connection, for `create_server`."""
        return _Threshold(self)

    def admit(self, transport: asyncio.Transport) -> asyncio.Protocol | None:
        """The HTTP protocol for a new connection, or None when there is no room."""
        server = self._runner.server
        if server is None or len(server.connections) >= self._connections:
            return None
        if self._per_address is not None:
            peer = transport.get_extra_info("peername")
            address = str(peer[0]) if peer else ""
            networks = networks_of(address)
            # Only here are closed ones forgotten, so that no close needs a callback.
            still = {key: [one for one in self._open.get(key, ()) if not one.is_closing()] for key, _ in networks}
            if any(len(still[key]) >= self._per_address * times for key, times in networks):
                return None
            self._open |= {key: [*others, transport] for key, others in still.items()}
            if len(self._open) > _KEYS_EACH * self._connections:
                alive = {key: [one for one in value if not one.is_closing()] for key, value in self._open.items()}
                self._open = {key: value for key, value in alive.items() if value}
        return server()


class _Threshold(asyncio.Protocol):
    def __init__(self, door: FrontDoor) -> None:
        self._door = door

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclasses of asyncio's, they only behave like them.
        transport = cast(asyncio.Transport, transport)
        inner = self._door.admit(transport)
        if inner is None:
            log.warning("too many connections; one was turned away")
            transport.write(_FULL)
            transport.close()
            return
        transport.set_protocol(inner)
        inner.connection_made(transport)


def body_guard() -> Callable[..., Any]:
    """A middleware that receives bodies of long-polling requests whole, within `BODY_S` and the
    application's `client_max_size`, and lets only such packets through as our clients send. Long polling by
    scripts (JSONP), whose answers any other site's page could read, is refused.

    WORKAROUND(python-engineio 4.15.1): it reads a body with one `read(n)`, which waits without end for a first byte and
    takes the first piece of a slow body for all of it; a packet of a kind that clients do not send makes it wait for
    ever until somebody polls, also when the client is long gone; and whatever it cannot decode fills the log –
    engineio/async_socket.py, `handle_post_request`, and async_server.py, `handle_request` – may go when it reads with
    a time-out and to the end, and closes such sessions without waiting.
    """

    Payload.max_decode_packets = PACKETS  # the library's own setting, which it has for all servers of a process

    @web.middleware
    async def guard(
        request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        is_polled = request.path.startswith("/socket.io")
        if is_polled and "j" in request.query:
            return web.json_response(ack_error(ErrorCode.BAD_MESSAGE), status=400)
        if request.method == "POST" and is_polled:
            try:
                async with asyncio.timeout(BODY_S):
                    body = await request.read()
            except (TimeoutError, web.RequestPayloadError):
                return web.json_response(ack_error(ErrorCode.BAD_MESSAGE), status=400)
            except web.HTTPRequestEntityTooLarge:
                return web.json_response(ack_error(ErrorCode.TOO_LARGE), status=413)
            if "Content-Length" not in request.headers:
                return web.json_response(ack_error(ErrorCode.BAD_MESSAGE), status=411)
            if not _is_payload(body):
                return web.json_response(ack_error(ErrorCode.BAD_MESSAGE), status=400)
            request._payload = _Whole(body)  # type: ignore[assignment]
        return await handler(request)

    return guard


def _is_payload(body: bytes) -> bool:
    """Whether a body is packets of the kinds close, pong and message (Engine.IO protocol, revision 4)."""
    try:
        packets = body.decode().split("\x1e")
    except UnicodeDecodeError:
        return False
    return len(packets) <= PACKETS and all(packet[:1] in _KINDS for packet in packets)


class _Whole:
    """A body that is already here, for `content.read(n)`."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    async def read(self, n: int = -1) -> bytes:
        body, self._body = (self._body, b"") if n < 0 else (self._body[:n], self._body[n:])
        return body

    def set_exception(self, *_: object) -> None:
        """The connection broke while the request was carried out: there is nothing left to read."""
