"""Group commit: order, all or nothing, and nothing told before it is on disk."""

import asyncio
import sqlite3

import pytest

from server_stub.state.facts import ChatAdded, Ended, Entry, Started
from server_stub.store.database import Database
from server_stub.store.journal import (
    GROUP_FACTS,
    EngineWriter,
    Journal,
    JournalFailed,
    SqliteWriter,
    read_journal,
    read_session,
)
from server_stub.store.pruning import prune
from support_manager.protocol.roles import Role
from support_manager.protocol.views import ChatLine, EndReason, Mode


def started(session_id="s", number="123456789"):
    fact = Started(
        number=number, mode=Mode.MULTI, account_id="a", participant_id="p", name="Ana", locale="en", request_id="r"
    )
    return Entry(session_id, 1, 1, fact)


def line(seq, session_id="s", text="ș"):
    said = ChatLine(id=f"l{seq}", seq=seq, at=1, sender="p", sender_name="Ana", sender_role=Role.CONTROLLER, text=text)
    return Entry(session_id, seq, 1, ChatAdded(line=said))


class Disk:
    """A writer that the test holds back and lets fail."""

    def __init__(self):
        self.groups = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.entered = asyncio.Event()
        self.error = None

    async def write(self, rows):
        self.entered.set()
        await self.gate.wait()
        if self.error is not None:
            raise self.error
        self.groups.append(rows)

    async def close(self):
        pass


class Log:
    def __init__(self, disk, **options):
        self.committed = []
        self.failed = []
        self.journal = Journal(disk, self.committed.extend, self.failed.extend, **options)


@pytest.fixture
async def database(tmp_path):
    async with Database.in_directory(tmp_path) as opened:
        yield opened


@pytest.fixture(params=["sqlite", "engine"])
def writer(request, database):
    if request.param == "engine":
        return EngineWriter(database)
    return SqliteWriter(str(database.sqlite_path), 5.0)


@pytest.mark.rule("B-12.5")
async def test_what_was_written_is_read_back_in_order(writer, database):
    log = Log(writer)
    entries = [started(), *(line(seq) for seq in range(2, 40))]
    await asyncio.gather(*(log.journal.append([entry]) for entry in entries))
    assert log.committed == entries
    await log.journal.append([started("other", "987654321"), Entry("other", 2, 5, Ended(reason=EndReason.EXPIRED))])
    await log.journal.close()
    assert await read_journal(database, ended_after_ms=5) == entries
    assert len(await read_journal(database, ended_after_ms=4)) == len(entries) + 2


async def test_a_group_that_fails_is_written_not_even_in_part(writer, database):
    log = Log(writer)
    await log.journal.append([started()])
    with pytest.raises(JournalFailed):
        await log.journal.append([line(2), started(), line(3)])
    assert [entry.seq for entry in log.failed] == [2, 1, 3]
    await log.journal.append([line(2)])
    await log.journal.close()
    assert [entry.seq for entry in await read_journal(database, 0)] == [1, 2]
    assert [entry.seq for entry in log.committed] == [1, 2]


async def test_the_facts_of_one_session_are_found_among_others(writer, database):
    log = Log(writer)
    mine = [started("mine"), line(2, "mine"), Entry("mine", 3, 9, Ended(reason=EndReason.EXPIRED))]
    others = [started("s"), line(2), line(3), line(4)]
    for entry in (others[0], mine[0], others[1], mine[1], others[2], mine[2], others[3]):
        await log.journal.append([entry])
    await log.journal.close()
    assert await read_session(database, "mine") == mine
    assert await read_session(database, "s") == others
    assert await read_session(database, "nobody") == []
    await prune(database, ended_before_ms=10, now_ms=10)
    assert await read_session(database, "mine") == []
    assert await read_session(database, "s") == others


async def test_what_a_disk_kept_of_a_refused_group_gives_way_to_what_happened_after_it(writer, database):
    log = Log(writer)
    for entry in (started(), line(2, text="kept"), line(3, text="refused"), line(4, text="refused")):
        await log.journal.append([entry])
    # Refused to their senders, the relay went on with the number 3, and then was ended.
    await log.journal.append([line(3, text="said")])
    await log.journal.close()
    assert await read_journal(database, 0) == [started(), line(2, text="kept"), line(3, text="said")]


async def test_nothing_is_told_or_acknowledged_before_it_is_on_disk():
    disk = Disk()
    disk.gate.clear()
    log = Log(disk)
    done = log.journal.append([line(1)])
    await disk.entered.wait()
    assert (log.committed, done.done()) == ([], False)
    disk.gate.set()
    await done
    assert log.committed == [line(1)]


async def test_facts_of_one_turn_share_a_commit_and_a_slow_disk_makes_larger_groups():
    disk = Disk()
    log = Log(disk)
    first = [log.journal.append([line(seq)]) for seq in range(5)]
    await asyncio.gather(*first)
    assert [len(rows.facts) for rows in disk.groups] == [5]
    disk.gate.clear()
    disk.entered.clear()
    later = [log.journal.append([line(seq)]) for seq in range(5, 5 + 3 * GROUP_FACTS)]
    await disk.entered.wait()
    disk.gate.set()
    await asyncio.gather(*later)
    assert [len(rows.facts) for rows in disk.groups] == [5, GROUP_FACTS, 2 * GROUP_FACTS]
    assert [entry.seq for entry in log.committed] == list(range(5 + 3 * GROUP_FACTS))


async def test_a_failing_disk_refuses_and_later_facts_are_written_again():
    disk = Disk()
    log = Log(disk)
    disk.error = sqlite3.OperationalError("disk I/O error")
    with pytest.raises(JournalFailed):
        await log.journal.append([line(1)])
    assert (log.committed, log.failed) == ([], [line(1)])
    disk.error = None
    await log.journal.append([line(2)])
    assert log.committed == [line(2)]


async def test_a_waiter_who_gives_up_loses_nothing():
    disk = Disk()
    disk.gate.clear()
    log = Log(disk)
    waiter = log.journal.append([line(1)])
    waiter.cancel()
    disk.gate.set()
    await log.journal.close()
    assert log.committed == [line(1)]
    with pytest.raises(JournalFailed):
        log.journal.append([line(2)])
