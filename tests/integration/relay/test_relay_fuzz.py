"""Every event with every kind of JSON in every field, on the real process: each is answered, and nothing breaks."""

import asyncio
import itertools
import json
import secrets
from collections.abc import Iterator

import aiohttp
import pytest

from support_manager.protocol.requests import REQUESTS
from support_manager.protocol.version import PROTOCOL_VERSION
from tests.harness.relay import RelayProcess, page, rep

VALUES = (
    "null",
    "true",
    "0",
    "-1",
    "1.5",
    "1e400",
    "9" * 400,
    "9223372036854775808",
    "NaN",
    "-Infinity",
    '""',
    '"\\u0000"',
    '"x\\ud800"',
    '"\\u202eevil"',
    '"abc\\n"',
    '"' + "\U0001f600" * 3_000 + '"',
    "[]",
    "{}",
    "[" * 1_000 + "]" * 1_000,
    '{"a":' * 1_000 + "1" + "}" * 1_000,
    '{"__proto__":{"ok":true},"type":"offer","type":"bye"}',
)
"""JSON of every type, and some that only looks like it."""
PER_CONNECTION = 30
"""So few strikes that a connection is not cut off for them."""


def payloads(ids: dict[str, str]) -> dict[str, dict[str, str]]:
    """A good payload of every event, each field as JSON."""
    session = {"session_id": json.dumps(ids["session"])}
    activity = {**session, "activity_id": '"a"'}
    signal = '{"type":"offer","sdp":"v=0"}'
    made = {
        "session.start": {"request_id": '"r"', "mode": '"multi"', "tracking_code": '""'},
        "session.list": {},
        "session.join": {"request_id": '"r"', "name": '"X"', "link_token": '"' + "x" * 43 + '"', "device": "{}"},
        "session.resume": {**session, "resume_token": '"' + "x" * 43 + '"', "after_seq": "0"},
        "session.end": session,
        "session.leave": {"session_id": '"none"'},
        "page.closing": {"session_id": '"none"'},
        "participant.report": {**session, "device": "{}"},
        "activity.ask": {**session, "request_id": '"r"', "kind": '"view"', "subject": json.dumps(ids["me"])},
        "activity.offer": {
            **session,
            "request_id": '"r"',
            "kind": '"voice"',
            "source": '"monitor"',
            "width": "1",
            "file": '{"transfer":"t","size":1,"key_id":"k","sealed":"s"}',
        },
        "file.open": activity,
        "activity.answer": {**activity, "accept": "true", "source": '"monitor"', "words": '"w"'},
        "activity.update": {**activity, "paused": "false", "width": "1"},
        "activity.stop": {**activity, "reason": '"stopped"'},
        "chat.send": {**session, "line_id": '"l"', "text": '"hello"', "audience": '"all"'},
        "signal.send": {**session, "to": json.dumps(ids["hub"]), "epoch": "1", "signal": signal},
        "ice.get": session,
        "session.assist": {"request_id": '"r"', "number": '"123456789"'},
        "session.lock": {**session, "locked": "true"},
        "customer.admit": {**session, "participant_id": json.dumps(ids["me"]), "accept": "true"},
        "customer.select": {**session, "participant_id": json.dumps(ids["me"])},
        "control.transfer": {**session, "to": json.dumps(ids["me"])},
        "control.ask": {**session, "asking": "true"},
        "control.refuse": {**session, "participant_id": json.dumps(ids["me"])},
        "control.take": session,
        "session.transfer": {**session, "queue_id": '"q"', "agents": "[]", "message": '"m"'},
        "transfer.targets": {},
        "inbox.open": {},
        "presence.set": {"presence": '"online"'},
        "offer.accept": session,
        "offer.decline": session,
        # A queue that there is not: a good form would leave a customer behind for each of the other fields.
        "queue.enter": {
            "request_id": '"r"',
            "queue": '"nobody"',
            "name": '"X"',
            "email": '""',
            "problem": '"p"',
            "device": "{}",
        },
        "invite.mail": {
            **session,
            "request_id": '"r"',
            "address": '"a@example.org"',
            "locale": '"en"',
            "to_rep": "false",
        },
        "history.list": {"search": '""', "before": "1", "limit": "1"},
        "history.read": session,
        "history.notes": session,
        "history.note": {
            **session,
            "outcome": '"o"',
            "notes": '"n"',
            "seen_outcome": '""',
            "seen_notes": '""',
        },
        "survey.send": {**session, "rating": "5", "comment": '"c"'},
    }
    assert set(made) == set(REQUESTS)
    return made


def messages(ids: dict[str, str]) -> Iterator[str]:
    """Arguments of an event as JSON text: whole payloads and single fields of every kind."""
    for event, good in payloads(ids).items():
        name = json.dumps(event)
        yield from (f"[{name},{value}]" for value in VALUES)
        for field, value in itertools.product(good, VALUES):
            fields = ",".join(f"{json.dumps(key)}:{value if key == field else kept}" for key, kept in good.items())
            yield f"[{name},{{{fields}}}]"
    yield from (f"[{value},{{}}]" for value in VALUES)
    yield from (f'["chat.send",{value},{value}]' for value in VALUES)
    for kind in ("offer", "answer", "candidate", "bye", "need_offer", "x"):
        for value in VALUES:
            signal = (
                f'{{"type":"{kind}","sdp":{value},"candidate":{value},"sdp_mid":{value},"sdp_mline_index":{value}}}'
            )
            yield f'["signal.send",{{"session_id":"{ids["session"]}","to":"{ids["hub"]}","epoch":1,"signal":{signal}}}]'


