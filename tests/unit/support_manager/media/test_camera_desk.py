"""Whose camera goes to whom on which line: seats, who may see, a fifth one, a line without room, and hostile words."""

import time
from collections.abc import Iterable

import pytest
from aiortc.rtp import RTCP_PSFB_FIR, RTCP_PSFB_PLI, RtcpPsfbPacket, RtpPacket

from support_manager.media.camera_desk import CameraDesk
from support_manager.media.camera_lines import FULL_CAMERA, HIDDEN_CAMERA, GuestCameras, HubCameras
from support_manager.media.feed import Feed
from support_manager.media.frame_box import FrameBox
from support_manager.media.offering import blank_offer
from support_manager.protocol.channel import CameraRate, Cameras, ChannelMessage

PEOPLE = ("ion", "eva", "bob", "dan", "ema", "rep")


class Person:
    """A participant's connection: what he was told, and what left to him."""

    def __init__(self, name: str) -> None:
        self.told: list[ChannelMessage] = []
        self.sent: list[RtpPacket] = []
        self.asked: list[bytes] = []
        self.cameras = HubCameras(blank_offer().lines, name, self.asked.append, self._send, self.told.append)
        self.cameras.opened()

    def _send(self, data: bytes) -> bool:
        self.sent.append(RtpPacket.parse(data))
        return True

    @property
    def owners(self) -> tuple[str, ...]:
        return next((each.owners for each in reversed(self.told) if isinstance(each, Cameras)), ())

    @property
    def rate(self) -> CameraRate:
        return next(each for each in reversed(self.told) if isinstance(each, CameraRate))


class Own:
    """The rep's own camera, as a publisher."""

    def __init__(self) -> None:
        self.asked = 0

    def ask_for_key(self) -> None:
        self.asked += 1

    def captured_ms(self, timestamp: int) -> float:
        return 0.0

    def line_fell(self) -> None:
        pass

    def is_alive(self, now: float) -> bool:
        return True


class Stage:
    def __init__(self, *names: str) -> None:
        self.planned: list[object] = []
        self.people = {name: Person(name) for name in names}
        self.own = Own()
        self.boxes = {name: FrameBox() for name in PEOPLE}
        self.desk = CameraDesk("s1", self._feed)

    def _feed(self) -> Feed:
        return Feed(time.monotonic, lambda: time.time() * 1000, self.planned.append, lambda _, call: call)

    def run(self, *owners: str, own: str | None = None, to: Iterable[str] = PEOPLE, visible: bool = True) -> None:
        shown = {owner: (self.boxes[owner], frozenset(to)) for owner in owners}
        self.desk.set(shown, own, visible=visible)
        self.route()

    def route(self) -> None:
        self.desk.route(self.people, self.own)

    def fed(self, name: str) -> list[bool]:
        """Which of a person's four lines has somebody's camera on it."""
        return [line.is_fed is not None for line in self.people[name].cameras.downs]


@pytest.mark.rule("B-7.6")
async def test_each_camera_keeps_its_seat_and_goes_to_all_but_its_owner() -> None:
    stage = Stage("ion", "eva", "bob")
    stage.run("rep", "ion", own="rep")
    assert stage.people["eva"].owners == stage.people["bob"].owners == ("rep", "ion", "", "")
    assert stage.people["ion"].owners == ("rep", "", "", "")
    assert stage.fed("eva") == [True, True, False, False]
    assert stage.fed("ion") == [True, False, False, False]
    # The first one ends: the other stays where it is, and the next one takes the free seat.
    stage.run("ion")
    assert stage.people["eva"].owners == ("", "ion", "", "")
    assert stage.fed("ion") == [False] * 4
    stage.run("ion", "rep", own="rep")
    assert stage.people["eva"].owners == ("rep", "ion", "", "")
    stage.run()
    assert stage.people["eva"].owners == ("", "", "", "")
    assert stage.fed("eva") == [False] * 4
    assert stage.desk.own_feed is None


@pytest.mark.rule("B-7.6")
async def test_only_who_may_sees_it() -> None:
    stage = Stage("ion", "eva", "bob")
    stage.run("ion", to=("bob",))
    assert stage.people["bob"].owners == ("ion", "", "", "")
    assert stage.people["eva"].owners == ()
    assert stage.fed("eva") == [False] * 4


