"""Queues on a real relay: places in line, offers to agents, declines, time-outs, limits, and a relay that is killed."""

import asyncio
import secrets
from contextlib import AsyncExitStack

import pytest
from aiohttp import ClientSession

from server_stub.entering import WAITING_PER_NETWORK
from server_stub.queues import Queues
from support_manager.protocol import events, requests
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ADMIN,
    Connection,
    Handover,
    InboxKind,
    LeaveReason,
    MarkKind,
    Presence,
    TransferTarget,
)
from support_manager.protocol.wire import ProtocolError
from tests.harness.agents import (
    agents,
    enter,
    has_mark,
    make_agents,
    make_queue,
    on_database,
    open_inbox,
    place_of,
    set_site,
    waiting_number,
)
from tests.harness.relay import RelayProcess, page, rep

OFFER_S = 5


async def set_up(data):
    await make_agents(data, "ana", "ion", "dana", "radu")
    await make_agents(data, "lena", limit=1)
    await make_agents(data, "paul", privileges=(ADMIN,))
    await make_queue(data, "support", "ana")
    await make_queue(data, "line", "ana", "dana")
    await make_queue(data, "turns", "ion", "dana", rule="round_robin", offer_s=OFFER_S)
    await make_queue(data, "short", "ion", "dana", offer_s=OFFER_S)
    await make_queue(data, "gone", "radu", rule="most_idle")
    await make_queue(data, "small", "lena")
    await make_queue(data, "shut", "ana", hours="never")
    await make_queue(data, "door")
    await set_site(data, offer_s=str(OFFER_S), session_without_controller_s="900")


@pytest.fixture(scope="module")
def relay(tmp_path_factory):
    data = tmp_path_factory.mktemp("relay")
    asyncio.run(set_up(data))
    with RelayProcess(data) as process:
        yield process


async def started(agent, customer, name="Maria"):
    """A session of an agent's own with a customer in it."""
    session = await agent.client.start_session()
    await customer.join(name, link=session.link)
    return session.id


async def account_of(agent):
    event = await agent.client.wait_event("welcome")
    return event.account.id


@pytest.mark.rule("B-12.6")
async def test_a_page_is_told_when_a_session_without_a_controller_would_end(relay):
    async with page(relay.url) as customer:
        assert (await customer.wait_event("welcome")).site.without_controller_s == 900


@pytest.mark.rule("B-11.1", "B-11.2", "B-11.3")
async def test_five_wait_in_line_and_move_up_as_they_are_helped(relay):
    async with AsyncExitStack() as stack:
        ana, dana = await stack.enter_async_context(agents(relay, "ana", "dana"))
        people = [await stack.enter_async_context(page(relay.url)) for _ in range(5)]
        for number, customer in enumerate(people, 1):
            joined = await enter(customer, "line", f"Customer {number}", email="a@example.org", problem="The printer.")
            assert joined.session.state is SessionState.QUEUED
            assert (joined.session.place.place, joined.session.place.wait_s) == (number, None)
        for agent in (ana, dana):
            await agent.asked(people[4].session_id)
            assert [item.customer for item in agent.view.items] == [f"Customer {n}" for n in range(1, 6)]
        item = ana.view.items[0]
        assert (item.kind, item.email, item.problem) == (InboxKind.WAITING, "a@example.org", "The printer.")
        inside = await ana.accept(people[0].session_id)
        assert inside.session.intake.problem == "The printer."
        told = await people[0].wait_fact(events.SessionChanged)
        assert (told.state, told.transfer) == (SessionState.ACTIVE, None)
        assert (await people[0].wait_fact(events.ParticipantJoined)).participant.name == "Ana"
        for number, customer in enumerate(people[1:], 1):
            await waiting_number(customer, number)
        # Somebody in the middle gives up.
        await people[2].ask("session.leave", requests.SessionLeave(session_id=people[2].session_id))
        await waiting_number(people[3], 2)
        # The first session that is over says how long one takes.
        await ana.end(people[0].session_id)
        past = await ana.client.ask("history.read", requests.HistoryRead(session_id=people[0].session_id))
        assert past.intake == inside.session.intake, "what he wrote on the form is part of the record"
        estimate = await people[4].wait(lambda: (place_of(people[4]).wait_s is not None) and place_of(people[4]))
        assert estimate.place == 3
        assert [view.waiting for view in dana.view.queues if view.slug == "line"] == [3]
        for customer in (people[1], people[3], people[4]):
            await dana.accept(customer.session_id)
            await dana.end(customer.session_id)


