"""People and roles on a real relay: single mode, limits, assisting, control and sessions that move, and who may not."""

import asyncio
import random
import secrets
from functools import partial

import pytest

from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.roles import Role, SessionState, is_allowed
from support_manager.protocol.views import (
    Audience,
    Connection,
    EndReason,
    LeaveReason,
    MarkKind,
    Mode,
    TransferTarget,
    WaitReason,
)
from support_manager.protocol.wire import ProtocolError
from tests.harness.agents import make_queue
from tests.harness.relay import RelayProcess, page, rep
from tests.harness.screens import Screen

AGENT = ("--agent", "--mode", "choice")


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


def agent(relay, name):
    return rep(relay, name, *AGENT)


def request_id():
    return secrets.token_urlsafe(16)


def screen_of(client, snapshot):
    """What this client's screen shows: its snapshot and all events since."""
    screen = Screen(snapshot)
    for name, event in client.events:
        if name == "session.event" and event.session_id == snapshot.id:
            screen.hear(event)
    return screen


def is_told(client, snapshot, last_line):
    """Whether this client has read all there is: the last line, the end, or that he is out of it himself."""
    screen = screen_of(client, snapshot)
    return screen.gone or screen.end_reason or any(line.text == last_line for line in screen.chat)


async def share(customer):
    """The customer shares of his own accord; gives the activity's id."""
    offer = requests.ActivityOffer(session_id=customer.session_id, request_id=request_id(), kind=ActivityKind.VIEW)
    return (await customer.ask("activity.offer", offer)).activity_id


def transfer_control(client, to):
    return client.ask("control.transfer", requests.ControlTransfer(session_id=client.session_id, to=to))


def transfer_session(client, **to):
    return client.ask("session.transfer", requests.SessionTransfer(session_id=client.session_id, **to))


async def account_id(relay, name):
    return (await asyncio.to_thread(relay.sign_in, name)).account.id


@pytest.mark.rule("B-2.5", "B-3.4", "B-1.2", "B-5.1", "B-5.3")
async def test_single_mode_lets_people_in_selects_them_and_locks(relay):
    async with agent(relay, "ana") as ana, page(relay.url) as maria, page(relay.url) as ion, page(relay.url) as vlad:
        session = await ana.start_session(Mode.SINGLE)
        await maria.join("Maria", link=session.link)
        await maria.say("my card number is 1234")
        waiting = (await ion.join("Ion", number=session.number)).session
        assert (waiting.waiting_for, len(waiting.participants), waiting.chat) == (WaitReason.ADMISSION, 1, ())
        line = {"session_id": session.id, "line_id": "l", "text": "x"}
        assert await ion.refused("chat.send", line) == "not_allowed"
        await vlad.join("Vlad", number=session.number)
        await ana.wait(lambda: sum(isinstance(f, events.ParticipantJoined) for f in ana.facts) == 3)
        turn_away = {"session_id": session.id, "participant_id": vlad.session.you, "accept": False}
        await ana.ask("customer.admit", turn_away)
        assert (await vlad.wait_fact(events.ParticipantLeft)).reason is LeaveReason.REMOVED
        assert await vlad.refused("session.resume", {"session_id": session.id, "resume_token": vlad.resume_token}) == (
            "resume_refused"
        )
        await ana.ask("customer.admit", {"session_id": session.id, "participant_id": waiting.you, "accept": True})
        assert (await ion.wait_fact(events.ParticipantChanged)).participant.role is Role.SECONDARY
        whole = (await ion.resume(session.id, ion.resume_token)).session
        assert ({p.name for p in whole.participants}, whole.chat) == ({"Ana", "Maria", "Ion"}, ())
        assert "Vlad" not in repr(maria.events)
        view = await share(maria)
        await ana.ask("customer.select", {"session_id": session.id, "participant_id": waiting.you})
        for client in (ana, maria, ion):
            mark = (await client.wait_fact(events.MarkAdded)).mark
            assert (mark.kind, mark.name, mark.former) == (MarkKind.CUSTOMER, "Ion", "Maria")
            ended = [f.activity for f in client.facts if isinstance(f, events.ActivityChanged)][-1]
            assert (ended.id, ended.end) == (view, ActivityEnd.CUSTOMER_SWITCHED)
        await ana.ask("session.lock", {"session_id": session.id, "locked": True})
        await maria.wait(lambda: isinstance(maria.facts[-1], events.SessionChanged) and maria.facts[-1].locked)
        async with page(relay.url) as late:
            join = {"request_id": request_id(), "name": "Late", "number": session.number}
            assert await late.refused("session.join", join) == "session_locked"


