"""Forwarding a share: what viewers get and in which order, who is asked for key frames, what a slow one costs."""

import struct
from collections.abc import Callable

from aiortc.rtp import RtcpReceiverInfo, RtpPacket

from support_manager.media.down_line import HISTORY, ShareDownLine
from support_manager.media.feed import KEY_S, Feed
from support_manager.media.line_rate import MAX_BPS
from support_manager.media.negotiation import MID_URI, OfferedLine
from support_manager.media.vp8 import Vp8Part, parse_part

OFFERED = OfferedLine(
    role="share_down",
    kind="video",
    mid="1",
    direction="recvonly",
    payload_type=96,
    rtx_payload_type=97,
    feedback=frozenset(),
    extensions={MID_URI: 4},
    ssrc=None,
    rtx_ssrc=None,
)


class Loop:
    """Time that a test moves by hand, and what is planned in it."""

    def __init__(self) -> None:
        self.now = 100.0
        self._planned: list[tuple[float, Callable[[], None]]] = []

    def soon(self, call: Callable[[], None]) -> None:
        self.later(0.0, call)

    def later(self, seconds: float, call: Callable[[], None]) -> None:
        self._planned.append((self.now + seconds, call))

    def run(self, seconds: float = 0.0) -> None:
        """Let this much time pass, with everything that falls due in it."""
        end = self.now + seconds
        while due := sorted((each for each in self._planned if each[0] <= end), key=lambda each: each[0]):
            self._planned.remove(due[0])
            self.now = max(self.now, due[0][0])
            due[0][1]()
        self.now = end


class Source:
    """A publisher that counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = self.fell = 0

    def ask_for_key(self) -> None:
        self.asked += 1

    def line_fell(self) -> None:
        self.fell += 1

    def captured_ms(self, timestamp: int) -> float:
        return 1_000.0

    def is_alive(self, now: float) -> bool:
        return True


class Viewer:
    """A viewer's line and what left on it; `open` says whether the socket takes anything."""

    def __init__(self, loop: Loop) -> None:
        self.sent: list[RtpPacket] = []
        self.open = True
        self.line = ShareDownLine(OFFERED, send=self._send, later=loop.later, clock=lambda: loop.now)

    def _send(self, data: bytes) -> bool:
        if self.open:
            self.sent.append(RtpPacket.parse(data))
        return self.open

    @property
    def frames(self) -> list[bytes]:
        """What came, frame by frame; every frame must be whole."""
        frames: list[bytes] = []
        for packet in self.sent:
            part = parse_part(packet.payload)
            if part.starts:
                frames.append(b"")
            frames[-1] += part.data
        return frames


class Stage:
    """A feed with its publisher."""

    def __init__(self, viewers: int = 1) -> None:
        self.loop = Loop()
        self.feed = Feed(lambda: self.loop.now, lambda: 2_000.0, self.loop.soon, self.loop.later)
        self.source = Source()
        self.viewers = [Viewer(self.loop) for _ in range(viewers)]
        self.time = 4_294_960_000

    def connect(self, *viewers: Viewer) -> None:
        self.feed.connect(self.source, [viewer.line for viewer in viewers or self.viewers])

    def frame(self, *parts: bytes, key: bool = False) -> None:
        """One frame passes, a thirtieth of a second after the one before."""
        self.time = (self.time + 3_000) & 0xFFFFFFFF
        for number, data in enumerate(parts):
            part = Vp8Part(data, starts=number == 0, key=key and number == 0)
            self.feed.take(part, self.time, number == len(parts) - 1, number == 0)
        self.loop.run(1 / 30)


def test_a_newcomer_gets_nothing_before_a_key_frame_and_everything_after_it() -> None:
    stage = Stage()
    stage.connect()
    assert stage.source.asked == 1, "asked for at once"
    stage.frame(b"late")
    stage.frame(b"key ", b"frame", key=True)
    stage.frame(b"next")
    viewer = stage.viewers[0]
    assert viewer.frames == [b"key frame", b"next"]
    numbers = [packet.sequence_number for packet in viewer.sent]
    assert [(number - numbers[0]) & 0xFFFF for number in numbers] == [0, 1, 2]
    assert [packet.marker for packet in viewer.sent] == [0, 1, 1]
    assert (viewer.sent[2].timestamp - viewer.sent[1].timestamp) & 0xFFFFFFFF == 3_000


def test_picture_ids_and_times_go_on_when_another_one_shares() -> None:
    stage = Stage()
    stage.connect()
    stage.frame(b"a", key=True)
    stage.loop.run(2.0)
    stage.source = Source()
    stage.connect()
    assert stage.source.asked == 1
    stage.time = 7
    stage.frame(b"delta of what nobody has seen")
    stage.frame(b"b", key=True)
    first, second = stage.viewers[0].sent
    ids = [struct.unpack("!H", packet.payload[2:4])[0] & 0x7FFF for packet in (first, second)]
    assert (ids[1] - ids[0]) & 0x7FFF == 2
    assert 2 * 90_000 <= (second.timestamp - first.timestamp) & 0xFFFFFFFF < 3 * 90_000


def test_wishes_for_key_frames_are_gathered() -> None:
    stage = Stage(viewers=8)
    stage.connect()
    stage.frame(b"a", key=True)
    assert stage.source.asked == 1
    stage.loop.run(KEY_S)
    for _ in range(100):
        for viewer in stage.viewers:
            viewer.line.key_wanted()
        stage.loop.run(0.1)
    assert 9 <= stage.source.asked - 1 <= 11, "ten seconds of eight insistent viewers"
    stage.frame(b"b", key=True)
    before = stage.source.asked
    stage.loop.run(5.0)
    assert stage.source.asked == before, "nobody wishes for one any more"


