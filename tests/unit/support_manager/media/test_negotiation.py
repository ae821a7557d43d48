"""Offers are read strictly, answers carry what was measured to matter, hostile offers get no further than a refusal."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_manager.media.negotiation import (
    PLAYOUT_DELAY_URI,
    TRANSPORT_CC_URI,
    LocalTransport,
    OfferError,
    make_answer,
    parse_candidate,
    parse_offer,
)
from support_manager.protocol import limits
from support_manager.protocol.signals import MEDIA_LINES

LOCAL = LocalTransport(
    ufrag="abcd",
    password="x" * 22,
    fingerprints=(("sha-256", ":".join(["AB"] * 32)),),
    candidates=("1 1 udp 2130706431 198.18.0.1 50000 typ host",),
)
TRANSPORT = [
    "a=ice-ufrag:wXyZ",
    "a=ice-pwd:0123456789abcdefghijkl",
    f"a=fingerprint:sha-256 {':'.join(['0F'] * 32)}",
    "a=setup:actpass",
]
VIDEO = [
    "a=rtcp-mux",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    f"a=extmap:3 {TRANSPORT_CC_URI}",
    f"a=extmap:5 {PLAYOUT_DELAY_URI}",
    "a=rtpmap:96 VP8/90000",
    "a=rtcp-fb:96 goog-remb",
    "a=rtcp-fb:96 transport-cc",
    "a=rtcp-fb:96 nack",
    "a=rtcp-fb:96 nack pli",
    "a=rtpmap:97 rtx/90000",
    "a=fmtp:97 apt=96",
    "a=rtpmap:98 VP9/90000",
]
AUDIO = [
    "a=rtcp-mux",
    "a=extmap:4 urn:ietf:params:rtp-hdrext:sdes:mid",
    f"a=extmap:3 {TRANSPORT_CC_URI}",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=fmtp:111 minptime=10;useinbandfec=1",
]


def make_offer() -> list[str]:
    """A small offer of the kind that Chromium makes."""
    rows = ["v=0", "o=- 42 2 IN IP4 127.0.0.1", "s=-", "t=0 0", "a=group:BUNDLE 0 1 2 3 4 5 6 7 8"]
    for number, role in enumerate(MEDIA_LINES):
        if role == "data":
            rows += [
                "m=application 9 UDP/DTLS/SCTP webrtc-datachannel",
                "a=sctp-port:5000",
                "a=max-message-size:262144",
            ]
        elif role == "voice":
            rows += ["m=audio 9 UDP/TLS/RTP/SAVPF 111", *AUDIO, "a=sendrecv"]
        else:
            direction = "recvonly" if "down" in role else "sendonly"
            rows += ["m=video 9 UDP/TLS/RTP/SAVPF 98 96 97", *VIDEO, f"a={direction}"]
        rows += ["c=IN IP4 0.0.0.0", f"a=mid:{number}", *TRANSPORT]
        if role == "share_up":
            rows += [
                "a=ssrc-group:FID 1111 2222",
                "a=ssrc:1111 cname:x",
                "a=ssrc:2222 cname:x",
                "a=candidate:1 1 udp 2122260223 198.18.0.9 40000 typ host generation 0",
                "a=candidate:2 1 tcp 1518280447 198.18.0.9 9 typ host tcptype active",
            ]
    return rows


OFFER = make_offer()


def text(rows: list[str]) -> str:
    return "\r\n".join(rows) + "\r\n"


def without(prefix: str) -> str:
    return text([row for row in OFFER if not row.startswith(prefix)])


def swapped(old: str, new: str, count: int = 1) -> str:
    assert old in text(OFFER)
    return text(OFFER).replace(old, new, count)


def test_reads_a_browser_offer() -> None:
    offer = parse_offer(text(OFFER))
    share = offer.lines[0]
    assert [line.role for line in offer.lines] == list(MEDIA_LINES[:-1])
    assert (share.payload_type, share.rtx_payload_type, share.ssrc, share.rtx_ssrc) == (96, 97, 1111, 2222)
    assert offer.answer_setup == "active"
    assert [(candidate.host, candidate.port) for candidate in offer.candidates] == [("198.18.0.9", 40_000)]


def test_answer_holds_what_was_measured_to_matter() -> None:
    answer = make_answer(parse_offer(text(OFFER)), LOCAL)
    sections = answer.split("\r\nm=")[1:]
    share, down, voice, camera, *others = sections
    assert "x-google-start-bitrate=4000;x-google-max-bitrate=8000" in share
    assert "a=fmtp:96 x-google" in share
    assert answer.count("x-google") == 2
    assert "VP9" not in answer
    assert f"a=extmap:3 {TRANSPORT_CC_URI}" in share
    assert "a=rtcp-fb:96 transport-cc" in share
    assert "goog-remb" not in answer
    assert "a=setup:active" in share
    assert "a=recvonly" in share
    assert "a=sendrecv" in voice
    assert "useinbandfec=1" in voice
    assert TRANSPORT_CC_URI not in voice, "it would be all that counts while the screen is held"
    assert "transport-cc" not in voice
    assert "a=recvonly" in camera
    assert "a=sendonly" in down
    assert f"a=extmap:5 {PLAYOUT_DELAY_URI}" in down, "so that the browser keeps no picture back"
    assert PLAYOUT_DELAY_URI not in share
    assert "transport-cc" in down, "the share's packets are numbered, so that a line that becomes narrow is known soon"
    assert all("transport-cc" not in other for other in others if "a=sendonly" in other), (
        "nothing else that it sends is"
    )
    assert "a=rtcp-fb:96 nack pli" in down
    assert all("a=sendonly" in section for section in others[:-1]), "the cameras of others"
    assert f"a=max-message-size:{limits.CHANNEL_MESSAGE_BYTES}" in others[-1]
    assert answer.count("a=candidate:") == 1


def test_roles_follow_the_offer() -> None:
    assert "a=setup:passive" in make_answer(parse_offer(swapped("a=setup:actpass", "a=setup:active", 99)), LOCAL)


@pytest.mark.parametrize(
    "sdp",
    [
        "",
        "v=0",
        "nonsense",
        text(OFFER[:-8]),
        text([*OFFER, "m=video 9 UDP/TLS/RTP/SAVPF 96"]),
        swapped("m=audio", "m=video"),
        swapped("m=video", "m=text"),
        swapped("BUNDLE 0 1", "BUNDLE 1 0"),
        swapped("a=group:BUNDLE", "a=group:LS"),
        swapped("a=mid:1", "a=mid:0"),
        swapped("a=mid:1\r", "a=mid:\r"),
        swapped("a=mid:1\r", "a=mid:<b>\r"),
        without("a=ice-ufrag"),
        without("a=ice-pwd"),
        without("a=fingerprint"),
        without("a=setup"),
        without("a=rtcp-mux"),
        without("a=rtpmap:96"),
        without("a=rtpmap:111"),
        swapped("a=fingerprint:sha-256", "a=fingerprint:sha-1"),
        swapped("UDP/TLS/RTP/SAVPF", "RTP/AVP"),
        swapped("webrtc-datachannel", "5000"),
        swapped("a=max-message-size:262144", "a=max-message-size:1"),
        swapped("m=video 9", "m=video 0"),
        swapped("a=extmap:3", "a=extmap:9"),
        swapped("a=extmap:3", "a=extmap:4", 99),
        swapped("a=extmap:3", "a=extmap:15", 99),
        swapped("FID 1111 2222", "FID 1111 99999999999"),
        swapped("SAVPF 98 96 97", "SAVPF 98 72 97").replace("rtpmap:96", "rtpmap:72"),
        swapped("198.18.0.9 40000", "224.0.0.1 40000"),
        swapped("198.18.0.9 40000", "evil.example 40000"),
        text([*OFFER, *[f"a=candidate:{n} 1 udp 1 198.18.0.9 {n + 1} typ host" for n in range(100)]]),
        text([*OFFER, "a=x:" + "y" * 3_000]),
        text([*OFFER, *["a=x"] * 3_000]),
        "v=0\r\n" + "a=x\r\n" * 20_000,
    ],
)
def test_broken_offer_is_refused(sdp: str) -> None:
    with pytest.raises(OfferError):
        parse_offer(sdp)


def test_two_lines_cannot_claim_one_source() -> None:
    rows = [*OFFER]
    rows.insert(rows.index("a=mid:3"), "a=ssrc:1111 cname:y")
    with pytest.raises(OfferError, match="source"):
        parse_offer(text(rows))


@given(st.text(max_size=400))
def test_any_text_is_refused_and_never_crashes(sdp: str) -> None:
    with pytest.raises(OfferError):
        parse_offer(sdp)


@given(
    st.lists(
        st.tuples(
            st.integers(0, len(OFFER) - 1),
            st.sampled_from(["drop", "double", "swap", "cut", "insert"]),
            st.one_of(st.text(max_size=30), st.sampled_from(["a=mid:0", "m=video 9 UDP/TLS/RTP/SAVPF 96", "a=", "="])),
        ),
        min_size=1,
        max_size=6,
    )
)
def test_mutated_offer_is_read_or_refused(changes: list[tuple[int, str, str]]) -> None:
    """Whatever gets through yields an answer of the agreed form, with nothing of the peer's text in it."""
    rows = [*OFFER]
    for place, what, extra in changes:
        place %= len(rows)
        if what == "drop":
            del rows[place]
        elif what == "double":
            rows.insert(place, rows[place])
        elif what == "swap":
            other = (place * 7 + 3) % len(rows)
            rows[place], rows[other] = rows[other], rows[place]
        elif what == "cut":
            rows[place] = rows[place][: len(extra)]
        else:
            rows[place] = rows[place][:8] + extra + rows[place][8:]
    try:
        offer = parse_offer(text(rows))
    except OfferError:
        return
    answer = make_answer(offer, LOCAL)
    assert answer.count("\r\nm=") == len(MEDIA_LINES)
    assert re.fullmatch(r"([a-z]=[\x20-\x7e]*\r\n)+", answer)


