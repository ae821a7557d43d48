"""Missing packets: asks for each again until it comes or is given up, then for a key frame (RFC 4585)."""

from collections.abc import Callable
from dataclasses import dataclass

REORDER_LIMIT = 1_000
"""A gap beyond this is no loss but a new stream."""
GIVE_UP_S = 1.0
_MIN_INTERVAL_S = 0.05
_MAX_TRIES = 12
_KEY_INTERVALS_S = (0.3, 0.5, 1.0)
_KEY_TRAVELS_S = 1.0
"""A key frame that has begun to come gets this long: Chromium spreads one over its bandwidth and answers every further
request with another one (RFC 4585 section 6.3.1 leaves that to the sender), which comes behind the first."""


@dataclass(slots=True)
class _Missing:
    noticed: float
    asked: float
    tries: int


class LossTracker:
    """Keeps the packets that did not come, with when they were last asked for.

    # WORKAROUND(aiortc 1.16.0): its NackGenerator asks only when a new gap appears, so one lost retransmission freezes
    # the picture until the next loss – https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtcrtpreceiver.py – goes
    # when upstream asks by a timer.
    """

    def __init__(self) -> None:
        self._newest: int | None = None
        self._missing: dict[int, _Missing] = {}

    @property
    def waiting(self) -> bool:
        """Whether anything is missing."""
        return bool(self._missing)

    def received(self, number: int, now: float) -> list[int]:
        """Note the packet with this unwrapped number; gives those to be asked for at once.

        Raises:
            OverflowError: if the gap is too large to be loss: start afresh.
        """
        if self._newest is None:
            self._newest = number
            return []
        if number <= self._newest:
            self._missing.pop(number, None)
            return []
        gap = range(self._newest + 1, number)
        if len(gap) + len(self._missing) > REORDER_LIMIT:
            raise OverflowError("the gap is too large to be loss")
        self._newest = number
        for missing in gap:
            self._missing[missing] = _Missing(now, now, 1)
        return list(gap)

    def tick(self, now: float, round_trip_s: float) -> tuple[list[int], list[int]]:
        """Gives the numbers to ask for again, and those that are given up."""
        interval = max(_MIN_INTERVAL_S, 1.2 * round_trip_s)
        again: list[int] = []
        given_up: list[int] = []
        for number, missing in self._missing.items():
            if missing.tries >= _MAX_TRIES or now - missing.noticed >= max(GIVE_UP_S, 4 * round_trip_s):
                given_up.append(number)
            elif now - missing.asked >= interval:
                missing.asked = now
                missing.tries += 1
                again.append(number)
        for number in given_up:
            del self._missing[number]
        return again, given_up

    def forget_before(self, number: int) -> None:
        """Whatever came before this number is no longer wanted."""
        if self._missing:
            self._missing = {other: missing for other, missing in self._missing.items() if other >= number}

    def reset(self) -> None:
        """Start afresh with the next packet."""
        self._newest = None
        self._missing.clear()


class KeyFrameRequests:
    """Asks for a key frame until one comes, not more often than a sender would heed.

    Args:
        ask: sends one picture loss indication (RFC 4585 section 6.3.1).
    """

    def __init__(self, ask: Callable[[], None]) -> None:
        self._ask = ask
        self._wanted = False
        self._tries = 0
        self._last = float("-inf")
        self._began = float("-inf")

    @property
    def wanted(self) -> bool:
        """Whether one is outstanding."""
        return self._wanted

    def want(self, now: float) -> None:
        """A key frame is needed from now on."""
        if not self._wanted:
            self._wanted = True
            self._tries = 0
        self.tick(now)

    def begins(self, now: float) -> None:
        """A part of a key frame is here."""
        if now - self._began >= _KEY_TRAVELS_S:
            self._began = now

    def came(self) -> None:
        """A whole key frame is here."""
        self._wanted = False
        self._began = float("-inf")

    def tick(self, now: float) -> None:
        """Ask (again) if it is time to."""
        interval = _KEY_INTERVALS_S[min(self._tries, len(_KEY_INTERVALS_S)) - 1] if self._tries else _KEY_INTERVALS_S[0]
        if self._wanted and now - self._last >= interval and now - self._began >= _KEY_TRAVELS_S:
            self._last = now
            self._tries += 1
            self._ask()
