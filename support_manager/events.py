"""The typed events that come out of the controller: all that a window needs in order to show the truth."""

from dataclasses import dataclass, field
from enum import Enum

from support_manager.errors import AppCode
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import AccountView, ActivityView, ChatLine, EndReason, ParticipantView, SessionView


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


@dataclass(frozen=True, slots=True)
class SessionSnapshot:
    """One session as the rep's windows show it: the relay's view and what this app knows besides."""

    view: SessionView
    picture: Picture = Picture.NONE
    pending: tuple[PendingLine, ...] = ()
    share: ActivityView | None = None
    """The view activity that is asked for or running, if any."""

    @property
    def id(self) -> str:
        """The session's id."""
        return self.view.id

    @property
    def customer(self) -> ParticipantView | None:
        """The primary customer, once somebody joined."""
        return next((person for person in self.view.participants if person.role.value == "primary"), None)


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


@dataclass(frozen=True, slots=True)
class Attention:
    """Something happened in a session that the rep should notice."""

    session_id: str
    what: Happening
    name: str = ""
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
    | Attention
    | PictureStats
    | LinkPrefilled
    | Failed
)
