"""The decoder thread: newest picture only, a bounded queue, damage told, an end that comes."""

import fractions
import random
import threading
import time
from collections.abc import Iterator

import av
import pytest

from support_manager.media import decoder as decoder_module
from support_manager.media.decoder import Decoder
from support_manager.media.figures import changes
from support_manager.media.frames import EncodedFrame

WAIT_S = 10.0


@pytest.fixture(scope="module")
def stream() -> list[EncodedFrame]:
    """Two hundred VP8 frames, the first a key frame."""
    codec = av.VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 64, 48, "yuv420p"
    codec.time_base = fractions.Fraction(1, 30)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0", "cpu-used": "8"}
    codec.gop_size = 3_000
    found = []
    for number in range(200):
        picture = av.VideoFrame(64, 48, "yuv420p")
        for plane in picture.planes:
            plane.update(bytes([number]) * plane.buffer_size)
        picture.pts = number
        for packet in codec.encode(picture):
            found.append(EncodedFrame(bytes(packet), number * 3_000, number == 0, 0.0))
    return found


@pytest.fixture(scope="module")
def still_and_moving() -> list[EncodedFrame]:
    """Noise as a key frame, the same again (small), other noise (large); three seconds of RTP time apart."""
    codec = av.VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 320, 240, "yuv420p"
    codec.time_base = fractions.Fraction(1, 30)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0", "cpu-used": "8", "static-thresh": "1000"}
    codec.gop_size = 3_000
    found = []
    for number, seed in enumerate((1, 1, 2)):
        picture = av.VideoFrame(320, 240, "yuv420p")
        noise = random.Random(seed)
        for plane in picture.planes:
            plane.update(noise.randbytes(plane.buffer_size))
        picture.pts = number
        for packet in codec.encode(picture):
            found.append(EncodedFrame(bytes(packet), number * 3_000, number == 0, 0.0))
    assert [changes(frame, 320, 240) for frame in found] == [False, False, True]
    return found


class Screen:
    """Takes pictures; can hold the decoder's thread up."""

    def __init__(self) -> None:
        self.times: list[int] = []
        self.threads: set[str] = set()
        self.free = threading.Event()
        self.free.set()
        self.came = threading.Event()

    def deliver(self, picture: av.VideoFrame, frame: EncodedFrame) -> None:
        self.times.append(frame.timestamp)
        self.threads.add(threading.current_thread().name)
        self.came.set()
        self.free.wait(WAIT_S)

    def await_time(self, timestamp: int) -> bool:
        deadline = threading.Event()
        for _ in range(int(WAIT_S / 0.01)):
            if self.times and self.times[-1] == timestamp:
                return True
            deadline.wait(0.01)
        return False


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def decoder(screen: Screen) -> Iterator[Decoder]:
    decoder = Decoder("test", screen.deliver)
    yield decoder
    screen.free.set()
    decoder.close()
    decoder.join(WAIT_S)


def test_no_thread_without_frames(decoder: Decoder) -> None:
    assert not [thread for thread in threading.enumerate() if thread.name == "decode-test"]


def test_pictures_come_on_the_decoders_thread(decoder: Decoder, screen: Screen, stream: list[EncodedFrame]) -> None:
    decoder.put(stream[0])
    assert screen.await_time(0)
    assert screen.threads == {"decode-test"}


def test_only_the_newest_picture_after_a_jam(decoder: Decoder, screen: Screen, stream: list[EncodedFrame]) -> None:
    screen.free.clear()
    decoder.put(stream[0])
    assert screen.came.wait(WAIT_S)
    for frame in stream[1:51]:
        assert decoder.put(frame)
    screen.free.set()
    assert screen.await_time(50 * 3_000)
    # Fifty were decoded, as VP8 needs; next to none but the last was delivered.
    assert len(screen.times) < 10


def test_queue_is_bounded(decoder: Decoder, screen: Screen, stream: list[EncodedFrame]) -> None:
    screen.free.clear()
    decoder.put(stream[0])
    assert screen.came.wait(WAIT_S)
    taken = [decoder.put(frame) for frame in stream[1:]]
    assert taken.index(False) == 90
    screen.free.set()


def test_damage_is_told_and_survived(decoder: Decoder, screen: Screen, stream: list[EncodedFrame]) -> None:
    decoder.put(stream[0])
    assert screen.await_time(0)
    decoder.put(EncodedFrame(b"\x00\x00\x00\x9d\x01\x2a" + b"\xff" * 3, 1, True, 0.0))
    failed = threading.Event()
    for _ in range(500):
        if decoder.failed():
            failed.set()
            break
        failed.wait(0.01)
    assert failed.is_set()
    decoder.put(EncodedFrame(stream[0].data, 77, True, 0.0))
    assert screen.await_time(77)


def test_closed_decoder_delivers_nothing(screen: Screen, stream: list[EncodedFrame]) -> None:
    decoder = Decoder("test", screen.deliver)
    decoder.close()
    assert decoder.put(stream[0])
    decoder.join(WAIT_S)
    assert screen.times == []


def test_the_sharpening_of_a_new_picture_comes_a_little_later(
    decoder: Decoder, screen: Screen, still_and_moving: list[EncodedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_module, "_SHARPENING_S", 1.0)
    first, again, _ = still_and_moving
    begun = time.monotonic()
    decoder.put(first)
    assert screen.await_time(first.timestamp)
    decoder.put(again)
    assert screen.await_time(again.timestamp)
    assert time.monotonic() - begun >= 1.0


def test_a_new_picture_takes_the_place_of_a_sharpening(
    decoder: Decoder, screen: Screen, still_and_moving: list[EncodedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_module, "_SHARPENING_S", 60.0)
    first, again, other = still_and_moving
    decoder.put(first)
    assert screen.await_time(first.timestamp)
    screen.came.clear()
    decoder.put(again)
    assert not screen.came.wait(0.3)
    decoder.put(other)
    assert screen.await_time(other.timestamp)
    assert screen.times == [first.timestamp, other.timestamp]


def test_nothing_of_a_share_that_is_over_comes_late(
    decoder: Decoder, screen: Screen, still_and_moving: list[EncodedFrame], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoder_module, "_SHARPENING_S", 2.0)
    first, again, _ = still_and_moving
    decoder.put(first)
    assert screen.await_time(first.timestamp)
    screen.came.clear()
    decoder.put(again)
    assert not screen.came.wait(0.2)
    decoder.forget()
    assert not screen.came.wait(2.2)
