"""The Socket.IO transport and the typed client against a real Socket.IO server, TLS included, and hostile ones."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import socketio
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from support_manager.errors import AppCode, CertificateProblem, Refused, RelayUnavailable
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import Welcome
from support_manager.protocol.requests import ChatSend, ChatSent, Hello, Nothing, SessionList, Sessions, SignalSend
from support_manager.protocol.signals import Answer
from support_manager.protocol.version import PROTOCOL_VERSION
from support_manager.protocol.views import SiteView
from support_manager.protocol.wire import to_plain
from support_manager.relay_client import socket_io as transport_module
from support_manager.relay_client.client import RelayClient
from support_manager.relay_client.http import RelayHttp
from support_manager.relay_client.socket_io import SocketTransport
from support_manager.relay_client.trust import fingerprint_of, is_fingerprint

TOKEN = "t" * 43
SITE = SiteView(company="", relay_version="0", protocol=1, oldest_protocol=1, url="")


class Server:
    """A Socket.IO server that does what a test says."""

    def __init__(self) -> None:
        self.sio = socketio.AsyncServer(async_mode="aiohttp", async_handlers=False, cors_allowed_origins=[])
        self.answer: Callable[[str, Any], Any] = lambda event, data: {"ok": True, "value": {}}
        self.refuse: tuple[Any, ...] | None = None
        self.allow_websocket = True
        self.swallow = False
        self.seen: list[tuple[str, Any]] = []
        self.transports: list[str] = []
        self.sids: list[str] = []
        self.sio.on("connect", self._connect)
        self.sio.on("*", self._event)
        self.app = web.Application(middlewares=[self._middleware])
        self.sio.attach(self.app)
        self.origin = ""
        self._runner: web.AppRunner | None = None

    @web.middleware
    async def _middleware(self, request: web.Request, handler: Any) -> web.StreamResponse:
        if request.query.get("transport") == "websocket" and not self.allow_websocket:
            return web.Response(status=502)
        if request.path == "/api/sign-out":
            return web.json_response({"ok": True, "value": {}})
        answer: web.StreamResponse = await handler(request)
        return answer

    async def _connect(self, sid: str, environ: dict[str, Any], auth: Any) -> None:
        self.seen.append(("connect", auth))
        self.transports.append(self.sio.transport(sid))
        if self.refuse is not None:
            raise socketio.exceptions.ConnectionRefusedError(*self.refuse)
        self.sids.append(sid)

    async def _event(self, event: str, sid: str, data: Any) -> Any:
        self.seen.append((event, data))
        answer = self.answer(event, data)
        return await answer if asyncio.iscoroutine(answer) else answer

    async def send(self, event: str, data: Any) -> None:
        await self.sio.emit(event, data, to=self.sids[-1])

    async def start(self, context: ssl.SSLContext | None = None, port: int = 0) -> None:
        self._runner = web.AppRunner(self.app, handle_signals=False, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", port, ssl_context=context)
        await site.start()
        port = self._runner.addresses[0][1]
        self.origin = f"{'https' if context else 'http'}://127.0.0.1:{port}"

    async def stop(self) -> None:
        await self.sio.shutdown()
        if self._runner is not None:
            await self._runner.cleanup()


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    await made.start()
    yield made
    await made.stop()


class Wire:
    """A transport and what came out of it."""

    def __init__(self, pins: dict[str, str] | None = None) -> None:
        self.events: list[tuple[str, Any]] = []
        self.lost = asyncio.Event()
        self.transport = SocketTransport(
            lambda name, data: self.events.append((name, data)), self.lost.set, pin_for=(pins or {}).get
        )

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the condition is about another object
                await asyncio.sleep(0.005)


@asynccontextmanager
async def wired(server: Server, pins: dict[str, str] | None = None) -> AsyncIterator[Wire]:
    wire = Wire(pins)
    try:
        await wire.transport.connect(server.origin, {"v": 1})
        yield wire
    finally:
        await wire.transport.aclose()
        await no_rest()


async def no_rest() -> None:
    """Nothing of a closed transport is left running."""
    left = [task for task in asyncio.all_tasks() if "engineio/async_client" in repr(task) or "transport:" in repr(task)]
    assert not [task for task in left if not task.done()], left


async def test_it_introduces_itself_and_speaks(server: Server) -> None:
    server.answer = lambda event, data: {"echo": [event, data]}
    async with wired(server) as wire:
        assert server.seen == [("connect", {"v": 1})]
        assert server.transports == ["websocket"]
        assert await wire.transport.call("chat.send", {"text": "ș"}, 5) == {"echo": ["chat.send", {"text": "ș"}]}


@pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "polling"])
async def test_events_come_in_the_order_in_which_they_were_sent(server: Server, websocket: bool) -> None:
    server.allow_websocket = websocket
    async with wired(server) as wire:
        for number in range(200):
            await server.send("session.event", {"number": number})
        await wire.until(lambda: len(wire.events) == 200)
        assert [data["number"] for _, data in wire.events] == list(range(200))


async def test_where_websockets_are_refused_it_polls(server: Server) -> None:
    server.allow_websocket = False
    async with wired(server) as wire:
        assert server.transports == ["polling"]
        answers = await asyncio.gather(*(wire.transport.call("chat.send", {"n": number}, 10) for number in range(60)))
        assert len(answers) == 60, "more than a body may hold, a few at a time"
        assert not wire.lost.is_set()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("token_expired", {"code": "token_expired"}), ErrorCode.TOKEN_EXPIRED),
        (("version_too_old",), ErrorCode.VERSION_TOO_OLD),
    ],
)
async def test_a_refusal_has_the_relays_code(server: Server, arguments: tuple[Any, ...], code: ErrorCode) -> None:
    server.refuse = arguments
    with pytest.raises(Refused) as caught:
        await Wire().transport.connect(server.origin, {"v": 1})
    assert caught.value.code is code
    assert len(server.seen) == 1, "a refusal is not asked for twice"
    await no_rest()


@pytest.mark.parametrize("arguments", [(), ("because",), ("x", {"code": 7}), ({"a": 1}, [1])])
async def test_a_refusal_that_makes_no_sense_is_a_lost_connection(server: Server, arguments: tuple[Any, ...]) -> None:
    server.refuse = arguments
    with pytest.raises(RelayUnavailable):
        await Wire().transport.connect(server.origin, {"v": 1})
    await no_rest()


async def test_an_ack_that_does_not_come_is_waited_for_so_long_and_no_longer(server: Server) -> None:
    server.answer = lambda event, data: asyncio.sleep(3600)
    async with wired(server) as wire:
        with pytest.raises(RelayUnavailable) as caught:
            await wire.transport.call("chat.send", {}, 0.05)
        assert caught.value.code is AppCode.TIMED_OUT
        await server.sio.eio.disconnect()


async def test_whoever_waits_hears_at_once_that_the_connection_is_gone(server: Server) -> None:
    never: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def wait() -> None:
        await never

    server.answer = lambda event, data: wait()
    async with wired(server) as wire:
        waiting = asyncio.gather(wire.transport.call("chat.send", {}, 60), return_exceptions=True)
        await wire.until(lambda: len(server.seen) == 2)
        next(iter(server.sio.eio.sockets.values())).queue.put_nowait(None)
        async with asyncio.timeout(5):
            (error,) = await waiting
        assert isinstance(error, RelayUnavailable)
        assert error.code is AppCode.CONNECTION_LOST
        await asyncio.wait_for(wire.lost.wait(), 5)
        with pytest.raises(RelayUnavailable):
            await wire.transport.call("chat.send", {}, 1)
    never.cancel()


async def test_closing_on_purpose_is_no_loss(server: Server) -> None:
    async with wired(server) as wire:
        pass
    assert not wire.lost.is_set()
    await wire.transport.aclose()


async def test_what_is_no_relay_is_told_from_silence(server: Server, unused_tcp_port: int) -> None:
    with pytest.raises(RelayUnavailable) as caught:
        await Wire().transport.connect(f"http://127.0.0.1:{unused_tcp_port}", {})
    assert caught.value.code is AppCode.RELAY_UNREACHABLE
    with pytest.raises(RelayUnavailable) as caught:
        await RelayHttp(lambda origin: None).refresh(server.origin, TOKEN)
    assert caught.value.code is AppCode.NOT_A_RELAY
    await no_rest()


async def test_something_that_takes_the_connection_and_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "CONNECT_S", -0.8)
    writers: list[asyncio.StreamWriter] = []
    mute = await asyncio.start_server(lambda reader, writer: writers.append(writer), "127.0.0.1", 0)
    port = mute.sockets[0].getsockname()[1]
    with pytest.raises(RelayUnavailable):
        async with asyncio.timeout(10):
            await Wire().transport.connect(f"http://127.0.0.1:{port}", {})
    await no_rest()
    for writer in writers:
        writer.close()
    mute.close()
    await mute.wait_closed()


# --- the typed client


@asynccontextmanager
async def client_of(server: Server, events: list[Any]) -> AsyncIterator[RelayClient]:
    client = RelayClient(
        lambda on_event, on_lost: SocketTransport(on_event, on_lost, pin_for=lambda origin: None),
        events.append,
        lambda: None,
    )
    await client.connect(server.origin, Hello(v=PROTOCOL_VERSION, client="app"))
    yield client
    await client.aclose()


async def test_malformed_events_are_dropped_and_the_next_one_arrives(server: Server) -> None:
    events: list[Any] = []
    async with client_of(server, events):
        for name, data in (
            ("welcome", None),
            ("welcome", {"site": 1}),
            ("session.event", {"session_id": "s", "seq": -1, "at": 0, "fact": {}}),
            ("session.event", {"session_id": "s", "seq": 1, "at": 0, "fact": {"type": "chat_added", "line": []}}),
            ("signal", [1, 2, 3]),
            ("signal", "x" * 100_000),
            ("from.the.future", {"a": 1}),
            ("session.event", [[[[[[[[]]]]]]]]),
        ):
            await server.send(name, data)
        await server.send("welcome", {"site": to_plain(SITE), "now": 1, "new_field": True})
        async with asyncio.timeout(5):
            while not events:  # noqa: ASYNC110 - filled by the transport
                await asyncio.sleep(0.005)
    assert events == [Welcome(site=SITE, now=1)]


@pytest.mark.parametrize(
    ("ack", "error", "code"),
    [
        ({"ok": False, "code": "session_ended"}, Refused, ErrorCode.SESSION_ENDED),
        ({"ok": False, "code": "from_the_future"}, Refused, ErrorCode.INTERNAL),
        ({"ok": True, "value": {"sessions": 7}}, RelayUnavailable, AppCode.NOT_A_RELAY),
        ({"ok": "yes"}, RelayUnavailable, AppCode.NOT_A_RELAY),
        ("nonsense", RelayUnavailable, AppCode.NOT_A_RELAY),
        (None, RelayUnavailable, AppCode.NOT_A_RELAY),
    ],
)
async def test_acks_are_read_strictly(server: Server, ack: Any, error: type[Exception], code: Any) -> None:
    server.answer = lambda event, data: ack
    async with client_of(server, []) as client:
        with pytest.raises(error) as caught:
            await client.request(SessionList(), Sessions)
        assert caught.value.code is code  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("message", "reply", "code"),
    [
        (ChatSend(session_id="s", line_id="l", text="x" * 4001), ChatSent, ErrorCode.BAD_MESSAGE),
        (ChatSend(session_id="s", line_id="l", text="half \ud83d"), ChatSent, ErrorCode.BAD_MESSAGE),
        (
            SignalSend(session_id="s", to="p", epoch=1, signal=Answer(sdp="\u0219" * 60_000)),
            Nothing,
            ErrorCode.TOO_LARGE,
        ),
    ],
    ids=["long", "surrogate", "large"],
)
async def test_what_must_be_refused_is_not_even_sent(server: Server, message: Any, reply: Any, code: ErrorCode) -> None:
    async with client_of(server, []) as client:
        seen = len(server.seen)
        with pytest.raises(Refused) as caught:
            await client.request(message, reply)
        assert caught.value.code is code
        assert len(server.seen) == seen


# --- trust


def certificate(folder: Path, name: str) -> tuple[ssl.SSLContext, str]:
    """A self-signed certificate for 127.0.0.1: the server's context and the fingerprint."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.datetime.now(datetime.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = folder / f"{name}.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    return context, fingerprint_of(made.public_bytes(serialization.Encoding.DER))


