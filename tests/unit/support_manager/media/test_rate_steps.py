"""The bitrate of our own share: down at once, up with patience, and one bad line does not spoil it for all."""

from itertools import pairwise

from support_manager.media.rate_steps import BETWEEN_S, STEPS, UP_S, RateSteps, slowest_reasonable


def test_it_is_made_for_the_slowest_who_is_not_far_behind():
    assert slowest_reasonable([]) is None
    assert slowest_reasonable([500_000]) == 500_000
    assert slowest_reasonable([8e6, 5e6, 4e6]) == 4e6
    assert slowest_reasonable([8e6, 7e6, 0.5e6]) == 7e6
    assert slowest_reasonable([8e6, 0.5e6]) == 8e6
    assert slowest_reasonable([0.6e6, 0.5e6, 0.7e6]) == 0.5e6


def test_down_at_once_by_as_many_steps_as_it_takes():
    steps = RateSteps()
    assert steps.bits_per_s == 4_000_000
    assert steps.update([700_000], 0)
    assert steps.bits_per_s == STEPS[0]
    assert not steps.update([100_000], 1), "there is none lower"


def test_up_one_step_after_five_good_seconds_and_at_most_one_in_five():
    steps = RateSteps()
    steps.update([1e6], 0)
    moments = [now for now in range(1, 60) if steps.update([20e6], now)]
    assert [STEPS.index(steps.bits_per_s), len(moments)] == [3, 3]
    assert moments[0] >= 1 + UP_S
    assert all(later - earlier >= BETWEEN_S for earlier, later in pairwise(moments))


def test_a_bad_second_begins_the_wait_anew():
    steps = RateSteps()
    steps.update([1e6], 0)
    for now in range(1, 30):
        assert not steps.update([20e6 if now % 4 else 1e6], now)


def test_nothing_changes_without_viewers():
    steps = RateSteps()
    assert not steps.update([], 0)
    assert steps.bits_per_s == 4_000_000
