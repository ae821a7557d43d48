"""Who shows a screen in a measurement: the whole product, or Chromium with plain WebRTC.

Each brings the viewer's page that belongs to it, in a Chromium on a screen of its own: the product the customer's real
page, joined by link through the real relay; Chromium a page with nothing but a video element of the same size.
"""

import asyncio
import json
from pathlib import Path
from typing import Any, Protocol, Self

from tests.harness.app import AppProcess
from tests.harness.chromium import BareChromium
from tests.harness.display import Display
from tests.harness.relay import RelayProcess
from tests.harness.timecode import PAGES, Place

PATIENCE_S = 30.0


async def until(browser: BareChromium, expression: str) -> None:
    """Wait until a JavaScript expression in the page is true."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            while not await browser.evaluate(expression):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise TimeoutError(f"never {expression}") from None


def kiosk(display: Display) -> BareChromium:
    """A browser that fills its screen, with nothing around the page."""
    return BareChromium(
        display.environment(), source=None, width=display.width, height=display.height, extra_flags=("--kiosk",)
    )


class Scene:
    """What is shown: text that scrolls under a time code, in a Chromium of its own over everything else."""

    def __init__(self, display: Display) -> None:
        self._browser = kiosk(display)

    async def __aenter__(self) -> Self:
        await self._browser.__aenter__()
        await self._browser.goto((PAGES / "timecode.html").as_uri())
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.__aexit__(*exc)


class Sharer(Protocol):
    """One sharer with his viewer; an async context manager."""

    name: str

    @property
    def pid(self) -> int:
        """The root of the sharer's process tree."""

    @property
    def viewer_pid(self) -> int:
        """The root of the viewer's."""

    async def share(self) -> None:
        """Begin to show the whole screen, and return once the viewer has a picture."""

    async def place(self) -> Place:
        """Where the viewer's picture is on his screen."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


_VIDEO = "JSON.stringify((r => [r.x, r.y, r.width, r.height])(document.querySelector('video').getBoundingClientRect()))"


class AppSharer:
    """The real app, signed in to a real relay, and a customer's page.

    Args:
        near: the rep's screen.
        far: the customer's.
        relay: running.
        credentials: of an account of that relay.
        profile: the app's profile folder.
    """

    name = "app"

    def __init__(
        self, near: Display, far: Display, relay: RelayProcess, credentials: tuple[str, str], profile: Path
    ) -> None:
        environment = {**near.environment(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        self._app = AppProcess(environment, profile, "--relay", relay.url, credentials=credentials)
        self._browser = kiosk(far)

    @property
    def pid(self) -> int:
        """The root of the app's process tree."""
        return self._app.pid

    @property
    def viewer_pid(self) -> int:
        """The root of the customer's browser."""
        return self._browser.pid

    async def __aenter__(self) -> Self:
        app = await self._app.start()
        await app.until(lambda link: link == "online", "link", within_s=PATIENCE_S)
        await app.do("settings", email_at_start=False)
        await app.do("trigger", name="action_start_session")
        session = await app.session()
        await self._browser.__aenter__()
        await self._browser.command("Page.navigate", url=session["view"]["link"])
        await until(self._browser, "!!document.querySelector('#field-name')")
        await self._browser.evaluate("void document.querySelector('#field-name').focus()")
        await self._browser.command("Input.insertText", text="Ana P.")
        await self._browser.evaluate("document.querySelector('#join-send').click()")
        await app.until(bool, "enabled", name="action_show_screen", within_s=PATIENCE_S)
        return self

    async def share(self) -> None:
        """Choose the whole screen in the picker."""
        await self._app.do("trigger", name="action_show_screen")
        await self._app.click("show_dialog_confirm")
        await until(self._browser, "document.querySelector('#watch-video').videoWidth > 0")

    async def place(self) -> Place:
        """Where the picture is on the customer's page."""
        return Place(*(round(value) for value in json.loads(await self._browser.evaluate(_VIDEO))))

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.__aexit__(*exc)
        await self._app.stop()


class ChromiumSharer:
    """Chromium sharing the same screen to Chromium, with plain signalling between two plain pages.

    Args:
        near: the sharer's screen.
        far: the viewer's.
        url: of the signalling.
        place: of the video element: the product's, for the same number of pixels.
    """

    name = "chromium"

    def __init__(self, near: Display, far: Display, url: str, place: Place) -> None:
        self._url, self._place = url, place
        self._sender = BareChromium(near.environment(), width=near.width, height=near.height)
        self._viewer = kiosk(far)

    @property
    def pid(self) -> int:
        """The root of the sender's process tree."""
        return self._sender.pid

    @property
    def viewer_pid(self) -> int:
        """The root of the viewer's."""
        return self._viewer.pid

    async def __aenter__(self) -> Self:
        await self._viewer.__aenter__()
        await self._viewer.goto(f"{self._url}/viewer.html")
        await until(self._viewer, "window.ready === true")
        box: dict[str, Any] = {
            "left": self._place.x, "top": self._place.y, "width": self._place.width, "height": self._place.height
        }  # fmt: skip
        style = json.dumps({name: f"{value}px" for name, value in box.items()})
        await self._viewer.evaluate(f"void Object.assign(document.getElementById('screen').style, {style})")
        await self._sender.__aenter__()
        await self._sender.goto(f"{self._url}/sender.html")
        await until(self._sender, "window.ready === true")
        await self._sender.evaluate("window.connectHub()")
        await until(self._sender, "window.state === 'connected'")
        return self

    async def share(self) -> None:
        """Share; the picker chooses the whole screen by itself."""
        await self._sender.evaluate("window.share()")
        await until(self._viewer, "document.getElementById('screen').videoWidth > 0")

    async def place(self) -> Place:
        """Where the picture is."""
        return self._place

    async def __aexit__(self, *exc: object) -> None:
        await self._sender.__aexit__(*exc)
        await self._viewer.__aexit__(*exc)
