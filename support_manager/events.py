"""The typed events that come out of the controller: all that a window needs in order to show the truth."""

from dataclasses import dataclass, field
from enum import Enum

from support_manager.errors import AppCode
from support_manager.files.lines import FileLine
from support_manager.media.engine import RecordingTrouble
from support_manager.media.voice.ports import Trouble
from support_manager.protocol.activities import ActivityKind, ActivityState, Source
from support_manager.protocol.calls import CallView, call_of
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import (
    AccountView,
    ActivityView,
    Audience,
    ChatLine,
    Delivery,
    EndReason,
    InboxItem,
    InboxView,
    ParticipantView,
    SessionView,
)


class Link(Enum):
    """The app's connection to its relay."""

    SIGNED_OUT = "signed_out"
    CONNECTING = "connecting"
    ONLINE = "online"
    RECONNECTING = "reconnecting"


class Picture(Enum):
    """What a session's view is showing right now."""

    NONE = "none"
    """Nothing is shared."""
    ASKED = "asked"
    """Waiting for the customer's answer."""
    CONNECTING = "connecting"
    """Allowed; the first frame is on its way."""
    LIVE = "live"
    STATIC = "static"
    """Nothing moves at the customer's, and his page is alive: the picture is true."""
    PAUSED = "paused"
    LOST = "lost"
    """No sign of life: the last picture is old and must look old."""
    TOO_LARGE = "too_large"
    """What the customer shows has more pixels than we take."""
    ELSEWHERE = "elsewhere"
    """Something is shared, and we are not in charge: the picture is on the controller's screen. Nothing is wrong."""


class LineState(Enum):
    """Where a chat line of our own is on its way."""

    SENDING = "sending"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class PendingLine:
    """A chat line of our own that the relay has not confirmed yet; it is sent again after a reconnect."""

    id: str
    text: str
    state: LineState = LineState.SENDING
    audience: Audience = Audience.ALL


class CameraState(Enum):
    """What the picture of a camera is worth."""

    ASKED = "asked"
    """Waiting for the customer's answer."""
    CONNECTING = "connecting"
    LIVE = "live"
    PAUSED = "paused"
    """Not sent for now: the line has just enough room for the shared screen."""
    LOST = "lost"
    """No picture comes any more, and nobody stopped it."""


@dataclass(frozen=True, slots=True)
class CameraView:
    """One camera as the rep's windows show it."""

    owner: str
    """The participant's id."""
    name: str
    state: CameraState
    mine: bool


@dataclass(frozen=True, slots=True)
class OwnShow:
    """What this app itself shows in a session (B-7.2)."""

    kind: Source
    title: str
    """Of the screen or window; a window's is text from anywhere."""
    paused: bool = False
    hidden: bool = False
    """Whether the window is minimised, so that viewers keep its last picture."""
    viewers: int = 0
    width: int = 0
    height: int = 0
    fps: float = 0.0
    kilobytes_per_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """One session as the rep's windows show it: the relay's view and what this app knows besides."""

    view: SessionView
    picture: Picture = Picture.NONE
    pending: tuple[PendingLine, ...] = ()
    share: ActivityView | None = None
    """The screen of somebody else that is asked for or shown here, if any."""
    draws: bool = False
    """Whether this rep points and draws on it."""
    show: OwnShow | None = None
    """What this app itself shows, if anything."""
    cameras: tuple[CameraView, ...] = ()
    """The cameras that are asked for or run, our own first (B-7.6)."""

    recording: ActivityView | None = None
    """The recording that is asked for or running, if any."""

    @property
    def id(self) -> str:
        """The session's id."""
        return self.view.id

    @property
    def call(self) -> CallView:
        """Who talks with whom."""
        return call_of(self.view)

    @property
    def customer(self) -> ParticipantView | None:
        """The primary customer, once somebody joined."""
        return next((person for person in self.view.participants if person.role is Role.PRIMARY), None)

    @property
    def me(self) -> ParticipantView | None:
        """This rep himself; None once he is out of the session."""
        return next((person for person in self.view.participants if person.id == self.view.you), None)

    @property
    def role(self) -> Role:
        """This rep's role; `signed_in` once he is out of the session."""
        me = self.me
        return Role.SIGNED_IN if me is None else me.role

    @property
    def has_control(self) -> bool:
        """Whether this rep is the controller: only he has the session's control functions (B-7.9)."""
        return self.role is Role.CONTROLLER

    @property
    def controller(self) -> ParticipantView | None:
        """The rep in charge; None while the session is offered or queued."""
        return next((person for person in self.view.participants if person.role is Role.CONTROLLER), None)

    @property
    def assistants(self) -> tuple[ParticipantView, ...]:
        """The reps without control, in the order in which they came."""
        return tuple(person for person in self.view.participants if person.role is Role.ASSISTANT)

    @property
    def drawers(self) -> tuple[ParticipantView, ...]:
        """The others who draw on what is shown."""
        drawing = {
            one.subject
            for one in self.view.activities
            if one.kind is ActivityKind.DRAW and one.state is ActivityState.RUNNING
        }
        return tuple(person for person in self.view.participants if person.id in drawing and person.id != self.view.you)

    @property
    def customers(self) -> tuple[ParticipantView, ...]:
        """The customers who are in: the primary one and the others, in the order in which they came."""
        return tuple(person for person in self.view.participants if person.role in CUSTOMERS)

    @property
    def waiting(self) -> tuple[ParticipantView, ...]:
        """The customers who wait to be let in, the longest waiting first."""
        return tuple(person for person in self.view.participants if person.role is Role.WAITING)


