"""Going away: leave, close the page, reload it, end the session, close the rep's window."""

import pytest
from playwright.async_api import expect

from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def customer_is(connection: str):
    return lambda one: any(
        person["role"] == "primary" and person["connection"] == connection for person in one["view"]["participants"]
    )


@pytest.mark.rule("B-12.1")
async def test_the_customer_leaves(centre: Centre):
    session, ana = await centre.joined()
    await ana.page.click("#leave")
    await ana.page.click("#sure-leave")
    await ana.screen("over")
    now = await centre.app.session(lambda one: len(one["view"]["participants"]) == 1)
    assert now["id"] == session["id"]
    await centre.app.until(lambda texts: any("Ana P." in text and "left" in text for text in texts), "texts")


@pytest.mark.rule("B-12.4")
async def test_a_closed_page_is_told_as_such_and_the_link_leads_back(centre: Centre):
    session, ana = await centre.joined()
    await ana.say("one moment")
    await centre.app.session(lambda one: len(one["view"]["chat"]) == 1)
    await ana.page.close(run_before_unload=False)
    await centre.app.session(customer_is("closed_page"), within_s=5)
    await centre.app.until(lambda texts: any("closed" in text.lower() for text in texts), "texts")
    back = await centre.customer("Ana P.")
    await back.page.goto(session["view"]["link"])
    await back.screen("waiting")
    assert await back.lines() == ["one moment"]
    await centre.app.session(customer_is("online"))


@pytest.mark.rule("B-12.4", "B-7.1")
async def test_a_reload_returns_and_offers_to_share_again(centre: Centre):
    _, ana = await centre.sharing()
    await ana.say("before")
    await centre.app.session(lambda one: len(one["view"]["chat"]) == 1)
    before = await centre.app.code()
    ana.page.on("dialog", lambda dialog: dialog.accept())
    await ana.page.reload()
    await ana.screen("again")
    assert await ana.lines() == ["before"]
    await ana.page.click("#again-yes")
    await ana.screen("sharing")
    await centre.app.code(above=before)


@pytest.mark.rule("B-12.1")
async def test_the_end_is_told_in_words(centre: Centre):
    session, ana = await centre.sharing()
    await centre.app.do("end", session_id=session["id"])
    await ana.screen("over")
    await expect(ana.page.locator("#card")).to_contain_text("Maria G. has ended the session")
    await expect(ana.page.locator("#live")).to_be_hidden()


@pytest.mark.rule("B-12.3")
async def test_closing_the_window_asks_and_ends_nothing(centre: Centre):
    _, ana = await centre.joined()
    await centre.app.do("close_window")
    await centre.app.see("close_dialog")
    await centre.app.click("close_dialog_stay")
    await ana.screen("waiting")
    assert await centre.app.do("visible", name="mainWindow")
