"""The data channel's messages: clock comparison, and whatever a hostile page may send."""

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from support_manager.media.control import Control
from support_manager.protocol import limits
from support_manager.protocol.channel import Beat, Cameras, ChannelMessage, Rate, ShareInfo


def encode(message: ChannelMessage) -> str:
    return msgspec.json.encode(message).decode()


def test_round_trip_from_the_four_stamps() -> None:
    control = Control()
    ours = msgspec.json.decode(control.beat(1_000.0), type=ChannelMessage)
    assert isinstance(ours, Beat)
    assert ours.echo_ms == 0
    # They hold our beat for 400 ms; 30 ms under way altogether.
    control.take(encode(Beat(sent_ms=77_000.0, echo_ms=1_000.0, held_ms=400.0, sharing=True)), 1_430.0)
    assert control.round_trip_ms == pytest.approx(30.0)
    assert control.sharing
    ours = msgspec.json.decode(control.beat(1_500.0), type=ChannelMessage)
    assert isinstance(ours, Beat)
    assert (ours.echo_ms, ours.held_ms) == (77_000.0, pytest.approx(70.0))


def test_impossible_stamps_are_not_believed() -> None:
    control = Control()
    control.take(encode(Beat(sent_ms=1.0, echo_ms=9_000.0, held_ms=400.0)), 1_430.0)
    assert control.round_trip_ms == 0.0


def test_share_info_is_read() -> None:
    info = ShareInfo(width=3_840, height=2_160)
    assert Control().take(encode(info), 0.0) == info


def test_giant_message_is_refused() -> None:
    control = Control()
    giant = encode(Rate(max_fps=1, max_kbps=50))[:-1] + "," + '"x":"' + "y" * limits.CHANNEL_MESSAGE_BYTES + '"}'
    assert control.take(giant, 0.0) is None


def test_flood_is_refused_and_then_forgiven() -> None:
    control = Control()
    beat = encode(Beat(sent_ms=1.0))
    taken = sum(control.take(beat, 5_000.0) is not None for _ in range(1_000))
    assert taken == 100
    assert control.take(beat, 6_000.0) is not None


@given(st.one_of(st.text(max_size=200), st.binary(max_size=200), st.none(), st.integers()))
def test_any_message_is_read_or_refused(message: object) -> None:
    control = Control()
    assert isinstance(control.take(message, 0.0), ChannelMessage | None)


@given(
    st.recursive(
        st.none() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner) | st.dictionaries(st.sampled_from(["type", "sent_ms", "echo_ms", "held_ms"]), inner)
        ),
    )
)
def test_any_json_is_read_or_refused(value: object) -> None:
    control = Control()
    control.take(msgspec.json.encode(value).decode(), 0.0)
    msgspec.json.decode(control.beat(10.0), type=ChannelMessage)


def test_deep_nesting_is_refused() -> None:
    control = Control()
    assert control.take('{"type":"beat","sent_ms":1,"x":' + "[" * 8_000 + "]" * 8_000 + "}", 0.0) is None


def test_a_picture_made_smaller_is_told_from_one_in_full_size() -> None:
    control = Control()
    assert not control.is_reduced(480, 270)  # a page that does not tell is taken at its picture
    control.take(encode(ShareInfo(width=1921, height=1081)), 1_000.0)
    assert control.is_reduced(480, 270)
    assert not control.is_reduced(1920, 1080)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "cameras", "owners": ["a"] * 5},
        {"type": "cameras", "owners": ["x" * 100]},
        {"type": "cameras", "owners": "ion"},
        {"type": "camera_rate", "max_fps": 0, "max_kbps": 500},
        {"type": "camera_rate", "max_fps": 20, "max_kbps": 5_000},
    ],
)
def test_words_about_cameras_are_bounded(message: dict[str, object]) -> None:
    assert Control().take(msgspec.json.encode(message).decode(), 0.0) is None
    told = Cameras(owners=("ion", "", "eva"), paused=True)
    assert Control().take(encode(told), 0.0) == told
