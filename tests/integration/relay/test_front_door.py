"""The door of the relay: long polling through the body guard, and too many connections from one address."""

import socket
import time
from collections.abc import Iterator

import pytest

from support_manager.protocol.requests import ChatSend
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


def ask(port: int) -> bytes:
    with socket.create_connection(("127.0.0.1", port), timeout=10) as raw:
        raw.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        return raw.recv(100)
