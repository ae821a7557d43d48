"""The same account at two apps: what one takes up, the other neither films, records, shows nor hears any more."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from playwright.async_api import expect

from tests.e2e.test_recording_whole import files_in
from tests.harness.app import AppProcess
from tests.harness.centre import Centre, require_namespace, until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]


@pytest_asyncio.fixture(loop_scope="session", scope="module")
async def centre(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Centre]:
    require_namespace()
    async with Centre(tmp_path_factory.mktemp("taken-up")) as made:
        yield made


def kept(profile: Path) -> list[str]:
    """The recordings of an app: `.webm` is whole, `.part` is being written."""
    return [one.suffix for one in files_in(profile / "recordings")]


@pytest.mark.rule("B-1.1", "B-7.6", "B-7.8", "B-12.5")
async def test_what_another_app_takes_up_runs_there_alone_and_comes_back_whole(centre: Centre):
    first = centre.app
    await first.do("use_camera")
    session, ana = await centre.sharing()
    await first.do("trigger", name="action_camera")
    await first.until(bool, "camera_is_on")
    await first.do("trigger", name="action_record")
    await ana.page.bring_to_front()
    await ana.page.click("#recording-allow")
    await first.until(lambda text: text >= "00:02", "text", name="recordingFigures")
    assert kept(centre.place / "profile") == [".part"]

    # The second app of the same account finds the session and takes it up.
    environment = {**centre.rep_display.environment(), "LANG": "C.UTF-8"}
    environment["PYTHON_KEYRING_BACKEND"] = "keyring.backends.null.Keyring"
    second = AppProcess(
        environment, centre.place / "second", "--relay", centre.relay.url, credentials=("maria", centre.password)
    )
    await second.start()
    try:
        await second.session(lambda one: one["id"] == session["id"] and one["picture"] == "live", within_s=40)
        await second.session(lambda one: (one["recording"] or {}).get("state") == "running")
        # Nothing of it runs at the first one, and what was recorded there is whole.
        await first.until(lambda on: not on, "camera_is_on")
        await until(lambda: is_kept(centre.place / "profile", [".webm"]), "the first app's recording to be whole")
        await expect(ana.page.locator(".tile:not(.mine)")).to_have_count(0)
        await until(lambda: is_kept(centre.place / "second", [".part"]), "the second app's recording")
        assert not await first.do("enabled", name="action_camera")
        await ana.screen("sharing")
    finally:
        await second.kill9()

    # The first one gets it back with its next connection: picture and recording go on.
    await comes_back(centre)
    await first.session(lambda one: one["picture"] == "live", within_s=40)
    await first.code(within_s=40)
    await until(lambda: is_kept(centre.place / "profile", [".part", ".webm"]), "a second recording")
    await first.do("trigger", name="action_camera")
    await first.until(bool, "camera_is_on")
    await ana.say("Are you back?")
    await first.session(lambda one: any(line["text"] == "Are you back?" for line in one["view"]["chat"]))

    # Taken up once more, and ended there: the first one learns of the end when it is back.
    await second.start()
    try:
        await second.session(lambda one: one["id"] == session["id"] and one["picture"] == "live", within_s=40)
        await first.until(lambda on: not on, "camera_is_on")
        await second.do("trigger", name="action_end_session")
        await second.click("end_dialog_confirm")
        await ana.screen("over")
    finally:
        await second.stop()
    await comes_back(centre)
    await first.see("stateCloseTab")
    await until(lambda: is_kept(centre.place / "profile", [".webm", ".webm"]), "both recordings to be whole")


async def is_kept(profile: Path, suffixes: list[str]) -> bool:
    return sorted(kept(profile)) == suffixes


async def comes_back(centre: Centre) -> None:
    """The relay restarts, and the first app finds it again."""
    await asyncio.to_thread(centre.relay.kill9)
    await centre.app.until(lambda link: link == "reconnecting", "link")
    await asyncio.to_thread(centre.relay.start)
    await centre.app.until(lambda link: link == "online", "link", within_s=40)
