"""Customers of a session: joining, waiting to be let in, being let in, selected, locked out (B-2.5, B-5, B-6.3)."""

from server_stub.state import activities
from server_stub.state.decide import JoinDecision, Moment, decide_return, device_of, joined_before
from server_stub.state.facts import Fact, Joined, Left, Locked, MarkAdded, RoleChanged, StateChanged, TokenRotated
from server_stub.state.model import Participant, Session
from server_stub.state.names import clean_name
from server_stub.state.refused import Refused
from server_stub.state.tokens import hash_token, new_id
from support_manager.protocol import limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Connection, LeaveReason, MarkKind, Mode, WaitReason


def decide_join(
    session: Session,
    request: requests.SessionJoin,
    locale: str,
    token: str,
    moment: Moment,
    *,
    room: int | None = None,
) -> JoinDecision:
    """A customer comes in (B-2.3, B-2.5); the same request again lets the same customer in, with a new token.

    The first one is helped at once if the rep may help one more; in single mode every other waits for the controller.

    Args:
        session: live.
        request: as it came.
        locale: of the page.
        token: with which he may come back.
        moment: now.
        room: how many customers more the session's controller may help; None without limit.

    Raises:
        Refused: `bad_message`, `session_locked`, `session_taken`.
    """
    again = joined_before(session, request.request_id)
    if again is not None:
        hashed = hash_token(token)
        facts: list[Fact] = [TokenRotated(participant_id=again.id, used=hashed, new=hashed)]
        return JoinDecision(facts + decide_return(again), again.id)
    name = clean_name(request.name, limits.NAME_CHARS)
    if not name:
        raise Refused(ErrorCode.BAD_MESSAGE)
    if session.locked:
        raise Refused(ErrorCode.SESSION_LOCKED)
    others = [p for p in session.members() if not p.account_id]
    if session.mode is Mode.MULTI and others:
        raise Refused(ErrorCode.SESSION_TAKEN)
    if len(session.members()) >= limits.PARTICIPANTS_PER_SESSION:
        raise Refused(ErrorCode.SESSION_TAKEN)
    waiting_for = None
    if others:
        waiting_for = WaitReason.ADMISSION
    elif room is not None and room <= 0:
        waiting_for = WaitReason.LIMIT
    joined = Joined(
        participant_id=new_id(moment.random),
        role=Role.PRIMARY if waiting_for is None else Role.WAITING,
        name=name,
        locale=locale,
        device=device_of(request.device),
        request_id=request.request_id,
        token_hash=hash_token(token),
        waiting_for=waiting_for,
    )
    facts = [joined]
    if waiting_for is None:
        facts += _comes_in(session, joined.participant_id, joined.role, moment)
    return JoinDecision(facts, joined.participant_id)


def _comes_in(session: Session, participant_id: str, role: Role, moment: Moment) -> list[Fact]:
    facts: list[Fact] = []
    if session.state is SessionState.WAITING:
        facts.append(StateChanged(state=SessionState.ACTIVE))
    return facts + activities.seen_by_newcomer(session, participant_id, role, moment.now_ms)


def decide_admit(
    session: Session, me: Participant, request: requests.CustomerAdmit, moment: Moment, *, room: int | None = None
) -> list[Fact]:
    """The controller lets a waiting customer in, or sends him away (B-2.5).

    Raises:
        Refused: `participant_unknown`, `limit_reached`.
    """
    person = session.member(request.participant_id)
    if person is None or person.account_id:
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    if person.role is not Role.WAITING:
        if request.accept:
            return []
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    if not request.accept:
        return [Left(participant_id=person.id, reason=LeaveReason.REMOVED)]
    if room is not None and room <= 0:
        raise Refused(ErrorCode.LIMIT_REACHED)
    return _let_in(session, person, moment, me.id)


def next_over_the_limit(session: Session) -> Participant | None:
    """Who has waited longest in this session for the rep to have room; whoever is not there just now waits on."""
    if session.state not in (SessionState.WAITING, SessionState.ACTIVE):
        return None
    return next(
        (p for p in session.members() if p.waiting_for is WaitReason.LIMIT and p.connection is Connection.ONLINE), None
    )


def decide_let_in(session: Session, moment: Moment, *, room: int | None = None) -> list[Fact]:
    """The rep has room again: whoever waits for that is let in (B-6.3); nothing when that has changed meanwhile."""
    person = next_over_the_limit(session)
    if person is None or (room is not None and room <= 0):
        return []
    return _let_in(session, person, moment)


def _let_in(session: Session, person: Participant, moment: Moment, by: str | None = None) -> list[Fact]:
    role = Role.PRIMARY if session.holder(Role.PRIMARY) is None else Role.SECONDARY
    changed = RoleChanged(participant_id=person.id, role=role, by=by)
    return [changed, *_comes_in(session, person.id, role, moment)]


def decide_select(session: Session, me: Participant, request: requests.CustomerSelect, moment: Moment) -> list[Fact]:
    """The controller helps another customer from now on: every share ends first (B-1.2, B-5.3).

    Raises:
        Refused: `participant_unknown` for anybody but a customer who was let in.
    """
    chosen = session.member(request.participant_id)
    if chosen is None or chosen.role not in (Role.PRIMARY, Role.SECONDARY):
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    former = session.holder(Role.PRIMARY)
    if chosen is former:
        return []
    facts: list[Fact] = []
    if former is not None:
        facts += activities.end_for_switch(session, former.id, moment.now_ms)
        facts.append(RoleChanged(participant_id=former.id, role=Role.SECONDARY))
    return [*facts, *_selected(chosen, former, me.id)]


def _selected(chosen: Participant, former: Participant | None, by: str | None = None) -> list[Fact]:
    return [
        RoleChanged(participant_id=chosen.id, role=Role.PRIMARY, by=by),
        MarkAdded(kind=MarkKind.CUSTOMER, name=chosen.name, former=former.name if former is not None else ""),
    ]


def decide_lock(session: Session, request: requests.SessionLock) -> list[Fact]:
    """The controller lets nobody else in, or opens the session again (B-2.5)."""
    return [] if session.locked == request.locked else [Locked(locked=request.locked)]


def after_primary(session: Session, gone: Participant) -> list[Fact]:
    """What follows when the customer being helped goes for good: the next one is helped, or the session waits.

    Shares end as with any switch of customer; preferred is who is there, then who came first.
    """
    rest = [p for p in session.customers() if p is not gone]
    if rest:
        chosen = min(rest, key=lambda p: (p.connection is not Connection.ONLINE, p.joined_seq))
        return _selected(chosen, gone)
    if session.state is SessionState.ACTIVE:
        return [StateChanged(state=SessionState.WAITING)]
    return []
