"""Files on a real relay: tus one way, ranges the other; hostile ends, a crash, and nothing readable left."""

import asyncio
import gzip
import hashlib
import io
import os
import secrets
import subprocess
import sys
from contextlib import asynccontextmanager, contextmanager

import aiohttp
import pytest

from server_stub.spool import SEGMENT, WINDOW, sealed_length
from support_manager.errors import LocalProblem
from support_manager.files.moving import Progress, Receiver
from support_manager.files.parts import Access
from support_manager.files.seal import SEALED_CHUNK, ContentSeal, KeyPair, Meta, Secret, seal_meta, to_text
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind
from support_manager.protocol.events import ActivityChanged
from support_manager.protocol.wire import ProtocolError
from tests.harness.relay import ROOT, RelayProcess, page, rep

NAME = "salarii-secrete-2026.xlsx"
KEYS = KeyPair()


@pytest.fixture(scope="module")
def relay():
    with RelayProcess() as process:
        yield process


async def tell_key(client):
    device = requests.DeviceReport(file_key=KEYS.public)
    await client.ask("participant.report", requests.ParticipantReport(session_id=client.session_id, device=device))


@asynccontextmanager
async def two(relay, name="ana"):
    """A rep and his customer, both of whom can do files."""
    async with rep(relay, name) as ana, page(relay.url) as maria:
        started = await ana.start_session()
        await maria.join(number=started.number)
        await tell_key(ana)
        await tell_key(maria)
        yield ana, maria


class Sent:
    """A file of the customer's on its way, and the bytes that go over the wire."""

    def __init__(self, content: bytes, secret: Secret | None = None) -> None:
        self.secret = secret or Secret(secrets.token_bytes(32), weak=False)
        self.transfer = secrets.token_urlsafe(18)
        self.content = content
        self.seal = ContentSeal(self.secret, self.transfer, len(content))
        plain = content + hashlib.sha256(content).digest()
        step = limits.FILE_CHUNK_BYTES
        self.wire = b"".join(self.seal.seal(n, plain[n * step : (n + 1) * step]) for n in range(self.seal.chunks))
        assert len(self.wire) == sealed_length(len(content))

    def offer(self, client, **other):
        file = {
            "transfer": self.transfer,
            "size": len(self.content),
            "key_id": self.secret.key_id,
            "sealed": seal_meta(self.secret, self.transfer, Meta(name=NAME)),
        } | other
        return requests.ActivityOffer(
            session_id=client.session_id,
            request_id=secrets.token_urlsafe(16),
            kind=ActivityKind.FILE,
            file=requests.FileOffer(**file),
        )


async def running(ana, maria, content):
    """A file that the rep has accepted; it, its id and both tickets."""
    sent = Sent(content)
    made = await maria.ask("activity.offer", sent.offer(maria))
    answer = requests.ActivityAnswer(session_id=ana.session_id, activity_id=made.activity_id, accept=True)
    await ana.ask("activity.answer", answer)
    tickets = [await ticket(one, made.activity_id) for one in (maria, ana)]
    return sent, made.activity_id, *tickets


def ticket(client, activity_id):
    return client.ask("file.open", requests.FileOpen(session_id=client.session_id, activity_id=activity_id))


def headers(given, **more):
    return {"Authorization": f"Bearer {given.token}", "Tus-Resumable": "1.0.0", **more}


async def patch(http, relay, given, offset, body, **more):
    told = headers(given, **{"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"} | more)
    data = io.BytesIO(body) if isinstance(body, bytes) else body
    async with http.patch(relay.url + given.path, headers=told, data=data) as answer:
        return answer.status, answer.headers.get("Upload-Offset")


async def get(http, relay, given, start, kept=0):
    told = headers(given, Range=f"bytes={start}-", **{"Upload-Kept": str(kept)})
    async with http.get(relay.url + given.path, headers=told) as answer:
        return answer.status, await answer.read()


