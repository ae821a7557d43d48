"""The hub's own memory: what a session had goes with it, whatever comes late."""

import msgspec
import pytest

from support_manager.media.camera import CameraSlot
from support_manager.media.engine import PeerKey
from support_manager.media.frame_box import FrameBox
from support_manager.media.hub import Hub
from support_manager.protocol.channel import DrawStroke
from tests.unit.support_manager.media.test_negotiation import make_offer, text

ANA = PeerKey("s1", "ana")


@pytest.mark.rule("B-7.3")
async def test_a_stroke_under_way_as_a_session_ends_makes_no_drawing_of_it_again():
    hub = Hub([].append, CameraSlot(), FrameBox("own camera"))
    stroke = msgspec.json.encode(DrawStroke(number=1, points=((1, 1), (2, 2)))).decode()
    try:
        hub.take_offer(ANA, 1, text(make_offer()), (), FrameBox("ana"))
        connection = hub._slots[ANA].newest
        connection._message(stroke)
        assert set(hub._drawings) == {"s1"}, "it is kept until the relay says who draws"
        hub.close_session("s1")
        connection._message(stroke)  # a task of its own is about to close it
        assert not hub._drawings
    finally:
        await hub.aclose()
