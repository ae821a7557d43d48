"""The customer holds his picture and goes on: nothing is seen meanwhile, and the new picture is there at once."""

import asyncio
import time

import pytest

from tests.harness.again import one_of
from tests.harness.centre import Centre, Customer
from tests.harness.team import now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


PAINTED_MS = 300
PRESS = "() => { const at = Date.now() % 2 ** 32; document.querySelector('#pause').click(); return at; }"
"""Goes on, and gives when: a click from outside takes a time of its own, which is not the picture's."""


async def is_new(centre: Centre, before: int) -> bool:
    shown = await centre.app.do("timecode")
    return shown is not None and shown > before


@pytest.mark.rule("B-7.1")
async def test_a_picture_that_was_held_is_new_within_a_second(centre: Centre):
    """On a busy computer it took two seconds and more after five, while the voice line counted as something to send."""
    _, ana = await centre.sharing()
    for held_s in (2, 6):
        found = await one_of(
            lambda held_s=held_s: goes_on(centre, ana, held_s), lambda found: found[0] < 1_000 and found[1] < PAINTED_MS
        )
        print(f"after {held_s} s: a new picture within {found[0]} ms, said {found[1]} ms before it was there")
    await centre.end_all()


async def goes_on(centre: Centre, ana: Customer, held_s: float) -> tuple[int, int]:
    """After how many ms the app shows a picture of after the pause, and for how many it said so too early."""
    await ana.page.click("#pause")
    await centre.app.session(lambda one: one["picture"] == "paused")
    await asyncio.sleep(held_s)  # the pause itself
    before = int(await ana.page.evaluate(PRESS))
    said_at, lied, deadline = None, 0, time.monotonic() + 20
    while not await is_new(centre, before):
        assert time.monotonic() < deadline, "no new picture"
        # The picture of before is not said to be true; the new one may still have to be painted.
        state = (await centre.app.do("sessions"))[-1]["picture"]
        if state not in ("paused", "lost"):
            said_at = said_at or now_code()
            lied = max(lied, now_code() - said_at)
    taken = now_code() - before
    await centre.app.session(lambda one: one["picture"] == "live")
    return taken, lied
