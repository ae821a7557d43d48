"""What hostile clients send: each role every event, foreign sessions, floods, binary parts, silence, slow reading."""

import asyncio
import contextlib
import json
import secrets
import socket
import time

import aiohttp
import pytest
import socketio

from server_stub.state.signalling import SIGNAL_BYTES_BURST, SIGNAL_BYTES_PER_SECOND
from support_manager.protocol import events, limits
from support_manager.protocol.requests import REQUESTS
from support_manager.protocol.roles import Role, SessionState, is_allowed
from support_manager.protocol.version import PROTOCOL_VERSION
from tests.harness.relay import Client, RelayProcess, page, rep


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


def payloads(session_id, me, other):
    """A well-formed payload of every event, so that only the rules can refuse it."""
    offer = {"type": "offer", "sdp": "v=0"}
    made = {
        "session.start": {"request_id": secrets.token_hex(8)},
        "session.list": {},
        "session.join": {"request_id": secrets.token_hex(8), "name": "X", "link_token": "x" * 43},
        "session.resume": {"session_id": session_id, "resume_token": "x" * 43},
        "session.end": {"session_id": session_id},
        "session.leave": {"session_id": session_id},
        "page.closing": {"session_id": session_id},
        "participant.report": {"session_id": session_id, "device": {}},
        "activity.ask": {"session_id": session_id, "request_id": "r", "kind": "view", "subject": me},
        "activity.offer": {"session_id": session_id, "request_id": "r", "kind": "view"},
        "activity.answer": {"session_id": session_id, "activity_id": "a", "accept": True},
        "activity.update": {"session_id": session_id, "activity_id": "a"},
        "activity.stop": {"session_id": session_id, "activity_id": "a"},
        "chat.send": {"session_id": session_id, "line_id": "l", "text": "hello"},
        "signal.send": {"session_id": session_id, "to": other, "epoch": 1, "signal": offer},
        "ice.get": {"session_id": session_id},
        "file.open": {"session_id": session_id, "activity_id": "a"},
        "session.assist": {"request_id": secrets.token_hex(8), "number": "100000000"},
        "session.lock": {"session_id": session_id, "locked": True},
        "customer.admit": {"session_id": session_id, "participant_id": other, "accept": True},
        "customer.select": {"session_id": session_id, "participant_id": other},
        "control.transfer": {"session_id": session_id, "to": other},
        "control.ask": {"session_id": session_id},
        "control.refuse": {"session_id": session_id, "participant_id": other},
        "control.take": {"session_id": session_id},
        "session.transfer": {"session_id": session_id, "agents": ["somebody"]},
        "transfer.targets": {},
        "inbox.open": {},
        "presence.set": {"presence": "online"},
        "offer.accept": {"session_id": session_id},
        "offer.decline": {"session_id": session_id},
        "queue.enter": {"request_id": secrets.token_hex(8), "queue": "no-such-queue", "name": "X"},
        "invite.mail": {"session_id": session_id, "request_id": "r", "address": "x@example.org"},
        "history.list": {},
        "history.read": {"session_id": session_id},
        "history.notes": {"session_id": session_id},
        "history.note": {"session_id": session_id},
        "survey.send": {"session_id": session_id, "rating": 5},
    }
    assert set(made) == set(REQUESTS)
    return made


def answer_to(event):
    """What a page reads when it names a session that is not its own."""
    if event == "session.resume":
        return "resume_refused"
    # These are for signed-in reps alone, whichever session they name.
    reps_only = ("offer.accept", "offer.decline", "history.read", "history.notes", "history.note")
    return "not_allowed" if event in reps_only else "session_unknown"


