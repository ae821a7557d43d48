"""Queues and agents as the running relay knows them: read anew every second, so that asking costs nothing."""

import asyncio
from collections.abc import Callable, Mapping

import structlog
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub.ports import RelaySettings
from server_stub.queues import Queue, default_queue, read_queues
from server_stub.rights import read_agents
from server_stub.state.dispatch import mean_ms
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from support_manager.protocol import limits
from support_manager.protocol.views import AccountView

log = structlog.get_logger(__name__)

_REFRESH_S = 1.0


class Directory:
    """Who and what there is.

    Args:
        database: open.
        settings: the name of the default queue.
    """

    def __init__(self, database: Database, settings: RelaySettings) -> None:
        self._database = database
        self._settings = settings
        self._queues: list[Queue] = []
        self.queues: Mapping[str, Queue] = {}
        """By id, in the order of their names."""
        self.agents: Mapping[str, AccountView] = {}
        """Open accounts with the agent privilege, by id, in the order of their names."""
        self.handling_ms: Mapping[str, float | None] = {}
        """Queue → mean handling time of its last sessions (B-11.2)."""
        self.is_stale = True
        """Whether handling times have changed since they were read."""

    async def reload(self) -> bool:
        """Read it now; says whether anything changed.

        Raises:
            StoreError: the database failed; what was known stays.
        """
        async with self._database.reading() as connection:
            queues = await read_queues(connection)
            agents = {agent.id: agent for agent in await read_agents(connection)}
            changed = queues != self._queues or agents != self.agents
            if changed or self.is_stale:
                self.is_stale = False
                handling = {queue.id: await _handling_ms(connection, queue.id) for queue in queues}
                changed = changed or handling != self.handling_ms
                self.handling_ms = handling
        self._queues = queues
        self.queues = {queue.id: queue for queue in queues}
        self.agents = agents
        return changed

    async def follow(self, on_change: Callable[[], None]) -> None:
        """Read it again and again, and say when something changed."""
        seen: int | None = None
        while True:
            await asyncio.sleep(_REFRESH_S)
            try:
                stamp = await self._database.stamp()
                if stamp is not None and stamp == seen and not self.is_stale:
                    continue
                changed = await self.reload()
                seen = stamp
            except StoreError as error:
                log.warning("queues could not be read; the last ones hold", code=error.code)
                continue
            if changed:
                on_change()

    @property
    def default(self) -> Queue:
        """The queue to which a session falls that nobody accepts; there is always one."""
        return default_queue(self._settings.default_queue, self._queues)

    def by_slug(self, slug: str) -> Queue | None:
        """The queue of that short name."""
        return next((queue for queue in self._queues if queue.slug == slug), None)

    def members(self, queue: Queue) -> frozenset[str]:
        """The accounts that are agents of a queue by now."""
        return queue.members & self.agents.keys()


async def _handling_ms(connection: AsyncConnection, queue_id: str) -> float | None:
    table = tables.history.c
    last = (
        select(table.handling_ms)
        .where(table.queue_id == queue_id, table.ended_at.is_not(None), table.handling_ms.is_not(None))
        .order_by(table.ended_at.desc())
        .limit(limits.WAIT_SAMPLES)
    )
    return mean_ms([int(value) for value in (await connection.execute(last)).scalars()])