@pytest.mark.parametrize(
    "line",
    [
        "candidate:1 1 udp 1 198.18.0.9 70000 typ host",
        "candidate:1 1 udp 99999999999 198.18.0.9 7000 typ host",
        "candidate:1 1 udp 1 example.org 7000 typ host",
        "candidate:1 1 udp 1 0.0.0.0 7000 typ host",
        "candidate:1 1 udp 1 ff02::1 7000 typ host",
        "candidate:1 1 udp 1 198.18.0.9 7000 host",
        "candidate:1 1 udp 1 198.18.0.9 7000 typ magic",
        "candidate:" + "1" * 2_000,
        "candidate:",
    ],
)
def test_bad_candidate_is_refused(line: str) -> None:
    with pytest.raises(OfferError):
        parse_candidate(line)


@pytest.mark.parametrize("line", ["1 1 tcp 1 198.18.0.9 9 typ host tcptype active", "1 2 udp 1 198.18.0.9 9 typ host"])
def test_useless_candidate_is_left_out(line: str) -> None:
    assert parse_candidate(line) is None


def test_browser_name_and_v6_candidates() -> None:
    name = parse_candidate("candidate:1 1 UDP 5 0f0e0d-1.local 7000 typ host")
    assert name is not None
    assert name.host == "0f0e0d-1.local"
    six = parse_candidate("a=candidate:1 1 udp 5 2001:db8::1 7000 typ srflx raddr :: rport 0")
    assert six is not None
    assert six.host == "2001:db8::1"


@given(st.text(max_size=200))
def test_any_candidate_is_read_or_refused(line: str) -> None:
    try:
        parse_candidate(line)
    except OfferError:
        return
