"""Requests that end the sender's last one: however many come while it writes the last of its body, all wait for it."""

import asyncio

from server_stub.file_room import Holding
from server_stub.files import Transfer
from server_stub.spool import Spool
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView


async def test_two_who_come_while_the_last_of_a_body_is_written_wait_for_it(tmp_path):
    activity = ActivityView(
        id="a", kind=ActivityKind.FILE, state=ActivityState.RUNNING, asked_by="p", subject="p", changed_at=0
    )
    transfer = Transfer(None, activity, Spool(tmp_path / "a", 1), Holding(1))
    begun, written = asyncio.Event(), asyncio.Event()
    flushing = asyncio.Event()

    async def append():
        transfer.rest.clear()
        try:
            async with asyncio.timeout(60) as transfer.timer:
                begun.set()
                try:
                    await asyncio.Event().wait()
                finally:
                    flushing.set()
                    await written.wait()
        except TimeoutError:
            pass
        finally:
            transfer.timer = None
            transfer.rest.set()

    async with asyncio.TaskGroup() as group:
        group.create_task(append())
        await begun.wait()
        first = group.create_task(transfer.interrupt())
        await flushing.wait()
        second = group.create_task(transfer.interrupt())
        await asyncio.sleep(0)
        assert not first.done()
        assert not second.done()
        written.set()
    assert transfer.timer is None
