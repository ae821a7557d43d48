"""A whole support centre for end-to-end tests: real relay, real app, real Chromium customers on virtual screens."""

import asyncio
import os
import socket
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Self

from playwright.async_api import Page, expect

from tests.harness.app import AppProcess
from tests.harness.chromium import PATIENCE_MS, Chromium
from tests.harness.display import Display
from tests.harness.netns import SecondHost
from tests.harness.relay import RelayProcess
from tests.harness.secret_service import SecretService
from tests.harness.timecode import PAGES

CUSTOMER_WIDTH, SCENE_WIDTH, HEIGHT = 960, 960, 1080


async def until(condition: Callable[[], Awaitable[Any]], what: str, within_s: float = 20.0) -> Any:
    """Ask again and again until the answer is true; returns it.

    Raises:
        AssertionError: with `what` was waited for and the last answer.
    """
    deadline = time.monotonic() + within_s
    while True:
        found = await condition()
        if found:
            return found
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {within_s} s: {what}; last answer {found!r}")
        await asyncio.sleep(0.02)


class Customer:
    """One customer at his page.

    Args:
        page: the browser tab.
        name: as he types it.
    """

    def __init__(self, page: Page, name: str) -> None:
        self.page = page
        self.name = name

    async def join(self, url: str, number: str = "") -> None:
        """Open the link, or the join page and type the number; type the name; go in."""
        await self.page.goto(url)
        if number:
            await self.page.fill("#field-number", number)
        await self.page.fill("#field-name", self.name)
        await self.page.click("#join-send")

    async def screen(self, name: str, within_ms: float = PATIENCE_MS) -> None:
        """Wait until the card shows that screen."""
        await expect(self.page.locator("#card")).to_have_attribute("data-screen", name, timeout=within_ms)

    async def allow(self) -> None:
        """Wait for the question and say yes; the browser's picker chooses by itself."""
        await self.page.click("#asked-allow", timeout=PATIENCE_MS)
        await self.screen("sharing")

    async def say(self, text: str) -> None:
        """Write one line."""
        await self.page.fill("#text", text)
        await self.page.click("#send")

    async def count_pickers(self) -> None:
        """From now on count how often the browser is asked to let something be chosen; see `pickers`."""
        await self.page.evaluate("""() => {
            globalThis.asked = 0;
            const devices = navigator.mediaDevices, real = devices.getDisplayMedia.bind(devices);
            devices.getDisplayMedia = (...wants) => { globalThis.asked += 1; return real(...wants); };
        }""")

    async def pickers(self) -> int:
        """How often it was asked since `count_pickers`, which this page was told."""
        return int(await self.page.evaluate("globalThis.asked"))

    async def lines(self) -> list[str]:
        """The transcript as it is on the page."""
        return await self.page.locator("#lines .said").all_inner_texts()


class Seat:
    """Where one customer sits: a screen with his browser on the left and something that moves on the right.

    Args:
        language: of his browser, `en` or `ro`.
        scene: the page on the right, a file of `tests/harness/pages`.
        prefix: words before the browser's command, e.g. of another network namespace.
        secure_origins: see `chromium.flags`.
    """

    def __init__(
        self,
        language: str = "en",
        scene: str = "timecode.html",
        prefix: Sequence[str] = (),
        secure_origins: Sequence[str] = (),
    ) -> None:
        self._scene_page = scene
        self._stack = AsyncExitStack()
        self.display = Display(CUSTOMER_WIDTH + SCENE_WIDTH, HEIGHT, window_manager=True)
        self._locale = "ro-RO" if language == "ro" else "en-GB"
        self._options: dict[str, Any] = {"prefix": prefix, "secure_origins": secure_origins}
        self.browser: Chromium
        self.scene: Page

    async def __aenter__(self) -> Self:
        try:
            await self._stack.enter_async_context(self.display)
            environment = self.display.environment()
            self.browser = await self._stack.enter_async_context(
                Chromium(environment, width=CUSTOMER_WIDTH, height=HEIGHT, locale=self._locale, **self._options)
            )
            place = f"--window-position={CUSTOMER_WIDTH},0", f"--window-size={SCENE_WIDTH},{HEIGHT}", "--test-type"
            other = await self._stack.enter_async_context(Chromium(environment, source=None, extra_flags=place))
            self.scene = await other.first_page()
            await self.moves()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def moves(self) -> None:
        """Have something move on the screen, as from the beginning."""
        await self.scene.goto(f"file://{PAGES / self._scene_page}")

    async def still(self) -> None:
        """Have nothing move on the screen, for a test that needs the machine for other things."""
        await self.scene.goto("about:blank")

    async def customer(self, name: str = "Ana P.") -> Customer:
        """A customer with a tab of his own. Tabs share one browser profile, as at one person's."""
        page = await self.browser.new_page()
        await page.bring_to_front()
        return Customer(page, name)

    async def close_tabs(self) -> None:
        """Close all tabs but the first, without a question."""
        for page in self.browser.context.pages[1:]:
            await page.close(run_before_unload=False)


