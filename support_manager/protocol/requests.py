"""Every event that a client may send to the relay, with its payload and the ack that answers it.

The ack on the wire is `{"ok": true, "value": REPLY}` or `{"ok": false, "code": CODE}`.
`request_id` and `line_id` are idempotency keys: the same key again gets the same answer and changes nothing.
"""

from typing import Annotated

import msgspec

from support_manager.protocol import limits
from support_manager.protocol.activities import ActivityEnd, ActivityKind, Source
from support_manager.protocol.fields import (
    Ask,
    Browser,
    ClientVersion,
    Count,
    Email,
    Epoch,
    FileBytes,
    FileKey,
    Id,
    Locale,
    Name,
    Notes,
    Number,
    Outcome,
    Pixels,
    Problem,
    Rating,
    Sealed,
    Search,
    Seq,
    Slug,
    Text,
    Time,
    Token,
    TrackingCode,
    TransferMessage,
    Wire,
    Words,
)
from support_manager.protocol.signals import Signal
from support_manager.protocol.views import (
    AgentView,
    Audience,
    Capability,
    ChatLine,
    Handover,
    HistoryEntry,
    IceServers,
    InboxView,
    Intake,
    Mark,
    Mode,
    Presence,
    QueueView,
    SessionView,
    SurveyAnswer,
)

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
    file_key: FileKey = ""


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


class FileOffer(Ask, frozen=True, kw_only=True):
    """What is offered with a file; see `FileView`."""

    transfer: Id
    size: FileBytes
    key_id: Id
    sealed: Sealed


class ActivityOffer(Ask, frozen=True, kw_only=True):
    """`activity.offer`: the sender starts an activity of his own accord; it runs at once, but for a file.

    A file goes to the primary customer, or from him to the controller, who accepts or declines it (B-7.5).
    """

    session_id: Id
    request_id: Id
    kind: ActivityKind
    source: Source | None = None
    width: Pixels = 0
    height: Pixels = 0
    file: FileOffer | None = None


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


class FileOpen(Ask, frozen=True, kw_only=True):
    """`file.open`: an end of a running file transfer wants to send or fetch its content over HTTP.

    `PATCH /files/ID` by the tus protocol 1.0.0, `GET /files/ID` with a range; see docs/files.md.
    """

    session_id: Id
    activity_id: Id


class FileTicket(Wire, frozen=True, kw_only=True):
    """The right to one direction of one transfer; the same member's older one holds no longer."""

    token: Token
    path: str
    length: Count
    """Bytes of the sealed content."""
    offset: Count
    """How many of them the relay has."""


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


class SessionAssist(Ask, frozen=True, kw_only=True):
    """`session.assist`: a rep comes into a colleague's session by its number, as an assistant (B-8.1)."""

    request_id: Id
    number: Number


class Inside(Wire, frozen=True, kw_only=True):
    """A rep is in a session that he did not start: the session, and the ICE servers to use."""

    session: SessionView
    ice: IceServers


class SessionLock(Ask, frozen=True, kw_only=True):
    """`session.lock`: the controller lets nobody else in, or opens the session again (B-2.5)."""

    session_id: Id
    locked: bool


class CustomerAdmit(Ask, frozen=True, kw_only=True):
    """`customer.admit`: the controller lets a waiting customer in, or sends him away."""

    session_id: Id
    participant_id: Id
    accept: bool


class CustomerSelect(Ask, frozen=True, kw_only=True):
    """`customer.select`: the controller helps that customer from now on; shares end (B-1.2, B-5.3)."""

    session_id: Id
    participant_id: Id


class ControlTransfer(Ask, frozen=True, kw_only=True):
    """`control.transfer`: the controller gives control to an assistant, in one step (B-9.2, B-9.6)."""

    session_id: Id
    to: Id
    """The assistant's participant id."""


class ControlAsk(Ask, frozen=True, kw_only=True):
    """`control.ask`: an assistant asks for control, or takes that back (B-7.9)."""

    session_id: Id
    asking: bool = True


class ControlRefuse(Ask, frozen=True, kw_only=True):
    """`control.refuse`: the controller keeps control; the assistant's question is off the table."""

    session_id: Id
    participant_id: Id


class ControlTake(Ask, frozen=True, kw_only=True):
    """`control.take`: an assistant takes over from a controller lost for `CONTROLLER_LOST_S` (B-12.6)."""

    session_id: Id


class SessionTransfer(Ask, frozen=True, kw_only=True):
    """`session.transfer`: an agent cedes the session to one queue or to some agents, and is out of it (B-10)."""

    session_id: Id
    queue_id: Id | None = None
    agents: Annotated[tuple[Id, ...], msgspec.Meta(max_length=limits.AGENTS_PER_TRANSFER)] = ()
    """Account ids. Exactly one of `queue_id` and `agents` is given."""
    message: TransferMessage = ""


class TransferTargets(Ask, frozen=True, kw_only=True):
    """`transfer.targets`: the queues and agents to whom an agent may pass a session on (B-10.1)."""


class Targets(Wire, frozen=True, kw_only=True):
    """Every queue, and every agent but the reader, as they stand now."""

    queues: tuple[QueueView, ...] = ()
    agents: tuple[AgentView, ...] = ()


class InboxOpen(Ask, frozen=True, kw_only=True):
    """`inbox.open`: an agent's app wants his Inbox; from now on every change comes as the event `inbox`."""


class PresenceSet(Ask, frozen=True, kw_only=True):
    """`presence.set`: the agent is Online, Away or Busy from now on; `offline` is refused (`bad_message`)."""

    presence: Presence


