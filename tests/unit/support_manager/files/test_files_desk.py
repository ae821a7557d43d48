"""The files of an app whose relay comes and goes: what is stopped stays so, what ends is told, nothing is left."""

import asyncio
import errno
import hashlib
import os
import ssl
import subprocess
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from aiohttp import web

from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable
from support_manager.events import SessionSnapshot
from support_manager.files.book import Entry, FileBook
from support_manager.files.desk import FilesDesk
from support_manager.files.lines import FileState
from support_manager.files.moving import FileSource, Progress, Receiver, Sender
from support_manager.files.parts import Access, DivertedError, Parts
from support_manager.files.seal import CHUNK, SEALED_CHUNK, ContentSeal, KeyPair, Secret
from support_manager.files.secrets import Secrets
from support_manager.files.thread import FilesThread
from support_manager.media.engine import PeerKey
from support_manager.protocol import limits
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import (
    ActivityAnswer,
    ActivityMade,
    ActivityOffer,
    ActivityStop,
    ActivityUpdate,
    FileOpen,
    FileTicket,
)
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import ActivityView, FileView, Mode, SessionView
from tests.harness.session_script import DEVICE, REP, person

pytestmark = pytest.mark.asyncio


class Wire:
    """The way to a relay that a test takes away: what was asked, and what it answers."""

    def __init__(self) -> None:
        self.asked: list[object] = []
        self.away = False
        self.refuses: ErrorCode | None = None
        self.ticket: FileTicket | None = None
        self.before: Callable[[object], Awaitable[None] | None] = lambda _: None
        """Called with what is asked, and waited for, before it is answered."""

    async def __call__(self, request: object, answer: type, **_: object) -> object:
        if self.away:
            raise RelayUnavailable(ErrorCode.INTERNAL)
        if (first := self.before(request)) is not None:
            await first
        self.asked.append(request)
        if self.refuses is not None:
            raise Refused(self.refuses)
        if isinstance(request, ActivityOffer):
            return ActivityMade(activity_id="a1")
        if isinstance(request, FileOpen):
            if self.ticket is not None:
                return self.ticket
            await asyncio.sleep(30)  # nothing moves in these tests
        return answer()

    def told(self, kind: type) -> list[object]:
        return [one for one in self.asked if isinstance(one, kind)]


def session(*activities: ActivityView) -> SessionSnapshot:
    customer = person("Ana", device=msgspec.structs.replace(DEVICE, file_key=KeyPair().public))
    return SessionSnapshot(
        SessionView(
            id="s1", number="482119903", mode=Mode.MULTI, state=SessionState.ACTIVE, seq=1, started_at=1, you="rep",
            participants=(REP, customer), activities=activities,
        )
    )  # fmt: skip


