"""A camera behind the port that shows numbers: a time code in large blocks, drawn anew for every picture."""

import asyncio
import time
from collections.abc import Callable

from support_manager.media.camera import CameraDevice, CameraFrame, CameraTrouble
from tests.harness import timecode

FPS = 15


class NumberCamera:
    """Implements `CameraPort`. A test says what is wrong with it, changes what it shows, and unplugs it.

    Args:
        number: gives what the picture shows; by default the time in milliseconds.
    """

    def __init__(self, number: Callable[[], int] = lambda: int(time.time() * 1000)) -> None:
        self.number = number
        self.trouble: CameraTrouble | None = None
        """What is wrong with it when it is opened next."""
        self.found: tuple[CameraDevice, ...] = (CameraDevice("front", "Front"), CameraDevice("desk", "Desk camera"))
        self.picture: tuple[bytes, int, int] | None = None
        """Shown instead of a number: BGRA, width and height in pixels."""
        self.silent = False
        """Whether it says nothing at all when it is opened next."""
        self.opened: list[str] = []
        self._running: set[NumberCameraSession] = set()

    @property
    def is_on(self) -> bool:
        """Whether its light is on."""
        return bool(self._running)

    async def devices(self) -> tuple[CameraDevice, ...]:
        return self.found

    def open(
        self, device_id: str, on_frame: Callable[[CameraFrame], None], on_trouble: Callable[[CameraTrouble], None]
    ) -> "NumberCameraSession":
        self.opened.append(device_id)
        session = NumberCameraSession(self, on_frame, on_trouble)
        self._running.add(session)
        return session

    def unplug(self) -> None:
        """It is gone in the middle of it."""
        for session in list(self._running):
            session.fail(CameraTrouble.GONE)


class NumberCameraSession:
    """Implements `CameraSession`."""

    def __init__(
        self,
        camera: NumberCamera,
        on_frame: Callable[[CameraFrame], None],
        on_trouble: Callable[[CameraTrouble], None],
    ) -> None:
        self._camera = camera
        self._on_frame = on_frame
        self._on_trouble = on_trouble
        self._over = False
        self._task = asyncio.get_running_loop().create_task(self._film(), name="film")

    async def _film(self) -> None:
        await asyncio.sleep(0.02)
        if self._camera.trouble is not None:
            self.fail(self._camera.trouble)
            return
        while not self._over and not self._camera.silent:
            pixels, width, height = self._camera.picture or timecode.draw(self._camera.number())
            frame = CameraFrame("bgra", width, height, (pixels,), (width * 4,), time.time() * 1000)
            await asyncio.to_thread(self._on_frame, frame)  # from a thread, as real ones do
            await asyncio.sleep(1 / FPS)

    def fail(self, trouble: CameraTrouble) -> None:
        """It tells what is wrong, once, and is over."""
        if not self._over:
            self._end()
            self._on_trouble(trouble)

    def _end(self) -> None:
        self._over = True
        self._camera._running.discard(self)

    def close(self) -> None:
        self._end()
        if asyncio.current_task() is not self._task:
            self._task.cancel()
