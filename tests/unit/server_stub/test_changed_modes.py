"""In which mode a rep may start and assist, when the administrator changes it while he is connected."""

import json
from types import SimpleNamespace

import pytest

from server_stub import settings
from server_stub.accounts import Accounts
from server_stub.handlers import Relay
from server_stub.link import Link
from server_stub.rights import Rights
from server_stub.settings import LiveSettings
from server_stub.store.database import Database
from support_manager.protocol.views import Mode

PASSWORD = "correct horse battery"


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def relay(database, tmp_path):
    live = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    made = Relay(database=database, settings=live, accounts=None, folder=tmp_path / "files")
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def connect(database, relay):
    accounts = Accounts(database)

    async def connected(name, *modes):
        if all(one.name != name for one in await accounts.everyone()):
            await accounts.add(name, PASSWORD, modes=modes)
        link = Link(name, "127.0.0.1", SimpleNamespace(closed=True, closing=True), None, 0.0)
        link.account = (await accounts.sign_in(name, PASSWORD)).account
        return link

    yield connected
    accounts.close()


async def ask(relay, link, event, **fields):
    """The code of a refusal, or the session's number."""
    ack = json.loads(await relay.answer(link, event, [{"request_id": "r" * 16, **fields}]))
    return ack["value"]["session"]["number"] if ack["ok"] else ack["code"]


async def start(relay, link, mode, request_id):
    return await ask(relay, link, "session.start", mode=mode.value, request_id=request_id)


@pytest.mark.rule("B-3.4")
async def test_an_accounts_changed_mode_holds_for_who_is_connected(database, relay, connect):
    maria = await connect("maria", Mode.SINGLE, Mode.MULTI)
    assert (await start(relay, maria, Mode.SINGLE, "one")).isdecimal()
    await Rights(database).change("maria", mode="multi")
    assert await start(relay, maria, Mode.SINGLE, "two") == "no_privilege"
    assert (await start(relay, maria, Mode.MULTI, "three")).isdecimal()
    await Rights(database).change("maria", mode="single")
    assert await start(relay, maria, Mode.MULTI, "four") == "no_privilege"
    assert (await start(relay, maria, Mode.SINGLE, "five")).isdecimal()


@pytest.mark.rule("B-3.4", "B-8.2")
async def test_the_sites_changed_modes_hold_for_starting_and_for_assisting(database, relay, connect):
    ana, maria = await connect("ana", Mode.SINGLE, Mode.MULTI), await connect("maria")
    number = await start(relay, ana, Mode.SINGLE, "one")
    await settings.write(database, "modes", "multi")
    assert await start(relay, maria, Mode.SINGLE, "two") == "no_privilege"
    assert await ask(relay, maria, "session.assist", number=number) == "no_privilege"
    await settings.write(database, "modes", "single")
    assert await ask(relay, maria, "session.assist", number=number) == number
