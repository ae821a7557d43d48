"""Who looks at the customer's screen in a measurement: the product, or Chromium with plain WebRTC."""

import asyncio
import sys
from pathlib import Path
from typing import Protocol, Self

from tests.harness.chromium import BareChromium
from tests.harness.display import Display

ROOT = Path(__file__).parents[2]


class Viewer(Protocol):
    """One viewer on a screen of its own; an async context manager."""

    name: str

    @property
    def pid(self) -> int:
        """The root of its process tree."""

    async def hide(self) -> None:
        """Look at something else, as by choosing another tab."""

    async def show(self) -> None:
        """Look at the customer's screen again."""

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


class EngineViewer:
    """The product's viewing half in a window of its own (see `engine_viewer`).

    Args:
        display: where it shows.
        url: of the signalling.
        size: of the view in pixels.
    """

    name = "product"

    def __init__(self, display: Display, url: str, size: tuple[int, int]) -> None:
        self._display, self._url, self._size = display, url, size
        self._process: asyncio.subprocess.Process | None = None

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        assert self._process is not None
        return self._process.pid

    async def _say(self, word: str) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(f"{word}\n".encode())
        await self._process.stdin.drain()

    async def hide(self) -> None:
        """Hide the view."""
        await self._say("hide")

    async def show(self) -> None:
        """Show the view."""
        await self._say("show")

    async def __aenter__(self) -> Self:
        width, height = self._size
        self._process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "benchmarks.peers.engine_viewer",
            self._url,
            str(width),
            str(height),
            cwd=ROOT,
            env=self._display.environment(),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
        )
        assert self._process.stdout is not None
        async with asyncio.timeout(30):
            line = await self._process.stdout.readline()
        if line.strip() != b"ready":
            raise OSError("the viewer did not start")
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._process is None:
            return
        if self._process.returncode is None:
            await self._say("quit")
        try:
            async with asyncio.timeout(10):
                await self._process.wait()
        except TimeoutError:
            self._process.kill()
            await self._process.wait()


class ChromiumViewer:
    """Chromium showing the same share in a video element of the same size.

    Args:
        display: where it shows.
        url: of the signalling.
        size: of the video element in pixels.
    """

    name = "chromium"

    def __init__(self, display: Display, url: str, size: tuple[int, int]) -> None:
        self._page = f"{url}/viewer.html?width={size[0]}&height={size[1]}"
        self._browser = BareChromium(
            display.environment(), source=None, width=display.width, height=display.height, extra_flags=("--kiosk",)
        )

    @property
    def pid(self) -> int:
        """The root of its process tree."""
        return self._browser.pid

    async def hide(self) -> None:
        """Hide the video."""
        await self._browser.evaluate("document.getElementById('screen').style.visibility = 'hidden'")

    async def show(self) -> None:
        """Show the video."""
        await self._browser.evaluate("document.getElementById('screen').style.visibility = 'visible'")

    async def __aenter__(self) -> Self:
        await self._browser.__aenter__()
        await self._browser.goto(self._page)
        async with asyncio.timeout(15):
            while not await self._browser.evaluate("window.ready === true"):  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._browser.__aexit__(*exc)