@pytest.mark.rule("B-11.1")
async def test_the_same_form_sent_again_is_the_same_customer(relay):
    async with page(relay.url) as maria, page(relay.url) as other:
        key = secrets.token_urlsafe(16)
        both = await asyncio.gather(*(enter(maria, "line", request_id=key) for _ in range(2)))
        again = await enter(other, "line", request_id=key)
        assert len({joined.session.id for joined in (*both, again)}) == 1
        assert (await other.resume(again.session.id, again.resume_token)).session.you == both[0].session.you
        # A key that somebody could guess opens nobody's session.
        short = [await enter(maria, "line", request_id="r") for _ in range(2)]
        assert short[0].session.id != short[1].session.id
        for joined in (again, *short):
            await maria.resume(joined.session.id, joined.resume_token)
            await maria.ask("session.leave", requests.SessionLeave(session_id=joined.session.id))


@pytest.mark.rule("B-11.1")
async def test_a_closed_and_an_unknown_queue_take_nobody(relay):
    async with rep(relay, "ana") as ana, page(relay.url) as maria:
        form = {"request_id": secrets.token_urlsafe(16), "name": "Maria"}
        assert await maria.refused("queue.enter", {**form, "queue": "shut"}) == "queue_closed"
        assert await maria.refused("queue.enter", {**form, "queue": "nowhere"}) == "queue_unknown"
        assert await maria.refused("queue.enter", {**form, "queue": "line", "name": "\u0007"}) == "bad_message"
        assert await ana.refused("queue.enter", {**form, "queue": "line"}) == "not_allowed"


@pytest.mark.rule("B-11.1")
async def test_a_queue_is_closed_and_opened_at_once_for_its_page_its_form_and_its_agents(relay):
    async with rep(relay, "ana") as ana, ClientSession() as http, AsyncExitStack() as stack:

        async def agent(is_open):
            targets = await ana.ask("transfer.targets", requests.TransferTargets())
            assert [one.is_open for one in targets.queues if one.slug == "door"] == [is_open]

        async def form(is_open):
            if is_open:
                await enter(customer, "door", "Maria")
            else:
                filled = {"request_id": secrets.token_urlsafe(16), "name": "Maria", "queue": "door"}
                assert await customer.refused("queue.enter", filled) == "queue_closed"

        async def entry(is_open):
            async with http.get(f"{relay.url}/api/queue/door") as answer:
                assert (await answer.json())["value"]["is_open"] is is_open

        # Whoever asks first makes the relay look; so each is the first once for either.
        for number in range(6):
            customer = await stack.enter_async_context(page(relay.url))
            hours = ("never", "always")[number % 2]
            await on_database(relay.data, lambda database, hours=hours: Queues(database).change("door", hours=hours))
            for ask in ((agent, form, entry) * 2)[number % 3 :][:3]:
                await ask(hours == "always")


