"""A wire made of two TUN devices: carries IP packets between them, later and less evenly than a cable would.

The kernels of test machines have no `netem`. Runs as a program of its own, so that nothing in the test holds packets
up: `python -m tests.harness.forwarder FD FD`, both open TUN devices. One line of JSON on standard input changes the
wire; it ends with its input.
"""

import json
import os
import select
import sys
import time
from collections import deque
from dataclasses import dataclass

_PACKET_BYTES = 2_048
_HELD_PACKETS = 4_096


@dataclass(frozen=True)
class Wire:
    """What it does to packets, the same in both directions.

    Attributes:
        delay_s: one way.
        burst_every_s: how often the wire holds everything up; 0: never.
        burst_s: for how long it then does; what waited comes at once and in order.
    """

    delay_s: float = 0.0
    burst_every_s: float = 0.0
    burst_s: float = 0.0

    def due(self, now: float) -> float:
        """When a packet that comes now leaves."""
        if self.burst_every_s:
            place = now % self.burst_every_s
            if place < self.burst_s:
                now += self.burst_s - place
        return now + self.delay_s


class _Way:
    """One direction."""

    def __init__(self, source: int, target: int) -> None:
        self.source, self.target = source, target
        self.held: deque[tuple[float, bytes]] = deque()

    def take(self, wire: Wire, now: float) -> None:
        """Read what is there."""
        while True:
            try:
                packet = os.read(self.source, _PACKET_BYTES)
            except BlockingIOError:
                return
            if len(self.held) < _HELD_PACKETS:
                last = self.held[-1][0] if self.held else 0.0
                self.held.append((max(last, wire.due(now)), packet))

    def give(self, now: float) -> None:
        """Write what is due."""
        while self.held and self.held[0][0] <= now:
            try:
                os.write(self.target, self.held.popleft()[1])
            except OSError:
                continue  # the device is down: lost, as on a wire that is cut


def run(first: int, second: int) -> None:
    """Carry packets until standard input ends."""
    for descriptor in (first, second):
        os.set_blocking(descriptor, False)
    ways = [_Way(first, second), _Way(second, first)]
    wire = Wire()
    poll = select.poll()
    for descriptor in (first, second, 0):
        poll.register(descriptor, select.POLLIN)
    while True:
        now = time.monotonic()
        due = min((way.held[0][0] for way in ways if way.held), default=None)
        timeout = None if due is None else max(0.0, due - now) * 1000
        # poll(2) counts whole milliseconds; rounding up would add half of one to every packet.
        found = poll.poll(None if timeout is None else int(timeout))
        now = time.monotonic()
        for descriptor, event in found:
            if descriptor == 0:
                line = sys.stdin.readline()
                if not line:
                    return
                wire = Wire(**json.loads(line))
            elif event & select.POLLIN:
                ways[0 if descriptor == first else 1].take(wire, now)
        for way in ways:
            way.give(now)


if __name__ == "__main__":
    run(int(sys.argv[1]), int(sys.argv[2]))
