"""The real relay process with real Socket.IO clients: joining, talking, coming back, ending."""

import asyncio
import json
import secrets
from contextlib import AsyncExitStack

import pytest

from server_stub.joining import WAITERS_PER_NETWORK
from support_manager.protocol import events, limits, requests, signals
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Connection, EndReason, Mode
from support_manager.protocol.wire import ProtocolError
from tests.harness.relay import PASSWORD, RelayProcess, page, rep


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


@pytest.mark.rule("B-2.3", "B-2.5", "B-3.1")
async def test_a_customer_joins_by_number_and_by_link(relay):
    async with rep(relay) as ana, page(relay.url) as maria, page(relay.url, locale="ro") as ion:
        by_number = await ana.start_session()
        joined = await maria.join("Maria", number=by_number.number)
        assert (joined.session.state, joined.session.link) == (SessionState.ACTIVE, "")
        told = await ana.wait_fact(events.ParticipantJoined)
        assert (told.participant.name, told.participant.id) == ("Maria", joined.session.you)
        by_link = await ana.start_session()
        assert by_link.link.startswith(f"{relay.url}/join#")
        joined = await ion.join("Ion", link=by_link.link)
        assert joined.session.id == by_link.id
        assert joined.session.participants[1].locale == "ro"


@pytest.mark.rule("B-2.5")
async def test_a_taken_session_says_so_and_of_two_at_once_one_gets_in(relay):
    async with rep(relay) as ana, page(relay.url) as maria, page(relay.url) as ion:
        session = await ana.start_session()
        results = await asyncio.gather(
            maria.join("Maria", link=session.link), ion.join("Ion", link=session.link), return_exceptions=True
        )
        refused = [result for result in results if isinstance(result, ProtocolError)]
        assert [error.code.value for error in refused] == ["session_taken"]
        await ana.wait_fact(events.SessionChanged)
        assert sum(isinstance(fact, events.ParticipantJoined) for fact in ana.facts) == 1


