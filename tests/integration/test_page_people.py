"""The customer's page among several people, in real Chromium with a real relay: roles, control, queues, the end."""

import asyncio
import json
import secrets
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import pytest_asyncio
from playwright.async_api import expect

from support_manager.protocol import events, requests, signals
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode, ParticipantView, SessionView
from tests.harness.chromium import Chromium
from tests.harness.relay import Client, RelayProcess, rep
from tests.harness.site_visitor import SiteVisitor
from tests.integration.test_page_for_everyone import FAULTS
from tests.integration.test_page_in_chromium import PATIENCE_MS, PICKER, Tab, activity, tab_of

pytestmark = [pytest.mark.browser, pytest.mark.asyncio(loop_scope="module")]

FORGET = """
// Tabs are different people here, who share no storage as two tabs of one person do.
if (!sessionStorage.getItem('somebody')) {
  sessionStorage.setItem('somebody', 'is here');
  localStorage.clear();
}
"""

ANOTHER_CHECK = """
async () => {
  // A microphone comes or goes, and the form is drawn anew.
  const media = navigator.mediaDevices;
  const had = (await media.enumerateDevices()).some(({ kind }) => kind === 'audioinput');
  media.enumerateDevices = async () => (had ? [] : [{ kind: 'audioinput' }]);
  const line = document.querySelector('[data-part=microphone]');
  media.dispatchEvent(new Event('devicechange'));
  while (line.isConnected) await new Promise((done) => setTimeout(done, 20));
}
"""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        for name in ("ana", "dan"):
            process.add_user(name, name.title())
            (process.data / f".test-account-{name}").touch()
            process.operate("user", "set", name, "--agent", "--mode", "choice")
            process.operate("queue", "member", "add", "support", name)
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser() -> AsyncIterator[Chromium]:
    async with Chromium(headless=True, locale="en-GB") as chromium:
        await chromium.context.add_init_script(PICKER)
        await chromium.context.add_init_script(FORGET)
        yield chromium


async def start(client: Client, mode: Mode = Mode.MULTI) -> SessionView:
    started = await client.ask("session.start", requests.SessionStart(request_id=secrets.token_urlsafe(16), mode=mode))
    client.session = started.session
    return client.session


async def person(client: Client, name: str) -> ParticipantView:
    """A participant as this rep knows him by now."""

    def known() -> ParticipantView | None:
        found = {one.name: one for one in client.session.participants} if client.session else {}
        for fact in client.facts:
            if isinstance(fact, events.ParticipantJoined | events.ParticipantChanged):
                found[fact.participant.name] = fact.participant
        return found.get(name)

    found = await client.wait(known)
    assert found is not None
    return found


async def assist(client: Client, number: str) -> None:
    inside = await client.ask(
        "session.assist", requests.SessionAssist(request_id=secrets.token_urlsafe(16), number=number)
    )
    client.session = inside.session


async def give_control(client: Client, name: str) -> None:
    to = (await person(client, name)).id
    await client.ask("control.transfer", requests.ControlTransfer(session_id=client.session_id, to=to))


async def ask_view(client: Client, name: str) -> None:
    await client.ask(
        "activity.ask",
        requests.ActivityAsk(
            session_id=client.session_id,
            request_id=secrets.token_urlsafe(16),
            kind=ActivityKind.VIEW,
            subject=(await person(client, name)).id,
        ),
    )


async def offer(client: Client) -> signals.Offer:
    """The newest offer of a media connection that reached this rep's app."""

    def found() -> events.SignalReceived | None:
        offers = [e for n, e in client.events if n == "signal" and isinstance(e.signal, signals.Offer)]
        return offers[-1] if offers else None

    return await client.wait(found)


async def admit(client: Client, name: str, *, accept: bool = True) -> None:
    who = await person(client, name)
    assert who.role is Role.WAITING
    await client.ask(
        "customer.admit",
        requests.CustomerAdmit(session_id=client.session_id, participant_id=who.id, accept=accept),
    )


async def says(tab: Tab, selector: str, text: str) -> None:
    await expect(tab.page.locator(selector)).to_contain_text(text, timeout=PATIENCE_MS)


