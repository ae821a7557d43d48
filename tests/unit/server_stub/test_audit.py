"""The audit log's chain: it holds over any records, and shows a record changed, taken out or slipped in."""

import asyncio

import pytest
from sqlalchemy import delete, select, update

from server_stub.audit import Audit, Record, append, chained, check_chain
from server_stub.store import tables
from server_stub.store.database import Database


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


async def write(database, number):
    audit = Audit(database, lambda: 1_000)
    for n in range(number):
        await audit.record("queue_added", who="operator", what=f"queue {n}", session_id="s" * (n % 2), address="::1")


async def test_records_of_two_processes_make_one_chain(database, tmp_path):
    async with Database.in_directory(tmp_path) as beside:
        await asyncio.gather(write(database, 8), write(beside, 8))
    found = await check_chain(database)
    assert (found.records, found.broken_at) == (16, None)


@pytest.mark.parametrize(
    "change",
    [
        update(tables.audit).where(tables.audit.c.id == 3).values(what="another queue"),
        update(tables.audit).where(tables.audit.c.id == 3).values(at=999),
        update(tables.audit).where(tables.audit.c.id == 3).values(who="ana"),
        update(tables.audit).where(tables.audit.c.id == 3).values(address=""),
        update(tables.audit).where(tables.audit.c.id == 3).values(session_id="other"),
        delete(tables.audit).where(tables.audit.c.id == 2),
    ],
)
async def test_a_change_shows_at_its_place(database, change):
    await write(database, 5)
    async with database.transaction() as connection:
        await connection.execute(change)
    found = await check_chain(database)
    assert found.broken_at == 3


async def test_fields_do_not_run_into_each_other():
    one = chained("", at=1, kind="ab", who="c", what="", session_id="", address="")
    assert one != chained("", at=1, kind="a", who="bc", what="", session_id="", address="")


async def test_what_is_too_long_for_its_column_is_cut_before_it_is_chained(database):
    async with database.transaction() as connection:
        await append(connection, [Record(1, "k" * 90, "w" * 900, "what", "", "a" * 900)])
        await append(connection, [])
        assert len((await connection.execute(select(tables.audit.c.who))).scalar_one()) == 128
    assert (await check_chain(database)).broken_at is None
