"""The load on a relay: hundreds of bare Socket.IO connections in rooms of two; runs in a process of its own.

Reads one JSON object from standard input (see `Plan`), prints `{"phase": "connected"}`, waits for a line, warms up,
prints `{"phase": "warm"}`, waits for a line, sends for the given time, prints the figures as JSON and waits for a last
line before it disconnects.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass

import aiohttp
import uvloop

from benchmarks.table import percentile

_TEXT = "x" * 80


@dataclass
class Plan:
    """What to do.

    Attributes:
        url: of the relay.
        kind: `ours` or `node`.
        access: access token of a rep, for ours.
        rooms: of two members each.
        rate: events a second over all.
        seconds: how long to send.
        warm_s: how long to send before anything is measured.
    """

    url: str
    kind: str
    access: str
    rooms: int
    rate: float
    seconds: float
    warm_s: float


class Member:
    """One connection."""

    def __init__(self, load: "Load", ws: aiohttp.ClientWebSocketResponse) -> None:
        self.load = load
        self.ws = ws
        self.session_id = ""
        self.acks: dict[str, asyncio.Future[object]] = {}
        self.count = 0

    async def read(self) -> None:
        """Take what comes until the connection ends."""
        async for message in self.ws:
            text = message.data
            if text == "2":
                await self.ws.send_str("3")
            elif text.startswith("42"):
                self.load.received(self, text)
            elif text.startswith("43"):
                self.acked(text)
            elif text.startswith(("40", "44")):
                self.acks.pop("hello").set_result(text)

    def acked(self, text: str) -> None:
        """An ack: of a line that is being measured, or of a request that somebody waits for."""
        end = text.index("[")
        if self.load.is_sending:
            self.load.acked += '"ok":true' in text
            return
        self.acks.pop(text[2:end]).set_result(json.loads(text[end:])[0])

    async def ask(self, event: str, payload: object) -> dict[str, object]:
        """Send and wait for the ack."""
        self.count += 1
        key = str(self.count)
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        self.acks[key] = answer
        await self.ws.send_str(f"42{key}{json.dumps([event, payload])}")
        ack = await asyncio.wait_for(answer, 20)
        assert isinstance(ack, dict)
        assert ack["ok"], ack
        return ack

    async def say(self, number: int) -> None:
        """Send one line."""
        self.count += 1
        line = {"session_id": self.session_id, "line_id": f"n{number}", "text": f"#{number}# {_TEXT}"}
        await self.ws.send_str(f"42{self.count}{json.dumps(['chat.send', line], separators=(',', ':'))}")


class Load:
    """All connections and what was measured on them."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.members: list[Member] = []
        self.readers: list[asyncio.Task[None]] = []
        self.sent: dict[int, tuple[float, Member]] = {}
        self.number = 0
        self.latencies_ms: list[float] = []
        self.acked = 0
        self.is_sending = False

    async def connect(self, http: aiohttp.ClientSession, hello: dict[str, object]) -> Member:
        """One more connection."""
        ws = await http.ws_connect(f"{self.plan.url}/socket.io/?EIO=4&transport=websocket")
        await ws.receive()
        member = Member(self, ws)
        answer: asyncio.Future[object] = asyncio.get_running_loop().create_future()
        member.acks["hello"] = answer
        self.readers.append(asyncio.get_running_loop().create_task(member.read()))
        await ws.send_str("40" + json.dumps(hello))
        text = str(await asyncio.wait_for(answer, 20))
        assert text.startswith("40"), text
        return member

    async def room(self, http: aiohttp.ClientSession, number: int) -> None:
        """Two members who talk to each other."""
        if self.plan.kind == "node":
            pair = [await self.connect(http, {}), await self.connect(http, {})]
            for member in pair:
                await member.ask("join", {"room": f"room-{number}"})
                member.session_id = f"room-{number}-0123456789"
        else:
            rep = await self.connect(http, {"v": 1, "client": "app", "access": self.plan.access})
            page = await self.connect(http, {"v": 1, "client": "page"})
            started = await rep.ask("session.start", {"request_id": f"start-{number}"})
            session = started["value"]["session"]  # type: ignore[index]
            join = {"request_id": f"join-{number}", "name": "x", "link_token": session["link"].partition("#")[2]}
            await page.ask("session.join", join)
            rep.session_id = page.session_id = session["id"]
            pair = [rep, page]
        self.members += pair

    def received(self, member: Member, text: str) -> None:
        """A relayed line; what counts is the copy that reaches the other one, not the sender's own."""
        at = text.find('"#')
        if at < 0:
            return
        number = int(text[at + 2 : text.index("#", at + 2)])
        known = self.sent.get(number)
        if known is None or known[1] is member:
            return
        del self.sent[number]
        self.latencies_ms.append((time.perf_counter() - known[0]) * 1e3)

    async def send(self, seconds: float) -> int:
        """Send at the given rate, spread evenly over members and time; returns how many."""
        self.is_sending = True
        self.acked, self.latencies_ms = 0, []
        began = time.perf_counter()
        count = 0
        while (elapsed := time.perf_counter() - began) < seconds:
            while count < elapsed * self.plan.rate:
                # A step that shares no factor with the number of members visits them all, reps and customers.
                member = self.members[self.number * 7 % len(self.members)]
                self.sent[self.number] = (time.perf_counter(), member)
                await member.say(self.number)
                self.number += 1
                count += 1
            await asyncio.sleep(0.002)
        for _ in range(250):  # at most 5 s for the last ones
            if self.acked == count and not self.sent:
                break
            await asyncio.sleep(0.02)
        return count


async def main() -> None:
    """Follow the plan."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    loop = asyncio.get_running_loop()
    load = Load(plan)
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as http:
        for number in range(plan.rooms):
            await load.room(http, number)
        print(json.dumps({"phase": "connected"}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        await load.send(plan.warm_s)
        print(json.dumps({"phase": "warm"}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        began, cpu_began = time.perf_counter(), time.process_time()
        sent = await load.send(plan.seconds)
        figures = {
            "sent": sent,
            "acked": load.acked,
            "delivered": len(load.latencies_ms),
            "seconds": time.perf_counter() - began,
            "load_cpu": (time.process_time() - cpu_began) / (time.perf_counter() - began) * 100,
            "p50_ms": percentile(load.latencies_ms, 0.5),
            "p99_ms": percentile(load.latencies_ms, 0.99),
        }
        print(json.dumps(figures), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        for member in load.members:
            await member.ws.close()
        await asyncio.gather(*load.readers)


if __name__ == "__main__":
    uvloop.run(main())
