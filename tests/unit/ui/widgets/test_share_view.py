"""The live view: what it paints is what came in, its states look like what they are, keys and wheel work."""

from collections.abc import Callable

import av
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QGuiApplication, QImage, QWheelEvent
from PySide6.QtWidgets import QVBoxLayout, QWidget

from support_manager.events import Picture, PictureStats
from support_manager.media.frame_box import FrameBox
from tests.harness import timecode
from ui.i18n import Translator
from ui.theme import Theme
from ui.widgets.share_view import ShareView

SCREEN = (1280, 720)


def screen_with(value: int, size: tuple[int, int] = SCREEN) -> av.VideoFrame:
    """A customer's screen, white, with a time code at its top left corner, as the decoder would deliver it."""
    width, height = size
    pixels = bytearray(b"\xff" * (width * height * 4))
    code, code_width, code_height = timecode.draw(value)
    for row in range(code_height):
        pixels[row * width * 4 : row * width * 4 + code_width * 4] = code[
            row * code_width * 4 : (row + 1) * code_width * 4
        ]
    frame = av.VideoFrame(width, height, "bgr0")
    plane = frame.planes[0]
    assert plane.line_size == width * 4
    plane.update(bytes(pixels))
    return frame.reformat(format="yuv420p")


class Stage:
    """A view in a window, with a mailbox to put frames into."""

    def __init__(self, qtbot, width: int = 800, height: int = 600) -> None:
        self.qtbot = qtbot
        self.theme = Theme("light")
        self.translator = Translator("en")
        self.window = QWidget()
        self.view = ShareView(self.translator, self.theme)
        layout = QVBoxLayout(self.window)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.view)
        qtbot.addWidget(self.window)
        self.box = FrameBox("stage")
        self.view.set_customer("Ana P.")
        self.view.set_mailbox(self.box)
        self.view.set_picture(Picture.LIVE)
        self.window.resize(width, height)
        self.window.show()
        qtbot.waitExposed(self.window)

    def put(self, value: int, size: tuple[int, int] = SCREEN) -> None:
        painted = self.box.figures().painted
        self.box.put(screen_with(value, size))
        self.wait(lambda: self.box.figures().painted > painted)

    def wait(self, condition: Callable[[], bool]) -> None:
        self.qtbot.waitUntil(condition, timeout=5000)

    def seen(self) -> int | None:
        """The code that can be read from the painted widget."""
        return timecode.read_image(self.view.grab().toImage())

    def wait_seen(self, value: int) -> None:
        self.wait(lambda: self.seen() == value)

    def middle(self) -> tuple[int, int, int]:
        image = self.view.grab().toImage()
        colour = image.pixelColor(image.width() // 2, image.height() // 2 - 150)
        return colour.red(), colour.green(), colour.blue()


@pytest.fixture
def stage(qtbot):
    made = Stage(qtbot)
    yield made
    made.view.set_mailbox(None)
    made.box.close()


def wheel(stage: Stage, delta: int, modifiers: Qt.KeyboardModifier, at: QPoint) -> None:
    event = QWheelEvent(
        QPointF(at),
        QPointF(stage.view.mapToGlobal(at)),
        QPoint(),
        QPoint(0, delta),
        Qt.MouseButton.NoButton,
        modifiers,
        Qt.ScrollPhase.NoScrollPhase,
        False,
    )
    QGuiApplication.sendEvent(stage.view, event)


def test_the_code_on_the_customers_screen_is_read_from_the_painted_widget(stage):
    for value in (1, 0xDEAD_BEEF, 42):
        stage.put(value)
        assert stage.seen() == value


def test_only_the_newest_of_many_frames_is_painted(stage):
    stage.put(1)
    before = stage.box.figures().painted
    frames = [screen_with(value) for value in range(2, 22)]
    for frame in frames:
        stage.box.put(frame)
    stage.wait_seen(21)
    assert stage.box.figures().painted - before < 20


def test_at_actual_size_pixels_are_the_customers_own(stage):
    stage.put(7)
    stage.view.actual_size()
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_Left)
    for _ in range(10):
        stage.qtbot.keyClick(stage.view, Qt.Key.Key_Left)
        stage.qtbot.keyClick(stage.view, Qt.Key.Key_Up)
    stage.wait_seen(7)
    wanted, width, _ = timecode.draw(7)
    row = [wanted[30 * width * 4 + x * 4 + 1] for x in range(width)]

    def exact() -> bool:
        image = stage.view.grab().toImage()
        return all(abs(image.pixelColor(x, 30).green() - row[x]) <= 2 for x in range(24, width - 24))

    stage.wait(exact)


