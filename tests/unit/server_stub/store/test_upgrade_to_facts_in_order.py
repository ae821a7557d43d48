"""A database whose facts stood by session is brought up to date: every session has its facts, in their order."""

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from server_stub.store import database as database_module
from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.store.journal import read_journal, read_session

STARTED = (
    '{"type":"started","number":"123456789","mode":"multi","account_id":"a","participant_id":"p","name":"Ana",'
    '"locale":"en","request_id":"r"}'
)


def to_the_one_before(connection):
    config = Config()
    config.set_main_option("script_location", str(database_module.Path(database_module.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "0002")


async def test_every_session_keeps_its_facts_in_their_order(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "_migrate", to_the_one_before)
        async with Database.in_directory(tmp_path) as old, old.transaction() as connection:
            for number, (name, ended) in enumerate((("z", "NULL"), ("a", "9"), ("m", "NULL"))):
                await connection.execute(text(f"INSERT INTO session VALUES ('{name}', '123456789', {number}, {ended})"))
                facts = [(1, "started", STARTED), (2, "state", '{"type":"state","state":"active"}')]
                facts.append((3, "ended", '{"type":"ended","reason":"expired"}') if ended == "9" else facts.pop())
                for seq, kind, body in facts:
                    # The clock was set back in between.
                    row = {"name": name, "seq": seq, "at": 10 - seq, "kind": kind, "body": body}
                    await connection.execute(text("INSERT INTO fact VALUES (:name, :seq, :at, :kind, :body)"), row)
            await connection.execute(text("INSERT INTO session VALUES ('empty', '123456789', 0, 5)"))
    async with Database.in_directory(tmp_path) as database:
        entries = await read_journal(database, 100)
        assert [(entry.session_id, entry.seq) for entry in entries] == [("z", 1), ("z", 2), ("m", 1), ("m", 2)]
        assert [entry.seq for entry in await read_session(database, "a")] == [1, 2, 3]
        async with database.transaction() as connection:
            rows = (await connection.execute(select(tables.session).order_by(tables.session.c.started_at))).all()
        assert {row.id: (row.first_fact, row.last_fact) for row in rows} == {
            "z": (1, 2),
            "a": (3, 5),
            "m": (6, 7),
            "empty": (None, None),
        }
