"""The hub hands a share on to other engines: at once, to nobody else, through losses, changes and slow lines."""

from collections.abc import AsyncIterator

import pytest

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import (
    AnswerReady,
    Liveness,
    MediaEvent,
    OfferReady,
    PeerConnected,
    PeerKey,
    ShareFigures,
)
from tests.harness.participant import Participant, ScreenTrack, require_network, rests, until

ION = PeerKey("s1", "ion")
EVA = PeerKey("s1", "eva")
HUB = PeerKey("s1", "hub")


@pytest.fixture(scope="session", autouse=True)
def _network() -> None:
    require_network()


class Centre:
    """The controller's engine and what it said."""

    def __init__(self) -> None:
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)

    async def answer(self, peer: PeerKey, sdp: str, epoch: int = 1) -> str:
        self.engine.take_offer(peer, epoch, sdp, ())

        def found() -> list[AnswerReady]:
            return [e for e in self.events if isinstance(e, AnswerReady) and (e.peer, e.epoch) == (peer, epoch)]

        await until(lambda: bool(found()), what="the answer")
        return found()[-1].sdp

    async def join(self, participant: Participant, peer: PeerKey, epoch: int = 1) -> None:
        await participant.take_answer(await self.answer(peer, await participant.offer(), epoch))
        await until(lambda: PeerConnected(peer, epoch) in self.events, what="the connection")


class Assistant:
    """An assistant's engine, joined to the centre as a participant."""

    def __init__(self, peer: PeerKey) -> None:
        self.peer = peer
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)
        self.box = self.engine.mailbox(HUB)

    async def join(self, centre: Centre, epoch: int = 1) -> None:
        self.engine.join(HUB, epoch, ())
        await until(lambda: any(isinstance(e, OfferReady) and e.epoch == epoch for e in self.events), what="the offer")
        offer = next(e.sdp for e in self.events if isinstance(e, OfferReady) and e.epoch == epoch)
        self.engine.take_answer(HUB, epoch, await centre.answer(self.peer, offer, epoch))
        await until(lambda: PeerConnected(HUB, epoch) in self.events, what="the connection")

    @property
    def received(self) -> int:
        return self.box.figures().received

    @property
    def figures(self) -> ShareFigures:
        return [event for event in self.events if isinstance(event, ShareFigures)][-1]


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    centre = Centre()
    yield centre
    await centre.engine.aclose()


@pytest.fixture
async def assistant(centre: Centre) -> AsyncIterator[Assistant]:
    assistant = Assistant(EVA)
    yield assistant
    await assistant.engine.aclose()


@pytest.fixture
async def ion(centre: Centre) -> AsyncIterator[Participant]:
    participant = Participant(ScreenTrack())
    await centre.join(participant, ION)
    yield participant
    await participant.aclose()


async def test_an_assistant_sees_what_the_controller_sees(
    centre: Centre, assistant: Assistant, ion: Participant
) -> None:
    await assistant.join(centre)
    assert assistant.received == 0
    centre.engine.set_audience(ION, {EVA})
    await until(lambda: assistant.received > 60, what="sixty frames")
    picture = assistant.box.full()
    assert picture is not None
    assert (picture.source_width, picture.source_height) == (640, 360)
    await until(lambda: assistant.figures.liveness is Liveness.LIVE, what="live")
    await until(lambda: 0 < assistant.figures.age_ms < 300, what="the age of the picture")

    # Who may not see it any more gets nothing, at once.
    centre.engine.set_audience(ION, ())
    await rests(lambda: assistant.received, "what he may not see", most=30)
