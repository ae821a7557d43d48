"""Recordings in Chromium: played, sought to the very picture, through other sizes, after a crash, two hours long."""

import asyncio
import io
from pathlib import Path

import av
import pytest

from support_manager.media import recording_repair
from support_manager.media.recording_file import RecordingFile, part_of
from support_manager.media.recording_thread import blank_picture
from support_manager.media.webm import Facts
from tests.harness.chromium import Chromium
from tests.harness.display import Display
from tests.harness.fake_recordings import cut_off
from tests.harness.players import PLAY, SEEK, ffmpeg_plays
from tests.harness.screen_film import FPS, brightness, endless, film

pytestmark = [pytest.mark.slow, pytest.mark.browser]


def grey(picture: bytes) -> float:
    """The mean luma of a PNG, as a video's of limited range."""
    with av.open(io.BytesIO(picture)) as file:
        return 16 + float(next(file.decode(video=0)).to_ndarray(format="rgb24").mean()) * 219 / 255


def made(path: Path, seconds: int, *, sizes: tuple[tuple[int, int], ...]) -> Path:
    """A recording of that many seconds of each size, cut off at its end and finished by the next start.

    Each minute is a chapter.
    """
    file = RecordingFile(path, Facts("Ana P.", 1_764_300_000_000), blank_picture)
    for place, (width, height) in enumerate(sizes):
        frames = endless(film(width, height, 10, key_every=300))
        for number in range(seconds * FPS):
            at = place * seconds * 1000 + number * 1000 // FPS
            frame = next(frames)
            file.picture(at, frame.data, key=frame.key)
            if at % 60_000 == 0:
                file.chapter(at, f"minute {at // 60_000}")
            if number % FPS == 0:
                file.advance(at)
    file.advance(len(sizes) * seconds * 1000 + 600)
    cut_off(file)
    finished = recording_repair.finish(part_of(path))
    assert finished is not None
    return finished


async def test_it_is_played_and_sought_through_other_sizes(tmp_path: Path):
    path = made(tmp_path / "sizes.webm", 8, sizes=((320, 180), (640, 360), (160, 90)))
    with Display(1280, 720) as display:
        async with Chromium(display.environment(), source=None) as browser:
            page = await browser.first_page()
            await page.goto(f"file://{path}")
            for at, size in ((20.5, (160, 90)), (3.2, (320, 180)), (12.7, (640, 360)), (0.5, (320, 180))):
                found = await page.evaluate(SEEK, at + 0.005)
                assert (found["width"], found["height"]) == size
                assert found["duration"] == pytest.approx(24, abs=1.2)
                shown = grey(await page.locator("video").screenshot())
                assert shown == pytest.approx(brightness(round(at * FPS) % (8 * FPS)), abs=8)
            played = await page.evaluate(PLAY)
            assert played["at"] == pytest.approx(24, abs=1.2)
            assert [640, 360] in played["sizes"]
            assert [160, 90] in played["sizes"]


async def test_two_hours_are_played_sought_and_their_chapters_listed(tmp_path: Path):
    path = made(tmp_path / "long.webm", 7_200, sizes=((320, 180),))
    # Chromium shows no chapters of any WebM; where they are listed is ffmpeg, which decodes all of it, too.
    seconds, chapters = await asyncio.to_thread(ffmpeg_plays, path)
    assert seconds == pytest.approx(7_200, abs=2)
    assert chapters == [f"minute {number}" for number in range(120)]
    with Display(1280, 720) as display:
        async with Chromium(display.environment(), source=None) as browser:
            page = await browser.first_page()
            await page.goto(f"file://{path}")
            for at in (7_190.4, 3_600.5, 1.0, 5_555.7):
                found = await page.evaluate(SEEK, at + 0.005)
                assert found["duration"] == pytest.approx(seconds, abs=0.1)
                shown = grey(await page.locator("video").screenshot())
                assert shown == pytest.approx(brightness(round(at * FPS)), abs=8)
            played = await page.evaluate(PLAY, 7_190)
            assert played["played"][-1] == pytest.approx([7_190, seconds], abs=0.1)
