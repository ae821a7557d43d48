"""The hub's half of offer and answer: reads a participant's offer strictly, and writes the answer to it.

The participant always offers `MEDIA_LINES`, bundled on one transport (RFC 9143) with multiplexed RTCP (RFC 5761); the
hub always answers. Nothing of an offer reaches the answer but numbers and tokens that were checked here.
"""

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from support_manager.protocol import limits
from support_manager.protocol.signals import MEDIA_LINES

MID_URI: Final = "urn:ietf:params:rtp-hdrext:sdes:mid"
TRANSPORT_CC_URI: Final = "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"
PLAYOUT_DELAY_URI: Final = "http://www.webrtc.org/experiments/rtp-hdrext/playout-delay"
"""How long a picture may be kept back to smooth what moves, said by whoever sends it."""
START_KBPS: Final = 4_000
MAX_KBPS: Final = 8_000

_MAX_SDP_LINES = 3_000
_MAX_LINE_CHARS = 2_000
_LEAST_MESSAGE_BYTES = 512
_TOKEN = re.compile(r"[A-Za-z0-9!#$%&'*+.^_{|}~-]{1,32}")
_ICE_CHARS = re.compile(r"[A-Za-z0-9+/]{4,256}")
_FINGERPRINT = re.compile(r"[0-9A-Fa-f]{2}(:[0-9A-Fa-f]{2}){31,63}")
_MDNS = re.compile(r"[0-9A-Za-z-]{1,63}\.local")
_NUMBER = re.compile(r"[0-9]{1,10}")
_DIRECTIONS = ("sendrecv", "sendonly", "recvonly", "inactive")
_RECEIVED = frozenset({"share_up", "voice", "camera_up"})
"""The lines of which the hub takes something at present."""
_SENT = frozenset({"share_down", "voice", "camera_down_1", "camera_down_2", "camera_down_3", "camera_down_4"})
"""The lines on which the hub sends something; all others are answered `inactive` and so cost nothing."""


class OfferError(ValueError):
    """An offer or a candidate that breaks the rules; the text says which, without quoting the peer."""


@dataclass(frozen=True, slots=True)
class CandidateAddress:
    """A remote ICE candidate (RFC 8839 section 5.1) that is worth trying: UDP, component 1."""

    foundation: str
    priority: int
    host: str
    port: int
    type: str


@dataclass(frozen=True, slots=True)
class OfferedLine:
    """One media line of an offer, as far as the hub can use it."""

    role: str
    """Its name in `MEDIA_LINES`."""
    kind: str
    mid: str
    direction: str
    payload_type: int
    rtx_payload_type: int | None
    feedback: frozenset[str]
    extensions: dict[str, int]
    ssrc: int | None
    rtx_ssrc: int | None

    @property
    def answer_direction(self) -> str:
        """What the hub answers: where it takes or sends something that the participant sends or takes, that."""
        takes = self.role in _RECEIVED and self.direction in ("sendrecv", "sendonly")
        sends = self.role in _SENT and self.direction in ("sendrecv", "recvonly")
        if takes and sends:
            return "sendrecv"
        return "recvonly" if takes else "sendonly" if sends else "inactive"


@dataclass(frozen=True, slots=True)
class ParsedOffer:
    """What an offer says."""

    lines: tuple[OfferedLine, ...]
    data_mid: str
    sctp_port: int
    max_message_bytes: int
    ufrag: str
    password: str
    ice_lite: bool
    fingerprints: tuple[tuple[str, str], ...]
    """Pairs of algorithm and value."""
    setup: str
    candidates: tuple[CandidateAddress, ...]

    @property
    def answer_setup(self) -> str:
        """The hub's DTLS role (RFC 8842 section 5.3)."""
        return "passive" if self.setup == "active" else "active"


@dataclass(frozen=True, slots=True)
class LocalTransport:
    """The hub's side of the transport."""

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    candidates: tuple[str, ...]
    """Attribute values: `FOUNDATION 1 udp PRIORITY IP PORT typ host …`."""
    sources: Mapping[str, tuple[int, int | None]] = field(default_factory=dict)
    """By the name of a line on which the hub sends: its SSRC, and that of its repetitions."""


@dataclass(slots=True)
class _Section:
    kind: str = ""
    port: int = 0
    protocol: str = ""
    formats: list[str] = field(default_factory=list)
    attributes: list[tuple[str, str]] = field(default_factory=list)

    def all(self, name: str) -> list[str]:
        return [value for key, value in self.attributes if key == name]

    def first(self, name: str) -> str | None:
        return next((value for key, value in self.attributes if key == name), None)


