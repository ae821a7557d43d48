"""The frame mailbox: holds the newest picture of one share, scaled for whoever looks at it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Viewport:
    """What part of the source is looked at, and how large it is painted.

    `width` × `height` are device pixels of the painted picture; `crop` is (x, y, width, height) in source pixels,
    None for all of it.
    """

    width: int
    height: int
    crop: tuple[int, int, int, int] | None = None


@dataclass(frozen=True, slots=True)
class FramePicture:
    """One picture ready to paint 1:1: 32 bits a pixel in the byte order B, G, R, X (QImage's Format_RGB32)."""

    data: object
    """A buffer that owns its memory."""
    stride: int
    width: int
    height: int
    source_width: int
    source_height: int
    viewport: Viewport | None
    number: int
    """Counts the frames of this share from 1; one that is left out was overtaken by a newer one."""
    captured_ms: float
    """When the customer's browser captured it, in our `time.time() * 1000`; 0 while not known."""


class FrameMailbox(Protocol):
    """The newest picture of one share. Thread-safe; holds at most one picture, never a queue."""

    def set_viewport(self, viewport: Viewport | None) -> None:
        """Say what is looked at; None: nobody looks, decode but do not convert. The newest frame is offered anew."""

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Have `listener` called, on the media thread, whenever a picture is ready; it must only post a wake-up."""

    def take(self) -> FramePicture | None:
        """The newest picture, each at most once; None when there is no newer one."""

    def painted(self, picture: FramePicture) -> None:
        """Report that `picture` is on the screen, for the figures."""

    def full(self) -> FramePicture | None:
        """The newest picture in source size, for a screenshot; None before the first frame."""
