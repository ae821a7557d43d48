"""The camera port: the devices there are, the pictures of the one in use, and the slot in which the newest waits."""

import threading
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

WIDTH, HEIGHT = 640, 360
"""What a camera is asked for and what is sent of it at most, in pixels."""
FPS = 20
"""Pictures a second that are asked for and sent at most."""


class CameraTrouble(Enum):
    """Why there is no picture of a camera."""

    NONE_FOUND = "none_found"
    """This computer has none."""
    BUSY = "busy"
    """Another program has it, or it does not start."""
    DENIED = "denied"
    """The system does not let this program use it."""
    GONE = "gone"
    """It was unplugged while in use."""


@dataclass(frozen=True, slots=True)
class CameraDevice:
    """A camera of this computer."""

    id: str
    """What the system calls it; the same after a restart."""
    name: str
    """What people call it."""


@dataclass(frozen=True, slots=True)
class CameraFrame:
    """One picture as a camera gave it, in memory of its own."""

    format: str
    """FFmpeg's name of the pixel format: `yuv420p`, `nv12`, `yuyv422`, `bgra` …"""
    width: int
    height: int
    planes: tuple[bytes, ...]
    strides: tuple[int, ...]
    """Bytes from one row to the next, for each plane."""
    captured_ms: float
    """`time.time() * 1000`."""


class CameraSession(Protocol):
    """A camera in use."""

    def close(self) -> None:
        """Let go of it at once: its light goes out. No callback is called any more; may be called twice."""


class CameraPort(Protocol):
    """The cameras of this computer. Every method is called on the UI loop and blocks for a moment at most."""

    async def devices(self) -> tuple[CameraDevice, ...]:
        """The cameras there are, the system's own choice first."""

    def open(
        self, device_id: str, on_frame: Callable[[CameraFrame], None], on_trouble: Callable[[CameraTrouble], None]
    ) -> CameraSession:
        """Begin to take pictures.

        Args:
            device_id: of `devices`; empty, or one that is not there any more: the system's own choice.
            on_frame: called with each picture, on any thread; it must not block.
            on_trouble: called at most once, on the UI loop, never from within this call; after it no picture comes.
        """


class CameraSlot:
    """Holds the newest picture until somebody takes it; an older one is overtaken, never queued. Thread-safe."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._frame: CameraFrame | None = None
        self._closed = False

    def put(self, frame: CameraFrame) -> None:
        """Take the newest picture; never waits."""
        with self._changed:
            if not self._closed:
                self._frame = frame
                self._changed.notify()

    def take(self) -> CameraFrame | None:
        """Wait for a picture that was not taken before; None once closed."""
        with self._changed:
            while self._frame is None and not self._closed:
                self._changed.wait()
            frame, self._frame = self._frame, None
            return None if self._closed else frame

    def clear(self) -> None:
        """Forget what waits: the camera is off."""
        with self._changed:
            self._frame = None

    def close(self) -> None:
        """Wake whoever waits, for good."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()
