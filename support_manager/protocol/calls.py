"""The call of a session, read from its voice activities: who is in it, who is asked, who is muted (B-7.7)."""

from dataclasses import dataclass

from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView, SessionView


@dataclass(frozen=True, slots=True)
class CallView:
    """Who is in a session's call, and who is asked to join it."""

    speaking: tuple[str, ...] = ()
    """Participants, the one who came first in front."""
    asked: tuple[str, ...] = ()
    muted: frozenset[str] = frozenset()

    @property
    def is_there(self) -> bool:
        """Whether anybody is in it or asked to be."""
        return bool(self.speaking or self.asked)


def voices(view: SessionView) -> tuple[ActivityView, ...]:
    """The voice activities of a session."""
    return tuple(each for each in view.activities if each.kind is ActivityKind.VOICE)


def call_of(view: SessionView) -> CallView:
    """The call of a session."""
    found = sorted(voices(view), key=lambda each: each.changed_at)
    running = [each for each in found if each.state is ActivityState.RUNNING]
    return CallView(
        tuple(each.subject for each in running),
        tuple(each.subject for each in found if each.state is ActivityState.ASKED),
        frozenset(each.subject for each in running if each.paused),
    )
