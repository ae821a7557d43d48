"""What one participant may cost the media thread: packets and CPU time a second; what is beyond is dropped unread."""

PACKETS_PER_S = 5_000.0
"""Three times what Chromium sends at most: 8 Mbit/s of video, and probes of its line at twice that."""
PACKETS_AT_ONCE = 5_000.0
"""Two key frames of the largest screen."""
CPU_SHARE = 0.35
"""Of one core. An honest share of 1920x1080 takes 0.07; packets that are dear to read are possible, see the tests."""
CPU_AT_ONCE_S = 0.5


class PeerBudget:
    """A token bucket of packets and one of CPU time. Times are `time.monotonic()`.

    What is dropped is lost as on any network: an honest sender slows down (transport-cc) and repeats.

    Args:
        now: when the connection begins.
    """

    def __init__(self, now: float) -> None:
        self._at = now
        self._packets = PACKETS_AT_ONCE
        self._cpu_s = CPU_AT_ONCE_S
        self.dropped = 0
        """Datagrams dropped so far."""

    def admits(self, now: float) -> bool:
        """Whether another datagram may be read; counts it, or counts it as dropped."""
        passed, self._at = max(0.0, now - self._at), now
        self._packets = min(PACKETS_AT_ONCE, self._packets + passed * PACKETS_PER_S)
        self._cpu_s = min(CPU_AT_ONCE_S, self._cpu_s + passed * CPU_SHARE)
        if self._packets < 1 or self._cpu_s <= 0:
            self.dropped += 1
            return False
        self._packets -= 1
        return True

    def spent(self, cpu_s: float) -> None:
        """Reading the last datagram took this much CPU time, in seconds."""
        self._cpu_s -= cpu_s
