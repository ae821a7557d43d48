"""Looks at screens and windows through Qt's capture, where the system is not an X server: Windows and macOS."""

import threading
import time
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QCoreApplication, QMetaObject, QObject, Qt, QTimer, Slot
from PySide6.QtGui import QImage, QScreen
from PySide6.QtMultimedia import (
    QCapturableWindow,
    QMediaCaptureSession,
    QScreenCapture,
    QVideoFrame,
    QVideoFrameFormat,
    QVideoSink,
    QWindowCapture,
)

from support_manager.media.screens import Patch, SourceGone, SourceRefused
from support_manager.protocol.activities import Source

_START_S = 3.0
_BGRX = frozenset({QVideoFrameFormat.PixelFormat.Format_BGRX8888, QVideoFrameFormat.PixelFormat.Format_BGRA8888})


class _Recorder(QObject):
    """The part that lives on the UI's thread: Qt's objects, and the newest frame for whoever looks.

    Args:
        screen: to look at.
        window: to look at instead.
    """

    def __init__(self, screen: QScreen | None, window: QCapturableWindow | None) -> None:
        super().__init__()
        self._screen, self._window = screen, window
        self._capture: QScreenCapture | QWindowCapture | None = None
        self._session: QMediaCaptureSession | None = None
        self._sink: QVideoSink | None = None
        self.changed = threading.Event()
        self._lock = threading.Lock()
        self._frame: QVideoFrame | None = None
        self.problem = ""

    @Slot()
    def begin(self) -> None:
        """Start; on the UI's thread."""
        self._session, self._sink = QMediaCaptureSession(), QVideoSink()
        self._session.setVideoSink(self._sink)
        # Directly on Qt's capture thread: the UI's own loop has nothing to do with frames.
        self._sink.videoFrameChanged.connect(self._take, Qt.ConnectionType.DirectConnection)
        if self._window is not None:
            windows = self._capture = QWindowCapture()
            windows.setWindow(self._window)
            windows.errorOccurred.connect(self._failed)
            self._session.setWindowCapture(windows)
        else:
            screens = self._capture = QScreenCapture()
            if self._screen is not None:
                screens.setScreen(self._screen)
            screens.errorOccurred.connect(self._failed)
            self._session.setScreenCapture(screens)
        self._capture.start()

    @Slot()
    def end(self) -> None:
        """Stop; on the UI's thread."""
        if self._capture is not None:
            self._capture.stop()
        if self._sink is not None:
            self._sink.videoFrameChanged.disconnect(self._take)
        self._capture = self._session = self._sink = None
        # Not within its own slot.
        QTimer.singleShot(0, partial(_LIVING.discard, self))

    def _take(self, frame: QVideoFrame) -> None:
        with self._lock:
            self._frame = QVideoFrame(frame)
        self.changed.set()

    def _failed(self, error: object, _words: str) -> None:
        gone = (QWindowCapture.Error.CaptureFailed, QScreenCapture.Error.CaptureFailed)
        refused = (QWindowCapture.Error.CapturingNotSupported, QScreenCapture.Error.CapturingNotSupported)
        self.problem = "gone" if error in gone else "unsupported" if error in refused else "refused"
        self.changed.set()

    def newest(self) -> QVideoFrame | None:
        """The newest frame, once."""
        with self._lock:
            frame, self._frame = self._frame, None
        return frame


_LIVING: set[_Recorder] = set()
"""Whoever looks lets go of his recorder on another thread; it ends, and goes, on the UI's."""


class QtGrabber:
    """Looks at what a recorder gets. Qt delivers every picture whether anything changed or not, so that is compared.

    Args:
        recorder: not begun yet.
    """

    def __init__(self, recorder: _Recorder) -> None:
        self._recorder = recorder
        self._last = b""
        self._pixels = memoryview(b"")
        _LIVING.add(recorder)
        QMetaObject.invokeMethod(recorder, "begin", Qt.ConnectionType.QueuedConnection)
        if not recorder.changed.wait(_START_S) or recorder.problem:
            self.close()
            raise SourceRefused("screen_not_supported" if recorder.problem == "unsupported" else "screen_not_allowed")

    @property
    def is_hidden(self) -> bool:
        """Not known by Qt."""
        return False

    def wait(self, seconds: float) -> None:
        """Wait for the next picture."""
        if self._recorder.changed.wait(seconds):
            self._recorder.changed.clear()

    def grab(self, *, whole: bool = False) -> Patch | None:
        """The rows that changed; see `support_manager.media.screens.Grabber`."""
        if self._recorder.problem:
            raise SourceGone
        frame = self._recorder.newest()
        if frame is None or not frame.map(QVideoFrame.MapMode.ReadOnly):
            return None
        try:
            width, height = frame.width() & ~1, frame.height() & ~1
            stride = frame.bytesPerLine(0)
            data = memoryview(frame.bits(0))
            if frame.surfaceFormat().pixelFormat() not in _BGRX:
                image = frame.toImage().convertToFormat(QImage.Format.Format_RGB32)
                stride, data = image.bytesPerLine(), memoryview(image.constBits())
            if stride == width * 4:
                pixels = bytes(data[: stride * height])
            else:
                pixels = b"".join(bytes(data[row * stride : row * stride + width * 4]) for row in range(height))
        finally:
            frame.unmap()
        if pixels == self._last and not whole:
            return None
        last, self._last = self._last, pixels
        top, bottom = (0, height) if whole or len(last) != len(pixels) else _changed(last, pixels, width * 4, height)
        self._pixels = memoryview(pixels)[top * width * 4 : bottom * width * 4]
        return Patch(self._pixels, 0, top, width, bottom - top, width, height, time.time())

    def close(self) -> None:
        """Let go of it."""
        QMetaObject.invokeMethod(self._recorder, "end", Qt.ConnectionType.QueuedConnection)


def _changed(before: bytes, after: bytes, stride: int, height: int) -> tuple[int, int]:
    """The first and the end of the bands of 16 rows that differ."""
    one, other = memoryview(before), memoryview(after)

    def differs(top: int) -> bool:
        start, end = top * stride, (top + 16) * stride
        return one[start:end] != other[start:end]

    bands = [top for top in range(0, height, 16) if differs(top)]
    return (bands[0], min(height, bands[-1] + 16)) if bands else (0, height)


@dataclass(frozen=True, slots=True)
class QtScreen:
    """One screen."""

    title: str
    screen: QScreen

    @property
    def kind(self) -> Source:
        """A whole screen."""
        return Source.SCREEN

    def open(self) -> QtGrabber:
        """Begin to look at it."""
        return QtGrabber(_on_ui_thread(_Recorder(self.screen, None)))


@dataclass(frozen=True, slots=True)
class QtWindow:
    """One window."""

    title: str
    window: QCapturableWindow

    @property
    def kind(self) -> Source:
        """One window."""
        return Source.WINDOW

    def open(self) -> QtGrabber:
        """Begin to look at it."""
        if not self.window.isValid():
            raise SourceGone
        return QtGrabber(_on_ui_thread(_Recorder(None, self.window)))


def _on_ui_thread(recorder: _Recorder) -> _Recorder:
    app = QCoreApplication.instance()
    if app is None:
        raise SourceRefused("screen_not_supported")
    recorder.moveToThread(app.thread())
    return recorder


def qt_windows() -> list[QtWindow]:
    """The windows that Qt can look at."""
    found = QWindowCapture.capturableWindows()
    return [QtWindow(window.description(), window) for window in found if window.isValid()]
