"""One viewer's side of a forwarded share: sends its packets, repeats lost ones, and lets nobody else wait for him."""

import random
import struct
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from aiortc.rtp import (
    RTCP_PSFB_FIR,
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    AnyRtcpPacket,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRrPacket,
    RtcpRtpfbPacket,
    RtcpSenderInfo,
    RtcpSrPacket,
    RtpPacket,
)

from support_manager.media.arrivals import Arrivals
from support_manager.media.header_extension import numbered_extension, share_extension
from support_manager.media.line_rate import LineRate
from support_manager.media.negotiation import OfferedLine

HISTORY = 4_096
"""Packets kept for repetition: more than one key frame of the largest screen at 30 fps' worth of what follows it.

# WORKAROUND(aiortc 1.16.0): its sender keeps 128, less than one key frame of 1920x1080, so that NACKs for it fail –
# https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtcrtpsender.py – goes when upstream keeps 2,048 or more.
"""
_BURST_S = 0.1
_BURST_BYTES = 6_000.0
"""What the smallest router's queue holds, whatever the line."""
_LATE_S = 0.4
"""Of what waits at a viewer's rate: beyond it he gets no more frames before the next key frame."""
_MOST_S = 8.0
"""Of everything that waits, key frames with it: a frame that takes longer than this comes to nobody."""
_CALM_S = 0.05
"""With more than this waiting on the way, a line is not tried for more."""
_PUMP_S = 0.005
_SLOW_KEY_S = 5.0
"""A viewer who could not keep up does not make the others pay for a key frame of his own more often than this."""
_ALONE_KEY_S = 0.3
"""… but a lone one has nobody to spare."""
_RESEND_S = 0.02
_FLOODED = 0.30
"""With more than this lost, most of what waits and is asked for again is of no use to him any more."""
_NTP_EPOCH_S = 2_208_988_800


@dataclass(frozen=True, slots=True)
class FeedPacket:
    """One packet of a share as every viewer gets it, but for the header."""

    payload: bytes
    timestamp: int
    marker: bool
    starts: bool
    """Whether a frame begins here."""
    key: bool
    """Whether a key frame begins here."""
    key_frame: bool = False
    """Whether it is a part of one."""


@dataclass(slots=True)
class _Kept:
    number: int
    packet: FeedPacket
    resent: float


