"""What one step of a session's machine brought about, for whoever runs it."""

from dataclasses import dataclass, field

from support_manager.events import Attention, LeftWhy
from support_manager.protocol.views import EndReason


@dataclass(slots=True)
class Outcome:
    """What one step of the machine brought about."""

    changed: bool = False
    attention: list[Attention] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    """Participants who are not in the session any more."""
    share_over: list[str] = field(default_factory=list)
    """Participants whose share ended."""
    ended: EndReason | None = None
    left: LeftWhy | None = None
    """Set when the session goes on without us."""

    def add(self, other: "Outcome") -> None:
        """Take over what a further step brought about."""
        self.changed |= other.changed
        self.attention += other.attention
        self.gone += other.gone
        self.share_over += other.share_over
        self.ended = self.ended or other.ended
        self.left = self.left or other.left
