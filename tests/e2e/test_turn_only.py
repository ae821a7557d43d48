"""The site lets media go through its TURN server only: view, chat and a new connection, through a real coturn."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import Page

from server_stub.app import SETTINGS_EVERY_S
from tests.e2e.test_cameras import NUMBER, is_fresh, with_a_webcam
from tests.e2e.test_networks import now
from tests.e2e.test_showing import sees_code, sees_nothing
from tests.harness.agents import set_site
from tests.harness.centre import Centre, require_namespace, until
from tests.harness.coturn import Coturn
from tests.harness.netns import blocked
from tests.harness.team import SOMEBODY_ELSE

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

KEEP_PEERS = """
globalThis.peers = [];
globalThis.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...words) { super(...words); globalThis.peers.push(this); globalThis.configuration = words[0]; }
};
"""
PAIR = """async () => {
  const peer = globalThis.peers.at(-1), stats = new Map(await peer.getStats());
  for (const one of stats.values())
    if (one.type === "candidate-pair" && one.nominated && one.state === "succeeded")
      return [stats.get(one.localCandidateId).candidateType, stats.get(one.remoteCandidateId).candidateType];
  return null;
}"""


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def turn_centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Centre, Coturn]]:
    require_namespace()
    place = tmp_path_factory.mktemp("turn-only")
    async with AsyncExitStack() as stack:
        coturn = await stack.enter_async_context(Coturn(place / "relay"))
        await set_site(place / "relay", relay_only="yes")
        centre = await stack.enter_async_context(Centre(place))
        await centre.seat.browser.context.add_init_script(KEEP_PEERS)
        yield centre, coturn


async def pair_of(page: Page) -> list[str]:
    found: list[str] = await until(lambda: page.evaluate(PAIR), "a nominated pair")
    return found


@pytest.mark.slow
@pytest.mark.rule("B-7.1")
async def test_view_and_chat_through_the_relay_only(turn_centre: tuple[Centre, Coturn]):
    centre, _ = turn_centre
    _, ana = await centre.sharing()
    assert await pair_of(ana.page) == ["relay", "relay"]
    await ana.say("Do you see it?")
    await centre.app.session(lambda one: any(line["text"] == "Do you see it?" for line in one["view"]["chat"]))

    # A new connection, with credentials of its own.
    shown = now()
    await ana.page.evaluate("globalThis.peers.at(-1).close()")
    await centre.app.code(above=shown, within_s=20)
    assert await pair_of(ana.page) == ["relay", "relay"]
    assert await ana.page.evaluate("globalThis.configuration.iceTransportPolicy") == "relay"
    await centre.end_all()


@pytest.mark.slow
@pytest.mark.rule("B-7.6")
async def test_cameras_both_ways_through_the_relay_only(turn_centre: tuple[Centre, Coturn], tmp_path: Path):
    centre, _ = turn_centre
    await centre.app.do("use_camera")
    session = await centre.start_session()
    async with with_a_webcam(tmp_path, centre.relay.url) as ana:
        await ana.page.add_init_script(KEEP_PEERS)
        await ana.join(session["view"]["link"])
        await ana.screen("waiting")
        await ana.page.click("#camera-toggle")
        await centre.app.until(lambda found: found == {"Ana P.": "live"}, "cameras")
        await centre.app.click("cameraTile")
        await centre.app.until(lambda code: code == NUMBER, "timecode", name="cameraLarge")
        await centre.app.do("key", name="cameraLarge", key="Escape")
        await centre.app.do("trigger", name="action_camera")
        await until(lambda: is_fresh(ana), "her camera on his page")
        assert await pair_of(ana.page) == ["relay", "relay"]
    await centre.end_all()


@pytest.mark.slow
@pytest.mark.rule("B-7.2", "B-5.2")
async def test_the_reps_screen_and_a_share_handed_on_go_through_it_too(turn_centre: tuple[Centre, Coturn]):
    centre, _ = turn_centre
    if "startMode" not in await centre.app.do("names"):
        await centre.app.click("topNewTab")
    await centre.app.see("startMode")
    await centre.app.do("key", name="startMode", key="End")
    await centre.app.click("startButton")
    session = await centre.app.session()
    ana, ion = await centre.customer(), await centre.customer("Ion B.")
    await ion.page.add_init_script(SOMEBODY_ELSE)
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    await ion.join(session["view"]["link"])
    await centre.app.click("banner_admit")
    await ion.screen("watching")

    # What the customer shows, handed on to the other one.
    await centre.app.do("trigger", name="action_ask_view")
    await ana.page.bring_to_front()
    await ana.allow()
    await centre.app.code()
    await sees_code(ion, now())
    for customer in (ana, ion):
        assert await pair_of(customer.page) == ["relay", "relay"]
    await ana.page.click("#stop")
    await sees_nothing(ion)

    # What the rep shows.
    code = centre.rep_display.spawn(sys.executable, "-m", "tests.harness.code_window", "900", "20", "20")
    try:
        await centre.app.until(bool, "enabled", name="action_show_screen")
        await centre.app.do("trigger", name="action_show_screen")
        await centre.app.see("show_dialog_list")
        await centre.app.click("show_dialog_confirm")
        for customer in (ana, ion):
            await customer.page.bring_to_front()
            await sees_code(customer, now())
            assert await pair_of(customer.page) == ["relay", "relay"]
        await centre.app.do("trigger", name="action_stop_show")
        await sees_nothing(ion)
    finally:
        code.terminate()
        await asyncio.to_thread(code.wait, 5)
    await centre.end_all()


@pytest.mark.slow
async def test_where_no_udp_reaches_the_server_page_and_app_find_tcp(turn_centre: tuple[Centre, Coturn]):
    centre, coturn = turn_centre
    with blocked(f"udp dport {coturn.port}"):
        _, ana = await centre.joined()
        await centre.app.do("trigger", name="action_ask_view")
        await ana.allow()
        await centre.app.code(within_s=30)
        assert await pair_of(ana.page) == ["relay", "relay"]
        await centre.end_all()


@pytest.mark.slow
async def test_a_wish_of_the_rep_alone_hides_his_address(turn_centre: tuple[Centre, Coturn]):
    centre, _ = turn_centre
    await set_site(centre.place / "relay", relay_only="no")
    await asyncio.sleep(2 * SETTINGS_EVERY_S + 1.0)  # the relay looks that often
    await centre.app.do("settings", relay_only=True)
    _, ana = await centre.sharing()
    assert (await pair_of(ana.page))[1] == "relay"
    assert await ana.page.evaluate("globalThis.configuration.iceTransportPolicy") == "all"
    answer = await ana.page.evaluate("globalThis.peers.at(-1).remoteDescription.sdp")
    assert "typ relay" in answer
    assert "typ host" not in answer
    await centre.end_all()
