"""The jitter buffer of one voice: puts packets in order, bridges losses, and never lets the delay grow.

aiortc's own keeps what it was filled to once, so that with loss the delay grows without end
(https://github.com/aiortc/aiortc/issues/543). This one lives from how little it held over the last seconds: ran it dry,
it waits longer by what it bridged; never fell it below two packets, it leaves out a pitch period.
"""

from collections import deque
from collections.abc import Callable

import numpy as np

from support_manager.media.voice.conceal import Concealer, shortened
from support_manager.media.voice.opus import FRAME, RATE, Samples

FIRST_MS = 40.0
"""So much is gathered before the first sound."""
MOST_MS = 120.0
"""More than this is never kept: what is older is left out at once."""
_SPARE_MS = 46.0
"""More than two packets in hand, all through `_WATCH` pulls: more than is needed."""
_WATCH = 100
_MUCH_MS = 80.0
"""So much in hand all through `_SOON` pulls is left from a bad moment that is over."""
_SOON = 25
_DRY = 8
"""Frames bridged in a row, after which the voice has stopped: it begins anew."""
_MAX_HELD = 64
_FAR = 200
"""Packets; a number further off begins another stream."""


class JitterBuffer:
    """Packets in, 20 ms frames out.

    Args:
        decode: makes samples of a packet's payload; None for what is broken.
        duration: samples in a packet's payload, without decoding; 0 for what is broken.
    """

    def __init__(self, decode: Callable[[bytes], Samples | None], duration: Callable[[bytes], int]) -> None:
        self._decode = decode
        self._duration = duration
        self._held: dict[int, bytes] = {}
        self._next: int | None = None
        self._newest = 0
        self._ready = np.zeros(0, dtype=np.int16)
        self._playing = False
        self._concealer = Concealer()
        self._depths: deque[float] = deque(maxlen=_WATCH)
        self._owed = 0
        """Frames that were bridged while nothing was in hand, in case what they stood for never comes."""
        self.lost = 0
        """Packets that did not come in time."""
        self.made_up = 0
        """Frames of which at least a part was made up."""

    @property
    def depth_ms(self) -> float:
        """What is in hand."""
        held = sum(self._duration(payload) for payload in self._held.values())
        return (held + len(self._ready)) * 1000 / RATE

    def put(self, number: int, payload: bytes) -> None:
        """Take a packet; `number` is its RTP sequence number, 16 bits, or any count that rises by one."""
        if not self._duration(payload):
            return
        if self._next is None:
            self._next = self._newest = number
        ahead = _signed(number - self._next)
        if ahead < -_FAR or ahead > _FAR:
            self._restart(number)
            ahead = 0
        if ahead < 0:
            if self._playing or ahead < -8:
                return  # too late
            self._next = number
        self._held[number & 0xFFFF] = payload
        if _signed(number - self._newest) > 0:
            self._newest = number
        if len(self._held) > _MAX_HELD:
            self._skip()

    def _restart(self, number: int) -> None:
        self._held.clear()
        self._next = self._newest = number
        self._playing = False
        self._owed = 0
        self._depths.clear()

    def pull(self) -> Samples | None:
        """The next 20 ms; None while there is no voice."""
        if not self._playing:
            if self.depth_ms < FIRST_MS:
                return None
            self._playing = True
        depth = self.depth_ms
        self._depths.append(depth)
        while depth > MOST_MS and self._skip():
            depth = self.depth_ms
        self._gather(FRAME)
        if self._has_more_than_needed():
            self._depths.clear()
            self._gather(2 * FRAME)
            self._ready = shortened(self._ready)
        if len(self._ready) < FRAME:
            return self._bridge()
        out, self._ready = self._ready[:FRAME], self._ready[FRAME:]
        return self._concealer.pass_on(out)

    def _has_more_than_needed(self) -> bool:
        seen = len(self._depths)
        if seen == _WATCH and min(self._depths) > _SPARE_MS:
            return True
        return seen >= _SOON and min(self._depths) > _MUCH_MS

    def _bridge(self) -> Samples | None:
        """What comes next is not here: go on for a moment, then be silent and gather anew."""
        if self._held and self._next is not None:
            self._next += 1  # later ones are here: this one is lost, or too late to be of use
            self.lost += 1
        else:
            self._owed += 1
            self._depths.clear()
        self.made_up += 1
        made = self._concealer.make_up()
        if self._concealer.missing < _DRY:
            return made
        self._playing = False
        self._ready = self._ready[:0]
        return None

    def _gather(self, wanted: int) -> None:
        while len(self._ready) < wanted and self._next is not None:
            payload = self._held.pop(self._next & 0xFFFF, None)
            if payload is None:
                if not self._owed or not self._held:
                    return
                self._owed -= 1  # that it was lost shows only now; its time was bridged already
                self._next += 1
                self.lost += 1
                continue
            self._owed = 0
            self._next += 1
            samples = self._decode(payload)
            if samples is not None:
                self._ready = np.concatenate((self._ready, samples))

    def _skip(self) -> bool:
        """Leave out the oldest packet; False if there is none."""
        if not self._held or self._next is None:
            return False
        while self._next & 0xFFFF not in self._held:
            self._next += 1
        payload = self._held.pop(self._next & 0xFFFF)
        self._next += 1
        _ = self._decode(payload)  # the decoder must not lose the thread
        return True


def _signed(difference: int) -> int:
    """The distance of two sequence numbers of 16 bits (RFC 1982)."""
    return (difference + 0x8000 & 0xFFFF) - 0x8000
