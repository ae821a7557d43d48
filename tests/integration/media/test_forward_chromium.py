"""A screen in real Chromium, handed on by the controller's app to a second customer's page and to an assistant."""

import asyncio
import base64
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from playwright.async_api import expect
from PySide6.QtGui import QImage

from support_manager.events import Happening, Picture
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.protocol.views import Mode
from tests.harness import timecode
from tests.harness.centre import Customer, Seat
from tests.harness.chromium import Chromium
from tests.harness.participant import require_network, until
from tests.harness.relay import RelayProcess
from tests.harness.reps import Rep, add_rep, memory_ring, signed_in

pytestmark = pytest.mark.browser

PNG = """() => {
    const video = document.getElementById('watch-video');
    if (video.hidden || !video.videoWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    canvas.getContext('2d').drawImage(video, 0, 0);
    return canvas.toDataURL('image/png').split(',')[1];
}"""
STRIP = """([x, y, width, height]) => {
    const video = document.getElementById('watch-video');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [width, height];
    const context = canvas.getContext('2d', { willReadFrequently: true });
    context.drawImage(video, x, y, width, height, 0, 0, width, height);
    return btoa(String.fromCharCode(...context.getImageData(0, 0, width, height).data.filter((_, at) => at % 4 === 1)));
}"""
"""Only where the code is, and only its green: reading a whole screen takes a browser most of a second."""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    require_network()
    with memory_ring(), RelayProcess() as process:
        for name in ("ana", "bob"):
            add_rep(process, name, "--mode", "choice")
        yield process


class Room:
    """Ana helps Ion; Bob assists her; Eva looks on in a browser of her own."""

    ana: Rep
    bob: Rep
    ion: Customer
    eva: Customer
    session_id: str
    place: timecode.Place

    def code_of(self, rep: Rep) -> int | None:
        """The time code on a rep's screen."""
        box = rep.controller.mailbox(self.session_id)
        picture = box.full() if box is not None else None
        if picture is None:
            return None
        pixels = memoryview(picture.data)  # type: ignore[arg-type]
        image = QImage(pixels, picture.width, picture.height, picture.stride, QImage.Format.Format_RGB32)
        return timecode.read_image(image)

    async def finds_code(self, customer: Customer) -> None:
        """Wait until that customer's page shows a time code, and remember where."""
        deadline = time.monotonic() + 20
        while True:
            shot = await customer.page.evaluate(PNG)
            if shot is not None:
                image = QImage.fromData(base64.b64decode(shot)).convertToFormat(QImage.Format.Format_RGB32)
                stride = image.bytesPerLine()
                place = timecode.find(bytes(image.constBits()), image.width(), image.height(), stride)
                if place is not None:
                    self.place = place
                    return
            assert time.monotonic() < deadline, "no time code on the page"
            await asyncio.sleep(0.1)

    async def code_on_page(self, customer: Customer) -> int | None:
        """The time code that the customer's page shows at this moment; None where it cannot be read."""
        at = self.place
        green = base64.b64decode(await customer.page.evaluate(STRIP, [at.x, at.y, at.width, at.height]))
        pixels = b"".join(bytes((0, value, 0, 0)) for value in green)
        return timecode.read(pixels, at.width * 4, timecode.Place(0, 0, at.width, at.height))

    async def age_on_page(self, customer: Customer) -> float:
        """The age in ms of the picture on that customer's page."""
        deadline = time.monotonic() + 20
        while True:
            code = await self.code_on_page(customer)
            if code is not None:
                return timecode.age_ms(code, time.time() * 1000)
            assert time.monotonic() < deadline, "no picture on the page"
            await asyncio.sleep(0.02)


@pytest.fixture
async def room(relay: RelayProcess, tmp_path: Path) -> AsyncIterator[Room]:
    async with AsyncExitStack() as stack:
        room = Room()
        room.ana, room.bob = await stack.enter_async_context(
            signed_in(relay, tmp_path, "ana", "bob", engine=AiortcEngine)
        )
        seat = await stack.enter_async_context(Seat())
        other = await stack.enter_async_context(Chromium(headless=True, locale="en-GB"))
        session = await room.ana.controller.start_session(Mode.SINGLE)
        room.session_id = session.id
        room.ion = await seat.customer("Ion")
        await room.ion.join(session.view.link or "")
        await room.ion.screen("waiting")
        room.eva = Customer(await other.first_page(), "Eva")
        await room.eva.join(session.view.link or "")
        await room.eva.screen("let_in")
        await room.ana.noticed(Happening.WAITING)
        await room.ana.controller.admit(session.id, room.ana.finds(session.id, "Eva").id, True)
        await room.eva.screen("watching")
        await room.bob.controller.assist(session.view.number)
        await room.ana.noticed(Happening.ASSISTANT_JOINED)
        room.ana.controller.set_visible(session.id, True)
        room.bob.controller.set_visible(session.id, True)
        yield room