@asynccontextmanager
async def tls_server(context: ssl.SSLContext, port: int = 0) -> AsyncIterator[Server]:
    made = Server()
    await made.start(context, port)
    try:
        yield made
    finally:
        await made.stop()


async def test_an_unknown_certificate_is_refused_with_its_fingerprint(tmp_path: Path) -> None:
    context, fingerprint = certificate(tmp_path, "one")
    assert is_fingerprint(fingerprint)
    async with tls_server(context) as server:
        for act in (
            Wire().transport.connect(server.origin, {}),
            RelayHttp(lambda origin: None).sign_out(server.origin, TOKEN),
        ):
            with pytest.raises(CertificateProblem) as caught:
                await act
            assert caught.value.code is AppCode.CERTIFICATE_UNKNOWN
            assert caught.value.params["fingerprint"] == fingerprint
        assert server.seen == []
    await no_rest()


@pytest.mark.parametrize("websocket", [True, False], ids=["websocket", "polling"])
async def test_the_accepted_certificate_works_and_another_one_does_not(tmp_path: Path, websocket: bool) -> None:
    context, fingerprint = certificate(tmp_path, "one")
    async with tls_server(context) as server:
        server.allow_websocket = websocket
        pins = {server.origin: fingerprint}
        async with wired(server, pins) as wire:
            assert await wire.transport.call("chat.send", {}, 5) == {"ok": True, "value": {}}
        await RelayHttp(pins.get).sign_out(server.origin, TOKEN)
        origin = server.origin
    other, other_fingerprint = certificate(tmp_path, "two")
    async with tls_server(other, int(origin.rpartition(":")[2])) as server:
        assert server.origin == origin
        for act in (Wire(pins).transport.connect(origin, {}), RelayHttp(pins.get).sign_out(origin, TOKEN)):
            with pytest.raises(CertificateProblem) as caught:
                await act
            assert caught.value.code is AppCode.CERTIFICATE_CHANGED
            assert caught.value.params["fingerprint"] == other_fingerprint
        assert server.seen == []


