"""The admin area in a real browser: from signing in to a queue with a member, by keyboard, in both languages."""

import asyncio

import pytest
from playwright.async_api import expect

from support_manager.protocol.views import ADMIN
from tests.harness.agents import make_agents
from tests.harness.chromium import Chromium
from tests.harness.relay import PASSWORD, RelayProcess, page, rep

pytestmark = [pytest.mark.browser]

PAGES = ("", "/accounts", "/accounts/new", "/queues", "/queues/new", "/sessions", "/settings", "/mail", "/audit")
UNLABELLED = """[...document.querySelectorAll("input:not([type=hidden]):not([hidden]), select, textarea, button, a")]
  .filter((one) => !(one.labels?.length || one.textContent.trim() || one.ariaLabel)).length"""


async def test_an_administrator_does_his_work_in_a_browser(tmp_path) -> None:
    await make_agents(tmp_path, "root", privileges=(ADMIN,))
    await make_agents(tmp_path, "radu", privileges=())
    complaints: list[str] = []
    with RelayProcess(tmp_path) as relay:
        async with Chromium(headless=True) as browser, rep(relay, "radu") as radu, page(relay.url) as maria:
            session = await radu.start_session()
            await maria.join("Maria", link=session.link)
            tab = await browser.first_page()
            tab.on("console", lambda message: complaints.append(message.text))
            tab.on("pageerror", lambda error: complaints.append(str(error)))
            # A link into the area leads there by way of the sign-in, all by keyboard.
            await tab.goto(relay.url + "/admin/accounts")
            await expect(tab.locator("#name")).to_be_focused()
            await tab.keyboard.type("root")
            await tab.keyboard.press("Tab")
            await tab.keyboard.type(PASSWORD)
            await tab.keyboard.press("Enter")
            await tab.wait_for_url(relay.url + "/admin/accounts")
            cookies = {cookie["name"]: cookie for cookie in await browser.context.cookies()}
            assert cookies["sign_in"]["httpOnly"]
            assert cookies["sign_in"]["sameSite"] == "Strict"
            assert "sign_in" not in await tab.evaluate("document.cookie")
            # An account, a queue with the account in it.
            await tab.click("text=Add account")
            await tab.fill("#name", "dana")
            await tab.fill("#password", "short")
            await tab.check("[name=agent]")
            await tab.evaluate("document.querySelector('#password').removeAttribute('minlength')")
            await tab.keyboard.press("Enter")
            await tab.click("main form button")
            assert "too short" in await tab.inner_text("[role=alert]")
            assert await tab.input_value("#name") == "dana"
            assert await tab.is_checked("[name=agent]")
            await tab.fill("#password", PASSWORD)
            # Whoever hands a password over may look at it; it is sent hidden again.
            assert await tab.get_attribute("#name", "autocomplete") == "username"
            await tab.check("text=Show the password")
            assert await tab.get_attribute("#password", "type") == "text"
            await tab.uncheck("text=Show the password")
            assert await tab.get_attribute("#password", "type") == "password"
            await tab.check("text=Show the password")
            await tab.click("main form button")
            assert "The account is made" in await tab.inner_text("[role=status]")
            await tab.goto(relay.url + "/admin/queues/new")
            await tab.fill("#slug", "first-aid")
            await tab.fill("#name", "First aid")
            await tab.select_option("#rule", "most_idle")
            await tab.fill("#time_zone", "Europe/Bucharest")
            await tab.click("main form button")
            await tab.check("text=dana")
            await tab.click("form[action$=members] button")
            assert "Saved" in await tab.inner_text("[role=status]")
            assert await tab.is_checked("text=dana")
            # A session is ended with a reason, which the browser itself insists on.
            await tab.goto(relay.url + "/admin/sessions")
            await tab.focus("details.act summary")
            await tab.keyboard.press("Enter")
            await tab.click("details.act button")
            assert await tab.evaluate("!document.querySelector('details.act input[name=reason]').checkValidity()")
            await tab.fill("details.act input[name=reason]", "Test")
            await tab.keyboard.press("Enter")
            await tab.wait_for_selector("text=The session is over")
            # The log is filtered and taken away.
            await tab.goto(relay.url + "/admin/audit")
            await tab.select_option("[name=kind]", "queue_added")
            await tab.click("form.filter button")
            await expect(tab.locator("tbody tr")).to_have_count(1)
            async with tab.expect_download() as download:
                await tab.click("a[download]")
            taken = await (await download.value).path()
            assert "queue_added" in await asyncio.to_thread(taken.read_text, "utf-8")
            # Every page, in both languages, at phone width and wide: labelled, nothing beside the screen, no complaint.
            for language, home in (("ro", "Prezentare generală"), ("en", "Overview")):
                for address in PAGES:
                    await tab.goto(f"{relay.url}/admin{address}?lang={language}")
                    assert await tab.get_attribute("html", "lang") == language
                    assert await tab.inner_text(".sections a >> nth=0") == home
                    assert await tab.evaluate(UNLABELLED) == 0, address
                    for width in (320, 1280):
                        await tab.set_viewport_size({"width": width, "height": 700})
                        assert await tab.evaluate("document.documentElement.scrollWidth") <= width, (address, width)
            # Signed out: nothing of it comes back, not by the back button either.
            await tab.click("details.menu >> nth=1")
            await tab.click("text=Sign out")
            await tab.wait_for_url(lambda url: "/admin" not in url)
            await tab.go_back()
            assert "/sign-in" in tab.url
    assert complaints == ["Failed to load resource: the server responded with a status of 422 (Unprocessable Entity)"]
