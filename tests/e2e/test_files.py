"""Files between a real browser and the real app: both ways, resumed after every kind of cut, equal to the last byte."""

import hashlib
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import expect

from tests.harness.centre import Centre, Customer

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser]

MB = 1_000_000


def write_file(path: Path, size: int) -> str:
    """A file of that size without any pattern that could hide a swap; its SHA-256."""
    found = hashlib.sha256()
    with path.open("wb") as file:
        for number in range(0, size, MB):
            piece = hashlib.shake_128(f"{path.name} {number}".encode()).digest(min(MB, size - number))
            file.write(piece)
            found.update(piece)
    return found.hexdigest()


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def app_file(
    centre: Centre, session: dict[str, Any], condition: Callable[[dict[str, Any]], bool], within_s: float = 30
) -> dict[str, Any]:
    """Wait until the newest file of the session, as the app has it, is so."""
    found = await centre.app.until(
        lambda files: files and condition(files[-1]), "files", session_id=session["id"], within_s=within_s
    )
    return dict(found[-1])


async def page_file(ana: Customer, state: str, within_ms: float = 30_000) -> None:
    """Wait until the newest file on the page is in that state."""
    last = ana.page.locator("#files-list li").last
    await expect(last).to_have_attribute("data-state", state, timeout=within_ms)


async def choose(ana: Customer, path: Path) -> None:
    """Choose a file to be sent to the rep."""
    await expect(ana.page.locator("#files-send")).to_be_enabled(timeout=20_000)
    await ana.page.set_input_files("#files-input", str(path))


@pytest.mark.rule("B-7.5")
async def test_a_file_goes_to_the_rep_and_one_comes_back(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    await centre.app.do("settings", files_folder=str(tmp_path / "received"))
    up, down = tmp_path / "report.bin", tmp_path / "fix.bin"
    up_hash, down_hash = write_file(up, 50 * MB), write_file(down, 50 * MB)
    await choose(ana, up)
    line = await app_file(centre, session, lambda one: one["state"] == "offered")
    assert (line["name"], line["size"], line["weak"]) == ("report.bin", 50 * MB, False)
    assert not (tmp_path / "received").exists(), "nothing before the yes"
    await centre.app.click("file_accept")
    line = await app_file(centre, session, lambda one: one["state"] == "done")
    assert line["digest"] == up_hash
    assert digest_of(tmp_path / "received" / "report.bin") == up_hash
    await page_file(ana, "done")
    await expect(ana.page.locator("#files-list")).to_contain_text(up_hash)

    await centre.app.do("offer_files", session_id=session["id"], paths=[str(down)])
    await page_file(ana, "offered")
    async with ana.page.expect_download() as download:
        await ana.page.get_by_role("button", name="Accept").click()
        line = await app_file(centre, session, lambda one: one["state"] == "done")
    assert line["digest"] == down_hash
    saved = await (await download.value).path()
    assert digest_of(saved) == down_hash


async def drop(ana: Customer, *paths: Path) -> None:
    """Drag files and folders over the page and let go, as from a file manager."""
    devtools = await ana.page.context.new_cdp_session(ana.page)
    data = {"items": [], "files": [str(path) for path in paths], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver", "drop"):
        await devtools.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    await devtools.detach()


@pytest.mark.rule("B-7.5")
async def test_a_folder_and_files_that_are_dropped_arrive_together(centre: Centre, tmp_path: Path):
    session, ana = await centre.joined()
    received = tmp_path / "received"
    await centre.app.do("settings", files_folder=str(received))
    folder = tmp_path / "Dosar ș"
    (folder / "în").mkdir(parents=True)
    inside = {"a.bin": write_file(folder / "a.bin", MB), "în/b.bin": write_file(folder / "în" / "b.bin", 2 * MB)}
    plain = {name: write_file(tmp_path / name, MB) for name in ("one.bin", "two.bin")}
    await expect(ana.page.locator("#files-send")).to_be_enabled(timeout=20_000)
    await drop(ana, folder, *(tmp_path / name for name in plain))
    await ana.page.set_input_files("#files-folder", str(folder))

    def all_offered(files: list[dict[str, Any]]) -> bool:
        return [one["state"] for one in files] == ["offered"] * 4

    for line in await centre.app.until(all_offered, "files", session_id=session["id"]):
        await centre.app.do("file", act="accept", session_id=session["id"], file_id=line["id"])
    await centre.app.until(
        lambda files: all(one["state"] == "done" for one in files), "files", session_id=session["id"]
    )
    names = {"Dosar ș.zip", "Dosar ș (2).zip", *plain}
    assert {path.name for path in received.iterdir()} == names
    assert {name: digest_of(received / name) for name in plain} == plain
    assert digest_of(received / "Dosar ș.zip") == digest_of(received / "Dosar ș (2).zip")
    with zipfile.ZipFile(received / "Dosar ș.zip") as archive:
        assert archive.testzip() is None
        found = {name: hashlib.sha256(archive.read(f"Dosar ș/{name}")).hexdigest() for name in inside}
    assert found == inside