def test_nobody_gets_anything_after_being_taken_off() -> None:
    stage = Stage(viewers=2)
    one, two = stage.viewers
    stage.connect()
    stage.frame(b"a", key=True)
    stage.connect(one)
    stage.frame(b"b")
    assert (one.frames, two.frames) == ([b"a", b"b"], [b"a"])
    stage.feed.connect(None, [])
    stage.frame(b"c")
    assert one.frames == [b"a", b"b"]


def test_what_is_lost_is_repeated_from_far_back() -> None:
    stage = Stage()
    stage.connect()
    stage.frame(*[bytes([number & 0xFF]) * 1_000 for number in range(2_500)], key=True)
    stage.loop.run(5.0)
    viewer = stage.viewers[0]
    assert len(viewer.sent) == 2_500
    lost = viewer.sent[300]
    viewer.line.lost([lost.sequence_number], stage.loop.now)
    again = viewer.sent[-1]
    assert again.payload_type == 97
    assert again.ssrc == viewer.line.rtx_ssrc
    assert int.from_bytes(again.payload[:2], "big") == lost.sequence_number
    assert again.payload[2:] == lost.payload
    # At once again: it is still on its way. What was never sent: only a key frame helps.
    viewer.line.lost([lost.sequence_number], stage.loop.now)
    assert viewer.sent[-1] is again
    asked = stage.source.asked
    viewer.line.lost([(lost.sequence_number + HISTORY) & 0xFFFF], stage.loop.now)
    assert stage.source.asked == asked + 1


def test_a_slow_viewer_waits_for_a_key_frame_and_slows_nobody() -> None:
    stage = Stage(viewers=2)
    fast, slow = stage.viewers
    stage.connect()
    stage.frame(*[b"k" * 40] * 25, key=True)
    block = RtcpReceiverInfo(
        ssrc=slow.line.ssrc, fraction_lost=128, packets_lost=9, highest_sequence=9, jitter=0, lsr=0, dlsr=0
    )
    slow.line.reported(block, stage.loop.now)
    assert slow.line.bits_per_s < MAX_BPS
    for number in range(150):
        stage.frame(*[bytes([number]) * 1_000] * 15)  # 3.6 Mbit/s
    assert len(fast.frames) == 151
    assert all(len(frame) in (1_000, 15_000) for frame in slow.frames), "whole frames only"
    missed = 151 - len(slow.frames)
    assert missed > 60
    # He is asked for, but not more than every five seconds; then he is back with the next key frame.
    assert stage.source.asked <= 3
    stage.loop.run(2.0)
    stage.frame(b"again", key=True)
    stage.loop.run(1.0)
    assert slow.frames[-1] == b"again"


def test_a_full_socket_keeps_the_order_and_bounds_what_waits() -> None:
    stage = Stage()
    viewer = stage.viewers[0]
    stage.connect()
    stage.frame(b"a", key=True)
    viewer.open = False
    for _ in range(2_000):
        stage.frame(b"x" * 1_000)
    viewer.open = True
    stage.loop.run(3.0)
    assert len(viewer.frames) < 1_000, "what waited is bounded"
    stage.frame(b"b", key=True)
    stage.loop.run(0.1)
    assert viewer.frames[-1] == b"b"


def narrow(stage: Stage, viewer: Viewer) -> None:
    """His line carries the least that there is."""
    block = RtcpReceiverInfo(
        ssrc=viewer.line.ssrc, fraction_lost=64, packets_lost=9, highest_sequence=9, jitter=0, lsr=0, dlsr=0
    )
    for _ in range(12):
        stage.loop.run(1.0)
        stage.frame(*[b"k" * 10] * 25, key=True)
        viewer.line.reported(block, stage.loop.now)
    assert viewer.line.bits_per_s < 400_000
    stage.loop.run(5.0)


def test_key_frames_alone_make_nobody_wait_without_end() -> None:
    stage = Stage()
    viewer = stage.viewers[0]
    stage.connect()
    narrow(stage, viewer)
    before = len(viewer.frames)
    for number in range(300):
        stage.frame(*[bytes([number % 200]) * 1_000] * 20, key=True)  # 20 kB, thirty times a second
        assert viewer.line._waiting_bytes <= 40_000, "what is older than a key frame is of no use"
    stage.loop.run(3.0)
    assert viewer.frames[-1][:1] == bytes([299 % 200]), "the newest"
    assert len(viewer.frames) - before > 10
    assert all(len(frame) == 20_000 for frame in viewer.frames[before:]), "whole frames only"


def test_a_frame_that_would_take_for_ever_is_given_up() -> None:
    stage = Stage()
    viewer = stage.viewers[0]
    stage.connect()
    narrow(stage, viewer)
    stage.frame(*[b"h" * 1_000] * 3_000, key=True)
    assert viewer.line._waiting_bytes == 0
    stage.loop.run(10.0)
    stage.frame(b"small", key=True)
    stage.loop.run(1.0)
    assert viewer.frames[-1] == b"small"


def test_nobody_is_asked_for_a_key_frame_while_one_waits() -> None:
    stage = Stage()
    viewer = stage.viewers[0]
    stage.connect()
    narrow(stage, viewer)
    stage.frame(*[b"k" * 1_000] * 30, key=True)
    asked = stage.source.asked
    assert viewer.line._waiting_bytes
    viewer.line.key_wanted()
    stage.loop.run(0.5)
    assert stage.source.asked == asked
    stage.loop.run(3.0)
    viewer.line.key_wanted()
    stage.loop.run(0.5)
    assert stage.source.asked == asked + 1
