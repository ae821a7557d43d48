"""A history of before is found by outcome, notes and words without diacritics once it is brought up to date."""

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
    command.upgrade(config, "0003")


async def test_what_was_written_before_is_found_as_well(tmp_path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(database_module, "_migrate", to_the_one_before)
        async with Database.in_directory(tmp_path) as old, old.transaction() as connection:
            await connection.execute(
                text(
                    "INSERT INTO history (session_id, number, mode, started_at, customers, reps, queue_name, "
                    "tracking_code, outcome, notes, comment, lines, search) VALUES ('s', '123456789', 'multi', 1, "
                    """'["Maria"]', '["Ștefan"]', '', 'T-7', 'Rezolvată', 'Cartuș nou.', '', 1, 'maria' || char(10) """
                    "|| 'între')"
                )
            )
    async with Database.in_directory(tmp_path) as database, database.reading() as connection:
        row = (await connection.execute(select(tables.history))).one()
    assert row.lasting.split("\n") == ["123456789", "t-7", "stefan", "rezolvata", "cartus nou."]
    assert (row.search, row.notes, row.reps) == ("maria\nintre", "Cartuș nou.", ["Ștefan"])
