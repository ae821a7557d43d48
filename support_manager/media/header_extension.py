"""Writes the header extensions of a packet: its media line, and its number on the whole connection (RFC 8285)."""

import struct

from support_manager.media.negotiation import MID_URI, TRANSPORT_CC_URI, OfferedLine


def mid_extension(offered: OfferedLine) -> bytes:
    """What names the line (RFC 9143 section 14) in each of its packets; empty where it was not agreed on."""
    number, mid = offered.extensions.get(MID_URI), offered.mid.encode()
    if number is None or not 1 <= number <= 14 or not 1 <= len(mid) <= 16:
        return b""
    data = bytes([number << 4 | len(mid) - 1]) + mid
    data += bytes(-len(data) % 4)
    return struct.pack("!HH", 0xBEDE, len(data) // 4) + data


def numbered_extension(offered: OfferedLine) -> tuple[bytes, bytes] | None:
    """What stands before and after the packet's number of two bytes (transport-wide congestion control).

    Returns:
        None where it was not agreed on.
    """
    number, mid = offered.extensions.get(TRANSPORT_CC_URI), mid_extension(offered)
    if offered.role != "share_down":  # as `negotiation` answers
        return None
    if number is None or not 1 <= number <= 14 or "transport-cc" not in offered.feedback:
        return None
    words = (len(mid) - 4) // 4 if mid else 0
    # Of four bytes, so that all stays aligned: head, number, and one of padding.
    return struct.pack("!HH", 0xBEDE, words + 1) + mid[4:] + bytes([number << 4 | 1]), b"\0"
