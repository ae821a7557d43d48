"""Who goes and what follows: leaving for good, what time alone does, and a controller who is lost (B-12)."""

from server_stub.state import activities, customers
from server_stub.state.decide import Moment, decide_end, gone_for
from server_stub.state.facts import Fact, Left
from server_stub.state.model import Participant, Session
from server_stub.state.transfer import PASSED_ON, decide_return_to_queue
from support_manager.protocol import limits
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection, EndReason, LeaveReason


def decide_leave(session: Session, me: Participant, reason: LeaveReason, moment: Moment) -> list[Fact]:
    """Somebody goes for good.

    When it is the customer being helped, the next one is helped, or the session waits for one; when nobody is left
    for whom it stands in a queue or is offered, it is over.
    """
    if session.state in PASSED_ON and not [p for p in session.members() if not p.account_id and p is not me]:
        left = Left(participant_id=me.id, reason=reason)
        if me.account_id:
            return [left]
        return [left, *decide_end(session, EndReason.EXPIRED, None, moment)]
    switches = me.role is Role.PRIMARY and len(session.customers()) > 1
    return [
        *activities.end_for_leaver(session, me.id, moment.now_ms, switches=switches),
        Left(participant_id=me.id, reason=reason),
        *(customers.after_primary(session, me) if me.role is Role.PRIMARY else ()),
    ]


def decide_expiry(
    session: Session, moment: Moment, *, without_controller_s: int = limits.SESSION_WITHOUT_CONTROLLER_S
) -> list[Fact]:
    """What time alone does: one act at a time, for a second one would be decided on a state that the first changed.

    A controller lost for too long ends the session, or sends it back to its queue (B-12.6); anybody else who is gone
    for too long is gone for good.

    Args:
        session: whichever.
        moment: now.
        without_controller_s: after how many seconds a session without its controller ends.
    """
    if not session.is_live:
        return []
    controller = session.holder(Role.CONTROLLER)
    if controller is not None:
        facts = _without_controller(session, controller, moment, without_controller_s)
        if facts:
            return facts
    for person in session.members():
        if person is controller or not gone_for(person, moment, limits.RETURN_AFTER_CLOSED_PAGE_S):
            continue
        closed = person.connection is Connection.CLOSED_PAGE
        return decide_leave(session, person, LeaveReason.CLOSED_PAGE if closed else LeaveReason.LOST, moment)
    return []


def _without_controller(session: Session, controller: Participant, moment: Moment, end_after_s: int) -> list[Fact]:
    is_last_call = gone_for(controller, moment, end_after_s)
    if session.queue_id and session.customers():
        # An assistant who is there may take over; until the session would end otherwise, it is left to him.
        assistants = [p for p in session.members() if p.role is Role.ASSISTANT]
        is_helped = any(not gone_for(p, moment, limits.CONTROLLER_LOST_S) for p in assistants)
        if is_last_call or (gone_for(controller, moment, limits.CONTROLLER_LOST_S) and not is_helped):
            return decide_return_to_queue(session, moment)
        return []
    return decide_end(session, EndReason.CONTROLLER_LOST, None, moment) if is_last_call else []
