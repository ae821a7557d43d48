"""Looks at screens and windows of an X server: only when something changed, and only at the part that did."""

import ctypes
import select
import time
from ctypes import byref, c_int, c_uint, c_ulong
from dataclasses import dataclass
from typing import NamedTuple

from support_manager.media.screens import Patch, SourceGone, SourceRefused
from support_manager.protocol.activities import Source
from ui.devices import xlib as names
from ui.devices.xlib import Xlib, attributes, xlib

_IPC_CREAT, _IPC_RMID = 0o1000 | 0o600, 0
_ALIGN = 16
"""Edges of what is taken lie at multiples of this, for whole macroblocks."""
_LARGEST = 8_192
_UNSEEN_S = 0.2
"""How often a window that cannot be seen is looked at again. No event tells that it can be: its own MapNotify comes
before its frame is shown, and the frame's does not come to us."""
_BEYOND = 4_096
"""Bytes after the picture that may be read: swscale takes whole vectors, so that at a row's end it reads on a little
(seen with valgrind for parts a few pixels wide), and a segment may end where no memory follows."""


@dataclass(frozen=True, slots=True)
class _Area:
    """What part of a drawable is shown, in its pixels."""

    x: int
    y: int
    width: int
    height: int


class _Box(NamedTuple):
    """A part of the picture, in its pixels."""

    left: int
    top: int
    right: int
    bottom: int


class _Picture:
    """Pixels in memory shared with the X server: those of the part that was taken last, row by row without gaps."""

    def __init__(self, lib: Xlib, display: int, width: int, height: int, window: int) -> None:
        self._lib, self._display = lib, display
        self.width, self.height = width, height
        self._info = names.SegmentInfo()
        found = attributes(lib, display, window)
        if found is None:
            raise SourceGone
        self._image = lib.ext.XShmCreateImage(
            display, found.visual, found.depth, names.Z_PIXMAP, None, byref(self._info), width, height
        )
        if not self._image or self._image.contents.bits_per_pixel != 32:
            raise SourceRefused("screen_not_supported")
        size = self._image.contents.bytes_per_line * height
        self._info.id = lib.c.shmget(0, size + _BEYOND, _IPC_CREAT)
        if self._info.id < 0:
            raise SourceRefused("screen_not_supported")
        self._info.address = lib.c.shmat(self._info.id, None, 0)
        lib.c.shmctl(self._info.id, _IPC_RMID, None)  # gone with the last one that uses it, also after a crash
        attached = lib.ext.XShmAttach(display, byref(self._info))
        lib.x.XSync(display, 0)
        if not attached:
            raise SourceRefused("screen_not_supported")
        self.pixels = memoryview((ctypes.c_ubyte * size).from_address(self._info.address)).cast("B")

    def take(self, drawable: int, area: _Area, box: _Box) -> bool:
        """Copy a part of a drawable to here; False if it is gone."""
        image = self._image.contents
        image.width, image.height = box.right - box.left, box.bottom - box.top
        image.bytes_per_line = image.width * 4
        image.data = self._info.address
        x, y = area.x + box.left, area.y + box.top
        return bool(self._lib.ext.XShmGetImage(self._display, drawable, self._image, x, y, names.ALL_PLANES))

    def close(self) -> None:
        """Give the memory back."""
        self.pixels.release()
        self._lib.ext.XShmDetach(self._display, byref(self._info))
        self._lib.x.XSync(self._display, 0)
        self._lib.c.shmdt(self._info.address)
        self._lib.x.XFree(self._image)


