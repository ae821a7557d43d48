"""The Socket.IO server of the relay: what may connect, how much it may send and hold, and how packets go in and out."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import msgspec
import socketio
import structlog
from aiohttp import WSMsgType, web
from engineio import packet as engineio_packet
from engineio.async_drivers import aiohttp as engineio_aiohttp

from server_stub.limits import Bucket
from server_stub.ports import RelaySettings
from server_stub.transport import environ_address
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Hello
from support_manager.protocol.views import AccountView

log = structlog.get_logger(__name__)

PING_S = 10
"""A dead peer is noticed within two of these."""
CONNECT_WITHIN_S = 10.0
"""A connection that has not said who it is by then is closed; the library would keep it for ever."""
QUEUED_BYTES = 2 * 1024 * 1024
QUEUED_PACKETS = 4_000
"""What may wait for a slow reader; beyond it he is cut off and comes back to a snapshot."""
_STOP_STEPS = 50
_STOP_STEP_S = 0.02
STRIKES = 40
"""So many messages that make no sense, and the connection is closed (one is forgiven each second)."""


class Link:
    """One connection of one client."""

    __slots__ = (
        "account",
        "address",
        "bound",
        "bucket",
        "eio_sid",
        "hello",
        "is_closing",
        "is_direct",
        "queued_bytes",
        "queued_packets",
        "socket",
        "strikes",
        "transport",
        "wants_in",
    )

    def __init__(self, eio_sid: str, address: str, socket: Any, transport: Any, now_s: float) -> None:  # noqa: ANN401
        self.eio_sid = eio_sid
        self.address = address
        self.socket = socket
        self.transport = transport
        self.hello: Hello | None = None
        self.account: AccountView | None = None
        self.wants_in = False
        self.is_closing = False
        self.is_direct = False
        """Whether packets go straight into the transport: a WebSocket from the start (see `_WebSocket`)."""
        self.bound: dict[str, str] = {}
        """session → the participant that this connection is in it"""
        self.bucket = Bucket(limits.EVENTS_PER_SECOND, limits.EVENTS_BURST, now_s)
        self.strikes = Bucket(1.0, STRIKES, now_s)
        self.queued_bytes = 0
        self.queued_packets = 0

    def send(self, packet: str) -> None:
        """Queue a Socket.IO packet; a reader who is too slow is cut off."""
        if self.is_closing or self.socket.closed or self.socket.closing:
            return
        if self.is_direct:
            self.write("4" + packet)
            return
        self.queued_bytes += len(packet)
        self.queued_packets += 1
        if self.queued_bytes > QUEUED_BYTES or self.queued_packets > QUEUED_PACKETS:
            self.kick("slow reader")
            return
        self.socket.queue.put_nowait(_Outgoing(self, packet))

    def pending(self) -> int:
        """How many bytes or packets still wait to go out."""
        return int(self.transport.get_write_buffer_size()) if self.is_direct else self.queued_packets

    def write(self, text: str) -> None:
        """Write one WebSocket text frame, unmasked as servers do (RFC 6455 section 5.2)."""
        if self.transport.is_closing():
            return
        payload = text.encode()
        size = len(payload)
        if size < 126:
            head = bytes((0x81, size))
        elif size < 65_536:
            head = b"\x81\x7e" + size.to_bytes(2)
        else:
            head = b"\x81\x7f" + size.to_bytes(8)
        self.transport.write(head + payload)
        if self.transport.get_write_buffer_size() > QUEUED_BYTES:
            self.kick("slow reader")

    def kick(self, why: str) -> None:
        """Cut the connection off; its loss is noticed as any other."""
        if self.is_closing:
            return
        self.is_closing = True
        log.warning("connection cut off", why=why, address=self.address)
        if self.transport is not None:
            self.transport.abort()
        else:
            _close_later(self.socket)


def _close_later(socket: Any) -> None:  # noqa: ANN401 - the library's
    async def close() -> None:
        await socket.close(wait=False, abort=True, reason="kicked")
        socket.queue.put_nowait(None)  # lets go of a long poll that is waiting

    # The library's own socket owns this: it must run even when nobody else is left to wait for it.
    task = asyncio.get_running_loop().create_task(close(), name="connections:kick")
    _closing.add(task)
    task.add_done_callback(_closing.discard)


_closing: set[asyncio.Task[None]] = set()


class _Outgoing:
    """A packet that is encoded already and counts itself out of the queue when it is sent."""

    __slots__ = ("_link", "data")

    packet_type = engineio_packet.MESSAGE
    binary = False

    def __init__(self, link: Link, data: str) -> None:
        self._link = link
        self.data = data

    def encode(self, b64: bool = False) -> str:
        self._link.queued_bytes -= len(self.data)
        self._link.queued_packets -= 1
        return "4" + self.data


class _StraightQueue:
    """Stands where the library has a queue and a task that empties it: what is put in is written at once."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, packet: Any) -> None:  # noqa: ANN401 - the library's
        self.put_nowait(packet)

    def put_nowait(self, packet: Any) -> None:  # noqa: ANN401 - the library's
        if packet is not None:
            self._link.write(packet.encode())

    async def join(self) -> None:
        """Nothing ever waits."""


