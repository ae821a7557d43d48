"""What a client may know of a session: the pieces that acks and events carry."""

from enum import StrEnum

from support_manager.protocol import limits
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState, Source
from support_manager.protocol.fields import (
    Count,
    Email,
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
    QueueName,
    Rating,
    Sealed,
    Seq,
    Slug,
    Text,
    Time,
    TransferMessage,
    Wire,
)
from support_manager.protocol.roles import Role, SessionState


class Mode(StrEnum):
    """Single: one session, several customers. Multi: every customer a session of his own."""

    SINGLE = "single"
    MULTI = "multi"


class Connection(StrEnum):
    """How a participant hangs on the relay (B-12.4 keeps the last two apart)."""

    ONLINE = "online"
    LOST = "lost"
    CLOSED_PAGE = "closed_page"


class LeaveReason(StrEnum):
    """Why a participant is gone."""

    LEFT = "left"
    CLOSED_PAGE = "closed_page"
    LOST = "lost"
    REMOVED = "removed"


class EndReason(StrEnum):
    """Why a session ended."""

    ENDED_BY_REP = "ended_by_rep"
    CONTROLLER_LOST = "controller_lost"
    EXPIRED = "expired"
    """It stood in line or was offered, and no customer was left for whom it did."""
    RELAY_CLOSED = "relay_closed"


class Presence(StrEnum):
    """Whether an agent can be offered customers; offers go to `ONLINE` only (B-11.3)."""

    ONLINE = "online"
    AWAY = "away"
    """Chosen, or by itself after ten idle minutes."""
    BUSY = "busy"
    """Chosen, or by itself at the rep's limit of customers."""
    OFFLINE = "offline"
    """No app of his hangs on the relay."""


class WaitReason(StrEnum):
    """Why a customer with the role `waiting` waits."""

    ADMISSION = "admission"
    """The controller lets people in (single mode, B-2.5)."""
    LIMIT = "limit"
    """The rep helps as many customers as he may (B-6.3); the relay lets the next one in by itself."""


class TransferTarget(StrEnum):
    """To whom a session without a controller was passed on."""

    AGENTS = "agents"
    QUEUE = "queue"


class MarkKind(StrEnum):
    """What draws a line across the transcript."""

    CONTROL = "control"
    """Transfer Control: from `former` to `name`."""
    TAKEN_OVER = "taken_over"
    """An assistant, `name`, took over from the lost `former`."""
    PASSED_ON = "passed_on"
    """Transfer Session by `former`, to the queue `queue` or to agents."""
    QUEUED = "queued"
    """It fell to the queue `queue`: nobody accepted, all declined, or the controller was lost."""
    ACCEPTED = "accepted"
    """The agent `name` accepted it."""
    CUSTOMER = "customer"
    """Another customer, `name`, is helped now (single mode)."""


class Audience(StrEnum):
    """Who reads a chat line; private lines never leave the relay towards a customer (B-7.4)."""

    ALL = "all"
    REPS = "reps"


class Capability(StrEnum):
    """Whether a device can do something."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


class Device(Wire, frozen=True, kw_only=True):
    """What a participant's browser or app can do (B-2.4); told by the participant, so a hint, not a fact."""

    screen: Capability = Capability.UNKNOWN
    microphone: Capability = Capability.UNKNOWN
    camera: Capability = Capability.UNKNOWN
    network: Capability = Capability.UNKNOWN
    secure: Capability = Capability.UNKNOWN
    """Whether the page is a secure context; without it no browser offers to share."""
    phone: bool = False
    browser: str = ""
    file_key: FileKey = ""
    """With which files may be sent to this end while there is no connection from end to end."""


class ParticipantView(Wire, frozen=True, kw_only=True):
    """One person in a session."""

    id: Id
    role: Role
    name: Name
    connection: Connection
    joined_at: Time
    locale: Locale = "en"
    device: Device = Device()
    asks_control: bool = False
    """An assistant who asks to be given control (B-7.9)."""


class FileView(Wire, frozen=True, kw_only=True):
    """What the relay knows of a file: how long it is, and what only its two ends can read (B-7.5)."""

    transfer: Id
    """Made by the sender at random; it goes into every key and chunk."""
    size: FileBytes
    key_id: Id
    """Which of the secrets that the two ends share."""
    sealed: Sealed
    """Name and type."""


