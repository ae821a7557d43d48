"""What is drawn over one share: everybody's strokes and pointers, bounded, whoever sent them (B-7.3)."""

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise

import msgspec

from support_manager.protocol import limits
from support_manager.protocol.channel import DrawClear, DrawMessage, DrawPointer, DrawStroke, DrawTool


@dataclass(slots=True, eq=False)
class Stroke:
    """One stroke, as far as it has come."""

    by: str
    number: int
    tool: DrawTool
    colour: int
    points: list[tuple[int, int]] = field(default_factory=list)
    """In 65535ths of the captured picture."""
    length: int = 0
    """Across and down, from point to point."""


EARLY_S = 5.0
"""How long after a message the relay's word of its drawer may come; a loop that stands still for longer has hung."""
_MOST_EARLY_EACH = 100
"""So many messages of one person are kept; a hand at work says some 30 a second. A pointer is not counted."""


class _Said:
    """What one person has said too early, each message with when it came."""

    def __init__(self) -> None:
        self._drawn: deque[tuple[float, DrawMessage]] = deque()
        self._pointer: deque[tuple[float, DrawMessage]] = deque(maxlen=1)
        """Where he points: the last word of it counts."""

    def __len__(self) -> int:
        return len(self._drawn) + len(self._pointer)

    def add(self, at: float, message: DrawMessage) -> None:
        if isinstance(message, DrawPointer):
            self._pointer.append((at, message))
        elif len(self._drawn) < _MOST_EARLY_EACH:
            self._drawn.append((at, message))

    def unpoint(self) -> None:
        self._pointer.clear()

    def forget(self, until: float) -> None:
        for queue in (self._drawn, self._pointer):
            while queue and queue[0][0] <= until:
                queue.popleft()

    def messages(self) -> list[DrawMessage]:
        return [message for _, message in (*self._drawn, *self._pointer)]


class Early:
    """What came of people of whose drawing the relay has not told here yet.

    The relay's word and the strokes go different ways, and the one from end to end is the faster one: whoever is late
    to hear of a drawing would miss its first strokes for good. Nothing is drawn of anybody before the relay's word, and
    what somebody goes on to say after his drawing was ended, until he rests or clears all, is not of his next one.

    Args:
        clock: monotonic time in seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: dict[str, _Said] = {}
        self._ended: dict[str, float] = {}
        """When those whose drawing was ended were last heard to go on with it."""

    def end(self, drawers: Iterable[str]) -> None:
        """The drawings of these were ended, by whomever: they may not know it yet."""
        now = self._clock()
        self._ended = {by: at for by, at in self._ended.items() if at > now - EARLY_S}
        self._ended.update(dict.fromkeys(drawers, now))

    def keep(self, by: str, message: DrawMessage) -> None:
        """Keep a message of somebody who does not draw yet, unless there are too many of him, or too many people."""
        now = self._clock()
        if now - self._ended.get(by, float("-inf")) < EARLY_S:
            if isinstance(message, DrawClear) and message.number is None:
                del self._ended[by]  # he has ended it himself
            else:
                self._ended[by] = now  # he has not heard of the end yet
        elif self._has_room(by, now - EARLY_S):
            said = self._kept.setdefault(by, _Said())
            said.forget(now - EARLY_S)
            said.add(now, message)

    def _has_room(self, by: str, until: float) -> bool:
        if by not in self._kept and len(self._kept) >= limits.PARTICIPANTS_PER_SESSION:
            self._forget(until)
        return by in self._kept or len(self._kept) < limits.PARTICIPANTS_PER_SESSION

    def _forget(self, until: float) -> None:
        for said in self._kept.values():
            said.forget(until)
        self._kept = {by: said for by, said in self._kept.items() if said}

    def lost(self, by: str) -> None:
        """That person is out of reach, so he points at nothing."""
        if by in self._kept:
            self._kept[by].unpoint()

    def claim(self, drawers: Collection[str]) -> list[tuple[str, DrawMessage]]:
        """Hand out what those who draw now have said, each one's in order; what is too old goes."""
        self._ended = {by: at for by, at in self._ended.items() if by not in drawers}
        self._forget(self._clock() - EARLY_S)
        claimed = [(by, self._kept.pop(by)) for by in tuple(self._kept) if by in drawers]
        return [(by, message) for by, said in claimed for message in said.messages()]

    def clear(self) -> None:
        """Forget all of it: everything begins anew."""
        self._kept.clear()
        self._ended.clear()


