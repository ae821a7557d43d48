"""What a viewer's line carries, by when each packet came there: known a tenth of a second after it became narrow.

The viewer tells of every packet by transport-wide congestion control feedback
(draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1); `transport_cc` is the other end of it.
"""

import struct
from collections import deque
from collections.abc import Iterator
from typing import Final

_RTPFB, _FORMAT = 205, 15
_TICK_S = 0.000_25
_REFERENCE_S = 0.064
_MAX_STATUSES = 2_000
"""In one message; browsers tell of some hundred at most."""
_KEPT: Final = 8_192
"""Packets that may be told of later: three seconds of the fastest share."""
_WINDOW_S = 0.4
_LEAST_S = 0.1
_BASE_S = 1.0
_BASES = 20
"""The least delay is that of the last twenty seconds: clocks drift apart, and ways change."""
_QUEUE_S = 0.1
"""More delay than ever of late: what we send waits somewhere."""
_QUEUED_S = 0.25
"""For so long: a busy computer at the other end looks like it, too, for a moment. Where much is lost nobody waits."""
_GROWS_S, _GROWTH_S = 0.2, 0.05
"""A queue that grew by so much in so long is one at once: what a busy computer kept comes all together."""
_SHRINKS_S = 0.02
"""… and one that shrank by so much in that time needs no more than what was done."""
_EMPTY_S = 0.03
"""Less than this is none any more."""
_DRAINS_S = 2.5
"""What a queue told of a line is not known for longer."""
_MOST_CAME = 1_024
"""More than comes in `_WINDOW_S` at the highest rate: a viewer's clock may stand still, and his packets go on."""
_ALMOST = 0.95
"""Of what came while there was a queue: what the line carries, without the next one."""
_LONG_QUEUE_S = 0.2
_SLOWER, _MUCH_SLOWER = 0.85, 0.7
"""Of what comes: what waits already must run off, too."""
_FLOODED = 0.3
_ENOUGH = 25
_AGAIN_S = 0.4


def packets_in(data: bytes) -> Iterator[bytes]:
    """The RTCP packets of a compound one (RFC 3550 section 6.1); what is malformed ends it."""
    at = 0
    while at + 4 <= len(data):
        first, _, words = struct.unpack_from("!BBH", data, at)
        end = at + 4 * (words + 1)
        if first >> 6 != 2 or end > len(data):
            return
        yield data[at:end]
        at = end


def is_feedback(packet: bytes) -> bool:
    """Whether this RTCP packet tells when packets came."""
    return packet[1] == _RTPFB and packet[0] & 31 == _FORMAT


def read_feedback(message: bytes) -> list[tuple[int, float | None]]:
    """The packets that one message tells of: number (16 bits) and when it came, in seconds of the viewer's clock.

    Raises:
        ValueError: if it breaks the rules.
    """
    try:
        base, count = struct.unpack_from("!HH", message, 12)
        now = (int.from_bytes(message[16:19], "big")) * _REFERENCE_S
        at = 20
        if count > _MAX_STATUSES:
            raise ValueError("too many packets in one message")
        symbols: list[int] = []
        while len(symbols) < count:
            (chunk,) = struct.unpack_from("!H", message, at)
            at += 2
            if not chunk & 0x8000:
                symbols += [chunk >> 13 & 3] * min(chunk & 0x1FFF, count - len(symbols))
                if not chunk & 0x1FFF:
                    raise ValueError("a run of nothing")
            elif chunk & 0x4000:
                symbols += [chunk >> (12 - 2 * place) & 3 for place in range(7)]
            else:
                symbols += [chunk >> (13 - place) & 1 for place in range(14)]
        found: list[tuple[int, float | None]] = []
        for place, symbol in enumerate(symbols[:count]):
            came: float | None = None
            if symbol == 1:
                now += message[at] * _TICK_S
                at, came = at + 1, now
            elif symbol == 2:
                now += struct.unpack_from("!h", message, at)[0] * _TICK_S
                at, came = at + 2, now
            found.append(((base + place) & 0xFFFF, came))
    except (struct.error, IndexError):
        raise ValueError("a message cut short") from None
    return found


