"""Turns what changed on a screen into VP8 frames: one picture kept up to date, one encoder for all viewers."""

from fractions import Fraction
from typing import Final

from av import CodecContext, VideoFrame
from av.error import FFmpegError
from av.video.codeccontext import VideoCodecContext
from av.video.frame import PictureType
from av.video.reformatter import VideoReformatter

from support_manager.media.screens import Rows

CLOCK: Final = 90_000
"""RTP's clock for video (RFC 7741 section 4.1), which the encoder counts in too."""
_OPTIONS: Final = {
    "deadline": "realtime",
    "lag-in-frames": "0",
    # Measured on 1920x1080 of scrolling text: 12 with the threshold costs 7-8 ms a frame, 8 costs 11, and both read
    # alike. More threads cost more CPU and no less time on two cores.
    "cpu-used": "12",
    "static-thresh": "100",
    "screen-content-mode": "1",
    "max-intra-rate": "1200",
    "undershoot-pct": "95",
    "overshoot-pct": "50",
    "qmin": "4",
    "qmax": "56",
}
_NEVER = 1 << 24


class Canvas:
    """The picture as the encoder takes it (YUV 4:2:0), brought up to date row by row."""

    def __init__(self) -> None:
        self.frame: VideoFrame | None = None
        self._band: VideoFrame | None = None
        self._reformatter = VideoReformatter()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels; 0 before the first picture."""
        return (0, 0) if self.frame is None else (self.frame.width, self.frame.height)

    def put(self, rows: Rows) -> None:
        """Take what changed; a picture of another size must come whole."""
        if self.size != (rows.width, rows.height):
            self.frame = VideoFrame(rows.width, rows.height, "yuv420p")
        frame = self.frame
        if frame is None:
            return
        band = self._band
        if band is None or (band.width, band.height) != (rows.width, rows.count):
            band = self._band = VideoFrame(rows.width, rows.count, "bgra")
        _fill(band, rows)
        turned = self._reformatter.reformat(band, format="yuv420p")
        for number, (source, target) in enumerate(zip(turned.planes, frame.planes, strict=True)):
            top = rows.top if number == 0 else rows.top // 2
            _copy_rows(source, target, top, source.height)


def _fill(band: VideoFrame, rows: Rows) -> None:
    plane = band.planes[0]
    width = rows.width * 4
    if plane.line_size == width:
        memoryview(plane)[: len(rows.data)] = rows.data
        return
    target = memoryview(plane)
    for row in range(rows.count):
        target[row * plane.line_size : row * plane.line_size + width] = rows.data[row * width : (row + 1) * width]


def _copy_rows(source: object, target: object, top: int, count: int) -> None:
    from_, to = memoryview(source), memoryview(target)  # type: ignore[arg-type]
    step, wide = source.line_size, target.line_size  # type: ignore[attr-defined]
    if step == wide:
        to[top * wide : (top + count) * wide] = from_[: count * wide]
        return
    length = min(step, wide)
    for row in range(count):
        to[(top + row) * wide : (top + row) * wide + length] = from_[row * step : row * step + length]


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