@pytest.mark.rule("B-6.3")
async def test_over_the_limit_customers_wait_and_come_in_by_themselves_in_turn(relay):
    async with rep(relay, "limited", "--limit", "1") as ana:
        sessions = [await ana.start_session() for _ in range(3)]
        async with page(relay.url) as maria, page(relay.url) as ion, page(relay.url) as vlad:
            # Two at once in different sessions: one is helped, never both.
            first, second = await asyncio.gather(
                maria.join("Maria", link=sessions[0].link), ion.join("Ion", link=sessions[1].link)
            )
            states = {first.session.waiting_for, second.session.waiting_for}
            assert states == {None, WaitReason.LIMIT}
            helped, waits = (maria, ion) if first.session.waiting_for is None else (ion, maria)
            third = await vlad.join("Vlad", link=sessions[2].link)
            assert third.session.waiting_for is WaitReason.LIMIT
            refused = {"request_id": request_id()}
            assert await ana.refused("session.start", refused) == "limit_reached"
            joined = [f.participant.role for f in ana.facts if isinstance(f, events.ParticipantJoined)]
            assert sorted(joined) == sorted([Role.PRIMARY, Role.WAITING, Role.WAITING])
            await helped.ask("session.leave", {"session_id": helped.session_id})
            assert (await waits.wait_fact(events.ParticipantChanged)).participant.role is Role.PRIMARY
            assert not any(isinstance(f, events.ParticipantChanged) for f in vlad.facts)
            await ana.ask("session.end", {"session_id": waits.session_id})
            assert (await vlad.wait_fact(events.ParticipantChanged)).participant.role is Role.PRIMARY
            whole = (await vlad.resume(sessions[2].id, vlad.resume_token)).session
            assert (whole.state, whole.waiting_for) == (SessionState.ACTIVE, None)


@pytest.mark.rule("B-7.4", "B-7.9", "B-8.1", "B-12.1")
async def test_an_assistant_comes_by_number_talks_in_private_comes_back_and_leaves(relay):
    async with agent(relay, "ana") as ana, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join(link=session.link)
        async with rep(relay, "barbu") as bogdan:
            mine = await bogdan.assist(session.number)
            assert [p.role for p in mine.participants if p.id == mine.you] == [Role.ASSISTANT]
            private = requests.ChatSend(
                session_id=session.id, line_id="private", text="she sounds unhappy", audience=Audience.REPS
            )
            await bogdan.ask("chat.send", private)
            await ana.wait(lambda: "she sounds unhappy" in ana.lines)
            listed = (await bogdan.ask("session.list", requests.SessionList())).sessions
            assert [s.id for s in listed] == [session.id]
            assert await bogdan.refused("session.end", {"session_id": session.id}) == "not_allowed"
            again = {"request_id": request_id(), "number": session.number}
            assert await bogdan.refused("session.assist", again) == "already_inside"
        lost = await maria.wait_fact(events.ParticipantConnection)
        assert (lost.participant_id, lost.connection) == (mine.you, Connection.LOST)
        async with rep(relay, "barbu") as bogdan:
            back = await bogdan.resume(session.id)
            assert [line.text for line in back.session.chat] == ["she sounds unhappy"]
            await bogdan.say("for everybody")
            await maria.wait(lambda: maria.lines == ["for everybody"])
            await bogdan.ask("session.leave", {"session_id": session.id})
            assert (await bogdan.wait_fact(events.ParticipantLeft)).participant_id == mine.you
            assert (await bogdan.ask("session.list", requests.SessionList())).sessions == ()
            assert await bogdan.refused("session.resume", {"session_id": session.id}) == "session_unknown"
        await maria.wait_fact(events.ParticipantLeft)
        assert "unhappy" not in repr(maria.events)
        resumed = await maria.resume(session.id, maria.resume_token)
        assert [line.text for line in resumed.session.chat] == ["for everybody"]


