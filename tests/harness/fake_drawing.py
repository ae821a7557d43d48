"""Drawing for the intents that tests play: what was drawn is kept and told, and nobody else draws."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from support_manager.events import AppEvent, DrawingChanged, SessionChanged, SessionSnapshot
from support_manager.media.board import Board
from support_manager.protocol.channel import DrawMessage


class FakeDrawing:
    """The part of `Intents` about drawing."""

    sessions: Any
    _ask: Callable[..., None]
    asked: list[tuple[Any, ...]]
    emit: Callable[[AppEvent], None]

    async def begin_drawing(self, session_id: str) -> None:
        self._ask("begin_drawing", session_id)
        self._draws(session_id, True)

    async def end_drawing(self, session_id: str, drawer: str | None = None) -> None:
        self._ask("end_drawing", session_id, drawer)
        self._boards[session_id].forget(drawer or self._you(session_id))
        self.emit(DrawingChanged(session_id))
        self._draws(session_id, False)

    def _draws(self, session_id: str, draws: bool) -> None:
        kept: dict[str, SessionSnapshot] = self.sessions
        kept[session_id] = replace(kept[session_id], draws=draws)
        self.emit(SessionChanged(kept[session_id]))

    def _you(self, session_id: str) -> str:
        return str(self.sessions[session_id].view.you)

    @property
    def _boards(self) -> dict[str, Board]:
        boards: dict[str, Board] = self.__dict__.setdefault("kept_boards", {})
        for session_id in self.sessions:
            boards.setdefault(session_id, Board())
        return boards

    def draw(self, session_id: str, message: DrawMessage) -> None:
        self.asked.append(("draw", session_id, message))
        self.draws_as(session_id, self._you(session_id), message)

    def draws_as(self, session_id: str, by: str, message: DrawMessage) -> None:
        """Somebody draws."""
        if self._boards[session_id].take(by, message):
            self.emit(DrawingChanged(session_id))

    def board(self, session_id: str) -> Board | None:
        return self._boards.get(session_id)