class Arrivals:
    """Numbers what is sent on one connection, and says when less of it should be. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        self._number = 0
        self._sent: list[tuple[int, float, int]] = [(-1, 0.0, 0)] * _KEPT
        self._came: deque[tuple[float, int, float]] = deque(maxlen=_MOST_CAME)
        self._told: deque[tuple[float, int, int]] = deque()
        self._bases: deque[tuple[float, float]] = deque(maxlen=_BASES)
        self._queued_since: float | None = None
        self._queues: deque[tuple[float, float]] = deque()
        self._fell_at = float("-inf")
        self._carries: float | None = None
        self.queue_s = 0.0
        """How much longer than the least the packets told of last were under way."""

    def sent(self, size: int, now: float) -> int:
        """A packet of so many bytes leaves; the number (16 bits) that it bears."""
        number = self._number
        self._number = (number + 1) & 0xFFFF
        self._sent[number % _KEPT] = (number, now, size)
        return number

    def is_heeded(self, now: float) -> bool:
        """Whether a fall is so fresh that what reports say of the time before it is known already."""
        return now - self._fell_at < 1.5

    def drained(self, now: float) -> float | None:
        """Once after a fall, when what waited is gone: what the line carries, in bits a second; else None."""
        if now - self._fell_at > _DRAINS_S:
            self._carries = None
        if self._carries is None or self.queue_s > _EMPTY_S:
            return None
        carries, self._carries = self._carries, None
        return carries * _ALMOST

    def take(self, message: bytes, now: float) -> tuple[float, bool] | None:
        """Take a message of the viewer.

        Returns:
            what to send from now on, in bits a second, and whether most of what was sent is lost; None while all is
            well.
        """
        try:
            told = read_feedback(message)
        except ValueError:
            return None
        least, lost = float("inf"), 0
        for number, came in told:
            known, left, size = self._sent[number % _KEPT]
            if known != number:
                continue
            self._sent[number % _KEPT] = (-1, 0.0, 0)  # who tells of it twice is believed once
            if came is None:
                lost += 1
                continue
            least = min(least, came - left)
            self._came.append((came, size, came - left))
        self._told.append((now, lost, len(told)))
        while now - self._told[0][0] > _WINDOW_S:
            self._told.popleft()
        if least < float("inf"):
            self._measure(least, now)
        return self._fall(now)

    def _measure(self, least: float, now: float) -> None:
        if self._bases and now - self._bases[-1][0] < _BASE_S:
            self._bases[-1] = (self._bases[-1][0], min(self._bases[-1][1], least))
        else:
            self._bases.append((now, least))
        self.queue_s = least - min(base for _, base in self._bases)
        if self.queue_s < _QUEUE_S:
            self._queued_since = None
        elif self._queued_since is None:
            self._queued_since = now
        self._queues.append((now, self.queue_s))
        while now - self._queues[0][0] > _GROWS_S:
            self._queues.popleft()
        newest = self._came[-1][0]
        while self._came and not 0 <= newest - self._came[0][0] <= _WINDOW_S:
            self._came.popleft()

    def _fall(self, now: float) -> tuple[float, bool] | None:
        lost = sum(each for _, each, _ in self._told)
        told = sum(each for _, _, each in self._told)
        flooded = told >= _ENOUGH and lost > _FLOODED * told
        least, most = (pick(queue for _, queue in self._queues) for pick in (min, max)) if self._queues else (0.0, 0.0)
        waits = self._queued_since is not None and now - self._queued_since >= _QUEUED_S
        if self.queue_s > _QUEUE_S and self.queue_s - least > _GROWTH_S:
            waits = True
        elif most - self.queue_s > _SHRINKS_S:
            waits = False
        if not (flooded or waits) or now - self._fell_at < _AGAIN_S or not self._came:
            return None
        # Those that waited came as fast as the line goes; those before them, as fast as they were sent.
        least = min(base for _, base in self._bases) + _EMPTY_S
        waited = [(at, size) for at, size, way in self._came if way > least]
        came = waited if _span(waited) >= _LEAST_S or not flooded else [(at, size) for at, size, _ in self._came]
        span = _span(came)
        if span < _LEAST_S:
            return None
        self._fell_at = now
        rate = sum(size for _, size in came[1:]) * 8 / span
        # Where much is lost and nothing waits, no queue says later that there is room again.
        self._carries = rate if waits else None
        return rate * (_MUCH_SLOWER if self.queue_s > _LONG_QUEUE_S else _SLOWER), flooded


def _span(came: list[tuple[float, int]]) -> float:
    return came[-1][0] - came[0][0] if came else 0.0