def parse_candidate(line: str) -> CandidateAddress | None:
    """Read one candidate line, with or without `candidate:` in front.

    Returns:
        None for a well-formed candidate that is of no use here (TCP, or another component).

    Raises:
        OfferError: if it is malformed.
    """
    words = line.removeprefix("a=").removeprefix("candidate:").split()
    if len(line) > limits.CANDIDATE_CHARS or len(words) < 8 or words[6] != "typ":
        raise OfferError("malformed candidate")
    foundation, component, transport, priority, host, port, _, kind = words[:8]
    if not _TOKEN.fullmatch(foundation) or kind not in ("host", "srflx", "prflx", "relay"):
        raise OfferError("malformed candidate")
    number, rank = _number(port, 65_535), _number(priority, 2**32 - 1)
    if not _MDNS.fullmatch(host):
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            raise OfferError("malformed candidate address") from None
        if address.is_multicast or address.is_unspecified:
            raise OfferError("candidate address that no peer has")
        host = str(address)
    if transport.lower() != "udp" or component != "1" or number == 0:
        return None
    return CandidateAddress(foundation, rank, host, number, kind)


def parse_offer(sdp: str) -> ParsedOffer:
    """Read a participant's offer.

    Raises:
        OfferError: if anything is missing, malformed, or other than the fixed media lines.
    """
    session, sections = _agreed_sections(sdp)
    mids = [_mid(section) for section in sections]
    if len(set(mids)) != len(mids):
        raise OfferError("media line named twice")
    if ["BUNDLE", *mids] not in [group.split() for group in session.all("group")]:
        raise OfferError("media lines not bundled in order")
    lines = tuple(
        _media_line(role, mid, section)
        for role, mid, section in zip(MEDIA_LINES, mids, sections, strict=True)
        if section.kind != "application"
    )
    ids: dict[str, int] = {}
    sources: set[int] = set()
    for line in lines:
        for uri, number in line.extensions.items():
            if ids.setdefault(uri, number) != number:
                raise OfferError("header extension with two numbers")
        for source in (line.ssrc, line.rtx_ssrc):
            if source is not None and source in sources:
                raise OfferError("source on two media lines")
            if source is not None:
                sources.add(source)
    if len(set(ids.values())) != len(ids):
        raise OfferError("header extension number used twice")
    return _with_transport(session, sections, mids, lines)


def read_transport(sdp: str) -> ParsedOffer:
    """Read only the transport of a description of the fixed media lines; the lines are left out.

    Raises:
        OfferError: if anything of it is missing or malformed.
    """
    session, sections = _agreed_sections(sdp)
    return _with_transport(session, sections, [_mid(section) for section in sections], ())


def _agreed_sections(sdp: str) -> tuple[_Section, list[_Section]]:
    if len(sdp) > limits.SDP_CHARS:
        raise OfferError("description too long")
    session, sections = _split(sdp)
    kinds = ["application" if role == "data" else "audio" if role == "voice" else "video" for role in MEDIA_LINES]
    if [section.kind for section in sections] != kinds:
        raise OfferError("not the agreed media lines")
    return session, sections


def _with_transport(
    session: _Section, sections: list[_Section], mids: list[str], lines: tuple[OfferedLine, ...]
) -> ParsedOffer:
    head, data = sections[0], sections[-1]
    ufrag = head.first("ice-ufrag") or session.first("ice-ufrag") or ""
    password = head.first("ice-pwd") or session.first("ice-pwd") or ""
    if not _ICE_CHARS.fullmatch(ufrag) or not _ICE_CHARS.fullmatch(password) or len(password) < 22:
        raise OfferError("malformed ICE credentials")
    fingerprints = tuple(_fingerprint(value) for value in head.all("fingerprint") or session.all("fingerprint"))
    if not 1 <= len(fingerprints) <= 8 or not any(name == "sha-256" for name, _ in fingerprints):
        raise OfferError("no SHA-256 fingerprint")
    setup = head.first("setup") or session.first("setup") or ""
    if setup not in ("actpass", "active", "passive"):
        raise OfferError("malformed DTLS role")
    if data.protocol not in ("UDP/DTLS/SCTP", "TCP/DTLS/SCTP") or data.formats != ["webrtc-datachannel"]:
        raise OfferError("malformed data line")
    # A browser repeats them on every media line that it might have to unbundle.
    lines_of_candidates = {value for section in sections for value in section.all("candidate")}
    if len(lines_of_candidates) > limits.CANDIDATES_PER_EPOCH:
        raise OfferError("too many candidates")
    found = {candidate for value in lines_of_candidates if (candidate := parse_candidate(value)) is not None}
    return ParsedOffer(
        lines=lines,
        data_mid=mids[-1],
        sctp_port=_number(data.first("sctp-port") or "5000", 65_535),
        max_message_bytes=_message_bytes(data.first("max-message-size") or "65536"),
        ufrag=ufrag,
        password=password,
        ice_lite=session.first("ice-lite") is not None,
        fingerprints=fingerprints,
        setup=setup,
        candidates=tuple(sorted(found, key=lambda candidate: -candidate.priority)),
    )


