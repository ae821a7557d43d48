"""What is kept no longer goes, and nothing else: live and young sessions keep every fact."""

from pathlib import Path

import pytest
from sqlalchemy import func, select

from server_stub.records import history_of
from server_stub.state.facts import ChatAdded, Ended, Entry, Started
from server_stub.state.model import Session, apply
from server_stub.store import pruning, tables
from server_stub.store.database import Database
from server_stub.store.journal import Journal, writer_for
from server_stub.store.pruning import prune
from support_manager.protocol.roles import Role
from support_manager.protocol.views import ChatLine, EndReason, Mode


def entries(name: str, ended_at: int | None):
    start = Started(
        number="123456789", mode=Mode.MULTI, account_id="a", participant_id="p", name="Ana", locale="en", request_id="r"
    )
    yield Entry(name, 1, 1, start)
    if ended_at is not None:
        yield Entry(name, 2, ended_at, Ended(reason=EndReason.ENDED_BY_REP))


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


async def facts_of(database: Database) -> dict[str, int]:
    table = tables.fact
    async with database.transaction() as connection:
        rows = await connection.execute(select(table.c.session_id, func.count()).group_by(table.c.session_id))
        return {row[0]: row[1] for row in rows}


async def test_old_sessions_lose_their_facts_and_keep_their_row(database, monkeypatch):
    monkeypatch.setattr(pruning, "FACTS_AT_ONCE", 7)
    journal = Journal(writer_for(database), lambda _: None, lambda _: None)
    old = [f"old-{number}" for number in range(53)]
    first, *others = old
    for name, ended_at in [(first, 999), ("live", None), *((name, 999) for name in others), ("young", 1_000)]:
        await journal.append(list(entries(name, ended_at)))
    await journal.close()
    assert await prune(database, ended_before_ms=1_000, now_ms=2_000) == len(old)
    assert await facts_of(database) == {"young": 2, "live": 1}
    assert await prune(database, ended_before_ms=1_000, now_ms=2_000) == 0
    async with database.transaction() as connection:
        kept = (await connection.execute(select(func.count()).select_from(tables.session))).scalar_one()
    assert kept == len(old) + 2


async def test_what_was_pruned_is_in_no_file_any_more(tmp_path):
    secret = "my mother's maiden name"
    line = ChatLine(id="l", seq=2, at=1, sender="p", sender_name="Ana", sender_role=Role.CONTROLLER, text=secret)
    start, end = entries("old", 999)
    facts = [start, Entry("old", 2, 1, ChatAdded(line=line)), Entry("old", 3, 999, end.fact)]
    async with Database.in_directory(tmp_path) as database:
        journal = Journal(writer_for(database), lambda _: None, lambda _: None)
        await journal.append(facts)
        over = Session("old")
        for entry in facts:
            apply(over, entry)
        async with database.transaction() as connection:
            noted = {"outcome": "solved", "notes": ""}
            row = {"session_id": "old", **noted, **history_of(over)}
            assert secret in row["search"]
            await connection.execute(tables.history.insert().values(row))
            answer = {"session_id": "old", "participant_id": "p", "rating": 5, "comment": secret}
            await connection.execute(tables.survey_answer.insert().values(answer))
        assert secret in everything_in(tmp_path)
        await prune(database, ended_before_ms=1_000, now_ms=2_000)
        assert secret not in everything_in(tmp_path)
        async with database.reading() as connection:
            assert (await connection.execute(select(tables.survey_answer.c.rating))).scalars().all() == [5]
        await journal.close()
    assert secret not in everything_in(tmp_path)


def everything_in(folder: Path) -> str:
    return "".join(path.read_bytes().decode("latin-1") for path in folder.iterdir())
