"""What every media engine must do; the scripted one of the tests passes it too, or the tests would prove nothing."""

import asyncio
import threading
from collections.abc import AsyncIterator

import pytest

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import MediaEngine, MediaEvent, OfferRejected, PeerKey
from support_manager.protocol.signals import Candidate
from tests.harness.scripted_engine import ScriptedEngine

ION = PeerKey("s1", "ion")


@pytest.fixture(params=[ScriptedEngine, AiortcEngine], ids=["scripted", "aiortc"])
async def engine(request: pytest.FixtureRequest) -> AsyncIterator[MediaEngine]:
    made: MediaEngine = request.param()
    yield made
    await made.aclose()


class Heard:
    """Collects events and remembers on which thread they came."""

    def __init__(self) -> None:
        self.events: asyncio.Queue[MediaEvent] = asyncio.Queue()
        self.threads: set[int] = set()

    def __call__(self, event: MediaEvent) -> None:
        self.threads.add(threading.get_ident())
        self.events.put_nowait(event)

    async def next(self) -> MediaEvent:
        return await asyncio.wait_for(self.events.get(), 20)


async def test_what_is_no_offer_is_rejected_on_the_callers_thread(engine: MediaEngine) -> None:
    heard = Heard()
    engine.start(heard)
    engine.take_offer(ION, 1, "nonsense", ())
    event = await heard.next()
    assert isinstance(event, OfferRejected)
    assert (event.peer, event.epoch) == (ION, 1)
    assert heard.threads == {threading.get_ident()}


async def test_events_come_later_never_within_the_command(engine: MediaEngine) -> None:
    heard = Heard()
    engine.start(heard)
    engine.take_offer(ION, 1, "nonsense", ())
    assert heard.events.empty()
    await heard.next()


async def test_commands_about_unknown_peers_are_harmless(engine: MediaEngine) -> None:
    heard = Heard()
    engine.start(heard)
    engine.add_candidate(ION, 3, Candidate(candidate="", sdp_mid="0"))
    engine.set_visible(ION, True)
    engine.share_ended(ION)
    engine.close_peer(ION)
    engine.hand_over("s9")
    engine.close_session("s9")
    engine.take_offer(ION, 4, "nonsense", ())
    assert isinstance(await heard.next(), OfferRejected), "it is still working"


async def test_a_peer_has_one_mailbox_and_it_is_empty_at_first(engine: MediaEngine) -> None:
    engine.start(Heard())
    box = engine.mailbox(ION)
    assert box is engine.mailbox(ION)
    assert box is not engine.mailbox(PeerKey("s1", "eva"))
    assert box.take() is None
    assert box.full() is None


async def test_cameras_have_mailboxes_of_their_own_and_one_slot(engine: MediaEngine) -> None:
    engine.start(Heard())
    engine.set_cameras("s1", {"ion": ["eva"], "rep": ["ion"]}, "rep")
    boxes = [engine.mailbox(ION), engine.camera_mailbox(ION), engine.camera_mailbox(None)]
    assert len({id(box) for box in boxes}) == 3
    assert engine.camera_mailbox(ION) is boxes[1]
    assert engine.camera_slot() is engine.camera_slot()
    assert boxes[1].full() is None
    engine.set_cameras("s1", {})
    engine.set_cameras("s9", {})
    heard = engine.camera_mailbox(ION)
    assert heard.take() is None


async def test_a_second_start_is_a_bug(engine: MediaEngine) -> None:
    engine.start(Heard())
    with pytest.raises(RuntimeError):
        engine.start(Heard())


async def test_after_the_end_there_is_silence(engine: MediaEngine) -> None:
    heard = Heard()
    engine.start(heard)
    engine.take_offer(ION, 1, "nonsense", ())
    await heard.next()
    async with asyncio.timeout(5):
        await engine.aclose()
        await engine.aclose()
    assert heard.events.empty()
