"""Queues and agents as the running relay knows them: one truth, read anew whenever what is on disk has changed."""

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
_UNSTAMPED_S = 0.1
"""A database that does not say whether it was written to is not read more often than this for strangers' requests:
there what is known may be as old as this."""
_STAMP_S = 0.5
"""The stamp waits behind what the journal writes, and that behind a slow operator; reading waits for nobody."""


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
        self._one_at_a_time = asyncio.Lock()
        """Two readings side by side could end the wrong way round, and the older one would hold."""
        self._begun = 0
        self._ended = 0
        """The last look that came to its end; one that was cancelled serves nobody who waited for it."""
        self._seen: int | None = None
        self._unstamped_until_s = 0.0
        self._on_change: Callable[[], None] = lambda: None

    async def reload(self) -> bool:
        """Read it now; says whether anything changed, and tells whoever follows.

        Raises:
            StoreError: the database failed; what was known stays.
        """
        async with self._one_at_a_time:
            changed = await self._read()
        if changed:
            self._on_change()
        return changed

    async def _read(self) -> bool:
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
        """Look again and again, and say when something changed, whoever found it."""
        self._on_change = on_change
        while True:
            await asyncio.sleep(_REFRESH_S)
            await self.look()

    async def look(self) -> None:
        """Take up what was changed on disk before this was called; asking whether anything was costs next to nothing.

        However many ask at once, one look that begins after they asked serves them all. Where the database fails,
        what was known holds; one without stamps is taken at its word of the last tenth of a second.
        """
        begun = self._begun
        async with self._one_at_a_time:
            if self._ended > begun:
                return
            self._begun += 1
            try:
                changed = await self._read_if_written()
            except StoreError as error:
                log.warning("queues could not be read; the last ones hold", code=error.code)
                changed = False
            self._ended = self._begun
        if changed:
            self._on_change()

    async def _read_if_written(self) -> bool:
        try:
            stamp = await asyncio.wait_for(self._database.stamp(), _STAMP_S)
        except TimeoutError:
            stamp = None
        now_s = asyncio.get_running_loop().time()
        known = now_s < self._unstamped_until_s if stamp is None else stamp == self._seen
        if known and not self.is_stale:
            return False
        changed = await self._read()
        self._seen, self._unstamped_until_s = stamp, now_s + _UNSTAMPED_S
        return changed

    async def queue_now(self, slug: str) -> Queue | None:
        """The queue of that short name as it is on disk by now (see `look`), so that closing it is heeded at once."""
        await self.look()
        return self.by_slug(slug)

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
