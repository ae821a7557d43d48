"""Several reps at once for end-to-end tests: an app process each, in a language each, on the centre's relay."""

import asyncio
import time
from contextlib import AsyncExitStack, suppress
from typing import Any, ClassVar, Self

from playwright.async_api import Locator, expect
from structlog.testing import capture_logs

from resources import catalog
from server_stub.accounts import Accounts
from server_stub.queues import Queues
from server_stub.store.database import Database
from support_manager.protocol.views import AGENT
from tests.harness.agents import on_database
from tests.harness.app import AppFailedError, AppProcess
from tests.harness.centre import PATIENCE_MS, Centre, Customer, until
from tests.harness.languages import SHOWN, english, english_only
from tests.harness.relay import PASSWORD

SOMEBODY_ELSE = """
// Tabs are different people here, who share no storage as two tabs of one person do.
if (!sessionStorage.getItem("somebody")) {
    sessionStorage.setItem("somebody", "is here");
    localStorage.clear();
}
"""
_MARKS = str.maketrans("", "", "\u2068\u2069\u00ad")
"""Isolates, which stand around every name, and soft hyphens."""


def plain(text: str) -> str:
    """A text without the marks that nobody sees."""
    return text.translate(_MARKS)


class Desk:
    """One rep at his app.

    Args:
        app: the process.
        name: as others read it.
        language: of his app.
    """

    def __init__(self, app: AppProcess, name: str, language: str) -> None:
        self.app = app
        self.name = name
        self.language = language

    def words(self, key: str, area: str = "session", **places: object) -> str:
        """A sentence of his app."""
        return plain(catalog.sentence(self.language, area, key, **places))

    async def reads(self, key: str, area: str = "session", *, within_s: float = 20, **places: object) -> None:
        """Wait until that sentence stands somewhere in his windows."""
        words = self.words(key, area, **places)
        await self.app.until(lambda texts: any(words in plain(text) for text in texts), "texts", within_s=within_s)

    async def reads_text(self, words: str) -> None:
        """Wait until these words, somebody's own, stand somewhere in his windows."""
        await self.app.until(lambda texts: any(words in plain(text) for text in texts), "texts")

    async def no_more(self, key: str, area: str = "session", **places: object) -> None:
        """Wait until that sentence stands nowhere in his windows."""
        words = self.words(key, area, **places)
        await self.app.until(lambda texts: not any(words in plain(text) for text in texts), "texts")

    async def reads_only_his_language(self) -> None:
        """Nothing in his windows is English where he chose Romanian."""
        if self.language != "en":
            assert not english(await self.app.do("texts"), english_only("app", "session", "view", "errors", "show"))

    async def command(self, name: str) -> None:
        """Wait until a command can be used, and use it."""
        await self.app.until(bool, "enabled", name=f"action_{name}")
        await self.app.do("trigger", name=f"action_{name}")

    async def can(self, name: str, *, yes: bool = True) -> None:
        """Wait until a command can be used, or cannot."""
        await self.app.until(lambda enabled: enabled is yes, "enabled", name=f"action_{name}")

    async def sign_in(self) -> None:
        """Wait until he is signed in, and set the app up as the tests want it."""
        await self.app.until(lambda link: link == "online", "link")
        await self.can("start_session")
        await self.app.do("settings", email_at_start=False, language=self.language)

    async def start(self, *, single: bool = False) -> dict[str, Any]:
        """Start a session from the Start page; it as the app has it."""
        known = {session["id"] for session in await self.app.do("sessions")}
        if known:
            await self.app.click("topNewTab")
        await self.app.see("startMode")
        await self.app.do("key", name="startMode", key="End" if single else "Home")
        await self.app.click("startButton")
        return await self.app.session(lambda one: one["id"] not in known)

    async def close_tabs(self) -> None:
        """Close the tabs of sessions that are over, until the Start page is there."""

        async def closed() -> bool:
            names = await self.app.do("names")
            if "stateCloseTab" in names:
                await self.app.do("click", name="stateCloseTab")
            return "startMode" in names

        await until(closed, "the Start page")

    async def assist(self, number: str) -> None:
        """Assist a colleague's session by its number."""
        await self.command("assist")
        await self.app.type("assist_dialog_number", number, enter=True)

    async def sees(self, customer: Customer) -> None:
        """Ask to see a customer's screen, who says yes; wait for the picture, painted anew."""
        await self.command("ask_view")
        await customer.page.bring_to_front()
        await customer.allow()
        await self.app.code()

    async def pass_on(self, message: str = "", *, agents: tuple[str, ...] = (), queue: str = "") -> None:
        """Transfer Session to agents, by the names that stand in the list, or to a queue."""
        await self.command("transfer_session")
        await self.app.see("transfer_dialog")
        if agents:
            await self.app.until(lambda _: True, "key", name="transfer_dialog_tabs", key="Right")
        for wanted in agents or (queue,):
            await self.app.until(lambda _: True, "click_named", prefix="transfer_", words=wanted)
        if message:
            await self.app.type("transfer_dialog_message", message)
        await self.app.click("transfer_dialog_confirm")

    async def accept(self, customer: str) -> dict[str, Any]:
        """Take a customer from the Inbox; the session as the app has it then."""
        await self.app.until(lambda _: True, "click_named", prefix="inboxAccept", words=customer)
        return await self.app.session(
            lambda one: one["view"]["state"] == "active" and any(p["name"] == customer for p in people(one))
        )

    async def decline(self, customer: str) -> None:
        """Do not take a customer."""
        await self.app.until(lambda _: True, "click_named", prefix="inboxDecline", words=customer)


