"""This app's own share as the hub sees it: a publisher for the feed, encoded once however many people see it."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial

from support_manager.media.capture import Capture, Captured, CaptureState
from support_manager.media.engine import MediaEvent, PeerKey, ShowEnded, ShowFigures
from support_manager.media.feed import Feed
from support_manager.media.frames import EncodedFrame
from support_manager.media.rate_steps import RateSteps
from support_manager.media.screens import Gate, Shareable
from support_manager.media.vp8 import Vp8Part

PART_BYTES = 1_150
"""Of a frame in one packet, so that with all headers it stays below every path's 1,280 bytes (RFC 8200 section 5)."""
_ALIVE_S = 1.5
_FIGURES_S = 1.0

Tap = Callable[[EncodedFrame], None]


class OwnShare:
    """One running share of this app. Lives on the media loop; the capture's thread only posts to it.

    Args:
        peer: this app's own key in the session.
        source: what is shown.
        gate: closed while nothing may be seen; viewers then keep the last picture and are told by the relay.
        post: has a function called on the media loop, from any thread.
        later: calls a function after some seconds, and gives what cancels it.
        emit: takes events for the app.
    """

    def __init__(
        self,
        peer: PeerKey,
        source: Shareable,
        gate: Gate,
        post: Callable[[Callable[[], None]], None],
        later: Callable[[float, Callable[[], None]], object],
        emit: Callable[[MediaEvent], None],
    ) -> None:
        self.peer = peer
        self._post, self._later, self._emit = post, later, emit
        self._feed: Feed | None = None
        self._taps: list[Tap] = []
        self._steps = RateSteps()
        self._state = CaptureState()
        self._anchor = (0, 0.0)
        self._frames = self._bytes = 0
        self._gate = gate
        self._stopped = False
        self._capture = Capture(
            source,
            gate,
            self._steps.bits_per_s,
            frame=lambda captured: post(lambda: self._take(captured)),
            state=lambda state: post(lambda: self._changed(state)),
            ended=lambda code: post(lambda: self._ended(code)),
        )
        self._need()

    @property
    def share(self) -> "OwnShare":
        """What the feed takes as its publisher."""
        return self

    def start(self) -> None:
        """Begin to look."""
        self._capture.start()
        self._later(_FIGURES_S, self._every_second)

    def stop(self) -> None:
        """Show nothing more, at once; no event comes after it."""
        self._stopped = True
        self._feed = None
        self._taps.clear()
        self._capture.stop()

    @property
    def is_running(self) -> bool:
        """Whether the capture's thread still runs."""
        return self._capture.is_running

    def join(self, seconds: float) -> None:
        """Wait for the capture's thread."""
        self._capture.join(seconds)

    def forward_to(self, feed: Feed | None) -> None:
        """Hand every frame on to a feed, or to none any more."""
        self._feed = feed
        self._need()

    def record(self, recording: bool) -> None:
        """It is encoded at the rate that its viewers' lines carry, recorded or not."""

    def add_tap(self, tap: Tap) -> None:
        """Have `tap` called with every encoded frame, on the media loop; the first one is a key frame."""
        self._taps.append(tap)
        self._need()
        self._capture.ask_for_key()

    def remove_tap(self, tap: Tap) -> None:
        """Call it no more."""
        if tap in self._taps:
            self._taps.remove(tap)
        self._need()

    def _need(self) -> None:
        self._capture.need(self._feed is not None or bool(self._taps))

    # -- the publisher, as `support_manager.media.feed.Publisher` says

    def ask_for_key(self) -> None:
        """Viewers need a key frame; the feed asks at most once a second."""
        self._capture.ask_for_key()

    def line_fell(self) -> None:
        """Make less of it at once, if it has to be less; the second's turn comes too late."""
        self._choose_rate()

    def captured_ms(self, timestamp: int) -> float:
        """When the frame of this time was captured, `time.time() * 1000`; 0 before the first one."""
        known, at_ms = self._anchor
        if not at_ms:
            return 0.0
        steps = ((timestamp - known + 2**31) & 0xFFFFFFFF) - 2**31
        return at_ms + steps / 90

    def is_alive(self, now: float) -> bool:
        """Whether the screen is being looked at, whether something moves or not."""
        return not self._gate.closed and now - self._capture.alive_at < _ALIVE_S

    # -- what the thread posts

    def _take(self, captured: Captured) -> None:
        if self._stopped or self._gate.closed:
            return
        self._anchor = captured.time, captured.at_ms
        self._frames += 1
        self._bytes += len(captured.data)
        feed = self._feed
        if feed is not None:
            data, last = captured.data, len(captured.data)
            for start in range(0, last, PART_BYTES):
                end = start + PART_BYTES
                part = Vp8Part(data[start:end], starts=start == 0, key=start == 0 and captured.key)
                feed.take(part, captured.time, end >= last, start == 0)
        for tap in tuple(self._taps):
            tap(EncodedFrame(captured.data, captured.time, captured.key, time.monotonic()))

    def _changed(self, state: CaptureState) -> None:
        self._state = state
        if not self._stopped:
            self._tell(0.0, 0.0)

    def _ended(self, code: str) -> None:
        if not self._stopped:
            self.stop()
            self._emit(ShowEnded(self.peer, code))

    def _every_second(self) -> None:
        if self._stopped:
            return
        self._later(_FIGURES_S, self._every_second)
        self._choose_rate()
        self._tell(self._frames / _FIGURES_S, self._bytes / 1000 / _FIGURES_S)
        self._frames = self._bytes = 0

    def _choose_rate(self) -> None:
        feed = self._feed
        rates = [viewer.bits_per_s for viewer in feed.viewers] if feed is not None else []
        if self._steps.update(rates, time.monotonic()):
            self._capture.set_rate(self._steps.bits_per_s)

    def _tell(self, fps: float, kilobytes_per_s: float) -> None:
        state = self._state
        viewers = len(self._feed.viewers) if self._feed is not None else 0
        self._emit(
            ShowFigures(
                self.peer,
                fps=fps,
                kilobytes_per_s=kilobytes_per_s,
                width=state.width,
                height=state.height,
                viewers=viewers,
                is_hidden=state.is_hidden,
            )
        )


