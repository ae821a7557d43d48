"""State, journal and listeners in step: a disk that fails changes nothing, and every event has a handler."""

import asyncio
import sqlite3
from functools import partial
from types import SimpleNamespace

import msgspec
import pytest

from server_stub import live as live_module
from server_stub.handlers import Relay
from server_stub.link import Link
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import SystemClock, random_bytes
from server_stub.settings import LiveSettings
from server_stub.state import decide
from server_stub.state.facts import ActivitySet, ChatAdded, ConnectionChanged, DeviceReported, Ended, TokenRotated
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from server_stub.store.journal import JournalFailed, SqliteWriter
from support_manager.protocol import requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import REQUESTS
from support_manager.protocol.views import ActivityView, Connection, EndReason
from tests.harness.scene import REP

START = requests.SessionStart(request_id="t")


@pytest.fixture
async def live(tmp_path):
    async with Database.in_directory(tmp_path) as database:
        sessions = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
        request = requests.SessionStart(request_id="r")
        await sessions.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", request, moment))
        yield sessions
        await sessions.close()


async def test_a_disk_that_fails_changes_nothing_and_the_same_request_succeeds_later(live, monkeypatch):
    session = live.registry.get("s")
    host = session.members()[0]
    request = requests.ChatSend(session_id="s", line_id="l", text="hello")

    def say(moment):
        return decide.decide_chat(session, host, request, moment)

    def no_room(self, rows):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteWriter, "_write", no_room)
        with pytest.raises(JournalFailed):
            await live.change(session, say)
        assert (session.seq, session.chat) == (1, [])
    await live.change(session, say)
    assert [line.text for line in session.chat] == ["hello"]


async def test_a_mistake_in_one_session_stalls_no_other_and_not_itself(live):
    await live.start(REP.id, "t", lambda moment: decide.decide_start(REP, "987654321", START, moment))

    def fail_for_one(session, entry):
        if session.id == "s" and entry.seq == 2:
            raise KeyError("a mistake")

    live.watch(fail_for_one, [ChatAdded])

    def say(session, line_id):
        request = requests.ChatSend(session_id=session.id, line_id=line_id, text="hello")
        return live.change(session, lambda moment: decide.decide_chat(session, session.members()[0], request, moment))

    one, other = live.registry.get("s"), live.registry.get("t")
    async with asyncio.timeout(10):
        # Both in one group, the one that fails first.
        failed, done = await asyncio.gather(say(one, "l1"), say(other, "l1"), return_exceptions=True)
        assert (type(failed), done) == (JournalFailed, None)
        assert [line.id for line in other.chat] == ["l1"]
        await say(one, "l2")
        await say(other, "l2")
    assert [line.id for line in one.chat] == ["l1", "l2"]


async def test_no_member_fills_the_disk_and_everybody_may_still_talk_and_go(live, monkeypatch):
    monkeypatch.setattr(live_module, "MEMBER_FACTS_BURST", 6.0)
    session, link, members = member_of(live)
    host = session.members()[0]

    async def report_often():
        for number in range(20):
            device = requests.DeviceReport(browser=f"browser {number}")
            request = requests.ParticipantReport(session_id="s", device=device)
            decision = partial(decide_report, request)
            await members.change(link, "participant.report", request, decision)

    with pytest.raises(Refused) as caught:
        await report_often()
    assert caught.value.code is ErrorCode.TOO_FAST
    assert session.seq < 12
    # Another has a share of his own, and what a request writes at once counts for as much as it writes.
    live.spend(session, "another", [DeviceReported(participant_id="another", device=host.device)] * 6)
    with pytest.raises(Refused):
        live.spend(session, "another", [DeviceReported(participant_id="another", device=host.device)] * 6)
    said = requests.ChatSend(session_id="s", line_id="l", text="hello")
    await members.change(link, "chat.send", said, lambda s, me, m: decide.decide_chat(s, me, said, m))
    end = requests.SessionEnd(session_id="s")
    ended = [Ended(reason=EndReason.ENDED_BY_REP, by=host.id)]
    await members.change(link, "session.end", end, lambda s, me, m: ended)
    assert not session.is_live


async def test_a_session_has_an_end_of_what_is_written_of_it(live, monkeypatch):
    session = live.registry.get("s")
    fact = DeviceReported(participant_id="p", device=session.members()[0].device)
    live.spend(session, "p", [fact])
    monkeypatch.setattr(live_module, "SESSION_FACTS", session.seq)
    with pytest.raises(Refused) as caught:
        live.spend(session, "p", [fact])
    assert caught.value.code is ErrorCode.TRANSCRIPT_FULL
    live.spend(session, "p", [Ended(reason=EndReason.ENDED_BY_REP)])


@pytest.mark.rule("B-7.1", "B-12.1")
async def test_what_runs_may_end_whatever_was_written_before(live, monkeypatch):
    session = live.registry.get("s")
    view = ActivityView(
        id="a", kind=ActivityKind.VIEW, state=ActivityState.RUNNING, asked_by="p", subject="c", seen_by=(), changed_at=1
    )
    session.activities["a"] = view
    ended = msgspec.structs.replace(view, state=ActivityState.ENDED, end=ActivityEnd.STOPPED)
    monkeypatch.setattr(live_module, "SESSION_FACTS", session.seq)
    live.spend(session, "p", [ActivitySet(activity=ended)])
    # A page that closes ends what it showed, and its connection is noted.
    closed = ConnectionChanged(participant_id="c", connection=Connection.CLOSED_PAGE)
    live.spend(session, "c", [ActivitySet(activity=ended), closed])
    # What never ran has nothing to end, and nothing new begins.
    for fact in (msgspec.structs.replace(ended, id="b"), msgspec.structs.replace(view, id="b")):
        with pytest.raises(Refused) as caught:
            live.spend(session, "p", [ActivitySet(activity=fact)])
        assert caught.value.code is ErrorCode.TRANSCRIPT_FULL


