"""The customer shows something else while he shares: labelled as such at the rep's, without a new connection."""

import pytest

from resources import catalog
from tests.harness.centre import Centre
from tests.harness.team import now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

COUNTED = """
window.connections = 0;
const Real = RTCPeerConnection;
window.RTCPeerConnection = class extends Real {
    constructor(...words) { super(...words); window.connections += 1; }
};
"""
OTHER_SOURCE = """(surface, fps = 20) => {
    // The browser's picker, with another choice made in it; the picture is drawn as the time code's page draws it.
    const CELL = 24;
    const draw = (context, value) => {
        const check = ((value >>> 24) ^ (value >>> 16) ^ (value >>> 8) ^ value ^ 0x5a) & 0xff;
        context.fillStyle = '#fff';
        context.fillRect(0, 0, 900, 500);
        for (let place = 0; place < 40; place += 1) {
            const bit = place < 32 ? (value >>> (31 - place)) & 1 : (check >>> (39 - place)) & 1;
            context.fillStyle = bit ? '#fff' : '#000';
            context.fillRect((1 + place % 20) * CELL, Math.floor(place / 20) * CELL, CELL, CELL);
        }
        context.fillStyle = '#f0f';
        context.fillRect(0, 0, CELL, 2 * CELL);
        context.fillRect(21 * CELL, 0, CELL, 2 * CELL);
    };
    navigator.mediaDevices.getDisplayMedia = async () => {
        const canvas = document.createElement('canvas');
        [canvas.width, canvas.height] = [900, 500];
        const context = canvas.getContext('2d', { alpha: false });
        setInterval(() => draw(context, Date.now() % 2 ** 32 >>> 0), 1000 / fps);
        const [track] = canvas.captureStream(fps).getVideoTracks();
        const real = track.getSettings.bind(track);
        track.getSettings = () => ({ ...real(), width: 900, height: 500, displaySurface: surface });
        return { getVideoTracks: () => [track], getTracks: () => [track] };
    };
}"""


def label(key: str) -> str:
    return catalog.sentence("en", "show", key, time="").strip()


@pytest.mark.rule("B-7.1")
async def test_a_window_and_a_tab_are_labelled_and_switched_without_a_new_connection(centre: Centre):
    session = await centre.start_session()
    customer = await centre.customer()
    await customer.page.add_init_script(COUNTED)
    await customer.join(session["view"]["link"])
    await customer.screen("waiting")
    await centre.app.until(bool, "enabled", name="action_ask_view")
    await centre.app.do("trigger", name="action_ask_view")
    await customer.allow()
    await centre.app.code()
    await centre.app.until(lambda text: text.startswith(label("source.screen")), "text", name="viewWords")
    before = await customer.page.evaluate("window.connections")
    for surface, key in (("window", "source.window"), ("browser", "source.tab")):
        await customer.page.evaluate(OTHER_SOURCE, surface)
        chosen = now_code()
        await customer.page.get_by_role("button", name=catalog.sentence("en", "page", "sharing.change")).click()
        await centre.app.until(lambda text, key=key: text.startswith(label(key)), "text", name="viewWords")
        await centre.app.code(above=chosen)
    assert await customer.page.evaluate("window.connections") == before
