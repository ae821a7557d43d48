"""Transfer Control while a file is under way: it ends at both ends, what had arrived stays, and files begin anew."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.test_files import MB, digest_of, write_file
from tests.harness.centre import until
from tests.harness.file_pages import LAST, ChromiumFiles, accept, state
from tests.harness.team import Desk, Guest, Team, plain

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

LARGE = 300 * MB


class Ends:
    """Files between a customer's page and the app of whoever is in charge.

    Args:
        desk: in charge.
        session: as he has it.
        page: the customer's.
        way: `up` to the rep, `down` to the customer.
    """

    def __init__(self, desk: Desk, session: dict[str, Any], page: ChromiumFiles, way: str) -> None:
        self._desk, self._id, self._page, self._way = desk, session["id"], page, way

    async def offer(self, path: Path) -> None:
        """Offer a file and wait until the other end is asked."""
        if self._way == "up":
            await self._page.choose(path)
            await self.comes_to(lambda one: one["name"] == path.name and one["state"] == "offered")
        else:
            await self._desk.app.do("offer_files", session_id=self._id, paths=[str(path)])
            await state(self._page, "offered")

    async def accept(self) -> None:
        """Say yes to what was offered last, also where a dialog of the app is open."""
        if self._way == "down":
            await accept(self._page)
            return
        line = await self.comes_to(lambda one: one["state"] == "offered")
        await self._desk.app.do("file", act="accept", session_id=self._id, file_id=line["id"])

    async def comes_to(self, condition: Callable[[dict[str, Any]], bool], within_s: float = 60) -> dict[str, Any]:
        """Wait until the newest file is so, as the app has it."""
        found = await self._desk.app.until(
            lambda files: files and condition(files[-1]), "files", session_id=self._id, within_s=within_s
        )
        return dict(found[-1])

    async def arrives(self, path: Path) -> None:
        """Offer a small one, agree, and wait until it is there."""
        await self.offer(path)
        await self.accept()
        await self.comes_to(lambda one: one["name"] == path.name and one["state"] == "done")
        await state(self._page, "done")

    async def states(self) -> list[tuple[str, str]]:
        """All of them, as the app lists them."""
        return [(one["name"], one["state"]) for one in await self._desk.app.do("files", session_id=self._id)]


async def listed(page: ChromiumFiles) -> list[list[str]]:
    """All files on the page: name, state and words."""
    found: list[list[str]] = await page.read(
        "[...document.querySelectorAll('#files-list li')].map((one) =>"
        " [one.querySelector('.file-name').innerText, one.dataset.state, one.querySelector('.file-words').innerText])"
    )
    return found


async def kept(page: ChromiumFiles) -> int:
    """How many files the customer's browser holds for the page."""
    return int(
        await page.read(
            """(async () => {
              const root = await navigator.storage.getDirectory();
              const folder = await root.getDirectoryHandle("files", { create: true });
              let count = 0;
              for await (const name of folder.keys()) count += 1;
              return count;
            })()"""
        )
    )


@pytest.mark.rule("B-7.5", "B-9.4")
@pytest.mark.parametrize("way", ["up", "down"])
async def test_transfer_control_ends_what_is_under_way_and_leaves_what_has_arrived(
    team: Team, tmp_path: Path, way: str
):
    elena, dan, _ = team.desks
    received = {desk: tmp_path / desk.name for desk in (elena, dan)}
    for desk, folder in received.items():
        await desk.app.do("settings", files_folder=str(folder))
    small, large, next_one = tmp_path / "small.bin", tmp_path / "large.bin", tmp_path / "next.bin"
    digest = await asyncio.to_thread(write_file, small, MB)
    await asyncio.to_thread(write_file, large, LARGE)
    next_digest = await asyncio.to_thread(write_file, next_one, MB)
    session = await elena.start(single=True)
    ana: Guest = await team.joined("Ana P.", session)
    await ana.screen("waiting")
    page = ChromiumFiles(ana.page)
    await dan.assist(str(session["view"]["number"]))
    await dan.reads("banner.assist", name=elena.name)

    ends = Ends(elena, session, page, way)
    await ends.arrives(small)
    await ends.offer(large)
    await elena.command("transfer_control")
    await elena.app.see("control_dialog_confirm")  # first, for half of a file is there in a second or two
    await ends.accept()
    line = await ends.comes_to(lambda one: one["done"] >= LARGE * 2 // 5)
    assert (line["state"], line["done"] < LARGE) == ("running", True), "too fast to be cut"
    assert not (received[elena] / "large.bin").exists()
    await elena.app.click("control_dialog_confirm")  # the one assistant is chosen already
    await dan.can("end_session")

    # Both ends say what became of it, and why, and go on listing what had arrived.
    line = await ends.comes_to(lambda one: one["state"] == "stopped")
    assert (line["end"], line["path"], line["digest"]) == ("control_transferred", "", "")
    assert await ends.states() == [("small.bin", "done"), ("large.bin", "stopped")]
    await state(page, "stopped")
    said = await listed(page)
    assert [one[:2] for one in said] == [["small.bin", "done"], ["large.bin", "stopped"]]
    stopped = ana.words(f"files.state_stopped_{'out' if way == 'up' else 'in'}")
    assert plain(said[1][2]) == f"{stopped} {ana.words('files.over_control_transferred')}"
    await ana.reads("#lines", "mark.control", former=elena.name, name=dan.name)
    await ana.reads("#files-list", f"files.state_done_{'out' if way == 'up' else 'in'}", size="1 MB")
    assert digest in await page.read("document.querySelector('#files-list').innerText")
    await elena.app.click("besideFiles")
    stopped = elena.words(f"state.stopped.{'in' if way == 'up' else 'out'}", "files")
    await elena.reads_text(f"{stopped} {elena.words('over.control', 'files')}")
    await elena.reads(f"state.done.{'in' if way == 'up' else 'out'}", "files", size="1.0 MB", name="Ana P.")
    await elena.reads("banner.assist", name=dan.name)
    await elena.can("send_file", yes=False)

    # Nothing of it is left anywhere, under whatever name.
    assert await dan.app.do("files", session_id=session["id"]) == [], "they are between the two who had them"
    pieces = team.centre.relay.data / "files"

    async def nothing_left() -> bool:
        here = [path.name for path in received[elena].iterdir()] if received[elena].exists() else []
        at_the_relay = [path.name for path in pieces.iterdir()]
        found = here, await kept(page), at_the_relay
        return found == ((["small.bin"], 0, ["boot"]) if way == "up" else ([], 1, ["boot"]))

    await until(nothing_left, "nothing is left of it", 60)
    if way == "up":
        assert digest_of(received[elena] / "small.bin") == digest
    else:
        assert digest_of(await page.saved()) == digest
    assert await page.read(f"document.querySelectorAll('{LAST} button').length") == 0

    # Under the new controller files go again, by a new yes.
    anew = Ends(dan, session, page, way)
    await anew.arrives(next_one)
    assert await anew.states() == [("next.bin", "done")]
    assert [one[1] for one in await listed(page)] == ["done", "stopped", "done"]
    saved = received[dan] / "next.bin" if way == "up" else await page.saved()
    assert digest_of(saved) == next_digest
    assert await ends.states() == [("small.bin", "done"), ("large.bin", "stopped")]
    await dan.reads_only_his_language()
