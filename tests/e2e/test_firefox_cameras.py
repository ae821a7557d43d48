"""Cameras with a customer in Firefox, both ways: his picture moves at the rep's, her number is read on his page."""

import base64
import time

import pytest
from PySide6.QtGui import QImage

from tests.harness import timecode
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, Centre, until
from tests.harness.display import Display
from tests.harness.fake_webcam import TILE_PNG
from tests.harness.firefox import Firefox, FirefoxTab

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


async def sees_her(tab: FirefoxTab) -> bool:
    shot = await tab.evaluate(f"({TILE_PNG})('.tile:not(.mine) video')")
    code = None if shot is None else timecode.read_image(QImage.fromData(base64.b64decode(str(shot))))
    return code is not None and 0 <= timecode.age_ms(code, time.time() * 1000) < 2_000


@pytest.mark.rule("B-7.6")
async def test_cameras_both_ways_in_firefox(centre: Centre):
    await centre.app.do("use_camera")
    session = await centre.start_session()
    async with Display(CUSTOMER_WIDTH, HEIGHT) as display:
        # Firefox's own fake camera is a colour that changes.
        wanted = {"media.navigator.streams.fake": True}
        async with Firefox(display.environment(), width=CUSTOMER_WIDTH, height=HEIGHT, preferences=wanted) as firefox:
            tab = await firefox.new_tab()
            await tab.goto(session["view"]["link"])
            await tab.type("#field-name", "Ana P.")
            await tab.click("#join-send")
            await centre.app.until(bool, "enabled", name="action_ask_camera")
            await centre.app.do("trigger", name="action_ask_camera")
            await tab.click("#camera-allow")
            await centre.app.until(lambda found: found == {"Ana P.": "live"}, "cameras")
            await tab.until("document.querySelector('.tile.mine video')?.videoWidth > 0", "his own picture")
            await centre.app.do("trigger", name="action_camera")
            await until(lambda: sees_her(tab), "her camera on his page")
            await tab.click("#camera-toggle")
            await centre.app.until(lambda found: list(found) == ["Maria G."], "cameras")
            await centre.app.do("trigger", name="action_camera")
            await tab.until("document.querySelectorAll('.tile').length === 0", "no tile")