def people(session: dict[str, Any]) -> list[dict[str, Any]]:
    """Who is in a session, as an app has it."""
    found: list[dict[str, Any]] = session["view"]["participants"]
    return found


def now_code() -> int:
    """The time code that the customers' screen shows now."""
    return int(time.time() * 1000) % 2**32


class Guest(Customer):
    """A customer who reads his page in a language of his own."""

    language = "en"

    def words(self, key: str, **places: object) -> str:
        """A sentence of his page."""
        return plain(catalog.sentence(self.language, "page", key, **places))

    async def reads(self, selector: str, key: str, *, within_ms: float = PATIENCE_MS, **places: object) -> Locator:
        """Wait until that sentence stands in that part of the page."""
        part = self.page.locator(selector)
        await expect(part).to_contain_text(self.words(key, **places), timeout=within_ms)
        return part

    async def reads_only_his_language(self) -> None:
        """Nothing on his page is English where he chose Romanian."""
        shown = await self.page.evaluate(SHOWN)
        assert len(shown) > 3
        assert self.language == "en" or not english(shown, english_only("page"))

    async def speaks(self, language: str) -> None:
        """Choose the page's language."""
        self.language = language
        await self.page.select_option("#language", language)
        await expect(self.page.locator("html")).to_have_attribute("lang", language)


class Team:
    """Three more reps of a centre, agents all; use it as an async context manager.

    Args:
        centre: relay, screens and browser.
    """

    LANGUAGES: ClassVar = {"Elena Marin": "en", "Dan Pop": "ro", "Radu Ilie": "en"}

    def __init__(self, centre: Centre, **environment: str) -> None:
        self.centre = centre
        self._environment = environment
        self._stack = AsyncExitStack()
        self.desks: list[Desk] = []

    def operator(self, *words: str) -> None:
        """Run one of the operator's commands while the relay runs; blocks.

        Raises:
            RuntimeError: with what the command said.
        """
        self.centre.relay.operate(*words)

    def make_app(self, name: str, **more: str) -> AppProcess:
        """The app of one of them, not started yet; `more` goes into its environment."""
        account = name.split()[0].lower()
        environment = {**self.centre.rep_display.environment(), "LANG": "C.UTF-8", **self._environment, **more}
        environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
        words = ("--relay", f"http://127.0.0.1:{self.centre.relay.port}")
        return AppProcess(environment, self.centre.place / account, *words, credentials=(account, PASSWORD))

    async def __aenter__(self) -> Self:
        try:
            with capture_logs():  # what the operator's commands would log is not said here
                await on_database(self.centre.relay.data, self._accounts)
            self.desks = [Desk(self.make_app(name), name, language) for name, language in self.LANGUAGES.items()]
            for desk in self.desks:
                self._stack.push_async_callback(self._stop, desk)
            await asyncio.gather(*(desk.app.start() for desk in self.desks))
            for desk in self.desks:
                await desk.sign_in()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def _accounts(self, database: Database) -> None:
        accounts, queues = Accounts(database), Queues(database)
        try:
            for name in self.LANGUAGES:
                account = name.split()[0].lower()
                await accounts.add(account, PASSWORD, display_name=name, privileges=(AGENT,))
                await queues.add_member("support", account)
        finally:
            accounts.close()

    @staticmethod
    async def _stop(desk: Desk) -> None:
        await desk.app.stop()

    async def __aexit__(self, *exc: object) -> None:
        await self._stack.aclose()

    async def restart(self, desk: Desk, **more: str) -> None:
        """Start an app again that has crashed or was stopped; `more` goes into its environment."""
        desk.app = self.make_app(desk.name, **more)
        await desk.app.start()
        await desk.sign_in()

    async def guest(self, name: str, url: str, language: str = "en", scripts: tuple[str, ...] = ()) -> Guest:
        """A customer, somebody else than whoever sits in the other tabs, at that address.

        Args:
            name: as he types it.
            url: where he begins.
            language: of his page.
            scripts: run in his page before its own.
        """
        page = await self.centre.seat.browser.new_page()
        for script in (SOMEBODY_ELSE, *scripts):
            await page.add_init_script(script)
        await page.bring_to_front()
        guest = Guest(page, name)
        await page.goto(url)
        if language != "en":
            await guest.speaks(language)
        await page.fill("#field-name", name)
        return guest

    async def joined(
        self, name: str, session: dict[str, Any], language: str = "en", scripts: tuple[str, ...] = ()
    ) -> Guest:
        """A customer who came by the link of a session; for `scripts` see `guest`."""
        guest = await self.guest(name, str(session["view"]["link"]), language, scripts)
        await guest.page.click("#join-send")
        return guest

    async def end_all(self) -> None:
        """End every session, have everybody Online, and close the customers' tabs, for the next test."""
        for desk in self.desks:
            if not desk.app.runs:
                await self.restart(desk)
            await desk.app.do("trigger", name="action_presence_online")
        for desk in self.desks:
            await until(lambda desk=desk: self._has_none(desk), f"{desk.name} has no session")
            await desk.close_tabs()
        await self.centre.seat.close_tabs()

    @staticmethod
    async def _has_none(desk: Desk) -> bool:
        """End or leave what there is; control of it may be on its way to another, so it is tried again."""
        sessions = await desk.app.do("sessions")
        for session in sessions:
            mine = next(one for one in people(session) if one["id"] == session["view"]["you"])
            with suppress(AppFailedError):  # it may have ended a moment ago
                await desk.app.do("end" if mine["role"] == "controller" else "leave", session_id=session["id"])
        return not sessions
