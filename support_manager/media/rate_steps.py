"""Chooses the bitrate of our own share from what the viewers' lines carry: in steps, down at once, up with patience."""

from collections.abc import Collection

STEPS = (600_000, 1_500_000, 4_000_000, 8_000_000)
"""Bits a second. A step is a new encoder and one key frame, so there are few of them."""
START = 2
UP_S = 5.0
"""So long a higher step must have looked possible before it is taken."""
BETWEEN_S = 5.0
"""Two steps up are at least this far apart."""
_TOO_SOON_S = 10.0
_PATIENCE = 8.0
"""A step up that does not last so long was one too many: the next try waits twice as long, up to so many times."""
_ROOM = 0.9
_REASONABLE = 0.4
"""A viewer whose line carries less than this part of what the middle one's does waits for key frames instead."""


def slowest_reasonable(rates: Collection[float]) -> float | None:
    """The rate that the share is made for: that of the slowest viewer who is not far behind the others.

    Args:
        rates: what each viewer's line seems to carry, in bits a second.

    Returns:
        None without viewers.
    """
    if not rates:
        return None
    ordered = sorted(rates)
    middle = ordered[len(ordered) // 2]
    return next(rate for rate in ordered if rate >= middle * _REASONABLE)


class RateSteps:
    """Which step to encode at. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        self._step = START
        self._good_since: float | None = None
        self._changed = self._went_up = float("-inf")
        self._patience = 1.0

    @property
    def bits_per_s(self) -> int:
        """The present step."""
        return STEPS[self._step]

    def update(self, rates: Collection[float], now: float) -> bool:
        """Look at the viewers' lines, about once a second; whether another step is taken now."""
        rate = slowest_reasonable(rates)
        if rate is None:
            self._good_since = None
            return False
        fitting = max((at for at, step in enumerate(STEPS) if step <= rate * _ROOM), default=0)
        if now - self._went_up > 3 * _TOO_SOON_S:
            self._patience = 1.0
        if fitting < self._step:
            if now - self._went_up < _TOO_SOON_S:
                self._patience = min(_PATIENCE, 2 * self._patience)
            self._take(fitting, now)
            return True
        if fitting == self._step:
            self._good_since = None
            return False
        if self._good_since is None:
            self._good_since = now
        if now - self._good_since < UP_S * self._patience or now - self._changed < BETWEEN_S:
            return False
        self._went_up = now
        self._take(self._step + 1, now)
        return True

    def _take(self, step: int, now: float) -> None:
        self._step, self._changed, self._good_since = step, now, None
