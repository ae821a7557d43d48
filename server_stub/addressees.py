"""Who may pass a session on and to whom: which queues take one, and which accounts are agents (B-10.1, B-10.5)."""

from collections.abc import Sequence

from sqlalchemy import select

from server_stub.state.refused import Refused
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import AGENT


async def queue_name(database: Database, queue_id: str) -> str:
    """What a queue is called; a closed one, or one without an agent, takes a session all the same: its customer waits.

    Raises:
        Refused: `queue_unknown`, also for one that takes nothing any more.
        StoreError: the database cannot be read.
    """
    columns = tables.queue.c
    wanted = select(columns.name).where(columns.id == queue_id, columns.enabled)
    async with database.transaction() as connection:
        row = (await connection.execute(wanted)).first()
    if row is None:
        raise Refused(ErrorCode.QUEUE_UNKNOWN)
    return str(row.name)


async def agents_of(database: Database, account_ids: Sequence[str]) -> frozenset[str]:
    """Which of these accounts are enabled agents now, whatever they were when they signed in.

    Raises:
        StoreError: the database cannot be read.
    """
    columns = tables.account.c
    wanted = select(columns.id, columns.privileges).where(columns.id.in_(account_ids), columns.disabled.is_(False))
    async with database.transaction() as connection:
        return frozenset(row.id for row in await connection.execute(wanted) if AGENT in row.privileges)
