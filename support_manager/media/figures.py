"""Figures of one share: rate, loss, size, age of the picture, and whether it is live, static or lost."""

import threading
from collections import deque

from support_manager.media.engine import Liveness, PeerKey, ShareFigures
from support_manager.media.frames import EncodedFrame
from support_manager.protocol import limits

_WINDOW_S = 2.0
_STATIC_AFTER_S = 2.0
_CHANGE_BYTES = 0.2
_HISTORY_MS = 60_000.0
_STRAGGLES_S = 3.0
"""What was captured before the page held its picture comes no later than this: Chromium's pacer lets out what waits
within 2.9 s (libwebrtc, alr_experiment.cc)."""
_YOUNGEST_MS = 1.0
"""No picture is younger when it is here; so an age that is known is never 0, which means that it is not."""


class CaptureClock:
    """Turns RTP times into our wall clock by the sender reports (RFC 3550 section 6.4.1).

    A report carries the sender's clock; the report that travelled fastest, less half the best round trip, gives the
    difference between the clocks. This holds whatever the sender's clock counts from. Written by the media loop, read
    by the decoder's thread: the anchor is one tuple, replaced whole.
    """

    def __init__(self) -> None:
        self._anchor: tuple[int, float] | None = None
        self._travels: deque[tuple[float, float]] = deque(maxlen=64)

    def report(self, rtp: int, ntp: int, arrived_ms: float, round_trip_ms: float) -> None:
        """Note a sender report: RTP time, NTP time (64 bits), arrival in `time.time() * 1000`."""
        sent_ms = ntp / 2**32 * 1000
        self._travels.append((arrived_ms, arrived_ms - sent_ms))
        while arrived_ms - self._travels[0][0] > _HISTORY_MS:
            self._travels.popleft()
        offset = min(travel for _, travel in self._travels) - round_trip_ms / 2
        self._anchor = (rtp, sent_ms + offset)

    def captured_ms(self, rtp: int, now_ms: float) -> float:
        """When the frame of this RTP time was captured, on our clock; 0 while not known."""
        if self._anchor is None:
            return 0.0
        known, at_ms = self._anchor
        steps = ((rtp - known + 2**31) & 0xFFFFFFFF) - 2**31
        captured = at_ms + steps / 90
        return min(captured, now_ms - _YOUNGEST_MS) if now_ms - captured < _HISTORY_MS else 0.0

    def reset(self) -> None:
        """The stream is another one."""
        self._anchor = None
        self._travels.clear()


def changes(frame: EncodedFrame, width: int, height: int) -> bool:
    """Whether a frame shows something new that is worth the name.

    Browsers repeat an unchanged screen, Chromium on X11 up to 30 times a second, and sharpen it for some seconds. By
    measurement a repetition costs 0.04 to 0.06 bytes for each macroblock of 16x16 pixels, sharpening up to 0.2, moving
    text 0.5 and more. A key frame says nothing either way.
    """
    blocks = -(-width // 16) * -(-height // 16)
    return not frame.key and len(frame.data) > _CHANGE_BYTES * blocks


class ShareMeter:
    """Counts what arrives of one share. Times are `time.monotonic()`; `frame` may be called on another thread."""

    def __init__(self, now: float) -> None:
        self._lock = threading.Lock()
        self._packets: deque[tuple[float, int]] = deque()
        self._frames: deque[float] = deque()
        self._last_packet = self._last_beat = now
        self._first_frame: float | None = None
        self._sharing = True
        self._held_at: float | None = None
        """Since when the page holds its picture, until the first frame after that has come."""
        self._went_on_at = now
        self._refused: tuple[int, int] | None = None
        self._last_change = now
        self._loss = 0.0
        self.width = self.height = 0

    def packet(self, size: int, now: float) -> None:
        """A packet of the share came."""
        self._packets.append((now, size))
        self._last_packet = now

    def beat(self, now: float, sharing: bool = True) -> None:
        """A heartbeat came; `sharing` says whether the page has a live track to show."""
        self._last_beat = now
        with self._lock:
            if self._sharing and not sharing:
                self._held_at = now
            elif sharing and not self._sharing:
                self._went_on_at = now
            self._sharing = sharing

    def frame(
        self, width: int, height: int, changed: bool, now: float, *, age_s: float = 0.0, is_shown: bool = True
    ) -> bool:
        """A frame was decoded.

        Args:
            width: of what was captured, in pixels.
            height: in pixels.
            changed: it shows something new, as the first one always does.
            now: the time.
            age_s: since it was captured; 0 if that is not known.
            is_shown: it takes the place of the picture before it.

        Returns:
            whether it is the first one, of all or after the page held its picture.
        """
        with self._lock:
            self._frames.append(now)
            first = self._first_frame is None
            if first:
                self._first_frame = now
            if self._held_at is not None and is_shown and self._is_of_after(self._held_at, now, age_s):
                self._held_at, first = None, True
            changed = changed or first
            if changed:
                self._last_change = now
            self.width, self.height = width, height
        return first

    def _is_of_after(self, held_at: float, now: float, age_s: float) -> bool:
        """Whether a frame was captured after the page held its picture; frames from before may still be under way."""
        if age_s:
            return now - age_s > held_at or (self._sharing and now - self._went_on_at >= _STRAGGLES_S)
        return self._sharing or now - held_at >= _STRAGGLES_S

    def refuse(self, width: int, height: int) -> None:
        """A picture of this size was refused as too large; so it stays until one is accepted."""
        self._refused = width, height

    def accept(self) -> None:
        """A picture of a size that we take is on its way to the decoder."""
        self._refused = None

    def loss(self, fraction: float) -> None:
        """This share (0…1) of the packets since the last call did not come at first."""
        self._loss = fraction

    def forget(self) -> None:
        """The share ended: no frame was ever seen."""
        self._packets.clear()
        self._loss = 0.0
        self._refused = None
        with self._lock:
            self._frames.clear()
            self._first_frame = self._held_at = None
            self.width = self.height = 0

    def since_last_sign_s(self, now: float) -> float:
        """Seconds since the last packet or heartbeat."""
        return max(0.0, now - max(self._last_packet, self._last_beat))

    def liveness(self, now: float) -> Liveness:
        """What the picture is worth."""
        if self._first_frame is None and self._refused is None:
            return Liveness.WAITING
        if self.since_last_sign_s(now) >= limits.DEAD_PEER_S:
            return Liveness.LOST
        if self._refused is not None:
            return Liveness.TOO_LARGE
        if now - self._last_change < _STATIC_AFTER_S:
            # What was seen before the page held its picture does not show that it goes on.
            return Liveness.LIVE if self._held_at is None else Liveness.STATIC
        return Liveness.STATIC if self._sharing else Liveness.WAITING

    def figures(self, peer: PeerKey, now: float, age_ms: float, dropped: int = 0) -> ShareFigures:
        """All figures at this moment."""
        while self._packets and now - self._packets[0][0] > _WINDOW_S:
            self._packets.popleft()
        with self._lock:
            while self._frames and now - self._frames[0] > _WINDOW_S:
                self._frames.popleft()
        began = self._first_frame
        width, height = self._refused or (self.width, self.height)
        window = min(_WINDOW_S, max(now - began, 0.5)) if began is not None else _WINDOW_S
        return ShareFigures(
            peer=peer,
            liveness=self.liveness(now),
            fps=len(self._frames) / window,
            age_ms=age_ms,
            kilobytes_per_s=sum(size for _, size in self._packets) / window / 1000,
            width=width,
            height=height,
            loss=self._loss,
            since_last_sign_s=self.since_last_sign_s(now),
            dropped=dropped,
        )
