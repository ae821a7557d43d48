"""The hub's part in drawing: checks who draws and how much, and hands it on to everybody who sees the share (B-7.3)."""

from collections import deque
from collections.abc import Callable, Collection

import msgspec

from support_manager.media.board import Board, Early
from support_manager.protocol import limits
from support_manager.protocol.channel import DrawMessage, DrawPointer

AGAIN_S = 0.1
"""How soon a line that was full is tried again."""
_MOST_WAITING = 500
"""With more messages than this waiting for one viewer, he gets the board as it is instead."""


class Drawing:
    """One session's drawing, inside the media thread.

    Args:
        send: hands a message to one participant; False while his line is full.
        clock: monotonic time in seconds.
        later: calls a function after some seconds.
    """

    def __init__(
        self,
        send: Callable[[str, DrawMessage], bool],
        clock: Callable[[], float],
        later: Callable[[float, Callable[[], None]], object],
    ) -> None:
        self._send = send
        self._clock = clock
        self._later = later
        self._drawers: frozenset[str] = frozenset()
        self._viewers: frozenset[str] = frozenset()
        self._board = Board()
        self._early = Early(clock)
        self._waiting: dict[str, deque[DrawMessage]] = {}
        """What could not be handed on yet, in order, by viewer."""
        self._planned = False
        self._budgets: dict[str, tuple[float, float]] = {}

    def allow(self, drawers: Collection[str], viewers: Collection[str]) -> list[tuple[str, DrawMessage]]:
        """Say who may draw and who sees it; what others drew goes, and whoever is new gets all there is.

        Returns:
            what those who draw now had said too early, with their ids: it is drawn now.
        """
        self._allow(drawers, viewers)
        return [(by, message) for by, message in self._early.claim(self._drawers) if self._draw(by, message)]

    def _allow(self, drawers: Collection[str], viewers: Collection[str]) -> None:
        new = frozenset(viewers) - self._viewers
        ended = self._drawers - frozenset(drawers)
        self._early.end(ended - self._board.cleared)
        self._drawers, self._viewers = frozenset(drawers), frozenset(viewers)
        self._waiting = {each: queue for each, queue in self._waiting.items() if each in self._viewers}
        self._budgets = {each: budget for each, budget in self._budgets.items() if each in self._drawers}
        if self._board.keep(self._drawers) or ended:
            new = self._viewers  # what comes after it is of the next one, there too
        elif not self._board:
            return
        for viewer in sorted(new):
            self._begin_anew(viewer)

    def take(self, by: str, message: DrawMessage) -> bool:
        """Take a participant's message; False for one who may not (yet), or who sends too much: nobody sees it."""
        if not self._has_room(by):
            return False
        if by not in self._drawers:
            self._early.keep(by, message)
            return False
        return self._draw(by, message)

    def came(self, participant_id: str) -> None:
        """That participant's line is open (again): he gets all there is."""
        if participant_id in self._viewers and self._board:
            self._begin_anew(participant_id)

    def lost(self, participant_id: str) -> None:
        """That participant is out of reach, so he points at nothing, and what waits for him is for nobody."""
        self._waiting.pop(participant_id, None)
        self._early.lost(participant_id)
        self._draw(participant_id, DrawPointer(gone=True))

    def _draw(self, by: str, message: DrawMessage) -> bool:
        if not self._board.take(by, message):
            return False
        told = msgspec.structs.replace(message, by=by)
        for viewer in sorted(self._viewers - {by}):
            waiting = self._waiting.get(viewer)
            if waiting is not None and len(waiting) >= _MOST_WAITING:
                self._begin_anew(viewer)
            elif waiting is not None:
                waiting.append(told)
            elif not self._send(viewer, told):
                self._waiting[viewer] = deque((told,))
        self._plan()
        return True

    def _begin_anew(self, viewer: str) -> None:
        self._waiting[viewer] = deque(self._board.replay())
        self._hand_out(viewer)
        self._plan()

    def _hand_out(self, viewer: str) -> None:
        waiting = self._waiting[viewer]
        while waiting and self._send(viewer, waiting[0]):
            waiting.popleft()
        if not waiting:
            del self._waiting[viewer]

    def _plan(self) -> None:
        if self._waiting and not self._planned:
            self._planned = True
            self._later(AGAIN_S, self._again)

    def _again(self) -> None:
        self._planned = False
        for viewer in list(self._waiting):
            self._hand_out(viewer)
        self._plan()

    def _has_room(self, by: str) -> bool:
        now = self._clock()
        rate = limits.DRAW_MESSAGES_PER_SECOND
        left, at = self._budgets.get(by, (2.0 * rate, now))
        left = min(2.0 * rate, left + max(0.0, now - at) * rate)
        self._budgets[by] = (left - 1 if left >= 1 else left, now)
        return left >= 1
