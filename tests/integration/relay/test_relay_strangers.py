"""What a stranger does not get before somebody lets him in, and what a rep gets who asks twice, on a real relay."""

import base64
import hmac
import time

import pytest

from server_stub.turn import VALID_S
from support_manager.protocol import requests
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.agents import enter, make_agents, make_queue, set_site
from tests.harness.relay import RelayProcess, page, rep

TURN = '[{"urls": ["turn:turn.example.org"], "username": "support", "credential": "a secret of ours"}]'
AGENT = ("--agent", "--mode", "choice")


@pytest.fixture
async def relay(tmp_path):
    await set_site(tmp_path, ice_servers=TURN)
    async with RelayProcess(tmp_path) as process:
        yield process


@pytest.mark.rule("B-2.5")
async def test_who_waits_gets_the_media_servers_when_he_is_let_in(relay):
    async with rep(relay, "ana", *AGENT) as ana, page(relay.url) as maria, page(relay.url) as stranger:
        session = await ana.start_session(Mode.SINGLE)
        assert (await maria.join(link=session.link)).ice.servers[0].credential == "a secret of ours"
        joined = await stranger.join("Stranger", link=session.link)
        assert (joined.session.participants[0].role, joined.ice.servers) == (Role.WAITING, ())
        assert (await stranger.resume(session.id, stranger.resume_token)).ice.servers == ()
        admit = requests.CustomerAdmit(session_id=session.id, participant_id=joined.session.you, accept=True)
        await ana.ask("customer.admit", admit)
        assert len((await stranger.resume(session.id, stranger.resume_token)).ice.servers) == 1


async def test_credentials_of_ones_own_for_who_has_somebody_to_talk_to_and_for_nobody_else(tmp_path):
    way = "turn:turn.example.org:3478?transport=udp"
    await set_site(tmp_path, turn_urls=way, turn_secret="the secret of ours", relay_only="yes")
    await make_agents(tmp_path, "ana")
    await make_queue(tmp_path, "support", "ana")
    async with RelayProcess(tmp_path) as relay, page(relay.url) as vlad, rep(relay, "ana", *AGENT) as ana:
        entered = await enter(vlad, "support")
        mine = requests.IceGet(session_id=entered.session.id)
        for ice in (entered.ice, await vlad.ask("ice.get", mine)):
            assert (ice.servers, ice.relay_only) == ((), True), "in line"
            assert 0 < ice.valid_s < 60, "to be asked for again"
        inside = await ana.ask("offer.accept", requests.OfferAccept(session_id=entered.session.id))
        his = await vlad.ask("ice.get", mine)
        assert his.servers[0].urls == (way,)
        assert his.servers[0].username.partition(":")[2] == entered.session.you
        assert inside.ice.servers[0].username.partition(":")[2] == inside.session.you
        assert 0 < int(his.servers[0].username.partition(":")[0]) - time.time() <= his.valid_s == VALID_S
        (server,) = his.servers
        digest = hmac.digest(b"the secret of ours", server.username.encode(), "sha1")
        assert server.credential == base64.b64encode(digest).decode()
        await ana.ask("session.end", requests.SessionEnd(session_id=entered.session.id))
        assert await vlad.refused("ice.get", mine) == "session_ended"


@pytest.mark.rule("B-9.2")
async def test_giving_control_twice_to_the_same_one_is_giving_it_once(relay):
    async with rep(relay, "ana", *AGENT) as ana, rep(relay, "ion", *AGENT) as ion:
        session = await ana.start_session()
        inside = await ion.assist(session.number)
        give = requests.ControlTransfer(session_id=session.id, to=inside.you)
        await ana.ask("control.transfer", give)
        await ana.ask("control.transfer", give)
        back = requests.ControlTransfer(session_id=session.id, to=session.you)
        await ion.ask("control.transfer", back)
        assert await ion.refused("control.transfer", give) == "control_moved"