@pytest.mark.rule("B-1.3", "B-7.9", "B-12.1")
async def test_a_customer_sends_every_event_that_is_not_his_and_his_own_with_another_session(relay):
    async with rep(relay) as ana, page(relay.url) as maria, page(relay.url) as victim:
        mine = await ana.start_session()
        joined = await maria.join(link=mine.link)
        hub = joined.session.participants[0].id
        other = await ana.start_session()
        theirs = await victim.join("Ion", link=other.link)
        await ana.wait(lambda: sum(isinstance(fact, events.SessionChanged) for fact in ana.facts) == 2)
        before_events, before = len(ana.facts), await ana.raw("session.list", {})
        log_from = len(relay.log)

        sent = 0
        for event, payload in payloads(mine.id, joined.session.you, hub).items():
            if not is_allowed(event, Role.PRIMARY, SessionState.ACTIVE) or event == "session.resume":
                ack = await maria.raw(event, payload)
                assert ack["ok"] is False, event
                sent += 1
        for event, payload in payloads(other.id, theirs.session.you, theirs.session.participants[0].id).items():
            if "session_id" in payload:
                ack = await maria.raw(event, payload)
                # A request whose part is still to come is refused to everybody alike.
                assert ack in ({"ok": False, "code": answer_to(event)}, {"ok": False, "code": "not_supported"}), event
                sent += 1
        for event, payload in payloads("no-such-session", "p", "q").items():
            if "session_id" in payload:
                ack = await maria.raw(event, payload)
                # A request whose part is still to come is refused to everybody alike.
                assert ack in ({"ok": False, "code": answer_to(event)}, {"ok": False, "code": "not_supported"}), event
                sent += 1

        assert await ana.raw("session.list", {}) == before
        assert len(ana.facts) == before_events
        assert not victim.facts

        def refused():
            return sum(json.loads(line)["event"] == "request refused" for line in relay.log[log_from:])

        await maria.wait(lambda: refused() >= sent)  # the log comes by a way of its own
        assert refused() == sent


async def test_the_log_keeps_refusals_and_leaves_out_what_is_normal_use():
    with RelayProcess() as relay:
        async with rep(relay) as ana, page(relay.url) as maria:
            joined = await maria.join(link=(await ana.start_session()).link)
            to = {"session_id": ana.session_id, "to": joined.session.participants[0].id}
            offer = {**to, "epoch": 2, "signal": {"type": "offer", "sdp": "v=0"}}
            assert (await maria.raw("signal.send", offer))["ok"]
            for _ in range(5):
                assert (await maria.raw("signal.send", {**offer, "epoch": 1}))["code"] == "stale_epoch"
            foreign = {**offer, "signal": {"type": "answer", "sdp": "v=0"}}
            assert (await maria.raw("signal.send", foreign))["code"] == "not_allowed"
        await asyncio.to_thread(relay.stop)
        lines = [json.loads(line) for line in relay.log]
    assert [line["code"] for line in lines if line["event"] == "request refused"] == ["not_allowed"]
    assert [line for line in lines if line["level"] in ("warning", "error")] == []


@pytest.mark.rule("B-1.3")
async def test_an_anonymous_page_and_a_rep_outside_the_session_may_send_nothing_into_it(relay):
    async with rep(relay) as ana, rep(relay, "bogdan") as bogdan, page(relay.url) as nobody:
        session = await ana.start_session()
        await nobody.raw("session.list", {})
        for client in (bogdan, nobody):
            for event, payload in payloads(session.id, session.you, session.you).items():
                if "session_id" in payload:
                    assert (await client.raw(event, payload))["ok"] is False, event
        assert await nobody.refused("session.start", {"request_id": "r"}) == "not_allowed"
        assert await bogdan.refused("session.join", {"request_id": "r", "name": "B", "number": session.number}) == (
            "not_allowed"
        )
        assert (await bogdan.raw("session.list", {}))["value"]["sessions"] == []
        assert not ana.facts


@pytest.mark.parametrize(
    ("event", "payload", "code"),
    [
        ("session.jion", {}, "unknown_event"),
        ("connect", {}, "unknown_event"),
        ("disconnect", {}, "unknown_event"),
        ("session.join", None, "bad_message"),
        ("session.join", [], "bad_message"),
        ("session.join", {"request_id": "r", "name": "x"}, "bad_message"),
        ("session.join", {"request_id": "r", "name": "x", "number": "12345678"}, "bad_message"),
        ("session.join", {"request_id": "r", "name": "x", "number": 123456789}, "bad_message"),
        ("session.join", {"request_id": "r", "name": "x" * 61, "number": "123456789"}, "bad_message"),
        ("session.join", {"request_id": "r", "name": "x", "number": "123456789", "role": "controller"}, "bad_message"),
        ("session.resume", {"session_id": "../..", "resume_token": "x" * 43}, "bad_message"),
    ],
)
async def test_nonsense_is_acked_with_a_code(relay, event, payload, code):
    async with page(relay.url) as client:
        assert await client.refused(event, payload) == code


async def test_a_request_with_two_payloads_or_none_is_refused(relay):
    async with page(relay.url) as client:
        for arguments in ((), ({}, {})):
            assert await client.raw("session.list", arguments) == {"ok": False, "code": "bad_message"}


