"""The mailbox of one share: keeps the newest decoded frame and hands out its picture, converted in a worker thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from support_manager.media.mailbox import FramePicture, Viewport
from support_manager.media.scaler import Scaler

if TYPE_CHECKING:
    from av import VideoFrame

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class BoxFigures:
    """Counters of one mailbox since it was made; rates are differences of two readings."""

    received: int
    """Frames put in."""
    converted: int
    painted: int
    """Pictures that reached the screen."""
    age_ms: float
    """From capture to screen, mean over the last pictures painted; 0 while not known."""
    width: int
    """Of the newest frame, in pixels; 0 before the first."""
    height: int


class FrameBox:
    """Implements `FrameMailbox`; the decoder calls `put`, whoever paints calls the rest. Every method is thread-safe.

    At most one frame waits and at most one picture is ready; an older one is overtaken, never queued. The worker thread
    lives only while somebody looks (`set_viewport`), so a hidden share costs its decoding and nothing else.

    Args:
        name: of the share, for the thread's name and the log.
    """

    def __init__(self, name: str = "share") -> None:
        self._name = name
        self._changed = threading.Condition()
        self._frame: VideoFrame | None = None
        self._captured_ms = 0.0
        self._number = 0
        self._due = False
        self._viewport: Viewport | None = None
        self._ready: FramePicture | None = None
        self._listener: Callable[[], None] | None = None
        self._worker: threading.Thread | None = None
        self._closed = False
        self._converted = 0
        self._painted = 0
        self._age_ms = 0.0
        self._full_lock = threading.Lock()
        self._full_scaler = Scaler()

    # -- the decoder's side

    def put(self, frame: VideoFrame, captured_ms: float = 0.0) -> None:
        """Take the newest decoded frame; called on the decoder's thread and never waits for a conversion.

        Args:
            frame: the caller must not write to it any more.
            captured_ms: when the customer's browser captured it, in our `time.time() * 1000`; 0 if not known.
        """
        with self._changed:
            if self._closed:
                return
            self._frame = frame
            self._captured_ms = captured_ms
            self._number += 1
            if self._viewport is not None:
                self._due = True
                self._changed.notify()

    def clear(self) -> None:
        """Forget all frames: the share is over, and the next one starts with nothing."""
        with self._changed:
            self._forget()

    def close(self) -> None:
        """Forget all frames, end the worker, take no more."""
        with self._changed:
            self._closed = True
            self._viewport = None
            self._listener = None
            self._forget()
            self._changed.notify()

    def figures(self) -> BoxFigures:
        """The counters."""
        with self._changed:
            frame = self._frame
            return BoxFigures(
                received=self._number,
                converted=self._converted,
                painted=self._painted,
                age_ms=self._age_ms,
                width=frame.width if frame is not None else 0,
                height=frame.height if frame is not None else 0,
            )

    # -- the viewer's side: FrameMailbox

    def set_viewport(self, viewport: Viewport | None) -> None:
        """Say what is looked at; None: nobody looks, decode but do not convert. The newest frame is offered anew."""
        with self._changed:
            if self._closed or viewport == self._viewport:
                return
            self._viewport = viewport
            self._ready = None
            self._due = viewport is not None and self._frame is not None
            if viewport is not None and self._worker is None:
                self._worker = threading.Thread(target=self._work, name=f"scale-{self._name}", daemon=True)
                self._worker.start()
            self._changed.notify()

    def listen(self, listener: Callable[[], None] | None) -> None:
        """Have `listener` called, on a media thread, whenever a picture is ready; it must only post a wake-up."""
        with self._changed:
            self._listener = listener
            ready = self._ready is not None
        if ready and listener is not None:
            listener()

    def take(self) -> FramePicture | None:
        """The newest picture, each at most once; None when there is no newer one."""
        with self._changed:
            picture, self._ready = self._ready, None
            return picture

    def painted(self, picture: FramePicture) -> None:
        """Report that `picture` is on the screen, for the figures."""
        with self._changed:
            self._painted += 1
            if picture.captured_ms > 0:
                age = max(0.0, time.time() * 1000 - picture.captured_ms)
                self._age_ms = age if self._age_ms == 0 else self._age_ms + (age - self._age_ms) / 15

    def full(self) -> FramePicture | None:
        """The newest picture in source size, for a screenshot; None before the first frame.

        Converts in the calling thread, some milliseconds for a large screen.
        """
        with self._changed:
            frame, captured_ms, number = self._frame, self._captured_ms, self._number
        if frame is None:
            return None
        with self._full_lock:
            return self._picture(self._full_scaler, frame, None, number, captured_ms)

    # -- inside

    def _forget(self) -> None:
        self._frame = None
        self._ready = None
        self._due = False
        self._age_ms = 0.0

    def _work(self) -> None:
        """The worker: converts the newest frame whenever one is due, and ends when nobody looks any more."""
        scaler = Scaler()
        while True:
            with self._changed:
                while not self._due and self._viewport is not None:
                    self._changed.wait()
                if self._viewport is None:
                    self._worker = None
                    return
                frame, viewport = self._frame, self._viewport
                number, captured_ms = self._number, self._captured_ms
                self._due = False
            if frame is None:
                continue
            picture = self._picture(scaler, frame, viewport, number, captured_ms)
            del frame  # the decoder gets its buffer back while we wait for the next one
            if picture is not None:
                self._offer(picture)

    def _offer(self, picture: FramePicture) -> None:
        with self._changed:
            if self._frame is None or self._viewport is None:
                return  # the share ended, or nobody looks any more
            if picture.viewport != self._viewport:
                self._due = True  # made for a view that has changed since
                return
            self._converted += 1
            self._ready = picture
            listener = self._listener
        if listener is not None:
            listener()

    def _picture(
        self, scaler: Scaler, frame: VideoFrame, viewport: Viewport | None, number: int, captured_ms: float
    ) -> FramePicture | None:
        from av import FFmpegError

        try:
            pixels = scaler.convert(frame, viewport)
        except (FFmpegError, MemoryError, ValueError) as error:
            # The next frame may be better; the picture of the last one stays, and its age says so.
            log.warning("a frame could not be converted", share=self._name, error=repr(error))
            return None
        return FramePicture(
            data=pixels.data,
            stride=pixels.stride,
            width=pixels.width,
            height=pixels.height,
            source_width=frame.width,
            source_height=frame.height,
            viewport=viewport,
            number=number,
            captured_ms=captured_ms,
        )
