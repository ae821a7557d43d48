"""Tiles of cameras above the chat: fixed sizes, own picture mirrored, stop and enlarge by mouse and keyboard."""

import av
import msgspec
import pytest
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from support_manager.errors import AppCode, LocalProblem
from support_manager.events import CameraState, CameraView
from support_manager.media.camera import CameraDevice
from support_manager.media.frame_box import FrameBox
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Capability
from tests.harness.session_script import DEVICE, REP
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.widgets.camera_tile import SMALL, CameraTile, filling

ANA = CameraView("ana", "Ana Popescu", CameraState.LIVE, mine=False)
MINE = CameraView("rep", "Maria Grigore", CameraState.LIVE, mine=True)


@pytest.fixture
def desk(qapp):
    made = WindowUnderTest()
    yield made
    made.close()


def half_red(width: int = 64, height: int = 36) -> av.VideoFrame:
    """Red on the left, blue on the right."""
    row = b"\x00\x00\xff\xff" * (width // 2) + b"\xff\x00\x00\xff" * (width // 2)
    made = av.VideoFrame(width, height, "bgra")
    made.planes[0].update(row * height)
    return made


def tile(desk: WindowUnderTest, owner: str) -> CameraTile:
    found = [
        one for one in desk.window.findChildren(CameraTile, "cameraTile") if one.owner == owner and one.isVisible()
    ]
    assert len(found) == 1
    return found[0]


def session(desk: WindowUnderTest) -> str:
    made = desk.intents.open()
    desk.intents.join(made.id)
    drain()
    return made.id


def colour(widget: QWidget, x: float) -> QColor:
    image = widget.grab().toImage()
    return image.pixelColor(round(image.width() * x), round(SMALL.height() / 2 * image.devicePixelRatio()))


def is_red(found: QColor) -> bool:
    return found.red() > 180 and found.blue() < 80


async def test_the_picture_is_shown_as_it_is_and_our_own_in_a_mirror(desk: WindowUnderTest):
    session_id = session(desk)
    boxes = {"ana": FrameBox(), "rep": FrameBox()}
    desk.intents.tiles = boxes
    desk.intents.change(session_id, cameras=(MINE, ANA))
    drain()
    for box in boxes.values():
        box.put(half_red())
    await until(lambda: is_red(colour(tile(desk, "ana"), 0.25)))
    assert not is_red(colour(tile(desk, "ana"), 0.75))
    await until(lambda: is_red(colour(tile(desk, "rep"), 0.75)))
    assert not is_red(colour(tile(desk, "rep"), 0.25))
    for box in boxes.values():
        box.close()


def test_tiles_come_and_go_and_the_middle_keeps_its_place(desk: WindowUnderTest):
    session_id = session(desk)
    middle = desk.find("sessionMiddle").geometry()
    assert not desk.shown("cameraStrip")
    desk.intents.change(session_id, cameras=(MINE, ANA))
    drain()
    strip = desk.find("cameraStrip")
    height = strip.height()
    assert desk.find("sessionMiddle").geometry() == middle
    assert tile(desk, "ana").size() == tile(desk, "rep").size()
    assert tile(desk, "ana").y() == tile(desk, "rep").y()
    for state in CameraState:
        desk.intents.change(session_id, cameras=(MINE, CameraView("ana", "Ana Popescu", state, mine=False)))
        drain()
        assert strip.height() == height, state
    desk.intents.change(session_id, cameras=())
    drain()
    assert not desk.shown("cameraStrip")
    assert desk.find("sessionMiddle").geometry() == middle


@pytest.mark.rule("B-7.6")
async def test_stop_by_mouse_and_by_key_mine_and_the_customers(desk: WindowUnderTest):
    session_id = session(desk)
    desk.intents.change(session_id, cameras=(MINE, ANA))
    drain()
    tile(desk, "ana").setFocus()
    drain()
    QTest.keyClick(tile(desk, "ana"), Qt.Key.Key_Delete)
    tile(desk, "rep").stop_wanted.emit()
    wanted = [("stop_camera", session_id, "ana"), ("stop_camera", session_id, "rep")]
    await until(lambda: desk.intents.asked[-2:] == wanted)


async def test_an_assistant_stops_nobodys_camera(desk: WindowUnderTest):
    session_id = session(desk)
    me = msgspec.structs.replace(REP, role=Role.ASSISTANT)
    people = tuple(me if one.id == "rep" else one for one in desk.intents.sessions[session_id].view.participants)
    desk.intents.change(session_id, view={"participants": people}, cameras=(ANA,))
    drain()
    QTest.keyClick(tile(desk, "ana"), Qt.Key.Key_Delete)
    drain()
    assert not any(what[0] == "stop_camera" for what in desk.intents.asked)
    assert not desk.actions.camera.isEnabled()


def test_enlarged_by_a_click_and_small_again_by_escape(desk: WindowUnderTest):
    session_id = session(desk)
    box = FrameBox()
    desk.intents.tiles = {"ana": box}
    desk.intents.change(session_id, cameras=(ANA,))
    drain()
    middle = desk.find("sessionMiddle")
    before = middle.geometry()
    QTest.mouseClick(tile(desk, "ana"), Qt.MouseButton.LeftButton)
    drain()
    large = desk.find("cameraLarge")
    assert large.width() > 2 * SMALL.width()
    assert middle.rect().contains(large.geometry())
    assert middle.geometry() == before
    assert large.hasFocus()
    QTest.keyClick(large, Qt.Key.Key_Escape)
    drain()
    assert not desk.shown("cameraLarge")
    # Whose camera ends is not large any more either.
    QTest.mouseClick(tile(desk, "ana"), Qt.MouseButton.LeftButton)
    drain()
    desk.intents.change(session_id, cameras=())
    drain()
    assert not desk.shown("cameraLarge")
    box.close()


@pytest.mark.rule("B-7.6")
async def test_the_commands_start_and_ask_and_a_refusal_takes_the_tick_back(desk: WindowUnderTest):
    session_id = session(desk)
    assert not desk.actions.ask_camera.isEnabled(), "his device has no camera"
    desk.intents.customer(session_id, device=msgspec.structs.replace(DEVICE, camera=Capability.YES))
    drain()
    desk.actions.ask_camera.trigger()
    desk.actions.camera.trigger()
    drain()
    for wanted in (("ask_camera", session_id), ("start_camera", session_id)):
        await until(lambda wanted=wanted: wanted in desk.intents.asked)
    desk.intents.error = LocalProblem(AppCode.CAMERA_BUSY)
    desk.actions.tick()
    desk.actions.camera.trigger()
    await until(lambda: any("The camera does not start" in words for words in desk.words()))
    assert not desk.actions.camera.isChecked()
    desk.intents.error = None
    desk.intents.change(session_id, cameras=(MINE,))
    drain()
    assert desk.actions.camera.isChecked()
    desk.actions.camera.trigger()
    await until(lambda: desk.intents.asked[-1] == ("stop_camera", session_id, ""))


def test_the_name_is_text_whatever_it_is(desk: WindowUnderTest):
    session_id = session(desk)
    name = "<b>Ana</b>\u202e" + "x" * 200
    desk.intents.change(session_id, cameras=(CameraView("ana", name, CameraState.LOST, mine=False),))
    drain()
    said = tile(desk, "ana").accessibleName()
    assert "<b>Ana</b>" in said
    assert "\u202e" not in said
    assert tile(desk, "ana").width() == SMALL.width()


@pytest.mark.parametrize(
    ("source", "crop"),
    [
        (QSize(640, 360), None),
        (QSize(640, 480), (0, 60, 640, 360)),
        (QSize(360, 640), (0, 219, 360, 202)),
        (QSize(), None),
    ],
)
def test_the_picture_fills_its_tile(source: QSize, crop: tuple[int, int, int, int] | None):
    assert filling(source, 128, 72) == crop


async def test_the_camera_is_chosen_in_the_preferences(desk: WindowUnderTest):
    from PySide6.QtWidgets import QComboBox

    desk.intents.devices = (CameraDevice("front", "Front <b>"), CameraDevice("desk", "Desk"))
    desk.actions.preferences.trigger()
    drain()
    box = desk.window.findChild(QComboBox, "preferences_dialog_camera")
    assert isinstance(box, QComboBox)
    await until(lambda: box.count() == 3)
    assert [box.itemText(at) for at in range(3)] == ["The system's choice", "Front <b>", "Desk"]
    box.setCurrentIndex(2)
    box.activated.emit(2)
    await until(lambda: desk.intents.settings.camera == "desk")
