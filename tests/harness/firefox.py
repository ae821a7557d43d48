"""Debian's Firefox for tests, driven over WebDriver BiDi by one WebSocket: real clicks and keys, no other driver."""

import asyncio
import json
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import aiohttp

EXECUTABLE = "/usr/bin/firefox-esr"
_START_S = 60.0
_COMMAND_S = 30.0
_PREFERENCES: dict[str, object] = {
    # The picker of getDisplayMedia is answered with the whole screen, and the media are real ones.
    "media.navigator.permission.disabled": True,
    "media.navigator.streams.fake": False,
    # The app in the test's network cannot look up mDNS names.
    "media.peerconnection.ice.obfuscate_host_addresses": False,
    # Nothing but the test speaks to anybody.
    "app.normandy.enabled": False,
    "app.update.enabled": False,
    "app.update.disabledForTesting": True,
    "browser.aboutwelcome.enabled": False,
    "browser.safebrowsing.downloads.enabled": False,
    "browser.safebrowsing.malware.enabled": False,
    "browser.safebrowsing.phishing.enabled": False,
    "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore",
    "browser.startup.page": 0,
    "datareporting.healthreport.uploadEnabled": False,
    "datareporting.policy.dataSubmissionEnabled": False,
    "extensions.getAddons.cache.enabled": False,
    "extensions.update.enabled": False,
    "media.gmp-manager.updateEnabled": False,
    "network.captive-portal-service.enabled": False,
    "network.connectivity-service.enabled": False,
    "network.manage-offline-status": False,
    "services.settings.server": "data:,#remote-settings-dummy/v1",
    "toolkit.cosmeticAnimations.enabled": False,
    "toolkit.telemetry.reportingpolicy.firstRun": False,
    "trailhead.firstrun.didSeeAboutWelcome": True,
}


# A question's buttons take nothing for half a second, and an earlier click must not be its answer.
_TAKES_POINTER = "(element) => getComputedStyle(element).pointerEvents !== 'none'"


class FirefoxError(OSError):
    """Firefox refused a command, a script threw, or the browser is gone."""


