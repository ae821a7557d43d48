"""Malformed packets of an authenticated peer: aiortc's transport dies of them, ours takes the next one."""

import random
import struct

import pytest
from aiortc import RTCCertificate, RTCDtlsTransport, RTCIceGatherer
from aiortc.rtp import AnyRtcpPacket, RtcpPacket, RtpPacket

from support_manager.media.aiortc_fixes import HubDtlsTransport, HubIceTransport
from support_manager.media.budget import PeerBudget
from support_manager.media.negotiation import MID_URI, TRANSPORT_CC_URI
from support_manager.media.transport_cc import TransportFeedback

EXTENSION = bytes([0x90, 96]) + struct.pack("!HII", 1, 2, 3) + struct.pack("!HH", 0xBEDE, 1) + bytes([0x20, 7, 0, 0])
"""A transport-wide sequence number (extension 2) of one byte, where two are due."""
GOOD = RtpPacket(payload_type=96, sequence_number=5, payload=b"x").serialize()


def transport(rtp: list[RtpPacket], rtcp: list[AnyRtcpPacket]) -> HubDtlsTransport:
    ice = HubIceTransport(RTCIceGatherer(iceServers=[]), PeerBudget(0.0))
    made = HubDtlsTransport(
        ice, RTCCertificate.generateCertificate(), lambda packet, size: rtp.append(packet), rtcp.append
    )
    made.use_extensions({MID_URI: 1, TRANSPORT_CC_URI: 2})
    return made


async def test_upstream_dies_of_a_short_header_extension() -> None:
    """Red once aiortc catches it; then the workaround may go."""
    hub = transport([], [])
    with pytest.raises(struct.error):
        await RTCDtlsTransport._handle_rtp_data(hub, EXTENSION, 0)


async def test_malformed_rtp_is_dropped_and_the_next_packet_taken() -> None:
    rtp: list[RtpPacket] = []
    hub, rng = transport(rtp, []), random.Random(1)
    await hub._handle_rtp_data(EXTENSION, 0)
    for size in range(12, 400):
        await hub._handle_rtp_data(bytes([0x90, 96]) + rng.randbytes(size), 0)
    await hub._handle_rtp_data(GOOD, 0)
    assert rtp[-1].sequence_number == 5


async def test_malformed_rtcp_is_dropped_and_the_next_packet_taken() -> None:
    rtcp: list[AnyRtcpPacket] = []
    hub, rng = transport([], rtcp), random.Random(1)
    for kind in range(192, 224):
        for words in range(8):
            head = struct.pack("!BBH", 0x80 | rng.randrange(64), kind, words)
            await hub._handle_rtcp_data(head + rng.randbytes(4 * words))
    before = len(rtcp)
    bye = struct.pack("!BBHI", 0x81, 203, 1, 9)
    assert RtcpPacket.parse(bye)
    await hub._handle_rtcp_data(bye)
    assert len(rtcp) == before + 1


async def test_all_of_a_datagram_is_taken_whatever_else_is_in_it() -> None:
    rtcp: list[AnyRtcpPacket] = []
    told: list[bytes] = []
    hub, feedback = transport([], rtcp), TransportFeedback(9)
    hub.on_feedback = told.append
    bye, broken = struct.pack("!BBHI", 0x81, 203, 1, 9), struct.pack("!BBHI", 0x81, 201, 1, 9)
    sent = []
    for number in range(40):
        feedback.received(number, 1_000_000 + number * 5_000)
        messages = feedback.take(7)
        sent += messages
        await hub._handle_rtcp_data(b"".join(messages) + broken + bye)
    assert any(message[0] & 0x20 for message in sent), "some of them are padded"
    assert told == sent
    assert len(rtcp) == 40
