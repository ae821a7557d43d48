"""Two real apps, a customer and a real relay: assist, ask for and give control, private words, pass on, accept."""

import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support_manager.protocol.views import Audience
from tests.harness.app import AppProcess
from tests.harness.relay import PASSWORD, Client, RelayProcess, page

PEOPLE = {"maria": "Maria Georgescu", "dan": "Dan Pop"}


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        for name, display_name in PEOPLE.items():
            process.add_user(name, display_name, PASSWORD, "--agent")
        yield process


def app_of(name: str, folder: Path, relay: RelayProcess) -> AppProcess:
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen", "LANG": "C.UTF-8"}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    return AppProcess(environment, folder / name, "--relay", relay.url, credentials=(name, PASSWORD))


@pytest.fixture
async def maria(tmp_path: Path, relay: RelayProcess) -> AsyncIterator[AppProcess]:
    async with app_of("maria", tmp_path, relay) as app:
        await online(app)
        yield app


@pytest.fixture
async def dan(tmp_path: Path, relay: RelayProcess) -> AsyncIterator[AppProcess]:
    async with app_of("dan", tmp_path, relay) as app:
        await online(app)
        yield app


async def online(app: AppProcess) -> None:
    await app.until(lambda link: link == "online", "link")
    await app.until(bool, "enabled", name="action_start_session")
    await app.do("settings", email_at_start=False)


async def reads(app: AppProcess, words: str) -> None:
    """Wait until these words stand somewhere in the window."""

    def there(texts: list[str]) -> bool:
        return any(words in text.replace("\u2068", "").replace("\u2069", "") for text in texts)

    await app.until(there, "texts")


async def run_together(maria: AppProcess, dan: AppProcess, customer: Client) -> str:
    """A session of Maria's with the customer Ana, in which Dan assists; its number."""
    await maria.do("trigger", name="action_start_session")
    session = await maria.session()
    number = str(session["view"]["number"])
    await customer.join("Ana", number=number)
    await reads(maria, "Ana is here")
    await dan.do("trigger", name="action_assist")
    await dan.type("assist_dialog_number", number, enter=True)
    await reads(dan, "You assist Maria Georgescu.")
    await maria.until(bool, "enabled", name="action_focus_private")  # she hears of him a moment later
    return number


@pytest.mark.rule("B-7.9", "B-8.1", "B-9.2", "B-9.3")
async def test_control_goes_there_and_back_between_two_apps(maria: AppProcess, dan: AppProcess, relay: RelayProcess):
    async with page(relay.url) as customer:
        await run_together(maria, dan, customer)
        assert not await dan.do("enabled", name="action_end_session")
        await dan.click("banner_ask")
        await reads(maria, "Dan Pop asks for control.")
        await maria.click("banner_give")
        await reads(maria, "You assist Dan Pop.")
        await dan.until(bool, "enabled", name="action_end_session")
        assert not await maria.do("enabled", name="action_end_session")
        await dan.do("trigger", name="action_transfer_control")
        await dan.click("control_dialog_confirm")
        await reads(dan, "You assist Maria Georgescu.")
        await maria.until(bool, "enabled", name="action_end_session")
        await dan.click("banner_leave")
        await dan.until(lambda sessions: sessions == [], "sessions")
        await reads(dan, "You have left the session with Ana.")
        await maria.do("trigger", name="action_end_session")
        await maria.click("end_dialog_confirm")
        await maria.until(lambda sessions: sessions == [], "sessions")


@pytest.mark.rule("B-7.4")
async def test_private_words_reach_the_colleague_and_never_the_customer(
    maria: AppProcess, dan: AppProcess, relay: RelayProcess
):
    async with page(relay.url) as customer:
        await run_together(maria, dan, customer)
        await maria.do("trigger", name="action_focus_private")
        await maria.type("privateInput", "licence has run out", enter=True)
        await maria.do("trigger", name="action_focus_chat")
        await maria.type("chatInput", "one moment please", enter=True)
        heard = await dan.session(lambda one: len(one["view"]["chat"]) == 2)
        said = {line["text"]: line.get("audience", Audience.ALL.value) for line in heard["view"]["chat"]}
        assert said == {"licence has run out": "reps", "one moment please": "all"}
        await customer.wait(lambda: "one moment please" in customer.lines)
        assert customer.lines == ["one moment please"]
        await maria.do("end", session_id=heard["id"])


@pytest.mark.rule("B-8.2")
async def test_a_wrong_number_is_said_in_the_dialog(dan: AppProcess):
    await dan.do("trigger", name="action_assist")
    await dan.type("assist_dialog_number", "100 000 001", enter=True)
    await reads(dan, "There is no session with this number.")
    assert await dan.do("visible", name="assist_dialog")


@pytest.mark.rule("B-10.1", "B-10.2", "B-10.3", "B-10.4")
async def test_a_session_is_passed_on_with_a_message_and_accepted(
    maria: AppProcess, dan: AppProcess, relay: RelayProcess
):
    async with page(relay.url) as customer:
        await maria.do("trigger", name="action_start_session")
        session = await maria.session()
        await customer.join("Ana", number=str(session["view"]["number"]))
        await reads(maria, "Ana is here")
        await customer.say("It stays red.")
        await maria.do("trigger", name="action_transfer_session")
        await maria.until(lambda _: True, "key", name="transfer_dialog_tabs", key="Right")
        await maria.click(await agent_row(maria))
        await maria.type("transfer_dialog_message", "Driver removed.")
        await maria.click("transfer_dialog_confirm")
        await reads(maria, "The session with Ana was passed on.")
        await maria.until(lambda sessions: sessions == [], "sessions")
        await reads(dan, "Passed on to you by Maria Georgescu")
        await reads(dan, "Driver removed.")
        await dan.click("inboxAccept")
        taken = await dan.session(lambda one: one["view"]["state"] == "active")
        assert [line["text"] for line in taken["view"]["chat"]] == ["It stays red."], "he sees what was written"
        await dan.until(bool, "enabled", name="action_end_session")
        await reads(dan, "Ana is here")
        await dan.until(lambda names: "inboxCard" not in names, "names")
        await dan.do("end", session_id=taken["id"])


async def agent_row(app: AppProcess) -> str:
    """The box of the one agent in the list of Transfer Session; it bears his account's id."""

    def boxes(names: list[str]) -> list[str]:
        rows = [one for one in names if one.startswith("transfer_agent_")]
        return [one for one in rows if one not in {"transfer_agent_words", "transfer_agent_dot"}]

    names = await app.until(lambda found: bool(boxes(found)), "names")
    (found,) = boxes(names)
    return found
