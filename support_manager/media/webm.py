"""WebM as bytes: a header of fixed size that can be completed in place, clusters, and reading both again.

Matroska (RFC 9559) as far as WebM takes it (webmproject.org, container guidelines): VP8 and Opus, no lacing.

A player that finds cues in front of the clusters seeks without reading to the end; so room for cues and chapters is
kept in front from the beginning, and a recording that is over is finished by writing over that room. Nothing is copied,
so that even a full disk holds a whole recording.
"""

import math
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

HEADER_BYTES = 64 * 1024
"""What lies in front of the first cluster, whatever it holds."""
VIDEO, AUDIO = 1, 2
"""The numbers of the tracks."""
SAMPLE_RATE = 48_000
BLOCK_MS = 20
"""Of one Opus packet."""
PRE_SKIP = 312
"""Samples at the start that a decoder drops: the look-ahead of libopus at 48 kHz."""
SILENCE = b"\xf8\xff\xfe"
"""One Opus packet of 20 ms in which nothing is heard (CELT, full band, mono; RFC 6716 section 3.1)."""

_EBML, _SEGMENT, _VOID = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67", b"\xec"
_SEEK_HEAD, _SEEK, _SEEK_ID, _SEEK_POSITION = b"\x11\x4d\x9b\x74", b"\x4d\xbb", b"\x53\xab", b"\x53\xac"
_INFO, _TIMESTAMP_SCALE, _DURATION, _DATE = b"\x15\x49\xa9\x66", b"\x2a\xd7\xb1", b"\x44\x89", b"\x44\x61"
_TITLE, _MUXER, _WRITER = b"\x7b\xa9", b"\x4d\x80", b"\x57\x41"
_TRACKS, _TRACK, _NUMBER, _UID, _TYPE = b"\x16\x54\xae\x6b", b"\xae", b"\xd7", b"\x73\xc5", b"\x83"
_LACING, _CODEC, _PRIVATE, _DELAY, _PRE_ROLL = b"\x9c", b"\x86", b"\x63\xa2", b"\x56\xaa", b"\x56\xbb"
_LANGUAGE = b"\x22\xb5\x9c"
_VIDEO, _WIDTH, _HEIGHT = b"\xe0", b"\xb0", b"\xba"
_AUDIO, _RATE, _CHANNELS = b"\xe1", b"\xb5", b"\x9f"
_TAGS, _TAG, _TARGETS, _SIMPLE_TAG = b"\x12\x54\xc3\x67", b"\x73\x73", b"\x63\xc0", b"\x67\xc8"
_TAG_NAME, _TAG_STRING = b"\x45\xa3", b"\x44\x87"
_CUES, _CUE, _CUE_TIME, _CUE_PLACES = b"\x1c\x53\xbb\x6b", b"\xbb", b"\xb3", b"\xb7"
_CUE_TRACK, _CUE_CLUSTER = b"\xf7", b"\xf1"
_CHAPTERS, _EDITION, _ATOM, _CHAPTER_UID = b"\x10\x43\xa7\x70", b"\x45\xb9", b"\xb6", b"\x73\xc4"
_CHAPTER_START, _DISPLAY, _CHAPTER_TEXT, _CHAPTER_LANGUAGE = b"\x91", b"\x80", b"\x85", b"\x43\x7c"
_CLUSTER, _TIMESTAMP, _BLOCK = b"\x1f\x43\xb6\x75", b"\xe7", b"\xa3"
_MARK = b"SMmark1 "
_UNKNOWN_SIZE = b"\x01" + b"\xff" * 7
_EPOCH_S = 978_307_200
"""Matroska counts from the start of 2001."""
_MOST_CUES = 40_000


@dataclass(frozen=True, slots=True)
class Chapter:
    """Something that happened, to be found again in a player."""

    at_ms: int
    text: str


@dataclass(frozen=True, slots=True)
class Cue:
    """Where a key frame lies: its time, and its cluster's place in the file."""

    at_ms: int
    place: int


@dataclass(frozen=True, slots=True)
class Facts:
    """What a recording says of itself."""

    title: str
    started_at: int
    """Milliseconds since 1970."""
    tags: dict[str, str] = field(default_factory=dict)
    """By names in capitals, as Matroska writes them."""


