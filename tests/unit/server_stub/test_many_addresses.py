"""One machine with a whole network of IPv6 addresses takes no more room than one with a single address."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp.test_utils import make_mocked_request

from server_stub.connections import Server
from server_stub.front_door import FrontDoor
from server_stub.http_api import SIGN_INS_AT_ONCE, HttpApi
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.wire import ProtocolError


def addresses(network: str, count: int) -> list[str]:
    return [f"{network}::{number:x}" for number in range(1, count + 1)]


class Transport:
    def __init__(self, address: str) -> None:
        self._address = address
        self.is_closed = False

    def get_extra_info(self, name: str) -> object:
        return (self._address, 50_000, 0, 0) if name == "peername" else None

    def is_closing(self) -> bool:
        return self.is_closed


class HttpServer:
    connections = ()

    def __call__(self) -> object:
        return object()


def test_one_network_cannot_take_all_the_room_in_the_door() -> None:
    door = FrontDoor(SimpleNamespace(server=HttpServer()), connections=4_000, per_address=20)
    came = [Transport(address) for address in addresses("2001:db8:1:1", 200)]
    assert sum(door.admit(one) is not None for one in came) == 20
    assert door.admit(Transport("2001:db8:1:2::1")) is not None, "a neighbour of another network"
    assert door.admit(Transport("192.0.2.1")) is not None
    came[0].is_closed = True
    assert [door.admit(Transport("2001:db8:1:1::ffff")) is not None for _ in range(2)] == [True, False]
    # Whoever has a /48 has 65,536 such networks.
    inside = sum(door.admit(Transport(f"2001:db8:1:{number:x}::1")) is not None for number in range(4_096))
    assert 21 + inside == 4 * 20
    assert len(door._open) < 300, "nothing is kept of who was turned away"


async def test_one_network_holds_no_more_sockets_than_one_address_may() -> None:
    settings = SimpleNamespace(connections_per_address=5, behind_proxy=False, allowed_origins=())
    server = Server(SimpleNamespace(gone=lambda link: None), settings, lambda: 0.0)
    request = make_mocked_request("GET", "/socket.io/?EIO=4")
    held = []
    for address in addresses("2001:db8:1:1", 40):
        server.eio.sockets[address] = SimpleNamespace()
        environ = {"aiohttp.request": request.clone(remote=address)}
        if await server._handle_eio_connect(address, environ) is not False:
            held.append(address)
    assert len(held) == 5
    await server._handle_eio_disconnect(held[0], "gone")
    environ = {"aiohttp.request": request.clone(remote=held[0])}
    assert await server._handle_eio_connect(held[0], environ) is None


async def test_one_network_has_no_more_passwords_checked_at_once_than_one_address() -> None:
    asked: list[str] = []

    class Accounts:
        async def sign_in(self, name: str, password: str) -> None:
            asked.append(name)
            await asyncio.sleep(3_600)

    api = HttpApi(accounts=Accounts(), settings=SimpleNamespace(behind_proxy=False), figures=None, queue=None)
    request = make_mocked_request("POST", "/api/sign-in")
    came = addresses("2001:db8:1:1", SIGN_INS_AT_ONCE + 1)
    async with asyncio.TaskGroup() as group:
        tries = [group.create_task(api.sign_in(request.clone(remote=one), one, "x" * 12)) for one in came[:-1]]
        await asyncio.sleep(0)
        with pytest.raises(ProtocolError) as refused:
            async with asyncio.timeout(1):
                await api.sign_in(request.clone(remote=came[-1]), came[-1], "x" * 12)
        assert refused.value.code is ErrorCode.TOO_MANY_TRIES
        for one in tries:
            one.cancel()
    assert asked == came[:-1]
