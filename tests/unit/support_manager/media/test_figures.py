"""Figures of a share: liveness by content and signs of life, rate, loss, and the capture clock."""

import pytest

from support_manager.media.engine import Liveness, PeerKey
from support_manager.media.figures import CaptureClock, ShareMeter, changes
from support_manager.media.frames import EncodedFrame

PEER = PeerKey("s", "p")


def shared(at: float = 0.0) -> ShareMeter:
    meter = ShareMeter(at)
    meter.packet(1_000, at)
    meter.frame(1_920, 1_080, changed=True, now=at)
    return meter


def test_waiting_until_the_first_frame() -> None:
    meter = ShareMeter(0.0)
    assert meter.liveness(100.0) is Liveness.WAITING
    meter.packet(1_000, 100.0)
    meter.frame(10, 10, changed=False, now=100.0)
    assert meter.liveness(100.0) is Liveness.LIVE


def test_unchanged_screen_with_a_beating_page_is_static() -> None:
    meter = shared()
    for second in range(1, 60):
        meter.beat(float(second))
    assert meter.liveness(59.5) is Liveness.STATIC


def test_repeated_frames_do_not_make_it_live() -> None:
    meter = shared()
    for step in range(150):
        meter.packet(350, step / 30)
        meter.frame(1_920, 1_080, changed=False, now=step / 30)
    assert meter.liveness(5.0) is Liveness.STATIC
    meter.frame(1_920, 1_080, changed=True, now=5.1)
    assert meter.liveness(5.1) is Liveness.LIVE


def test_no_sign_for_three_seconds_is_lost() -> None:
    meter = shared()
    meter.beat(10.0)
    assert meter.liveness(12.9) is Liveness.STATIC
    assert meter.liveness(13.0) is Liveness.LOST
    assert meter.figures(PEER, 13.0, 0.0).since_last_sign_s == pytest.approx(3.0)
    meter.beat(13.1)
    assert meter.liveness(13.2) is Liveness.STATIC


def test_ended_share_is_forgotten() -> None:
    meter = shared()
    meter.forget()
    figures = meter.figures(PEER, 0.1, 0.0)
    assert (figures.liveness, figures.width, figures.kilobytes_per_s) == (Liveness.WAITING, 0, 0.0)


def test_rates_are_right_from_the_first_second() -> None:
    meter = ShareMeter(0.0)
    for step in range(31):  # the first frame comes long after the connection
        meter.packet(1_000, 20 + step / 30)
        meter.frame(640, 360, changed=True, now=20 + step / 30)
    figures = meter.figures(PEER, 21.0, 12.0)
    assert figures.fps == pytest.approx(31, abs=1)
    assert figures.kilobytes_per_s == pytest.approx(31, abs=1)
    assert figures.age_ms == 12.0


@pytest.mark.parametrize(
    ("size", "key", "expected"), [(321, False, False), (5_000, False, True), (55_000, True, False)]
)
def test_what_changes_a_picture(size: int, key: bool, expected: bool) -> None:
    """Sizes as measured with Chromium at 1920x1080."""
    assert changes(EncodedFrame(bytes(size), 0, key, 0.0), 1_920, 1_080) is expected


def ntp(ms: float) -> int:
    return int(ms / 1000 * 2**32)


def test_capture_time_whatever_their_clock_counts_from() -> None:
    clock = CaptureClock()
    assert clock.captured_ms(0, 1_000.0) == 0.0
    theirs = 5_000_000.0
    clock.report(90_000, ntp(theirs), arrived_ms=100_040.0, round_trip_ms=40.0)  # 20 ms under way
    assert clock.captured_ms(90_000, 100_050.0) == pytest.approx(100_020.0)
    assert clock.captured_ms(90_000 - 9_000, 100_050.0) == pytest.approx(99_920.0)
    # A report that queued for 300 ms does not move the clock.
    clock.report(180_000, ntp(theirs + 1_000), arrived_ms=101_340.0, round_trip_ms=40.0)
    assert clock.captured_ms(180_000, 101_400.0) == pytest.approx(101_020.0)


