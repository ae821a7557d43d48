"""Drawing before everybody: assistants and second customers see it, nobody else draws, and control takes it along."""

from typing import Any

import pytest
from playwright.async_api import expect

from tests.harness.canvas import NAMES, colour_at, names_near
from tests.harness.centre import until
from tests.harness.team import Desk, Guest, Team, now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

BLUE = "#1560f0"
LINE = [[0.2 + step / 50, 0.4] for step in range(26)]
FORGE = """
// Keeps the page's channel to the hub, so that the test can say on it what no page of ours says.
const make = RTCPeerConnection.prototype.createDataChannel;
RTCPeerConnection.prototype.createDataChannel = function (...words) {
    return globalThis.channel = make.apply(this, words);
};
"""


async def sees_line(guest: Guest, canvas: str) -> None:
    async def seen() -> bool:
        return await colour_at(guest.page, canvas, 0.5, 0.4) == BLUE

    await until(seen, f"{guest.name} sees the line on {canvas}")


async def drawn(desk: Desk, session_id: str, count: int) -> list[dict[str, Any]]:
    board = await desk.app.until(lambda found: len(found["strokes"]) == count, "drawn", session_id=session_id)
    return list(board["strokes"])


@pytest.mark.slow
@pytest.mark.rule("B-7.3", "B-9.4")
async def test_all_participants_see_what_the_rep_draws_and_nobody_else_draws(team: Team):
    elena, dan, _ = team.desks
    session = await elena.start(single=True)
    ana = await team.joined("Ana P.", session, scripts=(NAMES, FORGE))
    await ana.screen("waiting")
    ion = await team.joined("Ion B.", session, "ro", scripts=(NAMES, FORGE))
    await ion.screen("let_in")
    await elena.reads("banner.waits", name="Ion B.")
    await elena.app.click("banner_admit")
    await ion.screen("watching")
    await dan.assist(str(session["view"]["number"]))
    await dan.reads("banner.assist", name=elena.name)
    shown = now_code()
    await elena.sees(ana)
    await dan.app.code(above=shown)
    await dan.can("point", yes=False)
    # The rep's line: in the owner's preview, on the second customer's picture, in the assistant's app, named.
    await elena.command("point")
    await elena.app.click("draw_pen")
    await elena.app.do("draw", points=LINE)
    await sees_line(ana, "preview")
    await ion.page.bring_to_front()
    await sees_line(ion, "watch")
    assert await names_near(ion.page, "watch", 0.2, 0.4) == [elena.name]
    [stroke] = await drawn(dan, session["id"], 1)
    assert stroke["by"] == session["view"]["you"]
    await dan.app.until(lambda colour: colour == BLUE, "pixel", x=0.5, y=0.4)
    await ion.reads_only_his_language()
    # Whoever comes late gets all of it.
    eva = await team.joined("Eva C.", session, scripts=(NAMES,))
    await elena.reads("banner.waits", name="Eva C.")
    await elena.app.click("banner_admit")
    await sees_line(eva, "watch")
    # What a hostile page says on its channel draws nothing anywhere, in whosever name.
    forged = {"type": "stroke", "number": 1, "points": [[1, 1], [9, 9]], "by": session["view"]["you"]}
    for guest in (ana, ion):
        await guest.page.evaluate("(message) => channel.send(JSON.stringify(message))", forged)
        await guest.page.evaluate("() => channel.send(JSON.stringify({ type: 'clear' }))")
        await guest.page.evaluate('() => channel.send(\'{"type":"stroke","points":\' + \'[\'.repeat(5000))')
    await elena.app.click("draw_box")
    await elena.app.do("draw", points=[[0.6, 0.6], [0.7, 0.7], [0.8, 0.8]])
    strokes = await drawn(elena, session["id"], 2)
    assert [(one["by"], one["tool"]) for one in strokes] == [(stroke["by"], "pen"), (stroke["by"], "box")]
    assert min(strokes[1]["points"][-1]) > 0.75 * 65535, "drawn to its end where it is drawn"
    # It grows on the way to him: what counts is where it arrives.
    await dan.app.until(lambda found: found["strokes"] == strokes, "drawn", session_id=session["id"])
    # Control moves: everything that was drawn is gone on every screen.
    await elena.command("transfer_control")
    await elena.app.until(lambda _: True, "click_text", words=dan.name)
    await elena.app.click("control_dialog_confirm")
    for desk in (elena, dan):
        await drawn(desk, session["id"], 0)
        await desk.app.until(lambda names: "drawingTools" not in names, "names")
    await expect(ana.page.locator("#preview")).to_be_hidden()
    await expect(ion.page.locator("#watch")).to_be_hidden()
