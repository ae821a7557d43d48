"""A voice call between the app's controller and the customer's page in real Chromium, over the real relay."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from support_manager.controller import Controller
from support_manager.credentials import CredentialStore
from support_manager.events import AppEvent, Attention, Happening, SessionSnapshot
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.protocol import requests
from support_manager.protocol.calls import CallView, call_of
from support_manager.protocol.views import Capability
from support_manager.settings import SettingsStore
from tests.harness.again import one_of
from tests.harness.chromium import Chromium
from tests.harness.keyrings import MemoryRing
from tests.harness.listening import EAR, heard, microphone_flags
from tests.harness.participant import require_network, until
from tests.harness.relay import PASSWORD, RelayProcess
from tests.harness.relay import rep as app_on_the_wire
from tests.harness.sound import RATE, ArrayPorts, Heard, as_int16, chirps, compare, longest_gap_ms, write_wav

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

REFUSES = "(name) => { navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', name); }; }"
ALLOWED = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})
PATIENCE_MS = 15_000
REPS, CUSTOMERS = chirps(12, seed=11), chirps(60, seed=22)
SECONDS = 2.0


class Rep:
    """The app without windows: the real controller and engine, devices made of arrays."""

    def __init__(self, profile: Path, sound: np.ndarray | None) -> None:
        self.ports = ArrayPorts(sound)
        self.controller = Controller(
            SettingsStore(profile),
            CredentialStore(allowed=ALLOWED),
            lambda: AiortcEngine(self.ports),
            rng=random.Random(1),
        )
        self.events: list[AppEvent] = []
        self.controller.subscribe(self.events.append)

    @property
    def session(self) -> SessionSnapshot:
        return next(iter(self.controller.sessions.values()))

    @property
    def call(self) -> CallView:
        return call_of(self.session.view)

    async def recording(self) -> np.ndarray:
        """What his speaker played so far."""
        return self.ports.recording()

    async def talks_with(self, count: int) -> None:
        await until(lambda: len(self.call.speaking) == count, 20, f"{count} in the call")

    async def reads(self, what: Happening, name: str = "") -> None:
        """Wait until his app says so, of the person of that name."""
        told = Attention(self.session.id, what, name)
        await until(lambda: told in self.events, 10, f"{what.value} {name}")


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    require_network()
    with RelayProcess() as process:
        for name in ("ana", "dan"):
            process.add_user(name, name.title())
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Chromium]:
    wav = write_wav(tmp_path_factory.mktemp("sound") / "customer.wav", CUSTOMERS)
    async with Chromium(headless=True, extra_flags=microphone_flags(wav)) as chromium:
        yield chromium


@asynccontextmanager
async def rep(
    relay: RelayProcess, place: Path, name: str = "ana", sound: np.ndarray | None = None
) -> AsyncIterator[Rep]:
    one = Rep(place / name, sound)
    try:
        await one.controller.sign_in(relay.url, name, PASSWORD, stay=False)
        yield one
    finally:
        for session in list(one.controller.sessions.values()):
            if session.has_control:
                await one.controller.end_session(session.id)
        await one.controller.aclose()


async def customer(browser: Chromium, url: str, *, may: bool = True, name: str = "Maria", script: str = "") -> Page:
    """A customer who has joined; `may` is what he answers his browser about the microphone."""
    await browser.context.clear_permissions()
    if may:
        await browser.context.grant_permissions(["microphone"])
    page = await browser.new_page()
    await page.add_init_script(EAR + script)
    await page.goto(url)
    await page.fill("#field-name", name)
    await page.click("#join-send")
    await expect(page.locator("#card")).to_have_attribute("data-screen", "waiting", timeout=PATIENCE_MS)
    return page


async def says(page: Page, words: str) -> None:
    """Wait until the strip of the call says so."""
    await expect(page.locator("#call-words")).to_contain_text(words, timeout=PATIENCE_MS)


async def listens(page: Page) -> None:
    """Wait until the page plays the call, and keep what comes."""
    deadline = time.monotonic() + 15
    while not await page.evaluate("listen()"):
        assert time.monotonic() < deadline, "no sound in the page"
        await asyncio.sleep(0.02)


async def hears(sound: np.ndarray, recording: Callable[[], Awaitable[np.ndarray]], most_gap_ms: float = 20.0) -> Heard:
    """How the last moments of a recording are like what plays again and again, wherever in it that is.

    A call takes its time to begin, the longer the busier the machine is, and a voice its time to become as loud as it
    stays: so nobody knows which part of the sound is the first that is worth measuring.

    Raises:
        AssertionError: there is no stretch that came whole.
    """
    count = int(SECONDS * RATE)

    async def stretch() -> Heard:
        async with asyncio.timeout(30):
            while True:
                samples = await recording()
                audible = np.flatnonzero(np.abs(samples) > 0.02)
                if len(audible) and len(samples) >= audible[0] + 2 * count:
                    break
                await asyncio.sleep(0.2)
        last = samples[-count:]
        return replace(compare(last, np.concatenate([sound, sound[:count]])), longest_gap_ms=longest_gap_ms(last))

    async def next_stretch() -> Heard:
        await asyncio.sleep(SECONDS)
        return await stretch()

    def is_whole(came: Heard) -> bool:
        return came.likeness > 0.7 and came.longest_gap_ms <= most_gap_ms

    first = await stretch()
    return first if is_whole(first) else await one_of(next_stretch, is_whole)


@pytest.mark.rule("B-7.7")
async def test_rep_and_customer_hear_each_other_after_the_customers_yes(relay, browser, tmp_path):
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        await ana.controller.ask_voice(session.id)
        await expect(page.locator("#call-words")).to_contain_text(
            "Ana would like to talk with you", timeout=PATIENCE_MS
        )
        await ana.talks_with(1)
        assert await page.evaluate("document.getElementById('call-sound').srcObject") is None
        await page.click("#call-join")
        await ana.talks_with(2)
        await says(page, "You are talking with Ana")
        await listens(page)
        await hears(CUSTOMERS, ana.recording)

        # Now he is muted, and the rep speaks.
        await page.click("#call-mute")
        await until(lambda: bool(ana.call.muted), 5, "that he is muted")
        ana.ports.sound = as_int16(REPS)
        await hears(REPS, lambda: heard(page))

        await page.click("#call-leave")
        await ana.talks_with(0)
        await ana.reads(Happening.VOICE_LEFT, "Maria")
        await until(lambda: not ana.ports.is_open("microphone"), 5, "the rep's microphone to be shut")
        assert await page.evaluate("document.getElementById('call-sound').srcObject") is None
        await page.close(run_before_unload=False)


@pytest.mark.rule("B-7.7", "B-12.1")
async def test_a_customer_who_does_not_want_to_talk_leaves_nobody_in_a_call(relay, browser, tmp_path):
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        await ana.controller.ask_voice(session.id)
        await page.click("#call-refuse", timeout=PATIENCE_MS)
        await until(lambda: not ana.call.is_there, 10, "the end of the call")
        await ana.reads(Happening.VOICE_DENIED, "Maria")
        await ana.reads(Happening.MY_VOICE_STOPPED)
        await expect(page.locator("#call")).to_be_hidden()
        await until(lambda: not ana.ports.is_open("microphone"), 5, "the rep's microphone to be shut")
        await page.close(run_before_unload=False)


@pytest.mark.rule("B-7.7", "B-2.4")
async def test_a_browser_that_gives_no_microphone_says_what_to_do(relay, browser, tmp_path):
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        for name, words in (("NotAllowedError", "may not use the microphone"), ("NotFoundError", "No microphone")):
            await page.evaluate(REFUSES, name)
            await page.click("#talk" if name == "NotAllowedError" else "#call-join", timeout=PATIENCE_MS)
            await expect(page.locator("#call-hint")).to_contain_text(words)
        assert not ana.call.is_there
        await page.close(run_before_unload=False)


@pytest.mark.rule("B-7.7")
async def test_the_customer_offers_reloads_and_comes_in_again(relay, browser, tmp_path):
    async with rep(relay, tmp_path, sound=as_int16(REPS)) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        page.on("dialog", lambda dialog: dialog.accept())
        await page.click("#talk", timeout=PATIENCE_MS)
        await ana.talks_with(1)
        assert not ana.ports.opened, "the rep's microphone is his to open"
        await ana.controller.join_voice(session.id)
        await ana.talks_with(2)
        await says(page, "You are talking with Ana")
        await page.reload()
        await ana.talks_with(1)
        await ana.reads(Happening.VOICE_OUT, "Maria")
        await page.click("#call-join", timeout=PATIENCE_MS)
        await ana.talks_with(2)
        await ana.controller.end_voice(session.id)
        await ana.talks_with(0)
        await expect(page.locator("#call")).to_be_hidden()
        await expect(page.locator("#lines")).to_contain_text("Your microphone is off")
        await page.close(run_before_unload=False)


@pytest.mark.rule("B-9.5", "B-12.1")
async def test_control_goes_to_an_app_without_voice_and_both_sides_read_why_the_call_is_over(relay, browser, tmp_path):
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        async with app_on_the_wire(relay, "eva") as eva:
            await eva.assist(session.view.number)
            device = requests.DeviceReport(microphone=Capability.NO)
            await eva.ask("participant.report", requests.ParticipantReport(session_id=session.id, device=device))
            await until(lambda: bool(ana.session.assistants), 10, "the assistant")
            await ana.controller.ask_voice(session.id)
            await page.click("#call-join", timeout=PATIENCE_MS)
            await ana.talks_with(2)
            await ana.controller.transfer_control(session.id, ana.session.assistants[0].id)
            await ana.reads(Happening.VOICE_OVER_CONTROL)
            await expect(page.locator("#lines")).to_contain_text("whose app has no voice", timeout=PATIENCE_MS)
            await expect(page.locator("#call")).to_be_hidden()
            await until(lambda: not ana.ports.is_open("microphone"), 5, "the rep's microphone to be shut")
            await page.close(run_before_unload=False)
            await eva.ask("session.end", requests.SessionEnd(session_id=session.id))
