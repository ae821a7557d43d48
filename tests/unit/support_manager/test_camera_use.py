"""This app's own camera: one for all sessions, on only while it is shown, and every trouble a sentence."""

import asyncio

import pytest

from support_manager.camera_use import CameraUse
from support_manager.errors import AppCode, LocalProblem
from support_manager.media.camera import CameraSlot, CameraTrouble
from tests.harness.file_camera import NumberCamera


class Stage:
    def __init__(self) -> None:
        self.camera = NumberCamera(lambda: 7)
        self.chosen = ""
        self.use = CameraUse(lambda: self.chosen)
        self.use.use(self.camera)
        self.slot = CameraSlot()
        self.told: list[tuple[str, CameraTrouble]] = []

    async def begin(self, user: str) -> None:
        await self.use.begin(user, self.slot, lambda trouble: self.told.append((user, trouble)))


@pytest.fixture
async def stage():
    made = Stage()
    yield made
    made.use.close()
    assert not made.camera.is_on


async def test_one_camera_for_all_sessions_and_out_with_the_last(stage: Stage):
    await asyncio.gather(stage.begin("a"), stage.begin("b"))
    assert stage.camera.opened == [""]
    frame = await asyncio.to_thread(stage.slot.take)
    assert frame is not None
    stage.use.end("a")
    assert stage.camera.is_on
    assert not stage.use.is_used_by("a")
    stage.use.end("b")
    assert not stage.camera.is_on, "at once"
    stage.use.end("b")


@pytest.mark.parametrize(
    ("trouble", "code"),
    [
        (CameraTrouble.NONE_FOUND, AppCode.CAMERA_NONE),
        (CameraTrouble.BUSY, AppCode.CAMERA_BUSY),
        (CameraTrouble.DENIED, AppCode.CAMERA_DENIED),
        (CameraTrouble.GONE, AppCode.CAMERA_GONE),
    ],
)
async def test_trouble_at_the_start_is_told_to_whoever_asked(stage: Stage, trouble: CameraTrouble, code: AppCode):
    stage.camera.trouble = trouble
    for _ in range(2):
        with pytest.raises(LocalProblem) as caught:
            await stage.begin("a")
        assert caught.value.code is code
        assert not stage.use.is_used_by("a")
        assert not stage.camera.is_on
    stage.camera.trouble = None
    await stage.begin("a")
    assert stage.use.is_used_by("a")


async def test_unplugged_in_the_middle_is_told_to_every_session(stage: Stage):
    await stage.begin("a")
    await stage.begin("b")
    stage.camera.unplug()
    assert stage.told == [("a", CameraTrouble.GONE), ("b", CameraTrouble.GONE)]
    assert not stage.use.is_used_by("a")
    await stage.begin("a")
    assert stage.camera.is_on


async def test_another_choice_while_it_is_shown(stage: Stage):
    await stage.begin("a")
    stage.chosen = "desk"
    stage.use.choice_changed()
    assert stage.camera.opened == ["", "desk"]
    assert stage.use.is_used_by("a")
    stage.use.end("a")
    stage.use.choice_changed()
    assert len(stage.camera.opened) == 2, "nobody shows it, so it stays off"


async def test_without_a_port_there_is_none():
    use = CameraUse(lambda: "")
    assert await use.devices() == ()
    with pytest.raises(LocalProblem) as caught:
        await use.begin("a", CameraSlot(), lambda _: None)
    assert caught.value.code is AppCode.CAMERA_NONE


async def test_a_camera_that_gives_nothing_is_given_up(stage: Stage, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("support_manager.camera_use.FIRST_PICTURE_S", 0.05)
    stage.camera.silent = True
    with pytest.raises(LocalProblem) as caught:
        await stage.begin("a")
    assert caught.value.code is AppCode.CAMERA_BUSY
    assert not stage.camera.is_on
