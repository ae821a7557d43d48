"""Inboxes that strangers make long: nothing meant for one agent is lost in them, and nobody is cut off by them."""

import asyncio
import json
from types import SimpleNamespace

import msgspec
import pytest

from server_stub.ceiling import Ceiling
from server_stub.directory import Directory
from server_stub.inbox import Inbox
from server_stub.link import BEHIND_BYTES, Link
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import random_bytes
from server_stub.queues import Queues
from server_stub.rights import Rights
from server_stub.settings import LiveSettings
from server_stub.state import transfer
from server_stub.state.facts import PassedOn
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from server_stub.tasks import TaskOwner
from support_manager.protocol import limits, requests
from support_manager.protocol.views import TransferTarget
from tests.harness.agents import make_agents

NINE = 1_763_974_800_000
"""Monday, 24 November 2025, 9:00 UTC."""


class Watch:
    """A clock turned by hand."""

    ms = NINE

    def now_ms(self):
        return self.ms

    def monotonic_s(self):
        return self.ms / 1_000


class Line:
    """What an agent's connection writes to."""

    def __init__(self):
        self.waiting = 0
        self.written = []

    def get_write_buffer_size(self):
        return self.waiting

    def is_closing(self):
        return False

    def write(self, frame):
        self.written.append(frame)


class Office:
    """An agent before his Inbox, and the relay's rooms behind it."""

    def __init__(self, database, clock):
        self.clock = clock
        self.database = database
        self.settings = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
        self.tasks = TaskOwner("test")
        self.live = LiveSessions(database, Registry(b"key"), clock, random_bytes)
        members = Members(self.settings)
        members.open(self.live)
        self.ceiling = Ceiling(members, self.settings, database, self.tasks)
        self.directory = Directory(database, self.settings)
        self.inbox = Inbox(members, self.ceiling, self.directory, self.settings, clock, self.tasks)
        self.line = Line()
        self.link = Link("eio", "127.0.0.1", SimpleNamespace(closed=False, closing=False), self.line, 0.0)
        self.link.is_direct = True

    async def open(self):
        await self.ceiling.open()
        await self.inbox.open()
        (self.link.account,) = self.directory.agents.values()
        await self.inbox._on_inbox_open(self.link, requests.InboxOpen())

    async def enter(self, name, problem="", queue="support"):
        queue = self.directory.by_slug(queue)
        form = requests.QueueEnter(request_id=f"form-{name}", queue=queue.slug, name=name, problem=problem)

        def decision(moment):
            return transfer.decide_queue_enter(
                f"1{len(self.live.registry.numbers):08}", queue.id, queue.name, form, "en", f"token {name}", moment
            ).facts

        await self.live.start(form.request_id, f"s-{name}", decision)

    async def close(self):
        self.inbox.close()
        await self.tasks.aclose()
        await self.live.close()

    def told(self):
        """The Inboxes that went out since they were last asked for."""
        packets, self.line.written = self.line.written, []
        found = [frame[frame.index(b"42[") + 2 :] for frame in packets if b'42["inbox"' in frame]
        return [json.loads(packet)[1]["inbox"] for packet in found]


async def until(condition):
    """Wait until it is true; the relay's own timers make it so."""
    for _ in range(1_000):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("not within ten seconds")


@pytest.fixture
async def office(tmp_path):
    await make_agents(tmp_path, "ana")
    async with Database.in_directory(tmp_path) as database:
        await Queues(database).add_member("support", "ana")
        await Queues(database).add("early", "Early", hours="mon-fri 09:00-17:00")
        opened = Office(database, Watch())
        await opened.open()
        yield opened
        await opened.close()


