"""A rep's sessions that are over: finding them again, reading them, writing down outcome and notes."""

import unicodedata

from support_manager.errors import Refused
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import (
    History,
    HistoryList,
    HistoryNote,
    HistoryNotes,
    HistoryPage,
    HistoryRead,
    Noted,
    Nothing,
)
from support_manager.session.outbox import Send
from support_manager.session.words import well_formed


class HistoryDesk:
    """Asks the relay about the past; nothing of it is kept here.

    Args:
        send: to the relay, over whatever connection there is.
    """

    def __init__(self, send: Send) -> None:
        self._send = send

    async def find(self, search: str, before: int | None) -> History:
        """The sessions that match, newest first; `before` is in milliseconds of the relay's clock."""
        return await self._send(HistoryList(search=_bounded(search, limits.SEARCH_CHARS), before=before), History)

    async def read(self, session_id: str) -> HistoryPage:
        """One session, whole."""
        return await self._send(HistoryRead(session_id=session_id), HistoryPage)

    async def notes(self, session_id: str) -> Noted:
        """Outcome and notes as they are kept now."""
        return await self._send(HistoryNotes(session_id=session_id), Noted)

    async def note(self, session_id: str, outcome: str, notes: str, seen: Noted) -> None:
        """Write down outcome and notes; both replace what was `seen` there.

        Raises:
            Refused: `too_large` before anything is sent, `notes_changed` when there is something else by now, or as the
                relay says.
        """
        message = HistoryNote(
            session_id=session_id,
            outcome=_bounded(outcome, limits.OUTCOME_CHARS),
            notes=_bounded(notes, limits.NOTES_CHARS),
            seen_outcome=seen.outcome,
            seen_notes=seen.notes,
        )
        _ = await self._send(message, Nothing)


def _bounded(typed: str, most: int) -> str:
    found = unicodedata.normalize("NFC", well_formed(typed).strip())
    if len(found) > most:
        raise Refused(ErrorCode.TOO_LARGE)
    return found
