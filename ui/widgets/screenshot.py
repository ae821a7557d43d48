"""Writes a screenshot to a PNG file in a thread, all of it or nothing, and says in words what went wrong."""

import errno
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from PySide6.QtCore import QBuffer, QIODevice, QObject, QThreadPool, Signal
from PySide6.QtGui import QImage, QImageWriter

from support_manager.media.mailbox import FramePicture


def image_of(picture: FramePicture) -> QImage:
    """An image that owns its pixels, so that it may outlive the picture."""
    data = memoryview(picture.data)  # type: ignore[arg-type]
    over = QImage(data, picture.width, picture.height, picture.stride, QImage.Format.Format_RGB32)
    return over.copy()


class ScreenshotWriter(QObject):
    """Writes images one after the other in Qt's thread pool.

    Signals:
        saved: the file's name.
        failed: the translation key (area `view`) of what went wrong, and the path.
    """

    saved = Signal(str)
    failed = Signal(str, str)

    def save(self, image: QImage, path: str) -> None:
        """Write `image` to `path`; ends in `saved` or `failed`."""
        QThreadPool.globalInstance().start(lambda: self._write(image, path))

    def _write(self, image: QImage, path: str) -> None:
        try:
            write_png(image, Path(path))
        except OSError as error:
            self.failed.emit(failure_key(error), path)
        else:
            self.saved.emit(path)


def failure_key(error: OSError) -> str:
    """The sentence for an error of the file system."""
    if error.errno in (errno.ENOENT, errno.ENOTDIR):
        return "screenshot.no_folder"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return "screenshot.not_allowed"
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "screenshot.disk_full"
    return "screenshot.failed"


def write_png(image: QImage, path: Path) -> None:
    """Write a PNG file; an older file of that name stays whole until the new one is.

    Raises:
        OSError: if it cannot be written.
    """
    buffer = QBuffer()
    buffer.open(QIODevice.OpenModeFlag.WriteOnly)
    writer = QImageWriter(buffer, b"png")
    if not writer.write(image):
        raise OSError(errno.EIO, writer.errorString())
    descriptor, name = tempfile.mkstemp(prefix=".screenshot-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(buffer.data().data())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise
