"""Every event that a client may send to the relay, with its payload and the ack that answers it.

The ack on the wire is `{"ok": true, "value": REPLY}` or `{"ok": false, "code": CODE}`.
`request_id` and `line_id` are idempotency keys: the same key again gets the same answer and changes nothing.
"""

from support_manager.protocol.activities import ActivityEnd, ActivityKind, Source
from support_manager.protocol.fields import (
    Ask,
    Browser,
    ClientVersion,
    Epoch,
    Id,
    Locale,
    Name,
    Number,
    Pixels,
    Seq,
    Text,
    Time,
    Token,
    TrackingCode,
    Wire,
    Words,
)
from support_manager.protocol.signals import Signal
from support_manager.protocol.views import Audience, Capability, IceServers, Mode, SessionView

__all__ = ["REQUESTS", "Hello", "Nothing", "Request"]


class Hello(Ask, frozen=True, kw_only=True):
    """The Socket.IO `auth` payload of a connection: who calls and in which version."""

    v: int
    client: str
    """`app` or `page`."""
    client_version: ClientVersion = ""
    locale: Locale = "en"
    access: Token | None = None
    """A rep's access token; a page has none."""


class Nothing(Wire, frozen=True, kw_only=True):
    """A reply without content."""


class DeviceReport(Ask, frozen=True, kw_only=True):
    """What the sender's device can do (B-2.4)."""

    screen: Capability = Capability.UNKNOWN
    microphone: Capability = Capability.UNKNOWN
    camera: Capability = Capability.UNKNOWN
    network: Capability = Capability.UNKNOWN
    secure: Capability = Capability.UNKNOWN
    phone: bool = False
    browser: Browser = ""


class SessionStart(Ask, frozen=True, kw_only=True):
    """`session.start`: a rep opens a session (B-3.1)."""

    request_id: Id
    mode: Mode = Mode.MULTI
    tracking_code: TrackingCode = ""


class SessionStarted(Wire, frozen=True, kw_only=True):
    """The new session; its number and link are in the view."""

    session: SessionView


class SessionList(Ask, frozen=True, kw_only=True):
    """`session.list`: a rep asks for every live session he is in, as after a crash of his app."""


class Sessions(Wire, frozen=True, kw_only=True):
    """All live sessions of this rep, without their chat: `session.resume` brings that, session by session."""

    sessions: tuple[SessionView, ...] = ()


class SessionJoin(Ask, frozen=True, kw_only=True):
    """`session.join`: a customer comes in by number or by the token of the link (B-2.3, B-2.5)."""

    request_id: Id
    name: Name
    number: Number | None = None
    link_token: Token | None = None
    device: DeviceReport = DeviceReport()


class Joined(Wire, frozen=True, kw_only=True):
    """The customer is in: the session, the token to come back with, and the ICE servers to use."""

    session: SessionView
    resume_token: Token
    ice: IceServers


class SessionResume(Ask, frozen=True, kw_only=True):
    """`session.resume`: a member comes back on a new connection.

    A page proves itself by `resume_token`; an app by its account. Chat lines after `after_seq` come with the view.
    """

    session_id: Id
    resume_token: Token | None = None
    after_seq: Seq = 0


class Resumed(Wire, frozen=True, kw_only=True):
    """Back in. A page gets a new resume token; the old one holds until the new one is used."""

    session: SessionView
    ice: IceServers
    resume_token: Token | None = None


class SessionEnd(Ask, frozen=True, kw_only=True):
    """`session.end`: the controller ends the session for everybody (B-12.1)."""

    session_id: Id


class SessionLeave(Ask, frozen=True, kw_only=True):
    """`session.leave`: a customer or assistant goes."""

    session_id: Id


class PageClosing(Ask, frozen=True, kw_only=True):
    """`page.closing`: the customer's page is being closed or reloaded (B-12.4)."""

    session_id: Id