class Centre:
    """Everything that one end-to-end test needs; use it as an async context manager inside a network namespace.

    Args:
        place: a folder for profiles and data.
        language: of app and browser, `en` or `ro`.
        scene: what moves on the customer's screen, a file of `tests/harness/pages`.
        far: another host for the first customer's seat; the relay then answers there too, the app stays on loopback.
    """

    def __init__(
        self,
        place: Path,
        *,
        language: str = "en",
        scene: str = "timecode.html",
        far: SecondHost | None = None,
    ) -> None:
        self.place = place
        self._language = language
        self._stack = AsyncExitStack()
        options: tuple[str, ...] = ()
        origins: tuple[str, ...] = ()
        if far is not None:
            port = free_port()
            origins = (f"http://{far.near_address}:{port}",)
            options = ("--host", "0.0.0.0", "--port", str(port), "--plain-http", "--public-url", origins[0])
        self.relay = RelayProcess(place / "relay", *options)
        self.keyring = SecretService(place / "keyring")
        self.password = ""
        self.rep_display = Display(1440, 900, window_manager=True, tray=True)
        self.seat = Seat(language, scene, far.prefix() if far is not None else (), origins)
        self.app: AppProcess

    async def __aenter__(self) -> Self:
        try:
            await asyncio.to_thread(self.relay.start)
            self._stack.callback(self.relay.stop)
            self.password = await asyncio.to_thread(self.relay.add_user, "maria", "Maria G.")
            self._stack.enter_context(self.keyring)
            await self._stack.enter_async_context(self.rep_display)
            await self._stack.enter_async_context(self.seat)
            self._stack.push_async_callback(self._stop_app)
            await self.start_app()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def _stop_app(self) -> None:
        if hasattr(self, "app"):
            await self.app.stop()

    def make_app(self, profile: str = "profile", relay_url: str = "", **environment: str) -> AppProcess:
        """An app on the rep's screen, not started yet; its keyring is a real one of this centre.

        Args:
            profile: name of its profile's folder.
            relay_url: another relay than the centre's.
            environment: over that of the rep's screen.
        """
        return AppProcess(
            {**self.rep_display.environment(), **self.keyring.environment, "LANG": "C.UTF-8", **environment},
            self.place / profile,
            *("--relay", relay_url or f"http://127.0.0.1:{self.relay.port}"),
        )

    async def start_app(self) -> None:
        """Start the app and sign in by its form, to stay signed in."""
        self.app = self.make_app()
        await self.app.start()
        await self.app.type("sign_in_name", "maria")
        await self.app.type("sign_in_password", self.password)
        await self.app.click("sign_in_stay")
        await self.app.click("sign_in_button")
        await self.signed_in()

    async def signed_in(self) -> None:
        """Wait until the rep is signed in and the relay answers."""
        await self.app.until(lambda link: link == "online", "link")
        await self.app.do("settings", email_at_start=False, language=self._language)
        await self.app.see("startButton")

    async def start_session(self) -> dict[str, Any]:
        """Press Start; the new session as the app has it."""
        known = {session["id"] for session in await self.app.do("sessions")}
        # A test before may have killed the relay, which the app finds again after a pause.
        await self.app.until(bool, "enabled", name="action_start_session")
        await self.app.do("trigger", name="action_start_session")
        return await self.app.session(lambda session: session["id"] not in known)

    async def customer(self, name: str = "Ana P.") -> Customer:
        """A customer at the first seat, with a tab of his own."""
        return await self.seat.customer(name)

    async def joined(self, name: str = "Ana P.") -> tuple[dict[str, Any], Customer]:
        """A session with a customer in it, who came by the link."""
        session = await self.start_session()
        customer = await self.customer(name)
        await customer.join(session["view"]["link"])
        await customer.screen("waiting")
        return await self.app.session(
            lambda one: one["id"] == session["id"] and len(one["view"]["participants"]) == 2
        ), customer

    async def sharing(self, name: str = "Ana P.") -> tuple[dict[str, Any], Customer]:
        """A session whose customer shows his screen, with the picture on the rep's screen."""
        session, customer = await self.joined(name)
        await self.app.do("trigger", name="action_ask_view")
        await customer.allow()
        await self.app.code()
        return session, customer

    async def end_all(self) -> None:
        """End every session and close the customers' tabs, for the next test."""
        for session in await self.app.do("sessions"):
            await self.app.do("end", session_id=session["id"])
        await self.app.until(lambda sessions: not sessions, "sessions")
        await self.seat.close_tabs()


def free_port() -> int:
    """A port that nothing listens on. Only for a namespace of one's own: elsewhere another program could take it."""
    with socket.socket() as probe:
        probe.bind(("0.0.0.0", 0))
        return int(probe.getsockname()[1])


def require_namespace() -> None:
    """Fail with what to type when the tests run outside a network namespace of their own."""
    if not os.environ.get("SUPPORT_TEST_NETNS"):
        words = " ".join(sys.argv[1:]) or "tests"
        raise RuntimeError(
            f"media needs a network of its own: python -m tests.harness.netns -- python -m pytest {words}"
        )
