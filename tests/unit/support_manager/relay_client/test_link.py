"""The link never stops trying, whatever goes wrong on the way up."""

import asyncio
import itertools
import random
from collections.abc import Callable
from typing import Any

import pytest
from aiohttp import web

from support_manager.errors import AppCode, CertificateProblem, RelayUnavailable
from support_manager.events import Link, LinkChanged
from support_manager.relay_client.link import FIRST_RETRY_S, STEADY_S, RelayLink
from support_manager.relay_client.socket_io import SocketTransport
from support_manager.relay_client.transport import EventListener, LostListener


class Standing:
    """A transport that always connects."""

    def __init__(self, on_event: EventListener, on_lost: LostListener) -> None:
        self.on_lost = on_lost

    async def connect(self, origin: str, hello: dict[str, Any]) -> None:
        assert hello["access"]

    async def call(self, event: str, payload: object, timeout_s: float) -> object:
        raise RelayUnavailable(AppCode.TIMED_OUT)

    async def aclose(self) -> None:
        pass


class Token:
    async def access(self, origin: str, *, fresh: bool = False) -> str:
        return "a" * 43


async def test_an_error_nobody_foresaw_does_not_end_the_tries() -> None:
    """`start` must return as well: the controller holds its turn for as long as it takes."""
    changes: list[LinkChanged] = []
    online = asyncio.Event()
    tries = 0

    def changed(change: LinkChanged) -> None:
        changes.append(change)
        if change.link is Link.ONLINE:
            online.set()

    async def take_up() -> None:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise KeyError("a bug")

    link = RelayLink(
        "https://relay.example.org",
        Token(),
        Standing,
        on_event=lambda message: None,
        on_online=take_up,
        on_change=changed,
        on_refused=lambda code: None,
        on_certificate=lambda problem: None,
        rng=random.Random(1),
    )
    async with asyncio.timeout(10):
        await link.start()
        await online.wait()
    assert [each.code for each in changes if each.code] == [AppCode.INTERNAL_APP] * 2
    await link.aclose()


@pytest.mark.parametrize(("held_s", "is_steady"), [(STEADY_S - 0.1, False), (STEADY_S, True)])
async def test_a_relay_that_accepts_and_drops_is_tried_ever_less(held_s: float, is_steady: bool) -> None:
    """Only a connection that held for a while makes the next tries quick again."""
    now = 0.0
    delays: list[float] = []
    enough = asyncio.Event()
    transports: list[Standing] = []

    def factory(on_event: EventListener, on_lost: LostListener) -> Standing:
        transports.append(Standing(on_event, on_lost))
        return transports[-1]

    def changed(change: LinkChanged) -> None:
        nonlocal now
        loop = asyncio.get_running_loop()
        if change.link is Link.ONLINE:
            now += held_s
            loop.call_soon(transports[-1].on_lost)
        elif change.retry_in_s:
            delays.append(change.retry_in_s)
            if len(delays) == 6:
                enough.set()
            else:
                loop.call_soon(link.hurry)

    async def take_up() -> None:
        pass

    link = RelayLink(
        "https://relay.example.org",
        Token(),
        factory,
        on_event=lambda message: None,
        on_online=take_up,
        on_change=changed,
        on_refused=lambda code: None,
        on_certificate=lambda problem: None,
        rng=random.Random(1),
        clock=lambda: now,
    )
    async with asyncio.timeout(10):
        await link.start()
        await enough.wait()
    await link.aclose()
    if is_steady:
        assert max(delays) <= FIRST_RETRY_S
    else:
        assert delays[5] >= 16 * FIRST_RETRY_S, delays


async def test_a_certificate_is_told_again_once_it_is_news_again() -> None:
    """An administrator may put one in, take it back, and put it in again: each time a person has to be asked."""
    seen, trusted = "AA", "AA"
    told: list[str] = []
    transports: list[Standing] = []

    class Choosy(Standing):
        async def connect(self, origin: str, hello: dict[str, Any]) -> None:
            transports.append(self)
            if seen != trusted:
                raise CertificateProblem(AppCode.CERTIFICATE_CHANGED, fingerprint=seen)

    async def take_up() -> None:
        pass

    def distrusted(problem: CertificateProblem) -> None:
        told.append(problem.params["fingerprint"])

    link = RelayLink(
        "https://relay.example.org",
        Token(),
        Choosy,
        on_event=lambda message: None,
        on_online=take_up,
        on_change=lambda change: None,
        on_refused=lambda code: None,
        on_certificate=distrusted,
        rng=random.Random(1),
        clock=itertools.count(0.0, STEADY_S).__next__,
    )

    async def until(condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the condition is about another object
                await asyncio.sleep(0.005)

    await link.start()
    for _ in range(2):
        told.clear()
        seen, lost = "BB", transports[-1]
        transports.clear()
        lost.on_lost()
        await until(lambda: len(transports) >= 3)
        assert told == ["BB"], "not at every try"
        link.hurry()
        await until(lambda: told == ["BB", "BB"])
        trusted = "BB"
        link.hurry()
        await until(lambda: link.state is Link.ONLINE)
        trusted = "AA"
    await link.aclose()


async def test_who_hurries_during_a_try_means_the_next_one() -> None:
    """A certificate that is accepted just then is not looked at before that."""
    delays: list[float] = []
    tries = 0
    at_it, go_on = asyncio.Event(), asyncio.Event()

    class Slow(Standing):
        async def connect(self, origin: str, hello: dict[str, Any]) -> None:
            nonlocal tries
            tries += 1
            if tries == 8:
                at_it.set()
                await go_on.wait()
            if tries < 9:
                raise RelayUnavailable(AppCode.RELAY_UNREACHABLE)

    async def take_up() -> None:
        pass

    def changed(change: LinkChanged) -> None:
        if change.retry_in_s:
            delays.append(change.retry_in_s)
            if tries < 8:
                asyncio.get_running_loop().call_soon(link.hurry)

    link = RelayLink(
        "https://relay.example.org",
        Token(),
        Slow,
        on_event=lambda message: None,
        on_online=take_up,
        on_change=changed,
        on_refused=lambda code: None,
        on_certificate=lambda problem: None,
        rng=random.Random(1),
    )
    await link.start()
    async with asyncio.timeout(10):
        await at_it.wait()
        link.hurry()
        go_on.set()
        while link.state is not Link.ONLINE:
            await asyncio.sleep(0.005)
            assert tries <= 9
    assert delays[-1] > 5, "so long would it have waited"
    await link.aclose()


@pytest.mark.parametrize("greeting", ['0"sid"', "0[]", "0{}", "0null", "4", "", "\x00", '0{"sid":1,"upgrades":7}'])
async def test_a_greeting_that_makes_no_sense_is_no_connection(greeting: str) -> None:
    """Whatever listens there, the rep reads a sentence and not a stack trace."""

    async def greet(request: web.Request) -> web.StreamResponse:
        if request.query.get("transport") != "websocket":
            return web.Response(text=greeting)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str(greeting)
        await socket.close()
        return socket

    app = web.Application()
    app.router.add_route("*", "/socket.io/", greet)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    transport = SocketTransport(lambda name, data: None, lambda: None, pin_for=lambda origin: None)
    try:
        with pytest.raises(RelayUnavailable):
            await transport.connect(f"http://127.0.0.1:{runner.addresses[0][1]}", {"v": 1})
    finally:
        await transport.aclose()
        await runner.cleanup()