def pieces(relay, activity_id):
    while True:
        try:
            return [path for path in (relay.data / "files" / activity_id).rglob("*") if path.is_file()]
        except FileNotFoundError:
            continue  # the relay deleted the folder meanwhile


@pytest.mark.rule("B-7.5")
async def test_what_is_sent_in_parts_is_fetched_whole_and_nothing_stays(relay):
    async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
        sent, activity_id, up, down = await running(ana, maria, os.urandom(SEGMENT + 300_000))
        assert up.length == len(sent.wire)
        waiting = asyncio.create_task(get(http, relay, down, 0))  # noqa: TID251 - a test's own
        assert await patch(http, relay, up, 0, sent.wire[:100_000]) == (204, "100000")
        assert await waiting == (206, sent.wire[:100_000])
        assert await patch(http, relay, up, 100_000, sent.wire[100_000 : 100_000 + SEGMENT]) == (
            204,
            str(100_000 + SEGMENT),
        )
        assert await patch(http, relay, up, 100_000 + SEGMENT, sent.wire[100_000 + SEGMENT :]) == (
            204,
            str(len(sent.wire)),
        )
        got = b""
        while len(got) < len(sent.wire):
            status, more = await get(http, relay, down, len(got), kept=len(got))
            assert status == 206
            got += more
        assert got == sent.wire
        assert {path.stat().st_mode & 0o777 for path in pieces(relay, activity_id)} == {0o600}
        finished = requests.ActivityStop(
            session_id=ana.session_id, activity_id=activity_id, reason=ActivityEnd.FINISHED
        )
        assert (
            await maria.refused(
                "activity.stop",
                requests.ActivityStop(
                    session_id=maria.session_id, activity_id=activity_id, reason=ActivityEnd.FINISHED
                ),
            )
            == "not_allowed"
        ), "the receiver alone says that it arrived"
        await ana.ask("activity.stop", finished)
        told = await maria.wait(
            lambda: next((f for f in maria.facts if isinstance(f, ActivityChanged) and f.activity.end), None)
        )
        assert told.activity.end is ActivityEnd.FINISHED
        assert (await get(http, relay, down, 0))[0] == 404
        for _ in range(200):
            if not pieces(relay, activity_id):
                break
            await asyncio.sleep(0.02)
        assert pieces(relay, activity_id) == []


@pytest.mark.rule("B-7.5")
async def test_hostile_ends_are_refused_and_others_go_on(relay):
    async with two(relay) as (ana, maria), two(relay, "dan") as (dan, ion), aiohttp.ClientSession() as http:
        sent, activity_id, up, down = await running(ana, maria, os.urandom(2_000_000))
        other, _, other_up, other_down = await running(dan, ion, os.urandom(600_000))
        assert (await patch(http, relay, up, 5, b"x"))[0] == 409, "not where it goes on"
        assert (await patch(http, relay, up, 0, bytes(up.length + 1)))[0] == 400, "more than announced"
        assert (await patch(http, relay, up, 0, bytes(limits.FILE_PART_BYTES + 1)))[0] == 413
        assert (await patch(http, relay, down, 0, b"x"))[0] == 403, "the receiver sends nothing"
        assert (await get(http, relay, up, 0))[0] == 403, "the sender fetches nothing"
        foreign = requests.FileTicket(token=up.token, path=other_up.path, length=1, offset=0)
        assert (await patch(http, relay, foreign, 0, b"x"))[0] == 404, "another transfer's address"
        nobody = requests.FileTicket(token="x" * 43, path=up.path, length=1, offset=0)
        assert (await patch(http, relay, nobody, 0, b"x"))[0] == 404
        assert (await get(http, relay, down, 7))[0] == 416
        assert (await patch(http, relay, up, 0, b"x", **{"Tus-Resumable": "0.2.2"}))[0] == 412
        assert (await patch(http, relay, up, 0, b"x", **{"Content-Type": "text/plain"}))[0] == 415
        assert (await patch(http, relay, up, 0, b"x", Origin="https://evil.example"))[0] == 403

        async def endless():
            yield b"x"
            await asyncio.sleep(60)

        assert (await patch(http, relay, up, 0, endless()))[0] == 411, "a body without an end"
        bomb = gzip.compress(bytes(1_000_000))
        assert (await patch(http, relay, up, 0, bomb, **{"Content-Encoding": "gzip"}))[0] == 415, "nothing is unpacked"

        async def pausing():
            yield sent.wire[: 2**20]  # so much goes to the disk at once, where it is seen
            await asyncio.sleep(60)

        slow = asyncio.create_task(  # noqa: TID251 - a test's own
            patch(http, relay, up, 0, pausing(), **{"Content-Length": "1500000"})
        )
        async with asyncio.timeout(10):
            while sum(path.stat().st_size for path in pieces(relay, activity_id)) < 2**20:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        # The newer request of the same sender takes over; what the slow one brought is kept.
        status, _ = await patch(http, relay, up, 2**20, sent.wire[2**20 : 1_500_000])
        assert status == 204
        slow.cancel()
        assert await patch(http, relay, other_up, 0, other.wire) == (204, str(len(other.wire)))
        assert await get(http, relay, other_down, 0) == (206, other.wire), "others are undisturbed"


