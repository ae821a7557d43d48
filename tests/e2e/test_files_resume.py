"""Files that are cut off half-way, in both browsers: whatever was away comes back, and it goes on where it was."""

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.test_files import MB, app_file, digest_of, write_file
from tests.harness.centre import CUSTOMER_WIDTH, HEIGHT, Centre, require_namespace, until
from tests.harness.chromium import BareChromium
from tests.harness.display import Display
from tests.harness.file_pages import (
    BareFiles,
    ChromiumFiles,
    FilesPage,
    FirefoxFiles,
    accept,
    choose_again,
    preferences,
    state,
)
from tests.harness.firefox import Firefox
from tests.harness.netns import SecondHost

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]

SIZE = 200 * MB
STANDS_STILL_S = 60


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def firefox(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[tuple[Firefox, Path]]:
    folder = tmp_path_factory.mktemp("firefox-downloads")
    async with (
        Display(CUSTOMER_WIDTH, HEIGHT) as display,
        Firefox(display.environment(), preferences=preferences(folder)) as browser,
    ):
        yield browser, folder


class Sending:
    """One file between a customer's page and the app, and what is left of it afterwards.

    Args:
        centre: of the app.
        session: with the customer in it.
        page: his.
        folder: of this test.
        way: `up` to the rep, `down` to the customer.
        size: of the file.
    """

    def __init__(
        self, centre: Centre, session: dict[str, Any], page: FilesPage, folder: Path, way: str, size: int = SIZE
    ) -> None:
        self.centre, self.session, self.page, self.way, self.size = centre, session, page, way, size
        self.path, self.received = folder / f"{way}.bin", folder / "received"
        self.digest = ""

    async def begin(self) -> None:
        """Offer and accept it."""
        self.digest = await asyncio.to_thread(write_file, self.path, self.size)
        await self.centre.app.do("settings", files_folder=str(self.received))
        if self.way == "up":
            await self.page.choose(self.path)
            await app_file(self.centre, self.session, lambda one: one["state"] == "offered")
            await self.centre.app.click("file_accept")
        else:
            await self.centre.app.do("offer_files", session_id=self.session["id"], paths=[str(self.path)])
            await accept(self.page)

    async def _comes_to(self, condition: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """Wait until the file is so, for as long as it moves: how fast is the disk's affair."""
        lines: list[dict[str, Any]] = []

        def moved_or_so(files: list[dict[str, Any]]) -> bool:
            return bool(files) and (not lines or files[-1]["done"] != lines[-1]["done"] or condition(files[-1]))

        while not lines or not condition(lines[-1]):
            found = await self.centre.app.until(
                moved_or_so, "files", session_id=self.session["id"], within_s=STANDS_STILL_S
            )
            lines.append(dict(found[-1]))
        return lines[-1]

    async def half(self) -> None:
        """Wait until nearly half of it is there, and not all."""
        line = await self._comes_to(lambda one: one["done"] >= self.size * 2 // 5)
        assert line["state"] == "running"
        assert line["done"] < self.size, "too fast to be cut"

    async def goes_on(self) -> None:
        """See that it does not begin anew."""
        line = await self._comes_to(lambda one: one["done"] > 0)
        # What was on its way and not acknowledged goes once more: two parts at each of the two ends.
        assert line["done"] >= self.size * 2 // 5 - 40 * MB

    async def nothing_left(self) -> None:
        """Wait until neither the app nor the relay keeps anything of it."""
        pieces = self.centre.relay.data / "files"

        async def clean() -> bool:
            litter = self.received.exists() and any(self.received.iterdir())
            return not litter and [path.name for path in pieces.iterdir()] == ["boot"]

        await until(clean, "nothing is left of it", 60)

    async def arrived(self) -> None:
        """See that it is there once, whole, told at both ends, and that nothing else is."""
        line = await self._comes_to(lambda one: one["state"] == "done")
        assert line["digest"] == self.digest
        await state(self.page, "done", within_s=60)
        assert self.digest in await self.page.read("document.querySelector('#files-list').innerText")
        if self.way == "up":
            assert [path.name for path in self.received.iterdir()] == ["up.bin"], "no litter"
            assert await asyncio.to_thread(digest_of, self.received / "up.bin") == self.digest
        else:
            assert not self.received.exists()
            assert await asyncio.to_thread(digest_of, await self.page.saved()) == self.digest
        pieces = self.centre.relay.data / "files"

        async def clean() -> bool:
            return [path.name for path in pieces.iterdir()] == ["boot"]

        await until(clean, "the relay keeps nothing")
        left = await self.page.read(
            """(async () => {
              const root = await navigator.storage.getDirectory();
              const folder = await root.getDirectoryHandle("files", { create: true });
              const names = [];
              for await (const name of folder.keys()) names.push(name);
              const listed = Object.entries(localStorage).filter(([name]) => name.startsWith("support.files."));
              return { names, listed: listed.map(([name, lines]) => `${name}: ${lines}`) };
            })()"""
        )
        # What the customer received stays for Save until the session is over.
        assert len(left["names"]) == (1 if self.way == "down" else 0), left
        # Some gigabytes in all; a disk may be small.
        self.path.unlink()
        shutil.rmtree(self.received, ignore_errors=True)


class Meeting:
    """Brings customers into sessions, each in a browser of his own.

    Args:
        centre: of the app.
        stack: what the browsers live in.
        folder: for downloads.
        firefox: for those who use it, and where it saves.
    """

    def __init__(
        self,
        centre: Centre,
        stack: AsyncExitStack,
        folder: Path,
        firefox: tuple[Firefox, Path],
    ) -> None:
        self._centre, self._stack, self._folder, self._firefox = centre, stack, folder, firefox

    async def __call__(self, browser: str) -> tuple[dict[str, Any], FilesPage]:
        """A session with a customer in it, who came by the link."""
        session = await self._centre.start_session()
        link = session["view"]["link"]
        page: FilesPage
        if browser == "chromium":
            page = await self._chromium(link)
        else:
            page = await self._in_firefox(link)
        session = await self._centre.app.session(
            lambda one: one["id"] == session["id"] and len(one["view"]["participants"]) == 2
        )
        return session, page

    async def _chromium(self, link: str) -> FilesPage:
        environment = self._centre.seat.display.environment()
        browser = await self._stack.enter_async_context(BareChromium(environment, width=CUSTOMER_WIDTH, height=HEIGHT))
        page = BareFiles(browser, self._folder)
        await page.join(link, "Ana P.")
        return page

    async def _in_firefox(self, link: str) -> FilesPage:
        tab = await self._firefox[0].new_tab()
        await tab.goto(link)
        await tab.type("#field-name", "Ana P.")
        await tab.click("#join-send")
        return FirefoxFiles(tab, self._firefox[1])


@pytest_asyncio.fixture(loop_scope="session")
async def meet(centre: Centre, firefox: tuple[Firefox, Path], tmp_path_factory: pytest.TempPathFactory):
    folder = tmp_path_factory.mktemp("downloads")
    async with AsyncExitStack() as stack:
        yield Meeting(centre, stack, folder, firefox)
    shutil.rmtree(folder)


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("way", ["up", "down"])
@pytest.mark.parametrize("cut", ["relay", "app", "page"])
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
async def test_cut_half_way_it_goes_on(centre: Centre, meet: Meeting, tmp_path: Path, browser: str, cut: str, way: str):
    session, page = await meet(browser)
    sending = Sending(centre, session, page, tmp_path, way)
    await sending.begin()
    await sending.half()
    if cut == "relay":
        await asyncio.to_thread(centre.relay.kill9)
        await centre.app.until(lambda link: link == "reconnecting", "link")
        await asyncio.to_thread(centre.relay.start)
    elif cut == "app":
        await centre.app.kill9()
        centre.app = centre.make_app()
        await centre.app.start()
        await centre.app.until(lambda link: link == "online", "link", within_s=60)
    else:
        # A busy browser takes its time to load anew; what is left may not be through by then.
        with centre.app.held():
            await page.reload()
        if way == "up":
            await choose_again(page, sending.path)
    await sending.goes_on()
    await sending.arrived()


@pytest.mark.rule("B-7.5")
async def test_another_file_than_before_is_not_sent_on_with(centre: Centre, meet: Meeting, tmp_path: Path):
    session, page = await meet("chromium")
    sending = Sending(centre, session, page, tmp_path, "up")
    await sending.begin()
    await sending.half()
    # A busy browser takes its time to load anew; what is left may not be through by then.
    with centre.app.held():
        await page.reload()
    (tmp_path / "other").mkdir()
    await asyncio.to_thread(write_file, tmp_path / "other" / "up.bin", SIZE - 1)
    await choose_again(page, tmp_path / "other" / "up.bin")
    await state(page, "again")
    await choose_again(page, sending.path)
    await sending.arrived()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def far() -> AsyncIterator[SecondHost]:
    require_namespace()
    host = await asyncio.to_thread(SecondHost, 1)
    yield host
    await host.aclose()


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def far_centre(tmp_path_factory: pytest.TempPathFactory, far: SecondHost) -> AsyncIterator[Centre]:
    async with Centre(tmp_path_factory.mktemp("far"), far=far) as centre:
        yield centre


@pytest.mark.rule("B-7.5", "B-12.5")
@pytest.mark.parametrize("way", ["up", "down"])
async def test_the_network_is_away_for_30_seconds_half_way(
    far_centre: Centre, far: SecondHost, tmp_path: Path, way: str
):
    session, ana = await far_centre.joined()
    sending = Sending(far_centre, session, ChromiumFiles(ana.page), tmp_path, way)
    await sending.begin()
    await sending.half()
    await asyncio.to_thread(far.cut)
    await asyncio.sleep(30)  # what is tested is an absence of that length
    await asyncio.to_thread(far.mend)
    await sending.goes_on()
    await sending.arrived()
    await far_centre.end_all()


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("way", ["up", "down"])
async def test_cancelled_while_the_network_is_away_it_is_over_for_the_rep_too(
    far_centre: Centre, far: SecondHost, tmp_path: Path, way: str
):
    session, ana = await far_centre.joined()
    page = ChromiumFiles(ana.page)
    sending = Sending(far_centre, session, page, tmp_path, way)
    await sending.begin()
    await app_file(far_centre, session, lambda one: one["done"] > 0)
    await asyncio.to_thread(far.cut)
    await page.click("#files-list li:last-child .buttons button:nth-child(2)")
    await state(page, "stopped")
    # What was told goes nowhere, and the page has given up waiting for an answer.
    await expect(ana.page.locator("#link-words")).to_have_text("Connection lost, reconnecting…", timeout=60_000)
    await asyncio.to_thread(far.mend)
    line = await app_file(far_centre, session, lambda one: one["state"] == "stopped", within_s=60)
    assert not line["by_me"]
    await sending.nothing_left()
    await far_centre.end_all()


class Memory:
    """The most memory of the app, the relay and the browsers since it was made, above what they had then."""

    def __init__(self, centre: Centre) -> None:
        self._ours = {"app": centre.app.pid, "relay": centre.relay.pid}
        for pid in self._ours.values():
            Path(f"/proc/{pid}/clear_refs").write_text("5")
        self._before = {name: self._high(pid) for name, pid in self._ours.items()}
        self._browser = [self._browsers()]
        self._watching = asyncio.get_running_loop().create_task(self._watch(), name="memory")

    @staticmethod
    def _high(pid: int) -> int:
        lines = Path(f"/proc/{pid}/status").read_text().splitlines()
        return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))

    def _browsers(self) -> int:
        """Resident bytes of all browsers of this test."""
        total = 0
        for process in psutil.Process().children(recursive=True):
            try:
                if process.name().startswith(("chromium", "chrome", "firefox", "Web Content", "Isolated")):
                    total += process.memory_info().rss - process.memory_info().shared
            except psutil.Error:
                continue
        return total

    async def _watch(self) -> None:
        while True:
            self._browser.append(await asyncio.to_thread(self._browsers))
            await asyncio.sleep(0.5)

    def grown_mb(self) -> dict[str, int]:
        """By how much each grew at most, in megabytes."""
        self._watching.cancel()
        grown = {name: self._high(pid) - self._before[name] for name, pid in self._ours.items()}
        grown["browser"] = max(self._browser) - self._browser[0]
        return {name: value // MB for name, value in grown.items()}


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("browser", ["chromium", "firefox"])
@pytest.mark.timeout(900)  # what it takes is the disk's affair: 50 to 130 s were seen
async def test_two_gigabytes_there_and_back_with_flat_memory(
    centre: Centre, meet: Meeting, tmp_path: Path, browser: str
):
    session, page = await meet(browser)
    for way in ("up", "down"):
        sending = Sending(centre, session, page, tmp_path / way, way, 2_000 * MB)
        sending.path.parent.mkdir()
        memory = Memory(centre)
        await sending.begin()
        await sending.arrived()
        grown = memory.grown_mb()
        print(f"{browser} {way}: grown by {grown} MB")
        assert grown["relay"] < 100
        assert grown["app"] < 150
        # A browser frees what it sent when it finds the time: 87 to 188 MB were seen, with all of it kept 2,280.
        assert grown["browser"] < 500
