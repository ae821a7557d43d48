"""What somebody's screen shows of a session: built from a snapshot and the events told since, as every client does."""

from typing import assert_never

import msgspec

from support_manager.protocol import events
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    ChatLine,
    EndReason,
    LeaveReason,
    Mark,
    ParticipantView,
    SessionView,
    TransferView,
)


class Screen:
    """One person's screen.

    Args:
        view: the snapshot with which he came in.
    """

    def __init__(self, view: SessionView) -> None:
        self.you = view.you
        self.gone: LeaveReason | None = None
        """Why he is out of it himself."""
        self.is_let_in = False
        """Whether he has just been let in and must ask for a whole snapshot (`session.resume`)."""
        self.take(view)

    def take(self, view: SessionView) -> None:
        """A snapshot replaces everything."""
        assert view.you == self.you
        self.seq = view.seq
        self.state: SessionState = view.state
        self.locked = view.locked
        self.transfer: TransferView | None = view.transfer
        self.people: dict[str, ParticipantView] = {person.id: person for person in view.participants}
        self.activities: dict[str, ActivityView] = {activity.id: activity for activity in view.activities}
        self.chat: list[ChatLine] = list(view.chat)
        self.marks: list[Mark] = list(view.marks)
        self.end_reason: EndReason | None = view.end_reason
        self.is_let_in = False

    @property
    def role(self) -> Role | None:
        """What he is, as he sees it; None once he is out."""
        return self.people[self.you].role if self.gone is None else None

    def hear(self, event: events.SessionEvent) -> None:
        """One event; whatever the snapshot contained already is dropped."""
        if event.seq <= self.seq or self.gone is not None:
            return
        self.seq = event.seq
        fact = event.fact
        match fact:
            case events.ParticipantJoined():
                self.people[fact.participant.id] = fact.participant
            case events.ParticipantChanged():
                before = self.people.get(fact.participant.id)
                if fact.participant.id == self.you and before is not None and before.role is Role.WAITING:
                    self.is_let_in = True
                self.people[fact.participant.id] = fact.participant
            case events.ParticipantConnection():
                person = self.people[fact.participant_id]
                self.people[person.id] = msgspec.structs.replace(person, connection=fact.connection)
            case events.ParticipantLeft():
                if fact.participant_id == self.you:
                    self.gone = fact.reason
                else:
                    del self.people[fact.participant_id]
            case events.ActivityChanged():
                if fact.activity.state is ActivityState.ENDED:
                    self.activities.pop(fact.activity.id, None)
                else:
                    self.activities[fact.activity.id] = fact.activity
            case events.ChatAdded():
                self.chat.append(fact.line)
            case events.MarkAdded():
                self.marks.append(fact.mark)
            case events.SessionChanged():
                self.state, self.locked, self.transfer = fact.state, fact.locked, fact.transfer
            case events.SessionEnded():
                self.state, self.transfer, self.end_reason = SessionState.ENDED, None, fact.reason
            case _:
                assert_never(fact)

    def differences(self, view: SessionView) -> list[str]:
        """Where this screen shows something else than a fresh snapshot would."""
        fresh = Screen(view)
        shown: tuple[str, ...] = ("state", "locked", "transfer", "people", "activities", "chat", "marks", "end_reason")
        if self.role is Role.WAITING:
            # He learns of the end and of nothing else, so the session's state before that is not his.
            shown = ("people", "activities", "chat", "marks", "end_reason")
        return [
            f"{name}: {getattr(self, name)} != {getattr(fresh, name)}"
            for name in shown
            if getattr(self, name) != getattr(fresh, name)
        ]