def test_the_picture_keeps_its_shape_and_stands_in_the_middle(stage):
    stage.put(7)
    image = stage.view.grab().toImage()
    surface = stage.theme.color("surface")
    top = (600 - 800 * 720 // 1280) // 2
    assert image.pixelColor(400, top - 2) == surface
    assert image.pixelColor(790, top + 2) != surface
    assert image.pixelColor(400, 600 - top + 2) == surface


def test_the_view_follows_a_new_size_of_the_customers_screen(stage):
    stage.put(7)
    stage.put(8, (640, 720))
    stage.wait_seen(8)
    assert stage.view.grab().toImage().pixelColor(20, 300) == stage.theme.color("surface")


def test_nobody_looking_converts_nothing_and_looking_again_is_fresh(stage):
    stage.put(1)
    with stage.qtbot.waitSignal(stage.view.watched) as told:
        stage.window.hide()
    assert told.args == [False]
    converted = stage.box.figures().converted
    stage.box.put(screen_with(2))
    stage.box.put(screen_with(3))
    with stage.qtbot.waitSignal(stage.view.watched) as told:
        stage.window.show()
    assert told.args == [True]
    stage.wait_seen(3)
    assert stage.box.figures().converted == converted + 1


@pytest.mark.parametrize("state", [Picture.LOST, Picture.PAUSED])
@pytest.mark.rule("B-12.5")
def test_a_picture_that_is_not_true_any_more_is_dimmed_and_says_so(stage, state):
    stage.put(1)
    bright = stage.middle()
    stage.view.set_picture(state)
    dim = stage.middle()
    assert bright != dim
    assert stage.view.accessibleDescription() != ""
    stage.view.set_picture(Picture.LIVE)
    assert stage.middle() == bright
    assert stage.view.accessibleDescription() == ""


def stats(**changes: object) -> PictureStats:
    values = {"session_id": "s", "fps": 30.0, "age_ms": 41.0, "kilobytes_per_s": 210.0, "width": 1280, "height": 720}
    return PictureStats(**{**values, **changes})  # type: ignore[arg-type]


@pytest.mark.rule("B-12.5")
def test_a_lost_picture_tells_how_old_it_is(stage):
    stage.put(1)
    stage.view.set_stats(stats(since_last_sign_s=12.2))
    stage.view.set_picture(Picture.LOST)
    assert "last seen 12 seconds ago" in stage.view.accessibleDescription()
    stage.translator.set_language("ro")
    assert "acum 12 secunde" in stage.view.accessibleDescription()
    stage.view.set_stats(stats(since_last_sign_s=300.0))
    stage.wait(lambda: "acum 5 minute" in stage.view.accessibleDescription())


def test_each_state_without_a_picture_has_its_words(stage):
    found = set()
    for state in (Picture.NONE, Picture.ASKED, Picture.CONNECTING):
        stage.view.set_picture(state)
        found.add(stage.view.accessibleDescription())
    assert len(found) == 3
    assert "" not in found


def test_a_screen_too_large_to_be_shown_is_told(stage):
    stage.view.set_customer("Ana")
    stage.view.set_picture(Picture.TOO_LARGE)
    assert "Ana shows is too large" in stage.view.accessibleDescription()
    stage.translator.set_language("ro")
    stage.wait(lambda: "prea mare" in stage.view.accessibleDescription())


def test_the_name_of_the_customer_is_plain_text(stage):
    stage.view.set_customer("<img src=x>")
    assert stage.view.accessibleName() == "Screen of <img src=x>"


def test_the_end_of_a_share_leaves_no_picture_behind(stage):
    stage.put(1)
    assert stage.view.has_frame
    with stage.qtbot.waitSignal(stage.view.has_frame_changed) as told:
        stage.view.set_picture(Picture.NONE)
    assert told.args == [False]
    assert stage.seen() is None


def test_keys_zoom_and_fit(stage):
    stage.put(1)
    seen: list[tuple[float, bool]] = []
    stage.view.zoom_changed.connect(lambda factor, fitted: seen.append((factor, fitted)))
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_Plus)
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_Plus)
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_Minus)
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_1)
    stage.qtbot.keyClick(stage.view, Qt.Key.Key_0)
    assert seen == [(2 / 3, False), (0.75, False), (2 / 3, False), (1.0, False), (0.625, True)]


