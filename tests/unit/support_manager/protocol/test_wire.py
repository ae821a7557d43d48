"""Bytes from a peer become a typed message or a ProtocolError, and nothing else ever happens."""

import json
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_manager.protocol import fields, limits, wire
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import EVENTS, SessionEvent, SessionFact
from support_manager.protocol.fields import Ask, Wire
from support_manager.protocol.requests import REQUESTS, ChatSend, ChatSent, Request, SessionJoin
from support_manager.protocol.version import RESERVED

json_values = st.recursive(
    st.none() | st.booleans() | st.integers(min_value=-(2**70), max_value=2**70) | st.floats() | st.text(max_size=40),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=5),
    max_leaves=20,
)


@given(st.sampled_from(sorted(REQUESTS)), json_values)
def test_whatever_comes_in_is_a_message_or_a_code(event, raw):
    try:
        message = wire.decode_request(event, raw)
    except wire.ProtocolError as error:
        assert error.code is ErrorCode.BAD_MESSAGE
    else:
        assert isinstance(message, REQUESTS[event][0])


def test_deep_nesting_is_a_code():
    deep: object = {}
    for _ in range(3_000):
        deep = [deep]
    with pytest.raises(wire.ProtocolError):
        wire.decode_request("chat.send", {"session_id": deep})


@given(st.text(max_size=30).filter(lambda name: name not in REQUESTS))
def test_unknown_events_are_refused(event):
    with pytest.raises(wire.ProtocolError) as caught:
        wire.decode_request(event, {})
    assert caught.value.code is ErrorCode.UNKNOWN_EVENT


ids = st.text("abcdefghijklmnopqrstuvwxyz0123456789_-", min_size=1, max_size=64)


@given(ids, ids, st.text(min_size=1, max_size=200))
def test_what_is_sent_is_what_arrives(session_id, line_id, text):
    line = ChatSend(session_id=session_id, line_id=line_id, text=text)
    assert wire.decode_request("chat.send", json.loads(json.dumps(wire.to_plain(line)))) == line


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": "x" * (limits.TEXT_CHARS + 1)},
        {"text": 5},
        {"line_id": "a b"},
        {"line_id": "../x"},
        {"session_id": None},
        {"audience": "everybody"},
        {"extra": 1},
    ],
)
def test_bounds_and_unknown_fields_are_refused(change):
    good = {"session_id": "s", "line_id": "l", "text": "hello"}
    assert wire.decode_request("chat.send", good)
    with pytest.raises(wire.ProtocolError):
        wire.decode_request("chat.send", {**good, **change})


@pytest.mark.parametrize("number", ["12345678", "1234567890", "12345678a", 123456789, "١٢٣٤٥٦٧٨٩"])
def test_a_session_number_is_nine_digits(number):
    with pytest.raises(wire.ProtocolError):
        wire.to_message({"request_id": "r", "name": "Ana", "number": number}, SessionJoin)


def test_clients_may_not_add_fields_and_the_relay_may():
    for payload, reply in REQUESTS.values():
        assert issubclass(payload, Ask)
        assert issubclass(reply, Wire)
        assert payload.__struct_config__.forbid_unknown_fields
        assert not reply.__struct_config__.forbid_unknown_fields
    event = {
        "session_id": "s",
        "seq": 1,
        "at": 1,
        "news": True,
        "fact": {"type": "participant_left", "participant_id": "p", "reason": "left", "news": 1},
    }
    assert isinstance(wire.decode_event("session.event", event), SessionEvent)
    assert wire.decode_event("from.the.future", {}) is None


def test_registries_are_whole():
    assert {payload for payload, _ in REQUESTS.values()} == set(get_args(Request))
    assert len({fact.__struct_config__.tag for fact in get_args(SessionFact)}) == len(get_args(SessionFact))
    assert not RESERVED.keys() & (REQUESTS.keys() | EVENTS.keys())


def test_every_message_is_frozen_and_keyword_only():
    kinds = [kind for pair in REQUESTS.values() for kind in pair] + list(EVENTS.values())
    for kind in kinds:
        assert kind.__struct_config__.frozen
        with pytest.raises(TypeError):
            kind(*[None] * max(1, len(kind.__struct_fields__)))


def test_acks_carry_a_value_or_a_code():
    assert wire.read_ack(wire.ack_ok(ChatSent(seq=3, at=5)), ChatSent) == ChatSent(seq=3, at=5)
    for raw, code in [
        (wire.ack_error(ErrorCode.TOO_FAST), ErrorCode.TOO_FAST),
        ({"ok": False, "code": "from_the_future"}, ErrorCode.INTERNAL),
        ({"ok": True, "value": {"seq": "3"}}, ErrorCode.BAD_MESSAGE),
        (None, ErrorCode.BAD_MESSAGE),
        ([], ErrorCode.BAD_MESSAGE),
    ]:
        with pytest.raises(wire.ProtocolError) as caught:
            wire.read_ack(raw, ChatSent)
        assert caught.value.code is code


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_channel_noise_is_a_code(data):
    try:
        wire.decode_channel(data)
    except wire.ProtocolError as error:
        assert error.code is ErrorCode.BAD_MESSAGE


def test_a_long_channel_message_is_refused_unread():
    with pytest.raises(wire.ProtocolError) as caught:
        wire.decode_channel("x" * (limits.CHANNEL_MESSAGE_BYTES + 1))
    assert caught.value.code is ErrorCode.TOO_LARGE


def test_the_largest_offer_fits_into_a_packet():
    # A whole SDP with JSON's escapes of its line ends must pass the relay's own cap.
    sdp = "a=x\r\n" * (limits.SDP_CHARS // 5)
    assert len(msgspec.json.encode({"sdp": sdp})) < limits.MESSAGE_BYTES


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (fields.Id, "abc"),
        (fields.Token, "a" * 43),
        (fields.Number, "1" * 9),
        (fields.Slug, "a-b"),
        (fields.Locale, "ro"),
    ],
)
def test_no_newline_hides_at_the_end_of_a_word(kind, text):
    assert wire.to_message(text, kind) == text
    for end in ("\n", "\r", "\n\n", "\x00", "\u2028"):
        with pytest.raises(wire.ProtocolError):
            wire.to_message(text + end, kind)
