"""Cameras between a real browser and the real app: asked for, painted, enlarged, stopped, unplugged, passed on."""

import base64
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import expect
from PySide6.QtGui import QImage

from tests.harness import timecode
from tests.harness.centre import Centre, Customer, until
from tests.harness.chromium import Chromium
from tests.harness.fake_webcam import TILE_PNG, webcam_flags
from tests.harness.team import Team

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

NUMBER = 0x1234_5678


@asynccontextmanager
async def with_a_webcam(place: Path, origin: str, *, allowed: bool = True) -> AsyncIterator[Customer]:
    """A customer in a browser of his own, whose webcam shows a number."""
    async with Chromium(
        headless=True, locale="en-GB", extra_flags=webcam_flags(place / "cam.mjpeg", NUMBER)
    ) as browser:
        if allowed:
            await browser.context.grant_permissions(["camera"], origin=origin)
        yield Customer(await browser.first_page(), "Ana P.")


async def code_on_page(ana: Customer) -> int | None:
    """The number that the one tile of somebody else shows on the page."""
    shot = await ana.page.evaluate(TILE_PNG, ".tile:not(.mine) video")
    return None if shot is None else timecode.read_image(QImage.fromData(base64.b64decode(shot)))


async def is_fresh(ana: Customer) -> bool:
    code = await code_on_page(ana)
    return code is not None and 0 <= timecode.age_ms(code, time.time() * 1000) < 1_500


@pytest.mark.rule("B-7.6")
async def test_asked_for_painted_enlarged_and_stopped(centre: Centre, tmp_path: Path):
    app = centre.app
    await app.do("use_camera")
    session = await centre.start_session()
    async with with_a_webcam(tmp_path, centre.relay.url) as ana:
        await ana.join(session["view"]["link"])
        await ana.screen("waiting")
        await app.until(bool, "enabled", name="action_ask_camera")
        await app.do("trigger", name="action_ask_camera")
        await expect(ana.page.locator("#asked-who")).to_contain_text("Maria G.")
        await ana.page.click("#camera-allow")
        await app.until(lambda found: found == {"Ana P.": "live"}, "cameras")
        await app.click("cameraTile")
        await app.see("cameraLarge")
        await app.until(lambda code: code == NUMBER, "timecode", name="cameraLarge")
        await app.do("key", name="cameraLarge", key="Escape")
        # Hers: the time in numbers, on the customer's page.
        await app.do("trigger", name="action_camera")
        await until(lambda: is_fresh(ana), "her camera on his page")
        assert await app.do("camera_is_on")
        # The customer stops hers with one click; it is dark.
        await ana.page.get_by_role("button", name="Stop the camera of Maria G.").click()
        await app.until(lambda on: not on, "camera_is_on")
        await expect(ana.page.locator(".tile:not(.mine)")).to_have_count(0)
        await app.do("trigger", name="action_camera")
        await until(lambda: is_fresh(ana), "her camera on his page again")
        # She unplugs it: a sentence for her, no tile for him, and the session goes on.
        await app.do("unplug_camera")
        await app.until(lambda texts: any("The camera was unplugged" in text for text in texts), "texts")
        await expect(ana.page.locator(".tile:not(.mine)")).to_have_count(0)
        # He stops his with one click.
        await ana.page.click("#camera-toggle")
        await app.until(lambda found: found == {}, "cameras")
        await ana.say("still here")
        await app.session(lambda one: [line["text"] for line in one["view"]["chat"]] == ["still here"])


@pytest.mark.rule("B-7.6")
async def test_a_browser_that_may_not_says_what_to_do(centre: Centre, tmp_path: Path):
    session = await centre.start_session()
    async with with_a_webcam(tmp_path, centre.relay.url, allowed=False) as ana:
        client = await ana.page.context.new_cdp_session(ana.page)
        denied = {"permission": {"name": "camera"}, "setting": "denied", "origin": centre.relay.url}
        await client.send("Browser.setPermission", denied)
        await ana.join(session["view"]["link"])
        await ana.screen("waiting")
        await centre.app.until(bool, "enabled", name="action_ask_camera")
        await centre.app.do("trigger", name="action_ask_camera")
        await centre.app.until(lambda found: found == {"Ana P.": "asked"}, "cameras")
        await ana.page.click("#camera-allow")
        await expect(ana.page.locator("#camera-hint")).to_contain_text("This page may not use your camera")
        await ana.screen("waiting")
        await centre.app.until(lambda found: found == {}, "cameras")


@pytest.mark.slow
@pytest.mark.rule("B-7.6", "B-9.4")
async def test_transfer_session_puts_both_cameras_out(team: Team, tmp_path: Path):
    elena, dan, _ = team.desks
    await elena.app.do("use_camera")
    session = await elena.start()
    async with with_a_webcam(tmp_path, team.centre.relay.url) as ana:
        await ana.join(session["view"]["link"])
        await ana.screen("waiting")
        await elena.command("camera")
        await ana.page.click("#camera-toggle")
        await elena.app.until(lambda found: found.get("Ana P.") == "live", "cameras")
        await expect(ana.page.locator(".tile")).to_have_count(2)
        await elena.pass_on("please", agents=(dan.name,))
        await expect(ana.page.locator(".tile")).to_have_count(0)
        await elena.app.until(lambda on: not on, "camera_is_on")
        await dan.accept("Ana P.")
        await ana.screen("waiting")
        # Whoever has the session now begins anew.
        await expect(ana.page.locator("#camera-toggle")).to_have_text("Show my camera")
