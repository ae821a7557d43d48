"""Decodes one share's VP8 frames in a thread of its own and delivers only the newest picture."""

import threading
import time
from collections import deque
from collections.abc import Callable
from fractions import Fraction

import av
import structlog

from support_manager.media.figures import changes
from support_manager.media.frames import EncodedFrame

log = structlog.get_logger(__name__)

MAX_SIDE = 8_192
"""Pixels; a larger picture is refused unread."""
MAX_PIXELS = 7_680 * 4_352
"""The same for the whole: an 8K screen, 50 MB decoded and 134 MB painted, in the sizes that an encoder rounds to."""
_MAX_FRAMES = 90
_MAX_BYTES = 16 * 2**20
_LATEST_DELIVERY_S = 0.2
_SHARPENING_S = 0.03
"""For so long the sharpening of a picture just delivered waits for the next one: longer than from frame to frame."""
_TIME_BASE = Fraction(1, 90_000)


def is_too_large(width: int, height: int) -> bool:
    """Whether a picture would cost more memory than any screen is worth."""
    return max(width, height) > MAX_SIDE or width * height > MAX_PIXELS


def _codec() -> av.VideoCodecContext:
    # FFmpeg's own decoder: libvpx's pictures are copied once more, which takes a quarter of its time.
    codec = av.VideoCodecContext.create("vp8", "r")
    codec.thread_count = 1  # browsers send one partition: nothing to share among threads, and frame threads delay
    return codec


class Decoder:
    """A decoder thread with a bounded queue; the thread starts with the first frame.

    Every frame must be decoded, as the next one builds on it; but while more of them wait, pictures are not delivered,
    save one each 200 ms so that a slow machine shows something.

    A browser looks at its screen more often than most things there move, so that it sends many a picture twice, the
    second time a little sharper. That one is delivered 30 ms later, and not at all if another has come by then: scaling
    and painting it costs more than decoding it.

    Args:
        name: for the thread and the log.
        deliver: called on the decoder's thread with each picture and the frame it was.
    """

    def __init__(self, name: str, deliver: Callable[[av.VideoFrame, EncodedFrame], None]) -> None:
        self._name = name
        self._deliver = deliver
        self._changed = threading.Condition()
        self._waiting: deque[EncodedFrame] = deque()
        self._bytes = 0
        self._closed = False
        self._failed = False
        self._thread: threading.Thread | None = None
        self._delivered = float("-inf")
        self._changed_at = float("-inf")
        self._held: tuple[av.VideoFrame, EncodedFrame] | None = None
        self._held_until = 0.0

    def put(self, frame: EncodedFrame) -> bool:
        """Queue a frame, starting the thread if need be.

        Returns:
            False if the decoder cannot keep up: what waited is dropped, and a key frame must come next.
        """
        with self._changed:
            if self._closed:
                return True
            if len(self._waiting) >= _MAX_FRAMES or self._bytes + len(frame.data) > _MAX_BYTES:
                self._waiting.clear()
                self._bytes = 0
                if not frame.key:
                    return False
            self._waiting.append(frame)
            self._bytes += len(frame.data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name=f"decode-{self._name}", daemon=True)
                self._thread.start()
            self._changed.notify()
            return True

    def failed(self) -> bool:
        """Whether a frame could not be decoded since the last call."""
        with self._changed:
            failed, self._failed = self._failed, False
            return failed

    def forget(self) -> None:
        """Drop what is held back: the share is over."""
        with self._changed:
            self._held = None

    def close(self) -> None:
        """End the thread after the frame it is at; nothing is delivered from now on."""
        with self._changed:
            self._closed = True
            self._waiting.clear()
            self._changed.notify()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread's end."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _run(self) -> None:
        codec: av.VideoCodecContext | None = None
        while True:
            with self._changed:
                frame = self._next()
                if self._closed:
                    return
                behind = bool(self._waiting)
            if frame is None:
                self._release()
                continue
            try:
                if codec is None:
                    codec = _codec()
                packet = av.Packet(frame.data)
                packet.pts = frame.timestamp
                packet.time_base = _TIME_BASE
                pictures = codec.decode(packet)
            except (av.FFmpegError, MemoryError, ValueError) as error:
                log.warning("a frame could not be decoded", share=self._name, error=repr(error))
                with self._changed:
                    self._failed = True
                continue
            if pictures:
                self._hand_over(pictures[-1], frame, behind)

    def _next(self) -> EncodedFrame | None:
        """Wait for a frame; None when it is time for what is held back, or to end."""
        while not self._waiting and not self._closed:
            patience = None if self._held is None else self._held_until - time.monotonic()
            if patience is not None and patience <= 0:
                return None
            self._changed.wait(patience)
        if self._closed:
            return None
        frame = self._waiting.popleft()
        self._bytes -= len(frame.data)
        return frame

    def _hand_over(self, picture: av.VideoFrame, frame: EncodedFrame, behind: bool) -> None:
        now = time.monotonic()
        self._held = None  # it is outdated, whatever comes of this one
        if is_too_large(picture.width, picture.height) or (behind and now - self._delivered < _LATEST_DELIVERY_S):
            return
        if frame.key or changes(frame, picture.width, picture.height):
            self._changed_at = now
        elif now - self._changed_at < _SHARPENING_S:
            self._held, self._held_until = (picture, frame), now + _SHARPENING_S
            return
        self._deliver_now(picture, frame)

    def _release(self) -> None:
        with self._changed:
            held, self._held = self._held, None
        if held is not None:
            self._deliver_now(*held)

    def _deliver_now(self, picture: av.VideoFrame, frame: EncodedFrame) -> None:
        with self._changed:
            if self._closed:
                return
        self._delivered = time.monotonic()
        self._deliver(picture, frame)
