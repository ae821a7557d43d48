"""The rep's window never stands still: the longest gaps of its loop around what costs most."""

import asyncio

import pytest

from tests.harness.again import one_of
from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

BUSY_MS = 300
"""Of the loop's own CPU time: that is what code does to it. The aim is 50 ms; the figures are printed. One code was
measured as 95 ms and as 180 ms on one machine: this bound finds what blocks, not what is slow."""
GAP_MS = 1_000
"""On the clock, where a busy machine counts too: only what waits for something is this long."""
FLOOD = 200


@pytest.mark.timeout(240)
async def test_no_gap_around_join_share_tabs_and_a_flood_of_lines(centre: Centre):
    # What blocks does so each time; a machine that stands still does not.
    await one_of(lambda: gaps_of_a_day(centre), lambda gaps: max(gaps.values()) < GAP_MS, times=2)


async def gaps_of_a_day(centre: Centre) -> dict[str, float]:
    """The longest gap of the loop around each thing, in ms; of them it was never at work for long itself."""
    gaps: dict[str, float] = {}
    busy: dict[str, float] = {}

    async def gap(of: str) -> None:
        gaps[of], busy[of] = await centre.app.do("gap_ms"), await centre.app.do("busy_ms")

    await gap("before")
    del gaps["before"], busy["before"]
    session = await centre.start_session()
    await gap("start")
    ana = await centre.customer()
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    await centre.app.session(lambda one: len(one["view"]["participants"]) == 2)
    await gap("join")
    await centre.app.do("trigger", name="action_ask_view")
    await ana.allow()
    # Reading the code from the painted widget is the test's own work on that loop: only afterwards.
    await centre.app.session(lambda one: one["picture"] == "live")
    await gap("share")
    other = await centre.start_session()
    await gap("second session")
    for _ in range(5):
        for one in (session, other):
            await centre.app.do("choose_tab", session_id=one["id"])
            await asyncio.sleep(0.1)  # as fast as a person switches
    await gap("tabs")
    await centre.app.do("choose_tab", session_id=session["id"])
    # As much as the page lets out; the relay lets 20 in 10 s pass, so that a flood takes its time.
    await ana.page.evaluate(
        """(count) => {
            for (let number = 0; number < count; number += 1) {
                document.querySelector("#text").value = `line ${number}`;
                document.querySelector("#send").click();
            }
        }""",
        FLOOD,
    )
    await centre.app.session(lambda one: len(one["view"]["chat"]) >= 20, within_s=30)
    await gap("flood")
    for name, value in gaps.items():
        print(f"{name}: longest gap {value:.0f} ms, {busy[name]:.0f} ms of it at most at work")
    assert max(busy.values()) < BUSY_MS, busy
    await centre.end_all()
    return gaps
