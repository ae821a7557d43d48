"""Who is there and who is not: the state follows the connections, also where a loss and a return cross each other."""

from types import SimpleNamespace

import pytest

from server_stub.link import Link
from server_stub.live import LiveSessions
from server_stub.ports import random_bytes
from server_stub.state import decide
from server_stub.state.registry import Registry
from server_stub.store.database import Database
from support_manager.protocol import requests
from support_manager.protocol.views import Connection
from tests.harness.scene import REP


class Watch:
    """A clock turned by hand."""

    ms = 1_000_000

    def now_ms(self):
        return self.ms

    def monotonic_s(self):
        return self.ms / 1_000


@pytest.fixture
def clock():
    return Watch()


@pytest.fixture
async def live(tmp_path, clock):
    async with Database.in_directory(tmp_path) as database:
        sessions = LiveSessions(database, Registry(b"key"), clock, random_bytes)
        request = requests.SessionStart(request_id="r")
        await sessions.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", request, moment))
        yield sessions
        await sessions.close()


def a_connection():
    return Link("eio", "127.0.0.1", SimpleNamespace(closed=True, closing=True), None, 0.0)


@pytest.mark.rule("B-12.5")
async def test_a_loss_that_is_written_after_the_return_ends_nothing(live, clock):
    session = live.registry.get("s")
    (host,) = session.members()
    # The old connection broke while the return on the new one was on its way to disk.
    await live.change_connection(session, host.id, Connection.LOST)
    live.bind(session, host, a_connection())
    clock.ms += 3_600_000
    await live.tick()
    assert (session.is_live, host.connection) == (True, Connection.ONLINE)


async def test_a_connection_that_broke_meanwhile_is_nobodys(live):
    session = live.registry.get("s")
    (host,) = session.members()
    broken = a_connection()
    broken.is_closing = True
    live.bind(session, host, broken)
    await live.tick()
    assert (live.link_of(session, host.id), host.connection) == (None, Connection.ONLINE), "he may be coming in"
    await live.tick()
    assert host.connection is Connection.LOST


@pytest.mark.rule("B-12.5", "B-12.6")
async def test_whoever_was_gone_before_a_long_downtime_still_has_his_time_to_come_back(tmp_path, clock):
    start = requests.SessionStart(request_id="r")
    async with Database.in_directory(tmp_path) as database:
        before = LiveSessions(database, Registry(b"key"), clock, random_bytes)
        await before.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", start, moment))
        session = before.registry.get("s")
        await before.change_connection(session, session.members()[0].id, Connection.LOST)
        clock.ms += 400_000
        start = requests.SessionStart(request_id="r2")
        await before.start(REP.id, "t", lambda moment: decide.decide_start(REP, "987654321", start, moment))
        await before.close()
        clock.ms += 3_600_000
        after = LiveSessions(database, Registry(b"key"), clock, random_bytes)
        await after.rebuild()
        session = after.registry.get("s")
        await after.tick()
        await after.tick()
        assert session.is_live, "he had 400 of his 600 seconds"
        clock.ms += 190_000
        await after.tick()
        assert session.is_live
        clock.ms += 20_000
        await after.tick()
        assert not session.is_live
        await after.close()
