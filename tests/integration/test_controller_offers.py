"""Sessions passed on between real controllers: to a queue, to agents, accepted, declined, coming and going."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from support_manager.errors import AppCode, LocalProblem, Refused
from support_manager.events import (
    Happening,
    LeftWhy,
    OfferArrived,
    OfferGone,
    SessionLeft,
    SessionOpened,
)
from support_manager.protocol import events
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import InboxKind, MarkKind, Mode, Presence
from tests.harness.relay import Client, RelayProcess, page
from tests.harness.reps import Rep, add_rep, memory_ring, signed_in

MESSAGE = "Printer again 🖨 " + "ă" * 329


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        for name in ("ana", "bob", "eva"):
            add_rep(process, name, "--agent", "--mode", "multi")
        add_rep(process, "rob", "--mode", "multi")
        process.operate("queue", "add", "printers", "Printers", "--offer-s", "5")
        for name in ("bob", "eva"):
            process.operate("queue", "member", "add", "printers", name)
        yield process


@pytest.fixture(autouse=True)
def ring() -> Iterator[None]:
    with memory_ring():
        yield


@pytest.fixture
async def three(relay: RelayProcess, tmp_path: Path) -> AsyncIterator[list[Rep]]:
    async with signed_in(relay, tmp_path, "ana", "bob", "eva") as reps:
        yield reps


@pytest.fixture
async def ion(relay: RelayProcess) -> AsyncIterator[Client]:
    async with page(relay.url) as client:
        yield client


async def helping(ana: Rep, ion: Client) -> str:
    session = await ana.controller.start_session(Mode.MULTI)
    await ion.join("Ion", link=session.view.link)
    await ana.noticed(Happening.JOINED)
    return session.id


async def account_of(ana: Rep, name: str) -> str:
    targets = await ana.controller.transfer_targets()
    return next(each.account_id for each in targets.agents if each.name == name)


@pytest.mark.rule("B-10.3", "B-10.4", "B-11.3")
async def test_a_session_goes_to_a_queue_and_the_first_agent_has_it(three: list[Rep], ion: Client) -> None:
    ana, bob, eva = three
    session_id = await helping(ana, ion)
    await ion.say("it does not print")
    async with asyncio.timeout(10):  # the relay tells of presences some milliseconds later
        while True:
            targets = await ana.controller.transfer_targets()
            printers = next(each for each in targets.queues if each.name == "Printers")
            if printers.online == 2:
                break
            await asyncio.sleep(0.05)
    assert "Ana" not in [each.name for each in targets.agents]
    of_bob = await bob.controller.transfer_targets()
    assert [each.online for each in of_bob.queues if each.name == "Printers"] == [1], "himself he cannot pass it to"
    await ana.controller.transfer_session(session_id, queue_id=printers.id, message=MESSAGE)
    left = await ana.told(SessionLeft)
    assert left.why is LeftWhy.TRANSFERRED
    assert len(ana.of(SessionLeft)) == 1
    assert session_id not in ana.controller.sessions
    changed = await ion.wait_fact(events.SessionChanged)
    assert changed.state is SessionState.QUEUED
    for rep in (bob, eva):
        offer = (await rep.told(OfferArrived)).item
        assert (offer.session_id, offer.customer, offer.former) == (session_id, "Ion", "Ana")
        assert offer.kind is InboxKind.WAITING
        assert offer.message == MESSAGE, "read before accepting"
        assert rep.controller.inbox is not None
        assert [each.session_id for each in rep.controller.inbox.items] == [session_id]
    taken = await bob.controller.accept_offer(session_id)
    assert taken.has_control
    assert [line.text for line in taken.view.chat] == ["it does not print"]
    assert [mark.kind for mark in taken.view.marks] == [MarkKind.PASSED_ON, MarkKind.ACCEPTED]
    assert bob.of(SessionOpened)[-1] == SessionOpened(taken, recovered=False)
    assert await eva.told(OfferGone) == OfferGone(session_id, "Ion", taken=True)
    assert (await bob.told(OfferGone)).taken is False, "he took it himself"
    with pytest.raises(Refused) as caught:
        await eva.controller.accept_offer(session_id)
    assert caught.value.code is ErrorCode.OFFER_GONE
    await bob.controller.send_chat(session_id, "Hello from Bob")
    await ion.wait(lambda: ion.lines[-1] == "Hello from Bob")


@pytest.mark.rule("B-10.1", "B-10.4")
async def test_a_session_goes_to_two_agents_of_whom_one_assists(three: list[Rep], ion: Client) -> None:
    ana, bob, eva = three
    session_id = await helping(ana, ion)
    await bob.controller.assist(ana.sees(session_id).view.number)
    agents = [await account_of(ana, name) for name in ("Bob", "Eva")]
    await ana.controller.transfer_session(session_id, agents=agents)
    assert (await bob.noticed(Happening.PASSED_ON)).name == "Ana"
    await eva.told(OfferArrived)
    await bob.told(OfferArrived)
    assert bob.sees(session_id).role is Role.ASSISTANT
    assert bob.sees(session_id).view.state is SessionState.OFFERED
    taken = await bob.controller.accept_offer(session_id)
    assert taken.id == session_id
    await bob.until(lambda: bob.sees(session_id).has_control)
    assert len([each for each in bob.of(SessionOpened) if each.session.id == session_id]) == 1
    assert await eva.told(OfferGone) == OfferGone(session_id, "Ion", taken=True)
    await bob.until(lambda: bob.sees(session_id).view.state is SessionState.ACTIVE)


@pytest.mark.rule("B-10.4")
async def test_declined_by_all_it_waits_in_the_default_queue(three: list[Rep], ion: Client) -> None:
    ana, bob, _ = three
    session_id = await helping(ana, ion)
    await ana.controller.transfer_session(session_id, agents=[await account_of(ana, "Bob")])
    await bob.told(OfferArrived)
    await bob.controller.decline_offer(session_id)
    assert (await bob.told(OfferGone)).taken is False
    fell = await ion.wait(
        lambda: next((f for f in ion.facts if isinstance(f, events.MarkAdded) and f.mark.kind is MarkKind.QUEUED), None)
    )
    assert fell.mark.queue == "Support"


@pytest.mark.rule("B-10.2")
@pytest.mark.parametrize("words", ["ă" * 346, "🖨" * 346])
async def test_a_message_that_is_too_long_passes_nothing_on(three: list[Rep], ion: Client, words: str) -> None:
    ana, bob, _ = three
    session_id = await helping(ana, ion)
    agents = [await account_of(ana, "Bob")]
    with pytest.raises(LocalProblem) as caught:
        await ana.controller.transfer_session(session_id, agents=agents, message=words)
    assert caught.value.code is AppCode.TRANSFER_MESSAGE_TOO_LONG
    assert ana.sees(session_id).has_control
    assert bob.of(OfferArrived) == []
    combining = "a\u0306" * 345
    await ana.controller.transfer_session(session_id, agents=agents, message=combining)
    assert (await bob.told(OfferArrived)).item.message == "ă" * 345, "counted after NFC"
    await bob.controller.accept_offer(session_id)


@pytest.mark.rule("B-10.5")
async def test_without_the_agent_privilege_nothing_is_passed_on(
    relay: RelayProcess, tmp_path: Path, ion: Client
) -> None:
    async with signed_in(relay, tmp_path, "rob") as (rob,):
        session_id = await helping(rob, ion)
        assert rob.controller.inbox is None
        with pytest.raises(Refused) as caught:
            await rob.controller.transfer_session(session_id, agents=["somebody"])
        assert caught.value.code is ErrorCode.NO_PRIVILEGE
        assert rob.sees(session_id).has_control
        assert rob.of(SessionLeft) == []


@pytest.mark.rule("B-11.3")
async def test_presence_is_seen_by_the_others(three: list[Rep]) -> None:
    ana, bob, _ = three
    assert bob.controller.inbox is not None
    assert bob.controller.inbox.presence is Presence.ONLINE
    await bob.controller.set_presence(Presence.AWAY)
    await bob.until(lambda: bob.controller.inbox is not None and bob.controller.inbox.presence is Presence.AWAY)
    targets = await ana.controller.transfer_targets()
    assert {each.name: each.presence for each in targets.agents}["Bob"] is Presence.AWAY


@pytest.mark.rule("B-12.5", "B-10.3")
async def test_who_was_away_while_his_session_went_finds_out_when_he_is_back(
    relay: RelayProcess, three: list[Rep], ion: Client
) -> None:
    ana, bob, _ = three
    session_id = await helping(ana, ion)
    await bob.controller.assist(ana.sees(session_id).view.number)
    # The same account at another desk leaves the session for good, while this app hears nothing of it.
    signed = relay.sign_in("bob")
    other = Client(relay.url)
    try:
        await other.connect(client="app", access=signed.access_token)
        await other.resume(session_id)
        await other.ask("session.leave", {"session_id": session_id})
    finally:
        await other.close()
    relay.restart()
    left = await bob.told(SessionLeft)
    assert left.why is LeftWhy.REMOVED
    await ana.until(lambda: session_id in ana.controller.sessions and ana.controller.link.value == "online")