@pytest.mark.rule("B-10.1", "B-10.2", "B-10.3", "B-10.4")
async def test_of_two_agents_the_first_to_accept_wins_and_the_other_sees_it_go(relay):
    async with agents(relay, "ana", "ion", "dana") as (ana, ion, dana), page(relay.url) as maria:
        session_id = await started(ana, maria)
        await maria.say("My printer smokes.")
        targets = await ana.client.ask("transfer.targets", requests.TransferTargets())
        known = {agent.name: agent for agent in targets.agents}
        assert (known["Ion"].presence, known["Lena"].presence) == (Presence.ONLINE, Presence.OFFLINE)
        assert "Ana" not in known
        assert {queue.slug for queue in targets.queues} >= {"support", "shut"}
        message = "\N{FIRE EXTINGUISHER}" * 345
        ids = (known["Ion"].account_id, known["Dana"].account_id)
        with pytest.raises(ProtocolError):
            await ana.pass_on(session_id, message + "x", agents=ids)
        await ana.pass_on(session_id, message, agents=ids)
        left = await maria.wait_fact(events.ParticipantLeft)
        assert (left.participant_id, left.reason) == (ana.client.session.you, LeaveReason.LEFT)
        told = await maria.wait_fact(events.SessionChanged)
        assert (told.state, told.transfer.to, told.transfer.former) == (
            SessionState.OFFERED,
            TransferTarget.AGENTS,
            "Ana",
        )
        assert (await waiting_number(maria, 0)).wait_s is None
        for agent in (ion, dana):
            item = await agent.asked(session_id)
            assert (item.kind, item.message, item.former) == (InboxKind.TRANSFER, message, "Ana")
        assert ana.item(session_id) is None
        both = await asyncio.gather(ion.accept(session_id), dana.accept(session_id), return_exceptions=True)
        lost = [result for result in both if isinstance(result, ProtocolError)]
        assert [error.code.value for error in lost] == ["offer_gone"]
        winner, loser = (ion, dana) if isinstance(both[1], ProtocolError) else (dana, ion)
        await loser.client.wait(lambda: loser.item(session_id) is None)
        assert winner.client.lines == ["My printer smokes."]
        assert [mark.kind for mark in winner.client.session.marks] == [MarkKind.PASSED_ON, MarkKind.ACCEPTED]
        await maria.wait(lambda: has_mark(maria, MarkKind.ACCEPTED))
        # An answer that got lost is asked for again.
        assert (await winner.accept(session_id)).session.you == winner.client.session.you
        await winner.end(session_id)
        for agent in (ana, winner):
            past = await agent.client.ask("history.read", requests.HistoryRead(session_id=session_id))
            assert past.handovers == (Handover(by="Ana", message=message),), "who wrote it and who accepted with it"


@pytest.mark.rule("B-10.4")
async def test_when_all_decline_it_falls_to_the_default_queues_head(relay):
    async with agents(relay, "ana", "ion") as (ana, ion), page(relay.url) as early, page(relay.url) as maria:
        await enter(early, "support", "Early")
        session_id = await started(ana, maria)
        await ana.pass_on(session_id, agents=(await account_of(ion),))
        await ion.asked(session_id)
        await ion.decline(session_id)
        changed = await maria.wait(
            lambda: next((f for f in maria.facts if isinstance(f, events.SessionChanged) and f.state == "queued"), None)
        )
        assert (changed.transfer.queue_name, changed.transfer.former) == ("Support", "Ana")
        await waiting_number(maria, 1)
        await waiting_number(early, 2)
        assert ion.item(session_id) is None
        assert await ion.client.refused("offer.accept", {"session_id": session_id}) == "offer_gone"
        await ana.asked(session_id)
        assert [item.session_id for item in ana.view.items] == [session_id, early.session_id]
        for one in (session_id, early.session_id):
            await ana.accept(one)
            await ana.end(one)


