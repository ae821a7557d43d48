"""The connection of an app that assists to the controller's: offers it, keeps it up, says what its picture is worth."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress

import structlog

from support_manager.errors import SupportManagerError
from support_manager.media.engine import (
    Liveness,
    MediaEngine,
    MediaEvent,
    OfferReady,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    ShareFigures,
)
from support_manager.protocol.events import SignalReceived
from support_manager.protocol.requests import Nothing, SignalSend
from support_manager.protocol.signals import Answer, Bye, Candidate, NeedOffer, Offer
from support_manager.protocol.views import IceServer
from support_manager.session.outbox import Send
from support_manager.session.peers import NEGOTIATING_S, Peer
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

AGAIN_S = (1.0, 2.0, 4.0, 8.0)


class HubLink:
    """One session's connection to whoever is in charge, while that is somebody else.

    Args:
        session_id: of the session.
        send: to the relay.
        engine: gives the media engine, starting it at the first call.
        ice_servers: gives those of the relay.
        on_change: called after anything that the picture depends on has changed.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        engine: Callable[[], Awaitable[MediaEngine]],
        ice_servers: Callable[[], Awaitable[tuple[IceServer, ...]]],
        on_change: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._send = send
        self._engine_of = engine
        self._engine: MediaEngine | None = None
        self._ice_servers = ice_servers
        self._on_change = on_change
        self._tasks = TaskOwner(f"hub-link-{session_id}")
        self._peer: Peer | None = None
        self._former: PeerKey | None = None
        """Who was in charge before, while his connection still carries a call's sound."""
        self._visible = False
        self._is_there = False
        self._linked = False
        self._epoch = 0
        self._stirred = asyncio.Event()

    def start(self) -> None:
        """Begin to connect whenever there is somebody to connect to."""
        _ = self._tasks.spawn(self._work(), name="connect")

    @property
    def engine(self) -> MediaEngine | None:
        """The engine, once a connection was offered."""
        return self._engine

    @property
    def peer(self) -> Peer | None:
        """What is known of the connection to whoever is in charge; None while that is this app, or nobody."""
        return self._peer

    @property
    def shows(self) -> bool:
        """Whether that connection stands, or has brought a picture of the present share."""
        return self._peer is not None and (self._peer.connected or self._peer.seen)

    def follow(self, hub_id: str | None, *, is_there: bool, is_call: bool = False) -> None:
        """This participant is in charge; None: nobody is, or this app itself.

        Args:
            hub_id: of the participant.
            is_there: whether his app hangs on the relay, so that signals reach it.
            is_call: what is connected carries a call's sound until the new connection does.
        """
        came_back = is_there and not self._is_there
        self._is_there = is_there
        if hub_id != (self._peer.key.participant_id if self._peer is not None else None):
            former = self._peer
            self._peer = None if hub_id is None else Peer(PeerKey(self._session_id, hub_id))
            self._former = None
            if former is not None and self._engine is not None:
                # Either way with what the engine knows of epochs: he may offer to us next, by another clock.
                if is_call:
                    self._former = former.key
                    self._engine.hand_over(self._session_id)
                else:
                    self._engine.close_session(self._session_id)
            self._stirred.set()
        elif came_back:
            self._stirred.set()

    def went_online(self) -> None:
        """The relay is there (again)."""
        self._linked = True
        self._stirred.set()

    def went_offline(self) -> None:
        """The relay is away; what is connected stays connected."""
        self._linked = False

    def set_visible(self, visible: bool) -> None:
        """Whether the picture is on screen."""
        self._visible = visible
        if self._engine is not None and self._peer is not None:
            self._engine.set_visible(self._peer.key, visible)

    def share_over(self) -> None:
        """What was shared is over; the connection stays for the next one."""
        if self._peer is not None:
            self._peer.seen = False
            self._peer.liveness = Liveness.WAITING
            if self._engine is not None:
                self._engine.share_ended(self._peer.key)

    # --- the relay's side

    def take_signal(self, received: SignalReceived) -> None:
        """Take a signal of whoever is in charge; nobody else's counts."""
        peer, signal = self._peer, received.signal
        if peer is None or received.sender != peer.key.participant_id:
            return
        if isinstance(signal, NeedOffer):
            self._epoch = max(self._epoch, received.epoch - 1)
            peer.lose()
            self._stirred.set()
        elif received.epoch != self._epoch or self._engine is None:
            return
        elif isinstance(signal, Answer):
            self._engine.take_answer(peer.key, received.epoch, signal.sdp)
        elif isinstance(signal, Candidate):
            self._engine.add_candidate(peer.key, received.epoch, signal)
        elif isinstance(signal, Bye):
            self._engine.close_peer(peer.key)
            peer.lose()
            self._stirred.set()
            self._on_change()

    # --- the engine's side

    def take_media(self, event: MediaEvent) -> None:
        """Take an event of the engine about the connection to whoever is in charge."""
        peer = self._peer
        if peer is None or (isinstance(event, ShareFigures | OfferReady) and event.peer != peer.key):
            return
        if isinstance(event, OfferReady):
            _ = self._tasks.spawn(self._signal(peer, event.epoch, event.sdp), name="offer")
            return
        if isinstance(event, ShareFigures):
            peer.liveness = event.liveness
            peer.seen = peer.seen or event.liveness in (Liveness.LIVE, Liveness.STATIC)
        elif isinstance(event, PeerConnected) and (event.peer, event.epoch) == (peer.key, self._epoch):
            peer.connected = True
            if self._former is not None and self._engine is not None:
                # Two ways to the call at once would be heard twice.
                self._engine.close_peer(self._former)
                self._former = None
            self._stirred.set()
        elif isinstance(event, PeerLost | OfferRejected) and (event.peer, event.epoch) == (peer.key, self._epoch):
            peer.lose()
            self._stirred.set()
        self._on_change()

    def failed(self) -> None:
        """The engine is gone; the next offer starts another one."""
        self._engine = None
        if self._peer is not None:
            self._peer.lose()
            self._stirred.set()
        self._on_change()

    # --- inside

    async def _work(self) -> None:
        tries = 0
        while True:
            self._stirred.clear()
            peer = self._peer
            if peer is None or peer.connected or not self._linked or not self._is_there:
                tries = 0
                await self._stirred.wait()
                continue
            await self._offer(peer)
            await self._stirs(NEGOTIATING_S)
            if peer is self._peer and not peer.connected:
                await self._stirs(AGAIN_S[min(tries, len(AGAIN_S) - 1)])
                tries += 1

    async def _stirs(self, seconds: float) -> None:
        """Wait until something happens, or for this long."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()
        self._stirred.clear()

    async def _offer(self, peer: Peer) -> None:
        try:
            engine = self._engine = await self._engine_of()
            servers = await self._ice_servers()
        except SupportManagerError as error:
            log.warning("no connection offered", session=self._session_id, code=str(error.code))
            return
        if peer is self._peer:
            # Above every one before, whatever was forgotten by this app, the hub or the relay.
            self._epoch = max(self._epoch + 1, int(time.time() * 1000))
            engine.set_visible(peer.key, self._visible)
            engine.join(peer.key, self._epoch, servers)

    async def _signal(self, peer: Peer, epoch: int, sdp: str) -> None:
        message = SignalSend(
            session_id=self._session_id, to=peer.key.participant_id, epoch=epoch, signal=Offer(sdp=sdp)
        )
        try:
            await self._send(message, Nothing)
        except SupportManagerError as error:
            log.info("offer not delivered", session=self._session_id, code=str(error.code))

    async def aclose(self) -> None:
        """Stop connecting; what is connected stays until the engine closes the session."""
        await self._tasks.aclose(1.0)
