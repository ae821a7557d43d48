"""Reps of a session: assisting, asking for control, Transfer Control, taking over from who is lost (B-8, B-9)."""

from server_stub.state import activities
from server_stub.state.decide import Moment, decide_return, gone_for
from server_stub.state.facts import ControlAsked, Fact, Joined, MarkAdded, RoleChanged
from server_stub.state.model import Participant, Session
from server_stub.state.names import clean_name
from server_stub.state.refused import Refused
from server_stub.state.tokens import new_id
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import AccountView, Capability, Connection, Device, MarkKind

_HELD = (SessionState.WAITING, SessionState.ACTIVE)


def decide_assist(session: Session, account: AccountView, request_id: str, moment: Moment) -> tuple[list[Fact], str]:
    """A rep comes into a colleague's session as an assistant (B-8.1); the same request again brings him back in.

    Returns:
        The facts, and who he is in the session.

    Raises:
        Refused: `session_ended`; `no_privilege` without the privilege for sessions of that mode; `already_inside`;
            `no_controller` while nobody is in charge who could have invited him; `session_locked`;
            `session_taken` when it is full.
    """
    if not session.is_live:
        raise Refused(ErrorCode.SESSION_ENDED)
    known = session.rep_of(account.id)
    if known is not None:
        if known.request_id == request_id:
            return decide_return(known), known.id
        raise Refused(ErrorCode.ALREADY_INSIDE)
    if session.mode not in account.modes:
        raise Refused(ErrorCode.NO_PRIVILEGE)
    if session.state not in _HELD:
        raise Refused(ErrorCode.NO_CONTROLLER)
    if session.locked:
        raise Refused(ErrorCode.SESSION_LOCKED)
    # Strangers who wait to be let in keep no colleague out.
    if sum(p.role is not Role.WAITING for p in session.members()) >= limits.PARTICIPANTS_PER_SESSION:
        raise Refused(ErrorCode.SESSION_TAKEN)
    joined = Joined(
        participant_id=new_id(moment.random),
        role=Role.ASSISTANT,
        name=clean_name(account.display_name, limits.NAME_CHARS) or account.name,
        locale=account.locale,
        device=Device(),
        request_id=request_id,
        token_hash="",
        account_id=account.id,
    )
    seen = activities.seen_by_newcomer(session, joined.participant_id, joined.role, moment.now_ms)
    return [joined, *seen], joined.participant_id


def decide_transfer_control(
    session: Session, me: Participant, to: str, moment: Moment, *, room: int | None = None
) -> list[Fact]:
    """The controller gives control to an assistant, in one step (B-9.2, B-9.4, B-9.6).

    Args:
        session: with a controller.
        me: who asks; one who was the controller a moment ago is told that control has moved.
        to: the assistant.
        moment: now.
        room: how many customers more that assistant may help; None without limit.

    Raises:
        Refused: `control_moved`, `not_allowed`, `participant_unknown` (no assistant, or none who is there now),
            `colleague_full`.
    """
    if me.role is not Role.CONTROLLER:
        holder = session.holder(Role.CONTROLLER)
        if me.was_controller and holder is not None and holder.id == to:
            return []
        raise Refused(ErrorCode.CONTROL_MOVED if me.was_controller else ErrorCode.NOT_ALLOWED)
    heir = session.member(to)
    if heir is None or heir.role is not Role.ASSISTANT or heir.connection is not Connection.ONLINE:
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    if room is not None and room < len(session.customers()):
        raise Refused(ErrorCode.COLLEAGUE_FULL)
    return _moves(session, me, heir, MarkKind.CONTROL, moment)


def decide_take_control(session: Session, me: Participant, moment: Moment, *, room: int | None = None) -> list[Fact]:
    """An assistant takes over from a controller who is lost for `CONTROLLER_LOST_S` (B-12.6).

    Raises:
        Refused: `controller_present`, `limit_reached`.
    """
    holder = session.holder(Role.CONTROLLER)
    if holder is None or not gone_for(holder, moment, limits.CONTROLLER_LOST_S):
        raise Refused(ErrorCode.CONTROLLER_PRESENT)
    if room is not None and room < len(session.customers()):
        raise Refused(ErrorCode.LIMIT_REACHED)
    return _moves(session, holder, me, MarkKind.TAKEN_OVER, moment)


def _moves(session: Session, former: Participant, heir: Participant, kind: MarkKind, moment: Moment) -> list[Fact]:
    # A voice call goes on where the new controller's app has voice (B-9.5).
    keep = frozenset({ActivityKind.VOICE}) if heir.device.microphone is Capability.YES else frozenset()
    reason = ActivityEnd.CONTROL_TRANSFERRED
    is_given = kind is MarkKind.CONTROL
    by = former.id if is_given else heir.id
    return [
        *activities.end_by_table(session, reason, by, moment.now_ms, keep=keep),
        RoleChanged(participant_id=former.id, role=Role.ASSISTANT),
        RoleChanged(participant_id=heir.id, role=Role.CONTROLLER),
        MarkAdded(
            kind=kind,
            name=heir.name,
            former=former.name,
            former_account=former.account_id if is_given else "",
        ),
    ]


def decide_ask_control(me: Participant, request: requests.ControlAsk) -> list[Fact]:
    """An assistant asks for control, or takes that back (B-7.9)."""
    if me.asks_control == request.asking:
        return []
    return [ControlAsked(participant_id=me.id, asking=request.asking, by=me.id)]


def decide_refuse_control(session: Session, me: Participant, request: requests.ControlRefuse) -> list[Fact]:
    """The controller keeps control; that the question was taken back meanwhile is no error.

    Raises:
        Refused: `participant_unknown` for anybody but an assistant.
    """
    asker = session.member(request.participant_id)
    if asker is None or asker.role is not Role.ASSISTANT:
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    return [ControlAsked(participant_id=asker.id, asking=False, by=me.id)] if asker.asks_control else []