def swapped(sent: Sent, other: Sent) -> bytes:
    step = SEALED_CHUNK
    return sent.wire[step : 2 * step] + sent.wire[:step] + sent.wire[2 * step :]


def repeated(sent: Sent, other: Sent) -> bytes:
    return sent.wire[:SEALED_CHUNK] * 2 + sent.wire[2 * SEALED_CHUNK :]


def foreign(sent: Sent, other: Sent) -> bytes:
    return other.wire[:SEALED_CHUNK] + sent.wire[SEALED_CHUNK:]


def one_bit(sent: Sent, other: Sent) -> bytes:
    return sent.wire[:-1] + bytes([sent.wire[-1] ^ 1])


def other_hash(sent: Sent, other: Sent) -> bytes:
    """Sealed as it should be, but not what the hash at its end says."""
    last = sent.seal.chunks - 1
    plain = sent.content[last * limits.FILE_CHUNK_BYTES :] + bytes(32)
    return sent.wire[: last * SEALED_CHUNK] + sent.seal.seal(last, plain)


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("tamper", [swapped, repeated, foreign, one_bit, other_hash])
async def test_what_is_not_what_was_sent_is_thrown_away(relay, tmp_path, tamper):
    async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
        sent, activity_id, up, _ = await running(ana, maria, os.urandom(600_000))
        other = Sent(os.urandom(600_000), sent.secret)
        assert (await patch(http, relay, up, 0, tamper(sent, other)))[0] == 204, "the relay cannot know"
        seal = ContentSeal(sent.secret, sent.transfer, len(sent.content))
        receiver = Receiver(tmp_path / "partial", len(sent.content), seal, Progress())
        with pytest.raises(LocalProblem, match="file_damaged"):
            await receiver.run(lambda: Access(relay.url, None), lambda: ticket(ana, activity_id))


def mount(*words):
    subprocess.run(["mount", *(str(word) for word in words)], check=True)


@contextmanager
def small_disk(folder, size):
    """A disk of that size at `folder`, mounted for as long as it is needed."""
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.rule("B-7.5")
async def test_a_full_disk_at_the_rep_ends_the_transfer_with_a_reason(relay, tmp_path):
    with small_disk(tmp_path / "disk", 400_000):
        async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
            sent, activity_id, up, _ = await running(ana, maria, os.urandom(900_000))
            assert (await patch(http, relay, up, 0, sent.wire))[0] == 204
            receiver = Receiver(tmp_path / "disk" / "partial", len(sent.content), sent.seal, Progress())
            with pytest.raises(LocalProblem, match="file_no_room"):
                await receiver.run(lambda: Access(relay.url, None), lambda: ticket(ana, activity_id))


