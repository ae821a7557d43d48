"""What each member gets to see: facts become protocol events, the state becomes snapshots; secrets stop here."""

from typing import assert_never

import msgspec

from server_stub.state.facts import (
    ActivitySet,
    ChatAdded,
    ConnectionChanged,
    ControlAsked,
    DeviceReported,
    Ended,
    Entered,
    Entry,
    Joined,
    Left,
    Locked,
    MarkAdded,
    PassedOn,
    RoleChanged,
    Started,
    StateChanged,
    TokenRotated,
)
from server_stub.state.model import Participant, Session
from support_manager.protocol import events
from support_manager.protocol.activities import ActivityKind
from support_manager.protocol.roles import MEMBERS, REPS, Role
from support_manager.protocol.views import ActivityView, Audience, ChatLine, Place, SessionView


def event_of(session: Session, entry: Entry) -> events.SessionEvent | None:
    """The event that `entry` is to those who may see it, once it is applied; None for what concerns the relay alone.

    Who may see it is a question for `may_see`: the event itself is the same for all, so it is encoded once.
    """
    fact = entry.fact
    told: events.SessionFact
    match fact:
        case ChatAdded():
            told = events.ChatAdded(line=fact.line)
        case ConnectionChanged():
            told = events.ParticipantConnection(participant_id=fact.participant_id, connection=fact.connection)
        case ActivitySet():
            told = events.ActivityChanged(activity=fact.activity)
        case DeviceReported() | RoleChanged() | ControlAsked():
            told = events.ParticipantChanged(participant=session.participants[fact.participant_id].view())
        case Joined():
            told = events.ParticipantJoined(participant=session.participants[fact.participant_id].view())
        case Left():
            told = events.ParticipantLeft(participant_id=fact.participant_id, reason=fact.reason)
        case MarkAdded():
            # Facts are told one by one as they are applied, so the last line is this one.
            told = events.MarkAdded(mark=session.marks[-1])
        case StateChanged() | PassedOn() | Locked():
            transfer = session.transfer
            told = events.SessionChanged(
                state=session.state,
                locked=session.locked,
                transfer=transfer.view() if transfer is not None else None,
            )
        case Ended():
            told = events.SessionEnded(reason=fact.reason, by=fact.by)
        case Started() | Entered() | TokenRotated():
            return None
        case _:
            assert_never(fact)
    return events.SessionEvent(session_id=entry.session_id, seq=entry.seq, at=entry.at, fact=told)


def may_see(session: Session, entry: Entry, viewer: Participant) -> bool:
    """Say whether `viewer` may learn of `entry`, once it is applied; deny by default.

    Whoever waits to be let in learns of himself and of the end, and nothing else; who waits is for reps to
    know. The last thing that anybody learns is his own leaving.
    """
    fact = entry.fact
    if viewer.left is not None:
        return isinstance(fact, Left) and fact.participant_id == viewer.id
    if viewer.role is Role.WAITING:
        return isinstance(fact, Ended) or (isinstance(fact, ConnectionChanged) and fact.participant_id == viewer.id)
    if viewer.role not in MEMBERS:
        return False
    if isinstance(fact, ActivitySet) and not _may_know(fact.activity, viewer):
        return False
    if viewer.role in REPS:
        return True
    if entry.seq < viewer.joined_seq:
        return False
    match fact:
        case ChatAdded():
            return _is_for_customer(fact.line, viewer)
        case Joined() | ConnectionChanged() | DeviceReported() | Left():
            return session.participants[fact.participant_id].role is not Role.WAITING
        case _:
            return True


def _may_know(activity: ActivityView, viewer: Participant) -> bool:
    """Whether a member may know of an activity: of a file only its two ends do (B-7.5)."""
    return activity.kind is not ActivityKind.FILE or viewer.id in (activity.subject, *activity.seen_by)


def _is_for_customer(line: ChatLine, viewer: Participant) -> bool:
    """Whether a customer may read a line: none between reps, and none from before he came (another was there then)."""
    return line.audience is Audience.ALL and line.seq >= viewer.joined_seq


def _before(session: Session, viewer: Participant) -> tuple[str, ...]:
    """Under which ids a rep wrote lines before he came back; whose account the others have stays here."""
    mine = {p.id for p in session.participants.values() if p.account_id == viewer.account_id and p is not viewer}
    return tuple(sorted(mine & {sender for sender, _ in session.lines})) if viewer.account_id and mine else ()


def project(session: Session, entry: Entry, viewer: Participant) -> events.SessionEvent | None:
    """The event that `viewer` gets for `entry`, or None."""
    return event_of(session, entry) if may_see(session, entry, viewer) else None


def snapshot(
    session: Session,
    viewer: Participant,
    *,
    link: str,
    after_seq: int = 0,
    with_chat: bool = True,
    place: Place | None = None,
) -> SessionView:
    """The session as `viewer` may see it.

    Args:
        session: whole.
        viewer: one of its participants.
        link: the join link; only reps get it.
        after_seq: chat lines up to this one are left out: the reader has them.
        with_chat: whether chat is part of it at all.
        place: the customer's place in line, if the session stands in one.
    """
    bare = SessionView(
        id=session.id,
        number=session.number,
        mode=session.mode,
        state=session.state,
        seq=session.seq,
        started_at=session.started_at,
        you=viewer.id,
        end_reason=session.end_reason,
    )
    if viewer.role is Role.WAITING:
        return msgspec.structs.replace(bare, participants=(viewer.view(),), waiting_for=viewer.waiting_for)
    is_rep = viewer.role in REPS
    chat = session.chat if with_chat else ()
    transfer = session.transfer
    return msgspec.structs.replace(
        bare,
        participants=tuple(p.view() for p in session.members() if is_rep or p.role is not Role.WAITING),
        activities=tuple(one for one in session.activities.values() if _may_know(one, viewer)),
        chat=tuple(line for line in chat if line.seq > after_seq and (is_rep or _is_for_customer(line, viewer))),
        marks=tuple(mark for mark in session.marks if is_rep or mark.seq >= viewer.joined_seq),
        tracking_code=session.tracking_code if is_rep else "",
        locked=session.locked,
        link=link if is_rep and session.is_live else "",
        transfer=transfer.view() if transfer is not None else None,
        place=place,
        intake=session.intake if is_rep else None,
        handover=session.handover if viewer.id == session.handover_for else None,
        you_before=_before(session, viewer) if is_rep else (),
    )
