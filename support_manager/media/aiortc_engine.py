"""The media engine on aiortc: hands commands to the media thread and events back to the caller's loop.

Importing this module imports neither aiortc nor av: both are imported inside the thread.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import structlog

from support_manager.media.camera import CameraSlot
from support_manager.media.engine import EngineFailed, MediaEvent, PeerKey, RecordingPlan
from support_manager.media.frame_box import FrameBox
from support_manager.media.screens import Gate, Shareable
from support_manager.media.thread import MediaThread
from support_manager.media.voice.ports import AudioDevice, AudioPorts
from support_manager.protocol.channel import ChannelMessage, DrawMessage
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer

if TYPE_CHECKING:
    from support_manager.media.hub import Hub

log = structlog.get_logger(__name__)


class AiortcEngine:
    """Implements `support_manager.media.engine.MediaEngine`.

    Args:
        audio: the microphone and the speaker; None: this app is in no call itself.
    """

    def __init__(self, audio: AudioPorts | None = None) -> None:
        self._audio = audio
        self._thread: MediaThread[Hub] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._listener: Callable[[MediaEvent], None] | None = None
        self._boxes: dict[PeerKey, FrameBox] = {}
        self._cameras: dict[PeerKey, FrameBox] = {}
        self._own_camera = FrameBox("own camera")
        self._slot = CameraSlot()
        self._gates: dict[PeerKey, Gate] = {}

    def start(self, listener: Callable[[MediaEvent], None]) -> None:
        """Start the thread; call it on the loop where `listener` is to be called.

        Raises:
            RuntimeError: if it was started before.
        """
        if self._thread is not None:
            raise RuntimeError("the media engine was started before")
        self._loop = asyncio.get_running_loop()
        self._listener = listener
        self._thread = MediaThread(self._make, lambda reason: self._emit(EngineFailed(reason)))
        self._thread.start()

    async def _make(self) -> Hub:
        from support_manager.media.hub import Hub

        return Hub(self._emit, self._slot, self._own_camera, self._audio)

    def _emit(self, event: MediaEvent) -> None:
        loop = self._loop
        if loop is None:
            return
        try:
            loop.call_soon_threadsafe(self._deliver, event)
        except RuntimeError:
            log.debug("media event dropped, the loop has closed")

    def _deliver(self, event: MediaEvent) -> None:
        if self._listener is not None:
            self._listener(event)

    def _call(self, command: Callable[[Hub], None]) -> None:
        if self._thread is not None:
            self._thread.call(command)

    def take_offer(self, peer: PeerKey, epoch: int, sdp: str, ice_servers: tuple[IceServer, ...]) -> None:
        """Answer an offer; ends in `AnswerReady` or `OfferRejected`."""
        box = self._box(peer)
        self._call(lambda hub: hub.take_offer(peer, epoch, sdp, ice_servers, box))

    def join(self, peer: PeerKey, epoch: int, ice_servers: tuple[IceServer, ...]) -> None:
        """Offer a connection to the hub that `peer` is; ends in `OfferReady`, or `OfferRejected` for a stale epoch."""
        box = self._box(peer)
        self._call(lambda hub: hub.join(peer, epoch, ice_servers, box))

    def take_answer(self, peer: PeerKey, epoch: int, sdp: str) -> None:
        """Go on with that hub's answer; one of another epoch is dropped."""
        self._call(lambda hub: hub.take_answer(peer, epoch, sdp))

    def set_audience(self, publisher: PeerKey, viewers: Collection[PeerKey]) -> None:
        """Hand that participant's share on to these and nobody else; with none it costs nothing."""
        wanted = frozenset(viewers)
        self._call(lambda hub: hub.set_audience(publisher, wanted))

    def set_cameras(
        self,
        session_id: str,
        cameras: Mapping[str, Collection[str]],
        own: str | None = None,
        *,
        visible: bool = True,
    ) -> None:
        """Say whose cameras run in a session, and who may see each."""
        for key in [key for key in self._cameras if key.session_id == session_id]:
            if key.participant_id not in cameras:
                self._cameras.pop(key).close()
        wanted = {
            owner: (self._camera_box(PeerKey(session_id, owner)), frozenset(viewers))
            for owner, viewers in cameras.items()
        }
        self._call(lambda hub: hub.set_cameras(session_id, wanted, own, visible=visible))

    def camera_mailbox(self, peer: PeerKey | None) -> FrameBox:
        """The mailbox of that participant's camera; None: of this app's own."""
        return self._own_camera if peer is None else self._camera_box(peer)

    def camera_slot(self) -> CameraSlot:
        """Where the camera port puts the pictures of this app's own camera."""
        return self._slot

    def _camera_box(self, peer: PeerKey) -> FrameBox:
        box = self._cameras.get(peer)
        if box is None:
            box = self._cameras[peer] = FrameBox(f"camera {peer.session_id}/{peer.participant_id}")
        return box

    def set_drawing(self, session_id: str, drawers: Collection[str], viewers: Collection[str]) -> None:
        """Say which participants draw over the share, and which see it."""
        draw, see = frozenset(drawers), frozenset(viewers)
        self._call(lambda hub: hub.set_drawing(session_id, draw, see))

    def draw(self, drawer: PeerKey, message: DrawMessage) -> None:
        """Draw as this app's own rep."""
        self._call(lambda hub: hub.draw(drawer, message))

    def add_candidate(self, peer: PeerKey, epoch: int, candidate: Candidate) -> None:
        """Add a trickled candidate; one of another epoch is dropped."""
        self._call(lambda hub: hub.add_candidate(peer, epoch, candidate))

    def set_relay_only(self, who: str, wanted: bool) -> None:
        """Whether `who` (`site` or `rep`) wants media to go through TURN only; it holds for connections to come."""
        self._call(lambda hub: hub.set_relay_only(who, wanted))

    def say(self, peer: PeerKey, message: ChannelMessage) -> None:
        """Say something on that participant's data channel, once it is open; dropped where there is no connection."""
        self._call(lambda hub: hub.say(peer, message))

    def close_peer(self, peer: PeerKey) -> None:
        """Close the connection to one participant, without an event."""
        self._call(lambda hub: hub.close_peer(peer))

    def hand_over(self, session_id: str) -> None:
        """Another is the centre now: end all of a session but the sound, which its connections carry until new ones
        are up, for 10 s at most (B-9.5)."""
        self._call(lambda hub: hub.hand_over(session_id))
        self._drop_cameras(session_id)

    def close_session(self, session_id: str) -> None:
        """Close all connections of a session and drop its mailboxes."""
        self._call(lambda hub: hub.close_session(session_id))
        for peer in [peer for peer in self._boxes if peer.session_id == session_id]:
            self._boxes.pop(peer).close()
        self._drop_cameras(session_id)

    def _drop_cameras(self, session_id: str) -> None:
        for peer in [peer for peer in self._cameras if peer.session_id == session_id]:
            self._cameras.pop(peer).close()

    def set_visible(self, peer: PeerKey, visible: bool) -> None:
        """Full rate for a picture on screen, 2 fps and 300 kbit/s for a hidden one; a fresh frame on showing."""
        box = self._box(peer)
        self._call(lambda hub: hub.set_visible(peer, visible, box))

    def share_ended(self, peer: PeerKey) -> None:
        """The share is over: forget its frames; the connection stays for the next one."""
        box = self._boxes.get(peer)
        if box is not None:
            box.clear()
        self._call(lambda hub: hub.share_ended(peer))

    def set_call(self, session_id: str, peers: Collection[PeerKey], *, here: bool) -> None:
        """Say who is in that session's call; see `MediaEngine.set_call`."""
        wanted = frozenset(peers)
        self._call(lambda hub: hub.voice.set_call(session_id, wanted, here=here))

    def set_muted(self, muted: bool) -> None:
        """Let nothing of this computer's microphone be heard, or let it again."""
        self._call(lambda hub: hub.voice.set_muted(muted))

    def audio_devices(self) -> tuple[tuple[AudioDevice, ...], tuple[AudioDevice, ...]]:
        """The microphones and the speakers there are now; call it in a thread."""
        return ((), ()) if self._audio is None else self._audio.devices()

    def use_audio(self, microphone: str, speaker: str) -> None:
        """Use these devices from now on."""
        self._call(lambda hub: hub.voice.use_devices(microphone, speaker))

    def begin_show(self, peer: PeerKey, source: Shareable, *, paused: bool = False) -> None:
        """Show a screen or window as `peer`, in place of what it showed before; see `MediaEngine.begin_show`."""
        gate = self._gates[peer] = Gate()
        gate.closed = paused
        self._call(lambda hub: hub.shows.show(peer, source, gate))

    def pause_show(self, peer: PeerKey, paused: bool) -> None:
        """Hold our own share, or go on with it; nothing that is on the screen after this call leaves."""
        if peer in self._gates:
            self._gates[peer].closed = paused

    def stop_show(self, peer: PeerKey) -> None:
        """Show nothing more, at once."""
        gate = self._gates.pop(peer, None)
        if gate is not None:
            gate.closed = True
        self._call(lambda hub: hub.shows.stop(peer))

    def start_recording(self, session_id: str, plan: RecordingPlan) -> None:
        """Record that session to a file; ends in `RecordingOver`."""
        self._call(lambda hub: hub.recordings.start(session_id, plan))

    def record_share(self, session_id: str, publisher: PeerKey | None) -> None:
        """Whose share is recorded while it is connected; None for nobody."""
        self._call(lambda hub: hub.recordings.share(session_id, publisher))

    def mark_recording(self, session_id: str, text: str) -> None:
        """Put a chapter here; without a recording nothing happens."""
        self._call(lambda hub: hub.recordings.mark(session_id, text))

    def stop_recording(self, session_id: str) -> None:
        """End the recording of that session; without one nothing happens."""
        self._call(lambda hub: hub.recordings.stop(session_id))

    def mailbox(self, peer: PeerKey) -> FrameBox:
        """The mailbox of that peer's share; made on first use."""
        return self._box(peer)

    def _box(self, peer: PeerKey) -> FrameBox:
        box = self._boxes.get(peer)
        if box is None:
            box = self._boxes[peer] = FrameBox(f"{peer.session_id}/{peer.participant_id}")
        return box

    async def aclose(self) -> None:
        """Close every connection and end the thread, within 3 s. No event comes after it."""
        thread, self._thread = self._thread, None
        self._listener = None
        if thread is not None:
            await thread.aclose()
        self._slot.close()
        for box in (*self._boxes.values(), *self._cameras.values(), self._own_camera):
            box.close()
        self._boxes.clear()
        self._cameras.clear()
