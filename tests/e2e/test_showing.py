"""The rep shows his screen or a window: read off the customers' pages and an assistant's app, and every way it ends."""

import asyncio
import base64
import sys
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.harness import timecode
from tests.harness.centre import Centre, Customer, until
from tests.harness.code_window import TITLE
from tests.harness.display import Display
from tests.harness.team import Desk, Guest, Team, now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

PIXELS = """() => {
    const video = document.getElementById('watch-video');
    if (video.hidden || !video.videoWidth) return null;
    const canvas = document.createElement('canvas');
    [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
    const context = canvas.getContext('2d');
    context.drawImage(video, 0, 0);
    const data = context.getImageData(0, 0, canvas.width, canvas.height).data;
    let text = '';
    for (let at = 0; at < data.length; at += 32768) text += String.fromCharCode(...data.subarray(at, at + 32768));
    return [canvas.width, canvas.height, btoa(text)];
}"""


def code_of(shown: list | None) -> int | None:
    """The time code in what a page's video shows."""
    if shown is None:
        return None
    width, height, text = shown
    pixels = base64.b64decode(text)
    swapped = bytearray(pixels)
    swapped[0::4], swapped[2::4] = pixels[2::4], pixels[0::4]
    place = timecode.find(swapped, width, height, width * 4)
    return timecode.read(swapped, width * 4, place) if place is not None else None


async def sees_code(customer: Customer, above: int) -> int:
    """Wait until the page's picture bears a code that was painted after `above`."""

    async def newer() -> int | None:
        found = code_of(await customer.page.evaluate(PIXELS))
        return found if found is not None and found > above else None

    return int(await until(newer, f"{customer.name} reads a code above {above}"))


