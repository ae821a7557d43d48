"""Turns what changed on a screen into VP8 frames: one picture kept up to date, one encoder for all viewers."""

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


class Canvas:
    """The picture as the encoder takes it (YUV 4:2:0), brought up to date part by part."""

    def __init__(self) -> None:
        self.frame: VideoFrame | None = None
        self._reformatter = VideoReformatter()

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
        pixels = np.frombuffer(patch.data, np.uint8).reshape(patch.rows, patch.columns, 4)
        # By area, as the other ways look at rows beyond the edge, which are not here. In one thread: more of them take
        # more of the computer, and the encoder needs the time, not this.
        turned = self._reformatter.reformat(
            VideoFrame.from_numpy_buffer(pixels, format="bgra"),
            format="yuv420p",
            interpolation=Interpolation.AREA,
            threads=1,
        )
        for source, target, halved in zip(turned.planes, frame.planes, (1, 2, 2), strict=True):
            left, top = patch.left // halved, patch.top // halved
            columns, rows = patch.columns // halved, patch.rows // halved
            _table(target)[top : top + rows, left : left + columns] = _table(source)[:rows, :columns]


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
