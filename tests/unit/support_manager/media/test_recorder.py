"""The recorder on the media loop: capture times, key frames in time, another share, a slow disk, what is lost."""

import asyncio
import itertools
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np
import pytest

from support_manager.media.engine import PeerKey, RecordingOver, RecordingPlan, RecordingRuns, RecordingTrouble
from support_manager.media.frames import EncodedFrame
from support_manager.media.recording import KEY_EVERY_S, MOST_AT_ONCE, MOST_FPS, FrameTimes, Recorder
from support_manager.media.recording_thread import MOST_BYTES, RecordingThread
from support_manager.media.recordings import Recordings
from support_manager.media.webm import Facts
from tests.harness.disks import small_disk
from tests.harness.players import ffmpeg_plays
from tests.harness.screen_film import film

FACTS = Facts("Ana P.", 1_764_300_000_000)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0
        self.planned: list[tuple[float, Callable[[], None]]] = []

    def __call__(self) -> float:
        return self.now

    def wall_ms(self) -> float:
        return self.now * 1000 + 5e11

    def later(self, seconds: float, function: Callable[[], None]) -> object:
        self.planned.append((self.now + seconds, function))
        return None

    def pass_(self, seconds: float) -> None:
        end = self.now + seconds
        while due := sorted((each for each in self.planned if each[0] <= end), key=lambda each: each[0]):
            self.planned.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][1]()
        self.now = end


class Share:
    """A share that a test feeds."""

    def __init__(self, clock: Clock, age_ms: float = 80.0) -> None:
        self.taps: list[Callable[[EncodedFrame], None]] = []
        self.keys: list[float] = []
        self.alive = True
        self.recorded: list[bool] = []
        self._clock, self._age_ms = clock, age_ms

    @property
    def share(self) -> "Share":
        return self

    def record(self, recording: bool) -> None:
        self.recorded.append(recording)

    def add_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        self.taps.append(tap)

    def remove_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        self.taps = [each for each in self.taps if each != tap]

    def ask_for_key(self) -> None:
        self.keys.append(self._clock())

    def captured_ms(self, timestamp: int) -> float:
        return self._clock.wall_ms() - self._age_ms if self._age_ms else 0.0

    def is_alive(self, now: float) -> bool:
        return self.alive

    def sends(self, number: int, *, key: bool = False, step: int = 3_000) -> None:
        frames = film()
        frame = frames[0] if key else frames[1 + number % (len(frames) - 1)]
        for tap in list(self.taps):
            tap(EncodedFrame(frame.data, (number * step) & 0xFFFFFFFF, key or frame.key, self._clock()))


class Told(list):  # type: ignore[type-arg]
    """What the thread tells."""

    def __init__(self) -> None:
        super().__init__()
        self.over = threading.Event()

    def __call__(self, event: RecordingRuns | RecordingOver) -> None:
        self.append(event)
        if isinstance(event, RecordingOver):
            self.over.set()

    @property
    def last(self) -> RecordingOver:
        assert self.over.wait(20)
        found: RecordingOver = self[-1]
        return found


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> Told:
    return Told()


def begun(tmp_path: Path, clock: Clock, told: Told) -> tuple[Recorder, RecordingThread]:
    thread = RecordingThread("s1", tmp_path / "a.webm", FACTS, told, clock)
    return Recorder(thread, clock, clock.wall_ms, clock.later), thread


def video_times(path: Path) -> list[float]:
    with av.open(str(path)) as file:
        return [float(packet.pts * packet.time_base) for packet in file.demux(video=0) if packet.pts is not None]


def test_key_frames_are_asked_for_at_the_start_and_at_least_every_ten_seconds(tmp_path, clock, told):
    recorder, _ = begun(tmp_path, clock, told)
    share = Share(clock)
    recorder.follow(share)
    assert share.keys == [clock.now], "at once"
    for number in range(30 * 60):
        share.sends(number, key=bool(share.keys and share.keys[-1] >= clock.now - 0.05))
        clock.pass_(1 / 30)
    gaps = [after - before for before, after in zip(share.keys, share.keys[1:], strict=False)]
    assert len(share.keys) in range(6, 8)
    assert max(gaps) <= KEY_EVERY_S + 0.3
    recorder.close()
    assert told.last.path == tmp_path / "a.webm"