@dataclass(frozen=True, slots=True)
class LinkChanged:
    """The connection to the relay changed; `retry_in_s` while reconnecting, `code` when something is wrong."""

    link: Link
    code: ErrorCode | AppCode | None = None
    retry_in_s: float = 0.0


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A rep is signed in. `kept` is whether he stays so after a restart of the app."""

    account: AccountView
    relay_url: str
    kept: bool
    kept_problem: AppCode | None = None
    """Set when he asked to stay signed in and the keyring did not play along."""


@dataclass(frozen=True, slots=True)
class SignedOut:
    """Nobody is signed in (any more); `code` says why when it was not wished for."""

    code: ErrorCode | AppCode | None = None


@dataclass(frozen=True, slots=True)
class SessionOpened:
    """A session is new to this app: started here, or found again after a restart (`recovered`)."""

    session: SessionSnapshot
    recovered: bool = False


@dataclass(frozen=True, slots=True)
class SessionChanged:
    """Anything about a session changed; the snapshot is whole."""

    session: SessionSnapshot


@dataclass(frozen=True, slots=True)
class SessionClosed:
    """A session ended; its last snapshot can still be read."""

    session: SessionSnapshot
    reason: EndReason


class LeftWhy(Enum):
    """Why a session goes on without us."""

    LEFT = "left"
    TRANSFERRED = "transferred"
    """We passed it on, or it went back to its queue while we were away."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class SessionLeft:
    """The session goes on without this rep; his last snapshot of it can still be read."""

    session: SessionSnapshot
    why: LeftWhy


@dataclass(frozen=True, slots=True)
class InboxChanged:
    """Anything in the Inbox or about the presence changed; the Inbox is whole. None: this rep has none (any more)."""

    inbox: InboxView | None


@dataclass(frozen=True, slots=True)
class OfferArrived:
    """This agent is asked whether he takes a customer or a transferred session."""

    item: InboxItem


@dataclass(frozen=True, slots=True)
class OfferGone:
    """He is not asked any more."""

    session_id: str
    customer: str
    taken: bool
    """Whether the customer is out of his Inbox without his doing: somebody else took him, or he left. False for what
    he himself accepted or declined, and for a time to answer that ran out."""


@dataclass(frozen=True, slots=True)
class MailChanged:
    """What became of an invitation by the relay's mail; `request_id` is what `mail_invitation` returned."""

    session_id: str
    request_id: str
    state: Delivery
    code: ErrorCode | None = None
    detail: str = ""
    """The mail server's own words when it failed: text from a stranger."""


