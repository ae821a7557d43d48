"""Which screens and windows of this computer can be shown, with small pictures of them; says why where none can."""

import os
import time
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QGuiApplication, QImage

from support_manager.media.screens import Grabber, Shareable, SourceGone, SourceRefused
from ui.devices.qt_screens import QtScreen, qt_windows
from ui.devices.x11_screens import X11Screen, X11Window, x11_windows
from ui.devices.xlib import xlib

MOST_WINDOWS = 24
_PAINTS_S = 0.1


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is on the desktop, in Qt's own pixels."""

    x: int
    y: int
    width: int
    height: int


class Screens:
    """The sources of this desktop; `windows` and `thumbnail` are for a worker thread, all else for the UI's."""

    def __init__(self) -> None:
        self._x11 = QGuiApplication.platformName() == "xcb" and xlib() is not None

    @property
    def problem(self) -> str:
        """Why nothing of this desktop can be shown, as a key of the area `show`; empty where it can."""
        # An X program under Wayland sees other X programs at best, and mostly black.
        if QGuiApplication.platformName() == "wayland" or os.environ.get("XDG_SESSION_TYPE") == "wayland":
            return "picker.wayland"
        return ""

    def screens(self) -> list[Shareable]:
        """The screens, the main one first."""
        found: list[Shareable] = []
        for screen in QGuiApplication.screens():
            if not self._x11:
                found.append(QtScreen(screen.name(), screen))
                continue
            ratio, area = screen.devicePixelRatio(), screen.geometry()
            # Qt scales a screen's size and not its place (QHighDpi, "native" positions).
            size = round(area.width() * ratio), round(area.height() * ratio)
            found.append(X11Screen(screen.name(), area.x(), area.y(), *size))
        return found

    def windows(self) -> list[Shareable]:
        """The windows of other programs, the topmost first; blocks for some milliseconds."""
        found = x11_windows(os.getpid()) if self._x11 else qt_windows()
        return list(found[:MOST_WINDOWS])

    def thumbnail(self, source: Shareable, size: QSize) -> QImage | None:
        """A small picture of it as it is now; blocks for some milliseconds."""
        grabber: Grabber | None = None
        try:
            if isinstance(source, QtScreen):
                return None
            grabber = source.open()
            if isinstance(source, X11Window):
                # What lay under others is painted by its program now that somebody looks.
                grabber.wait(_PAINTS_S)
                time.sleep(_PAINTS_S / 4)
            rows = grabber.grab(whole=True)
            if rows is None:
                return None
            image = QImage(rows.data, rows.width, rows.height, rows.width * 4, QImage.Format.Format_RGB32)
            mode = Qt.TransformationMode.SmoothTransformation
            return image.scaled(size, Qt.AspectRatioMode.KeepAspectRatio, mode).copy()
        except (SourceGone, SourceRefused):
            return None
        finally:
            if grabber is not None:
                grabber.close()

    def place(self, source: Shareable) -> Place | None:
        """Where it is now; None where that is not known."""
        if isinstance(source, X11Window):
            found = source.place()
            return None if found is None else self._scaled(Place(*found))
        title = source.title
        for screen in QGuiApplication.screens():
            if screen.name() == title:
                area = screen.geometry()
                return Place(area.x(), area.y(), area.width(), area.height())
        return None

    @staticmethod
    def _scaled(native: Place) -> Place:
        ratio = QGuiApplication.primaryScreen().devicePixelRatio()
        return Place(*(round(value / ratio) for value in (native.x, native.y, native.width, native.height)))