@pytest.mark.rule("B-8.2")
async def test_each_reason_why_nobody_can_assist_has_its_own_code(relay):
    async with agent(relay, "ana") as ana, rep(relay, "clumsy", "--mode", "multi") as bogdan, page(relay.url) as nobody:
        single, ended = await ana.start_session(Mode.SINGLE), await ana.start_session()

        def ask(number):
            return {"request_id": request_id(), "number": number}

        await ana.ask("session.end", {"session_id": ended.id})
        assert await bogdan.refused("session.assist", ask(ended.number)) == "session_ended"
        assert await bogdan.refused("session.assist", ask(single.number)) == "no_privilege"
        assert await nobody.refused("session.assist", ask(single.number)) == "not_allowed"
        codes = [await bogdan.refused("session.assist", ask(f"{100_000_000 + n}")) for n in range(11)]
        assert codes == ["wrong_number"] * 10 + ["too_many_tries"]
        async with page(relay.url) as maria, agent(relay, "corina") as corina:
            # A rep who mistypes keeps no customer out, and no colleague.
            await maria.join(number=single.number)
            await corina.assist(single.number)


@pytest.mark.rule("B-9.2", "B-9.3", "B-9.4")
async def test_control_moves_there_and_back_and_survives_a_restart_of_the_relay():
    with RelayProcess() as relay:
        async with agent(relay, "ana") as ana, rep(relay, "barbu") as bogdan, page(relay.url) as maria:
            session = await ana.start_session()
            await maria.join(link=session.link)
            theirs = await bogdan.assist(session.number)
            view = await share(maria)
            await bogdan.ask("control.ask", {"session_id": session.id})
            await ana.wait(
                lambda: any(getattr(f, "participant", None) and f.participant.asks_control for f in ana.facts)
            )
            await transfer_control(ana, theirs.you)
            told = []
            for client in (ana, bogdan, maria):
                await client.wait_fact(events.MarkAdded)
                facts = client.facts[-4:]
                assert (facts[0].activity.id, facts[0].activity.end) == (view, ActivityEnd.CONTROL_TRANSFERRED)
                assert [(f.participant.name, f.participant.role) for f in facts[1:3]] == [
                    ("Ana", Role.ASSISTANT),
                    ("Barbu", Role.CONTROLLER),
                ]
                assert (facts[3].mark.name, facts[3].mark.former) == ("Barbu", "Ana")
                told.append(facts)
            assert told[0] == told[1] == told[2]
            assert await ana.refused("session.end", {"session_id": session.id}) == "not_allowed"
            assert await ana.refused("control.transfer", {"session_id": session.id, "to": ana.session.you}) == (
                "control_moved"
            )
            ask = {"session_id": session.id, "request_id": "r", "kind": "view", "subject": maria.session.you}
            assert await ana.refused("activity.ask", ask) == "not_allowed"
            await bogdan.ask("activity.ask", ask)
            asked = await maria.wait(
                lambda: next((f.activity for f in maria.facts[-1:] if isinstance(f, events.ActivityChanged)), None)
            )
            assert asked.state is ActivityState.ASKED
            relay.kill9()
        relay.start()
        async with agent(relay, "ana") as ana, rep(relay, "barbu") as bogdan:
            roles = {}
            for client in (ana, bogdan):
                back = (await client.resume(session.id)).session
                roles[client] = {p.id: p.role for p in back.participants}[back.you]
            assert roles == {ana: Role.ASSISTANT, bogdan: Role.CONTROLLER}
            await transfer_control(bogdan, session.you)
            assert (await ana.wait_fact(events.MarkAdded)).mark.name == "Ana"
            await ana.ask("session.end", {"session_id": session.id})


