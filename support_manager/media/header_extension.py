"""Writes the header extensions of a packet: its line, its number on the connection, its haste (RFC 8285)."""

import struct

from support_manager.media.negotiation import MID_URI, PLAYOUT_DELAY_URI, TRANSPORT_CC_URI, OfferedLine


def mid_extension(offered: OfferedLine) -> bytes:
    """What names the line (RFC 9143 section 14) in each of its packets; empty where it was not agreed on."""
    number, mid = offered.extensions.get(MID_URI), offered.mid.encode()
    if number is None or not 1 <= number <= 14 or not 1 <= len(mid) <= 16:
        return b""
    data = bytes([number << 4 | len(mid) - 1]) + mid
    data += bytes(-len(data) % 4)
    return struct.pack("!HH", 0xBEDE, len(data) // 4) + data


def share_extension(offered: OfferedLine) -> bytes:
    """What stands in each packet of a share that goes down: its line, and that no picture is to be kept back.

    A browser keeps pictures back to smooth what moves, unless the sender says 0 to 0 (webrtc.org, playout-delay: twelve
    bits for the least and for the most, in 10 ms). A shared screen is pointed at and talked about: old is worse than
    uneven.
    """
    mid, number = mid_extension(offered), offered.extensions.get(PLAYOUT_DELAY_URI)
    if offered.role != "share_down" or number is None or not 1 <= number <= 14:
        return mid
    data = mid[4:] + bytes([number << 4 | 2, 0, 0, 0])
    return struct.pack("!HH", 0xBEDE, len(data) // 4) + data


def numbered_extension(offered: OfferedLine) -> tuple[bytes, bytes] | None:
    """What stands before and after the packet's number of two bytes (transport-wide congestion control).

    Returns:
        None where it was not agreed on.
    """
    number, rest = offered.extensions.get(TRANSPORT_CC_URI), share_extension(offered)[4:]
    if offered.role != "share_down":  # as `negotiation` answers
        return None
    if number is None or not 1 <= number <= 14 or "transport-cc" not in offered.feedback:
        return None
    # Of four bytes, so that all stays aligned: head, number, and one of padding.
    return struct.pack("!HH", 0xBEDE, len(rest) // 4 + 1) + rest + bytes([number << 4 | 1]), b"\0"
