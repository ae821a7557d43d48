"""Media connections of one session: signals to the engine and back, epochs, and asking for a fresh offer."""

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass
from itertools import count
from time import monotonic

import structlog

from support_manager.errors import Refused, SupportManagerError
from support_manager.media.engine import (
    AnswerReady,
    EngineFailed,
    Liveness,
    MediaEngine,
    MediaEvent,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    RecordingOver,
    RecordingRuns,
    ShareFigures,
    VoiceLevels,
    VoiceTrouble,
)
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import SignalReceived
from support_manager.protocol.requests import IceGet, Nothing, SignalSend
from support_manager.protocol.signals import Answer, Bye, Candidate, NeedOffer, Offer, Signal
from support_manager.protocol.views import IceServer, IceServers
from support_manager.session.outbox import Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_ICE_S = 3.0
_HELD_SIGNALS = 256
ASK_AGAIN_S = (4.0, 8.0, 15.0, 30.0)
"""When a participant who was asked for an offer and has not connected is asked again, while he shares nothing."""
SHARING_AGAIN_S = 2.5
"""The same while he shares and the rep looks at an old picture: his page may be back any moment."""
NEGOTIATING_S = 8.0
"""How long an offer has to become a connection before another one is asked for."""
_GUESSES = 53
"""Epochs double with each guess after a restart, and end at 2^53: so these are enough for every number there is."""


@dataclass(slots=True)
class Peer:
    """What is known of the connection to one participant."""

    key: PeerKey
    epoch: int = 0
    """The highest of his offers, or that we asked for."""
    connected: bool = False
    seen: bool = False
    """Whether a picture of the running share was ever here."""
    liveness: Liveness = Liveness.WAITING
    offered_at: float = float("-inf")
    asking: asyncio.Task[None] | None = None
    is_patient: bool = False
    """Whether `asking` waits long between two tries, since nothing is shared."""

    def lose(self) -> None:
        """The connection is dead; nothing more will be heard of its picture."""
        self.connected = False
        self.liveness = Liveness.LOST if self.seen else Liveness.WAITING
        self.offered_at = float("-inf")


