"""The thread that writes one recording: takes frames and sound from the media loop, which never waits for a disk."""

import errno
import threading
import time
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import structlog
from av.audio.codeccontext import AudioCodecContext
from av.video.codeccontext import VideoCodecContext

from support_manager.media.engine import RecordingOver, RecordingRuns, RecordingTrouble
from support_manager.media.recording_file import RecordingFile
from support_manager.media.webm import BLOCK_MS, SAMPLE_RATE, SILENCE, Facts

log = structlog.get_logger(__name__)
Tell = Callable[[RecordingRuns | RecordingOver], None]

MOST_BYTES = 24 * 1024 * 1024
"""What may wait for the disk: more than 15 s of the fastest share."""
_WAKE_S = 0.1
_TELL_S = 1.0
_SAMPLES = SAMPLE_RATE * BLOCK_MS // 1000
_BITS_PER_S = 40_000
_QUIET = bytes(_SAMPLES * 2)
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


class OpusVoice:
    """Turns 20 ms of mono sound, 16 bits at 48 kHz, into Opus packets (RFC 6716)."""

    def __init__(self) -> None:
        codec = AudioCodecContext.create("libopus", "w")
        codec.sample_rate = SAMPLE_RATE
        codec.layout = "mono"
        codec.format = "s16"
        codec.bit_rate = _BITS_PER_S
        codec.time_base = Fraction(1, SAMPLE_RATE)
        codec.options = {"application": "voip", "frame_duration": str(BLOCK_MS)}
        self._codec = codec
        self._frame = av.AudioFrame(format="s16", layout="mono", samples=_SAMPLES)
        self._frame.sample_rate = SAMPLE_RATE
        self._pts = 0

    def encode(self, pcm: bytes) -> bytes:
        """One packet for `pcm`, which is as long as one packet is; `SILENCE` where nothing is to be heard."""
        if len(pcm) != len(_QUIET) or pcm == _QUIET:
            return SILENCE
        self._frame.planes[0].update(pcm)
        self._frame.pts = self._pts
        self._pts += _SAMPLES
        packets = self._codec.encode(self._frame)
        return bytes(packets[0]) if packets else SILENCE


def blank_picture(width: int, height: int) -> bytes:
    """A VP8 key frame of that size that is all black."""
    codec = VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = Fraction(1, 30)
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, (16, 128, 128), strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    frame.pts = 0
    return b"".join(bytes(packet) for packet in (*codec.encode(frame), *codec.encode(None)))


class RecordingThread:
    """Writes one recording until it is closed; every method returns at once.

    Args:
        session_id: for what is told.
        path: of the finished file.
        facts: what it says of itself.
        tell: takes what happens; called on the thread.
        clock: monotonic time in seconds; the recording starts now.
    """

    def __init__(
        self, session_id: str, path: Path, facts: Facts, tell: Tell, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._session_id = session_id
        self._path = path
        self._facts = facts
        self._tell = tell
        self._clock = clock
        self.start = clock()
        """When the recording starts, by `clock`."""
        self._work: list[Callable[[RecordingFile], None]] = []
        self._work_bytes = 0
        self._changed = threading.Condition()
        self._closing_ms: int | None = None
        self._blanks: dict[tuple[int, int], bytes] = {}
        self._voice: OpusVoice | None = None
        self.failed = False
        """Whether nothing is written any more."""
        self._thread = threading.Thread(target=self._run, name=f"recording {session_id}", daemon=True)
        self._thread.start()

    def ms(self, at: float) -> int:
        """A moment of the clock as milliseconds since the start."""
        return max(0, round((at - self.start) * 1000))

    # --- from the media loop

    def picture(self, at_ms: int, data: bytes, *, key: bool) -> bool:
        """Take the next frame; False if it is dropped, as too much is waiting: the next one must be a key frame."""
        return self._put(lambda file: file.picture(at_ms, data, key=key), len(data))

    def nothing(self, at_ms: int) -> None:
        """From now on there is no picture."""
        _ = self._put(lambda file: file.nothing(at_ms), 0)

    def sound(self, at_ms: int, pcm: bytes) -> None:
        """Take the next 20 ms of the whole call: mono, 16 bits at 48 kHz."""
        _ = self._put(lambda file: file.sound(at_ms, self._encode(pcm)), len(pcm))

    def chapter(self, at_ms: int, text: str) -> None:
        """Something happened."""
        _ = self._put(lambda file: file.chapter(at_ms, text), 0)

    def close(self) -> None:
        """End the recording here; the thread writes the rest, and tells when it is done."""
        with self._changed:
            if self._closing_ms is None:
                self._closing_ms = self.ms(self._clock())
            self._changed.notify()

    def join(self, timeout_s: float) -> bool:
        """Wait for the end of the thread; whether it came."""
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _put(self, work: Callable[[RecordingFile], None], size: int) -> bool:
        with self._changed:
            if self.failed or self._closing_ms is not None or self._work_bytes + size > MOST_BYTES:
                return False
            self._work.append(work)
            self._work_bytes += size
        return True

    # --- on the thread

    def _run(self) -> None:
        try:
            file = RecordingFile(self._path, self._facts, self._blank)
        except OSError as error:
            self._give_up(None, error)
            return
        try:
            self._write(file)
        except OSError as error:
            self._give_up(file, error)
        except Exception:
            log.exception("recording failed")
            self._give_up(file, None)

    def _write(self, file: RecordingFile) -> None:
        told = 0.0
        while True:
            with self._changed:
                if self._closing_ms is None:
                    self._changed.wait(_WAKE_S)
                work, self._work = self._work, []
                self._work_bytes = 0
                closing_ms = self._closing_ms
            for each in work:
                each(file)
            now = self._clock()
            if closing_ms is not None:
                length_s = closing_ms / 1000
                path = file.finish(closing_ms)
                size = path.stat().st_size if path is not None else 0
                self._over(path, length_s, size, None)
                return
            file.advance(self.ms(now))
            if now - told >= _TELL_S:
                told = now
                self._tell(RecordingRuns(self._session_id, now - self.start, file.bytes))

    def _give_up(self, file: RecordingFile | None, error: OSError | None) -> None:
        """Nothing more can be written: keep what is there."""
        with self._changed:
            self.failed = True
            self._work.clear()
        trouble = RecordingTrouble.FAILED
        if error is not None:
            trouble = RecordingTrouble.DISK_FULL if error.errno in _FULL else RecordingTrouble.NOT_WRITABLE
            log.warning("recording cannot be written", error=errno.errorcode.get(error.errno or 0, repr(error)))
        path, size = None, 0
        length_s = self._clock() - self.start
        if file is not None:
            try:
                path = file.finish(self.ms(self._clock()))
                size = path.stat().st_size if path is not None else 0
            except OSError as again:
                log.warning("recording not finished, the next start tries again", error=type(again).__name__)
        self._over(path, length_s, size, trouble)

    def _over(self, path: Path | None, length_s: float, size: int, trouble: RecordingTrouble | None) -> None:
        self._tell(RecordingOver(self._session_id, path, length_s, size, trouble))

    def _encode(self, pcm: bytes) -> bytes:
        if self._voice is None:
            self._voice = OpusVoice()
        return self._voice.encode(pcm)

    def _blank(self, width: int, height: int) -> bytes:
        found = self._blanks.get((width, height))
        if found is None:
            if len(self._blanks) > 16:
                self._blanks.clear()
            found = self._blanks[width, height] = blank_picture(width, height)
        return found
