"""Sessions without a controller: passed on, fallen to a queue, accepted, or made by an entry form (B-10, B-11.1).

Every `decide_*` here gives all facts of one act, in the order in which they are told: ended activities, who went,
the line across the transcript, the session's own change.
"""

import unicodedata

from server_stub.state import activities
from server_stub.state.decide import JoinDecision, Moment, decide_return, device_of, joined_before
from server_stub.state.facts import (
    ControlAsked,
    Entered,
    Fact,
    Joined,
    Left,
    MarkAdded,
    PassedOn,
    RoleChanged,
    StateChanged,
    TokenRotated,
)
from server_stub.state.model import Participant, Session
from server_stub.state.names import clean_name, clean_text
from server_stub.state.refused import Refused
from server_stub.state.tokens import hash_token, new_id
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    AGENT,
    AccountView,
    Device,
    Intake,
    LeaveReason,
    MarkKind,
    TransferTarget,
)

PASSED_ON = frozenset({SessionState.OFFERED, SessionState.QUEUED})


def decide_pass_on(
    session: Session, me: Participant, request: requests.SessionTransfer, queue_name: str, moment: Moment
) -> list[Fact]:
    """The controller cedes the session to one queue or to some agents, and is out of it at once (B-10.3).

    Args:
        session: with a controller and a customer.
        me: its controller, whom the caller knows to be an agent.
        request: to whom; that the queue and the agents exist is for the caller to know.
        queue_name: of the queue, if it goes to one.
        moment: now.

    Raises:
        Refused: `bad_message` unless there is exactly one kind of addressee, or for a message that is too long;
            `agent_unknown` when the asker names himself.
    """
    if (request.queue_id is None) == (not request.agents):
        raise Refused(ErrorCode.BAD_MESSAGE)
    if me.account_id in request.agents:
        raise Refused(ErrorCode.AGENT_UNKNOWN)
    message = clean_message(request.message)
    to = TransferTarget.AGENTS if request.queue_id is None else TransferTarget.QUEUE
    return [
        *activities.end_all(session, ActivityEnd.SESSION_TRANSFERRED, me.id, moment.now_ms),
        # Who asked for control asked him; whoever accepts has not been asked anything yet.
        *(ControlAsked(participant_id=one.id, asking=False) for one in session.members() if one.asks_control),
        Left(participant_id=me.id, reason=LeaveReason.LEFT),
        MarkAdded(kind=MarkKind.PASSED_ON, former=me.name, queue=queue_name),
        PassedOn(
            to=to,
            queue_id=request.queue_id or "",
            queue_name=queue_name,
            agents=tuple(dict.fromkeys(request.agents)),
            message=message,
            former=me.name,
            former_account=me.account_id or "",
        ),
    ]


def clean_message(raw: str) -> str:
    """The personal message, counted in code points after NFC (B-10.2).

    Raises:
        Refused: `bad_message` when it is too long: nobody's words are cut short behind his back.
    """
    if len(unicodedata.normalize("NFC", raw)) > limits.TRANSFER_MESSAGE_CHARS:
        raise Refused(ErrorCode.BAD_MESSAGE)
    return clean_text(raw, limits.TRANSFER_MESSAGE_CHARS)


def decide_fall_to_queue(
    session: Session, queue_id: str, queue_name: str, moment: Moment, *, from_queue: bool = False
) -> list[Fact]:
    """Nobody accepted what was offered to agents, or all declined: it goes to the head of a queue (B-10.4).

    Gives nothing when it is offered no longer: somebody accepted a moment before, or it ended.

    Args:
        session: offered.
        queue_id: to which it goes.
        queue_name: as it is called.
        moment: now.
        from_queue: that a session stands in a queue keeps it not there: its queue is gone.
    """
    states = PASSED_ON if from_queue else {SessionState.OFFERED}
    if session.state not in states or session.transfer is None:
        return []
    return _to_head(queue_id, queue_name, session.transfer.former, session.transfer.message)


