"""What this rep sees of the share in one session: which connection carries it, and how the picture stands."""

from collections.abc import Callable

from support_manager.events import AppEvent, Picture, PictureStats
from support_manager.media.engine import Liveness, PeerKey, ShareFigures
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.activities import ActivityState
from support_manager.session.hub_link import HubLink
from support_manager.session.machine import SessionMachine
from support_manager.session.peers import Peer, Peers

_HELD_FIGURES = 5


class Watching:
    """One session's share at the rep who looks: from the sharer's own connection, or handed on by who is in charge.

    Args:
        machine: what is known of the session.
        peers: the connections of the hub.
        link: the connection to the hub.
        emit: called with events for windows.
        visible: whether the picture is on screen.
    """

    def __init__(
        self,
        machine: SessionMachine,
        peers: Peers,
        link: HubLink,
        emit: Callable[[AppEvent], None],
        *,
        visible: bool = False,
    ) -> None:
        self._machine, self._peers, self._link, self._emit = machine, peers, link, emit
        self.visible = visible
        self._shown_to: str | None = None
        self._held = 0
        """After a pause: how many figures without a new picture may pass before the old one counts as true again."""
        self._stood = False
        """Figures have shown the pause itself: that it is over by them is then no news from before it."""

    def take_share(self) -> None:
        """The share may be another, or paused, by now."""
        share = self._machine.share
        is_live = self._liveness() is Liveness.LIVE
        if share is None:
            self._held, self._stood = 0, False
        elif share.paused:
            self._held = _HELD_FIGURES
            self._stood |= not is_live
        else:
            # The picture comes from the page itself, and the word that it goes on by the relay: either may be first.
            if self._stood and is_live:
                self._held = 0
            self._stood = False

    def take(self, event: ShareFigures) -> None:
        """Take figures of a connection; those of another one than carries the picture say nothing."""
        share = self._machine.share
        if share is None or event.peer != self._carrier():
            return
        if share.paused:
            self._stood |= event.liveness is not Liveness.LIVE
            return
        # The paused picture is the old one until the customer's page has sent another.
        self._held = 0 if event.liveness is Liveness.LIVE else max(0, self._held - 1)

    def tell(self, event: ShareFigures) -> None:
        """Have windows show the figures of the connection that carries the picture."""
        if event.peer != self._carrier():
            return
        self._emit(
            PictureStats(
                session_id=self._machine.view.id,
                fps=event.fps,
                age_ms=event.age_ms,
                kilobytes_per_s=event.kilobytes_per_s,
                width=event.width,
                height=event.height,
                loss=event.loss,
                since_last_sign_s=event.since_last_sign_s,
            )
        )

    def show(self) -> None:
        """Tell the connection that carries the picture whether that is on screen; make it where it is missing."""
        share = self._machine.share
        target = share.subject if share is not None and self._machine.is_hub else None
        if self._shown_to is not None and self._shown_to != target:
            self._peers.set_visible(self._shown_to, False)
        if target is not None:
            self._peers.set_visible(target, self.visible)
            if self.is_sharing(target):
                self._peers.needed(target)
        self._shown_to = target
        if not self._machine.is_hub:
            self._link.set_visible(self.visible)

    def mailbox(self) -> FrameMailbox | None:
        """Where the newest picture is to be had, while something is shared."""
        share, engine = self._machine.share, self._peers.engine
        if share is None or share.state is not ActivityState.RUNNING or engine is None:
            return None
        if self._machine.is_hub:
            return engine.mailbox(self._peers.key(share.subject))
        return engine.mailbox(self._link.peer.key) if self._link.peer is not None and self._link.shows else None

    def is_sharing(self, participant_id: str) -> bool:
        """Whether it is that participant's screen."""
        share = self._machine.share
        return share is not None and share.state is ActivityState.RUNNING and share.subject == participant_id

    @property
    def picture(self) -> Picture:
        """How the picture stands."""
        share = self._machine.share
        if share is None:
            return Picture.NONE
        if share.state is ActivityState.ASKED:
            return Picture.ASKED
        if not self._machine.is_hub:
            peer = self._link.peer
            may = self._machine.view.you in share.seen_by
            if peer is None or not may or not self._link.shows:
                return Picture.ELSEWHERE  # his app cannot be reached (yet)
            return _picture_of(peer, paused=share.paused or self._held > 0)
        peer = self._peers.peer(share.subject)
        return Picture.CONNECTING if peer is None else _picture_of(peer, paused=share.paused or self._held > 0)

    def _liveness(self) -> Liveness | None:
        share = self._machine.share
        peer = self._peers.peer(share.subject) if self._machine.is_hub and share is not None else self._link.peer
        return None if peer is None else peer.liveness

    def _carrier(self) -> PeerKey | None:
        """Whose connection carries the picture: the sharer's own, or the controller's, who hands it on."""
        share = self._machine.share
        if share is None:
            return None
        if self._machine.is_hub:
            return self._peers.key(share.subject)
        return None if self._link.peer is None else self._link.peer.key


def _picture_of(peer: Peer, *, paused: bool) -> Picture:
    if peer.liveness is Liveness.LOST:
        return Picture.LOST
    if paused:
        return Picture.PAUSED
    if peer.liveness is Liveness.TOO_LARGE:
        return Picture.TOO_LARGE
    if peer.liveness is Liveness.LIVE:
        return Picture.LIVE
    if peer.liveness is Liveness.STATIC:
        return Picture.STATIC
    return Picture.LOST if peer.seen else Picture.CONNECTING
