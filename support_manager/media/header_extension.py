"""Writes the header extension that names the media line of a packet (RFC 8285 section 4.2, RFC 9143 section 14)."""

import struct

from support_manager.media.negotiation import MID_URI, OfferedLine


def mid_extension(offered: OfferedLine) -> bytes:
    """The extension as it stands in each packet of that line; empty where it was not agreed on."""
    number, mid = offered.extensions.get(MID_URI), offered.mid.encode()
    if number is None or not 1 <= number <= 14 or not 1 <= len(mid) <= 16:
        return b""
    data = bytes([number << 4 | len(mid) - 1]) + mid
    data += bytes(-len(data) % 4)
    return struct.pack("!HH", 0xBEDE, len(data) // 4) + data