@pytest.mark.rule("B-9.6")
async def test_signals_of_the_former_controller_reach_nobody_and_epochs_begin_anew(relay):
    async with agent(relay, "ana") as ana, rep(relay, "barbu") as bogdan, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join(link=session.link)
        theirs = await bogdan.assist(session.number)

        def signal(to, epoch, kind):
            return {"session_id": session.id, "to": to, "epoch": epoch, "signal": {"type": kind, "sdp": "v=0"}}

        await maria.ask("signal.send", signal(session.you, 7, "offer"))
        await transfer_control(ana, theirs.you)
        assert await ana.refused("signal.send", signal(maria.session.you, 7, "answer")) == "not_allowed"
        await maria.ask("signal.send", signal(theirs.you, 1, "offer"))
        await ana.ask("signal.send", signal(theirs.you, 1, "offer"))
        await bogdan.wait(
            lambda: [e.sender for n, e in bogdan.events if n == "signal"] == [maria.session.you, session.you]
        )


@pytest.mark.slow
@pytest.mark.rule("B-9.6", "B-10.4", "B-12.1")
async def test_fifty_races_of_three_controllers_have_one_outcome_and_all_screens_agree(relay):
    outcomes = set()
    async with agent(relay, "ana") as ana, agent(relay, "bogdan") as bogdan, agent(relay, "corina") as corina:
        agents = [await account_id(relay, name) for name in ("bogdan", "corina")]
        for seed in range(50):
            chance = random.Random(seed)
            async with page(relay.url) as maria:
                session = await ana.start_session()
                joined = (await maria.join(link=session.link)).session
                snapshots = {ana: session, maria: joined}
                for client in (bogdan, corina):
                    snapshots[client] = await client.assist(session.number)
                acts = [
                    ("to bogdan", ana, "control.transfer", {"to": snapshots[bogdan].you}),
                    ("to corina", ana, "control.transfer", {"to": snapshots[corina].you}),
                    ("pass on", ana, "session.transfer", {"agents": agents}),
                    ("end", ana, "session.end", {}),
                    ("leave", bogdan, "session.leave", {}),
                ]
                chosen = chance.sample(acts, 3)
                acks = await asyncio.gather(
                    *(client.raw(event, {"session_id": session.id, **body}) for _, client, event, body in chosen)
                )
                won = [name for (name, *_), ack in zip(chosen, acks, strict=True) if ack["ok"]]
                decided = [name for name in won if name != "leave"]
                assert len(decided) == 1, (seed, chosen, acks)
                outcomes.add(decided[0])
                # One more line that all who are inside read: whatever was told before has reached them too.
                inside = [c for c in (ana, bogdan, corina, maria) if screen_of(c, snapshots[c]).gone is None]
                if decided != ["end"]:
                    await maria.say(f"round {seed}")
                for client in inside:
                    await client.wait(partial(is_told, client, snapshots[client], f"round {seed}"))
                screens = {c: screen_of(c, snapshots[c]) for c in inside}
                seen = [screen for screen in screens.values() if screen.gone is None]
                assert len({s.state for s in seen}) == 1, seed
                holders = {tuple(p.id for p in s.people.values() if p.role is Role.CONTROLLER) for s in seen}
                assert len(holders) == 1, seed
                fresh = (await maria.resume(session.id, maria.resume_token)).session
                assert screens[maria].differences(fresh) == [], seed
                if fresh.state in (SessionState.ACTIVE, SessionState.WAITING):
                    (holder,) = holders
                    boss = next(c for c in (ana, bogdan, corina) if (snapshots[c].you,) == holder)
                    await boss.ask("session.end", {"session_id": session.id})
                elif fresh.state is not SessionState.ENDED:
                    await maria.ask("session.leave", {"session_id": session.id})
                for client in (ana, bogdan, corina):
                    client.events.clear()
    assert outcomes == {"to bogdan", "to corina", "pass on", "end"}