class Stage:
    """A desk with one session and one file of the rep's that runs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.wire = Wire()
        self.origin = "http://127.0.0.1:1"
        self.desk = self.make()

    def make(self) -> FilesDesk:
        return FilesDesk(
            self.wire, lambda _: None, self.folder / "profile", lambda: Access(self.origin, None),
            lambda: self.folder / "received", patience_s=0.0,
        )  # fmt: skip

    async def run(self) -> None:
        path = self.folder / "mine.bin"
        path.write_bytes(b"x" * 1000)
        self.desk.follow(session())
        await self.desk.offer("s1", [path])
        self.running = self.activity(ActivityState.RUNNING)
        self.desk.take_activity("s1", self.running)

    def activity(self, state: ActivityState, **changes: object) -> ActivityView:
        offered = self.wire.told(ActivityOffer)[0].file  # type: ignore[attr-defined]
        view = ActivityView(
            id="a1", kind=ActivityKind.FILE, state=state, asked_by="rep", subject="rep", seen_by=("ana",),
            file=FileView(
                transfer=offered.transfer, size=offered.size, key_id=offered.key_id, sealed=offered.sealed
            ),
        )  # fmt: skip
        return msgspec.structs.replace(view, **changes)

    @property
    def state(self) -> FileState:
        return self.desk.lines("s1")[0].state


@pytest_asyncio.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    made = Stage(tmp_path)
    await made.run()
    yield made
    await made.desk.aclose()


async def soon(condition) -> None:
    for _ in range(500):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never")


@pytest.mark.rule("B-7.5")
async def test_what_is_cancelled_while_the_relay_is_away_stays_cancelled_and_is_told_later(stage):
    stage.wire.away = True
    await stage.desk.cancel("s1", "a1")
    assert stage.state is FileState.STOPPED
    stage.desk.follow(session(stage.running))
    stage.wire.away = False
    stage.desk.follow(session(stage.running))
    stage.desk.went_online()
    assert stage.state is FileState.STOPPED, "an old view of the relay's brings nothing back"
    await soon(lambda: stage.wire.told(ActivityStop))
    assert stage.wire.told(ActivityStop)[0].reason is ActivityEnd.STOPPED


@pytest.mark.rule("B-7.5", "B-9.4")
async def test_what_the_relay_ends_says_why(stage):
    moved = stage.activity(ActivityState.ENDED, end=ActivityEnd.CONTROL_TRANSFERRED, ended_by="rep")
    stage.desk.take_activity("s1", moved)
    (line,) = stage.desk.lines("s1")
    assert (line.state, line.end) == (FileState.STOPPED, ActivityEnd.CONTROL_TRANSFERRED)


@pytest.mark.rule("B-7.5")
async def test_what_is_paused_while_the_relay_is_away_stays_paused_and_is_told_later(stage):
    stage.wire.away = True
    await stage.desk.pause("s1", "a1", True)
    assert stage.state is FileState.PAUSED
    stage.wire.away = False
    stage.desk.follow(session(stage.running))
    assert stage.state is FileState.PAUSED
    stage.desk.went_online()
    await soon(lambda: stage.wire.told(ActivityUpdate))
    assert stage.wire.told(ActivityUpdate)[0].paused


async def lost_offer(
    tmp_path: Path, meanwhile: Callable[[Stage], Awaitable[None] | None]
) -> tuple[Stage, list[RelayUnavailable]]:
    """A stage whose offer arrives at the relay while its answer is lost, and what the rep is told of that."""
    stage = Stage(tmp_path)
    told: list[RelayUnavailable] = []

    async def lose(request: object) -> None:
        if isinstance(request, ActivityOffer):
            stage.wire.asked.append(request)
            if (first := meanwhile(stage)) is not None:
                await first
            raise RelayUnavailable(ErrorCode.INTERNAL)

    stage.wire.before = lose
    path = tmp_path / "mine.bin"
    path.write_bytes(b"x" * 1000)
    stage.desk.follow(session())
    try:
        await stage.desk.offer("s1", [path])
    except RelayUnavailable as problem:
        told.append(problem)
    stage.wire.before = lambda _: None
    return stage, told


@pytest.mark.rule("B-7.5")
async def test_an_offer_whose_answer_is_lost_is_told_and_taken_back_where_the_relay_has_it(tmp_path):
    stage, told = await lost_offer(tmp_path, lambda _: None)
    assert len(told) == 1
    assert stage.desk.lines("s1") == ()
    stage.desk.take_activity("s1", stage.activity(ActivityState.ASKED))
    await soon(lambda: stage.wire.told(ActivityStop))
    assert stage.wire.told(ActivityStop)[0].activity_id == "a1"
    assert stage.desk.lines("s1") == ()
    await stage.desk.offer("s1", [tmp_path / "mine.bin"])
    first, second = stage.wire.told(ActivityOffer)
    assert first.file.transfer != second.file.transfer
    assert [line.state for line in stage.desk.lines("s1")] == [FileState.WAITING]
    await stage.desk.aclose()


@pytest.mark.rule("B-7.5")
async def test_an_offer_whose_answer_is_lost_stands_where_the_relay_has_told_of_it(tmp_path):
    stage, told = await lost_offer(
        tmp_path, lambda stage: stage.desk.take_activity("s1", stage.activity(ActivityState.ASKED))
    )
    assert told == []
    assert [(line.id, line.state) for line in stage.desk.lines("s1")] == [("a1", FileState.WAITING)]
    assert stage.wire.told(ActivityStop) == []
    await stage.desk.aclose()


@pytest.mark.rule("B-7.5")
async def test_what_is_cancelled_before_the_relay_tells_of_it_is_stopped_though_its_answer_is_lost(tmp_path):
    async def cancelled(stage: Stage) -> None:
        await stage.desk.cancel("s1", stage.desk.lines("s1")[0].id)
        stage.desk.take_activity("s1", stage.activity(ActivityState.ASKED))

    stage, told = await lost_offer(tmp_path, cancelled)
    assert told == []
    await soon(lambda: stage.wire.told(ActivityStop))
    assert stage.wire.told(ActivityStop)[0].reason is ActivityEnd.STOPPED
    await stage.desk.aclose()


async def test_paused_and_gone_on_with_in_one_breath_it_moves(stage):
    await soon(lambda: len(stage.wire.told(FileOpen)) == 1)
    stage.desk.take_activity("s1", stage.activity(ActivityState.RUNNING, paused=True))
    stage.desk.take_activity("s1", stage.running)
    assert stage.state is FileState.RUNNING
    await soon(lambda: len(stage.wire.told(FileOpen)) == 2)


async def test_an_offer_waits_a_moment_for_the_connection_from_end_to_end():
    with tempfile.TemporaryDirectory() as folder:
        found = Secrets(FileBook(Path(folder)))
        peer = PeerKey("s1", "ana")
        waiting = asyncio.create_task(found.wait(peer, 5.0))  # noqa: TID251 - a test's own
        await asyncio.sleep(0.02)
        assert not waiting.done()
        found.chosen(peer)
        async with asyncio.timeout(1):
            await waiting
        assert not found.best("s1", person("Ana")).weak
        other = PeerKey("s1", "ion")
        await found.wait(other, 0.01)
        async with asyncio.timeout(1):
            await found.wait(other, 30.0)  # once is enough


async def test_an_end_that_the_relay_is_too_busy_for_is_told_again(stage):
    stage.wire.refuses = ErrorCode.RELAY_BUSY
    await stage.desk.cancel("s1", "a1")
    await soon(lambda: stage.wire.told(ActivityStop))
    stage.wire.refuses = None
    await soon(lambda: len(stage.wire.told(ActivityStop)) == 2)


async def test_nobody_waits_for_the_book_to_be_written_more_than_twice(tmp_path, monkeypatch):
    written, all_asked = 0, threading.Event()

    def fsync(_: int) -> None:
        nonlocal written
        written += 1
        all_asked.wait(5)  # the disk, in a thread - it is what the others wait for

    monkeypatch.setattr(os, "fsync", fsync)
    book = FileBook(tmp_path)
    async with asyncio.TaskGroup() as group:
        for number in range(20):
            book.entries[str(number)] = Entry(transfer=str(number), session_id="s1", incoming=True)
            group.create_task(book.save())
            await asyncio.sleep(0)
        all_asked.set()
    assert written == 2
    assert len(FileBook(tmp_path).entries) == 20


async def test_the_book_is_written_by_one_at_a_time_even_where_whoever_asked_is_cancelled(tmp_path, monkeypatch):
    writing, most = 0, 0
    begun, go_on = threading.Event(), threading.Event()

    def fsync(_: int) -> None:
        nonlocal writing, most
        writing += 1
        most = max(most, writing)
        begun.set()
        go_on.wait(5)
        writing -= 1

    monkeypatch.setattr(os, "fsync", fsync)
    book = FileBook(tmp_path)
    async with asyncio.TaskGroup() as group:
        first = group.create_task(book.save())
        await asyncio.to_thread(begun.wait, 5)
        begun.clear()
        first.cancel()
        second = group.create_task(book.save())
        assert not await asyncio.to_thread(begun.wait, 0.2), "the first is still writing"
        go_on.set()
    assert first.cancelled()
    assert second.done()
    assert most == 1


@pytest.mark.rule("B-7.5")
async def test_a_crash_right_after_the_customers_yes_forgets_no_file_that_is_sent(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    slow = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (time.sleep(0.1), slow(descriptor)))  # the disk - slow
    known: list[bool] = []
    stage.wire.before = lambda request: known.append(
        request.file.transfer in FileBook(tmp_path / "profile").entries if isinstance(request, ActivityOffer) else True
    )
    path = tmp_path / "mine.bin"
    path.write_bytes(b"x" * 1000)
    stage.desk.follow(session())
    await stage.desk.offer("s1", [path])
    assert all(known), "it is on the disk before anybody can say yes"
    monkeypatch.setattr(os, "fsync", slow)
    # The crash: what was written by then, without the relay's answer, is all that the next run of the app has.
    entry = FileBook(tmp_path / "profile").entries[stage.activity(ActivityState.RUNNING).file.transfer]
    await stage.desk.aclose()
    book = FileBook(tmp_path / "profile")
    entry.activity_id = ""
    book.entries = {entry.transfer: entry}
    await book.save()
    offered = stage.activity(ActivityState.RUNNING)
    again = stage.make()
    again.follow(session(offered))
    assert [(line.id, line.state) for line in again.lines("s1")] == [("a1", FileState.RUNNING)]
    await soon(lambda: stage.wire.told(FileOpen))
    await again.aclose()


@pytest.mark.rule("B-7.5")
async def test_a_file_that_no_book_knows_any_more_is_told_as_failed_and_nobody_waits_for_it(stage):
    await stage.desk.aclose()
    (stage.folder / "profile" / "files.json").unlink()
    again = stage.make()
    again.follow(session(stage.running))
    await soon(lambda: stage.wire.told(ActivityStop))
    assert stage.wire.told(ActivityStop)[0].reason is ActivityEnd.FAILED
    assert again.lines("s1") == ()
    await again.aclose()


@pytest.mark.rule("B-7.5")
async def test_where_a_file_goes_is_on_the_disk_before_the_yes_is_told(tmp_path, monkeypatch):
    stage = Stage(tmp_path)
    book = FileBook(tmp_path / "profile")
    book.entries = {"t4": Entry(transfer="t4", session_id="s1", incoming=True, secret="x", activity_id="a4")}
    await book.save()
    stage.desk = stage.make()
    asked = ActivityView(
        id="a4", kind=ActivityKind.FILE, state=ActivityState.ASKED, asked_by="ana", subject="ana",
        seen_by=("rep",), file=FileView(transfer="t4", size=1, key_id="c", sealed="s"),
    )  # fmt: skip
    stage.desk.follow(session(asked))
    slow = os.fsync
    monkeypatch.setattr(os, "fsync", lambda descriptor: (time.sleep(0.1), slow(descriptor)))  # the disk - slow
    paths: list[str] = []

    def before(request: object) -> None:
        if isinstance(request, ActivityAnswer):
            paths.append(FileBook(tmp_path / "profile").entries["t4"].path)

    stage.wire.before = before
    await stage.desk.accept("s1", "a4")
    assert paths == [str(tmp_path / "received" / ".t4.part")]
    await stage.desk.aclose()


async def test_what_a_crash_left_of_a_session_that_is_over_is_removed(tmp_path):
    partial, archive = tmp_path / ".t1.part", tmp_path / "folder.zip"
    for path in (partial, archive):
        path.write_bytes(b"half")
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    book = FileBook(tmp_path / "profile")
    book.entries = {
        entry.transfer: entry
        for entry in (
            Entry(transfer="t1", session_id="gone", incoming=True, path=str(partial), activity_id="a1"),
            Entry(transfer="t2", session_id="gone", incoming=False, path=str(archive), spool=True, activity_id="a2"),
            Entry(transfer="t3", session_id="gone", incoming=False, path=str(mine), activity_id="a3"),
            Entry(transfer="t4", session_id="s1", incoming=True, secret="x", activity_id="a4"),
        )
    }
    book.secrets = {"gone ana": "a", "s1 ana": "b"}
    await book.save()
    stage = Stage(tmp_path)
    paused = ActivityView(
        id="a4", kind=ActivityKind.FILE, state=ActivityState.RUNNING, paused=True, asked_by="ana", subject="ana",
        seen_by=("rep",), file=FileView(transfer="t4", size=1, key_id="c", sealed="s"),
    )  # fmt: skip
    stage.desk.follow(session(paused))
    stage.desk.went_online()
    await soon(lambda: not partial.exists() and not archive.exists())
    assert mine.exists(), "the rep's own file is his"
    await stage.desk.aclose()
    kept = FileBook(tmp_path / "profile")
    assert list(kept.entries) == ["t4"]
    assert kept.secrets == {"s1 ana": "b"}


async def test_cancelling_work_on_the_files_thread_waits_for_its_end():
    thread = FilesThread()
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    async def work() -> None:
        began.set()
        try:
            await asyncio.sleep(30)
        finally:
            await asyncio.to_thread(may_end.wait, 5)
            ended.set()

    running = asyncio.create_task(thread.run(work()))  # noqa: TID251 - a test's own
    await asyncio.to_thread(began.wait, 5)
    running.cancel()
    await asyncio.sleep(0.1)
    assert not running.done(), "the file is still open over there"
    may_end.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert ended.is_set()
    await thread.aclose()


async def serve(handler, context: ssl.SSLContext | None = None) -> tuple[web.AppRunner, str]:
    app = web.Application(client_max_size=2**24)
    app.router.add_route("*", "/files/t", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
    await site.start()
    return runner, f"http{'s' if context else ''}://127.0.0.1:{runner.addresses[0][1]}"


async def test_what_came_before_a_line_broke_is_kept():
    async def half(request: web.Request) -> web.StreamResponse:
        answer = web.StreamResponse(status=206, headers={"Content-Length": "1000"})
        await answer.prepare(request)
        await answer.write(b"a" * 400)
        assert request.transport is not None
        request.transport.close()
        return answer

    runner, origin = await serve(half)
    async with Parts(Access(origin, None), "/files/t", "token") as parts:
        assert await parts.fetch(0, 0) == b"a" * 400
    await runner.cleanup()


@pytest.mark.parametrize(("status", "code"), [(416, "file_damaged"), (400, "file_refused"), (405, "file_refused")])
async def test_what_will_never_come_ends_the_transfer_with_a_reason(tmp_path, status: int, code: str):
    # 416: what was there is forgotten, and the partial file taken away; 400 and 405: a server on the way gives nothing.
    async def refused(request: web.Request) -> web.Response:
        return web.Response(status=status)

    runner, origin = await serve(refused)

    async def ticket() -> FileTicket:
        return FileTicket(token="x" * 43, path="/files/t", length=1, offset=0)

    seal = ContentSeal(Secret(bytes(32), weak=False), "t", 10)
    receiver = Receiver(tmp_path / "partial", 10, seal, Progress())
    with pytest.raises(LocalProblem, match=code):
        async with asyncio.timeout(5):
            await receiver.run(lambda: Access(origin, None), ticket)
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize(("most", "status"), [(300_000, 413), (1_000, 413), (0, 400)])
async def test_a_server_on_the_way_that_takes_less_gets_less_and_one_that_takes_nothing_is_told_of(
    tmp_path, most: int, status: int
):
    came = bytearray()
    refused = 0

    async def between(request: web.Request) -> web.Response:
        nonlocal refused
        body = await request.read()
        if len(body) > most:
            refused += 1
            return web.Response(status=status)
        came.extend(body)
        return web.Response(status=204, headers={"Upload-Offset": str(len(came))})

    runner, origin = await serve(between)
    path = tmp_path / "file"
    path.write_bytes(bytes(1_500_000))
    source = FileSource.of(path)
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", source.size)

    async def ticket() -> FileTicket:
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=len(came))

    sending = Sender(source, seal, Progress()).run(lambda: Access(origin, None), ticket)
    async with asyncio.timeout(20):
        if most == 300_000:
            await sending
            assert len(came) == seal.length
        else:
            with pytest.raises(LocalProblem, match="file_refused"):
                await sending
            assert not came
    assert refused <= 4, "not tried for ever"
    await runner.cleanup()


@pytest.mark.parametrize(("times", "ends"), [(4, False), (100, True)])
async def test_a_relay_whose_disk_is_full_is_asked_again_for_a_while(
    tmp_path, monkeypatch: pytest.MonkeyPatch, times: int, ends: bool
):
    monkeypatch.setattr("support_manager.files.moving._AGAIN_S", (0.001,))
    asked = 0
    came = bytearray()

    async def full(request: web.Request) -> web.Response:
        nonlocal asked
        body = await request.read()
        asked += 1
        if asked <= times:
            return web.Response(status=507)
        came.extend(body)
        return web.Response(status=204, headers={"Upload-Offset": str(len(came))})

    runner, origin = await serve(full)
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000))
    source = FileSource.of(path)
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", source.size)

    async def ticket() -> FileTicket:
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=0)

    sending = Sender(source, seal, Progress()).run(lambda: Access(origin, None), ticket)
    async with asyncio.timeout(10):
        if ends:
            with pytest.raises(LocalProblem, match="file_site_full"):
                await sending
            assert asked < 20
        else:
            await sending
            assert len(came) == seal.length
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("status", [401, 403, 404, 410])
@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_server_on_the_way_that_forbids_it_is_asked_for_a_while_and_then_told_of(
    tmp_path, monkeypatch: pytest.MonkeyPatch, status: int, way: str
):
    monkeypatch.setattr("support_manager.files.moving._AGAIN_S", (0.001,))
    tickets = 0

    async def forbidden(request: web.Request) -> web.Response:
        return web.Response(status=status)

    runner, origin = await serve(forbidden)
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000))
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", 1_000)

    async def ticket() -> FileTicket:
        nonlocal tickets
        tickets += 1
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=0)

    moving = (
        Sender(FileSource.of(path), seal, Progress())
        if way == "up"
        else Receiver(tmp_path / "partial", 1_000, seal, Progress())
    )
    async with asyncio.timeout(10):
        with pytest.raises(LocalProblem, match="file_refused"):
            await moving.run(lambda: Access(origin, None), ticket)
    assert 5 < tickets < 20, "it may pass, and nothing is tried for ever"
    await runner.cleanup()


def a_portal(status: int) -> Callable[[web.Request], Awaitable[web.Response]]:
    """A network that wants its people to sign in first: it answers everything itself."""

    async def answer(request: web.Request) -> web.Response:
        return web.Response(
            status=status, headers={"Location": "/sign-in"}, content_type="text/html", text="<p>Welcome to the hotel!"
        )

    return answer


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("status", [200, 302, 307, 511])
@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_network_that_wants_people_to_sign_in_is_told_as_that(
    tmp_path, monkeypatch: pytest.MonkeyPatch, status: int, way: str
):
    monkeypatch.setattr("support_manager.files.moving._AGAIN_S", (0.001,))
    tickets = 0
    runner, origin = await serve(a_portal(status))
    path = tmp_path / "file"
    path.write_bytes(bytes(1_000))
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", 1_000)

    async def ticket() -> FileTicket:
        nonlocal tickets
        tickets += 1
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=0)

    moving = (
        Sender(FileSource.of(path), seal, Progress())
        if way == "up"
        else Receiver(tmp_path / "partial", 1_000, seal, Progress())
    )
    async with asyncio.timeout(10):
        with pytest.raises(LocalProblem, match="file_diverted"):
            await moving.run(lambda: Access(origin, None), ticket)
    assert 5 < tickets < 20, "it may pass, and nothing is tried for ever"
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("pin", [None, ":".join(["AB"] * 32)])
async def test_a_network_with_another_certificate_than_the_relays_is_told_as_that(tmp_path, pin: str | None):
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    make = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=hotel -days 1"
    made = [*make.split(), "-keyout", str(key), "-out", str(certificate)]
    await asyncio.to_thread(subprocess.run, made, check=True, capture_output=True)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    runner, origin = await serve(a_portal(302), context)
    async with Parts(Access(origin, pin), "/files/t", "token") as parts:
        for asking in (parts.append(0, [b"a"]), parts.offset(), parts.fetch(0, 0)):
            with pytest.raises(DivertedError, match="ertificate"):
                await asking
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
async def test_a_file_waits_for_the_rep_to_sign_in_to_the_network_and_goes_on_when_he_says(tmp_path, monkeypatch):
    monkeypatch.setattr("support_manager.files.moving._AGAIN_S", (0.001,))
    runner, origin = await serve(a_portal(302))
    stage = Stage(tmp_path)
    stage.origin = origin
    stage.wire.ticket = FileTicket(token="x" * 43, path="/files/t", length=1_048, offset=0)
    await stage.run()
    await soon(lambda: stage.state is FileState.PAUSED)
    assert stage.desk.lines("s1")[0].code is AppCode.FILE_DIVERTED
    await soon(lambda: stage.wire.told(ActivityUpdate))
    assert stage.wire.told(ActivityUpdate)[0].paused, "the customer's page is told that it waits"
    stage.desk.take_activity("s1", stage.activity(ActivityState.RUNNING, paused=True))
    assert stage.wire.told(ActivityStop) == []
    assert stage.desk.lines("s1")[0].code is AppCode.FILE_DIVERTED
    stage.wire.ticket = None
    await stage.desk.pause("s1", "a1", False)
    stage.desk.take_activity("s1", stage.running)
    assert [(line.state, line.code) for line in stage.desk.lines("s1")] == [(FileState.RUNNING, None)]
    await stage.desk.aclose()
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
async def test_a_slow_disk_never_has_both_ends_wait_for_each_other(tmp_path, monkeypatch: pytest.MonkeyPatch):
    """Three parts have room at the relay for sure: who asks for what comes after them waits for a sender who waits."""
    part = 2 * SEALED_CHUNK
    monkeypatch.setattr(limits, "FILE_PART_BYTES", part)
    monkeypatch.setattr("support_manager.files.moving._UNSAFE", 2 * part)
    content = bytes(range(256)) * 1_024 * 24
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", len(content))
    plain = content + hashlib.sha256(content).digest()
    wire = b"".join(seal.seal(n, plain[n * CHUNK : (n + 1) * CHUNK]) for n in range(seal.chunks))
    most = 0

    async def given(request: web.Request) -> web.Response:
        nonlocal most
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        most = max(most, start + part - int(request.headers["Upload-Kept"]))
        return web.Response(status=206, body=wire[start : start + part])

    async def ticket() -> FileTicket:
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=0)

    monkeypatch.setattr(os, "fsync", lambda _: time.sleep(0.1))  # the disk - slow
    runner, origin = await serve(given)
    receiver = Receiver(tmp_path / "partial", len(content), seal, Progress())
    async with asyncio.timeout(20):
        await receiver.run(lambda: Access(origin, None), ticket)
    assert most <= 3 * part
    await runner.cleanup()


@pytest.mark.rule("B-7.5")
async def test_a_disk_that_fails_half_way_is_told_as_what_it_is(tmp_path, monkeypatch: pytest.MonkeyPatch):
    content = bytes(range(256)) * 4_000
    seal = ContentSeal(Secret(bytes(32), weak=False), "t", len(content))
    plain = content + hashlib.sha256(content).digest()
    wire = b"".join(seal.seal(n, plain[n * CHUNK : (n + 1) * CHUNK]) for n in range(seal.chunks))

    async def given(request: web.Request) -> web.Response:
        start = int(request.headers["Range"].removeprefix("bytes=").removesuffix("-"))
        return web.Response(status=206, body=wire[start : start + SEALED_CHUNK])

    runner, origin = await serve(given)

    async def ticket() -> FileTicket:
        return FileTicket(token="x" * 43, path="/files/t", length=seal.length, offset=0)

    written = os.write
    partial = tmp_path / "partial"

    def failing(descriptor: int, data: bytes) -> int:
        if os.fstat(descriptor).st_ino == partial.stat().st_ino and os.fstat(descriptor).st_size >= CHUNK:
            raise OSError(errno.EIO, "input/output error")
        return written(descriptor, data)

    monkeypatch.setattr(os, "write", failing)
    async with asyncio.timeout(10):
        with pytest.raises(LocalProblem, match="file_folder"):
            await Receiver(partial, len(content), seal, Progress()).run(lambda: Access(origin, None), ticket)
        monkeypatch.setattr(os, "write", written)
        digest = await Receiver(partial, len(content), seal, Progress()).run(lambda: Access(origin, None), ticket)
    assert digest == hashlib.sha256(content).hexdigest(), "and what it took is still good"
    await runner.cleanup()
