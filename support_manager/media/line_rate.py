"""What one viewer's line carries, guessed from his reports: losses, and round trips that grow because a queue does."""

from collections import deque

MAX_BPS = 12_000_000.0
MIN_BPS = 300_000.0
_LOSSY = 0.10
_VERY_LOSSY = 0.25
"""So much in a single report is no chance."""
_TOLERABLE = 0.08
_CLEAN = 0.02
_NEWEST = 0.3
"""What the newest report weighs against those before: of 40 packets a second chance alone loses 4 on a 5 % line."""
_ROOM = 1.5
"""What was sent is what the screen needed: the line may carry more than that."""
_ENOUGH_PACKETS = 20
"""Of fewer packets a single lost one looks like a bad line."""
_QUEUE_S = 0.25
"""A round trip that is so much longer than the shortest one of late: what we send waits somewhere."""
_QUEUED_TWICE = 2
_WINDOW_S = 30.0
_SLOWER, _A_LITTLE_FASTER, _FASTER, _MUCH_FASTER = 0.85, 1.02, 1.08, 1.25
_CLEAN_STREAK = 3
_REPORTS = 8


class LineRate:
    """Falls at once to what came, or below it, and grows while all comes in time. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        self.bits_per_s = MAX_BPS
        self._bytes = self._packets = 0
        self.troubled_at = float("-inf")
        """When packets waited or were lost last."""
        self._told_at = 0.0
        self._clean = self._queued = 0
        self._loss = 0.0
        self._trips: deque[tuple[float, float]] = deque()
        self._reports: dict[int, float] = {}

    def sent(self, size: int) -> None:
        """A packet of so many bytes left."""
        self._bytes += size
        self._packets += 1

    def sender_report(self, ntp: int, now: float) -> None:
        """A sender report left, with this NTP time (64 bits)."""
        self._reports[ntp >> 16 & 0xFFFFFFFF] = now
        while len(self._reports) > _REPORTS:
            del self._reports[next(iter(self._reports))]

    def round_trip_s(self, lsr: int, dlsr: int, now: float) -> float | None:
        """How long the last sender report and its answer were under way (RFC 3550 section 6.4.1)."""
        sent = self._reports.get(lsr) if lsr else None
        if sent is None:
            return None
        trip = now - sent - dlsr / 65_536
        return trip if 0 <= trip < 10 else None

    def reported(self, loss: float, round_trip_s: float | None, now: float) -> None:
        """Take the viewer's report.

        Args:
            loss: share (0…1) of the packets that did not come.
            round_trip_s: as `round_trip_s` gives it.
            now: now.
        """
        passed = now - self._told_at
        if passed < 0.2:
            return
        sent_bps, packets = self._bytes * 8 / passed, self._packets
        self._bytes = self._packets = 0
        self._told_at = now
        waits = self._waits(round_trip_s, now)
        if waits:
            self.troubled_at = now
        if packets < _ENOUGH_PACKETS:
            return
        if max(loss - _VERY_LOSSY, self._loss - _LOSSY) > 0:
            self.troubled_at = now
        self._loss += (loss - self._loss) * _NEWEST
        if loss > _VERY_LOSSY:
            self._fall(min(self.bits_per_s, sent_bps) * (1 - loss / 2))
            self._loss = _TOLERABLE / 2  # it has been heeded
        elif self._loss > _LOSSY:
            self._fall(min(self.bits_per_s, sent_bps * _ROOM) * (1 - self._loss / 2))
        elif waits:
            self._fall(min(self.bits_per_s, sent_bps) * _SLOWER)
        elif self._loss < _CLEAN and not self._queued:
            self._clean += 1
            factor = _MUCH_FASTER if self._clean > _CLEAN_STREAK else _FASTER
            self.bits_per_s = min(MAX_BPS, self.bits_per_s * factor)
        else:
            self._clean = 0
            if self._loss < _TOLERABLE and not self._queued:
                self.bits_per_s = min(MAX_BPS, self.bits_per_s * _A_LITTLE_FASTER)

    def fall_to(self, bits_per_s: float, now: float) -> None:
        """Less comes than is sent, as is known by more than a report; what was sent so far is heeded with it."""
        self._bytes = self._packets = 0
        self._told_at = self.troubled_at = now
        self._loss = 0.0
        self._fall(min(self.bits_per_s, bits_per_s))

    def carries(self, bits_per_s: float) -> None:
        """So much came while all that it can carry was sent; less is of no use."""
        self.bits_per_s = min(MAX_BPS, max(self.bits_per_s, bits_per_s))

    def _fall(self, bits_per_s: float) -> None:
        self._clean = self._queued = 0
        self.bits_per_s = max(MIN_BPS, bits_per_s)

    def _waits(self, trip: float | None, now: float) -> bool:
        if trip is None:
            return False
        self._trips.append((now, trip))
        while now - self._trips[0][0] > _WINDOW_S:
            self._trips.popleft()
        self._queued = self._queued + 1 if trip > min(each for _, each in self._trips) + _QUEUE_S else 0
        return self._queued >= _QUEUED_TWICE