@pytest.mark.rule("B-2.5")
async def test_who_waits_reads_it_sees_nothing_and_is_let_in_or_turned_away(relay, browser):
    async with rep(relay) as ana, tab_of(browser) as first, tab_of(browser) as second, tab_of(browser) as third:
        session = await start(ana, Mode.SINGLE)
        await first.join(session.link, "Ioana")
        await first.screen("waiting")
        await first.say("a secret between us")
        await first.sees_lines("a secret between us")
        await second.join(session.link, "Vlad")
        await second.screen("let_in")
        await expect(second.page.locator("#chat")).to_be_hidden()
        await expect(second.page.locator("#people")).to_be_hidden()
        assert "Ana" not in await second.page.inner_text("body")
        assert "Vlad" not in await first.page.inner_text("body")  # who waits is the reps' business
        await admit(ana, "Vlad")
        await second.screen("watching")
        await says(second, "#card", "Ana is helping Ioana")
        assert await second.lines() == []  # what was said before he came stays between them
        await says(first, "#lines", "Vlad has joined.")
        await third.join(session.link, "Radu")
        await third.screen("let_in")
        await admit(ana, "Radu", accept=False)
        await third.screen("over")
        await says(third, "#title", "You were not let in")
        await expect(third.page.locator("#summary-save")).to_have_count(0)
        await ana.ask("session.lock", requests.SessionLock(session_id=session.id, locked=True))
        await third.join(f"{relay.url}/join?late{session.link[session.link.index('#') :]}", "Mihai")
        await third.screen("over")
        await says(third, "#title", "This session is locked")


@pytest.mark.rule("B-1.2", "B-5.2", "B-5.3")
async def test_another_customer_is_helped_and_nobodys_share_goes_on(relay, browser):
    async with rep(relay) as ana, tab_of(browser) as ioana, tab_of(browser) as vlad:
        session = await start(ana, Mode.SINGLE)
        await ioana.join(session.link, "Ioana")
        await ioana.screen("waiting")
        await vlad.join(session.link, "Vlad")
        await admit(ana, "Vlad")
        await vlad.screen("watching")
        await expect(vlad.page.locator("#waiting-show")).to_have_count(0)
        await expect(vlad.page.locator("#people li")).to_have_count(3)
        await says(vlad, "#people li[data-role=primary]", "Ioana")
        await says(vlad, "#people li[data-role=secondary]", "follows along")
        await ask_view(ana, "Ioana")
        await ioana.screen("asked")
        await says(ioana, "#asked-who", "Ana and Vlad")
        await ioana.page.click("#asked-allow")
        await ioana.screen("sharing")
        await says(ioana, "#live-words", "Ana and Vlad see your screen")
        await says(vlad, "#people li[data-role=primary]", "shows the screen")
        who = (await person(ana, "Vlad")).id
        await ana.ask("customer.select", requests.CustomerSelect(session_id=session.id, participant_id=who))
        await ioana.screen("watching")
        await expect(ioana.page.locator("#live")).to_be_hidden()
        assert await ioana.page.evaluate("picker.tracks.map((track) => track.readyState)") == ["ended"]
        await says(ioana, "#lines", "Somebody else is being helped now, so sharing has ended.")
        assert (await activity(ana, ActivityState.ENDED)).end is ActivityEnd.CUSTOMER_SWITCHED
        await vlad.screen("waiting")
        await says(vlad, "#title", "It is your turn: Ana is helping you now")
        await expect(vlad.page.locator("#waiting-show")).to_be_visible()
        await vlad.say("thank you")
        await ioana.sees_lines("thank you")
        for tab in (ioana, vlad):
            await says(tab, ".mark-line", "Vlad is being helped now.")
        back = (await person(ana, "Ioana")).id
        await ana.ask("customer.select", requests.CustomerSelect(session_id=session.id, participant_id=back))
        await ioana.screen("waiting")
        await vlad.screen("watching")
        await vlad.page.click("#leave")
        await vlad.page.click("#sure-leave")
        await vlad.screen("over")
        await says(ioana, "#lines", "Vlad has left.")


