"""The rep always gets a connection again: whoever shares is asked until he is connected, whatever went wrong."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from support_manager.errors import AppCode, RelayUnavailable
from support_manager.media.engine import EngineFailed, Liveness, MediaEngine, PeerKey
from support_manager.protocol.events import SignalReceived
from support_manager.protocol.requests import IceGet, Nothing, Request, SignalSend
from support_manager.protocol.signals import Bye, NeedOffer, Offer, Signal
from support_manager.protocol.views import IceServer, IceServers
from support_manager.session import peers as module
from support_manager.session.peers import Peers
from tests.harness.scripted_engine import ScriptedEngine

ION = "ion"
KEY = PeerKey("s", ION)


class Bench:
    """The connections of one session with one customer, who is online."""

    def __init__(self) -> None:
        self.engines: list[ScriptedEngine] = []
        self.sent: list[Request] = []
        self.sharing = False
        self.broken = False
        self.silent = False
        self.peers = Peers("s", self._send, self._engine, lambda who: True, lambda who: self.sharing, lambda: None)
        self.peers.start()
        self.peers.set_hub(True)
        self.peers.went_online(wanted=set())

    async def _send(self, message: Request, reply: type[Any], *, timeout_s: float = 1.0) -> Any:
        self.sent.append(message)
        if self.silent:
            raise RelayUnavailable(AppCode.TIMED_OUT)
        return IceServers() if isinstance(message, IceGet) else Nothing()

    async def _engine(self) -> MediaEngine:
        if self.broken:
            raise RuntimeError("a bug")
        engine = ScriptedEngine()
        engine.start(self.peers.take_media)
        self.engines.append(engine)
        return engine

    def signal(self, epoch: int, signal: Signal) -> None:
        self.peers.take_signal(SignalReceived(session_id="s", sender=ION, epoch=epoch, signal=signal))

    async def connected(self, epoch: int = 1) -> None:
        """He offers, is connected and shows his screen."""
        self.signal(epoch, Offer(sdp="v=0"))
        await until(lambda: bool(self.engines) and self.engines[-1].epochs.get(KEY) == epoch)
        self.engines[-1].connect(KEY)
        self.engines[-1].show(KEY)
        await until(lambda: self.liveness is Liveness.LIVE)

    @property
    def liveness(self) -> Liveness:
        peer = self.peers.peer(ION)
        return Liveness.WAITING if peer is None else peer.liveness

    @property
    def asked(self) -> list[int]:
        """The epochs under which he was asked for an offer."""
        return [each.epoch for each in self.sent if isinstance(each, SignalSend) and isinstance(each.signal, NeedOffer)]


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - the condition is about another object
            await asyncio.sleep(0.005)


@pytest.fixture
async def bench(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Bench]:
    monkeypatch.setattr(module, "SHARING_AGAIN_S", 0.05)
    monkeypatch.setattr(module, "NEGOTIATING_S", 0.1)
    made = Bench()
    yield made
    await made.peers.aclose(over=True)


@pytest.mark.rule("B-12.5")
async def test_a_share_whose_offer_was_lost_is_asked_for(bench: Bench) -> None:
    """Signals are not kept: the offer of somebody who joined while the app was away never came."""
    bench.sharing = True
    bench.peers.needed(ION)
    await until(lambda: len(bench.asked) >= 2)
    assert set(bench.asked) == {1}


async def test_a_share_is_not_kept_waiting_by_the_long_pause_before_it(bench: Bench) -> None:
    """Who shares nothing is asked every 4 to 30 s; once he shares he is not left to wait for that."""
    bench.peers.went_online(wanted={ION})
    await until(lambda: len(bench.asked) == 1)
    bench.sharing = True
    bench.peers.needed(ION)
    bench.peers.needed(ION)
    async with asyncio.timeout(3.5):  # the pause is 4 s
        await until(lambda: len(bench.asked) >= 3)


@pytest.mark.rule("B-12.5")
async def test_a_picture_without_a_connection_is_never_called_live(bench: Bench) -> None:
    bench.sharing = True
    await bench.connected()
    bench.signal(1, Bye())
    await until(lambda: bench.liveness is Liveness.LOST)
    assert bench.engines[0].closed == [KEY]
    await until(lambda: bench.asked == [2])


async def test_a_failed_engine_is_followed_by_another(bench: Bench) -> None:
    bench.sharing = True
    await bench.connected()
    bench.engines[0].tell(EngineFailed("out of memory"))
    await until(lambda: bench.liveness is Liveness.LOST)
    await until(lambda: 2 in bench.asked)
    await bench.connected(2)
    assert len(bench.engines) == 2


async def test_one_bad_signal_is_not_the_last_one_heard(bench: Bench) -> None:
    bench.broken = True
    bench.signal(1, Offer(sdp="v=0"))
    bench.signal(2, Offer(sdp="v=0"))
    await until(lambda: bench.peers._signals.empty())
    bench.broken = False
    await bench.connected(3)


async def test_credentials_about_to_run_out_are_asked_for_anew_and_the_sites_wish_reaches_the_engine(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    turn = IceServer(urls=("turn:turn.example.org",), username="1:me", credential="old")
    clock = [1_000.0]
    monkeypatch.setattr(module, "monotonic", lambda: clock[0])
    bench.peers.set_ice(IceServers(servers=(turn,), valid_s=600, relay_only=True))
    await bench.connected(1)
    assert bench.engines[0].ice == (turn,)
    assert bench.engines[0].relay_only == {"site": True}
    clock[0] += 479
    await bench.connected(2)
    assert bench.engines[0].ice == (turn,)
    clock[0] += 2
    await bench.connected(3)
    assert bench.engines[0].ice == (), "what the relay says now"
    assert bench.engines[0].relay_only == {"site": False}
    assert sum(isinstance(each, IceGet) for each in bench.sent) == 1


async def test_nobody_is_answered_before_it_is_known_whether_media_may_go_directly(bench: Bench) -> None:
    """An address that was shown cannot be taken back, so a site that wants its TURN server only is waited for."""
    bench.silent = True
    bench.signal(1, Offer(sdp="v=0"))
    await until(lambda: any(isinstance(each, IceGet) for each in bench.sent) and bench.peers._signals.empty())
    assert [engine.offers for engine in bench.engines] == [[]]
    assert [engine.relay_only for engine in bench.engines] == [{}]
    bench.silent = False
    await bench.connected(2)
