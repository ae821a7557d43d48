"""What is refused, on every screen where it can be: its own sentence, in both languages, and nothing half done."""

import asyncio
import contextlib
import io
import os
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Page, expect

from resources import catalog
from server_stub.cli import main as relay_command
from support_manager.protocol import limits, requests
from support_manager.protocol.views import ADMIN, AGENT, Mode
from tests.harness import own_log
from tests.harness.agents import make_agents, make_queue, open_inbox, set_site
from tests.harness.app import AppProcess
from tests.harness.chromium import Chromium
from tests.harness.relay import PASSWORD, Client, RelayProcess, page, rep
from tests.harness.smtp import MailServerProcess

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, pytest.mark.slow]

WRONG_NUMBER = "100000001"
MARKS = str.maketrans("", "", "\u2068\u2069\u00ad")
LIMIT = limits.TRANSFER_MESSAGE_CHARS


@dataclass
class Stage:
    """A relay with a mail server that refuses everybody, two apps, a browser; each row uses what it needs."""

    relay: RelayProcess
    maria: AppProcess
    """An agent who may help one customer at a time, in multisession mode."""
    solo: AppProcess
    """No agent, and only for single mode."""
    browser: Chromium
    language: str = "en"
    tabs: list[Page] = field(default_factory=list)

    def words(self, area: str, key: str, **places: object) -> str:
        return catalog.sentence(self.language, area, key, **places).translate(MARKS)

    async def reads(self, app: AppProcess, area: str, key: str, **places: object) -> None:
        """Wait until the sentence stands in the app's windows."""
        wanted = self.words(area, key, **places)
        await app.until(lambda texts: any(wanted in text.translate(MARKS) for text in texts), "texts")

    async def tab(self, address: str) -> Page:
        """A new visitor at that address of the relay, in the language of the row."""
        tab = await self.browser.new_page()
        self.tabs.append(tab)
        await tab.add_init_script("localStorage.clear(); sessionStorage.clear();")
        joint = "&" if "?" in address else "?"
        await tab.goto(f"{self.relay.url}{address}{joint}lang={self.language}")
        return tab

    async def customer(self, address: str, name: str = "Ana P.") -> Page:
        """A customer's page at that address, his name typed."""
        tab = await self.tab(address.split("#")[0])
        if "#" in address:
            await tab.goto(f"{self.relay.url}{address}")
        await expect(tab.locator("#card")).to_have_attribute(
            "data-screen", re.compile("join|enter|closed"), timeout=15_000
        )
        await tab.select_option("#language", self.language)
        if await tab.locator("#field-name").count():
            await tab.fill("#field-name", name)
        return tab

    async def shows(self, part: Any, area: str, key: str, **places: object) -> None:
        """Wait until the sentence stands in a part of a page."""
        wanted = self.words(area, key, **places)
        await expect(part).to_contain_text(wanted, timeout=15_000)

    async def signed_in(self, name: str, address: str) -> Page:
        """Somebody who has signed in on the site, at that address."""
        await self.browser.context.clear_cookies()  # of whoever sat here before
        tab = await self.tab("/sign-in")
        await tab.fill("#name", name)
        await tab.fill("#password", PASSWORD)
        await tab.press("#password", "Enter")
        await tab.wait_for_url(lambda url: "/sign-in" not in url)
        await tab.goto(f"{self.relay.url}{address}?lang={self.language}")
        return tab

    async def session(self) -> dict[str, Any]:
        """A session of Maria's without customers."""
        known = {one["id"] for one in await self.maria.do("sessions")}
        await self.maria.do("trigger", name="action_start_session")
        return await self.maria.session(lambda one: one["id"] not in known)

    async def clear(self) -> None:
        """End everything, for the next row."""
        for tab in self.tabs:
            await tab.close(run_before_unload=False)
        self.tabs.clear()
        for app in (self.maria, self.solo):
            for dialog in ("assist_dialog", "transfer_dialog", "invitePanel"):
                if await app.do("visible", name=dialog):
                    await app.do("key", name=dialog, key="Escape")
            for one in await app.do("sessions"):
                await app.do("end", session_id=one["id"])
            await app.until(lambda sessions: sessions == [], "sessions")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def whole_stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    place: Path = tmp_path_factory.mktemp("refused")
    data = place / "relay"
    data.mkdir()
    with MailServerProcess(refuse=True) as mail:
        await set_site(data, smtp_host="localhost", smtp_port=str(mail.port), smtp_security="none", mail_from="a@b.ro")
        await make_agents(data, "maria", limit=1)
        await make_agents(data, "dan", privileges=(AGENT,))
        await make_agents(data, "root", privileges=(ADMIN,))
        await make_queue(data, "support", "dan")
        await make_queue(data, "night", "dan", hours="never")
        with RelayProcess(data) as relay:
            relay.add_user("solo", "Solo", PASSWORD, "--mode", "single")
            apps = [_app(name, place, relay) for name in ("maria", "solo")]
            async with Chromium(headless=True) as browser, apps[0], apps[1]:
                for app in apps:
                    await app.until(lambda link: link == "online", "link")
                    await app.until(bool, "enabled", name="action_start_session")
                yield Stage(relay, *apps, browser)


