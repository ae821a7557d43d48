"""The customer's files card in Chromium and in Firefox, as tests use it: choose, accept, load anew, find what came."""

import asyncio
import json
import time
from pathlib import Path
from typing import Any, Protocol

from playwright.async_api import Download, Page

from tests.harness.chromium import BareChromium
from tests.harness.firefox import FirefoxTab

LAST = "#files-list li:last-child"
_PATIENCE_S = 20.0


class FilesPage(Protocol):
    """One customer's page in any browser."""

    async def choose(self, path: Path, field: str = "files-input") -> None:
        """Choose a file, once files may be sent."""

    async def click(self, selector: str) -> None:
        """Click something."""

    async def read(self, expression: str) -> Any:
        """The value of a JavaScript expression."""

    async def reload(self) -> None:
        """Load the page anew; the browser's question is answered with yes."""

    async def saved(self) -> Path:
        """Wait for the newest download; where it lies, complete."""


async def state(page: FilesPage, wanted: str, within_s: float = _PATIENCE_S) -> None:
    """Wait until the newest file on the page is in that state.

    Raises:
        AssertionError: with what the card says.
    """
    deadline = time.monotonic() + within_s
    while await page.read(f"document.querySelector('{LAST}')?.dataset.state ?? ''") != wanted:
        if time.monotonic() > deadline:
            card = await page.read("document.querySelector('#files-list')?.innerText ?? 'no list'")
            raise AssertionError(f"not {wanted} within {within_s} s: {card}")
        await asyncio.sleep(0.02)


async def accept(page: FilesPage) -> None:
    """Say yes to the newest file."""
    await state(page, "offered")
    await page.click(f"{LAST} .main")


async def choose_again(page: FilesPage, path: Path) -> None:
    """After the page was loaded anew while it was sending: choose the same file again."""
    await state(page, "again")
    # The button opens the browser's own dialog, which no test can use; what it then does is done here.
    await page.read("void (document.querySelector('#files-again').click = () => undefined)")
    await page.click(f"{LAST} .main")
    await page.choose(path, "files-again")


class ChromiumFiles:
    """In Chromium.

    Args:
        page: the customer's tab.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._downloads: asyncio.Queue[Download] = asyncio.Queue()
        page.on("download", self._downloads.put_nowait)
        page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))  # noqa: TID251 - Playwright's own loop

    async def choose(self, path: Path, field: str = "files-input") -> None:
        await self.page.wait_for_selector("#files-send:not([disabled])", timeout=_PATIENCE_S * 1000)
        await self.page.set_input_files(f"#{field}", str(path))

    async def click(self, selector: str) -> None:
        await self.page.click(selector)

    async def read(self, expression: str) -> Any:
        return await self.page.evaluate(expression)

    async def reload(self) -> None:
        await self.page.reload()

    async def saved(self) -> Path:
        download = await asyncio.wait_for(self._downloads.get(), 120)
        return Path(await download.path())


class BareFiles:
    """In a Chromium without Playwright, for large files.

    Playwright has the browser report all that a page sends, in text: with it two gigabytes took five minutes.

    Args:
        browser: showing the customer's page, see `join`.
        folder: where the browser saves downloads.
    """

    def __init__(self, browser: BareChromium, folder: Path) -> None:
        self.browser = browser
        self._folder = folder

    async def join(self, link: str, name: str) -> None:
        """Come by the link, under that name."""
        await self.browser.command("Page.enable")
        await self.browser.command("Browser.setDownloadBehavior", behavior="allow", downloadPath=str(self._folder))
        await self.browser.goto(link)
        await self._until("!!document.querySelector('#field-name')")
        await self.read("void document.querySelector('#field-name').focus()")
        await self.browser.command("Input.insertText", text=name)
        await self.click("#join-send")

    async def _until(self, condition: str) -> None:
        async with asyncio.timeout(_PATIENCE_S):
            while not await self.read(condition):  # noqa: ASYNC110 - the page is in another process
                await asyncio.sleep(0.02)

    async def choose(self, path: Path, field: str = "files-input") -> None:
        await self._until("document.querySelector('#files-send')?.disabled === false")
        root = (await self.browser.command("DOM.getDocument"))["root"]["nodeId"]
        node = (await self.browser.command("DOM.querySelector", nodeId=root, selector=f"#{field}"))["nodeId"]
        await self.browser.command("DOM.setFileInputFiles", nodeId=node, files=[str(path)])

    async def click(self, selector: str) -> None:
        await self._until(f"!!document.querySelector({json.dumps(selector)})")
        await self.read(f"void document.querySelector({json.dumps(selector)}).click()")

    async def read(self, expression: str) -> Any:
        return await self.browser.evaluate(expression)

    async def reload(self) -> None:
        while not self.browser.heard.empty():
            self.browser.heard.get_nowait()
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.gather(self.browser.command("Page.reload"), self._loaded())

    async def _loaded(self) -> None:
        while (event := await self.browser.heard.get())["method"] != "Page.loadEventFired":
            if event["method"] == "Page.javascriptDialogOpening":
                await self.browser.command("Page.handleJavaScriptDialog", accept=True)

    async def saved(self) -> Path:
        def complete() -> Path | None:
            found = list(self._folder.iterdir())
            done = [path for path in found if path.suffix != ".crdownload" and path.stat().st_size]
            return done[0] if len(found) == len(done) == 1 else None

        async with asyncio.timeout(120):
            while (path := await asyncio.to_thread(complete)) is None:  # noqa: ASYNC110 - the browser's
                await asyncio.sleep(0.05)
        return path


class FirefoxFiles:
    """In Firefox.

    Args:
        tab: the customer's.
        folder: where the browser saves downloads.
    """

    def __init__(self, tab: FirefoxTab, folder: Path) -> None:
        self.tab = tab
        self._folder = folder
        self._known = set(folder.iterdir())

    async def choose(self, path: Path, field: str = "files-input") -> None:
        await self.tab.until("document.querySelector('#files-send')?.disabled === false")
        await self.tab.set_files(f"#{field}", path)

    async def click(self, selector: str) -> None:
        await self.tab.click(selector)

    async def read(self, expression: str) -> Any:
        return await self.tab.evaluate(expression)

    async def reload(self) -> None:
        await self.tab.reload()

    async def saved(self) -> Path:
        def complete() -> Path | None:
            found = set(self._folder.iterdir()) - self._known
            # While it saves, Firefox keeps an empty file under the name and the content in another one.
            done = [path for path in found if path.suffix != ".part"]
            return done[0] if len(found) == len(done) == 1 and done[0].stat().st_size else None

        async with asyncio.timeout(120):
            while (path := await asyncio.to_thread(complete)) is None:  # noqa: ASYNC110 - the browser's
                await asyncio.sleep(0.05)
        self._known.add(path)
        return path


def preferences(folder: Path) -> dict[str, object]:
    """Firefox's, for saving downloads there without a question."""
    return {
        "browser.download.dir": str(folder),
        "browser.download.folderList": 2,
        "browser.download.useDownloadDir": True,
        "browser.download.always_ask_before_handling_new_types": False,
        "browser.download.alwaysOpenPanel": False,
        "browser.helperApps.neverAsk.saveToDisk": "application/octet-stream",
    }
