"""Who a connection is in a session, and how a member's request changes it: what every room of handlers builds on."""

from collections.abc import Callable
from functools import partial

from server_stub.link import Link
from server_stub.live import LiveSessions
from server_stub.ports import RelaySettings
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import Fact
from server_stub.state.files import FileRules
from server_stub.state.model import Participant, Session
from server_stub.state.project import snapshot
from server_stub.state.refused import Refused
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Request
from support_manager.protocol.views import IceServers, Place, SessionView


class Members:
    """The live sessions as their members reach them.

    Args:
        settings: what the operator decided.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._live: LiveSessions | None = None
        self.place_of: Callable[[Session], Place | None] = lambda _: None
        """Gives a waiting customer's place in line; set by whoever keeps the lines."""

    def open(self, live: LiveSessions) -> None:
        """From now on these are the sessions."""
        self._live = live

    @property
    def is_open(self) -> bool:
        """Whether the relay has started."""
        return self._live is not None

    @property
    def live(self) -> LiveSessions:
        """The live sessions; only once the relay has started."""
        if self._live is None:
            raise RuntimeError("the relay has not started")
        return self._live

    async def change(
        self,
        link: Link,
        event: str,
        request: Request,
        decision: Callable[[Session, Participant, Moment], list[Fact]],
        *,
        burdens: Callable[[Session], str] | None = None,
        before: Callable[[Session, Participant], None] | None = None,
    ) -> tuple[Session, Participant]:
        """Authorise and decide for a member of the session that the request names.

        Args:
            link: who asks.
            event: the request's name, for the table.
            request: names the session.
            decision: gives the facts.
            burdens: gives the account that may have more customers to help afterwards (see `LiveSessions.change`).
            before: asked before the table; raises where a better word than «not allowed» is known.

        Raises:
            Refused: by the table, by the decision, or because this connection is nobody there.
            JournalFailed: nothing happened.
        """
        session, _ = self.of(link, request.session_id)  # type: ignore[union-attr]

        def decide_now(moment: Moment) -> list[Fact]:
            # Asked anew: while the request waited its turn, the session may have changed.
            _, me = self.of(link, session.id)
            if before is not None:
                before(session, me)
            authorise(event, me.role, session.state)
            facts = decision(session, me, moment)
            self.live.spend(session, me.id, facts)
            return facts

        me_id = link.bound[session.id]
        await self.live.change(session, decide_now, burdens=partial(burdens, session) if burdens is not None else None)
        return session, session.participants[me_id]

    def of(self, link: Link, session_id: str) -> tuple[Session, Participant]:
        """Who this connection is in a session; foreign and unknown sessions get the same answer.

        Raises:
            Refused: `session_unknown`.
        """
        session = self.live.registry.get(session_id)
        participant_id = link.bound.get(session_id)
        if session is None or participant_id is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return session, self.still(session, participant_id)

    @staticmethod
    def still(session: Session, participant_id: str) -> Participant:
        """The participant, unless he left meanwhile.

        Raises:
            Refused: `session_unknown`.
        """
        me = session.member(participant_id)
        if me is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        return me

    @staticmethod
    def of_account(session: Session, account_id: str) -> Participant | None:
        """The rep of that account in a session."""
        return session.rep_of(account_id)

    def snapshot(self, session: Session, me: Participant, after_seq: int = 0, *, with_chat: bool = True) -> SessionView:
        """The session as `me` may see it, with chat after `after_seq`, or without any."""
        link = f"{self._settings.public_url}/join#{self.live.registry.link_token(session)}"
        place = self.place_of(session) if session.transfer is not None else None
        return snapshot(session, me, link=link, after_seq=after_seq, with_chat=with_chat, place=place)

    @property
    def file_rules(self) -> FileRules:
        """What the administrator allows of files."""
        return self._settings.file_rules

    def ice(self) -> IceServers:
        """The servers that members of sessions may use."""
        return IceServers(servers=self._settings.ice_servers)
