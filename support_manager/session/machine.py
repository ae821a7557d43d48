"""The rep's view of one session as a sans-IO machine: facts and snapshots in, the new view and its meaning out."""

from collections.abc import Callable
from dataclasses import replace

import msgspec

from support_manager.events import (
    Attention,
    CameraView,
    Happening,
    LeftWhy,
    LineState,
    PendingLine,
    Picture,
    SessionSnapshot,
)
from support_manager.protocol import events as wire
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.roles import CUSTOMERS, Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    Audience,
    ChatLine,
    Connection,
    EndReason,
    LeaveReason,
    Mark,
    MarkKind,
    ParticipantView,
    Place,
    SessionView,
)
from support_manager.session import cameras, people, talk
from support_manager.session.outcome import Outcome

_SHARES = frozenset({ActivityKind.VIEW, ActivityKind.SHOW})
_HELD_EVENTS = 1_000
"""Events kept while a snapshot is on its way; what comes beyond them is lost until the next resume."""


class SessionMachine:
    """Holds what is known of one session and never shows anything that does not fit together.

    Args:
        view: the first snapshot.
    """

    def __init__(self, view: SessionView) -> None:
        self._view = view
        self._pending: list[PendingLine] = []
        self._confirmed: dict[str, int] = {}
        self._picture = Picture.NONE
        self._cameras: tuple[CameraView, ...] = ()
        self._held: list[wire.SessionEvent] | None = None
        self._stopped: set[str] = set()
        self._controller = controller_of(view)
        """Whoever was in charge last: when control moves, the one before is told first that he is not any more."""
        self._withdrew = False

    @property
    def view(self) -> SessionView:
        """The relay's view, as far as it is known here; what this rep has stopped is over in it."""
        if not self._stopped:
            return self._view
        left = tuple(each for each in self._view.activities if each.id not in self._stopped)
        return msgspec.structs.replace(self._view, activities=left)

    @property
    def stopped(self) -> tuple[ActivityView, ...]:
        """What this rep has stopped, and the relay has not yet."""
        return tuple(each for each in self._view.activities if each.id in self._stopped)

    @property
    def pending(self) -> tuple[PendingLine, ...]:
        """Our own lines that are not in the transcript yet."""
        return tuple(self._pending)

    @property
    def share(self) -> ActivityView | None:
        """The screen of somebody else that is asked for or shown: a customer's, or the controller's to an assistant."""
        others = [each for each in self.view.activities if each.kind in _SHARES and each.subject != self._view.you]
        return next(iter(others), None)

    @property
    def shown(self) -> ActivityView | None:
        """The screen that is handed on from here to others: the customer's, or our own."""
        running = (each for each in self.view.activities if each.state is ActivityState.RUNNING)
        return next((each for each in running if each.kind in _SHARES), None)

    @property
    def is_hub(self) -> bool:
        """Whether this rep is in charge, and so his app the centre of all media connections."""
        me = self.person(self._view.you)
        return me is not None and me.role is Role.CONTROLLER and not self.is_over

    @property
    def is_holding(self) -> bool:
        """Whether a snapshot is being asked for, so that what is known here may be old."""
        return self._held is not None

    @property
    def is_over(self) -> bool:
        """Whether the session has ended."""
        return self._view.state is SessionState.ENDED

    def snapshot(self) -> SessionSnapshot:
        """What windows show."""
        return SessionSnapshot(
            view=self.view, picture=self._picture, pending=self.pending, share=self.share, cameras=self._cameras
        )

    def person(self, participant_id: str) -> ParticipantView | None:
        """The participant of that id."""
        return next((each for each in self._view.participants if each.id == participant_id), None)

    def hold(self) -> None:
        """Keep events aside until the snapshot that is being asked for is here: it may be older than they are."""
        if self._held is None:
            self._held = []

    def take_snapshot(self, view: SessionView) -> Outcome:
        """Take the relay's whole view; `view.chat` may be only the newer part of the transcript."""
        held, self._held = self._held or [], None
        outcome = Outcome()
        if view.id == self._view.id and view.seq >= self._view.seq and not self.is_over:
            outcome.add(self._replace(view))
        for event in held:
            outcome.add(self.apply(event))
        return outcome

    def apply(self, event: wire.SessionEvent) -> Outcome:
        """Take one event of the relay; a duplicate, or one of another session, changes nothing."""
        if event.session_id != self._view.id:
            return Outcome()
        if self._held is not None:
            if len(self._held) < _HELD_EVENTS:
                self._held.append(event)
            return Outcome()
        if event.seq <= self._view.seq or self.is_over:
            return Outcome()
        outcome = _STEPS[type(event.fact)](self, event.fact)
        self._view = msgspec.structs.replace(self._view, seq=event.seq)
        self._settle_stopped()
        outcome.changed = True
        return outcome

    def stop(self, activity_id: str) -> Outcome:
        """This rep stops an activity: over here at once, whatever the relay still thinks of it."""
        self._stopped.add(activity_id)
        self._settle_stopped()
        return Outcome(changed=True)

    def add_pending(self, line_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        """Show a line of our own that is on its way."""
        self._pending.append(PendingLine(id=line_id, text=text, audience=audience))
        self._settle_pending()

    def confirm(self, line_id: str, seq: int) -> Outcome:
        """The relay has that line, as number `seq`; it leaves `pending` once the line itself is here."""
        self._confirmed[line_id] = seq
        return Outcome(changed=self._settle_pending())

    def fail(self, line_id: str) -> Outcome:
        """The relay refused that line for good."""
        self._pending = [
            replace(each, state=LineState.FAILED) if each.id == line_id else each for each in self._pending
        ]
        return Outcome(changed=True)

    def fail_all(self) -> None:
        """Nothing is sent any more: the session is over."""
        self._pending = [replace(each, state=LineState.FAILED) for each in self._pending]

    def again(self, line_id: str) -> None:
        """A refused line is on its way once more, behind the others."""
        found = [replace(each, state=LineState.SENDING) for each in self._pending if each.id == line_id]
        self._pending = [each for each in self._pending if each.id != line_id] + found

    def take_place(self, place: Place) -> Outcome:
        """The customer's place in line; assistants who stayed read it too."""
        if self._view.transfer is None or self._view.place == place:
            return Outcome()
        self._view = msgspec.structs.replace(self._view, place=place)
        return Outcome(changed=True)

    def withdrew(self, withdrew: bool) -> None:
        """We took our question for control back ourselves (or ask anew): that it is off the table is no news."""
        self._withdrew = withdrew

    def set_picture(self, picture: Picture) -> Outcome:
        """What the view is showing."""
        changed, self._picture = picture is not self._picture, picture
        return Outcome(changed=changed)

    def set_cameras(self, shown: tuple[CameraView, ...]) -> Outcome:
        """What the cameras are showing."""
        changed, self._cameras = shown != self._cameras, shown
        return Outcome(changed=changed)

    # --- snapshots

    def _replace(self, view: SessionView) -> Outcome:
        old = self._view
        outcome = Outcome(changed=True)
        lines = {line.id: line for line in (*old.chat, *view.chat)}
        known = {line.id for line in old.chat}
        chat = tuple(sorted(lines.values(), key=lambda line: line.seq))
        self._view = msgspec.structs.replace(view, chat=chat)
        before = {each.id: each for each in old.participants}
        after = {each.id: each for each in view.participants}
        for each in view.participants:
            was = before.get(each.id)
            if was is None:
                self._arrived(outcome, each)
            else:
                self._differs(outcome, was, each)
        for each in old.participants:
            if each.id not in after:
                outcome.gone.append(each.id)
                self._note(outcome, people.departure(each, LeaveReason.LEFT), each)
        for mark in view.marks[len(old.marks) :] if old.seq else ():
            self._note_mark(outcome, mark)
        for line in chat:
            if line.id not in known and old.seq:  # at seq 0 nothing was seen yet: the past is no news
                self._note_line(outcome, line)
        running = {each.id: each for each in view.activities}
        for activity in old.activities:
            if activity.kind in _SHARES and activity.id not in running:
                self._share_ended(outcome, activity, activity)
        for part, over in talk.missed(old, view):
            self._note_talk(outcome, part, over)
        for activity in view.activities:
            was_running = any(each.id == activity.id and each.state is ActivityState.RUNNING for each in old.activities)
            if activity.state is ActivityState.RUNNING and not was_running:
                self._note_share(outcome, activity)
        if view.state is SessionState.ENDED and old.state is not SessionState.ENDED:
            outcome.ended = view.end_reason or EndReason.EXPIRED
        self._settle_pending()
        self._settle_stopped()
        return outcome

    # --- facts

    def _joined(self, fact: wire.ParticipantJoined) -> Outcome:
        outcome = Outcome()
        known = self.person(fact.participant.id) is not None
        self._put_person(fact.participant)
        if not known:
            self._arrived(outcome, fact.participant)
        return outcome

    def _person_changed(self, fact: wire.ParticipantChanged) -> Outcome:
        outcome = Outcome()
        was = self.person(fact.participant.id)
        self._put_person(fact.participant)
        if was is None:
            self._arrived(outcome, fact.participant)
        else:
            self._differs(outcome, was, fact.participant)
        return outcome

    def _connection(self, fact: wire.ParticipantConnection) -> Outcome:
        outcome = Outcome()
        was = self.person(fact.participant_id)
        if was is not None:
            person = msgspec.structs.replace(was, connection=fact.connection)
            self._put_person(person)
            self._differs(outcome, was, person)
        return outcome

    def _left(self, fact: wire.ParticipantLeft) -> Outcome:
        outcome = Outcome()
        person = self.person(fact.participant_id)
        if person is None:
            return outcome
        if person.id == self._view.you:
            # A controller goes only by passing the session on, or when it went back to its queue without him.
            ceded = person.role is Role.CONTROLLER
            on_his_own = LeftWhy.LEFT if fact.reason is LeaveReason.LEFT else LeftWhy.REMOVED
            outcome.left = LeftWhy.TRANSFERRED if ceded else on_his_own
        self._note(outcome, people.departure(person, fact.reason), person)
        outcome.gone.append(person.id)
        for activity in self._view.activities:
            if activity.subject == person.id:
                self._share_ended(outcome, activity, activity)
        self._view = msgspec.structs.replace(
            self._view,
            participants=tuple(each for each in self._view.participants if each.id != person.id),
            activities=tuple(each for each in self._view.activities if each.subject != person.id),
        )
        return outcome

    def _activity(self, fact: wire.ActivityChanged) -> Outcome:
        outcome = Outcome()
        new = fact.activity
        was = next((each for each in self._view.activities if each.id == new.id), None)
        others = tuple(each for each in self._view.activities if each.id != new.id)
        if new.kind is ActivityKind.RECORDING:
            self._note_recording(outcome, was, new)
        news = None if new.id in self._stopped else cameras.news(was, new, self._view.you)
        person = self.person((new.ended_by or "") if news is Happening.MY_CAMERA_STOPPED else new.subject)
        if person is not None:
            self._note(outcome, news, person)
        self._note_talk(outcome, was, new)
        if new.state is ActivityState.ENDED:
            self._view = msgspec.structs.replace(self._view, activities=others)
            if was is not None:
                self._share_ended(outcome, new, was)
            return outcome
        if was is not None and was.state is ActivityState.RUNNING and new.state is ActivityState.ASKED:
            return outcome  # no such step; the running one is the truth
        self._view = msgspec.structs.replace(self._view, activities=(*others, new))
        if new.state is ActivityState.RUNNING and (was is None or was.state is not ActivityState.RUNNING):
            self._note_share(outcome, new)
        return outcome

    def _chat(self, fact: wire.ChatAdded) -> Outcome:
        outcome = Outcome()
        if all(line.id != fact.line.id for line in self._view.chat):
            chat = tuple(sorted((*self._view.chat, fact.line), key=lambda line: line.seq))
            self._view = msgspec.structs.replace(self._view, chat=chat)
            self._note_line(outcome, fact.line)
        self._settle_pending()
        return outcome

    def _session(self, fact: wire.SessionChanged) -> Outcome:
        if fact.state is not SessionState.ENDED:  # the end has a fact of its own, with a reason
            place = None if fact.transfer is None else self._view.place
            self._view = msgspec.structs.replace(
                self._view, state=fact.state, locked=fact.locked, transfer=fact.transfer, place=place
            )
        return Outcome()

    def _mark(self, fact: wire.MarkAdded) -> Outcome:
        outcome = Outcome()
        self._view = msgspec.structs.replace(self._view, marks=(*self._view.marks, fact.mark))
        self._note_mark(outcome, fact.mark)
        return outcome

    def _ended(self, fact: wire.SessionEnded) -> Outcome:
        outcome = Outcome(ended=fact.reason)
        for activity in self._view.activities:
            if activity.kind in _SHARES:
                outcome.share_over.append(activity.subject)
        self._view = msgspec.structs.replace(
            self._view, state=SessionState.ENDED, end_reason=fact.reason, activities=(), transfer=None, place=None
        )
        self._picture = Picture.NONE
        return outcome

    # --- pieces

    def _put_person(self, person: ParticipantView) -> None:
        people = self._view.participants
        if any(each.id == person.id for each in people):
            people = tuple(person if each.id == person.id else each for each in people)
        else:
            people = (*people, person)
        self._view = msgspec.structs.replace(self._view, participants=people)

    def _settle_pending(self) -> bool:
        """Drop what is in the transcript by now: known by its id, or by the number the relay gave it."""
        ids = {line.id for line in self._view.chat}
        numbers = {line.seq for line in self._view.chat if line.sender == self._view.you}
        done = {each.id for each in self._pending if each.id in ids or self._confirmed.get(each.id) in numbers}
        self._pending = [each for each in self._pending if each.id not in done]
        for line_id in done:
            self._confirmed.pop(line_id, None)
        return bool(done)

    def _settle_stopped(self) -> None:
        self._stopped &= {each.id for each in self._view.activities}

    def _arrived(self, outcome: Outcome, person: ParticipantView) -> None:
        self._note(outcome, people.arrival(person), person)
        if person.asks_control and self.is_hub:
            self._note(outcome, Happening.ASKS_CONTROL, person)
        self._watch_control(outcome, person)

    def _differs(self, outcome: Outcome, was: ParticipantView, now: ParticipantView) -> None:
        for what in people.changes(was, now, to_controller=self.is_hub):
            self._note(outcome, what, now)
        refused = was.asks_control and not now.asks_control and now.role is Role.ASSISTANT and not self._withdrew
        if now.id == self._view.you and refused and self._controller is not None:
            outcome.attention.append(Attention(self._view.id, Happening.CONTROL_REFUSED, self._controller.name))
        self._watch_control(outcome, now)

    def _watch_control(self, outcome: Outcome, person: ParticipantView) -> None:
        """Tell that control moved, from the one who had it last to `person`."""
        if person.role is not Role.CONTROLLER:
            return
        former, self._controller = self._controller, person
        if former is None or former.id == person.id:
            return
        if person.id == self._view.you:
            outcome.attention.append(Attention(self._view.id, Happening.CONTROL_GIVEN, former.name))
        else:
            gone = former.id == self._view.you
            self._note(outcome, Happening.CONTROL_GONE if gone else Happening.CONTROL_MOVED, person)

    def _note_mark(self, outcome: Outcome, mark: Mark) -> None:
        if mark.kind is MarkKind.PASSED_ON and self.person(self._view.you) is not None:
            outcome.attention.append(Attention(self._view.id, Happening.PASSED_ON, mark.former))

    def _note(self, outcome: Outcome, what: Happening | None, person: ParticipantView) -> None:
        if what is not None and person.id != self._view.you:
            outcome.attention.append(Attention(self._view.id, what, person.name))

    def _note_line(self, outcome: Outcome, line: ChatLine) -> None:
        if line.sender != self._view.you:
            outcome.attention.append(Attention(self._view.id, Happening.CHAT, line.sender_name, line))

    def _note_share(self, outcome: Outcome, activity: ActivityView) -> None:
        person = self.person(activity.subject)
        if activity.kind in _SHARES and person is not None and activity.id not in self._stopped:
            self._note(outcome, Happening.SHARING, person)

    def _note_recording(self, outcome: Outcome, was: ActivityView | None, new: ActivityView) -> None:
        """What becomes of the question, and who stopped it; what a transfer or the end did is told elsewhere."""
        ran = was is not None and was.state is ActivityState.RUNNING
        if new.state is ActivityState.RUNNING and not ran:
            person, what = self.person(new.subject), Happening.RECORDED
        elif new.state is ActivityState.ENDED and new.end is ActivityEnd.DENIED:
            person, what = self.person(new.subject), Happening.RECORDING_DENIED
        elif new.state is ActivityState.ENDED and new.end is ActivityEnd.STOPPED and ran:
            person, what = self.person(new.ended_by or ""), Happening.RECORDING_STOPPED
        else:
            return
        if person is not None:
            self._note(outcome, what, person)

    def _note_talk(self, outcome: Outcome, was: ActivityView | None, new: ActivityView) -> None:
        found = talk.news(was, new, self._view)
        if found is not None:
            person = self.person(found[1])
            outcome.attention.append(Attention(self._view.id, found[0], "" if person is None else person.name))

    def _share_ended(self, outcome: Outcome, activity: ActivityView, was: ActivityView) -> None:
        if activity.kind not in _SHARES:
            return
        outcome.share_over.append(activity.subject)
        person = self.person(activity.subject)
        if person is None or activity.ended_by == self._view.you or activity.id in self._stopped:
            return
        if activity.end in (ActivityEnd.DENIED, ActivityEnd.PICKER_DISMISSED):
            self._note(outcome, Happening.DENIED, person)
        elif was.state is not ActivityState.RUNNING:
            return  # nothing was shown yet; why the question is gone is told by what took it away
        elif activity.end in (ActivityEnd.STOPPED, ActivityEnd.SOURCE_ENDED, ActivityEnd.PAGE_RELOADED, None):
            self._note(outcome, Happening.STOPPED, person)


_STEPS: dict[type, Callable[..., Outcome]] = {
    wire.ParticipantJoined: SessionMachine._joined,
    wire.ParticipantChanged: SessionMachine._person_changed,
    wire.ParticipantConnection: SessionMachine._connection,
    wire.ParticipantLeft: SessionMachine._left,
    wire.ActivityChanged: SessionMachine._activity,
    wire.ChatAdded: SessionMachine._chat,
    wire.MarkAdded: SessionMachine._mark,
    wire.SessionChanged: SessionMachine._session,
    wire.SessionEnded: SessionMachine._ended,
}


def online_customers(view: SessionView) -> list[ParticipantView]:
    """The customers whose pages hang on the relay right now."""
    return [each for each in view.participants if each.role in CUSTOMERS and each.connection is Connection.ONLINE]


def primary_of(view: SessionView) -> ParticipantView | None:
    """The customer being helped."""
    return next((each for each in view.participants if each.role is Role.PRIMARY), None)


def controller_of(view: SessionView) -> ParticipantView | None:
    """The rep in charge."""
    return next((each for each in view.participants if each.role is Role.CONTROLLER), None)


def came_by_queue(view: SessionView) -> bool:
    """Whether the session has stood in a queue, to which it returns when its controller is lost (B-12.6)."""
    return view.intake is not None or any(each.kind in (MarkKind.QUEUED, MarkKind.ACCEPTED) for each in view.marks)
