"""The customer's page in real Chromium, with the real relay and a scripted rep: coming in, chat, sharing, the end."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState, Source
from support_manager.protocol.views import ActivityView, Capability, Connection, LeaveReason, SessionView
from tests.harness.chromium import Chromium
from tests.harness.relay import Client, RelayProcess, page, rep

# One browser for all: every test has a tab and a session of its own.
pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

PATIENCE_MS = 15_000
PICKER = """
// Without a screen there is nothing to pick: a canvas stands for the picker's choice, `picker.refuse` for its Cancel.
window.picker = {refuse: '', opened: 0, tracks: []};
navigator.mediaDevices.getDisplayMedia = async () => {
  picker.opened += 1;
  picker.gesture = navigator.userActivation.isActive;
  if (picker.refuse) throw new DOMException('Permission denied', picker.refuse);
  const canvas = document.createElement('canvas');
  canvas.getContext('2d').fillRect(0, 0, 10, 10);
  const stream = canvas.captureStream(5);
  const [track] = stream.getVideoTracks();
  track.getSettings = () => ({displaySurface: 'window', width: 800, height: 600});
  picker.tracks.push(track);
  return stream;
};
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        yield process


class Tab:
    """A customer's tab; everything that the browser complained about is kept."""

    def __init__(self, tab: Page) -> None:
        self.page = tab
        self.complaints: list[str] = []
        tab.on("pageerror", lambda error: self.complaints.append(str(error)))
        tab.on("console", lambda message: self._console(message.type, message.text))
        tab.on("dialog", lambda dialog: dialog.accept())

    def _console(self, kind: str, text: str) -> None:
        # What Chromium itself says about a relay that is down is no fault of the page.
        if kind == "error" and "ERR_CONNECTION_REFUSED" not in text and "WebSocket" not in text:
            self.complaints.append(text)

    async def screen(self, name: str) -> None:
        await expect(self.page.locator("#card")).to_have_attribute("data-screen", name, timeout=PATIENCE_MS)

    async def join(self, url: str, name: str = "Ana Pop", number: str = "") -> None:
        await self.page.goto(url)
        if number:
            await self.page.fill("#field-number", number)
        await self.page.fill("#field-name", name)
        await self.page.click("#join-send")

    async def say(self, text: str) -> None:
        await self.page.fill("#text", text)
        await self.page.press("#text", "Enter")

    async def lines(self) -> list[str]:
        return await self.page.locator("#lines .said").all_inner_texts()

    async def sees_lines(self, *lines: str) -> None:
        await expect(self.page.locator("#lines .said")).to_have_text(list(lines), timeout=PATIENCE_MS)
        await expect(self.page.locator(".pending")).to_have_count(0)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with Chromium(headless=True, locale="en-GB") as chromium:
        await chromium.context.add_init_script(PICKER)
        yield chromium


@asynccontextmanager
async def tab_of(browser: Chromium) -> AsyncIterator[Tab]:
    tab = Tab(await browser.new_page())
    try:
        yield tab
        assert tab.complaints == []
    finally:
        await tab.page.close()


@asynccontextmanager
async def visit(relay: RelayProcess, browser: Chromium) -> AsyncIterator[tuple[Client, SessionView, Tab]]:
    """A rep with a session, and a customer in it."""
    async with rep(relay) as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        await tab.join(session.link)
        await tab.screen("waiting")
        yield maria, session, tab


async def ask_view(maria: Client) -> str:
    joined = await maria.wait_fact(events.ParticipantJoined)
    made = await maria.ask(
        "activity.ask",
        requests.ActivityAsk(
            session_id=maria.session_id,
            request_id=secrets.token_urlsafe(16),
            kind=ActivityKind.VIEW,
            subject=joined.participant.id,
        ),
    )
    return str(made.activity_id)


async def activity(maria: Client, state: ActivityState) -> ActivityView:
    def found() -> ActivityView | None:
        views = [fact.activity for fact in maria.facts if isinstance(fact, events.ActivityChanged)]
        return views[-1] if views and views[-1].state is state else None

    view = await maria.wait(found)
    assert view is not None
    return view


@pytest.mark.rule("B-2.3", "B-2.4", "B-7.4")
async def test_join_by_link_and_chat(relay, browser):
    async with visit(relay, browser) as (maria, session, tab):
        joined = await maria.wait_fact(events.ParticipantJoined)
        assert joined.participant.name == "Ana Pop"
        assert joined.participant.device.screen is Capability.YES
        assert joined.participant.device.browser.startswith("Chrome ")
        assert tab.page.url == session.link  # the same tab, and the link stays good for a reload
        await maria.say("Good <b>morning</b>\n& welcome")
        await tab.sees_lines("Good <b>morning</b>\n& welcome")
        await tab.say("It stays red.")
        await maria.wait(lambda: "It stays red." in maria.lines)
        await tab.sees_lines("Good <b>morning</b>\n& welcome", "It stays red.")


