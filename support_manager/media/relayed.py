"""Sends media through aioice's TURN transport: at once, without a task for every packet, and with a bound."""

import struct
import time
from typing import Any

MAX_HELD_BYTES = 32 * 1024
"""Over TCP what is written queues up here; more than this is older than it is worth."""
_REFRESHING_S = 5.0


def send(transport: Any, data: bytes, address: tuple[str, int]) -> bool:  # noqa: ANN401 - aioice gives no type for it
    """Send one packet through a TURN allocation.

    # WORKAROUND(aioice 0.13.0): TurnTransport.sendto makes a task of every packet and holds any number of them back –
    # https://github.com/aiortc/aioice/blob/0.13.0/src/aioice/turn.py – goes when upstream sends at once where the
    # channel is bound, and tells how much is held.

    Args:
        transport: aioice's `TurnTransport`.
        data: one packet.
        address: of the peer.

    Returns:
        False if it was not taken.
    """
    inner = transport._TurnTransport__inner_protocol
    if inner.transport.is_closing() or inner.transport.get_write_buffer_size() > MAX_HELD_BYTES:
        return False
    channel = inner.peer_to_channel.get(address)
    if channel is None:
        transport.sendto(data, address)  # binds a channel, which the packets after this one find
        return True
    now = time.time()
    if now > inner.channel_refresh_at[channel]:
        tried: dict[int, float] = inner.__dict__.setdefault("_refresh_tried", {})
        if now > tried.get(channel, 0.0) + _REFRESHING_S:
            tried[channel] = now
            transport.sendto(data, address)  # refreshes the channel, while the packets after this one go straight on
            return True
    inner._send(struct.pack("!HH", channel, len(data)) + data)
    return True
