"""The engine against a second aiortc peer, over real sockets in one network namespace."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import (
    AnswerReady,
    Liveness,
    MediaEvent,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    ShareFigures,
)
from support_manager.protocol.channel import Beat, Rate
from tests.harness.participant import Participant, ScreenTrack, require_network, until

PEER = PeerKey("s1", "p1")


@pytest.fixture(scope="session", autouse=True)
def _network() -> None:
    require_network()


class Host:
    """An engine and what it said."""

    def __init__(self) -> None:
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    async def join(self, participant: Participant, epoch: int = 1, peer: PeerKey = PEER) -> None:
        self.engine.take_offer(peer, epoch, await participant.offer(), ())
        await until(lambda: any(e.epoch == epoch for e in self.of(AnswerReady)), what="the answer")
        await participant.take_answer(self.of(AnswerReady)[-1].sdp)
        await until(lambda: any(e.epoch == epoch for e in self.of(PeerConnected)), what="the connection")


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    yield host
    await host.engine.aclose()


async def test_offer_answer_frames(host: Host) -> None:
    track = ScreenTrack()
    participant = Participant(track)
    try:
        await host.join(participant)
        box = host.engine.mailbox(PEER)
        await until(lambda: box.figures().received >= 30, what="thirty frames")
        picture = box.full()
        assert picture is not None
        assert (picture.source_width, picture.source_height) == (640, 360)
        await until(lambda: any(f.liveness is Liveness.LIVE and f.fps > 20 for f in host.of(ShareFigures)))
        await until(lambda: box.full().captured_ms > 0, what="a capture time")
        await until(lambda: any(isinstance(m, Rate) for m in participant.received))
        assert any(isinstance(m, Beat) for m in participant.received)
        assert host.of(ShareFigures)[-1].width == 640
    finally:
        await participant.aclose()


async def test_stale_offer_is_rejected(host: Host) -> None:
    participant, late = Participant(), Participant()
    try:
        await host.join(participant, epoch=5)
        host.engine.take_offer(PEER, 5, await late.offer(), ())
        await until(lambda: host.of(OfferRejected) == [OfferRejected(PEER, 5, "stale")])
    finally:
        await participant.aclose()
        await late.aclose()


async def test_leaving_peer_is_lost(host: Host) -> None:
    participant = Participant()
    await host.join(participant)
    await participant.aclose()
    await until(lambda: host.of(PeerLost) == [PeerLost(PEER, 1)], what="the loss")


async def test_closing_is_quick(host: Host) -> None:
    participant = Participant(ScreenTrack())
    try:
        await host.join(participant)
        await until(lambda: host.engine.mailbox(PEER).figures().received > 0)
        async with asyncio.timeout(3.0):
            await host.engine.aclose()
    finally:
        await participant.aclose()
