"""What the relay's view says of cameras (B-7.6), and what a change of one means to the rep who looks on."""

from support_manager.events import Happening
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView, SessionView


def cameras_of(view: SessionView) -> list[ActivityView]:
    """The cameras that are asked for or run, in the order in which they were."""
    return [each for each in view.activities if each.kind is ActivityKind.VIDEO]


def running(view: SessionView, owner: str) -> bool:
    """Whether the camera of that participant runs."""
    return any(each.subject == owner and each.state is ActivityState.RUNNING for each in cameras_of(view))


def news(was: ActivityView | None, now: ActivityView, you: str) -> Happening | None:
    """What a change of a camera means to the rep who looks on; None: nothing worth a notice.

    It is about the camera's owner, but for `MY_CAMERA_STOPPED`, which is about who stopped it.
    """
    if now.kind is not ActivityKind.VIDEO:
        return None
    ran = was is not None and was.state is ActivityState.RUNNING
    if now.subject == you:
        stopped = ran and now.end is ActivityEnd.STOPPED and now.ended_by not in (None, you)
        return Happening.MY_CAMERA_STOPPED if stopped else None
    if now.state is ActivityState.RUNNING and not ran:
        return Happening.CAMERA
    if now.state is not ActivityState.ENDED or was is None or now.ended_by == you:
        return None
    if now.end is ActivityEnd.DENIED:
        return Happening.CAMERA_DENIED
    if ran and now.end in (ActivityEnd.STOPPED, ActivityEnd.SOURCE_ENDED, ActivityEnd.PAGE_RELOADED):
        return Happening.CAMERA_STOPPED
    return None