class ActivityView(Wire, frozen=True, kw_only=True):
    """One activity: asked for, running or ended."""

    id: Id
    kind: ActivityKind
    state: ActivityState
    asked_by: Id
    subject: Id
    """Whose screen, camera or microphone it is."""
    seen_by: tuple[Id, ...] = ()
    changed_at: Time = 0
    source: Source | None = None
    paused: bool = False
    width: Pixels = 0
    height: Pixels = 0
    end: ActivityEnd | None = None
    ended_by: Id | None = None
    file: FileView | None = None
    """Of a file transfer, whose `subject` is the sender and whose only viewer is the receiver."""


class ChatLine(Wire, frozen=True, kw_only=True):
    """One line of the transcript, in the relay's order."""

    id: Id
    seq: Seq
    at: Time
    sender: Id
    sender_name: Name
    sender_role: Role
    text: Text
    audience: Audience = Audience.ALL


class Mark(Wire, frozen=True, kw_only=True):
    """A line across the transcript, at its place among the chat lines (B-7.4)."""

    seq: Seq
    at: Time
    kind: MarkKind
    name: str = ""
    former: str = ""
    queue: str = ""


class TransferView(Wire, frozen=True, kw_only=True):
    """Where a session without a controller is on its way; everybody in it may know."""

    to: TransferTarget
    since: Time
    queue_id: Id | None = None
    queue_name: str = ""
    former: str = ""
    """The rep who passed it on; empty for a customer who came by an entry form."""


class Place(Wire, frozen=True, kw_only=True):
    """A customer's place in line (B-11.2); told anew whenever it changes, never kept."""

    place: Count
    """From 1; 0 while it is offered to chosen agents."""
    wait_s: Count | None = None
    """Estimated; None for unknown."""
    is_open: bool = True
    """Whether the queue is open by now."""
    opens_at: Time | None = None
    """When the queue opens again, if it is closed by now; None where it has no hours at all."""
    is_staffed: bool = True
    """Whether any of the queue's agents is there and chose Online, be he busy or not (B-11.3)."""


class Intake(Wire, frozen=True, kw_only=True):
    """What a customer wrote on a queue's entry form (B-11.1)."""

    queue_name: QueueName
    email: Email = ""
    problem: Problem = ""


class Handover(Wire, frozen=True, kw_only=True):
    """What a rep wrote to whoever takes the session from him (B-10.2)."""

    by: Name = ""
    message: TransferMessage = ""


class SessionView(Wire, frozen=True, kw_only=True):
    """A session as one of its members may see it: the snapshot that a join, a resume or a list returns."""

    id: Id
    number: Number
    mode: Mode
    state: SessionState
    seq: Seq
    """The last event this snapshot contains; events up to it are to be dropped."""
    started_at: Time
    you: Id
    """The reader's own participant id."""
    participants: tuple[ParticipantView, ...] = ()
    activities: tuple[ActivityView, ...] = ()
    """Asked and running ones; ended ones only in events."""
    chat: tuple[ChatLine, ...] = ()
    tracking_code: str = ""
    locked: bool = False
    link: str = ""
    """The join link with its token; only reps of the session get it, customers read an empty string."""
    end_reason: EndReason | None = None
    waiting_for: WaitReason | None = None
    """Set for a reader who waits to be let in; he learns nothing else of the session."""
    marks: tuple[Mark, ...] = ()
    """All lines across the transcript that the reader may see, also those before `after_seq`."""
    transfer: TransferView | None = None
    """Set while the session is offered or queued."""
    place: Place | None = None
    intake: Intake | None = None
    """Only for reps, and for sessions that came by an entry form."""
    handover: Handover | None = None
    """Only for the rep who accepted: what was written to him, which he read in the offer, stays to be read."""
    you_before: tuple[Id, ...] = ()
    """Only for a rep who was here before and came back: the participant ids under which he wrote lines then."""

    def is_own(self, line: ChatLine) -> bool:
        """Whether the reader wrote a line, also where he wrote it before he left and came back."""
        return line.sender == self.you or line.sender in self.you_before


