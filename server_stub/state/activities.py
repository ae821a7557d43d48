"""The life of activities by the protocol's table: who asks, who consents, who sees, what ends them (B-7)."""

import msgspec

from server_stub.state import files
from server_stub.state.facts import ActivitySet, Fact
from server_stub.state.model import Participant, Session
from server_stub.state.names import clean_text
from server_stub.state.refused import Refused
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import (
    ACTIVITIES,
    DRAWN_ON,
    NOT_BESIDE,
    ActivityEnd,
    ActivityKind,
    ActivityRule,
    ActivityState,
    Consent,
)
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import ActivityView, Capability

_OWNERS_REASONS = frozenset({ActivityEnd.SOURCE_ENDED, ActivityEnd.PICKER_DISMISSED, ActivityEnd.PAGE_RELOADED})
"""Only whoever's screen it is can know these."""
_ANYBODYS_REASONS = frozenset({ActivityEnd.STOPPED, ActivityEnd.FAILED, ActivityEnd.CANCELLED, ActivityEnd.DENIED})


def decide_ask(
    session: Session, me: Participant, request: requests.ActivityAsk, now_ms: int, activity_id: str
) -> list[Fact]:
    """Somebody asks for an activity that another must agree to."""
    rule = _rule(request.kind)
    if me.role not in rule.asked_by:
        raise Refused(ErrorCode.NOT_ALLOWED)
    subject = session.member(request.subject)
    if subject is None:
        raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
    if subject.role not in rule.offered_by | rule.joined_by | _consenting(rule) or subject.id == me.id:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if request.kind is ActivityKind.VOICE and subject.device.microphone is Capability.NO:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    if request.kind is ActivityKind.VIEW and subject.device.screen is Capability.NO:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    if request.kind is ActivityKind.VIDEO and subject.device.camera is Capability.NO:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    if request.kind is ActivityKind.RECORDING and any(a.kind is request.kind for a in session.activities.values()):
        raise Refused(ErrorCode.ACTIVITY_BUSY)  # one for the whole session, whoever agreed to it
    if current(session, request.kind, subject.id) is not None or _is_in_the_way(session, request.kind):
        raise Refused(ErrorCode.ACTIVITY_BUSY)
    view = ActivityView(
        id=activity_id,
        kind=request.kind,
        state=ActivityState.ASKED,
        asked_by=me.id,
        subject=subject.id,
        seen_by=_viewers(session, rule, subject.id),
        changed_at=now_ms,
    )
    return [ActivitySet(activity=view, request_id=request.request_id)]


def decide_offer(
    session: Session, me: Participant, request: requests.ActivityOffer, now_ms: int, activity_id: str
) -> list[Fact]:
    """The sender starts an activity of his own accord; if he is being asked for it, this is his yes."""
    rule = _rule(request.kind)
    known = current(session, request.kind, me.id)
    if me.role not in rule.offered_by and known is None and not _may_join(session, me, request.kind):
        raise Refused(ErrorCode.NOT_ALLOWED)
    if rule.consent is Consent.RECEIVER:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    if request.kind is ActivityKind.DRAW and not _is_shown(session, DRAWN_ON.get(me.role)):
        raise Refused(ErrorCode.ACTIVITY_UNKNOWN)
    if (known is not None and known.state is ActivityState.RUNNING) or _is_in_the_way(session, request.kind):
        raise Refused(ErrorCode.ACTIVITY_BUSY)
    view = ActivityView(
        id=known.id if known is not None else activity_id,
        kind=request.kind,
        state=ActivityState.RUNNING,
        asked_by=known.asked_by if known is not None else me.id,
        subject=me.id,
        seen_by=_viewers(session, rule, me.id),
        changed_at=now_ms,
        source=request.source,
        width=request.width,
        height=request.height,
    )
    return [ActivitySet(activity=view, request_id=request.request_id)]


