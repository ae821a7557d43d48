"""What is drawn over a session's share, as this app has it: its own rep's strokes at once, the others' as they come."""

from collections.abc import Callable
from time import monotonic

from support_manager.errors import Refused
from support_manager.media.board import Board, Early
from support_manager.protocol.activities import ACTIVITIES, DRAWN_ON, ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.channel import DrawMessage
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import ActivityMade, ActivityOffer, ActivityStop, Nothing
from support_manager.protocol.views import ActivityView, SessionView
from support_manager.session.machine import controller_of
from support_manager.session.outbox import Send


class SessionDrawing:
    """One session's drawing.

    Args:
        view: gives the relay's newest view of the session.
        send: to the relay.
        new_id: makes an idempotency key.
        changed: called when there is something else to see.
        ended: called when a drawing was ended here, before the relay knows of it.
        clock: monotonic time in seconds.
    """

    def __init__(
        self,
        view: Callable[[], SessionView],
        send: Send,
        new_id: Callable[[], str],
        changed: Callable[[], None],
        ended: Callable[[], None],
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._view = view
        self._send = send
        self._new_id = new_id
        self._changed = changed
        self._ended = ended
        self._over: set[str] = set()
        """Drawings that this rep has ended and the relay has not yet."""
        self._early = Early(clock)
        self._early_of = self._hub_id
        self._drew: frozenset[str] = frozenset()
        """Of whose drawing, if it ended now, something may still be under way."""
        self.board = Board()

    @property
    def drawers(self) -> frozenset[str]:
        """Who draws now, by participant id."""
        return frozenset(one.subject for one in self._running())

    @property
    def viewers(self) -> frozenset[str]:
        """Who else sees it."""
        seen_by = ACTIVITIES[ActivityKind.DRAW].seen_by
        view = self._view()
        return frozenset(one.id for one in view.participants if one.role in seen_by and one.id != view.you)

    @property
    def mine(self) -> ActivityView | None:
        """This rep's own drawing, while it runs."""
        return next((one for one in self._running() if one.subject == self._view().you), None)

    @property
    def _hub_id(self) -> str | None:
        """Through whom all that is drawn comes."""
        hub = controller_of(self._view())
        return hub.id if hub is not None else None

    def _running(self) -> list[ActivityView]:
        """Those that run, each on something that is shown."""
        kind, running = ActivityKind.DRAW, ActivityState.RUNNING
        found = (one for one in self._view().activities if one.kind is kind and one.state is running)
        return [one for one in found if one.id not in self._over and self._can_draw(one.subject)]

    def _can_draw(self, participant_id: str) -> bool:
        """Whether what that participant draws on is shown."""
        view = self._view()
        role = next((one.role for one in view.participants if one.id == participant_id), None)
        on = DRAWN_ON.get(role) if role is not None else None
        return any(one.kind is on and one.state is ActivityState.RUNNING for one in view.activities)

    async def begin(self) -> None:
        """Begin to draw on what is shared; that it runs already is no error."""
        view = self._view()
        if not self._can_draw(view.you):
            raise Refused(ErrorCode.ACTIVITY_UNKNOWN)
        if self.mine is None:
            offer = ActivityOffer(session_id=view.id, request_id=self._new_id(), kind=ActivityKind.DRAW)
            await self._send(offer, ActivityMade)

    async def end(self, drawer: str | None = None) -> None:
        """Have a drawing end, this rep's own or another's; here it is gone at once, with the relay away too."""
        wanted = drawer if drawer is not None else self._view().you
        found = {one.id for one in self._running() if one.subject == wanted}
        if found:
            self._over |= found
            self._ended()
            await self.tell_waiting()

    @property
    def has_untold(self) -> bool:
        """Whether an end is not known at the relay yet."""
        return bool(self._over)

    async def tell_waiting(self) -> None:
        """Tell the relay of every end that it does not know of yet."""
        for activity_id in tuple(self._over):
            stop = ActivityStop(session_id=self._view().id, activity_id=activity_id, reason=ActivityEnd.STOPPED)
            try:
                await self._send(stop, Nothing)
            except Refused as refusal:
                if refusal.code is not ErrorCode.ACTIVITY_UNKNOWN:  # it ended in the same moment
                    raise

    def take(self, drawer: str, message: DrawMessage) -> bool:
        """Take what was drawn; of somebody whose drawing does not run (yet), nothing is to be seen."""
        if not drawer:
            self._early.clear()  # the hub says everything anew, and nothing of before comes after it
            self._drew = frozenset()
        elif drawer not in self.drawers:
            self._early.keep(drawer, message)
            return False
        taken = self.board.take(drawer, message)
        if taken:
            self._changed()
        return taken

    def follow(self) -> None:
        """The session is another one now: what nobody draws any more goes, what came too early is seen."""
        known = {one.id for one in self._view().activities}
        self._over &= known
        if self._early_of != self._hub_id:
            self._early_of = self._hub_id
            self._early.clear()  # of whomever the former hub said it
        drawers = self.drawers
        self._early.end(self._drew - drawers - self.board.cleared)
        self._drew = drawers
        changed = self.board.keep(drawers)
        for drawer, message in self._early.claim(drawers):
            changed |= self.board.take(drawer, message)
        if changed:
            self._changed()
