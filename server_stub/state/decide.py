"""What a request does: `decide_*` checks the rules and answers with facts; nothing here changes anything.

Every function gets the session, who asks, the request and a `Moment`; it returns the facts in order (none when the
request was carried out before) or raises `Refused`. The table of roles was asked before (`authorise`).
"""

from collections.abc import Callable
from typing import NamedTuple

from server_stub.state import activities
from server_stub.state.facts import (
    ChatAdded,
    ConnectionChanged,
    DeviceReported,
    Ended,
    Fact,
    Started,
    TokenRotated,
)
from server_stub.state.model import Participant, Session
from server_stub.state.names import clean_name, clean_text
from server_stub.state.refused import Refused
from server_stub.state.tokens import hash_token, new_id
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import REPS, Role, SessionState, is_allowed
from support_manager.protocol.views import (
    AccountView,
    Audience,
    ChatLine,
    Connection,
    Device,
    EndReason,
)

_REPLAY_ID_CHARS = 16
"""A join may be repeated under its `request_id` only if nobody can guess that (≥ 96 bits in base 64)."""


class Moment(NamedTuple):
    """When and with what chance a decision is made."""

    now_ms: int
    random: Callable[[int], bytes]


def authorise(event: str, role: Role, state: SessionState) -> None:
    """Ask the table.

    Raises:
        Refused: `session_ended` to a member whose session is over, else `not_allowed`.
    """
    if is_allowed(event, role, state):
        return
    if state is SessionState.ENDED and role is not Role.ANONYMOUS:
        raise Refused(ErrorCode.SESSION_ENDED)
    raise Refused(ErrorCode.NOT_ALLOWED)


def decide_start(
    account: AccountView,
    number: str,
    request: requests.SessionStart,
    moment: Moment,
    *,
    room: int | None = None,
) -> list[Fact]:
    """A rep opens a session (B-3.1), unless he helps as many customers as he may (B-6.3).

    Args:
        account: the rep.
        number: of the new session.
        request: as it came.
        moment: now.
        room: how many customers more he may help; None without limit.

    Raises:
        Refused: `no_privilege`, `limit_reached`.
    """
    if request.mode not in account.modes:
        raise Refused(ErrorCode.NO_PRIVILEGE)
    if room is not None and room <= 0:
        raise Refused(ErrorCode.LIMIT_REACHED)
    return [
        Started(
            number=number,
            mode=request.mode,
            account_id=account.id,
            participant_id=new_id(moment.random),
            name=clean_name(account.display_name, limits.NAME_CHARS) or account.name,
            locale=account.locale,
            request_id=request.request_id,
            tracking_code=clean_name(request.tracking_code, limits.TRACKING_CODE_CHARS),
        )
    ]


class JoinDecision(NamedTuple):
    """A join's facts and whom they let in."""

    facts: list[Fact]
    participant_id: str


def joined_before(session: Session, request_id: str) -> Participant | None:
    """The customer who came in by that very request; only an id that nobody can guess says who it is."""
    if len(request_id) < _REPLAY_ID_CHARS:
        return None
    return next((p for p in session.members() if p.request_id == request_id and p.role not in REPS), None)


def find_by_token(session: Session, token: str) -> Participant:
    """Who holds a resume token; tokens of 256 random bits are looked up by their hash, so timing tells nothing.

    Raises:
        Refused: `resume_refused`.
    """
    hashed = hash_token(token)
    for person in session.members():
        if hashed in person.token_hashes:
            return person
    raise Refused(ErrorCode.RESUME_REFUSED)


def decide_resume(session: Session, me: Participant, used: str | None, new: str | None) -> list[Fact]:
    """A member comes back; a page gets a new token while `used` holds until the new one is used."""
    if not session.is_live:
        return []
    facts: list[Fact] = []
    if used is not None and new is not None:
        facts.append(TokenRotated(participant_id=me.id, used=hash_token(used), new=hash_token(new)))
    return facts + decide_return(me)


def decide_return(me: Participant) -> list[Fact]:
    """A participant's connection is there again."""
    if me.connection is Connection.ONLINE:
        return []
    return [ConnectionChanged(participant_id=me.id, connection=Connection.ONLINE)]


def decide_connection(session: Session, me: Participant, connection: Connection, moment: Moment) -> list[Fact]:
    """A connection broke, or the page said that it closes; only the latter ends what the page was showing (B-12.5)."""
    if not session.is_live or me.left is not None or me.connection is connection:
        return []
    if me.connection is Connection.CLOSED_PAGE and connection is Connection.LOST:
        return []
    facts: list[Fact] = []
    if connection is Connection.CLOSED_PAGE:
        facts += activities.end_of(session, me.id, ActivityEnd.PAGE_RELOADED, moment.now_ms)
    return [*facts, ConnectionChanged(participant_id=me.id, connection=connection)]


def decide_report(me: Participant, request: requests.ParticipantReport) -> list[Fact]:
    """What this device can do has become known (B-2.4)."""
    device = device_of(request.device)
    return [] if device == me.device else [DeviceReported(participant_id=me.id, device=device)]


def decide_chat(session: Session, me: Participant, request: requests.ChatSend, moment: Moment) -> list[Fact]:
    """One line; private lines are for reps to write and to read (B-7.4)."""
    if (me.id, request.line_id) in session.lines:
        return []
    if request.audience is Audience.REPS and me.role not in REPS:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if len(session.chat) >= limits.TRANSCRIPT_LINES:
        raise Refused(ErrorCode.TRANSCRIPT_FULL)
    text = clean_text(request.text, limits.TEXT_CHARS)
    if not text:
        raise Refused(ErrorCode.BAD_MESSAGE)
    if session.chat_chars + len(text) > limits.TRANSCRIPT_CHARS or not _has_share(session, me, len(text)):
        raise Refused(ErrorCode.TRANSCRIPT_FULL)
    line = ChatLine(
        id=request.line_id,
        seq=session.seq + 1,
        at=moment.now_ms,
        sender=me.id,
        sender_name=me.name,
        sender_role=me.role,
        text=text,
        audience=request.audience,
    )
    return [ChatAdded(line=line)]


def _has_share(session: Session, me: Participant, chars: int) -> bool:
    """Whether somebody may write so much more: a customer who floods the chat leaves the others theirs."""
    if me.role in REPS:
        return True
    lines, so_far = me.chat_lines + 1, me.chat_chars + chars
    all_lines, all_so_far = session.customers_lines + 1, session.customers_chars + chars
    return (
        lines <= limits.CUSTOMER_LINES
        and so_far <= limits.CUSTOMER_CHARS
        and all_lines <= limits.CUSTOMERS_LINES
        and all_so_far <= limits.CUSTOMERS_CHARS
    )


def decide_end(session: Session, reason: EndReason, by: str | None, moment: Moment) -> list[Fact]:
    """The session ends for everybody, and with it all that runs (B-12.1)."""
    return [*activities.end_all(session, ActivityEnd.SESSION_ENDED, by, moment.now_ms), Ended(reason=reason, by=by)]


def gone_for(person: Participant, moment: Moment, seconds: int) -> bool:
    """Whether somebody has been without a connection for so long."""
    gone = person.connection is not Connection.ONLINE
    return gone and moment.now_ms - person.connection_since >= seconds * 1_000


def device_of(report: requests.DeviceReport) -> Device:
    """What a device says of itself, cleaned."""
    return Device(
        screen=report.screen,
        microphone=report.microphone,
        camera=report.camera,
        network=report.network,
        secure=report.secure,
        phone=report.phone,
        browser=clean_name(report.browser, limits.BROWSER_CHARS),
        file_key=report.file_key,
    )
