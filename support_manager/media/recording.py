"""Records one session on the media loop: the share as it was encoded, the mixed call, and key frames in time."""

from collections.abc import Callable
from typing import Protocol

from support_manager.media.frames import EncodedFrame
from support_manager.media.recording_thread import RecordingThread

KEY_EVERY_S = 9.0
"""A key frame is asked for when the last one is this old, so that one is there at least every ten seconds."""
KEY_AGAIN_S = 1.0
TICK_S = 0.25
MOST_FPS = 120.0
"""Frames a second that are recorded of one share at most: whoever sends more is not honest."""
MOST_AT_ONCE = 240.0
"""So many may come in a burst, as after a pause of the line."""
VOICE_LATE_S = 0.07
"""How long before it is mixed something was said: a frame of 20 ms, and what the call's jitter buffers hold. Pictures
are shown at the time of their capture, so that without this voices would come late."""
_OLDEST_S = 3.0
_STEP_S = 0.002
_JUMP_S = 0.25
_DEAD_S = 3.0


class Recordable(Protocol):
    """A share of whose frames every one can be had as it was encoded: a participant's, or the rep's own."""

    def add_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        """Call `tap` on the media loop with each whole frame, in order."""

    def remove_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        """Do not any more; an unknown one is no error."""

    def ask_for_key(self) -> None:
        """Ask for a key frame now, unless one is on its way."""

    def captured_ms(self, timestamp: int) -> float:
        """When the frame of this RTP time was captured, `time.time() * 1000`; 0 while not known."""

    def is_alive(self, now: float) -> bool:
        """Whether there is something to see, moving or not."""


class FrameTimes:
    """When frames were captured, on the monotonic clock: evenly as their RTP times say, and true on the whole.

    What a sender says of his clock is checked: no frame is older than `_OLDEST_S` or from the future.
    """

    def __init__(self) -> None:
        self._offset: float | None = None
        self._rtp: int | None = None
        self._full = 0

    def reset(self) -> None:
        """The stream is another one."""
        self._offset = self._rtp = None

    def of(self, frame: EncodedFrame, captured_ms: float, wall_ms: float) -> float:
        """The monotonic time at which `frame` was captured.

        Args:
            frame: the next one.
            captured_ms: as the sender's reports say, `time.time() * 1000`; 0 while not known.
            wall_ms: `time.time() * 1000` now.
        """
        if self._rtp is None:
            self._full = frame.timestamp
        else:
            self._full += ((frame.timestamp - self._rtp + 2**31) & 0xFFFFFFFF) - 2**31
        self._rtp = frame.timestamp
        age = (wall_ms - captured_ms) / 1000 if captured_ms else 0.0
        truth = frame.received - min(_OLDEST_S, max(0.0, age))
        at = self._full / 90_000
        if self._offset is None or abs(truth - (at + self._offset)) > _JUMP_S:
            self._offset = truth - at
        else:
            error = truth - (at + self._offset)
            self._offset += min(_STEP_S, max(-_STEP_S, error))
        return min(at + self._offset, frame.received)


class Recorder:
    """One recording, from its start to its end. Lives on the media loop; nothing here blocks.

    Args:
        thread: writes it.
        clock: monotonic time in seconds.
        wall_ms: `time.time() * 1000`.
        later: calls a function after some seconds; the result can be cancelled.
    """

    def __init__(
        self,
        thread: RecordingThread,
        clock: Callable[[], float],
        wall_ms: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._thread = thread
        self._clock = clock
        self._wall_ms = wall_ms
        self._later = later
        self._share: Recordable | None = None
        self._times = FrameTimes()
        self._in_step = False
        self._key_at = self._asked_at = float("-inf")
        self._frame_at = float("-inf")
        self._closed = False
        self._room, self._room_at = MOST_AT_ONCE, clock()
        self._tick()

    @property
    def share(self) -> Recordable | None:
        """What is being recorded."""
        return self._share

    @property
    def has_failed(self) -> bool:
        """Whether the disk refused, so that nothing more of it is written."""
        return self._thread.failed

    def follow(self, share: Recordable | None) -> None:
        """Record this share from now on, or none."""
        if share is self._share or self._closed:
            return
        self._let_go()
        self._share = share
        self._times.reset()
        self._in_step = False
        self._key_at = self._asked_at = float("-inf")
        self._thread.nothing(self._thread.ms(self._clock()))
        if share is not None:
            share.add_tap(self._frame)
            self._frame_at = self._clock()
            self._ask()

    def chapter(self, text: str) -> None:
        """Something happened just now."""
        self._thread.chapter(self._thread.ms(self._clock()), text)

    def hold(self) -> None:
        """There is no picture for a while: the share is paused."""
        self._thread.nothing(self._thread.ms(self._clock()))
        self._in_step = False

    def close(self) -> None:
        """End the recording here."""
        if not self._closed:
            self._let_go()
            self._share = None
            self._closed = True
            self._thread.close()

    def join(self, timeout_s: float) -> bool:
        """Wait for the file to be whole; whether it is."""
        return self._thread.join(timeout_s)

    def _let_go(self) -> None:
        if self._share is not None:
            self._share.remove_tap(self._frame)

    def _frame(self, frame: EncodedFrame) -> None:
        now = self._clock()
        self._frame_at = now
        if self._share is None:
            return
        if not self._has_room(now):
            self._skip(now)
            return
        at = self._times.of(frame, self._share.captured_ms(frame.timestamp), self._wall_ms())
        if frame.key:
            self._key_at = now
            self._in_step = True
        if self._in_step and not self._thread.picture(self._thread.ms(at), frame.data, key=frame.key):
            self._skip(at)  # the disk is too slow for it

    def _has_room(self, now: float) -> bool:
        """Whether another frame may be taken: no honest share has more than `MOST_FPS`, but for bursts of late ones."""
        self._room = min(MOST_AT_ONCE, self._room + (now - self._room_at) * MOST_FPS)
        self._room_at = now
        if self._room < 1:
            return False
        self._room -= 1
        return True

    def _skip(self, at: float) -> None:
        """What is dropped breaks the chain of pictures: there is none until the next key frame."""
        if self._in_step:
            self._thread.nothing(self._thread.ms(at))
        self._in_step = False
        self._key_at = float("-inf")

    def sound(self, pcm: bytes, at_s: float) -> None:
        """Take 20 ms of the whole call, mixed: mono, 16 bits at 48 kHz, and when they were heard, monotonic."""
        said = at_s - VOICE_LATE_S
        if said >= self._thread.start:
            self._thread.sound(self._thread.ms(said), pcm)

    def _tick(self) -> None:
        if self._closed:
            return
        now = self._clock()
        share = self._share
        if share is not None:
            if now - self._key_at >= KEY_EVERY_S or not self._in_step:
                self._ask()
            if self._in_step and now - self._frame_at > _DEAD_S and not share.is_alive(now):
                self.hold()  # lost, or its track is dead: what was last seen is not what is there
        self._later(TICK_S, self._tick)

    def _ask(self) -> None:
        now = self._clock()
        if self._share is not None and now - self._asked_at >= KEY_AGAIN_S:
            self._asked_at = now
            self._share.ask_for_key()