@pytest.mark.rule("B-10.4")
async def test_when_nobody_answers_in_time_it_falls_to_the_default_queue(relay):
    async with agents(relay, "ana", "ion") as (ana, ion), page(relay.url) as maria:
        session_id = await started(ana, maria)
        await ana.pass_on(session_id, agents=(await account_of(ion),))
        item = await ion.asked(session_id)
        # It counts from when it was asked, which a busy disk lets be later than it was decided.
        assert -1_000 < item.offered_until - item.since - OFFER_S * 1_000 < 5_000
        place = await maria.wait(lambda: place_of(maria))
        assert place.is_staffed, "that is said of queues alone: here somebody is asked"
        await maria.wait(lambda: has_mark(maria, MarkKind.QUEUED), OFFER_S + 5)
        assert ion.item(session_id) is None
        await ana.asked(session_id)
        await ana.accept(session_id)
        await ana.end(session_id)


@pytest.mark.slow
@pytest.mark.rule("B-10.4", "B-11.1")
async def test_in_turn_the_next_is_asked_when_one_does_not_answer_declines_or_goes(relay):
    async with AsyncExitStack() as stack:
        ion, dana = await stack.enter_async_context(agents(relay, "ion", "dana"))
        maria = await stack.enter_async_context(page(relay.url))
        session_id = (await enter(maria, "turns")).session.id
        first = await maria.wait(lambda: next((one for one in (ion, dana) if one.is_asked(session_id)), None))
        second = dana if first is ion else ion
        assert second.item(session_id) is None
        assert await second.client.refused("offer.accept", {"session_id": session_id}) == "offer_gone"
        await second.asked(session_id, OFFER_S + 5)
        await first.not_asked(session_id)
        await second.decline(session_id)
        # Both have passed: they are left in peace, and may take it all the same.
        await second.not_asked(session_id)
        assert first.item(session_id) is not None
        third = await maria.wait(lambda: next((one for one in (ion, dana) if one.is_asked(session_id)), None), 20)
        fourth = dana if third is ion else ion
        await third.client.close()
        await fourth.asked(session_id)
        await fourth.accept(session_id)
        await fourth.end(session_id)


@pytest.mark.rule("B-11.3")
async def test_only_who_is_online_is_asked_and_who_is_away_may_still_take_it(relay):
    async with agents(relay, "ion") as (ion,), page(relay.url) as maria:
        await ion.client.ask("presence.set", requests.PresenceSet(presence=Presence.AWAY))
        session_id = (await enter(maria, "short")).session.id
        await ion.client.wait(lambda: ion.item(session_id) is not None)
        assert (ion.view.presence, ion.is_asked(session_id)) == (Presence.AWAY, False)
        assert not place_of(maria).is_staffed, "nobody promises the customer the next free representative"
        assert await ion.client.refused("presence.set", {"presence": "offline"}) == "bad_message"
        # Back in a moment: what he chose holds.
        await ion.client.close()
        async with agents(relay, "ion") as (again,):
            assert (again.view.chosen, again.is_asked(session_id)) == (Presence.AWAY, False)
            await again.client.ask("presence.set", requests.PresenceSet(presence=Presence.ONLINE))
            await again.asked(session_id)
            await maria.wait(lambda: place_of(maria).is_staffed)
            await again.accept(session_id)
            await again.end(session_id)


@pytest.mark.rule("B-6.3", "B-11.3")
async def test_an_agent_at_his_limit_is_busy_and_takes_nobody_until_there_is_room(relay):
    async with agents(relay, "lena") as (lena,), page(relay.url) as maria, page(relay.url) as victor:
        first = (await enter(maria, "small")).session.id
        second = (await enter(victor, "small", "Victor")).session.id
        await lena.asked(second)
        results = await asyncio.gather(lena.accept(first), lena.accept(second), return_exceptions=True)
        refused = [result.code.value for result in results if isinstance(result, ProtocolError)]
        assert refused == ["limit_reached"]
        taken, left = (first, second) if isinstance(results[1], ProtocolError) else (second, first)
        await lena.client.wait(lambda: lena.view.presence is Presence.BUSY)
        assert (lena.view.chosen, lena.is_asked(left)) == (Presence.ONLINE, False)
        await lena.end(taken)
        await lena.asked(left)
        await lena.accept(left)
        await lena.end(left)


