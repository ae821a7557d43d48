"""Missing packets are asked for again until they come; key frames are asked for until one comes, not too often."""

import pytest
from aiortc.rtcrtpreceiver import NackGenerator
from aiortc.rtp import RtpPacket

from support_manager.media.loss import GIVE_UP_S, REORDER_LIMIT, KeyFrameRequests, LossTracker


def test_gap_is_asked_for_at_once_and_again() -> None:
    tracker = LossTracker()
    assert tracker.received(10, 0.0) == []
    assert tracker.received(13, 0.0) == [11, 12]
    assert tracker.tick(0.02, 0.01) == ([], [])
    assert tracker.tick(0.06, 0.01) == ([11, 12], [])
    tracker.received(11, 0.07)
    assert tracker.tick(0.12, 0.01) == ([12], [])


def test_upstream_never_asks_again() -> None:
    """While this holds, the workaround is needed: a lost retransmission is never asked for."""
    upstream = NackGenerator()
    upstream.add(RtpPacket(sequence_number=10))
    assert upstream.add(RtpPacket(sequence_number=12))
    assert not any(upstream.add(RtpPacket(sequence_number=number)) for number in range(13, 60))


def test_interval_follows_the_round_trip() -> None:
    tracker = LossTracker()
    tracker.received(1, 0.0)
    tracker.received(3, 0.0)
    assert tracker.tick(0.1, 0.2) == ([], [])
    assert tracker.tick(0.25, 0.2) == ([2], [])


def test_gives_up() -> None:
    tracker = LossTracker()
    tracker.received(1, 0.0)
    tracker.received(3, 0.0)
    assert tracker.tick(GIVE_UP_S, 0.0) == ([], [2])
    assert not tracker.waiting


def test_forgets_what_a_key_frame_made_useless() -> None:
    tracker = LossTracker()
    tracker.received(1, 0.0)
    tracker.received(5, 0.0)
    tracker.forget_before(4)
    assert tracker.tick(0.1, 0.0) == ([4], [])


def test_huge_gap_is_no_loss() -> None:
    tracker = LossTracker()
    tracker.received(1, 0.0)
    with pytest.raises(OverflowError):
        tracker.received(REORDER_LIMIT + 10, 0.0)


def test_key_frame_is_asked_for_until_it_comes() -> None:
    asked: list[int] = []
    requests = KeyFrameRequests(lambda: asked.append(1))
    for step in range(100):  # two seconds of a packet each 20 ms, all of them useless
        requests.want(step * 0.02)
    assert 3 <= len(asked) <= 4
    requests.came()
    for step in range(100, 200):
        requests.tick(step * 0.02)
    assert len(asked) <= 4


def test_two_key_frames_are_not_asked_for_within_a_moment() -> None:
    asked: list[float] = []
    requests = KeyFrameRequests(lambda: asked.append(1))
    for step in range(10):
        requests.want(step * 0.01)
        requests.came()
    assert len(asked) == 1


def test_a_key_frame_under_way_is_not_asked_for_again() -> None:
    asked: list[float] = []
    requests = KeyFrameRequests(lambda: asked.append(1))
    requests.want(0.0)
    requests.begins(0.1)
    for step in range(100):
        requests.tick(step * 0.01)
    assert len(asked) == 1
    for step in range(100, 150):  # it never became whole
        requests.tick(step * 0.01)
    assert len(asked) == 2