@pytest.mark.rule("B-10.1", "B-10.2", "B-10.3", "B-10.5")
async def test_a_session_is_passed_on_and_whoever_may_not_is_told_why(relay):
    async with agent(relay, "ana") as ana, rep(relay, "plain") as plain, page(relay.url) as maria:
        async with agent(relay, "bogdan"):
            bogdan_id = await account_id(relay, "bogdan")
        plain_id, ana_id = await account_id(relay, "plain"), await account_id(relay, "ana")
        session = await ana.start_session()
        await maria.join(link=session.link)
        base = {"session_id": session.id}
        for to, code in (
            ({}, "bad_message"),
            ({"queue_id": "support", "agents": [bogdan_id]}, "bad_message"),
            ({"queue_id": "nowhere"}, "queue_unknown"),
            ({"agents": ["nobody"]}, "agent_unknown"),
            ({"agents": [bogdan_id, plain_id]}, "agent_unknown"),
            ({"agents": [bogdan_id, ana_id]}, "agent_unknown"),
            ({"agents": [bogdan_id], "message": "x" * 346}, "bad_message"),
            ({"agents": [bogdan_id], "message": "😀" * 346}, "bad_message"),
        ):
            assert await ana.refused("session.transfer", {**base, **to}) == code
        assert not any(isinstance(fact, events.MarkAdded) for fact in maria.facts)
        await share(maria)
        await transfer_session(ana, agents=(bogdan_id,), message="😀" * 345)
        changed = await maria.wait(
            lambda: next((f for f in maria.facts[-1:] if isinstance(f, events.SessionChanged) and f.transfer), None)
        )
        assert (changed.state, changed.transfer.to, changed.transfer.former) == (
            SessionState.OFFERED,
            TransferTarget.AGENTS,
            "Ana",
        )
        assert "😀" not in repr(maria.events)
        assert (await ana.wait_fact(events.ParticipantLeft)).participant_id == session.you
        assert await ana.refused("session.resume", base) == "session_unknown"
        own = await plain.start_session()
        async with page(relay.url) as ion:
            await ion.join("Ion", link=own.link)
            assert await plain.refused("session.transfer", {"session_id": own.id, "agents": [bogdan_id]}) == (
                "no_privilege"
            )
        await maria.ask("session.leave", base)


@pytest.mark.rule("B-12.1", "B-12.6")
async def test_control_is_not_taken_from_a_controller_who_is_only_just_gone(relay):
    async with rep(relay, "barbu") as bogdan, page(relay.url) as maria:
        async with agent(relay, "ana") as ana:
            session = await ana.start_session()
            await maria.join(link=session.link)
            await bogdan.assist(session.number)
            assert await bogdan.refused("control.take", {"session_id": session.id}) == "controller_present"
        await bogdan.wait_fact(events.ParticipantConnection)
        assert await bogdan.refused("control.take", {"session_id": session.id}) == "controller_present"
        async with agent(relay, "ana") as ana:
            await ana.resume(session.id)
            await ana.ask("session.end", {"session_id": session.id})
        assert (await maria.wait_fact(events.SessionEnded)).reason is EndReason.ENDED_BY_REP


# Hostile


