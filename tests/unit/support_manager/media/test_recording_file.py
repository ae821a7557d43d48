"""Recordings on disk: in step, sought, cut off anywhere, on full disks; read by FFmpeg as any player would."""

import errno
import json
import os
import random
import subprocess
import time
from pathlib import Path

import av
import numpy as np
import pytest

from support_manager.media import recording_file, recording_repair
from support_manager.media.recording_file import PART, RecordingFile, part_of
from support_manager.media.recording_thread import OpusVoice, blank_picture
from support_manager.media.webm import BLOCK_MS, HEADER_BYTES, Facts, NotOursError, elements, header, read_front
from tests.harness.fake_recordings import cut_off, others
from tests.harness.screen_film import FPS, FilmFrame, brightness, endless, film

FACTS = Facts("Ana P.", 1_764_300_000_000, {"CUSTOMER": "Ana P.", "SESSION_NUMBER": "482119903"})


def made(tmp_path: Path, name: str = "a.webm") -> RecordingFile:
    return RecordingFile(tmp_path / name, FACTS, blank_picture)


def show(file: RecordingFile, frames: tuple[FilmFrame, ...], start_ms: int) -> int:
    """Record frames at `FPS`; gives when the next one would come."""
    for number, frame in enumerate(frames):
        at = start_ms + number * 1000 // FPS
        file.picture(at, frame.data, key=frame.key)
        file.advance(at)
    return start_ms + len(frames) * 1000 // FPS


def tone(block: int, hertz: float = 440.0) -> bytes:
    """20 ms of a tone."""
    times = np.arange(block * 960, (block + 1) * 960) / 48_000
    return (np.sin(times * 2 * np.pi * hertz) * 12_000).astype("<i2").tobytes()