@pytest.mark.rule("B-2.3")
async def test_join_by_number_with_forgiven_spaces(relay, browser):
    async with rep(relay) as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        spaced = f" {session.number[:3]} {session.number[3:6]}-{session.number[6:]} "
        await tab.join(f"{relay.url}/join", number=spaced)
        await tab.screen("waiting")
        await expect(tab.page.locator("#title")).to_contain_text("Ana")  # the rep's name here


@pytest.mark.rule("B-2.7")
async def test_wrong_and_ended_numbers_read_the_same(relay, browser):
    async with rep(relay) as maria, tab_of(browser) as tab:
        session = await maria.start_session()
        await maria.ask("session.end", requests.SessionEnd(session_id=session.id))
        hint = tab.page.locator("#hint")
        await tab.join(f"{relay.url}/join", number=session.number)
        await expect(hint).to_contain_text("no open session")
        ended = await hint.inner_text()
        await tab.join(f"{relay.url}/join", number="000000000")
        await expect(hint).to_have_text(ended)
        await tab.page.fill("#field-number", "12")
        await tab.page.click("#join-send")
        await expect(hint).to_contain_text("nine digits")
        await tab.page.goto(relay.url)
        await tab.join(session.link)
        await tab.screen("over")
        await tab.page.click("#over-by_number")
        await expect(tab.page.locator("#field-number")).to_be_visible()


@pytest.mark.rule("B-2.5")
async def test_a_taken_session_says_so_and_shows_nothing(relay, browser):
    async with rep(relay) as maria, page(relay.url) as first, tab_of(browser) as tab:
        session = await maria.start_session()
        await first.join("Ion Secret", link=session.link)
        await tab.join(session.link)
        await tab.screen("over")
        await expect(tab.page.locator("#title")).to_contain_text("already in this session")
        assert "Ion Secret" not in await tab.page.inner_text("body")


@pytest.mark.rule("B-2.6", "B-7.1")
async def test_consent_names_everybody_and_stop_acts_at_once(relay, browser):
    async with visit(relay, browser) as (maria, _, tab):
        await ask_view(maria)
        await tab.screen("asked")
        await expect(tab.page.locator("#asked-who")).to_contain_text("Ana")
        assert await tab.page.evaluate("picker.opened") == 0
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        assert await tab.page.evaluate("[picker.opened, picker.gesture]") == [1, True]
        running = await activity(maria, ActivityState.RUNNING)
        assert (running.source, running.width, running.height) == (Source.WINDOW, 800, 600)
        await expect(tab.page.locator("#live-words")).to_have_text("Ana sees your screen")
        states = await tab.page.evaluate(
            "(document.getElementById('stop').click(), picker.tracks.map(track => track.readyState))"
        )
        assert states == ["ended"], "stopped in the very click, before any network"
        assert (await activity(maria, ActivityState.ENDED)).end is ActivityEnd.STOPPED
        await tab.screen("waiting")
        await expect(tab.page.locator("#live")).to_be_hidden()


@pytest.mark.rule("B-7.1")
async def test_not_now_and_a_closed_picker(relay, browser):
    async with visit(relay, browser) as (maria, _, tab):
        await ask_view(maria)
        await tab.screen("asked")
        await tab.page.evaluate("picker.refuse = 'NotAllowedError'")
        await tab.page.click("#asked-allow")
        await expect(tab.page.locator("#hint")).to_contain_text("Nothing was chosen")
        await tab.screen("asked")
        await tab.page.click("#asked-not_now")
        assert (await activity(maria, ActivityState.ENDED)).end is ActivityEnd.DENIED
        await tab.screen("waiting")


@pytest.mark.rule("B-7.1")
async def test_the_rep_stops_and_the_track_ends(relay, browser):
    async with visit(relay, browser) as (maria, _, tab):
        activity_id = await ask_view(maria)
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        stop = requests.ActivityStop(session_id=maria.session_id, activity_id=activity_id)
        await maria.ask("activity.stop", stop)
        await tab.screen("waiting")
        assert await tab.page.evaluate("picker.tracks.map(track => track.readyState)") == ["ended"]
        await expect(tab.page.locator("#toast")).to_contain_text("no longer visible")


