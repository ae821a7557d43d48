"""The fast path of a connection that is a WebSocket from its start: reads and writes without the library's loop."""

from collections.abc import Mapping
from typing import Any

import structlog
from aiohttp import WSMsgType, web
from engineio.async_drivers import aiohttp as engineio_aiohttp

from server_stub.link import Link, frame_of

log = structlog.get_logger(__name__)

SILENT_S = 25.0
"""A living client answers a ping within this: two of `connections.PING_S`, and some."""


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


class WebSocket(engineio_aiohttp.WebSocket):  # type: ignore[misc]
    """The library's WebSocket without compression, which costs CPU and memory and invites zip bombs.

    WORKAROUND(python-engineio 4.15.1): the library's loop makes two tasks and two timers for each message and sends
    through a queue and one more task. For a connection that is a WebSocket from its start this class reads and writes
    by itself, at under half the CPU (benchmarks/relay.py); polling and upgrades stay with the library – may go when
    its loop costs no more.
    """

    async def __call__(self, environ: Mapping[str, Any]) -> web.WebSocketResponse:
        """Serve one WebSocket until it ends."""
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

    async def _serve(self, socket: Any, link: Link, server: Any) -> None:  # noqa: ANN401 - the library's
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
