"""Every event that the relay sends to clients.

Session events are numbered by `seq` within their session and reach a member in order. A member does not get what he
may not see, so his numbers may have gaps; whatever is not above the last number he has is a duplicate to be dropped.
"""

import msgspec

from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Epoch, Id, Seq, Time, Wire
from support_manager.protocol.roles import SessionState
from support_manager.protocol.signals import Signal
from support_manager.protocol.views import (
    AccountView,
    ActivityView,
    ChatLine,
    Connection,
    Delivery,
    EndReason,
    InboxView,
    LeaveReason,
    Mark,
    ParticipantView,
    Place,
    SiteView,
    TransferView,
)


class Welcome(Wire, frozen=True, kw_only=True):
    """`welcome`: first event of every connection."""

    site: SiteView
    now: Time
    account: AccountView | None = None


class _Fact(msgspec.Struct, frozen=True, kw_only=True, tag_field="type"):
    pass


class ParticipantJoined(_Fact, frozen=True, kw_only=True, tag="participant_joined"):
    """Somebody came in."""

    participant: ParticipantView


class ParticipantChanged(_Fact, frozen=True, kw_only=True, tag="participant_changed"):
    """A participant's role, name, device or question for control changed.

    Whoever did not see him before (a customer who waited and is let in) takes this as his arrival.
    """

    participant: ParticipantView


class ParticipantConnection(_Fact, frozen=True, kw_only=True, tag="participant_connection"):
    """A participant's connection was lost, closed or came back."""

    participant_id: Id
    connection: Connection


class ParticipantLeft(_Fact, frozen=True, kw_only=True, tag="participant_left"):
    """Somebody is gone for good."""

    participant_id: Id
    reason: LeaveReason


class ActivityChanged(_Fact, frozen=True, kw_only=True, tag="activity_changed"):
    """An activity was asked for, started, changed or ended; the view is whole."""

    activity: ActivityView


class ChatAdded(_Fact, frozen=True, kw_only=True, tag="chat_added"):
    """A new line in the transcript."""

    line: ChatLine


class SessionChanged(_Fact, frozen=True, kw_only=True, tag="session_changed"):
    """The session's own state, lock or transfer changed; all three are whole."""

    state: SessionState
    locked: bool = False
    transfer: TransferView | None = None


class MarkAdded(_Fact, frozen=True, kw_only=True, tag="mark_added"):
    """A line is drawn across the transcript: control moved, the session was passed on, another customer is helped.

    What changed with it (roles, state, ended activities) comes in facts of its own in the same breath.
    """

    mark: Mark


class SessionEnded(_Fact, frozen=True, kw_only=True, tag="session_ended"):
    """The session is over, for everybody."""

    reason: EndReason
    by: Id | None = None


SessionFact = (
    ParticipantJoined
    | ParticipantChanged
    | ParticipantConnection
    | ParticipantLeft
    | ActivityChanged
    | ChatAdded
    | MarkAdded
    | SessionChanged
    | SessionEnded
)


class SessionEvent(Wire, frozen=True, kw_only=True):
    """`session.event`: something happened in a session."""

    session_id: Id
    seq: Seq
    at: Time
    fact: SessionFact


class SignalReceived(Wire, frozen=True, kw_only=True):
    """`signal`: signalling from another participant; `sender` is vouched for by the relay."""

    session_id: Id
    sender: Id
    epoch: Epoch
    signal: Signal


class SessionReplaced(Wire, frozen=True, kw_only=True):
    """`session.replaced`: the same member came back elsewhere; this connection is out of the session."""

    session_id: Id


class InboxChanged(Wire, frozen=True, kw_only=True):
    """`inbox`: an agent's whole Inbox and presence, whenever anything in it changed, to whoever sent `inbox.open`."""

    inbox: InboxView


class PlaceChanged(Wire, frozen=True, kw_only=True):
    """`place`: a waiting customer's place in line; not numbered, the last one counts."""

    session_id: Id
    place: Place


class InvitationChanged(Wire, frozen=True, kw_only=True):
    """`invitation`: what became of an `invite.mail`, to the rep who sent it."""

    session_id: Id
    request_id: Id
    state: Delivery
    code: ErrorCode | None = None
    detail: str = ""
    """The mail server's own words when it failed: text from a stranger."""


class Notice(Wire, frozen=True, kw_only=True):
    """`notice`: something about the connection itself, e.g. `relay_stopping` before a planned stop."""

    code: ErrorCode


EVENTS: dict[str, type[Wire]] = {
    "welcome": Welcome,
    "session.event": SessionEvent,
    "signal": SignalReceived,
    "session.replaced": SessionReplaced,
    "notice": Notice,
    "inbox": InboxChanged,
    "place": PlaceChanged,
    "invitation": InvitationChanged,
}
"""Event name → payload. A client ignores events that it does not know."""
