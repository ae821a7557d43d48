"""The voice line of one connection: what its other end says comes in, what the others say goes out."""

import random
import struct
import time
from collections.abc import Callable

from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RtcpReceiverInfo, RtcpSrPacket, RtpPacket

from support_manager.media.header_extension import mid_extension
from support_manager.media.negotiation import OfferedLine
from support_manager.media.voice.jitter import JitterBuffer
from support_manager.media.voice.opus import FRAME, RATE, Decoder, Encoder, Samples, duration

_IN_USE_S = 1.0
"""Packets that come while nobody pulls are dropped unread."""


class VoiceLine:
    """A member of a call at the far end of a connection.

    Args:
        offered: what the offer says of the line.
        send: sends one RTP packet at once; False if it cannot be taken now.
    """

    def __init__(self, offered: OfferedLine, *, send: Callable[[bytes], bool]) -> None:
        self.offered = offered
        self.ssrc = random.getrandbits(32)
        self._send = send
        self._extension = mid_extension(offered)
        self._number = random.getrandbits(15)
        self._timestamp = random.getrandbits(32)
        self._encoder: Encoder | None = None
        self._buffer: JitterBuffer | None = None
        self._source: int | None = None
        self._statistics: StreamStatistics | None = None
        self._report: tuple[int, float] = (0, 0.0)
        self._pulled = float("-inf")
        self._closed = False

    @property
    def can_send(self) -> bool:
        """Whether the far end hears anything on this line."""
        return self.offered.direction in ("sendrecv", "recvonly")

    # --- as a member of a call

    def said(self) -> Samples | None:
        """The next 20 ms of what is said there; None while nothing is."""
        self._pulled = time.monotonic()
        return None if self._buffer is None else self._buffer.pull()

    def hears(self, samples: Samples) -> None:
        """Send the next 20 ms."""
        if self._closed or not self.can_send:
            return
        if self._encoder is None:
            self._encoder = Encoder()
        try:
            payload = self._encoder.encode(samples)
        except Exception:
            self._encoder = None  # one that failed stays as it is; the next 20 ms get another one
            raise
        self._number = (self._number + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        if payload:
            first = 0x90 if self._extension else 0x80
            head = struct.pack("!BBHII", first, self.offered.payload_type, self._number, self._timestamp, self.ssrc)
            self._send(head + self._extension + payload)

    @property
    def depth_ms(self) -> float:
        """What of the far end's voice is in hand."""
        return 0.0 if self._buffer is None else self._buffer.depth_ms

    @property
    def lost(self) -> int:
        """Packets that did not come in time."""
        return 0 if self._buffer is None else self._buffer.lost

    # --- as any other line

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Put a packet into the buffer while somebody listens."""
        if packet.payload_type != self.offered.payload_type:
            return
        if now - self._pulled > _IN_USE_S:
            self._buffer = None
            return
        if self._buffer is None or packet.ssrc != self._source:
            self._source = packet.ssrc
            self._buffer = JitterBuffer(Decoder().decode, duration)
            self._statistics = StreamStatistics(RATE)
        if self._statistics is not None:
            self._statistics.add(packet)
        self._buffer.put(packet.sequence_number, packet.payload)

    def tick(self, now: float, round_trip_ms: float) -> None:
        """Nothing is ever due: the call's own clock pulls and sends."""

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Take the sender's report about this line."""
        if report.ssrc == self._source:
            self._report = ((report.sender_info.ntp_timestamp >> 16) & 0xFFFFFFFF, time.monotonic())

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """The report block about this line; it moves the sender to send what was lost once more (FEC)."""
        statistics = self._statistics
        if statistics is None or self._source is None or statistics.max_seq is None:
            return None
        last_report, arrived = self._report
        return RtcpReceiverInfo(
            ssrc=self._source,
            fraction_lost=min(255, statistics.fraction_lost),
            packets_lost=statistics.packets_lost,
            highest_sequence=(statistics.cycles + statistics.max_seq) & 0xFFFFFFFF,
            jitter=statistics.jitter & 0xFFFFFFFF,
            lsr=last_report,
            dlsr=min(0xFFFFFFFF, max(0, int((now - arrived) * 65_536))) if last_report else 0,
        )

    def close(self) -> None:
        """Take and send nothing more."""
        self._closed = True
        self._buffer = None
