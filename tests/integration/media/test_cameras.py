"""Cameras through the hub: shown to whoever the relay names and to nobody else, the rep's own among them."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
from PySide6.QtGui import QImage

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.camera import CameraFrame
from support_manager.media.engine import (
    AnswerReady,
    CameraFigures,
    Liveness,
    MediaEvent,
    OfferReady,
    PeerConnected,
    PeerKey,
)
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.channel import CameraRate, Cameras
from tests.harness import timecode
from tests.harness.participant import Participant, ScreenTrack, require_network, rests, until

ION, EVA, HUB = (PeerKey("s1", name) for name in ("ion", "eva", "hub"))


@pytest.fixture(scope="session", autouse=True)
def _network() -> None:
    require_network()


class App:
    """An engine and what it said."""

    def __init__(self) -> None:
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)

    async def answer(self, peer: PeerKey, sdp: str) -> str:
        self.engine.take_offer(peer, 1, sdp, ())
        await until(lambda: any(isinstance(e, AnswerReady) and e.peer == peer for e in self.events), what="the answer")
        return next(e.sdp for e in self.events if isinstance(e, AnswerReady) and e.peer == peer)

    async def let_in(self, participant: Participant, peer: PeerKey) -> None:
        await participant.take_answer(await self.answer(peer, await participant.offer()))
        await until(lambda: PeerConnected(peer, 1) in self.events, what="the connection")

    async def join(self, hub: "App", peer: PeerKey) -> None:
        """Be an assistant in the session of that hub."""
        self.engine.join(HUB, 1, ())
        await until(lambda: any(isinstance(e, OfferReady) for e in self.events), what="the offer")
        offer = next(e.sdp for e in self.events if isinstance(e, OfferReady))
        self.engine.take_answer(HUB, 1, await hub.answer(peer, offer))
        await until(lambda: PeerConnected(HUB, 1) in self.events, what="the connection")

    def camera(self, peer: PeerKey | None) -> FrameMailbox:
        return self.engine.camera_mailbox(peer)

    def figures(self, peer: PeerKey) -> CameraFigures | None:
        return next((e for e in reversed(self.events) if isinstance(e, CameraFigures) and e.peer == peer), None)


@pytest.fixture
async def hub() -> AsyncIterator[App]:
    app = App()
    yield app
    await app.engine.aclose()


@pytest.fixture
async def assistant(hub: App) -> AsyncIterator[App]:
    app = App()
    await app.join(hub, EVA)
    yield app
    await app.engine.aclose()


@pytest.fixture
async def ion(hub: App) -> AsyncIterator[Participant]:
    participant = Participant(camera=ScreenTrack(fps=20))
    await hub.let_in(participant, ION)
    yield participant
    await participant.aclose()


def received(box: FrameMailbox) -> int:
    return box.figures().received  # type: ignore[attr-defined, no-any-return]


def code(box: FrameMailbox) -> int | None:
    """The number that a picture shows."""
    picture = box.full()
    if picture is None:
        return None
    pixels = memoryview(picture.data)  # type: ignore[arg-type]
    return timecode.read_image(
        QImage(pixels, picture.width, picture.height, picture.stride, QImage.Format.Format_RGB32)
    )


class Filming:
    """The rep's camera sees a number; `show` changes it."""

    def __init__(self, app: App) -> None:
        self._slot = app.engine.camera_slot()
        self._task = asyncio.get_running_loop().create_task(self._film(), name="filming")
        self.number = 0

    async def _film(self) -> None:
        while True:
            pixels, width, height = timecode.draw(self.number)
            frame = CameraFrame("bgra", width, height, (pixels,), (width * 4,), time.time() * 1000)
            self._slot.put(frame)
            await asyncio.sleep(0.05)

    async def aclose(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def filming(hub: App) -> AsyncIterator[Filming]:
    made = Filming(hub)
    yield made
    await made.aclose()


@pytest.mark.rule("B-7.6")
async def test_a_participants_camera_is_seen_by_the_hub_and_by_who_may(
    hub: App, assistant: App, ion: Participant
) -> None:
    await asyncio.sleep(0.3)
    assert received(hub.camera(ION)) == 0, "nothing runs at the relay, so nothing is taken"
    hub.engine.set_cameras("s1", {"ion": ["eva"]})
    assistant.engine.set_cameras("s1", {"ion": ()})
    for app in (hub, assistant):
        box = app.camera(ION)
        await until(lambda box=box: received(box) > 20, what="twenty pictures")
        picture = box.full()
        assert picture is not None
        assert (picture.source_width, picture.source_height) == (640, 360)
    await until(lambda: getattr(hub.figures(ION), "liveness", None) is Liveness.LIVE, what="the hub's figures")
    await until(lambda: getattr(assistant.figures(ION), "liveness", None) is Liveness.LIVE, what="the assistant's")
    # Nobody is asked for more than a small tile is worth, and whoever owns it is not sent it back.
    assert CameraRate(max_fps=20, max_kbps=500) in ion.received
    assert not any(isinstance(each, Cameras) and "ion" in each.owners for each in ion.received)
    # Over is over, at once and everywhere.
    hub.engine.set_cameras("s1", {})
    assistant.engine.set_cameras("s1", {})
    await rests(lambda: received(hub.camera(ION)) + received(assistant.camera(ION)), "the camera", most=30)
    assert hub.camera(ION).full() is None


@pytest.mark.rule("B-7.6")
async def test_the_reps_own_camera_is_seen_by_everybody(
    hub: App, assistant: App, ion: Participant, filming: Filming
) -> None:
    hub.engine.set_cameras("s1", {"hub": ["eva", "ion"], "ion": ["eva"]}, "hub")
    assistant.engine.set_cameras("s1", {"hub": (), "ion": ()})
    filming.number = 4_711
    await until(lambda: code(assistant.camera(HUB)) == 4_711, what="the number on the assistant's screen")
    await until(lambda: code(hub.camera(None)) == 4_711, what="the number on the rep's own tile")
    await until(lambda: received(assistant.camera(ION)) > 5, what="the other camera, too")
    filming.number = 1_234
    await until(lambda: code(assistant.camera(HUB)) == 1_234, what="the next number")
    told = [each for each in ion.received if isinstance(each, Cameras)]
    assert told[-1] == Cameras(owners=("hub", "", "", ""))
    # Off: what the camera still gives goes nowhere.
    hub.engine.set_cameras("s1", {"ion": ["eva"]})
    await rests(lambda: received(assistant.camera(HUB)), "the rep's camera")
    await until(lambda: received(assistant.camera(ION)) > 15, what="the other one goes on")


async def test_a_camera_that_runs_is_there_for_whoever_comes_later(
    hub: App, ion: Participant, filming: Filming
) -> None:
    filming.number = 99
    hub.engine.set_cameras("s1", {"hub": ["eva", "ion"], "ion": ["eva"]}, "hub")
    await until(lambda: received(hub.camera(ION)) > 5, what="pictures")
    late = App()
    try:
        late.engine.set_cameras("s1", {"hub": (), "ion": ()})
        await late.join(hub, EVA)
        await until(lambda: code(late.camera(HUB)) == 99, what="the rep's camera")
        await until(lambda: received(late.camera(ION)) > 3, what="the customer's camera")
    finally:
        await late.engine.aclose()