@pytest.mark.rule("B-7.5")
async def test_a_full_disk_at_the_relay_is_told_and_the_sender_goes_on_when_there_is_room(tmp_path):
    with small_disk(tmp_path / "files", 400_000), RelayProcess(tmp_path / "relay") as relay:
        folder = relay.data / "files"
        await asyncio.to_thread(mount, "--bind", tmp_path / "files", folder)
        try:
            async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
                sent, _, up, down = await running(ana, maria, os.urandom(900_000))
                assert (await patch(http, relay, up, 0, sent.wire))[0] == 507
                await asyncio.to_thread(mount, "-o", "remount,size=8000000", tmp_path / "files")
                async with http.head(relay.url + up.path, headers=headers(up)) as answer:
                    offset = int(answer.headers["Upload-Offset"])
                assert (await patch(http, relay, up, offset, sent.wire[offset:]))[0] == 204
                assert await get(http, relay, down, 0) == (206, sent.wire)
        finally:
            await asyncio.to_thread(subprocess.run, ["umount", str(folder)], check=True)


async def trickle(pause_s):
    """A body that never ends, a byte at a time."""
    while True:
        yield b"x"
        await asyncio.sleep(pause_s)


@pytest.mark.slow
@pytest.mark.rule("B-7.5")
async def test_bodies_that_pause_or_trickle_are_cut_by_time(relay):
    async with two(relay) as (ana, maria), two(relay, "dan") as (dan, ion), aiohttp.ClientSession() as http:
        _, _, pausing, _ = await running(ana, maria, os.urandom(600_000))
        _, _, trickling, _ = await running(dan, ion, os.urandom(600_000))
        length = {"Content-Length": "100000"}
        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                patch(http, relay, pausing, 0, trickle(60), **length),
                patch(http, relay, trickling, 0, trickle(0.5), **length),
            )
        assert [status for status, _ in answers] == [408, 408]
        async with http.head(relay.url + trickling.path, headers=headers(trickling)) as answer:
            assert int(answer.headers["Upload-Offset"]) > 10, "what came is kept"


@pytest.mark.slow
@pytest.mark.rule("B-7.5")
async def test_what_nobody_fetches_is_put_away(tmp_path):
    with RelayProcess(tmp_path / "relay") as relay:
        words = [sys.executable, "-m", "server_stub", "setting", "set", "file_idle_minutes", "1"]
        words += ["--data", str(relay.data)]
        await asyncio.to_thread(subprocess.run, words, check=True, capture_output=True, cwd=ROOT)
        async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
            sent, activity_id, up, _ = await running(ana, maria, os.urandom(600_000))
            assert (await patch(http, relay, up, 0, sent.wire))[0] == 204
            assert pieces(relay, activity_id)

            def ended():
                return next((f for f in maria.facts if isinstance(f, ActivityChanged) and f.activity.end), None)

            async with asyncio.timeout(90):
                while ended() is None:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.5)
            assert ended().activity.end is ActivityEnd.EXPIRED
            async with asyncio.timeout(10):
                while pieces(relay, activity_id):  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.02)


@pytest.mark.rule("B-7.5")
async def test_a_receiver_who_asks_too_often_at_a_time_is_told_to_wait(relay):
    async with two(relay) as (ana, maria), two(relay, "dan") as (dan, ion), aiohttp.ClientSession() as http:
        sent, _, up, down = await running(ana, maria, os.urandom(600_000))
        other, _, his, hers = await running(dan, ion, os.urandom(600_000))
        waiting = [asyncio.create_task(get(http, relay, down, 0)) for _ in range(9)]  # noqa: TID251 - a test's own
        first, _ = await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        assert [task.result()[0] for task in first] == [503]
        assert (await patch(http, relay, his, 0, other.wire))[0] == 204
        assert await get(http, relay, hers, 0) == (206, other.wire), "another transfer goes on"
        assert (await patch(http, relay, up, 0, sent.wire))[0] == 204
        answers = [await task for task in waiting if task not in first]
        assert answers == [(206, sent.wire)] * 8
        assert await get(http, relay, down, 0) == (206, sent.wire), "who has waited may ask again"


