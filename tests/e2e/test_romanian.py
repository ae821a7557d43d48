"""A Romanian centre: the app and the customer's page without a single English sentence."""

import re
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from resources import catalog
from tests.harness.centre import Centre, require_namespace

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def romanian(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    require_namespace()
    place: Path = tmp_path_factory.mktemp("romanian")
    async with Centre(place, language="ro") as centre:
        yield centre


SHOWN = """
[...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && one.tagName !== "OPTION")
    .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim())
        .concat(one.getAttribute("aria-label") ?? [], one.title ?? [], one.placeholder ?? []))
    .filter(Boolean)
"""
"""Every text, label and hint that can be seen; the languages' own names stand in options."""


def forms(found: object) -> list[str]:
    return list(found.values()) if isinstance(found, dict) else [str(found)]


def english_only(*areas: str) -> list[re.Pattern[str]]:
    """A pattern for every English sentence that reads otherwise in Romanian; places stand for anything."""
    patterns = []
    for area in areas:
        romanian = {sentence for found in catalog.load("ro", area).values() for sentence in forms(found)}
        for found in catalog.load("en", area).values():
            for sentence in forms(found):
                words = re.sub(r"\{\w+\}", "", sentence)
                if sentence not in romanian and re.search(r"[A-Za-z]{3}", words):
                    patterns.append(re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence))))
    return patterns


def english(texts: Iterable[str], patterns: list[re.Pattern[str]]) -> list[str]:
    return [text for text in texts if any(pattern.fullmatch(text) for pattern in patterns)]


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
