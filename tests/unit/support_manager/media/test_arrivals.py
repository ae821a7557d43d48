"""What a viewer's feedback says of his line: read as the draft has it, believed once, and heeded in time."""

import random
import struct

from hypothesis import given
from hypothesis import strategies as st

from support_manager.media.arrivals import Arrivals, is_feedback, packets_in, read_feedback
from support_manager.media.transport_cc import TransportFeedback
from tests.unit.support_manager.media.test_transport_cc import read

PACKET = 1_200


class Line:
    """A line to a viewer who tells of what came every fiftieth of a second; his clock is another one."""

    def __init__(self, *, kbit_per_s: int, queue_s: float = 0.3, delay_s: float = 0.02, loss: float = 0.0) -> None:
        self.kbit_per_s, self.queue_s, self.delay_s, self.loss = kbit_per_s, queue_s, delay_s, loss
        self.arrivals = Arrivals()
        self.falls: list[tuple[float, float, bool]] = []
        self.now = 50.0
        self.stalls: tuple[float, float] = (0.0, 0.0)
        self._free_at = 0.0
        self._under_way: list[tuple[float, int]] = []
        self._feedback = TransportFeedback(1)
        self._rng = random.Random(5)

    def run(self, seconds: float, *, kbit_per_s: int) -> None:
        """Send at this rate for so long."""
        gap, end, told = PACKET * 8 / (kbit_per_s * 1_000), self.now + seconds, self.now
        while self.now < end:
            number = self.arrivals.sent(PACKET, self.now)
            begins = max(self.now, self._free_at)
            if self.stalls[0] <= begins < self.stalls[1]:
                begins = self.stalls[1]
            if begins - self.now <= self.queue_s and self._rng.random() >= self.loss:
                self._free_at = begins + PACKET * 8 / (self.kbit_per_s * 1_000)
                self._under_way.append((self._free_at + self.delay_s, number))
            self.now += gap
            if self.now - told > 0.05:
                told = self.now
                self._tell()

    def _tell(self) -> None:
        arrived = [each for each in self._under_way if each[0] <= self.now]
        self._under_way = [each for each in self._under_way if each[0] > self.now]
        for at, number in arrived:
            self._feedback.received(number, int((at + 1_000) * 1e6))
        for message in self._feedback.take(7):
            fall = self.arrivals.take(message, self.now)
            if fall is not None:
                self.falls.append((self.now, *fall))


def test_a_line_that_becomes_narrow_is_known_at_once_and_for_what_it_carries() -> None:
    line = Line(kbit_per_s=50_000)
    line.run(5.0, kbit_per_s=4_000)
    assert not line.falls
    line.kbit_per_s = 1_000
    changed = line.now
    line.run(1.0, kbit_per_s=4_000)
    at, rate, _ = line.falls[0]
    assert at - changed < 0.5
    assert 500_000 < rate < 1_000_000
    assert line.falls[1][2], "whoever goes on as before loses most of it"


def test_what_waited_runs_off_once_and_then_all_is_sent_that_the_line_carries() -> None:
    line = Line(kbit_per_s=50_000)
    line.run(5.0, kbit_per_s=1_500)
    line.kbit_per_s = 1_000
    changed = line.now
    while not line.falls:
        assert line.now - changed < 0.7
        line.run(0.05, kbit_per_s=1_500)
    [(_, slower, _)] = line.falls
    assert line.arrivals.drained(line.now) is None, "it waits still"
    line.run(1.5, kbit_per_s=int(slower / 1_000))
    assert len(line.falls) == 1, "who sends less already is not told so again while it runs off"
    carries = line.arrivals.drained(line.now)
    assert carries is not None
    assert 900_000 < carries < 1_000_000
    assert line.arrivals.drained(line.now) is None, "it is told once"


def test_where_much_is_lost_and_nothing_waits_there_is_no_room_again_by_itself() -> None:
    line = Line(kbit_per_s=50_000)
    line.run(3.0, kbit_per_s=2_000)
    line.loss = 0.5
    line.run(1.0, kbit_per_s=2_000)
    assert line.falls[-1][2]
    assert line.arrivals.drained(line.now) is None


def test_a_viewer_whose_clock_stands_still_makes_nothing_grow() -> None:
    arrivals = Arrivals()
    for number in range(20_000):
        arrivals.sent(PACKET, number / 1_000)
        if number % 20 == 19:
            # Twenty packets that came together, always at the same time.
            body = struct.pack("!IIHH", 1, 7, (number - 19) & 0xFFFF, 20) + bytes(4) + struct.pack("!H", 1 << 13 | 20)
            arrivals.take(struct.pack("!BBH", 0x8F, 205, 0) + body + bytes(20), number / 1_000)
    assert 0 < len(arrivals._came) <= 1_024


def test_a_queue_is_known_before_anything_is_lost() -> None:
    line = Line(kbit_per_s=3_000, queue_s=10.0)
    line.run(5.0, kbit_per_s=2_500)
    assert not line.falls
    line.run(2.0, kbit_per_s=3_600)
    [(_, rate, flooded), *_] = line.falls
    assert 2_000_000 < rate < 2_700_000
    assert not flooded


def test_chance_losses_and_a_line_that_stalls_now_and_then_are_no_narrow_line() -> None:
    lossy = Line(kbit_per_s=50_000, loss=0.05)
    lossy.run(10.0, kbit_per_s=4_000)
    assert not lossy.falls
    stalling = Line(kbit_per_s=50_000, queue_s=1.0)
    for _ in range(4):
        stalling.stalls = (stalling.now + 1.0, stalling.now + 1.3)
        stalling.run(3.0, kbit_per_s=4_000)
    assert not stalling.falls


@given(st.integers(0, 0xFFFF), st.lists(st.tuples(st.integers(1, 40), st.integers(-3_000, 90_000)), max_size=80))
def test_messages_are_read_as_the_draft_has_them(first: int, steps: list[tuple[int, int]]) -> None:
    feedback, now, number = TransportFeedback(1), 9_000_000, first
    for step, later in steps:
        number, now = number + step, max(0, now + later)
        feedback.received(number & 0xFFFF, now)
    for message in feedback.take(2):
        found = {number: came for number, came in read_feedback(message) if came is not None}
        _, expected = read(message)
        assert {number: round(came * 1e6) for number, came in found.items()} == expected


@given(st.binary(max_size=200))
def test_whatever_a_viewer_sends_is_read_or_dropped(rest: bytes) -> None:
    arrivals = Arrivals()
    for number in range(50):
        arrivals.sent(PACKET, number / 100)
    message = struct.pack("!BBH", 0x8F, 205, (len(rest) + 3) // 4) + rest + bytes(-len(rest) % 4)
    assert list(packets_in(message)) == [message]
    assert is_feedback(message)
    for _ in range(3):
        arrivals.take(message, 1.0)
    list(packets_in(rest))
