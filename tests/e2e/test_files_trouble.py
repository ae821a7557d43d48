"""Files where something is missing: room, a folder, the file itself, what a private window gives; each says why."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from support_manager.protocol.limits import FILE_PART_BYTES
from tests.e2e.test_files import MB, app_file, digest_of, write_file
from tests.e2e.test_files_resume import Sending
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, Centre
from tests.harness.display import Display
from tests.harness.file_pages import ChromiumFiles, FilesPage, FirefoxFiles, preferences, state
from tests.harness.firefox import Firefox

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


LOSE_FIRST_JOB = """
globalThis.jobs = 0;
globalThis.Worker = class extends Worker {
    postMessage(data, ...more) {
        if (data?.secret && ++jobs === 1) return;
        super.postMessage(data, ...more);
    }
};
"""


async def words(page: FilesPage) -> str:
    return str(await page.read("document.querySelector('#files-list li:last-child').innerText"))


async def rests(centre: Centre, session: dict[str, Any]) -> int:
    """Wait until a paused file does not move for a second; how much of it is there."""
    async with asyncio.timeout(20):
        held = -1
        while True:
            line = await app_file(centre, session, lambda one: one["state"] == "paused")
            if line["done"] == held:
                return held
            held = int(line["done"])
            await asyncio.sleep(1)


@pytest.mark.rule("B-7.5")
async def test_the_customers_browser_runs_full_half_way(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    page = ChromiumFiles(ana.page)
    sending = Sending(centre, session, page, tmp_path, "down")
    await sending.begin()
    await app_file(centre, session, lambda one: one["done"] > 0)
    devtools = await ana.page.context.new_cdp_session(ana.page)
    origin = await page.read("location.origin")
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": origin, "quotaSize": 30 * MB})
    await state(page, "failed", within_s=60)
    assert "no room" in await words(page)
    line = await app_file(centre, session, lambda one: one["state"] == "failed")
    assert not line["by_me"]
    await sending.nothing_left()
    await devtools.send("Storage.overrideQuotaForOrigin", {"origin": origin})
    await devtools.detach()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_file_that_changes_while_it_is_sent_is_stopped(centre: Centre, tmp_path: Path, way: str):
    session, ana = await centre.joined()
    page = ChromiumFiles(ana.page)
    sending = Sending(centre, session, page, tmp_path, way)
    await sending.begin()
    await app_file(centre, session, lambda one: one["done"] > 0)
    with sending.path.open("ab") as file:
        file.write(b"more")
    line = await app_file(centre, session, lambda one: one["state"] == "failed", within_s=60)
    await state(page, "failed", within_s=60)
    if way == "up":
        assert "changed" in await words(page)
    else:
        assert line["code"] == "file_changed"
    await sending.nothing_left()


@pytest.mark.rule("B-7.5")
async def test_a_folder_that_cannot_be_written_is_told_and_another_one_chosen(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    page = ChromiumFiles(ana.page)
    (tmp_path / "file").write_text("in the way")
    digest = write_file(tmp_path / "one.bin", MB)
    await centre.app.do("settings", files_folder=str(tmp_path / "file" / "below"))
    await page.choose(tmp_path / "one.bin")
    await app_file(centre, session, lambda one: one["state"] == "offered")
    await centre.app.click("file_accept")
    await centre.app.until(lambda texts: any("cannot be written" in text for text in texts), "texts")
    await centre.app.do("settings", files_folder=str(tmp_path / "received"))
    await centre.app.click("file_accept")
    await app_file(centre, session, lambda one: one["state"] == "done")
    assert digest_of(tmp_path / "received" / "one.bin") == digest


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("who", ["rep", "customer"])
async def test_paused_by_either_it_goes_on_by_either_and_is_cancelled_by_either(
    centre: Centre, tmp_path: Path, who: str
):
    session, ana = await centre.joined()
    page = ChromiumFiles(ana.page)
    sending = Sending(centre, session, page, tmp_path, "up")
    await sending.begin()
    await app_file(centre, session, lambda one: one["done"] > 0)
    last = "#files-list li:last-child .buttons button"

    async def press(name: str, place: int) -> None:
        if who == "rep":
            await centre.app.click(f"file_{name}")
        else:
            await page.click(f"{last}:nth-child({place})")

    await press("pause", 1)
    await state(page, "paused")
    said = (await app_file(centre, session, lambda one: one["state"] == "paused"))["done"]
    held = await rests(centre, session)
    # A part that was being written when the word came is written to its end.
    assert held - said <= FILE_PART_BYTES, "nothing moves"
    await press("resume", 1)
    await app_file(centre, session, lambda one: one["done"] > held)
    await press("cancel", 2)
    await state(page, "stopped")
    await app_file(centre, session, lambda one: one["state"] == "stopped")
    await sending.nothing_left()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("way", ["up", "down"])
async def test_a_worker_that_takes_its_job_and_never_begins_is_replaced(centre: Centre, tmp_path: Path, way: str):
    """Firefox has such; here the first worker's job is lost on its way to it."""
    session = await centre.start_session()
    ana = await centre.customer()
    await ana.page.add_init_script(LOSE_FIRST_JOB)
    await ana.join(session["view"]["link"])
    await ana.screen("waiting")
    sending = Sending(centre, session, ChromiumFiles(ana.page), tmp_path, way, 20 * MB)
    await sending.begin()
    await app_file(centre, session, lambda one: one["state"] == "done", within_s=60)
    await sending.arrived()
    assert await ana.page.evaluate("jobs") == 2