@pytest.mark.rule("B-10.5")
async def test_who_is_no_agent_has_no_inbox_and_passes_nothing_on(relay):
    async with rep(relay, "paul") as paul, page(relay.url) as maria, page(relay.url) as stranger:
        session = await paul.start_session()
        await maria.join(link=session.link)
        line = await enter(stranger, "support", "Stranger")
        transfer = {"session_id": session.id, "queue_id": "support"}
        for event, payload in (
            ("inbox.open", {}),
            ("presence.set", {"presence": "online"}),
            ("transfer.targets", {}),
            ("session.transfer", transfer),
            ("offer.accept", {"session_id": line.session.id}),
            ("offer.decline", {"session_id": line.session.id}),
        ):
            assert await paul.refused(event, payload) == "no_privilege", event
            if event != "session.transfer":
                assert await maria.refused(event, payload) == "not_allowed", event
        await stranger.ask("session.leave", requests.SessionLeave(session_id=line.session.id))


@pytest.mark.rule("B-10.1")
async def test_a_queue_that_is_closed_takes_a_transfer_and_the_customer_is_told(relay):
    async with agents(relay, "dana", "ana") as (dana, ana), page(relay.url) as maria:
        session_id = await started(dana, maria)
        targets = await dana.client.ask("transfer.targets", requests.TransferTargets())
        shut = next(queue for queue in targets.queues if queue.slug == "shut")
        assert (shut.is_open, shut.opens_at) == (False, None)
        await dana.pass_on(session_id, queue_id=shut.id, message="Please call back.")
        told = await maria.wait_fact(events.SessionChanged)
        assert (told.state, told.transfer.queue_name) == (SessionState.QUEUED, "Shut")
        item = await ana.asked(session_id)
        assert (item.kind, item.message) == (InboxKind.WAITING, "Please call back.")
        await ana.accept(session_id)
        await ana.end(session_id)


@pytest.mark.rule("B-10.3")
async def test_who_passes_it_on_to_his_own_queue_is_asked_after_his_colleague(relay):
    async with agents(relay, "ana", "dana") as (ana, dana), page(relay.url) as maria:
        session_id = await started(ana, maria)
        targets = await ana.client.ask("transfer.targets", requests.TransferTargets())
        line = next(queue for queue in targets.queues if queue.slug == "line")
        await ana.pass_on(session_id, queue_id=line.id)
        await dana.asked(session_id)
        waits = await ana.client.wait(lambda: ana.item(session_id))
        assert not waits.offered, "he may take it, but nobody asks him"
        await dana.decline(session_id)
        await ana.asked(session_id)
        await ana.accept(session_id)
        await ana.end(session_id)


@pytest.mark.rule("B-10.1", "B-10.3")
async def test_an_assistant_to_whom_it_is_ceded_becomes_the_controller(relay):
    async with agents(relay, "ana", "ion") as (ana, ion), page(relay.url) as maria:
        session_id = await started(ana, maria)
        request = requests.SessionAssist(request_id=secrets.token_urlsafe(16), number=ana.client.session.number)
        inside = await ion.client.ask("session.assist", request)
        await ana.pass_on(session_id, agents=(await account_of(ion),))
        await ion.asked(session_id)
        accepted = await ion.accept(session_id)
        assert accepted.session.you == inside.session.you
        changed = await maria.wait_fact(events.ParticipantChanged)
        assert (changed.participant.role, changed.participant.name) == (Role.CONTROLLER, "Ion")
        await ion.end(session_id)


async def test_a_queue_that_is_deleted_lets_its_customers_fall_to_the_default_queue(relay):
    await make_queue(relay.data, "brief")
    async with page(relay.url) as maria, agents(relay, "ana") as (ana,):
        joined = await enter(maria, "brief")
        await on_database(relay.data, lambda database: Queues(database).remove("brief"))
        item = await ana.asked(joined.session.id)
        assert item.queue_name == "Support"
        await maria.wait(lambda: has_mark(maria, MarkKind.QUEUED))
        await ana.accept(joined.session.id)
        await ana.end(joined.session.id)


