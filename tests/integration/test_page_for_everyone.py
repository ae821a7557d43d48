"""The customer's page for everybody: by keyboard, for screen readers, on small screens and bad networks."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from aiohttp import web
from playwright.async_api import expect

from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.views import Capability
from tests.harness.chromium import Chromium
from tests.harness.relay import RelayProcess, rep
from tests.integration.test_page_in_chromium import PATIENCE_MS, PICKER, Tab, activity, ask_view, tab_of, visit

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FRESH = """
// The language chosen in one test is not the next one's.
try {
  if (!sessionStorage.getItem('fresh')) {
    sessionStorage.setItem('fresh', 'no more');
    localStorage.removeItem('support.language');
  }
} catch {}
"""
FAULTS = """
() => {
  const faults = [];
  const wide = document.documentElement.scrollWidth;
  if (wide > innerWidth) faults.push(`wider than the window: ${wide}`);
  for (const control of document.querySelectorAll('button, input, select, textarea, a[href]')) {
    const box = control.getBoundingClientRect();
    if (!box.width) continue;
    const name = control.textContent.trim() || control.getAttribute('aria-label') || control.labels?.[0]?.textContent;
    if (!name) faults.push(`no name: ${control.outerHTML}`);
    if (box.height < 44 || box.width < 44) faults.push(`small: ${control.id} ${box.width}x${box.height}`);
  }
  if (document.querySelectorAll('h1').length !== 1) faults.push('not one h1');
  const ids = [...document.querySelectorAll('[id]')].map((element) => element.id);
  if (new Set(ids).size !== ids.length) faults.push('an id stands twice');
  return faults;
}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with Chromium(headless=True, locale="en-GB") as chromium:
        await chromium.context.add_init_script(PICKER)
        await chromium.context.add_init_script(FRESH)
        yield chromium


async def reach(tab: Tab, target: str) -> None:
    """Go with the Tab key until the element has the focus; a person gives up after a dozen."""
    for _ in range(12):
        await tab.page.keyboard.press("Tab")
        if await tab.page.evaluate("document.activeElement.id") == target:
            return
    raise AssertionError(f"{target} cannot be reached from the keyboard")


async def has_focus(tab: Tab, target: str) -> None:
    await expect(tab.page.locator(f"#{target}")).to_be_focused(timeout=PATIENCE_MS)


@pytest.mark.rule("B-2.6", "B-12.1")
async def test_the_whole_story_from_the_keyboard(relay, browser):
    async with rep(relay) as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        press, write = tab.page.keyboard.press, tab.page.keyboard.type
        await tab.page.goto(session.link)
        # The screen before it has a title too; a form is for typing at once.
        await expect(tab.page.locator("#card")).to_have_attribute("data-screen", "join", timeout=PATIENCE_MS)
        await has_focus(tab, "field-name")
        await press("Enter")
        await has_focus(tab, "field-name")
        await expect(tab.page.locator("#field-name")).to_have_attribute("aria-invalid", "true")
        await write("Ana Pop")
        await press("Enter")
        await tab.screen("waiting")
        await has_focus(tab, "title")
        await reach(tab, "text")
        await write("one")
        await press("Shift+Enter")
        await write("two")
        await press("Enter")
        await tab.sees_lines("one\ntwo")
        await ask_view(maria)
        await tab.screen("asked")
        await has_focus(tab, "text")  # nobody is torn out of writing
        await expect(tab.page.locator("#announce")).to_have_text("Ana asks to see your screen")
        await tab.page.focus("#title")
        await press("Tab")
        await has_focus(tab, "asked-allow")
        await press("Enter")
        await tab.screen("sharing")
        await has_focus(tab, "title")
        await tab.page.focus("#leave")
        await press("Tab")
        await has_focus(tab, "stop")
        await press("Enter")
        await tab.screen("waiting")
        await has_focus(tab, "title")
        await tab.page.focus("#leave")
        await press("Enter")
        await has_focus(tab, "sure-stay")
        await press("Escape")
        await has_focus(tab, "leave")
        await tab.screen("waiting")
        await press("Enter")
        await maria.ask("session.end", requests.SessionEnd(session_id=session.id))
        await tab.screen("over")
        await expect(tab.page.locator("#sure")).to_be_hidden()  # there is nothing to leave any more
        await has_focus(tab, "title")


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_narrow_screens_cut_nothing_and_every_control_is_large_and_named(relay, browser, language):
    async with rep(relay, "maria-gabriela") as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        await tab.page.set_viewport_size({"width": 320, "height": 640})
        await tab.page.goto(f"{relay.url}/join")
        await tab.page.select_option("#language", language)
        await expect(tab.page.locator("html")).to_have_attribute("lang", language)
        assert await tab.page.evaluate(FAULTS) == []
        await tab.page.goto(relay.url)
        await tab.join(session.link)
        await tab.screen("waiting")
        await tab.say("W" * 300)
        assert await tab.page.evaluate(FAULTS) == []
        await ask_view(maria)
        await tab.screen("asked")
        assert await tab.page.evaluate(FAULTS) == []
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        assert await tab.page.evaluate(FAULTS) == []
        await tab.page.click("#leave")
        assert await tab.page.evaluate(FAULTS) == []
        await tab.page.click("#sure-leave")
        await tab.screen("over")
        assert await tab.page.evaluate(FAULTS) == []


