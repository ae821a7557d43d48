"""What a viewer's line carries: losses and growing round trips lower it at once, clean seconds raise it again."""

import pytest

from support_manager.media.line_rate import MAX_BPS, MIN_BPS, LineRate


def second(line: LineRate, now: float, bits: float, *, loss: float = 0.0, trip: float | None = 0.05) -> float:
    for _ in range(100):
        line.sent(int(bits / 800))
    line.reported(loss, trip, now)
    return line.bits_per_s


def test_it_falls_at_once_to_what_came():
    line = LineRate()
    second(line, 1, 4e6)
    assert second(line, 2, 4e6, loss=0.5) == pytest.approx(3e6, rel=0.01)


def test_a_single_lost_packet_of_a_still_screen_is_no_bad_line():
    line = LineRate()
    second(line, 1, 4e6)
    for _ in range(4):
        line.sent(200)
    line.reported(0.25, 0.05, 2)
    assert line.bits_per_s == MAX_BPS


def test_a_queue_that_grows_lowers_it_before_anything_is_lost():
    line = LineRate()
    for now in range(1, 5):
        second(line, now, 2e6)
    second(line, 5, 2e6, trip=0.4)
    assert line.bits_per_s == MAX_BPS, "once may be chance"
    assert second(line, 6, 2e6, trip=0.6) == pytest.approx(1.7e6, rel=0.01)


def test_a_long_line_is_not_a_slow_one():
    line = LineRate()
    for now in range(1, 40):
        second(line, now, 2e6, trip=0.8)
    assert line.bits_per_s == MAX_BPS


def test_after_recovery_it_is_back_at_four_fifths_within_fifteen_seconds():
    line = LineRate()
    second(line, 1, 1e6)
    second(line, 2, 1e6, loss=0.9)
    assert line.bits_per_s < 0.6e6
    for now in range(3, 18):
        second(line, now, 0.5e6)
    assert line.bits_per_s >= 0.8 * 4e6


def test_it_never_falls_below_the_least():
    line = LineRate()
    for now in range(1, 60):
        second(line, now, 1e5, loss=0.9)
    assert line.bits_per_s == MIN_BPS


def test_round_trips_are_those_of_our_own_reports():
    line = LineRate()
    ntp = 0x1234_5678_9ABC_DEF0
    line.sender_report(ntp, 10.0)
    assert line.round_trip_s(0x5678_9ABC, 32_768, 10.7) == pytest.approx(0.2)
    assert line.round_trip_s(0, 0, 10.7) is None
    assert line.round_trip_s(0x1111_1111, 0, 10.7) is None
    assert line.round_trip_s(0x5678_9ABC, 0xFFFF_FFFF, 10.7) is None
    for number in range(20):
        line.sender_report(number << 16, 11.0)
    assert line.round_trip_s(0x5678_9ABC, 0, 11.0) is None, "bounded"


def test_chance_losses_on_few_packets_leave_the_rate_alone():
    line = LineRate()
    for at, loss in enumerate((0.05, 0.125, 0.0, 0.1, 0.05, 0.075, 0.025, 0.125), start=1):
        second(line, at, 0.4e6, loss=loss)
    assert line.bits_per_s > 4e6


def test_what_each_packet_tells_is_trouble_too_and_what_a_queue_told_of_the_line_is_taken_back_up():
    line = LineRate()
    line.fall_to(600_000, 7.0)
    assert (line.bits_per_s, line.troubled_at) == (600_000, 7.0), "cameras give way by when there was trouble last"
    line.carries(900_000)
    assert line.bits_per_s == 900_000
    line.carries(700_000)
    assert line.bits_per_s == 900_000
