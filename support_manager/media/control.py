"""The data channel of one participant: heartbeat, clock comparison, rate wishes; whatever comes in is hostile."""

from support_manager.protocol.channel import Beat, ChannelMessage, Rate, ShareInfo
from support_manager.protocol.wire import ProtocolError, decode_channel, encode_channel

FULL_RATE = Rate(max_fps=60, max_kbps=8_000)
"""The page looks 45 times a second; a limit as low as that would drop frames that come a moment early."""
HIDDEN_RATE = Rate(max_fps=2, max_kbps=300)

_MESSAGES_PER_SECOND = 50.0
_BURST = 100.0
_ROUND_TRIPS = 16
_REDUCED = 0.9
"""Encoders round sizes, so a little smaller is not made smaller."""


class Control:
    """What the hub knows from, and says on, the data channel. Times are `time.time() * 1000`."""

    def __init__(self) -> None:
        self._budget = _BURST
        self._budget_at = 0.0
        self._their_stamp = 0.0
        self._their_stamp_at = 0.0
        self._round_trips: list[float] = []
        self.sharing = False
        self.captured = (0, 0)
        """Width and height of what is captured, in pixels, as the page tells; 0 while not known."""

    @property
    def round_trip_ms(self) -> float:
        """The least round trip of the last beats; 0 while not known."""
        return min(self._round_trips, default=0.0)

    def take(self, message: object, now_ms: float) -> ChannelMessage | None:
        """Read one message; None if it is refused."""
        self._budget = min(_BURST, self._budget + max(0.0, now_ms - self._budget_at) / 1000 * _MESSAGES_PER_SECOND)
        self._budget_at = now_ms
        if self._budget < 1 or not isinstance(message, str):
            return None
        self._budget -= 1
        try:
            read = decode_channel(message)
        except ProtocolError:
            return None
        if isinstance(read, Beat):
            self._beat(read, now_ms)
        elif isinstance(read, ShareInfo):
            self.captured = (read.width, read.height)
        return read

    def is_reduced(self, width: int, height: int) -> bool:
        """Whether a picture of this size was made smaller by the page, which it does while nobody looks."""
        full_width, full_height = self.captured
        return width < _REDUCED * full_width and height < _REDUCED * full_height

    def _beat(self, beat: Beat, now_ms: float) -> None:
        self._their_stamp, self._their_stamp_at = beat.sent_ms, now_ms
        self.sharing = beat.sharing
        if beat.echo_ms:
            round_trip = now_ms - beat.echo_ms - beat.held_ms
            if 0 <= round_trip <= 10_000:
                self._round_trips = [*self._round_trips[-_ROUND_TRIPS + 1 :], round_trip]

    def beat(self, now_ms: float, *, sharing: bool = False) -> str:
        """Our heartbeat, ready to send; `sharing` says whether we show the other side something."""
        echo = self._their_stamp
        held = now_ms - self._their_stamp_at if echo else 0.0
        return self.write(Beat(sent_ms=now_ms, echo_ms=echo, held_ms=max(0.0, held), sharing=sharing))

    def write(self, message: ChannelMessage) -> str:
        """A message as it goes on the channel."""
        return encode_channel(message)
