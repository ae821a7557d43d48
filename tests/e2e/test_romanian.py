"""A Romanian centre: the app and the customer's page without a single English sentence."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.harness.centre import Centre, require_namespace
from tests.harness.languages import SHOWN, english, english_only

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def romanian(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    require_namespace()
    place: Path = tmp_path_factory.mktemp("romanian")
    async with Centre(place, language="ro") as centre:
        yield centre


@pytest.mark.rule("B-2.4", "B-7.1")
async def test_no_english_sentence_is_seen(romanian: Centre):
    app_words, page_words = english_only("app", "session", "view", "errors"), english_only("page")
    assert english(["Sign in", "Leave"], [*app_words, *page_words]) == ["Sign in", "Leave"], "the search finds English"

    async def clean() -> None:
        assert not english(await romanian.app.do("texts"), app_words)
        for page in romanian.seat.browser.context.pages[1:]:
            shown = await page.evaluate(SHOWN)
            assert len(shown) > 5
            assert not english(shown, page_words)

    await clean()
    session = await romanian.start_session()
    ana = await romanian.customer()
    await ana.page.goto(session["view"]["link"])
    await expect(ana.page.locator("html")).to_have_attribute("lang", "ro")
    await expect(ana.page.locator("#join-send")).to_be_visible()
    await clean()
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    await romanian.app.session(lambda one: len(one["view"]["participants"]) == 2)
    await clean()
    await romanian.app.do("trigger", name="action_ask_view")
    await ana.screen("asked")
    await clean()
    await ana.allow()
    await romanian.app.code()
    await ana.say("Ecranul rămâne roșu, mulțumesc.")
    await romanian.app.session(lambda one: len(one["view"]["chat"]) == 1)
    await clean()
    await romanian.app.do("trigger", name="action_invite")
    await romanian.app.see("inviteAddress")
    await clean()
    await romanian.app.do("end", session_id=session["id"])
    await ana.screen("over")
    await clean()
