"""What of a session's course becomes a chapter of its recording: the difference of two views, as keys and places."""

from collections.abc import Iterator

from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.roles import MEMBERS, Role
from support_manager.protocol.views import ActivityView, Audience, Connection, ParticipantView, SessionView

Chapter = tuple[str, dict[str, str]]
"""The key of a sentence of the area `recordings`, and what its places are."""
_SHARES = frozenset({ActivityKind.VIEW, ActivityKind.SHOW})
_CALLS = frozenset({ActivityKind.VOICE, ActivityKind.VIDEO})
_LINE_CHARS = 100


def opening(view: SessionView, recording: ActivityView) -> Iterator[Chapter]:
    """The chapters at the start: who agreed to it, and what is shown already."""
    yield "chapter.consent", {"name": _name(view, recording.subject), "rep": _name(view, recording.asked_by)}
    for activity in view.activities:
        if activity.kind in _SHARES and activity.state is ActivityState.RUNNING:
            yield "chapter.share", {"name": _name(view, activity.subject)}


def between(old: SessionView, new: SessionView) -> Iterator[Chapter]:
    """The chapters of what has changed; private lines are nobody's business but the reps'."""
    yield from _people(old, new)
    yield from _activities(old, new)
    known = {line.id for line in old.chat}
    for line in new.chat:
        if line.id not in known and line.audience is Audience.ALL:
            text = " ".join(line.text.split())[:_LINE_CHARS]
            yield "chapter.chat", {"name": line.sender_name, "text": text}
    for mark in new.marks[len(old.marks) :]:
        yield f"chapter.mark.{mark.kind.value}", {"name": mark.name, "former": mark.former, "queue": mark.queue}


def _people(old: SessionView, new: SessionView) -> Iterator[Chapter]:
    before = {person.id: person for person in old.participants}
    after = {person.id for person in new.participants}
    for person in new.participants:
        was = before.get(person.id)
        if person.role not in MEMBERS:
            continue
        if was is None or was.role not in MEMBERS:
            yield "chapter.joined", {"name": person.name}
        elif was.connection is not person.connection:
            lost = person.connection is not Connection.ONLINE
            if lost is (was.connection is Connection.ONLINE):
                yield "chapter.lost" if lost else "chapter.back", {"name": person.name}
    for person in old.participants:
        if person.id not in after and person.role in MEMBERS:
            yield "chapter.left", {"name": person.name}


def _activities(old: SessionView, new: SessionView) -> Iterator[Chapter]:
    was = {one.id: one for one in old.activities if one.state is ActivityState.RUNNING}
    now = {one.id: one for one in new.activities if one.state is ActivityState.RUNNING}
    for one in now.values():
        before, name = was.get(one.id), {"name": _name(new, one.subject)}
        if before is None and one.kind in _SHARES | _CALLS:
            yield f"chapter.{'share' if one.kind in _SHARES else one.kind.value}", name
        elif before is not None and before.paused is not one.paused and one.kind in _SHARES:
            yield "chapter.paused" if one.paused else "chapter.resumed", name
    for one in was.values():
        if one.id not in now and one.kind in _SHARES | _CALLS:
            kind = "share" if one.kind in _SHARES else one.kind.value
            yield f"chapter.{kind}_over", {"name": _name(old, one.subject)}


def _name(view: SessionView, participant_id: str) -> str:
    person: ParticipantView | None = next((p for p in view.participants if p.id == participant_id), None)
    return person.name if person is not None else ""


def names_of(view: SessionView) -> tuple[str, str]:
    """The customer being helped, and the rep in charge, by name; empty where there is none."""
    by_role = {person.role: person.name for person in view.participants}
    return by_role.get(Role.PRIMARY, ""), by_role.get(Role.CONTROLLER, "")
