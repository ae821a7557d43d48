"""Debian's Chromium for tests: driven by Playwright, or over the bare DevTools protocol where CPU is measured."""

import asyncio
import json
import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp
from playwright.async_api import BrowserContext, Page, Playwright, async_playwright, expect

EXECUTABLE = "/usr/bin/chromium"
PATIENCE_MS = 20_000
expect.set_options(timeout=PATIENCE_MS)  # Playwright's own five seconds are few for several processes on a busy machine
_START_S = 30.0


def flags(
    *,
    source: str | None = "Entire screen",
    secure_origins: Sequence[str] = (),
    width: int | None = None,
    height: int | None = None,
) -> list[str]:
    """The command line that our tests need, whoever drives the browser.

    `--use-fake-ui-for-media-stream` must never be among them: with it `getDisplayMedia` fails with NotReadableError.

    Args:
        source: what the picker of `getDisplayMedia` chooses by itself; None: the picker opens and waits for a person.
        secure_origins: origins other than loopback that count as secure contexts, e.g. `http://198.18.1.1:8080`.
        width: of the window in pixels; it then stands at the screen's top left corner.
        height: of the window in pixels.
    """
    found = [
        "--no-first-run",
        "--no-default-browser-check",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--disable-quic",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--disable-extensions",
        "--password-store=basic",
        "--disable-features=Translate,MediaRouter,OptimizationHints,DialMediaRouteProvider",
        # A window of the test that lies under another one must go on drawing as a person's would.
        "--disable-backgrounding-occluded-windows",
        "--disable-renderer-backgrounding",
        "--disable-background-timer-throttling",
    ]
    if os.geteuid() == 0:
        found.append("--no-sandbox")
    if source is not None:
        found.append(f"--auto-select-desktop-capture-source={source}")
    if secure_origins:
        found.append(f"--unsafely-treat-insecure-origin-as-secure={','.join(secure_origins)}")
    if width is not None and height is not None:
        found += ["--window-position=0,0", f"--window-size={width},{height}"]
    return found


def _profile() -> Path:
    return Path(tempfile.mkdtemp(prefix="support-chromium-"))


def _executable(profile: Path, prefix: Sequence[str]) -> str:
    """The program to start: Chromium itself, or a script that starts it behind `prefix` (say in another namespace)."""
    if not prefix:
        return EXECUTABLE
    script = profile / "start.sh"
    script.write_text(f'#!/bin/sh\nexec {shlex.join([*prefix, EXECUTABLE])} "$@"\n', encoding="utf-8")
    script.chmod(0o700)
    return str(script)


class Chromium:
    """A Chromium window driven by Playwright, with a profile of its own. Use it as an async context manager.

    Args:
        environment: of the browser, mostly `Display.environment()`; None with `headless`.
        headless: without any screen; then there is nothing to share.
        prefix: words before the command, e.g. `SecondHost.prefix()`.
        source: see `flags`.
        secure_origins: see `flags`.
        width: see `flags`.
        height: see `flags`.
        locale: the browser's language, e.g. `ro-RO`.
        extra_flags: further words of the command line.
    """

    def __init__(
        self,
        environment: Mapping[str, str] | None = None,
        *,
        headless: bool = False,
        prefix: Sequence[str] = (),
        source: str | None = "Entire screen",
        secure_origins: Sequence[str] = (),
        width: int | None = None,
        height: int | None = None,
        locale: str | None = None,
        extra_flags: Sequence[str] = (),
    ) -> None:
        self._environment = dict(environment) if environment is not None else dict(os.environ)
        self._headless = headless
        self._prefix = tuple(prefix)
        self._flags = [
            *flags(source=source, secure_origins=secure_origins, width=width, height=height),
            *extra_flags,
        ]
        self._locale = locale
        self._profile = Path()
        self._playwright: Playwright | None = None
        self._context: BrowserContext | None = None

    @property
    def context(self) -> BrowserContext:
        """Playwright's browser context."""
        if self._context is None:
            raise RuntimeError("the browser is not running")
        return self._context

    async def new_page(self) -> Page:
        """A new tab."""
        return await self.context.new_page()

    async def first_page(self) -> Page:
        """The tab that the browser started with."""
        pages = self.context.pages
        return pages[0] if pages else await self.new_page()

    async def __aenter__(self) -> Self:
        self._profile = await asyncio.to_thread(_profile)
        self._playwright = await async_playwright().start()
        try:
            self._context = await self._playwright.chromium.launch_persistent_context(
                str(self._profile / "data"),
                executable_path=await asyncio.to_thread(_executable, self._profile, self._prefix),
                headless=self._headless,
                args=self._flags,
                env=dict(self._environment),
                no_viewport=True,
                locale=self._locale,
                # Chromium's sandbox refuses root; everybody else must have it.
                chromium_sandbox=os.geteuid() != 0,
            )
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._context is not None:
            await self._context.close()
            self._context = None
        if self._playwright is not None:
            await self._playwright.stop()
            self._playwright = None
        await asyncio.to_thread(shutil.rmtree, self._profile, ignore_errors=True)


