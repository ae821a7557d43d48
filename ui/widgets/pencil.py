"""Turns a hand over a picture into messages about what it draws, at most thirty a second."""

import secrets
from enum import StrEnum

from PySide6.QtCore import QObject, QTimer, Signal

from support_manager.protocol import limits
from support_manager.protocol.channel import DrawClear, DrawPointer, DrawStroke, DrawTool

EVERY_MS = round(1_000 / limits.DRAW_POINTER_HZ)

Spot = tuple[int, int]
"""A place on the picture, in 65535ths of its width and height."""


class Tool(StrEnum):
    """What the hand holds."""

    POINTER = "pointer"
    PEN = "pen"
    ARROW = "arrow"
    BOX = "box"


class Pencil(QObject):
    """One drawer's hand.

    Args:
        colour: the number of his colour.
        parent: the owner.

    Signals:
        says: a message is to be sent; the argument is a `DrawMessage`.
    """

    says = Signal(object)

    def __init__(self, colour: int, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.colour = colour
        self.tool = Tool.POINTER
        self._number = secrets.randbelow(2**30)  # an app that was started again goes on with others
        self._start: Spot | None = None
        self._pending: list[Spot] = []
        self._pointer: Spot | None = None
        self._timer = QTimer(self, singleShot=True, interval=EVERY_MS)
        self._timer.timeout.connect(self._flush)

    @property
    def is_down(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._start is not None

    def down(self, spot: Spot) -> None:
        """The hand is put down: a stroke begins, or the pointer is there."""
        if self.tool is Tool.POINTER:
            self.move(spot)
            return
        self._leave()
        self._number += 1
        self._start, self._pending = spot, [spot]
        self._flush()

    def move(self, spot: Spot) -> None:
        """The hand moves."""
        if self._start is not None:
            self._pending.append(spot)
        elif self.tool is Tool.POINTER:
            self._pointer = spot
        else:
            return
        if not self._timer.isActive():
            self._timer.start()

    def up(self) -> None:
        """The hand is lifted."""
        while self._start is not None and self._pending:
            self._flush()
        self._start = None

    def away(self) -> None:
        """The hand is somewhere else."""
        self.up()
        self._leave()

    def undo(self, number: int | None) -> None:
        """Take one's newest stroke back; `number` is its number on the board, None if there is none."""
        self.up()
        if number is not None:
            self.says.emit(DrawClear(number=number))

    def clear(self) -> None:
        """Take back all that one drew."""
        self.up()
        self.says.emit(DrawClear())

    def _leave(self) -> None:
        self._timer.stop()
        if self._pointer is not None:
            self._pointer = None
            self.says.emit(DrawPointer(gone=True))

    def _flush(self) -> None:
        self._timer.stop()
        if self._start is not None and self._pending:
            if self.tool is Tool.PEN:
                points = tuple(self._pending[: limits.DRAW_POINTS])
                self._pending = self._pending[limits.DRAW_POINTS :]
            else:
                points, self._pending = (self._start, self._pending[-1]), []
            tool = DrawTool(self.tool.value)
            self.says.emit(DrawStroke(number=self._number, tool=tool, colour=self.colour, points=points))
            if self._pending:
                self._timer.start()
        elif self._pointer is not None and self._start is None:
            x, y = self._pointer
            self.says.emit(DrawPointer(x=x, y=y, colour=self.colour))