def test_frames_have_the_times_of_their_capture_evenly(tmp_path, clock, told):
    recorder, _ = begun(tmp_path, clock, told)
    share = Share(clock, age_ms=80)
    recorder.follow(share)
    clock.pass_(1)
    for number in range(60):
        share.sends(number, key=not number)
        clock.pass_(1 / 30 + (0.02 if number % 2 else -0.02))  # the network's jitter
    recorder.close()
    assert told.last.trouble is None
    times = [each for each in video_times(tmp_path / "a.webm") if each > 0.5]
    assert times[0] == pytest.approx(0.92, abs=0.02), "80 ms before it came"
    steps = [after - before for before, after in itertools.pairwise(times)]
    assert max(steps) < 0.045
    assert min(steps) > 0.02


@pytest.mark.parametrize("lie_ms", [60_000.0, -60_000.0, 5e11])
def test_a_sender_who_lies_of_his_clock_moves_nothing_far(lie_ms):
    times = FrameTimes()
    for number in range(100):
        frame = EncodedFrame(b"x", number * 3_000, key=False, received=50 + number / 30)
        at = times.of(frame, 5e11 + number * 33 - lie_ms, 5e11 + number * 33)
        assert frame.received - 3.01 <= at <= frame.received


def test_times_of_a_sender_that_wraps_or_jumps_go_on():
    times = FrameTimes()
    found = []
    for number in range(90):
        stamp = (2**32 - 90_000 + number * 3_000 + (2**31 if number > 60 else 0)) & 0xFFFFFFFF
        found.append(times.of(EncodedFrame(b"x", stamp, False, 10 + number / 30), 0.0, 0.0))
    assert max(after - before for before, after in itertools.pairwise(found)) < 0.06
    assert min(after - before for before, after in itertools.pairwise(found)) > 0.0


def test_another_share_begins_with_its_own_key_frame(tmp_path, clock, told):
    recorder, _ = begun(tmp_path, clock, told)
    one, two = Share(clock), Share(clock)
    recorder.follow(one)
    one.sends(0, key=True)
    clock.pass_(1)
    recorder.follow(two)
    assert not one.taps
    assert two.keys
    two.sends(1)  # of no use without its key frame
    clock.pass_(0.5)
    two.sends(2, key=True)
    clock.pass_(0.5)
    recorder.close()
    assert not two.taps
    assert told.last.path is not None
    times = video_times(tmp_path / "a.webm")
    assert [round(each, 1) for each in times] == [0.0, 1.0, 1.4], "a picture, nothing, a picture"


def test_what_is_lost_is_not_shown_on(tmp_path, clock, told):
    recorder, _ = begun(tmp_path, clock, told)
    share = Share(clock)
    recorder.follow(share)
    share.sends(0, key=True)
    share.alive = False
    clock.pass_(8)
    share.alive = True
    share.sends(1)
    share.sends(2, key=True)
    clock.pass_(1)
    recorder.close()
    assert told.last.path is not None
    times = video_times(tmp_path / "a.webm")
    assert 3 < times[1] < 4, "black from then on"
    assert times[-1] == pytest.approx(7.92, abs=0.05)