class _WebSocket(engineio_aiohttp.WebSocket):  # type: ignore[misc]
    """The library's WebSocket without compression, which costs CPU and memory and invites zip bombs.

    WORKAROUND(python-engineio 4.15.1): the library's loop makes two tasks and two timers for each message and sends
    through a queue and one more task. For a connection that is a WebSocket from its start this class reads and writes
    by itself, at under half the CPU (benchmarks/relay.py); polling and upgrades stay with the library – may go when
    its loop costs no more.
    """

    async def __call__(self, environ: Mapping[str, Any]) -> web.WebSocketResponse:
        self._sock = web.WebSocketResponse(
            max_msg_size=self.server.max_http_buffer_size, compress=False, autoclose=True, timeout=2.0
        )
        await self._sock.prepare(environ["aiohttp.request"])
        self.environ = environ
        socket = self.handler.__self__
        link = environ.get("relay.link")
        if link is None or socket.connected:
            await self.handler(self)
        else:
            await self._serve(socket, link, environ["relay.server"])
        return self._sock

    async def _serve(self, socket: Any, link: Link, server: "Server") -> None:  # noqa: ANN401 - the library's
        socket.connected = socket.upgraded = True
        waiting, socket.queue = socket.queue, _StraightQueue(link)
        link.is_direct = True
        while not waiting.empty():
            socket.queue.put_nowait(waiting.get_nowait())
        try:
            while not socket.closed:
                message = await self._sock.receive()
                text = message.data
                if message.type is not WSMsgType.TEXT:
                    break
                if text[:1] == "4":
                    await server._handle_eio_message(link.eio_sid, text[1:])
                elif text == "3":
                    socket.schedule_ping()
                else:
                    break
        except Exception:
            log.exception("connection failed", address=link.address)
        finally:
            await socket.close(wait=False, abort=True, reason=server.reason.TRANSPORT_CLOSE)
            link.transport.abort()

    async def send(self, message: str | bytes) -> None:
        if isinstance(message, str):
            await self._sock.send_str(message)
        else:
            await self._sock.send_bytes(message)

    async def wait(self) -> str | bytes:
        message = await self._sock.receive()
        if not isinstance(message.data, str | bytes):
            raise OSError("closed")
        return message.data


class Requests(Protocol):
    """What the server asks of whoever carries out requests."""

    async def admit(self, link: Link, auth: object) -> ErrorCode | None:
        """Say who a new connection is, or why it may not come in; never raises."""

    def welcome(self, link: Link) -> None:
        """Greet a connection that is in."""

    async def answer(self, link: Link, event: str, arguments: list[Any]) -> str:
        """Carry out a request and give the JSON of its ack; never raises."""

    def gone(self, link: Link) -> None:
        """A connection is no more."""


