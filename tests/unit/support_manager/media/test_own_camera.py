"""The rep's own camera: pixel formats as cameras give them, sizes, one encode for all, key frames when asked for."""

import asyncio
import time

import av
import pytest

from support_manager.media.camera import CameraFrame, CameraSlot
from support_manager.media.feed import Feed
from support_manager.media.frame_box import FrameBox
from support_manager.media.own_camera import OwnCamera, fitted, picture_of
from support_manager.media.vp8 import Vp8Part


@pytest.mark.parametrize(
    ("given", "sent"),
    [
        ((640, 360), (640, 360)),
        ((1280, 720), (640, 360)),
        ((640, 480), (480, 360)),
        ((320, 240), (320, 240)),
        ((361, 641), (202, 360)),
        ((1, 1), (2, 2)),
        ((8000, 2), (640, 2)),
    ],
)
def test_all_of_it_is_sent_no_larger_than_it_is(given: tuple[int, int], sent: tuple[int, int]) -> None:
    assert fitted(*given) == sent


def test_rows_with_padding_and_every_common_format() -> None:
    grey = picture_of(CameraFrame("gray", 4, 2, (b"abcd....efgh....",), (8,), 0.0))
    plane = grey.planes[0]
    rows = [bytes(plane)[at * plane.line_size : at * plane.line_size + 4] for at in range(2)]
    assert rows == [b"abcd", b"efgh"]
    for name in ("yuv420p", "nv12", "yuyv422", "uyvy422", "bgra", "rgb24"):
        made = av.VideoFrame(64, 32, name)
        planes = tuple(bytes(each) for each in made.planes)
        again = picture_of(CameraFrame(name, 64, 32, planes, tuple(each.line_size for each in made.planes), 0.0))
        assert (again.width, again.height, again.format.name) == (64, 32, name)


@pytest.mark.parametrize(
    "frame",
    [
        CameraFrame("nv12", 64, 32, (bytes(64 * 32),), (64,), 0.0),
        CameraFrame("bgra", 64, 32, (b"",), (256,), 0.0),
        CameraFrame("nonsense", 64, 32, (b"",), (256,), 0.0),
    ],
)
def test_what_does_not_fit_is_refused(frame: CameraFrame) -> None:
    with pytest.raises(ValueError, match=r"planes|data|pixel format"):
        picture_of(frame)


class Tape(Feed):
    """A feed that only keeps what it is given."""

    def __init__(self) -> None:
        self.parts: list[tuple[Vp8Part, int, bool, bool]] = []

    def take(self, part: Vp8Part, timestamp: int, marker: bool, starts: bool) -> None:
        self.parts.append((part, timestamp, marker, starts))

    @property
    def keys(self) -> list[bool]:
        return [part.key for part, _, _, starts in self.parts if starts]


async def until(condition, what: str) -> None:  # type: ignore[no-untyped-def]
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.01)


async def test_one_encode_for_all_and_a_key_frame_for_whoever_asks() -> None:
    slot, box = CameraSlot(), FrameBox()
    camera = OwnCamera(slot, box, asyncio.get_running_loop())
    first, second = Tape(), Tape()

    async def film(until_true) -> None:  # type: ignore[no-untyped-def]
        deadline = time.monotonic() + 10
        while not until_true():
            assert time.monotonic() < deadline
            pixels = bytes((time.monotonic_ns() // 1_000_000 % 256, 90, 200, 255)) * (320 * 180)
            slot.put(CameraFrame("bgra", 320, 180, (pixels,), (320 * 4,), time.time() * 1000))
            await asyncio.sleep(0.02)

    camera.serve([])
    await film(lambda: box.figures().received > 2)
    camera.serve([first])
    await film(lambda: len(first.keys) > 4)
    assert first.keys[0]
    assert not any(first.keys[1:])
    # A second session joins: whoever is new there needs a key frame, and both get the very same bytes.
    at = len(first.keys)
    camera.serve([first, second])
    await film(lambda: len(second.keys) > 3)
    assert second.keys[0] or second.keys[1]
    assert first.parts[-len(second.parts) :] == second.parts
    assert sum(first.keys[at:]) == 1
    camera.ask_for_key()
    await film(lambda: sum(second.keys) > 1)
    _, timestamp, _, _ = first.parts[-1]
    assert 0 <= time.time() * 1000 - camera.captured_ms(timestamp) < 5_000
    assert camera.is_alive(time.monotonic())
    for parts in (first.parts, second.parts):
        assert all(len(part.data) <= 1_100 for part, _, _, _ in parts)
    slot.close()
    await asyncio.to_thread(camera.join, 5.0)
    box.close()
