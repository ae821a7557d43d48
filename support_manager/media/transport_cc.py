"""Writes transport-wide congestion control feedback, by which a browser finds its bitrate in a second.

draft-holmer-rmcat-transport-wide-cc-extensions-01, section 3.1.
"""

import struct

from support_manager.media.frames import SequenceUnwrapper

_RTPFB = 205
_FORMAT = 15
_TICK_US = 250
_REFERENCE_US = 64_000
_MAX_STATUSES = 1_000
_MAX_MESSAGES = 8
"""At once. An honest sender needs one; numbers far apart would make thousands, each of them a thousand steps."""
_LOST, _SMALL, _LARGE = 0, 1, 2


class TransportFeedback:
    """Collects the arrival of packets and turns them into RTCP feedback messages.

    # WORKAROUND(aiortc 1.16.0): it sends only REMB, whose estimate grows 8 % a second: behind 2 Mbit/s Chromium was at
    # 0.9 with it and at 1.7 with this feedback after five seconds – https://github.com/aiortc/aiortc/issues/780 – goes
    # when upstream sends transport-cc.

    Args:
        ssrc: of the hub, the sender of the feedback.
    """

    def __init__(self, ssrc: int) -> None:
        self._ssrc = ssrc
        self._unwrapper = SequenceUnwrapper()
        self._arrivals: dict[int, int] = {}
        self._next: int | None = None
        self._count = 0

    @property
    def waiting(self) -> bool:
        """Whether there is anything to report."""
        return bool(self._arrivals)

    def received(self, number: int, now_us: int) -> None:
        """Note the arrival of the packet with this transport-wide sequence number (16 bits), in microseconds."""
        full = self._unwrapper.unwrap(number)
        if self._next is None:
            self._next = full
        if full >= self._next - _MAX_STATUSES and len(self._arrivals) < 4 * _MAX_STATUSES:
            self._arrivals.setdefault(full, now_us)

    def take(self, media_ssrc: int) -> list[bytes]:
        """The messages about what came since the last call, each a whole RTCP packet; what is too much is forgotten."""
        messages: list[bytes] = []
        for _ in range(_MAX_MESSAGES):
            if not self._arrivals:
                return messages
            message = self._message(media_ssrc)
            if message is not None:
                messages.append(message)
        self._arrivals.clear()
        return messages

    def _message(self, media_ssrc: int) -> bytes | None:
        first = min(self._arrivals)
        # Report the gap before the first one too, so that the sender learns of losses between two messages.
        base = first if self._next is None or first < self._next else self._next
        if first - base >= _MAX_STATUSES:
            base = first
        reference = self._arrivals[first] // _REFERENCE_US
        last_us = reference * _REFERENCE_US
        symbols: list[int] = []
        deltas = b""
        number = base
        newest = max(self._arrivals)
        while number <= newest and len(symbols) < _MAX_STATUSES:
            arrival = self._arrivals.get(number)
            if arrival is None and self._next is not None and number < self._next:
                break  # a late one lies among those told of before, which must not be called lost now
            if arrival is None:
                symbols.append(_LOST)
            else:
                delta = round((arrival - last_us) / _TICK_US)
                if not -0x8000 <= delta <= 0x7FFF:
                    break  # more than 8 s: the next message has a reference of its own
                if 0 <= delta <= 0xFF:
                    symbols.append(_SMALL)
                    deltas += struct.pack("!B", delta)
                else:
                    symbols.append(_LARGE)
                    deltas += struct.pack("!h", delta)
                last_us += delta * _TICK_US
                del self._arrivals[number]
            number += 1
        while symbols and symbols[-1] == _LOST:
            symbols.pop()
            number -= 1
        self._next = max(self._next or 0, number)
        if not symbols:
            return None
        head = struct.pack("!IIHH", self._ssrc, media_ssrc, base & 0xFFFF, len(symbols))
        head += (reference & 0xFFFFFF).to_bytes(3, "big") + bytes([self._count & 0xFF])
        self._count += 1
        return _rtcp(head + _chunks(symbols) + deltas)


def _chunks(symbols: list[int]) -> bytes:
    out = b""
    at = 0
    while at < len(symbols):
        run = at
        while run < len(symbols) and symbols[run] == symbols[at] and run - at < 0x1FFF:
            run += 1
        if run - at >= 7:
            out += struct.pack("!H", symbols[at] << 13 | (run - at))
            at = run
        else:
            word = 0xC000
            for place, symbol in enumerate(symbols[at : at + 7]):
                word |= symbol << (12 - 2 * place)
            out += struct.pack("!H", word)
            at += 7
    return out


def _rtcp(body: bytes) -> bytes:
    padding = -len(body) % 4
    if padding:
        body += bytes(padding - 1) + bytes([padding])
    first = 0x80 | (0x20 if padding else 0) | _FORMAT
    return struct.pack("!BBH", first, _RTPFB, len(body) // 4) + body
