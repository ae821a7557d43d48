"""This computer's own place in a call: its microphone, cleaned, and its speaker."""

import threading
from collections import deque
from collections.abc import Callable

import numpy as np
import structlog

from support_manager.media.voice.jitter import JitterBuffer
from support_manager.media.voice.opus import FRAME, RATE, Samples
from support_manager.media.voice.ports import AudioPorts, Trouble
from support_manager.media.voice.processing import Processing

log = structlog.get_logger(__name__)

_MAX_WAITING = 50
"""Pieces of sound between the device's thread and ours."""
_MOST_PIECE = 4_800
"""Samples; a longer piece is cut, as a buffer holds no more than its bound."""


def _as_samples(payload: bytes) -> Samples:
    return np.frombuffer(payload, dtype=np.int16)


def _count(payload: bytes) -> int:
    return len(payload) // 2


class LocalVoice:
    """A member of at most one call at a time.

    Args:
        ports: the devices.
        trouble: called with what is wrong with a device, on any thread.
    """

    def __init__(self, ports: AudioPorts, trouble: Callable[[Trouble], None]) -> None:
        self._ports = ports
        self._trouble = trouble
        self.processing: Processing | None = None
        """Takes the echo out; whoever has the time makes it."""
        self._from_microphone: deque[bytes] = deque(maxlen=_MAX_WAITING)
        self._mouth = JitterBuffer(_as_samples, _count)
        self._pieces = 0
        self._ear = JitterBuffer(_as_samples, _count)
        self._played = 0
        self._rest = np.zeros(0, dtype=np.int16)
        self._lock = threading.Lock()
        self._devices = ("", "")
        self._is_open = False
        self.muted = False

    @property
    def is_open(self) -> bool:
        """Whether the devices are in use."""
        return self._is_open

    def open(self) -> None:
        """Take the microphone and the speaker."""
        if self._is_open:
            return
        self._is_open = True
        self._from_microphone.clear()
        self._mouth, self._pieces = JitterBuffer(_as_samples, _count), 0
        with self._lock:
            self._ear, self._played = JitterBuffer(_as_samples, _count), 0
            self._rest = self._rest[:0]
        microphone, speaker = self._devices
        self._ports.open_speaker(speaker, self._fill, self._trouble)
        self._ports.open_microphone(microphone, self._from_microphone.append, self._trouble)

    def close(self) -> None:
        """Let both go."""
        if self._is_open:
            self._is_open = False
            self._ports.close_microphone()
            self._ports.close_speaker()

    def use(self, microphone: str, speaker: str) -> None:
        """Use these devices from now on, in a running call too."""
        former, self._devices = self._devices, (microphone, speaker)
        if not self._is_open:
            return
        if former[1] != speaker:
            self._ports.open_speaker(speaker, self._fill, self._trouble)
        if former[0] != microphone:
            self._ports.open_microphone(microphone, self._from_microphone.append, self._trouble)

    # --- as any other member of a call

    def said(self) -> Samples | None:
        """The next 20 ms of what is said here."""
        while self._from_microphone:
            piece = self._from_microphone.popleft()
            for at in range(0, len(piece), 2 * _MOST_PIECE):
                self._mouth.put(self._pieces & 0xFFFF, piece[at : at + 2 * _MOST_PIECE])
                self._pieces += 1
        heard = self._mouth.pull()
        if heard is None:
            return None
        if self.processing is not None:
            with self._lock:
                waiting = self._ear.depth_ms
            try:
                heard = self.processing.heard(heard, waiting + self._mouth.depth_ms + self._ports.latency_ms)
            except Exception:  # the library's own: he is heard all the same
                log.exception("echo cancellation failed")
                self._do_without()
        return None if self.muted else heard

    def _do_without(self) -> None:
        """Let sound pass as it is from now on, and say so once."""
        self.processing = None
        self._trouble(Trouble.ECHO_STAYS)

    def hears(self, samples: Samples) -> None:
        """Play the next 20 ms."""
        if self.processing is not None:
            try:
                self.processing.played(samples)
            except Exception:
                log.exception("echo cancellation failed")
                self._do_without()
        with self._lock:
            self._ear.put(self._played & 0xFFFF, samples.tobytes())
            self._played += 1

    def _fill(self, count: int) -> bytes:
        """What the speaker plays now; on the device's thread."""
        with self._lock:
            parts, ready = [self._rest], len(self._rest)
            while ready < count:
                frame = self._ear.pull()
                parts.append(frame if frame is not None else np.zeros(FRAME, dtype=np.int16))
                ready += FRAME
            all_ = np.concatenate(parts)
            self._rest = all_[count:]
            return all_[:count].tobytes()

    @property
    def delay_ms(self) -> float:
        """What waits for the speaker."""
        return self._ear.depth_ms + len(self._rest) * 1000 / RATE
