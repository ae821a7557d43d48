"""The thread that looks at a screen and encodes what changed: ready frames go out, of viewers it knows nothing."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from support_manager.media.screens import Gate, Grabber, Shareable, SourceGone, SourceRefused
from support_manager.media.share_encoder import CLOCK, Canvas, ShareEncoder

log = structlog.get_logger(__name__)

FPS = 30
_LEAST_S = 0.028
"""Between two frames: a little less than a thirtieth, so that a picture drawn 30 times a second loses none."""
_LOOK_S = 1 / FPS
_REFINE_S = 0.2
_REFINEMENTS = 6
"""A screen that stands still after a change is sent so often again, each time sharper."""
_PAUSED_S = 0.2
_LOAD = 1.25
"""Of the time that encoding a frame takes: the least distance to the next one where that is longer."""


@dataclass(frozen=True, slots=True)
class Captured:
    """One encoded frame of our own share."""

    data: bytes
    key: bool
    time: int
    """When it was captured, in 1/90000 s of a clock of its own."""
    at_ms: float
    """The same as `time.time() * 1000`."""
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class CaptureState:
    """What the thread says of itself, when that changes."""

    width: int = 0
    height: int = 0
    is_hidden: bool = False
    """Whether the window is minimised, so that viewers keep its last picture."""


class Capture:
    """Looks at one source until it is stopped. Commands may come from any thread and return at once.

    Args:
        source: what to look at.
        gate: while it is closed, nothing is looked at; once it opens, everything anew.
        bits_per_s: to begin with.
        frame: called on the thread with each encoded frame.
        state: called on the thread when size or visibility changed.
        ended: called on the thread once when the source is gone or cannot be looked at, with the reason's code;
            not after `stop`.
    """

    def __init__(
        self,
        source: Shareable,
        gate: Gate,
        bits_per_s: int,
        frame: Callable[[Captured], None],
        state: Callable[[CaptureState], None],
        ended: Callable[[str], None],
    ) -> None:
        self._source = source
        self._gate = gate
        self._bits_per_s = bits_per_s
        self._on_frame, self._on_state, self._on_ended = frame, state, ended
        self._stopping = threading.Event()
        self._needed = True
        self._key = True
        self._canvas = Canvas()
        self._encoder: ShareEncoder | None = None
        self._began = time.monotonic()
        self._state = CaptureState()
        self.alive_at = time.monotonic()
        """When the thread last looked, `time.monotonic()`."""
        self._thread = threading.Thread(target=self._run, name="own-share", daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Look no more; frames that are being made are not handed over."""
        self._stopping.set()

    @property
    def is_running(self) -> bool:
        """Whether the thread runs."""
        return self._thread.is_alive()

    def join(self, seconds: float) -> None:
        """Wait for the thread's end."""
        self._thread.join(seconds)

    def need(self, needed: bool) -> None:
        """Whether anybody sees it; without viewers nothing is encoded."""
        if needed and not self._needed:
            self._key = True
        self._needed = needed

    def ask_for_key(self) -> None:
        """Make the next frame a key frame, soon, also of a screen on which nothing moves."""
        self._key = True

    def set_rate(self, bits_per_s: int) -> None:
        """Encode at this rate from the next frame on, which is a key frame."""
        self._bits_per_s = bits_per_s

    # -- on the thread

    def _run(self) -> None:
        code = ""
        grabber: Grabber | None = None
        try:
            grabber = self._source.open()
            self._look(grabber)
        except SourceGone:
            code = "source_gone"
        except SourceRefused as refused:
            code = refused.code
        except Exception:
            log.exception("own share failed")
            code = "show_failed"
        finally:
            if grabber is not None:
                grabber.close()
        if code and not self._stopping.is_set():
            self._on_ended(code)

    def _look(self, grabber: Grabber) -> None:
        due, refine_at, left = 0.0, float("inf"), 0
        while not self._stopping.is_set():
            self.alive_at = time.monotonic()
            if self._gate.closed:
                self._canvas, self._key, left = Canvas(), True, 0
                self._stopping.wait(_PAUSED_S)
                continue
            grabber.wait(_LOOK_S)
            now = time.monotonic()
            if now < due and self._stopping.wait(due - now):
                return
            size = self._canvas.size
            patch = grabber.grab(whole=self._canvas.frame is None)
            if self._gate.closed:
                continue  # it may have been closed because of what was just seen
            if patch is not None:
                self._canvas.put(patch)
            self._tell(grabber)
            now, used = time.monotonic(), time.thread_time()
            sharper = now >= refine_at and left > 0
            if self._needed and self._canvas.frame is not None and (patch is not None or self._key or sharper):
                if patch is not None or self._canvas.size != size:
                    left = _REFINEMENTS
                else:
                    left -= sharper
                self._encode(patch.at if patch is not None else time.time())
                # By its own CPU time, which a busy machine does not lengthen.
                due = now + max(_LEAST_S, (time.thread_time() - used) * _LOAD)
                refine_at = time.monotonic() + _REFINE_S

    def _encode(self, at: float) -> None:
        canvas, encoder = self._canvas, self._encoder
        if canvas.frame is None:
            return
        key, self._key = self._key, False
        if encoder is None or encoder.size != canvas.size or encoder.bits_per_s != self._bits_per_s:
            encoder = self._encoder = ShareEncoder(*canvas.size, self._bits_per_s)
            key = True
        stamp = int((time.monotonic() - (time.time() - at) - self._began) * CLOCK)
        made = encoder.encode(canvas.frame, max(0, stamp), key=key)
        if made is None:
            self._key = key
            return
        if not self._stopping.is_set() and not self._gate.closed:
            width, height = canvas.size
            self._on_frame(Captured(made[0], made[1], stamp & 0xFFFFFFFF, at * 1000, width, height))

    def _tell(self, grabber: Grabber) -> None:
        width, height = self._canvas.size
        state = CaptureState(width, height, grabber.is_hidden)
        if state != self._state:
            self._state = state
            self._on_state(state)
