"""The rep's own camera: pictures scaled and encoded once in a thread of its own, handed to every session's feed."""

import asyncio
import threading
import time
from collections.abc import Collection
from fractions import Fraction

import av
import structlog
from av.video.frame import PictureType
from av.video.reformatter import Interpolation, VideoReformatter

from support_manager.media.camera import FPS, HEIGHT, WIDTH, CameraFrame, CameraSlot
from support_manager.media.feed import Feed
from support_manager.media.frame_box import FrameBox
from support_manager.media.vp8 import Vp8Part

log = structlog.get_logger(__name__)

BPS = 450_000
"""What the camera may cost each viewer's line, in bit/s."""
_PART_BYTES = 1_100
"""Of one packet: what fits every path with the headers of RTP, SRTP, UDP and IPv6, and TURN's."""
_EARLY = 0.8
"""A picture that comes after this much of the usual time is not left out: cameras are not exact."""
_ALIVE_S = 2.0
_TIME_BASE = Fraction(1, 90_000)
_OPTIONS = {
    "deadline": "realtime",
    "cpu-used": "-6",
    "lag-in-frames": "0",
    "auto-alt-ref": "0",
    "error-resilient": "0",
    "undershoot-pct": "95",
    "overshoot-pct": "30",
    "bufsize": "300k",
    "maxrate": "480k",
    "qmax": "56",
}


def fitted(width: int, height: int) -> tuple[int, int]:
    """The size in which a picture is sent: all of it, no larger than it is nor than the bounds, in even numbers."""
    scale = min(1.0, WIDTH / width, HEIGHT / height)
    return max(2, round(width * scale / 2) * 2), max(2, round(height * scale / 2) * 2)


class _Encoder:
    """VP8 for one size of picture. For one thread.

    Raises:
        av.FFmpegError: where it cannot be made.
    """

    def __init__(self, width: int, height: int) -> None:
        self.size = width, height
        codec = av.VideoCodecContext.create("libvpx", "w")
        codec.width, codec.height = width, height
        codec.pix_fmt = "yuv420p"
        codec.time_base = _TIME_BASE
        codec.framerate = Fraction(FPS, 1)
        codec.bit_rate = BPS
        codec.gop_size = 1_000_000  # a key frame comes when somebody asks for one
        codec.thread_count = 1
        codec.options = dict(_OPTIONS)
        self._codec = codec

    def encode(self, picture: av.VideoFrame) -> tuple[bytes, bool]:
        """One picture; its bytes and whether it became a key frame. Empty where the encoder left it out."""
        packets = self._codec.encode(picture)
        return b"".join(bytes(packet) for packet in packets), any(packet.is_keyframe for packet in packets)


class OwnCamera:
    """Implements `feed.Publisher` for the rep's camera. Lives on the media loop; `start` begins its thread.

    Args:
        slot: where the port puts pictures.
        box: shows the rep himself.
        loop: the media loop.
    """

    def __init__(self, slot: CameraSlot, box: FrameBox, loop: asyncio.AbstractEventLoop) -> None:
        self._slot = slot
        self._box = box
        self._loop = loop
        self._feeds: tuple[Feed, ...] = ()
        self._key_wanted = True
        self._last = float("-inf")
        self._thread: threading.Thread | None = None

    def serve(self, feeds: Collection[Feed]) -> None:
        """Send what the camera shows to these sessions; without any it is only shown to the rep himself."""
        if any(feed not in self._feeds for feed in feeds):
            self._key_wanted = True
        self._feeds = tuple(feeds)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="own-camera", daemon=True)
            self._thread.start()

    def ask_for_key(self) -> None:
        """Viewers need a key frame: the next picture is one."""
        self._key_wanted = True

    def line_fell(self) -> None:
        """A viewer's line became narrow: `camera_room` decides what is left for cameras."""

    def captured_ms(self, timestamp: int) -> float:
        """When the frame of this RTP time was captured, `time.time() * 1000`: the times are made of that clock."""
        now_ms = time.time() * 1000
        ago = ((int(now_ms * 90) - timestamp + 2**31) & 0xFFFFFFFF) - 2**31
        return now_ms - ago / 90

    def is_alive(self, now: float) -> bool:
        """Whether pictures come."""
        return now - self._last < _ALIVE_S

    def join(self, timeout_s: float) -> None:
        """Wait for the thread after the slot was closed."""
        if self._thread is not None:
            self._thread.join(timeout_s)

    # -- in the thread

    def _run(self) -> None:
        scaler = VideoReformatter()
        encoder: _Encoder | None = None
        due = float("-inf")
        while (frame := self._slot.take()) is not None:
            now = time.monotonic()
            if now < due:
                continue
            due = now + _EARLY / FPS
            try:
                size = fitted(frame.width, frame.height)
                picture = scaler.reformat(
                    picture_of(frame), *size, format="yuv420p", interpolation=Interpolation.FAST_BILINEAR
                )
                timestamp = int(frame.captured_ms * 90)
                wanted = self._key_wanted
                picture.pts, picture.time_base = timestamp, _TIME_BASE
                picture.pict_type = PictureType.I if wanted else PictureType.NONE
                self._box.put(picture, frame.captured_ms)  # nothing is written to it from here on
                if not self._feeds:
                    continue
                if encoder is None or encoder.size != size:
                    encoder = _Encoder(*size)
                self._key_wanted = False
                data, key = encoder.encode(picture)
            except (av.FFmpegError, MemoryError, ValueError) as error:
                log.warning("a picture of the camera could not be sent", error=repr(error))
                continue
            if data:
                try:
                    self._loop.call_soon_threadsafe(self._hand_over, data, timestamp & 0xFFFFFFFF, key)
                except RuntimeError:
                    return  # the loop has closed

    # -- on the loop

    def _hand_over(self, data: bytes, timestamp: int, key: bool) -> None:
        self._last = time.monotonic()
        for feed in self._feeds:
            for at in range(0, len(data), _PART_BYTES):
                starts = at == 0
                part = Vp8Part(data[at : at + _PART_BYTES], starts=starts, key=starts and key)
                feed.take(part, timestamp, at + _PART_BYTES >= len(data), starts)


def picture_of(frame: CameraFrame) -> av.VideoFrame:
    """A camera's picture as FFmpeg takes it.

    Raises:
        ValueError: for planes that do not fit size and format.
    """
    picture = av.VideoFrame(frame.width, frame.height, frame.format)
    if len(picture.planes) != len(frame.planes):
        raise ValueError("not the planes of that format")
    for plane, data, stride in zip(picture.planes, frame.planes, frame.strides, strict=True):
        line, rows = plane.line_size, plane.height
        if stride == line and len(data) >= line * rows:
            plane.update(data[: line * rows])
            continue
        if len(data) < stride * (rows - 1) + min(line, stride):
            raise ValueError("too little data for that size")
        taken = min(line, stride)
        starts = range(0, rows * stride, stride)
        plane.update(b"".join(data[at : at + taken].ljust(line) for at in starts))
    return picture