class ShareDownLine:
    """The line on which a participant gets the share of another one.

    Sequence numbers are given as packets leave, so they have no gaps but those of the network. A viewer whose line
    is too slow gets whole frames only: none from the moment on when too much waits, up to the next key frame.

    Args:
        offered: what the offer says of the line.
        send: sends one RTP packet at once; False if it cannot be taken now.
        later: calls a function after some seconds.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        offered: OfferedLine,
        *,
        send: Callable[[bytes], bool],
        later: Callable[[float, Callable[[], None]], object],
        clock: Callable[[], float],
    ) -> None:
        self.offered = offered
        self.ssrc = random.getrandbits(32)
        self.rtx_ssrc = None if offered.rtx_payload_type is None else random.getrandbits(32)
        self.on_want: Callable[[], None] | None = None
        """Called when this viewer needs a key frame, while somebody shows something here."""
        self.on_fall: Callable[[], None] | None = None
        """Called when his line carries much less than it did, while somebody shows something here."""
        self.is_fed: Callable[[float], bool] | None = None
        """Says whether somebody shows something here."""
        self.times: Callable[[], bytes | None] | None = None
        """Gives the sender report that is due, while somebody shows something here."""
        self._send = send
        self._later = later
        self._clock = clock
        self._extension = share_extension(offered)
        self._numbered = numbered_extension(offered)
        self._arrivals = Arrivals()
        self._number = random.getrandbits(15)
        self._rtx_number = random.getrandbits(15)
        self._ring: list[_Kept | None] = [None] * HISTORY
        self._waiting: deque[FeedPacket] = deque()
        self._waiting_bytes = self._waiting_key_bytes = 0
        self._recovering = False
        self._pumping = False
        self._closed = False
        self._in_step = False
        self._rate = LineRate()
        self._tokens = _BURST_BYTES
        self._tokens_at = 0.0
        self._sent_packets = self._sent_bytes = 0
        self.wants_key = False
        self.alone = False
        """Whether nobody else gets this share."""

    @property
    def can_send(self) -> bool:
        """Whether the participant takes anything on this line."""
        return self.offered.answer_direction == "sendonly"

    @property
    def bits_per_s(self) -> float:
        """What this viewer's line seems to carry."""
        return self._rate.bits_per_s

    @property
    def troubled_at(self) -> float:
        """When something waited or was lost on it last, `time.monotonic()`."""
        return self._rate.troubled_at

    # -- the share

    def begin(self) -> None:
        """A share starts or another one follows: the next thing to send is a key frame."""
        self._in_step = False
        self._want()

    def end(self) -> None:
        """The share is over; nothing more leaves."""
        self._in_step = False
        self.wants_key = False
        self._waiting.clear()
        self._waiting_bytes = self._waiting_key_bytes = 0

    @property
    def _is_late(self) -> bool:
        """Whether too much waits. A key frame takes its time on a narrow line, and that is no reason for another."""
        return self._waiting_bytes - self._waiting_key_bytes > self._rate.bits_per_s / 8 * _LATE_S

    def put(self, packet: FeedPacket, now: float) -> None:
        """Take the next packet of the share."""
        if self._closed:
            return
        if packet.starts:
            if packet.key:
                self._drop_older()
            is_late = self._is_late
            if packet.key and not is_late:
                self._in_step = True
                self.wants_key = False
            elif is_late and self._in_step:
                self._in_step = False
                self._plan_recovery()
        if not self._in_step:
            return
        self._refill(now)
        if not self._waiting and self._tokens > 0 and self._transmit(packet):
            return
        if self._waiting_bytes > self._rate.bits_per_s / 8 * _MOST_S:
            self._give_up()
            return
        self._waiting.append(packet)
        self._waiting_bytes += len(packet.payload)
        if packet.key_frame:
            self._waiting_key_bytes += len(packet.payload)
        self._plan()

    def _drop_older(self) -> None:
        """A key frame comes: of what waits only the rest of the frame that is on its way already is of any use."""
        kept: deque[FeedPacket] = deque()
        while self._waiting and not self._waiting[0].starts:
            kept.append(self._waiting.popleft())
        self._waiting = kept
        self._waiting_bytes = sum(len(each.payload) for each in kept)
        self._waiting_key_bytes = sum(len(each.payload) for each in kept if each.key_frame)

    def _give_up(self) -> None:
        """Most of what was sent did not come: what waits is of no use, and a fresh key frame will be."""
        if self._in_step:
            self._in_step = False
            self._waiting.clear()
            self._waiting_bytes = self._waiting_key_bytes = 0
            self._plan_recovery()

    def _plan_recovery(self) -> None:
        if not self._recovering:
            self._recovering = True
            self._later(_ALONE_KEY_S if self.alone else _SLOW_KEY_S, self._recover)

    def _recover(self) -> None:
        """A slow viewer has waited for a key frame that the others needed; now he may wish for one himself."""
        self._recovering = False
        if self._in_step or self.wants_key or self.on_want is None:
            return
        if self._is_late:
            self._plan_recovery()  # it would be dropped
        else:
            self._want()

    def _want(self) -> None:
        self.wants_key = True
        if self.on_want is not None:
            self.on_want()

    def _plan(self) -> None:
        if not self._pumping and not self._closed:
            self._pumping = True
            self._later(_PUMP_S, self._pump)

    def _pump(self) -> None:
        self._pumping = False
        self._refill(self._clock())
        while self._waiting and self._tokens > 0 and not self._closed:
            if not self._transmit(self._waiting[0]):
                break
            packet = self._waiting.popleft()
            self._waiting_bytes -= len(packet.payload)
            if packet.key_frame:
                self._waiting_key_bytes -= len(packet.payload)
        if self._waiting:
            self._plan()

    def _refill(self, now: float) -> None:
        most = max(_BURST_BYTES, self._rate.bits_per_s / 8 * _BURST_S)
        self._tokens = min(most, self._tokens + max(0.0, now - self._tokens_at) * self._rate.bits_per_s / 8)
        self._tokens_at = now

    def _transmit(self, packet: FeedPacket) -> bool:
        number = self._number
        if not self._send(self._written(self.ssrc, self.offered.payload_type, number, packet, packet.payload)):
            return False
        self._number = (number + 1) & 0xFFFF
        self._ring[number % HISTORY] = _Kept(number, packet, float("-inf"))
        self._count(packet.payload)
        return True

    def _count(self, payload: bytes) -> None:
        self._tokens -= len(payload)
        self._sent_packets += 1
        self._sent_bytes += len(payload)
        self._rate.sent(len(payload))

    def _written(self, ssrc: int, payload_type: int, number: int, packet: FeedPacket, payload: bytes) -> bytes:
        second = payload_type | 0x80 if packet.marker else payload_type
        extension = self._extension
        if self._numbered is not None:
            before, after = self._numbered
            extension = before + self._arrivals.sent(len(payload), self._clock()).to_bytes(2, "big") + after
        first = 0x90 if extension else 0x80
        return struct.pack("!BBHII", first, second, number, packet.timestamp, ssrc) + extension + payload

    # -- what the viewer says

    def take_rtcp(self, packet: AnyRtcpPacket, now: float) -> None:
        """Take what the viewer says; what is about other lines is left alone."""
        if isinstance(packet, RtcpRtpfbPacket):
            if packet.fmt == RTCP_RTPFB_NACK and packet.media_ssrc == self.ssrc:
                self.lost(packet.lost, now)
        elif isinstance(packet, RtcpPsfbPacket):
            asked = packet.media_ssrc == self.ssrc if packet.fmt == RTCP_PSFB_PLI else self._is_in_fir(packet)
            if asked:
                self.key_wanted()
        elif isinstance(packet, RtcpRrPacket | RtcpSrPacket):
            for block in packet.reports:
                if block.ssrc == self.ssrc:
                    self.reported(block, now)

    def _is_in_fir(self, packet: RtcpPsfbPacket) -> bool:
        """Whether a full intra request is about this line: it names its sources inside (RFC 5104 section 4.3.1.1)."""
        if packet.fmt != RTCP_PSFB_FIR:
            return False
        entries = range(0, len(packet.fci) - 7, 8)
        return any(int.from_bytes(packet.fci[at : at + 4], "big") == self.ssrc for at in entries)

    def lost(self, numbers: Sequence[int], now: float) -> None:
        """Repeat what did not come (RFC 4585 section 6.2.1, RFC 4588), within the viewer's rate."""
        if not self._in_step:
            return  # only a key frame helps now, and it needs the room
        self._refill(now)
        for number in numbers:
            kept = self._ring[number % HISTORY]
            if kept is None or kept.number != number:
                self.key_wanted()
                return
            if now - kept.resent < _RESEND_S:
                continue
            if self._tokens <= 0 or not self._repeat(kept):
                return
            kept.resent = now

    def _repeat(self, kept: _Kept) -> bool:
        packet, payload_type = kept.packet, self.offered.rtx_payload_type
        if payload_type is None or self.rtx_ssrc is None:
            data = self._written(self.ssrc, self.offered.payload_type, kept.number, packet, packet.payload)
        else:
            payload = kept.number.to_bytes(2, "big") + packet.payload
            data = self._written(self.rtx_ssrc, payload_type, self._rtx_number, packet, payload)
            self._rtx_number = (self._rtx_number + 1) & 0xFFFF
        if not self._send(data):
            return False
        self._count(packet.payload)
        return True

    def key_wanted(self) -> None:
        """The viewer asks for a key frame (RFC 4585 section 6.3.1, RFC 5104 section 4.3.1)."""
        # Out of step one is asked for as soon as he is able to take it; and one that waits is on its way.
        if self._in_step and not self._waiting_key_bytes:
            self._want()

    def take_feedback(self, message: bytes) -> None:
        """Take what the viewer tells of each packet's coming: a line that became narrow is known before its report."""
        now = self._clock()
        fall = self._arrivals.take(message, now)
        if fall is None:
            carries = self._arrivals.drained(now)
            if carries is not None:
                self._rate.carries(carries)
            return
        rate, flooded = fall
        self._rate.fall_to(rate, now)
        if flooded:
            self._give_up()
        if self.on_fall is not None:
            self.on_fall()

    def reported(self, block: RtcpReceiverInfo, now: float) -> None:
        """Take the viewer's report: his rate falls to what came, and grows while all comes."""
        trip = self._rate.round_trip_s(block.lsr, block.dlsr, now)
        if self._arrivals.is_heeded(now):
            return
        if self._arrivals.queue_s > _CALM_S and block.fraction_lost / 256 < _FLOODED:
            return
        self._rate.reported(block.fraction_lost / 256, trip, now)
        if block.fraction_lost / 256 > _FLOODED:
            self._give_up()

    def report(self, timestamp: int, now_ms: float) -> bytes | None:
        """A sender report (RFC 3550 section 6.4.1): which RTP time it is now, in `time.time() * 1000`."""
        if not self._sent_packets:
            return None
        info = RtcpSenderInfo(
            ntp_timestamp=int((now_ms / 1000 + _NTP_EPOCH_S) * 2**32) & 0xFFFFFFFFFFFFFFFF,
            rtp_timestamp=timestamp & 0xFFFFFFFF,
            packet_count=self._sent_packets & 0xFFFFFFFF,
            octet_count=self._sent_bytes & 0xFFFFFFFF,
        )
        self._rate.sender_report(info.ntp_timestamp, self._clock())
        return bytes(RtcpSrPacket(ssrc=self.ssrc, sender_info=info, reports=[]))

    # -- as any other line

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Nothing comes on this line."""

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Nothing comes on this line."""

    def tick(self, now: float, round_trip_ms: float) -> None:
        """What is due is planned when it becomes known."""

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """Nothing comes on this line."""
        return None

    def close(self) -> None:
        """Send nothing more."""
        self._closed = True
        self.on_want = self.on_fall = self.is_fed = self.times = None
        self.end()