async def stays_at(customer: Customer, held: int, seconds: float = 1.0) -> None:
    """The page keeps its last picture, and nothing that was painted after `held` comes for so long."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = code_of(await customer.page.evaluate(PIXELS))
        assert found is None or found <= held, f"painted {found - held} ms after it was held"
    await expect(customer.page.locator("#watch-video")).to_be_visible()


async def sees_nothing(customer: Customer) -> None:
    await expect(customer.page.locator("#watch")).to_be_hidden()


@pytest_asyncio.fixture(loop_scope="session")
async def code(whole_centre: Centre) -> AsyncIterator[object]:
    """The code on the reps' screen, at its top right, above the apps' windows."""
    display: Display = whole_centre.rep_display
    process = display.spawn(sys.executable, "-m", "tests.harness.code_window", "900", "20", "20")
    yield process
    process.terminate()
    await asyncio.to_thread(process.wait, 5)


async def show(desk: Desk) -> None:
    """Show the whole screen, by the picker."""
    await desk.command("show_screen")
    await desk.app.see("show_dialog_list")
    await desk.app.click("show_dialog_confirm")
    await desk.app.see("showStrip")
    await desk.app.see("showFrameTop")


@pytest.mark.rule("B-7.2", "B-5.2")
async def test_everybody_sees_the_reps_screen_until_he_stops(team: Team, code: object):
    elena, dan, _ = team.desks
    session = await elena.start(single=True)
    ana: Guest = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    before = now_code()
    await show(elena)
    await sees_code(ana, before)
    await ana.reads("#watch-words", "watch.rep", name=elena.name)
    await dan.assist(str(session["view"]["number"]))
    await dan.app.code(above=before)
    await elena.command("stop_show")
    await sees_nothing(ana)
    await dan.app.session(lambda one: one["picture"] == "none" and not one["view"]["activities"])


@pytest.mark.slow
@pytest.mark.rule("B-7.2", "B-5.3", "B-9.4")
async def test_each_way_it_ends_or_is_put_away(team: Team, code: object):
    elena, dan, _ = team.desks
    session = await elena.start(single=True)
    ana: Guest = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    ion = await team.joined("Ion B.", session, "ro")
    await ion.screen("let_in")
    await elena.app.click("banner_admit")
    await ion.screen("watching")

    # Put away by one customer for himself; the other one goes on seeing it.
    await show(elena)
    shown = now_code()
    await ion.page.bring_to_front()
    await sees_code(ion, shown)
    await ion.reads("#watch-words", "watch.rep", name=elena.name)
    await ion.page.click("#watch-away")
    await ion.reads("#watch-words", "watch.away", name=elena.name)
    await expect(ion.page.locator("#watch-video")).to_be_hidden()
    await ion.page.click("#watch-away")
    await sees_code(ion, now_code())
    await ion.reads_only_his_language()

    # Held: the picture stays, and is said to be old; then it goes on.
    await elena.command("pause_show")
    await ion.reads("#watch-words", "watch.paused", name=elena.name)
    held = now_code()
    await asyncio.sleep(0.5)  # nothing may come; there is nothing to wait for
    await expect(ion.page.locator("#watch-video")).to_be_visible()
    found = code_of(await ion.page.evaluate(PIXELS))
    assert found is None or found < held
    await elena.command("pause_show")
    await sees_code(ion, now_code())

    # Another customer is helped: it is over on all screens.
    await elena.app.until(lambda _: True, "click", name="person_help")
    await elena.app.click("select_dialog_confirm")
    await sees_nothing(ion)
    await sees_nothing(ana)
    await elena.can("stop_show", yes=False)

    # Control moves: it is over, and the next controller shows his own.
    await show(elena)
    await sees_code(ion, now_code())
    await dan.assist(str(session["view"]["number"]))
    await dan.app.code(above=now_code())
    await elena.command("transfer_control")
    await elena.app.until(lambda _: True, "click_text", words=dan.name)
    await elena.app.click("control_dialog_confirm")
    await sees_nothing(ion)
    await elena.can("stop_show", yes=False)
    await dan.can("show_screen")
    await show(dan)
    await sees_code(ion, now_code())
    await elena.app.code(above=now_code())
    await ion.reads("#watch-words", "watch.rep", name=dan.name)
    await dan.reads_only_his_language()

    # The session is passed on: it is over.
    await dan.pass_on(agents=("Radu Ilie",))
    await sees_nothing(ion)
    await dan.app.until(lambda names: "showStrip" not in names, "names")


@pytest.mark.rule("B-6.4")
async def test_another_customers_tab_and_the_inbox_pause_it_until_the_rep_goes_on(team: Team, code: object):
    elena = team.desks[0]
    first = await elena.start()
    ana: Guest = await team.joined("Ana P.", first)
    await ana.screen("waiting")
    second = await elena.start()
    ion = await team.joined("Ion B.", second, "ro")
    await ion.screen("waiting")
    await ana.page.bring_to_front()

    async def chooses(name: str) -> None:
        await elena.app.until(lambda _: True, "click_named", prefix="sessionTab", words=name)

    async def goes_on() -> None:
        await elena.app.click("showStripPause")
        await sees_code(ana, now_code())
        await ana.reads("#watch-words", "watch.rep", name=elena.name)

    async def is_held(seconds: float = 1.0) -> int:
        held = now_code()
        await ana.reads("#watch-words", "watch.paused", name=elena.name)
        await elena.reads("strip.private", "show", what=elena.words("what.screen", "show"))
        await stays_at(ana, held, seconds)
        return held

    await chooses("Ana P.")
    await show(elena)
    await sees_code(ana, now_code())
    await sees_nothing(ion)
    await chooses("Ion B.")
    held = await is_held()
    await elena.reads("paused.private", "show")
    await chooses("Ana P.")
    await stays_at(ana, held, 0.5)  # going back says nothing of it: the rep goes on when he is ready
    await goes_on()
    await elena.command("inbox")
    await is_held(0.5)
    await goes_on()
    await sees_nothing(ion)


@pytest.mark.rule("B-7.2")
async def test_a_window_alone_is_shown_and_stopped_with_the_network_down(team: Team, code: object):
    elena = team.desks[0]
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.command("show_screen")
    await elena.app.see("show_dialog_list")
    await elena.app.until(lambda _: True, "choose_item", name="show_dialog_list", words=TITLE)
    await elena.app.click("show_dialog_confirm")
    await sees_code(ana, now_code())
    size = await ana.page.evaluate("(v => [v.videoWidth, v.videoHeight])(document.getElementById('watch-video'))")
    assert size[1] < 200, "the window, and nothing of the screen around it"
    await asyncio.to_thread(team.centre.relay.kill9)
    try:
        await elena.command("stop_show")
        await elena.app.until(lambda names: "showStrip" not in names, "names")
        stopped = now_code()
        await asyncio.sleep(1.0)  # what was under way may come; nothing that was painted later does
        found = code_of(await ana.page.evaluate(PIXELS))
        assert found is None or found <= stopped
    finally:
        await asyncio.to_thread(team.centre.relay.start)
        for desk in team.desks:
            await desk.can("presence_online")  # everybody is back
    await sees_nothing(ana)


@pytest.mark.slow
async def test_the_window_that_is_shown_is_closed(team: Team):
    elena = team.desks[0]
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    process = team.centre.rep_display.spawn(sys.executable, "-m", "tests.harness.code_window", "900", "20", "20")
    await elena.command("show_screen")
    await elena.app.until(lambda _: True, "choose_item", name="show_dialog_list", words=TITLE)
    await elena.app.click("show_dialog_confirm")
    await sees_code(ana, now_code())
    process.terminate()
    await asyncio.to_thread(process.wait, 5)
    await sees_nothing(ana)
    await elena.reads("source_gone", "errors")
    await ana.reads("#lines", "notice.rep_shows_over", name=elena.name)
