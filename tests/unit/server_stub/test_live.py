"""State, journal and listeners in step: a disk that fails changes nothing, and every event has a handler."""

import asyncio
import sqlite3

import pytest

from server_stub.handlers import Relay
from server_stub.live import LiveSessions
from server_stub.ports import SystemClock, random_bytes
from server_stub.settings import LiveSettings
from server_stub.state import decide
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from server_stub.store.journal import JournalFailed, SqliteWriter
from support_manager.protocol import requests
from support_manager.protocol.requests import REQUESTS
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

    live.watch(fail_for_one)

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


async def test_no_event_outside_the_protocol_has_a_handler(tmp_path):
    settings = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    relay = Relay(database=Database.in_directory(tmp_path), settings=settings, accounts=None)
    assert set(relay._handlers) <= set(REQUESTS)
