"""Deletes what is kept no longer: facts of sessions that ended long ago, and refresh tokens past their end."""

from sqlalchemy import delete, func, select, update

from server_stub.store import tables
from server_stub.store.database import Database

FACTS_AT_ONCE = 10_000
"""So many are looked at in one transaction: the journal of the live sessions must not wait for the rest."""


async def prune(database: Database, *, ended_before_ms: int, now_ms: int) -> int:
    """Delete the facts of sessions that ended before a moment, names and transcripts with them.

    The session's own row stays (id, number, start and end), for the audit, and in its reps' history what they wrote
    themselves. A session that lives, or whose end is not on record, keeps everything. In SQLite's files the deleted
    text is overwritten.

    Args:
        database: open.
        ended_before_ms: milliseconds since 1970.
        now_ms: the same; refresh tokens whose time is over by then go too.

    Returns:
        How many sessions were emptied.

    Raises:
        StoreError: the database failed; what was deleted until then stays deleted.
    """
    session, fact, token = tables.session, tables.fact, tables.refresh_token
    async with database.transaction() as connection:
        await connection.execute(delete(token).where(token.c.expires_at <= now_ms))
    old = (session.c.ended_at < ended_before_ms) & session.c.first_fact.is_not(None)
    async with database.reading() as connection:
        sessions, first = (
            await connection.execute(select(func.count(), func.min(session.c.first_fact)).where(old))
        ).one()
        last = (await connection.execute(select(func.max(fact.c.id)))).scalar()
    if not sessions:
        return 0
    for begin in range(first, (last or 0) + 1, FACTS_AT_ONCE):
        here = fact.c.id.between(begin, begin + FACTS_AT_ONCE - 1)
        async with database.transaction() as connection:
            await connection.execute(delete(fact).where(here, fact.c.session_id.in_(select(session.c.id).where(old))))
    history = tables.history
    emptied = {"customers": [], "search": ""}
    answer = tables.survey_answer
    async with database.transaction() as connection:
        # What the reps know of it stays: number, times, their own names, outcome and notes, and the ratings.
        gone = history.c.session_id.in_(select(session.c.id).where(old))
        await connection.execute(update(history).where(gone).values(emptied))
        said = answer.c.session_id.in_(select(session.c.id).where(old))
        await connection.execute(update(answer).where(said).values(comment=""))
        await connection.execute(update(session).where(old).values(first_fact=None, last_fact=None))
    await database.forget_deleted()
    return int(sessions)
