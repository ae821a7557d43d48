"""The star's centre inside the media thread: one slot per participant, its connections by epoch, commands, events."""

import asyncio
import time
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import dataclass

import structlog

from support_manager.media.camera import CameraSlot
from support_manager.media.camera_desk import CameraDesk, Shown
from support_manager.media.camera_lines import HubCameras
from support_manager.media.connection import HubConnection
from support_manager.media.drawing import Drawing
from support_manager.media.engine import (
    AnswerReady,
    Drawn,
    MediaEvent,
    OfferReady,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    RecordingUnwanted,
)
from support_manager.media.feed import Feed
from support_manager.media.frame_box import FrameBox
from support_manager.media.guest import GuestConnection
from support_manager.media.negotiation import OfferError, parse_offer
from support_manager.media.own_camera import OwnCamera
from support_manager.media.own_share import OwnShare, OwnShares
from support_manager.media.recordings import Recordings
from support_manager.media.voice.call import Member
from support_manager.media.voice.ports import AudioPorts
from support_manager.media.voice.room import VoiceRooms
from support_manager.media.ways import Ways
from support_manager.protocol.channel import ChannelMessage, DrawMessage
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

OVERLAP_S = 10.0
"""How long the connection of an older epoch lives beside one that is not up yet."""
_CLOSE_S = 2.0
_ADDRESSES_S = 1.0


class _Slot:
    """One participant: the highest epoch seen, the connection under it, and an older one that still carries."""

    def __init__(self, box: FrameBox) -> None:
        self.box = box
        self.epoch = 0
        self.newest: HubConnection | None = None
        self.older: HubConnection | None = None
        self.visible = True
        self.deadline: asyncio.TimerHandle | None = None

    @property
    def carrying(self) -> HubConnection | None:
        """The connection that is up, the newer one first."""
        return next((each for each in (self.newest, self.older) if each is not None and each.connected), None)


@dataclass(frozen=True, slots=True)
class _Calls:
    """What a connection calls back."""

    described: Callable[[str], None]
    connected: Callable[[], None]
    lost: Callable[[str], None]
    figures: Callable[[HubConnection], None]


@dataclass(slots=True)
class _Audience:
    """Who shows his screen in a session, and who sees it besides this app."""

    publisher: PeerKey
    viewers: frozenset[PeerKey]
    feed: Feed
    forwarding: HubConnection | OwnShare | None = None


