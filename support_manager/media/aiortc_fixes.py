"""Transports of aiortc with their holes closed: routing, hostile packets, data that nobody asked for.

Fixes that need nothing of aiortc live beside: `frames` (whole frames, on the marker bit), `loss` (asking again by a
timer), `transport_cc` (feedback that ramps up in a second), `decoder` (bounded, newest picture only).
"""

import struct
import time
from collections.abc import Callable
from typing import Any

from aioice.turn import TurnTransport
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer, RTCIceTransport, RTCSctpTransport
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters
from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket
from typing_extensions import override

from support_manager.media import relayed
from support_manager.media.arrivals import is_feedback, packets_in
from support_manager.media.budget import PeerBudget

_MALFORMED = (ValueError, struct.error, IndexError, AssertionError, KeyError, OverflowError)
_MAX_QUEUED_RTCP = 64


class HubIceTransport(RTCIceTransport):
    """An ICE transport that passes on no empty datagrams, and no more than the peer's budget allows.

    # WORKAROUND(aiortc 1.16.0): a zero-length datagram from anybody raises IndexError in RTCDtlsTransport._recv_next
    # and ends the connection – https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtcdtlstransport.py – goes when
    # upstream checks the length.

    Args:
        gatherer: of the connection.
        budget: of the peer. Counted is the CPU time from handing a datagram over to being asked for the next one:
            decrypting, parsing and everything that follows.
    """

    def __init__(self, gatherer: RTCIceGatherer, budget: PeerBudget) -> None:
        super().__init__(gatherer)
        self._budget = budget
        self._handed_over: float | None = None
        self._recv = self._recv_filled

    async def _recv_filled(self) -> bytes:
        if self._handed_over is not None:
            self._budget.spent(time.thread_time() - self._handed_over)
            self._handed_over = None
        while True:
            data = await self._connection.recv()
            if data and self._budget.admits(time.monotonic()):
                self._handed_over = time.thread_time()
                return bytes(data)


class HubDtlsTransport(RTCDtlsTransport):
    """A DTLS transport that hands every RTP and RTCP packet to its owner instead of aiortc's router and receivers.

    # WORKAROUND(aiortc 1.16.0): RtpRouter ignores the MID extension, so lines that share a payload type and announce no
    # SSRC get nothing; and a malformed header extension (struct.error) ends the connection –
    # https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtcdtlstransport.py – goes when upstream routes by RFC
    # 9143 section 9.2 and catches every parsing error.

    Args:
        transport: the ICE transport below.
        certificate: of this connection.
        on_rtp: called with each packet and its size in bytes.
        on_rtcp: called with each packet.
    """

    def __init__(
        self,
        transport: RTCIceTransport,
        certificate: RTCCertificate,
        on_rtp: Callable[[RtpPacket, int], None],
        on_rtcp: Callable[[AnyRtcpPacket], None],
    ) -> None:
        super().__init__(transport, [certificate])
        self._on_rtp = on_rtp
        self._on_rtcp = on_rtcp
        self._queued_rtcp: list[bytes] = []
        self.on_feedback: Callable[[bytes], None] | None = None
        """Called with each message about when our packets came.

        # WORKAROUND(aiortc 1.16.0): it does not read them, and refuses those with padding, three of four, with all that
        # comes in the same datagram – https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtp.py,
        # RtcpRtpfbPacket.parse – goes when upstream does.
        """

    def use_extensions(self, numbers: dict[str, int]) -> None:
        """Read these header extensions: their URIs and numbers."""
        found = [RTCRtpHeaderExtensionParameters(id=number, uri=uri) for uri, number in numbers.items()]
        self._rtp_header_extensions_map.configure(RTCRtpParameters(headerExtensions=found))

    def queue_rtcp(self, packet: bytes) -> None:
        """Send an RTCP packet with the next `flush`; one that nobody flushes is dropped."""
        if len(self._queued_rtcp) < _MAX_QUEUED_RTCP:
            self._queued_rtcp.append(packet)

    def send_media(self, packet: bytes) -> bool:
        """Protect and send an RTP packet at once, without a task of its own.

        Returns:
            False if it was not taken: there is no connection, or the socket is full.
        """
        pair = self.transport._connection._nominated.get(1)
        if self.state != "connected" or pair is None:
            return False
        socket: Any = pair.protocol.transport
        if isinstance(socket, TurnTransport):
            return relayed.send(socket, self._tx_srtp.protect(packet), pair.remote_addr)
        # A socket that is full must not become a queue without an end.
        if socket.get_write_buffer_size() > 0:
            return False
        socket.sendto(self._tx_srtp.protect(packet), pair.remote_addr)
        return True

    async def flush(self) -> None:
        """Send what is queued; what cannot be sent is lost, as on any network."""
        packets, self._queued_rtcp = self._queued_rtcp, []
        for packet in packets:
            try:
                await self._send_rtp(packet)
            except ConnectionError:
                return

    @override
    async def _handle_rtp_data(self, data: bytes, arrival_time_ms: int) -> None:
        try:
            packet = RtpPacket.parse(data, self._rtp_header_extensions_map)
        except _MALFORMED:
            return
        self._on_rtp(packet, len(data))
        if self._queued_rtcp:
            await self.flush()

    @override
    async def _handle_rtcp_data(self, data: bytes) -> None:
        for part in packets_in(data):
            if is_feedback(part):
                if self.on_feedback is not None:
                    self.on_feedback(part)
                continue
            try:
                packets = RtcpPacket.parse(part)
            except _MALFORMED:
                continue
            for packet in packets:
                self._on_rtcp(packet)
        if self._queued_rtcp:
            await self.flush()


class HubSctpTransport(RTCSctpTransport):
    """An SCTP transport that bounds what a hostile peer makes it hold.

    # WORKAROUND(aiortc 1.16.0): RTCSctpTransport stores chunks beyond the window it advertised, without end, and a
    # malformed chunk may raise AssertionError, which ends the DTLS transport –
    # https://github.com/aiortc/aiortc/blob/1.16.0/src/aiortc/rtcsctptransport.py – goes when upstream drops both.
    """

    MAX_STREAMS_USED = 64

    @override
    async def _handle_data(self, data: bytes) -> None:
        try:
            await super()._handle_data(data)
        except _MALFORMED:
            return
        if self._advertised_rwnd < 0 or len(self._inbound_streams) > self.MAX_STREAMS_USED:
            # Raised inside the DTLS transport's receiver, this closes the connection in order.
            raise ConnectionError("the peer sends more than the window allows")