def probe(path: Path, *words: str) -> dict[str, list[dict[str, object]]]:
    """What Debian's ffprobe says of a file; any complaint of it is an error here."""
    command = ["ffprobe", "-v", "warning", "-of", "json", *words, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found: dict[str, list[dict[str, object]]] = json.loads(done.stdout)
    return found


def brightness_at(path: Path, seconds: float) -> float:
    """Seek as a player does: the picture that is shown at that time."""
    with av.open(str(path)) as file:
        stream = file.streams.video[0]
        file.seek(int(seconds / stream.time_base), stream=stream)
        shown = None
        for frame in file.decode(stream):
            if frame.time is not None and frame.time > seconds:
                break
            shown = frame
        assert shown is not None
        return float(shown.to_ndarray()[: shown.height].mean())


def times_of(path: Path, kind: str) -> list[float]:
    with av.open(str(path)) as file:
        stream = file.streams.video[0] if kind == "video" else file.streams.audio[0]
        return [float(packet.pts * packet.time_base) for packet in file.demux(stream) if packet.pts is not None]


def test_what_ffmpeg_reads_of_a_recording(tmp_path):
    file = made(tmp_path)
    file.chapter(0, "Ana P. allows the recording")
    end = show(file, film(seconds=2, key_every=15), 0)
    file.chapter(1_500, "Ana P.: «hallo»")
    assert file.finish(end) == tmp_path / "a.webm"
    assert not part_of(tmp_path / "a.webm").exists()
    found = probe(tmp_path / "a.webm", "-show_format", "-show_streams", "-show_chapters")
    assert [one["codec_name"] for one in found["streams"]] == ["vp8", "opus"]
    assert [(one["width"], one["height"]) for one in found["streams"][:1]] == [(320, 180)]
    assert float(found["format"]["duration"]) == pytest.approx(2.0, abs=0.05)
    assert found["format"]["tags"]["title"] == "Ana P."
    assert found["format"]["tags"]["SESSION_NUMBER"] == "482119903"
    chapters = [(one["start_time"], one["tags"]["title"]) for one in found["chapters"]]
    assert chapters == [("0.000000", "Ana P. allows the recording"), ("1.500000", "Ana P.: «hallo»")]
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", tmp_path / "a.webm", "-f", "null", "-"], check=True)


def test_it_is_sought_to_the_very_picture(tmp_path):
    file = made(tmp_path)
    end = show(file, film(seconds=4, key_every=15), 0)
    path = file.finish(end)
    for number in (3, 40, 77, 118):
        found = brightness_at(path, number / FPS + 0.002)
        assert abs(found - brightness(number)) < 4, number


def test_several_shares_pauses_and_sizes_keep_their_times(tmp_path):
    file = made(tmp_path)
    ended = show(file, film(320, 180, 1), 2_000)  # nothing was shown at first
    file.nothing(ended)
    file.advance(30_000)
    again = show(file, film(640, 360, 1), 30_000)
    last = show(file, film(160, 90, 1), again)  # another size without a pause
    path = file.finish(last)
    times = times_of(path, "video")
    assert times == sorted(times)
    assert times[0] == 0
    assert [time for time in times if 2.99 <= time < 29.9] == [pytest.approx(3.0 + 10 * n, abs=0.01) for n in range(3)]
    assert brightness_at(path, 1.0) < 20, "black where nothing was shown"
    assert brightness_at(path, 15.0) < 20, "not the picture of a share that was over"
    assert abs(brightness_at(path, 2 + 10 / FPS + 0.002) - brightness(10)) < 4
    with av.open(str(path)) as reading:
        sizes = {(frame.width, frame.height) for frame in reading.decode(video=0)}
    assert sizes == {(1280, 720), (320, 180), (640, 360), (160, 90)}
    assert float(probe(path, "-show_format")["format"]["duration"]) == pytest.approx(last / 1000, abs=0.05)


def test_sound_stays_in_step_whatever_the_mixers_clock_does(tmp_path):
    file, voice = made(tmp_path), OpusVoice()
    dice = random.Random(3)
    # A beep from 2 s to 3 s and from 4 s to 5 s, each block up to 40 ms off its time, as a busy loop calls.
    for block in range(300):
        at = block * BLOCK_MS
        if at // 1000 in (2, 4):
            file.sound(at + dice.randrange(-20, 40), voice.encode(tone(block)))
        file.advance(at)
    end = 6_000
    path = file.finish(end)
    with av.open(str(path)) as reading:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in reading.decode(audio=0)])
    assert len(samples) / 48_000 == pytest.approx(end / 1000, abs=0.05), "no gap that would shift the rest"
    loud = np.abs(samples[: len(samples) // 480 * 480].reshape(-1, 480)).max(axis=1) > 0.1
    edges = np.flatnonzero(np.diff(loud.astype(int))) / 100
    assert len(edges) == 4
    assert np.abs(edges - (2, 3, 4, 5)).max() < 0.08


def test_sound_that_is_late_is_dropped_and_never_shifts_what_follows(tmp_path):
    file, voice = made(tmp_path), OpusVoice()
    for block in range(100):
        file.sound(block * BLOCK_MS, voice.encode(tone(block)))
    for block in range(50):  # the same second once more
        file.sound(block * BLOCK_MS, voice.encode(tone(block)))
    path = file.finish(2_000)
    times = times_of(path, "audio")
    assert len(times) == 100
    assert times[-1] < 2.0


@pytest.mark.parametrize("seed", range(12))
def test_cut_off_anywhere_all_but_the_last_moment_is_there(tmp_path, seed):
    dice = random.Random(seed)
    file, voice = made(tmp_path), OpusVoice()
    frames = endless(film(seconds=2))
    for number in range(8 * FPS):
        at = number * 1000 // FPS
        frame = next(frames)
        file.picture(at, frame.data, key=frame.key)
        if number % 3 == 0:
            file.sound(at, voice.encode(tone(number)))
        if number % 60 == 10:
            file.chapter(at, f"number {number}")
        file.advance(at)
    cut_off(file)
    part = part_of(tmp_path / "a.webm")
    size = part.stat().st_size
    cut = size if seed == 0 else dice.randrange(HEADER_BYTES + 20_000, size)
    os.truncate(part, cut)
    if seed % 3 == 1:  # the end of a write that the disk did not finish
        with part.open("ab") as torn:
            torn.write(dice.randbytes(300))
    told: list[float] = []
    path = recording_repair.finish(part, told.append)
    assert path == tmp_path / "a.webm"
    assert told == sorted(told)
    found = probe(path, "-show_format", "-show_chapters")
    seconds = float(found["format"]["duration"])
    if seed == 0:
        assert seconds > 8 - 1.1
    written = (cut - HEADER_BYTES) / (size - HEADER_BYTES) * 7
    assert seconds > written - 2
    assert len(found["chapters"]) >= int(seconds // 2)
    subprocess.run(["ffmpeg", "-v", "error", "-xerror", "-i", path, "-f", "null", "-"], check=True)
    assert abs(brightness_at(path, seconds / 2) - brightness(int((seconds / 2 + 0.001) * FPS) % 60)) < 8


def test_cut_off_after_its_first_picture_it_still_lasts_for_a_moment(tmp_path):
    """Without a length players show nothing of it and cannot seek."""
    file = made(tmp_path)
    [frame, *_] = film(seconds=1)
    file.picture(0, frame.data, key=True)
    file.advance(510)
    cut_off(file)
    path = recording_repair.finish(part_of(tmp_path / "a.webm"))
    assert float(probe(path, "-show_format")["format"]["duration"]) == pytest.approx(0.02)
    with av.open(str(path)) as reading:
        assert sum(1 for _ in reading.decode(video=0)) == 1


def test_what_was_cut_off_while_it_was_being_finished_is_finished_again(tmp_path):
    file = made(tmp_path)
    end = show(file, film(seconds=2), 0)
    path = file.finish(end)
    whole = path.read_bytes()
    before = header(FACTS)
    part = part_of(path)
    for torn in (0, 10, 60, 512, 4_096, 40_000, HEADER_BYTES - 1):
        for front in (whole[:torn] + before[torn:], before[:torn] + whole[torn:HEADER_BYTES]):
            part.write_bytes(front + whole[HEADER_BYTES:])
            assert recording_repair.unfinished(tmp_path) == [part]
            assert recording_repair.finish(part) == path
            with av.open(str(path)) as reading:
                assert sum(1 for _ in reading.decode(video=0)) == 60


@pytest.mark.parametrize("cut", [0, 20, 5_000, None])
def test_what_another_program_has_not_finished_is_left_alone(tmp_path, cut):
    part = part_of(others(tmp_path / "a film.webm"))
    part.with_name("a film.webm").rename(part)
    content = part.read_bytes()[:cut]
    part.write_bytes(content)
    assert recording_repair.unfinished(tmp_path) == []
    with pytest.raises(NotOursError):
        recording_repair.finish(part)
    assert part.read_bytes() == content
    with pytest.raises(NotOursError):
        read_front(content)


def test_nothing_in_it_leaves_no_file(tmp_path):
    file = made(tmp_path)
    file.chapter(0, "nobody came")
    file.advance(9_000)
    assert file.finish(10_000) is None
    assert list(tmp_path.iterdir()) == []
    other = made(tmp_path, "b.webm")
    other.advance(9_000)
    cut_off(other)
    assert recording_repair.finish(part_of(tmp_path / "b.webm")) is None
    assert list(tmp_path.iterdir()) == []


def test_who_is_writing_is_left_alone(tmp_path):
    file = made(tmp_path)
    show(file, film(seconds=1), 0)
    with pytest.raises(BlockingIOError):
        recording_repair.finish(part_of(tmp_path / "a.webm"))
    file.finish(1_000)


def test_who_is_writing_is_left_alone_also_where_files_have_no_lock(tmp_path, monkeypatch):
    monkeypatch.setattr(recording_file, "fcntl", None)
    (tmp_path / "link").symlink_to(tmp_path, target_is_directory=True)
    file = made(tmp_path)
    end = show(file, film(seconds=1), 0)
    for folder in (tmp_path, tmp_path / "link"):
        assert recording_repair.unfinished(folder) == []
        with pytest.raises(BlockingIOError):
            recording_repair.finish(part_of(folder / "a.webm"))
    end = show(file, film(seconds=1), end)
    path = file.finish(end)
    with av.open(str(path)) as reading:
        assert sum(1 for _ in reading.decode(video=0)) == 60
    path.rename(part_of(path))
    assert recording_repair.finish(part_of(path)) == path, "and once it is over it is nobody's"


def test_a_file_that_could_not_be_begun_is_nobodys(tmp_path, monkeypatch):
    def refuses(_number: int, _data: memoryview) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(recording_file.os, "write", refuses)
    with pytest.raises(OSError, match="No space left"):
        made(tmp_path)
    assert not recording_file.is_being_written(part_of(tmp_path / "a.webm"))
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_keeps_what_is_there(tmp_path, monkeypatch):
    file = made(tmp_path)
    end = show(file, film(seconds=4), 0)
    real, room = os.write, 3_000

    def full(number: int, data: memoryview) -> int:
        nonlocal room
        if os.lseek(number, 0, os.SEEK_CUR) < HEADER_BYTES:
            return real(number, data)  # blocks that the file has already
        written = real(number, data[: min(room, len(data))]) if room else 0
        room -= written
        if not written:
            raise OSError(errno.ENOSPC, "No space left on device")
        return written

    monkeypatch.setattr(recording_file.os, "write", full)
    with pytest.raises(OSError, match="No space left"):
        show(file, film(seconds=4), end)
    assert file.finish(end + 4_000) == tmp_path / "a.webm"
    monkeypatch.undo()
    assert (tmp_path / "a.webm").stat().st_size == file.bytes, "no half cluster behind the last whole one"
    found = probe(tmp_path / "a.webm", "-show_format")
    assert float(found["format"]["duration"]) > 2.5
    assert abs(brightness_at(tmp_path / "a.webm", 2.002) - brightness(60)) < 6


def test_what_could_not_be_finished_is_closed_and_touches_no_other_file(tmp_path, monkeypatch):
    file = made(tmp_path)
    end = show(file, film(seconds=1), 0)

    def refuses(_number: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(recording_file.os, "fsync", refuses)
    with pytest.raises(OSError, match="Input/output"):
        file.finish(end)
    monkeypatch.undo()
    with (tmp_path / "somebody else's").open("wb+") as other:  # takes the number that has become free
        other.write(b"his words")
        other.flush()
        with pytest.raises(OSError, match="closed"):
            file.finish(end)
        with pytest.raises(OSError, match="closed"):
            file.advance(end + 10_000)
        other.seek(0)
        assert other.read() == b"his words"
    assert recording_repair.finish(part_of(tmp_path / "a.webm")) == tmp_path / "a.webm"


def test_hours_without_a_look_are_written_in_steps(tmp_path):
    file = made(tmp_path)
    end = show(file, film(seconds=1), 0)
    began = time.process_time()
    file.advance(6 * 3_600_000)  # the computer slept
    file.picture(6 * 3_600_000, film()[0].data, key=True)
    path = file.finish(6 * 3_600_000 + 1_000)
    assert time.process_time() - began < 20
    assert end == 1_000
    found = probe(path, "-show_format")
    assert float(found["format"]["duration"]) == pytest.approx(21_601, abs=1)


def test_the_index_has_one_place_a_second_at_most(tmp_path):
    file = made(tmp_path)
    for number in range(300):
        file.picture(number * 10, film()[0].data, key=True)
    file.advance(3_600)
    assert len(file._index.cues) == 3


def test_what_finds_no_room_in_front_lies_behind(tmp_path):
    file = made(tmp_path)
    end = show(file, film(seconds=2), 0)
    for number in range(1_900):
        file.chapter(number, f"{number}: " + "ăâîșț" * 30)
    path = file.finish(end)
    found = probe(path, "-show_chapters")["chapters"]
    assert len(found) == 1_900
    assert found[1_899]["tags"]["title"].startswith("1899: ăâîșț")
    assert path.stat().st_size > 2 * HEADER_BYTES
    part = part_of(path)
    path.rename(part)
    assert recording_repair.finish(part) == path, "and what lies behind is no part of the recording"
    assert len(probe(path, "-show_chapters")["chapters"]) == 1_900


def test_files_are_the_reps_alone_and_no_name_is_taken_twice(tmp_path):
    file = made(tmp_path / "new" / "folder")
    part = part_of(tmp_path / "new" / "folder" / "a.webm")
    assert part.stat().st_mode & 0o777 == 0o600
    assert part.parent.stat().st_mode & 0o777 == 0o700
    with pytest.raises(FileExistsError):
        made(tmp_path / "new" / "folder")
    file.finish(0)


@pytest.mark.parametrize(
    "data", [b"", b"\x00" * 100, b"\x1a\x45\xdf\xa3" + b"\xff" * 60, random.Random(1).randbytes(5_000)]
)
def test_what_is_no_recording_is_said_to_be_none(data):
    with pytest.raises(NotOursError):
        read_front(data)


def test_damaged_fronts_are_refused_and_never_more(tmp_path):
    file = made(tmp_path)
    end = show(file, film(seconds=1), 0)
    whole = file.finish(end).read_bytes()[:HEADER_BYTES]
    assert read_front(whole).facts == FACTS
    dice = random.Random(5)
    for _ in range(400):
        spoilt = bytearray(whole)
        for _ in range(6):
            spoilt[dice.randrange(700)] = dice.randrange(256)
        try:
            read_front(bytes(spoilt))
        except NotOursError:
            continue


def test_an_element_that_is_cut_off_ends_the_list():
    assert list(elements(b"\x1f\x43\xb6")) == []
    assert list(elements(b"\x1f\x43\xb6\x75\x40")) == []
    assert PART == ".part"


@pytest.mark.slow
def test_two_hours_are_sought_and_found(tmp_path):
    """Two hours' simulated length at 30 frames a second, with a call and a chat line every minute."""
    file, voice = made(tmp_path), OpusVoice()
    frames = endless(film(320, 180, 10, key_every=300))
    blocks = [voice.encode(tone(block)) for block in range(50)]
    seconds = 2 * 3_600
    for second in range(seconds):
        for number in range(FPS):
            frame = next(frames)
            file.picture(second * 1000 + number * 1000 // FPS, frame.data, key=frame.key)
        for block in range(50):
            file.sound(second * 1000 + block * BLOCK_MS, blocks[block])
        if second % 60 == 0:
            file.chapter(second * 1000, f"minute {second // 60}")
        file.advance((second + 1) * 1000)
    cut_off(file)  # and cut off at its very end
    path = recording_repair.finish(part_of(tmp_path / "a.webm"))
    found = probe(path, "-show_format", "-show_chapters")
    assert float(found["format"]["duration"]) == pytest.approx(seconds, abs=2)
    assert len(found["chapters"]) == 120
    for at in (1.0, 1_234.5, 3_600.1, 7_190.0):
        number = int((at + 0.001) * FPS)
        assert abs(brightness_at(path, at + 0.002) - brightness(number)) < 5, at
