"""What a rep may ask of one session besides looking and chatting: people, lock, control, passing it on."""

import unicodedata
from collections.abc import Sequence

from support_manager.errors import AppCode, LocalProblem
from support_manager.protocol import limits
from support_manager.protocol.requests import (
    ControlAsk,
    ControlRefuse,
    ControlTake,
    ControlTransfer,
    CustomerAdmit,
    CustomerSelect,
    InviteMail,
    Nothing,
    SessionEnd,
    SessionLeave,
    SessionLock,
    SessionTransfer,
)
from support_manager.session.outbox import Send
from support_manager.session.words import well_formed


class SessionActs:
    """The requests of one session; what comes of them arrives as events, for everybody alike.

    Every one raises `Refused` or `RelayUnavailable`.

    Args:
        session_id: of the session.
        send: to the relay.
    """

    def __init__(self, session_id: str, send: Send) -> None:
        self._id = session_id
        self._send = send

    async def end(self) -> None:
        """End it for everybody."""
        _ = await self._send(SessionEnd(session_id=self._id), Nothing)

    async def leave(self) -> None:
        """Go; the session goes on."""
        _ = await self._send(SessionLeave(session_id=self._id), Nothing)

    async def lock(self, locked: bool) -> None:
        """Let nobody else in, or open it again (B-2.5)."""
        _ = await self._send(SessionLock(session_id=self._id, locked=locked), Nothing)

    async def admit(self, participant_id: str, accept: bool) -> None:
        """Let a waiting customer in, or turn him away."""
        message = CustomerAdmit(session_id=self._id, participant_id=participant_id, accept=accept)
        _ = await self._send(message, Nothing)

    async def select(self, participant_id: str) -> None:
        """Help that customer from now on (B-1.2)."""
        _ = await self._send(CustomerSelect(session_id=self._id, participant_id=participant_id), Nothing)

    async def transfer_control(self, participant_id: str) -> None:
        """Give control to an assistant (B-9.2)."""
        _ = await self._send(ControlTransfer(session_id=self._id, to=participant_id), Nothing)

    async def ask_control(self, asking: bool) -> None:
        """Ask for control, or take that back."""
        _ = await self._send(ControlAsk(session_id=self._id, asking=asking), Nothing)

    async def refuse_control(self, participant_id: str) -> None:
        """Keep control though that assistant asks for it."""
        _ = await self._send(ControlRefuse(session_id=self._id, participant_id=participant_id), Nothing)

    async def take_control(self) -> None:
        """Take over from a lost controller (B-12.6)."""
        _ = await self._send(ControlTake(session_id=self._id), Nothing)

    async def transfer(self, queue_id: str | None, agents: Sequence[str], message: str) -> None:
        """Pass it on; exactly one of `queue_id` and `agents` is given (B-10.1).

        Raises:
            LocalProblem: `transfer_message_too_long`; nothing was sent.
            ValueError: both or neither was given: a bug of ours.
        """
        if (queue_id is None) is not bool(agents):
            raise ValueError("to one queue, or to agents")
        message = unicodedata.normalize("NFC", well_formed(message).strip())
        if len(message) > limits.TRANSFER_MESSAGE_CHARS:
            raise LocalProblem(AppCode.TRANSFER_MESSAGE_TOO_LONG, limit=str(limits.TRANSFER_MESSAGE_CHARS))
        asked = SessionTransfer(session_id=self._id, queue_id=queue_id, agents=tuple(agents), message=message)
        _ = await self._send(asked, Nothing)

    async def mail(self, request_id: str, address: str, locale: str, *, to_rep: bool) -> None:
        """Have the relay send an invitation (B-4.4); what becomes of it comes as events of that id."""
        message = InviteMail(session_id=self._id, request_id=request_id, address=address, locale=locale, to_rep=to_rep)
        _ = await self._send(message, Nothing)