def make_answer(offer: ParsedOffer, local: LocalTransport) -> str:
    """Write the answer to `offer`.

    VP8 only for pictures; the start bitrate stands in the format parameters of the share, where Chromium reads it.
    """
    mids = [*(line.mid for line in offer.lines), offer.data_mid]
    rows = [
        "v=0",
        "o=- 1 1 IN IP4 0.0.0.0",
        "s=-",
        "t=0 0",
        f"a=group:BUNDLE {' '.join(mids)}",
        "a=msid-semantic:WMS *",
    ]
    transport = transport_rows(local, offer.answer_setup)
    for number, line in enumerate(offer.lines):
        rows += _answer_line(line)
        if line.answer_direction in ("sendonly", "sendrecv") and line.mid in local.sources:
            rows += _source_rows(*local.sources[line.mid])
        if number == 0:
            rows += [f"a=candidate:{candidate}" for candidate in local.candidates]
            rows.append("a=end-of-candidates")
        rows += transport
    rows += data_rows(offer, transport)
    return "\r\n".join(rows) + "\r\n"


def transport_rows(local: LocalTransport, setup: str) -> list[str]:
    """The rows that say how to reach us; under every line of offers and answers alike, as all are bundled.

    Args:
        local: our end.
        setup: who begins DTLS (RFC 8842, section 5.2).
    """
    return [
        f"a=ice-ufrag:{local.ufrag}",
        f"a=ice-pwd:{local.password}",
        *(f"a=fingerprint:{name} {value}" for name, value in local.fingerprints),
        f"a=setup:{setup}",
    ]


def data_rows(offer: ParsedOffer, transport: list[str]) -> list[str]:
    """The data channel's line (RFC 8841), in an offer and in the answer to it; both ends take messages as large as
    `limits` allows."""
    return [
        "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{offer.data_mid}",
        f"a=sctp-port:{offer.sctp_port}",
        f"a=max-message-size:{limits.CHANNEL_MESSAGE_BYTES}",
        *transport,
    ]


def _answer_line(line: OfferedLine) -> list[str]:
    number, rtx = line.payload_type, line.rtx_payload_type
    formats = [number] if rtx is None else [number, rtx]
    is_sent = line.answer_direction == "sendonly"
    # Of what the hub sends, only the share's packets. Of what browsers send, no sound: a numbered voice line counts as
    # something to send also while nobody speaks, and is then all that Chromium sees once the screen is held for three
    # seconds. The next probe is at twice the sum of what is to be sent, 93 kbit/s, waits for the first packet, and its
    # result is taken for the line: the picture after the pause took two seconds and more (libwebrtc,
    # probe_controller.cc, `InitiateProbing`; audio_send_stream.cc, `ConfigureBitrateObserver`).
    is_numbered = line.kind != "audio" and (not is_sent or line.role == "share_down")
    uris = [MID_URI, TRANSPORT_CC_URI] if is_numbered else [MID_URI]
    if line.role == "share_down":
        uris.append(PLAYOUT_DELAY_URI)
    rows = [
        f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{line.mid}",
        f"a={line.answer_direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(f"a=extmap:{line.extensions[uri]} {uri}" for uri in uris if uri in line.extensions),
    ]
    if line.kind == "audio":
        # RFC 7587 section 6.1: what is lost on the way is asked for in the packet after it, too.
        rows += [f"a=rtpmap:{number} opus/48000/2", f"a=fmtp:{number} minptime=10;useinbandfec=1"]
    else:
        rows.append(f"a=rtpmap:{number} VP8/90000")
        if line.role == "share_up":
            rows.append(f"a=fmtp:{number} x-google-start-bitrate={START_KBPS};x-google-max-bitrate={MAX_KBPS}")
        if rtx is not None:
            rows += [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]
    wanted = [] if line.kind == "audio" else ["nack", "nack pli"]
    if is_numbered:
        wanted.append("transport-cc")
    rows += [f"a=rtcp-fb:{number} {name}" for name in wanted if name in line.feedback]
    return rows


def _source_rows(source: int, repeats: int | None) -> list[str]:
    if repeats is None:
        return [f"a=ssrc:{source} cname:hub"]
    return [f"a=ssrc-group:FID {source} {repeats}", f"a=ssrc:{source} cname:hub", f"a=ssrc:{repeats} cname:hub"]


