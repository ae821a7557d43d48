"""The media engine's interface: commands in, events out, pictures through mailboxes; nothing here imports aiortc."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Protocol

from support_manager.media.camera import CameraSlot
from support_manager.media.mailbox import FrameMailbox
from support_manager.media.screens import Shareable
from support_manager.media.voice.ports import AudioDevice, Trouble
from support_manager.protocol.channel import ChannelMessage, DrawMessage
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer


@dataclass(frozen=True, slots=True)
class PeerKey:
    """One participant of one session; the hub has one connection to each."""

    session_id: str
    participant_id: str


class Liveness(Enum):
    """What the picture on the screen is worth."""

    WAITING = "waiting"
    """No frame yet, or no more: the page is alive and has nothing to show (its track is dead or held)."""
    LIVE = "live"
    STATIC = "static"
    """Nothing moves, and the page's heartbeat says that it is alive."""
    LOST = "lost"
    """No heartbeat and no packet for `limits.DEAD_PEER_S`."""
    TOO_LARGE = "too_large"
    """What comes is larger than we take; `ShareFigures` tells its size."""


@dataclass(frozen=True, slots=True)
class AnswerReady:
    """The answer to an offer, to be signalled back under the same epoch."""

    peer: PeerKey
    epoch: int
    sdp: str


@dataclass(frozen=True, slots=True)
class OfferReady:
    """Our offer to a hub, to be signalled to it under the same epoch."""

    peer: PeerKey
    epoch: int
    sdp: str


@dataclass(frozen=True, slots=True)
class OfferRejected:
    """An offer that the engine cannot work with (malformed, wrong media lines, stale)."""

    peer: PeerKey
    epoch: int
    reason: str


@dataclass(frozen=True, slots=True)
class PeerConnected:
    """ICE and DTLS are through."""

    peer: PeerKey
    epoch: int


@dataclass(frozen=True, slots=True)
class PeerLost:
    """The connection is dead; only a fresh offer helps."""

    peer: PeerKey
    epoch: int


@dataclass(frozen=True, slots=True)
class ShareFigures:
    """Figures of one peer's share, every second while it is connected, and at once when `liveness` changes."""

    peer: PeerKey
    liveness: Liveness
    fps: float
    age_ms: float
    kilobytes_per_s: float
    width: int
    height: int
    loss: float
    since_last_sign_s: float
    dropped: int = 0
    """Datagrams dropped unread so far, as the peer sent more than its share of our time."""


@dataclass(frozen=True, slots=True)
class CameraFigures:
    """Figures of the camera of `peer`, every second while it is handed to this app."""

    peer: PeerKey
    """Whose camera it is, whichever connection its pictures come on."""
    liveness: Liveness
    fps: float
    kilobytes_per_s: float
    width: int
    height: int
    paused: bool = False
    """Whether it is not sent here for now, since the line has just enough room for the shared screen."""


@dataclass(frozen=True, slots=True)
class Drawn:
    """Somebody draws over the share; `peer` is the drawer (with an empty participant id: the hub clears all)."""

    peer: PeerKey
    message: DrawMessage


@dataclass(frozen=True, slots=True)
class ShowFigures:
    """Figures of this app's own share, about once a second and when something about it changes."""

    peer: PeerKey
    """This app's own participant."""
    fps: float
    kilobytes_per_s: float
    width: int
    height: int
    viewers: int
    is_hidden: bool = False
    """Whether the window that is shown is minimised, so that viewers keep its last picture."""


@dataclass(frozen=True, slots=True)
class ShowEnded:
    """This app's own share ended by itself: its source is gone or cannot be looked at; `code` of `AppCode`."""

    peer: PeerKey
    code: str


@dataclass(frozen=True, slots=True)
class EngineFailed:
    """The media thread itself failed; the app goes on without pictures."""

    reason: str


@dataclass(frozen=True, slots=True)
class VoiceLevels:
    """How loud everybody in a call was in the last 100 ms, 0 to 1; told while the call runs."""

    session_id: str
    people: dict[str, float]
    """By participant; who is not in it said nothing. A guest hears all others as one: the hub."""
    here: float
    """What this computer's microphone says."""


@dataclass(frozen=True, slots=True)
class VoiceTrouble:
    """Something is wrong with the microphone or the speaker; the call goes on without it."""

    session_id: str
    trouble: Trouble


class RecordingTrouble(Enum):
    """Why a recording ended by itself."""

    DISK_FULL = "disk_full"
    NOT_WRITABLE = "not_writable"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class RecordingPlan:
    """What is to be recorded where."""

    path: Path
    """Of the finished file; until then `.part` stands behind its name."""
    title: str
    started_at: int
    """Milliseconds since 1970."""
    tags: dict[str, str] = field(default_factory=dict)
    """What the file says of itself, by names in capitals."""


@dataclass(frozen=True, slots=True)
class RecordingRuns:
    """A recording is being written; told every second."""

    session_id: str
    seconds: float
    bytes: int


@dataclass(frozen=True, slots=True)
class RecordingOver:
    """A recording has ended, and its file is whole; `path` is None if there was nothing in it, or not even a file."""

    session_id: str
    path: Path | None
    seconds: float
    bytes: int
    trouble: RecordingTrouble | None = None
    """Set when it ended by itself."""


@dataclass(frozen=True, slots=True)
class RecordingUnwanted:
    """A participant says on his connection that he wants no recording any more; whether he may is not the engine's."""

    peer: PeerKey


