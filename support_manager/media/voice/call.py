"""One call's mixer: every 20 ms each member gives what he says, and gets all the others together."""

from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

import numpy as np

from support_manager.media.voice.opus import FRAME, Samples

Tap = Callable[[bytes, float], None]
"""Takes 20 ms of the whole call mixed, mono int16 at 48 kHz, and when that was by `time.monotonic()`."""
_SILENCE = np.zeros(FRAME, dtype=np.int16)
_LEVEL_FLOOR_DB = 60.0


class Member(Protocol):
    """Somebody in a call."""

    def said(self) -> Samples | None:
        """The next 20 ms of what he says; None while he says nothing."""

    def hears(self, samples: Samples) -> None:
        """Let him hear 20 ms."""


def level(samples: Samples) -> float:
    """How loud it is: 0 for 60 dB below the loudest there is and less, 1 for the loudest."""
    power = float(np.mean(np.square(samples.astype(np.float32)))) / 32_768.0**2
    return min(1.0, max(0.0, 1.0 + 10 * float(np.log10(power + 1e-12)) / _LEVEL_FLOOR_DB))


class Call:
    """Mixes. Lives on the media loop."""

    def __init__(self) -> None:
        self._taps: list[Tap] = []
        self.levels: dict[Hashable, float] = {}
        """The loudest of each member since `take_levels`."""

    def add_tap(self, tap: Tap) -> None:
        """Have `tap` called with everything from now on."""
        self._taps.append(tap)

    def remove_tap(self, tap: Tap) -> None:
        """Not any more; one that is not there is no error."""
        if tap in self._taps:
            self._taps.remove(tap)

    def tick(self, members: Mapping[Hashable, Member], now: float) -> None:
        """Do 20 ms of the call.

        Args:
            members: who is in it now.
            now: `time.monotonic()`.
        """
        said = {name: frame for name, member in members.items() if (frame := member.said()) is not None}
        total = np.zeros(FRAME, dtype=np.int32)
        for name, frame in said.items():
            total += frame
            self.levels[name] = max(self.levels.get(name, 0.0), level(frame))
        for name, member in members.items():
            own = said.get(name)
            member.hears(_mixed(total if own is None else total - own) if len(said) > (own is not None) else _SILENCE)
        if self._taps:
            mixed = _mixed(total).tobytes()
            for tap in list(self._taps):
                tap(mixed, now)

    def take_levels(self) -> dict[Hashable, float]:
        """The levels since the last question."""
        found, self.levels = self.levels, {}
        return found


def _mixed(total: np.ndarray) -> Samples:
    """The sum as samples again; what is too loud is bent and not cut, so that two who shout stay clear."""
    loudest = int(np.max(np.abs(total)))
    if loudest > 32_767:
        return (total * (32_767 / loudest)).astype(np.int16)
    return total.astype(np.int16)
