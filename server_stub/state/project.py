"""What each member gets to see: facts become protocol events, the state becomes snapshots; secrets stop here."""

from typing import assert_never

from server_stub.state.facts import (
    ActivitySet,
    ChatAdded,
    ConnectionChanged,
    DeviceReported,
    Ended,
    Entry,
    Joined,
    Left,
    Started,
    StateChanged,
    TokenRotated,
)
from server_stub.state.model import Participant, Session
from support_manager.protocol import events
from support_manager.protocol.roles import MEMBERS, REPS
from support_manager.protocol.views import Audience, ChatLine, SessionView


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
        case DeviceReported():
            told = events.ParticipantChanged(participant=session.participants[fact.participant_id].view())
        case Joined():
            told = events.ParticipantJoined(participant=session.participants[fact.participant_id].view())
        case Left():
            told = events.ParticipantLeft(participant_id=fact.participant_id, reason=fact.reason)
        case StateChanged():
            told = events.SessionChanged(state=fact.state)
        case Ended():
            told = events.SessionEnded(reason=fact.reason, by=fact.by)
        case Started() | TokenRotated():
            return None
        case _:
            assert_never(fact)
    return events.SessionEvent(session_id=entry.session_id, seq=entry.seq, at=entry.at, fact=told)


def may_see(entry: Entry, viewer: Participant) -> bool:
    """Say whether `viewer` may learn of `entry`; deny by default."""
    if viewer.role not in MEMBERS or viewer.left is not None:
        return False
    if viewer.role in REPS:
        return True
    if entry.seq < viewer.joined_seq:
        return False
    return not isinstance(entry.fact, ChatAdded) or _is_for_customer(entry.fact.line, viewer)


def _is_for_customer(line: ChatLine, viewer: Participant) -> bool:
    """Whether a customer may read a line: none between reps, and none from before he came (another was there then)."""
    return line.audience is Audience.ALL and line.seq >= viewer.joined_seq


def project(session: Session, entry: Entry, viewer: Participant) -> events.SessionEvent | None:
    """The event that `viewer` gets for `entry`, or None."""
    return event_of(session, entry) if may_see(entry, viewer) else None


def snapshot(
    session: Session, viewer: Participant, *, link: str, after_seq: int = 0, with_chat: bool = True
) -> SessionView:
    """The session as `viewer` may see it.

    Args:
        session: whole.
        viewer: one of its participants.
        link: the join link; only reps get it.
        after_seq: chat lines up to this one are left out: the reader has them.
        with_chat: whether chat is part of it at all.
    """
    is_rep = viewer.role in REPS
    chat = session.chat if with_chat else ()
    return SessionView(
        id=session.id,
        number=session.number,
        mode=session.mode,
        state=session.state,
        seq=session.seq,
        started_at=session.started_at,
        you=viewer.id,
        participants=tuple(p.view() for p in session.members()),
        activities=tuple(session.activities.values()),
        chat=tuple(line for line in chat if line.seq > after_seq and (is_rep or _is_for_customer(line, viewer))),
        tracking_code=session.tracking_code if is_rep else "",
        link=link if is_rep and session.is_live else "",
        end_reason=session.end_reason,
    )
