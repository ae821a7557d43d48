"""The typed client: requests in, replies and events out; nothing raw leaves this module."""

import json
from collections.abc import Callable
from typing import Any, TypeVar, cast

import msgspec
import structlog

from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import EVENTS
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import REQUESTS, Hello, Request
from support_manager.protocol.wire import ProtocolError, decode_event, read_ack, to_message, to_plain
from support_manager.relay_client.transport import Transport, TransportFactory

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=Wire)

ACK_S = 10.0
_ENVELOPE_BYTES = 256
_NAMES: dict[type, str] = {payload: event for event, (payload, _) in REQUESTS.items()}


class RelayClient:
    """One connection to a relay, in terms of the protocol's types.

    Args:
        transport_factory: makes the transport.
        on_event: called with every well-formed event, in order.
        on_lost: called once when the connection is gone.
    """

    def __init__(
        self, transport_factory: TransportFactory, on_event: Callable[[Wire], None], on_lost: Callable[[], None]
    ) -> None:
        self._on_event = on_event
        self._transport: Transport = transport_factory(self._received, on_lost)

    async def connect(self, origin: str, hello: Hello) -> None:
        """Connect; raises as `Transport.connect` does."""
        await self._transport.connect(origin, to_plain(hello))

    async def request(self, message: Request, reply: type[R], *, timeout_s: float = ACK_S) -> R:
        """Send a request and return its reply, which is of the type `reply` (as in `REQUESTS`).

        Raises:
            Refused: the relay said no.
            RelayUnavailable: no answer, or one that makes no sense; the request may have been carried out.
        """
        event = _NAMES[type(message)]
        assert REQUESTS[event][1] is reply, f"{event} is not answered by {reply.__name__}"  # noqa: S101 - our own bug
        raw = await self._transport.call(event, _checked(message), timeout_s)
        try:
            return read_ack(raw, cast("Any", reply))  # type: ignore[no-any-return]
        except ProtocolError as error:
            if error.detail != "refused":
                log.warning("malformed ack", request=event, detail=error.detail)
                raise RelayUnavailable(AppCode.NOT_A_RELAY) from None
            raise Refused(error.code) from None

    async def aclose(self) -> None:
        """Close the connection."""
        await self._transport.aclose()

    def _received(self, event: str, raw: object) -> None:
        try:
            message = decode_event(event, raw)
        except ProtocolError as error:
            log.warning("malformed event dropped", name=event if event in EVENTS else "?", detail=error.detail)
            return
        if message is not None:
            self._on_event(message)


def _checked(message: Request) -> object:
    """The message as plain data within every bound: the relay cuts off whoever sends what is malformed or too long.

    Raises:
        Refused: `bad_message`, `too_large`.
    """
    plain = to_plain(message)
    try:
        to_message(plain, type(message))
        msgspec.json.encode(plain)  # halves of surrogate pairs
    except ProtocolError as error:
        raise Refused(error.code) from error
    except UnicodeError as error:
        raise Refused(ErrorCode.BAD_MESSAGE) from error
    if len(json.dumps(plain)) > limits.MESSAGE_BYTES - _ENVELOPE_BYTES:  # as the transport encodes it
        raise Refused(ErrorCode.TOO_LARGE)
    return plain