def test_capture_time_across_the_wrap_and_never_in_the_future() -> None:
    clock = CaptureClock()
    clock.report(2**32 - 9_000, ntp(1_000.0), arrived_ms=50_000.0, round_trip_ms=0.0)
    assert clock.captured_ms(9_000, 50_500.0) == pytest.approx(50_200.0)
    assert clock.captured_ms(90_000, 50_500.0) == 50_499.0, "an age of 0 would say that it is not known"


def test_a_live_page_whose_track_is_dead_is_not_a_screen_on_which_nothing_moves() -> None:
    meter = ShareMeter(0.0)
    meter.frame(64, 48, True, 0.0)
    meter.beat(3.0, sharing=True)
    assert meter.liveness(3.1) is Liveness.STATIC
    meter.beat(4.0, sharing=False)
    assert meter.liveness(4.1) is Liveness.WAITING
    meter.beat(5.0, sharing=True)
    assert meter.liveness(5.1) is Liveness.STATIC


@pytest.mark.rule("B-7.1")
def test_after_a_pause_the_first_picture_is_news_though_nothing_has_changed() -> None:
    meter = shared()
    meter.beat(10.0, sharing=False)
    meter.beat(16.0, sharing=True)
    assert meter.liveness(16.1) is Liveness.STATIC
    assert meter.frame(1_920, 1_080, changed=False, now=16.2)
    assert meter.liveness(16.3) is Liveness.LIVE
    assert not meter.frame(1_920, 1_080, changed=False, now=16.4), "one is the first"


@pytest.mark.rule("B-7.1")
def test_what_was_seen_before_a_pause_does_not_show_that_it_goes_on() -> None:
    meter = shared()
    meter.beat(0.5, sharing=False)
    assert meter.liveness(0.6) is Liveness.STATIC
    assert not meter.frame(1_920, 1_080, changed=True, now=0.7), "it was under way"
    meter.beat(1.0, sharing=True)
    assert meter.liveness(1.1) is Liveness.STATIC
    assert meter.frame(1_920, 1_080, changed=True, now=1.2)
    assert meter.liveness(1.3) is Liveness.LIVE


def test_a_picture_after_a_pause_counts_also_when_the_word_of_it_is_late() -> None:
    meter = shared()
    for second in range(1, 7):
        meter.beat(float(second), sharing=False)
    assert meter.frame(1_920, 1_080, changed=False, now=6.0)
    assert meter.liveness(6.1) is Liveness.LIVE


@pytest.mark.rule("B-7.1")
def test_a_picture_of_before_a_pause_is_known_by_when_it_was_captured() -> None:
    """The browser's pacer may hold packets back for seconds, longer than the pause itself."""
    meter = shared()
    meter.beat(5.0, sharing=False)
    assert not meter.frame(1_920, 1_080, changed=True, now=7.0, age_s=2.1)
    meter.beat(7.1, sharing=True)
    assert not meter.frame(1_920, 1_080, changed=True, now=7.2, age_s=2.3)
    assert meter.liveness(7.3) is Liveness.STATIC
    assert meter.frame(1_920, 1_080, changed=True, now=7.4, age_s=0.2)
    assert meter.liveness(7.5) is Liveness.LIVE


def test_a_capture_clock_that_is_wrong_keeps_no_picture_back_for_good() -> None:
    meter = shared()
    meter.beat(5.0, sharing=False)
    meter.beat(6.0, sharing=True)
    assert not meter.frame(1_920, 1_080, changed=True, now=8.9, age_s=60.0)
    assert meter.frame(1_920, 1_080, changed=True, now=9.0, age_s=60.0)


def test_a_picture_that_takes_no_ones_place_ends_no_pause() -> None:
    """What is made small for a tab that nobody looks at is not shown."""
    meter = shared()
    meter.beat(5.0, sharing=False)
    meter.beat(6.0, sharing=True)
    assert not meter.frame(1_920, 1_080, changed=True, now=6.2, age_s=0.1, is_shown=False)
    assert meter.frame(1_920, 1_080, changed=True, now=6.4, age_s=0.1)
