"""The page among several people in Firefox: entry form, place in line, passed on, let in, survey and summary."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Iterator

import pytest
import pytest_asyncio

from support_manager.protocol import events, requests
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.display import Display
from tests.harness.firefox import Firefox, FirefoxTab
from tests.harness.relay import Client, RelayProcess, rep
from tests.integration.test_page_people import accept, agent_opens, assist, offered, person

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.slow]

KEEP_SAVED = """(() => {
  const make = URL.createObjectURL.bind(URL);
  URL.createObjectURL = (blob) => { blob.text().then((text) => { window.saved = text; }); return make(blob); };
  return true;
})()"""
"""The file to be saved is read from the page, whatever the browser does with it afterwards."""


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        for name in ("ana", "dan"):
            process.add_user(name, name.title())
            (process.data / f".test-account-{name}").touch()
            process.operate("user", "set", name, "--agent", "--mode", "choice")
            process.operate("queue", "member", "add", "support", name)
        process.operate("queue", "add", "night", "Night shift", "--hours", "never")
        yield process


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def firefox() -> AsyncIterator[Firefox]:
    async with Display(960, 1080) as display, Firefox(display.environment(), locale="ro-RO") as browser:
        yield browser


async def screen(tab: FirefoxTab, name: str) -> None:
    await tab.until(f"document.querySelector('#card')?.dataset.screen === '{name}'", f"screen {name}")


async def says(tab: FirefoxTab, selector: str, words: str) -> None:
    await tab.until(f"document.querySelector('{selector}')?.innerText.includes('{words}')", f"{selector}: {words}")


async def complete(tab: FirefoxTab) -> None:
    """No sentence is missing, and nothing is wider than the window."""
    missing = r"document.body.innerText.match(/(?:^|\s)[a-z_]+\.[a-z_]+(?=\s|$)/m)?.[0] ?? ''"
    assert await tab.evaluate(missing) == ""
    assert await tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.rule("B-11.1", "B-11.2", "B-10.2", "B-10.3", "B-10.4", "B-12.7")
async def test_from_the_entry_form_to_the_summary_in_firefox(relay: RelayProcess, firefox: Firefox):
    tab = await firefox.new_tab()
    await tab.goto(f"{relay.url}/help/night")
    await screen(tab, "closed")
    await complete(tab)
    await tab.goto(f"{relay.url}/help/support")
    await screen(tab, "enter")
    await tab.click("#enter-send")
    await tab.until("document.activeElement?.id === 'field-name'", "the cursor in what is missing")
    await says(tab, "#hint", "numele")
    await tab.type("#field-name", "Ioana Țăranu")
    await tab.type("#field-email", "ioana@example.com")
    await tab.type("#field-problem", "Clipește roșu")
    await complete(tab)
    await tab.click("#enter-send")
    await screen(tab, "queued")
    await says(tab, "#title", "Urmați dumneavoastră")
    await complete(tab)
    await tab.type("#text", "becul mic")
    await tab.click("#send")
    await says(tab, "#lines", "becul mic")
    await tab.reload()
    await screen(tab, "queued")
    await says(tab, "#lines", "becul mic")

    async with rep(relay) as ana, rep(relay, "dan") as dan:
        await agent_opens(ana)
        await accept(ana, await offered(ana, "Ioana Țăranu"))
        await screen(tab, "waiting")
        await says(tab, "#title", "Ana")
        assert ana.session is not None
        assert ana.session.intake is not None
        assert (ana.session.intake.problem, ana.lines) == ("Clipește roșu", ["becul mic"])

        await agent_opens(dan)
        account = (await asyncio.to_thread(relay.sign_in, "dan")).account.id
        passed = requests.SessionTransfer(session_id=ana.session.id, agents=(account,), message="Only for Dan")
        await ana.ask("session.transfer", passed)
        await screen(tab, "passed_on")
        await says(tab, "#line-lead", "Ana")
        assert "Only for Dan" not in await tab.evaluate("document.body.innerText"), "the message is the agents'"
        await complete(tab)
        await dan.ask("offer.decline", requests.OfferDecline(session_id=await offered(dan, "Ioana Țăranu")))
        await screen(tab, "queued")
        await accept(dan, ana.session.id)
        await screen(tab, "waiting")
        await says(tab, "#title", "Dan")
        await assist(ana, ana.session.number)
        await tab.until("document.querySelectorAll('#people li').length === 3", "who is here")
        cut = "(({scrollHeight, clientHeight}) => scrollHeight - clientHeight)(document.querySelector('#people'))"
        assert await tab.evaluate(cut) == 0, "it can be read where the room is short, too"
        await dan.ask("session.end", requests.SessionEnd(session_id=ana.session.id))

    await screen(tab, "over")
    await complete(tab)
    await tab.click("#survey-send")
    await tab.until("document.activeElement?.id === 'rating-5'", "the answer that is missing")
    await tab.click("#rating-4")
    await tab.type("#field-comment", "Mulțumesc")
    await tab.click("#survey-send")
    await tab.until("document.querySelector('#thanks')?.checkVisibility()")
    await tab.evaluate(KEEP_SAVED)
    await tab.click("#summary-save")
    saved = await tab.until("window.saved", "the summary")
    for words in ("Ioana Țăranu", "becul mic", "Ana", "Dan", "Clipește roșu", "Dan a încheiat sesiunea."):
        assert words in saved
    assert "Only for Dan" not in saved
    # Firefox's own word, now and then, about a WebSocket that was open when its page went.
    interrupted = f"ws://{relay.url.removeprefix('http://')}/socket.io/?EIO=4&transport=websocket was interrupted"
    gone = f"error: The connection to {interrupted} while the page was loading."
    assert [line for line in firefox.console if line != gone] == []


@pytest.mark.rule("B-2.5", "B-5.1")
async def test_who_waits_at_the_door_is_let_in_and_watches_in_firefox(relay: RelayProcess, firefox: Firefox):
    async with rep(relay) as ana:
        request = requests.SessionStart(request_id=secrets.token_urlsafe(16), mode=Mode.SINGLE)
        ana.session = (await ana.ask("session.start", request)).session
        first, second = Client(relay.url), await firefox.new_tab()
        await first.connect()
        try:
            await first.join("Vlad", link=ana.session.link)
            await second.goto(ana.session.link)
            await second.type("#field-name", "Ioana")
            await second.click("#join-send")
            await screen(second, "let_in")
            await complete(second)
            assert "Vlad" not in await second.evaluate("document.body.innerText"), "nothing is known outside"
            waiting = await person(ana, "Ioana")
            assert waiting.role is Role.WAITING
            admitted = requests.CustomerAdmit(session_id=ana.session.id, participant_id=waiting.id, accept=True)
            await ana.ask("customer.admit", admitted)
            await screen(second, "watching")
            await says(second, "#people", "Vlad")
            await complete(second)
            await ana.wait_fact(events.ParticipantChanged)
            await ana.ask("session.end", requests.SessionEnd(session_id=ana.session.id))
            await screen(second, "over")
            await second.until(
                "document.querySelector('#survey-form')?.checkVisibility()", "he watched, so he is asked"
            )
        finally:
            await first.close()
