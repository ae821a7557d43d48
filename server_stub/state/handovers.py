"""What reps wrote to one another when they passed a session on, followed fact by fact for its record (B-10.2)."""

from collections import deque

from server_stub.state.facts import Ended, Fact, PassedOn, StateChanged
from server_stub.state.model import Session
from support_manager.protocol import limits
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Handover


class Handovers:
    """The messages of one session, each with whom it was between: nobody else may read it."""

    def __init__(self) -> None:
        self._between: deque[tuple[set[str | None], Handover]] = deque(maxlen=limits.HANDOVERS_IN_HISTORY)
        self._writer = ""
        self._on_its_way: Handover | None = None

    def follow(self, session: Session, fact: Fact) -> None:
        """Take the next fact in, after it was applied to `session`."""
        match fact:
            case PassedOn():
                # Where nobody accepted, it goes on to a queue by itself: with the message, but without the account.
                self._writer = fact.former_account or self._writer
                self._on_its_way = Handover(by=fact.former, message=fact.message) if fact.message else None
            case StateChanged() | Ended() if self._on_its_way is not None:
                taker = session.holder(Role.CONTROLLER)
                readers = {self._writer, taker.account_id if taker is not None else None} - {"", None}
                self._between.append((readers, self._on_its_way))
                self._on_its_way = None
            case _:
                pass

    def of(self, account_id: str) -> tuple[Handover, ...]:
        """Those that this account wrote or accepted the session with, the oldest first."""
        return tuple(handover for readers, handover in self._between if account_id in readers)