class OfferAccept(Ask, frozen=True, kw_only=True):
    """`offer.accept`: an agent takes a waiting customer or a transferred session; the first one gets it (B-10.4)."""

    session_id: Id


class OfferDecline(Ask, frozen=True, kw_only=True):
    """`offer.decline`: an agent does not take it."""

    session_id: Id


class QueueEnter(Ask, frozen=True, kw_only=True):
    """`queue.enter`: a customer fills in a queue's entry form and waits (B-11.1); answered as `session.join` is."""

    request_id: Id
    queue: Slug
    name: Name
    email: Email = ""
    problem: Problem = ""
    device: DeviceReport = DeviceReport()


class InviteMail(Ask, frozen=True, kw_only=True):
    """`invite.mail`: the relay sends the invitation (B-4.4); what becomes of it comes as events `invitation`."""

    session_id: Id
    request_id: Id
    address: Email
    locale: Locale = "en"
    to_rep: bool = False
    """Whether a colleague is invited to assist (B-4.6) and not a customer."""


class HistoryList(Ask, frozen=True, kw_only=True):
    """`history.list`: the sessions in which this rep took part and that are over, newest first."""

    search: Search = ""
    """Words to find in names, number, tracking code, outcome, notes or chat; empty for all."""
    before: Time | None = None
    """Only those that ended before; for the next page."""
    limit: Annotated[int, msgspec.Meta(ge=1, le=limits.HISTORY_ENTRIES)] = limits.HISTORY_ENTRIES


class History(Wire, frozen=True, kw_only=True):
    """What was found; `more` when there is more before the last one."""

    entries: tuple[HistoryEntry, ...] = ()
    more: bool = False


class HistoryRead(Ask, frozen=True, kw_only=True):
    """`history.read`: one of those sessions with its transcript."""

    session_id: Id


class HistoryPage(Wire, frozen=True, kw_only=True):
    """A session that is over, whole; without chat once the operator's time for keeping it has passed."""

    entry: HistoryEntry
    chat: tuple[ChatLine, ...] = ()
    marks: tuple[Mark, ...] = ()
    kept: bool = True
    survey: tuple[SurveyAnswer, ...] = ()
    intake: Intake | None = None
    yours: tuple[Id, ...] = ()
    """The participant ids under which the reader was in it: whose account the others have stays at the relay."""
    handovers: tuple[Handover, ...] = ()
    """What was written when it was passed on, as far as the reader wrote it or accepted with it."""


class HistoryNotes(Ask, frozen=True, kw_only=True):
    """`history.notes`: what is kept as outcome and notes of a session, asked by who may write them (B-12.7)."""

    session_id: Id


class Noted(Wire, frozen=True, kw_only=True):
    """Outcome and notes as the relay keeps them; empty where nobody wrote any."""

    outcome: Outcome = ""
    notes: Notes = ""


class HistoryNote(Ask, frozen=True, kw_only=True):
    """`history.note`: outcome and notes of a session, live or over, by a rep who was its controller (B-12.7)."""

    session_id: Id
    outcome: Outcome = ""
    notes: Notes = ""
    seen_outcome: Outcome = ""
    """What the writer has read in this place: nothing else is replaced, so that nobody's words go unread."""
    seen_notes: Notes = ""


class SurveySend(Ask, frozen=True, kw_only=True):
    """`survey.send`: what the customer thinks of it, once the session is over (B-12.7); his last answer counts."""

    session_id: Id
    rating: Rating
    comment: Problem = ""


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
    | FileOpen
    | ChatSend
    | SignalSend
    | IceGet
    | SessionAssist
    | SessionLock
    | CustomerAdmit
    | CustomerSelect
    | ControlTransfer
    | ControlAsk
    | ControlRefuse
    | ControlTake
    | SessionTransfer
    | TransferTargets
    | InboxOpen
    | PresenceSet
    | OfferAccept
    | OfferDecline
    | QueueEnter
    | InviteMail
    | HistoryList
    | HistoryRead
    | HistoryNotes
    | HistoryNote
    | SurveySend
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
    "file.open": (FileOpen, FileTicket),
    "chat.send": (ChatSend, ChatSent),
    "signal.send": (SignalSend, Nothing),
    "ice.get": (IceGet, IceServers),
    "session.assist": (SessionAssist, Inside),
    "session.lock": (SessionLock, Nothing),
    "customer.admit": (CustomerAdmit, Nothing),
    "customer.select": (CustomerSelect, Nothing),
    "control.transfer": (ControlTransfer, Nothing),
    "control.ask": (ControlAsk, Nothing),
    "control.refuse": (ControlRefuse, Nothing),
    "control.take": (ControlTake, Nothing),
    "session.transfer": (SessionTransfer, Nothing),
    "transfer.targets": (TransferTargets, Targets),
    "inbox.open": (InboxOpen, InboxView),
    "presence.set": (PresenceSet, Nothing),
    "offer.accept": (OfferAccept, Inside),
    "offer.decline": (OfferDecline, Nothing),
    "queue.enter": (QueueEnter, Joined),
    "invite.mail": (InviteMail, Nothing),
    "history.list": (HistoryList, History),
    "history.read": (HistoryRead, HistoryPage),
    "history.notes": (HistoryNotes, Noted),
    "history.note": (HistoryNote, Nothing),
    "survey.send": (SurveySend, Nothing),
}
"""Event name → (payload, reply). The relay has a handler for exactly these."""