async def until_code(room: Room, customer: Customer, seen: list[int | None]) -> None:
    """Wait until that customer's page shows a time code that was not seen before, and keep it."""
    deadline = time.monotonic() + 20
    while (code := await room.code_on_page(customer)) is None or code in seen:
        assert time.monotonic() < deadline, "the picture does not move"
        await asyncio.sleep(0.05)
    seen.append(code)


@pytest.mark.slow
@pytest.mark.rule("B-7.1", "B-7.9")
async def test_everybody_sees_the_share_and_nobody_after_it(room: Room) -> None:
    ana, bob, ion, eva = room.ana, room.bob, room.ion, room.eva
    await ana.controller.ask_view(room.session_id)
    # Who will see it is said before the yes, by name.
    who = ion.page.locator("#asked-who")
    for name in ("Ana", "Bob", "Eva"):
        await expect(who).to_contain_text(name)
    await ion.allow()
    await ana.until(lambda: ana.sees(room.session_id).picture is Picture.LIVE)
    await bob.until(lambda: bob.sees(room.session_id).picture is Picture.LIVE)
    await expect(eva.page.locator("#watch-words")).to_have_text("You see the screen of Ion", timeout=15_000)

    # A moving time code, at every one of them.
    await room.finds_code(eva)
    codes = [await room.code_on_page(eva)]
    for _ in range(3):
        await until_code(room, eva, codes)
    # That search stopped the browser for a while, so let it catch up; 140 ms on an idle machine.
    deadline = time.monotonic() + 15
    while (age := await room.age_on_page(eva)) > 500:
        assert time.monotonic() < deadline, f"the picture is {age:.0f} ms old"
        await asyncio.sleep(0.2)
    await until(lambda: room.code_of(bob) is not None, 10, "a time code at the assistant")
    first = room.code_of(bob)
    await until(lambda: (code := room.code_of(bob)) is not None and code != first, 5, "another one")

    # Put away and shown again.
    await eva.page.click("#watch-away")
    await expect(eva.page.locator("#watch-video")).to_be_hidden()
    await eva.page.click("#watch-away")
    await until_code(room, eva, codes)

    # The end is the end, for all of them.
    await ion.page.click("#stop")
    await expect(eva.page.locator("#watch")).to_be_hidden()
    await bob.until(lambda: bob.sees(room.session_id).picture is Picture.NONE)
    assert bob.controller.mailbox(room.session_id) is None


@pytest.mark.slow
@pytest.mark.rule("B-9.4", "B-7.1")
async def test_a_switch_and_a_transfer_end_it_and_the_next_hub_hands_on(room: Room) -> None:
    ana, bob, ion, eva = room.ana, room.bob, room.ion, room.eva
    await ana.controller.ask_view(room.session_id)
    await ion.allow()
    await expect(eva.page.locator("#watch")).to_be_visible()
    await room.finds_code(eva)
    await ana.controller.transfer_control(room.session_id, ana.finds(room.session_id, "Bob").id)
    await bob.until(lambda: bob.sees(room.session_id).has_control)
    await expect(eva.page.locator("#watch")).to_be_hidden()
    await ana.until(lambda: ana.sees(room.session_id).picture is Picture.NONE)

    # Bob asks anew; now Ana is the one to whom it is handed on.
    await bob.controller.ask_view(room.session_id)
    await ion.allow()
    await bob.until(lambda: bob.sees(room.session_id).picture is Picture.LIVE)
    await ana.until(lambda: ana.sees(room.session_id).picture is Picture.LIVE)
    await until_code(room, eva, [await room.code_on_page(eva)])

    # Eva is helped now: what Ion showed is over for all.
    await bob.controller.select_customer(room.session_id, bob.finds(room.session_id, "Eva").id)
    await expect(eva.page.locator("#watch")).to_be_hidden()
    for rep in (ana, bob):
        await rep.until(lambda rep=rep: rep.sees(room.session_id).picture is Picture.NONE)  # type: ignore[misc]
    await ion.screen("watching")
