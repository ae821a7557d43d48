"""The mailbox of one share: newest frame wins, nothing queues, nobody looking costs nothing, pixels are exact."""

import gc
import sys
import threading
import time
import weakref
from collections.abc import Callable

import av
import pytest

from support_manager.media.frame_box import FrameBox
from support_manager.media.mailbox import FramePicture, Viewport

SECONDS = 5.0


def grey(level: int, width: int = 64, height: int = 48) -> av.VideoFrame:
    """A frame of one grey, 16 (black) … 235 (white)."""
    frame = av.VideoFrame(width, height, "yuv420p")
    frame.planes[0].update(bytes([level]) * frame.planes[0].buffer_size)
    for plane in frame.planes[1:]:
        plane.update(bytes([128]) * plane.buffer_size)
    return frame


def pixel(picture: FramePicture, x: int, y: int) -> tuple[int, int, int]:
    """Red, green, blue."""
    at = y * picture.stride + x * 4
    blue, green, red = bytes(memoryview(picture.data)[at : at + 3])  # type: ignore[arg-type]
    return red, green, blue


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < deadline, "waited too long"
        threading.Event().wait(0.002)


class Viewer:
    """Takes pictures as a widget would."""

    def __init__(self, box: FrameBox) -> None:
        self.box = box
        self.woken = threading.Event()
        box.listen(self.woken.set)

    def picture(self, number: int = 0) -> FramePicture:
        """The next picture, or the next one of a frame not older than `number`."""
        deadline = time.monotonic() + SECONDS
        while True:
            assert self.woken.wait(max(0.0, deadline - time.monotonic())), "no picture"
            self.woken.clear()
            found = self.box.take()
            if found is not None and found.number >= number:
                return found


def is_white(colour: tuple[int, int, int]) -> bool:
    """White as swscale makes it, which rounds a scaled pixel down by up to two steps."""
    return min(colour) >= 253


@pytest.fixture
def box():
    made = FrameBox("test")
    yield made
    made.close()
    until(lambda: not any(thread.name == "scale-test" for thread in threading.enumerate()))


def test_a_frame_becomes_a_picture_in_the_viewports_size(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(32, 24))
    box.put(grey(235), 123.0)
    picture = viewer.picture()
    assert (picture.width, picture.height, picture.source_width, picture.source_height) == (32, 24, 64, 48)
    assert (picture.number, picture.captured_ms, picture.viewport) == (1, 123.0, Viewport(32, 24))
    assert is_white(pixel(picture, 31, 23))


