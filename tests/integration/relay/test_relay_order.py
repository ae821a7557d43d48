"""What one connection sends at once is carried out and acked in its order, whichever way each message takes."""

import asyncio
import json
import random
import time

import aiohttp
import pytest

from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from tests.harness.relay import RelayProcess, rep


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


class Wire:
    """A bare WebSocket to the relay."""

    def __init__(self, ws):
        self.ws = ws
        self.acks = []
        self.lines = []

    async def hello(self, **hello):
        await self.ws.receive_str()
        await self.ws.send_str("40" + json.dumps({"v": 1, "client": "page", **hello}))
        assert (await self.ws.receive_str()).startswith("40")

    async def ask(self, number, event, payload):
        await self.ws.send_str(f"42{number}" + json.dumps([event, payload], separators=(",", ":")))

    async def read_until(self, number):
        """Take what comes until the ack of that number."""
        while not self.acks or self.acks[-1][0] != number:
            text = await self.ws.receive_str(timeout=20)
            if text.startswith("43"):
                end = text.index("[")
                self.acks.append((int(text[2:end]), json.loads(text[end:])[0]))
            elif text.startswith('42["session.event"'):
                fact = json.loads(text[2:])[1]["fact"]
                if fact["type"] == "chat_added":
                    self.lines.append(fact["line"]["text"])
        return self.acks[-1][1]


def chat(session_id, line_id, text="hello"):
    return {"session_id": session_id, "line_id": line_id, "text": text}


@pytest.mark.rule("B-7.1")
@pytest.mark.parametrize("seed", range(3))
async def test_what_is_sent_at_once_is_carried_out_in_its_order(relay, seed):
    chance = random.Random(seed)
    async with rep(relay, "ana") as ana, aiohttp.ClientSession() as http:
        session = await ana.start_session()
        async with http.ws_connect(f"{relay.url}/socket.io/?EIO=4&transport=websocket") as ws:
            maria = Wire(ws)
            await maria.hello()
            link_token = session.link.partition("#")[2]
            await maria.ask(0, "session.join", {"request_id": "join", "name": "Maria", "link_token": link_token})
            assert (await maria.read_until(0))["ok"]
            expected, said = [], []
            for number in range(1, 41):
                kind = chance.choice(["line", "line", "line", "again", "foreign", "empty", "ice", "strange"])
                if kind == "line" or (kind == "again" and not said):
                    said.append(number)
                    await maria.ask(number, "chat.send", chat(session.id, f"l{number}", f"line {number}"))
                    expected.append(None)
                elif kind == "again":
                    await maria.ask(number, "chat.send", chat(session.id, f"l{said[-1]}", "twice"))
                    expected.append(None)
                elif kind == "foreign":
                    await maria.ask(number, "chat.send", chat("no-such-session", "x"))
                    expected.append(ErrorCode.SESSION_UNKNOWN)
                elif kind == "empty":
                    await maria.ask(number, "chat.send", chat(session.id, "x", " "))
                    expected.append(ErrorCode.BAD_MESSAGE)
                elif kind == "ice":
                    await maria.ask(number, "ice.get", {"session_id": session.id})
                    expected.append(None)
                else:
                    await maria.ask(number, "chat.send", {"session_id": session.id, "line_id": "x", "text": 7})
                    expected.append(ErrorCode.BAD_MESSAGE)
            await maria.read_until(40)
            assert [number for number, _ in maria.acks] == list(range(41))
            assert [ack.get("code") for _, ack in maria.acks[1:]] == expected
            # Each line is told before it is acked, so all are here by now.
            assert maria.lines == [f"line {number}" for number in said]
            seqs = [ack["value"]["seq"] for _, ack in maria.acks[1:] if ack["ok"] and "seq" in ack["value"]]
            assert seqs == sorted(seqs)
            await ana.wait(lambda: ana.lines == maria.lines)


async def test_a_burst_of_lines_is_refused_by_its_rate_and_none_is_lost_or_doubled(relay):
    async with rep(relay, "ana") as ana, aiohttp.ClientSession() as http:
        session = await ana.start_session()
        async with http.ws_connect(f"{relay.url}/socket.io/?EIO=4&transport=websocket") as ws:
            maria = Wire(ws)
            await maria.hello()
            link_token = session.link.partition("#")[2]
            await maria.ask(0, "session.join", {"request_id": "join", "name": "Maria", "link_token": link_token})
            await maria.read_until(0)
            count = 300
            begun = time.monotonic()
            await asyncio.gather(
                *(maria.ask(n, "chat.send", chat(session.id, f"l{n}", f"line {n}")) for n in range(1, count + 1))
            )
            # The last may be cut off with the connection: whoever goes on past all refusals is put out.
            refused = 0
            while not ws.closed:
                message = await ws.receive(timeout=20)
                if message.type is not aiohttp.WSMsgType.TEXT:
                    break
                if message.data.startswith("43"):
                    ack = json.loads(message.data[message.data.index("[") :])[0]
                    maria.acks.append(ack)
                    refused += ack.get("code") == "too_fast"
                if len(maria.acks) == count + 1:
                    break
            # A disk that is slow enough makes the rate by itself.
            allowed = limits.EVENTS_BURST + limits.EVENTS_PER_SECOND * (time.monotonic() - begun)
            assert refused > 0 or allowed >= count
        said = sum(ack["ok"] for ack in maria.acks[1:] if isinstance(ack, dict))
        await ana.wait(lambda: len(ana.lines) >= said)
        assert len(ana.lines) == len(set(ana.lines))
        await ana.say("still here")
