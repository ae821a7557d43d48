"""Turns what changed on a screen into VP8 frames: one picture kept up to date, one encoder for all viewers."""

from collections.abc import Callable
from fractions import Fraction
from typing import Final

import numpy as np
from av import CodecContext, VideoFrame
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from support_manager.media.screens import Patch

try:  # here and not at the first picture: all of media is imported at once, where that disturbs nobody
    from livekit.rtc import VideoBufferType
    from livekit.rtc import VideoFrame as Picture

    _HAS_LIBYUV = True
except (ImportError, OSError):
    _HAS_LIBYUV = False

CLOCK: Final = 90_000
"""RTP's clock for video (RFC 7741 section 4.1), which the encoder counts in too."""
_OPTIONS: Final = {
    "deadline": "realtime",
    "lag-in-frames": "0",
    # Below 0 it is a speed; above 0 libvpx takes as much time as it may: 8 ms a frame with 12. Measured on scrolling
    # text in 1920x1080: 16 costs 6.4 ms a frame, 6 to 12 cost 7-8 with more bits at 4 and 8 Mbit/s, and all read alike
    # (PSNR within 0.4 dB). More threads cost more CPU and no less time on two cores.
    "cpu-used": "-16",
    "static-thresh": "100",
    "screen-content-mode": "1",
    "max-intra-rate": "1200",
    "undershoot-pct": "95",
    "overshoot-pct": "50",
    # As Chromium's for screens: 4 costs a tenth more CPU and twice the bits, for what nobody sees (PSNR 50 in place of
    # 43 on scrolling text).
    "qmin": "12",
    "qmax": "56",
}
_NEVER = 1 << 24
_NARROW_BPS = 1_000_000
"""Below this a key frame is made as small as can be (40 kB of text in 1920x1080 in place of 59), as all waits for it;
what stands still is sharpened right after it."""


Planes = tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]
"""Of Y, U and V, row by row; rows may be longer than the picture's."""


def swscale() -> Callable[[Patch], Planes]:
    """Turns what was looked at into the encoder's colours, by FFmpeg: 5.0 ms of CPU for 1920x1080 pixels."""
    reformatter = VideoReformatter()

    def convert(patch: Patch) -> Planes:
        pixels = np.frombuffer(patch.data, np.uint8).reshape(patch.rows, patch.columns, 4)
        # By area, as the other ways look at rows beyond the edge, which are not here. In one thread: more of them take
        # more of the computer, and the encoder needs the time, not this.
        turned = reformatter.reformat(
            VideoFrame.from_numpy_buffer(pixels, format="bgra"),
            format="yuv420p",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        y, u, v = map(_table, turned.planes)
        return y, u, v

    return convert


def libyuv() -> Callable[[Patch], Planes]:
    """The same by libyuv, which comes with what cleans the microphone: 2.6 ms, within 1 of 255 of the other."""

    def convert(patch: Patch) -> Planes:
        rows, columns = patch.rows, patch.columns
        data = patch.data
        if data.readonly:
            data = memoryview(bytearray(data))  # of what is read-only the library takes the whole, from its beginning
        turned = Picture(columns, rows, VideoBufferType.BGRA, data).convert(VideoBufferType.I420)
        parts = np.frombuffer(turned.data, np.uint8)
        whole, quarter = rows * columns, rows * columns // 4
        y, u, v = np.split(parts[: whole + 2 * quarter], (whole, whole + quarter))
        return y.reshape(rows, columns), u.reshape(rows // 2, -1), v.reshape(rows // 2, -1)

    return convert


class Canvas:
    """The picture as the encoder takes it (YUV 4:2:0), brought up to date part by part."""

    def __init__(self) -> None:
        self.frame: VideoFrame | None = None
        self._convert = libyuv() if _HAS_LIBYUV else swscale()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 before the first picture."""
        return (0, 0) if self.frame is None else (self.frame.width, self.frame.height)

    def put(self, patch: Patch) -> None:
        """Take what changed; a picture of another size must come whole."""
        if self.size != (patch.width, patch.height):
            self.frame = VideoFrame(patch.width, patch.height, "yuv420p")
        frame = self.frame
        if frame is None:
            return
        for source, target, halved in zip(self._convert(patch), frame.planes, (1, 2, 2), strict=True):
            left, top = patch.left // halved, patch.top // halved
            columns, rows = patch.columns // halved, patch.rows // halved
            _table(target)[top : top + rows, left : left + columns] = source[:rows, :columns]


def _table(plane: VideoPlane) -> NDArray[np.uint8]:
    """A plane's memory, row by row."""
    memory = memoryview(plane)
    return np.frombuffer(memory, np.uint8).reshape(-1, plane.line_size)


class ShareEncoder:
    """VP8 of screen content in real time, at one bitrate and one size; another rate is another encoder.

    libvpx under FFmpeg does not follow a bitrate that is set on an open encoder (measured: 4,000 to 600 kbit/s set,
    1,405 kbit/s came), so a change costs a new encoder and its key frame.

    Args:
        width: in pixels, even.
        height: in pixels, even.
        bits_per_s: what comes out on average.
    """

    def __init__(self, width: int, height: int, bits_per_s: int) -> None:
        self.size = (width, height)
        self.bits_per_s = bits_per_s
        context = CodecContext.create("libvpx", "w")
        if not isinstance(context, VideoCodecContext):
            raise TypeError("libvpx is no video encoder")
        context.width, context.height, context.pix_fmt = width, height, "yuv420p"
        context.time_base = Fraction(1, CLOCK)
        context.framerate = Fraction(30, 1)
        context.bit_rate = bits_per_s
        context.gop_size = _NEVER  # key frames only where one is asked for
        context.thread_count = 1
        rate = str(bits_per_s)
        context.options = {**_OPTIONS, "maxrate": rate, "minrate": rate, "bufsize": str(bits_per_s // 2)}
        if bits_per_s < _NARROW_BPS:
            context.options = {**context.options, "qmax": "63"}
        self._context = context
        self._time = -1

    def encode(self, frame: VideoFrame, time: int, *, key: bool) -> tuple[bytes, bool] | None:
        """Encode the picture.

        Args:
            frame: the canvas's.
            time: when it was captured, in 1/90000 s.
            key: whether it must be a key frame.

        Returns:
            the encoded frame and whether it is a key frame; None where the encoder left it out.
        """
        self._time = max(self._time + 1, time)
        frame.pts, frame.time_base = self._time, Fraction(1, CLOCK)
        frame.pict_type = PictureType.I if key else PictureType.NONE
        try:
            packets = self._context.encode(frame)
        except FFmpegError as error:
            raise RuntimeError("the encoder failed") from error
        data = b"".join(bytes(packet) for packet in packets)
        return (data, any(packet.is_keyframe for packet in packets)) if data else None
