"""Cameras give way to the shared screen on a tight line, come back when there is room, and do not flicker."""

import pytest

from support_manager.media.camera_room import ROOMY_BPS, ROOMY_FOR_S, TIGHT_BPS, ViewerRoom


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