def decide_answer(session: Session, me: Participant, request: requests.ActivityAnswer, now_ms: int) -> list[Fact]:
    """Yes or no to what was asked, by the one of whom it was asked and by nobody else."""
    activity = _find(session, request.activity_id)
    if me.id != (files.receiver_of(activity) if activity.kind is ActivityKind.FILE else activity.subject):
        raise Refused(ErrorCode.NOT_ALLOWED)
    if activity.state is ActivityState.RUNNING:
        if request.accept:
            return []
        raise Refused(ErrorCode.NOT_ALLOWED)
    if not request.accept:
        return _hung_up(session, [_ended(activity, ActivityEnd.DENIED, me.id, now_ms)], me.id, now_ms)
    if activity.kind is ActivityKind.FILE:
        accepted = msgspec.structs.replace(activity, state=ActivityState.RUNNING, changed_at=now_ms)
        return [ActivitySet(activity=accepted, agreed=True)]
    view = msgspec.structs.replace(
        activity,
        state=ActivityState.RUNNING,
        seen_by=_viewers(session, ACTIVITIES[activity.kind], me.id),
        changed_at=now_ms,
        source=request.source,
        width=request.width,
        height=request.height,
    )
    return [ActivitySet(activity=view, words=clean_text(request.words, limits.WORDS_CHARS), agreed=True)]


def decide_update(session: Session, me: Participant, request: requests.ActivityUpdate, now_ms: int) -> list[Fact]:
    """The owner of a running share switched its source, paused it, or its size changed."""
    activity = _find(session, request.activity_id)
    if activity.kind is ActivityKind.FILE:
        return files.decide_pause(activity, me, request, now_ms)
    if activity.subject != me.id or activity.state is not ActivityState.RUNNING:
        raise Refused(ErrorCode.NOT_ALLOWED)
    if activity.kind is ActivityKind.RECORDING:
        raise Refused(ErrorCode.NOT_SUPPORTED)
    view = msgspec.structs.replace(
        activity,
        source=request.source if request.source is not None else activity.source,
        paused=request.paused,
        width=request.width or activity.width,
        height=request.height or activity.height,
    )
    if view == activity:
        return []
    return [ActivitySet(activity=msgspec.structs.replace(view, changed_at=now_ms))]


def decide_stop(session: Session, me: Participant, request: requests.ActivityStop, now_ms: int) -> list[Fact]:
    """Anybody concerned stops it; stopping what has ended is no error, for two may stop at once."""
    if request.activity_id in session.ended_activities:
        return []
    activity = _find(session, request.activity_id)
    if activity.kind is ActivityKind.FILE:
        return [_ended(activity, files.end_reason(activity, me, request.reason), me.id, now_ms)]
    if not _is_concerned(activity, me):
        raise Refused(ErrorCode.NOT_ALLOWED)
    if request.reason in _OWNERS_REASONS:
        if activity.subject != me.id:
            raise Refused(ErrorCode.NOT_ALLOWED)
    elif request.reason not in _ANYBODYS_REASONS:
        raise Refused(ErrorCode.NOT_ALLOWED)
    reason = request.reason
    if activity.state is ActivityState.ASKED and reason not in _OWNERS_REASONS and reason is not ActivityEnd.FAILED:
        reason = ActivityEnd.DENIED if activity.subject == me.id else ActivityEnd.CANCELLED
    elif activity.state is ActivityState.RUNNING and reason in (ActivityEnd.CANCELLED, ActivityEnd.DENIED):
        reason = ActivityEnd.STOPPED
    facts = _hung_up(session, [_ended(activity, reason, me.id, now_ms)], me.id, now_ms)
    return with_drawings(session, facts, now_ms)


def _is_concerned(activity: ActivityView, me: Participant) -> bool:
    """Whether somebody may stop it: whose it is, who asked for it while nobody has answered, the controller; the
    primary customer whatever is shown, but nobody else's voice."""
    if activity.subject == me.id or me.role is Role.CONTROLLER:
        return True
    if activity.asked_by == me.id and activity.state is ActivityState.ASKED:
        return True
    if activity.kind is ActivityKind.RECORDING:
        return me.role in CUSTOMERS  # every customer is in it
    return me.role is Role.PRIMARY and activity.kind is not ActivityKind.VOICE