class Server(socketio.AsyncServer):  # type: ignore[misc]
    """python-socketio with the relay's limits.

    WORKAROUND(python-socketio 5.18.1): `_handle_eio_connect`, `_handle_eio_message` and `_handle_eio_disconnect` are
    the library's own seams towards Engine.IO; they are overridden because the public interface has no limit on
    connections without CONNECT, on binary attachments (residue of CVE-2026-48804) and on queues – may go when it has.

    Args:
        requests: carries out what comes in.
        settings: origins, proxy, connections per address.
        monotonic_s: clock.
    """

    def __init__(self, requests: Requests, settings: RelaySettings, monotonic_s: Callable[[], float]) -> None:
        self._requests = requests
        self._settings = settings
        self._monotonic_s = monotonic_s
        self._links: dict[str, Link] = {}
        self._per_address: dict[str, int] = {}
        super().__init__(
            async_mode="aiohttp",
            async_handlers=False,
            cors_allowed_origins=self._is_origin_allowed,
            cors_credentials=False,
            cookie=None,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            max_http_buffer_size=limits.MESSAGE_BYTES,
            http_compression=False,
            logger=False,
            engineio_logger=False,
            transports=["websocket", "polling"],
        )
        self.eio._async = {**self.eio._async, "websocket": _WebSocket}
        self.on("connect", self._on_connect)

    @property
    def links(self) -> list[Link]:
        """Every connection that is in."""
        return [link for link in self._links.values() if link.hello is not None]

    async def close_all(self, links: list[Link]) -> None:
        """Close connections once what they were sent has gone out, at the latest after a second.

        The transport is closed, not the Engine.IO session: its polite close waits for peers who may be gone, and to a
        client both look alike (it comes back).
        """
        for _ in range(_STOP_STEPS):
            if not any(link.pending() for link in links if link.transport is not None):
                break
            await asyncio.sleep(_STOP_STEP_S)
        for link in links:
            if link.transport is not None and not link.is_closing:
                link.is_closing = True
                link.transport.close()
            else:
                link.kick("relay stopping")
        for _ in range(_STOP_STEPS):
            if not self._links:
                break
            await asyncio.sleep(_STOP_STEP_S)
        await self.shutdown()

    def _is_origin_allowed(self, origin: str | None, environ: Mapping[str, Any]) -> bool:
        # The library asks only when there is an Origin: clients without one are no browsers, and an Origin is no
        # authentication (OWASP WebSocket cheat sheet; ASVS 4.4.2).
        return origin is None or origin in self._settings.allowed_origins

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        address = environ_address(environ, behind_proxy=self._settings.behind_proxy)
        if self._per_address.get(address, 0) >= self._settings.connections_per_address:
            log.warning("too many connections", address=address)
            return False
        await super()._handle_eio_connect(eio_sid, environ)
        request = environ["aiohttp.request"]
        # A polling client's transport belongs to one request only, so it is cut off by its Engine.IO session instead.
        transport = request.transport if environ.get("HTTP_UPGRADE", "").lower() == "websocket" else None
        link = Link(eio_sid, address, self.eio.sockets[eio_sid], transport, self._monotonic_s())
        environ["relay.link"], environ["relay.server"] = link, self
        self._links[eio_sid] = link
        self._per_address[address] = self._per_address.get(address, 0) + 1
        asyncio.get_running_loop().call_later(CONNECT_WITHIN_S, self._reap, link)
        return None

    @staticmethod
    def _reap(link: Link) -> None:
        if link.hello is None:
            link.kick("never said who it is")

    async def _handle_eio_disconnect(self, eio_sid: str, reason: str) -> None:
        link = self._links.pop(eio_sid, None)
        if link is not None:
            link.is_closing = True
            left = self._per_address.get(link.address, 0) - 1
            if left > 0:
                self._per_address[link.address] = left
            else:
                self._per_address.pop(link.address, None)
            self._requests.gone(link)
            if link.is_direct:
                # A dead peer's session is closed by the library's watch; its transport would stay.
                asyncio.get_running_loop().call_later(1.0, link.transport.abort)
        await super()._handle_eio_disconnect(eio_sid, reason)

    async def _handle_eio_message(self, eio_sid: str, data: object) -> None:
        link = self._links.get(eio_sid)
        if link is None or link.is_closing:
            return
        kind = data[:1] if isinstance(data, str) else ""
        if kind == "2" and link.hello is not None:
            await self._handle_request(link, str(data))
        elif kind == "0" and not link.wants_in:
            link.wants_in = True
            await self._handle_hello(link, str(data))
        elif kind == "1":
            link.kick("said goodbye")
        elif kind != "3":  # an ack that nobody asked for is no harm; binary packets and the rest are
            link.kick("not a packet of ours")

    async def _handle_hello(self, link: Link, data: str) -> None:
        if data[1:2] not in ("", "{"):
            link.kick("namespace")
            return
        try:
            await super()._handle_eio_message(link.eio_sid, data)
        except (ValueError, RecursionError):
            link.kick("not JSON")
            return
        if link.hello is not None:
            self._requests.welcome(link)

    async def _on_connect(self, sid: str, environ: Mapping[str, Any], auth: object) -> None:
        link = self._links.get(self.manager.eio_sid_from_sid(sid, "/"))
        code = await self._requests.admit(link, auth) if link is not None else ErrorCode.INTERNAL
        if code is not None:
            raise socketio.exceptions.ConnectionRefusedError(code.value, {"code": code.value})

    async def _handle_request(self, link: Link, packet: str) -> None:
        end = 1
        while packet[end : end + 1].isdecimal() and end < 20:
            end += 1
        ack_id = packet[1:end]
        try:
            if not ack_id.isascii():
                raise ValueError("ack id")
            body = msgspec.json.decode(packet[end:])
            name = body[0]
            if not isinstance(name, str):
                raise TypeError("event name")
        except (msgspec.MsgspecError, RecursionError, UnicodeError, LookupError, TypeError, ValueError):
            link.kick("not an event")
            return
        answer = await self._requests.answer(link, name, body[1:])
        if ack_id:
            link.send(f"3{ack_id}[{answer}]")