@pytest.mark.rule("B-10.4", "B-11.3")
async def test_a_transfer_to_one_agent_has_its_place_in_the_longest_inbox(office):
    await asyncio.gather(*(office.enter(f"ghost{n}") for n in range(limits.INBOX_ITEMS + 10)))
    office.clock.ms += 1_000
    await office.enter("maria")
    session = office.live.registry.get("s-maria")
    ana = office.link.account.id
    await office.live.change(
        session,
        lambda _: [PassedOn(to=TransferTarget.AGENTS, agents=(ana,), message="Please take her.", former="Ion")],
    )
    office.clock.ms += 1_000
    office.told()
    office.inbox.settle()
    inbox = office.inbox._told[office.link]
    assert len(inbox.items) == limits.INBOX_ITEMS
    assert (inbox.items[-1].customer, inbox.items[-1].offered) == ("maria", True)
    assert [item.customer for item in inbox.items[:-1]] == sorted(item.customer for item in inbox.items[:-1])


@pytest.mark.rule("B-11.3")
async def test_a_slow_agent_is_told_when_he_has_read_and_not_cut_off(office):
    office.told()
    office.line.waiting = BEHIND_BYTES + 1
    await office.enter("maria")
    office.inbox.settle()
    assert office.told() == []
    office.line.waiting = 0
    told = []
    await until(lambda: told.extend(office.told()) or told)
    assert [item["customer"] for item in told[-1]["items"]] == ["maria"]


async def test_long_inboxes_come_no_faster_than_a_line_can_carry(office):
    await asyncio.gather(*(office.enter(f"ghost{n}", "\U0001f47b" * limits.PROBLEM_CHARS) for n in range(99)))
    office.clock.ms += 10_000
    # The long one is sent now and not before: whoever comes last is in it.
    await office.enter("ghost99")
    office.inbox.settle()
    office.told()
    for n in range(100, 110):
        await office.enter(f"ghost{n}")
        office.inbox.settle()
    assert office.told() == []
    office.clock.ms += 1_000
    office.inbox.settle()
    assert len(office.told()[-1]["items"]) == 110


@pytest.mark.rule("B-10.5")
async def test_who_is_no_agent_any_more_keeps_no_customer_on_his_screen(office):
    await office.enter("maria", "Something private")
    office.inbox.settle()
    office.told()
    await Rights(office.database).change("ana", agent=False)
    await office.directory.reload()
    office.inbox.settle()
    assert [(inbox["items"], inbox["queues"]) for inbox in office.told()] == [([], [])]


@pytest.mark.rule("B-11.1")
async def test_a_queue_opens_on_the_screens_when_it_opens(office):
    office.clock.ms = NINE - 100
    await office.enter("maria", queue="early")
    office.inbox.settle()
    session = office.live.registry.get("s-maria")
    assert office.inbox.place_of(session).opens_at == NINE
    office.clock.ms = NINE + 1
    await until(lambda: office.inbox.place_of(session).opens_at is None)


@pytest.mark.rule("B-11.2")
async def test_who_waits_in_a_queue_that_never_opens_is_told_that_it_is_closed(office):
    await office.enter("maria")
    session = office.live.registry.get("s-maria")
    office.inbox.settle()
    assert office.inbox.place_of(session).is_open
    await Queues(office.database).change("support", hours="never")
    await office.directory.look()
    await until(lambda: not office.inbox.place_of(session).is_open)
    assert office.inbox.place_of(session).opens_at is None


@pytest.mark.rule("B-11.3")
async def test_the_inboxes_follow_a_change_that_somebody_without_the_right_found(office):
    office.inbox.settle()
    office.told()
    await Queues(office.database).change("support", name="Help")
    stranger = Link("eio2", "127.0.0.1", SimpleNamespace(closed=False, closing=False), Line(), 0.0)
    stranger.account = msgspec.structs.replace(office.link.account, id="nobody")
    with pytest.raises(Refused):
        await office.inbox._on_inbox_open(stranger, requests.InboxOpen())
    told = []
    await until(lambda: told.extend(office.told()) or told)
    assert [queue["name"] for queue in told[-1]["queues"]] == ["Help"]