class IceServer(Wire, frozen=True, kw_only=True):
    """One entry of the W3C RTCConfiguration.iceServers, by the relay's settings; none by default."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class IceServers(Wire, frozen=True, kw_only=True):
    """The servers to use and how long their credentials hold; 0 seconds means without end."""

    servers: tuple[IceServer, ...] = ()
    valid_s: Count = 0
    relay_only: bool = False
    """Media may go through these servers only (RFC 9429 section 4.1.1, iceTransportPolicy)."""


ADMIN = "admin"
AGENT = "agent"
PRIVILEGES = (ADMIN, AGENT)
"""What an account may besides a rep's work: the admin area; the Inbox and Transfer Session."""


class AccountView(Wire, frozen=True, kw_only=True):
    """A rep's own account."""

    id: Id
    name: str
    display_name: Name
    privileges: tuple[str, ...] = ()
    """Of `PRIVILEGES`."""
    customers_limit: Count = 0
    """How many customers he may help at once (B-6.3); 0 means without limit."""
    modes: tuple[Mode, ...] = (Mode.MULTI,)
    locale: Locale = "en"


class SiteView(Wire, frozen=True, kw_only=True):
    """What everybody may know of a relay."""

    company: str
    relay_version: str
    protocol: int
    oldest_protocol: int
    url: str
    """The public address under which customers reach it, without a slash at the end."""
    without_controller_s: Count = limits.SESSION_WITHOUT_CONTROLLER_S
    """How long a session lasts whose controller is lost and does not come back (B-12.6)."""
    file_bytes: FileBytes = limits.FILE_BYTES
    """The largest file that may be sent when this is told; 0: none (B-7.5)."""


class AgentView(Wire, frozen=True, kw_only=True):
    """An agent as the list of Transfer Session shows him (B-10.1)."""

    account_id: Id
    name: Name
    presence: Presence
    customers: Count = 0
    limit: Count = 0
    """0 means without limit."""


class QueueView(Wire, frozen=True, kw_only=True):
    """A queue as agents see it."""

    id: Id
    slug: Slug
    name: QueueName
    is_open: bool
    opens_at: Time | None = None
    waiting: Count = 0
    online: Count = 0
    """Agents of it who are Online, besides the reader, in his Inbox and where he passes a session on alike."""
    wait_s: Count | None = None
    is_member: bool = False
    """Whether the reader is an agent of it."""


class InboxKind(StrEnum):
    """What an entry of the Inbox is."""

    WAITING = "waiting"
    """A customer in one of the reader's queues."""
    TRANSFER = "transfer"
    """A session that was passed on to the reader himself."""


class InboxItem(Wire, frozen=True, kw_only=True):
    """One entry of an agent's Inbox (B-11.3)."""

    session_id: Id
    kind: InboxKind
    customer: Name
    since: Time
    offered: bool
    """Whether he is asked right now; else he may still take it while nobody else is asked alone."""
    offered_until: Time | None = None
    queue_id: Id | None = None
    queue_name: str = ""
    email: Email = ""
    problem: Problem = ""
    former: str = ""
    """Who passed it on."""
    message: TransferMessage = ""
    locale: Locale = "en"


class InboxView(Wire, frozen=True, kw_only=True):
    """An agent's whole Inbox, oldest first."""

    presence: Presence
    """As others see him."""
    chosen: Presence
    """What he chose: `online`, `away` or `busy`."""
    items: tuple[InboxItem, ...] = ()
    queues: tuple[QueueView, ...] = ()


class Delivery(StrEnum):
    """What became of an invitation by the relay's mail."""

    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"


class HistoryEntry(Wire, frozen=True, kw_only=True):
    """A session that is over, as its reps find it again (B-12.7)."""

    session_id: Id
    number: Number
    mode: Mode
    started_at: Time
    ended_at: Time
    customers: tuple[Name, ...] = ()
    reps: tuple[Name, ...] = ()
    queue_name: str = ""
    tracking_code: str = ""
    end_reason: EndReason | None = None
    outcome: Outcome = ""
    notes: Notes = ""
    lines: Count = 0


class SurveyAnswer(Wire, frozen=True, kw_only=True):
    """What one customer thinks of a session that is over (B-12.7); without name and comment once they are deleted."""

    rating: Rating
    name: str = ""
    comment: str = ""