def test_ctrl_and_the_wheel_zoom_about_the_pointer(stage):
    stage.put(5)
    for _ in range(4):
        wheel(stage, 120, Qt.KeyboardModifier.ControlModifier, QPoint(0, 0))
    assert not stage.view.fitted
    stage.wait_seen(5)


def test_the_wheel_moves_a_picture_that_is_larger_than_the_view(stage):
    stage.put(5)
    stage.view.actual_size()
    assert stage.seen() is None
    for _ in range(10):
        wheel(stage, 120, Qt.KeyboardModifier.NoModifier, QPoint(300, 300))
        wheel(stage, 120, Qt.KeyboardModifier.ShiftModifier, QPoint(300, 300))
    stage.wait_seen(5)


def test_dragging_moves_the_picture(stage):
    stage.put(5)
    stage.view.actual_size()
    stage.qtbot.mousePress(stage.view, Qt.MouseButton.LeftButton, pos=QPoint(100, 100))
    stage.qtbot.mouseMove(stage.view, QPoint(700, 500))
    stage.qtbot.mouseRelease(stage.view, Qt.MouseButton.LeftButton, pos=QPoint(700, 500))
    stage.wait_seen(5)


def test_full_screen_and_back_into_its_place(stage):
    stage.put(5)
    with stage.qtbot.waitSignal(stage.view.full_screen_changed) as told:
        stage.qtbot.keyClick(stage.view, Qt.Key.Key_F11)
    assert told.args == [True]
    assert stage.view.isWindow()
    stage.wait_seen(5)
    with stage.qtbot.waitSignal(stage.view.full_screen_changed) as told:
        stage.qtbot.keyClick(stage.view, Qt.Key.Key_Escape)
    assert told.args == [False]
    assert not stage.view.isWindow()
    stage.wait(lambda: stage.view.size() == stage.window.size())
    stage.wait_seen(5)


def test_the_screenshot_is_the_whole_screen_whatever_is_shown(stage):
    stage.put(5)
    stage.view.actual_size()
    with stage.qtbot.waitSignal(stage.view.screenshot_copied):
        stage.view.copy_screenshot()
    image = QGuiApplication.clipboard().image().convertToFormat(QImage.Format.Format_RGB32)
    assert (image.width(), image.height()) == SCREEN
    place = timecode.Place(0, 0, timecode.WIDTH, timecode.HEIGHT)
    assert timecode.read(bytes(image.constBits()), image.bytesPerLine(), place) == 5


def test_a_screenshot_is_saved_as_png(stage, tmp_path):
    stage.put(5)
    with stage.qtbot.waitSignal(stage.view.screenshot_saved) as told:
        stage.view.save_screenshot(str(tmp_path / "one.png"))
    assert told.args == [str(tmp_path / "one.png")]
    assert QImage(str(tmp_path / "one.png")).width() == 1280
    assert [file.name for file in tmp_path.iterdir()] == ["one.png"]


def test_a_screenshot_that_cannot_be_saved_is_a_sentence(stage, tmp_path):
    stage.put(5)
    with stage.qtbot.waitSignal(stage.view.screenshot_failed) as told:
        stage.view.save_screenshot(str(tmp_path / "nowhere" / "one.png"))
    assert told.args is not None
    assert "does not exist" in told.args[0]


def test_a_screenshot_before_the_first_picture_is_a_sentence(stage):
    with stage.qtbot.waitSignal(stage.view.screenshot_failed) as told:
        stage.view.copy_screenshot()
    assert told.args == ["There is no picture to take a screenshot of yet."]


def test_figures_are_shown_on_demand_only(stage):
    stage.put(5)
    stage.view.set_stats(stats())
    corner = stage.view.grab().toImage().copy(8, 560, 300, 32)
    stage.view.show_figures(True)
    assert stage.view.grab().toImage().copy(8, 560, 300, 32) != corner


def test_a_view_that_goes_away_leaves_the_media_thread_alone(qtbot):
    """The decoder goes on while the window dies: no error, no call into a dead widget."""
    box = FrameBox("dying")
    for value in range(5):
        view = ShareView(Translator("en"), Theme("light"))
        view.set_mailbox(box)
        view.show()
        box.put(screen_with(value))
        view.set_mailbox(None)
        view.close()
        view.deleteLater()
        box.put(screen_with(value))
    qtbot.wait(20)
    box.close()
