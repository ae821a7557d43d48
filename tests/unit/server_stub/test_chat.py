"""Chat lines that take the short way: the same rules, one at a time for each session, and a disk that fails."""

import asyncio
import sqlite3
from types import SimpleNamespace

import pytest

from server_stub.chat import Chat
from server_stub.link import Link
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import SystemClock, random_bytes
from server_stub.settings import LiveSettings
from server_stub.state import decide
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from server_stub.store.journal import JournalFailed, SqliteWriter
from support_manager.protocol import requests
from support_manager.protocol.requests import ChatSent
from support_manager.protocol.views import EndReason
from tests.harness.scene import REP


@pytest.fixture
async def desk(tmp_path):
    async with Database.in_directory(tmp_path) as database:
        live = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
        request = requests.SessionStart(request_id="r")
        await live.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", request, moment))
        members = Members(LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False))
        members.open(live)
        link = Link("eio", "127.0.0.1", SimpleNamespace(closed=True, closing=False), None, 0.0)
        session = live.registry.get("s")
        live.bind(session, session.members()[0], link)
        yield SimpleNamespace(live=live, chat=Chat(members), link=link, session=session)
        await live.close()


def line(line_id="l", text="hello", session_id="s"):
    return requests.ChatSend(session_id=session_id, line_id=line_id, text=text)


def say(desk, request):
    answer = asyncio.get_running_loop().create_future()
    desk.chat.put(desk.link, request, answer.set_result)
    return answer


async def test_a_line_is_answered_when_it_is_on_disk_and_a_second_time_at_once(desk):
    assert desk.chat.is_at_rest(line())
    answer = say(desk, line())
    assert not answer.done()
    assert not desk.chat.is_at_rest(line())
    assert await answer == ChatSent(seq=2, at=desk.session.chat[0].at)
    assert desk.chat.is_at_rest(line())
    again = say(desk, line(text="something else"))
    assert again.done()
    assert again.result() == answer.result()
    assert [one.text for one in desk.session.chat] == ["hello"]


async def test_nobody_else_says_anything_and_nothing_after_the_end(desk):
    assert not desk.chat.is_at_rest(line(session_id="other"))
    with pytest.raises(Refused):
        desk.chat.put(Link("x", "", None, None, 0.0), line(), print)
    with pytest.raises(Refused):
        say(desk, line(text=" "))
    await desk.live.change(
        desk.session, lambda moment: decide.decide_end(desk.session, EndReason.ENDED_BY_REP, None, moment)
    )
    with pytest.raises(Refused) as refused:
        say(desk, line())
    assert refused.value.code == "session_ended"
    assert desk.session.chat == []


async def test_a_request_that_waits_for_a_line_on_its_way_is_decided_after_it(desk):
    answer = say(desk, line())
    seen = []

    def decision(moment):
        seen.append(len(desk.session.chat))
        return []

    await desk.live.change(desk.session, decision)
    assert answer.done()
    assert seen == [1]


async def test_a_disk_that_fails_says_so_and_the_session_goes_on(desk, monkeypatch):
    def no_room(self, rows):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(SqliteWriter, "_write", no_room)
        assert isinstance(await say(desk, line()), JournalFailed)
    assert desk.session.chat == []
    assert (await say(desk, line())).seq == 2
