"""The cameras of this computer through Qt Multimedia: listed, opened, and their pictures handed over as they come."""

import asyncio
import importlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import structlog
from PySide6.QtCore import QCameraPermission, QCoreApplication, QObject, Qt

from support_manager.media.camera import FPS, HEIGHT, WIDTH, CameraDevice, CameraFrame, CameraTrouble
from support_manager.tasks import TaskOwner

if TYPE_CHECKING:
    from PySide6.QtMultimedia import QCamera, QCameraDevice, QVideoFrame

log = structlog.get_logger(__name__)

_FORMATS = {
    "Format_YUV420P": "yuv420p",
    "Format_YUV422P": "yuv422p",
    "Format_NV12": "nv12",
    "Format_NV21": "nv21",
    "Format_YUYV": "yuyv422",
    "Format_UYVY": "uyvy422",
    "Format_Y8": "gray",
    "Format_BGRA8888": "bgra",
    "Format_BGRX8888": "bgr0",
    "Format_RGBA8888": "rgba",
    "Format_RGBX8888": "rgb0",
    "Format_ARGB8888": "argb",
    "Format_XRGB8888": "0rgb",
}
"""Qt's names of the layouts in which pictures are taken as they are; all others go through a QImage."""


class QtCamera:
    """Implements `CameraPort`. Qt Multimedia takes a while to load, so that happens in a thread, once it is needed."""

    def __init__(self) -> None:
        self._tasks = TaskOwner("camera")

    async def devices(self) -> tuple[CameraDevice, ...]:
        """The cameras there are, the system's own choice first."""
        await _loaded()
        from PySide6.QtMultimedia import QMediaDevices

        default = QMediaDevices.defaultVideoInput()
        found = sorted(QMediaDevices.videoInputs(), key=lambda one: one.id() != default.id())
        return tuple(CameraDevice(_id_of(one), one.description()) for one in found)

    def open(
        self, device_id: str, on_frame: Callable[[CameraFrame], None], on_trouble: Callable[[CameraTrouble], None]
    ) -> "QtCameraSession":
        """Begin to take pictures; see `CameraPort.open`."""
        session = QtCameraSession(device_id, on_frame, on_trouble)
        session.starting = self._tasks.spawn(session.start(), name="open")
        return session


class QtCameraSession(QObject):
    """Implements `CameraSession`.

    Args:
        device_id: of the camera; empty for the system's own choice.
        on_frame: takes each picture, on a thread of Qt's.
        on_trouble: takes what is wrong.
    """

    def __init__(
        self, device_id: str, on_frame: Callable[[CameraFrame], None], on_trouble: Callable[[CameraTrouble], None]
    ) -> None:
        super().__init__()
        self._device_id = device_id
        self._on_frame = on_frame
        self._on_trouble = on_trouble
        self._over = False
        self._camera: QCamera | None = None
        self._parts: list[QObject] = []
        self.starting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Open the camera."""
        await _loaded()
        if not await self._allowed():
            self._fail(CameraTrouble.DENIED)
        elif not self._over:
            self._open()

    async def _allowed(self) -> bool:
        """Whether the system lets this program use cameras; it may ask the person (macOS, Android)."""
        app = QCoreApplication.instance()
        permission = QCameraPermission()
        if app is None or app.checkPermission(permission) == Qt.PermissionStatus.Granted:
            return True
        answered: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

        def answer(given: object) -> None:
            if not answered.done():
                answered.set_result(app.checkPermission(permission) == Qt.PermissionStatus.Granted)

        if app.checkPermission(permission) == Qt.PermissionStatus.Undetermined:
            app.requestPermission(permission, self, answer)
            return await answered
        return False

    def _open(self) -> None:
        from PySide6.QtMultimedia import QCamera, QMediaCaptureSession, QMediaDevices, QVideoSink

        devices = QMediaDevices(self)
        device = _chosen(self._device_id)
        if device is None:
            self._fail(CameraTrouble.NONE_FOUND)
            return
        camera = self._camera = QCamera(device, self)
        best = _best_format(device)
        if best is not None:
            camera.setCameraFormat(best)  # type: ignore[arg-type]
        camera.errorOccurred.connect(lambda *_: self._fail(CameraTrouble.BUSY))
        devices.videoInputsChanged.connect(lambda: self._look_for(device))
        session, sink = QMediaCaptureSession(self), QVideoSink(self)
        session.setCamera(camera)
        session.setVideoSink(sink)
        # Where they come: copying a picture there costs the window's thread nothing.
        sink.videoFrameChanged.connect(self._take, Qt.ConnectionType.DirectConnection)
        self._parts = [devices, session, sink]
        camera.start()

    def _look_for(self, device: "QCameraDevice") -> None:
        from PySide6.QtMultimedia import QMediaDevices

        if all(one.id() != device.id() for one in QMediaDevices.videoInputs()):
            self._fail(CameraTrouble.GONE)

    def _take(self, frame: "QVideoFrame") -> None:
        if self._over:
            return
        taken = frame_of(frame, time.time() * 1000)
        if taken is not None:
            self._on_frame(taken)

    def _fail(self, trouble: CameraTrouble) -> None:
        if not self._over:
            self.close()
            self._on_trouble(trouble)

    def close(self) -> None:
        """Let go of it at once: its light goes out."""
        self._over = True
        camera, self._camera = self._camera, None
        if camera is not None:
            camera.stop()
        self._parts.clear()
        self.deleteLater()


def frame_of(frame: "QVideoFrame", captured_ms: float) -> CameraFrame | None:
    """A copy of one of Qt's pictures; None for one that cannot be read.

    Args:
        frame: as Qt gave it.
        captured_ms: `time.time() * 1000`.
    """
    from PySide6.QtGui import QImage
    from PySide6.QtMultimedia import QVideoFrame

    name = _FORMATS.get(frame.pixelFormat().name)
    if name is not None and frame.map(QVideoFrame.MapMode.ReadOnly):
        try:
            planes = range(frame.planeCount())
            return CameraFrame(
                name,
                frame.width(),
                frame.height(),
                tuple(bytes(frame.bits(plane)) for plane in planes),
                tuple(frame.bytesPerLine(plane) for plane in planes),
                captured_ms,
            )
        finally:
            frame.unmap()
    image = frame.toImage().convertToFormat(QImage.Format.Format_RGB32)
    if image.isNull():
        return None
    return CameraFrame(
        "bgr0", image.width(), image.height(), (bytes(image.constBits()),), (image.bytesPerLine(),), captured_ms
    )


async def _loaded() -> None:
    await asyncio.to_thread(importlib.import_module, "PySide6.QtMultimedia")


def _id_of(device: "QCameraDevice") -> str:
    return bytes(device.id().data()).decode("utf-8", "replace")


def _chosen(device_id: str) -> "QCameraDevice | None":
    from PySide6.QtMultimedia import QMediaDevices

    for device in QMediaDevices.videoInputs():
        if device_id and _id_of(device) == device_id:
            return device
    default = QMediaDevices.defaultVideoInput()
    return None if default.isNull() else default


def _best_format(device: "QCameraDevice") -> object | None:
    """What comes nearest to what is sent, and is not less: a large picture only costs time to make it small."""

    def badness(one: object) -> tuple[int, int, float]:
        size = one.resolution()  # type: ignore[attr-defined]
        too_small = size.width() < WIDTH or size.height() < HEIGHT
        slow = max(0.0, FPS - one.maxFrameRate())  # type: ignore[attr-defined]
        return (int(too_small), int(slow > 5), abs(size.width() * size.height() - WIDTH * HEIGHT) + slow)

    return min(device.videoFormats(), key=badness, default=None)