@pytest.mark.rule("B-2.7")
async def test_customers_who_come_and_go_close_no_session(relay):
    async with rep(relay) as ana:
        session = await ana.start_session()
        # Two connections: one sends no more than 100 requests at once.
        for _ in range(2):
            async with page(relay.url) as customer:
                for _ in range(limits.PARTICIPANTS_PER_SESSION // 2 + 2):
                    await customer.join(number=session.number)
                    await customer.ask("session.leave", requests.SessionLeave(session_id=session.id))


@pytest.mark.rule("B-2.5")
async def test_nobody_takes_all_places_of_a_session_from_one_network(relay):
    async with rep(relay) as ana, AsyncExitStack() as leave:
        session = await ana.start_session(Mode.SINGLE)
        pages = [await leave.enter_async_context(page(relay.url)) for _ in range(WAITERS_PER_NETWORK + 2)]
        for number, one in enumerate(pages[:-1]):
            await one.join(f"Customer {number}", number=session.number)
        with pytest.raises(ProtocolError) as caught:
            await pages[-1].join("One too many", number=session.number)
        assert caught.value.code is ErrorCode.SESSION_TAKEN
        # One who gives up makes room, and so does one who is let in.
        await pages[-2].ask("session.leave", requests.SessionLeave(session_id=session.id))
        await pages[-1].join("Customer again", number=session.number)


async def test_wrong_and_ended_get_the_same_answer(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        session = await ana.start_session()
        await ana.ask("session.end", requests.SessionEnd(session_id=session.id))
        token = session.link.partition("#")[2]
        wrong = {"request_id": "r", "name": "M", "link_token": secrets.token_urlsafe(32)}
        answers = [
            await maria.raw("session.join", wrong),
            await maria.raw("session.join", {**wrong, "link_token": token}),
            await maria.raw("session.join", {"request_id": "r", "name": "M", "number": session.number}),
        ]
        assert answers == [{"ok": False, "code": "wrong_number"}] * 3


@pytest.mark.rule("B-7.4", "B-12.5")
async def test_chat_goes_both_ways_in_order_and_a_line_sent_again_changes_nothing(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        await maria.join(link=(await ana.start_session()).link)
        first = await maria.say("Bună ziua <b>!</b>", "line-1")
        await ana.say("Good day", "line-2")
        assert await maria.say("Bună ziua <b>!</b>", "line-1") == first
        await maria.say("end")
        for client in (ana, maria):
            await client.wait(lambda client=client: "end" in client.lines)
            assert client.lines == ["Bună ziua <b>!</b>", "Good day", "end"]
            assert sum(isinstance(fact, events.ChatAdded) for fact in client.facts) == 3


@pytest.mark.rule("B-7.1")
async def test_a_view_is_asked_for_agreed_to_and_stopped(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        joined = await maria.join(link=(await ana.start_session()).link)
        ask = requests.ActivityAsk(
            session_id=ana.session_id, request_id="ask-1", kind=ActivityKind.VIEW, subject=joined.session.you
        )
        made = await ana.ask("activity.ask", ask)
        assert await ana.ask("activity.ask", ask) == made
        asked = await maria.wait_fact(events.ActivityChanged)
        assert asked.activity.state is ActivityState.ASKED
        answer = requests.ActivityAnswer(session_id=ana.session_id, activity_id=made.activity_id, accept=True)
        await maria.ask("activity.answer", answer)
        await ana.wait(lambda: any(getattr(f, "activity", None) and f.activity.state == "running" for f in ana.facts))
        await ana.ask("activity.stop", requests.ActivityStop(session_id=ana.session_id, activity_id=made.activity_id))
        await maria.wait(lambda: maria.facts[-1].activity.end is ActivityEnd.STOPPED)


@pytest.mark.rule("B-12.5")
async def test_after_kill_9_both_come_back_and_no_line_is_lost_or_doubled():
    with RelayProcess() as relay:
        async with rep(relay) as ana, page(relay.url) as maria:
            session = await ana.start_session()
            await maria.join(link=session.link)
            acked = []

            async def talk(client, name):
                for number in range(500):
                    line = f"{name} {number}"
                    try:
                        await client.say(line, f"{name}-{number}")
                    except Exception:  # noqa: BLE001 - the relay dies in the middle, in whatever way
                        return
                    acked.append(line)

            talks = asyncio.gather(talk(ana, "ana"), talk(maria, "maria"))
            await maria.wait(lambda: len(acked) > 20)
            relay.kill9()
            await talks
            token = maria.resume_token
        relay.start()
        async with rep(relay) as ana, page(relay.url) as maria:
            assert (await ana.ask("session.list", requests.SessionList())).sessions[0].id == session.id
            await maria.resume(session.id, token)
            back = await ana.resume(session.id)
            assert back.session.link == session.link
            number = int(acked[-1].split()[1])
            await maria.say("again", f"maria-{number}") if acked[-1].startswith("maria") else None
            assert [line for line in ana.lines if line in acked] == sorted(acked, key=ana.lines.index)
            assert set(acked) <= set(ana.lines)
            assert len(ana.lines) == len(set(ana.lines)) <= len(acked) + 2
            await maria.say("the last")
            await ana.wait(lambda: ana.lines[-1] == "the last")


@pytest.mark.rule("B-12.4", "B-12.5")
async def test_the_rep_reads_whether_a_page_was_closed_or_lost(relay):
    async with rep(relay) as ana:
        session = await ana.start_session()
        async with page(relay.url) as maria:
            await maria.join(link=session.link)
            token = maria.resume_token
        assert (await ana.wait_fact(events.ParticipantConnection)).connection is Connection.LOST
        async with page(relay.url) as maria:
            await maria.resume(session.id, token)
            token = maria.resume_token
            await maria.ask("page.closing", requests.PageClosing(session_id=session.id))
        await ana.wait(lambda: ana.facts[-1].connection is Connection.CLOSED_PAGE)
        async with page(relay.url) as maria:
            await maria.resume(session.id, token)
            await ana.wait(lambda: ana.facts[-1].connection is Connection.ONLINE)
            assert [f.connection.value for f in ana.facts if isinstance(f, events.ParticipantConnection)] == [
                "lost",
                "online",
                "closed_page",
                "online",
            ]


@pytest.mark.rule("B-12.5")
async def test_the_same_member_elsewhere_replaces_the_older_connection(relay):
    async with rep(relay) as ana, page(relay.url) as old, page(relay.url) as new:
        session = await ana.start_session()
        await old.join(link=session.link)
        await new.resume(session.id, old.resume_token)
        assert (await old.wait_event("session.replaced")).session_id == session.id
        line = {"session_id": session.id, "line_id": "l", "text": "x"}
        assert await old.refused("chat.send", line) == "session_unknown"
        await old.close()
        await new.say("still here")
        await ana.wait(lambda: "still here" in ana.lines)
        assert not any(isinstance(fact, events.ParticipantConnection) for fact in ana.facts)


@pytest.mark.rule("B-12.1")
async def test_the_end_is_told_with_its_reason_and_to_whoever_comes_back_later(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join(link=session.link)
        await ana.ask("session.end", requests.SessionEnd(session_id=session.id))
        assert (await maria.wait_fact(events.SessionEnded)).reason is EndReason.ENDED_BY_REP
        line = {"session_id": session.id, "line_id": "l", "text": "x"}
        assert await maria.refused("chat.send", line) == "session_ended"
        async with page(relay.url) as later:
            back = await later.resume(session.id, maria.resume_token)
            assert (back.session.state, back.session.end_reason) == (SessionState.ENDED, EndReason.ENDED_BY_REP)


async def test_signals_reach_the_other_side_with_a_sender_the_relay_vouches_for(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        joined = await maria.join(link=(await ana.start_session()).link)
        me, hub = joined.session.you, joined.session.participants[0].id

        def signal(to, epoch, what):
            return requests.SignalSend(session_id=ana.session_id, to=to, epoch=epoch, signal=what)

        await maria.ask("signal.send", signal(hub, 2, signals.Offer(sdp="v=0")))
        received = await ana.wait_event("signal")
        assert (received.sender, received.epoch, received.signal) == (me, 2, signals.Offer(sdp="v=0"))
        await ana.ask("signal.send", signal(me, 2, signals.Answer(sdp="v=0")))
        await maria.wait_event("signal")
        assert await maria.refused("signal.send", signal(hub, 1, signals.Bye())) == "stale_epoch"
        assert await maria.refused("signal.send", signal(hub, 2, signals.Answer(sdp="v=0"))) == "not_allowed"
        assert await ana.refused("signal.send", signal(me, 2, signals.Offer(sdp="v=0"))) == "not_allowed"
        candidate = signals.Candidate(candidate="candidate:1")
        for _ in range(64):
            await maria.ask("signal.send", signal(hub, 2, candidate))
        assert await maria.refused("signal.send", signal(hub, 2, candidate)) == "too_fast"


async def test_a_planned_stop_is_told_and_the_session_survives_it():
    with RelayProcess() as relay:
        async with rep(relay) as ana, page(relay.url) as maria:
            session = await ana.start_session()
            await maria.join(link=session.link)
            token = maria.resume_token
            assert await asyncio.to_thread(relay.stop) == 0
            assert (await maria.wait_event("notice")).code.value == "relay_stopping"
        relay.start()
        async with page(relay.url) as maria:
            assert (await maria.resume(session.id, token)).session.participants[0].connection is Connection.LOST


async def test_the_log_holds_no_secret_and_nothing_that_people_wrote(relay):
    async with rep(relay) as ana, page(relay.url) as maria:
        session = await ana.start_session()
        await maria.join("Zebulon", link=session.link)
        await maria.say("a very private sentence")
        await maria.refused("chat.send", {"session_id": session.id, "line_id": "l", "text": 7})
        hub = maria.session.participants[0].id
        sdp = {"type": "offer", "sdp": "v=0 secret-sdp 192.0.2.77"}
        await maria.raw("signal.send", {"session_id": session.id, "to": hub, "epoch": 1, "signal": sdp})
        await maria.raw("signal.send", {"session_id": session.id, "to": hub, "epoch": 1, "signal": {**sdp, "sdp": 7}})
        for odd in ("evil\r\n{}\x1b[31m\u202e", "x" * 5_000, ["secret-list"], {"sdp": "secret-sdp"}):
            await maria.raw("session.join", {"request_id": "r", "name": odd, "number": session.number})
            await maria.raw("session.resume", {"session_id": odd, "resume_token": maria.resume_token})
        await maria.raw("evil\r\nevent-name", {})
        with pytest.raises(ProtocolError):
            await maria.ask("session.join", {"request_id": "r", "name": "Zebulon", "number": session.number})
        secret = [
            *("secret-sdp", "192.0.2.77", "secret-list", "event-name", "\x1b", "\u202e", PASSWORD),
            *(session.number, session.link.partition("#")[2], maria.resume_token, "Zebulon", "private sentence"),
        ]
        text = "\n".join(relay.log)
        assert session.id in text
        assert not [word for word in secret if word in text]
        assert all(json.loads(line) for line in relay.log)
