"""Recordings of whole sessions, by their content: who speaks, what was shown, in every size, whatever cuts them off."""

import asyncio
import shutil
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import av
import numpy as np
import pytest
from playwright.async_api import expect

from resources import catalog
from tests.e2e.test_recording import recording
from tests.e2e.test_showing import code as _code
from tests.e2e.test_switching import OTHER_SOURCE
from tests.harness import timecode
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, PATIENCE_MS, Centre, until
from tests.harness.chromium import Chromium
from tests.harness.disks import small_disk
from tests.harness.display import Display
from tests.harness.firefox import Firefox
from tests.harness.listening import microphone_flags
from tests.harness.players import chromium_plays, ffmpeg_plays, firefox_plays
from tests.harness.sound import RATE, chirps, compare, write_wav
from tests.harness.team import Desk, Guest, Team, now_code

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

ANAS, ELENAS = chirps(6, seed=22), chirps(6, seed=11)
code = _code


@asynccontextmanager
async def ana_who_speaks(team: Team, link: str, place: Path) -> AsyncIterator[Guest]:
    """A customer with a microphone, at the first seat."""
    flags = microphone_flags(write_wav(place / "ana.wav", ANAS))
    display = team.centre.seat.display.environment()
    async with Chromium(display, width=CUSTOMER_WIDTH, height=HEIGHT, locale="en-GB", extra_flags=flags) as browser:
        await browser.context.grant_permissions(["microphone"], origin=team.centre.relay.url)
        ana = Guest(await browser.first_page(), "Ana P.")
        await ana.join(link)
        await ana.screen("waiting")
        yield ana


@asynccontextmanager
async def speaking(team: Team, desk: Desk, file: Path) -> AsyncIterator[None]:
    """That rep's app with a microphone that hears a file; afterwards as it was."""
    await desk.app.stop()
    await team.restart(desk, SUPPORT_TEST_SOUND=str(file))
    try:
        yield
    finally:
        await team.end_all()
        await desk.app.stop()
        await team.restart(desk)


def sound_of(path: Path) -> np.ndarray:
    """All that is to be heard of it, mono at 48 kHz, float."""
    with av.open(str(path)) as file:
        parts = [frame.to_ndarray().reshape(-1) for frame in file.decode(audio=0)]
    return np.concatenate(parts).astype(np.float64)


def is_heard(sound: np.ndarray, since_s: float, voice: np.ndarray) -> float:
    """How much one second of the two from there is like that voice at most, which goes on and on.

    At most: where the computer is busy with all this at once, a moment of sound may be late and be filled up.
    """
    both = np.concatenate([voice, voice])
    starts = (int((since_s + later) * RATE) for later in (0.0, 0.25, 0.5, 0.75, 1.0))
    return max(compare(sound[start : start + RATE], both).likeness for start in starts)


def codes_of(path: Path) -> list[tuple[float, tuple[int, int], int]]:
    """When, in which size, and which time code, of the pictures that bear one."""
    found = []
    places: dict[tuple[int, int], timecode.Place | None] = {}
    with av.open(str(path)) as file:
        for number, frame in enumerate(file.decode(video=0)):
            if number % 3 or frame.time is None:
                continue
            pixels = frame.reformat(format="bgra")
            plane = pixels.planes[0]
            data, stride = bytes(plane), plane.line_size
            size = (frame.width, frame.height)
            place = places.get(size)
            value = timecode.read(data, stride, place) if place is not None else None
            if value is None:  # where it was in the picture before it is found at once
                place = places[size] = timecode.find(data, *size, stride)
                value = timecode.read(data, stride, place) if place is not None else None
            if value is not None:
                found.append((frame.time, size, value))
    return found