class Hub:
    """Answers offers and keeps the connections. Lives on the media loop; every method but `aclose` returns at once.

    Args:
        emit: takes events, from the media loop.
        slot: where the pictures of this app's own camera come.
        own_box: where they are shown.
        audio: the microphone and the speaker, where this app has them.
    """

    def __init__(
        self,
        emit: Callable[[MediaEvent], None],
        slot: CameraSlot,
        own_box: FrameBox,
        audio: AudioPorts | None = None,
    ) -> None:
        self._emit = emit
        self.voice = VoiceRooms(self, audio, emit)
        """The calls."""
        self._camera_desks: dict[str, CameraDesk] = {}
        self._camera_slot = slot
        self._own_camera = OwnCamera(slot, own_box, asyncio.get_running_loop())
        self._slots: dict[PeerKey, _Slot] = {}
        self._tasks = TaskOwner("media hub")
        self._closing: dict[asyncio.Task[None], HubConnection] = {}
        self._audiences: dict[str, _Audience] = {}
        self._ways = Ways()
        _ = self._tasks.spawn(self._watch_addresses(), name="addresses")
        self._drawings: dict[str, Drawing] = {}
        self._passing: dict[str, asyncio.TimerHandle] = {}
        """When the sound of sessions whose control has moved on ends."""
        self.shows = OwnShares(emit, self._route)
        self.recordings = Recordings(emit, self._source, self.voice)

    def take_offer(
        self, peer: PeerKey, epoch: int, sdp: str, ice_servers: tuple[IceServer, ...], box: FrameBox
    ) -> None:
        """Answer an offer if it is newer than all before; the older connection stays until the new one is up."""
        slot = self._slots.get(peer)
        if slot is not None and epoch <= slot.epoch:
            self._emit(OfferRejected(peer, epoch, "stale"))
            return
        try:
            offer = parse_offer(sdp)
        except OfferError as error:
            self._emit(OfferRejected(peer, epoch, str(error)))
            return

        def make(slot: _Slot, name: str, calls: _Calls) -> HubConnection:
            return HubConnection(
                name,
                offer,
                ice_servers,
                slot.box,
                visible=slot.visible,
                ways=self._ways,
                on_answer=calls.described,
                on_connected=calls.connected,
                on_lost=calls.lost,
                on_figures=calls.figures,
            )

        self._connect(peer, epoch, box, AnswerReady, make)

    def join(self, peer: PeerKey, epoch: int, ice_servers: tuple[IceServer, ...], box: FrameBox) -> None:
        """Offer a connection to the hub that `peer` is; the older connection stays until the new one is up."""
        slot = self._slots.get(peer)
        if slot is not None and epoch <= slot.epoch:
            self._emit(OfferRejected(peer, epoch, "stale"))
            return

        def make(slot: _Slot, name: str, calls: _Calls) -> HubConnection:
            return GuestConnection(
                name,
                ice_servers,
                slot.box,
                visible=slot.visible,
                ways=self._ways,
                on_offer=calls.described,
                on_connected=calls.connected,
                on_lost=calls.lost,
                on_figures=calls.figures,
            )

        self._connect(peer, epoch, box, OfferReady, make)

    def take_answer(self, peer: PeerKey, epoch: int, sdp: str) -> None:
        """Go on with a hub's answer to the newest offer; one that cannot be used ends that connection."""
        slot = self._slots.get(peer)
        connection = None if slot is None or slot.epoch != epoch else slot.newest
        if slot is None or not isinstance(connection, GuestConnection):
            return
        try:
            connection.take_answer(sdp)
        except OfferError as error:
            self._lost(peer, slot, epoch, connection, str(error))

    def _connect(
        self,
        peer: PeerKey,
        epoch: int,
        box: FrameBox,
        ready: Callable[[PeerKey, int, str], MediaEvent],
        make: Callable[[_Slot, str, _Calls], HubConnection],
    ) -> None:
        slot = self._slots.get(peer)
        if slot is None:
            slot = self._slots[peer] = _Slot(box)
        self._make_room(slot)
        slot.epoch = epoch
        name = f"{peer.session_id}/{peer.participant_id}#{epoch}"

        def is_current() -> bool:
            return self._slots.get(peer) is slot and slot.epoch == epoch

        def described(sdp: str) -> None:
            if is_current():
                self._emit(ready(peer, epoch, sdp))

        def connected() -> None:
            if is_current():
                self._drop_older(slot)
                self._route(peer.session_id)
                self._emit(PeerConnected(peer, epoch))

        def lost(reason: str) -> None:
            self._lost(peer, slot, epoch, connection, reason)

        def figures(of: HubConnection) -> None:
            if (is_current() or of is slot.older) and not of.is_voice_only:
                self._emit(of.meter.figures(peer, time.monotonic(), of.age_ms(), of.budget.dropped))
                self._look_at_cameras(peer, of)

        connection = make(slot, name, _Calls(described, connected, lost, figures))
        connection.on_stop_recording = lambda: self._emit(RecordingUnwanted(peer))
        connection.on_drawn = lambda message: self._drawn(peer, connection, message)
        connection.on_open = lambda: self._opened(peer)
        slot.newest = connection
        if slot.older is not None:
            slot.deadline = asyncio.get_running_loop().call_later(OVERLAP_S, self._drop_older, slot)
        connection.start()

    def set_relay_only(self, who: str, wanted: bool) -> None:
        """Whether `who` wants media to go through TURN only; it holds for connections to come."""
        self._ways.set_relay_only(who, wanted)

    async def _watch_addresses(self) -> None:
        """A cable, a Wi-Fi, a VPN came or went: connections from an address that is gone are made anew at once."""
        while True:
            present = self._ways.have_changed()
            for slot in list(self._slots.values()) if present is not None else ():
                for connection in (slot.older, slot.newest):
                    if connection is not None:
                        connection.addresses_changed(present or frozenset())
            await asyncio.sleep(_ADDRESSES_S)

    def set_audience(self, publisher: PeerKey, viewers: Iterable[PeerKey]) -> None:
        """Say who sees that participant's share besides this app; nobody else of the session does."""
        session_id = publisher.session_id
        wanted = frozenset(viewers) - {publisher}
        audience = self._audiences.get(session_id)
        if audience is None:
            if not wanted:
                return
            audience = _Audience(publisher, wanted, _make_feed())
            self._audiences[session_id] = audience
        audience.publisher, audience.viewers = publisher, wanted
        self._route(session_id)

    def set_cameras(self, session_id: str, shown: Shown, own: str | None, *, visible: bool) -> None:
        """Say whose cameras run in a session, where they are shown, and who may see each."""
        desk = self._camera_desks.get(session_id)
        if desk is None:
            if not shown:
                return
            desk = self._camera_desks[session_id] = CameraDesk(session_id, _make_feed)
        desk.set(shown, own, visible=visible)
        self._route_cameras(session_id)

    def _route_cameras(self, session_id: str) -> None:
        desk = self._camera_desks.get(session_id)
        if desk is None:
            return
        desk.route(
            {
                peer.participant_id: slot.carrying
                for peer, slot in self._slots.items()
                if peer.session_id == session_id and slot.carrying is not None
            },
            self._own_camera,
        )
        self._own_camera.serve([each.own_feed for each in self._camera_desks.values() if each.own_feed is not None])

    def _look_at_cameras(self, peer: PeerKey, connection: HubConnection) -> None:
        """About once a second: tell how its cameras arrive, and whether its line has room for any."""
        desk = self._camera_desks.get(peer.session_id)
        if desk is None:
            return
        now = time.monotonic()
        for figures in desk.figures(peer.participant_id, connection, now):
            self._emit(figures)
        down, cameras = connection.down, connection.cameras
        if isinstance(cameras, HubCameras):
            share_bps = down.bits_per_s if down is not None and down.is_fed is not None and down.is_fed(now) else None
            troubled_at = max(cameras.troubled_at, down.troubled_at if down is not None else float("-inf"))
            if cameras.room.look(share_bps, now, troubled_at):
                self._route_cameras(peer.session_id)

    def _route(self, session_id: str) -> None:
        """Bring who forwards, who gets it and what is recorded into line with what is connected."""
        self._route_cameras(session_id)
        self.recordings.route(session_id)
        audience = self._audiences.get(session_id)
        if audience is None:
            return
        lines = []
        for peer in audience.viewers:
            slot = self._slots.get(peer)
            connection = slot.carrying if slot is not None else None
            if connection is not None and connection.down is not None and connection.down.can_send:
                lines.append(connection.down)
        source = self._source(audience.publisher) if lines else None
        former, audience.forwarding = audience.forwarding, source
        if former is not None and former is not source:
            former.forward_to(None)
        audience.feed.connect(None if source is None else source.share, lines)
        if source is not None:
            source.forward_to(audience.feed)

    def voices(self, session_id: str, peers: Collection[PeerKey]) -> dict[Hashable, Member]:
        """The voice lines to these participants that carry now."""
        found: dict[Hashable, Member] = {}
        for peer in peers:
            slot = self._slots.get(peer)
            connection = slot.carrying if slot is not None else None
            if connection is not None:
                found[peer] = connection.voice
        return found

    # -- drawing

    def set_drawing(self, session_id: str, drawers: Iterable[str], viewers: Iterable[str]) -> None:
        """Say which participants of a session draw over its share, and which see it."""
        for by, message in self._drawing_of(session_id).allow(frozenset(drawers), frozenset(viewers)):
            self._emit(Drawn(PeerKey(session_id, by), message))

    def _drawing_of(self, session_id: str) -> Drawing:
        drawing = self._drawings.get(session_id)
        if drawing is None:
            drawing = Drawing(
                lambda who, message: self._hand(PeerKey(session_id, who), message),
                time.monotonic,
                asyncio.get_running_loop().call_later,
            )
            self._drawings[session_id] = drawing
        return drawing

    def draw(self, drawer: PeerKey, message: DrawMessage) -> None:
        """Draw as this app's own rep."""
        drawing = self._drawings.get(drawer.session_id)
        if drawing is not None:
            drawing.take(drawer.participant_id, message)

    def _hand(self, peer: PeerKey, message: DrawMessage) -> bool:
        slot = self._slots.get(peer)
        connection = slot.carrying if slot is not None else None
        return connection is None or connection.say(message)  # who is not there gets all of it when he is

    def _drawn(self, peer: PeerKey, connection: HubConnection, message: DrawMessage) -> None:
        if isinstance(connection, GuestConnection):
            self._emit(Drawn(PeerKey(peer.session_id, message.by or ""), message))
            return
        if peer in self._slots and self._drawing_of(peer.session_id).take(peer.participant_id, message):
            self._emit(Drawn(peer, message))

    def _opened(self, peer: PeerKey) -> None:
        drawing = self._drawings.get(peer.session_id)
        if drawing is not None:
            drawing.came(peer.participant_id)

    def _source(self, publisher: PeerKey) -> HubConnection | OwnShare | None:
        slot = self._slots.get(publisher)
        return self.shows.get(publisher) or (slot.carrying if slot is not None else None)

    def _make_room(self, slot: _Slot) -> None:
        """At most two connections a peer: what is up stays for a while, what never came up goes."""
        newest, slot.newest = slot.newest, None
        if newest is None:
            return
        if newest.connected:
            self._drop_older(slot)
            slot.older = newest
        else:
            self._close(newest)

    def _drop_older(self, slot: _Slot) -> None:
        older, slot.older = slot.older, None
        if slot.deadline is not None:
            slot.deadline.cancel()
            slot.deadline = None
        if older is not None:
            self._close(older)

    def _lost(self, peer: PeerKey, slot: _Slot, epoch: int, connection: HubConnection, reason: str) -> None:
        if slot.older is connection:
            self._drop_older(slot)
        else:
            self._close(connection)
        if slot.newest is not connection or self._slots.get(peer) is not slot:
            return
        slot.newest = None
        if connection.is_voice_only:
            return  # nobody counts on it any more
        self._route(peer.session_id)
        log.info("peer lost", session=peer.session_id, participant=peer.participant_id, epoch=epoch, reason=reason)
        self._emit(PeerLost(peer, epoch))
        drawing = self._drawings.get(peer.session_id)
        if drawing is not None:
            drawing.lost(peer.participant_id)

    def _close(self, connection: HubConnection) -> None:
        task = self._tasks.spawn(connection.aclose(), name="close connection")
        self._closing[task] = connection
        task.add_done_callback(self._closing.pop)

    def add_candidate(self, peer: PeerKey, epoch: int, candidate: Candidate) -> None:
        """Add a trickled candidate to the connection of that epoch, if it is the newest."""
        slot = self._slots.get(peer)
        if slot is not None and slot.epoch == epoch and slot.newest is not None:
            slot.newest.add_candidate(candidate.candidate)

    def say(self, peer: PeerKey, message: ChannelMessage) -> None:
        """Say something on that participant's data channel, over the connection that carries or is about to."""
        slot = self._slots.get(peer)
        connection = None if slot is None else slot.carrying or slot.newest
        if connection is not None:
            connection.say_soon(message)

    def close_peer(self, peer: PeerKey) -> None:
        """Close a participant's connections; a later offer must still have a higher epoch."""
        slot = self._slots.get(peer)
        if slot is None:
            return
        self._drop_older(slot)
        newest, slot.newest = slot.newest, None
        if newest is not None:
            self._close(newest)
        self._route(peer.session_id)

    def hand_over(self, session_id: str) -> None:
        """Another is the centre now: only the sound goes on over what is connected, until there is something newer.

        With it a call has no gap while everybody connects to the new centre. Epochs begin anew: the next ones come from
        another clock.
        """
        self._end_all_but_voice(session_id)
        passing: set[HubConnection] = set()
        for slot in [slot for peer, slot in self._slots.items() if peer.session_id == session_id]:
            slot.epoch = 0
            slot.box.clear()
            if slot.newest is not None and not slot.newest.connected:
                self._close(slot.newest)
                slot.newest = None
            for connection in (slot.older, slot.newest):
                if connection is not None:
                    connection.only_voice()
                    passing.add(connection)
        self._forget_passing(session_id)
        if passing:
            self._passing[session_id] = asyncio.get_running_loop().call_later(
                OVERLAP_S, self._passed, session_id, frozenset(passing)
            )

    def _passed(self, session_id: str, connections: frozenset[HubConnection]) -> None:
        self._forget_passing(session_id)
        for slot in [slot for peer, slot in self._slots.items() if peer.session_id == session_id]:
            if slot.older in connections:
                self._drop_older(slot)
            if slot.newest is not None and slot.newest in connections:
                self._close(slot.newest)
                slot.newest = None

    def _forget_passing(self, session_id: str) -> None:
        timer = self._passing.pop(session_id, None)
        if timer is not None:
            timer.cancel()

    def close_session(self, session_id: str) -> None:
        """Close all connections of a session and forget its participants."""
        self.voice.forget(session_id)
        self._forget_passing(session_id)
        self._end_all_but_voice(session_id)
        for peer in [peer for peer in self._slots if peer.session_id == session_id]:
            self.close_peer(peer)
            del self._slots[peer]

    def _end_all_but_voice(self, session_id: str) -> None:
        audience = self._audiences.pop(session_id, None)
        if audience is not None:
            audience.feed.connect(None, [])
            if audience.forwarding is not None:
                audience.forwarding.forward_to(None)
        desk = self._camera_desks.pop(session_id, None)
        if desk is not None:
            desk.set({}, None, visible=False)
            desk.route({}, self._own_camera)
        drawing = self._drawings.pop(session_id, None)
        if drawing is not None:
            drawing.allow((), ())
        self.shows.stop_session(session_id)
        self.recordings.forget(session_id)

    def set_visible(self, peer: PeerKey, visible: bool, box: FrameBox) -> None:
        """Say whether anybody looks at this share; remembered for connections to come."""
        slot = self._slots.setdefault(peer, _Slot(box))
        slot.visible = visible
        for connection in (slot.older, slot.newest):
            if connection is not None:
                connection.set_visible(visible)

    def share_ended(self, peer: PeerKey) -> None:
        """Forget the frames of a share."""
        slot = self._slots.get(peer)
        if slot is not None:
            for connection in (slot.older, slot.newest):
                if connection is not None:
                    connection.share_ended()
            slot.box.clear()

    async def aclose(self) -> None:
        """Finish every recording and close every connection, within 2 s."""
        self._camera_slot.close()
        await self.voice.aclose()
        await self.shows.aclose()
        await self.recordings.aclose()
        for peer in list(self._slots):
            self.close_peer(peer)
        self._slots.clear()
        closing = dict(self._closing)
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_S)
        for connection in closing.values():
            await connection.join_threads(0.3)
        await self._tasks.aclose(0.5)


def _make_feed() -> Feed:
    loop = asyncio.get_running_loop()
    return Feed(time.monotonic, _wall_ms, loop.call_soon, loop.call_later)


def _wall_ms() -> float:
    return time.time() * 1000