class Happening(Enum):
    """What deserves attention: a mark on the tab, a notification when the window is not in front."""

    JOINED = "joined"
    LEFT = "left"
    CLOSED_PAGE = "closed_page"
    LOST = "lost"
    BACK = "back"
    CHAT = "chat"
    SHARING = "sharing"
    DENIED = "denied"
    STOPPED = "stopped"
    RECORDED = "recorded"
    """The customer allowed the recording, which runs now."""
    RECORDING_DENIED = "recording_denied"
    RECORDING_STOPPED = "recording_stopped"
    """Somebody else stopped it."""
    ASSISTANT_JOINED = "assistant_joined"
    WAITING = "waiting"
    """A customer waits to be let in."""
    ASKS_CONTROL = "asks_control"
    """An assistant asks us for control."""
    CONTROL_REFUSED = "control_refused"
    """The controller `name` keeps control, though we asked for it."""
    CONTROL_GIVEN = "control_given"
    """We are in charge now; `name` was before (empty when nobody was)."""
    CONTROL_GONE = "control_gone"
    """We are not in charge any more; `name` is."""
    CONTROL_MOVED = "control_moved"
    """Control went from somebody else to somebody else, `name`."""
    PASSED_ON = "passed_on"
    """The session we assist in was passed on by `name`, its controller."""
    CONTROLLER_LOST = "controller_lost"
    """The controller of the session we assist in lost the connection."""
    CAMERA = "camera"
    """`name` shows his camera."""
    CAMERA_DENIED = "camera_denied"
    CAMERA_STOPPED = "camera_stopped"
    MY_CAMERA_STOPPED = "my_camera_stopped"
    """`name` stopped our camera."""
    VOICE_DENIED = "voice_denied"
    """`name` was asked to join the call and does not want to."""
    VOICE_UNASKED = "voice_unasked"
    """`name` was asked, and has not answered; the question is off."""
    VOICE_LEFT = "voice_left"
    """`name` hung up."""
    VOICE_OUT = "voice_out"
    """`name` is out of the call otherwise: put out of it, left alone in it, or the page was loaded again."""
    MY_VOICE_STOPPED = "my_voice_stopped"
    """We are out of the call without our doing."""
    VOICE_OVER_CONTROL = "voice_over_control"
    """The call is over, for the app of whoever is in charge now has no voice (B-9.5)."""
    VOICE_OVER_TRANSFER = "voice_over_transfer"
    """The call is over, for the session is passed on (B-10.3)."""
    MY_DRAWING_STOPPED = "my_drawing_stopped"
    """`name` ended our drawing."""
    FILE_OFFERED = "file_offered"
    """`name` offers us a file."""
    FILE_ARRIVED = "file_arrived"
    """A file of `name`'s is here."""
    CUSTOMER_SELECTED = "customer_selected"
    """The customer `name` is the one being helped now (single mode)."""


@dataclass(frozen=True, slots=True)
class Attention:
    """Something happened in a session that the rep should notice."""

    session_id: str
    what: Happening
    name: str = ""
    """Of the person concerned; empty where there is none."""
    line: ChatLine | None = None


@dataclass(frozen=True, slots=True)
class PictureStats:
    """Figures of a running view, about once a second."""

    session_id: str
    fps: float
    age_ms: float
    """From the customer's capture to our painting, as well as it can be known."""
    kilobytes_per_s: float
    width: int
    height: int
    loss: float = 0.0
    since_last_sign_s: float = 0.0


@dataclass(frozen=True, slots=True)
class VoiceHeard:
    """How loud everybody in a session's call is, 0 to 1, ten times a second while it runs."""

    session_id: str
    people: dict[str, float]
    """By participant. An assistant's app hears all the others as one: the controller."""
    here: float


@dataclass(frozen=True, slots=True)
class VoiceDevice:
    """Something is wrong with the microphone or the speaker of this computer; the call goes on without it."""

    session_id: str
    trouble: Trouble


@dataclass(frozen=True, slots=True)
class DrawingChanged:
    """Something was drawn over that session's share, or taken away; `Intents.board` has it."""

    session_id: str


@dataclass(frozen=True, slots=True)
class RecordingFigures:
    """How long and how large a running recording is, about once a second."""

    session_id: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class RecordingEnded:
    """A recording of ours has ended and its file is whole; `name` is the file's, empty if there was nothing in it."""

    session_id: str
    name: str
    seconds: float
    bytes: int
    trouble: RecordingTrouble | None = None
    """Set when it ended by itself; the session goes on."""


@dataclass(frozen=True, slots=True)
class RecordingsTended:
    """What was done to the library in the background: recordings cut off are finished, old ones deleted."""

    left: int = 0
    """How many that were cut off are still to be finished."""
    progress: float = 1.0
    """Of the one that is being finished, 0…1."""
    finished: int = 0
    deleted: int = 0


@dataclass(frozen=True, slots=True)
class FilesChanged:
    """Anything about a session's files changed; the list is whole, the oldest first."""

    session_id: str
    files: tuple[FileLine, ...]


@dataclass(frozen=True, slots=True)
class LinkPrefilled:
    """A `support-manager:` link asks for something; it only pre-fills and waits for a click (B-2.2)."""

    action: str
    """`start` or `assist`."""
    number: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """Something in the background went wrong that no intent is waiting for."""

    code: ErrorCode | AppCode
    params: dict[str, str] = field(default_factory=dict)
    session_id: str | None = None


AppEvent = (
    LinkChanged
    | SignedIn
    | SignedOut
    | SessionOpened
    | SessionChanged
    | SessionClosed
    | SessionLeft
    | InboxChanged
    | OfferArrived
    | OfferGone
    | MailChanged
    | Attention
    | PictureStats
    | VoiceHeard
    | VoiceDevice
    | DrawingChanged
    | RecordingFigures
    | RecordingEnded
    | RecordingsTended
    | FilesChanged
    | LinkPrefilled
    | Failed
)
