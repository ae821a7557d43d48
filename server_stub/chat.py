"""Chat lines: decided as every request, but without a task or a wait where their session is at rest."""

from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import Any

from server_stub.link import Link
from server_stub.members import Members
from server_stub.state.decide import authorise, decide_chat
from server_stub.state.model import Session
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import ChatSend, ChatSent

_EVENT = "chat.send"


class Chat:
    """Carries out `chat.send`.

    Args:
        members: the sessions.
    """

    def __init__(self, members: Members) -> None:
        self._members = members

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {_EVENT: self._on_chat_send}

    async def _on_chat_send(self, link: Link, request: ChatSend) -> ChatSent:
        session, me = await self._members.change(link, _EVENT, request, lambda s, me, m: decide_chat(s, me, request, m))
        return _sent(session, (me.id, request.line_id))

    def is_at_rest(self, request: ChatSend) -> bool:
        """Whether the line's session is known and nothing of it is on its way to disk, so that `put` may be called."""
        live = self._members.live
        session = live.registry.get(request.session_id)
        return session is not None and not live.is_busy(session)

    def put(self, link: Link, request: ChatSend, then: Callable[[ChatSent | Exception], None]) -> None:
        """Decide and write a line; only where `is_at_rest`.

        Args:
            link: who sends it.
            request: the line.
            then: called once it is on disk and told to everybody, or with why it is not.

        Raises:
            Refused: by the table, by the decision, or because this connection is nobody there.
            JournalFailed: nothing happened, and `then` is not called, as with every refusal.
        """
        session, me = self._members.of(link, request.session_id)
        authorise(_EVENT, me.role, session.state)
        live = self._members.live
        moment = live.moment()
        facts = decide_chat(session, me, request, moment)
        if not facts:
            then(_sent(session, (me.id, request.line_id)))
            return
        live.spend(session, me.id, facts)
        live.put(session, facts, moment, partial(_written, then, session, (me.id, request.line_id)))


def _sent(session: Session, line: tuple[str, str]) -> ChatSent:
    said = session.lines[line]
    return ChatSent(seq=said.seq, at=said.at)


def _written(
    then: Callable[[ChatSent | Exception], None], session: Session, line: tuple[str, str], failed: Exception | None
) -> None:
    then(_sent(session, line) if failed is None else failed)