RecordingEvent = RecordingRuns | RecordingOver
MediaEvent = (
    AnswerReady
    | OfferReady
    | OfferRejected
    | PeerConnected
    | PeerLost
    | ShareFigures
    | CameraFigures
    | VoiceLevels
    | VoiceTrouble
    | Drawn
    | ShowFigures
    | ShowEnded
    | EngineFailed
    | RecordingRuns
    | RecordingOver
    | RecordingUnwanted
)


class MediaEngine(Protocol):
    """Runs in a thread of its own. Commands may be called from the thread that called `start`, and return at once."""

    def start(self, listener: Callable[[MediaEvent], None]) -> None:
        """Start the thread; `listener` is called on the asyncio loop that runs in the calling thread."""

    def take_offer(self, peer: PeerKey, epoch: int, sdp: str, ice_servers: tuple[IceServer, ...]) -> None:
        """Answer an offer; ends in `AnswerReady` or `OfferRejected`. The peer's older connection closes then."""

    def join(self, peer: PeerKey, epoch: int, ice_servers: tuple[IceServer, ...]) -> None:
        """Offer a connection to the hub that `peer` is; ends in `OfferReady`, or `OfferRejected` for a stale epoch.

        What the hub hands on of others' shares comes to the mailbox of `peer`.
        """

    def take_answer(self, peer: PeerKey, epoch: int, sdp: str) -> None:
        """Go on with that hub's answer; one of another epoch is dropped."""

    def set_audience(self, publisher: PeerKey, viewers: Collection[PeerKey]) -> None:
        """Hand that participant's share on to these and nobody else; with none it costs nothing."""

    def set_cameras(
        self,
        session_id: str,
        cameras: Mapping[str, Collection[str]],
        own: str | None = None,
        *,
        visible: bool = True,
    ) -> None:
        """Say whose cameras run in a session, and who may see each: all other pictures of cameras are dropped unread.

        Args:
            session_id: of the session.
            cameras: participants whose cameras run → those to whom this app hands them on, if it is the hub.
            own: which of them is this app's own.
            visible: whether the rep can see them now; what nobody sees is asked for next to nothing.
        """

    def camera_mailbox(self, peer: PeerKey | None) -> FrameMailbox:
        """The mailbox of that participant's camera; None: of this app's own, as it is before it is mirrored."""

    def camera_slot(self) -> CameraSlot:
        """Where the camera port puts the pictures of this app's own camera."""

    def set_drawing(self, session_id: str, drawers: Collection[str], viewers: Collection[str]) -> None:
        """Say which participants draw over the share, and which see it; what anybody else draws is dropped."""

    def draw(self, drawer: PeerKey, message: DrawMessage) -> None:
        """Draw as this app's own rep: it goes to everybody who sees the drawing."""

    def add_candidate(self, peer: PeerKey, epoch: int, candidate: Candidate) -> None:
        """Add a trickled candidate; one of another epoch is dropped."""

    def set_relay_only(self, who: str, wanted: bool) -> None:
        """Whether `who` (`site` or `rep`) wants media to go through TURN only; it holds for connections to come."""

    def say(self, peer: PeerKey, message: ChannelMessage) -> None:
        """Say something on that participant's data channel, once it is open; dropped where there is no connection."""

    def close_peer(self, peer: PeerKey) -> None:
        """Close the connection to one participant, without an event."""

    def hand_over(self, session_id: str) -> None:
        """Another is the centre now: end all of a session but the sound, which its connections carry until new ones
        are up, for 10 s at most (B-9.5)."""

    def close_session(self, session_id: str) -> None:
        """Close all connections of a session and drop its mailboxes."""

    def set_visible(self, peer: PeerKey, visible: bool) -> None:
        """Full rate for a picture on screen, 2 fps and 300 kbit/s for a hidden one; a fresh frame on showing."""

    def share_ended(self, peer: PeerKey) -> None:
        """The share is over: forget its frames; the connection stays for the next one."""

    def begin_show(self, peer: PeerKey, source: Shareable, *, paused: bool = False) -> None:
        """Show a screen or window as `peer`, this app's own participant, in place of what it showed before; who sees
        it is `set_audience`'s. With `paused` nothing of it leaves before `pause_show` lets it. Figures come as
        `ShowFigures`, an end by itself as `ShowEnded`."""

    def pause_show(self, peer: PeerKey, paused: bool) -> None:
        """Hold our own share, or go on with it; nothing that is on the screen after this call leaves."""

    def stop_show(self, peer: PeerKey) -> None:
        """Show nothing more, at once."""

    def start_recording(self, session_id: str, plan: RecordingPlan) -> None:
        """Record that session to a file; ends in `RecordingOver`. One that records already goes on as it is."""

    def record_share(self, session_id: str, publisher: PeerKey | None) -> None:
        """Whose share is recorded while it is connected: whoever shows something now; None for nobody."""

    def mark_recording(self, session_id: str, text: str) -> None:
        """Put a chapter here; without a recording nothing happens."""

    def stop_recording(self, session_id: str) -> None:
        """End the recording of that session; without one nothing happens."""

    def mailbox(self, peer: PeerKey) -> FrameMailbox:
        """The mailbox of that peer's share; made on first use."""

    def set_call(self, session_id: str, peers: Collection[PeerKey], *, here: bool) -> None:
        """Say who is in that session's call: these participants and, with `here`, this computer; with nobody it ends.

        At the hub all who joined; at a guest's the hub. This computer is in one call at a time: the last one named.
        """

    def set_muted(self, muted: bool) -> None:
        """Let nothing of this computer's microphone be heard, or let it again."""

    def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now. May take a moment: call it in a thread."""

    def use_audio(self, microphone: str, speaker: str) -> None:
        """Use these devices (ids of `AudioDevice`, empty: the system's choice) from now on."""

    async def aclose(self) -> None:
        """Close every connection and end the thread, within 3 s."""
