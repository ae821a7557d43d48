"""Rate limits: leaky buckets with a clock passed in, per connection, per network and for the whole site."""

import ipaddress
from collections.abc import Callable

_PREFIXES_V6 = (64, 56, 48)
"""One customer of a provider owns at least a /64, often a /56 or a /48, so single IPv6 addresses mean nothing."""
_WIDER_V6 = {64: 1, 56: 2, 48: 4}
"""How many times the limit a wider network may use: more people may be behind it."""
_MAX_KEYS = 50_000


class Bucket:
    """A leaky bucket: holds `burst` drops, loses `rate` drops a second; a drop that does not fit is refused."""

    __slots__ = ("_burst", "_level", "_rate", "_seen_s")

    def __init__(self, rate: float, burst: float, now_s: float) -> None:
        self._rate = rate
        self._burst = burst
        self._level = 0.0
        self._seen_s = now_s

    def level(self, now_s: float) -> float:
        """How full it is."""
        return max(0.0, self._level - (now_s - self._seen_s) * self._rate)

    def has_room(self, now_s: float) -> bool:
        """Whether `take` would succeed."""
        return self.level(now_s) + 1 <= self._burst

    def take(self, now_s: float, drops: float = 1.0) -> bool:
        """Put drops in, if they fit all together."""
        level = self._level - (now_s - self._seen_s) * self._rate
        if level < 0.0:
            level = 0.0
        self._seen_s = now_s
        if level + drops > self._burst:
            self._level = level
            return False
        self._level = level + drops
        return True


def networks_of(address: str) -> tuple[tuple[str, int], ...]:
    """The keys under which tries from an address are counted, each with its multiple of the limit.

    An IPv4 address is one key (also when written as IPv4 in IPv6); an IPv6 address counts for its /64, /56 and /48.
    """
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return ((f"unknown:{address[:64]}", 1),)
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is None:
            return tuple(
                (str(ipaddress.ip_network((parsed, prefix), strict=False)), _WIDER_V6[prefix])
                for prefix in _PREFIXES_V6
            )
        parsed = parsed.ipv4_mapped
    return ((str(parsed), 1),)


class AtOnce:
    """Counts what is under way at the same time, such as connections, per address and per network of addresses."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}

    def has_room(self, address: str, limit: int) -> bool:
        """Whether one more from there is within `limit`, of which a wider network has its multiple."""
        return all(self._counts.get(key, 0) < limit * times for key, times in networks_of(address))

    def begin(self, address: str) -> None:
        """One more is under way."""
        for key, _ in networks_of(address):
            self._counts[key] = self._counts.get(key, 0) + 1

    def end(self, address: str) -> None:
        """One of them is over."""
        for key, _ in networks_of(address):
            self._counts[key] -= 1
            if not self._counts[key]:
                del self._counts[key]


class TryLimiter:
    """Counts failures (wrong numbers, wrong passwords) per address and over the site.

    Args:
        per_address: failures a minute from one address.
        per_site: failures a minute over the site; above it answers are slowed, not refused, because otherwise one
            attacker could keep every customer out.
        clock: seconds, monotonic.
    """

    def __init__(self, *, per_address: int, per_site: int, clock: Callable[[], float]) -> None:
        self._per_address = per_address
        self._clock = clock
        self._site = Bucket(per_site / 60, per_site, clock())
        self._buckets: dict[str, Bucket] = {}

    def is_blocked(self, address: str) -> bool:
        """Whether this address has failed too often lately."""
        now = self._clock()
        return any(
            (bucket := self._buckets.get(key)) is not None and not bucket.has_room(now)
            for key, _ in networks_of(address)
        )

    def failed(self, address: str) -> None:
        """Count a failure."""
        now = self._clock()
        if len(self._buckets) >= _MAX_KEYS:
            self._buckets = {key: bucket for key, bucket in self._buckets.items() if bucket.level(now) > 0}
        for key, times in networks_of(address):
            limit = self._per_address * times
            bucket = self._buckets.get(key)
            if bucket is None:
                bucket = self._buckets[key] = Bucket(limit / 60, limit, now)
            bucket.take(now)
        self._site.take(now)

    @property
    def is_site_slow(self) -> bool:
        """Whether the whole site has had so many failures that answers should wait."""
        return not self._site.has_room(self._clock())
