"""The share's line: losses are asked for, key frames too, huge pictures are refused, retransmissions count."""

import fractions
import threading
from collections.abc import Iterator

import av
import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, RtpPacket, wrap_rtx

from support_manager.media.engine import Liveness, PeerKey
from support_manager.media.figures import ShareMeter
from support_manager.media.lines import ShareLine
from support_manager.media.negotiation import OfferedLine

OFFERED = OfferedLine("share_up", "video", "0", "sendonly", 96, 97, frozenset(), {}, 1111, 2222)


class Bench:
    """A line with what it sends and delivers."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.came = threading.Event()
        self.meter = ShareMeter(0.0)
        self.line = ShareLine(
            OFFERED,
            name="bench",
            meter=self.meter,
            send=self.sent.append,
            deliver=lambda picture, frame: self.came.set(),
        )

    def take(self, packet: RtpPacket, now: float = 0.0) -> None:
        self.line.take(packet, len(packet.payload) + 12, now)

    def asked(self) -> tuple[list[int], int]:
        """Sequence numbers asked for, and how often a key frame was."""
        packets = [packet for raw in self.sent for packet in RtcpPacket.parse(raw)]
        lost = [number for packet in packets if isinstance(packet, RtcpRtpfbPacket) for number in packet.lost]
        return lost, sum(isinstance(packet, RtcpPsfbPacket) for packet in packets)


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    yield bench
    bench.line.close()
    bench.line.join(5.0)


def rtp(number: int, data: bytes, *, marker: bool = True, timestamp: int = 0, starts: bool = True) -> RtpPacket:
    payload = (b"\x10" if starts else b"\x00") + data
    return RtpPacket(
        payload_type=96,
        sequence_number=number & 0xFFFF,
        timestamp=timestamp,
        marker=int(marker),
        ssrc=1111,
        payload=payload,
    )


def key_frame(width: int, height: int) -> bytes:
    return b"\x10\x02\x00\x9d\x01\x2a" + width.to_bytes(2, "little") + height.to_bytes(2, "little") + bytes(20)


def real_key_frame() -> bytes:
    codec = av.VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = 64, 48, "yuv420p"
    codec.time_base = fractions.Fraction(1, 30)
    codec.options = {"deadline": "realtime", "lag-in-frames": "0"}
    picture = av.VideoFrame(64, 48, "yuv420p")
    for plane in picture.planes:
        plane.update(b"\x40" * plane.buffer_size)
    picture.pts = 0
    return b"".join(bytes(packet) for packet in codec.encode(picture))


def test_a_stream_that_starts_in_the_middle_asks_for_a_key_frame(bench: Bench) -> None:
    bench.take(rtp(10, b"\x01middle"))
    assert bench.asked() == ([], 1)
    bench.take(rtp(11, b"\x01middle"), 0.01)
    assert bench.asked() == ([], 1)


def test_retransmission_completes_a_frame(bench: Bench) -> None:
    data = real_key_frame()
    third = len(data) // 3
    parts = [
        rtp(65_535, data[:third], marker=False),
        rtp(0, data[third : 2 * third], marker=False, starts=False),
        rtp(1, data[2 * third :], starts=False),
    ]
    bench.take(parts[0])
    bench.take(parts[2])
    assert bench.asked()[0] == [0]
    bench.take(wrap_rtx(parts[1], payload_type=97, sequence_number=7, ssrc=2222), 0.05)
    assert bench.came.wait(5.0)


def test_lost_for_good_asks_for_a_key_frame(bench: Bench) -> None:
    bench.take(rtp(1, real_key_frame()))
    bench.take(rtp(3, b"\x01delta", timestamp=3_000))
    for step in range(100):
        bench.line.tick(step * 0.025, 10.0)
    lost, keys = bench.asked()
    assert set(lost) == {2}
    assert len(lost) > 3
    assert keys >= 1


@pytest.mark.parametrize("size", [(8_193, 100), (100, 16_383), (8_192, 8_192), (0, 0)])
def test_huge_picture_is_refused_unread(bench: Bench, size: tuple[int, int]) -> None:
    bench.take(rtp(1, key_frame(*size)))
    assert bench.meter.liveness(0.0) is Liveness.TOO_LARGE
    figures = bench.meter.figures(PeerKey("s", "p"), 0.0, 0.0)
    assert (figures.width, figures.height) == size
    assert not [thread for thread in threading.enumerate() if thread.name == "decode-bench"]


def test_probing_padding_is_no_loss(bench: Bench) -> None:
    bench.take(rtp(1, real_key_frame()))
    bench.take(RtpPacket(payload_type=97, sequence_number=9, ssrc=2222, payload=b""))
    bench.take(RtpPacket(payload_type=77, sequence_number=9, ssrc=5, payload=b"x"))
    bench.line.tick(1.0, 10.0)
    assert bench.asked() == ([], 0)


def test_report_block(bench: Bench) -> None:
    assert bench.line.reception(0.0) is None
    bench.take(rtp(1, real_key_frame()))
    bench.take(rtp(5, b"\x01x"))
    report = bench.line.reception(1.0)
    assert report is not None
    assert (report.ssrc, report.packets_lost, report.highest_sequence) == (1111, 3, 5)
    assert report.fraction_lost == 3 * 256 // 5
    bench.line.close()


def test_looked_at_again_asks_only_if_no_key_frame_comes_by_itself(bench: Bench) -> None:
    bench.take(rtp(1, real_key_frame()))
    bench.line.refresh(10.0)
    bench.line.tick(10.05, 10.0)
    bench.take(rtp(2, real_key_frame(), timestamp=3_000), 10.1)
    for step in range(40):
        bench.line.tick(10.1 + step * 0.025, 10.0)
    assert bench.asked() == ([], 0)
    bench.line.refresh(20.0)
    assert bench.line.busy
    bench.line.tick(20.1, 10.0)
    assert bench.asked() == ([], 0)
    bench.line.tick(20.2, 10.0)
    assert bench.asked() == ([], 1)


def test_a_size_that_is_taken_again_is_told_too(bench: Bench) -> None:
    bench.take(rtp(1, key_frame(8_193, 100)))
    assert bench.meter.liveness(0.0) is Liveness.TOO_LARGE
    bench.take(rtp(2, real_key_frame(), timestamp=3_000), 0.1)
    assert bench.meter.liveness(0.1) is not Liveness.TOO_LARGE
