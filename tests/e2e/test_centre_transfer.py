"""Transfer Session between three apps: two agents at once, a queue, all decline, nobody answers, one who crashes."""

import asyncio
import re
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.harness.team import Desk, Guest, Team, now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

MESSAGE = "Driver removed, printer still red."


@pytest_asyncio.fixture(loop_scope="session")
async def short_offers(team: Team) -> AsyncIterator[None]:
    """Agents have five seconds to answer, not thirty; the relay takes that up within seconds."""
    await asyncio.to_thread(team.operator, "setting", "set", "offer_s", "5")
    yield
    await asyncio.to_thread(team.operator, "setting", "set", "offer_s", "30")


async def offered(desk: Desk, former: Desk, message: str) -> None:
    """Wait until a chosen agent reads who passes the customer on, and why."""
    await desk.reads("inbox.from_rep", name=former.name)
    await desk.reads_text(message)


async def taken_over(guest: Guest, by: Desk) -> None:
    """Wait until the customer reads who is there now."""
    await guest.screen("waiting")
    await guest.reads("#card", "waiting.new_title", name=by.name)
    await guest.reads("#lines", "mark.accepted", name=by.name)
    await by.reads("state.joined.title", name=guest.name)


@pytest.mark.rule("B-10.1", "B-10.2", "B-10.3", "B-10.4")
async def test_two_agents_are_asked_and_the_first_wins(team: Team):
    elena, dan, radu = team.desks
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.sees(ana)
    await ana.say("It stays red.")
    await elena.app.session(lambda one: len(one["view"]["chat"]) == 1)
    await elena.pass_on(MESSAGE, agents=(dan.name, radu.name))
    await ana.screen("passed_on")
    await ana.reads("#card", "queue.passed_agents", former=elena.name)
    await ana.reads("#lines", "notice.share_over_transfer")
    await expect(ana.page.locator("#live")).to_be_hidden()
    await elena.reads("gone.transferred", name="Ana P.")
    await elena.app.until(lambda sessions: sessions == [], "sessions")
    for desk in (dan, radu):
        await offered(desk, elena, MESSAGE)
    # It is said to the others for five seconds only: somebody looks from before it can come.
    _, taken = await asyncio.gather(dan.reads("notify.offer_gone", "app", name="Ana P."), radu.accept("Ana P."))
    assert [line["text"] for line in taken["view"]["chat"]] == ["It stays red."]
    await taken_over(ana, radu)
    await dan.no_more("inbox.from_rep", name=elena.name)
    # The picture comes to whoever has the session now, asked anew.
    moved = now_code()
    await radu.sees(ana)
    await radu.app.code(above=moved)
    assert await ana.lines() == ["It stays red."]


@pytest.mark.rule("B-10.3", "B-10.4", "B-11.2")
async def test_to_a_queue_where_any_agent_may_take_it(team: Team):
    elena, dan, radu = team.desks
    session = await dan.start()
    ion = await team.joined("Ion B.", session, "ro")
    await ion.screen("waiting")
    await dan.pass_on(MESSAGE, queue="Support")
    await ion.screen("queued")
    await ion.reads("#card", "queue.passed_queue", former=dan.name, queue="Support")
    await ion.reads("#card", "queue.next")
    await expect(ion.page.locator("#wait")).to_contain_text(
        re.compile("Timp de așteptare estimat:|Încă nu se știe cât va dura")  # whether others were helped before
    )
    await ion.reads_only_his_language()
    await dan.reads_only_his_language()
    for desk in (elena, radu):
        await desk.reads("inbox.from_rep_queue", name=dan.name, queue="Support")
        await desk.reads_text(MESSAGE)
    await elena.accept("Ion B.")
    await taken_over(ion, elena)
    await radu.no_more("inbox.from_rep_queue", name=dan.name, queue="Support")


@pytest.mark.rule("B-10.4")
async def test_all_decline_and_the_default_queue_has_it(team: Team):
    elena, dan, radu = team.desks
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.pass_on(MESSAGE, agents=(dan.name, radu.name))
    for desk in (dan, radu):
        await offered(desk, elena, MESSAGE)
        await desk.decline("Ana P.")
    await ana.screen("queued")
    await ana.reads("#card", "queue.next")
    await ana.reads("#lines", "mark.queued", queue="Support")
    for desk in team.desks:
        await desk.reads("inbox.from_rep_queue", name=elena.name, queue="Support")
    await dan.accept("Ana P.")
    await taken_over(ana, dan)


@pytest.mark.slow
@pytest.mark.rule("B-10.4")
async def test_nobody_answers_and_the_default_queue_has_it(team: Team, short_offers: None):
    elena, dan, radu = team.desks
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.pass_on(MESSAGE, agents=(dan.name,))
    await offered(dan, elena, MESSAGE)
    await ana.screen("passed_on")
    await ana.screen("queued", 40_000)
    await ana.reads("#lines", "mark.queued", queue="Support")
    await radu.accept("Ana P.")
    await taken_over(ana, radu)
    await dan.no_more("inbox.from_rep_queue", name=elena.name, queue="Support")


@pytest.mark.rule("B-12.5")
async def test_an_agent_crashes_after_accepting_and_comes_back(team: Team):
    elena, dan, radu = team.desks
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    await elena.pass_on(MESSAGE, agents=(dan.name, radu.name))
    await offered(dan, elena, MESSAGE)
    await dan.accept("Ana P.")
    await taken_over(ana, dan)
    await dan.sees(ana)
    await dan.app.kill9()
    await ana.page.bring_to_front()
    await ana.reads("#lines", "notice.lost", name=dan.name)
    crashed = now_code()
    await team.restart(dan)
    await ana.reads("#lines", "notice.back", name=dan.name)
    # He shares still, so the picture returns by itself; nobody is asked again.
    await dan.app.code(above=crashed)
    await ana.screen("sharing")
    await dan.can("end_session")
