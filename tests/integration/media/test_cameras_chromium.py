"""Cameras between real Chromium and apps, both ways, proven by what they show; and every way in which they end."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect
from PySide6.QtGui import QImage

from support_manager.events import CameraState, Happening
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.protocol.views import Mode
from tests.harness import timecode
from tests.harness.centre import Customer
from tests.harness.chromium import Chromium
from tests.harness.fake_webcam import TILE_PNG, webcam_flags
from tests.harness.file_camera import NumberCamera
from tests.harness.participant import require_network
from tests.harness.relay import RelayProcess
from tests.harness.reps import Rep, add_rep, memory_ring, signed_in

pytestmark = pytest.mark.browser

IONS_NUMBER, EVAS_NUMBER = 0x1234_5678, 0x0BAD_CAFE


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    require_network()
    with memory_ring(), RelayProcess() as process:
        for name in ("ana", "bob"):
            add_rep(process, name, "--mode", "choice")
        yield process


class Room:
    """Ana helps Ion; Bob assists her; Eva looks on in a browser of her own. All have cameras."""

    ana: Rep
    bob: Rep
    ion: Customer
    eva: Customer
    session_id: str
    anas_camera: NumberCamera
    bobs_camera: NumberCamera

    def id_of(self, name: str) -> str:
        return self.ana.finds(self.session_id, name).id

    def code_at(self, rep: Rep, name: str) -> int | None:
        """The number that the tile of that name shows at that rep's."""
        box = rep.controller.camera_mailbox(self.session_id, self.id_of(name))
        picture = box.full() if box is not None else None
        if picture is None:
            return None
        pixels = memoryview(picture.data)  # type: ignore[arg-type]
        return timecode.read_image(
            QImage(pixels, picture.width, picture.height, picture.stride, QImage.Format.Format_RGB32)
        )

    async def code_on(self, customer: Customer, name: str) -> int | None:
        """The same on a customer's page."""
        shot = await customer.page.evaluate(TILE_PNG, f'.tile[data-owner="{self.id_of(name)}"] video')
        return None if shot is None else timecode.read_image(QImage.fromData(base64.b64decode(shot)))

    async def shows(self, customer: Customer, name: str, within_ms: float) -> None:
        """Wait until a customer's page shows that rep's camera, not older than that."""
        deadline = time.monotonic() + 20
        age = -1.0
        while not 0 <= age <= within_ms:
            assert time.monotonic() < deadline, f"the last picture of {name} was {age:.0f} ms old"
            code = await self.code_on(customer, name)
            age = -1.0 if code is None else timecode.age_ms(code, time.time() * 1000)
            await asyncio.sleep(0.05)

    async def shows_number(self, customer: Customer, name: str, number: int) -> None:
        """Wait until a customer's page shows another one's camera, by its number."""
        deadline = time.monotonic() + 20
        while (code := await self.code_on(customer, name)) != number:
            assert time.monotonic() < deadline, f"{name} shows {code}"
            await asyncio.sleep(0.05)

    def state(self, rep: Rep, name: str) -> CameraState | None:
        return next((one.state for one in rep.sees(self.session_id).cameras if one.name == name), None)

    def tile(self, customer: Customer, name: str) -> object:
        return customer.page.locator(f'.tile[data-owner="{self.id_of(name)}"]')


@pytest.fixture
async def room(relay: RelayProcess, tmp_path: Path) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        room = Room()
        room.ana, room.bob = await stack.enter_async_context(
            signed_in(relay, tmp_path, "ana", "bob", engine=AiortcEngine)
        )
        room.anas_camera, room.bobs_camera = NumberCamera(), NumberCamera()
        room.ana.controller.use_camera(room.anas_camera)
        room.bob.controller.use_camera(room.bobs_camera)
        browsers = [
            await stack.enter_async_context(
                Chromium(headless=True, locale="en-GB", extra_flags=webcam_flags(tmp_path / f"{number}.mjpeg", number))
            )
            for number in (IONS_NUMBER, EVAS_NUMBER)
        ]
        for browser in browsers:
            await browser.context.grant_permissions(["camera"], origin=relay.url)
        session = await room.ana.controller.start_session(Mode.SINGLE)
        room.session_id = session.id
        room.ion, room.eva = [
            Customer(await browser.first_page(), name) for browser, name in zip(browsers, ("Ion", "Eva"), strict=True)
        ]
        await room.ion.join(session.view.link or "")
        await room.ion.screen("waiting")
        await room.eva.join(session.view.link or "")
        await room.eva.screen("let_in")
        await room.ana.noticed(Happening.WAITING)
        await room.ana.controller.admit(session.id, room.ana.finds(session.id, "Eva").id, True)
        await room.eva.screen("watching")
        await room.bob.controller.assist(session.view.number)
        await room.ana.noticed(Happening.ASSISTANT_JOINED)
        for rep in (room.ana, room.bob):
            rep.controller.set_visible(session.id, True)
        yield room


