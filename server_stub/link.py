"""One client's connection: who it is, what may wait for it, and how it is cut off."""

import asyncio
import math
import time
from typing import Any, Protocol

import structlog
from engineio import packet as engineio_packet

from server_stub.limits import Bucket
from support_manager.protocol import limits
from support_manager.protocol.requests import Hello
from support_manager.protocol.views import AccountView

log = structlog.get_logger(__name__)

PING_S = 10
"""A dead peer is noticed within two of these."""
_PING = b"\x81\x012"
QUEUED_BYTES = 2 * 1024 * 1024
QUEUED_PACKETS = 4_000
"""What may wait for a slow reader; beyond it he is cut off and comes back to a snapshot."""
_LONG_CHARS = 64 * 1024
BEHIND_BYTES = 256 * 1024
"""Whoever has so much still to read is not told the whole of something once more just yet."""
LAST_WORD_S = 1.0
"""How long a connection that is dismissed may take to read why."""
STRIKES = 40
"""So many messages that make no sense, and the connection is closed (one is forgiven each second)."""


def frame_of(text: str) -> bytes:
    """One WebSocket text frame, unmasked as servers send it (RFC 6455 section 5.2)."""
    return frame_around(text.encode())


def frame_around(payload: bytes) -> bytes:
    """The same for text that is encoded already."""
    size = len(payload)
    if size < 126:
        return bytes((0x81, size)) + payload
    if size < 65_536:
        return b"\x81\x7e" + size.to_bytes(2) + payload
    return b"\x81\x7f" + size.to_bytes(8) + payload


class Inlet(Protocol):
    """Where a client's messages come in, one after the other."""

    def hold(self) -> None:
        """The next message has to wait."""

    def go_on(self) -> None:
        """Now it may come."""


class Link:
    """One connection of one client."""

    __slots__ = (
        "account",
        "address",
        "bound",
        "bucket",
        "eio_sid",
        "family",
        "hello",
        "inlet",
        "is_closing",
        "is_direct",
        "ping_due_s",
        "posted",
        "queued_bytes",
        "queued_packets",
        "reply_bytes",
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
        self.family = ""
        """The sign-in by which the account came."""
        self.wants_in = False
        self.is_closing = False
        self.is_direct = False
        """Whether packets go straight into the transport: a WebSocket from the start (see `websocket.WebSocket`)."""
        self.inlet: Inlet | None = None
        """Set while messages may be carried out right as they come in (see `websocket.WebSocket`)."""
        self.ping_due_s = math.inf
        """When the next ping is due; never while one waits for its answer."""
        self.posted: list[bytes] = []
        """Frames that go out with the next one, or when `deliver` is called."""
        self.bound: dict[str, str] = {}
        """session → the participant that this connection is in it"""
        self.bucket = Bucket(limits.EVENTS_PER_SECOND, limits.EVENTS_BURST, now_s)
        self.strikes = Bucket(1.0, STRIKES, now_s)
        self.queued_bytes = 0
        self.queued_packets = 0
        self.reply_bytes = 0
        """Size of the last reply, while it may still be on its way: a long transcript is no sign of a slow reader."""

    def send(self, packet: str, *, is_reply: bool = False) -> None:
        """Queue a Socket.IO packet; a reader who is too slow is cut off.

        Args:
            packet: encoded.
            is_reply: it was asked for; it may be longer than what may wait otherwise, if the reader was up to date.
        """
        if self.is_closing or self.socket.closed or self.socket.closing:
            return
        waiting = int(self.transport.get_write_buffer_size()) if self.is_direct else self.queued_bytes
        if waiting <= QUEUED_BYTES:
            self.reply_bytes = len(packet.encode()) if is_reply and len(packet) > _LONG_CHARS else 0
        if waiting > QUEUED_BYTES + self.reply_bytes or self.queued_packets >= QUEUED_PACKETS:
            self.kick("slow reader")
            return
        if self.is_direct:
            self.write(frame_of("4" + packet))
            return
        self.queued_bytes += len(packet)
        self.queued_packets += 1
        self.socket.queue.put_nowait(_Outgoing(self, packet))

    @property
    def is_behind(self) -> bool:
        """Whether the reader is so slow that what replaces what he has not read yet had better wait."""
        waiting = int(self.transport.get_write_buffer_size()) if self.is_direct else self.queued_bytes
        return waiting > BEHIND_BYTES

    def ping(self) -> None:
        """Ask a direct connection whether it is still there; `heard` is to be called when it answers."""
        self.ping_due_s = math.inf
        self.socket.last_ping = time.time()  # where the library looks for who has not answered
        self.write(_PING)

    def heard(self, now_s: float) -> None:
        """A pong came: the next ping is due later; a pong that nobody asked for is no harm."""
        if self.socket.last_ping:
            self.socket.last_ping = None
            self.ping_due_s = now_s + PING_S

    def pending(self) -> int:
        """How many bytes or packets still wait to go out."""
        if self.is_direct:
            return int(self.transport.get_write_buffer_size()) + len(self.posted)
        return self.queued_packets

    def post(self, frame: bytes) -> bool:
        """Like `send`, for what many readers get over direct connections; to be followed by `deliver` where it returns
        True.

        A write costs more than all the rest of a packet's way, and whoever has asked for something gets an ack right
        after the event that tells him of it: so both go out in one.

        Args:
            frame: what is sent, made once for all its readers.
        """
        self.posted.append(frame)
        return len(self.posted) == 1

    def deliver(self) -> None:
        """Send what was posted and has not gone out with something else meanwhile."""
        if not self.posted:
            return
        if self.is_closing or self.socket.closed or self.socket.closing:
            self.posted.clear()
        elif self.transport.get_write_buffer_size() > QUEUED_BYTES + self.reply_bytes:
            self.kick("slow reader")
        else:
            self.write(b"")

    def write(self, frame: bytes) -> None:
        """Write a WebSocket frame, and before it what was posted."""
        if self.posted:
            self.posted.append(frame)
            frame = b"".join(self.posted)
            self.posted.clear()
        if not self.transport.is_closing():
            self.transport.write(frame)

    def dismiss(self, packet: str) -> None:
        """Say one last thing and close; nothing more is taken from this connection, and nothing else is sent."""
        if self.is_closing:
            return
        self.send(packet)
        self.is_closing = True
        loop = asyncio.get_running_loop()
        if self.transport is None:
            loop.call_later(LAST_WORD_S, _close_later, self.socket)
        else:
            self.transport.close()
            loop.call_later(LAST_WORD_S, self.transport.abort)

    def kick(self, why: str, *, is_normal: bool = False) -> None:
        """Cut the connection off; its loss is noticed as any other.

        Args:
            why: for the log.
            is_normal: whether this is normal use, of which the log says nothing unless it is asked for everything.
        """
        if self.is_closing:
            return
        self.is_closing = True
        self.posted.clear()
        (log.debug if is_normal else log.warning)("connection cut off", why=why, address=self.address)
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