def _app(name: str, place: Path, relay: RelayProcess) -> AppProcess:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    return AppProcess(environment, place / name, "--relay", relay.url, credentials=(name, PASSWORD))


@pytest_asyncio.fixture(loop_scope="module", params=["en", "ro"])
async def stage(whole_stage: Stage, request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    whole_stage.language = request.param
    for app in (whole_stage.maria, whole_stage.solo):
        await app.do("settings", email_at_start=False, own_mail_program=False, language=request.param)
    yield whole_stage
    await whole_stage.clear()


# The app: wrong number, ended session, no privilege


async def assist(stage: Stage, app: AppProcess, number: str, key: str) -> None:
    await app.do("trigger", name="action_assist")
    await app.type("assist_dialog_number", number, enter=True)
    await stage.reads(app, "app", key)
    # The dialog stays with what was typed in it, and nobody is in any session.
    typed = await app.do("text", name="assist_dialog_number")
    assert typed.replace(" ", "").replace("\u00a0", "") == number
    assert await app.do("sessions") == []


async def wrong_number_in_assist_session(stage: Stage) -> None:
    await assist(stage, stage.maria, WRONG_NUMBER, "assist.wrong_number")


async def ended_session_in_assist_session(stage: Stage) -> None:
    async with rep(stage.relay, "dan") as dan:
        session = await dan.start_session()
        await dan.ask("session.end", requests.SessionEnd(session_id=session.id))
        await assist(stage, stage.maria, session.number, "assist.ended")


async def no_privilege_in_assist_session(stage: Stage) -> None:
    async with rep(stage.relay, "dan") as dan:
        session = await dan.start_session(Mode.MULTI)
        await assist(stage, stage.solo, session.number, "assist.no_privilege")
        assert dan.facts == [], "he heard of nobody"
        await dan.ask("session.end", requests.SessionEnd(session_id=session.id))


# The customer's page: wrong number, ended session by number and by link


async def joins(stage: Stage, address: str, number: str = "") -> None:
    ana = await stage.customer(address)
    if number:
        await ana.fill("#field-number", number)
    await ana.click("#join-send")
    await stage.shows(ana.locator("#field-number + #hint"), "page", "error.wrong_number")
    await expect(ana.locator("#card")).to_have_attribute("data-screen", "join")
    assert await ana.input_value("#field-name") == "Ana P.", "what was typed is there still"


async def wrong_number_on_the_page(stage: Stage) -> None:
    await joins(stage, "/join", WRONG_NUMBER)


async def ended_session_on_the_page(stage: Stage) -> None:
    session = await stage.session()
    await stage.maria.do("end", session_id=session["id"])
    await joins(stage, "/join", str(session["view"]["number"]))


# Transfer Session: too long a message


async def passes_on(stage: Stage, dan: Client, customer: Client, message: str) -> str:
    """Fill in the dialog for Dan with a message, up to the last click; the session's id."""
    session = await stage.session()
    await customer.join("Ana P.", link=str(session["view"]["link"]))
    await stage.maria.session(lambda one: len(one["view"]["participants"]) == 2)
    await stage.maria.until(bool, "enabled", name="action_transfer_session")
    await stage.maria.do("trigger", name="action_transfer_session")
    await stage.maria.see("transfer_dialog")
    await stage.maria.until(lambda _: True, "key", name="transfer_dialog_tabs", key="Right")
    await stage.maria.until(lambda _: True, "click_named", prefix="transfer_", words="Dan")
    await stage.maria.type("transfer_dialog_message", message)
    return str(session["id"])


async def refused_message(stage: Stage, message: str) -> None:
    async with rep(stage.relay, "dan") as dan, page(stage.relay.url) as customer:
        inbox = await open_inbox(dan)
        await passes_on(stage, dan, customer, message)
        await stage.reads(stage.maria, "app", "transfer.too_long", count=1)
        assert not await stage.maria.do("usable", name="transfer_dialog_confirm")
        assert await stage.maria.do("text", name="transfer_dialog_message") == message
        assert inbox.view.items == ()
        assert len(await stage.maria.do("sessions")) == 1


async def a_message_of_346_characters(stage: Stage) -> None:
    await refused_message(stage, "ă" * (LIMIT + 1))


async def a_message_of_346_emoji(stage: Stage) -> None:
    await refused_message(stage, "🖨" * (LIMIT + 1))


async def taken_message(stage: Stage, message: str) -> None:
    async with rep(stage.relay, "dan") as dan, page(stage.relay.url) as customer:
        inbox = await open_inbox(dan)
        session_id = await passes_on(stage, dan, customer, message)
        await stage.maria.until(lambda text: text == f"{LIMIT} / {LIMIT}", "text", name="transfer_dialog_counter")
        await stage.maria.click("transfer_dialog_confirm")
        offered = await inbox.asked(session_id)
        assert offered.message == unicodedata.normalize("NFC", message)
        await inbox.accept(session_id)
        await inbox.end(session_id)


async def a_message_of_345_emoji_is_none_too_long(stage: Stage) -> None:
    await taken_message(stage, "🖨" * LIMIT)


async def a_message_of_345_letters_written_in_two_parts_is_none_too_long(stage: Stage) -> None:
    await taken_message(stage, "a\u0306" * LIMIT)


# The limit


async def limit_reached_at_start(stage: Stage) -> None:
    session = await stage.session()
    async with page(stage.relay.url) as customer:
        await customer.join("Ana P.", link=str(session["view"]["link"]))
        await stage.maria.session(lambda one: len(one["view"]["participants"]) == 2)
        await stage.maria.do("trigger", name="action_start_session")
        await stage.reads(stage.maria, "errors", "limit_reached")
        assert len(await stage.maria.do("sessions")) == 1


async def limit_reached_at_the_join(stage: Stage) -> None:
    first, second = await stage.session(), await stage.session()
    async with page(stage.relay.url) as customer:
        await customer.join("Ana P.", link=str(first["view"]["link"]))
        await stage.maria.session(lambda one: one["id"] == first["id"] and len(one["view"]["participants"]) == 2)
        ion = await stage.customer("/join", "Ion B.")
        await ion.fill("#field-number", str(second["view"]["number"]))
        await ion.click("#join-send")
        await expect(ion.locator("#card")).to_have_attribute("data-screen", "let_in")
        await stage.shows(ion.locator("#card"), "page", "let_in.limit", name=stage.words("page", "rep.somebody"))
        await stage.reads(stage.maria, "session", "banner.waits_limit", name="Ion B.")
        waiting = await stage.maria.session(lambda one: one["id"] == second["id"])
        assert [one["role"] for one in waiting["view"]["participants"]] == ["controller", "waiting"]


# A closed queue


async def a_closed_queue_at_its_entry_page(stage: Stage) -> None:
    tab = await stage.customer("/help/night")
    await stage.shows(tab.locator("#card"), "page", "closed.title", queue="Night")
    assert await tab.locator("#enter-send").count() == 0, "there is nothing to fill in"


async def a_closed_queue_in_transfer_session(stage: Stage) -> None:
    session = await stage.session()
    async with page(stage.relay.url) as customer:
        await customer.join("Ana P.", link=str(session["view"]["link"]))
        await stage.maria.until(bool, "enabled", name="action_transfer_session")
        await stage.maria.do("trigger", name="action_transfer_session")
        await stage.reads(stage.maria, "app", "transfer.queue.closed")


# Mail


async def a_mail_server_that_refuses_in_the_invite_panel(stage: Stage) -> None:
    session = await stage.session()
    await stage.maria.do("trigger", name="action_invite")
    await stage.maria.type("inviteAddress", "ana@example.org")
    await stage.maria.click("inviteOk")
    why = stage.words("errors", "mail_failed")
    await stage.reads(stage.maria, "session", "invite.delivery.failed", address="ana@example.org", why=why)
    assert await stage.maria.do("text", name="inviteAddress") == "ana@example.org"
    assert (await stage.maria.session())["id"] == session["id"]


async def a_mail_server_that_refuses_in_the_admin_area(stage: Stage) -> None:
    tab = await stage.signed_in("root", "/admin/mail")
    await tab.fill("#address", "ana@example.org")
    await tab.click("#try button")
    await stage.shows(tab.locator("main [role=alert]"), "admin", "mail.failed")
    assert await tab.input_value("#address") == "ana@example.org"


# The operator


async def an_unknown_time_zone_in_the_admin_area(stage: Stage) -> None:
    tab = await stage.signed_in("root", "/admin/queues/new")
    await tab.fill("#slug", "moon")
    await tab.fill("#name", "Moon")
    await tab.fill("#time_zone", "Moon/Tycho")
    await tab.click("main form button")
    await stage.shows(tab.locator("main [role=alert]"), "admin", "queue.error.bad_time_zone")
    assert [await tab.input_value(f"#{name}") for name in ("slug", "name", "time_zone")] == [
        "moon",
        "Moon",
        "Moon/Tycho",
    ]
    await tab.goto(f"{stage.relay.url}/admin/queues")
    assert "moon" not in await tab.inner_text("main")


async def no_administrator_in_the_admin_area(stage: Stage) -> None:
    tab = await stage.signed_in("solo", "/admin/queues")
    await stage.shows(tab.locator("main"), "admin", "failure.no_privilege")
    assert await tab.locator("table").count() == 0


async def an_unknown_time_zone_on_the_command_line(stage: Stage) -> None:
    code, said = await asyncio.to_thread(run, stage, "queue", "add", "moon", "Moon", "--time-zone", "Moon/Tycho")
    assert code != 0
    assert "time zone “Moon/Tycho” is not known" in said
    assert "moon" not in (await asyncio.to_thread(run, stage, "queue", "list"))[1]


def run(stage: Stage, *words: str) -> tuple[int, str]:
    """One of the operator's commands: exit code and all that it said."""
    said = io.StringIO()
    with own_log.given_back(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = relay_command([*words, "--data", str(stage.relay.data)])
        except SystemExit as stop:
            code = int(str(stop.code))
    return code, said.getvalue()


Row = Callable[[Stage], Awaitable[None]]
ROWS: tuple[Row, ...] = (
    wrong_number_in_assist_session,
    wrong_number_on_the_page,
    ended_session_in_assist_session,
    ended_session_on_the_page,
    no_privilege_in_assist_session,
    no_administrator_in_the_admin_area,
    a_message_of_346_characters,
    a_message_of_346_emoji,
    a_message_of_345_emoji_is_none_too_long,
    a_message_of_345_letters_written_in_two_parts_is_none_too_long,
    limit_reached_at_start,
    limit_reached_at_the_join,
    a_closed_queue_at_its_entry_page,
    a_closed_queue_in_transfer_session,
    a_mail_server_that_refuses_in_the_invite_panel,
    a_mail_server_that_refuses_in_the_admin_area,
    an_unknown_time_zone_in_the_admin_area,
    an_unknown_time_zone_on_the_command_line,
)


@pytest.mark.rule("B-2.7", "B-4.4", "B-6.3", "B-8.2", "B-10.2", "B-11.1")
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__.replace("_", " "))
async def test_each_says_so_in_its_own_words(stage: Stage, row: Row) -> None:
    await row(stage)
