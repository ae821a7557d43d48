"""What the hub does with each media line of a connection: one small object per line, pluggable by role."""

import random
import time
from collections.abc import Callable
from typing import Protocol

from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import (
    RTCP_PSFB_PLI,
    RTCP_RTPFB_NACK,
    RtcpPsfbPacket,
    RtcpReceiverInfo,
    RtcpRtpfbPacket,
    RtcpSrPacket,
    RtpPacket,
)
from av import VideoFrame

from support_manager.media.decoder import Decoder, is_too_large
from support_manager.media.engine import Liveness
from support_manager.media.feed import Feed
from support_manager.media.figures import CaptureClock, ShareMeter
from support_manager.media.frames import EncodedFrame, FrameAssembler, SequenceUnwrapper
from support_manager.media.loss import KeyFrameRequests, LossTracker
from support_manager.media.negotiation import OfferedLine
from support_manager.media.vp8 import key_frame_size, parse_part

_CLOCK_RATE = 90_000
_FRESH_S = 0.15
"""A picture that is looked at again changes by itself within this time, or somebody has to ask for it."""


class Line(Protocol):
    """One media line as the connection sees it. Times are `time.monotonic()`."""

    offered: OfferedLine

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Take a packet of this line."""

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Take the sender's report about this line."""

    def tick(self, now: float, round_trip_ms: float) -> None:
        """Do what is due; called every 25 ms or so while packets come."""

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """The report block about this line (RFC 3550 section 6.4.2), about once a second."""

    def close(self) -> None:
        """Take nothing more."""


class DroppedLine:
    """A line that is accepted and not used yet: its packets are counted by nobody."""

    def __init__(self, offered: OfferedLine) -> None:
        self.offered = offered

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Drop it."""

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Drop it."""

    def tick(self, now: float, round_trip_ms: float) -> None:
        """Nothing is ever due."""

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """Nothing to report."""
        return None

    def close(self) -> None:
        """Nothing to close."""


