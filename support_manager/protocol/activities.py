"""The activity table (behaviour, section 7) as data: who starts what, who consents, who sees it, what ends it."""

from enum import StrEnum

import msgspec

from support_manager.protocol.roles import MEMBERS, Role


class ActivityKind(StrEnum):
    """What people do together in a session."""

    VIEW = "view"
    """B-7.1: the customer's desktop, application or tab."""
    SHOW = "show"
    """B-7.2: the rep's desktop or application."""
    DRAW = "draw"
    FILE = "file"
    VIDEO = "video"
    VOICE = "voice"
    RECORDING = "recording"


class ActivityState(StrEnum):
    """Where an activity stands."""

    ASKED = "asked"
    RUNNING = "running"
    ENDED = "ended"


ACTIVITY_TRANSITIONS: dict[ActivityState, frozenset[ActivityState]] = {
    ActivityState.ASKED: frozenset({ActivityState.RUNNING, ActivityState.ENDED}),
    ActivityState.RUNNING: frozenset({ActivityState.ENDED}),
    ActivityState.ENDED: frozenset(),
}


class ActivityEnd(StrEnum):
    """Why an activity ended."""

    DENIED = "denied"
    CANCELLED = "cancelled"
    """Taken back before it was answered."""
    STOPPED = "stopped"
    SOURCE_ENDED = "source_ended"
    """The browser's own stop button, or the shared window was closed."""
    PICKER_DISMISSED = "picker_dismissed"
    PAGE_RELOADED = "page_reloaded"
    PARTICIPANT_LEFT = "participant_left"
    CUSTOMER_SWITCHED = "customer_switched"
    CONTROL_TRANSFERRED = "control_transferred"
    SESSION_TRANSFERRED = "session_transferred"
    SESSION_ENDED = "session_ended"
    VIEW_ENDED = "view_ended"
    """What it was drawn on is not shown any more."""
    FAILED = "failed"
    FINISHED = "finished"
    """A file is at its receiver, whole: he alone says so, once its hash is the sender's."""
    EXPIRED = "expired"
    """Nothing of a file moved for so long that the relay has put it away."""


class Source(StrEnum):
    """What a share shows, in the words of the W3C's displaySurface (Screen Capture, section 6)."""

    SCREEN = "monitor"
    WINDOW = "window"
    TAB = "browser"


class Consent(StrEnum):
    """Whose yes an activity needs."""

    NONE = "none"
    PRIMARY = "primary"
    OWNER = "owner"
    """Whoever's camera or microphone it is."""
    RECEIVER = "receiver"


class ActivityRule(msgspec.Struct, frozen=True):
    """One row of the table."""

    rule: str
    asked_by: frozenset[Role]
    offered_by: frozenset[Role]
    consent: Consent
    seen_by: frozenset[Role]
    ended_by: frozenset[ActivityEnd]
    joined_by: frozenset[Role] = frozenset()
    """Who may be asked, and may start his own, while somebody else's of this kind runs: a call is joined."""


_ALWAYS = frozenset(
    {
        ActivityEnd.STOPPED,
        ActivityEnd.FAILED,
        ActivityEnd.PARTICIPANT_LEFT,
        ActivityEnd.SESSION_ENDED,
        ActivityEnd.SESSION_TRANSFERRED,
    }
)
_CONTROL = frozenset({ActivityEnd.CONTROL_TRANSFERRED})
_SWITCH = frozenset({ActivityEnd.CUSTOMER_SWITCHED})
_SHARE = frozenset({ActivityEnd.SOURCE_ENDED, ActivityEnd.PAGE_RELOADED, ActivityEnd.PICKER_DISMISSED})
_CAMERA = frozenset({ActivityEnd.SOURCE_ENDED, ActivityEnd.PAGE_RELOADED})
_DRAWN = frozenset({ActivityEnd.VIEW_ENDED, ActivityEnd.PAGE_RELOADED})
_FILE = frozenset({ActivityEnd.FINISHED, ActivityEnd.EXPIRED})
_BOTH = frozenset({Role.CONTROLLER, Role.PRIMARY})
_CONTROLLER = frozenset({Role.CONTROLLER})
_PRIMARY = frozenset({Role.PRIMARY})
_NOBODY: frozenset[Role] = frozenset()

ACTIVITIES: dict[ActivityKind, ActivityRule] = {
    ActivityKind.VIEW: ActivityRule(
        "B-7.1", _CONTROLLER, _PRIMARY, Consent.PRIMARY, MEMBERS, _ALWAYS | _CONTROL | _SWITCH | _SHARE
    ),
    ActivityKind.SHOW: ActivityRule(
        "B-7.2", _NOBODY, _CONTROLLER, Consent.NONE, MEMBERS, _ALWAYS | _CONTROL | _SWITCH | _SHARE
    ),
    ActivityKind.DRAW: ActivityRule(
        "B-7.3", _NOBODY, _BOTH, Consent.NONE, MEMBERS, _ALWAYS | _CONTROL | _SWITCH | _DRAWN
    ),
    ActivityKind.FILE: ActivityRule("B-7.5", _NOBODY, _BOTH, Consent.RECEIVER, _BOTH, _ALWAYS | _CONTROL | _FILE),
    ActivityKind.VIDEO: ActivityRule("B-7.6", _CONTROLLER, _BOTH, Consent.OWNER, MEMBERS, _ALWAYS | _CONTROL | _CAMERA),
    # One per speaker; the call is all that run. The controller's own runs from his offer, as anybody's does.
    ActivityKind.VOICE: ActivityRule(
        "B-7.7",
        _CONTROLLER,
        _BOTH,
        Consent.OWNER,
        MEMBERS,
        _ALWAYS | _CONTROL | frozenset({ActivityEnd.SOURCE_ENDED, ActivityEnd.PAGE_RELOADED}),
        joined_by=MEMBERS,
    ),
    ActivityKind.RECORDING: ActivityRule("B-7.8", _CONTROLLER, _NOBODY, Consent.PRIMARY, MEMBERS, _ALWAYS | _CONTROL),
}

NOT_BESIDE: dict[ActivityKind, frozenset[ActivityKind]] = {
    ActivityKind.VIEW: frozenset({ActivityKind.SHOW}),
    ActivityKind.SHOW: frozenset({ActivityKind.VIEW}),
}
"""Kinds that never stand beside each other in one session: all look at one screen, and it is clear whose."""

DRAWN_ON: dict[Role, ActivityKind] = {Role.CONTROLLER: ActivityKind.VIEW, Role.PRIMARY: ActivityKind.SHOW}
"""Who draws on what (B-7.3): each on what the other one shows, while it is shown."""
