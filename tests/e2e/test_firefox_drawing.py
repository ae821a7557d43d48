"""Drawing with a customer in Firefox, both ways: named over his live preview, and on the rep's own screen (B-7.3)."""

import asyncio
import base64

import pytest
from PySide6.QtGui import QImage

from tests.e2e.test_drawing import BLUE, LINE, MAGENTA, PICTURE_PIXEL, on_screen
from tests.e2e.test_firefox import now, screen
from tests.e2e.test_firefox import tab as _tab
from tests.harness import timecode
from tests.harness.canvas import NAMES, colour_at, names_near, shows
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, SCENE_WIDTH, Centre, until
from tests.harness.fake_webcam import TILE_PNG
from tests.harness.firefox import FirefoxTab

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

tab = _tab
HIDDEN = "document.querySelector('#{}').hidden"


async def joined(centre: Centre, tab: FirefoxTab) -> str:
    """A session with him in it, whose page tells what its canvases bear; its id."""
    session = await centre.start_session()
    await tab.add_init_script(NAMES)
    await tab.goto(session["view"]["link"])
    await tab.type("#field-name", "Ana P.")
    await tab.click("#join-send")
    await screen(tab, "waiting")
    return str(session["id"])


async def painted(tab: FirefoxTab, name: str, x: float, y: float, colour: str) -> None:
    async def seen() -> bool:
        return await colour_at(tab, name, x, y) == colour

    await until(seen, f"{colour or 'nothing'} at {x}, {y} of {name}")


async def preview_lives(tab: FirefoxTab) -> None:
    """Wait until the preview bears a time code that was painted after this."""
    since = now()

    async def newer() -> bool:
        shot = await tab.evaluate(TILE_PNG, "#preview-video")
        # Beside the browser, whose page shows the same code once more, small.
        beside = QImage.fromData(base64.b64decode(shot or "")).copy(CUSTOMER_WIDTH, 0, SCENE_WIDTH, HEIGHT)
        found = timecode.read_image(beside)
        return found is not None and found > since

    await until(newer, "the preview goes on", 30.0)


async def rep_draws(centre: Centre, tab: FirefoxTab) -> None:
    await centre.app.until(bool, "enabled", name="action_point")
    await centre.app.do("trigger", name="action_point")
    await centre.app.click("draw_pen")
    await tab.until(f"!{HIDDEN.format('preview')}", "the preview")
    await centre.app.do("draw", points=LINE)
    await painted(tab, "preview", 0.5, 0.4, BLUE)


@pytest.mark.rule("B-7.3")
async def test_the_rep_points_and_draws_on_what_firefox_shows(centre: Centre, tab: FirefoxTab):
    session_id = await joined(centre, tab)
    await centre.app.until(bool, "enabled", name="action_ask_view")
    await centre.app.do("trigger", name="action_ask_view")
    await tab.click("#asked-allow")
    await screen(tab, "sharing")
    await centre.app.code()
    assert await tab.evaluate(HIDDEN.format("preview"))
    await rep_draws(centre, tab)
    assert "Maria G." in await tab.evaluate("document.querySelector('#preview-words').innerText")
    assert await names_near(tab, "preview", 0.2, 0.4) == ["Maria G."]
    assert await colour_at(tab, "preview", 0.5, 0.5) == ""
    await preview_lives(tab)
    await centre.app.click("draw_pointer")
    await centre.app.do("hover", x=0.8, y=0.8)
    await until(lambda: names_near(tab, "preview", 0.8, 0.8), "the pointer has its name")
    await tab.click("#preview-stop")
    await tab.until(HIDDEN.format("preview"), "stopped")
    await centre.app.until(lambda found: not found["strokes"], "drawn", session_id=session_id)
    await centre.app.until(lambda names: "drawingTools" not in names, "names")
    # Once more, and the customer stops showing: the view takes the drawing along.
    await rep_draws(centre, tab)
    await tab.click("#stop")
    await tab.until(HIDDEN.format("preview"), "over")
    await centre.app.session(lambda one: one["id"] == session_id and not one["view"]["activities"])
    await centre.app.until(lambda found: not found["strokes"], "drawn", session_id=session_id)


@pytest.mark.rule("B-7.3")
async def test_firefox_points_and_draws_on_what_the_rep_shows(centre: Centre, tab: FirefoxTab):
    session_id = await joined(centre, tab)
    await centre.app.until(bool, "enabled", name="action_show_screen")
    await centre.app.do("trigger", name="action_show_screen")
    await centre.app.click("show_dialog_confirm")
    await tab.click("#draw-begin")
    await tab.click("#draw-pen")
    # The page shows its own line for a second only: by then it is in the picture.
    line = tab.drag("#watch-canvas", *((x, y) for x, y in LINE))
    await asyncio.gather(shows(tab, "watch", 0.5, 0.4, MAGENTA), line)
    board = await centre.app.until(lambda found: len(found["strokes"]) == 1, "drawn", session_id=session_id)
    told = await centre.app.session(lambda one: one["id"] == session_id)
    ana = next(one["id"] for one in told["view"]["participants"] if one["name"] == "Ana P.")
    assert board["strokes"][0]["by"] == ana
    reader = centre.rep_display.reader()
    try:
        await on_screen(centre, reader, MAGENTA)

        async def in_picture() -> bool:
            red, green, blue, _ = await tab.evaluate(PICTURE_PIXEL, [0.5, 0.4])
            return red > 150 and green < 60 and 50 < blue < 150

        await until(in_picture, "the picture bears the line")
        await painted(tab, "watch", 0.5, 0.4, "")
        await tab.click("#draw-undo")
        await on_screen(centre, reader, MAGENTA, there=False)
    finally:
        reader.close()
    await tab.click("#draw-pointer")
    await tab.drag("#watch-canvas", (0.4, 0.4), (0.8, 0.6))
    board = await centre.app.until(lambda found: ana in found["pointers"], "drawn", session_id=session_id)
    assert not board["strokes"]
    await centre.app.do("trigger", name="action_stop_show")
    await tab.until(HIDDEN.format("watch"), "over")
    await centre.app.until(lambda found: not found["pointers"], "drawn", session_id=session_id)
