"""Looks into the page's canvases: what is painted at a place of the picture below, and which names stand there."""

import asyncio

from playwright.async_api import Page

from tests.harness.firefox import FirefoxTab

NAMES = """
// Keeps what is written on canvases, by canvas: text on a canvas is nowhere else to be read.
globalThis.written = {};
const write = CanvasRenderingContext2D.prototype.fillText;
CanvasRenderingContext2D.prototype.fillText = function (text, x, y) {
    (written[this.canvas.id] ??= []).push({ text, x, y });
    return write.call(this, text, x, y);
};
const wipe = CanvasRenderingContext2D.prototype.clearRect;
CanvasRenderingContext2D.prototype.clearRect = function (...box) {
    written[this.canvas.id] = [];
    return wipe.apply(this, box);
};
"""
_PLACE = """
const [name, x, y] = place;
const canvas = document.getElementById(`${name}-canvas`), video = document.getElementById(`${name}-video`);
if (canvas.hidden || !canvas.clientWidth || !video.videoWidth) return null;
const scale = Math.min(canvas.clientWidth / video.videoWidth, canvas.clientHeight / video.videoHeight);
const left = (canvas.clientWidth - video.videoWidth * scale) / 2;
const top = (canvas.clientHeight - video.videoHeight * scale) / 2;
const spot = [left + x * video.videoWidth * scale, top + y * video.videoHeight * scale];
"""


_COLOUR = (
    f"(place) => {{ {_PLACE}"
    "const ratio = canvas.width / canvas.clientWidth;"
    "const [red, green, blue, alpha] = canvas.getContext('2d')"
    ".getImageData(Math.round(spot[0] * ratio), Math.round(spot[1] * ratio), 1, 1).data;"
    "return alpha < 250 ? '' : '#' + [red, green, blue].map((one) => one.toString(16).padStart(2, '0')).join('');"
    "}"
)


async def colour_at(page: Page | FirefoxTab, name: str, x: float, y: float) -> str:
    """The colour that is painted at a part of the picture's width and height: `#rrggbb`, empty for nothing.

    Args:
        page: the browser tab, with `NAMES` as its init script.
        name: `watch` or `preview`.
        x: part of the picture's width.
        y: part of the picture's height.
    """
    return str(await page.evaluate(_COLOUR, [name, x, y]) or "")


async def shows(page: Page | FirefoxTab, name: str, x: float, y: float, colour: str) -> None:
    """Wait until that colour is painted there; the page looks itself, at each frame, and misses nothing that is short.

    Raises:
        TimeoutError: not within 20 s.
    """
    async with asyncio.timeout(20):
        await page.evaluate(
            f"async ([place, colour]) => {{ const at = {_COLOUR};"
            " while (at(place) !== colour) await new Promise(requestAnimationFrame); }",
            [[name, x, y], colour],
        )


async def names_near(page: Page | FirefoxTab, name: str, x: float, y: float, within: float = 60) -> list[str]:
    """The names that stand so many CSS pixels or fewer right of, or below, a place of the picture."""
    found = await page.evaluate(
        f"([place, within]) => {{ {_PLACE}"
        "return (written[canvas.id] ?? [])"
        ".filter((one) => Math.hypot(one.x - spot[0], one.y - spot[1]) <= within).map((one) => one.text);"
        "}",
        [[name, x, y], within],
    )
    return [str(each) for each in found or []]
