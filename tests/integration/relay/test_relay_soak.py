"""Many sessions come and go: afterwards the relay holds no more memory, files or threads than before."""

import asyncio
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import psutil
import pytest

from support_manager.protocol import requests
from tests.harness.relay import RelayProcess, page, rep

REPS, SESSIONS_EACH, ROUNDS = 4, 10, 5


async def one_round(relay: RelayProcess) -> None:
    """Forty sessions at once, each with a customer and some lines, all ended."""

    async def work(ana):
        for _ in range(SESSIONS_EACH):
            session = await ana.start_session()
            async with page(relay.url) as maria:
                await maria.join(link=session.link)
                for count in range(3):
                    await maria.say(f"line {count}")
                await ana.ask("session.end", requests.SessionEnd(session_id=session.id))

    async with AsyncExitStack() as stack:
        reps = [await stack.enter_async_context(rep(relay, f"rep-{number}")) for number in range(REPS)]
        await asyncio.gather(*(work(ana) for ana in reps))


POOL, OVERFLOW = 5, 10
"""SQLAlchemy's pool keeps five connections to the database and makes ten more while many ask at once.

How many there were at once is luck, and the files tell of it for good: SQLite keeps a closed connection's file open,
for the next one, as long as another of the process is connected (https://www.sqlite.org/howtocorrupt.html, 2.2:
closing one would drop the locks of all).
"""


def open_files(pid: int) -> tuple[int, int]:
    """How often a process has the database's file open, and all that it has open besides."""
    names = []
    for one in Path(f"/proc/{pid}/fd").iterdir():
        with suppress(FileNotFoundError):  # closed meanwhile
            names.append(one.readlink().name)
    database = [name for name in names if name.startswith("relay.sqlite3")]
    return database.count("relay.sqlite3"), len(names) - len(database)


@pytest.mark.slow
async def test_two_hundred_sessions_leave_nothing_behind():
    with RelayProcess() as relay:
        process = psutil.Process(relay.pid)

        async def settled() -> tuple[int, int]:
            for _ in range(100):
                if not [one for one in process.net_connections("tcp") if one.status == psutil.CONN_ESTABLISHED]:
                    break
                await asyncio.sleep(0.1)
            return await asyncio.to_thread(open_files, relay.pid)

        await one_round(relay)  # what is made once: threads, caches, compiled statements
        (kept, files), memory, threads = await settled(), process.memory_info().rss, process.num_threads()
        for _ in range(ROUNDS - 1):
            await one_round(relay)
        kept_now, files_now = await settled()
        assert files_now <= files
        assert kept_now <= POOL + OVERFLOW + 1  # and the journal's own
        # Each connection has a thread; at the first look the pool may not have been full.
        assert process.num_threads() <= threads + max(0, POOL + 1 - kept) + 1
        # 160 ended sessions are remembered for ten minutes more, at a few kB each.
        assert process.memory_info().rss - memory < 8_000_000
        assert not [line for line in relay.log if '"level": "error"' in line]