@pytest.mark.rule("B-9.2", "B-9.4", "B-7.4")
async def test_control_moves_and_the_new_rep_asks_again(relay, browser):
    async with rep(relay) as ana, rep(relay, "dan") as dan, tab_of(browser) as tab:
        session = await start(ana)
        await tab.join(session.link, "Ioana")
        await tab.screen("waiting")
        await tab.say("it stays red")
        await assist(dan, session.number)
        await says(tab, "#people li[data-role=assistant]", "assists")
        await ask_view(ana, "Ioana")
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        first = await offer(ana)
        await give_control(ana, "Dan")
        await tab.screen("waiting")
        assert await tab.page.evaluate("picker.tracks.map((track) => track.readyState)") == ["ended"]
        await says(tab, "#title", "Dan is with you now")
        await says(tab, "#news", "Ana has given control to Dan")
        await says(tab, ".mark-line", "Ana has given control to Dan")
        await says(tab, "#lines", "Another representative takes over, so sharing has ended. Nobody sees your screen.")
        await says(tab, "#people li[data-role=controller]", "Dan")
        await tab.page.set_viewport_size({"width": 1280, "height": 800})
        assert not await tab.page.evaluate("document.documentElement.scrollHeight > innerHeight")
        await tab.sees_lines("it stays red")
        second = await offer(dan)
        assert second.epoch > first.epoch
        assert second.sender == first.sender
        assert ana.session is not None
        dan.events.clear()
        await ask_view(dan, "Ioana")
        await tab.screen("asked")
        await says(tab, "#title", "Dan asks to see your screen")
        await says(tab, "#asked-who", "Dan and Ana")
        await give_control(dan, "Ana")
        await tab.screen("waiting")
        await says(tab, "#title", "Ana is with you now")
        await ana.wait(lambda: len([e for n, e in ana.events if n == "signal" and e.epoch > second.epoch]) > 0)


async def test_nothing_is_said_of_the_source_where_the_browser_hides_it(relay, browser):
    async with rep(relay) as ana, tab_of(browser) as tab:
        session = await start(ana)
        await tab.join(session.link, "Ioana")
        await tab.screen("waiting")
        await tab.page.evaluate("""() => {
          const pick = navigator.mediaDevices.getDisplayMedia;
          navigator.mediaDevices.getDisplayMedia = async () => {
            const stream = await pick();
            stream.getVideoTracks()[0].getSettings = () => ({width: 800, height: 600});
            return stream;
          };
        }""")
        await tab.page.click("#waiting-show")
        await tab.screen("sharing")
        await says(tab, "#title", "You are showing your screen")
        assert "Being shown" not in await tab.page.inner_text("#card")


@pytest.mark.rule("B-10.3")
async def test_a_session_that_is_passed_on_loses_nobody(relay, browser):
    async with rep(relay) as ana, rep(relay, "dan") as dan, tab_of(browser) as tab:
        session = await start(ana)
        await tab.join(session.link, "Ioana")
        await tab.screen("waiting")
        await tab.say("it stays red")
        await tab.page.click("#waiting-show")
        await tab.screen("sharing")
        await says(tab, "#card", "Being shown: one window")
        account = (await asyncio.to_thread(relay.sign_in, "dan")).account.id
        await ana.ask(
            "session.transfer",
            requests.SessionTransfer(session_id=session.id, agents=(account,), message="her printer"),
        )
        await tab.screen("passed_on")
        assert await tab.page.evaluate("picker.tracks.map((track) => track.readyState)") == ["ended"]
        await says(tab, "#title", "You are being passed on")
        await tab.page.set_viewport_size({"width": 900, "height": 760})
        below = "toast.getBoundingClientRect().top >= title.getBoundingClientRect().bottom"
        assert await tab.page.evaluate(below), "what is said once covers no title"
        await says(tab, "#line-lead", "Ana is passing you on to a colleague")
        await says(tab, ".mark-line", "Ana passes the session on to a colleague.")
        assert "Ana has left" not in await tab.page.inner_text("#lines"), "the line across says it"
        assert "her printer" not in await tab.page.inner_text("body")
        await tab.say("still here")
        await tab.sees_lines("it stays red", "still here")
        await expect(tab.page.locator("#waiting-show")).to_have_count(0)
        await tab.page.reload()
        await tab.screen("passed_on")
        await tab.sees_lines("it stays red", "still here")
        inside = await dan.ask("offer.accept", requests.OfferAccept(session_id=session.id))
        dan.session = inside.session
        await tab.screen("waiting")
        await says(tab, "#title", "Dan is with you now")
        assert dan.lines == ["it stays red", "still here"]
        await offer(dan)


