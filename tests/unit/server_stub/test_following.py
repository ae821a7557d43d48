"""What the running relay follows of the command line: settings and orders, whatever becomes of the database."""

import pytest
from sqlalchemy import event, select, text

from server_stub import app, settings
from server_stub.audit import Audit
from server_stub.ending import Ending, give_order
from server_stub.live import LiveSessions
from server_stub.members import Members
from server_stub.ports import SystemClock, random_bytes
from server_stub.records import Records
from server_stub.settings import LiveSettings
from server_stub.state.registry import Registry
from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.tasks import TaskOwner
from tests.harness.centre import until


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def live(database, monkeypatch):
    """The settings, which are followed."""
    monkeypatch.setattr(app, "SETTINGS_EVERY_S", 0.01)
    values = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    members = Members(values)
    sessions = LiveSessions(database, Registry(b"key"), SystemClock(), random_bytes)
    members.open(sessions)
    tasks = TaskOwner("test")
    ending = Ending(members, Audit(database), Records(database, tasks, lambda: None))
    tasks.spawn(app._follow_commands(database, values, ending), name="follow")
    yield values
    await tasks.aclose()
    await sessions.close()


async def followed(live, company):
    async def is_taken():
        return live.company == company

    await until(is_taken, f"the company {company}")


async def all_taken(database):
    async with database.reading() as connection:
        return (await connection.execute(select(tables.end_order))).all() == []


async def test_a_server_that_was_away_is_followed_again(tmp_path, database, live):
    refused = []

    def refuse(*_):
        refused.append(1)
        raise ConnectionRefusedError

    async def was_refused():
        return len(refused) > 1

    await settings.write(database, "company", "Before")
    await followed(live, "Before")
    event.listen(database.engine.sync_engine, "do_connect", refuse)
    before = database.engine.sync_engine.pool
    async with database.reading():
        await database.engine.dispose()
    async with Database.in_directory(tmp_path) as beside:
        await settings.write(beside, "company", "After")
    await until(was_refused, "that it looks again")
    event.remove(database.engine.sync_engine, "do_connect", refuse)
    await followed(live, "After")
    # Who was looking when the pool was closed had his connection out: it went back there, and nobody else closes it.
    async with database.reading() as connection:
        await connection.run_sync(lambda _: before.dispose())


async def test_settings_that_cannot_be_read_keep_no_order_waiting(database, live):
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE setting RENAME TO elsewhere"))
    await give_order(database, "gone", "")
    await until(lambda: all_taken(database), "that the order is taken")
    async with database.transaction() as connection:
        await connection.execute(text("ALTER TABLE elsewhere RENAME TO setting"))
    await settings.write(database, "company", "After")
    await followed(live, "After")


async def test_an_order_that_makes_no_sense_ends_nothing(database, live):
    async with database.transaction() as connection:
        await connection.execute(text("INSERT INTO end_order VALUES ('order', 'gone', '', 'yesterday')"))
    await until(lambda: all_taken(database), "that the order is taken")
    await settings.write(database, "company", "After")
    await followed(live, "After")