def decide_return_to_queue(session: Session, moment: Moment) -> list[Fact]:
    """The controller is lost, and the session goes back to the head of the queue from which it came (B-12.6)."""
    controller = session.holder(Role.CONTROLLER)
    if controller is None or not session.queue_id:
        return []
    return [
        *activities.end_all(session, ActivityEnd.SESSION_TRANSFERRED, None, moment.now_ms),
        Left(participant_id=controller.id, reason=LeaveReason.LOST),
        *_to_head(session.queue_id, session.queue_name, controller.name, ""),
    ]


def _to_head(queue_id: str, queue_name: str, former: str, message: str) -> list[Fact]:
    return [
        MarkAdded(kind=MarkKind.QUEUED, former=former, queue=queue_name),
        PassedOn(
            to=TransferTarget.QUEUE,
            queue_id=queue_id,
            queue_name=queue_name,
            message=message,
            at_head=True,
            former=former,
        ),
    ]


def decide_accept(
    session: Session, account: AccountView, moment: Moment, *, room: int | None = None
) -> tuple[list[Fact], str]:
    """An agent takes the session; the first one gets it (B-10.4).

    Args:
        session: offered or queued.
        account: the agent, of whom the caller knows that he may be asked.
        moment: now.
        room: how many customers more he may help; None without limit.

    Returns:
        The facts, and who he is in the session.

    Raises:
        Refused: `no_privilege`; `offer_gone`; `limit_reached`.
    """
    if AGENT not in account.privileges:
        raise Refused(ErrorCode.NO_PRIVILEGE)
    if session.state not in PASSED_ON:
        raise Refused(ErrorCode.OFFER_GONE)
    if room is not None and room < max(1, len(session.customers())):
        raise Refused(ErrorCode.LIMIT_REACHED)
    known = session.rep_of(account.id)
    name = known.name if known is not None else clean_name(account.display_name, limits.NAME_CHARS) or account.name
    facts: list[Fact]
    if known is not None:
        participant_id = known.id
        # He asks on a live connection, so he is there, also if the loss of an older one was the last thing noted.
        facts = [*decide_return(known), RoleChanged(participant_id=known.id, role=Role.CONTROLLER)]
    else:
        participant_id = new_id(moment.random)
        facts = [
            Joined(
                participant_id=participant_id,
                role=Role.CONTROLLER,
                name=name,
                locale=account.locale,
                device=Device(),
                request_id=participant_id,
                token_hash="",
                account_id=account.id,
            )
        ]
    former = session.transfer.former if session.transfer is not None else ""
    has_customer = session.holder(Role.PRIMARY) is not None
    return [
        *facts,
        MarkAdded(kind=MarkKind.ACCEPTED, name=name, former=former),
        StateChanged(state=SessionState.ACTIVE if has_customer else SessionState.WAITING),
    ], participant_id


def decide_queue_enter(
    number: str,
    queue_id: str,
    queue_name: str,
    request: requests.QueueEnter,
    locale: str,
    token: str,
    moment: Moment,
) -> JoinDecision:
    """A customer fills in a queue's entry form: a session of his own, in that queue (B-11.1).

    Raises:
        Refused: `bad_message` for a name of nothing but control characters.
    """
    name = clean_name(request.name, limits.NAME_CHARS)
    if not name:
        raise Refused(ErrorCode.BAD_MESSAGE)
    intake = Intake(
        queue_name=queue_name,
        email=clean_name(request.email, limits.EMAIL_CHARS),
        problem=clean_text(request.problem, limits.PROBLEM_CHARS),
    )
    joined = Joined(
        participant_id=new_id(moment.random),
        role=Role.PRIMARY,
        name=name,
        locale=locale,
        device=device_of(request.device),
        request_id=request.request_id,
        token_hash=hash_token(token),
    )
    entered = Entered(
        number=number, queue_id=queue_id, queue_name=queue_name, intake=intake, request_id=request.request_id
    )
    return JoinDecision([entered, joined], joined.participant_id)


def decide_enter_again(session: Session, request: requests.QueueEnter, token: str) -> JoinDecision | None:
    """The same form sent again, as after a lost ack: the same customer with a new token; None: it is another's."""
    again = joined_before(session, request.request_id)
    if again is None:
        return None
    hashed = hash_token(token)
    rotated = TokenRotated(participant_id=again.id, used=hashed, new=hashed)
    return JoinDecision([rotated, *decide_return(again)], again.id)