def queue_of(relay: RelayProcess, slug: str) -> dict[str, object]:
    with urlopen(f"{relay.url}/api/queue/{slug}", timeout=10) as answer:
        found: dict[str, object] = json.load(answer)["value"]
        return found


@pytest.mark.rule("B-11.1")
async def test_the_entry_page_says_whether_the_queue_is_open(relay, browser):
    await asyncio.to_thread(relay.operate, "queue", "add", "night", "Night shift", "--hours", "never")
    found = await asyncio.to_thread(queue_of, relay, "support")
    assert (found["name"], found["is_open"], found.get("opens_at")) == ("Support", True, None)
    with pytest.raises(HTTPError) as refused:
        await asyncio.to_thread(queue_of, relay, "nobody")
    assert json.load(refused.value)["code"] == "queue_unknown"
    async with tab_of(browser) as tab:
        await tab.page.goto(f"{relay.url}/help/night")
        await tab.screen("closed")
        await says(tab, "#title", "Night shift is closed at the moment")
        await says(tab, "#opens", "When it opens again is not known yet.")
        await asyncio.to_thread(relay.operate, "queue", "set", "night", "--hours", "always")
        await tab.page.click("#closed-look")
        await tab.screen("enter")
        await tab.page.goto(f"{relay.url}/help/nobody")
        await tab.screen("no_queue")
        await tab.page.goto(f"{relay.url}/help/Not/a/queue")
        await expect(tab.page.locator("#card")).to_have_count(0)  # the site's own page for unknown addresses
        tab.complaints = [text for text in tab.complaints if "404" not in text]


@pytest.mark.rule("B-11.1", "B-12.1")
async def test_whoever_sent_the_form_from_below_reads_his_place_and_what_leaving_costs(relay, browser):
    async with tab_of(browser) as tab:
        await tab.page.set_viewport_size({"width": 500, "height": 420})
        await tab.page.goto(f"{relay.url}/help/support")
        await tab.screen("enter")
        await tab.page.fill("#field-name", "Ioana")
        await tab.page.fill("#field-problem", "It stays red")
        await tab.page.evaluate("scrollTo(0, document.body.scrollHeight)")
        await tab.page.focus("#enter-send")
        await tab.page.keyboard.press("Enter")
        await tab.screen("queued")
        covered = "document.elementFromPoint(...(({x, y}) => [x + 2, y + 2])(title.getBoundingClientRect()))?.id"
        assert await tab.page.evaluate(covered) == "title", "the strip lies over it, or it is out of sight"
        await tab.page.click("#leave")
        await says(tab, "#sure-text", "You lose your place in line.")
        await tab.page.click("#sure-leave")
        await tab.screen("over")


@asynccontextmanager
async def waiting_in(relay: RelayProcess, browser: Chromium, slug: str, name: str) -> AsyncIterator[Tab]:
    async with tab_of(browser) as tab:
        await tab.page.goto(f"{relay.url}/help/{slug}")
        await tab.screen("enter")
        await tab.page.fill("#field-name", name)
        await tab.page.fill("#field-problem", "It stays red")
        await tab.page.click("#enter-send")
        await tab.screen("queued")
        yield tab


async def agent_opens(client: Client) -> None:
    client.events.append(("inbox", events.InboxChanged(inbox=await client.ask("inbox.open", requests.InboxOpen()))))


async def offered(client: Client, customer: str) -> str:
    """The session of a waiting customer, once this agent is asked about it."""

    def found() -> str:
        inboxes = [payload.inbox for name, payload in client.events if name == "inbox"]
        items = inboxes[-1].items if inboxes else ()
        return next((item.session_id for item in items if item.customer == customer and item.offered), "")

    return await client.wait(found)


async def accept(client: Client, session_id: str) -> None:
    client.session = (await client.ask("offer.accept", requests.OfferAccept(session_id=session_id))).session


