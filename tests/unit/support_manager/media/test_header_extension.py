"""What stands at the head of a share's packets, as a browser reads it (RFC 8285)."""

import struct
from dataclasses import replace

import pytest

from support_manager.media.header_extension import mid_extension, numbered_extension, share_extension
from support_manager.media.negotiation import MID_URI, PLAYOUT_DELAY_URI, TRANSPORT_CC_URI, OfferedLine

NUMBERS = {MID_URI: 4, TRANSPORT_CC_URI: 3, PLAYOUT_DELAY_URI: 5}
DOWN = OfferedLine("share_down", "video", "1", "recvonly", 96, 97, frozenset({"transport-cc"}), NUMBERS, None, None)


def read(extension: bytes) -> dict[int, bytes]:
    """The elements of an extension, which fills whole words."""
    profile, words = struct.unpack_from("!HH", extension)
    assert (profile, len(extension)) == (0xBEDE, 4 + words * 4)
    found, at = {}, 4
    while at < len(extension):
        if not extension[at]:
            at += 1
            continue
        number, size = extension[at] >> 4, (extension[at] & 15) + 1
        found[number] = extension[at + 1 : at + 1 + size]
        at += 1 + size
    return found


@pytest.mark.parametrize("mid", ["1", "12", "middle"])
def test_a_numbered_packet_names_its_line_and_asks_for_no_delay(mid: str) -> None:
    around = numbered_extension(replace(DOWN, mid=mid))
    assert around is not None
    assert read(around[0] + b"\x12\x34" + around[1]) == {4: mid.encode(), 5: b"\0\0\0", 3: b"\x12\x34"}


def test_without_numbers_the_rest_stands() -> None:
    line = replace(DOWN, extensions={MID_URI: 4, PLAYOUT_DELAY_URI: 5})
    assert numbered_extension(line) is None
    assert read(share_extension(line)) == {4: b"1", 5: b"\0\0\0"}
    assert read(share_extension(replace(line, extensions={PLAYOUT_DELAY_URI: 5}))) == {5: b"\0\0\0"}
    assert share_extension(replace(line, extensions={})) == b""


def test_what_is_no_share_is_played_as_the_browser_sees_fit() -> None:
    camera = replace(DOWN, role="camera_down")
    assert share_extension(camera) == mid_extension(camera)
    assert read(mid_extension(camera)) == {4: b"1"}
