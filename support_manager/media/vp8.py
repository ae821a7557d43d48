"""Reads what the hub must know of a VP8 packet: where frames start, which are key frames, and how large (RFC 7741)."""

from dataclasses import dataclass

KEY_HEADER_BYTES = 10


@dataclass(frozen=True, slots=True)
class Vp8Part:
    """One RTP packet's share of a frame."""

    data: bytes
    starts: bool
    """Whether it is the first packet of a frame."""
    key: bool
    """Whether a key frame starts here."""


def parse_part(payload: bytes) -> Vp8Part:
    """Take the payload descriptor (RFC 7741 section 4.2) off a packet.

    Raises:
        ValueError: if it is malformed.
    """
    if not payload:
        return Vp8Part(b"", starts=False, key=False)
    first = payload[0]
    at = 1
    try:
        if first & 0x80:
            flags = payload[at]
            at += 1
            if flags & 0x80:
                at += 2 if payload[at] & 0x80 else 1
            if flags & 0x40:
                at += 1
            if flags & 0x30:
                at += 1
    except IndexError:
        raise ValueError("truncated VP8 payload descriptor") from None
    if at >= len(payload):
        raise ValueError("VP8 packet without data")
    starts = bool(first & 0x10) and first & 0x07 == 0
    return Vp8Part(payload[at:], starts=starts, key=starts and payload[at] & 1 == 0)


def key_frame_size(data: bytes) -> tuple[int, int]:
    """Width and height of a key frame, in pixels (RFC 6386 section 9.1).

    Raises:
        ValueError: if it is no key frame.
    """
    if len(data) < KEY_HEADER_BYTES or data[0] & 1 or data[3:6] != b"\x9d\x01\x2a":
        raise ValueError("not a VP8 key frame")
    return int.from_bytes(data[6:8], "little") & 0x3FFF, int.from_bytes(data[8:10], "little") & 0x3FFF
