"""Ends of activities that the relay does not know yet: told at once, or as soon as it is there again."""

import asyncio
from collections import deque
from contextlib import suppress

import structlog

from support_manager.errors import Refused, SupportManagerError
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.requests import ActivityStop, Nothing
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_AGAIN_S = (0.5, 1.0, 2.0, 4.0, 8.0)
"""Between tries while the relay seems to be there; after the last one the next connection brings another round."""


class Ends:
    """Tells the relay what has ended at this end.

    Args:
        send: to the relay.
        tasks: owner of the telling.
    """

    def __init__(self, send: Send, tasks: TaskOwner) -> None:
        self._send = send
        self._tasks = tasks
        self._untold: dict[str, ActivityStop] = {}
        self._telling = False
        self._back = asyncio.Event()
        """Set when it is worth trying at once."""

    def tell(self, session_id: str, activity_id: str, reason: ActivityEnd) -> None:
        """This has ended here; the relay hears of it now or later."""
        self._untold[activity_id] = ActivityStop(session_id=session_id, activity_id=activity_id, reason=reason)
        self.went_online()

    def forget(self, session_id: str) -> None:
        """The session is over: nobody needs to be told."""
        self._untold = {key: stop for key, stop in self._untold.items() if stop.session_id != session_id}

    def went_online(self) -> None:
        """The relay is there: tell what is untold."""
        self._back.set()
        if self._untold and not self._telling:
            try:
                _ = self._tasks.spawn(self._tell_all(), name="ends")
            except RuntimeError:
                return  # closing; the book knows what has arrived
            self._telling = True

    async def _tell_all(self) -> None:
        try:
            waits = deque(_AGAIN_S)
            while True:
                self._back.clear()
                while self._untold and await self._tell_one(next(iter(self._untold.values()))):
                    pass
                if not self._untold or not waits:
                    return
                with suppress(TimeoutError):
                    async with asyncio.timeout(waits.popleft()):
                        await self._back.wait()
                    waits = deque(_AGAIN_S)
        finally:
            self._telling = False

    async def _tell_one(self, stop: ActivityStop) -> bool:
        """Whether that one needs no more telling."""
        try:
            await self._send(stop, Nothing)
        except Refused as refusal:
            if refusal.code in TRANSIENT:
                return False
            log.info("end not taken", session=stop.session_id, code=str(refusal.code))
        except SupportManagerError:
            return False
        if self._untold.get(stop.activity_id) is stop:
            del self._untold[stop.activity_id]
        return True
