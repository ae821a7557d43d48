"""Cameras give way to the shared screen on a tight line, come back when there is room, and do not flicker."""

import pytest

from support_manager.media.camera_room import PATIENCE_S, RECENT_S, ROOMY_BPS, ROOMY_FOR_S, TIGHT_BPS, ViewerRoom
from support_manager.media.line_rate import LineRate


@pytest.mark.rule("B-7.6")
def test_a_tight_line_is_the_shares_alone() -> None:
    room = ViewerRoom()
    assert not room.look(TIGHT_BPS, 0.0)
    assert room.look(TIGHT_BPS - 1, 1.0)
    assert room.paused
    assert not room.look(TIGHT_BPS - 1, 2.0), "told once"


def test_they_come_back_once_there_has_been_room_for_a_while() -> None:
    room = ViewerRoom()
    room.look(300_000.0, 0.0)
    assert not room.look(ROOMY_BPS, 1.0)
    assert not room.look(ROOMY_BPS - 1, 3.0), "not quite: it counts anew"
    assert not room.look(ROOMY_BPS, 4.0)
    assert not room.look(ROOMY_BPS, 4.0 + ROOMY_FOR_S - 0.1)
    assert room.look(ROOMY_BPS, 4.0 + ROOMY_FOR_S)
    assert not room.paused


def test_without_a_share_all_the_room_is_theirs() -> None:
    room = ViewerRoom()
    assert not room.look(None, 0.0)
    room.look(300_000.0, 1.0)
    assert room.look(None, 2.0)
    assert not room.paused


def test_a_screen_that_hardly_moves_leaves_them_room_once_the_line_is_calm() -> None:
    room = ViewerRoom()
    assert room.look(300_000.0, 0.0, 0.0), "a hiccup"
    assert not room.look(300_000.0, PATIENCE_S - 0.1, 0.0)
    assert room.look(300_000.0, PATIENCE_S, 0.0), "the guess is as low as ever: too little is sent to learn more"
    assert not room.paused
    assert not room.look(300_000.0, PATIENCE_S + RECENT_S, 0.0), "and they stay"


def test_where_they_bring_trouble_they_are_tried_less_and_less_often() -> None:
    room = ViewerRoom()
    now, waits = 0.0, []
    room.look(300_000.0, now, now)
    for _ in range(5):
        began = now
        while room.paused:
            now += 1.0
            room.look(300_000.0, now, began)
        waits.append(now - began)
        now += 2.0
        assert room.look(300_000.0, now, now), "it waits again"
    assert waits == [10.0, 20.0, 40.0, 80.0, 80.0]
    assert not ViewerRoom().look(300_000.0, 1.0, float("-inf"))


def test_trouble_is_noticed_with_few_packets_too() -> None:
    rate = LineRate()
    for at in (1.0, 2.0, 3.0):
        rate.sent(500)
        rate.reported(0.0, 0.02, at)
    assert rate.troubled_at == float("-inf")
    for at in (4.0, 5.0):
        rate.reported(0.0, 0.5, at)
    assert rate.troubled_at == 5.0
