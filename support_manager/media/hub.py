"""The star's centre inside the media thread: one slot per participant, its connections by epoch, commands, events."""

import asyncio
import time
from collections.abc import Callable

import structlog

from support_manager.media.connection import HubConnection
from support_manager.media.engine import (
    AnswerReady,
    MediaEvent,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
)
from support_manager.media.frame_box import FrameBox
from support_manager.media.negotiation import OfferError, parse_offer
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

OVERLAP_S = 10.0
"""How long the connection of an older epoch lives beside one that is not up yet."""
_CLOSE_S = 2.0


class _Slot:
    """One participant: the highest epoch seen, the connection under it, and an older one that still carries."""

    def __init__(self, box: FrameBox) -> None:
        self.box = box
        self.epoch = 0
        self.newest: HubConnection | None = None
        self.older: HubConnection | None = None
        self.visible = True
        self.deadline: asyncio.TimerHandle | None = None


class Hub:
    """Answers offers and keeps the connections. Lives on the media loop; every method but `aclose` returns at once.

    Args:
        emit: takes events, from the media loop.
    """

    def __init__(self, emit: Callable[[MediaEvent], None]) -> None:
        self._emit = emit
        self._slots: dict[PeerKey, _Slot] = {}
        self._tasks = TaskOwner("media hub")
        self._closing: dict[asyncio.Task[None], HubConnection] = {}

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
        if slot is None:
            slot = self._slots[peer] = _Slot(box)
        self._make_room(slot)
        slot.epoch = epoch
        name = f"{peer.session_id}/{peer.participant_id}#{epoch}"

        def is_current() -> bool:
            return self._slots.get(peer) is slot and slot.epoch == epoch

        def answered(answer: str) -> None:
            if is_current():
                self._emit(AnswerReady(peer, epoch, answer))

        def connected() -> None:
            if is_current():
                self._drop_older(slot)
                self._emit(PeerConnected(peer, epoch))

        def lost(reason: str) -> None:
            self._lost(peer, slot, epoch, connection, reason)

        def figures(of: HubConnection) -> None:
            if is_current() or of is slot.older:
                self._emit(of.meter.figures(peer, time.monotonic(), of.age_ms(), of.budget.dropped))

        connection = HubConnection(
            name,
            offer,
            ice_servers,
            slot.box,
            visible=slot.visible,
            on_answer=answered,
            on_connected=connected,
            on_lost=lost,
            on_figures=figures,
        )
        slot.newest = connection
        if slot.older is not None:
            slot.deadline = asyncio.get_running_loop().call_later(OVERLAP_S, self._drop_older, slot)
        connection.start()

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
        log.info("peer lost", session=peer.session_id, participant=peer.participant_id, epoch=epoch, reason=reason)
        self._emit(PeerLost(peer, epoch))

    def _close(self, connection: HubConnection) -> None:
        task = self._tasks.spawn(connection.aclose(), name="close connection")
        self._closing[task] = connection
        task.add_done_callback(self._closing.pop)

    def add_candidate(self, peer: PeerKey, epoch: int, candidate: Candidate) -> None:
        """Add a trickled candidate to the connection of that epoch, if it is the newest."""
        slot = self._slots.get(peer)
        if slot is not None and slot.epoch == epoch and slot.newest is not None:
            slot.newest.add_candidate(candidate.candidate)

    def close_peer(self, peer: PeerKey) -> None:
        """Close a participant's connections; a later offer must still have a higher epoch."""
        slot = self._slots.get(peer)
        if slot is None:
            return
        self._drop_older(slot)
        newest, slot.newest = slot.newest, None
        if newest is not None:
            self._close(newest)

    def close_session(self, session_id: str) -> None:
        """Close all connections of a session and forget its participants."""
        for peer in [peer for peer in self._slots if peer.session_id == session_id]:
            self.close_peer(peer)
            del self._slots[peer]

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
        """Close every connection, within 2 s."""
        for peer in list(self._slots):
            self.close_peer(peer)
        self._slots.clear()
        closing = dict(self._closing)
        if closing:
            await asyncio.wait(closing, timeout=_CLOSE_S)
        for connection in closing.values():
            await connection.join_threads(0.3)
        await self._tasks.aclose(0.5)
