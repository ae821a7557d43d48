"""Showing the screen: no, yes, stop on either side, hidden tabs, and who is told what."""

import time

import pytest
from playwright.async_api import expect

from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def ended(session):
    return session["picture"] == "none"


@pytest.mark.rule("B-7.1")
async def test_not_now_is_a_no(centre: Centre):
    _, ana = await centre.joined()
    await centre.app.do("trigger", name="action_ask_view")
    await ana.page.click("#asked-not_now")
    await ana.screen("waiting")
    await centre.app.session(ended)
    await centre.app.until(lambda texts: any("not" in text.lower() and "Ana P." in text for text in texts), "texts")
    # Every time anew: the next question is asked again.
    await centre.app.do("trigger", name="action_ask_view")
    await ana.screen("asked")


@pytest.mark.rule("B-7.1", "B-2.6")
async def test_the_customer_sees_who_sees_and_stops_it(centre: Centre):
    _, ana = await centre.sharing()
    await expect(ana.page.locator("#live-words")).to_contain_text("Maria G.")
    began = time.monotonic()
    await ana.page.click("#stop")
    await ana.screen("waiting")
    await centre.app.session(ended)
    assert time.monotonic() - began < 5
    await expect(ana.page.locator("#live")).to_be_hidden()
    tracks = await ana.page.evaluate("navigator.mediaDevices ? document.querySelectorAll('video').length : -1")
    assert tracks == 0


async def test_the_rep_stops_it(centre: Centre):
    _, ana = await centre.sharing()
    await centre.app.do("trigger", name="action_stop_view")
    await ana.screen("waiting")
    await centre.app.session(ended)


@pytest.mark.rule("B-7.1")
async def test_the_customer_offers_it_himself(centre: Centre):
    _, ana = await centre.joined()
    await ana.page.click("#waiting-show")
    await ana.screen("sharing")
    await centre.app.code()


@pytest.mark.rule("B-6.1", "B-6.2")
async def test_a_hidden_tab_costs_little_and_comes_back_at_once(centre: Centre):
    session, ana = await centre.sharing()
    other = await centre.start_session()
    await centre.app.do("choose_tab", session_id=other["id"])
    # The page's own sender says what it sends: two pictures a second at most.
    await ana.page.wait_for_function(
        """async () => {
            const sender = globalThis.supportSender?.();
            return sender ? sender.getParameters().encodings[0].maxFramerate <= 2 : true;
        }"""
    )
    await ana.say("are you there?")
    await centre.app.session(lambda one: one["id"] == session["id"] and len(one["view"]["chat"]) == 1)
    shown = int(time.time() * 1000) % 2**32
    began = time.monotonic()
    await centre.app.do("choose_tab", session_id=session["id"])
    await centre.app.code(above=shown)
    assert time.monotonic() - began < 3  # `make bench`, tab_switch_ms, holds the figure itself