def test_a_disk_that_is_too_slow_costs_pictures_and_nobody_waits(tmp_path, clock, told, monkeypatch):
    stuck = threading.Event()
    real = RecordingThread._write

    def slow(self, file):  # type: ignore[no-untyped-def]
        stuck.wait(20)
        real(self, file)

    monkeypatch.setattr(RecordingThread, "_write", slow)
    recorder, thread = begun(tmp_path, clock, told)
    share = Share(clock)
    recorder.follow(share)
    share.sends(0, key=True)
    big = EncodedFrame(film()[0].data + bytes(1_000_000), 3_000, key=True, received=clock())
    began = time.monotonic()
    for _ in range(MOST_BYTES // 1_000_000 + 5):
        for tap in share.taps:
            tap(big)
    assert time.monotonic() - began < 1.0
    assert not thread.picture(0, big.data, key=True)
    share.keys.clear()
    clock.pass_(2)
    assert share.keys, "as soon as there is room again it begins with a key frame"
    stuck.set()
    recorder.close()
    assert told.last.path is not None


def test_a_folder_that_cannot_be_written_is_told_and_nothing_more_is_taken(tmp_path, clock, told):
    (tmp_path / "a file").write_text("")
    thread = RecordingThread("s1", tmp_path / "a file" / "a.webm", FACTS, told, clock)
    recorder = Recorder(thread, clock, clock.wall_ms, clock.later)
    assert told.last == RecordingOver("s1", None, told.last.seconds, 0, RecordingTrouble.NOT_WRITABLE)
    share = Share(clock)
    recorder.follow(share)
    share.sends(0, key=True)
    recorder.close()
    assert thread.join(5)


@pytest.mark.rule("B-7.8")
def test_a_disk_that_gets_full_ends_it_and_what_is_there_is_played(tmp_path, told):
    if os.geteuid() != 0:
        pytest.skip("a file system of its own needs root")
    with small_disk(tmp_path / "small", 128) as disk:
        for name in ("a.webm", "b.webm"):
            told.over.clear()
            clock = Clock()
            thread = RecordingThread("s1", disk / name, FACTS, told, clock)
            recorder = Recorder(thread, clock, clock.wall_ms, clock.later)
            share = Share(clock)
            recorder.follow(share)
            recorder.chapter("begins")
            for number in range(3_000):
                share.sends(number, key=number % 30 == 0)
                clock.pass_(1 / 30)
                if number % 15 == 0 and told.over.wait(0.01):
                    break
            assert told.last.trouble is RecordingTrouble.DISK_FULL
            assert told.last.path == disk / name, "finished, though there is no room"
            seconds, chapters = ffmpeg_plays(disk / name)
            assert seconds > 1
            assert chapters == ["begins"]
            recorder.close()
            (disk / name).unlink()  # room again: so is the next one
    assert told.last.seconds > 1


class Voices:
    def __init__(self) -> None:
        self.taps: dict[str, list[Callable[[bytes, float], None]]] = {}

    def add_tap(self, session_id: str, tap: Callable[[bytes, float], None]) -> None:
        self.taps.setdefault(session_id, []).append(tap)

    def remove_tap(self, session_id: str, tap: Callable[[bytes, float], None]) -> None:
        self.taps[session_id] = [each for each in self.taps[session_id] if each != tap]


@pytest.mark.rule("B-7.8")
async def test_the_hub_records_whoever_shows_and_the_call_until_it_is_stopped(tmp_path):
    clock, told, voices = Clock(), Told(), Voices()
    ion, eva = PeerKey("s1", "ion"), PeerKey("s1", "eva")
    shares = {ion: Share(clock), eva: Share(clock)}
    recordings = Recordings(told, shares.get, voices)
    recordings.share("s1", ion)
    recordings.start("s1", RecordingPlan(tmp_path / "a.webm", "Ion", 0))
    recordings.start("s1", RecordingPlan(tmp_path / "b.webm", "twice", 0))
    assert shares[ion].recorded == [True], "in full, whether it is on the screen or not"
    clock.now = time.monotonic()
    shares[ion].sends(0, key=True)
    (hear,) = voices.taps["s1"]
    hear(bytes(range(256)) * 7 + bytes(128), time.monotonic() + 0.1)
    recordings.mark("s1", "hallo")
    recordings.mark("s9", "nobody's")
    recordings.share("s1", eva)
    assert shares[ion].recorded == [True, False]
    assert shares[eva].recorded == [True]
    del shares[eva]  # the connection is lost
    recordings.route("s1")
    recordings.stop("s1")
    recordings.stop("s1")
    await asyncio.to_thread(lambda: told.last)
    assert told.last.path == tmp_path / "a.webm"
    assert voices.taps["s1"] == []
    with av.open(str(tmp_path / "a.webm")) as file:
        assert [chapter["metadata"]["title"] for chapter in file.chapters()] == ["hallo"]
    await recordings.aclose()


@pytest.mark.rule("B-7.8")
async def test_after_one_that_failed_the_next_one_records(tmp_path):
    clock, told, voices = Clock(), Told(), Voices()
    share = Share(clock)
    recordings = Recordings(told, {PeerKey("s1", "ion"): share}.get, voices)
    recordings.share("s1", PeerKey("s1", "ion"))
    (tmp_path / "a file").write_text("")
    recordings.start("s1", RecordingPlan(tmp_path / "a file" / "a.webm", "Ion", 0))
    assert (await asyncio.to_thread(lambda: told.last)).trouble is RecordingTrouble.NOT_WRITABLE
    told.over.clear()
    recordings.start("s1", RecordingPlan(tmp_path / "b.webm", "Ion", 0))
    assert len(share.taps) == 1, "the first one has let go"
    assert len(voices.taps["s1"]) == 1
    clock.now = time.monotonic()
    share.sends(0, key=True)
    recordings.stop("s1")
    assert (await asyncio.to_thread(lambda: told.last)).path == tmp_path / "b.webm"
    await recordings.aclose()


def test_more_frames_than_anybody_sends_are_not_kept(tmp_path, clock, told):
    recorder, thread = begun(tmp_path, clock, told)
    share = Share(clock)
    recorder.follow(share)
    for second in range(4):
        for number in range(2_000):
            share.sends(second * 90_000 + number * 45, key=True, step=1)
            clock.now += 1 / 2_000
    assert thread.ms(clock()) == 4_000
    recorder.close()
    assert told.last.path is not None
    times = video_times(tmp_path / "a.webm")
    assert len(times) < MOST_AT_ONCE + 5 * MOST_FPS
    assert times[-1] < 4.5, "and none is put into the future"


async def test_the_end_of_the_engine_finishes_what_runs(tmp_path):
    clock, told = Clock(), Told()
    share = Share(clock)
    recordings = Recordings(told, {PeerKey("s1", "ion"): share}.get, Voices())
    recordings.start("s1", RecordingPlan(tmp_path / "a.webm", "Ion", 0))
    recordings.share("s1", PeerKey("s1", "ion"))
    clock.now = time.monotonic()
    share.sends(0, key=True)
    await recordings.aclose()
    assert [each.name for each in tmp_path.iterdir()] == ["a.webm"]


def test_a_beep_and_a_flash_of_one_moment_stand_beside_each_other(tmp_path, clock, told):
    """A voice is mixed 70 to 100 ms after it was said; the picture of it comes 80 ms after its capture."""
    recorder, _ = begun(tmp_path, clock, told)
    share = Share(clock, age_ms=80)
    recorder.follow(share)
    began = clock.now
    beep = (np.sin(np.arange(960) * 2 * np.pi * 440 / 48_000) * 12_000).astype("<i2").tobytes()
    for turn in range(150):  # 3 s in steps of 20 ms; both at 2 s
        at = clock.now - began
        recorder.sound(beep if 2.0 <= at - 0.07 - 0.03 * (turn % 2) < 2.5 else bytes(1_920), clock.now)
        if turn % 2 == 0:
            share.sends(turn // 2, key=2.0 <= at - 0.08 < 2.04, step=3_600)
        clock.pass_(0.02)
    recorder.close()
    assert told.last.path is not None
    with av.open(str(tmp_path / "a.webm")) as file:
        keys = [float(packet.pts * packet.time_base) for packet in file.demux(video=0) if packet.is_keyframe]
        flash = next(key for key in keys if key > 1)
    with av.open(str(tmp_path / "a.webm")) as file:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in file.decode(audio=0)])
    heard = np.flatnonzero(np.abs(samples) > 0.1)[0] / 48_000
    assert abs(heard - flash) <= 0.1
