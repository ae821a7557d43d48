"""A screen made of bytes behind the port of real ones; `tests/integration/test_screens_live.py` keeps it true."""

import threading
import time
from dataclasses import dataclass, field

from support_manager.media.screens import Patch, SourceGone, SourceRefused
from support_manager.protocol.activities import Source


@dataclass(eq=False)
class PaintedSource:
    """Something to show; a test paints it.

    Attributes:
        refuses: the code with which it does not let itself be looked at.
    """

    width: int = 640
    height: int = 360
    kind: Source = Source.SCREEN
    title: str = "Painted"
    refuses: str = ""
    hidden: bool = False
    gone: bool = False
    looks: int = 0
    """How often anybody looked."""
    _pixels: bytearray = field(default_factory=bytearray)
    _dirty: tuple[int, int] | None = None
    _changed: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._pixels = bytearray(b"\xff" * (self.width * self.height * 4))

    def paint(self, pixels: bytes, width: int, height: int, top: int = 0) -> None:
        """Paint BGRX pixels at the left edge."""
        with self._lock:
            for row in range(height):
                at = (top + row) * self.width * 4
                self._pixels[at : at + width * 4] = pixels[row * width * 4 : (row + 1) * width * 4]
            before = self._dirty
            now = (top, top + height)
            self._dirty = now if before is None else (min(before[0], now[0]), max(before[1], now[1]))
        self._changed.set()

    def resize(self, width: int, height: int) -> None:
        """Be another size, all white."""
        with self._lock:
            self.width, self.height = width, height
            self._pixels = bytearray(b"\xff" * (width * height * 4))
            self._dirty = (0, height)
        self._changed.set()

    def close_window(self) -> None:
        """Be gone."""
        self.gone = True
        self._changed.set()

    def open(self) -> "PaintedGrabber":
        if self.refuses:
            raise SourceRefused(self.refuses)
        if self.gone:
            raise SourceGone
        return PaintedGrabber(self)


class PaintedGrabber:
    """Looks at it."""

    def __init__(self, source: PaintedSource) -> None:
        self._source = source
        self._first = True
        self._size = (0, 0)

    @property
    def is_hidden(self) -> bool:
        return self._source.hidden

    def wait(self, seconds: float) -> None:
        if self._source._changed.wait(seconds):
            self._source._changed.clear()

    def grab(self, *, whole: bool = False) -> Patch | None:
        source = self._source
        source.looks += 1
        if source.gone:
            raise SourceGone
        if source.hidden:
            return None
        with source._lock:
            dirty, source._dirty = source._dirty, None
            width, height = source.width & ~1, source.height & ~1
            if whole or self._first or self._size != (width, height):
                dirty = (0, height)
            if dirty is None:
                return None
            self._first, self._size = False, (width, height)
            top, bottom = dirty[0] // 16 * 16, min(height, -(-dirty[1] // 16) * 16)
            if bottom <= top:
                return None
            step = source.width * 4
            rows = b"".join(source._pixels[y * step : y * step + width * 4] for y in range(top, bottom))
        return Patch(memoryview(rows), 0, top, width, bottom - top, width, height, time.time())

    def close(self) -> None:
        """Nothing to let go of."""
