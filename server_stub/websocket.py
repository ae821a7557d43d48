"""The fast path of a connection that is a WebSocket from its start: reads and writes without the library's loop."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

import structlog
from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader
from engineio.async_drivers import aiohttp as engineio_aiohttp
from typing_extensions import override

from server_stub.link import Link, frame_of

log = structlog.get_logger(__name__)

_OPTIONS: dict[str, Any] = {"compress": False, "autoclose": True, "timeout": 2.0}
_QUEUED_BYTES = 64 * 1024
"""Twice as much may wait for its turn; then nothing more is read from the connection."""
SILENT_S = 25.0
"""A living client answers a ping within this: two of `link.PING_S`, and some."""


class _StraightQueue:
    """Stands where the library has a queue and a task that empties it: what is put in is written at once."""

    __slots__ = ("_link",)

    def __init__(self, link: Link) -> None:
        self._link = link

    async def put(self, packet: Any) -> None:  # noqa: ANN401 - the library's
        self.put_nowait(packet)

    def put_nowait(self, packet: Any) -> None:  # noqa: ANN401 - the library's
        if packet is not None:
            self._link.write(frame_of(packet.encode()))

    async def join(self) -> None:
        """Nothing ever waits."""


class _Inlet(WebSocketDataQueue):
    """Stands where the library has a queue and a task that empties it: a message that `take` can carry out right away,
    with nothing before it that still waits, is not queued at all.

    Args:
        protocol: the connection's.
        link: whose messages they are.
        take: carries one out, or says that it cannot (see `connections.Server.take`).
    """

    def __init__(self, protocol: Any, link: Link, take: Callable[[Link, str], bool]) -> None:  # noqa: ANN401
        super().__init__(protocol, _QUEUED_BYTES, loop=asyncio.get_running_loop())
        self._link = link
        self._take = take
        self._is_queued = True
        """Whether messages go through the queue: until the connection is served, and while one waits in it."""
        self._is_held = False
        self._going_on: asyncio.Future[None] | None = None

    @override
    def feed_data(self, data: Any, size: int) -> None:
        if not self._is_queued and data.type is WSMsgType.TEXT and self._take(self._link, data.data):
            return
        self._is_queued = True
        super().feed_data(data, size)

    def hold(self) -> None:
        """The next message has to wait."""
        self._is_held = self._is_queued = True

    def go_on(self) -> None:
        """Now it may come."""
        self._is_held = False
        if self._going_on is not None:
            if not self._going_on.done():
                self._going_on.set_result(None)
        elif not self._buffer:
            self._is_queued = False

    async def turn(self) -> None:
        """Wait until nothing is carried out any more; from here on the messages in the queue are this task's."""
        if self._is_held:
            self._going_on = asyncio.get_running_loop().create_future()
            try:
                await self._going_on
            finally:
                self._going_on = None

    def rest(self) -> None:
        """The queue's reader is about to wait for the next message."""
        if not self._buffer:
            self._is_queued = self._is_held


class _Response(web.WebSocketResponse):
    """The library's response with our inlet in the place of its queue.

    WORKAROUND(aiohttp 3.14.5): there is no public way to get messages other than by a task that waits for each;
    `_post_start` of aiohttp/web_ws.py is where the queue is made – may go when there is.
    """

    def __init__(self, inlet: Callable[[Any], _Inlet], max_bytes: int) -> None:
        super().__init__(**_OPTIONS, max_msg_size=max_bytes)
        self._make_inlet = inlet
        self.inlet: _Inlet | None = None

    @override
    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        self._ws_protocol = protocol
        self._writer = writer
        self._reader = self.inlet = self._make_inlet(request.protocol)
        self._parser = WebSocketReader(self._reader, self._max_msg_size, compress=False, decode_text=True)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)


class WebSocket(engineio_aiohttp.WebSocket):  # type: ignore[misc]
    """The library's WebSocket without compression, which costs CPU and memory and invites zip bombs.

    WORKAROUND(python-engineio 4.15.1): the library's loop makes two tasks and two timers for each message and sends
    through a queue and one more task. For a connection that is a WebSocket from its start this class reads and writes
    by itself, at under half the CPU (benchmarks/relay.py); polling and upgrades stay with the library – may go when
    its loop costs no more.
    """

    async def __call__(self, environ: Mapping[str, Any]) -> web.WebSocketResponse:
        """Serve one WebSocket until it ends."""
        self.environ = environ
        max_bytes = self.server.max_http_buffer_size
        socket = self.handler.__self__
        link, server = environ.get("relay.link"), environ.get("relay.server")
        if link is None or server is None or socket.connected:
            self._sock = web.WebSocketResponse(**_OPTIONS, max_msg_size=max_bytes)
            await self._sock.prepare(environ["aiohttp.request"])
            await self.handler(self)
        else:
            self._sock = response = _Response(lambda protocol: _Inlet(protocol, link, server.take), max_bytes)
            await response.prepare(environ["aiohttp.request"])
            if response.inlet is not None:
                await self._serve(socket, link, server, response.inlet)
        return self._sock

    async def _serve(self, socket: Any, link: Link, server: Any, inlet: _Inlet) -> None:  # noqa: ANN401 - library's
        link.inlet = inlet
        socket.connected = socket.upgraded = True
        waiting, socket.queue = socket.queue, _StraightQueue(link)
        link.is_direct = True
        while not waiting.empty():
            socket.queue.put_nowait(waiting.get_nowait())
        try:
            while not socket.closed:
                inlet.rest()
                message = await self._sock.receive()
                await inlet.turn()
                text = message.data
                if message.type is not WSMsgType.TEXT:
                    break
                if text[:1] == "4":
                    await server._handle_eio_message(link.eio_sid, text[1:])
                elif text == "3":
                    server.take(link, text)
                else:
                    break
        except Exception:
            log.exception("connection failed", address=link.address)
        finally:
            await socket.close(wait=False, abort=True, reason=server.reason.TRANSPORT_CLOSE)
            link.transport.abort()

    async def send(self, message: str | bytes) -> None:
        """Send one message, for the library's own loop."""
        if isinstance(message, str):
            await self._sock.send_str(message)
        else:
            await self._sock.send_bytes(message)

    async def wait(self) -> str | bytes:
        """Wait for one message, for the library's own loop.

        Raises:
            OSError: the connection is closed, or has been silent for longer than pings allow (`TimeoutError`).
        """
        # Also while an upgrade is begun and not gone on with, which the library would wait for without end.
        message = await self._sock.receive(SILENT_S)
        if not isinstance(message.data, str | bytes):
            raise OSError("closed")
        return message.data