@pytest.mark.slow
@pytest.mark.rule("B-12.6")
async def test_an_agent_who_crashes_after_accepting_gives_the_customer_back_to_the_head(relay):
    async with page(relay.url) as maria, page(relay.url) as early:
        session_id = (await enter(maria, "gone")).session.id
        async with agents(relay, "radu") as (radu,):
            await radu.asked(session_id)
            await radu.accept(session_id)
            await enter(early, "gone", "Early")
        lost = await maria.wait_fact(events.ParticipantConnection)
        assert lost.connection is Connection.LOST
        await maria.wait(lambda: has_mark(maria, MarkKind.QUEUED), 80)
        await waiting_number(maria, 1)
        await waiting_number(early, 2)
        async with agents(relay, "radu") as (radu,):
            await radu.asked(session_id)
            await radu.accept(session_id)
            await radu.end(session_id)


@pytest.mark.slow
@pytest.mark.rule("B-12.5")
async def test_a_relay_that_is_killed_in_each_stage_goes_on_where_it_was(tmp_path):
    await set_up(tmp_path)
    await set_site(tmp_path, offer_s="60")  # a restart and two sign-ins come before the answer
    async with AsyncExitStack() as stack:
        relay = await stack.enter_async_context(RelayProcess(tmp_path))
        people = {}
        async with agents(relay, "ana", "ion") as (ana, ion):
            offered = await stack.enter_async_context(page(relay.url))
            await started(ana, offered)
            await ana.pass_on(offered.session_id, "Please.", agents=(await account_of(ion),))
            accepted = await stack.enter_async_context(page(relay.url))
            await enter(accepted, "support", "Accepted")
            await ana.asked(accepted.session_id)
            await ana.accept(accepted.session_id)
            queued = await stack.enter_async_context(page(relay.url))
            await enter(queued, "support", "Queued")
            people = {"offered": offered, "accepted": accepted, "queued": queued}
            await asyncio.to_thread(relay.kill9)
        await asyncio.to_thread(relay.start)
        back = {}
        for name, client in people.items():
            back[name] = await stack.enter_async_context(page(relay.url))
            await back[name].resume(client.session_id, client.resume_token)
        states = [back[name].session.state for name in ("offered", "accepted", "queued")]
        assert states == [SessionState.OFFERED, SessionState.ACTIVE, SessionState.QUEUED]
        assert back["queued"].session.place.place == 1
        ana_again = await open_inbox(await stack.enter_async_context(rep(relay, "ana")))
        await ana_again.asked(people["queued"].session_id)
        ion_again = await open_inbox(await stack.enter_async_context(rep(relay, "ion")))
        item = await ion_again.asked(people["offered"].session_id)
        assert (item.message, item.former) == ("Please.", "Ana")
        await ion_again.accept(people["offered"].session_id)
        assert (await ana_again.client.resume(people["accepted"].session_id)).session.state is SessionState.ACTIVE
        await ana_again.accept(people["queued"].session_id)
        for client in back.values():
            await client.wait(lambda client=client: client.session.state == "active" or has_mark(client, "accepted"))


async def test_many_at_once_from_one_place_are_as_many_as_one_after_the_other(tmp_path):
    await set_up(tmp_path)
    async with RelayProcess(tmp_path) as relay, AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(page(relay.url)) for _ in range(WAITING_PER_NETWORK + 8)]

        async def one(client):
            try:
                await enter(client, "line")
            except ProtocolError as error:
                return str(error.code)
            return "in"

        answers = await asyncio.gather(*map(one, pages))
        assert (answers.count("in"), answers.count("too_many_tries")) == (WAITING_PER_NETWORK, 8)
