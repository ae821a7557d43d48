"""What every camera port must do; the tests' own passes it too, or the tests would prove nothing."""

import asyncio
import os
import time
from collections.abc import Callable

import pytest

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from support_manager.media.camera import CameraDevice, CameraFrame, CameraPort, CameraTrouble
from support_manager.media.own_camera import picture_of
from tests.harness.file_camera import NumberCamera
from ui.devices.qt_camera import QtCamera


def without_cameras() -> CameraPort:
    """The tests' own where there is no camera."""
    made = NumberCamera()
    made.found, made.trouble = (), CameraTrouble.NONE_FOUND
    return made


@pytest.fixture(params=[NumberCamera, without_cameras, QtCamera], ids=["numbers", "none", "qt"])
def port(request: pytest.FixtureRequest, qapp: object) -> CameraPort:
    make: Callable[[], CameraPort] = request.param
    return make()


class Heard:
    """What a camera said."""

    def __init__(self) -> None:
        self.frames: list[CameraFrame] = []
        self.troubles: list[CameraTrouble] = []

    async def something(self) -> None:
        deadline = time.monotonic() + 15
        while not self.frames and not self.troubles:
            assert time.monotonic() < deadline, "neither a picture nor a word of what is wrong"
            await asyncio.sleep(0.01)


async def test_devices_have_ids_and_names(port: CameraPort) -> None:
    devices = await port.devices()
    assert len({each.id for each in devices}) == len(devices)
    assert all(isinstance(each, CameraDevice) and each.id and each.name for each in devices)


async def test_it_gives_pictures_or_says_what_is_wrong_later_and_once(port: CameraPort) -> None:
    heard = Heard()
    session = port.open("", heard.frames.append, heard.troubles.append)
    assert not heard.troubles, "never from within the call"
    await heard.something()
    session.close()
    session.close()
    assert len(heard.troubles) <= 1
    assert heard.troubles or await port.devices()
    for frame in heard.frames[:1]:
        assert picture_of(frame).width == frame.width
        assert abs(frame.captured_ms - time.time() * 1000) < 20_000


async def test_an_unknown_device_is_the_systems_own_choice(port: CameraPort) -> None:
    heard = Heard()
    session = port.open("a camera of last year", heard.frames.append, heard.troubles.append)
    await heard.something()
    session.close()


async def test_closed_at_once_it_says_nothing_more(port: CameraPort) -> None:
    heard = Heard()
    session = port.open("", heard.frames.append, heard.troubles.append)
    session.close()
    before = len(heard.frames)
    await asyncio.sleep(0.3)
    assert len(heard.frames) <= before
    assert not heard.troubles
