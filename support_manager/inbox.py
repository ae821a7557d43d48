"""An agent's Inbox and presence: what the relay tells of it, which offers are new or gone, and Away by itself."""

import asyncio
from collections.abc import Callable
from time import monotonic

import structlog

from support_manager.errors import Refused, SupportManagerError
from support_manager.events import AppEvent, InboxChanged, OfferArrived, OfferGone
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import InboxOpen, Nothing, OfferDecline, PresenceSet
from support_manager.protocol.views import InboxItem, InboxView, Presence
from support_manager.session.outbox import TRANSIENT, Send
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)


class InboxDesk:
    """Keeps one agent's Inbox; for a rep without the privilege it stays shut.

    Args:
        send: to the relay, over whatever connection there is.
        emit: called with the events for windows.
        idle_s: after so long without `user_active` an agent who is Online is Away.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        send: Send,
        emit: Callable[[AppEvent], None],
        *,
        idle_s: float = limits.IDLE_AWAY_S,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._send = send
        self._emit = emit
        self._idle_s = idle_s
        self._clock = clock
        self._view: InboxView | None = None
        self._chosen: Presence | None = None
        """What he chose himself in this run; the relay begins with Online at every `inbox.open`."""
        self._idle = False
        self._told: Presence | None = None
        """The last choice that the relay has, or that is on its way."""
        self._active_at = clock()
        self._answered: set[str] = set()
        """Offers that he has accepted or declined himself, until they are out of the Inbox."""
        self._timer: asyncio.TimerHandle | None = None
        self._tasks = TaskOwner("inbox")

    @property
    def view(self) -> InboxView | None:
        """The whole Inbox."""
        return self._view

    async def open(self, *, is_agent: bool) -> None:
        """On each new connection: from now on the relay tells every change.

        Raises:
            SupportManagerError: the connection failed again.
        """
        if not is_agent:
            self.close()
            return
        try:
            view = await self._send(InboxOpen(), InboxView)
        except Refused as refusal:
            if refusal.code in TRANSIENT:
                raise
            log.warning("no inbox", code=str(refusal.code))
            self.close()
            return
        self._told = view.chosen
        self.take(view)
        self._watch()
        self._say_presence()

    def take(self, view: InboxView) -> None:
        """The relay's present Inbox."""
        before = {} if self._view is None else {each.session_id: each for each in self._view.items}
        after = {each.session_id: each for each in view.items}
        self._view = view
        self._emit(InboxChanged(view))
        for item in before.values():
            now = after.get(item.session_id)
            if item.offered and (now is None or not now.offered):
                own = item.session_id in self._answered
                self._emit(OfferGone(item.session_id, item.customer, taken=now is None and not own))
        for item in view.items:
            if item.offered and not _is_offered(before.get(item.session_id)):
                self._emit(OfferArrived(item))
        self._answered &= {each.session_id for each in view.items if each.offered}

    def close(self) -> None:
        """There is no Inbox (any more): another account, or the privilege is gone."""
        self._stop_watching()
        self._answered.clear()
        self._chosen, self._told, self._idle = None, None, False
        view, self._view = self._view, None
        if view is None:
            return
        for item in view.items:
            if item.offered:
                self._emit(OfferGone(item.session_id, item.customer, taken=False))
        self._emit(InboxChanged(None))

    # --- what the agent wants

    def accepting(self, session_id: str) -> None:
        """He takes that offer; that it goes is no news to him."""
        self._answered.add(session_id)

    def not_accepted(self, session_id: str) -> None:
        """It came to nothing."""
        self._answered.discard(session_id)

    async def decline(self, session_id: str) -> None:
        """Do not take it; an offer that is gone already is no error."""
        self._answered.add(session_id)
        try:
            _ = await self._send(OfferDecline(session_id=session_id), Nothing)
        except Refused as refusal:
            self._answered.discard(session_id)
            if refusal.code is not ErrorCode.OFFER_GONE:
                raise
        except SupportManagerError:
            self._answered.discard(session_id)
            raise

    async def set_presence(self, presence: Presence) -> None:
        """What the agent chose himself; it holds over reconnects, until the app or the sign-in ends.

        Raises:
            Refused: `no_privilege` for a rep without an Inbox, or as the relay says.
        """
        if self._view is None:
            raise Refused(ErrorCode.NO_PRIVILEGE)
        self._active_at = self._clock()
        self._idle = False
        before, self._chosen = self._chosen, presence
        try:
            await self._tell(presence)
        except SupportManagerError:
            self._chosen = before
            raise
        self._watch()

    def user_active(self) -> None:
        """A key or the mouse: whoever was Away by himself is Online again."""
        self._active_at = self._clock()
        if self._idle:
            self._idle = False
            self._say_presence()
            self._watch()

    # --- Away by itself (B-11.3)

    def _watch(self) -> None:
        self._stop_watching()
        if self._view is not None and not self._idle:
            left = self._active_at + self._idle_s - self._clock()
            self._timer = asyncio.get_running_loop().call_later(max(0.0, left), self._look)

    def _stop_watching(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        if self._clock() - self._active_at < self._idle_s:
            self._watch()
            return
        if self._wanted() is Presence.ONLINE:
            self._idle = True
            self._say_presence()
        # Else the next choice, or the next connection, begins to watch again.

    def _wanted(self) -> Presence:
        chosen = self._chosen or Presence.ONLINE
        return Presence.AWAY if self._idle and chosen is Presence.ONLINE else chosen

    def _say_presence(self) -> None:
        """Bring the relay's knowledge in line with ours; when that fails the next connection does it again."""
        if self._view is not None and self._wanted() is not self._told:
            _ = self._tasks.spawn(self._keep_telling(), name="presence")

    async def _keep_telling(self) -> None:
        wanted = self._wanted()
        try:
            await self._tell(wanted)
        except SupportManagerError as error:
            log.info("presence not told", code=str(error.code))

    async def _tell(self, presence: Presence) -> None:
        before, self._told = self._told, presence
        try:
            _ = await self._send(PresenceSet(presence=presence), Nothing)
        except SupportManagerError:
            self._told = before
            raise

    async def aclose(self) -> None:
        """Stop watching; nothing is told any more."""
        self._stop_watching()
        await self._tasks.aclose(1.0)


def _is_offered(item: InboxItem | None) -> bool:
    return item is not None and item.offered
