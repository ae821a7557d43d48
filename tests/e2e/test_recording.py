"""Recording with a real customer: refused, allowed, seen by everybody, stopped from either side, and what ends it."""

import asyncio
import shutil
import time
from pathlib import Path
from typing import Any

import av
import pytest
from playwright.async_api import expect

from support_manager.media.webm import HEADER_BYTES, VIDEO, elements, is_cluster, read_cluster, read_front
from tests.harness.centre import PATIENCE_MS, Centre, Customer, until
from tests.harness.chromium import Chromium
from tests.harness.players import chromium_plays, ffmpeg_plays
from tests.harness.team import Team

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]


def folder(centre: Centre) -> Path:
    return centre.place / "profile" / "recordings"


@pytest.fixture(autouse=True)
def _no_recordings(whole_centre: Centre):
    yield
    shutil.rmtree(folder(whole_centre), ignore_errors=True)


def recording(session: dict[str, Any]) -> str | None:
    """Where the recording of a session stands, as the app has it."""
    found = session.get("recording")
    return None if found is None else found["state"]


async def finished(centre: Centre, count: int = 1) -> list[Path]:
    """Wait until there are so many whole recordings, and none that is not."""

    async def look() -> list[Path] | None:
        there = list(folder(centre).glob("*"))
        return sorted(there) if len(there) == count and all(one.suffix == ".webm" for one in there) else None

    found: list[Path] = await until(look, "finished recordings")
    return found


async def asked(centre: Centre, ana: Customer) -> None:
    """The rep chooses to record; the customer has the question before her."""
    await centre.app.until(bool, "enabled", name="action_record")
    await centre.app.do("trigger", name="action_record")
    await ana.page.bring_to_front()
    await ana.screen("record_asked")
    # Until his app knows of it too, the same command would ask once more.
    await centre.app.session(lambda one: recording(one) == "asked")


async def recording_runs(centre: Centre, ana: Customer) -> None:
    """Asked, allowed, and running on both sides."""
    await asked(centre, ana)
    await ana.page.click("#recording-allow")
    await expect(ana.page.locator("#recorded")).to_contain_text("being recorded by")
    await centre.app.session(lambda one: recording(one) == "running")


def frames_of(path: Path) -> tuple[int, float]:
    """How many pictures can be decoded, and how long it lasts, in seconds."""
    with av.open(str(path)) as file:
        assert file.duration is not None
        seconds = file.duration / 1_000_000
        return sum(1 for _ in file.decode(video=0)), seconds


def started_at(part: Path) -> float:
    """When a recording began, in seconds since 1970."""
    return read_front(part.read_bytes()[:HEADER_BYTES]).facts.started_at / 1000


def pictures(path: Path) -> list[float]:
    """When there are pictures of the share in what lies on the disk already, in seconds since the start."""
    data = path.read_bytes()
    whole = (one for one in elements(data, HEADER_BYTES) if is_cluster(one) and one.at + one.size <= len(data))
    blocks = (block for one in whole for block in read_cluster(data[one.at : one.at + one.size]))
    return [block.at_ms / 1000 for block in blocks if block.track == VIDEO and not block.blank]


async def recorded_for(centre: Centre, time_shown: str) -> None:
    """Wait until the bar says that it has been recorded for so long, e.g. `00:03`, or longer."""
    await centre.app.until(lambda text: text >= time_shown, "text", name="recordingFigures")


@pytest.mark.rule("B-7.8")
async def test_without_a_yes_nothing_is_recorded(centre: Centre):
    _, ana = await centre.joined()
    await asked(centre, ana)
    await expect(ana.page.locator("#title")).to_contain_text("asks to record")
    await ana.page.click("#recording-refuse")
    await ana.screen("waiting")
    await centre.app.session(lambda one: recording(one) is None)
    assert not folder(centre).exists()
    # Every time anew.
    await asked(centre, ana)
    await centre.app.do("trigger", name="action_record")  # and taken back
    await ana.screen("waiting")
    assert not folder(centre).exists()


@pytest.mark.rule("B-7.8")
async def test_it_runs_for_all_to_see_and_the_customer_stops_it_with_one_click(centre: Centre):
    _, ana = await centre.sharing()
    await recording_runs(centre, ana)
    await ana.screen("sharing")
    await centre.app.see("recordingBar")
    await centre.app.until(lambda texts: any("You are recording" in text for text in texts), "texts")
    session = await centre.app.session()

    async def begun() -> bool:
        return any(pictures(each) for each in folder(centre).glob("*"))

    await until(begun, "the first picture on the disk")
    before = (await centre.app.do("painted", session_id=session["id"]))[0]
    await recorded_for(centre, "00:03")
    painted = (await centre.app.do("painted", session_id=session["id"]))[0] - before
    await ana.say("What a nice film")
    await centre.app.session(lambda one: any("nice film" in line["text"] for line in one["view"].get("chat", [])))
    await ana.page.click("#recorded-stop")
    await expect(ana.page.locator("#recorded")).to_be_hidden(timeout=PATIENCE_MS)
    await centre.app.session(lambda one: recording(one) is None)
    (path,) = await finished(centre)
    assert " Ana P " in path.name
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    count, seconds = frames_of(path)
    assert seconds > 2.5
    assert count >= painted > 5, "whatever was seen meanwhile is in it"
    with av.open(str(path)) as file:
        titles = [chapter["metadata"]["title"] for chapter in file.chapters()]
    assert titles[0] == "Ana P. allows the recording by Maria G."
    assert "Ana P.: What a nice film" in titles
    await ana.screen("sharing")