def people_payloads(session_id, other):
    """A well-formed payload of every event about people, so that only the rules can refuse it."""
    base = {"session_id": session_id}
    return {
        "session.lock": {**base, "locked": True},
        "customer.admit": {**base, "participant_id": other, "accept": True},
        "customer.select": {**base, "participant_id": other},
        "control.transfer": {**base, "to": other},
        "control.ask": base,
        "control.refuse": {**base, "participant_id": other},
        "control.take": base,
        "session.transfer": {**base, "agents": ["somebody"]},
        "session.end": base,
    }


@pytest.mark.rule("B-1.1", "B-1.3", "B-7.9")
async def test_every_event_about_people_is_refused_to_every_role_that_may_not(relay):
    async with (
        agent(relay, "ana") as ana,
        agent(relay, "bogdan") as bogdan,
        agent(relay, "corina") as outsider,
        page(relay.url) as maria,
        page(relay.url) as ion,
        page(relay.url) as vlad,
        page(relay.url) as stranger,
    ):
        session = await ana.start_session(Mode.SINGLE)
        await maria.join("Maria", link=session.link)
        second = (await ion.join("Ion", link=session.link)).session
        await ana.ask("customer.admit", {"session_id": session.id, "participant_id": second.you, "accept": True})
        await vlad.join("Vlad", link=session.link)
        assistant = await bogdan.assist(session.number)
        before = (await ana.raw("session.list", {}))["value"]["sessions"]
        roles = {
            Role.ASSISTANT: bogdan,
            Role.PRIMARY: maria,
            Role.SECONDARY: ion,
            Role.WAITING: vlad,
            Role.SIGNED_IN: outsider,
            Role.ANONYMOUS: stranger,
        }
        tried = 0
        for role, client in roles.items():
            for other in (session.you, assistant.you, second.you, vlad.session.you, "nobody"):
                for event, payload in people_payloads(session.id, other).items():
                    if is_allowed(event, role, SessionState.ACTIVE):
                        continue
                    ack = await client.raw(event, payload)
                    while ack.get("code") == "too_fast":
                        await asyncio.sleep(0.2)  # the relay's own word for «later»
                        ack = await client.raw(event, payload)
                    inside = role not in (Role.SIGNED_IN, Role.ANONYMOUS)
                    assert ack == {"ok": False, "code": "not_allowed" if inside else "session_unknown"}, (role, event)
                    tried += 1
        assert tried > 200
        for client in (maria, ion, vlad, stranger):
            ask = {"request_id": request_id(), "number": session.number}
            assert await client.refused("session.assist", ask) == "not_allowed"
        assert (await ana.raw("session.list", {}))["value"]["sessions"] == before
        # What was refused was told to nobody, and whoever waits has heard of nothing at all.
        assert not vlad.facts
        assert not stranger.facts
        assert not outsider.facts


@pytest.mark.rule("B-1.3")
async def test_a_controller_reaches_nobody_in_a_session_that_is_not_his(relay):
    async with agent(relay, "ana") as ana, agent(relay, "bogdan") as bogdan, page(relay.url) as maria:
        theirs = await bogdan.start_session(Mode.SINGLE)
        await maria.join(link=theirs.link)
        mine = await ana.start_session(Mode.SINGLE)
        before = len(maria.facts)
        for session_id in (theirs.id, "no-such-session"):
            for event, payload in people_payloads(session_id, maria.session.you).items():
                assert await ana.refused(event, payload) == "session_unknown", event
        # Nor by naming people of another session in his own.
        for event, payload in people_payloads(mine.id, maria.session.you).items():
            if event in ("customer.admit", "control.transfer", "control.refuse"):
                assert await ana.refused(event, payload) == "participant_unknown", event
        assert len(maria.facts) == before