@pytest.mark.parametrize(
    ("hello", "code"),
    [
        ({"v": PROTOCOL_VERSION + 1, "from_the_future": 1}, "version_too_new"),
        ({"v": 0}, "version_too_old"),
        ({"v": "1"}, "bad_message"),
        ({"client": "browser"}, "bad_message"),
        ({"client": "app"}, "not_signed_in"),
        ({"client": "app", "access": "x" * 43}, "token_expired"),
        ({"client": "page", "access": "x" * 43}, "bad_message"),
    ],
)
async def test_who_may_not_come_in_is_told_why(relay, hello, code):
    client = Client(relay.url)
    refusals = []
    client.sio.on("connect_error", refusals.append)
    with pytest.raises(socketio.exceptions.ConnectionError):
        await client.connect(**hello)
    assert refusals == [{"message": code, "data": {"code": code}}]
    await client.sio.disconnect()


class Raw:
    """A bare WebSocket, to send what no library would."""

    def __init__(self, relay, **headers):
        self.url = f"{relay.url}/socket.io/?EIO=4&transport=websocket"
        self.headers = headers

    async def __aenter__(self):
        self.http = aiohttp.ClientSession()
        try:
            self.ws = await self.http.ws_connect(self.url, headers=self.headers, max_msg_size=0)
            await self.ws.receive(5)
        except BaseException:
            await self.http.close()
            raise
        return self

    async def __aexit__(self, *_):
        await self.ws.close()
        await self.http.close()

    async def come_in(self):
        await self.ws.send_str(f'40{{"v":{PROTOCOL_VERSION},"client":"page"}}')
        while "welcome" not in (await self.ws.receive_str(timeout=5)):
            pass

    async def is_closed(self, timeout_s=15):
        async with asyncio.timeout(timeout_s):
            while True:
                message = await self.ws.receive()
                if message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.ERROR):
                    return True
                if message.data == "2":
                    await self.ws.send_str("3")


@pytest.mark.parametrize(
    "packet",
    [
        '451-["chat.send",{"_placeholder":true,"num":0}]',
        '459999999999-["chat.send"]',
        '450-["chat.send"]',
        '4610-["x"]',
        "42[",
        "42{}",
        "42",
        "42[7]",
        "42" + "[" * 5_000,
        '42/admin,["chat.send",{}]',
        "40/admin,{}",
        "44{}",
        "4x",
        b"binary",
        "4" + "2" * (limits.MESSAGE_BYTES + 1),
    ],
    ids=lambda packet: repr(packet[:24]),
)
async def test_packets_that_no_client_of_ours_sends_end_the_connection_and_nothing_else(relay, packet):
    async with page(relay.url) as other, Raw(relay) as raw:
        await raw.come_in()
        await (raw.ws.send_bytes(packet) if isinstance(packet, bytes) else raw.ws.send_str(packet))
        assert await raw.is_closed(5)
        assert (await other.raw("session.list", {}))["code"] == "not_allowed"


async def test_requests_before_the_hello_end_the_connection(relay):
    async with Raw(relay) as raw:
        await raw.ws.send_str('421["session.list",{}]')
        assert await raw.is_closed(5)


@pytest.mark.slow
async def test_a_connection_that_never_says_who_it_is_is_closed(relay):
    async with Raw(relay) as raw:
        assert await raw.is_closed(20)


async def test_a_browser_from_elsewhere_is_kept_out_and_our_own_page_is_let_in(relay):
    with pytest.raises(aiohttp.WSServerHandshakeError):
        async with Raw(relay, Origin="https://evil.example"):
            pass
    async with Raw(relay, Origin=relay.url) as raw:
        await raw.come_in()


async def test_a_flood_is_refused_and_then_cut_off(relay):
    async with page(relay.url) as other, Raw(relay) as raw:
        await raw.come_in()
        for number in range(400):
            await raw.ws.send_str(f'42{number}["session.list",{{}}]')
        assert await raw.is_closed(10)
        assert (await other.raw("session.list", {}))["ok"] is False


@pytest.mark.rule("B-2.7")
async def test_guessing_numbers_and_links_is_stopped_after_ten():
    with RelayProcess() as relay:
        async with page(relay.url) as guesser, rep(relay) as ana, page(relay.url) as maria, page(relay.url) as ion:
            first, second = await ana.start_session(), await ana.start_session()
            codes = []
            for count in range(6):
                guess = {"request_id": "r", "name": "x"}
                by_number = {**guess, "number": f"{100000000 + count}"}
                by_link = {**guess, "link_token": secrets.token_urlsafe(32)}
                codes += [
                    await guesser.refused("session.join", by_number),
                    await guesser.refused("session.join", by_link),
                ]
            assert codes == ["wrong_number"] * 10 + ["too_many_tries"] * 2
            # The right link opens all the same; the right number has to wait its turn, and no longer.
            await maria.join(link=first.link)
            right = {"request_id": "r", "name": "Ion", "number": second.number}
            assert await ion.refused("session.join", right) == "too_many_tries"
            for _ in range(40):  # at most 20 s; ten a minute means that one is forgiven every 6 s
                if (await ion.raw("session.join", right))["ok"]:
                    break
                await asyncio.sleep(0.5)
            else:
                raise AssertionError("kept out for longer than B-2.7 says")