class ParticipantReport(Ask, frozen=True, kw_only=True):
    """`participant.report`: what this device can do has become known or has changed."""

    session_id: Id
    device: DeviceReport


class ActivityAsk(Ask, frozen=True, kw_only=True):
    """`activity.ask`: somebody asks for an activity that another must agree to."""

    session_id: Id
    request_id: Id
    kind: ActivityKind
    subject: Id
    """Of whom it is asked."""


class ActivityOffer(Ask, frozen=True, kw_only=True):
    """`activity.offer`: the sender starts an activity of his own accord; it runs at once."""

    session_id: Id
    request_id: Id
    kind: ActivityKind
    source: Source | None = None
    width: Pixels = 0
    height: Pixels = 0


class ActivityMade(Wire, frozen=True, kw_only=True):
    """The activity that an ask or an offer made."""

    activity_id: Id


class ActivityAnswer(Ask, frozen=True, kw_only=True):
    """`activity.answer`: yes or no to what was asked; `words` is what the person read when he said it."""

    session_id: Id
    activity_id: Id
    accept: bool
    source: Source | None = None
    width: Pixels = 0
    height: Pixels = 0
    words: Words = ""


class ActivityUpdate(Ask, frozen=True, kw_only=True):
    """`activity.update`: the owner of a running share switched its source, paused it, or its size changed."""

    session_id: Id
    activity_id: Id
    source: Source | None = None
    paused: bool = False
    width: Pixels = 0
    height: Pixels = 0


class ActivityStop(Ask, frozen=True, kw_only=True):
    """`activity.stop`: anybody concerned stops it, asked or running."""

    session_id: Id
    activity_id: Id
    reason: ActivityEnd = ActivityEnd.STOPPED


class ChatSend(Ask, frozen=True, kw_only=True):
    """`chat.send`: one line; `line_id` is made by the sender, and sending it again never doubles the line."""

    session_id: Id
    line_id: Id
    text: Text
    audience: Audience = Audience.ALL


class ChatSent(Wire, frozen=True, kw_only=True):
    """Where the line stands in the transcript."""

    seq: Seq
    at: Time


class SignalSend(Ask, frozen=True, kw_only=True):
    """`signal.send`: signalling between a participant and the hub (the controller); nobody else is reachable.

    Signals are not kept. A signal of an epoch below the highest the relay has seen from that participant is refused
    (`stale_epoch`).
    """

    session_id: Id
    to: Id
    epoch: Epoch
    signal: Signal


class IceGet(Ask, frozen=True, kw_only=True):
    """`ice.get`: the ICE servers anew, when the old credentials run out."""

    session_id: Id


Request = (
    SessionStart
    | SessionList
    | SessionJoin
    | SessionResume
    | SessionEnd
    | SessionLeave
    | PageClosing
    | ParticipantReport
    | ActivityAsk
    | ActivityOffer
    | ActivityAnswer
    | ActivityUpdate
    | ActivityStop
    | ChatSend
    | SignalSend
    | IceGet
)

REQUESTS: dict[str, tuple[type[Request], type[Wire]]] = {
    "session.start": (SessionStart, SessionStarted),
    "session.list": (SessionList, Sessions),
    "session.join": (SessionJoin, Joined),
    "session.resume": (SessionResume, Resumed),
    "session.end": (SessionEnd, Nothing),
    "session.leave": (SessionLeave, Nothing),
    "page.closing": (PageClosing, Nothing),
    "participant.report": (ParticipantReport, Nothing),
    "activity.ask": (ActivityAsk, ActivityMade),
    "activity.offer": (ActivityOffer, ActivityMade),
    "activity.answer": (ActivityAnswer, Nothing),
    "activity.update": (ActivityUpdate, Nothing),
    "activity.stop": (ActivityStop, Nothing),
    "chat.send": (ChatSend, ChatSent),
    "signal.send": (SignalSend, Nothing),
    "ice.get": (IceGet, IceServers),
}
"""Event name → (payload, reply). The relay has a handler for exactly these."""