@pytest.mark.rule("B-2.5")
async def test_a_repeated_join_of_somebody_who_waits_lets_the_same_one_wait_on(relay):
    async with agent(relay, "ana") as ana, page(relay.url) as maria, page(relay.url) as ion:
        session = await ana.start_session(Mode.SINGLE)
        await maria.join("Maria", link=session.link)
        key = request_id()
        first = await ion.join("Ion", link=session.link, request_id=key)
        again = await ion.join("Ion", link=session.link, request_id=key)
        assert (first.session.you, again.session.waiting_for) == (again.session.you, WaitReason.ADMISSION)
        # An assistant's request id brings no customer in as that assistant.
        async with agent(relay, "bogdan") as bogdan:
            known = request_id()
            await bogdan.ask("session.assist", {"request_id": known, "number": session.number})
            async with page(relay.url) as thief:
                stolen = await thief.join("Thief", link=session.link, request_id=known)
                assert [p.role for p in stolen.session.participants] == [Role.WAITING]
                assert stolen.session.link == ""
        with pytest.raises(ProtocolError):
            await ion.ask(
                "customer.admit", {"session_id": session.id, "participant_id": first.session.you, "accept": True}
            )


@pytest.mark.slow
@pytest.mark.rule("B-12.6")
async def test_a_controller_lost_for_a_minute_is_taken_over_and_a_session_from_a_queue_returns_to_its_head(relay):
    async with rep(relay, "barbu") as helper, page(relay.url) as maria, page(relay.url) as ion:
        async with agent(relay, "ana") as ana, agent(relay, "corina") as corina:
            await make_queue(relay.data, "printers", "corina")
            await corina.ask("inbox.open", requests.InboxOpen())
            session = await ana.start_session()
            await maria.join(link=session.link)
            mine = await helper.assist(session.number)
            view = await share(maria)
            form = requests.QueueEnter(
                request_id=request_id(), queue="printers", name="Ion", problem="It does not print"
            )
            entered = await ion.ask("queue.enter", form)
            assert (entered.session.state, entered.session.intake) == (SessionState.QUEUED, None)
            await corina.wait(lambda: any(event.inbox.items for name, event in corina.events if name == "inbox"))
            inside = await corina.ask("offer.accept", requests.OfferAccept(session_id=entered.session.id))
            assert inside.session.intake.problem == "It does not print"
        for client in (maria, ion):
            await client.wait_fact(events.ParticipantConnection)
        # Both reps are gone: one has an assistant, the other came from a queue.
        await ion.wait(lambda: any(isinstance(f, events.SessionChanged) and f.transfer for f in ion.facts), 90)
        assert [f.mark.kind for f in ion.facts if isinstance(f, events.MarkAdded)] == [
            MarkKind.ACCEPTED,
            MarkKind.QUEUED,
        ]
        back = [f for f in ion.facts if isinstance(f, events.SessionChanged)][-1]
        assert (back.state, back.transfer.to, back.transfer.former) == (
            SessionState.QUEUED,
            TransferTarget.QUEUE,
            "Corina",
        )
        async with asyncio.timeout(10):  # Ana went after Corina, and her minute ends as much later
            while not (ack := await helper.raw("control.take", {"session_id": session.id}))["ok"]:
                assert ack["code"] == "controller_present"
                await asyncio.sleep(0.1)
        await maria.wait_fact(events.MarkAdded)
        told = maria.facts[-4:]
        assert (told[0].activity.id, told[0].activity.end) == (view, ActivityEnd.CONTROL_TRANSFERRED)
        assert (told[3].mark.kind, told[3].mark.name, told[3].mark.former) == (MarkKind.TAKEN_OVER, "Barbu", "Ana")
        async with agent(relay, "ana") as ana:
            returned = (await ana.resume(session.id)).session
            roles = {p.id: p.role for p in returned.participants}
            assert (roles[returned.you], roles[mine.you]) == (Role.ASSISTANT, Role.CONTROLLER)
        async with agent(relay, "corina") as corina:
            assert await corina.refused("session.resume", {"session_id": entered.session.id}) == "session_unknown"