@pytest.mark.rule("B-2.7")
async def test_a_flood_of_guesses_from_one_address_keeps_nobody_else_out():
    with RelayProcess(None, "--behind-proxy", "--public-url", "https://support.example.org") as relay:
        abuser, neighbour, maria = [await Client(relay.url).connect(address=f"198.51.100.{n}") for n in (7, 7, 8)]
        try:
            async with rep(relay) as ana:
                session = await ana.start_session()
                guess = {"request_id": "r", "name": "x", "number": "100000000"}
                codes = [await abuser.refused("session.join", guess) for _ in range(60)]
                assert codes == ["wrong_number"] * 10 + ["too_many_tries"] * 50
                assert await neighbour.refused("session.join", {**guess, "number": session.number}) == "too_many_tries"
                took = []
                for _ in range(3):  # not even slowed down, which takes two seconds, and each time
                    begun = time.monotonic()
                    await maria.join(number=session.number)
                    took.append(time.monotonic() - begun)
                    await maria.ask("session.leave", {"session_id": session.id})
                assert min(took) < 1.5, took
        finally:
            for client in (abuser, neighbour, maria):
                await client.close()


async def test_a_reader_who_does_not_read_is_cut_off_and_the_others_go_on(relay):
    names = ("bea", "cora", "dan", "emil")
    async with contextlib.AsyncExitStack() as leave:
        ana, lazy = await leave.enter_async_context(rep(relay)), await leave.enter_async_context(Raw(relay))
        reps = [ana, *[await leave.enter_async_context(rep(relay, name)) for name in names]]
        await lazy.come_in()
        for one in reps:
            token = (await one.start_session()).link.partition("#")[2]
            join = {"request_id": secrets.token_hex(16), "name": "Lazy", "link_token": token}
            await lazy.ws.send_str("421" + json.dumps(["session.join", join]))
            await one.wait_fact(events.ParticipantJoined)
        reading = lazy.ws._response.connection.transport
        reading.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        reading.pause_reading()

        def is_cut_off():
            return any("slow reader" in line for line in relay.log)

        async def flood(one):
            for _ in range(limits.EVENTS_BURST - 20):
                if is_cut_off():
                    return
                await one.say("\U0001f600" * limits.TEXT_CHARS)

        await asyncio.gather(*(flood(one) for one in reps))
        assert is_cut_off()
        reading.resume_reading()
        await ana.say("still here")
        assert ana.lines[-1] == "still here"


async def test_a_flood_of_long_offers_is_refused_and_the_rep_stays_where_he_is(relay):
    """Also while the rep reads nothing at all for as long as the flood lasts."""
    cut_off = sum("slow reader" in line for line in relay.log)
    async with rep(relay) as ana, page(relay.url) as flooder:
        session = await ana.start_session()
        await flooder.join("Flooder", link=session.link)
        reading = ana.sio.eio.ws._response.connection.transport
        reading.pause_reading()
        offer = {"type": "offer", "sdp": "x" * limits.SDP_CHARS}
        signal = {"session_id": session.id, "to": session.you, "epoch": 1, "signal": offer}
        codes, begun = [], time.monotonic()
        for _ in range(limits.EVENTS_BURST - 10):
            try:
                ack = await flooder.raw("signal.send", signal)
            except ConnectionError:
                break  # he is put out, in the end
            codes.append("" if ack["ok"] else ack["code"])
        reading.resume_reading()
        assert codes[0] == ""
        most = (SIGNAL_BYTES_BURST + SIGNAL_BYTES_PER_SECOND * (time.monotonic() - begun)) // limits.SDP_CHARS
        assert set(codes) == {"", "too_fast"}
        assert codes.count("") <= most
        await ana.say("still here")
        assert sum("slow reader" in line for line in relay.log) == cut_off


async def test_polling_clients_are_served_too(relay):
    async with rep(relay) as ana:
        session = await ana.start_session()
        client = Client(relay.url)
        try:
            await client.connect(transports=("polling",))
            await client.join("Paul", link=session.link)
            await client.say("over polling")
            await ana.wait(lambda: ana.lines == ["over polling"])
            await ana.say("hello")
            await client.wait(lambda: client.lines == ["over polling", "hello"])
        finally:
            await client.close()