@pytest.mark.parametrize("size", [(1280, 800), (960, 1080)])
async def test_all_is_in_sight_without_scrolling(relay, browser, size):
    async with rep(relay) as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
        scrolls = "document.documentElement.scrollHeight > innerHeight"
        await tab.page.goto(f"{relay.url}/join")
        await tab.screen("join")
        assert not await tab.page.evaluate(scrolls)
        await tab.page.goto(relay.url)
        await tab.join(session.link)
        await tab.screen("waiting")
        for number in range(30):
            await maria.say(f"line {number}")
        await ask_view(maria)
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        await expect(tab.page.locator("#lines .said")).to_have_count(30)
        assert not await tab.page.evaluate(scrolls)
        heights = "['text', 'send'].map((id) => document.getElementById(id).offsetHeight)"
        assert len(set(await tab.page.evaluate(heights))) == 1, "the button is as high as the empty field"
        # With a call's strip and more beside the card than fits, one can still write.
        assert await tab.page.evaluate("""() => {
          for (const [id, height] of [['call', '64px'], ['cameras', '12rem'], ['files', '12rem']]) {
            const part = document.getElementById(id);
            part.hidden = false;
            part.style.minHeight = height;
          }
          return document.getElementById('send').getBoundingClientRect().bottom <= innerHeight;
        }""")


AFTER_FRAMES = "() => ({0}, new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done({0})))))"
COVERED = """
() => {
  const box = (id) => document.getElementById(id).getBoundingClientRect();
  const last = document.getElementById('lines').lastElementChild.getBoundingClientRect();
  const shared = (a, b, from, to) => Math.min(a[to], b[to]) - Math.max(a[from], b[from]);
  const over = (a, b) => shared(a, b, 'left', 'right') > 1 && shared(a, b, 'top', 'bottom') > 1;
  const toast = box('toast');
  if (toast.top < 0 || toast.bottom > innerHeight || toast.height < 20) return ['not in sight'];
  const parts = Object.entries({ title: box('title'), write: box('write'), last });
  return parts.filter(([, part]) => over(toast, part)).map(([id]) => id);
}
"""


@pytest.mark.slow
@pytest.mark.rule("B-2.3")
async def test_in_one_column_what_is_said_once_covers_nothing_one_needs(relay, browser):
    """Wherever the page is scrolled to: neither the title nor the newest message nor the field where one writes."""
    async with visit(relay, browser) as (maria, _, tab):
        for number in range(12):
            await maria.say(f"line {number}: long enough to take more than one line in a narrow window")
        await expect(tab.page.locator("#lines .said")).to_have_count(12)
        for width, height in ((390, 700), (508, 740), (800, 740)):
            await tab.page.set_viewport_size({"width": width, "height": height})
            view = await ask_view(maria)
            await tab.screen("asked")
            await maria.ask("activity.stop", requests.ActivityStop(session_id=maria.session_id, activity_id=view))
            await tab.screen("waiting")
            await expect(tab.page.locator("#toast")).to_contain_text("no longer asks")
            for top in range(0, 700, 70):
                await tab.page.evaluate(AFTER_FRAMES.format(f"scrollTo(0, {top})"))
                assert await tab.page.evaluate(COVERED) == [], (width, top)