class Line:
    """A bare connection that joined a session."""

    def __init__(self, http: aiohttp.ClientSession, relay: RelayProcess) -> None:
        self._http, self._url = http, f"{relay.url}/socket.io/?EIO=4&transport=websocket"
        self.ids: dict[str, str] = {}
        self._resume: dict[str, str] = {}

    async def open(self, link: str) -> bool:
        """Connect, and join or come back; False when this member has come back too often for now."""
        self.ws = await self._http.ws_connect(self._url, max_msg_size=0)
        await self.ws.receive_str(timeout=5)
        await self.ws.send_str(f'40{{"v":{PROTOCOL_VERSION},"client":"page"}}')
        if self._resume:
            ack = await self.ask(json.dumps(["session.resume", self._resume]))
        else:
            join = {"request_id": secrets.token_hex(16), "name": "Mallory", "link_token": link.partition("#")[2]}
            ack = await self.ask(json.dumps(["session.join", join]))
        assert ack is not None
        if ack.get("code") == "too_fast":
            await self.ws.close()
            return False
        assert ack["ok"], ack
        view = ack["value"]["session"]
        self._resume = {"session_id": view["id"], "resume_token": ack["value"]["resume_token"]}
        self.ids = {"session": view["id"], "me": view["you"], "hub": view["participants"][0]["id"]}
        return True

    async def ask(self, arguments: str) -> "dict[str, object] | None":
        """Send a request; its ack, or None when the connection was closed for it."""
        await self.ws.send_str(f"427{arguments}")
        while True:
            message = await self.ws.receive(timeout=10)
            if message.type is not aiohttp.WSMsgType.TEXT:
                return None
            if message.data == "2":
                await self.ws.send_str("3")
            elif message.data.startswith("437"):
                return json.loads(message.data[3:])[0]


@pytest.mark.slow
@pytest.mark.rule("B-1.3")
async def test_nothing_that_is_sent_breaks_the_relay_or_bothers_others():
    with RelayProcess() as relay:
        async with rep(relay) as ana, page(relay.url) as maria, aiohttp.ClientSession() as http:
            bait, other = await ana.start_session(), await ana.start_session()
            await maria.join(link=other.link)
            line = Line(http, relay)
            await line.open(bait.link)
            first, own = line.ids, {bait.id, other.id}
            codes: dict[object, int] = {}
            for count, asked in enumerate(messages(first), 1):
                arguments = asked
                for key, value in first.items():
                    arguments = arguments.replace(value, line.ids[key])
                ack = await line.ask(arguments)
                code = "closed" if ack is None else ack.get("code", "ok")
                codes[code] = codes.get(code, 0) + 1
                assert code != "internal", arguments[:200]
                if ack is None or count % PER_CONNECTION == 0:
                    await line.ws.close()
                    if not await line.open(bait.link):
                        bait, line = await ana.start_session(), Line(http, relay)
                        own.add(bait.id)
                        assert await line.open(bait.link)
                if count % 200 == 0:
                    async with asyncio.timeout(2):
                        assert await maria.raw("ice.get", {"session_id": other.id}) == {
                            "ok": True,
                            "value": {"servers": [], "valid_s": 0, "relay_only": False},
                        }
            assert codes["bad_message"] > 700, codes
            errors = [entry for entry in map(json.loads, relay.log) if entry["level"] in ("error", "critical")]
            assert errors == []
            assert {session["id"] for session in (await ana.raw("session.list", {}))["value"]["sessions"]} == own


@pytest.mark.parametrize("value", VALUES, ids=lambda value: value[:24])
@pytest.mark.parametrize("field", ["v", "client", "client_version", "locale", "access", "*"])
async def test_a_hello_of_every_kind_is_answered_or_closed(hello_relay, field, value):
    good = {"v": str(PROTOCOL_VERSION), "client": '"page"', "client_version": '"1"', "locale": '"en"'}
    auth = value
    if field != "*":
        auth = "{" + ",".join(f'"{key}":{kept}' for key, kept in {**good, field: value}.items()) + "}"
    async with aiohttp.ClientSession() as http:
        url = f"{hello_relay.url}/socket.io/?EIO=4&transport=websocket"
        async with http.ws_connect(url) as ws:
            await ws.receive_str(timeout=5)
            await ws.send_str(f"40{auth}")
            message = await ws.receive(timeout=5)
            assert message.type is not aiohttp.WSMsgType.TEXT or message.data[:2] in ("40", "44"), message
            assert "internal" not in str(message.data)
    assert [line for line in hello_relay.log if json.loads(line)["level"] == "error"] == []


@pytest.fixture(scope="module")
def hello_relay():
    with RelayProcess() as process:
        yield process
