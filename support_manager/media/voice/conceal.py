"""Bridges what is missing in speech, and shortens it unnoticed: whole pitch periods are repeated or left out."""

import numpy as np

from support_manager.media.voice.opus import FRAME, Samples

HISTORY = 2_880
_MATCH = 480
_LEAST_LAG, _LARGEST_LAG = 120, 960
"""Periods of 400 to 50 Hz."""
_STEP = 4
_JOIN = 240
_FADE_FRAMES = 4
"""After 80 ms of nothing there is silence."""
_RISE = (np.arange(_JOIN, dtype=np.float32) + 0.5) / _JOIN
_LONG_RISE = (np.arange(_MATCH, dtype=np.float32) + 0.5) / _MATCH


def _best_lag(wanted: np.ndarray, sound: np.ndarray, least: int, largest: int) -> int:
    """By how many samples `sound` is to be moved so that it looks most like `wanted`."""
    size = len(wanted)
    lags = range(least, min(largest, len(sound) - size) + 1, _STEP)
    windows = np.lib.stride_tricks.sliding_window_view(sound, size)[lags.start : lags.stop : _STEP]
    energy = np.einsum("ij,ij->i", windows, windows) + 1.0
    return lags[int(np.argmax(windows @ wanted / np.sqrt(energy)))]


class Concealer:
    """Remembers the last moments of one voice and goes on with them where nothing came."""

    def __init__(self) -> None:
        self._last = np.zeros(HISTORY, dtype=np.float32)
        self._missing = 0
        self._going_on: np.ndarray | None = None

    @property
    def missing(self) -> int:
        """Frames made up in a row."""
        return self._missing

    def pass_on(self, samples: Samples) -> Samples:
        """What came; after a gap it grows out of what was made up."""
        if self._missing and self._going_on is not None and len(samples) >= _JOIN:
            joined = samples.astype(np.float32)
            joined[:_JOIN] = joined[:_JOIN] * _RISE + self._going_on[:_JOIN] * (1 - _RISE)
            samples = joined.astype(np.int16)
        self._missing, self._going_on = 0, None
        self._remember(samples)
        return samples

    def make_up(self) -> Samples:
        """20 ms for what is missing, softer each time."""
        if self._missing == 0:
            turned = self._last[::-1]
            lag = _best_lag(turned[:_MATCH], turned, _LEAST_LAG, _LARGEST_LAG)
            period = self._last[-lag:]
            self._going_on = np.tile(period, ((_FADE_FRAMES + 2) * FRAME) // lag + 1)
        self._missing += 1
        if self._going_on is None or self._missing > _FADE_FRAMES:
            self._going_on = None
            made = np.zeros(FRAME, dtype=np.int16)
        else:
            at = np.arange(FRAME, dtype=np.float32) / FRAME
            loudness = np.clip(1.0 - (self._missing - 1 + at) / _FADE_FRAMES, 0.0, 1.0)
            made = (self._going_on[:FRAME] * loudness).astype(np.int16)
            self._going_on = self._going_on[FRAME:] * 1.0
            self._going_on = self._going_on if len(self._going_on) >= FRAME else None
        self._remember(made)
        return made

    def _remember(self, samples: Samples) -> None:
        kept = samples[-HISTORY:].astype(np.float32)
        self._last = np.concatenate((self._last[len(kept) :], kept))


def shortened(samples: Samples) -> Samples:
    """The same with about 10 ms left out where it is heard least; needs 40 ms, else it stays as it is."""
    if len(samples) < 2 * FRAME:
        return samples
    sound = samples.astype(np.float32)
    lag = _best_lag(sound[:_MATCH], sound, _MATCH // 2, FRAME)
    joined = sound[:_MATCH] * (1 - _LONG_RISE) + sound[lag : lag + _MATCH] * _LONG_RISE
    return np.concatenate((joined.astype(np.int16), samples[lag + _MATCH :]))
