"""The door of the relay: what long polling may post, upgrades that go nowhere, too many from one address."""

import json
import socket
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.request import urlopen

import pytest

from support_manager.protocol.requests import ChatSend
from support_manager.protocol.version import PROTOCOL_VERSION
from tests.harness.relay import Client, RelayProcess, rep
from tests.integration.relay.test_cli import run


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        yield process


async def test_long_polling_carries_large_messages_whole(relay: RelayProcess) -> None:
    async with rep(relay) as ana:
        session = await ana.start_session()
        customer = Client(relay.url)
        await customer.connect(transports=("polling",))
        await customer.join(number=session.number)
        text = "ș" * 4000
        await customer.say(text)
        assert await ana.wait(lambda: ana.lines) == [text]
        code = await customer.refused(
            "chat.send", ChatSend(session_id=customer.session_id, line_id="x", text="ă" * 4001)
        )
        assert code == "bad_message"
        # A polite end would wait for the poll under way.
        await customer.sio.eio.disconnect(abort=True)


def test_one_address_cannot_take_all_the_room(tmp_path) -> None:
    data = tmp_path / "data"
    assert run("setting", "set", "connections_per_address", "4", "--data", data).returncode == 0
    with RelayProcess(data) as relay:
        held: list[socket.socket] = []
        try:
            for _ in range(4 * 4):
                held.append(socket.create_connection(("127.0.0.1", relay.port), timeout=10))
            assert ask(relay.port).startswith(b"HTTP/1.1 503")
            held.pop().close()
            deadline = time.monotonic() + 10
            while not ask(relay.port).startswith(b"HTTP/1.1 200"):
                assert time.monotonic() < deadline, "a closed connection makes room"
        finally:
            for one in held:
                one.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"2",
        b"5",
        b"6",
        b"9",
        b"x",
        b"bAAAA",
        b"b!!!",
        b"\xff\xfe",
        b"d=40",
        b"\x1e" * 20,
        b"\x1e".join([b"3"] * 101),
    ],
)
def test_what_no_client_of_ours_posts_is_refused_at_once(relay: RelayProcess, body: bytes) -> None:
    log_from = len(relay.log)
    with poller(relay) as (raw, sid):
        post(raw, sid, body)
        raw.settimeout(5)
        assert raw.recv(100).startswith(b"HTTP/1.1 400")
    assert ask(relay.port).startswith(b"HTTP/1.1 200")
    assert not [line for line in relay.log[log_from:] if json.loads(line)["level"] == "error"]


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 4\r\nTransfer-Encoding: chunked",
        b"Content-Length: 4\r\nContent-Length: 5",
        b"Transfer-Encoding: chunked, identity",
        b"Transfer-Encoding: xchunked",
        b"Content-Length: +5",
        b"Content-Length : 5",
        b"X: a\x00b",
        b"X: a\r\n secret: b",
    ],
)
def test_a_request_that_two_servers_could_read_differently_is_refused(relay: RelayProcess, head: bytes) -> None:
    log_from = len(relay.log)
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as raw:
        raw.sendall(
            b"POST /api/refresh HTTP/1.1\r\nHost: a\r\n" + head + b"\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\n\r\n"
        )
        answer = b""
        while piece := raw.recv(4096):
            answer += piece
    assert answer.startswith((b"HTTP/1.1 400", b"HTTP/1.0 400"))
    assert b'"ok":true' not in answer
    assert not [line for line in relay.log[log_from:] if json.loads(line)["level"] == "error"]


async def test_a_client_who_goes_while_his_post_is_carried_out_breaks_nothing(relay: RelayProcess) -> None:
    async with rep(relay) as ana:
        session = await ana.start_session()
        join = {"request_id": "r" * 32, "name": "X", "link_token": session.link.partition("#")[2]}
        lines = [{"session_id": session.id, "line_id": f"l{number}", "text": "x"} for number in range(50)]
        asked = [["session.join", join], *(["chat.send", line] for line in lines)]
        packets = [f'40{{"v":{PROTOCOL_VERSION},"client":"page"}}', *(f"42{json.dumps(one)}" for one in asked)]
        log_from = len(relay.log)
        with poller(relay) as (raw, sid):
            post(raw, sid, "\x1e".join(packets).encode())
            await ana.wait(lambda: ana.lines)
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # a reset, not an end
        await ana.wait(lambda: len(ana.lines) == len(lines))
        assert not [line for line in relay.log[log_from:] if json.loads(line)["level"] == "error"]


def test_as_many_packets_in_one_body_as_a_page_may_send_at_once(relay: RelayProcess) -> None:
    with poller(relay) as (raw, sid):
        post(raw, sid, b"\x1e".join([b"3"] * 100))
        assert raw.recv(100).startswith(b"HTTP/1.1 200")


@pytest.mark.slow
def test_an_upgrade_that_is_begun_and_not_gone_on_with_is_closed(relay: RelayProcess) -> None:
    with poller(relay) as (raw, sid):
        raw.sendall(
            b"GET /socket.io/?EIO=4&transport=websocket&sid=" + sid + b" HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        assert raw.recv(100).startswith(b"HTTP/1.1 101")
        raw.settimeout(40)
        while raw.recv(4096):
            pass


@pytest.mark.parametrize(
    ("target", "hosts", "status"),
    [
        (b"/socket.io/?EIO=4&transport=polling", (b"a",), b"200"),
        (b"/socket.io/?EIO=4&transport=polling&j=0", (b"a",), b"400"),
        (b"/socket.io/?EIO=4&transport=polling&%6a=0", (b"a",), b"400"),
        (b"/health", (b"a",), b"200"),
        (b"/health", (b"a", b"b"), b"400"),
        (b"/health", (b"a", b"a"), b"400"),
        (b"/socket.io/?EIO=4&transport=polling", (b"a", b"b"), b"400"),
    ],
)
def test_no_polling_by_scripts_and_no_second_host(
    relay: RelayProcess, target: bytes, hosts: tuple[bytes, ...], status: bytes
) -> None:
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as raw:
        lines = [b"GET " + target + b" HTTP/1.1", *(b"Host: " + host for host in hosts), b"Connection: close"]
        raw.sendall(b"\r\n".join(lines) + b"\r\n\r\n")
        answer = raw.recv(1000)
    assert answer.split()[1] == status, answer
    assert b"___eio" not in answer


@contextmanager
def poller(relay: RelayProcess) -> Iterator[tuple[socket.socket, bytes]]:
    """A long-polling session, and a connection on which nothing was sent yet."""
    with urlopen(f"{relay.url}/socket.io/?EIO=4&transport=polling", timeout=10) as answer:
        sid = json.loads(answer.read()[1:])["sid"].encode()
    with socket.create_connection(("127.0.0.1", relay.port), timeout=10) as raw:
        yield raw, sid


def post(raw: socket.socket, sid: bytes, body: bytes) -> None:
    head = b"POST /socket.io/?EIO=4&transport=polling&sid=" + sid + b" HTTP/1.1\r\nHost: a\r\n"
    raw.sendall(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return raw.recv(100)
