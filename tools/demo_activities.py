"""The tour's third part: the rep's own screen, drawing, a call, cameras, a recording and files, all in one session."""

import math
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import av
from playwright.async_api import expect
from PySide6.QtGui import QImage

from tests.harness.app import AppFailedError
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT
from tests.harness.chromium import Chromium
from tests.harness.fake_webcam import film_flags
from tests.harness.listening import microphone_flags
from tests.harness.sound import chirps, write_wav
from tests.harness.team import Desk, Guest, Team
from tools.demo_scene import WINDOW_TITLE, portrait

Photograph = Callable[..., Awaitable[None]]


def ring(x: float, y: float, width: float, height: float) -> list[list[float]]:
    """Around a place, as a hand draws it: a little more than once."""
    turns = [0.28 * step for step in range(25)]
    return [[x + width * math.cos(turn), y + height * math.sin(turn) * (1 + 0.01 * turn)] for turn in turns]


def write_voice(folder: Path) -> Path:
    """A file that a microphone hears; nobody understands a word, but the meters move."""
    return write_wav(folder / "voice.wav", chirps(6))


async def _into_sight(guest: Guest, where: str) -> None:
    """Scroll there in one step: Playwright waits for one element to rest, and the page may draw its screen anew."""
    await guest.page.evaluate("(where) => document.querySelector(where).scrollIntoViewIfNeeded()", where)


