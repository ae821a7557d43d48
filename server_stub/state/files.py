"""File transfers as activities (B-7.5): who may offer, who answers, who pauses, what ends one; never what is in it."""

from typing import NamedTuple

import msgspec

from server_stub.state.facts import ActivitySet, Fact
from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from support_manager.protocol import requests
from support_manager.protocol.activities import (
    ACTIVITIES,
    ActivityEnd,
    ActivityKind,
    ActivityState,
)
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import ActivityView, FileView


class FileRules(NamedTuple):
    """What the administrator allows."""

    size_bytes: int
    """Of one file; 0: no files at all."""
    per_session: int
    """Files offered in one session, from its start to its end."""
    at_once: int
    """Files asked or running in one session."""
    site_bytes: int
    """What the relay keeps on disk of all transfers together."""
    idle_s: int
    """After so long without a byte or an answer a transfer is put away."""


_OTHER_END = {Role.CONTROLLER: Role.PRIMARY, Role.PRIMARY: Role.CONTROLLER}
_BY_SENDER = frozenset({ActivityEnd.STOPPED, ActivityEnd.FAILED, ActivityEnd.CANCELLED, ActivityEnd.SOURCE_ENDED})
_BY_RECEIVER = frozenset({ActivityEnd.STOPPED, ActivityEnd.FAILED, ActivityEnd.DENIED, ActivityEnd.FINISHED})


def receiver_of(activity: ActivityView) -> str:
    """Who gets the file."""
    return activity.seen_by[0] if activity.seen_by else ""


def decide_offer(
    session: Session,
    me: Participant,
    request: requests.ActivityOffer,
    now_ms: int,
    activity_id: str,
    rules: FileRules,
) -> list[Fact]:
    """The controller or the primary customer offers the other a file, who is asked (B-7.5).

    Raises:
        Refused: `not_allowed`, `not_supported` (the other end cannot take files), `participant_unknown` (there is
            none), `files_off`, `file_too_large`, `files_full`.
    """
    offered = request.file
    if me.role not in ACTIVITIES[ActivityKind.FILE].offered_by:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if offered is None:
        raise Refused(ErrorCode.BAD_MESSAGE)
    other = session.holder(_OTHER_END[me.role])
    if other is None:
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    if not other.device.file_key:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    if not rules.size_bytes:
        raise Refused(ErrorCode.FILES_OFF)
    if offered.size > rules.size_bytes:
        raise Refused(ErrorCode.FILE_TOO_LARGE)
    current = sum(one.kind is ActivityKind.FILE for one in session.activities.values())
    if session.files >= rules.per_session or current >= rules.at_once:
        raise Refused(ErrorCode.FILES_FULL)
    view = ActivityView(
        id=activity_id,
        kind=ActivityKind.FILE,
        state=ActivityState.ASKED,
        asked_by=me.id,
        subject=me.id,
        seen_by=(other.id,),
        changed_at=now_ms,
        file=FileView(transfer=offered.transfer, size=offered.size, key_id=offered.key_id, sealed=offered.sealed),
    )
    return [ActivitySet(activity=view, request_id=request.request_id)]


def decide_pause(activity: ActivityView, me: Participant, request: requests.ActivityUpdate, now_ms: int) -> list[Fact]:
    """Either end pauses a running transfer, or lets it go on.

    Raises:
        Refused: `not_allowed` to everybody else, and while it does not run.
    """
    if me.id not in (activity.subject, receiver_of(activity)) or activity.state is not ActivityState.RUNNING:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if activity.paused is request.paused:
        return []
    return [ActivitySet(activity=msgspec.structs.replace(activity, paused=request.paused, changed_at=now_ms))]


def end_reason(activity: ActivityView, me: Participant, reason: ActivityEnd) -> ActivityEnd:
    """Why a transfer ends that one of its ends stops.

    Raises:
        Refused: `not_allowed` to everybody else, and for what this end cannot know.
    """
    sends = me.id == activity.subject
    if not sends and me.id != receiver_of(activity):
        raise Refused(ErrorCode.NOT_ALLOWED)
    if reason not in (_BY_SENDER if sends else _BY_RECEIVER):
        raise Refused(ErrorCode.NOT_ALLOWED)
    asked = activity.state is ActivityState.ASKED
    if reason is ActivityEnd.FINISHED and asked:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if asked and reason in (ActivityEnd.STOPPED, ActivityEnd.CANCELLED, ActivityEnd.DENIED):
        return ActivityEnd.CANCELLED if sends else ActivityEnd.DENIED
    return ActivityEnd.STOPPED if reason in (ActivityEnd.CANCELLED, ActivityEnd.DENIED) else reason


def outlives(activity: ActivityView, reason: ActivityEnd) -> bool:
    """Whether a transfer goes on all the same: a page that is loaded anew takes it up again."""
    return activity.kind is ActivityKind.FILE and reason is ActivityEnd.PAGE_RELOADED