@pytest.mark.rule("B-7.5")
async def test_who_loses_his_account_loses_his_files(tmp_path):
    with RelayProcess(tmp_path / "relay") as relay:
        async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
            sent, _, up, down = await running(ana, maria, os.urandom(600_000))
            assert (await patch(http, relay, up, 0, sent.wire))[0] == 204
            assert (await get(http, relay, down, 0))[0] == 206
            words = [sys.executable, "-m", "server_stub", "user", "disable", "ana", "--data", str(relay.data)]
            await asyncio.to_thread(subprocess.run, words, check=True, capture_output=True, cwd=ROOT)
            async with asyncio.timeout(20):
                while (await get(http, relay, down, 0))[0] != 404:  # noqa: ASYNC110 - another process
                    await asyncio.sleep(0.1)
            async with http.head(relay.url + up.path, headers=headers(up)) as answer:
                assert answer.status == 200, "the customer's end holds"


@pytest.mark.rule("B-7.5")
async def test_nobody_else_offers_answers_opens_or_hears_of_a_file(relay):
    async with two(relay) as (ana, maria), rep(relay, "elena") as elena:
        sent, activity_id, *_ = await running(ana, maria, b"content")
        view = (await ana.ask("session.list", requests.SessionList())).sessions
        inside = await elena.assist(next(one.number for one in view if one.id == ana.session_id))
        assert inside.activities == (), "an assistant hears nothing of files"
        assert await elena.refused("file.open", requests.FileOpen(session_id=inside.id, activity_id=activity_id)) in {
            "not_allowed",
            "activity_unknown",
        }
        offer = Sent(b"x").offer(elena)
        assert await elena.refused("activity.offer", offer) == "not_allowed"
        del sent


@pytest.mark.rule("B-7.5")
async def test_a_sender_who_is_ahead_waits_and_the_disk_holds_a_window(relay):
    async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
        sent, activity_id, up, down = await running(ana, maria, bytes(WINDOW + 2 * SEGMENT))
        for at in range(0, WINDOW, SEGMENT):
            assert (await patch(http, relay, up, at, sent.wire[at : at + SEGMENT]))[0] == 204
        more = asyncio.create_task(  # noqa: TID251 - a test's own
            patch(http, relay, up, WINDOW, sent.wire[WINDOW : WINDOW + SEGMENT])
        )
        await asyncio.sleep(0.3)
        assert not more.done(), "there is no room until something was fetched"
        assert sum(path.stat().st_size for path in pieces(relay, activity_id)) <= WINDOW
        assert (await get(http, relay, down, SEGMENT, kept=SEGMENT))[0] == 206
        assert (await more)[0] == 204
        assert sum(path.stat().st_size for path in pieces(relay, activity_id)) <= WINDOW


@pytest.mark.rule("B-7.5")
async def test_a_killed_relay_goes_on_from_the_acknowledged_offset_and_knows_no_name():
    with RelayProcess() as relay:
        async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
            sent, activity_id, up, _ = await running(ana, maria, b"NOBODY READS THIS " * 60_000)
            half = len(sent.wire) // 2
            assert await patch(http, relay, up, 0, sent.wire[:half]) == (204, str(half))
            resume = {one: one.session_id for one in (ana, maria)}
        await asyncio.to_thread(relay.kill9)
        found = b"".join(path.read_bytes() for path in relay.data.rglob("*") if path.is_file())
        text = "\n".join(relay.log)
        key = to_text(sent.secret.value).encode()
        for secret in (NAME.encode(), b"NOBODY READS", sent.secret.value, sent.secret.value.hex().encode(), key):
            assert secret not in found
            assert secret.decode("latin-1") not in text
        await asyncio.to_thread(relay.start)
        async with rep(relay, "ana") as ana, aiohttp.ClientSession() as http:
            again = await ana.resume(next(iter(resume.values())))
            assert again.session.activities[0].id == activity_id
            down = await ticket(ana, activity_id)
            assert down.offset == half
            assert await get(http, relay, down, 0) == (206, sent.wire[:half])