@pytest.mark.rule("B-7.1", "B-12.4")
async def test_a_reload_comes_back_and_offers_to_share_again(relay, browser):
    async with visit(relay, browser) as (maria, _, tab):
        await ask_view(maria)
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        await tab.say("before")
        await tab.sees_lines("before")
        await tab.page.reload()
        await tab.screen("again")
        await tab.sees_lines("before")
        assert (await activity(maria, ActivityState.ENDED)).end is ActivityEnd.PAGE_RELOADED
        await tab.page.click("#again-yes")
        await tab.screen("sharing")
        await activity(maria, ActivityState.RUNNING)
        await tab.page.click("#stop")
        await tab.page.reload()
        await tab.screen("waiting")  # stopped by himself: nothing is offered


@pytest.mark.rule("B-12.4")
async def test_a_closed_page_is_told_apart_and_the_link_leads_back(relay, browser):
    async with rep(relay) as maria:
        session = await maria.start_session()
        async with tab_of(browser) as tab:
            await tab.join(session.link)
            await tab.screen("waiting")
            await tab.say("first")
            await tab.sees_lines("first")
        lost = await maria.wait_fact(events.ParticipantConnection)
        assert lost.connection is Connection.CLOSED_PAGE
        async with tab_of(browser) as tab:
            await tab.page.goto(session.link)
            await tab.screen("waiting")
            await tab.sees_lines("first")
        assert len([fact for fact in maria.facts if isinstance(fact, events.ParticipantJoined)]) == 1


@pytest.mark.rule("B-12.4")
async def test_a_second_tab_takes_over(relay, browser):
    async with visit(relay, browser) as (_, session, tab), tab_of(browser) as second:
        await second.page.goto(session.link)
        await second.screen("waiting")
        await tab.screen("over")
        await expect(tab.page.locator("#title")).to_contain_text("another tab")


@pytest.mark.rule("B-12.1")
async def test_leaving_asks_first_and_the_end_is_told(relay, browser):
    async with visit(relay, browser) as (maria, session, tab):
        kept = "localStorage.getItem('support.sessions')"
        assert session.id in await tab.page.evaluate(kept)
        await tab.page.click("#leave")
        await tab.page.click("#sure-stay")
        await tab.screen("waiting")
        await tab.page.click("#leave")
        await tab.page.click("#sure-leave")
        await tab.screen("over")
        left = await maria.wait_fact(events.ParticipantLeft)
        assert left.reason is LeaveReason.LEFT
        assert session.id not in await tab.page.evaluate(kept)
        await tab.join(f"{relay.url}/join", number=session.number)
        await tab.screen("waiting")
        await tab.page.click("#leave")
        await tab.page.click("#sure-leave")
        await tab.page.click("#over-join_again")
        await expect(tab.page.locator("#field-number")).to_have_value(session.number)
        await expect(tab.page.locator("#field-name")).to_have_value("Ana Pop")
        await tab.page.click("#join-send")
        await tab.screen("waiting")
    async with visit(relay, browser) as (maria, session, tab):
        await maria.ask("session.end", requests.SessionEnd(session_id=session.id))
        await tab.screen("over")
        await expect(tab.page.locator("#title")).to_have_text("The session is over")


@pytest.mark.rule("B-12.5")
async def test_a_relay_restart_loses_and_doubles_nothing(browser, tmp_path):
    with RelayProcess(tmp_path) as relay:
        async with visit(relay, browser) as (_, session, tab):
            await tab.say("one")
            await tab.sees_lines("one")
            await asyncio.to_thread(relay.kill9)
            await expect(tab.page.locator("#link-words")).to_contain_text("reconnecting")
            await tab.say("two")
            await tab.say("three")
            await expect(tab.page.locator(".pending")).to_have_count(2)
            await asyncio.to_thread(relay.start)
            await tab.sees_lines("one", "two", "three")
            async with rep(relay) as maria:
                await maria.resume(session.id)
                assert maria.lines == ["one", "two", "three"]


async def test_the_language_switches_without_a_reload(relay, browser):
    async with visit(relay, browser) as (_, _, tab):
        await tab.page.fill("#text", "half a senten")
        await tab.page.select_option("#language", "ro")
        await expect(tab.page.locator("#title")).to_contain_text("Sunteți în legătură")
        assert await tab.page.get_attribute("html", "lang") == "ro"
        assert await tab.page.input_value("#text") == "half a senten"
        await tab.page.select_option("#language", "en")
        await expect(tab.page.locator("#title")).to_contain_text("You are connected")
