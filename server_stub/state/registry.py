"""All sessions of this relay and the ways to find one: by id, by number, by link, by account."""

from collections.abc import Iterator, KeysView

from server_stub.state.facts import Ended, Entered, Entry, Joined, Left, Started
from server_stub.state.model import Session, apply
from server_stub.state.tokens import hash_token, link_token
from support_manager.protocol.roles import Role, SessionState

KEEP_ENDED_MS = 600_000
"""How long an ended session is remembered, so that whoever comes back reads why it ended."""


class Registry:
    """Sessions and their indexes; changed by `apply` alone.

    Args:
        link_key: the installation's key for link tokens.
    """

    def __init__(self, link_key: bytes) -> None:
        self._link_key = link_key
        self._sessions: dict[str, Session] = {}
        self._by_number: dict[str, Session] = {}
        self._by_link: dict[str, Session] = {}
        self._by_account: dict[str, dict[str, Session]] = {}
        self._by_form: dict[str, Session] = {}
        self._passed_on: dict[str, Session] = {}

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._sessions.values()))

    def get(self, session_id: str) -> Session | None:
        """A session, live or lately ended."""
        return self._sessions.get(session_id)

    def live(self) -> list[Session]:
        """Sessions in which something can still happen."""
        return list(self._by_number.values())

    @property
    def numbers(self) -> KeysView[str]:
        """Numbers in use."""
        return self._by_number.keys()

    def find(self, number: str | None, link: str | None) -> Session | None:
        """The live session behind a number or a link token; ended ones are not in the indexes, so they take as long
        as those that never were (B-2.7)."""
        by_link = self._by_link.get(hash_token(link or ""))
        by_number = self._by_number.get(number or "")
        return by_link if link is not None else by_number

    def by_form(self, request_id: str) -> Session | None:
        """The live session that was made by an entry form sent under that id."""
        return self._by_form.get(request_id)

    def of_account(self, account_id: str) -> list[Session]:
        """Live sessions in which that rep is, whatever his role."""
        return list(self._by_account.get(account_id, {}).values())

    def controlled_by(self, account_id: str) -> list[Session]:
        """Live sessions of which that rep is the controller."""
        return [s for s in self.of_account(account_id) if _controls(s, account_id)]

    def customers_of(self, account_id: str) -> int:
        """How many customers that rep helps now, over all sessions that he controls (B-6.3)."""
        return sum(len(session.customers()) for session in self.controlled_by(account_id))

    def passed_on(self) -> list[Session]:
        """Live sessions that are offered or queued, in no particular order."""
        return list(self._passed_on.values())

    def ended_by_number(self, number: str) -> Session | None:
        """The lately ended session that had this number last; only for those who may know that it was (B-8.2)."""
        ended = [s for s in self._sessions.values() if s.number == number and not s.is_live]
        return max(ended, key=lambda s: s.ended_at, default=None)

    def link_token(self, session: Session) -> str:
        """The token of a session's join link."""
        return link_token(self._link_key, session.id)

    def apply(self, entry: Entry) -> Session:
        """Apply an entry to its session and keep the indexes true."""
        session = self._sessions.get(entry.session_id)
        if session is None:
            session = Session(entry.session_id)
        apply(session, entry)
        fact = entry.fact
        if isinstance(fact, Started | Entered):
            self._sessions[session.id] = session
            self._by_number[session.number] = session
            self._by_link[hash_token(self.link_token(session))] = session
            self._put(session.account_id, session)
            if isinstance(fact, Entered):
                self._by_form[fact.request_id] = session
        elif isinstance(fact, Joined):
            self._put(fact.account_id, session)
        elif isinstance(fact, Left):
            self._drop(session.participants[fact.participant_id].account_id, session)
        elif isinstance(fact, Ended):
            self._by_number.pop(session.number, None)
            if self._by_form.get(session.request_id) is session:
                del self._by_form[session.request_id]
            self._by_link.pop(hash_token(self.link_token(session)), None)
            for person in session.members():
                self._drop(person.account_id, session)
        if session.state in (SessionState.OFFERED, SessionState.QUEUED):
            self._passed_on[session.id] = session
        else:
            self._passed_on.pop(session.id, None)
        return session

    def _put(self, account_id: str, session: Session) -> None:
        if account_id:
            self._by_account.setdefault(account_id, {})[session.id] = session

    def _drop(self, account_id: str, session: Session) -> None:
        mine = self._by_account.get(account_id, {})
        mine.pop(session.id, None)
        if not mine:
            self._by_account.pop(account_id, None)

    def forget_ended(self, now_ms: int) -> list[Session]:
        """Drop sessions that ended long ago; returns them."""
        old = [s for s in self._sessions.values() if not s.is_live and now_ms - s.ended_at >= KEEP_ENDED_MS]
        for session in old:
            del self._sessions[session.id]
        return old


def _controls(session: Session, account_id: str) -> bool:
    controller = session.holder(Role.CONTROLLER)
    return controller is not None and controller.account_id == account_id
