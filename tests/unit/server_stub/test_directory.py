"""What the running relay knows of its queues: as new as the disk, and nobody waits long for it."""

import asyncio
import sqlite3

import pytest

from server_stub.directory import Directory
from server_stub.queues import Queues
from server_stub.settings import LiveSettings
from server_stub.store.database import Database
from server_stub.store.journal import Rows, writer_for
from support_manager.tasks import TaskOwner


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture
async def directory(database):
    settings = LiveSettings(public_url="", bound_url="http://127.0.0.1:1", behind_proxy=False)
    known = Directory(database, settings)
    await known.reload()
    return known


@pytest.fixture
async def writer(database):
    opened = writer_for(database)
    yield opened
    await opened.close()


@pytest.fixture
async def tasks():
    owner = TaskOwner("test")
    yield owner
    await owner.aclose()


async def test_a_look_waits_for_no_commit_that_waits_for_a_slow_operator(database, directory, writer, tasks):
    await directory.look()
    await Queues(database).change("support", name="Help")
    operator = sqlite3.connect(database.sqlite_path, isolation_level=None)
    operator.execute("BEGIN IMMEDIATE")
    row = ("s", 1, 1, "started", "{}")
    commit = tasks.spawn(writer.write(Rows([row], [("s", "123456789", 1)], [])), name="commit")
    await asyncio.sleep(0)  # so that the writer's thread has it before it is asked for its stamp
    try:
        async with asyncio.timeout(3):
            found = await directory.queue_now("support")
        assert found.name == "Help"
        assert not commit.done(), "the commit waited for the operator all along"
    finally:
        operator.close()
        await commit


async def test_a_look_that_is_cancelled_serves_nobody_who_waited_for_it(
    database, directory, writer, tasks, monkeypatch
):
    await directory.look()
    await Queues(database).change("support", name="Help")
    asked, going_on = asyncio.Event(), asyncio.Event()

    async def held():
        asked.set()
        await going_on.wait()
        return await writer.stamp()

    monkeypatch.setattr(database, "journal_stamp", held)
    async with directory._one_at_a_time:  # as behind a `reload`
        first = tasks.spawn(directory.look(), name="first")
        second = tasks.spawn(directory.queue_now("support"), name="second")
        await asyncio.sleep(0)
    await asked.wait()
    first.cancel()
    going_on.set()
    assert (await second).name == "Help"


async def test_many_who_ask_at_once_are_served_by_one_look(database, directory, writer, monkeypatch):
    looks = 0

    async def counted():
        nonlocal looks
        looks += 1
        return await writer.stamp()

    monkeypatch.setattr(database, "journal_stamp", counted)
    await asyncio.gather(*(directory.look() for _ in range(50)))
    assert looks <= 2