@pytest.mark.rule("B-7.1")
async def test_who_does_too_much_may_still_stop(live, monkeypatch):
    monkeypatch.setattr(live_module, "MEMBER_FACTS_BURST", 3.0)
    session = live.registry.get("s")
    view = ActivityView(
        id="a", kind=ActivityKind.VIEW, state=ActivityState.RUNNING, asked_by="p", subject="c", seen_by=(), changed_at=1
    )
    session.activities["a"] = view
    updates = [ActivitySet(activity=view)]
    for _ in range(3):
        live.spend(session, "c", updates)
    with pytest.raises(Refused):
        live.spend(session, "c", updates)
    ended = msgspec.structs.replace(view, state=ActivityState.ENDED, end=ActivityEnd.STOPPED)
    live.spend(session, "c", [ActivitySet(activity=ended)])


def decide_report(request, session, me, moment):
    return decide.decide_report(me, request)


def member_of(live):
    """The rep of the session with a connection that goes nowhere."""
    session = live.registry.get("s")
    socket = SimpleNamespace(closed=True, closing=True)
    link = Link("eio", "127.0.0.1", socket, None, 0.0)
    members = Members(LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False))
    members.open(live)
    live.bind(session, session.members()[0], link)
    return session, link, members


@pytest.mark.rule("B-12.5")
async def test_a_second_relay_on_the_same_disk_finds_the_same_sessions(live, tmp_path):
    async with Database.in_directory(tmp_path) as database:
        again = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
        await again.rebuild()
        found = again.registry.find("123456789", None)
        assert found is not None
        assert again.registry.link_token(found) == live.registry.link_token(live.registry.get("s"))
        assert again.registry.find(None, again.registry.link_token(found)) is found
        await again.close()


async def test_every_event_of_the_protocol_has_a_handler_and_no_other_has(tmp_path):
    settings = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    relay = Relay(database=Database.in_directory(tmp_path), settings=settings, accounts=None)
    assert set(relay._handlers) == set(REQUESTS)


@pytest.mark.rule("B-12.5")
async def test_whoever_has_only_just_come_in_is_not_told_as_lost(live):
    session = live.registry.get("s")
    host = session.members()[0]
    # His start is on disk and his connection is not yet his: exactly then the relay looks who is there.
    assert live.link_of(session, host.id) is None
    await live.tick()
    assert (host.connection, session.seq) == (Connection.ONLINE, 1)
    member_of(live)
    await live.tick()
    await live.tick()
    assert (host.connection, session.seq) == (Connection.ONLINE, 1)
    # Whoever has no connection two times in a row is lost, whatever became of the word that it broke.
    live.unbind(live.link_of(session, host.id))
    await live.tick()
    assert host.connection is Connection.ONLINE
    await live.tick()
    assert host.connection is Connection.LOST


class HandClock:
    """Two clocks, turned by hand."""

    def __init__(self) -> None:
        self.wall_ms = 1_700_000_000_000
        self.steady_s = 50.0

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic_s(self) -> float:
        return self.steady_s

    def passes(self, seconds: float) -> None:
        self.wall_ms += round(seconds * 1000)
        self.steady_s += seconds


@pytest.mark.rule("B-12.6")
@pytest.mark.parametrize("set_by_ms", [-7_200_000, 0, 7_200_000])
async def test_a_clock_that_is_set_neither_stretches_nor_cuts_the_time_of_who_is_lost(tmp_path, set_by_ms):
    clock = HandClock()
    async with Database.in_directory(tmp_path) as database:
        sessions = LiveSessions(database, Registry(b"key"), clock, random_bytes)
        await sessions.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", START, moment))
        session = sessions.registry.get("s")
        await sessions.change_connection(session, session.members()[0].id, Connection.LOST)
        clock.passes(300)
        clock.wall_ms += set_by_ms
        await sessions.tick(600)
        assert session.is_live
        clock.passes(299)
        await sessions.tick(600)
        assert session.is_live
        clock.passes(1)
        await sessions.tick(600)
        assert session.end_reason is EndReason.CONTROLLER_LOST
        await sessions.close()


@pytest.mark.rule("B-12.5")
async def test_coming_back_costs_nobody_his_share_and_has_a_bound_of_its_own(live, monkeypatch):
    session = live.registry.get("s")
    monkeypatch.setattr(live_module, "RETURN_FACTS_BURST", 6.0)
    back = [
        TokenRotated(participant_id="p", used="a", new="b"),
        ConnectionChanged(participant_id="p", connection=Connection.ONLINE),
    ]
    for _ in range(3):
        live.spend(session, "p", back)
    with pytest.raises(Refused) as caught:
        live.spend(session, "p", back)
    assert caught.value.code is ErrorCode.TOO_FAST
    reported = [DeviceReported(participant_id="p", device=session.members()[0].device)]
    live.spend(session, "p", reported * int(live_module.MEMBER_FACTS_BURST))
    # A session of which nothing more is written is still one to come back to.
    monkeypatch.setattr(live_module, "SESSION_FACTS", session.seq)
    live.spend(session, "another", back)
