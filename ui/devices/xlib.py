"""The few calls of Xlib and its extensions that capture needs (MIT-SHM, DAMAGE, XFIXES, Composite), by ctypes."""

import ctypes
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from ctypes import POINTER, byref, c_char_p, c_int, c_long, c_short, c_uint, c_ulong, c_ushort, c_void_p
from functools import cache
from typing import Any

ALL_PLANES = 0xFFFFFFFF
Z_PIXMAP = 2
STRUCTURE_NOTIFY = 1 << 17
DESTROY_NOTIFY, UNMAP_NOTIFY, MAP_NOTIFY, CONFIGURE_NOTIFY = 17, 18, 19, 22
DAMAGE_NON_EMPTY = 3
REDIRECT_AUTOMATIC = 0
IS_VIEWABLE = 2


class Image(ctypes.Structure):
    """The head of XImage (X11/Xlib.h)."""

    _fields_ = (
        ("width", c_int),
        ("height", c_int),
        ("xoffset", c_int),
        ("format", c_int),
        ("data", c_void_p),
        ("byte_order", c_int),
        ("bitmap_unit", c_int),
        ("bitmap_bit_order", c_int),
        ("bitmap_pad", c_int),
        ("depth", c_int),
        ("bytes_per_line", c_int),
        ("bits_per_pixel", c_int),
    )


class SegmentInfo(ctypes.Structure):
    """XShmSegmentInfo (X11/extensions/XShm.h)."""

    _fields_ = (("seg", c_ulong), ("id", c_int), ("address", c_void_p), ("read_only", c_int))


class Attributes(ctypes.Structure):
    """XWindowAttributes (X11/Xlib.h)."""

    _fields_ = (
        ("x", c_int),
        ("y", c_int),
        ("width", c_int),
        ("height", c_int),
        ("border_width", c_int),
        ("depth", c_int),
        ("visual", c_void_p),
        ("root", c_ulong),
        ("window_class", c_int),
        ("bit_gravity", c_int),
        ("win_gravity", c_int),
        ("backing_store", c_int),
        ("backing_planes", c_ulong),
        ("backing_pixel", c_ulong),
        ("save_under", c_int),
        ("colormap", c_ulong),
        ("map_installed", c_int),
        ("map_state", c_int),
        ("all_event_masks", c_long),
        ("your_event_mask", c_long),
        ("do_not_propagate_mask", c_long),
        ("override_redirect", c_int),
        ("screen", c_void_p),
    )


class Rectangle(ctypes.Structure):
    """XRectangle."""

    _fields_ = (("x", c_short), ("y", c_short), ("width", c_ushort), ("height", c_ushort))


class CursorImage(ctypes.Structure):
    """XFixesCursorImage (X11/extensions/Xfixes.h); pixels are longs of premultiplied ARGB."""

    _fields_ = (
        ("x", c_short),
        ("y", c_short),
        ("width", c_ushort),
        ("height", c_ushort),
        ("xhot", c_ushort),
        ("yhot", c_ushort),
        ("serial", c_ulong),
        ("pixels", POINTER(c_ulong)),
        ("atom", c_ulong),
        ("name", c_char_p),
    )


_HANDLER = ctypes.CFUNCTYPE(c_int, c_void_p, c_void_p)
_IGNORE = _HANDLER(lambda _display, _error: 0)
"""A window may be gone at any moment; every call says so by its result. Xlib's own handler would end the program."""