@pytest.mark.rule("B-11.1", "B-11.2", "B-10.4")
async def test_who_stands_in_line_sees_his_place_until_an_agent_is_there(relay, browser):
    async with (
        waiting_in(relay, browser, "support", "Ioana") as ioana,
        waiting_in(relay, browser, "support", "Vlad") as vlad,
    ):
        await says(ioana, "#title", "You are next")
        await says(vlad, "#title", "You are number 2 in line")
        await says(vlad, "#line-lead", "Support: you keep your place in line.")
        await says(vlad, "#nobody", "No representative is there at the moment.")
        await expect(vlad.page.locator("#wait")).to_have_count(0)
        await expect(vlad.page.locator("#files-send")).to_be_hidden()
        await asyncio.to_thread(relay.operate, "queue", "set", "support", "--hours", "never")
        await says(vlad, "#opens", "It is closed at the moment. When it opens again is not known yet.")
        await says(vlad, "#announce", "You are number 2 in line. It is closed at the moment.")
        await expect(vlad.page.locator("#wait, #nobody")).to_have_count(0)
        await asyncio.to_thread(relay.operate, "queue", "set", "support", "--hours", "always")
        await expect(vlad.page.locator("#opens")).to_have_count(0)
        await says(vlad, "#announce", "You are number 2 in line. No representative is there at the moment.")
        await vlad.say("the small lamp")
        await vlad.sees_lines("the small lamp")
        await vlad.page.reload()
        await vlad.screen("queued")
        await says(vlad, "#title", "You are number 2 in line")
        async with rep(relay) as ana:
            await agent_opens(ana)
            await says(vlad, "#line-lead", "Support: the next free representative will be with you.")
            await expect(vlad.page.locator("#nobody")).to_have_count(0)
            await says(vlad, "#wait", "How long it will take is not known yet.")
            await expect(vlad.page.locator("#wait")).to_have_css("font-weight", "400")
            await accept(ana, await offered(ana, "Ioana"))
            await ioana.screen("waiting")
            await says(ioana, "#title", "Ana is with you now")
            await says(ioana, ".mark-line", "Ana is with you now.")
            await expect(ioana.page.locator(".note-line", has_text="has joined")).to_have_count(0)
            await offer(ana)
            await says(vlad, "#title", "You are next")
            await expect(vlad.page.locator("#announce")).to_have_text("You are next")
            await accept(ana, await offered(ana, "Vlad"))
            await says(vlad, "#title", "Ana is with you now")
            await expect(vlad.page.locator("#files-send")).to_be_visible(timeout=PATIENCE_MS)
            assert ana.session is not None
            assert ana.session.intake is not None
            assert (ana.session.intake.problem, ana.lines) == ("It stays red", ["the small lamp"])
            await ana.ask("session.end", requests.SessionEnd(session_id=ana.session.id))
            await vlad.screen("over")
            await ioana.page.click("#leave")
            await ioana.page.click("#sure-leave")
            await ioana.screen("over")
            await expect(ioana.page.locator("#survey-form")).to_have_count(0)
            await expect(ioana.page.locator("#over-join_again")).to_have_count(0)
            await ioana.page.click("#over-ask_again")
            await ioana.screen("enter")
            await expect(ioana.page.locator("#field-name")).to_have_value("Ioana")


@pytest.mark.rule("B-10.4")
async def test_when_all_decline_the_customer_is_first_in_line(relay, browser):
    async with rep(relay) as ana, rep(relay, "dan") as dan, tab_of(browser) as tab:
        await agent_opens(dan)
        session = await start(ana)
        await tab.join(session.link, "Ioana")
        await tab.screen("waiting")
        account = (await asyncio.to_thread(relay.sign_in, "dan")).account.id
        await ana.ask("session.transfer", requests.SessionTransfer(session_id=session.id, agents=(account,)))
        await tab.screen("passed_on")
        await dan.ask("offer.decline", requests.OfferDecline(session_id=await offered(dan, "Ioana")))
        await tab.screen("queued")
        await says(tab, "#title", "You are next")
        await says(tab, "#line-lead", "Ana has passed you on to Support")
        await says(tab, "#lines", "In line: Support")
        await dan.ask("offer.accept", requests.OfferAccept(session_id=session.id))
        await says(tab, "#title", "Dan is with you now")