async def test_a_pin_sends_nothing_before_the_certificate_is_checked(tmp_path: Path) -> None:
    context, _ = certificate(tmp_path, "one")
    requests: list[str] = []

    async def handle(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", handle)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    origin = f"https://127.0.0.1:{runner.addresses[0][1]}"
    with pytest.raises(CertificateProblem):
        await RelayHttp({origin: ":".join(["00"] * 32)}.get).sign_in(origin, "ana", "the password")
    assert requests == []
    await runner.cleanup()


async def test_a_redirect_is_not_followed_with_a_password(server: Server) -> None:
    async def away(request: web.Request) -> web.Response:
        raise web.HTTPTemporaryRedirect("http://127.0.0.1:9/api/sign-in")

    app = web.Application()
    app.router.add_post("/api/sign-in", away)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    with pytest.raises(RelayUnavailable) as caught:
        await RelayHttp(lambda origin: None).sign_in(f"http://127.0.0.1:{runner.addresses[0][1]}", "ana", "password")
    assert caught.value.code is AppCode.NOT_A_RELAY
    await runner.cleanup()


def test_the_librarys_seams_are_still_where_we_use_them() -> None:
    from engineio.async_client import AsyncClient

    for name in ("_receive_packet", "_trigger_event"):
        assert callable(getattr(AsyncClient, name))
    assert aiohttp.ClientConnectorCertificateError
