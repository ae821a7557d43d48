"""What becomes of a call (B-7.7) or of a drawing (B-7.3), as the rep who looks on is told it."""

import msgspec

from support_manager.events import Happening
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.calls import voices
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import ActivityView, SessionView

_WHOLE_CALL = {
    ActivityEnd.CONTROL_TRANSFERRED: Happening.VOICE_OVER_CONTROL,
    ActivityEnd.SESSION_TRANSFERRED: Happening.VOICE_OVER_TRANSFER,
}
"""What ends it for everybody at once, whoever is in it."""
_TOLD_ELSEWHERE = frozenset({ActivityEnd.PARTICIPANT_LEFT, ActivityEnd.SESSION_ENDED})


def news(was: ActivityView | None, now: ActivityView, view: SessionView) -> tuple[Happening, str] | None:
    """What an end means to the rep who looks on, and the id of whoever is named with it, empty where nobody is.

    None: nothing worth a notice.

    Args:
        was: the same as it was before.
        now: as it is from now on; an end without a reason happened while we were away.
        view: the session, in which the others that ended with it may still stand.
    """
    if was is None or now.state is not ActivityState.ENDED:
        return None
    if now.kind is ActivityKind.VOICE:
        return _of_voice(was, now, view)
    stopped = now.kind is ActivityKind.DRAW and now.subject == view.you and now.end is ActivityEnd.STOPPED
    if stopped and now.ended_by not in (None, view.you):
        return Happening.MY_DRAWING_STOPPED, now.ended_by or ""
    return None


def missed(old: SessionView, new: SessionView) -> list[tuple[ActivityView, ActivityView]]:
    """Each part in the call that ended while we were away, before and after; why is not known."""
    if new.state is SessionState.ENDED:
        return []
    silent = {each.id for each in new.participants} - {each.subject for each in voices(new)}
    gone = [each for each in voices(old) if each.subject in silent]
    return [(each, msgspec.structs.replace(each, state=ActivityState.ENDED)) for each in gone]


def _of_voice(was: ActivityView, now: ActivityView, view: SessionView) -> tuple[Happening, str] | None:
    whole = None if now.end is None else _WHOLE_CALL.get(now.end)
    if whole is Happening.VOICE_OVER_TRANSFER and now.ended_by == view.you:
        return None  # we passed it on, and are out of it
    if whole is not None:
        is_last = all(each.id == now.id for each in voices(view))
        return (whole, "") if is_last else None  # said once
    if now.ended_by == view.you or now.end in _TOLD_ELSEWHERE:
        return None
    if was.state is ActivityState.ASKED:
        if now.subject == view.you:
            return None
        denied = now.end is ActivityEnd.DENIED
        return Happening.VOICE_DENIED if denied else Happening.VOICE_UNASKED, now.subject
    if now.subject == view.you:
        return Happening.MY_VOICE_STOPPED, ""
    hung_up = now.end is ActivityEnd.STOPPED and now.ended_by == now.subject
    return Happening.VOICE_LEFT if hung_up else Happening.VOICE_OUT, now.subject
