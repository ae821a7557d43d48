"""A virtual screen for tests: Xvfb on a free display, with a window manager and a tray where wanted, and its pixels."""

import asyncio
import ctypes
import os
import select
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

from PySide6.QtGui import QImage

_START_S = 15.0


class _XImage(ctypes.Structure):
    """The head of Xlib's XImage (X11/Xlib.h)."""

    _fields_ = (
        ("width", ctypes.c_int),
        ("height", ctypes.c_int),
        ("xoffset", ctypes.c_int),
        ("format", ctypes.c_int),
        ("data", ctypes.c_void_p),
        ("byte_order", ctypes.c_int),
        ("bitmap_unit", ctypes.c_int),
        ("bitmap_bit_order", ctypes.c_int),
        ("bitmap_pad", ctypes.c_int),
        ("depth", ctypes.c_int),
        ("bytes_per_line", ctypes.c_int),
        ("bits_per_pixel", ctypes.c_int),
    )


def _xlib() -> Any:
    lib = ctypes.CDLL("libX11.so.6")
    lib.XOpenDisplay.restype = ctypes.c_void_p
    lib.XDefaultRootWindow.restype = ctypes.c_ulong
    lib.XDefaultRootWindow.argtypes = [ctypes.c_void_p]
    lib.XGetImage.restype = ctypes.POINTER(_XImage)
    lib.XGetImage.argtypes = [
        ctypes.c_void_p, ctypes.c_ulong, ctypes.c_int, ctypes.c_int, ctypes.c_uint, ctypes.c_uint,
        ctypes.c_ulong, ctypes.c_int,
    ]  # fmt: skip
    lib.XDestroyImage.argtypes = [ctypes.c_void_p]
    lib.XCloseDisplay.argtypes = [ctypes.c_void_p]
    return lib


class ScreenReader:
    """Reads pixels of an X server's root window as they are on the screen, windows and all. For one thread.

    Args:
        name: the display, e.g. `:7`.
    """

    def __init__(self, name: str) -> None:
        self._lib = _xlib()
        self._display = self._lib.XOpenDisplay(name.encode())
        if not self._display:
            raise OSError(f"no X server at {name}")
        self._root = self._lib.XDefaultRootWindow(self._display)

    def grab(self, x: int, y: int, width: int, height: int) -> bytes:
        """The pixels of a rectangle that lies on the screen, 4 bytes each: B, G, R, X; rows without gaps."""
        all_planes, z_pixmap = 0xFFFFFFFF, 2
        image = self._lib.XGetImage(self._display, self._root, x, y, width, height, all_planes, z_pixmap)
        if not image:
            raise OSError("the X server gave no pixels")
        try:
            found = image.contents
            if found.bits_per_pixel != 32 or found.bytes_per_line != width * 4:
                raise OSError("the X server is not one of 24 bits of colour")
            return ctypes.string_at(found.data, width * height * 4)
        finally:
            self._lib.XDestroyImage(image)

    def close(self) -> None:
        """Close the connection to the X server."""
        if self._display:
            self._lib.XCloseDisplay(self._display)
            self._display = None


class Display:
    """An Xvfb of its own; ends, with what was started on it, in `stop`. Use it as a context manager.

    Args:
        width: of the screen in pixels.
        height: of the screen in pixels.
        window_manager: start openbox on it (focus, full screen and raising behave as for a person).
        tray: start a tray host on it, which makes `QSystemTrayIcon.isSystemTrayAvailable()` true.
    """

    def __init__(
        self, width: int = 1920, height: int = 1080, *, window_manager: bool = False, tray: bool = False
    ) -> None:
        self.width = width
        self.height = height
        self._window_manager = window_manager
        self._tray = tray
        self._processes: list[subprocess.Popen[bytes]] = []
        self.name = ""

    def start(self) -> Self:
        """Start the X server and wait until it answers.

        Raises:
            OSError: if it does not start.
        """
        read, write = os.pipe()
        try:
            self._processes.append(
                subprocess.Popen(
                    [
                        "Xvfb",
                        "-displayfd",
                        str(write),
                        "-screen",
                        "0",
                        f"{self.width}x{self.height}x24",
                        "-nolisten",
                        "tcp",
                        "-noreset",
                        "-dpi",
                        "96",
                    ],
                    pass_fds=(write,),
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                )
            )
            os.close(write)
            write = -1
            self.name = f":{self._display_number(read)}"
        except OSError:
            self.stop()
            raise
        finally:
            os.close(read)
            if write >= 0:
                os.close(write)
        if self._window_manager:
            self.spawn("openbox")
            self._await_window_manager()
        if self._tray:
            self.spawn("trayer", "--edge", "bottom", "--align", "right", "--width", "10", "--height", "24")
        return self

    @staticmethod
    def _display_number(read: int) -> int:
        """Xvfb writes the number and a newline once it accepts connections, and closes the pipe if it fails."""
        deadline = time.monotonic() + _START_S
        text = b""
        while not text.endswith(b"\n"):
            ready, _, _ = select.select([read], [], [], max(0.0, deadline - time.monotonic()))
            part = os.read(read, 16) if ready else b""
            if not part:
                raise OSError("Xvfb did not start")
            text += part
        return int(text)

    def _await_window_manager(self) -> None:
        _wait(lambda: b"_NET_SUPPORTING_WM_CHECK(WINDOW)" in self._root_property(), "openbox did not start")

    def _root_property(self) -> bytes:
        done = subprocess.run(
            ["xprop", "-root", "_NET_SUPPORTING_WM_CHECK"], env=self.environment(), capture_output=True, check=False
        )
        return done.stdout

    def environment(self) -> dict[str, str]:
        """This process' environment with the display in it, and nothing of another screen."""
        kept = {key: value for key, value in os.environ.items() if key not in ("WAYLAND_DISPLAY", "QT_QPA_PLATFORM")}
        return {**kept, "DISPLAY": self.name, "XDG_SESSION_TYPE": "x11"}

    def spawn(self, *words: str) -> subprocess.Popen[bytes]:
        """Start a program on this display; `stop` ends it."""
        process = subprocess.Popen(
            words,
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._processes.append(process)
        return process

    def reader(self) -> ScreenReader:
        """A reader of this display's pixels; close it before the display stops."""
        return ScreenReader(self.name)

    def screenshot(self, path: Path) -> None:
        """Write the whole screen to a PNG file."""
        reader = self.reader()
        try:
            pixels = reader.grab(0, 0, self.width, self.height)
        finally:
            reader.close()
        image = QImage(pixels, self.width, self.height, self.width * 4, QImage.Format.Format_RGB32)
        if not image.save(str(path)):
            raise OSError(f"cannot write {path}")

    def stop(self) -> None:
        """End the programs of this display and the X server."""
        for process in reversed(self._processes):
            process.terminate()
            try:
                process.wait(5)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self._processes.clear()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *exc: object) -> None:
        self.stop()

    async def __aenter__(self) -> Self:
        return await asyncio.to_thread(self.start)

    async def __aexit__(self, *exc: object) -> None:
        await asyncio.to_thread(self.stop)


def _wait(condition: Callable[[], bool], message: str) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        if time.monotonic() > deadline:
            raise OSError(message)
        time.sleep(0.02)
