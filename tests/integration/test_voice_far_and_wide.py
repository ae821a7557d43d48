"""Voice where it is not as easy: in Firefox, through a real coturn only, with a microphone that goes or is refused."""

from contextlib import AsyncExitStack

import numpy as np
import pytest
from playwright.async_api import expect

from support_manager.errors import Refused
from support_manager.protocol.codes import ErrorCode
from tests.e2e.test_turn_only import KEEP_PEERS, PAIR
from tests.harness.agents import set_site
from tests.harness.chromium import Chromium
from tests.harness.coturn import Coturn
from tests.harness.display import Display
from tests.harness.firefox import Firefox
from tests.harness.listening import heard
from tests.harness.participant import until
from tests.harness.pulse import PulseServer
from tests.harness.relay import RelayProcess
from tests.harness.sound import PIECE, RATE, as_int16, longest_gap_ms, pitch_hz, rms
from tests.integration.test_voice_in_chromium import (  # noqa: F401 - two of them are fixtures
    CUSTOMERS,
    PATIENCE_MS,
    REPS,
    Rep,
    browser,
    customer,
    hears,
    listens,
    relay,
    rep,
    says,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

TONE_HZ = 700
DEAF = ("--disable-audio-input",)
"""Of Chromium: whatever this computer has, it finds no microphone."""


async def is_silent(one: Rep, seconds: float = 0.5) -> None:
    """Wait until his speaker has played nothing for so long."""
    await until(lambda: rms(one.ports.recording()[-int(seconds * RATE) :]) < 0.001, 10, "silence")


async def is_audible(one: Rep) -> None:
    """Wait until his speaker plays something."""
    await until(lambda: rms(one.ports.recording()[-RATE // 2 :]) > 0.02, 20, "a voice")


@pytest.mark.rule("B-7.7")
async def test_the_rep_hears_a_customer_in_firefox_until_he_mutes_himself(relay, tmp_path):  # noqa: F811
    tone = {"media.navigator.streams.fake": True, "media.navigator.audio.fake_frequency": TONE_HZ}
    async with (
        rep(relay, tmp_path) as ana,
        Display(960, 900) as display,
        Firefox(display.environment(), height=900, preferences=tone) as firefox,
    ):
        session = await ana.controller.start_session()
        tab = await firefox.new_tab()
        await tab.goto(session.view.link)
        await tab.type("#field-name", "Maria")
        await tab.click("#join-send")
        await until(lambda: ana.session.customer is not None, 20, "the customer")
        await ana.controller.ask_voice(session.id)
        await tab.until("document.getElementById('call-words')?.innerText.includes('would like to talk')")
        assert await tab.evaluate("document.getElementById('call-sound').srcObject === null")
        await tab.click("#call-join")
        await ana.talks_with(2)
        await is_audible(ana)
        begun = len(ana.ports.played)
        await until(lambda: len(ana.ports.played) > begun + 300, 10, "the customer's voice")
        came = ana.ports.recording()[-2 * RATE :]
        assert abs(pitch_hz(came) - TONE_HZ) < 5
        await until(lambda: longest_gap_ms(ana.ports.recording()[-2 * RATE :]) <= 20, 15, "two whole seconds")

        await tab.click("#call-mute")
        await until(lambda: bool(ana.call.muted), 10, "that he is muted")
        await is_silent(ana)


@pytest.mark.rule("B-7.7")
async def test_rep_and_a_customer_in_firefox_hear_each_other_at_their_devices(relay, tmp_path):  # noqa: F811
    async with AsyncExitStack() as stack:
        pulse = stack.enter_context(PulseServer(("ear",), ("mouth",)))
        ana = await stack.enter_async_context(rep(relay, tmp_path, sound=as_int16(REPS)))
        display = stack.enter_context(Display(960, 900))
        desk = {**display.environment(), **pulse.environment()}
        firefox = await stack.enter_async_context(Firefox(desk, height=900))
        session = await ana.controller.start_session()
        tab = await firefox.new_tab()
        await tab.goto(session.view.link)
        await tab.type("#field-name", "Maria")
        await tab.click("#join-send")
        await until(lambda: ana.session.customer is not None, 20, "the customer")
        await ana.controller.ask_voice(session.id)
        await tab.click("#call-join")
        await ana.talks_with(2)
        ear = pulse.record_speaker("ear")

        async def plays() -> np.ndarray:
            return ear.since(0) if ear.seconds else np.zeros(0)

        await hears(REPS, plays)
        # He is quiet now, and she speaks: both at once are not heard whole, for the sake of the echo.
        ana.ports.sound = np.zeros(RATE, dtype=np.int16)
        begun = len(ana.ports.played)
        pulse.play("mouth", CUSTOMERS)

        async def comes() -> np.ndarray:
            return ana.ports.recording()[begun * PIECE :]

        await hears(CUSTOMERS, comes)


@pytest.mark.rule("B-7.7")
async def test_through_the_sites_relay_only(browser, tmp_path):  # noqa: F811
    data = tmp_path / "relay"
    async with AsyncExitStack() as stack:
        _ = await stack.enter_async_context(Coturn(data))
        await set_site(data, relay_only="yes")
        far = stack.enter_context(RelayProcess(data))
        far.add_user("ana", "Ana")
        ana = await stack.enter_async_context(rep(far, tmp_path))
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link, script=KEEP_PEERS)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        await ana.controller.ask_voice(session.id)
        await page.click("#call-join", timeout=PATIENCE_MS)
        await ana.talks_with(2)
        await listens(page)
        await hears(CUSTOMERS, ana.recording)
        ana.ports.sound = as_int16(REPS)
        await page.click("#call-mute")
        await hears(REPS, lambda: heard(page), most_gap_ms=float("inf"))
        assert await page.evaluate(PAIR) == ["relay", "relay"]
        await page.close(run_before_unload=False)


async def test_a_microphone_that_goes_in_the_middle_is_said_and_taken_up_again_by_itself(relay, browser, tmp_path):  # noqa: F811
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link)
        await page.click("#talk", timeout=PATIENCE_MS)
        await ana.talks_with(1)
        await ana.controller.join_voice(session.id)
        await ana.talks_with(2)
        await listens(page)
        await is_audible(ana)

        await browser.context.clear_permissions()  # the browser ends the track, as when the microphone is pulled out
        await expect(page.locator("#call-hint")).to_contain_text("Your microphone is gone", timeout=PATIENCE_MS)
        await is_silent(ana)
        ana.ports.sound = as_int16(REPS)
        await hears(REPS, lambda: heard(page), most_gap_ms=float("inf"))  # he hears on

        await browser.context.grant_permissions(["microphone"])
        await page.evaluate("navigator.mediaDevices.dispatchEvent(new Event('devicechange'))")
        await is_audible(ana)
        assert len(ana.call.speaking) == 2
        await expect(page.locator("#call-hint")).to_be_empty()
        await page.close(run_before_unload=False)


async def test_a_customer_who_gave_no_permission_is_told_where_to_give_it(relay, browser, tmp_path):  # noqa: F811
    async with rep(relay, tmp_path) as ana:
        session = await ana.controller.start_session()
        page = await customer(browser, session.view.link, may=False)
        await page.click("#talk", timeout=PATIENCE_MS)
        await expect(page.locator("#call-hint")).to_contain_text("may not use the microphone", timeout=PATIENCE_MS)
        assert not ana.call.is_there
        await browser.context.grant_permissions(["microphone"])
        await page.click("#call-join")
        await ana.talks_with(1)
        await page.close(run_before_unload=False)


@pytest.mark.rule("B-7.7", "B-2.4")
async def test_without_any_microphone_no_call_is_offered_and_the_session_goes_on(relay, tmp_path):  # noqa: F811
    async with rep(relay, tmp_path) as ana, Chromium(headless=True, extra_flags=DEAF) as bare:
        session = await ana.controller.start_session()
        page = await customer(bare, session.view.link)
        await until(lambda: ana.session.customer is not None, 10, "the customer")
        with pytest.raises(Refused) as refused:  # his browser has told what it finds
            await ana.controller.ask_voice(session.id)
        assert refused.value.code is ErrorCode.NOT_SUPPORTED
        await expect(page.locator("#talk")).to_be_hidden()
        await page.fill("#text", "I have none")
        await page.click("#send")
        await until(lambda: any(line.text == "I have none" for line in ana.session.view.chat), 10, "the chat")
        await page.close(run_before_unload=False)
