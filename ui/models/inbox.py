"""What an agent's windows know of his Inbox: the entries, what is offered to him, and for how long still."""

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from support_manager.events import InboxChanged, SignedOut
from support_manager.protocol.views import InboxItem, InboxView
from ui.bridge import Bridge

LONGEST_OFFER_S = 3_600
"""A longer one comes from clocks that disagree; then no seconds are shown at all."""


class InboxModel(QObject):
    """Keeps the Inbox true to the controller's events.

    Args:
        bridge: the controller's events.
        inbox: the Inbox as it stands.
        parent: the owner.
        wall_ms: the time of day, as milliseconds since 1970; the relay's times are such.

    Signals:
        changed: anything in it changed.
    """

    changed = Signal()

    def __init__(
        self,
        bridge: Bridge,
        inbox: InboxView | None,
        parent: QObject | None = None,
        wall_ms: Callable[[], float] = lambda: time.time() * 1000,
    ) -> None:
        super().__init__(parent)
        self._inbox = inbox
        self._wall_ms = wall_ms
        bridge.inbox_changed.connect(self._take)
        bridge.signed_out.connect(self._forget)

    @property
    def inbox(self) -> InboxView | None:
        """The whole Inbox; None for a rep without one."""
        return self._inbox

    @property
    def items(self) -> tuple[InboxItem, ...]:
        """Who waits or is offered, oldest first."""
        items = self._inbox.items if self._inbox is not None else ()
        return tuple(sorted(items, key=lambda item: item.since))

    def waited_s(self, item: InboxItem) -> float:
        """How long somebody waits by now, in seconds; never negative, whatever the clocks say."""
        return max(0.0, (self._wall_ms() - item.since) / 1000)

    def left_s(self, item: InboxItem) -> float | None:
        """How many seconds an offer still stands; None without an end, or when it cannot be told."""
        if not item.offered or item.offered_until is None:
            return None
        left = (item.offered_until - self._wall_ms()) / 1000
        return max(0.0, left) if left <= LONGEST_OFFER_S else None

    def _take(self, event: InboxChanged) -> None:
        self._inbox = event.inbox
        self.changed.emit()

    def _forget(self, _event: SignedOut) -> None:
        self._inbox = None
        self.changed.emit()
