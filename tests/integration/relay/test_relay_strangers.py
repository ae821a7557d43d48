"""What a stranger does not get before somebody lets him in, and what a rep gets who asks twice, on a real relay."""

import pytest

from support_manager.protocol import requests
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.agents import set_site
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