@pytest.mark.rule("B-11.1")
async def test_a_queue_that_closes_while_the_form_is_filled_in_takes_nobody(relay, browser):
    await asyncio.to_thread(relay.operate, "queue", "add", "day", "Day shift")
    async with tab_of(browser) as tab:
        await tab.page.goto(f"{relay.url}/help/day")
        await tab.screen("enter")
        await tab.page.click("#enter-send")
        await expect(tab.page.locator("#field-name")).to_have_attribute("aria-invalid", "true")
        await expect(tab.page.locator("#field-name + #hint")).to_contain_text("Please type your name")
        await tab.page.fill("#field-name", "Ioana")
        await expect(tab.page.locator("#field-name + #hint")).to_have_text("")
        await expect(tab.page.locator("[aria-invalid]")).to_have_count(0)
        below = "document.getElementById('field-email').getBoundingClientRect().top"
        top = await tab.page.evaluate(below)
        await tab.page.evaluate(ANOTHER_CHECK)
        assert await tab.page.evaluate(below) == top, "what is drawn anew later moves nothing either"
        await tab.page.fill("#field-name", "")
        await tab.page.click("#enter-send")
        await expect(tab.page.locator("#field-name + #hint")).to_contain_text("Please type your name")
        await tab.page.fill("#field-name", "Ioana")
        await tab.page.fill("#field-email", "not an address")
        await tab.page.click("#enter-send")
        await says(tab, "#hint", "This is not a complete e-mail address.")
        await tab.page.fill("#field-email", "ioana@example.com")
        await tab.page.select_option("#language", "ro")
        await expect(tab.page.locator("#field-email")).to_have_value("ioana@example.com")  # nothing typed is lost
        await tab.page.select_option("#language", "en")
        await tab.page.fill("#field-problem", "It stays red")
        await asyncio.to_thread(relay.operate, "queue", "set", "day", "--hours", "never")
        await tab.page.click("#enter-send")
        await tab.screen("closed")
        await says(tab, "#title", "Day shift is closed at the moment")


@pytest.mark.slow
@pytest.mark.rule("B-6.3")
async def test_over_the_reps_limit_he_waits_and_comes_in_by_himself(relay, browser):
    await asyncio.to_thread(relay.add_user, "eva", "Eva")
    (relay.data / ".test-account-eva").touch()
    await asyncio.to_thread(relay.operate, "user", "set", "eva", "--limit", "1")
    async with rep(relay, "eva") as eva, tab_of(browser) as first, tab_of(browser) as second:
        one, two = await start(eva), await second_session(eva)
        await first.join(one.link, "Ioana")
        await first.screen("waiting")
        await second.join(two.link, "Vlad")
        await second.screen("let_in")
        await says(second, "#card", "Your representative is helping somebody else at the moment.")
        await first.page.click("#leave")
        await first.page.click("#sure-leave")
        await first.screen("over")
        await second.screen("waiting")
        await says(second, "#title", "You are connected with Eva")


async def second_session(client: Client) -> SessionView:
    """A session besides the one that the client already has."""
    request = requests.SessionStart(request_id=secrets.token_urlsafe(16))
    view: SessionView = (await client.ask("session.start", request)).session
    return view


@pytest.mark.slow
@pytest.mark.rule("B-12.6")
async def test_a_lost_reps_customers_read_each_step(relay, browser):
    """Takes the whole minute after which a controller counts as lost.

    In a queue of its own: customers whom other tests left behind are back in the common one by then.
    """
    await asyncio.to_thread(relay.operate, "queue", "add", "quiet", "Quiet corner")
    await asyncio.to_thread(relay.operate, "queue", "member", "add", "quiet", "ana")
    async with (
        rep(relay, "dan") as dan,
        tab_of(browser) as helped,
        waiting_in(relay, browser, "quiet", "Vlad") as lined,
    ):
        async with rep(relay) as ana:
            await agent_opens(ana)
            await accept(ana, await offered(ana, "Vlad"))
            await lined.screen("waiting")
            session = await start(ana)
            await helped.join(session.link, "Ioana")
            await helped.screen("waiting")
            await assist(dan, session.number)
            await says(helped, "#people", "Dan")
        await says(helped, "#title", "Ana lost the connection")
        await says(helped, "#card", "If not, Dan can take over in a minute.")
        await says(lined, "#card", "If not, in a minute you are first in line")
        minute = 75_000
        await expect(helped.page.locator("#card")).to_contain_text("Dan can take over at any moment", timeout=minute)
        await expect(lined.page.locator("#card")).to_have_attribute("data-screen", "queued", timeout=minute)
        await says(lined, "#title", "You are next")
        await says(lined, "#lines", "In line: Quiet corner")
        await dan.ask("control.take", requests.ControlTake(session_id=session.id))
        await says(helped, "#title", "Dan is with you now")
        await says(helped, ".mark-line", "Dan has taken over, because Ana lost the connection.")
        await offer(dan)


