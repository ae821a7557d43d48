"""What a client may know of a session: the pieces that acks and events carry."""

from enum import StrEnum

from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState, Source
from support_manager.protocol.fields import Count, Id, Locale, Name, Number, Pixels, Seq, Text, Time, Wire
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
    RELAY_CLOSED = "relay_closed"


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


class ParticipantView(Wire, frozen=True, kw_only=True):
    """One person in a session."""

    id: Id
    role: Role
    name: Name
    connection: Connection
    joined_at: Time
    locale: Locale = "en"
    device: Device = Device()


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


class IceServer(Wire, frozen=True, kw_only=True):
    """One entry of the W3C RTCConfiguration.iceServers, by the relay's settings; none by default."""

    urls: tuple[str, ...]
    username: str = ""
    credential: str = ""


class IceServers(Wire, frozen=True, kw_only=True):
    """The servers to use and how long their credentials hold; 0 seconds means without end."""

    servers: tuple[IceServer, ...] = ()
    valid_s: Count = 0


class AccountView(Wire, frozen=True, kw_only=True):
    """A rep's own account."""

    id: Id
    name: str
    display_name: Name
    privileges: tuple[str, ...] = ()
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
