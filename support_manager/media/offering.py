"""The participant's half of offer and answer, for an app that assists: writes the offer, reads the hub's answer."""

from dataclasses import dataclass

from support_manager.media.negotiation import (
    MID_URI,
    TRANSPORT_CC_URI,
    CandidateAddress,
    LocalTransport,
    OfferedLine,
    OfferError,
    ParsedOffer,
    data_rows,
    read_transport,
    transport_rows,
)
from support_manager.protocol import limits
from support_manager.protocol.signals import MEDIA_LINES

_SCTP_PORT = 5_000
_MID_NUMBER, _COUNT_NUMBER = 1, 2
_VP8, _RTX, _OPUS = 96, 97, 111
_FEEDBACK = ("nack", "nack pli")


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """What the hub's answer says, as far as it is not known from the offer."""

    ufrag: str
    password: str
    fingerprints: tuple[tuple[str, str], ...]
    """Pairs of algorithm and value."""
    setup: str
    candidates: tuple[CandidateAddress, ...]
    sctp_port: int
    max_message_bytes: int


def _line(number: int, role: str) -> OfferedLine:
    is_voice = role == "voice"
    is_numbered = role == "share_down"
    return OfferedLine(
        role=role,
        kind="audio" if is_voice else "video",
        mid=str(number),
        direction="sendrecv" if is_voice else "sendonly" if role.endswith("_up") else "recvonly",
        payload_type=_OPUS if is_voice else _VP8,
        rtx_payload_type=None if is_voice else _RTX,
        feedback=frozenset() if is_voice else frozenset((*_FEEDBACK, "transport-cc") if is_numbered else _FEEDBACK),
        extensions={MID_URI: _MID_NUMBER, TRANSPORT_CC_URI: _COUNT_NUMBER} if is_numbered else {MID_URI: _MID_NUMBER},
        ssrc=None,
        rtx_ssrc=None,
    )


def blank_offer() -> ParsedOffer:
    """The fixed media lines as this app offers them, without any transport."""
    lines = tuple(_line(number, role) for number, role in enumerate(MEDIA_LINES) if role != "data")
    return ParsedOffer(
        lines=lines,
        data_mid=str(len(lines)),
        sctp_port=_SCTP_PORT,
        max_message_bytes=limits.CHANNEL_MESSAGE_BYTES,
        ufrag="",
        password="",
        ice_lite=False,
        fingerprints=(),
        setup="actpass",
        candidates=(),
    )


def make_offer(local: LocalTransport) -> str:
    """Write an offer of the fixed media lines with all candidates of `local` in it."""
    offer = blank_offer()
    mids = [*(line.mid for line in offer.lines), offer.data_mid]
    rows = ["v=0", "o=- 1 1 IN IP4 0.0.0.0", "s=-", "t=0 0", f"a=group:BUNDLE {' '.join(mids)}"]
    transport = transport_rows(local, offer.setup)
    for number, line in enumerate(offer.lines):
        rows += _line_rows(line)
        if number == 0:
            rows += [f"a=candidate:{candidate}" for candidate in local.candidates]
            rows.append("a=end-of-candidates")
        rows += transport
    rows += data_rows(offer, transport)
    return "\r\n".join(rows) + "\r\n"


def _line_rows(line: OfferedLine) -> list[str]:
    number, rtx = line.payload_type, line.rtx_payload_type
    formats = [number] if rtx is None else [number, rtx]
    codec = "opus/48000/2" if line.kind == "audio" else "VP8/90000"
    return [
        f"m={line.kind} 9 UDP/TLS/RTP/SAVPF {' '.join(map(str, formats))}",
        "c=IN IP4 0.0.0.0",
        f"a=mid:{line.mid}",
        f"a={line.direction}",
        "a=rtcp-mux",
        "a=rtcp-rsize",
        *(f"a=extmap:{at} {uri}" for uri, at in line.extensions.items()),
        f"a=rtpmap:{number} {codec}",
        *([] if rtx is None else [f"a=rtpmap:{rtx} rtx/90000", f"a=fmtp:{rtx} apt={number}"]),
        *(f"a=rtcp-fb:{number} {name}" for name in (*_FEEDBACK, "transport-cc") if name in line.feedback),
    ]


def parse_answer(sdp: str) -> ParsedAnswer:
    """Read the hub's answer: its transport, since the lines are fixed. The hub may be hostile too.

    Raises:
        OfferError: if anything is missing or malformed.
    """
    found = read_transport(sdp)
    if found.setup not in ("active", "passive"):
        raise OfferError("malformed DTLS role")
    return ParsedAnswer(
        ufrag=found.ufrag,
        password=found.password,
        fingerprints=found.fingerprints,
        setup=found.setup,
        candidates=found.candidates,
        sctp_port=found.sctp_port,
        max_message_bytes=found.max_message_bytes or limits.CHANNEL_MESSAGE_BYTES,
    )