@pytest.mark.slow
@pytest.mark.rule("B-12.7")
async def test_whoever_came_by_a_form_asks_again_after_an_administrators_end(relay, browser):
    await asyncio.to_thread(relay.add_user, "root", "Root")
    await asyncio.to_thread(relay.operate, "user", "set", "root", "--admin")
    waiting = waiting_in(relay, browser, "support", "Ileana")
    async with rep(relay) as ana, SiteVisitor(relay.url) as root, waiting as tab:
        await agent_opens(ana)
        await accept(ana, await offered(ana, "Ileana"))
        await tab.screen("waiting")
        assert ana.session is not None
        await root.sign_in("root")
        await root.post(f"/admin/sessions/{ana.session.id}/end", {"reason": "a test"}, page="/admin/sessions")
        await tab.screen("over")
        assert "invitation" not in await tab.page.inner_text("#card")
        await tab.page.click("#over-ask_again")
        await tab.screen("enter")


@pytest.mark.rule("B-12.7")
async def test_after_the_end_he_is_asked_how_it_went_and_saves_a_summary(relay, browser):
    async with rep(relay) as ana, tab_of(browser) as tab:
        session = await start(ana)
        await tab.join(session.link, "Ioana")
        await tab.screen("waiting")
        await tab.say("it works <b>now</b>")
        await ask_view(ana, "Ioana")
        await tab.page.click("#asked-allow")
        await tab.screen("sharing")
        await ana.ask("session.end", requests.SessionEnd(session_id=session.id))
        await tab.screen("over")
        await says(tab, "#lines > :last-child", "Ana ended the session.")
        await tab.page.click("#survey-send")
        await says(tab, "#hint", "Please choose a number from 1 to 5.")
        await tab.page.check("#rating-4")
        await expect(tab.page.locator("#hint")).to_have_text("")
        await tab.page.fill("#field-comment", "quick and kind")
        async with tab.page.expect_download() as download:
            await tab.page.click("#summary-save")
        saved = await download.value
        assert saved.suggested_filename.startswith(f"support-{session.number}-")
        text = await asyncio.to_thread((await saved.path()).read_text, "utf-8")
        for part in (
            "Ana",
            "Ioana",
            "it works &lt;b&gt;now&lt;/b&gt;",
            "one window (visible to Ana)",
            "Ana asks to see your screen",
            "Ana ended the session.",
        ):
            assert part in text


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_the_new_screens_cut_nothing_on_a_narrow_one_and_have_large_named_controls(relay, browser, language):
    name = "Șerban-Constantin " * 3
    async with rep(relay) as ana, rep(relay, "dan") as dan, tab_of(browser) as tab:
        await tab.page.set_viewport_size({"width": 320, "height": 640})
        await tab.page.goto(f"{relay.url}/help/support")
        await tab.screen("enter")
        await tab.page.select_option("#language", language)
        await expect(tab.page.locator("html")).to_have_attribute("lang", language)
        assert await tab.page.evaluate(FAULTS) == []
        await tab.page.fill("#field-name", name)
        await tab.page.fill("#field-problem", "W" * 200)
        await tab.page.click("#enter-send")
        await tab.screen("queued")
        assert await tab.page.evaluate(FAULTS) == []
        await agent_opens(ana)
        await accept(ana, await offered(ana, name.strip()))
        assert ana.session is not None
        await assist(dan, ana.session.number)
        await expect(tab.page.locator("#people li")).to_have_count(3)
        await give_control(ana, "Dan")
        await expect(tab.page.locator("#news")).to_be_visible()
        assert await tab.page.evaluate(FAULTS) == []
        await dan.ask("session.end", requests.SessionEnd(session_id=ana.session.id))
        await tab.screen("over")
        assert await tab.page.evaluate(FAULTS) == []
