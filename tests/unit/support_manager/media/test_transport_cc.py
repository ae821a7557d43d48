"""Feedback messages, read back by a parser written from the draft alone."""

import struct

from hypothesis import given
from hypothesis import strategies as st

from support_manager.media.transport_cc import TransportFeedback


def read(message: bytes) -> tuple[int, dict[int, int]]:
    """Count and arrivals (sequence number → microseconds, lost: absent) of one message."""
    first, kind, words = struct.unpack_from("!BBH", message)
    assert first >> 6 == 2
    assert first & 31 == 15
    assert kind == 205
    assert len(message) == 4 * (words + 1)
    end = len(message) - (message[-1] if first & 0x20 else 0)
    base, statuses = struct.unpack_from("!HH", message, 12)
    reference = int.from_bytes(message[16:19], "big")
    count = message[19]
    at = 20
    symbols: list[int] = []
    while len(symbols) < statuses:
        (chunk,) = struct.unpack_from("!H", message, at)
        at += 2
        if not chunk & 0x8000:
            symbols += [chunk >> 13 & 3] * (chunk & 0x1FFF)
        elif chunk & 0x4000:
            symbols += [chunk >> (12 - 2 * place) & 3 for place in range(7)]
        else:
            symbols += [chunk >> (13 - place) & 1 for place in range(14)]
    now = reference * 64_000
    arrivals = {}
    for place, symbol in enumerate(symbols[:statuses]):
        if symbol == 1:
            now += message[at] * 250
            at += 1
        elif symbol == 2:
            now += struct.unpack_from("!h", message, at)[0] * 250
            at += 2
        if symbol:
            arrivals[(base + place) & 0xFFFF] = now
    assert at == end
    return count, arrivals


def test_steady_stream() -> None:
    feedback = TransportFeedback(1)
    for number in range(40):
        feedback.received(number, 5_000_000 + number * 1_000)
    (message,) = feedback.take(2)
    assert struct.unpack_from("!II", message, 4) == (1, 2)
    count, arrivals = read(message)
    assert count == 0
    assert list(arrivals) == list(range(40))
    assert arrivals[39] - arrivals[0] == 39_000


def test_losses_between_two_messages_are_told() -> None:
    feedback = TransportFeedback(1)
    feedback.received(0, 0)
    feedback.take(2)
    feedback.received(3, 10_000)
    (message,) = feedback.take(2)
    base, statuses = struct.unpack_from("!HH", message, 12)
    assert (base, statuses) == (1, 3)
    assert list(read(message)[1]) == [3]


def statuses(message: bytes) -> tuple[set[int], set[int]]:
    """The numbers that a message calls received, and those that it calls lost."""
    base, count = struct.unpack_from("!HH", message, 12)
    received = set(read(message)[1])
    return received, {(base + place) & 0xFFFF for place in range(count)} - received


def test_a_late_packet_makes_no_other_one_lost() -> None:
    """A browser that is told «lost» of what it was told «received» slows down for nothing."""
    feedback = TransportFeedback(1)
    for number in (*range(5), *range(6, 10)):
        feedback.received(number, number * 1_000)
    feedback.take(2)
    for number in (5, 10, 12):
        feedback.received(number, 20_000 + number * 1_000)
    told = [statuses(message) for message in feedback.take(2)]
    assert set.union(*(received for received, _ in told)) == {5, 10, 12}
    assert set.union(*(lost for _, lost in told)) == {11}


def test_numbers_reference_time_and_count_wrap() -> None:
    """16 bits of sequence numbers, 24 bits of 64 ms, 8 bits of messages."""
    feedback = TransportFeedback(1)
    start = (2**24 - 1) * 64_000 + 63_900
    for step in range(300):
        feedback.received((65_500 + step) & 0xFFFF, start + step * 1_000)
        (message,) = feedback.take(2)
        count, arrivals = read(message)
        assert count == step & 0xFF
        assert list(arrivals) == [(65_500 + step) & 0xFFFF]
        behind = (arrivals.popitem()[1] - start - step * 1_000 + 125) % (2**24 * 64_000)
        assert behind <= 250


def test_nothing_came_nothing_is_said() -> None:
    feedback = TransportFeedback(1)
    assert not feedback.waiting
    assert feedback.take(2) == []


@given(
    st.integers(0, 0xFFFF),
    st.lists(st.tuples(st.integers(1, 40), st.integers(-2_000, 9_000_000), st.booleans()), min_size=1, max_size=60),
)
def test_every_arrival_is_told_once(first: int, steps: list[tuple[int, int, bool]]) -> None:
    """Whatever is lost, late, out of order or far apart: what came is reported, within 125 us of a tick's rounding."""
    feedback = TransportFeedback(1)
    number, now = first, 20_000_000
    expected: dict[int, int] = {}
    told: dict[int, int] = {}
    for step, wait, flush in steps:
        number += step
        now = max(1, now + wait)
        expected[number & 0xFFFF] = now
        feedback.received(number & 0xFFFF, now)
        if flush:
            for message in feedback.take(2):
                told |= read(message)[1]
    for message in feedback.take(2):
        told |= read(message)[1]
    assert told.keys() == expected.keys()
    assert all(abs(told[key] - expected[key]) <= 251 for key in told)


def test_numbers_far_apart_cost_no_more_than_a_few_messages() -> None:
    feedback = TransportFeedback(1)
    for step in range(3_000):
        feedback.received(step * 1_500 & 0xFFFF, step)
    assert len(feedback.take(2)) <= 8
    assert not feedback.waiting
    feedback.received(3_000 * 1_500 & 0xFFFF, 4_000)
    assert len(feedback.take(2)) == 1
