"""The site in a real browser: within its own policy, all by keyboard, with a hint when no app took the link."""

import pytest

from tests.harness.chromium import Chromium
from tests.harness.relay import RelayProcess

pytestmark = [pytest.mark.browser]


async def test_the_site_works_by_keyboard_and_within_its_own_policy() -> None:
    complaints: list[str] = []
    with RelayProcess() as relay:
        async with Chromium(headless=True, locale="ro-RO") as browser:
            page = await browser.first_page()
            page.on("console", lambda message: complaints.append(message.text))
            page.on("pageerror", lambda error: complaints.append(str(error)))
            await page.goto(relay.url)
            assert await page.title() == "Asistență la distanță · Support Manager"
            await page.keyboard.press("Tab")
            assert await page.evaluate("document.activeElement.className") == "skip"
            await page.focus("summary")
            await page.keyboard.press("Enter")
            assert await page.is_visible("nav a[href='/assist']")
            await page.keyboard.press("Escape")
            assert not await page.is_visible("nav a[href='/assist']")
            assert await page.evaluate("document.activeElement.localName") == "summary"
            await page.keyboard.press("Enter")
            await page.click("nav a[href='/assist']")
            assert await page.inner_text("h1") == "Asistați sesiunea unui coleg"
            await page.click("a[lang=en]")
            assert await page.inner_text("h1") == "Assist a colleague’s session"
            assert await page.get_attribute("nav a[href='/assist']", "aria-current") == "page"
            # No app is installed here: the link leads nowhere, and the page says what to do.
            await page.evaluate(
                "document.querySelector('[data-opens-app]').addEventListener('click', (e) => e.preventDefault())"
            )
            await page.click("[data-opens-app]")
            await page.wait_for_selector("[data-missing].likely[role=status]", timeout=10_000)
            for width in (320, 1280):
                await page.set_viewport_size({"width": width, "height": 700})
                assert await page.evaluate("document.documentElement.scrollWidth") <= width
    assert complaints == []
