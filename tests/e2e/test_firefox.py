"""The main job with a customer in Firefox: link, picture, chat, stop, reload and share again, end."""

import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, SCENE_WIDTH, Centre
from tests.harness.chromium import Chromium
from tests.harness.display import Display
from tests.harness.firefox import Firefox, FirefoxTab
from tests.harness.timecode import PAGES

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="session")
async def tab() -> AsyncIterator[FirefoxTab]:
    """A Firefox on the left of a screen of its own; what moves on the right is drawn by Chromium."""
    place = f"--window-position={CUSTOMER_WIDTH},0", f"--window-size={SCENE_WIDTH},{HEIGHT}"
    async with Display(CUSTOMER_WIDTH + SCENE_WIDTH, HEIGHT) as display:
        environment = display.environment()
        async with (
            Chromium(environment, source=None, extra_flags=place) as scene,
            Firefox(environment, width=CUSTOMER_WIDTH, height=HEIGHT) as firefox,
        ):
            await (await scene.first_page()).goto(f"file://{PAGES / 'timecode.html'}")
            yield await firefox.new_tab()


async def screen(tab: FirefoxTab, name: str) -> None:
    await tab.until(f"document.querySelector('#card')?.dataset.screen === '{name}'", f"screen {name}")


async def lines(tab: FirefoxTab) -> list[str]:
    found = await tab.evaluate("[...document.querySelectorAll('#lines .said')].map((one) => one.innerText)")
    return [str(line) for line in found]


def now() -> int:
    return int(time.time() * 1000) % 2**32


@pytest.mark.rule("B-2.3", "B-6.1", "B-7.1", "B-7.4", "B-12.1", "B-12.4")
async def test_the_main_job_in_firefox(centre: Centre, tab: FirefoxTab):
    session = await centre.start_session()
    await tab.goto(session["view"]["link"])
    await tab.type("#field-name", "Ana P.")
    await tab.click("#join-send")
    await screen(tab, "waiting")
    told = await centre.app.session(lambda one: len(one["view"]["participants"]) == 2)
    customer = next(person for person in told["view"]["participants"] if person["role"] == "primary")
    assert "firefox" in customer["device"]["browser"].lower()

    await centre.app.do("trigger", name="action_ask_view")
    await tab.click("#asked-allow")
    await screen(tab, "sharing")
    first = await centre.app.code()
    await centre.app.code(above=first)

    await tab.type("#text", "It stays red")
    await tab.click("#send")
    await centre.app.session(lambda one: [line["text"] for line in one["view"]["chat"]] == ["It stays red"])
    await centre.app.type("chatInput", "I can see it", enter=True)
    await tab.until("document.querySelector('#lines').innerText.includes('I can see it')")

    await tab.click("#stop")
    await screen(tab, "waiting")
    await centre.app.session(lambda one: one["picture"] == "none")

    # Shown again by himself; a reload ends what is shown, and the page offers to go on.
    await tab.click("#waiting-show")
    await screen(tab, "sharing")
    shown = await centre.app.code(above=now())
    await tab.reload()
    await screen(tab, "again")
    assert await lines(tab) == ["It stays red", "I can see it"]
    await tab.click("#again-yes")
    await screen(tab, "sharing")
    await centre.app.code(above=max(shown, now()))

    await centre.app.do("end", session_id=session["id"])
    await screen(tab, "over")
    assert not await tab.evaluate("document.querySelector('#live').checkVisibility()")
