"""A sign-in that holds no longer: the open sockets of that rep are told and closed, his sessions wait for him."""

import asyncio
import time

import pytest
import socketio

from support_manager.protocol import events
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Connection
from tests.harness.relay import Client, RelayProcess, page, rep


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


async def operator(relay: RelayProcess, *words: str, given: str = "") -> None:
    """A command of the operator, beside the running relay."""
    await asyncio.to_thread(relay.operate, "user", *words, typed=given)


@pytest.mark.rule("B-12.5", "B-1.3")
@pytest.mark.parametrize("transport", ["websocket", pytest.param("polling", marks=pytest.mark.slow)])
async def test_a_closed_account_is_put_out_at_once_and_its_sessions_wait(relay, transport):
    name = f"ana-{transport}"
    relay.add_user(name)
    access = (await asyncio.to_thread(relay.sign_in, name)).access_token
    ana = Client(relay.url)
    async with rep(relay, "bogdan") as bogdan, page(relay.url) as maria:
        await ana.connect(transports=(transport,), client="app", access=access)
        session = await ana.start_session()
        await maria.join(link=session.link)
        await operator(relay, "disable", name)
        closed_at = time.monotonic()
        assert (await ana.wait_event("notice")).code.value == "account_disabled"
        await ana.wait(lambda: not ana.sio.connected, 15)
        assert time.monotonic() - closed_at < 10
        lost = await maria.wait_fact(events.ParticipantConnection)
        assert lost.connection is Connection.LOST
        await maria.say("are you there?")
        again = Client(relay.url)
        refusals = []
        again.sio.on("connect_error", refusals.append)
        with pytest.raises(socketio.exceptions.ConnectionError):
            await again.connect(client="app", access=access)
        assert refusals[0]["data"]["code"] == "token_expired"
        assert (await bogdan.raw("session.list", {}))["ok"]
        assert not [event for event, _ in bogdan.events if event == "notice"]

        await operator(relay, "enable", name)
        back = Client(relay.url)
        try:
            await back.connect(client="app", access=(await asyncio.to_thread(relay.sign_in, name)).access_token)
            assert (await back.resume(session.id)).session.state is SessionState.ACTIVE
            assert back.lines == ["are you there?"]
        finally:
            await back.close()


async def test_another_password_puts_out_whoever_came_with_the_old_one(relay):
    async with rep(relay, "carmen") as carmen:
        await operator(relay, "password", "carmen", "--password-stdin", given="another good password\n")
        assert (await carmen.wait_event("notice")).code.value == "token_expired"
        await carmen.wait(lambda: not carmen.sio.connected, 5)