class Peers:
    """All media connections of one session; the participants offer, this side answers.

    Args:
        session_id: of the session.
        send: to the relay.
        engine: gives the media engine, starting it at the first call.
        is_online: says whether that participant's page hangs on the relay right now.
        is_sharing: says whether that participant's share is running.
        on_change: called after anything that the picture depends on has changed.
    """

    def __init__(
        self,
        session_id: str,
        send: Send,
        engine: Callable[[], "asyncio.Future[MediaEngine]"],
        is_online: Callable[[str], bool],
        is_sharing: Callable[[str], bool],
        on_change: Callable[[], None],
    ) -> None:
        self._session_id = session_id
        self._send = send
        self._engine_of = engine
        self._engine: MediaEngine | None = None
        self._is_online = is_online
        self._is_sharing = is_sharing
        self._on_change = on_change
        self._peers: dict[str, Peer] = {}
        self._visible: set[str] = set()
        self._signals: asyncio.Queue[SignalReceived] = asyncio.Queue(_HELD_SIGNALS)
        self._tasks = TaskOwner(f"peers-{session_id}")
        self._ice: tuple[IceServer, ...] | None = None
        self._ice_until = 0.0
        self._relay_only = False
        self._linked = False
        self._is_hub = False
        self._shower: str | None = None
        self._viewers: frozenset[str] = frozenset()
        self._drawing: tuple[frozenset[str], frozenset[str]] = (frozenset(), frozenset())

    def start(self) -> None:
        """Begin to work on signals."""
        _ = self._tasks.spawn(self._work(), name="signals")

    @property
    def engine(self) -> MediaEngine | None:
        """The engine, once a participant has offered."""
        return self._engine

    def peer(self, participant_id: str) -> Peer | None:
        """What is known of that participant's connection."""
        return self._peers.get(participant_id)

    def key(self, participant_id: str) -> PeerKey:
        """The engine's name for that participant."""
        return PeerKey(self._session_id, participant_id)

    def set_ice(self, ice: IceServers) -> None:
        """Keep ICE servers that came with a reply."""
        self._ice = ice.servers
        self._relay_only = ice.relay_only
        self._ice_until = monotonic() + ice.valid_s * 0.8 if ice.valid_s else float("inf")

    def set_hub(self, is_hub: bool, *, wanted: Collection[str] = (), is_call: bool = False) -> None:
        """Whether this app is the centre, which moves with control: every participant then connects anew.

        Those of `wanted` offer by themselves as soon as they learn of it, and are asked if they do not. With `is_call`
        what is connected carries a call's sound until the new connections do.
        """
        if is_hub is self._is_hub:
            return
        self._is_hub = is_hub
        if is_hub:
            for participant_id in wanted:
                self._ask(self._peers.setdefault(participant_id, Peer(self.key(participant_id))), at_once=False)
            return
        while not self._signals.empty():
            self._signals.get_nowait()
        for peer in self._peers.values():
            if peer.asking is not None:
                peer.asking.cancel()
        self._peers.clear()
        self._shower, self._viewers = None, frozenset()
        self._drawing = frozenset(), frozenset()
        if self._engine is None:
            return
        # Either way with what the engine knows of epochs: at the next hub they begin anew.
        if is_call:
            self._engine.hand_over(self._session_id)
        else:
            self._engine.close_session(self._session_id)

    # --- the relay's side

    def take_signal(self, received: SignalReceived) -> None:
        """Take a signal of a participant, in order; whoever is not the centre has nobody to signal with."""
        if not self._is_hub:
            return
        try:
            self._signals.put_nowait(received)
        except asyncio.QueueFull:
            log.warning("too many signals, dropped", session=self._session_id)

    def went_online(self, *, wanted: Collection[str]) -> None:
        """The relay is there (again): ask those of `wanted` who have no connection for a fresh offer, at once."""
        self._linked = True
        for participant_id in wanted if self._is_hub else ():
            peer = self._peers.setdefault(participant_id, Peer(self.key(participant_id)))
            if not peer.connected:
                peer.offered_at = float("-inf")  # the answer, if any, was lost with the relay
                self._ask(peer, afresh=True)

    def went_offline(self) -> None:
        """The relay is away; what is connected stays connected."""
        self._linked = False

    def came_back(self, participant_id: str) -> None:
        """A participant hangs on the relay again. He offers by himself; if not, he is asked after a while."""
        peer = self._peers.get(participant_id)
        if peer is not None and not peer.connected:
            self._ask(peer, at_once=False, afresh=True)

    def needed(self, participant_id: str) -> None:
        """That participant's share is running: see to it that there is a connection for it."""
        if not self._is_hub:
            return
        peer = self._peers.setdefault(participant_id, Peer(self.key(participant_id)))  # his offer may have been lost
        if not peer.connected:
            self._ask(peer, at_once=False, afresh=peer.is_patient)

    def gone(self, participant_id: str) -> None:
        """A participant is not in the session any more."""
        peer = self._peers.pop(participant_id, None)
        if peer is None:
            return
        if peer.asking is not None:
            peer.asking.cancel()
        if self._engine is not None:
            self._engine.close_peer(peer.key)

    def share_over(self, participant_id: str) -> None:
        """That participant's share ended; its connection stays for the next one."""
        peer = self._peers.get(participant_id)
        if peer is not None:
            peer.seen = False
            peer.liveness = Liveness.WAITING
            if self._engine is not None:
                self._engine.share_ended(peer.key)

    def set_visible(self, participant_id: str, visible: bool) -> None:
        """Whether that participant's picture is on screen."""
        if visible:
            self._visible.add(participant_id)
        else:
            self._visible.discard(participant_id)
        if self._engine is not None and self._is_hub:
            self._engine.set_visible(self.key(participant_id), visible)

    def set_audience(self, participant_id: str | None, viewers: frozenset[str]) -> None:
        """Say who shows his screen, and who sees it besides this app: it is handed on to these and nobody else."""
        if (participant_id, viewers) == (self._shower, self._viewers):
            return
        former, self._shower, self._viewers = self._shower, participant_id, viewers
        if self._engine is None or not self._is_hub:
            return
        if former is not None and former != participant_id:
            self._engine.set_audience(self.key(former), ())
        self._tell_audience(self._engine)

    def set_drawing(self, drawers: frozenset[str], viewers: frozenset[str]) -> None:
        """Say who draws over what is shown, and who sees it."""
        if not drawers:
            viewers = self._drawing[1]  # they are told that it is over; without drawers nobody needs to be known
        if (drawers, viewers) != self._drawing:
            self._drawing = drawers, viewers
            if self._engine is not None and self._is_hub:
                self._engine.set_drawing(self._session_id, drawers, viewers)

    def _tell_audience(self, engine: MediaEngine) -> None:
        if self._shower is not None:
            engine.set_audience(self.key(self._shower), [self.key(viewer) for viewer in self._viewers])

    async def _work(self) -> None:
        while True:
            received = await self._signals.get()
            try:
                await self._take(received)
            except SupportManagerError as error:
                log.warning("signal could not be used", session=self._session_id, code=str(error.code))
            except Exception:  # one signal must not be the last one that is heard
                log.exception("signal failed", session=self._session_id)

    async def _take(self, received: SignalReceived) -> None:
        peer = self._peers.setdefault(received.sender, Peer(self.key(received.sender)))
        if received.epoch < peer.epoch:
            return  # of a connection that is given up
        signal = received.signal
        if isinstance(signal, Offer):
            engine = await self.ready()
            self._ask(peer, at_once=False)  # in case nothing comes of it
            servers = await self.ice_servers()
            if self._peers.get(received.sender) is not peer:
                return  # he is gone, or control is, while the engine was starting
            peer.epoch = received.epoch
            peer.connected = False
            peer.offered_at = monotonic()
            engine.set_visible(peer.key, received.sender in self._visible)
            engine.take_offer(peer.key, received.epoch, signal.sdp, servers)
        elif isinstance(signal, Candidate) and self._engine is not None:
            self._engine.add_candidate(peer.key, received.epoch, signal)
        elif isinstance(signal, Bye) and self._engine is not None:
            peer.lose()
            self._engine.close_peer(peer.key)
            if self._is_sharing(received.sender):
                self._ask(peer, at_once=False)  # he shares on, so he owes us another connection
            self._on_change()

    async def ready(self) -> MediaEngine:
        """The engine, started if need be."""
        if self._engine is None:
            self._engine = await self._engine_of()
            self._tell_audience(self._engine)
            if self._drawing[0]:
                self._engine.set_drawing(self._session_id, *self._drawing)
        return self._engine

    async def ice_servers(self) -> tuple[IceServer, ...]:
        """Those of the relay, asked for anew when they are about to run out.

        Raises:
            SupportManagerError: the relay has never told them. Whether media may go directly is not known then, and an
                address that was shown cannot be taken back.
        """
        if self._ice is None or monotonic() > self._ice_until:
            try:
                self.set_ice(await self._send(IceGet(session_id=self._session_id), IceServers, timeout_s=_ICE_S))
            except SupportManagerError as error:
                if self._ice is None:
                    raise
                log.warning("no ICE servers", session=self._session_id, code=str(error.code))
        if self._engine is not None:
            self._engine.set_relay_only("site", self._relay_only)
        return self._ice or ()

    # --- the engine's side

    def take_media(self, event: MediaEvent) -> None:
        """Take an event of the engine about a peer of this session."""
        if isinstance(event, EngineFailed):
            self._engine = None  # the next offer starts another one
            for lost in self._peers.values():
                lost.lose()
                self._ask(lost, afresh=True)
            self._on_change()
            return
        others = VoiceLevels | VoiceTrouble | RecordingRuns | RecordingOver
        if not self._is_hub or isinstance(event, others):
            return  # of a connection that is being closed
        if isinstance(event, AnswerReady):
            _ = self._tasks.spawn(self._signal(event.peer, event.epoch, Answer(sdp=event.sdp)), name="answer")
            return
        peer = self._peers.get(event.peer.participant_id)
        if peer is None:
            return
        if isinstance(event, ShareFigures):
            peer.liveness = event.liveness
            peer.seen = peer.seen or event.liveness in (Liveness.LIVE, Liveness.STATIC)
        elif isinstance(event, PeerConnected) and event.epoch >= peer.epoch:
            peer.connected = True
            if peer.asking is not None:
                peer.asking.cancel()
        elif isinstance(event, PeerLost) and event.epoch >= peer.epoch:
            peer.lose()
            self._ask(peer, afresh=True)
        elif isinstance(event, OfferRejected) and event.epoch >= peer.epoch:
            log.warning("offer rejected", session=self._session_id, reason=event.reason)
            peer.connected = False
            self._ask(peer, at_once=False)
        self._on_change()

    def _ask(self, peer: Peer, *, at_once: bool = True, afresh: bool = False) -> None:
        """Ask a participant for an offer until he is connected; `afresh` begins again where that is going on."""
        if peer.asking is not None and not peer.asking.done():
            if not afresh:
                return
            peer.asking.cancel()
        peer.is_patient = False
        peer.asking = self._tasks.spawn(self._keep_asking(peer, at_once), name="ask")

    async def _keep_asking(self, peer: Peer, at_once: bool) -> None:
        participant_id = peer.key.participant_id
        for number in count():
            sharing = self._is_sharing(participant_id)
            if peer.connected or (not sharing and number >= len(ASK_AGAIN_S)):
                return
            is_negotiating = monotonic() - peer.offered_at < NEGOTIATING_S
            if (at_once or number) and not is_negotiating and self._linked and self._is_online(participant_id):
                await self._ask_once(peer)
            peer.is_patient = not sharing
            await asyncio.sleep(SHARING_AGAIN_S if sharing else ASK_AGAIN_S[number])

    async def _ask_once(self, peer: Peer) -> None:
        """Ask for an offer above every epoch so far; after a restart of ours that number has to be found first."""
        epoch = peer.epoch + 1
        for _ in range(_GUESSES):
            try:
                await self._send(
                    SignalSend(
                        session_id=self._session_id, to=peer.key.participant_id, epoch=epoch, signal=NeedOffer()
                    ),
                    Nothing,
                )
            except Refused as refusal:
                if refusal.code is not ErrorCode.STALE_EPOCH:
                    log.info("not asked for an offer", session=self._session_id, code=str(refusal.code))
                    return
                epoch *= 2
            except SupportManagerError:
                return
            else:
                return

    async def _signal(self, key: PeerKey, epoch: int, signal: Signal) -> None:
        message = SignalSend(session_id=self._session_id, to=key.participant_id, epoch=epoch, signal=signal)
        try:
            await self._send(message, Nothing)
        except SupportManagerError as error:
            # The participant never hears of this connection, so it comes to nothing; a fresh one is asked for.
            log.warning("answer not delivered", session=self._session_id, code=str(error.code))
            peer = self._peers.get(key.participant_id)
            if peer is not None and not peer.connected:
                self._ask(peer, at_once=False)

    async def aclose(self, *, over: bool) -> None:
        """Stop working; with `over` the session is at its end and its connections are closed."""
        await self._tasks.aclose(1.0)
        if over and self._engine is not None:
            self._engine.close_session(self._session_id)