class _Pointer:
    """The mouse pointer, which is in no picture that the server gives; drawn into ours as it is on the screen."""

    def __init__(self, lib: Xlib, display: int, root: int) -> None:
        self._lib, self._display, self._root = lib, display, root
        self._serial = -1
        self._rows: list[tuple[int, list[tuple[int, int, int, int]]]] = []
        self._size = (0, 0)
        self._hot = (0, 0)
        self._shape_at = 0.0
        self.at = (0, 0)

    def place(self) -> tuple[int, int]:
        """Where it is on the root window."""
        a, b, x, y, wx, wy, mask = c_ulong(), c_ulong(), c_int(), c_int(), c_int(), c_int(), c_uint()
        self._lib.x.XQueryPointer(
            self._display, self._root, byref(a), byref(b), byref(x), byref(y), byref(wx), byref(wy), byref(mask)
        )
        return x.value, y.value

    def look(self, now: float) -> bool:
        """Look where and what it is; whether that has changed."""
        at = self.place()
        moved, self.at = at != self.at, at
        if not moved and now - self._shape_at < 0.2:
            return False
        self._shape_at = now
        found = self._lib.fixes.XFixesGetCursorImage(self._display)
        if not found:
            return moved
        image = found.contents
        changed = image.serial != self._serial
        if changed:
            self._serial = image.serial
            self._size, self._hot = (image.width, image.height), (image.xhot, image.yhot)
            self._rows = []
            for y in range(image.height):
                dots = []
                for x in range(image.width):
                    dot = image.pixels[y * image.width + x] & 0xFFFFFFFF
                    if dot >> 24:
                        dots.append((x, dot >> 24, dot & 0xFFFFFF, dot >> 24 == 255))
                self._rows.append((y, dots))
        self._lib.x.XFree(found)
        return moved or changed

    def box(self, area: _Area) -> _Box | None:
        """The part of the picture that it covers; None if it is elsewhere."""
        x, y = self.at[0] - self._hot[0] - area.x, self.at[1] - self._hot[1] - area.y
        if x >= area.width or x + self._size[0] <= 0 or y >= area.height or y + self._size[1] <= 0:
            return None
        return _Box(max(0, x), max(0, y), min(area.width, x + self._size[0]), min(area.height, y + self._size[1]))

    def draw(self, picture: _Picture, area: _Area, box: _Box) -> None:
        """Draw it into the picture, of which this part was taken."""
        left = self.at[0] - self._hot[0] - area.x - box.left
        top = self.at[1] - self._hot[1] - area.y - box.top
        width, height = box.right - box.left, box.bottom - box.top
        pixels = picture.pixels
        for y, dots in self._rows:
            row = top + y
            if not 0 <= row < height:
                continue
            for x, alpha, colour, solid in dots:
                column = left + x
                if not 0 <= column < width:
                    continue
                at = (row * width + column) * 4
                blue, green, red = colour & 255, colour >> 8 & 255, colour >> 16
                if not solid:
                    rest = 255 - alpha
                    blue = min(255, blue + pixels[at] * rest // 255)
                    green = min(255, green + pixels[at + 1] * rest // 255)
                    red = min(255, red + pixels[at + 2] * rest // 255)
                pixels[at], pixels[at + 1], pixels[at + 2] = blue, green, red


class X11Grabber:
    """Looks at a part of the root window, or at one window as it is without what lies over it.

    Args:
        area: of the screen; None: the whole window.
        window: to look at; 0: the root.
    """

    def __init__(self, area: _Area | None, window: int = 0) -> None:
        lib = xlib()
        if lib is None:
            raise SourceRefused("screen_not_supported")
        self._lib = lib
        self._window, self._is_window = window, bool(window)
        self._picture: _Picture | None = None
        self._display = self._pixmap = 0
        self._gone = self._hidden = self._renew = False
        self._first = True
        self._unseen_at = 0.0
        self._event = ctypes.create_string_buffer(192)
        self._pointer_box: _Box | None = None
        with lib.alone:
            try:
                self._display = lib.open()
                self._root = lib.x.XDefaultRootWindow(self._display)
                self._window = window or self._root
                self._pointer = _Pointer(lib, self._display, self._root)
                self._area = area or self._area_of_window()
                self._open()
            except OSError:
                raise SourceRefused("screen_not_supported") from None
            except BaseException:
                self.close()
                raise

    def _open(self) -> None:
        lib, display = self._lib, self._display
        event, error = c_int(), c_int()
        if not lib.fixes.XFixesQueryExtension(display, byref(event), byref(error)):
            raise SourceRefused("screen_not_supported")
        if not lib.damage.XDamageQueryExtension(display, byref(event), byref(error)):
            raise SourceRefused("screen_not_supported")
        self._damage_event = event.value
        if self._is_window:
            if not lib.composite.XCompositeQueryExtension(display, byref(event), byref(error)):
                raise SourceRefused("screen_not_supported")
            lib.x.XSelectInput(display, self._window, names.STRUCTURE_NOTIFY)
            lib.composite.XCompositeRedirectWindow(display, self._window, names.REDIRECT_AUTOMATIC)
        self._damage = lib.damage.XDamageCreate(display, self._window, names.DAMAGE_NON_EMPTY)
        self._region = lib.fixes.XFixesCreateRegion(display, None, 0)
        lib.x.XSync(display, 0)
        self._make_picture()

    def _area_of_window(self) -> _Area:
        found = attributes(self._lib, self._display, self._window)
        if found is None:
            raise SourceGone
        self._hidden = found.map_state != names.IS_VIEWABLE
        x, y, child = c_int(), c_int(), c_ulong()
        self._lib.x.XTranslateCoordinates(
            self._display, self._window, self._root, 0, 0, byref(x), byref(y), byref(child)
        )
        self._screen_at = x.value, y.value
        width, height = min(found.width, _LARGEST) & ~1, min(found.height, _LARGEST) & ~1
        return _Area(0, 0, max(2, width), max(2, height))

    def _make_picture(self) -> None:
        if self._is_window:
            if self._pixmap:
                self._lib.x.XFreePixmap(self._display, self._pixmap)
            self._pixmap = self._lib.composite.XCompositeNameWindowPixmap(self._display, self._window)
        if self._picture is None or (self._picture.width, self._picture.height) != (
            self._area.width,
            self._area.height,
        ):
            if self._picture is not None:
                self._picture.close()
                self._picture = None
            area = self._area
            self._picture = _Picture(self._lib, self._display, area.width, area.height, self._window)
        self._first = True

    @property
    def is_hidden(self) -> bool:
        """Whether the window is minimised."""
        return self._hidden

    def wait(self, seconds: float) -> None:
        """Wait until the server tells of a change, at most for this long."""
        if not self._lib.x.XPending(self._display):
            select.select([self._lib.x.XConnectionNumber(self._display)], [], [], max(0.0, seconds))
        self._hear()

    def _hear(self) -> None:
        lib = self._lib
        while lib.x.XPending(self._display):
            lib.x.XNextEvent(self._display, self._event)
            kind = c_int.from_buffer(self._event).value
            if kind == names.DESTROY_NOTIFY:
                self._gone = True
            elif kind == names.UNMAP_NOTIFY:
                self._hidden = True
            elif kind in (names.MAP_NOTIFY, names.CONFIGURE_NOTIFY):
                self._renew = True

    def grab(self, *, whole: bool = False) -> Patch | None:
        """The part that changed; see `support_manager.media.screens.Grabber`."""
        self._hear()
        if self._gone:
            raise SourceGone
        now = time.monotonic()
        if self._renew or (self._hidden and now - self._unseen_at > _UNSEEN_S):
            self._renew, self._unseen_at = False, now
            area = self._area_of_window()
            if area != self._area or self._hidden is False:
                self._area = area
                self._make_picture()
        if self._hidden:
            return None
        area = self._area
        changed = self._damaged()
        if whole or self._first:
            changed = _Box(0, 0, area.width, area.height)
        moved = self._pointer.look(now)
        shown = self._shown_area()
        if moved or _meet(_aligned(changed, area), self._pointer_box):
            # Where it was must be taken anew, and where it is now, too, or it would be drawn twice over itself.
            for box in (self._pointer_box, self._pointer.box(shown)):
                changed = _union(changed, box)
        box, picture = _aligned(changed, area), self._picture
        if box is None or picture is None:
            return None
        at = time.time()
        if not picture.take(self._pixmap or self._root, area, box):
            if attributes(self._lib, self._display, self._window) is None:
                raise SourceGone
            self._renew = self._is_window
            return None
        self._first = False
        self._pointer_box = self._pointer.box(shown)
        if _meet(box, self._pointer_box):
            self._pointer.draw(picture, shown, box)
        columns, rows = box.right - box.left, box.bottom - box.top
        pixels = picture.pixels[: rows * columns * 4]
        return Patch(pixels, box.left, box.top, columns, rows, area.width, area.height, at)

    def _shown_area(self) -> _Area:
        if not self._is_window:
            return self._area
        return _Area(*self._screen_at, self._area.width, self._area.height)

    def _damaged(self) -> _Box | None:
        """The part of the picture that the server says has changed."""
        lib, display = self._lib, self._display
        lib.damage.XDamageSubtract(display, self._damage, 0, self._region)
        count, bounds = c_int(), names.Rectangle()
        found = lib.fixes.XFixesFetchRegionAndBounds(display, self._region, byref(count), byref(bounds))
        if found:
            lib.x.XFree(found)
        self._hear()
        area = self._area
        left, top = bounds.x - area.x, bounds.y - area.y
        right, bottom = left + bounds.width, top + bounds.height
        if not bounds.width or right <= 0 or left >= area.width or bottom <= 0 or top >= area.height:
            return None
        return _Box(max(0, left), max(0, top), min(area.width, right), min(area.height, bottom))

    def close(self) -> None:
        """Let go of screen or window."""
        lib, display = self._lib, self._display
        if not display:
            return
        if self._picture is not None:
            self._picture.close()
            self._picture = None
        if self._is_window and not self._gone:
            lib.composite.XCompositeUnredirectWindow(display, self._window, names.REDIRECT_AUTOMATIC)
        self._display = 0
        with lib.alone:
            lib.x.XCloseDisplay(display)  # and with it damage, region and pixmap


def _meet(one: _Box | None, other: _Box | None) -> bool:
    if one is None or other is None:
        return False
    return one.left < other.right and other.left < one.right and one.top < other.bottom and other.top < one.bottom


def _union(one: _Box | None, other: _Box | None) -> _Box | None:
    if one is None or other is None:
        return one or other
    return _Box(
        min(one.left, other.left), min(one.top, other.top), max(one.right, other.right), max(one.bottom, other.bottom)
    )


def _aligned(box: _Box | None, area: _Area) -> _Box | None:
    """That part and what is around it up to whole macroblocks."""
    if box is None:
        return None
    left, top = box.left // _ALIGN * _ALIGN, box.top // _ALIGN * _ALIGN
    right, bottom = -(-box.right // _ALIGN) * _ALIGN, -(-box.bottom // _ALIGN) * _ALIGN
    return _Box(left, top, min(area.width, right), min(area.height, bottom))


@dataclass(frozen=True, slots=True)
class X11Screen:
    """One monitor of the X server's screen."""

    title: str
    x: int
    y: int
    width: int
    height: int

    @property
    def kind(self) -> Source:
        """A whole screen."""
        return Source.SCREEN

    def open(self) -> X11Grabber:
        """Begin to look at it."""
        return X11Grabber(_Area(self.x, self.y, self.width & ~1, self.height & ~1))


@dataclass(frozen=True, slots=True)
class X11Window:
    """One window."""

    title: str
    window: int

    @property
    def kind(self) -> Source:
        """One window."""
        return Source.WINDOW

    def open(self) -> X11Grabber:
        """Begin to look at it."""
        return X11Grabber(None, self.window)

    def place(self) -> tuple[int, int, int, int] | None:
        """Where it is on the X screen: x, y, width, height; None while it is minimised or gone. Takes a millisecond."""
        lib = xlib()
        if lib is None:
            return None
        try:
            with lib.connection() as display:
                seen = attributes(lib, display, self.window)
                if seen is None or seen.map_state != names.IS_VIEWABLE:
                    return None
                x, y, child = c_int(), c_int(), c_ulong()
                root = lib.x.XDefaultRootWindow(display)
                lib.x.XTranslateCoordinates(display, self.window, root, 0, 0, byref(x), byref(y), byref(child))
                return x.value, y.value, seen.width, seen.height
        except OSError:
            return None


def x11_windows(without_pid: int = 0) -> list[X11Window]:
    """The windows that a window manager lists, the topmost first; blocks for some milliseconds.

    Args:
        without_pid: a process whose windows are left out.
    """
    lib = xlib()
    if lib is None:
        return []
    try:
        with lib.connection() as display:
            return _listed(lib, display, without_pid)
    except OSError:
        return []


def _listed(lib: Xlib, display: int, without_pid: int) -> list[X11Window]:
    root = lib.x.XDefaultRootWindow(display)
    stacked = lib.numbers(display, root, "_NET_CLIENT_LIST_STACKING") or lib.numbers(display, root, "_NET_CLIENT_LIST")
    furniture = {lib.atom(display, f"_NET_WM_WINDOW_TYPE_{kind}") for kind in ("DOCK", "DESKTOP")}
    found = []
    for window in reversed(stacked):
        if without_pid and lib.numbers(display, window, "_NET_WM_PID")[:1] == [without_pid]:
            continue
        kinds = set(lib.numbers(display, window, "_NET_WM_WINDOW_TYPE"))
        seen = attributes(lib, display, window)
        if kinds & furniture or seen is None or seen.width < 8 or seen.height < 8:
            continue
        title = lib.text(display, window, "_NET_WM_NAME") or lib.text(display, window, "WM_NAME")
        found.append(X11Window(title, window))
    return found