@pytest.mark.slow
@pytest.mark.rule("B-2.3")
async def test_a_question_takes_nobodys_field_out_of_sight(relay, browser):
    """Whoever is in the middle of a message is told of the question where he looks."""
    sight = "(({ top, bottom }) => [Math.round(top), Math.round(bottom), innerHeight])(write.getBoundingClientRect())"

    async def in_sight() -> bool:
        top, bottom, height = await tab.page.evaluate(AFTER_FRAMES.format(sight))
        return bool(0 <= top < bottom <= height)

    async with visit(relay, browser) as (maria, _, tab):
        await tab.page.set_viewport_size({"width": 508, "height": 560})
        await tab.page.locator("#text").press_sequentially("I am just writ")
        await tab.page.evaluate("write.scrollIntoView({ block: 'end' })")
        view = await ask_view(maria)
        await tab.screen("asked")
        await expect(tab.page.locator("#toast")).to_have_text("Ana asks to see your screen")
        await expect(tab.page.locator("#announce")).to_have_text("Ana asks to see your screen")
        assert await in_sight()
        assert await tab.page.evaluate(COVERED) == []
        await maria.ask("activity.stop", requests.ActivityStop(session_id=maria.session_id, activity_id=view))
        await tab.screen("waiting")
        assert await in_sight()
        await has_focus(tab, "text")


QUESTION_IN_SIGHT = """
() => {
  const box = (id) => document.getElementById(id).getBoundingClientRect();
  const covered = Math.max(0, ...['live', 'recorded'].map((id) => box(id).bottom));
  return box('title').top >= covered && box('asked-not_now').bottom <= innerHeight;
}
"""
EARLY_AND_LATE = """
() => {
  const buttons = document.querySelector('#card .buttons');
  buttons.style.animation = 'none';
  void buttons.offsetWidth;
  buttons.style.animation = '';
  const [guard] = buttons.getAnimations();
  const allow = document.getElementById('asked-allow');
  const { left, top, width, height } = allow.getBoundingClientRect();
  const takes = () => document.elementFromPoint(left + width / 2, top + height / 2) === allow;
  guard.currentTime = 499;
  guard.pause();
  const early = takes();
  guard.finish();
  return [early, takes()];
}
"""


@pytest.mark.rule("B-2.3")
async def test_a_question_comes_into_sight_and_takes_no_answer_by_mistake(relay, browser):
    """What stands above it may fill the window; and a click that was meant for something else is no yes."""
    async with visit(relay, browser) as (maria, _, tab):
        await tab.page.set_viewport_size({"width": 1366, "height": 650})
        await tab.page.evaluate("document.getElementById('page').style.marginTop = '40rem'")
        assert not await tab.page.evaluate("document.getElementById('title').getBoundingClientRect().top < innerHeight")
        await ask_view(maria)
        await tab.screen("asked")
        assert await tab.page.evaluate(AFTER_FRAMES.format(f"({QUESTION_IN_SIGHT.strip()})()"))
        assert await tab.page.evaluate(EARLY_AND_LATE) == [False, True]


@pytest.mark.slow
@pytest.mark.rule("B-7.4")
async def test_the_newest_message_stays_in_sight_when_the_window_becomes_another(relay, browser):
    away = "lines.scrollHeight - lines.scrollTop - lines.clientHeight"
    async with visit(relay, browser) as (maria, _, tab):
        await tab.page.set_viewport_size({"width": 1280, "height": 800})
        for number in range(30):
            await maria.say(f"line {number}: long enough to take more than one line in a narrow window, as many are")
        await expect(tab.page.locator("#lines .said")).to_have_count(30)
        for size in ((508, 740), (1280, 900), (390, 600)):
            await tab.page.set_viewport_size({"width": size[0], "height": size[1]})
            settled = f"innerWidth === {size[0]} && {away} < 2"
            # A frame's callbacks run before what the page does about the window's new size in that frame.
            assert any([await tab.page.evaluate(AFTER_FRAMES.format(settled)) for _ in range(5)]), size
        await maria.say("after narrowing")
        await expect(tab.page.locator("#lines .said")).to_have_count(31)
        assert await tab.page.evaluate(away) < 2
        # Whoever reads further up is left there.
        await tab.page.evaluate(AFTER_FRAMES.format("lines.scrollTop = 100"))
        await tab.page.set_viewport_size({"width": 508, "height": 740})
        await maria.say("not seen yet")
        await expect(tab.page.locator("#lines .said")).to_have_count(32)
        assert await tab.page.evaluate(away) > 200