class Board:
    """Keeps what the messages say; the hub, every app and every page have one each.

    Attributes:
        strokes: the oldest first.
        pointers: by their drawer's participant id.
        cleared: who has taken all back, and has drawn nothing since.
        version: another one whenever the strokes are others.
    """

    def __init__(self) -> None:
        self.strokes: list[Stroke] = []
        self.pointers: dict[str, DrawPointer] = {}
        self.cleared: set[str] = set()
        self.version = 0

    def __bool__(self) -> bool:
        return bool(self.strokes or self.pointers)

    def take(self, by: str, message: DrawMessage) -> bool:
        """Take a message of that drawer; False if it says nothing new or too much.

        Args:
            by: the drawer's participant id, or empty for the hub itself, who may clear everything.
            message: as it came; its own `by` does not count.
        """
        if isinstance(message, DrawClear):
            taken = self._clear(by, message.number)
            if by and message.number is None:
                self.cleared.add(by)
        elif not by:
            taken = False
        elif isinstance(message, DrawPointer):
            taken = self._point(by, message)
        else:
            taken = self._stroke(by, message)
        self.version += taken and not isinstance(message, DrawPointer)
        return taken

    def _point(self, by: str, message: DrawPointer) -> bool:
        if message.gone:
            return self.pointers.pop(by, None) is not None
        if by not in self.pointers and len(self.pointers) >= limits.PARTICIPANTS_PER_SESSION:
            return False
        self.cleared.discard(by)
        self.pointers[by] = msgspec.structs.replace(message, by=by)
        return True

    def _stroke(self, by: str, message: DrawStroke) -> bool:
        self.cleared.discard(by)
        mine = [each for each in self.strokes if each.by == by]
        stroke = next((each for each in reversed(mine) if each.number == message.number), None)
        if stroke is None:
            stroke = Stroke(by, message.number, message.tool, message.colour)
        pen = stroke.tool is DrawTool.PEN
        points = [*stroke.points, *message.points] if pen else list(message.points[-2:])
        length = sum(abs(x - from_x) + abs(y - from_y) for (from_x, from_y), (x, y) in pairwise(points))
        if len(points) > limits.DRAW_KEPT_POINTS or length > limits.DRAW_KEPT_LENGTH:
            return False
        stroke.points, stroke.length = points, length
        if stroke not in mine:
            self.strokes.append(stroke)
            mine.append(stroke)
        for oldest in [each for each in mine if each is not stroke]:
            if not _is_too_much(mine):
                break
            mine.remove(oldest)
            self.strokes.remove(oldest)
        return True

    def _clear(self, by: str, number: int | None) -> bool:
        before = len(self.strokes)
        if not by:
            self.strokes.clear()
            self.pointers.clear()
            return True
        self.strokes = [
            each for each in self.strokes if each.by != by or (number is not None and each.number != number)
        ]
        return len(self.strokes) != before

    def forget(self, by: str) -> bool:
        """Take away all that one person drew, and his pointer; whether there was anything."""
        pointed = self.pointers.pop(by, None) is not None
        gone = self._clear(by, None) or pointed
        self.version += gone
        return gone

    def keep(self, drawers: Collection[str]) -> bool:
        """Take away what anybody else drew; whether there was anything."""
        self.cleared.intersection_update(drawers)
        others = ({each.by for each in self.strokes} | set(self.pointers)) - set(drawers)
        for each in others:
            self.forget(each)
        return bool(others)

    def last_number(self, by: str) -> int | None:
        """The number of that drawer's newest stroke."""
        return next((each.number for each in reversed(self.strokes) if each.by == by), None)

    def replay(self) -> Iterator[DrawMessage]:
        """The messages from which somebody who comes late makes the same board, from an empty one."""
        yield DrawClear()
        for each in self.strokes:
            step = limits.DRAW_POINTS
            for at in range(0, len(each.points), step):
                points = tuple(each.points[at : at + step])
                yield DrawStroke(number=each.number, tool=each.tool, colour=each.colour, points=points, by=each.by)
        yield from self.pointers.values()


def _is_too_much(strokes: list[Stroke]) -> bool:
    return (
        len(strokes) > limits.DRAW_STROKES
        or sum(len(each.points) for each in strokes) > limits.DRAW_KEPT_POINTS
        or sum(each.length for each in strokes) > limits.DRAW_KEPT_LENGTH
    )
