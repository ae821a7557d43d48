"""A database of the first version is brought up to date: nothing is lost, and what is new is there."""

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from server_stub.accounts import Accounts
from server_stub.audit import check_chain
from server_stub.store import database as database_module
from server_stub.store import tables
from server_stub.store.database import Database


async def first_version(tmp_path, monkeypatch):
    """Make a database as the program's first version left it."""

    def to_first(connection):
        config = Config()
        config.set_main_option(
            "script_location", str(database_module.Path(database_module.__file__).parent / "migrations")
        )
        config.set_main_option("path_separator", "os")
        config.attributes["connection"] = connection
        command.upgrade(config, "0001")

    with monkeypatch.context() as patch:
        patch.setattr(database_module, "_migrate", to_first)
        async with Database.in_directory(tmp_path) as old, old.transaction() as connection:
            for statement in (
                "INSERT INTO account VALUES ('a1', 'ana', 'ana', 'Ana', 'hash', '[]', '[\"multi\"]', 'ro', 0, 5)",
                "INSERT INTO refresh_token VALUES ('h', 'f', 'a1', 1, 2, NULL, 0)",
                "INSERT INTO session VALUES ('s1', '123456789', 7, NULL)",
                "INSERT INTO audit VALUES (1, 10, 'wrong_numbers', '192.0.2.1', 'over')",
                "INSERT INTO audit VALUES (2, 11, 'wrong_numbers', '192.0.2.2', 'over')",
            ):
                await connection.execute(text(statement))


async def test_a_database_of_the_first_version_is_upgraded_whole(tmp_path, monkeypatch):
    await first_version(tmp_path, monkeypatch)
    async with Database.in_directory(tmp_path) as database:
        async with database.transaction() as connection:
            account = (await connection.execute(select(tables.account))).one()
            assert (account.name, account.locale, account.customers_limit) == ("ana", "ro", None)
            assert (await connection.execute(select(tables.refresh_token.c.hash))).scalars().all() == ["h"]
            assert (await connection.execute(select(tables.session.c.id))).scalars().all() == ["s1"]
            queue = (await connection.execute(select(tables.queue))).one()
            assert (queue.slug, queue.rule, queue.offer_s, queue.enabled) == ("support", "everybody", 30, True)
            audit = (await connection.execute(select(tables.audit).order_by(tables.audit.c.id))).all()
            assert [row.address for row in audit] == ["", ""]
        found = await check_chain(database)
        assert (found.records, found.broken_at, found.last) == (2, None, audit[1].chain)
        accounts = Accounts(database)
        try:
            assert [row.name for row in await accounts.everyone()] == ["ana"]
        finally:
            accounts.close()