class ShareLine:
    """The screen of a participant: repairs losses, puts frames together, has them decoded.

    Args:
        offered: what the offer says of the line.
        name: of the peer, for the thread's name and the log.
        meter: counts what comes.
        send: queues one RTCP packet.
        deliver: called on the decoder's thread with each picture and the frame it was.
        too_large: says whether a picture of this width and height is refused unread.
    """

    def __init__(
        self,
        offered: OfferedLine,
        *,
        name: str,
        meter: ShareMeter,
        send: Callable[[bytes], None],
        deliver: Callable[[VideoFrame, EncodedFrame], None],
        too_large: Callable[[int, int], bool] = is_too_large,
    ) -> None:
        self.offered = offered
        self.clock = CaptureClock()
        self._meter = meter
        self._send = send
        self._too_large = too_large
        self._ssrc = random.getrandbits(32)
        self._source: int | None = offered.ssrc
        self._decoder = Decoder(name, deliver)
        self._assembler = FrameAssembler()
        self._losses = LossTracker()
        self._keys = KeyFrameRequests(self._ask_for_key)
        self._unwrapper = SequenceUnwrapper()
        self._statistics: StreamStatistics | None = None
        self._report: tuple[int, float] = (0, 0.0)
        self._stale_since: float | None = None
        self._feed: Feed | None = None
        self._taps: tuple[Callable[[EncodedFrame], None], ...] = ()

    @property
    def source(self) -> int:
        """The SSRC of the share; 0 while not known."""
        return self._source or 0

    @property
    def busy(self) -> bool:
        """Whether something is outstanding that `tick` must see to."""
        wanting = self._keys.wanted or self._stale_since is not None
        return self._losses.waiting or (wanting and self._statistics is not None)

    def forward_to(self, feed: Feed | None) -> None:
        """Hand every packet on to a feed too, or to none any more."""
        if feed is not self._feed:
            self._feed = feed
            self._assembler.on_part = None if feed is None else feed.take

    def add_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        """Call `tap` with each whole frame of a size that we take, as it was encoded."""
        self._taps = (*self._taps, tap)

    def remove_tap(self, tap: Callable[[EncodedFrame], None]) -> None:
        """Do not any more; an unknown one is no error."""
        self._taps = tuple(each for each in self._taps if each != tap)

    def ask_for_key(self) -> None:
        """Viewers need a key frame: ask for one now, unless that is going on."""
        if not self._keys.wanted:
            self._ask_for_key()

    def line_fell(self) -> None:
        """A viewer's line became narrow: he waits for key frames, as the page sends for the hub and not for him."""

    def captured_ms(self, timestamp: int) -> float:
        """When the frame of this RTP time was captured, `time.time() * 1000`; 0 while not known."""
        return self.clock.captured_ms(timestamp, time.time() * 1000)

    def is_alive(self, now: float) -> bool:
        """Whether there is something to see, moving or not."""
        return self._meter.liveness(now) in (Liveness.LIVE, Liveness.STATIC)

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Take a packet of this line, a retransmission (RFC 4588) included."""
        self._meter.packet(size, now)
        number, payload = packet.sequence_number, packet.payload
        if packet.payload_type == self.offered.rtx_payload_type:
            if len(payload) < 2 or self._source is None:
                return  # padding that probes for bandwidth
            number, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        elif packet.payload_type == self.offered.payload_type:
            self._follow(packet)
        else:
            return
        try:
            part = parse_part(payload)
        except ValueError:
            return
        if part.key:
            self._keys.begins(now)
        full = self._unwrapper.unwrap(number)
        try:
            missing = self._losses.received(full, now)
        except OverflowError:
            self._losses.reset()
            self._assembler.resync()
            missing = []
        if missing:
            self._ask_again(missing)
        for frame in self._assembler.add(full, packet.timestamp, bool(packet.marker), part, now):
            self._frame(frame)
        needed = self._assembler.next_needed
        if needed is not None:
            self._losses.forget_before(needed)
        else:
            self._keys.want(now)

    def restart(self) -> None:
        """What comes next has nothing to do with what came before."""
        self._losses.reset()
        self._assembler.resync()
        self._unwrapper = SequenceUnwrapper()
        self.clock.reset()
        if self._feed is not None:
            self._feed.restart()

    def _follow(self, packet: RtpPacket) -> None:
        if packet.ssrc != self._source or self._statistics is None:
            if self._statistics is not None:
                self.restart()
            self._source = packet.ssrc
            self._statistics = StreamStatistics(_CLOCK_RATE)
        self._statistics.add(packet)

    def _frame(self, frame: EncodedFrame) -> None:
        if frame.key:
            try:
                size = key_frame_size(frame.data)
            except ValueError:
                self._assembler.resync()
                return
            self._keys.came()
            if self._too_large(*size) or 0 in size:
                self._meter.refuse(*size)
                self._assembler.resync()
                return
            self._meter.accept()
            self._stale_since = None
        for tap in self._taps:
            tap(frame)
        if not self._decoder.put(frame):
            self._assembler.resync()

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Take the sender's report: it tells when frames were captured."""
        info = report.sender_info
        self._report = ((info.ntp_timestamp >> 16) & 0xFFFFFFFF, time.monotonic())
        if report.ssrc == self._source:
            self.clock.report(info.rtp_timestamp, info.ntp_timestamp, arrived_ms, round_trip_ms)

    def tick(self, now: float, round_trip_ms: float) -> None:
        """Ask again for what is missing; give up, and ask for a key frame, when it is too late."""
        again, given_up = self._losses.tick(now, round_trip_ms / 1000)
        needed = self._assembler.next_needed
        if given_up and needed is not None and given_up[-1] >= needed:
            self._assembler.resync()
        if again:
            self._ask_again(again)
        if self._decoder.failed():
            self._assembler.resync()
        if self._assembler.waiting_for_key and self._statistics is not None:
            self._keys.want(now)
        elif self._stale_since is not None and now - self._stale_since >= _FRESH_S:
            self._stale_since = None
            self._keys.want(now)
        else:
            self._keys.tick(now)

    def refresh(self, now: float) -> None:
        """Somebody looks again: the page is about to send a key frame in full size, or else it is asked for one.

        Asking at once would cost time: the page heeds it before the wish for the full size, or sends two.
        """
        if self._source is not None:
            self._stale_since = now

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """The report block about the share; feeds the loss figure."""
        statistics = self._statistics
        if statistics is None or self._source is None or statistics.max_seq is None:
            return None
        fraction = statistics.fraction_lost
        self._meter.loss(fraction / 256)
        last_report, arrived = self._report
        return RtcpReceiverInfo(
            ssrc=self._source,
            fraction_lost=min(255, fraction),
            packets_lost=statistics.packets_lost,
            highest_sequence=(statistics.cycles + statistics.max_seq) & 0xFFFFFFFF,
            jitter=statistics.jitter & 0xFFFFFFFF,
            lsr=last_report,
            dlsr=min(0xFFFFFFFF, max(0, int((now - arrived) * 65_536))) if last_report else 0,
        )

    def forget(self) -> None:
        """Let no picture of the share that is over come late."""
        self._decoder.forget()

    def close(self) -> None:
        """End the decoder; no picture is delivered any more."""
        self._decoder.close()

    def join(self, timeout_s: float) -> None:
        """Wait for the decoder's thread."""
        self._decoder.join(timeout_s)

    def _ask_again(self, numbers: list[int]) -> None:
        if self._source is None:
            return
        packet = RtcpRtpfbPacket(fmt=RTCP_RTPFB_NACK, ssrc=self._ssrc, media_ssrc=self._source)
        packet.lost = sorted({number & 0xFFFF for number in numbers})[:250]
        self._send(bytes(packet))

    def _ask_for_key(self) -> None:
        if self._source is not None:
            self._send(bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._ssrc, media_ssrc=self._source)))
