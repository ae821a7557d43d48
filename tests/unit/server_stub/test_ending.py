"""A live session ended by an administrator, as it stands in the audit log."""

from sqlalchemy import select

from server_stub import records as records_module
from server_stub.audit import OPERATOR, Audit
from server_stub.ending import Ending
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import SystemClock, random_bytes
from server_stub.records import Records
from server_stub.settings import LiveSettings
from server_stub.state import decide
from server_stub.state.registry import Registry
from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.tasks import TaskOwner
from support_manager.protocol import requests
from tests.harness.scene import REP


async def test_an_end_stands_in_the_log_after_what_was_done_before(tmp_path, monkeypatch):
    monkeypatch.setattr(records_module, "GROUP_S", 3_600)  # what waits is written when somebody says so
    tasks = TaskOwner("test")
    async with Database.in_directory(tmp_path) as database:
        live = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
        members = Members(LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False))
        members.open(live)
        records = Records(database, tasks, lambda: None)
        await records.open(live)
        request = requests.SessionStart(request_id="r")
        await live.start(REP.id, "s", lambda moment: decide.decide_start(REP, "123456789", request, moment))
        await Ending(members, Audit(database), records).end(live.registry.get("s"), who=OPERATOR, reason="asked for")
        await records.flush()
        async with database.reading() as connection:
            log = (await connection.execute(select(tables.audit.c.kind).order_by(tables.audit.c.id))).scalars().all()
        await tasks.aclose()
        await live.close()
    assert log == ["session_started", "session_ended_by_admin", "session_ended"]