def _split(sdp: str) -> tuple[_Section, list[_Section]]:
    rows = sdp.splitlines()
    if len(rows) > _MAX_SDP_LINES or not rows or rows[0] != "v=0":
        raise OfferError("not a session description")
    session = _Section()
    sections: list[_Section] = []
    for row in rows:
        if len(row) > _MAX_LINE_CHARS or row[1:2] != "=":
            raise OfferError("malformed line")
        if row[0] == "m":
            if len(sections) == len(MEDIA_LINES):
                raise OfferError("not the agreed media lines")
            words = row[2:].split(" ")
            if len(words) < 4:
                raise OfferError("malformed media line")
            sections.append(_Section(words[0], _number(words[1], 65_535), words[2], words[3:]))
        elif row[0] == "a":
            name, _, value = row[2:].partition(":")
            (sections[-1] if sections else session).attributes.append((name, value))
    return session, sections


def _media_line(role: str, mid: str, section: _Section) -> OfferedLine:
    if section.protocol != "UDP/TLS/RTP/SAVPF" or section.first("rtcp-mux") is None:
        raise OfferError("media line without DTLS-SRTP and RTCP multiplexing")
    if section.port == 0 and section.first("bundle-only") is None:
        raise OfferError("media line switched off")
    directions = [name for name, _ in section.attributes if name in _DIRECTIONS]
    name = "opus/48000/2" if section.kind == "audio" else "VP8/90000"
    payload_type, rtx = _codec(section, name)
    feedback = frozenset(
        words[1].strip()
        for words in (value.split(" ", 1) for value in section.all("rtcp-fb"))
        if len(words) == 2 and words[0] in ("*", str(payload_type))
    )
    ssrc, rtx_ssrc = _sources(section)
    return OfferedLine(
        role=role,
        kind=section.kind,
        mid=mid,
        direction=directions[0] if directions else "sendrecv",
        payload_type=payload_type,
        rtx_payload_type=rtx,
        feedback=feedback,
        extensions=_extensions(section),
        ssrc=ssrc,
        rtx_ssrc=rtx_ssrc,
    )


def _codec(section: _Section, name: str) -> tuple[int, int | None]:
    maps = {words[0]: words[1] for value in section.all("rtpmap") if len(words := value.split(" ")) == 2}
    parameters = {words[0]: words[1] for value in section.all("fmtp") if len(words := value.split(" ", 1)) == 2}
    usable = [number for number in section.formats if number in maps]
    wanted = [number for number in usable if maps[number].lower() == name.lower()]
    if not wanted:
        raise OfferError(f"no {name.split('/')[0]}")
    number = wanted[0]
    repairs = [
        other
        for other in usable
        if maps[other].lower() == "rtx/90000" and f"apt={number}" in parameters.get(other, "").split(";")
    ]
    return _payload_type(number), _payload_type(repairs[0]) if repairs else None


def _payload_type(text: str) -> int:
    number = _number(text, 127)
    if 64 <= number <= 95:  # RFC 5761 section 4: they would be taken for RTCP
        raise OfferError("payload type out of range")
    return number


def _sources(section: _Section) -> tuple[int | None, int | None]:
    for value in section.all("ssrc-group"):
        words = value.split(" ")
        if len(words) == 3 and words[0] == "FID":
            return _number(words[1], 2**32 - 1), _number(words[2], 2**32 - 1)
    first = section.first("ssrc")
    return (None if first is None else _number(first.split(" ", 1)[0], 2**32 - 1)), None


def _extensions(section: _Section) -> dict[str, int]:
    found: dict[str, int] = {}
    for value in section.all("extmap"):
        words = value.split(" ")
        if len(words) >= 2 and words[1] in (MID_URI, TRANSPORT_CC_URI, PLAYOUT_DELAY_URI):
            found[words[1]] = _number(words[0].partition("/")[0], 14)
            if found[words[1]] == 0:
                raise OfferError("malformed header extension")
    return found


def _mid(section: _Section) -> str:
    mid = section.first("mid") or ""
    if not _TOKEN.fullmatch(mid):
        raise OfferError("media line without a name")
    return mid


def _fingerprint(value: str) -> tuple[str, str]:
    words = value.split(" ")
    if len(words) != 2 or not _FINGERPRINT.fullmatch(words[1]) or not _TOKEN.fullmatch(words[0]):
        raise OfferError("malformed fingerprint")
    return words[0].lower(), words[1].upper()


def _message_bytes(text: str) -> int:
    """RFC 8841 section 6: 0 means any size. With less than our own messages need there is no heartbeat."""
    size = _number(text, 2**32 - 1)
    if 0 < size < _LEAST_MESSAGE_BYTES:
        raise OfferError("takes too small messages")
    return size


def _number(text: str, largest: int) -> int:
    if not _NUMBER.fullmatch(text) or int(text) > largest:
        raise OfferError("malformed number")
    return int(text)