@pytest.mark.rule("B-2.3")
async def test_what_comes_beside_the_card_moves_no_button(relay, browser):
    """Files and people may come a moment after a question: a click meant for Yes must not fall on Not now."""
    places = """() => ['files', 'cameras', 'people'].flatMap((id) => [true, false].map((hidden) => {
      document.getElementById(id).hidden = hidden;
      const parts = [...document.querySelectorAll('#card h1, #card button')];
      return parts.map((one) => one.getBoundingClientRect().top).join();
    }))"""
    async with visit(relay, browser) as (maria, _, tab):
        await tab.page.set_viewport_size({"width": 960, "height": 1080})
        await expect(tab.page.locator("#files-send")).to_be_visible(timeout=PATIENCE_MS)
        await ask_view(maria)
        await tab.screen("asked")
        assert len(set(await tab.page.evaluate(places))) == 1


async def test_the_tabs_title_tells_the_state(relay, browser):
    async with visit(relay, browser) as (maria, session, tab):
        await expect(tab.page).to_have_title("You are connected with Ana – Support Manager")
        await ask_view(maria)
        await expect(tab.page).to_have_title("Ana asks to see your screen – Support Manager")
        await tab.page.click("#asked-allow")
        await expect(tab.page).to_have_title("● Your screen is visible – Support Manager")
        await maria.ask("session.end", requests.SessionEnd(session_id=session.id))
        await expect(tab.page).to_have_title("The session is over – Support Manager")


async def test_a_chat_line_is_read_once(relay, browser):
    async with visit(relay, browser) as (maria, _, tab):
        await expect(tab.page.locator("#lines")).to_have_attribute("aria-live", "polite")
        await tab.page.evaluate("""() => {
          window.added = [];
          new MutationObserver((changes) => changes.forEach((change) => change.addedNodes.forEach((node) => {
            if (node.matches?.('.line')) window.added.push(node.querySelector('.said').textContent);
          }))).observe(document.getElementById('lines'), {childList: true});
        }""")
        await tab.say("mine")
        await tab.sees_lines("mine")
        await maria.say("hers")
        await tab.sees_lines("mine", "hers")
        assert await tab.page.evaluate("added") == ["mine", "hers"]
        await tab.page.evaluate("""() => {
          window.live = [];
          new MutationObserver((changes) => changes.forEach(({target}) => live.push(target.getAttribute('aria-live'))))
            .observe(document.getElementById('lines'), {attributes: true, attributeFilter: ['aria-live']});
        }""")
        await tab.page.select_option("#language", "ro")
        await expect(tab.page.locator("#chat-title")).to_have_text("Mesaje")
        await expect(tab.page.locator("#lines")).to_have_attribute("aria-live", "polite")
        assert await tab.page.evaluate("live") == ["off", "polite"]  # old lines are no news


@pytest.mark.rule("B-12.5")
async def test_a_refused_line_waits_for_try_again_over_a_reload(relay, browser):
    async with visit(relay, browser) as (maria, session, tab):
        line = {"id": "0123456789abcdef0123456789abcdef", "text": "refused", "at": 1, "failed": "transcript_full"}
        await tab.page.evaluate(
            "([id, lines]) => localStorage.setItem('support.pending.' + id, lines)", [session.id, json.dumps([line])]
        )
        await tab.page.reload()
        await expect(tab.page.locator(".pending .state")).to_have_text("could not be delivered")
        assert maria.lines == []
        await tab.page.click(".again")
        await tab.sees_lines("refused")
        await maria.wait(lambda: maria.lines == ["refused"])


