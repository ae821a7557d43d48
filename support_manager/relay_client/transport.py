"""What the app needs of a connection to a relay: a small interface, whatever carries it."""

from collections.abc import Callable
from typing import Any, Protocol

CONNECT_S = 10.0
CLOSE_S = 2.0
UNACKED = 12
"""Requests on their way at once; by polling they travel in one body, of which the relay takes 16 packets."""


class Transport(Protocol):
    """One connection to a relay. Not to be connected a second time: a new try takes a new transport."""

    async def connect(self, origin: str, hello: dict[str, Any]) -> None:
        """Connect and introduce ourselves.

        Raises:
            Refused: the relay does not want this client; `RelayUnavailable`, `CertificateProblem`: no connection.
        """

    async def call(self, event: str, payload: object, timeout_s: float) -> object:
        """Send one event and return its ack as decoded JSON.

        Raises:
            RelayUnavailable: `connection_lost` or `timed_out`; the relay may or may not have carried it out.
        """

    async def aclose(self) -> None:
        """Close, within `CLOSE_S` seconds; `on_lost` is not called for it."""


EventListener = Callable[[str, object], None]
LostListener = Callable[[], None]
TransportFactory = Callable[[EventListener, LostListener], Transport]