@pytest.mark.slow
@pytest.mark.rule("B-7.6")
async def test_both_cameras_are_seen_by_all_and_stop_on_either_side(room: Room) -> None:
    ana, bob, ion, eva = room.ana, room.bob, room.ion, room.eva
    # The rep's own: her number, on every screen, her own too.
    await ana.controller.start_camera(room.session_id)
    for customer in (ion, eva):
        await room.shows(customer, "Ana", 1_500)
    await bob.until(
        lambda: (code := room.code_at(bob, "Ana")) is not None and timecode.age_ms(code, time.time() * 1000) < 1_500
    )
    assert room.code_at(ana, "Ana") is not None
    await bob.until(lambda: room.state(bob, "Ana") is CameraState.LIVE)

    # The customer's: offered by himself.
    await ion.page.click("#camera-toggle")
    await ana.until(lambda: room.code_at(ana, "Ion") == IONS_NUMBER)
    await bob.until(lambda: room.code_at(bob, "Ion") == IONS_NUMBER)
    await room.shows_number(eva, "Ion", IONS_NUMBER)
    assert await room.code_on(ion, "Ion") is not None, "he sees himself"
    await ana.until(lambda: room.state(ana, "Ion") is CameraState.LIVE)

    # The rep stops his; everybody's tile is gone, and his browser's camera is off.
    await ana.controller.stop_camera(room.session_id, room.id_of("Ion"))
    for customer in (ion, eva):
        await expect(room.tile(customer, "Ion")).to_have_count(0)
    await bob.until(lambda: room.state(bob, "Ion") is None)
    await expect(ion.page.locator("#camera-toggle")).to_have_text("Show my camera")
    # He stops hers.
    await room.shows(ion, "Ana", 1_500)
    assert room.anas_camera.is_on
    await ana.controller.stop_camera(room.session_id)
    assert not room.anas_camera.is_on, "at once, whatever the network does"
    for customer in (ion, eva):
        await expect(room.tile(customer, "Ana")).to_have_count(0)


@pytest.mark.slow
@pytest.mark.rule("B-7.6", "B-9.4")
async def test_asked_refused_and_ended_by_transfer_control(room: Room) -> None:
    ana, bob, ion, eva = room.ana, room.bob, room.ion, room.eva
    await ana.controller.ask_camera(room.session_id)
    await ion.screen("camera_asked")
    for name in ("Ana", "Bob", "Eva"):
        await expect(ion.page.locator("#asked-who")).to_contain_text(name)
    assert room.state(ana, "Ion") is CameraState.ASKED
    await ion.page.click("#camera-not_now")
    await ana.noticed(Happening.CAMERA_DENIED)
    await ion.screen("waiting")
    # Asked again, and yes this time.
    await ana.controller.ask_camera(room.session_id)
    await ion.page.click("#camera-allow")
    await ana.until(lambda: room.code_at(ana, "Ion") == IONS_NUMBER)
    await ana.controller.start_camera(room.session_id)
    await room.shows(eva, "Ana", 1_500)
    await ana.controller.transfer_control(room.session_id, room.id_of("Bob"))
    await bob.until(lambda: bob.sees(room.session_id).has_control)
    for customer in (ion, eva):
        await expect(customer.page.locator(".tile")).to_have_count(0)
    await ana.until(lambda: not room.anas_camera.is_on)
    assert ana.sees(room.session_id).cameras == ()
    # The new controller starts anew, and the former one sees it now.
    await bob.controller.start_camera(room.session_id)
    await room.shows(ion, "Bob", 1_500)
    await ana.until(lambda: room.code_at(ana, "Bob") is not None)