@pytest.mark.rule("B-7.5")
async def test_after_a_start_of_the_machine_the_receiver_says_where_to_go_on():
    with RelayProcess() as relay:
        async with two(relay) as (ana, maria), aiohttp.ClientSession() as http:
            sent, activity_id, up, down = await running(ana, maria, os.urandom(SEGMENT + 900_000))
            assert (await patch(http, relay, up, 0, sent.wire[:SEGMENT]))[0] == 204
            assert (await get(http, relay, down, 0))[0] == 206
            session_id = ana.session_id
        await asyncio.to_thread(relay.kill9)
        await asyncio.to_thread((relay.data / "files" / "boot").write_bytes, b"another start")
        await asyncio.to_thread(relay.start)
        async with rep(relay, "ana") as ana, aiohttp.ClientSession() as http:
            await ana.resume(session_id)
            down = await ticket(ana, activity_id)
            assert down.offset == 0, "what lay on the disk counts no more"
            assert pieces(relay, activity_id) == []
            asked = asyncio.create_task(get(http, relay, down, SEGMENT, kept=SEGMENT))  # noqa: TID251 - a test's own
            for _ in range(200):
                async with http.head(relay.url + down.path, headers=headers(down)) as answer:
                    if answer.headers["Upload-Offset"] == str(SEGMENT):
                        break
                await asyncio.sleep(0.02)
            else:
                raise AssertionError("the relay did not go on where the receiver said")
            asked.cancel()


@pytest.mark.rule("B-7.5")
async def test_the_administrators_limits_hold(relay):
    async with two(relay) as (ana, maria):
        assert (await ana.wait_event("welcome")).site.file_bytes == 4_096 * 2**20, "both ends are told beforehand"
        huge = Sent(b"").offer(maria, size=4_097 * 2**20)
        assert await maria.refused("activity.offer", huge) == "file_too_large"
        for _ in range(10):
            await maria.ask("activity.offer", Sent(b"x").offer(maria))
        assert await maria.refused("activity.offer", Sent(b"x").offer(maria)) == "files_full"
        del ana


@asynccontextmanager
async def small_site(folder):
    """A relay that gives all files together 64 MiB, which are two shares and a little."""
    data = folder / "relay"
    words = [sys.executable, "-m", "server_stub", "setting", "set", "files_site_mb", "64", "--data", str(data)]
    await asyncio.to_thread(subprocess.run, words, check=True, capture_output=True, cwd=ROOT)
    with RelayProcess(data) as relay:
        yield relay


async def offered(client):
    """A file that takes a whole share, offered; its id."""
    return (await client.ask("activity.offer", Sent(b"").offer(client, size=2**30))).activity_id


def yes(client, activity_id):
    return requests.ActivityAnswer(session_id=client.session_id, activity_id=activity_id, accept=True)


async def accept(client, activity_id):
    """Accept it once there is room: what has just ended may lie on the disk for a moment more."""
    async with asyncio.timeout(10):
        while True:
            try:
                return await client.ask("activity.answer", yes(client, activity_id))
            except ProtocolError as error:
                assert error.code == "files_no_room"
            await asyncio.sleep(0.02)


async def end(client, activity_id, reason):
    stop = requests.ActivityStop(session_id=client.session_id, activity_id=activity_id, reason=reason)
    await client.ask("activity.stop", stop)


