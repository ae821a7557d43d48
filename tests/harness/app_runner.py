"""Runs the real app and lets a test drive it: real mouse and key events on real widgets, by object name.

Started as a process of its own by `tests.harness.app`; commands come as JSON lines over an inherited socket. Nothing
of this is in the product: it only uses what `ui.app.build` returns.
"""

import asyncio
import json
import os
import socket
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, QTimer
from PySide6.QtGui import QAction, QGuiApplication, QImage, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QApplication,
    QCheckBox,
    QLabel,
    QLineEdit,
    QListWidget,
    QPlainTextEdit,
    QRadioButton,
    QTextEdit,
    QWidget,
)

from support_manager.media.frame_box import FrameBox
from support_manager.protocol import wire
from tests.harness import timecode
from tests.harness.file_camera import NumberCamera

if TYPE_CHECKING:
    from support_manager.media.engine import MediaEngine
    from tests.harness.sound import ArrayPorts


class Driver:
    """Carries out one command at a time on the app's own loop."""

    def __init__(self, app: Any, ports: "ArrayPorts | None" = None) -> None:
        self._app = app
        self._ports = ports
        self._place: timecode.Place | None = None
        self._camera: NumberCamera | None = None
        self._gap_ms = 0.0
        self._busy_ms = 0.0
        self._last, self._used = time.perf_counter(), time.thread_time()
        self._load = QTimer()
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._tick)

    def _tick(self) -> None:
        now, used = time.perf_counter(), time.thread_time()
        self._gap_ms = max(self._gap_ms, (now - self._last) * 1000 - 5)
        self._busy_ms = max(self._busy_ms, (used - self._used) * 1000)
        self._last, self._used = now, used

    def _widgets(self) -> list[QWidget]:
        return [widget for widget in QApplication.allWidgets() if widget.isVisible()]

    def _find(self, name: str) -> QWidget:
        found = [widget for widget in self._widgets() if widget.objectName() == name]
        if not found:
            raise LookupError(f"no visible widget {name}")
        return found[0]

    @staticmethod
    def _text_of(widget: QWidget) -> str:
        if isinstance(widget, QLabel | QLineEdit | QAbstractButton):
            return widget.text()
        if isinstance(widget, QPlainTextEdit | QTextEdit):
            return widget.toPlainText()
        return widget.accessibleName()

    def do_ping(self) -> str:
        return "pong"

    def do_visible(self, name: str) -> bool:
        return any(widget.objectName() == name for widget in self._widgets())

    def do_names(self) -> list[str]:
        return sorted({widget.objectName() for widget in self._widgets() if widget.objectName()})

    def do_click(self, name: str) -> None:
        self._press(self._find(name))

    def _press(self, widget: QWidget) -> None:
        if not widget.isEnabled():
            raise LookupError(f"{widget.objectName()} is disabled")
        spot = widget.rect().center()
        if isinstance(widget, QCheckBox | QRadioButton):
            spot.setX(10)  # its box: what lies beyond the words is not part of it
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, spot)

    def do_click_named(self, prefix: str, words: str) -> None:
        """Click the one widget whose object name begins so and for which a screen reader says these words."""
        for widget in self._widgets():
            if widget.objectName().startswith(prefix) and words in widget.accessibleName():
                self._press(widget)
                return
        raise LookupError(f"no visible {prefix}… called {words}")

    def do_usable(self, name: str) -> bool:
        """Whether a visible widget can be used now."""
        return self._find(name).isEnabled()

    def do_click_text(self, words: str) -> None:
        """Click the one check box, radio button or button that bears these words."""
        found = [one for one in self._widgets() if isinstance(one, QAbstractButton) and words in one.text()]
        if len(found) != 1:
            raise LookupError(f"{len(found)} visible buttons bear {words}")
        self._press(found[0])

    def do_choose_item(self, name: str, words: str) -> None:
        """Make the one entry of a list that bears these words the current one."""
        view = self._find(name)
        if not isinstance(view, QListWidget):
            raise TypeError(f"{name} is no list")
        rows = [row for row in range(view.count()) if words in view.item(row).text()]
        if len(rows) != 1:
            raise LookupError(f"{len(rows)} entries bear {words}")
        view.setCurrentRow(rows[0])

    def do_spoken(self, name: str) -> list[str]:
        """What a screen reader says of every visible widget of that name, from the top of the screen to its foot."""
        found = [widget for widget in self._widgets() if widget.objectName() == name]
        found.sort(key=lambda one: one.mapToGlobal(one.rect().topLeft()).y())
        return [one.accessibleName() for one in found]

    def do_trigger(self, name: str) -> None:
        for widget in QApplication.topLevelWidgets():
            for action in widget.findChildren(QAction, name):
                if action.isEnabled():
                    action.trigger()
                    return
        action = self._app.actions[name.removeprefix("action_")]
        if not action.isEnabled():
            raise LookupError(f"{name} is disabled")
        action.trigger()

    def do_enabled(self, name: str) -> bool:
        return bool(self._app.actions[name.removeprefix("action_")].isEnabled())

    def do_type(self, name: str, text: str, clear: bool = True) -> None:
        widget = self._find(name)
        widget.setFocus()
        if clear and isinstance(widget, QLineEdit | QPlainTextEdit | QTextEdit):
            widget.clear()
        # Key by key for what a keyboard has; what it has not (ș, emoji) goes in as an input method would put it.
        if text.isascii():
            QTest.keyClicks(widget, text)
        elif isinstance(widget, QLineEdit):
            widget.insert(text)
        elif isinstance(widget, QPlainTextEdit | QTextEdit):
            widget.insertPlainText(text)

    def do_key(self, name: str, key: str) -> None:
        QTest.keyClick(self._find(name), getattr(Qt.Key, f"Key_{key}"))

    def do_key_named(self, name: str, words: str, key: str) -> None:
        """Press a key on the one widget of that name for which a screen reader says these words."""
        for widget in self._widgets():
            if widget.objectName() == name and words in widget.accessibleName():
                QTest.keyClick(widget, getattr(Qt.Key, f"Key_{key}"))
                return
        raise LookupError(f"no visible {name} called {words}")

    def do_text(self, name: str) -> str:
        return self._text_of(self._find(name))

    def do_texts(self) -> list[str]:
        return [text for widget in self._widgets() if (text := self._text_of(widget).strip())]

    def do_windows(self) -> list[str]:
        return [w.objectName() or w.windowTitle() for w in QApplication.topLevelWidgets() if w.isVisible()]

    def do_grab(self, path: str, name: str = "") -> list[int]:
        widget = self._find(name) if name else self._app.window
        picture = widget.grab()
        if not picture.save(path):
            raise OSError(f"cannot write {path}")
        return [picture.width(), picture.height()]

    def _area(self) -> tuple[QWidget, QRectF]:
        """The layer over the share that is on the screen, and where the picture lies in it."""
        layer = self._find("drawingLayer")
        return layer, layer.parentWidget().picture_area()  # type: ignore[union-attr]

    def do_draw(self, points: list[list[float]]) -> None:
        """Draw a stroke with the mouse; the points are parts of the picture's width and height."""
        layer, area = self._area()
        places = [QPointF(area.left() + x * area.width(), area.top() + y * area.height()).toPoint() for x, y in points]
        QTest.mousePress(layer, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[0])
        for place in places[1:]:
            QTest.mouseMove(layer, place)
        QTest.mouseRelease(layer, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, places[-1])

    def do_hover(self, x: float, y: float) -> None:
        """Move the mouse over the picture, also where another app's window lies above this one on the screen."""
        layer, area = self._area()
        at = QPointF(area.left() + x * area.width(), area.top() + y * area.height())
        nothing = Qt.MouseButton.NoButton
        moved = QMouseEvent(
            QEvent.Type.MouseMove, at, layer.mapToGlobal(at), nothing, nothing, Qt.KeyboardModifier.NoModifier
        )
        QApplication.sendEvent(layer, moved)

    def do_drawn(self, session_id: str) -> dict[str, Any]:
        """What is drawn over that session's share: strokes with their drawers, and pointers."""
        board = self._app.controller.board(session_id)
        return {
            "strokes": [{"by": one.by, "tool": one.tool.value, "points": one.points} for one in board.strokes],
            "pointers": {by: [one.x, one.y] for by, one in board.pointers.items()},
        }

    def do_pixel(self, x: float, y: float) -> str:
        """The colour that is painted at a part of the picture's width and height, as `#rrggbb`."""
        layer, area = self._area()
        view = layer.parentWidget()
        assert view is not None
        image = view.grab().toImage()
        ratio = image.devicePixelRatio()
        place = QPointF(area.left() + x * area.width(), area.top() + y * area.height()) * ratio
        return str(image.pixelColor(place.toPoint()).name())

    def do_timecode(self, name: str = "share_view") -> int | None:
        """The code read from the painted widget, None where no code can be read."""
        image = self._find(name).grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
        pixels, stride = memoryview(image.constBits()).cast("B"), image.bytesPerLine()
        value = timecode.read(pixels, stride, self._place) if self._place else None
        if value is None:
            self._place = timecode.find(pixels, image.width(), image.height(), stride)
            value = timecode.read(pixels, stride, self._place) if self._place else None
        return value

    def do_use_camera(self, picture: str = "") -> None:
        """Give this app a camera that shows the time in numbers, or that picture, instead of those of this computer."""
        self._camera = NumberCamera()
        if picture:
            image = QImage(picture).convertToFormat(QImage.Format.Format_RGB32)
            self._camera.picture = bytes(image.constBits()), image.width(), image.height()
        self._app.controller.use_camera(self._camera)

    def do_camera_is_on(self) -> bool:
        """Whether the light of that camera is on."""
        return self._camera is not None and self._camera.is_on

    def do_unplug_camera(self) -> None:
        if self._camera is not None:
            self._camera.unplug()

    def do_cameras(self) -> dict[str, str]:
        """The cameras of all sessions: name of the owner and what its picture is worth."""
        sessions = self._app.controller.sessions.values()
        return {one.name: one.state.value for snapshot in sessions for one in snapshot.cameras}

    def do_sound_is_on(self) -> list[str]:
        """Which of the devices of `SUPPORT_TEST_SOUND` are in use."""
        assert self._ports is not None
        return [name for name in ("microphone", "speaker") if self._ports.is_open(name)]

    def do_heard(self, path: str, seconds: float) -> bool:
        """Write what the speaker played in the last seconds, int16, to a file; False: it has not played so much."""
        assert self._ports is not None
        count = int(seconds * 100)
        if not self._ports.is_open("speaker") or len(self._ports.played) < count:
            return False
        Path(path).write_bytes(b"".join(piece.tobytes() for piece in self._ports.played[-count:]))
        return True

    def do_sessions(self) -> list[dict[str, Any]]:
        return [
            {
                "id": snapshot.id,
                "view": wire.to_plain(snapshot.view),
                "picture": snapshot.picture.value,
                "pending": [line.text for line in snapshot.pending],
                "recording": None if snapshot.recording is None else wire.to_plain(snapshot.recording),
            }
            for snapshot in self._app.controller.sessions.values()
        ]

    def do_painted(self, session_id: str) -> list[int]:
        """How many pictures of that session were decoded, and how many reached the screen, since it began."""
        box = self._app.controller.mailbox(session_id)
        figures = box.figures() if isinstance(box, FrameBox) else None
        return [0, 0] if figures is None else [figures.received, figures.painted]

    async def do_offer_files(self, session_id: str, paths: list[str]) -> None:
        await self._app.controller.offer_files(session_id, [Path(path) for path in paths])

    async def do_file(self, act: str, session_id: str, file_id: str) -> None:
        await getattr(self._app.controller, f"{act}_file")(session_id, file_id)

    def do_files(self, session_id: str) -> list[dict[str, Any]]:
        """What this app knows of a session's files."""
        return [
            {**asdict(line), "state": line.state.value, "code": line.code and str(line.code)}
            for line in self._app.controller.files(session_id)
        ]

    def do_link(self) -> str:
        return str(self._app.controller.link.value)

    def do_gap_ms(self) -> float:
        """The longest time since the last question for which the UI loop stood still; the first question starts it."""
        if not self._timer.isActive():  # it costs CPU, which a benchmark would count as the app's
            self._last, self._used = time.perf_counter(), time.thread_time()
            self._timer.start(5)
        found, self._gap_ms = self._gap_ms, 0.0
        return found

    def do_keep_busy(self, busy_ms: float, of_ms: float) -> None:
        """Let Python have the UI thread for so long, again and again; 0 of anything: no more."""
        self._load.stop()
        if not busy_ms:
            return

        def work() -> None:
            ends = time.perf_counter() + busy_ms / 1000
            while time.perf_counter() < ends:
                pass

        self._load = QTimer()
        self._load.setTimerType(Qt.TimerType.PreciseTimer)
        self._load.timeout.connect(work)
        self._load.start(int(of_ms))

    def do_busy_ms(self) -> float:
        """The same in its own CPU time, which a busy machine does not lengthen."""
        found, self._busy_ms = self._busy_ms, 0.0
        return found

    def do_maximize(self) -> None:
        self._app.window.showMaximized()

    def do_front(self) -> None:
        self._app.window.raise_()
        self._app.window.activateWindow()

    def do_resize(self, width: int, height: int) -> None:
        self._app.window.resize(width, height)

    def do_close_window(self) -> None:
        self._app.window.close()

    def do_choose_tab(self, session_id: str) -> None:
        self._app.window.show_session(session_id)

    def do_place(self, name: str) -> list[int]:
        """Where a widget is on the screen: x, y, width, height."""
        widget = self._find(name)
        corner = widget.mapToGlobal(widget.rect().topLeft())
        return [corner.x(), corner.y(), widget.width(), widget.height()]

    def do_screen(self) -> list[int]:
        size = QGuiApplication.primaryScreen().size()
        return [size.width(), size.height()]

    async def do_settings(self, **changes: Any) -> None:
        settings = await self._app.controller.change_settings(**changes)
        # As the preferences do after a change.
        self._app.translator.set_language(settings.language)
        self._app.theme.choose(settings.theme)

    async def do_end(self, session_id: str) -> None:
        await self._app.controller.end_session(session_id)

    async def do_leave(self, session_id: str) -> None:
        await self._app.controller.leave_session(session_id)

    def do_tray(self) -> bool:
        """Whether the app sees a tray."""
        return bool(self._app.tray.available)

    async def do_quit(self) -> None:
        self._app.actions["quit"].trigger()

    async def run(self, link: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=link)
        while line := await reader.readline():
            command = json.loads(line)
            try:
                method = getattr(self, f"do_{command.pop('do')}")
                value = method(**command)
                if asyncio.iscoroutine(value):
                    value = await value
                answer = {"ok": True, "value": value}
            except Exception as error:  # noqa: BLE001 - the test is told, whatever it was
                answer = {"ok": False, "error": f"{type(error).__name__}: {error}"}
            writer.write(json.dumps(answer).encode() + b"\n")
            await writer.drain()


