"""Forwards one share, as it was encoded, to everybody who may see it; gathers their wishes for key frames."""

import random
from collections import deque
from collections.abc import Callable, Collection
from functools import partial
from typing import Protocol

from support_manager.media.down_line import FeedPacket, ShareDownLine
from support_manager.media.vp8 import Vp8Part

KEY_S = 1.0
"""The publisher is asked for key frames at most this often, however many viewers wish for one."""
_MAX_BATCH = 8_192


class Publisher(Protocol):
    """The share as the feed sees it."""

    def ask_for_key(self) -> None:
        """Ask the publisher's page for a key frame now."""

    def line_fell(self) -> None:
        """A viewer's line carries much less than it did, as its `bits_per_s` says."""

    def captured_ms(self, timestamp: int) -> float:
        """When the frame of this RTP time was captured, `time.time() * 1000`; 0 while not known."""

    def is_alive(self, now: float) -> bool:
        """Whether there is something to see."""


class Feed:
    """One session's share on its way from one participant to the others.

    Frames keep their order and their bytes; picture ids and RTP times are counted here, so that they go on without a
    jump when another participant shares, or the same one by another connection: Chromium drops what seems older than
    what it has shown. Viewers are served outside the publisher's own turn, so that their number costs him nothing.

    Args:
        clock: monotonic time in seconds.
        wall_ms: `time.time() * 1000`.
        soon: calls a function in the loop's next turn.
        later: calls a function after some seconds.
    """

    def __init__(
        self,
        clock: Callable[[], float],
        wall_ms: Callable[[], float],
        soon: Callable[[Callable[[], None]], object],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._clock = clock
        self._wall_ms = wall_ms
        self._soon = soon
        self._later = later
        self._publisher: Publisher | None = None
        self._viewers: tuple[ShareDownLine, ...] = ()
        self._picture_id = random.getrandbits(15)
        self._time = random.getrandbits(32)
        self._time_at = float("-inf")
        self._their_time: int | None = None
        self._offset: int | None = None
        self._in_step = self._in_key = False
        self._batch: deque[FeedPacket] = deque()
        self._planned = False
        self._asked = float("-inf")
        self._asking = False

    def connect(self, publisher: Publisher | None, viewers: Collection[ShareDownLine]) -> None:
        """Forward from here to there; whoever is new gets a key frame first, whoever is gone gets nothing more."""
        if publisher is not self._publisher:
            for viewer in self._viewers:
                _let_go(viewer)
            self._viewers = ()
            self._publisher = publisher
            self._batch.clear()
            self.restart()
            self._asked, self._asking = float("-inf"), False
        before = self._viewers
        self._viewers = tuple(viewers) if publisher is not None else ()
        for viewer in before:
            if viewer not in self._viewers:
                _let_go(viewer)
        for viewer in self._viewers:
            viewer.alone = len(self._viewers) == 1
            if viewer not in before:
                viewer.on_want = self._wanted
                viewer.on_fall = self._fell
                viewer.is_fed = self._is_fed
                viewer.times = partial(self._report, viewer)
                viewer.begin()

    @property
    def viewers(self) -> tuple[ShareDownLine, ...]:
        """Who is being served."""
        return self._viewers

    def restart(self) -> None:
        """What comes next is another stream: its times and numbers have nothing to do with those before."""
        self._offset = None
        self._in_step = False

    def take(self, part: Vp8Part, timestamp: int, marker: bool, starts: bool) -> None:
        """Take the next packet of the share, in order and without its payload descriptor.

        Args:
            part: what the packet carries.
            timestamp: its RTP time.
            marker: whether it is the frame's last.
            starts: whether it is the frame's first.
        """
        if starts:
            self._in_key = part.key
            if part.key:
                self._in_step = True
            self._picture_id = (self._picture_id + 1) & 0x7FFF
            self._move_on(timestamp)
        if not self._in_step or self._offset is None or len(self._batch) >= _MAX_BATCH:
            return
        # RFC 7741 section 4.2: extended, with a picture id of 15 bits; S on the frame's first packet.
        head = bytes((0x90 if starts else 0x80, 0x80, 0x80 | self._picture_id >> 8, self._picture_id & 0xFF))
        packet = FeedPacket(head + part.data, self._time, marker, starts, starts and part.key, self._in_key)
        self._batch.append(packet)
        if not self._planned:
            self._planned = True
            self._soon(self._serve)

    def _move_on(self, timestamp: int) -> None:
        now = self._clock()
        if self._offset is None:
            passed = 1.0 if self._time_at == float("-inf") else min(3_600.0, max(0.02, now - self._time_at))
            self._offset = (self._time + int(passed * 90_000) - timestamp) & 0xFFFFFFFF
        self._their_time = timestamp
        self._time = (timestamp + self._offset) & 0xFFFFFFFF
        self._time_at = now

    def _serve(self) -> None:
        self._planned = False
        now = self._clock()
        batch, self._batch = self._batch, deque()
        for viewer in self._viewers:
            for packet in batch:
                viewer.put(packet, now)

    def _report(self, viewer: ShareDownLine) -> bytes | None:
        """What tells a viewer when the newest frame was captured."""
        if self._publisher is None or self._their_time is None:
            return None
        captured_ms = self._publisher.captured_ms(self._their_time)
        if not captured_ms:
            return None
        now_ms = self._wall_ms()
        return viewer.report(self._time + round((now_ms - captured_ms) * 90), now_ms)

    def _is_fed(self, now: float) -> bool:
        return self._publisher is not None and self._publisher.is_alive(now)

    def _fell(self) -> None:
        if self._publisher is not None:
            self._publisher.line_fell()

    def _wanted(self) -> None:
        if self._asking:
            return
        wait = self._asked + KEY_S - self._clock()
        if wait <= 0:
            self._ask()
        else:
            self._asking = True
            self._later(wait, self._ask_again)

    def _ask_again(self) -> None:
        if self._clock() < self._asked + KEY_S - 0.01:
            return  # planned for the publisher before this one
        self._asking = False
        if any(viewer.wants_key for viewer in self._viewers):
            self._ask()

    def _ask(self) -> None:
        publisher = self._publisher
        if publisher is None:
            return
        self._asked = self._clock()
        publisher.ask_for_key()
        self._asking = True
        self._later(KEY_S, self._ask_again)


def _let_go(viewer: ShareDownLine) -> None:
    viewer.on_want = viewer.on_fall = viewer.is_fed = viewer.times = None
    viewer.end()
