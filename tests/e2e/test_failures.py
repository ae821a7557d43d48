"""What breaks in the middle: the relay is killed, the app is killed, the customer's network is cut."""

import asyncio
import time

import pytest

from tests.harness.again import one_of
from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


async def longest_pause(centre: Centre) -> tuple[float, int]:
    """For how long the picture stood still at most, of four seconds; and the newest code."""
    seen = await centre.app.code()
    longest, last = 0.0, time.monotonic()
    end = last + 4
    while time.monotonic() < end:
        value = await centre.app.do("timecode")
        if value is not None and value > seen:
            longest, last, seen = max(longest, time.monotonic() - last), time.monotonic(), value
    return max(longest, time.monotonic() - last), seen


@pytest.mark.slow
@pytest.mark.rule("B-12.5")
async def test_the_relay_is_killed_and_the_picture_goes_on(centre: Centre):
    _, ana = await centre.sharing()
    await ana.say("one")
    await centre.app.session(lambda one: len(one["view"]["chat"]) == 1)
    written = ["one"]

    async def without_relay() -> tuple[float, int]:
        if len(written) > 1:
            await asyncio.to_thread(centre.relay.start)
            await centre.app.until(lambda link: link == "online", "link")
        centre.relay.kill9()
        at_once, _ = await longest_pause(centre)
        await centre.app.until(lambda link: link == "reconnecting", "link")
        # While it is away both write, and the picture shows what is drawn now.
        written.extend((f"two {len(written)}", f"three {len(written)}"))
        await ana.say(written[-2])
        await centre.app.type("chatInput", written[-1], enter=True)
        later, seen = await longest_pause(centre)
        return max(at_once, later), seen

    # Where the machine itself stood still the relay is killed once more.
    _, seen = await one_of(without_relay, lambda found: found[0] < 0.5)
    await asyncio.to_thread(centre.relay.start)
    await centre.app.until(lambda link: link == "online", "link")
    told = await centre.app.session(lambda one: len(one["view"]["chat"]) == len(written) and not one["pending"])
    texts = [line["text"] for line in told["view"]["chat"]]
    assert texts[0] == "one"
    assert sorted(texts) == sorted(written), "no line is lost or doubled"
    await ana.page.get_by_text(written[-1]).wait_for()
    assert await ana.lines() == texts
    await ana.screen("sharing")
    await centre.app.code(above=seen)


@pytest.mark.rule("B-12.5")
async def test_the_app_is_killed_and_the_picture_comes_back_by_itself(centre: Centre):
    session, ana = await centre.sharing()
    await ana.count_pickers()
    await ana.say("before the crash")
    await centre.app.session(lambda one: len(one["view"]["chat"]) == 1)

    async def comes_back() -> float:
        await centre.app.kill9()
        second = centre.make_app()
        began = time.monotonic()
        await second.start()
        centre.app = second
        # The rep had chosen to stay signed in: that is what brings him back.
        await second.session(
            lambda one: (
                one["id"] == session["id"] and [line["text"] for line in one["view"]["chat"]] == ["before the crash"]
            )
        )
        await second.code()
        took = time.monotonic() - began
        # Where the old connection has to be given up first it takes ten seconds more.
        assert took < 10, took
        await ana.screen("sharing")
        assert await ana.pickers() == 0, "the customer was asked to choose again"
        return took

    await one_of(comes_back, lambda seconds: seconds < 5, times=2)
