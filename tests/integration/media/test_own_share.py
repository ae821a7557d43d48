"""The rep's own share, from painted pixels to other engines: codes read from what arrives, and every way it changes."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from support_manager.media.engine import Liveness, PeerKey, ShowEnded, ShowFigures
from support_manager.media.frames import EncodedFrame
from tests.harness import timecode
from tests.harness.painted import PaintedSource
from tests.harness.participant import rests, until
from tests.integration.media.test_forward import EVA, HUB, ION, Assistant, Centre

ME = PeerKey("s1", "hub")


def now() -> int:
    return int(time.time() * 1000) & 0xFFFF_FFFF


def paint(source: PaintedSource) -> int:
    value = now()
    source.paint(*timecode.draw(value))
    return value


def code(viewer: Assistant) -> int | None:
    picture = viewer.engine.mailbox(HUB).full()
    if picture is None:
        return None
    pixels = bytes(picture.data)
    place = timecode.find(pixels, picture.width, picture.height, picture.stride)
    return None if place is None else timecode.read(pixels, picture.stride, place)


class Painter:
    """Paints the present time over and over."""

    def __init__(self, source: PaintedSource) -> None:
        self.source = source
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> "Painter":
        self._task = asyncio.get_running_loop().create_task(self._paint())
        return self

    async def _paint(self) -> None:
        while True:
            paint(self.source)
            await asyncio.sleep(0.03)

    async def __aexit__(self, *exc: object) -> None:
        assert self._task is not None
        self._task.cancel()
        await asyncio.wait([self._task])


@pytest.fixture
async def centre() -> AsyncIterator[Centre]:
    made = Centre()
    yield made
    await made.engine.aclose()


@pytest.fixture
async def viewers(centre: Centre) -> AsyncIterator[list[Assistant]]:
    made = [Assistant(ION), Assistant(EVA)]
    for one in made:
        await one.join(centre)
    yield made
    for one in made:
        await one.engine.aclose()


@pytest.mark.rule("B-7.2")
async def test_everybody_sees_it_late_joiners_at_once_and_what_stands_still_is_told_from_what_is_dead(centre, viewers):
    ion, eva = viewers
    source = PaintedSource()
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    shown = paint(source)
    await until(lambda: code(ion) == shown, what="the code at the first viewer")
    assert code(eva) is None, "nobody else sees it"
    # Nothing moves any more, and the picture is known to be true.
    await until(lambda: ion.figures.liveness is Liveness.STATIC, what="a still picture")
    began = time.monotonic()
    centre.engine.set_audience(ME, [ION, EVA])
    await until(lambda: code(eva) == shown, what="the code at the late joiner")
    assert time.monotonic() - began < 1.5
    centre.engine.stop_show(ME)
    await until(lambda: ion.figures.liveness is not Liveness.STATIC, what="the end")


@pytest.mark.rule("B-6.4")
async def test_what_is_painted_after_the_pause_is_seen_by_nobody(centre, viewers):
    ion, _ = viewers
    source = PaintedSource()
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    async with Painter(source):
        await until(lambda: code(ion) is not None, what="a code")
    await asyncio.sleep(0.2)
    for _ in range(5):
        before = paint(source)
        await until(lambda before=before: code(ion) == before, what="the code before the pause")
        centre.engine.pause_show(ME, True)
        secret = paint(source)
        seen = set()
        end = time.monotonic() + 0.3
        while time.monotonic() < end:
            seen.add(code(ion))
            await asyncio.sleep(0.01)
        assert secret not in seen
        source.paint(*timecode.draw(before))  # it is off the screen again
        centre.engine.pause_show(ME, False)
        after = paint(source)
        await until(lambda after=after: code(ion) == after, what="the code after the pause")


@pytest.mark.rule("B-6.4")
async def test_what_begins_held_is_seen_by_nobody_before_it_goes_on(centre, viewers):
    ion, _ = viewers
    source = PaintedSource()
    paint(source)
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source, paused=True)
    await asyncio.sleep(0.5)
    assert code(ion) is None
    shown = paint(source)
    centre.engine.pause_show(ME, False)
    await until(lambda: code(ion) == shown, what="the code after the pause")


async def test_it_changes_its_size_and_its_source_without_a_word_to_the_connection(centre, viewers):
    ion, _ = viewers
    source = PaintedSource()
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    shown = paint(source)
    await until(lambda: code(ion) == shown, what="the first code")
    source.resize(802, 403)  # odd: one row and one column less are shown
    shown = paint(source)
    await until(lambda: code(ion) == shown, what="the code in another size")
    picture = ion.engine.mailbox(HUB).full()
    assert (picture.width, picture.height) == (802, 402)
    other = PaintedSource(width=1000, height=500)
    shown = paint(other)
    centre.engine.begin_show(ME, other)
    await until(lambda: code(ion) == shown, what="the code of another source")


async def test_a_source_that_goes_or_lets_nobody_look_says_so(centre, viewers):
    source = PaintedSource()
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    await until(lambda: any(isinstance(one, ShowFigures) and one.width for one in centre.events), what="figures")
    source.close_window()
    await until(lambda: ShowEnded(ME, "source_gone") in centre.events, what="the end")
    centre.engine.begin_show(ME, PaintedSource(refuses="screen_not_allowed"))
    await until(lambda: ShowEnded(ME, "screen_not_allowed") in centre.events, what="the refusal")


async def test_a_minimised_window_is_told(centre, viewers):
    source = PaintedSource(hidden=False)
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    await until(lambda: any(isinstance(one, ShowFigures) and one.width for one in centre.events), what="figures")
    source.hidden = True
    await until(lambda: any(isinstance(one, ShowFigures) and one.is_hidden for one in centre.events), what="hidden")


async def test_whoever_records_gets_the_frames_as_they_are_encoded_a_key_frame_first(centre):
    source = PaintedSource()
    centre.engine.begin_show(ME, source)
    frames: list[EncodedFrame] = []

    def tap(hub: object) -> None:
        share = hub.shows.get(ME)  # type: ignore[attr-defined]
        share.add_tap(frames.append)

    centre.engine._call(tap)
    async with Painter(source):
        await until(lambda: len(frames) > 10, what="frames")
    assert frames[0].key
    assert not any(frame.key for frame in frames[1:])
    assert [frame.timestamp for frame in frames] == sorted(frame.timestamp for frame in frames)


async def test_without_viewers_nothing_is_encoded(centre):
    source = PaintedSource()
    centre.engine.begin_show(ME, source)
    async with Painter(source):
        await until(lambda: any(isinstance(one, ShowFigures) and one.width for one in centre.events), what="figures")
        count = len(centre.events)
        await until(lambda: len(centre.events) > count + 1, what="later figures")
    assert all(one.fps == 0 for one in centre.events if isinstance(one, ShowFigures))


async def test_a_share_of_a_closed_session_is_over(centre, viewers):
    source = PaintedSource()
    centre.engine.set_audience(ME, [ION])
    centre.engine.begin_show(ME, source)
    await until(lambda: source.looks > 3, what="looks")
    centre.engine.close_session("s1")
    async with Painter(source):
        await rests(lambda: source.looks, "looking")