@dataclass(frozen=True, slots=True)
class Block:
    """One frame of one track; times are milliseconds since the start."""

    at_ms: int
    track: int
    key: bool
    data: bytes
    blank: bool = False
    """Whether it shows nothing: it only stands for a time without a picture (in the file: discardable)."""


# --- writing


def _size(length: int) -> bytes:
    for width in range(1, 9):
        if length < (1 << 7 * width) - 1:
            return (length | 1 << 7 * width).to_bytes(width, "big")
    raise ValueError("too long for an element")


def _element(identity: bytes, *parts: bytes) -> bytes:
    body = b"".join(parts)
    return identity + _size(len(body)) + body


def _number(identity: bytes, value: int) -> bytes:
    return _element(identity, value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big"))


def _place(identity: bytes, value: int) -> bytes:
    """A number that is always eight bytes long, so that it can be known after the size of what it stands in."""
    return _element(identity, value.to_bytes(8, "big"))


def _text(identity: bytes, value: str) -> bytes:
    return _element(identity, value.encode("utf-8", "replace"))


def _void(length: int) -> bytes:
    """Room of exactly that many bytes, two at least."""
    if length < 9 + 1:
        return _VOID + bytes([0x80 | length - 2]) + bytes(length - 2)
    return _VOID + (length - 9 | 1 << 56).to_bytes(8, "big") + bytes(length - 9)


_HEAD = _element(
    _EBML,
    _number(b"\x42\x86", 1),
    _number(b"\x42\xf7", 1),
    _number(b"\x42\xf2", 4),
    _number(b"\x42\xf3", 8),
    _text(b"\x42\x82", "webm"),
    _number(b"\x42\x87", 4),
    _number(b"\x42\x85", 2),
)
_SEGMENT_START = len(_HEAD) + len(_SEGMENT) + 8
_MUXED = _text(_MUXER, "Support Manager")


def _tracks(width: int, height: int) -> bytes:
    opus_head = b"OpusHead" + struct.pack("<BBHIHB", 1, 1, PRE_SKIP, SAMPLE_RATE, 0, 0)  # RFC 7845 section 5.1
    video = _element(
        _TRACK,
        _number(_NUMBER, VIDEO),
        _number(_UID, VIDEO),
        _number(_TYPE, 1),
        _number(_LACING, 0),
        _text(_LANGUAGE, "und"),
        _text(_CODEC, "V_VP8"),
        _element(_VIDEO, _number(_WIDTH, width), _number(_HEIGHT, height)),
    )
    audio = _element(
        _TRACK,
        _number(_NUMBER, AUDIO),
        _number(_UID, AUDIO),
        _number(_TYPE, 2),
        _number(_LACING, 0),
        _text(_LANGUAGE, "und"),
        _text(_CODEC, "A_OPUS"),
        _element(_PRIVATE, opus_head),
        _number(_DELAY, PRE_SKIP * 1_000_000_000 // SAMPLE_RATE),
        _number(_PRE_ROLL, 80_000_000),
        _element(_AUDIO, _element(_RATE, struct.pack(">d", SAMPLE_RATE)), _number(_CHANNELS, 1)),
    )
    return _element(_TRACKS, video, audio)


def _info(facts: Facts, duration_ms: int | None) -> bytes:
    parts = [
        _number(_TIMESTAMP_SCALE, 1_000_000),
        _element(_DATE, struct.pack(">q", (facts.started_at - _EPOCH_S * 1000) * 1_000_000)),
        _text(_TITLE, facts.title),
        _MUXED,
        _text(_WRITER, "Support Manager"),
    ]
    if duration_ms is not None:
        parts.append(_element(_DURATION, struct.pack(">d", duration_ms)))
    return _element(_INFO, *parts)


def _tags(facts: Facts) -> bytes:
    tags = [_element(_SIMPLE_TAG, _text(_TAG_NAME, k), _text(_TAG_STRING, v)) for k, v in facts.tags.items()]
    return _element(_TAGS, _element(_TAG, _element(_TARGETS), *tags)) if tags else b""


def cues(found: Sequence[Cue]) -> bytes:
    """The index of key frames; `Cue.place` counts from the start of the file."""
    points = (
        _element(
            _CUE,
            _number(_CUE_TIME, cue.at_ms),
            _element(_CUE_PLACES, _number(_CUE_TRACK, VIDEO), _number(_CUE_CLUSTER, cue.place - _SEGMENT_START)),
        )
        for cue in found[:_MOST_CUES]
    )
    return _element(_CUES, *points) if found else b""


def chapters(found: Sequence[Chapter]) -> bytes:
    """The list of chapters; each lasts until the next one."""
    atoms = (
        _element(
            _ATOM,
            _number(_CHAPTER_UID, number),
            _number(_CHAPTER_START, chapter.at_ms * 1_000_000),
            _element(_DISPLAY, _text(_CHAPTER_TEXT, chapter.text), _text(_CHAPTER_LANGUAGE, "und")),
        )
        for number, chapter in enumerate(found, 1)
    )
    return _element(_CHAPTERS, _element(_EDITION, *atoms)) if found else b""


@dataclass(frozen=True, slots=True)
class Whole:
    """What is known once a recording is over. `tail` is what did not find room in front and lies behind."""

    duration_ms: int
    width: int
    height: int
    cues: Sequence[Cue]
    chapters: Sequence[Chapter]


def header(facts: Facts) -> bytes:
    """What a file begins with while it is being written: no size, no duration, no index."""
    body = _info(facts, None) + _tracks(640, 360) + _tags(facts)
    return _fill(_UNKNOWN_SIZE, body)


def finished(facts: Facts, whole: Whole, end: int) -> tuple[bytes, bytes]:
    """What is to be written over the front of a file that ends at `end`, and what is to be put behind it.

    Returns:
        The front, exactly `HEADER_BYTES` long, and the tail, mostly empty: cues and chapters for which there was no
        room in front.
    """
    front = [(_INFO, _info(facts, whole.duration_ms)), (_TRACKS, _tracks(whole.width, whole.height))]
    if facts.tags:
        front.append((_TAGS, _tags(facts)))
    room = HEADER_BYTES - _SEGMENT_START - 256 - sum(len(data) for _, data in front)
    behind: list[tuple[bytes, bytes]] = []
    for identity, data in ((_CUES, cues(whole.cues)), (_CHAPTERS, chapters(whole.chapters))):
        if data and len(data) <= room:
            front.append((identity, data))
            room -= len(data)
        elif data:
            behind.append((identity, data))
    tail = b"".join(data for _, data in behind)
    length = _SEGMENT_START + len(_seek_head([(identity, 0) for identity, _ in front + behind]))
    places, at = [], length
    for identity, data in front:
        places.append((identity, at - _SEGMENT_START))
        at += len(data)
    at = end
    for identity, data in behind:
        places.append((identity, at - _SEGMENT_START))
        at += len(data)
    size = (end + len(tail) - _SEGMENT_START | 1 << 56).to_bytes(8, "big")
    return _fill(size, _seek_head(places) + b"".join(data for _, data in front)), tail


def _seek_head(places: Sequence[tuple[bytes, int]]) -> bytes:
    return _element(
        _SEEK_HEAD,
        *(_element(_SEEK, _element(_SEEK_ID, identity), _place(_SEEK_POSITION, at)) for identity, at in places),
    )


def _fill(segment_size: bytes, body: bytes) -> bytes:
    start = _HEAD + _SEGMENT + segment_size + body
    left = HEADER_BYTES - len(start)
    if left < 2:
        raise ValueError("what a recording says of itself is too long")
    return start + _void(left)


def cluster(blocks: Sequence[Block]) -> bytes:
    """Blocks in order of time, of at most 30 s, as one cluster."""
    start = blocks[0].at_ms
    parts = [_number(_TIMESTAMP, start)]
    for block in blocks:
        flags = 0x80 * block.key | 0x01 * block.blank
        head = struct.pack(">BhB", 0x80 | block.track, block.at_ms - start, flags)
        parts.append(_BLOCK + _size(len(head) + len(block.data)) + head + block.data)
    return _element(_CLUSTER, *parts)


def mark(chapter: Chapter) -> bytes:
    """A chapter on its way, kept between clusters in what players skip, until it stands in the list of chapters."""
    return _element(_VOID, _MARK, struct.pack(">q", chapter.at_ms), chapter.text.encode("utf-8", "replace"))


# --- reading


class NotOursError(ValueError):
    """The file was not written by this module, or is damaged."""


@dataclass(frozen=True, slots=True)
class Element:
    """One element: where its content starts and how long it is, -1 while that is unknown."""

    identity: bytes
    at: int
    size: int


def elements(data: bytes | memoryview, at: int = 0) -> Iterator[Element]:
    """The elements that lie side by side from `at` on, until one is cut off.

    Raises:
        NotOursError: what lies there is no element.
    """
    while at < len(data):
        first = data[at]
        width = 9 - first.bit_length() if first else 9
        if width > 4:
            raise NotOursError("no element")
        identity = bytes(data[at : at + width])
        at += width
        if at >= len(data):
            return
        first = data[at]
        width = 9 - first.bit_length() if first else 9
        if width > 8:
            raise NotOursError("no size")
        if at + width > len(data):
            return
        size = int.from_bytes(data[at : at + width], "big") & (1 << 7 * width) - 1
        at += width
        unknown = size == (1 << 7 * width) - 1
        yield Element(identity, at, -1 if unknown else size)
        if unknown:
            return
        at += size


@dataclass(frozen=True, slots=True)
class Front:
    """What the front of a file says."""

    facts: Facts
    duration_ms: int | None
    """None while it was never finished."""


def is_ours(front: bytes) -> bool:
    """Whether a file that begins so is one of ours, also where its front was being written over when it was cut off.

    Browsers and FFmpeg begin theirs with the very same bytes, so it has to be told by its muxer.
    """
    return front.startswith(_HEAD + _SEGMENT) and _MUXED in front


def read_front(data: bytes) -> Front:
    """Read the first `HEADER_BYTES` of a recording.

    Raises:
        NotOursError: it is none of ours.
    """
    try:
        return _read_front(data)
    except (IndexError, struct.error, OverflowError) as error:
        raise NotOursError("damaged") from error


def _read_front(data: bytes) -> Front:
    found = list(elements(data))
    if not is_ours(data) or len(found) < 2:
        raise NotOursError("not a recording of ours")
    title, at, duration, tags = "", 0, None, {}
    for part in elements(data, found[1].at):
        if part.identity == _INFO:
            inside = data[part.at : part.at + part.size]
            for one in elements(inside):
                value = inside[one.at : one.at + one.size]
                if one.identity == _TITLE:
                    title = value.decode("utf-8", "replace")
                elif one.identity == _DATE:
                    at = struct.unpack(">q", value)[0] // 1_000_000 + _EPOCH_S * 1000
                elif one.identity == _DURATION:
                    duration = struct.unpack(">d", value)[0]
        elif part.identity == _TAGS:
            tags = dict(_read_tags(data[part.at : part.at + part.size]))
    if duration is not None and not (math.isfinite(duration) and 0 <= duration < 2**53):
        duration = None
    return Front(Facts(title, at, tags), None if duration is None else int(duration))


def _read_tags(data: bytes) -> Iterator[tuple[str, str]]:
    for tag in elements(data):
        inside = data[tag.at : tag.at + tag.size]
        for simple in elements(inside):
            if simple.identity != _SIMPLE_TAG:
                continue
            pair = inside[simple.at : simple.at + simple.size]
            values = [pair[one.at : one.at + one.size].decode("utf-8", "replace") for one in elements(pair)]
            if len(values) == 2:
                yield values[0], values[1]


def read_mark(data: bytes) -> Chapter | None:
    """The chapter that the content of a void element holds, if it does."""
    if not data.startswith(_MARK) or len(data) < len(_MARK) + 8:
        return None
    at_ms = struct.unpack_from(">q", data, len(_MARK))[0]
    return Chapter(max(0, at_ms), data[len(_MARK) + 8 :].decode("utf-8", "replace"))


def is_cluster(part: Element) -> bool:
    """Whether an element is a cluster."""
    return part.identity == _CLUSTER


def is_void(part: Element) -> bool:
    """Whether an element is one that players skip."""
    return part.identity == _VOID


def read_cluster(data: bytes | memoryview) -> Iterator[Block]:
    """The blocks of a cluster's content.

    Raises:
        NotOursError: it is damaged.
    """
    start = 0
    for part in elements(data):
        if part.at + part.size > len(data) or part.size < 0:
            raise NotOursError("a block is cut off")
        inside = data[part.at : part.at + part.size]
        if part.identity == _TIMESTAMP:
            start = int.from_bytes(inside, "big")
        elif part.identity == _BLOCK:
            if len(inside) < 4:
                raise NotOursError("a block without a head")
            track, offset, flags = struct.unpack_from(">BhB", inside)
            yield Block(start + offset, track & 0x7F, bool(flags & 0x80), bytes(inside[4:]), bool(flags & 0x01))