@pytest.mark.rule("B-7.5")
async def test_a_folder_that_is_still_packed_is_cancelled_and_nothing_is_offered(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    page = ChromiumFiles(ana.page)
    folder = tmp_path / "large"
    folder.mkdir()
    for name in ("a", "b"):
        with (folder / name).open("wb") as file:
            file.truncate(1_900 * MB)
    await page.choose(folder, "files-folder")
    await state(page, "packing")
    await page.click("#files-list li:last-child .buttons button")
    await state(page, "stopped")
    assert "Stopped" in await words(page)
    # What is offered after it is the first that the rep sees.
    small = tmp_path / "small.bin"
    await asyncio.to_thread(write_file, small, 1_000)
    await page.choose(small)
    line = await app_file(centre, session, lambda _: True)
    assert line["name"] == "small.bin"
    assert len(await centre.app.until(bool, "files", session_id=session["id"])) == 1


@pytest_asyncio.fixture(loop_scope="session")
async def private_firefox(tmp_path: Path) -> AsyncIterator[tuple[Firefox, Path]]:
    folder = tmp_path / "downloads"
    folder.mkdir()
    wanted = {**preferences(folder), "browser.privatebrowsing.autostart": True}
    async with (
        Display(CUSTOMER_WIDTH, HEIGHT) as display,
        Firefox(display.environment(), preferences=wanted) as browser,
    ):
        yield browser, folder


@pytest.mark.rule("B-7.5")
async def test_a_private_window_says_what_fits_takes_it_over_a_pause_and_says_what_a_reload_lost(
    centre: Centre, private_firefox, tmp_path: Path
):
    firefox, folder = private_firefox
    session = await centre.start_session()
    tab = await firefox.new_tab()
    await tab.goto(session["view"]["link"])
    await tab.type("#field-name", "Ana P.")
    await tab.click("#join-send")
    page = FirefoxFiles(tab, folder)
    hint = await tab.until("document.querySelector('#files-hint')?.innerText.includes('fit') && "
                           "document.querySelector('#files-hint').innerText")  # fmt: skip
    print(hint)
    sending = Sending(centre, session, page, tmp_path, "down", 60 * MB)
    await sending.begin()
    await app_file(centre, session, lambda one: one["state"] == "done", within_s=60)
    assert digest_of(await page.saved()) == sending.digest
    await tab.evaluate("void document.querySelector('#files-list').scrollIntoView()")
    paused = Sending(centre, session, page, tmp_path, "down")
    await paused.begin()
    await app_file(centre, session, lambda one: one["done"] > 40 * MB)
    await page.click("#files-list li:last-child .buttons button:nth-child(1)")
    await state(page, "paused")
    await page.click("#files-list li:last-child .buttons button:nth-child(1)")
    await app_file(centre, session, lambda one: one["state"] == "done", within_s=120)
    assert digest_of(await page.saved()) == paused.digest
    lost = Sending(centre, session, page, tmp_path, "down")
    await lost.begin()
    await lost.half()
    # What is left may not be through before the browser has loaded anew.
    with centre.app.held():
        await page.reload()
    await state(page, "failed")
    assert "kept nothing of it" in await words(page)
    await app_file(centre, session, lambda one: one["state"] == "failed")
    await lost.nothing_left()