class BareChromium:
    """A Chromium window with one tab, driven over the DevTools protocol by nothing but one WebSocket.

    Playwright mirrors every WebSocket frame of the page to its driver, which costs more CPU than the page itself.

    Args:
        environment: of the browser, mostly `Display.environment()`.
        prefix: words before the command.
        source: see `flags`.
        secure_origins: see `flags`.
        width: see `flags`.
        height: see `flags`.
        extra_flags: further words of the command line.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        prefix: Sequence[str] = (),
        source: str | None = "Entire screen",
        secure_origins: Sequence[str] = (),
        width: int | None = None,
        height: int | None = None,
        extra_flags: Sequence[str] = (),
    ) -> None:
        self._environment = dict(environment)
        self._prefix = tuple(prefix)
        self._flags = [
            *flags(source=source, secure_origins=secure_origins, width=width, height=height),
            *extra_flags,
        ]
        self._profile = Path()
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """Events of the domains that were enabled, in order."""

    @property
    def pid(self) -> int:
        """The process id of the browser; its renderers are children of it."""
        if self._process is None:
            raise RuntimeError("the browser is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._profile = await asyncio.to_thread(_profile)
        try:
            await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self) -> None:
        data = self._profile / "data"
        self._process = await asyncio.create_subprocess_exec(
            *self._prefix, EXECUTABLE, *self._flags, f"--user-data-dir={data}", "--remote-debugging-port=0",
            "about:blank",
            env=self._environment, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        async with asyncio.timeout(_START_S):
            port = await self._port(data / "DevToolsActivePort")
            self._http = aiohttp.ClientSession()
            self._socket = await self._http.ws_connect(await self._page_socket(port), max_msg_size=64 << 20)
        self._reading = asyncio.get_running_loop().create_task(self._read(self._socket), name="devtools")

    async def _port(self, file: Path) -> int:
        while True:
            text = await asyncio.to_thread(lambda: file.read_text(encoding="utf-8") if file.exists() else "")
            if "\n" in text:
                return int(text.split("\n", 1)[0])
            if self._process is not None and self._process.returncode is not None:
                raise OSError(f"Chromium ended with {self._process.returncode}")
            await asyncio.sleep(0.05)

    async def _page_socket(self, port: int) -> str:
        assert self._http is not None
        while True:
            async with self._http.get(f"http://127.0.0.1:{port}/json/list") as answer:
                for target in await answer.json():
                    if target["type"] == "page":
                        return str(target["webSocketDebuggerUrl"])
            await asyncio.sleep(0.05)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            body = json.loads(message.data)
            if "method" in body:
                self.heard.put_nowait(body)
                continue
            waiting = self._answers.pop(body.get("id", 0), None)
            if waiting is not None and not waiting.done():
                waiting.set_result(body)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(OSError("Chromium closed the connection"))

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        """Run one DevTools command.

        Raises:
            OSError: if the browser refuses it or is gone.
        """
        if self._socket is None:
            raise RuntimeError("the browser is not running")
        self._number += 1
        answer = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        await self._socket.send_str(json.dumps({"id": self._number, "method": method, "params": params}))
        body = await answer
        if "error" in body:
            raise OSError(f"{method}: {body['error']}")
        result: dict[str, Any] = body["result"]
        return result

    async def goto(self, url: str) -> None:
        """Open a page and wait until it has loaded."""
        await self.command("Page.navigate", url=url)
        async with asyncio.timeout(_START_S):
            wanted = f"document.readyState === 'complete' && location.href.startsWith({json.dumps(url)})"
            while not await self.evaluate(wanted):  # noqa: ASYNC110 - the page is in another process
                await asyncio.sleep(0.02)

    async def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression, a promise awaited; it counts as a click (user activation).

        Raises:
            OSError: if it throws; the text says what.
        """
        result = await self.command(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in result:
            details = result["exceptionDetails"]
            raise OSError(details.get("exception", {}).get("description") or details["text"])
        return result["result"].get("value")

    async def __aexit__(self, *exc: object) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._http is not None:
            await self._http.close()
        if self._process is not None and self._process.returncode is None:
            # The whole process group, as the browser's children outlive a killed browser for seconds.
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(5):
                    await self._process.wait()
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._profile, ignore_errors=True)
