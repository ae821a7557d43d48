"""Who looks at the customer's screen in a measurement: the whole product, or Chromium with plain WebRTC.

Each brings the customer's page that belongs to it: the product the real page, joined by link through the real relay;
Chromium a page that offers the same share. The customer's browser and what moves on his screen are the same.
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
# The moment at which the picker is done, as the page sees it.
_NOTE_PICKER = """(() => {
  const media = navigator.mediaDevices, pick = media.getDisplayMedia.bind(media);
  media.getDisplayMedia = async (wanted) => {
    const stream = await pick(wanted);
    window.pickedAt = performance.timeOrigin + performance.now();
    return stream;
  };
})()"""


class Customer:
    """The customer's Chromium: one page for the support session, and a window over it in which text scrolls.

    Args:
        display: his screen.
    """

    def __init__(self, display: Display) -> None:
        self.display = display
        self.browser = BareChromium(display.environment(), width=display.width, height=display.height)

    async def __aenter__(self) -> Self:
        await self.browser.__aenter__()
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.browser.__aexit__(*exc)

    async def open(self, url: str, ready: str) -> None:
        """Open a page and wait until the JavaScript expression `ready` is true."""
        await self.browser.command("Page.navigate", url=url)
        await self.until(ready)

    async def work(self) -> None:
        """Begin with what is to be shared."""
        await self.browser.command(
            "Target.createTarget",
            url=(PAGES / "timecode.html").as_uri(),
            newWindow=True,
            width=self.display.width,
            height=self.display.height,
        )

    async def run(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; it counts as a click."""
        return await self.browser.evaluate(expression)

    async def until(self, expression: str) -> None:
        """Wait until a JavaScript expression in the page is true."""
        try:
            async with asyncio.timeout(PATIENCE_S):
                while not await self.run(expression):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise TimeoutError(f"the customer's page: never {expression}") from None


class Viewer(Protocol):
    """One viewer on a screen of its own; an async context manager."""

    name: str

    @property
    def pid(self) -> int:
        """The root of its process tree."""

    async def meet(self, customer: Customer) -> None:
        """Let the customer come, so that he needs only to choose what he shows."""

    async def share(self, customer: Customer) -> float:
        """Let the customer share; the moment (`time.time()`) at which the picker was done."""

    async def place(self) -> Place:
        """Where the view is on the screen."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class AppViewer:
    """The real app in a maximized window, signed in to a real relay, with two sessions in two tabs.

    Args:
        display: where it shows.
        relay: running.
        credentials: of an account of that relay.
        profile: the app's profile folder.
    """

    name = "app"

    def __init__(self, display: Display, relay: RelayProcess, credentials: tuple[str, str], profile: Path) -> None:
        environment = {**display.environment(), "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring"}
        self._app = AppProcess(environment, profile, "--relay", relay.url, credentials=credentials)
        self._sessions: list[dict[str, Any]] = []

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self._app.pid

    async def __aenter__(self) -> Self:
        app = await self._app.start()
        await app.until(lambda link: link == "online", "link", within_s=PATIENCE_S)
        await app.do("settings", email_at_start=False)
        await app.do("maximize")
        for _ in range(2):
            known = [session["id"] for session in self._sessions]
            await app.do("trigger", name="action_start_session")
            self._sessions.append(await app.session(lambda session: session["id"] not in known))  # noqa: B023
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._app.stop()

    async def meet(self, customer: Customer) -> None:
        """The customer opens the link and joins; the rep asks to see his screen."""
        session = self._sessions[0]
        await customer.open(session["view"]["link"], "!!document.querySelector('#field-name')")
        await customer.run(_NOTE_PICKER)
        await customer.run("void document.querySelector('#field-name').focus()")
        await customer.browser.command("Input.insertText", text="Ana P.")
        await customer.run("document.querySelector('#join-send').click()")
        await self._app.session(
            lambda one: one["id"] == session["id"] and len(one["view"]["participants"]) == 2, within_s=PATIENCE_S
        )
        await self.show()
        await self._app.do("trigger", name="action_ask_view")
        await customer.until("!!document.querySelector('#asked-allow')")

    async def share(self, customer: Customer) -> float:
        """The customer clicks Allow."""
        await customer.run("document.querySelector('#asked-allow').click()")
        await customer.until("window.pickedAt > 0")
        return float(await customer.run("window.pickedAt")) / 1000

    async def place(self) -> Place:
        """Where the view is on the screen, once it is."""
        await self._app.see("share_view")
        return Place(*await self._app.do("place", name="share_view"))

    async def hide(self) -> None:
        """Choose the other tab."""
        await self._app.do("choose_tab", session_id=self._sessions[1]["id"])

    async def show(self) -> None:
        """Choose the customer's tab."""
        await self._app.do("choose_tab", session_id=self._sessions[0]["id"])


class ChromiumViewer:
    """Chromium showing the same share in a video element, with nothing around it.

    Args:
        display: where it shows.
        url: of the signalling.
        place: of the video element on the screen: the product's view, for the same number of pixels.
    """

    name = "chromium"

    def __init__(self, display: Display, url: str, place: Place) -> None:
        self._url, self._place = url, place
        self._browser = BareChromium(
            display.environment(), source=None, width=display.width, height=display.height, extra_flags=("--kiosk",)
        )

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self._browser.pid

    async def __aenter__(self) -> Self:
        await self._browser.__aenter__()
        await self._browser.goto(f"{self._url}/viewer.html")
        async with asyncio.timeout(PATIENCE_S):
            while not await self._browser.evaluate("window.ready === true"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        place = self._place
        box = {"left": place.x, "top": place.y, "width": place.width, "height": place.height}
        style = json.dumps({name: f"{value}px" for name, value in box.items()})
        await self._browser.evaluate(f"void Object.assign(document.getElementById('screen').style, {style})")
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.__aexit__(*exc)

    async def meet(self, customer: Customer) -> None:
        """The customer's page offers a connection."""
        await customer.open(f"{self._url}/sender.html", "window.ready === true")
        await customer.run("window.connectHub()")
        await customer.until("window.state === 'connected'")

    async def share(self, customer: Customer) -> float:
        """The customer shares."""
        return float(await customer.run("window.share()")) / 1000

    async def place(self) -> Place:
        """Where the view is on the screen."""
        return self._place
