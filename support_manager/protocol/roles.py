"""Who may send what: roles, states of a session, and the table that denies whatever it does not list."""

from enum import StrEnum


class Role(StrEnum):
    """What a connection is towards one session, decided by the relay alone (B-1.3)."""

    ANONYMOUS = "anonymous"
    """A page that has not joined."""
    SIGNED_IN = "signed_in"
    """A rep's app, outside the session in question."""
    CONTROLLER = "controller"
    ASSISTANT = "assistant"
    PRIMARY = "primary"
    """The customer being helped."""
    SECONDARY = "secondary"
    WAITING = "waiting"
    """A customer whom the controller has not let in yet (single mode)."""


REPS = frozenset({Role.CONTROLLER, Role.ASSISTANT})
CUSTOMERS = frozenset({Role.PRIMARY, Role.SECONDARY})
MEMBERS = REPS | CUSTOMERS


class SessionState(StrEnum):
    """Where a session stands."""

    NONE = "none"
    """The request concerns no session that exists yet."""
    WAITING = "waiting"
    """Started; no customer has joined."""
    ACTIVE = "active"
    OFFERED = "offered"
    """Passed on to agents, of whom none has accepted yet: no controller."""
    QUEUED = "queued"
    """In a queue: no controller."""
    ENDED = "ended"


LIVE = frozenset({SessionState.WAITING, SessionState.ACTIVE, SessionState.OFFERED, SessionState.QUEUED})
_NONE = frozenset({SessionState.NONE})
_ACTIVE = frozenset({SessionState.ACTIVE})
_PASSED_ON = frozenset({SessionState.OFFERED, SessionState.QUEUED})
_HELD = frozenset({SessionState.WAITING, SessionState.ACTIVE})
"""States in which the session has a controller."""

ALLOWED: dict[str, dict[Role, frozenset[SessionState]]] = {
    "session.start": {Role.SIGNED_IN: _NONE},
    "session.list": {Role.SIGNED_IN: _NONE},
    "session.join": {Role.ANONYMOUS: _NONE},
    "session.resume": {
        # The resume token (page) or the account (app) says who it is; until then the page is anonymous.
        Role.ANONYMOUS: LIVE | {SessionState.ENDED},
        Role.CONTROLLER: LIVE | {SessionState.ENDED},
        Role.ASSISTANT: LIVE | {SessionState.ENDED},
        Role.PRIMARY: LIVE | {SessionState.ENDED},
        Role.SECONDARY: LIVE | {SessionState.ENDED},
        Role.WAITING: LIVE | {SessionState.ENDED},
    },
    "session.end": {Role.CONTROLLER: LIVE},
    "session.leave": {
        Role.ASSISTANT: LIVE,
        Role.PRIMARY: LIVE,
        Role.SECONDARY: LIVE,
        Role.WAITING: LIVE,
    },
    "page.closing": {Role.PRIMARY: LIVE, Role.SECONDARY: LIVE, Role.WAITING: LIVE},
    "participant.report": {Role.PRIMARY: LIVE, Role.SECONDARY: LIVE, Role.CONTROLLER: LIVE, Role.ASSISTANT: LIVE},
    "activity.ask": {Role.CONTROLLER: _ACTIVE},
    # What each may do with which kind is the activity table's business: a call is joined by everybody.
    "activity.offer": dict.fromkeys(MEMBERS, _ACTIVE),
    "activity.answer": dict.fromkeys(MEMBERS, _ACTIVE),
    "activity.update": dict.fromkeys(MEMBERS, _ACTIVE),
    "activity.stop": dict.fromkeys(MEMBERS, LIVE),
    "file.open": {Role.CONTROLLER: _ACTIVE, Role.PRIMARY: _ACTIVE, Role.SECONDARY: _ACTIVE},
    "chat.send": {
        Role.CONTROLLER: LIVE,
        Role.ASSISTANT: LIVE,
        Role.PRIMARY: LIVE,
        Role.SECONDARY: LIVE,
    },
    "signal.send": {
        Role.CONTROLLER: LIVE,
        Role.ASSISTANT: LIVE,
        Role.PRIMARY: LIVE,
        Role.SECONDARY: LIVE,
    },
    "session.assist": {Role.SIGNED_IN: _NONE},
    "session.lock": {Role.CONTROLLER: LIVE},
    "customer.admit": {Role.CONTROLLER: LIVE},
    "customer.select": {Role.CONTROLLER: _ACTIVE},
    "control.transfer": {Role.CONTROLLER: _HELD},
    "control.ask": {Role.ASSISTANT: _HELD},
    "control.refuse": {Role.CONTROLLER: _HELD},
    "control.take": {Role.ASSISTANT: _HELD},
    "session.transfer": {Role.CONTROLLER: _ACTIVE},
    "transfer.targets": {Role.SIGNED_IN: _NONE},
    "inbox.open": {Role.SIGNED_IN: _NONE},
    "presence.set": {Role.SIGNED_IN: _NONE},
    # An agent to whom a session is offered may be an assistant in it (B-10.1).
    "offer.accept": {Role.SIGNED_IN: _PASSED_ON, Role.ASSISTANT: _PASSED_ON},
    "offer.decline": {Role.SIGNED_IN: _PASSED_ON, Role.ASSISTANT: _PASSED_ON},
    "queue.enter": {Role.ANONYMOUS: _NONE},
    "invite.mail": {Role.CONTROLLER: LIVE},
    "history.list": {Role.SIGNED_IN: _NONE},
    "history.read": {Role.SIGNED_IN: _NONE},
    "history.notes": {Role.SIGNED_IN: _NONE},
    "history.note": {Role.SIGNED_IN: _NONE},
    "survey.send": {Role.PRIMARY: frozenset({SessionState.ENDED}), Role.SECONDARY: frozenset({SessionState.ENDED})},
    "ice.get": {
        Role.CONTROLLER: LIVE,
        Role.ASSISTANT: LIVE,
        Role.PRIMARY: LIVE,
        Role.SECONDARY: LIVE,
    },
}
"""Event → role → states in which that role may send it. What is not here is refused (`not_allowed`)."""


def is_allowed(event: str, role: Role, state: SessionState) -> bool:
    """Say whether `role` may send `event` while the session is in `state`; deny by default."""
    return state in ALLOWED.get(event, {}).get(role, frozenset())
