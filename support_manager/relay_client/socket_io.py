"""The transport to a relay over Socket.IO, with all the library's quirks."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from typing import Any

import aiohttp
import engineio
import engineio.packet
import engineio.payload
import socketio
import socketio.exceptions
import structlog

from support_manager.errors import AppCode, Refused, RelayUnavailable, SupportManagerError
from support_manager.protocol.codes import ErrorCode
from support_manager.relay_client.address import host_and_port
from support_manager.relay_client.transport import CLOSE_S, CONNECT_S, UNACKED, EventListener, LostListener
from support_manager.relay_client.trust import certificate_problem, context_for
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_CLOSE_POLL_S = 0.3
FROM_RELAY_BYTES = 32 * 1024 * 1024
"""The largest message taken from the relay; the longest legal one is a whole transcript, some megabytes."""
_WAITING_MESSAGES = 256

# WORKAROUND(python-engineio 4.15): a polling client gives the connection up when the server answers with more than 16
# packets at once, which the server does not keep to. Goes when the limit can be set per client.
# https://github.com/miguelgrinberg/python-engineio/blob/main/src/engineio/payload.py
engineio.payload.Payload.max_decode_packets = 1_000


class _OrderedEngine(engineio.AsyncClient):  # type: ignore[misc]
    """Hands messages on one after the other.

    WORKAROUND(python-engineio 4.15): every message is handled in a task of its own, so their order hangs on the event
    loop's mood; qasync makes a Qt timer of every task step. One queue and one worker keep the order. Goes when the
    library delivers in order. https://github.com/miguelgrinberg/python-engineio/blob/main/src/engineio/async_client.py
    """

    def __init__(self, **options: object) -> None:
        super().__init__(**options)
        self.messages: asyncio.Queue[object] = asyncio.Queue(_WAITING_MESSAGES)

    async def _receive_packet(self, pkt: engineio.packet.Packet) -> None:
        if pkt.packet_type == engineio.packet.MESSAGE:
            await self.messages.put(pkt.data)  # a full queue stops the reading, and so in the end the sender
        else:
            await super()._receive_packet(pkt)

    async def work(self) -> None:
        while True:
            data = await self.messages.get()
            try:
                await self._trigger_event("message", data, run_async=False)
            except Exception:  # whatever the relay sent, the next message must get its turn
                log.exception("message of the relay not taken")


class _Client(socketio.AsyncClient):  # type: ignore[misc]
    def _engineio_client_class(self) -> type[_OrderedEngine]:
        return _OrderedEngine


class SocketTransport:
    """Socket.IO: WebSocket first, long polling where something between refuses WebSockets.

    The library's own reconnection is off: it knows neither tokens nor resuming; `link.RelayLink` does it.

    Args:
        on_event: called with the name and the decoded JSON of every event, in order.
        on_lost: called once when a connection that stood is gone, not for `aclose`.
        pin_for: gives the fingerprint accepted for an origin, or None.
    """

    def __init__(self, on_event: EventListener, on_lost: LostListener, *, pin_for: Callable[[str], str | None]) -> None:
        self._on_event = on_event
        self._on_lost = on_lost
        self._pin_for = pin_for
        self._tasks = TaskOwner("transport")
        self._client: _Client | None = None
        self._http: aiohttp.ClientSession | None = None
        self._refusal: object = None
        self._up = False
        self._closed = False
        self._unacked = asyncio.Semaphore(UNACKED)
        self._waiting: set[asyncio.Future[object]] = set()

    async def connect(self, origin: str, hello: dict[str, Any]) -> None:
        """Connect; see `Transport.connect`."""
        pin = self._pin_for(origin)
        try:
            try:
                await self._try(origin, hello, pin, "websocket")
            except _NoWebSocket:
                log.info("no WebSocket, polling instead")
                await self._drop()
                await self._try(origin, hello, pin, "polling")
        except BaseException:
            await self.aclose()
            raise
        self._up = True

    async def _try(self, origin: str, hello: dict[str, Any], pin: str | None, way: str) -> None:
        host, _ = host_and_port(origin)
        self._refusal = None
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=context_for(pin)), cookie_jar=aiohttp.DummyCookieJar()
        )
        client = self._client = _Client(
            reconnection=False,
            handle_sigint=False,
            http_session=self._http,
            websocket_extra_options={"max_msg_size": FROM_RELAY_BYTES},
        )
        client.on("*", self._received)
        client.on("connect_error", self._refused)
        client.on("disconnect", self._gone)
        _ = self._tasks.spawn(client.eio.work(), name="messages")
        try:
            async with asyncio.timeout(CONNECT_S + 1):
                await client.connect(origin, auth=hello, transports=[way], wait_timeout=CONNECT_S)
        except TimeoutError as error:
            if way == "websocket":  # something between took the connection and swallows the frames
                raise _NoWebSocket from error
            raise RelayUnavailable(AppCode.TIMED_OUT, host=host) from error
        except Exception as error:  # the library lets through whatever a malformed greeting makes of it
            raise await self._why(error, origin, pin, way) from error

    async def _why(self, error: BaseException, origin: str, pin: str | None, way: str) -> Exception:
        """What a failed connection means: the library flattens everything into one exception with the cause inside."""
        host, _ = host_and_port(origin)
        code = _code_in(self._refusal)
        if code is not None:
            return Refused(code, host=host)
        causes = list(_causes(error))
        if any(isinstance(cause, ssl.SSLCertVerificationError | ssl.CertificateError) for cause in causes):
            try:
                return await certificate_problem(origin, pin)
            except SupportManagerError as problem:
                return problem
        if any(isinstance(cause, aiohttp.WSServerHandshakeError) for cause in causes) and way == "websocket":
            return _NoWebSocket()
        if any(isinstance(cause, aiohttp.ClientConnectorError) for cause in causes):
            return RelayUnavailable(AppCode.RELAY_UNREACHABLE, host=host)
        return RelayUnavailable(AppCode.CONNECTION_LOST, host=host)

    async def call(self, event: str, payload: object, timeout_s: float) -> object:
        """Send one event; see `Transport.call`."""
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()

        def acked(*arguments: object) -> None:
            if not answer.done():
                answer.set_result(arguments[0] if arguments else None)

        try:
            async with asyncio.timeout(timeout_s), self._unacked:
                if self._client is None or not self._up:
                    raise RelayUnavailable(AppCode.CONNECTION_LOST)
                self._waiting.add(answer)
                await self._client.emit(event, payload, callback=acked)
                # The library's own call() waits on after the connection is gone; this future hears of it.
                return await answer
        except TimeoutError:
            raise RelayUnavailable(AppCode.TIMED_OUT) from None
        except socketio.exceptions.SocketIOError as error:
            raise RelayUnavailable(AppCode.CONNECTION_LOST) from error
        finally:
            self._waiting.discard(answer)
            if not answer.done():
                answer.cancel()

    async def aclose(self) -> None:
        """Close; see `Transport.aclose`."""
        self._closed = True
        self._fail_waiting()
        await self._drop()
        await self._tasks.aclose(CLOSE_S)

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            loops = [task for task in (client.eio.read_loop_task, client.eio.write_loop_task) if task is not None]
            with contextlib.suppress(Exception):  # closing a broken connection may fail in any way
                # A poll on its way is answered by the next ping at the latest; that is not waited for.
                async with asyncio.timeout(CLOSE_S if client.eio.current_transport == "websocket" else _CLOSE_POLL_S):
                    await client.disconnect()
            for task in loops:
                task.cancel()
            if loops:
                await asyncio.wait(loops, timeout=CLOSE_S)
            with contextlib.suppress(ValueError):
                engineio.base_client.connected_clients.remove(client.eio)
        http, self._http = self._http, None
        if http is not None:
            await http.close()

    def _received(self, event: str, *arguments: object) -> None:
        if not self._closed:
            self._on_event(event, arguments[0] if arguments else None)

    def _refused(self, *arguments: object) -> None:
        self._refusal = arguments[0] if arguments else None

    def _gone(self, *_reason: object) -> None:
        self._up_is_over()

    def _up_is_over(self) -> None:
        was_up, self._up = self._up, False
        self._fail_waiting()
        if was_up and not self._closed:
            self._on_lost()

    def _fail_waiting(self) -> None:
        self._up = False
        for answer in list(self._waiting):
            if not answer.done():
                answer.set_exception(RelayUnavailable(AppCode.CONNECTION_LOST))


class _NoWebSocket(Exception):  # noqa: N818 - reads as what happened
    """Whoever answered does not do WebSockets, or swallows them."""


def _causes(error: BaseException) -> list[BaseException]:
    found: list[BaseException] = []
    current: BaseException | None = error
    while current is not None and current not in found:
        found.append(current)
        current = current.__cause__ or current.__context__
    return found


def _code_in(refusal: object) -> ErrorCode | None:
    """The relay's code in the data of a refused connection: `{"message": CODE}`, or CODE under `data.code`."""
    if not isinstance(refusal, dict):
        return None
    data = refusal.get("data")
    for raw in (data.get("code") if isinstance(data, dict) else data, refusal.get("code"), refusal.get("message")):
        try:
            return ErrorCode(str(raw))
        except ValueError:
            continue
    return None