async def test_a_fifth_camera_is_shown_to_the_hubs_own_rep_alone() -> None:
    stage = Stage("ion", "eva", "bob", "dan", "ema")
    stage.run("ion", "eva", "bob", "dan", "ema")
    assert stage.people["ion"].owners == ("", "eva", "bob", "dan")
    assert stage.people["ema"].owners == ("ion", "eva", "bob", "dan")
    assert stage.people["ema"].cameras.up.is_shown
    stage.run("eva", "bob", "dan", "ema")
    assert stage.people["ion"].owners == ("ema", "eva", "bob", "dan")


@pytest.mark.rule("B-7.6")
async def test_a_line_without_room_gets_none_and_says_so_and_gets_them_back() -> None:
    stage = Stage("ion", "eva")
    stage.run("rep", own="rep")
    room = stage.people["eva"].cameras.room
    assert room.look(500_000.0, 0.0)
    stage.route()
    assert stage.fed("eva") == [False] * 4
    assert stage.people["eva"].told[-1] == Cameras(owners=("rep", "", "", ""), paused=True)
    assert stage.fed("ion") == [True, False, False, False], "nobody else pays for it"
    room.look(4_000_000.0, 1.0)
    assert room.look(4_000_000.0, 7.0)
    before = stage.own.asked
    stage.route()
    assert stage.fed("eva") == [True, False, False, False]
    assert stage.people["eva"].told[-1] == Cameras(owners=("rep", "", "", ""))
    assert stage.people["eva"].cameras.downs[0].wants_key or stage.own.asked > before


async def test_what_nobody_sees_is_asked_for_next_to_nothing() -> None:
    stage = Stage("ion", "eva")
    assert stage.people["ion"].rate == HIDDEN_CAMERA
    stage.run("ion", to=(), visible=True)
    assert stage.people["ion"].rate == FULL_CAMERA
    stage.run("ion", to=(), visible=False)
    assert stage.people["ion"].rate == HIDDEN_CAMERA
    stage.run("ion", to=("eva",), visible=False)
    assert stage.people["ion"].rate == FULL_CAMERA, "another one sees it"


async def test_a_camera_that_does_not_run_is_dropped_unread() -> None:
    stage = Stage("ion")
    line = stage.people["ion"].cameras.up
    packet = RtpPacket(payload_type=line.offered.payload_type, sequence_number=1, timestamp=1, ssrc=7)
    packet.payload = b"\x10\x00" + bytes(20)
    for _ in range(3):
        line.take(packet, 40, time.monotonic())
    assert line.source == 0
    assert not stage.people["ion"].cameras.busy
    stage.run("ion")
    line.take(packet, 40, time.monotonic())
    assert line.source == 7
    stage.run()
    assert stage.boxes["ion"].full() is None


async def test_a_participant_who_speaks_of_cameras_is_not_heard() -> None:
    stage = Stage("ion", "eva")
    stage.run("rep", own="rep")
    stage.people["ion"].cameras.take_message(Cameras(owners=("eva", "eva", "eva", "eva")))
    assert stage.people["eva"].owners == ("rep", "", "", "")


async def test_an_assistant_believes_the_hub_only_of_cameras_that_the_relay_named() -> None:
    boxes = {"ion": FrameBox()}
    cameras = GuestCameras(blank_offer().lines, "hub", lambda _: None)
    cameras.show(boxes)
    cameras.take_message(Cameras(owners=("eva", "ion")))
    assert [line.is_shown for line in cameras.ins] == [False, True, False, False]
    assert [each.peer.participant_id for each in cameras.figures("s1", time.monotonic())] == ["ion"]
    cameras.take_message(Cameras(owners=("ion", "eva"), paused=True))
    assert [line.is_shown for line in cameras.ins] == [True, False, False, False]
    assert all(each.paused for each in cameras.figures("s1", time.monotonic()))
    cameras.show({})
    assert not any(line.is_shown for line in cameras.ins)


async def test_a_wish_for_a_key_frame_is_about_one_line_and_no_other() -> None:
    stage = Stage("eva", "ion")
    stage.run("rep", "ion", own="rep")
    first, second = stage.people["eva"].cameras.downs[:2]
    for line in (first, second):
        line.wants_key = False
        line._in_step = True
    cameras = stage.people["eva"].cameras
    cameras.take_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=1, media_ssrc=second.ssrc), 0.0)
    assert (first.wants_key, second.wants_key) == (False, True)
    second.wants_key = False
    entry = first.ssrc.to_bytes(4, "big") + bytes(4)
    cameras.take_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=entry), 0.0)
    assert (first.wants_key, second.wants_key) == (True, False)
    first.wants_key = False
    cameras.take_rtcp(RtcpPsfbPacket(fmt=RTCP_PSFB_FIR, ssrc=1, media_ssrc=0, fci=entry[:5]), 0.0)
    assert not first.wants_key
