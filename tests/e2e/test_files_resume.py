"""Files that are cut off half-way: relay, app and page each come back, go on, and leave nothing lying about."""

import asyncio
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.e2e.test_files import MB, app_file, choose, digest_of, page_file, write_file
from tests.harness.centre import Centre

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

SIZE = 400 * MB
PART = 40 * MB


async def receiving(centre: Centre, folder: Path):
    """A session whose customer's large file is a good part here."""
    session, ana = await centre.joined()
    await centre.app.do("settings", files_folder=str(folder / "received"))
    digest = write_file(folder / "big.bin", SIZE)
    await choose(ana, folder / "big.bin")
    await app_file(centre, session, lambda one: one["state"] == "offered")
    await centre.app.click("file_accept")
    await app_file(centre, session, lambda one: one["done"] > PART)
    return session, ana, digest


async def arrived_once(centre: Centre, session, folder: Path, digest: str) -> None:
    line = await app_file(centre, session, lambda one: one["state"] == "done", within_s=120)
    assert line["digest"] == digest
    assert [path.name for path in (folder / "received").iterdir()] == ["big.bin"], "no litter"
    assert digest_of(folder / "received" / "big.bin") == digest


@pytest.mark.rule("B-7.5")
async def test_the_relay_is_killed_half_way(centre: Centre, tmp_path: Path):
    session, ana, digest = await receiving(centre, tmp_path)
    await asyncio.to_thread(centre.relay.kill9)
    await centre.app.until(lambda link: link == "reconnecting", "link")
    await asyncio.to_thread(centre.relay.start)
    await arrived_once(centre, session, tmp_path, digest)
    await page_file(ana, "done")


@pytest.mark.rule("B-7.5")
async def test_the_app_is_killed_half_way(centre: Centre, tmp_path: Path):
    session, ana, digest = await receiving(centre, tmp_path)
    await centre.app.kill9()
    centre.app = centre.make_app()
    await centre.app.start()
    await centre.app.until(lambda link: link == "online", "link")
    await arrived_once(centre, session, tmp_path, digest)
    await page_file(ana, "done")


@pytest.mark.rule("B-7.5")
async def test_the_page_is_loaded_anew_half_way(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    digest = write_file(tmp_path / "big.bin", SIZE)
    await centre.app.do("offer_files", session_id=session["id"], paths=[str(tmp_path / "big.bin")])
    await page_file(ana, "offered")
    await ana.page.get_by_role("button", name="Accept").click()
    await app_file(centre, session, lambda one: one["done"] > PART)
    ana.page.on("dialog", lambda dialog: asyncio.ensure_future(dialog.accept()))  # noqa: TID251 - the browser's question
    async with ana.page.expect_download(timeout=120_000) as download:
        await ana.page.reload()
        line = await app_file(centre, session, lambda one: one["state"] == "done", within_s=120)
    assert line["digest"] == digest
    assert digest_of(await (await download.value).path()) == digest
    await expect(ana.page.locator("#files-list")).to_contain_text(digest)