def test_each_picture_is_taken_at_most_once(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    box.put(grey(16))
    viewer.picture()
    assert box.take() is None


def test_the_newest_frame_wins_and_older_ones_are_freed(box):
    """Nobody takes for a hundred frames: one picture waits, the last one, and no frame is kept but the newest."""
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    for level in range(100, 199):
        box.put(grey(level))
    box.put(grey(235))
    assert is_white(pixel(viewer.picture(number=100), 5, 5))
    assert box.take() is None
    assert box.figures().received == 100


def test_an_overtaken_frame_is_freed_at_once(box):
    """A hidden share holds one frame, whatever comes in."""
    frames = [grey(level) for level in range(20, 40)]
    alone = sys.getrefcount(frames[0])
    for frame in frames:
        box.put(frame)
    del frame
    assert [sys.getrefcount(frames[place]) - alone for place in range(20)] == [0] * 19 + [1]


def test_nobody_looking_costs_no_conversion_and_no_thread(box):
    for _ in range(20):
        box.put(grey(100))
    assert box.figures().received == 20
    assert box.figures().converted == 0
    assert box.take() is None
    assert not any(thread.name == "scale-test" for thread in threading.enumerate())


def test_looking_away_ends_the_worker_and_looking_again_offers_the_newest_frame(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    box.put(grey(16))
    viewer.picture()
    box.set_viewport(None)
    until(lambda: not any(thread.name == "scale-test" for thread in threading.enumerate()))
    box.put(grey(235))
    assert box.take() is None
    box.set_viewport(Viewport(64, 48))
    assert is_white(pixel(viewer.picture(), 0, 0))


def test_looking_away_and_back_at_once_still_shows_a_picture(box):
    """The worker may be on its way out when somebody looks again; none of the two hundred turns may go dark."""
    viewer = Viewer(box)
    box.put(grey(235))
    for _ in range(200):
        box.set_viewport(Viewport(64, 48))
        viewer.picture()
        box.set_viewport(None)


def test_another_viewport_offers_the_same_frame_anew(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    box.put(grey(16))
    assert viewer.picture().number == 1
    box.set_viewport(Viewport(128, 96))
    again = viewer.picture()
    assert (again.number, again.width, again.height) == (1, 128, 96)


def test_a_viewport_before_the_first_frame_offers_nothing(box):
    box.set_viewport(Viewport(64, 48))
    box.set_viewport(Viewport(32, 24))
    assert box.take() is None
    assert box.full() is None


def striped() -> av.VideoFrame:
    """Every pixel another grey than its neighbours."""
    frame = grey(128, 64, 48)
    rows = [bytes(16 + (7 * x + 53 * y) % 220 for x in range(64)) for y in range(48)]
    stride = frame.planes[0].line_size
    frame.planes[0].update(b"".join(row.ljust(stride, b"\x10") for row in rows))
    return frame


def luma_to_grey(level: int) -> int:
    """BT.601, limited range."""
    return min(255, max(0, round((level - 16) * 255 / 219)))


def check_exact(picture: FramePicture, left: int, top: int, factor: int = 1) -> None:
    for y in range(0, picture.height, factor):
        for x in range(0, picture.width, factor):
            wanted = luma_to_grey(16 + (7 * (left + x // factor) + 53 * (top + y // factor)) % 220)
            for value in pixel(picture, x, y):
                assert abs(value - wanted) <= 2, (x, y, value, wanted)


def test_at_one_to_one_no_pixel_mixes_with_its_neighbours(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    box.put(striped())
    check_exact(viewer.picture(), 0, 0)


def test_a_crop_at_one_to_one_is_exact_too(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(20, 10, (12, 6, 20, 10)))
    box.put(striped())
    check_exact(viewer.picture(), 12, 6)


def test_a_crop_begins_on_even_pixels_so_that_colours_stay_in_place(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(20, 10, (13, 7, 20, 10)))
    box.put(striped())
    check_exact(viewer.picture(), 12, 6)


def test_a_picture_made_for_an_older_view_is_never_handed_out(box):
    """The view changes while the worker is converting, again and again."""
    viewer = Viewer(box)
    frame = grey(128, 1280, 720)
    for turn in range(200):
        box.set_viewport(Viewport(640, 360 + turn % 2))
        box.put(frame)
        threading.Event().wait(0.0005)
        wanted = Viewport(320, 180 + turn % 3)
        box.set_viewport(wanted)
        assert viewer.picture().viewport == wanted


def test_a_whole_factor_repeats_pixels(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(60, 30, (12, 6, 20, 10)))
    box.put(striped())
    check_exact(viewer.picture(), 12, 6, factor=3)


@pytest.mark.parametrize("crop", [(-5, -5, 500, 500), (60, 44, 100, 100), (1000, 1000, 5, 5), (0, 0, 0, 0)])
def test_a_crop_outside_of_a_source_that_became_smaller_is_harmless(box, crop):
    viewer = Viewer(box)
    box.set_viewport(Viewport(10, 10, crop))
    box.put(striped())
    picture = viewer.picture()
    assert (picture.width, picture.height) == (10, 10)


def test_the_source_may_change_its_size_and_colours_at_any_frame(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    for width, height in ((64, 48), (200, 100), (63, 47), (64, 48)):
        box.put(grey(235, width, height))
        picture = viewer.picture()
        assert (picture.width, picture.height) == (64, 48)
        assert (picture.source_width, picture.source_height) == (width, height)
        assert is_white(pixel(picture, 60, 40))


def test_a_picture_keeps_its_pixels_while_later_frames_are_converted(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    kept = []
    for level in (16, 60, 120, 180, 235):
        box.put(grey(level))
        kept.append((level, viewer.picture()))
    gc.collect()
    for level, picture in kept:
        assert abs(pixel(picture, 10, 10)[0] - luma_to_grey(level)) <= 2


def test_full_is_the_whole_source_whatever_is_looked_at(box):
    box.set_viewport(Viewport(8, 6))
    box.put(striped())
    full = box.full()
    assert full is not None
    assert (full.width, full.height) == (64, 48)
    check_exact(full, 0, 0)


def test_the_end_of_a_share_forgets_its_frames(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    frame = grey(16)
    box.put(frame)
    viewer.picture()
    box.clear()
    assert box.full() is None
    assert box.take() is None
    assert box.figures().width == 0
    box.put(grey(235))
    assert is_white(pixel(viewer.picture(), 0, 0))


def test_a_closed_box_takes_no_more(box):
    box.set_viewport(Viewport(64, 48))
    box.close()
    box.put(grey(16))
    box.set_viewport(Viewport(32, 24))
    assert box.take() is None
    assert box.full() is None


def test_the_box_itself_is_freed_after_close():
    made = FrameBox("gone")
    made.set_viewport(Viewport(64, 48))
    made.put(grey(16))
    watched = weakref.ref(made)
    made.close()
    until(lambda: not any(thread.name == "scale-gone" for thread in threading.enumerate()))
    del made
    gc.collect()
    assert watched() is None


def test_figures_tell_what_was_painted_and_how_old_it_was(box):
    viewer = Viewer(box)
    box.set_viewport(Viewport(64, 48))
    box.put(grey(16), time.time() * 1000 - 40)
    box.painted(viewer.picture())
    figures = box.figures()
    assert (figures.received, figures.converted, figures.painted) == (1, 1, 1)
    assert 40 <= figures.age_ms < 2000
    assert (figures.width, figures.height) == (64, 48)


def test_many_threads_at_once(box):
    """A decoder, a resizing window and a screenshot at full speed: no error, and the last frame is what is seen."""
    viewer = Viewer(box)
    failures: list[BaseException] = []

    def run(action: Callable[[int], object]) -> threading.Thread:
        def body() -> None:
            try:
                for turn in range(300):
                    action(turn)
            except BaseException as error:  # noqa: BLE001 - told to the test
                failures.append(error)

        thread = threading.Thread(target=body)
        thread.start()
        return thread

    frames = [grey(level) for level in range(16, 216)]
    threads = [
        run(lambda turn: box.put(frames[turn % 200])),
        run(lambda turn: box.set_viewport(Viewport(10 + turn % 50, 10) if turn % 7 else None)),
        run(lambda _: box.full()),
        run(lambda _: box.take()),
    ]
    for thread in threads:
        thread.join(30)
    assert failures == []
    box.set_viewport(Viewport(64, 48))
    box.put(grey(235))
    assert is_white(pixel(viewer.picture(number=301), 3, 3))
