"""Counts wrong passwords by the address they come from; IPv6 also by the networks that one customer usually owns."""

import ipaddress
import time
from collections.abc import Callable, Iterator

from support_manager.protocol import limits

_MAX_KEPT = 50_000


class Attempts:
    """A leaky bucket per address: `per_minute` at once, and as many again in each following minute.

    An IPv6 attacker has more addresses than anybody can count, so his /64, /56 and /48 have buckets too, each a few
    times larger (the factors of RustDesk's server).

    Args:
        per_minute: attempts of one address.
        clock: seconds that never jump.
    """

    def __init__(
        self,
        per_minute: int = limits.WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_minute = per_minute
        self._clock = clock
        self._full_at: dict[str, float] = {}
        """Bucket → when it will be empty again."""

    def take(self, address: str) -> bool:
        """Count one attempt from `address`; False, and nothing counted, when a bucket of it is full."""
        now = self._clock()
        buckets = list(self._buckets(address))
        for bucket, size in buckets:
            if max(self._full_at.get(bucket, 0.0) - now, 0.0) + 60.0 / size > 60.0 + 1e-6:
                return False
        if len(self._full_at) > _MAX_KEPT:
            self._full_at = {bucket: at for bucket, at in self._full_at.items() if at > now}
        for bucket, size in buckets:
            self._full_at[bucket] = max(self._full_at.get(bucket, 0.0), now) + 60.0 / size
        return True

    def give_back(self, address: str) -> None:
        """Take back one attempt of `address` that turned out to be right."""
        now = self._clock()
        for bucket, size in self._buckets(address):
            left = self._full_at.get(bucket, 0.0) - 60.0 / size
            if left > now:
                self._full_at[bucket] = left
            else:
                self._full_at.pop(bucket, None)

    def _buckets(self, address: str) -> Iterator[tuple[str, float]]:
        yield address, self._per_minute
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return
        if parsed.version == 6:
            for bits, factor in ((64, 2), (56, 4), (48, 8)):
                network = ipaddress.ip_network((parsed, bits), strict=False)
                yield str(network), self._per_minute * factor
