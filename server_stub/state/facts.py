"""What can happen to a session: immutable facts, the only thing that changes it and the only thing kept on disk."""

import msgspec

from support_manager.protocol.fields import Id, Locale, Name, Number, Seq, Time
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    ChatLine,
    Connection,
    Device,
    EndReason,
    Intake,
    LeaveReason,
    MarkKind,
    Mode,
    TransferTarget,
    WaitReason,
)


class _Fact(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="type"):
    pass


class Started(_Fact, frozen=True, kw_only=True, tag="started"):
    """A rep opened the session; he is its controller."""

    number: Number
    mode: Mode
    account_id: Id
    participant_id: Id
    name: Name
    locale: Locale
    request_id: Id
    tracking_code: str = ""


class Entered(_Fact, frozen=True, kw_only=True, tag="entered"):
    """A customer filled in a queue's entry form: a session without a controller, in that queue."""

    number: Number
    queue_id: Id
    queue_name: str
    intake: Intake
    request_id: Id


class Joined(_Fact, frozen=True, kw_only=True, tag="joined"):
    """Somebody came in: a customer with a resume token, or a rep with an account."""

    participant_id: Id
    role: Role
    name: Name
    locale: Locale
    device: Device
    request_id: Id
    token_hash: str
    account_id: str = ""
    waiting_for: WaitReason | None = None


class TokenRotated(_Fact, frozen=True, kw_only=True, tag="token_rotated"):
    """A new resume token was handed out; `used` still holds until the new one is used, all others are void."""

    participant_id: Id
    used: str
    new: str


class ConnectionChanged(_Fact, frozen=True, kw_only=True, tag="connection"):
    """A participant's connection was lost, his page was closed, or he came back."""

    participant_id: Id
    connection: Connection


class DeviceReported(_Fact, frozen=True, kw_only=True, tag="device"):
    """A participant told what his device can do."""

    participant_id: Id
    device: Device


class Left(_Fact, frozen=True, kw_only=True, tag="left"):
    """Somebody is gone for good."""

    participant_id: Id
    reason: LeaveReason


class ActivitySet(_Fact, frozen=True, kw_only=True, tag="activity"):
    """An activity was asked for, runs, changed or ended; the view is whole.

    `words` is what the person read when he agreed: the record of the consent.
    """

    activity: ActivityView
    request_id: str = ""
    words: str = ""
    agreed: bool = False
    """Whether this is somebody's yes to what he was asked."""


class ChatAdded(_Fact, frozen=True, kw_only=True, tag="chat"):
    """A new line in the transcript."""

    line: ChatLine


class RoleChanged(_Fact, frozen=True, kw_only=True, tag="role"):
    """Somebody is let in, selected, given control, or loses what another is given."""

    participant_id: Id
    role: Role
    by: Id | None = None
    """Who let him in or chose him; nobody where the relay did by itself, or where a mark says it."""


class ControlAsked(_Fact, frozen=True, kw_only=True, tag="control_asked"):
    """An assistant asks for control, or the question is off the table."""

    participant_id: Id
    asking: bool
    by: Id | None = None
    """Who asked, took it back or refused; nobody where the controller went and the question with him."""


class MarkAdded(_Fact, frozen=True, kw_only=True, tag="mark"):
    """A line across the transcript; its place is this fact's own."""

    kind: MarkKind
    name: str = ""
    former: str = ""
    queue: str = ""
    former_account: str = ""
    """Of who gave control away: by this fact another one has it already. Empty for other marks."""


class Locked(_Fact, frozen=True, kw_only=True, tag="locked"):
    """The controller lets nobody else in, or opens the session again."""

    locked: bool


class PassedOn(_Fact, frozen=True, kw_only=True, tag="passed_on"):
    """The session has no controller any more: it is offered to agents, or stands in a queue."""

    to: TransferTarget
    queue_id: str = ""
    queue_name: str = ""
    agents: tuple[Id, ...] = ()
    message: str = ""
    at_head: bool = False
    former: str = ""
    former_account: str = ""
    """Of who passed it on: his colleagues are asked before him. Empty where nobody did, or where it fell to a queue."""


class StateChanged(_Fact, frozen=True, kw_only=True, tag="state"):
    """The session waits for a customer, or has one; a session that was passed on has a controller again."""

    state: SessionState


class Ended(_Fact, frozen=True, kw_only=True, tag="ended"):
    """The session is over."""

    reason: EndReason
    by: Id | None = None


Fact = (
    Started
    | Entered
    | Joined
    | TokenRotated
    | ConnectionChanged
    | DeviceReported
    | Left
    | ActivitySet
    | ChatAdded
    | RoleChanged
    | ControlAsked
    | MarkAdded
    | Locked
    | PassedOn
    | StateChanged
    | Ended
)


class Entry(msgspec.Struct, frozen=True):
    """A fact at its place: `seq` counts from 1 within the session without gaps."""

    session_id: Id
    seq: Seq
    at: Time
    fact: Fact


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Fact] = msgspec.json.Decoder(Fact)


def kind_of(fact: Fact) -> str:
    """The fact's name in the journal."""
    return str(fact.__struct_config__.tag)


def encode_fact(fact: Fact) -> str:
    """The fact as the journal keeps it."""
    return _encoder.encode(fact).decode()


def decode_fact(body: str) -> Fact:
    """Read a fact from the journal.

    Raises:
        msgspec.ValidationError: the journal was written by something else.
    """
    return _decoder.decode(body)
