"""Players of recordings: Debian's ffmpeg, Chromium and Firefox play a file from end to end and seek in it."""

import json
import subprocess
from pathlib import Path
from typing import Any

from playwright.async_api import Page

from tests.harness.firefox import FirefoxTab

SEEK = """
async (at) => {
    const video = document.querySelector("video");
    video.pause();
    video.style.cssText = "width: 320px; height: 180px; object-fit: fill; background: #00f";
    video.controls = false;
    const sought = new Promise((done, failed) => {
        video.addEventListener("seeked", done, { once: true });
        video.addEventListener("error", () => failed(new Error(video.error.message)), { once: true });
    });
    video.currentTime = at;
    await sought;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
    return { width: video.videoWidth, height: video.videoHeight, at: video.currentTime, duration: video.duration };
}
"""
"""Of a page that shows nothing but a film."""
PLAY = """
async (since) => {
    const video = document.querySelector("video");
    video.muted = true;
    video.currentTime = since ?? 0;
    const sizes = [];
    video.addEventListener("resize", () => sizes.push([video.videoWidth, video.videoHeight]));
    video.playbackRate = 4;
    await video.play();
    await new Promise((done, failed) => {
        video.addEventListener("ended", done, { once: true });
        video.addEventListener("error", () => failed(new Error(video.error.message)), { once: true });
    });
    const played = Array.from(video.played, (_, at) => [video.played.start(at), video.played.end(at)]);
    return { at: video.currentTime, sizes, played, frames: video.getVideoPlaybackQuality().totalVideoFrames };
}
"""
"""The same, from its beginning or a second of it to its end at four times its speed."""


def probe(path: Path) -> dict[str, Any]:
    """What ffprobe says of a recording, without any complaint: `format`, `streams`, `chapters`."""
    words = ("-v", "warning", "-of", "json", "-show_format", "-show_streams", "-show_chapters")
    done = subprocess.run(["ffprobe", *words, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def ffmpeg_plays(path: Path) -> tuple[float, list[str]]:
    """Decode all of it and seek to three places; its length in seconds, and the titles of its chapters.

    Raises:
        AssertionError: ffmpeg complained of anything, or showed nothing where it was sent to.
    """
    found = probe(path)
    seconds = float(found["format"]["duration"])
    for at in (None, 0.1, 0.5, 0.9):
        words = ["ffmpeg", "-v", "warning", "-xerror"]
        if at is not None:
            # To the picture that stands there, which may be an older one: a screen that rests sends none.
            words += ["-noaccurate_seek", "-ss", f"{seconds * at:.3f}"]
        words += ["-i", str(path)]
        if at is not None:
            # The picture alone: near the end there may be no more sound.
            words += ["-an", "-frames:v", "1", "-progress", "pipe:1"]
        # Counted in the file's own milliseconds: left alone, ffmpeg counts in ticks of the frame rate that it guesses,
        # and complains of two pictures of a jittery 30 a second which come into one tick.
        words += ["-enc_time_base:v", "-1"]
        done = subprocess.run([*words, "-f", "null", "-"], capture_output=True, text=True, check=False)
        assert done.returncode == 0, (at, done.stderr)
        assert done.stderr == "", (at, done.stderr)
        assert at is None or "frame=1\n" in done.stdout, f"nothing to be seen at {at} of {seconds} s"
    return seconds, [one["tags"]["title"] for one in found["chapters"]]


async def chromium_plays(page: Page, path: Path) -> dict[str, Any]:
    """Chromium seeks in it and plays it to its end; what `PLAY` gives, and `duration` in seconds."""
    await page.goto(path.as_uri())
    duration = (await page.evaluate(SEEK, 0.05))["duration"]
    for part in (0.9, 0.1, 0.5):
        found = await page.evaluate(SEEK, duration * part)
        assert abs(found["at"] - duration * part) < 0.05, found
        assert found["width"] > 0, found
    played: dict[str, Any] = await page.evaluate(PLAY)
    assert abs(played["at"] - duration) < 0.1, played
    return {**played, "duration": duration}


async def firefox_plays(tab: FirefoxTab, path: Path) -> dict[str, Any]:
    """The same in Firefox."""
    await tab.goto(path.as_uri())
    await tab.until("document.querySelector('video')?.readyState >= 1", "the film")
    duration = (await tab.evaluate(f"({SEEK})(0.05)"))["duration"]
    for part in (0.9, 0.1, 0.5):
        found = await tab.evaluate(f"({SEEK})({duration * part})")
        assert abs(found["at"] - duration * part) < 0.05, found
        assert found["width"] > 0, found
    played: dict[str, Any] = await tab.evaluate(f"({PLAY})()")
    assert abs(played["at"] - duration) < 0.1, played
    return {**played, "duration": duration}
