"""Pointing and drawing on a shared view (B-7.3): seen at the right place and named, by everybody who sees the view."""

import asyncio
from typing import Any

import pytest
from playwright.async_api import expect

from tests.harness.canvas import NAMES, colour_at, names_near, shows
from tests.harness.centre import Centre, Customer, until
from tests.harness.display import ScreenReader

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

BLUE, MAGENTA = "#1560f0", "#c8005f"
PICTURE_PIXEL = """([x, y]) => {
    const video = document.getElementById('watch-video');
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const pen = canvas.getContext('2d');
    pen.drawImage(video, 0, 0);
    return [...pen.getImageData(Math.round(x * canvas.width), Math.round(y * canvas.height), 1, 1).data];
}"""
LINE = [[0.2 + step / 50, 0.4] for step in range(26)]
"""From a fifth to seven tenths of the picture's width, at two fifths of its height."""


async def shared(centre: Centre) -> tuple[dict[str, Any], Customer]:
    """A running share whose page tells what its canvases bear."""
    session = await centre.start_session()
    ana = await centre.customer()
    await ana.page.add_init_script(NAMES)
    await ana.join(session["view"]["link"])
    await centre.app.session(lambda one: one["id"] == session["id"] and len(one["view"]["participants"]) == 2)
    await centre.app.do("trigger", name="action_ask_view")
    await ana.allow()
    await centre.app.code()
    return session, ana


async def draws(centre: Centre, tool: str = "pen") -> None:
    await centre.app.until(bool, "enabled", name="action_point")
    await centre.app.do("trigger", name="action_point")
    await centre.app.click(f"draw_{tool}")


async def painted(customer: Customer, name: str, x: float, y: float, colour: str) -> None:
    await until(lambda: _is(customer, name, x, y, colour), f"{colour or 'nothing'} at {x}, {y} of {name}")


async def _is(customer: Customer, name: str, x: float, y: float, colour: str) -> bool:
    return await colour_at(customer.page, name, x, y) == colour


@pytest.mark.rule("B-7.3")
async def test_the_rep_points_and_draws_on_what_the_customer_shows(centre: Centre):
    session, ana = await shared(centre)
    await expect(ana.page.locator("#preview")).to_be_hidden()
    await draws(centre)
    await expect(ana.page.locator("#preview-words")).to_contain_text("Maria G.")
    await centre.app.do("draw", points=LINE)
    assert await centre.app.do("pixel", x=0.5, y=0.4) == BLUE, "on his own view at once"
    await painted(ana, "preview", 0.5, 0.4, BLUE)
    assert await colour_at(ana.page, "preview", 0.5, 0.5) == ""
    assert await names_near(ana.page, "preview", 0.2, 0.4) == ["Maria G."]
    # Larger, and in a window of another size: still there.
    await ana.page.click("#preview-size")
    await until(lambda: _width(ana, 700), "the preview is large")
    await painted(ana, "preview", 0.5, 0.4, BLUE)
    await centre.app.do("resize", width=1000, height=640)
    await painted_in_app(centre, 0.5, 0.4, BLUE)
    # The pointer, by name; it goes when another tool is taken.
    await centre.app.click("draw_pointer")
    await centre.app.do("hover", x=0.8, y=0.8)
    await until(lambda: names_near(ana.page, "preview", 0.8, 0.8), "the pointer has its name")
    await centre.app.do("key", name="share_view", key="Backspace")
    await painted(ana, "preview", 0.5, 0.4, "")
    # Esc is the end of it; the view goes on.
    await centre.app.do("key", name="share_view", key="Escape")
    await expect(ana.page.locator("#preview")).to_be_hidden()
    await centre.app.code()
    assert await centre.app.do("drawn", session_id=session["id"]) == {"strokes": [], "pointers": {}}
    await centre.app.do("resize", width=1280, height=800)


async def _width(customer: Customer, least: float) -> bool:
    box = await customer.page.locator("#preview-canvas").bounding_box()
    return box is not None and box["width"] >= least


async def painted_in_app(centre: Centre, x: float, y: float, colour: str) -> None:
    await centre.app.until(lambda found: found == colour, "pixel", x=x, y=y)


