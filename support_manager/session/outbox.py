"""Chat lines of our own on their way: in order, sent again after a reconnect, never doubled (the id sees to that)."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar
from uuid import uuid4

from support_manager.errors import Refused, RelayUnavailable
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import ChatSend, ChatSent, Request
from support_manager.protocol.views import Audience

R = TypeVar("R", bound=Wire)
TRANSIENT = frozenset({ErrorCode.TOO_FAST, ErrorCode.RELAY_BUSY, ErrorCode.RELAY_STOPPING})
"""Refusals after which the same request may well succeed."""
_AGAIN_S = 1.0


class Send(Protocol):
    """Sends a request to the relay: `relay_client.link.RelayLink.request`."""

    def __call__(self, message: Request, reply: type[R], *, timeout_s: float = ...) -> Awaitable[R]:
        """Send `message`; raises `Refused` or `RelayUnavailable`."""


class Outbox:
    """The lines of one session that the relay has not confirmed.

    Args:
        session_id: of the session.
        send: to the relay.
        on_confirmed: called with the line's id and number.
        on_refused: called with the line's id and the relay's code; the line is not sent again.
        before: works no more; what it has left is sent by this one.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        on_confirmed: Callable[[str, int], None],
        on_refused: Callable[[str, ErrorCode], None],
        before: "Outbox | None" = None,
    ) -> None:
        self._session_id = session_id
        self._send = send
        self._on_confirmed = on_confirmed
        self._on_refused = on_refused
        self._lines: deque[ChatSend] = deque() if before is None else before._lines
        self._refused: dict[str, ChatSend] = {} if before is None else before._refused
        self._work = asyncio.Event()
        if self._lines:
            self._work.set()
        self._online = asyncio.Event()

    def add(self, text: str, audience: Audience) -> str:
        """Put a line at the end of the queue; returns its id."""
        line = ChatSend(session_id=self._session_id, line_id=uuid4().hex, text=text, audience=audience)
        self._lines.append(line)
        self._work.set()
        return line.line_id

    def again(self, line_id: str) -> bool:
        """Put a refused line at the end of the queue once more, under the same id; False when there is none."""
        line = self._refused.pop(line_id, None)
        if line is None:
            return False
        self._lines.append(line)
        self._work.set()
        return True

    def went_online(self) -> None:
        """The session is resumed: send what is left."""
        self._online.set()

    def went_offline(self) -> None:
        """Keep everything until `went_online`."""
        self._online.clear()

    async def run(self) -> None:
        """Send for ever; to be run as a task."""
        while True:
            await self._work.wait()
            await self._online.wait()
            if not self._lines:
                self._work.clear()
                continue
            line = self._lines[0]
            try:
                sent = await self._send(line, ChatSent)
            except Refused as refusal:
                if refusal.code in TRANSIENT and isinstance(refusal.code, ErrorCode):
                    await asyncio.sleep(_AGAIN_S)
                    continue
                self._lines.popleft()
                self._refused[line.line_id] = line
                code = refusal.code if isinstance(refusal.code, ErrorCode) else ErrorCode.INTERNAL
                self._on_refused(line.line_id, code)
            except RelayUnavailable:
                await asyncio.sleep(_AGAIN_S)  # no answer: the same id again, which the relay knows if it had it
            else:
                self._lines.popleft()
                self._on_confirmed(line.line_id, sent.seq)