@pytest.mark.slow
@pytest.mark.rule("B-7.8")
async def test_the_rep_stops_it_and_a_lost_link_does_not(centre: Centre):
    _, ana = await centre.sharing()
    await recording_runs(centre, ana)
    centre.relay.kill9()
    await centre.app.until(lambda link: link == "reconnecting", "link")
    centre.relay.start()
    await centre.app.until(lambda link: link == "online", "link", within_s=40)
    await ana.page.reload()
    await expect(ana.page.locator("#recorded")).to_be_visible(timeout=40_000)
    await centre.app.session(lambda one: recording(one) == "running")
    assert [one.suffix for one in folder(centre).iterdir()] == [".part"]
    await centre.app.do("trigger", name="action_record")
    await expect(ana.page.locator("#recorded")).to_be_hidden(timeout=PATIENCE_MS)
    (path,) = await finished(centre)
    assert frames_of(path)[1] > 1


@pytest.mark.rule("B-7.8")
async def test_the_end_of_the_session_ends_it(centre: Centre):
    session, ana = await centre.sharing()
    await recording_runs(centre, ana)
    await recorded_for(centre, "00:02")
    await centre.app.do("end", session_id=session["id"])
    await ana.screen("over")
    await finished(centre)
    await expect(ana.page.locator("#recorded")).to_be_hidden()


@pytest.mark.slow
@pytest.mark.rule("B-7.8")
async def test_the_customers_stop_works_while_the_relay_is_away(centre: Centre):
    _, ana = await centre.sharing()
    await recording_runs(centre, ana)
    await recorded_for(centre, "00:01")
    centre.relay.kill9()
    await centre.app.until(lambda link: link == "reconnecting", "link")
    await ana.page.click("#recorded-stop")
    await centre.app.session(lambda one: recording(one) is None)
    await finished(centre)
    centre.relay.start()
    await expect(ana.page.locator("#recorded")).to_be_hidden(timeout=40_000)
    await centre.app.until(lambda link: link == "online", "link", within_s=40)


@pytest.mark.slow
@pytest.mark.rule("B-7.8", "B-9.4")
async def test_transfer_control_ends_it_and_the_new_controller_asks_anew(team: Team):
    elena, dan, _ = team.desks
    shutil.rmtree(team.centre.place / "elena" / "recordings", ignore_errors=True)  # of other tests
    session = await elena.start()
    ana = await team.joined("Ana P.", session)
    await elena.command("record")
    await ana.screen("record_asked")
    await ana.page.click("#recording-allow")
    await elena.app.session(lambda one: recording(one) == "running")
    await elena.sees(ana)
    await dan.assist(session["view"]["number"])
    await dan.app.see("recordingBar")
    await dan.app.session(lambda one: recording(one) == "running")
    await elena.command("transfer_control")
    await elena.app.click("control_dialog_confirm")
    await elena.app.session(lambda one: recording(one) is None)
    await expect(ana.page.locator("#recorded")).to_be_hidden(timeout=PATIENCE_MS)
    kept = team.centre.place / "elena" / "recordings"

    async def whole() -> bool:
        return [one.suffix for one in kept.glob("*")] == [".webm"]

    await until(whole, "the former controller's recording")
    await dan.app.session(lambda one: recording(one) is None)
    await dan.command("record")
    await ana.screen("record_asked")


@pytest.mark.slow
@pytest.mark.rule("B-7.8")
@pytest.mark.parametrize("after", ["00:00", "00:03", "00:06"], ids=["the first picture", "3 s", "6 s"])
async def test_a_crash_of_the_app_costs_two_seconds_and_the_next_start_finishes_it(centre: Centre, after: str):
    _, ana = await centre.sharing()
    await recording_runs(centre, ana)

    async def begun() -> Path | None:
        return next((each for each in folder(centre).glob("*") if pictures(each)), None)

    # Of a recording without any there would be nothing to finish.
    part: Path = await until(begun, "the first picture on the disk")
    await recorded_for(centre, after)
    began, cut_off_at = time.monotonic(), time.time()
    await centre.app.kill9()
    assert time.monotonic() - began < 5
    begun_at = started_at(part)
    centre.app = centre.make_app()
    await centre.app.start()
    await centre.app.until(lambda link: link == "online", "link")
    whole = part.with_name(part.name.removesuffix(".part"))

    async def is_whole() -> bool:
        return whole.exists()

    await until(is_whole, "the recording that was cut off")
    count, seconds = frames_of(whole)
    assert seconds > cut_off_at - begun_at - 2
    shown = pictures(whole)
    assert count >= len(shown) > 0
    assert len(shown) > 10 * (seconds - shown[0]) - 1, "from the first one on they come in a row"
    # The customer's yes still holds: it goes on, in a file of its own, and everybody still reads so.
    await expect(ana.page.locator("#recorded")).to_be_visible()
    await centre.app.session(lambda one: recording(one) == "running", within_s=40)
    await recorded_for(centre, "00:02")
    await centre.app.do("trigger", name="action_record")
    await finished(centre, 2)
    length, titles = await asyncio.to_thread(ffmpeg_plays, whole)
    assert length == pytest.approx(seconds, abs=0.1)
    assert titles[0] == "Ana P. allows the recording by Maria G."
    async with Chromium(headless=True, source=None) as browser:
        assert (await chromium_plays(await browser.first_page(), whole))["duration"] == pytest.approx(seconds, abs=0.1)
