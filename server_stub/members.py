"""Who a connection is in a session, and how a member's request changes it: what every room of handlers builds on."""

import time
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
from server_stub.turn import VALID_S, credentials, split_urls
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Request
from support_manager.protocol.roles import Role
from support_manager.protocol.views import IceServer, IceServers, Place, SessionView

_ASK_AGAIN_S = 1


class Members:
    """The live sessions as their members reach them.

    Args:
        settings: what the operator decided.
        now_s: seconds since 1970, for credentials that run out.
    """

    def __init__(self, settings: RelaySettings, now_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._now_s = now_s
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

    def ice(self, session: Session, me: Participant) -> IceServers:
        """The servers that a member may use, with credentials of his own that run out.

        Whoever has nobody to talk to yet, in a queue or before he is let in, gets none and is told to ask again.
        """
        settings = self._settings
        if not _is_paired(session, me):
            return IceServers(valid_s=_ASK_AGAIN_S, relay_only=settings.relay_only)
        servers = settings.ice_servers
        urls = split_urls(settings.turn_urls) if settings.turn_secret else ()
        if urls:
            username, credential = credentials(settings.turn_secret, me.id, self._now_s())
            servers = (IceServer(urls=tuple(urls), username=username, credential=credential), *servers)
        return IceServers(servers=servers, valid_s=VALID_S if urls else 0, relay_only=settings.relay_only)


def _is_paired(session: Session, me: Participant) -> bool:
    """Whether there is a rep in charge and somebody he may connect to, and `me` is one of them."""
    inside = [each for each in session.members() if each.role is not Role.WAITING]
    is_led = any(each.role is Role.CONTROLLER for each in inside)
    return session.is_live and is_led and me in inside and len(inside) > 1