@pytest.mark.rule("B-7.5")
async def test_the_sites_room_is_shared_out_at_the_yes_and_given_back_at_every_end(tmp_path):
    async with small_site(tmp_path) as relay:
        async with two(relay) as (ana, maria), two(relay, "dan") as (dan, ion):
            his = await offered(ion)
            files = [await offered(maria) for _ in range(6)]
            # Two say yes at once, and there is room for each; offers hold nothing.
            async with asyncio.TaskGroup() as both:
                both.create_task(ana.ask("activity.answer", yes(ana, files[0])))
                both.create_task(dan.ask("activity.answer", yes(dan, his)))
            await ana.ask("activity.answer", yes(ana, files[0]))  # once more, as after a lost ack
            ends = ((maria, ActivityEnd.STOPPED), (ana, ActivityEnd.FAILED), (ana, ActivityEnd.FINISHED))
            for number, (by, reason) in enumerate(ends):
                assert await ana.refused("activity.answer", yes(ana, files[number + 1])) == "files_no_room"
                await end(by, files[number], reason)
                await accept(ana, files[number + 1])
            assert await ana.refused("activity.answer", yes(ana, files[4])) == "files_no_room"
            await dan.ask("session.end", requests.SessionEnd(session_id=dan.session_id))
            await accept(ana, files[4])
            session_id = ana.session_id
        await asyncio.to_thread(relay.kill9)
        await asyncio.to_thread(relay.start)
        async with rep(relay, "ana") as ana:
            await ana.resume(session_id)
            assert await ana.refused("activity.answer", yes(ana, files[5])) == "files_no_room", "nothing was forgotten"
            await end(ana, files[4], ActivityEnd.FAILED)
            await accept(ana, files[5])


@pytest.mark.rule("B-7.5")
async def test_all_transfers_together_never_take_more_than_the_site_gives_and_each_has_its_share(tmp_path):
    async with (
        small_site(tmp_path) as relay,
        two(relay) as (ana, maria),
        two(relay, "dan") as (dan, ion),
        aiohttp.ClientSession() as http,
    ):
        content = bytes(6 * SEGMENT)
        sent, one, up, _ = await running(ana, maria, content)
        parts = [slice(at, at + SEGMENT) for at in range(0, 6 * SEGMENT, SEGMENT)]

        async def put(mine, given, number):
            return await patch(http, relay, given, number * SEGMENT, mine.wire[parts[number]])

        for number in range(4):
            assert (await put(sent, up, number))[0] == 204, "its share, and what nobody has a share in"
        waiting = [asyncio.create_task(put(sent, up, 4))]  # noqa: TID251 - a test's own
        other, two_, his, _ = await running(dan, ion, content)  # one share was left for whoever says yes next
        for number in range(3):
            assert (await put(other, his, number))[0] == 204, "a share is held for whom it was given"
        waiting.append(asyncio.create_task(put(other, his, 3)))  # noqa: TID251 - a test's own
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in waiting)
        on_disk = sum(path.stat().st_size for each in (one, two_) for path in pieces(relay, each))
        assert on_disk == 7 * SEGMENT <= 64 * 2**20
        await end(maria, one, ActivityEnd.STOPPED)
        async with asyncio.timeout(5):  # at once, not when its wait is over
            assert (await waiting[1])[0] == 204
        assert (await waiting[0])[0] == 404


@pytest.mark.rule("B-7.5")
async def test_a_slow_sender_keeps_no_room_after_the_end(tmp_path):
    async with small_site(tmp_path) as relay, two(relay) as (ana, maria), aiohttp.ClientSession() as http:
        _, slow, up, _ = await running(ana, maria, bytes(3 * SEGMENT))
        await accept(ana, await offered(maria))
        body = patch(http, relay, up, 0, trickle(0.1), **{"Content-Length": str(SEGMENT)})
        sending = asyncio.create_task(body)  # noqa: TID251 - a test's own
        async with asyncio.timeout(5):
            while not (relay.data / "files" / slow).exists():  # noqa: ASYNC110 - another process
                await asyncio.sleep(0.02)
        await end(maria, slow, ActivityEnd.STOPPED)
        await accept(ana, await offered(maria))
        async with asyncio.timeout(5):
            assert (await sending)[0] == 404