@pytest.mark.rule("B-12.4")
async def test_two_sessions_in_two_tabs_leave_each_other_alone(relay, browser):
    async with visit(relay, browser) as (one, first, tab), visit(relay, browser) as (two, second, other):
        assert first.id != second.id
        for each, line in ((tab, "to one"), (other, "to two")):
            await each.page.reload()
            await each.screen("waiting")
            await each.say(line)
        await one.wait(lambda: one.lines == ["to one"])
        await two.wait(lambda: two.lines == ["to two"])


@pytest.mark.rule("B-12.4")
async def test_a_duplicated_tab_goes_on_and_the_older_one_says_so(relay, browser):
    async with visit(relay, browser) as (_, session, tab), tab_of(browser) as copy:
        await copy.page.goto(relay.url)  # same origin, but not the page yet
        await copy.page.evaluate("id => sessionStorage.setItem('support.here', JSON.stringify(id))", session.id)
        await copy.page.goto(session.link)
        await copy.screen("waiting")
        await tab.screen("over")
        await expect(tab.page.locator("#title")).to_contain_text("another tab")
        await tab.page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', {persisted: true}))")
        await tab.screen("waiting")  # back from the browser's cache of left pages: begun anew
        await copy.screen("over")


@pytest.mark.slow
@pytest.mark.rule("B-2.4")
async def test_the_rep_learns_that_nothing_gets_through(relay, browser):
    """The scripted rep answers no offer, as if every packet was lost on the way."""
    async with visit(relay, browser) as (maria, _, tab):
        joined = await maria.wait_fact(events.ParticipantJoined)
        assert joined.participant.device.network is Capability.UNKNOWN

        def reported() -> bool:
            changes = [fact for fact in maria.facts if isinstance(fact, events.ParticipantChanged)]
            return any(change.participant.device.network is Capability.NO for change in changes)

        await maria.wait(reported, timeout_s=25)
        await expect(tab.page.locator("#card")).to_contain_text("does not get through")


@pytest.mark.slow
async def test_a_half_loaded_page_says_so(relay, browser):
    tab = Tab(await browser.new_page())
    await tab.page.route("**/page/visit.js", lambda route: route.abort())
    await tab.page.goto(f"{relay.url}/join")
    await expect(tab.page.locator("#late")).to_be_hidden()
    await expect(tab.page.locator("#late")).to_be_visible(timeout=PATIENCE_MS)
    await expect(tab.page.locator("#late")).to_contain_text("Pagina nu s-a încărcat")
    await tab.page.unroute("**/page/visit.js")
    await tab.page.click("#late a")
    await tab.screen("join")
    await tab.page.close()


@asynccontextmanager
async def without_websockets() -> AsyncIterator[tuple[dict[str, Any], str]]:
    """A proxy as some offices have it: every request passes, but none to become something else than HTTP."""
    app = web.Application()
    state: dict[str, Any] = {"refused": 0, "target": ""}

    async def forward(request: web.Request) -> web.Response:
        if "Upgrade" in request.headers:
            state["refused"] += 1
            return web.Response(status=403)
        async with state["session"].request(
            request.method, state["target"] + request.path_qs, headers=request.headers, data=await request.read()
        ) as answer:
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in {"transfer-encoding", "content-length"}}
            return web.Response(status=answer.status, headers=kept, body=await answer.read())

    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    async with aiohttp.ClientSession(auto_decompress=False) as session:
        state["session"] = session
        try:
            yield state, f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()


@pytest.mark.rule("B-12.5")
async def test_without_websockets_it_works_by_polling(browser):
    async with without_websockets() as (proxy, url):
        with RelayProcess(None, "--public-url", url) as relay:
            proxy["target"] = relay.url
            async with rep(relay) as maria, tab_of(browser) as tab:
                session = await maria.start_session()
                await tab.join(f"{url}/join", number=session.number)
                await tab.screen("waiting")
                await tab.say("by polling")
                await maria.wait(lambda: maria.lines == ["by polling"])
                await ask_view(maria)
                await tab.page.click("#asked-allow")
                await activity(maria, ActivityState.RUNNING)
                assert proxy["refused"] > 0