def _consenting(rule: ActivityRule) -> frozenset[Role]:
    return frozenset({Role.PRIMARY}) if rule.consent is Consent.PRIMARY else frozenset()


def _may_join(session: Session, me: Participant, kind: ActivityKind) -> bool:
    others = (a for a in session.activities.values() if a.kind is kind and a.state is ActivityState.RUNNING)
    return me.role in ACTIVITIES[kind].joined_by and any(other.subject != me.id for other in others)


def _hung_up(session: Session, facts: list[Fact], by: str, now_ms: int) -> list[Fact]:
    """Somebody hung up or does not want to talk: whoever is left alone in the call, with nobody asked, is out of it.

    Not when a page was reloaded or a connection lost: then he waits.
    """
    ended = {fact.activity.id for fact in facts if isinstance(fact, ActivitySet) and fact.activity.end is not None}
    voices = [a for a in session.activities.values() if a.kind is ActivityKind.VOICE]
    left = [a for a in voices if a.id not in ended]
    if len(left) == 1 < len(voices) and left[0].state is ActivityState.RUNNING:
        facts.append(_ended(left[0], ActivityEnd.STOPPED, by, now_ms))
    return facts


def end_of(session: Session, participant_id: str, reason: ActivityEnd, now_ms: int) -> list[Fact]:
    """End what hangs on one participant: his own shares, and what he asked for and nobody answered yet.

    A recording is none of his own: it goes on, and is asked for on, when his page is loaded again (B-7.8).
    """
    stays = ActivityKind.RECORDING if reason is ActivityEnd.PAGE_RELOADED else None
    facts: list[Fact] = [
        _ended(activity, reason, participant_id, now_ms)
        for activity in session.activities.values()
        if _hangs_on(activity, participant_id) and activity.kind is not stays and not files.outlives(activity, reason)
    ]
    return with_drawings(session, facts, now_ms)


def _hangs_on(activity: ActivityView, participant_id: str) -> bool:
    if activity.kind is ActivityKind.FILE and files.receiver_of(activity) == participant_id:
        return True
    return activity.subject == participant_id or (
        activity.asked_by == participant_id and activity.state is ActivityState.ASKED
    )


def end_all(session: Session, reason: ActivityEnd, by: str | None, now_ms: int) -> list[Fact]:
    """End everything."""
    return [_ended(activity, reason, by, now_ms) for activity in session.activities.values()]


def end_by_table(
    session: Session, reason: ActivityEnd, by: str | None, now_ms: int, *, keep: frozenset[ActivityKind] = frozenset()
) -> list[Fact]:
    """End what the table says that `reason` ends, but for the kinds that stay this time."""
    facts: list[Fact] = [
        _ended(activity, reason, by, now_ms)
        for activity in session.activities.values()
        if reason in ACTIVITIES[activity.kind].ended_by and activity.kind not in keep
    ]
    return with_drawings(session, facts, now_ms)


def end_for_switch(session: Session, former_id: str, now_ms: int) -> list[Fact]:
    """Another customer is helped: shares end by the table, and so does whatever the former one was asked or asked
    and nobody has answered yet (B-5.3); so does his camera, for only who is helped has one (B-1.2, B-7.6).

    A file is between two people, asked or running, and goes on whoever is helped (B-7.5).
    """
    reason = ActivityEnd.CUSTOMER_SWITCHED
    return [
        _ended(activity, reason, None, now_ms)
        for activity in session.activities.values()
        if reason in ACTIVITIES[activity.kind].ended_by
        or (
            activity.state is ActivityState.ASKED
            and activity.kind is not ActivityKind.FILE
            and former_id in (activity.subject, activity.asked_by)
        )
        or (activity.kind is ActivityKind.VIDEO and activity.subject == former_id)
    ]


