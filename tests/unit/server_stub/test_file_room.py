"""The site's room for files: shares that are claimed and taken back, a disk that fails, and who is woken for it."""

import asyncio
from types import SimpleNamespace

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from server_stub.file_room import SHARE, FileRoom
from server_stub.files import Files, Transfer
from server_stub.spool import SEGMENT, Spool, sealed_length
from server_stub.state.refused import Refused
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView, FileView

SIZE = 8 * SEGMENT


class Site:
    """A relay's room for files and who moves them, without any session."""

    def __init__(self, folder, site_bytes):
        self.folder = folder
        settings = SimpleNamespace(file_rules=SimpleNamespace(site_bytes=site_bytes, idle_s=600))
        self.room = FileRoom(settings)
        self.files = Files(None, settings, folder, self.room, None, None)

    def runs(self, name, parts):
        """A transfer of which so many parts are here."""
        spool = Spool(self.folder / name, sealed_length(SIZE))
        spool.make()
        transfer = Transfer(None, view(name), spool, self.room.hold(view(name), spool))
        spool.head = parts * SEGMENT
        self.room.count(transfer.holding)
        return transfer

    def take(self, transfer, body, length=SEGMENT):
        return self.files._take(SimpleNamespace(content=body), transfer, length)


class Body:
    """A body of one part, which comes once it may."""

    def __init__(self):
        self.may = asyncio.Event()
        self.begun = asyncio.Event()

    async def readany(self):
        self.begun.set()
        await self.may.wait()
        return bytes(SEGMENT)


def view(name):
    return ActivityView(
        id=name,
        kind=ActivityKind.FILE,
        state=ActivityState.RUNNING,
        asked_by="p",
        subject="p",
        seen_by=("r",),
        changed_at=0,
        file=FileView(transfer="transfer-0123456789", size=SIZE, key_id="", sealed=""),
    )


@pytest.mark.rule("B-7.5")
def test_a_yes_that_never_came_on_record_takes_back_its_own_claim_alone(tmp_path):
    room = Site(tmp_path, SHARE).room
    first = room.claim(view("a"))
    second = room.claim(view("a"))  # it waited for the first, whose record failed, and is not counted twice
    room.take_back("a", first)
    with pytest.raises(Refused, match="files_no_room"):
        room.claim(view("b"))
    room.take_back("a", second)
    assert room.left == SHARE
    room.claim(view("b"))


def test_what_is_on_record_is_taken_back_by_nobody(tmp_path):
    site = Site(tmp_path, SHARE)
    claimed = site.room.claim(view("a"))
    site.runs("a", 0)
    site.room.take_back("a", claimed)
    assert site.room.left == 0
    site.room.give_back("a")
    claimed.arriving = 2 * SHARE
    site.room.count(claimed)  # by a late request of what is over
    assert site.room.left == SHARE


@pytest.mark.rule("B-7.5")
def test_what_is_beyond_a_share_leaves_some_for_whoever_says_yes_next(tmp_path):
    site = Site(tmp_path, 16 * SHARE)
    ahead = [site.runs(str(number), 0) for number in range(10)]
    while any(site.room.may_take(each.holding, SEGMENT) for each in ahead):
        for each in ahead:
            if site.room.may_take(each.holding, SEGMENT):
                each.spool.head += SEGMENT
                site.room.count(each.holding)
    assert site.room.left >= 4 * SHARE
    for number in range(4):
        late = site.room.claim(view(f"late {number}"))
        assert site.room.may_take(late, SEGMENT)


@pytest.mark.rule("B-7.5")
async def test_a_disk_that_fails_gives_back_what_was_to_come_and_wakes_who_waits_for_it(tmp_path):
    site = Site(tmp_path, 3 * SHARE + SEGMENT)
    failing, waiting = site.runs("a", 3), site.runs("b", 3)
    (tmp_path / "a" / "00000003").mkdir()  # no file can be made there
    before, bodies = site.room.left, (Body(), Body())
    async with asyncio.TaskGroup() as group, asyncio.timeout(5):
        first = group.create_task(fails(site.take(failing, bodies[0])))
        await bodies[0].begun.wait()
        assert site.room.left == before - SEGMENT
        second = group.create_task(site.take(waiting, bodies[1]))
        bodies[0].may.set()
        await first
        await bodies[1].begun.wait()
        bodies[1].may.set()
        assert await second
    assert site.room.left == before - SEGMENT, "of the one that was written, and of no other"


async def fails(taking):
    with pytest.raises(IsADirectoryError):
        await taking


async def test_a_folder_that_cannot_be_made_gives_back_what_was_to_come(tmp_path):
    site = Site(tmp_path, 8 * SHARE)
    transfer = site.runs("a", 0)
    (tmp_path / "a").rmdir()
    (tmp_path / "a").write_bytes(b"")
    with pytest.raises(FileExistsError):
        await site.take(transfer, Body())
    assert transfer.holding.arriving == 0


async def test_only_who_waits_for_room_is_woken_and_only_by_a_segment_that_went(tmp_path, monkeypatch):
    site = Site(tmp_path, 3 * SHARE + SEGMENT)
    ahead, waiting, other = site.runs("a", 4), site.runs("b", 3), site.runs("c", 0)
    asked, looked = [], []
    may_take = site.room.may_take
    monkeypatch.setattr(site.room, "may_take", lambda *what: asked.append(1) or may_take(*what))
    body = Body()
    body.may.set()
    site.room.give_back("c")
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        taking = group.create_task(site.take(waiting, body))
        fetching = group.create_task(other.until(lambda: looked.append(1)))
        await asyncio.sleep(0)
        assert (len(asked), len(looked)) == (1, 1)

        async def keeps(kept):
            ahead.spool.kept = kept
            site.files._count(ahead)
            for _ in range(5):
                await asyncio.sleep(0)

        await keeps(1_000)
        assert (len(asked), len(looked)) == (1, 1)
        await keeps(SEGMENT)
        assert len(asked) > 1
        assert len(looked) == 1
        assert await taking
        fetching.cancel()


@pytest.mark.rule("B-7.5")
async def test_who_fetches_the_same_again_moves_nothing(tmp_path):
    site = Site(tmp_path, 8 * SHARE)
    transfer = site.runs("a", 0)
    transfer.spool.write(0, [bytes(1_000)])
    transfer.spool.head = 1_000
    app = web.Application()

    async def give(request):
        return await site.files._give(request, transfer)

    app.router.add_get("/f", give)
    async with TestClient(TestServer(app)) as client:

        async def moves(span, kept=0):
            transfer.moved_at = 0.0
            async with client.get("/f", headers={"Range": f"bytes={span}", "Upload-Kept": str(kept)}) as answer:
                assert answer.status == 206
                await answer.read()
            return transfer.moved_at > 0

        assert await moves("0-499")
        assert not await moves("0-499")
        assert not await moves("200-499")
        assert await moves("200-500")
        assert await moves("501-501", kept=501), "what it has for good is progress"
        assert not await moves("501-501", kept=501)
