"""A media engine without media, for tests of what goes around it; the contract test of engines keeps it true."""

import asyncio
from collections.abc import Callable, Collection, Mapping

from support_manager.media.camera import CameraSlot
from support_manager.media.engine import (
    AnswerReady,
    CameraFigures,
    Liveness,
    MediaEvent,
    OfferReady,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    RecordingOver,
    RecordingPlan,
    ShareFigures,
    ShowEnded,
    ShowFigures,
)
from support_manager.media.frame_box import FrameBox
from support_manager.media.mailbox import FrameMailbox
from support_manager.media.screens import Shareable
from support_manager.media.voice.ports import AudioDevice
from support_manager.protocol.channel import ChannelMessage, DrawMessage
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer


class ScriptedEngine:
    """Answers each offer at once; a test says when peers connect, show something and are lost."""

    def __init__(self) -> None:
        self._listener: Callable[[MediaEvent], None] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._boxes: dict[PeerKey, FrameBox] = {}
        self.offers: list[tuple[PeerKey, int, str]] = []
        self.candidates: list[tuple[PeerKey, int, str]] = []
        self.answers: list[tuple[PeerKey, int, str]] = []
        self.audiences: dict[PeerKey, frozenset[PeerKey]] = {}
        self.cameras: dict[str, tuple[dict[str, frozenset[str]], str | None, bool]] = {}
        self._camera_boxes: dict[PeerKey | None, FrameBox] = {}
        self._slot = CameraSlot()
        self.drawing: dict[str, tuple[frozenset[str], frozenset[str]]] = {}
        self.drawn: list[tuple[PeerKey, DrawMessage]] = []
        self.ice: tuple[IceServer, ...] | None = None
        self.epochs: dict[PeerKey, int] = {}
        self.visible: dict[PeerKey, bool] = {}
        self.relay_only: dict[str, bool] = {}
        self.ended: list[PeerKey] = []
        self.shown: dict[PeerKey, Shareable] = {}
        self.held: dict[PeerKey, bool] = {}
        self.begun: list[tuple[PeerKey, bool]] = []
        """Every own share that began, and whether it was held from the first."""
        self.closed: list[PeerKey | str] = []
        self.handed_over: list[str] = []
        self.calls: dict[str, tuple[frozenset[str], bool]] = {}
        self.muted = False
        self.audio = ("", "")
        self.said: list[tuple[PeerKey, ChannelMessage]] = []
        self.is_closed = False
        self.recording: dict[str, RecordingPlan] = {}
        self.recorded: dict[str, PeerKey | None] = {}
        self.chapters: list[tuple[str, str]] = []

    def start(self, listener: Callable[[MediaEvent], None]) -> None:
        if self._loop is not None:
            raise RuntimeError("started before")
        self._loop = asyncio.get_running_loop()
        self._listener = listener

    def tell(self, event: MediaEvent) -> None:
        """Send an event as the media thread would: later, on the loop."""
        assert self._loop is not None
        self._loop.call_soon(self._deliver, event)

    def _deliver(self, event: MediaEvent) -> None:
        if self._listener is not None and not self.is_closed:
            self._listener(event)

    def take_offer(self, peer: PeerKey, epoch: int, sdp: str, ice_servers: tuple[IceServer, ...]) -> None:
        self.offers.append((peer, epoch, sdp))
        self.ice = ice_servers
        if not sdp.startswith("v=0") or epoch <= self.epochs.get(peer, 0):
            self.tell(OfferRejected(peer, epoch, "not SDP"))
            return
        self.epochs[peer] = epoch
        self.tell(AnswerReady(peer, epoch, f"v=0\r\ns=answer {epoch}\r\n"))

    def join(self, peer: PeerKey, epoch: int, ice_servers: tuple[IceServer, ...]) -> None:
        self.ice = ice_servers
        if epoch <= self.epochs.get(peer, 0):
            self.tell(OfferRejected(peer, epoch, "stale"))
            return
        self.epochs[peer] = epoch
        self.tell(OfferReady(peer, epoch, f"v=0\r\ns=offer {epoch}\r\n"))

    def take_answer(self, peer: PeerKey, epoch: int, sdp: str) -> None:
        self.answers.append((peer, epoch, sdp))

    def set_audience(self, publisher: PeerKey, viewers: Collection[PeerKey]) -> None:
        self.audiences[publisher] = frozenset(viewers)

    def set_cameras(
        self, session_id: str, cameras: Mapping[str, Collection[str]], own: str | None = None, *, visible: bool = True
    ) -> None:
        self.cameras[session_id] = ({who: frozenset(viewers) for who, viewers in cameras.items()}, own, visible)

    def camera_mailbox(self, peer: PeerKey | None) -> FrameMailbox:
        return self._camera_boxes.setdefault(peer, FrameBox())

    def camera_slot(self) -> CameraSlot:
        return self._slot

    def film(self, peer: PeerKey, liveness: Liveness = Liveness.LIVE) -> None:
        """Figures of the peer's camera."""
        self.tell(CameraFigures(peer, liveness, 20.0, 50.0, 640, 360))

    def set_drawing(self, session_id: str, drawers: Collection[str], viewers: Collection[str]) -> None:
        self.drawing[session_id] = (frozenset(drawers), frozenset(viewers))

    def draw(self, drawer: PeerKey, message: DrawMessage) -> None:
        self.drawn.append((drawer, message))

    def add_candidate(self, peer: PeerKey, epoch: int, candidate: Candidate) -> None:
        self.candidates.append((peer, epoch, candidate.candidate))

    def connect(self, peer: PeerKey) -> None:
        """The peer's connection stands."""
        self.tell(PeerConnected(peer, self.epochs[peer]))

    def lose(self, peer: PeerKey) -> None:
        """The peer's connection is dead."""
        self.tell(PeerLost(peer, self.epochs[peer]))

    def show(self, peer: PeerKey, liveness: Liveness = Liveness.LIVE) -> None:
        """Figures of the peer's share."""
        self.tell(ShareFigures(peer, liveness, 30.0, 40.0, 120.0, 1920, 1080, 0.0, 0.0))

    def set_relay_only(self, who: str, wanted: bool) -> None:
        self.relay_only[who] = wanted

    def show_own(self, peer: PeerKey, viewers: int = 1) -> None:
        """Figures of the app's own share."""
        self.tell(ShowFigures(peer, 30.0, 200.0, 1920, 1080, viewers))

    def end_own(self, peer: PeerKey, code: str) -> None:
        """The app's own share ends by itself."""
        self.shown.pop(peer, None)
        self.tell(ShowEnded(peer, code))

    def begin_show(self, peer: PeerKey, source: Shareable, *, paused: bool = False) -> None:
        self.shown[peer] = source
        self.held[peer] = paused
        self.begun.append((peer, paused))

    def pause_show(self, peer: PeerKey, paused: bool) -> None:
        self.held[peer] = paused

    def stop_show(self, peer: PeerKey) -> None:
        self.shown.pop(peer, None)

    def say(self, peer: PeerKey, message: ChannelMessage) -> None:
        self.said.append((peer, message))

    def close_peer(self, peer: PeerKey) -> None:
        self.closed.append(peer)
        self.epochs.pop(peer, None)

    def hand_over(self, session_id: str) -> None:
        self.handed_over.append(session_id)
        for peer in [peer for peer in self.epochs if peer.session_id == session_id]:
            del self.epochs[peer]

    def close_session(self, session_id: str) -> None:
        self.closed.append(session_id)

    def set_visible(self, peer: PeerKey, visible: bool) -> None:
        self.visible[peer] = visible

    def share_ended(self, peer: PeerKey) -> None:
        self.ended.append(peer)

    def set_call(self, session_id: str, peers: Collection[PeerKey], *, here: bool) -> None:
        self.calls[session_id] = (frozenset(peer.participant_id for peer in peers), here)

    def set_muted(self, muted: bool) -> None:
        self.muted = muted

    def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        return (AudioDevice("m1", "Desk microphone"),), (AudioDevice("s1", "Headset"),)

    def use_audio(self, microphone: str, speaker: str) -> None:
        self.audio = (microphone, speaker)

    def start_recording(self, session_id: str, plan: RecordingPlan) -> None:
        self.recording.setdefault(session_id, plan)

    def record_share(self, session_id: str, publisher: PeerKey | None) -> None:
        self.recorded[session_id] = publisher

    def mark_recording(self, session_id: str, text: str) -> None:
        self.chapters.append((session_id, text))

    def stop_recording(self, session_id: str) -> None:
        """As with a recording in which there was nothing."""
        if self.recording.pop(session_id, None) is not None:
            self.tell(RecordingOver(session_id, None, 1.0, 0))

    def mailbox(self, peer: PeerKey) -> FrameMailbox:
        return self._boxes.setdefault(peer, FrameBox())

    async def aclose(self) -> None:
        self.is_closed = True