class Firefox:
    """A Firefox window with a profile of its own. Use it as an async context manager.

    Args:
        environment: of the browser, mostly `Display.environment()`.
        prefix: words before the command, e.g. `SecondHost.prefix()`.
        locale: the language that pages are asked for, e.g. `ro`.
        width: of the window in pixels.
        height: of the window in pixels.
        preferences: further ones, over those above.
    """

    def __init__(
        self,
        environment: Mapping[str, str],
        *,
        prefix: Sequence[str] = (),
        locale: str = "en-GB",
        width: int = 960,
        height: int = 1080,
        preferences: Mapping[str, object] | None = None,
    ) -> None:
        self._environment = {**environment, "MOZ_DISABLE_CONTENT_SANDBOX": "1"} if os.geteuid() == 0 else environment
        self._prefix = tuple(prefix)
        self._size = width, height
        self._preferences = {**_PREFERENCES, "intl.accept_languages": locale, **(preferences or {})}
        self._profile = Path()
        self._process: asyncio.subprocess.Process | None = None
        self._http: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._reading: asyncio.Task[None] | None = None
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self.console: list[str] = []
        """What the pages wrote to the console, and their uncaught errors."""

    @property
    def pid(self) -> int:
        """The process id of the browser; the processes of its tabs are children of it."""
        if self._process is None:
            raise RuntimeError("the browser is not running")
        return self._process.pid

    async def __aenter__(self) -> Self:
        self._profile = await asyncio.to_thread(self._make_profile)
        try:
            async with asyncio.timeout(_START_S):
                await self._start()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    def _make_profile(self) -> Path:
        profile = Path(tempfile.mkdtemp(prefix="support-firefox-"))
        lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});" for name, value in self._preferences.items()]
        (profile / "user.js").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return profile

    async def _start(self) -> None:
        width, height = self._size
        self._process = await asyncio.create_subprocess_exec(
            *self._prefix, EXECUTABLE, "--remote-debugging-port=0", "--profile", str(self._profile), "--no-remote",
            "--new-instance", "--width", str(width), "--height", str(height), "about:blank",
            env={**self._environment, "HOME": str(self._profile)}, start_new_session=True,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        port = await self._port(self._profile / "WebDriverBiDiServer.json")
        self._http = aiohttp.ClientSession()
        self._socket = await self._http.ws_connect(f"ws://127.0.0.1:{port}/session", max_msg_size=64 << 20)
        self._reading = asyncio.get_running_loop().create_task(self._read(self._socket), name="bidi")
        behaviour = {"unhandledPromptBehavior": {"default": "accept"}}
        await self.command("session.new", capabilities={"alwaysMatch": behaviour})
        await self.command("session.subscribe", events=["log.entryAdded"])

    async def _port(self, file: Path) -> int:
        def look() -> int:
            try:
                return int(json.loads(file.read_text(encoding="utf-8"))["ws_port"])
            except (OSError, ValueError, KeyError):
                return 0  # not there yet, or half written

        while True:
            if port := await asyncio.to_thread(look):
                return port
            if self._process is not None and self._process.returncode is not None:
                raise FirefoxError(f"Firefox ended with {self._process.returncode}")
            await asyncio.sleep(0.05)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            body = json.loads(message.data)
            if body.get("method") == "log.entryAdded":
                entry = body["params"]
                self.console.append(f"{entry['level']}: {entry['text']}")
            waiting = self._answers.pop(body.get("id") or 0, None)
            if waiting is not None and not waiting.done():
                waiting.set_result(body)
        for waiting in self._answers.values():
            if not waiting.done():
                waiting.set_exception(FirefoxError("Firefox closed the connection"))

    async def command(self, method: str, **params: object) -> dict[str, Any]:
        """Run one BiDi command (W3C WebDriver BiDi).

        Raises:
            FirefoxError: if the browser refuses it or is gone.
            TimeoutError: after 30 s.
        """
        if self._socket is None:
            raise RuntimeError("the browser is not running")
        self._number += 1
        answer: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._answers[self._number] = answer
        await self._socket.send_str(json.dumps({"id": self._number, "method": method, "params": params}))
        body = await asyncio.wait_for(answer, _COMMAND_S)
        if body["type"] == "error":
            raise FirefoxError(f"{method}: {body['error']}: {body['message']}")
        result: dict[str, Any] = body["result"]
        return result

    async def new_tab(self) -> "FirefoxTab":
        """A new tab in front. The one that the browser started with may still be loading its own page."""
        made = await self.command("browsingContext.create", type="tab")
        return FirefoxTab(self, made["context"])

    async def __aexit__(self, *exc: object) -> None:
        if self._socket is not None:
            await self._socket.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])
        if self._http is not None:
            await self._http.close()
        if self._process is not None and self._process.returncode is None:
            # Its own group: the wrapper script's browser and the processes of the tabs.
            os.killpg(self._process.pid, signal.SIGTERM)
            try:
                await asyncio.wait_for(self._process.wait(), 8)
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
                await self._process.wait()
        await asyncio.to_thread(shutil.rmtree, self._profile, ignore_errors=True)


