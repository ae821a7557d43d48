"""Both transfers and the end, with every activity running: what ends is gone everywhere, a call goes on."""

from pathlib import Path

import pytest

from tests.e2e.test_activity_matrix import ALL, CAMERA, OWN, RECORDING, VIEW, VOICE, Stage
from tests.e2e.test_activity_matrix import stage as _stage
from tests.e2e.test_recording_whole import files_in
from tests.harness.centre import until

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.browser, pytest.mark.slow]
stage = _stage


@pytest.mark.rule("B-7.1", "B-7.6", "B-7.7", "B-7.8", "B-9.4", "B-9.5", "B-10.3", "B-12.1")
async def test_transfers_and_the_end_take_with_them_what_the_table_says(stage: Stage):
    team, ana = stage.team, stage.ana
    elena, dan, _ = team.desks

    async def control_moves() -> None:
        await elena.command("transfer_control")
        await elena.app.click("control_dialog_confirm")  # the one assistant is chosen already
        await dan.can("end_session")

    await stage.start()
    await elena.command("mute")  # so that Ana alone is heard
    await control_moves()
    stage.rep, stage.helper = dan, elena
    for what in (VIEW, CAMERA, OWN, RECORDING):
        await stage.is_gone(what)
    await stage.is_there(VOICE)  # the new controller's app has voice: the call goes on, through it
    await stage.start()  # he asks anew, and the former controller sees it

    async def passed_on() -> None:
        await dan.pass_on("please", agents=(elena.name,))
        await ana.screen("passed_on")

    await passed_on()
    for what in ALL:
        await stage.is_gone(what, from_the_session=True)
    await elena.accept("Ana P.")
    stage.rep, stage.helper = elena, dan
    await dan.assist(stage.number)
    await stage.start()
    await elena.command("end_session")
    await elena.app.click("end_dialog_confirm")
    await ana.screen("over")
    for what in ALL:
        await stage.is_gone(what, from_the_session=True)
    for account in ("elena", "dan"):
        kept = team.centre.place / account / "recordings"
        await until(lambda kept=kept: all_whole(kept), f"{account}'s recordings to be whole")


async def all_whole(folder: Path) -> bool:
    return {one.suffix for one in files_in(folder)} == {".webm"}