@pytest.mark.rule("B-7.3")
async def test_the_customer_stops_the_drawing_and_the_view_takes_it_along(centre: Centre):
    session, ana = await shared(centre)
    await draws(centre)
    await centre.app.do("draw", points=LINE)
    await painted(ana, "preview", 0.5, 0.4, BLUE)
    await ana.page.click("#preview-stop")
    await expect(ana.page.locator("#preview")).to_be_hidden()
    await centre.app.until(lambda drawn: not drawn["strokes"], "drawn", session_id=session["id"])
    await centre.app.until(lambda names: "drawingTools" not in names, "names")
    # Once more, and the customer stops showing: both are over, on both sides.
    await draws(centre)
    await centre.app.do("draw", points=LINE)
    await painted(ana, "preview", 0.5, 0.4, BLUE)
    await ana.page.click("#stop")
    await expect(ana.page.locator("#preview")).to_be_hidden()
    await centre.app.session(lambda one: one["id"] == session["id"] and not one["view"]["activities"])
    assert not (await centre.app.do("drawn", session_id=session["id"]))["strokes"]


@pytest.mark.rule("B-7.3")
async def test_the_customer_points_and_draws_on_what_the_rep_shows(centre: Centre):
    session = await centre.start_session()
    ana = await centre.customer()
    await ana.page.add_init_script(NAMES)
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    await centre.app.until(bool, "enabled", name="action_show_screen")
    await centre.app.do("trigger", name="action_show_screen")
    await centre.app.see("show_dialog_list")
    await centre.app.click("show_dialog_confirm")
    await centre.app.see("showStrip")
    await ana.page.click("#draw-begin")
    await ana.page.click("#draw-pen")
    # The page shows its own line for a second only: by then it is in the picture.
    await asyncio.gather(shows(ana.page, "watch", 0.5, 0.4, MAGENTA), draw_line(ana))
    # On the rep's own screen it stands above all windows, as anybody sees who looks at the X server's pixels …
    screen = centre.rep_display.reader()
    try:
        await on_screen(centre, screen, MAGENTA)
        # … and so it is in the picture that the customer gets, whose page then draws it no second time.
        await until(lambda: in_picture(ana), "the picture bears the line")
        await painted(ana, "watch", 0.5, 0.4, "")
        assert not await names_near(ana.page, "watch", 0.2, 0.4)
        await ana.page.click("#draw-undo")
        await on_screen(centre, screen, MAGENTA, there=False)
        await ana.page.click("#draw-pen")
    finally:
        screen.close()
    await draw_line(ana)
    board = await centre.app.until(lambda found: len(found["strokes"]) == 1, "drawn", session_id=session["id"])
    person = next(one for one in await _people(centre, session["id"]) if one["name"] == "Ana P.")
    assert board["strokes"][0]["by"] == person["id"]
    await centre.app.do("trigger", name="action_stop_show")
    await expect(ana.page.locator("#watch")).to_be_hidden()
    await centre.app.until(lambda found: not found["strokes"], "drawn", session_id=session["id"])


async def draw_line(customer: Customer) -> None:
    """From a fifth to seven tenths of the picture's width, at two fifths of its height."""
    canvas = customer.page.locator("#watch-canvas")
    await canvas.scroll_into_view_if_needed()
    box = await canvas.bounding_box()
    assert box is not None
    mouse = customer.page.mouse
    await mouse.move(box["x"] + box["width"] * 0.2, box["y"] + box["height"] * 0.4)
    await mouse.down()
    await mouse.move(box["x"] + box["width"] * 0.7, box["y"] + box["height"] * 0.4, steps=20)
    await mouse.up()


async def on_screen(centre: Centre, screen: ScreenReader, colour: str, *, there: bool = True) -> None:
    """Wait until the middle of the line is, or is no more, on the rep's screen."""
    display = centre.rep_display

    async def seen() -> bool:
        blue, green, red, _ = screen.grab(display.width // 2, display.height * 2 // 5, 1, 1)
        return (f"#{red:02x}{green:02x}{blue:02x}" == colour) is there

    await until(seen, f"{colour} is {'on' if there else 'off'} the rep's screen")


async def in_picture(customer: Customer) -> bool:
    """Whether the picture itself, without what lies over it, is of the customer's colour in the middle of the line."""
    red, green, blue, _ = await customer.page.evaluate(PICTURE_PIXEL, [0.5, 0.4])
    return red > 150 and green < 60 and 50 < blue < 150


async def _people(centre: Centre, session_id: str) -> list[dict[str, Any]]:
    found = await centre.app.session(lambda one: one["id"] == session_id)
    return list(found["view"]["participants"])
