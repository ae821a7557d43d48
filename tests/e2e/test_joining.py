"""Coming in: by link, by number, with a wrong number, into a session that is taken or has ended."""

import pytest
from playwright.async_api import expect

from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest.mark.rule("B-2.3", "B-2.4")
async def test_by_number(centre: Centre):
    session = await centre.start_session()
    number = session["view"]["number"]
    ana = await centre.customer("Ana P.")
    await ana.join(f"{centre.relay.url}/join", f"{number[:3]} {number[3:6]} {number[6:]}")
    await ana.screen("waiting")
    await expect(ana.page.locator("#rep")).to_have_text("Maria G.")
    joined = await centre.app.session(lambda one: len(one["view"]["participants"]) == 2)
    customer = next(person for person in joined["view"]["participants"] if person["role"] == "primary")
    assert customer["name"] == "Ana P."
    # What the page found out about its browser has reached the rep, and stands on his screen in words.
    await centre.app.session(
        lambda one: any(person["device"]["screen"] == "yes" for person in one["view"]["participants"])
    )
    await centre.app.until(lambda texts: any("Can show the screen" in text for text in texts), "texts")


@pytest.mark.rule("B-12.4", "B-12.5")
async def test_whoever_came_by_number_goes_on_in_the_tab_of_his_choice(centre: Centre):
    session = await centre.start_session()
    here, there = await centre.customer("Ana P."), await centre.customer("Ana P.")
    for tab in (here, there):
        await tab.join(f"{centre.relay.url}/join", session["view"]["number"])
        await tab.screen("waiting")
    await here.screen("over")
    await here.page.bring_to_front()
    await here.page.click("#over-use_here")
    await here.screen("waiting")
    await there.screen("over")
    now = await centre.app.session(lambda one: one["id"] == session["id"])
    assert [person["name"] for person in now["view"]["participants"]] == ["Maria G.", "Ana P."]


@pytest.mark.rule("B-2.5", "B-2.7")
async def test_wrong_and_ended_numbers_read_alike(centre: Centre):
    session = await centre.start_session()
    await centre.app.do("end", session_id=session["id"])
    hints = []
    for number in ("100000001", session["view"]["number"]):
        guest = await centre.customer("Guest")
        await guest.join(f"{centre.relay.url}/join", number)
        await expect(guest.page.locator("#hint")).not_to_be_empty()
        await guest.screen("join")
        hints.append(await guest.page.locator("#hint").inner_text())
    assert hints[0] == hints[1]


@pytest.mark.rule("B-2.5")
async def test_a_taken_session_stays_closed_and_quiet(centre: Centre):
    session, ana = await centre.joined("Ana P.")
    stranger = await centre.customer("Stranger")
    # A person of his own: nothing of the first customer's browser is there.
    await stranger.page.add_init_script("localStorage.clear(); sessionStorage.clear();")
    await stranger.join(session["view"]["link"])
    await stranger.screen("over")
    await expect(stranger.page.locator("#title")).to_contain_text("already")
    now = await centre.app.session(lambda one: one["id"] == session["id"])
    assert [person["name"] for person in now["view"]["participants"]] == ["Maria G.", "Ana P."]
    await ana.screen("waiting")
