"""Real screens and windows of an X server: only what changes is looked at, without what lies over a window."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from ctypes import c_int, c_uint, c_ulong, c_void_p

import pytest
from PySide6.QtGui import QImage

from support_manager.media.screens import Grabber, SourceGone, SourceRefused
from support_manager.protocol.activities import Source
from tests.harness import timecode
from tests.harness.code_window import TITLE
from tests.harness.display import Display
from tests.harness.painted import PaintedSource
from ui.devices.x11_screens import X11Screen, X11Window, x11_windows


@pytest.fixture(scope="module")
def display() -> Iterator[Display]:
    with Display(1200, 800, window_manager=True) as made:
        yield made


STARTED: list[subprocess.Popen[bytes]] = []


@pytest.fixture(autouse=True)
def _here(display: Display, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """On that display, and alone there: the next test must not find a window that is just going."""
    monkeypatch.setenv("DISPLAY", display.name)
    yield
    while STARTED:
        process = STARTED.pop()
        process.terminate()
        process.wait(5)
    until(lambda: not any(one.title == TITLE for one in x11_windows()))


def started(display: Display, *words: str) -> subprocess.Popen[bytes]:
    STARTED.append(display.spawn(sys.executable, "-m", "tests.harness.code_window", *words))
    return STARTED[-1]


def until(condition: Callable[[], object], seconds: float = 15.0) -> object:
    end = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < end
        time.sleep(0.02)  # a poll - of another process, with a deadline
    return found


class Looker:
    """Keeps a picture as a share does: by the parts that changed."""

    def __init__(self, grabber: Grabber) -> None:
        self.grabber = grabber
        self.pixels = bytearray()
        self.size = (0, 0)
        self.changed = (0, 0)

    def look(self) -> bool:
        self.grabber.wait(0.05)
        patch = self.grabber.grab()
        if patch is None:
            return False
        step, line = patch.width * 4, patch.columns * 4
        if self.size != (patch.width, patch.height):
            assert (patch.left, patch.top) == (0, 0), "another size comes whole"
            assert (patch.columns, patch.rows) == (patch.width, patch.height), "another size comes whole"
            self.size, self.pixels = (patch.width, patch.height), bytearray(step * patch.height)
        assert len(patch.data) == line * patch.rows
        for row in range(patch.rows):
            at = (patch.top + row) * step + patch.left * 4
            self.pixels[at : at + line] = patch.data[row * line : (row + 1) * line]
        self.changed = patch.columns, patch.rows
        return True

    def code(self) -> int | None:
        self.look()
        width, height = self.size
        place = timecode.find(self.pixels, width, height, width * 4) if width else None
        return timecode.read(self.pixels, width * 4, place) if place else None


LOOKED_AT_ONCE = """
import threading, time
from ui.devices.x11_screens import X11Screen, x11_windows

def look():
    while time.monotonic() < end or (len(done) <= 40 and time.monotonic() < end + 40):
        x11_windows()
        grabber = X11Screen("", 0, 0, 640, 480).open()
        assert grabber.grab(whole=True)
        grabber.close()
        done.append(1)

end, done = time.monotonic() + 3, []
threads = [threading.Thread(target=look) for _ in range(4)]
for one in threads: one.start()
for one in threads: one.join()
print(len(done))
"""


def test_threads_that_look_at_once_do_not_end_the_program(display: Display):
    # The picker takes its pictures in one thread while a share begins in another.
    words = [sys.executable, "-c", LOOKED_AT_ONCE]
    child = subprocess.run(words, env=display.environment(), capture_output=True, timeout=60, check=False)
    assert child.returncode == 0, child.stderr[-2000:]
    assert int(child.stdout) > 40


@pytest.fixture
def window(display: Display) -> X11Window:
    started(display, "300", "200", "20")
    return until(lambda: next((one for one in x11_windows() if one.title == TITLE), None))  # type: ignore[return-value]


def test_a_screen_is_seen_and_only_the_part_that_changes(display, window):
    looker = Looker(X11Screen("s", 0, 0, display.width, display.height).open())
    first = until(looker.code)
    assert looker.size == (1200, 800)
    until(lambda: (looker.code() or 0) > first)
    until(looker.look)
    assert looker.changed[0] < 700, "a small window is not the whole screen"
    assert looker.changed[1] < 400, "a small window is not the whole screen"
    looker.grabber.close()


def test_a_part_of_the_screen_is_that_part(display, window):
    looker = Looker(X11Screen("s", 0, 600, 1200, 200).open())
    looker.look()
    assert looker.size == (1200, 200)
    assert looker.code() is None
    looker.grabber.close()


def test_a_window_is_seen_without_what_lies_over_it(display, window):
    looker = Looker(window.open())
    first = until(looker.code)
    over = started(display, "280", "150", "1", "700", "400")
    until(lambda: len([one for one in x11_windows() if one.title == TITLE]) == 2)
    time.sleep(0.3)  # let it be painted - nothing tells
    assert until(lambda: (looker.code() or 0) > first)
    assert looker.size[1] < 400
    over.terminate()
    over.wait(5)
    looker.grabber.close()


def test_a_closed_window_is_gone(display):
    process = started(display, "300", "200", "20")
    found = until(lambda: next((one for one in x11_windows() if one.title == TITLE), None))
    looker = Looker(found.open())
    until(looker.code)
    process.kill()
    process.wait(5)

    def gone() -> bool:
        try:
            looker.look()
        except SourceGone:
            return True
        return False

    until(gone)
    looker.grabber.close()
    with pytest.raises(SourceGone):
        found.open()
    assert found.place() is None


UNSEEN_AT_FIRST = """
from PySide6.QtGui import QGuiApplication, QWindow
from PySide6.QtCore import QTimer
from tests.harness.code_window import CodeWindow
import sys