class FirefoxTab:
    """One tab.

    Args:
        browser: it belongs to.
        context: its id in BiDi.
    """

    def __init__(self, browser: Firefox, context: str) -> None:
        self._browser = browser
        self._context = context

    async def goto(self, url: str) -> None:
        """Open a page and wait until it has loaded."""
        await self._browser.command("browsingContext.navigate", context=self._context, url=url, wait="complete")

    async def add_init_script(self, script: str) -> None:
        """Run a script in each page of this tab before the page's own."""
        await self._browser.command(
            "script.addPreloadScript", functionDeclaration=f"() => {{ {script} }}", contexts=[self._context]
        )

    async def reload(self) -> None:
        """Load the page again; a question whether to leave is answered with yes."""
        await self._browser.command("browsingContext.reload", context=self._context, wait="complete")

    async def evaluate(self, expression: str, argument: object = None) -> Any:
        """The value of a JavaScript expression of plain values, a promise awaited; it counts as a click.

        Args:
            expression: what to look at, or with an argument a function.
            argument: plain values that the function is called with.

        Raises:
            FirefoxError: if it throws; the text says what.
        """
        if argument is not None:
            expression = f"({expression})({json.dumps(argument)})"
        result = await self._browser.command(
            "script.evaluate",
            expression=f"(async () => JSON.stringify(await ({expression})) ?? 'null')()",
            target={"context": self._context},
            awaitPromise=True,
            userActivation=True,
        )
        if result["type"] == "exception":
            raise FirefoxError(result["exceptionDetails"]["text"])
        return json.loads(result["result"]["value"])

    async def until(self, expression: str, what: str = "", within_s: float = 20.0) -> Any:
        """Ask again and again until the expression is true; returns its value.

        Raises:
            AssertionError: with what was waited for, and the words of the page.
        """
        deadline = time.monotonic() + within_s
        while True:
            found = await self.evaluate(expression)
            if found:
                return found
            if time.monotonic() > deadline:
                words = [*await self.evaluate("[location.href, document.body.innerText]"), *self._browser.console]
                raise AssertionError(
                    f"not within {within_s} s: {what or expression}; page and console:\n" + "\n".join(words)
                )
            await asyncio.sleep(0.05)

    async def click(self, selector: str) -> None:
        """Wait until something can be clicked there, and click it with a real pointer; again where that met another.

        A question's buttons may be drawn anew between the wait and the click, and take none for half a second then.
        """
        found = f"document.querySelector({json.dumps(selector)})"
        deadline = time.monotonic() + 20
        while True:
            await self.until(f"{found}?.checkVisibility() && !{found}.disabled && ({_TAKES_POINTER})({found})")
            try:
                if await self._click_once(selector, found) or time.monotonic() > deadline:
                    return
            except FirefoxError as error:
                # The page may have drawn the element anew between finding it and pointing at it.
                if time.monotonic() > deadline or not any(
                    word in str(error) for word in ("not displayed", "stale", "no such node")
                ):
                    raise

    async def _click_once(self, selector: str, found: str) -> bool:
        """Whether the click came to what was meant, as far as the page is there to tell."""
        await self.evaluate(f"void {found}.scrollIntoView({{block: 'nearest'}})")
        meets = f"event.target.closest({json.dumps(selector)}) !== null"
        heard = f"(event) => {{ window.clickMet = {meets}; }}"
        await self.evaluate(
            f"window.clickMet = true, document.addEventListener('click', {heard}, {{capture: true, once: true}})"
        )
        nodes = await self._browser.command(
            "browsingContext.locateNodes", context=self._context, locator={"type": "css", "value": selector}
        )
        origin = {"type": "element", "element": {"sharedId": nodes["nodes"][0]["sharedId"]}}
        pointer = [
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        ]
        await self._act({"type": "pointer", "id": "mouse", "actions": pointer})
        try:
            return await self.evaluate("window.clickMet") is not False
        except FirefoxError:  # the click led to another page
            return True

    async def drag(self, selector: str, *spots: tuple[float, float]) -> None:
        """Drag a real pointer over an element, from spot to spot, each a part of its width and height."""
        found = f"document.querySelector({json.dumps(selector)})"
        await self.evaluate(f"void {found}.scrollIntoView({{block: 'nearest'}})")
        box = await self.evaluate(f"{found}.getBoundingClientRect()")
        moves = [
            {"type": "pointerMove", "x": round(box["x"] + box["width"] * x), "y": round(box["y"] + box["height"] * y)}
            for x, y in spots
        ]
        # A hand takes its time.
        drawn = [{**move, "duration": 20} for move in moves[1:]]
        pressed = [{"type": "pointerDown", "button": 0}, *drawn, {"type": "pointerUp", "button": 0}]
        await self._act({"type": "pointer", "id": "mouse", "actions": [moves[0], *pressed]})

    async def set_files(self, selector: str, *paths: Path) -> None:
        """Choose files in a field, as its dialog would."""
        nodes = await self._browser.command(
            "browsingContext.locateNodes", context=self._context, locator={"type": "css", "value": selector}
        )
        element = {"sharedId": nodes["nodes"][0]["sharedId"]}
        await self._browser.command(
            "input.setFiles", context=self._context, element=element, files=[str(path) for path in paths]
        )

    async def type(self, selector: str, text: str) -> None:
        """Click a field, empty it and type key by key."""
        await self.click(selector)
        await self.evaluate(f"void document.querySelector({json.dumps(selector)}).select()")
        keys = [{"type": kind, "value": letter} for letter in text for kind in ("keyDown", "keyUp")]
        await self._act({"type": "key", "id": "keyboard", "actions": keys})

    async def _act(self, source: dict[str, object]) -> None:
        await self._browser.command("input.performActions", context=self._context, actions=[source])
