"""Deletes what is kept no longer: facts of sessions that ended long ago, and refresh tokens past their end."""

from sqlalchemy import delete, select

from server_stub.store import tables
from server_stub.store.database import Database

SESSIONS_AT_ONCE = 50
"""So many in one transaction: the journal of the live sessions must not wait for the rest."""


async def prune(database: Database, *, ended_before_ms: int, now_ms: int) -> int:
    """Delete the facts of sessions that ended before a moment, names and transcripts with them.

    The session's own row stays (id, number, start and end), for the audit. A session that lives, or whose end is not
    on record, keeps everything. In SQLite's files the deleted text is overwritten.

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
    old = select(session.c.id).where(
        session.c.ended_at < ended_before_ms, select(fact.c.seq).where(fact.c.session_id == session.c.id).exists()
    )
    emptied = 0
    while True:
        async with database.transaction() as connection:
            ids = list((await connection.execute(old.limit(SESSIONS_AT_ONCE))).scalars())
            if not ids:
                break
            await connection.execute(delete(fact).where(fact.c.session_id.in_(ids)))
        emptied += len(ids)
    if emptied:
        await database.forget_deleted()
    return emptied
