"""Showing the screen: no, yes, stop on either side, hidden tabs, and who is told what."""

import asyncio
import time
from typing import Any

import pytest
from playwright.async_api import expect

from tests.harness.centre import Centre, Customer, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


WATCH = """
// Keeps what the page makes, so that the test can look at it from outside: connections, and tracks of the picker.
globalThis.made = { peers: [], tracks: [], ended_after_ms: null };
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
    constructor(...words) { super(...words); made.peers.push(this); }
};
const devices = navigator.mediaDevices, pick = devices.getDisplayMedia.bind(devices);
devices.getDisplayMedia = async (...words) => {
    const stream = await pick(...words);
    made.tracks.push(...stream.getTracks());
    return stream;
};
globalThis.sent = async () => {
    for (const peer of made.peers.filter((one) => one.connectionState === "connected")) {
        for (const report of (await peer.getStats()).values()) {
            if (report.type === "outbound-rtp" && report.kind === "video" && report.framesSent) {
                return { frames: report.framesSent, bytes: report.bytesSent, at_ms: report.timestamp };
            }
        }
    }
    return null;
};
"""


async def sent(ana: Customer, over_s: float) -> tuple[float, float]:
    """What the page's sender sent over that time, by its own statistics: pictures a second, kbit/s."""
    first = await ana.page.evaluate("sent()")
    await asyncio.sleep(over_s)  # a rate needs a time
    last = await ana.page.evaluate("sent()")
    seconds = (last["at_ms"] - first["at_ms"]) / 1000
    return (last["frames"] - first["frames"]) / seconds, (last["bytes"] - first["bytes"]) * 8 / 1000 / seconds


async def watched(centre: Centre) -> tuple[dict[str, Any], Customer]:
    """A running share whose page can be looked into."""
    session = await centre.start_session()
    ana = await centre.customer()
    await ana.page.add_init_script(WATCH)
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    await centre.app.session(lambda one: one["id"] == session["id"] and len(one["view"]["participants"]) == 2)
    await centre.app.do("trigger", name="action_ask_view")
    await ana.allow()
    await centre.app.code()
    return session, ana


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


@pytest.mark.rule("B-7.1")
async def test_stop_ends_the_capture_at_once_without_any_network(centre: Centre):
    session, ana = await watched(centre)
    await ana.page.evaluate("""() => document.querySelector("#stop").addEventListener("click", () => {
        const clicked = performance.now();
        const look = () => made.tracks.every((track) => track.readyState === "ended")
            ? (made.ended_after_ms = Math.max(1, performance.now() - clicked)) : setTimeout(look, 5);
        look();
    })""")
    assert await ana.page.evaluate("made.tracks.map((track) => track.readyState)") == ["live"]
    await asyncio.to_thread(centre.relay.kill9)
    try:
        await centre.app.until(lambda link: link == "reconnecting", "link")
        await ana.page.click("#stop")
        ended_after_ms = await until(lambda: ana.page.evaluate("made.ended_after_ms"), "the capture has ended")
        assert ended_after_ms < 200
        await ana.screen("waiting")
        await expect(ana.page.locator("#live")).to_be_hidden()
    finally:
        await asyncio.to_thread(centre.relay.start)
        await centre.app.until(lambda link: link == "online", "link")
    # The relay learns it when it is back, and so does the rep.
    await centre.app.session(lambda one: one["id"] == session["id"] and ended(one))


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
    session, ana = await watched(centre)
    frames, _ = await sent(ana, 2)
    assert frames > 5, "in sight it moves"
    other = await centre.start_session()
    await centre.app.do("choose_tab", session_id=other["id"])

    async def little() -> bool:
        frames, kbps = await sent(ana, 2)
        return frames <= 2.5 and kbps <= 330  # 300 and what packets and one key frame's rest add

    await until(little, "a hidden tab costs at most two pictures a second and 300 kbit/s", within_s=8)
    await ana.say("are you there?")
    await centre.app.session(lambda one: one["id"] == session["id"] and len(one["view"]["chat"]) == 1)
    shown = int(time.time() * 1000) % 2**32
    began = time.monotonic()
    await centre.app.do("choose_tab", session_id=session["id"])
    await centre.app.code(above=shown)
    assert time.monotonic() - began < 3  # `make bench`, tab_switch_ms, holds the figure itself
