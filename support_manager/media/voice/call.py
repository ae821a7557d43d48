"""One call's mixer: every 20 ms each member gives what he says, and gets all the others together."""

from collections.abc import Callable, Hashable, Mapping
from typing import Protocol

import numpy as np
import structlog

from support_manager.media.voice.opus import FRAME, Samples

Tap = Callable[[bytes, float], None]
"""Takes 20 ms of the whole call mixed, mono int16 at 48 kHz, and when that was by `time.monotonic()`."""
log = structlog.get_logger(__name__)
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
        self._failing: set[Hashable] = set()
        """Whose own part threw."""

    def add_tap(self, tap: Tap) -> None:
        """Have `tap` called with everything from now on."""
        self._taps.append(tap)

    def remove_tap(self, tap: Tap) -> None:
        """Not any more; one that is not there is no error."""
        if tap in self._taps:
            self._taps.remove(tap)

    def tick(self, members: Mapping[Hashable, Member], now: float) -> None:
        """Do 20 ms of the call; what goes wrong at one member costs the others nothing.

        Args:
            members: who is in it now.
            now: `time.monotonic()`.
        """
        said = self._said(members)
        total = np.zeros(FRAME, dtype=np.int32)
        for name, frame in said.items():
            total += frame
            self.levels[name] = max(self.levels.get(name, 0.0), level(frame))
        for name, member in members.items():
            own = said.get(name)
            mixed = _mixed(total if own is None else total - own) if len(said) > (own is not None) else _SILENCE
            try:
                member.hears(mixed)
            except Exception as error:  # whatever a codec or a device makes of it, the others hear on
                if self._is_first(name):
                    log.error("one member hears nothing", member=str(name), exc_info=error)
        if self._taps:
            whole = _mixed(total).tobytes()
            for tap in list(self._taps):
                try:
                    tap(whole, now)
                except Exception as error:
                    if self._is_first(tap):
                        log.error("a recording does not hear the call", exc_info=error)

    def _said(self, members: Mapping[Hashable, Member]) -> dict[Hashable, Samples]:
        said: dict[Hashable, Samples] = {}
        for name, member in members.items():
            try:
                frame = member.said()
            except Exception as error:
                if self._is_first(name):
                    log.error("one member is not heard", member=str(name), exc_info=error)
                continue
            if frame is not None:
                said[name] = frame
        return said

    def _is_first(self, name: Hashable) -> bool:
        """Whether it is the first failure of that one: at fifty a second one line is enough."""
        is_first = name not in self._failing
        self._failing.add(name)
        return is_first

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