class Xlib:
    """The libraries.

    `alone` is held by whoever opens or closes a connection or is the first to ask an extension of it.
    libXext 1.3.4 (Debian 12) keeps its records of the connections in one list for all of them, and two threads that
    do so at once write into each other's: the program ends, with 'unaligned tcache chunk' or a plain fault, within
    half a second of trying (`tests/integration/test_screens_live.py`), whatever XInitThreads promises. To go when the
    oldest libXext that we support bears that test without it.

    Raises:
        OSError: if one of them is missing.
    """

    alone = threading.RLock()

    def __init__(self) -> None:
        self.x = x = ctypes.CDLL("libX11.so.6")
        self.ext = ext = ctypes.CDLL("libXext.so.6")
        self.damage = damage = ctypes.CDLL("libXdamage.so.1")
        self.fixes = fixes = ctypes.CDLL("libXfixes.so.3")
        self.composite = composite = ctypes.CDLL("libXcomposite.so.1")
        self.c = c = ctypes.CDLL(None, use_errno=True)
        for function, result, arguments in (
            (x.XInitThreads, c_int, ()),
            (x.XOpenDisplay, c_void_p, (c_char_p,)),
            (x.XCloseDisplay, c_int, (c_void_p,)),
            (x.XDefaultRootWindow, c_ulong, (c_void_p,)),
            (x.XConnectionNumber, c_int, (c_void_p,)),
            (x.XPending, c_int, (c_void_p,)),
            (x.XNextEvent, c_int, (c_void_p, c_void_p)),
            (x.XSync, c_int, (c_void_p, c_int)),
            (x.XSelectInput, c_int, (c_void_p, c_ulong, c_long)),
            (x.XGetWindowAttributes, c_int, (c_void_p, c_ulong, POINTER(Attributes))),
            (x.XFreePixmap, c_int, (c_void_p, c_ulong)),
            (x.XFree, c_int, (c_void_p,)),
            (x.XDestroyWindow, c_int, (c_void_p, c_ulong)),
            (x.XInternAtom, c_ulong, (c_void_p, c_char_p, c_int)),
            (x.XGetWindowProperty, c_int,
             (c_void_p, c_ulong, c_ulong, c_long, c_long, c_int, c_ulong, POINTER(c_ulong), POINTER(c_int),
              POINTER(c_ulong), POINTER(c_ulong), POINTER(c_void_p))),
            (x.XTranslateCoordinates, c_int,
             (c_void_p, c_ulong, c_ulong, c_int, c_int, POINTER(c_int), POINTER(c_int), POINTER(c_ulong))),
            (x.XQueryPointer, c_int,
             (c_void_p, c_ulong, POINTER(c_ulong), POINTER(c_ulong), POINTER(c_int), POINTER(c_int), POINTER(c_int),
              POINTER(c_int), POINTER(c_uint))),
            (x.XSetErrorHandler, c_void_p, (_HANDLER,)),
            (ext.XShmCreateImage, POINTER(Image),
             (c_void_p, c_void_p, c_uint, c_int, c_void_p, POINTER(SegmentInfo), c_uint, c_uint)),
            (ext.XShmAttach, c_int, (c_void_p, POINTER(SegmentInfo))),
            (ext.XShmDetach, c_int, (c_void_p, POINTER(SegmentInfo))),
            (ext.XShmGetImage, c_int, (c_void_p, c_ulong, POINTER(Image), c_int, c_int, c_ulong)),
            (damage.XDamageQueryExtension, c_int, (c_void_p, POINTER(c_int), POINTER(c_int))),
            (damage.XDamageCreate, c_ulong, (c_void_p, c_ulong, c_int)),
            (damage.XDamageSubtract, None, (c_void_p, c_ulong, c_ulong, c_ulong)),
            (damage.XDamageDestroy, None, (c_void_p, c_ulong)),
            (fixes.XFixesQueryExtension, c_int, (c_void_p, POINTER(c_int), POINTER(c_int))),
            (fixes.XFixesCreateRegion, c_ulong, (c_void_p, c_void_p, c_int)),
            (fixes.XFixesFetchRegionAndBounds, POINTER(Rectangle),
             (c_void_p, c_ulong, POINTER(c_int), POINTER(Rectangle))),
            (fixes.XFixesGetCursorImage, POINTER(CursorImage), (c_void_p,)),
            (composite.XCompositeQueryExtension, c_int, (c_void_p, POINTER(c_int), POINTER(c_int))),
            (composite.XCompositeRedirectWindow, None, (c_void_p, c_ulong, c_int)),
            (composite.XCompositeUnredirectWindow, None, (c_void_p, c_ulong, c_int)),
            (composite.XCompositeNameWindowPixmap, c_ulong, (c_void_p, c_ulong)),
            (c.shmget, c_int, (c_int, ctypes.c_size_t, c_int)),
            (c.shmat, c_void_p, (c_int, c_void_p, c_int)),
            (c.shmdt, c_int, (c_void_p,)),
            (c.shmctl, c_int, (c_int, c_int, c_void_p)),
        ):  # fmt: skip
            function.restype, function.argtypes = result, arguments
        x.XInitThreads()
        x.XSetErrorHandler(_IGNORE)

    def open(self) -> int:
        """A connection to the X server of this process; with `alone`.

        Raises:
            OSError: if there is none.
        """
        found = self.x.XOpenDisplay(None)
        if not found:
            raise OSError("no X server")
        return int(found)

    @contextmanager
    def connection(self) -> Iterator[int]:
        """A connection for some questions.

        Raises:
            OSError: if there is no X server.
        """
        with self.alone:
            display = self.open()
            try:
                yield display
            finally:
                self.x.XCloseDisplay(display)

    def atom(self, display: int, name: str) -> int:
        """The number that stands for a name."""
        return int(self.x.XInternAtom(display, name.encode(), 0))

    def property(self, display: int, window: int, name: str, longs: int = 1024) -> tuple[int, bytes] | None:
        """Format (8, 16 or 32 bits, which Xlib hands out as longs) and bytes of a window's property; None if absent."""
        kind, form, count, left, data = c_ulong(), c_int(), c_ulong(), c_ulong(), c_void_p()
        atom = self.atom(display, name)
        failed = self.x.XGetWindowProperty(
            display, window, atom, 0, longs, 0, 0, byref(kind), byref(form), byref(count), byref(left), byref(data)
        )
        if failed or not data.value:
            return None
        width = ctypes.sizeof(c_long) if form.value == 32 else form.value // 8
        found = ctypes.string_at(data.value, count.value * width)
        self.x.XFree(data)
        return form.value, found

    def numbers(self, display: int, window: int, name: str) -> list[int]:
        """A window's property of 32-bit values."""
        found = self.property(display, window, name)
        if found is None or found[0] != 32:
            return []
        return list(memoryview(found[1]).cast("L"))

    def text(self, display: int, window: int, name: str) -> str:
        """A window's property of 8-bit values as text."""
        found = self.property(display, window, name)
        return "" if found is None or found[0] != 8 else found[1].decode("utf-8", "replace")


@cache
def xlib() -> Xlib | None:
    """The libraries; None where one is missing."""
    try:
        return Xlib()
    except (OSError, AttributeError):
        return None


def attributes(lib: Any, display: int, window: int) -> Attributes | None:  # noqa: ANN401 - ctypes
    """A window's attributes; None if it is gone."""
    found = Attributes()
    return found if lib.x.XGetWindowAttributes(display, window, byref(found)) else None
