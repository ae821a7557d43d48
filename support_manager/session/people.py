"""What a change among the people of a session means to the rep who looks on: the happenings worth a notice."""

from support_manager.events import Happening
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import Connection, LeaveReason, ParticipantView

_ARRIVALS = {
    Role.ASSISTANT: Happening.ASSISTANT_JOINED,
    Role.WAITING: Happening.WAITING,
    Role.PRIMARY: Happening.JOINED,
    Role.SECONDARY: Happening.JOINED,
}
_LEFT = {
    LeaveReason.LEFT: Happening.LEFT,
    LeaveReason.REMOVED: Happening.LEFT,
    LeaveReason.CLOSED_PAGE: Happening.CLOSED_PAGE,
    LeaveReason.LOST: Happening.LOST,
}
_CONNECTION = {
    Connection.ONLINE: Happening.BACK,
    Connection.LOST: Happening.LOST,
    Connection.CLOSED_PAGE: Happening.CLOSED_PAGE,
}


def arrival(person: ParticipantView) -> Happening | None:
    """Somebody came in. A controller who did has accepted the session; that control moved is told of it."""
    return _ARRIVALS.get(person.role)


def departure(person: ParticipantView, reason: LeaveReason) -> Happening | None:
    """Somebody is gone. A controller goes only by passing the session on, or lost: that is told with its mark."""
    return None if person.role is Role.CONTROLLER else _LEFT[reason]


def changes(was: ParticipantView, now: ParticipantView, *, to_controller: bool) -> list[Happening]:
    """What is different about one person, but for control itself, which takes two.

    Args:
        was: as he was known.
        now: as he is.
        to_controller: whether the reader is in charge: only he is asked for control.
    """
    found: list[Happening] = []
    if was.role is Role.WAITING and now.role in CUSTOMERS:
        found.append(Happening.JOINED)
    elif was.role is Role.SECONDARY and now.role is Role.PRIMARY:
        found.append(Happening.CUSTOMER_SELECTED)
    if now.asks_control and not was.asks_control and to_controller:
        found.append(Happening.ASKS_CONTROL)
    if was.connection is not now.connection:
        lost = now.connection is Connection.LOST and now.role is Role.CONTROLLER
        found.append(Happening.CONTROLLER_LOST if lost else _CONNECTION[now.connection])
    return found