@pytest.mark.rule("B-7.8", "B-5.3")
async def test_a_call_both_shares_a_switch_and_other_sizes_are_in_one_file(team: Team, code: object, tmp_path: Path):
    elena = team.desks[0]
    shutil.rmtree(team.centre.place / "elena" / "recordings", ignore_errors=True)  # of other tests
    async with speaking(team, elena, write_wav(tmp_path / "elena.wav", ELENAS)):
        session = await elena.start(single=True)
        async with ana_who_speaks(team, str(session["view"]["link"]), tmp_path) as ana:
            ion = await team.joined("Ion B.", session)
            await ion.screen("let_in")
            await elena.app.click("banner_admit")
            await ion.screen("watching")
            await ana.page.bring_to_front()
            await elena.command("voice")
            await ana.page.click("#call-join", timeout=PATIENCE_MS)
            await elena.app.until(lambda on: on == ["microphone", "speaker"], "sound_is_on")
            await elena.command("record")
            await ana.page.click("#recording-allow", timeout=PATIENCE_MS)
            await elena.app.see("recordingBar")
            running = await elena.app.session(lambda one: recording(one) == "running")
            began = running["recording"]["changed_at"] / 1000

            # Ana alone speaks, then Elena alone.
            await elena.command("mute")
            first = time.time() - began
            await asyncio.sleep(3.5)  # what is measured is the length of what was said
            await ana.page.click("#call-mute")
            await elena.command("mute")
            second = time.time() - began
            await asyncio.sleep(3.5)

            # She shows her screen, then something smaller; then Ion is helped, and Elena shows hers.
            await elena.sees(ana)
            shown = now_code()
            await elena.app.code(above=shown)
            await asyncio.sleep(2)
            await ana.page.evaluate(OTHER_SOURCE, "window")
            chosen = now_code()
            await ana.page.get_by_role("button", name=catalog.sentence("en", "page", "sharing.change")).click()
            await elena.app.code(above=chosen)
            await asyncio.sleep(2)
            await elena.app.until(lambda _: True, "click", name="person_help")
            await elena.app.click("select_dialog_confirm")
            await ion.screen("waiting")
            await expect(ion.page.locator("#recorded")).to_be_visible()
            await elena.command("show_screen")
            await elena.app.see("show_dialog_list")
            await elena.app.click("show_dialog_confirm")
            await elena.app.see("showStrip")
            own = now_code()
            await asyncio.sleep(3)
            # Ion was not asked, but reads of it and may end it, as anybody who is in it.
            await ion.page.bring_to_front()
            await ion.page.click("#recorded-stop")
            path = await whole(team.centre.place / "elena" / "recordings")

    seconds, chapters = await asyncio.to_thread(ffmpeg_plays, path)
    print(f"{path.name}: {seconds:.1f} s, chapters {chapters}")
    assert any("Ana P." in title and "allows" in title for title in chapters)
    assert any("Ion B." in title for title in chapters), "the switch is a chapter"
    sound = await asyncio.to_thread(sound_of, path)
    assert is_heard(sound, first + 1.2, ANAS) > 0.7
    assert is_heard(sound, first + 1.2, ELENAS) < 0.5
    assert is_heard(sound, second + 1.2, ELENAS) > 0.7
    found = await asyncio.to_thread(codes_of, path)
    sizes = {size for _, size, _ in found}
    assert (900, 500) in sizes
    assert len(sizes) >= 3, sizes
    assert any(value > own for _, _, value in found), "what Elena showed is in it"
    # Every picture stands where it was shown: code and place differ by the same time all along, through all shares.
    offsets = [value / 1000 - at for at, _, value in found]
    # A few may have been captured long after they were drawn, where the machine stood still in between.
    low = np.percentile(offsets, 3)
    assert max(offsets) - low < 0.7, (low, min(offsets), max(offsets))
    async with Chromium(headless=True, source=None) as browser:
        played = await chromium_plays(await browser.first_page(), path)
        assert played["duration"] == pytest.approx(seconds, abs=0.1)
        assert [900, 500] in played["sizes"]
    async with Display(960, 720) as display, Firefox(display.environment(), width=960, height=720) as firefox:
        played = await firefox_plays(await firefox.new_tab(), path)
        assert played["duration"] == pytest.approx(seconds, abs=0.1)


def files_in(folder: Path) -> list[Path]:
    return sorted(folder.glob("*"))


async def whole(folder: Path) -> Path:
    """Wait until the one recording there is whole."""

    async def look() -> Path | None:
        there = files_in(folder)
        return there[0] if len(there) == 1 and there[0].suffix == ".webm" else None

    found: Path = await until(look, "a whole recording")
    return found


@pytest.mark.rule("B-7.8")
async def test_a_full_disk_is_said_the_session_goes_on_and_what_is_there_is_played(centre: Centre, tmp_path: Path):
    with small_disk(tmp_path / "small", 1_200) as disk:
        await centre.app.do("settings", recordings_folder=str(disk))
        try:
            session, ana = await centre.sharing()
            await centre.app.do("trigger", name="action_record")
            await ana.page.bring_to_front()
            await ana.page.click("#recording-allow", timeout=PATIENCE_MS)
            await centre.app.see("recordingBar")
            words = catalog.sentence("en", "recordings", "told.disk_full")
            await centre.app.until(lambda texts: any(words in text for text in texts), "texts", within_s=60)
            await expect(ana.page.locator("#recorded")).to_be_hidden(timeout=PATIENCE_MS)
            await centre.app.until(lambda names: "recordingBar" not in names, "names")
            await centre.app.code(above=now_code())
            await ana.say("still here")
            await centre.app.session(lambda one: [line["text"] for line in one["view"]["chat"]][-1:] == ["still here"])
            path = await whole(disk)
            print(f"{path.name}: {path.stat().st_size} bytes")
            seconds, _ = await asyncio.to_thread(ffmpeg_plays, path)
            assert seconds > 2
            async with Chromium(headless=True, source=None) as browser:
                await chromium_plays(await browser.first_page(), path)
            # Room again: the next one is asked for and runs.
            path.unlink()
            await centre.app.do("trigger", name="action_record")
            await ana.page.click("#recording-allow", timeout=PATIENCE_MS)
            await centre.app.session(lambda one: recording(one) == "running")
            await centre.app.do("end", session_id=session["id"])
            await ana.screen("over")
        finally:
            await centre.app.do("settings", recordings_folder="")
