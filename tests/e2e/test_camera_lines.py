"""Cameras on lines that are narrow or led astray: the shared screen goes first, and they come back with the room."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from resources import catalog
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, Centre, Customer, require_namespace
from tests.harness.chromium import Chromium
from tests.harness.fake_webcam import webcam_flags
from tests.harness.netns import LongLine
from tests.harness.team import now_code

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.browser,
    pytest.mark.slow,
    pytest.mark.timeout(280),
]
NARROW_KBPS = 1_000
"""Enough for the screen; a small camera may have a place beside it, where the screen's own computer is slow."""
NO_ROOM_KBPS = 500
"""Too little for a screen in motion and any camera."""
NARROWEST_KBPS = 300
"""What the rep's encoder makes at the least: with his camera it is more."""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def line() -> AsyncIterator[LongLine]:
    require_namespace()
    made = await asyncio.to_thread(LongLine, 5)
    yield made
    await made.aclose()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def far_centre(tmp_path_factory: pytest.TempPathFactory, line: LongLine) -> AsyncIterator[Centre]:
    async with Centre(tmp_path_factory.mktemp("narrow"), far=line) as centre:
        yield centre


async def ages(centre: Centre, seconds: float) -> list[int]:
    """How old the painted picture was, in ms, again and again for so long."""
    found: list[int] = []
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end:
        code = await centre.app.do("timecode")
        if code is not None:
            found.append((now_code() - code) % 2**32)
        await asyncio.sleep(0.1)
    return found


@pytest.mark.rule("B-7.6")
async def test_the_customers_camera_gives_way_to_his_screen_and_so_does_the_reps(
    far_centre: Centre, line: LongLine, tmp_path: Path
):
    centre, app = far_centre, far_centre.app
    origin = f"http://{line.near_address}:{centre.relay.port}"
    await app.do("use_camera")
    session = await centre.start_session()
    async with Chromium(
        centre.seat.display.environment(),
        width=CUSTOMER_WIDTH,
        height=HEIGHT,
        locale="en-GB",
        prefix=line.prefix(),
        secure_origins=(origin,),
        extra_flags=webcam_flags(tmp_path / "cam.mjpeg", 0x1234_5678),
    ) as browser:
        await browser.context.grant_permissions(["camera"], origin=origin)
        ana = Customer(await browser.first_page(), "Ana P.")
        await ana.join(session["view"]["link"])
        await ana.screen("waiting")
        await app.until(bool, "enabled", name="action_ask_view")
        await app.do("trigger", name="action_ask_view")
        await ana.allow()
        await app.code()
        await ana.page.click("#camera-toggle")
        await app.until(lambda found: found == {"Ana P.": "live"}, "cameras")

        # His line gets narrow: his screen goes on, calm once the sender knows of it.
        await asyncio.to_thread(lambda: line.become(kbit_per_s=NARROW_KBPS))
        await ages(centre, 8)
        old = await ages(centre, 8)
        print(f"beside {NARROW_KBPS} kbit/s the screen was {sorted(old)[len(old) // 2]} ms old, at most {max(old)}")
        assert sorted(old)[len(old) // 2] < 1_500
        assert len(old) >= 20, "hardly a picture could be read"
        # One moment in which the machine stood still is not the line.
        assert sorted(old)[len(old) * 19 // 20] < 4_000
        # Where there is no room for both his camera is paused and said to be.
        await asyncio.to_thread(lambda: line.become(kbit_per_s=NO_ROOM_KBPS))
        await app.until(lambda found: found == {"Ana P.": "paused"}, "cameras", within_s=30)
        await ana.screen("sharing")
        # Room again: so is the camera.
        await asyncio.to_thread(line.become)
        await app.until(lambda found: found == {"Ana P.": "live"}, "cameras", within_s=60)
        await ana.page.click("#stop")
        await ana.page.click("#camera-toggle")
        await ana.screen("waiting")

        # The other way: the rep shows his screen and his face.
        await app.until(bool, "enabled", name="action_show_screen")
        await app.do("trigger", name="action_show_screen")
        await app.see("show_dialog_list")
        await app.click("show_dialog_confirm")
        await app.do("trigger", name="action_camera")
        tile = ana.page.locator(".tile:not(.mine)")
        await expect(tile).not_to_have_class("tile veiled", timeout=20_000)
        paused = catalog.sentence("en", "page", "camera.paused")
        noise = centre.rep_display.spawn(sys.executable, "-m", "tests.harness.noise_window", "700", "300", "640", "480")
        try:
            await asyncio.to_thread(lambda: line.become(kbit_per_s=NARROWEST_KBPS))
            await expect(tile).to_contain_text(paused, timeout=40_000)
            await asyncio.to_thread(line.become)
            await expect(tile).not_to_contain_text(paused, timeout=60_000)
        finally:
            noise.terminate()
            await asyncio.to_thread(noise.wait, 5)
        await centre.end_all()
