"""The load of a whole support centre on a relay: reps, customers, queues; runs in a process of its own.

Reads one JSON object from standard input (see `Plan`), prints `{"phase": "ready"}` once all sessions stand, waits for a
line, measures, prints the figures as JSON and waits for a last line before it disconnects.
"""

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import uvloop

from benchmarks.table import percentile

_ANSWER_S = 20.0
_CHAT_EVERY_S = 0.01


@dataclass
class Plan:
    """What to do.

    Attributes:
        url: of the relay.
        reps: access tokens, one for each rep; all have the agent privilege.
        agents: how many of them open their Inbox.
        sessions: how many stand while it is measured, each with one rep and one customer.
        transfers: how many times control goes to a colleague.
        offers: how many customers come by the queue's entry form.
        joins: how many further sessions are started and joined.
        queue: slug of the queue.
    """

    url: str
    reps: list[str]
    agents: int
    sessions: int
    transfers: int
    offers: int
    joins: int
    queue: str


class Wire:
    """One bare Socket.IO connection over a websocket (protocol 5, Engine.IO 4)."""

    def __init__(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        self._ws = ws
        self._acks: dict[str, asyncio.Future[Any]] = {}
        self._waiting: list[tuple[Callable[[str, Any], bool], asyncio.Future[float]]] = []
        self._count = 0

    async def read(self) -> None:
        """Take what comes until the connection ends."""
        async for message in self._ws:
            text = message.data
            if text == "2":
                await self._ws.send_str("3")
            elif text.startswith("43"):
                end = text.index("[")
                self._acks.pop(text[2:end]).set_result(json.loads(text[end:])[0])
            elif text.startswith("42") and self._waiting:
                now = time.perf_counter()
                event, payload = json.loads(text[2:])
                for each in tuple(self._waiting):
                    if each[0](event, payload):
                        self._waiting.remove(each)
                        each[1].set_result(now)
            elif text.startswith(("40", "44")):
                self._acks.pop("hello").set_result(text)

    async def hello(self, auth: dict[str, object]) -> None:
        """Say who calls, and wait to be let in."""
        answer = self._acks["hello"] = asyncio.get_running_loop().create_future()
        await self._ws.send_str("40" + json.dumps(auth))
        text = str(await asyncio.wait_for(answer, _ANSWER_S))
        if not text.startswith("40"):
            raise RuntimeError(text)

    async def ask(self, event: str, payload: object) -> Any:
        """Send, wait for the ack, and give its value."""
        self._count += 1
        answer = self._acks[str(self._count)] = asyncio.get_running_loop().create_future()
        await self._ws.send_str(f"42{self._count}{json.dumps([event, payload])}")
        ack = await asyncio.wait_for(answer, _ANSWER_S)
        if not ack["ok"]:
            raise RuntimeError(f"{event}: {ack['code']}")
        return ack["value"]

    def told(self, is_it: Callable[[str, Any], bool]) -> "asyncio.Future[float]":
        """When an event for which `is_it(name, payload)` holds has arrived, in seconds of `perf_counter`."""
        future: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self._waiting.append((is_it, future))
        return future

    async def close(self) -> None:
        """Hang up."""
        await self._ws.close()


class Centre:
    """All connections, and what is measured on them."""

    def __init__(self, plan: Plan, http: aiohttp.ClientSession) -> None:
        self._plan = plan
        self._http = http
        self._readers: list[asyncio.Task[None]] = []
        self._wires: list[Wire] = []
        self._reps: list[Wire] = []
        self._customers: list[Wire] = []
        self._sessions: list[tuple[str, str, int]] = []
        """Id, number and rep of each session."""
        self._names = 0

    async def connect(self, auth: dict[str, object]) -> Wire:
        """One more connection."""
        ws = await self._http.ws_connect(f"{self._plan.url}/socket.io/?EIO=4&transport=websocket")
        await ws.receive()
        wire = Wire(ws)
        self._wires.append(wire)
        self._readers.append(asyncio.get_running_loop().create_task(wire.read()))
        await wire.hello(auth)
        return wire

    async def _page(self) -> Wire:
        return await self.connect({"v": 1, "client": "page"})

    def _key(self) -> str:
        self._names += 1
        return f"load-{self._names:08d}-0123456789"

    async def build(self) -> None:
        """All reps sign in, all sessions stand with a customer each."""
        for token in self._plan.reps:
            self._reps.append(await self.connect({"v": 1, "client": "app", "access": token}))
        for wire in self._reps[: self._plan.agents]:
            await wire.ask("inbox.open", {})
        for number in range(self._plan.sessions):
            rep = number % len(self._reps)
            await self._one_session(rep)

    async def _one_session(self, rep: int) -> float:
        """Start a session and let a customer join; how long the join took until the rep knew of it, in ms."""
        started = await self._reps[rep].ask("session.start", {"request_id": self._key()})
        session = started["session"]
        page = await self._page()
        told = self._reps[rep].told(
            lambda event, body: (
                event == "session.event"
                and body["session_id"] == session["id"]
                and body["fact"]["type"] == "participant_joined"
            )
        )
        join = {"request_id": self._key(), "name": "x", "link_token": session["link"].partition("#")[2]}
        began = time.perf_counter()
        await page.ask("session.join", join)
        answered = time.perf_counter()
        heard = await asyncio.wait_for(told, _ANSWER_S)
        self._customers.append(page)
        self._sessions.append((session["id"], session["number"], rep))
        return (max(answered, heard) - began) * 1e3

    async def chat(self, stop: asyncio.Event) -> int:
        """What people say meanwhile, over all sessions; returns how many lines."""
        count = 0
        while not stop.is_set():
            place = count * 7 % self._plan.sessions
            line = {"session_id": self._sessions[place][0], "line_id": self._key(), "text": "x" * 80}
            await self._customers[place].ask("chat.send", line)
            count += 1
            await asyncio.sleep(_CHAT_EVERY_S)
        return count

    async def joins(self) -> list[float]:
        """Further customers join by link."""
        return [await self._one_session(number % len(self._reps)) for number in range(self._plan.joins)]

    async def transfers(self) -> list[float]:
        """A colleague assists and is given control; from the click to the last one told, in ms."""
        taken = []
        for place in range(self._plan.transfers):
            session_id, number, rep = self._sessions[place]
            helper = self._reps[(rep + 1) % len(self._reps)]
            inside = await helper.ask("session.assist", {"request_id": self._key(), "number": number})
            you = inside["session"]["you"]

            def is_control(event: str, body: Any, you: str = you, session_id: str = session_id) -> bool:
                return (
                    event == "session.event"
                    and body["session_id"] == session_id
                    and body["fact"]["type"] == "participant_changed"
                    and body["fact"]["participant"]["id"] == you
                    and body["fact"]["participant"]["role"] == "controller"
                )

            all_told = [each.told(is_control) for each in (self._reps[rep], helper, self._customers[place])]
            began = time.perf_counter()
            await self._reps[rep].ask("control.transfer", {"session_id": session_id, "to": you})
            last = max(await asyncio.wait_for(asyncio.gather(*all_told), _ANSWER_S))
            taken.append((last - began) * 1e3)
        return taken

    async def offers(self) -> list[float]:
        """A customer fills in the entry form; until an agent is asked, in ms. The agent takes him and ends it."""
        taken = []
        for number in range(self._plan.offers):
            page = await self._page()
            agents = self._reps[: self._plan.agents]
            known: dict[str, str] = {}

            def is_offered(event: str, body: Any, known: dict[str, str] = known) -> bool:
                items = body["inbox"]["items"] if event == "inbox" else ()
                for item in items:
                    if item["offered"]:
                        known["id"] = item["session_id"]
                        return True
                return False

            asked = [agent.told(is_offered) for agent in agents]
            began = time.perf_counter()
            await page.ask(
                "queue.enter", {"request_id": self._key(), "queue": self._plan.queue, "name": "x", "problem": "y"}
            )
            last = max(await asyncio.wait_for(asyncio.gather(*asked), _ANSWER_S))
            taken.append((last - began) * 1e3)
            agent = agents[number % len(agents)]
            gone = [each.told(lambda event, body: event == "inbox" and not body["inbox"]["items"]) for each in agents]
            await agent.ask("offer.accept", {"session_id": known["id"]})
            await agent.ask("session.end", {"session_id": known["id"]})
            await asyncio.wait_for(asyncio.gather(*gone), _ANSWER_S)
            await page.close()
        return taken

    async def close(self) -> None:
        """Hang up everywhere."""
        for wire in self._wires:
            await wire.close()
        await asyncio.gather(*self._readers)


async def main() -> None:
    """Follow the plan."""
    plan = Plan(**json.loads(sys.stdin.readline()))
    loop = asyncio.get_running_loop()
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as http:
        centre = Centre(plan, http)
        await centre.build()
        print(json.dumps({"phase": "ready"}), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        stop = asyncio.Event()
        talk = loop.create_task(centre.chat(stop))
        began, cpu_began = time.perf_counter(), time.process_time()
        taken = {"transfer": await centre.transfers(), "offer": await centre.offers(), "join": await centre.joins()}
        seconds, cpu_s = time.perf_counter() - began, time.process_time() - cpu_began
        stop.set()
        figures = {"lines": await talk, "seconds": seconds, "load_cpu": cpu_s / seconds * 100}
        for name, values in taken.items():
            figures[f"{name}_p50_ms"] = percentile(values, 0.5)
            figures[f"{name}_p99_ms"] = percentile(values, 0.99)
            figures[f"{name}_count"] = len(values)
        print(json.dumps(figures), flush=True)
        await loop.run_in_executor(None, sys.stdin.readline)
        await centre.close()


if __name__ == "__main__":
    uvloop.run(main())