def end_for_leaver(session: Session, leaver_id: str, now_ms: int, *, switches: bool) -> list[Fact]:
    """Somebody goes for good: what hangs on him ends, and he is no longer named among those who see the rest.

    Args:
        session: whichever.
        leaver_id: who goes.
        now_ms: now.
        switches: whether another customer is helped from then on, so that shares end too (B-5.3).
    """
    facts: list[Fact] = []
    for activity in session.activities.values():
        if _hangs_on(activity, leaver_id):
            facts.append(_ended(activity, ActivityEnd.PARTICIPANT_LEFT, leaver_id, now_ms))
        elif switches and ActivityEnd.CUSTOMER_SWITCHED in ACTIVITIES[activity.kind].ended_by:
            facts.append(_ended(activity, ActivityEnd.CUSTOMER_SWITCHED, None, now_ms))
        elif leaver_id in activity.seen_by:
            seen_by = tuple(each for each in activity.seen_by if each != leaver_id)
            facts.append(ActivitySet(activity=msgspec.structs.replace(activity, seen_by=seen_by, changed_at=now_ms)))
    return with_drawings(session, _hung_up(session, facts, leaver_id, now_ms), now_ms)


def with_drawings(session: Session, facts: list[Fact], now_ms: int) -> list[Fact]:
    """The same, and what is drawn ends with what it is drawn on (B-7.3)."""
    changed = {fact.activity.id: fact.activity for fact in facts if isinstance(fact, ActivitySet)}
    ended = {one.id for one in changed.values() if one.state is ActivityState.ENDED}
    shown = {one.kind for one in session.activities.values() if one.state is ActivityState.RUNNING} - {
        session.activities[each].kind for each in ended if each in session.activities
    }
    drawn = [one for one in session.activities.values() if one.kind is ActivityKind.DRAW and one.id not in ended]
    over = [one for one in drawn if DRAWN_ON.get(_role_of(session, one.subject)) not in shown]
    if not over:
        return facts
    gone = {one.id for one in over}
    kept = [fact for fact in facts if not (isinstance(fact, ActivitySet) and fact.activity.id in gone)]
    return [*kept, *(_ended(one, ActivityEnd.VIEW_ENDED, None, now_ms) for one in over)]


def seen_by_newcomer(session: Session, participant_id: str, role: Role, now_ms: int) -> list[Fact]:
    """Whoever joins while something runs is named among those who see it (B-2.6)."""
    return [
        ActivitySet(
            activity=msgspec.structs.replace(activity, seen_by=(*activity.seen_by, participant_id), changed_at=now_ms)
        )
        for activity in session.activities.values()
        if activity.kind is not ActivityKind.FILE
        and role in ACTIVITIES[activity.kind].seen_by
        and participant_id not in (*activity.seen_by, activity.subject)
    ]


def current(session: Session, kind: ActivityKind, subject: str) -> ActivityView | None:
    """The asked or running activity of a kind that is about `subject`."""
    return next((a for a in session.activities.values() if a.kind is kind and a.subject == subject), None)


def _is_in_the_way(session: Session, kind: ActivityKind) -> bool:
    others = NOT_BESIDE.get(kind, frozenset())
    return any(activity.kind in others for activity in session.activities.values())


def _rule(kind: ActivityKind) -> ActivityRule:
    return ACTIVITIES[kind]


def _is_shown(session: Session, kind: ActivityKind | None) -> bool:
    return any(one.kind is kind and one.state is ActivityState.RUNNING for one in session.activities.values())


def _role_of(session: Session, participant_id: str) -> Role:
    person = session.member(participant_id)
    return Role.ANONYMOUS if person is None else person.role


def _find(session: Session, activity_id: str) -> ActivityView:
    found = session.activities.get(activity_id)
    if found is None:
        raise Refused(ErrorCode.ACTIVITY_UNKNOWN)
    return found


def _viewers(session: Session, rule: ActivityRule, subject: str) -> tuple[str, ...]:
    return tuple(p.id for p in session.members() if p.role in rule.seen_by and p.id != subject)


def _ended(activity: ActivityView, reason: ActivityEnd, by: str | None, now_ms: int) -> ActivitySet:
    view = msgspec.structs.replace(
        activity, state=ActivityState.ENDED, end=reason, ended_by=by, changed_at=now_ms, paused=False
    )
    return ActivitySet(activity=view)
