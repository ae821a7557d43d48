"""Invitations by the relay's mail: who may send one, how many, and what became of each (B-4.4, B-4.6)."""

from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable, Mapping
from email.message import EmailMessage
from typing import Any

import msgspec
import structlog

from resources.invitations import write_invitation
from server_stub.audit import Audit
from server_stub.link import Link
from server_stub.live import packet_of
from server_stub.mail import MailError, Postman, invitation_message
from server_stub.members import Members
from server_stub.ports import Clock, MailServer, RelaySettings
from server_stub.state.decide import authorise
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from server_stub.store.database import StoreError
from server_stub.tasks import TaskOwner
from support_manager.protocol import limits, requests
from support_manager.protocol.addresses import assist_link, mail_address
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import InvitationChanged
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Nothing
from support_manager.protocol.views import Delivery

log = structlog.get_logger(__name__)

REMEMBERED = 100
"""How many invitations of each rep are known by their `request_id`, so that none is sent twice."""
_MINUTE_S = 60.0


class Inviting:
    """Carries out `invite.mail`.

    Args:
        members: who is who in a session.
        audit: told of every invitation, without the part of the address that names a person.
        postman: sends.
        settings: what the operator decided.
        clock: monotonic time.
        tasks: owns the sending.
    """

    def __init__(
        self,
        members: Members,
        audit: Audit,
        postman: Postman,
        settings: RelaySettings,
        clock: Clock,
        tasks: TaskOwner,
    ) -> None:
        self._members = members
        self._audit = audit
        self._postman = postman
        self._settings = settings
        self._clock = clock
        self._tasks = tasks
        self._known: dict[str, OrderedDict[str, InvitationChanged]] = {}
        """Account → request → what was told of it last."""
        self._sent_at: dict[str, deque[float]] = {}

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Request name → handler."""
        return {"invite.mail": self._on_invite_mail}

    async def _on_invite_mail(self, link: Link, request: requests.InviteMail) -> Nothing:
        session, me = self._members.of(link, request.session_id)
        authorise("invite.mail", me.role, session.state)
        known = self._known.setdefault(me.account_id, OrderedDict())
        if request.request_id in known:
            # The answer to the first one got lost: nothing is sent again, and the news is told again.
            link.send(packet_of("invitation", known[request.request_id]))
            return Nothing()
        address = mail_address(request.address)
        if address is None:
            raise Refused(ErrorCode.BAD_ADDRESS)
        server = self._settings.mail
        if not server.is_set_up:
            raise Refused(ErrorCode.MAIL_NOT_SET_UP)
        self._count(me.account_id)
        sending = InvitationChanged(session_id=session.id, request_id=request.request_id, state=Delivery.SENDING)
        known[request.request_id] = sending
        while len(known) > REMEMBERED:
            known.popitem(last=False)
        whom = f"{'representative' if request.to_rep else 'customer'} at {address.rpartition('@')[2]}"
        try:
            await self._audit.record(
                "invitation", who=me.account_id, what=whom, session_id=session.id, address=link.address
            )
        except BaseException:
            known.pop(request.request_id, None)
            raise
        link.send(packet_of("invitation", sending))
        message = self._message(session, me.name, request, server, address)
        work = self._send(link, session, me.id, me.account_id, sending, message, server, whom)
        self._tasks.spawn(work, name="invitation")
        return Nothing()

    def _count(self, account_id: str) -> None:
        now, sent = self._clock.monotonic_s(), self._sent_at.setdefault(account_id, deque())
        while sent and now - sent[0] >= _MINUTE_S:
            sent.popleft()
        if len(sent) >= limits.MAILS_PER_MINUTE_PER_REP:
            raise Refused(ErrorCode.TOO_FAST)
        sent.append(now)

    def _message(
        self, session: Session, rep: str, request: requests.InviteMail, server: MailServer, address: str
    ) -> EmailMessage:
        site = self._settings.public_url
        join = f"{site}/join#{self._members.live.registry.link_token(session)}"
        words = write_invitation(
            locale=request.locale,
            number=session.number,
            link=assist_link(session.number) if request.to_rep else join,
            rep=rep,
            company=self._settings.company,
            site=site,
            to_rep=request.to_rep,
        )
        return invitation_message(words, sender=server.sender, company=self._settings.company, address=address)

    async def _send(
        self,
        link: Link,
        session: Session,
        participant_id: str,
        account_id: str,
        sending: InvitationChanged,
        message: EmailMessage,
        server: MailServer,
        whom: str,
    ) -> None:
        try:
            await self._postman.send(message, server)
            news = msgspec.structs.replace(sending, state=Delivery.SENT)
        except MailError as error:
            log.warning("invitation not sent", session=session.id, reply=error.code)
            news = msgspec.structs.replace(
                sending, state=Delivery.FAILED, code=ErrorCode.MAIL_FAILED, detail=str(error)
            )
            await self._note_failure(account_id, f"{whom}: {error.code or 'no answer'}", session.id)
        known = self._known[account_id]
        if sending.request_id in known:
            known[sending.request_id] = news
        # He may have come back on another connection meanwhile.
        (self._members.live.link_of(session, participant_id) or link).send(packet_of("invitation", news))

    async def _note_failure(self, account_id: str, what: str, session_id: str) -> None:
        try:
            await self._audit.record("invitation_failed", who=account_id, what=what, session_id=session_id)
        except StoreError as error:
            log.warning("audit entry not written", code=error.code)
