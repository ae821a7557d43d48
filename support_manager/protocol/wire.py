"""The one place where bytes from a peer become a typed message or a `ProtocolError`."""

from typing import Any, TypeVar

import msgspec

from support_manager.protocol import limits
from support_manager.protocol.channel import ChannelMessage
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import EVENTS
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import REQUESTS, Request

T = TypeVar("T")


class ProtocolError(Exception):
    """A message does not fit; `code` is what the sender is told, `detail` is for the log and holds no content."""

    def __init__(self, code: ErrorCode, detail: str = "") -> None:
        super().__init__(f"{code}: {detail}" if detail else str(code))
        self.code = code
        self.detail = detail


def to_message(raw: object, kind: type[T]) -> T:
    """Turn decoded JSON into a message of `kind`, strictly: no coercion, bounds checked.

    Raises:
        ProtocolError: `bad_message`, with the path of the offending field.
    """
    try:
        return msgspec.convert(raw, kind, strict=True)
    except (msgspec.ValidationError, RecursionError, UnicodeError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, str(error)[:200]) from None


def to_plain(message: object) -> Any:  # noqa: ANN401 - JSON is what it is
    """Turn a message into plain lists, dictionaries, strings and numbers, ready for a JSON encoder."""
    return msgspec.to_builtins(message)


def decode_request(event: str, raw: object) -> Request:
    """Check the payload of a client's event.

    Raises:
        ProtocolError: `unknown_event` or `bad_message`.
    """
    entry = REQUESTS.get(event)
    if entry is None:
        raise ProtocolError(ErrorCode.UNKNOWN_EVENT)
    return to_message(raw, entry[0])


def decode_event(event: str, raw: object) -> Wire | None:
    """Check the payload of a relay's event; an event this version does not know gives None.

    Raises:
        ProtocolError: `bad_message`.
    """
    kind = EVENTS.get(event)
    return None if kind is None else to_message(raw, kind)


def ack_ok(reply: Wire) -> dict[str, Any]:
    """The ack of a request that was carried out."""
    return {"ok": True, "value": to_plain(reply)}


def ack_error(code: ErrorCode) -> dict[str, Any]:
    """The ack of a request that was refused."""
    return {"ok": False, "code": code.value}


def read_ack(raw: object, kind: type[T]) -> T:
    """Read the ack of a request whose reply is of `kind`.

    Raises:
        ProtocolError: with the relay's code when it refused, `bad_message` when the ack itself is malformed. A code
            this version does not know becomes `internal`.
    """
    if not isinstance(raw, dict) or not isinstance(raw.get("ok"), bool):
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "ack")
    if raw["ok"]:
        return to_message(raw.get("value"), kind)
    try:
        code = ErrorCode(str(raw.get("code")))
    except ValueError:
        code = ErrorCode.INTERNAL
    raise ProtocolError(code, "refused")


_channel_decoder: msgspec.json.Decoder[ChannelMessage] = msgspec.json.Decoder(ChannelMessage)
_encoder = msgspec.json.Encoder()


def decode_channel(data: str | bytes) -> ChannelMessage:
    """Check one data-channel message.

    Raises:
        ProtocolError: `too_large` or `bad_message`.
    """
    if len(data) > limits.CHANNEL_MESSAGE_BYTES:
        raise ProtocolError(ErrorCode.TOO_LARGE, "channel")
    try:
        return _channel_decoder.decode(data)
    except (msgspec.MsgspecError, RecursionError, UnicodeError) as error:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, str(error)[:200]) from None


def encode_channel(message: ChannelMessage) -> str:
    """One data-channel message as JSON text."""
    return _encoder.encode(message).decode()