def _sound_from(file: str) -> "ArrayPorts":
    """Have the app hear that file and keep what it plays, instead of using the devices of this computer."""
    import ui.media
    from tests.harness.sound import ArrayPorts, read_wav  # numpy, which nobody else here needs

    ports = ArrayPorts(read_wav(Path(file)))

    class Parts(ui.media.MediaParts):
        def make_engine(self) -> "MediaEngine":
            from support_manager.media.aiortc_engine import AiortcEngine

            return AiortcEngine(ports)

    ui.media.MediaParts = Parts  # type: ignore[misc]
    return ports


def main() -> None:
    """Take the control socket's number off the command line and run the app with the rest.

    With `SUPPORT_TEST_SOUND=FILE` in the environment its microphone hears that WAV, again and again.
    """
    position = sys.argv.index("--control-fd")
    link = socket.socket(fileno=int(sys.argv[position + 1]))
    link.setblocking(False)
    del sys.argv[position : position + 2]

    from ui import app as ui_app

    ports = _sound_from(file) if (file := os.environ.get("SUPPORT_TEST_SOUND", "")) else None

    def ready(built: Any) -> None:
        built.tasks.spawn(Driver(built, ports).run(link), name="driver")

    sys.exit(ui_app.main(sys.argv[1:], ready=ready))


if __name__ == "__main__":
    main()
