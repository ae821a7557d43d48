"""The site lets media go through its TURN server only: view, chat and a new connection, through a real coturn."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio
from playwright.async_api import Page

from tests.e2e.test_networks import now
from tests.harness.agents import set_site
from tests.harness.centre import Centre, require_namespace, until
from tests.harness.coturn import Coturn

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
