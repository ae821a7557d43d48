"""The customer holds his picture and goes on: nothing is seen meanwhile, and the new picture is there at once."""

import asyncio

import pytest

from tests.harness.centre import Centre
from tests.harness.team import now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


async def is_new(centre: Centre, before: int) -> bool:
    shown = await centre.app.do("timecode")
    return shown is not None and shown > before


@pytest.mark.rule("B-7.1")
async def test_a_picture_that_was_held_is_new_within_a_second(centre: Centre):
    """After some seconds without a packet Chromium thinks little of its line, and a large key frame took 1.1 s."""
    _, ana = await centre.sharing()
    taken = []
    for held_s in (2, 5):
        await ana.page.click("#pause")
        await centre.app.session(lambda one: one["picture"] == "paused")
        await asyncio.sleep(held_s)  # the pause itself
        before = now_code()
        await ana.page.click("#pause")
        while not await is_new(centre, before):
            # The picture of before is not said to be true.
            state = (await centre.app.do("sessions"))[-1]["picture"]
            assert state in ("paused", "lost") or await is_new(centre, before), state
        taken.append(now_code() - before)
        await centre.app.session(lambda one: one["picture"] == "live")
    print(f"new pictures after {taken} ms")
    assert all(found < 1_000 for found in taken), taken
    await centre.end_all()
