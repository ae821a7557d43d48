"""Puts VP8 frames together from packets: each is released with its last packet, whole or not at all, in order."""

from collections.abc import Callable
from dataclasses import dataclass, field

from support_manager.media.vp8 import Vp8Part

CAPACITY = 4_096
"""Packets held at most, about 5 MB: a key frame of 3840x2160 full of text stays below 2 MB."""


class SequenceUnwrapper:
    """Turns 16-bit sequence numbers into ones that never wrap."""

    def __init__(self) -> None:
        self._newest: int | None = None

    def unwrap(self, number: int) -> int:
        """The full number that lies nearest to the newest one seen."""
        if self._newest is None:
            self._newest = number + 0x10000
            return self._newest
        step = ((number - self._newest + 0x8000) & 0xFFFF) - 0x8000
        full = self._newest + step
        self._newest = max(self._newest, full)
        return full


@dataclass(frozen=True, slots=True)
class EncodedFrame:
    """One whole frame, ready to be decoded, forwarded or recorded."""

    data: bytes
    timestamp: int
    """RTP time, 1/90000 s, wraps at 32 bits."""
    key: bool
    received: float
    """When its last packet came, `time.monotonic()`."""


@dataclass(slots=True)
class _Held:
    timestamp: int
    marker: bool
    part: Vp8Part


@dataclass(slots=True)
class _Building:
    timestamp: int = 0
    key: bool = False
    parts: list[bytes] = field(default_factory=list)


class FrameAssembler:
    """Orders packets and releases whole frames.

    # WORKAROUND(aiortc 1.16.0): its JitterBuffer holds a frame until the next one begins, and truncates frames of more
    # than 512 packets – https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/jitterbuffer.py – goes when upstream
    # releases on the marker bit and drops what does not fit (the tests beside this module's show both).

    After a loss that cannot be mended nothing is released until a key frame comes, which `waiting_for_key` tells.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._held: dict[int, _Held] = {}
        self._cursor = 0
        self._frame = _Building()
        self.waiting_for_key = True
        self.on_part: Callable[[Vp8Part, int, bool, bool], None] | None = None
        """Called with each part as soon as its turn has come, before its frame is whole: what it carries, RTP time,
        whether it is the frame's last, whether its first. After a `resync` in the middle a key frame follows."""

    @property
    def next_needed(self) -> int | None:
        """The number of the oldest packet that is still of use; None while waiting for a key frame."""
        return None if self.waiting_for_key else self._cursor

    def add(self, number: int, timestamp: int, marker: bool, part: Vp8Part, now: float) -> list[EncodedFrame]:
        """Take one packet, numbered without wrapping, and give the frames that are whole now, oldest first."""
        if not self.waiting_for_key and number < self._cursor:
            return []
        if len(self._held) >= self._capacity or len(self._frame.parts) >= self._capacity:
            self.resync()
        self._held[number] = _Held(timestamp, marker, part)
        if part.key and (self.waiting_for_key or self._cursor not in self._held):
            # A key frame needs nothing before it: whatever the gap hides is outdated.
            self._held = {other: held for other, held in self._held.items() if other >= number}
            self._cursor = number
            self._frame = _Building()
            self.waiting_for_key = False
        return [] if self.waiting_for_key else self._release(now)

    def resync(self) -> None:
        """Drop everything and wait for the next key frame."""
        self._held.clear()
        self._frame = _Building()
        self.waiting_for_key = True

    def _release(self, now: float) -> list[EncodedFrame]:
        frames: list[EncodedFrame] = []
        while (held := self._held.pop(self._cursor, None)) is not None:
            if not held.part.data:  # padding lies between frames
                self._cursor += 1
                continue
            frame = self._frame
            if frame.parts and (held.part.starts or held.timestamp != frame.timestamp):
                # The fall-back for a sender that sets no marker: another frame begins.
                frames.append(self._finish(now))
                frame = self._frame
            if not frame.parts:
                if not held.part.starts:
                    self.resync()
                    return frames
                frame.timestamp, frame.key = held.timestamp, held.part.key
            if self.on_part is not None:
                self.on_part(held.part, held.timestamp, held.marker, not frame.parts)
            frame.parts.append(held.part.data)
            self._cursor += 1
            if held.marker:
                frames.append(self._finish(now))
        return frames

    def _finish(self, now: float) -> EncodedFrame:
        frame, self._frame = self._frame, _Building()
        return EncodedFrame(b"".join(frame.parts), frame.timestamp, frame.key, now)
