"""An answer to the survey from before answers were kept by customer is still there once the database is up to date."""

from alembic import command
from alembic.config import Config
from sqlalchemy import select, text

from server_stub.store import database as database_module
from server_stub.store import tables
from server_stub.store.database import Database


def to_the_one_before(connection):
    config = Config()
    config.set_main_option("script_location", str(database_module.Path(database_module.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    command.upgrade(config, "0004")


async def test_an_answer_of_before_stays_and_nobody_is_said_to_have_answered(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "_migrate", to_the_one_before)
        async with Database.in_directory(tmp_path) as old, old.transaction() as connection:
            for name, rating, comment in (("rated", 4, "Mulțumesc.\nIt's fine."), ("silent", None, "")):
                await connection.execute(
                    text(
                        "INSERT INTO history (session_id, number, mode, started_at, customers, reps, queue_name, "
                        "tracking_code, outcome, notes, rating, comment, lines, search, lasting) VALUES (:name, "
                        """'123456789', 'single', 1, '["Maria"]', '["Ana"]', '', '', 'solved', 'New toner.', """
                        ":rating, :comment, 1, 'maria', 'ana')"
                    ),
                    {"name": name, "rating": rating, "comment": comment},
                )
                await connection.execute(text(f"INSERT INTO history_rep VALUES ('{name}', 'a', 1)"))
    async with Database.in_directory(tmp_path) as database, database.reading() as connection:
        answers = (await connection.execute(select(tables.survey_answer))).all()
        rows = (await connection.execute(select(tables.history))).all()
        reps = (await connection.execute(select(tables.history_rep.c.session_id))).scalars().all()
    assert [tuple(answer) for answer in answers] == [("rated", "", 4, "Mulțumesc.\nIt's fine.")]
    assert sorted((row.session_id, row.notes, row.customers) for row in rows) == [
        ("rated", "New toner.", ["Maria"]),
        ("silent", "New toner.", ["Maria"]),
    ]
    assert sorted(reps) == ["rated", "silent"]