app = QGuiApplication([])
frame = QWindow()
frame.setGeometry(50, 50, 700, 400)
frame.create()
code = CodeWindow()
code.setParent(frame)
code.setGeometry(0, 0, 700, 400)
code.show()
app.processEvents()
print(int(code.winId()), flush=True)
sys.stdin.readline()
frame.show()
timer = QTimer()
timer.timeout.connect(code.update)
timer.start(50)
app.exec()
"""


def test_a_window_whose_frame_appears_later_is_seen_then(display):
    # A window manager lists a window before it shows the frame around it, and the window is not told when it does.
    words = [sys.executable, "-c", UNSEEN_AT_FIRST]
    with subprocess.Popen(
        words, env=display.environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        try:
            looker = Looker(X11Window("code", int(process.stdout.readline())).open())
            assert not looker.look()
            assert looker.grabber.is_hidden
            process.stdin.write("\n")
            process.stdin.flush()
            assert until(looker.code)
            assert not looker.grabber.is_hidden
            looker.grabber.close()
        finally:
            process.terminate()


def test_a_process_own_windows_can_be_left_out(display):
    process = started(display, "300", "200", "20")
    until(lambda: any(one.title == TITLE for one in x11_windows()))
    assert not any(one.title == TITLE for one in x11_windows(without_pid=process.pid))
    process.terminate()
    process.wait(5)


def test_without_an_x_server_it_says_so(monkeypatch):
    monkeypatch.setenv("DISPLAY", ":9999")
    assert x11_windows() == []
    with pytest.raises(SourceRefused):
        X11Screen("s", 0, 0, 100, 100).open()


def test_grabbers_give_their_memory_back(display, window):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(30):
        grabber = window.open()
        grabber.grab(whole=True)
        grabber.close()
        grabber.close()
    assert len(os.listdir("/proc/self/fd")) <= before + 1
    segments = subprocess.run(["ipcs", "-m", "-p"], capture_output=True, text=True, check=False).stdout
    makers = [line.split()[2:3] for line in segments.splitlines()]  # shmid, owner, cpid, lpid
    assert [str(os.getpid())] not in makers


def test_the_painted_source_of_the_tests_behaves_alike():
    source = PaintedSource(width=601, height=361)
    looker = Looker(source.open())
    assert looker.look()
    assert looker.size == (600, 360)
    assert not looker.look(), "nothing has changed"
    source.paint(*timecode.draw(77), top=100)
    assert looker.code() == 77
    assert looker.changed[1] < 200
    source.close_window()
    with pytest.raises(SourceGone):
        looker.look()
    with pytest.raises(SourceRefused):
        PaintedSource(refuses="screen_not_allowed").open()
    assert source.kind is Source.SCREEN


def test_the_pointer_is_in_the_picture_where_it_is(display):
    looker = Looker(X11Screen("s", 0, 0, display.width, display.height).open())
    until(looker.look)
    xlib_display = looker.grabber._display  # type: ignore[attr-defined]
    root = looker.grabber._root  # type: ignore[attr-defined]
    warp = looker.grabber._lib.x.XWarpPointer  # type: ignore[attr-defined]
    warp.argtypes = (c_void_p, c_ulong, c_ulong, c_int, c_int, c_uint, c_uint, c_int, c_int)

    def at(x: int, y: int) -> None:
        warp(xlib_display, 0, root, 0, 0, 0, 0, x, y)
        until(looker.look)
        while looker.look():
            pass

    def ink(x: int, y: int) -> int:
        image = QImage(bytes(looker.pixels), 1200, 800, 4800, QImage.Format.Format_RGB32)
        part = image.copy(x - 20, y - 20, 40, 40)
        return len({part.pixel(a, b) for a in range(40) for b in range(40)})

    at(600, 700)
    blank = ink(600, 700)
    at(100, 700)
    assert ink(600, 700) < max(blank, 2), "nothing of it stays where it was"
    assert ink(100, 700) > 1
    looker.grabber.close()


def test_qt_looks_at_screens_and_windows_where_there_is_no_x_server_of_ours(display, window):
    words = [sys.executable, "-X", "faulthandler", "-m", "tests.harness.qt_look"]
    done = subprocess.run(words, env=display.environment(), capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout.strip(), f"ended with {done.returncode}: {done.stderr}"
    told = json.loads(done.stdout.strip().splitlines()[-1])
    assert told["screen"] == {"codes": 2, "size": [1200, 800]}
    assert told["window"]["codes"] == 2
    assert told["window"]["size"][1] < 400