class OwnShares:
    """This app's own shares, one a session at most. Lives on the media loop.

    Args:
        emit: takes events for the app.
        changed: called with the session's id after a share came or went.
    """

    def __init__(self, emit: Callable[[MediaEvent], None], changed: Callable[[str], None]) -> None:
        self._emit, self._changed = emit, changed
        self._running: dict[PeerKey, OwnShare] = {}
        self._ending: list[OwnShare] = []

    def get(self, peer: PeerKey) -> OwnShare | None:
        """The running share of that participant, who is this app."""
        return self._running.get(peer)

    def show(self, peer: PeerKey, source: Shareable, gate: Gate) -> None:
        """Show something, in place of what was shown before."""
        self._end(peer)
        loop = asyncio.get_running_loop()
        share = OwnShare(peer, source, gate, partial(_post, loop), loop.call_later, self._told)
        self._running[peer] = share
        share.start()
        self._changed(peer.session_id)

    def stop(self, peer: PeerKey) -> None:
        """Show nothing more."""
        if self._end(peer):
            self._changed(peer.session_id)

    def stop_session(self, session_id: str) -> None:
        """Show nothing more in that session."""
        for peer in [peer for peer in self._running if peer.session_id == session_id]:
            self.stop(peer)

    def _end(self, peer: PeerKey) -> bool:
        share = self._running.pop(peer, None)
        if share is None:
            return False
        share.stop()
        self._ending = [each for each in self._ending if each.is_running] + [share]
        return True

    def _told(self, event: MediaEvent) -> None:
        if isinstance(event, ShowEnded):
            self.stop(event.peer)
        self._emit(event)

    async def aclose(self) -> None:
        """Stop all, and wait a moment for their threads."""
        for peer in list(self._running):
            self._end(peer)
        for share in self._ending:
            await asyncio.to_thread(share.join, 0.5)


def _post(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Have a function called on the loop; a loop that has ended needs nothing more."""
    with suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