class ActivitiesTour:
    """Walks one session through every activity, and photographs it.

    Args:
        team: the reps; their microphones hear `write_voice`'s file.
        photograph: takes a picture of the reps' screen, or of the first customer's.
        place: a folder for what is made on the way.
    """

    def __init__(self, team: Team, photograph: Photograph, place: Path) -> None:
        self._team = team
        self._photograph = photograph
        self._place = place
        self._seat = team.centre.seat

    @asynccontextmanager
    async def _customer(self, link: str) -> AsyncIterator[Guest]:
        """Ana, in a browser that has a webcam and a microphone."""
        face = portrait("#8fa7b5", "#5a3a24", "#b0413e", long_hair=True)
        picture = av.VideoFrame(face.width(), face.height(), "bgra")
        picture.planes[0].update(bytes(face.constBits()))
        flags = film_flags(self._place / "ana.mjpeg", picture)
        flags += microphone_flags(write_voice(self._place))
        environment = self._seat.display.environment()
        async with Chromium(
            environment, width=CUSTOMER_WIDTH, height=HEIGHT, locale="en-GB", extra_flags=flags
        ) as browser:
            await browser.context.grant_permissions(["camera", "microphone"], origin=self._team.centre.relay.url)
            ana = Guest(await browser.first_page(), "Ana P.")
            await ana.join(link)
            await ana.screen("waiting")
            yield ana

    async def _window(self, desk: Desk, language: str, theme: str) -> None:
        await desk.app.do("settings", theme=theme, language=language, notifications=False)
        await desk.app.do("maximize")
        await desk.app.do("front")

    async def walk(self) -> None:
        """The third part itself."""
        elena, dan, _ = self._team.desks
        face: QImage = portrait("#b9a98a", "#2b2b2f", "#3f6f8f", long_hair=False)
        face.save(str(self._place / "elena.png"))
        for desk in self._team.desks:
            await desk.command("presence_away")  # whoever still waits in the queue waits for others
        await elena.app.do("use_camera", picture=str(self._place / "elena.png"))
        await self._window(elena, "en", "light")
        session = await elena.start()
        async with self._customer(str(session["view"]["link"])) as ana:
            await self._rep_shows(elena, ana)
            await self._everything(elena, dan, ana, str(session["view"]["number"]))
            await self._files(elena, ana, session["id"])
            await elena.command("record")
            await expect(ana.page.locator("#recorded")).to_be_hidden()
            await elena.command("recordings")
            await elena.app.see("recordingsList")
            await self._photograph("library-of-recordings", settle_s=1.5)
            await elena.app.do("key", name="recordingsPanel", key="Escape")
        await self._team.end_all()

    @staticmethod
    async def _both_cameras(desk: Desk) -> None:
        """Wait for both; on a busy machine they may give way to the screen for a while, which is said on them."""
        await desk.app.until(lambda found: len(found) == 2 and "connecting" not in found.values(), "cameras")
        with suppress(AppFailedError):
            await desk.app.until(lambda found: set(found.values()) == {"live"}, "cameras", within_s=12)

    async def _rep_shows(self, elena: Desk, ana: Guest) -> None:
        window = self._team.centre.rep_display.spawn(sys.executable, "-m", "tools.demo_scene")
        try:
            await elena.command("show_screen")
            await elena.app.see("show_dialog_list")
            await elena.app.until(lambda _: True, "choose_item", name="show_dialog_list", words=WINDOW_TITLE)
            await self._photograph("choose-what-to-show")
            await elena.app.click("show_dialog_confirm")
            await elena.app.see("showStrip")
            await ana.page.click("#draw-begin")
            await ana.page.click("#draw-pen")
            canvas = ana.page.locator("#watch-canvas")
            await canvas.scroll_into_view_if_needed()
            box = await canvas.bounding_box()
            assert box is not None
            for number, (x, y) in enumerate(ring(0.62, 0.68, 0.36, 0.08)):
                await ana.page.mouse.move(box["x"] + box["width"] * x, box["y"] + box["height"] * y, steps=3)
                if not number:
                    await ana.page.mouse.down()
            await ana.page.mouse.up()
            await self._photograph("customer-draws-on-what-the-rep-shows", self._seat)
            await self._photograph("rep-shows-a-window")
            await elena.command("stop_show")
        finally:
            window.terminate()
            window.wait(5)

    async def _everything(self, elena: Desk, dan: Desk, ana: Guest, number: str) -> None:
        await elena.command("ask_view")
        await ana.allow()
        await elena.app.session(lambda one: one["picture"] in ("live", "static"))
        await elena.command("point")
        await elena.app.click("draw_pen")
        await elena.app.do("draw", points=ring(0.745, 0.243, 0.08, 0.022))
        await elena.command("voice")
        await expect(ana.page.locator("#call-join")).to_be_visible()
        await self._photograph("customer-is-asked-to-talk", self._seat)
        await ana.page.click("#call-join")
        await elena.command("ask_camera")
        await ana.screen("camera_asked")
        await _into_sight(ana, "#title")
        await self._photograph("customer-is-asked-for-the-camera", self._seat)
        await ana.page.click("#camera-allow")
        await elena.command("camera")
        await elena.command("record")
        await ana.screen("record_asked")
        await _into_sight(ana, "#title")
        await self._photograph("customer-is-asked-about-a-recording", self._seat)
        await ana.page.click("#recording-allow")
        await elena.app.see("recordingBar")
        await self._both_cameras(elena)
        await self._photograph("call-cameras-recording-drawing", settle_s=3)
        await ana.page.evaluate("scrollTo(0, 0)")
        await self._photograph("customer-with-everything", self._seat)
        await dan.assist(number)
        await self._window(dan, "ro", "dark")
        await dan.command("voice")
        await self._both_cameras(dan)
        await self._photograph("asistentul-vede-tot-intunecat", settle_s=3)
        await self._window(elena, "en", "light")

    async def _files(self, elena: Desk, ana: Guest, session_id: str) -> None:
        report = self._place / "Printer report.pdf"
        report.write_bytes(bytes(3_400_000))
        driver = self._place / "Driver 4.2.zip"
        driver.write_bytes(bytes(12_000_000))
        await expect(ana.page.locator("#files-send")).to_be_enabled()
        await ana.page.set_input_files("#files-input", str(report))
        await elena.app.see("file_accept")
        await self._photograph("file-is-offered")
        await elena.app.click("file_accept")
        await elena.app.until(lambda files: files[-1]["state"] == "done", "files", session_id=session_id)
        await elena.app.do("offer_files", session_id=session_id, paths=[str(driver)])
        await expect(ana.page.locator("#files-list li").last).to_have_attribute("data-state", "offered")
        await _into_sight(ana, "#files-list")
        await self._photograph("customer-is-offered-a-file", self._seat)
        await ana.page.get_by_role("button", name="Accept").click()
        await elena.app.until(lambda files: files[-1]["state"] == "done", "files", session_id=session_id)
        await self._photograph("files-have-arrived")
