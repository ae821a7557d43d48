"""A customer in Firefox sees what the rep shows, puts it away and takes it back."""

import asyncio
import sys
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.e2e.test_showing import PIXELS, code_of
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, Centre, until
from tests.harness.display import Display
from tests.harness.firefox import Firefox, FirefoxTab
from tests.harness.team import now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="session")
async def tab() -> AsyncIterator[FirefoxTab]:
    with Display(CUSTOMER_WIDTH, HEIGHT) as display:
        environment = display.environment()
        firefox = Firefox(environment, width=CUSTOMER_WIDTH, height=HEIGHT)
        async with firefox:
            yield await firefox.new_tab()


async def sees_code(tab: FirefoxTab, above: int) -> None:
    async def newer() -> bool:
        found = code_of(await tab.evaluate(f"({PIXELS})()"))
        return found is not None and found > above

    await until(newer, f"Firefox reads a code above {above}", 30.0)


@pytest.mark.rule("B-7.2")
async def test_firefox_sees_the_reps_screen(centre: Centre, tab: FirefoxTab):
    process = centre.rep_display.spawn(sys.executable, "-m", "tests.harness.code_window", "900", "20", "20")
    session = await centre.start_session()
    await tab.goto(session["view"]["link"])
    await tab.type("#field-name", "Ana P.")
    await tab.click("#join-send")
    await centre.app.until(bool, "enabled", name="action_show_screen")
    await centre.app.do("trigger", name="action_show_screen")
    await centre.app.click("show_dialog_confirm")
    await sees_code(tab, now_code())
    await tab.click("#watch-away")
    await tab.until("document.querySelector('#watch-video').hidden", "put away")
    await tab.click("#watch-away")
    await sees_code(tab, now_code())
    await centre.app.do("trigger", name="action_stop_show")
    await tab.until("document.querySelector('#watch').hidden", "over")
    process.terminate()
    await asyncio.to_thread(process.wait, 5)
