"""The Socket.IO server of the relay: what may connect, how much it may send and hold, and how packets go in and out."""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Literal, Protocol

import msgspec
import socketio
import structlog

from server_stub.limits import AtOnce
from server_stub.link import PING_S, Link
from server_stub.ports import RelaySettings
from server_stub.transport import environ_address
from server_stub.websocket import WebSocket
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ChatSend

log = structlog.get_logger(__name__)

BEAT_S = 0.5
"""How often it is looked who is due for a ping, and who has not answered his."""
CONNECT_WITHIN_S = 10.0
"""A connection that has not said who it is by then is closed; the library would keep it for ever."""
_CHAT = '["chat.send",'
_ACK_DIGITS = 20
_decode_chat = msgspec.json.Decoder(tuple[Literal["chat.send"], ChatSend]).decode
_STOP_STEPS = 50
_ORIGIN_LINE_S = 60.0
_STOP_STEP_S = 0.02


class Requests(Protocol):
    """What the server asks of whoever carries out requests."""

    async def admit(self, link: Link, auth: object) -> ErrorCode | None:
        """Say who a new connection is, or why it may not come in; never raises."""

    def welcome(self, link: Link) -> None:
        """Greet a connection that is in."""

    def say(self, link: Link, request: ChatSend, answer: Callable[[str], None]) -> bool:
        """Carry out a chat line at once, and call `answer` with the JSON of its ack when it is on disk; False when it
        has to go the way of all requests. Never raises."""

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
        self._held = AtOnce()
        self._next_origin_line_s = -_ORIGIN_LINE_S
        super().__init__(
            async_mode="aiohttp",
            async_handlers=False,
            cors_allowed_origins=self._is_origin_allowed,
            cors_credentials=False,
            cookie=None,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            monitor_clients=False,  # by `beat`, at a fraction of the cost
            max_http_buffer_size=limits.MESSAGE_BYTES,
            http_compression=False,
            logger=False,
            engineio_logger=False,
            transports=["websocket", "polling"],
        )
        self.eio.log_message_keys.add("bad-origin")  # the library's line does not say what to do; ours does
        self.eio._async = {**self.eio._async, "websocket": WebSocket}
        self.on("connect", self._on_connect)

    @property
    def links(self) -> list[Link]:
        """Every connection that is in."""
        return [link for link in self._links.values() if link.hello is not None]

    async def beat(self) -> None:
        """Ping whoever is due and close whoever has not answered in time; to be called every `BEAT_S`."""
        overdue = time.time() - PING_S
        for socket in list(self.eio.sockets.values()):
            if socket.closed:
                self.eio.sockets.pop(socket.sid, None)
            elif not socket.closing and socket.last_ping and socket.last_ping < overdue:
                await socket.check_ping_timeout()
        now_s = self._monotonic_s()
        for link in list(self._links.values()):
            if link.ping_due_s <= now_s and link.is_direct and not link.is_closing:
                link.ping()

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
                link.kick("relay stopping", is_normal=True)
        for _ in range(_STOP_STEPS):
            if not self._links:
                break
            await asyncio.sleep(_STOP_STEP_S)
        await self.shutdown()

    def _is_origin_allowed(self, origin: str | None, environ: Mapping[str, Any]) -> bool:
        # The library asks only when there is an Origin: clients without one are no browsers, and an Origin is no
        # authentication (OWASP WebSocket cheat sheet; ASVS 4.4.2).
        accepted = self._settings.allowed_origins
        if origin is None or origin in accepted:
            return True
        now_s = self._monotonic_s()
        if now_s >= self._next_origin_line_s:  # strangers can make as many of these as they like
            self._next_origin_line_s = now_s + _ORIGIN_LINE_S
            log.warning(
                "a page from another address was refused; if that address is the relay's own, start it with "
                "--public-url (behind a proxy with --behind-proxy, too) or set public_url",
                origin=origin[:200],
                accepted=accepted,
            )
        return False

    async def _handle_eio_connect(self, eio_sid: str, environ: dict[str, Any]) -> bool | None:
        address = environ_address(environ, behind_proxy=self._settings.behind_proxy)
        if not self._held.has_room(address, self._settings.connections_per_address):
            log.warning("too many connections", address=address)
            return False
        await super()._handle_eio_connect(eio_sid, environ)
        request = environ["aiohttp.request"]
        # A polling client's transport belongs to one request only, so it is cut off by its Engine.IO session instead.
        transport = request.transport if environ.get("HTTP_UPGRADE", "").lower() == "websocket" else None
        link = Link(eio_sid, address, self.eio.sockets[eio_sid], transport, self._monotonic_s())
        environ["relay.link"], environ["relay.server"] = link, self
        self._links[eio_sid] = link
        self._held.begin(address)
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
            self._held.end(link.address)
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
            link.kick("said goodbye", is_normal=True)
        elif kind != "3":  # an ack that nobody asked for is no harm; binary packets and the rest are
            link.kick("not a packet of ours")

    def take(self, link: Link, text: str) -> bool:
        """Carry out what needs no task of its own: pongs, and chat lines, of which there are more than of all the rest.

        Args:
            link: who sends.
            text: an Engine.IO packet.

        Returns:
            Whether it was done; if not, nothing was.
        """
        if text == "3" and link.is_direct:
            link.heard(self._monotonic_s())
            return True
        start = text.find("[", 2, 2 + _ACK_DIGITS)
        ack_id = text[2:start]
        if not text.startswith("42") or not (ack_id.isascii() and ack_id.isdecimal()):
            return False
        if link.hello is None or link.is_closing or link.inlet is None or not text.startswith(_CHAT, start):
            return False
        try:
            _, request = _decode_chat(text[start:])
        except (msgspec.MsgspecError, RecursionError, UnicodeError):
            return False  # what is wrong with it is said where all requests are looked at
        return self._requests.say(link, request, partial(_acknowledge, link, ack_id))

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
        while packet[end : end + 1].isdecimal() and end < _ACK_DIGITS:
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
            _acknowledge(link, ack_id, answer)


def _acknowledge(link: Link, ack_id: str, answer: str) -> None:
    link.send(f"3{ack_id}[{answer}]", is_reply=True)
