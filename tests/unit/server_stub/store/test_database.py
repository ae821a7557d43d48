"""Opening a database: fresh, again, locked, newer, damaged; tables as the migrations make them."""

import asyncio
import sqlite3
import stat
from contextlib import closing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from server_stub import settings
from server_stub.accounts import Accounts
from server_stub.state.facts import Ended, Entry
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import Journal, read_journal, read_session, writer_for
from support_manager.protocol.views import EndReason
from support_manager.protocol.wire import ProtocolError


async def code_of(database):
    with pytest.raises(StoreError) as caught:
        await database.open()
    return caught.value.code


async def test_migrations_make_exactly_the_tables_of_the_code(tmp_path):
    async with Database.in_directory(tmp_path) as database, database.transaction() as connection:
        difference = await connection.run_sync(
            lambda sync: compare_metadata(MigrationContext.configure(sync), tables.metadata)
        )
    assert difference == []


async def test_only_one_relay_holds_a_database_and_other_programs_may_write_beside_it(tmp_path):
    async with Database.in_directory(tmp_path, exclusive=True):
        assert await code_of(Database.in_directory(tmp_path, exclusive=True)) == "database_locked"
        async with Database.in_directory(tmp_path) as beside, beside.transaction() as connection:
            await connection.execute(tables.setting.insert().values(key="a", value={"b": 1}))
    async with Database.in_directory(tmp_path, exclusive=True) as again, again.transaction() as connection:
        assert (await connection.execute(tables.setting.select())).all() == [("a", {"b": 1})]


async def test_a_newer_database_is_left_alone(tmp_path):
    async with Database.in_directory(tmp_path) as database, database.transaction() as connection:
        await connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    assert await code_of(Database.in_directory(tmp_path)) == "database_newer"


async def test_what_is_no_database_is_unreadable(tmp_path):
    (tmp_path / "relay.sqlite3").write_text("not a database, only text" * 100)
    assert await code_of(Database.in_directory(tmp_path)) == "database_unreadable"
    assert await code_of(Database(f"sqlite:///{tmp_path}/missing/relay.sqlite3")) == "database_unreadable"


async def test_nothing_that_only_reads_waits_for_a_writer(tmp_path):
    async with Database.in_directory(tmp_path) as database:
        accounts = Accounts(database)
        with closing(sqlite3.connect(tmp_path / "relay.sqlite3", isolation_level=None)) as writer:
            writer.execute("INSERT INTO setting VALUES ('company', '\"Before\"')")
            writer.execute("BEGIN IMMEDIATE")
            writer.execute("UPDATE setting SET value = '\"After\"'")
            async with asyncio.timeout(30):
                assert (await settings.read_all(database))["company"] == "Before"
                assert await read_journal(database, 0) == []
                assert await read_session(database, "s") == []
                assert await accounts.everyone() == []
                assert await accounts.caller_by_access("x" * 43) is None
                with pytest.raises(ProtocolError):
                    await accounts.sign_in("ana", "correct horse battery")
                assert list(await accounts.ended_sign_ins({"family": "account"})) == ["family"]
            writer.execute("COMMIT")
        assert (await settings.read_all(database))["company"] == "After"
        accounts.close()


async def test_the_file_is_for_its_owner_only(tmp_path):
    async with Database.in_directory(tmp_path):
        assert stat.S_IMODE((tmp_path / "relay.sqlite3").stat().st_mode) == 0o600


async def test_a_failed_transaction_leaves_nothing(tmp_path):
    async with Database.in_directory(tmp_path) as database:

        async def fail_half_way():
            async with database.transaction() as connection:
                await connection.execute(tables.setting.insert().values(key="a", value=1))
                raise KeyError

        with pytest.raises(KeyError):
            await fail_half_way()
        async with database.transaction() as connection:
            assert (await connection.execute(tables.setting.select())).all() == []


async def test_the_stamp_changes_with_what_others_write_and_not_with_the_journal(tmp_path):
    async with Database.in_directory(tmp_path) as database:
        assert await database.stamp() is None, "nobody can say yet: whoever wants to know must look"
        writer = writer_for(database)
        before = await database.stamp()
        assert before is not None
        entry = Entry("s", 1, 1_000, Ended(reason=EndReason.EXPIRED))
        journal = Journal(writer, lambda entries: None, lambda entries: None)
        await journal.append([entry])
        assert await database.stamp() == before, "its own writing costs nobody a look"
        async with database.transaction() as connection:
            await connection.execute(tables.setting.insert().values(key="a", value={"b": 1}))
        own = await database.stamp()
        assert own not in (None, before), "this process wrote by another connection"
        async with Database.in_directory(tmp_path) as beside, beside.transaction() as connection:
            await connection.execute(tables.setting.delete())
        assert await database.stamp() not in (None, own), "another program wrote"
        await journal.close()
        assert await database.stamp() is None, "closed: look again"


@pytest.mark.parametrize("failure", [ConnectionRefusedError("refused"), TimeoutError("late"), PoolTimeoutError("full")])
async def test_a_server_that_cannot_be_reached_is_a_failure_of_the_store(tmp_path, failure):
    def refuse(*_):
        raise failure

    async with Database.in_directory(tmp_path) as database:
        await database.engine.dispose()  # as when the server has closed every connection
        event.listen(database.engine.sync_engine, "do_connect", refuse)
        for connected in (database.transaction, database.reading):
            with pytest.raises(StoreError) as caught:
                async with connected():
                    pass
            assert caught.value.code == "database_unreadable"
        with pytest.raises(StoreError):
            await database.forget_deleted()
        event.remove(database.engine.sync_engine, "do_connect", refuse)
        for connected in (database.transaction, database.reading):
            with pytest.raises(FileNotFoundError):
                async with connected():
                    raise FileNotFoundError  # of the caller, not of the database
