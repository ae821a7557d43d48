"""One session without a relay: people act, facts follow, each person keeps what was told to him; for playbooks."""

import itertools
from collections.abc import Callable

from server_stub.state import activities, decide, tokens
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import ActivitySet, Entry, Fact, decode_fact, encode_fact
from server_stub.state.model import Participant, Session, apply
from server_stub.state.project import project
from server_stub.state.refused import Refused
from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, Source
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import (
    AccountView,
    Audience,
    Connection,
    EndReason,
    LeaveReason,
    Mode,
)

REP = AccountView(id="account-ana", name="ana", display_name="Ana Pop")


class Scene:
    """A session with its people.

    Attributes:
        journal: every entry, as the disk would have it.
        told: what each participant was told, in order.
    """

    def __init__(self) -> None:
        self.now_ms = 1_000_000
        self._count = itertools.count(1)
        self.session = Session("session-1")
        self.journal: list[Entry] = []
        self.told: dict[str, list[events.SessionEvent]] = {}
        self.tokens: dict[str, list[str]] = {}
        start = requests.SessionStart(request_id="start-1", mode=Mode.MULTI)
        self._commit(decide.decide_start(REP, "123456789", start, self.moment))
        self.rep = self._holder(Role.CONTROLLER)

    def random(self, count: int) -> bytes:
        """Bytes that never repeat and are the same in every run."""
        return next(self._count).to_bytes(count)

    @property
    def moment(self) -> Moment:
        """Now."""
        return Moment(self.now_ms, self.random)

    def later(self, seconds: float) -> None:
        """Let time pass."""
        self.now_ms += int(seconds * 1_000)

    def _holder(self, role: Role) -> str:
        found = self.session.holder(role)
        assert found is not None
        return found.id

    def person(self, participant_id: str) -> Participant:
        """Somebody who is or was in it."""
        return self.session.participants[participant_id]

    def _commit(self, facts: list[Fact]) -> list[Fact]:
        for fact in facts:
            # Through the journal's form and back, so that whatever a playbook shows also holds after a restart.
            entry = Entry(self.session.id, self.session.seq + 1, self.now_ms, decode_fact(encode_fact(fact)))
            apply(self.session, entry)
            self.journal.append(entry)
            for viewer in self.session.participants.values():
                event = project(self.session, entry, viewer)
                if event is not None:
                    self.told.setdefault(viewer.id, []).append(event)
        return facts

    def act(self, event: str, who: str, decision: Callable[[Participant], list[Fact]]) -> list[Fact]:
        """Somebody sends an event, and the table is asked first, as the relay does."""
        me = self.session.member(who)
        if me is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        authorise(event, me.role, self.session.state)
        return self._commit(decision(me))

    def join(self, name: str = "Maria", request_id: str = "join-request-0001", device: object = None) -> str:
        """A customer joins; gives his id."""
        report = device if isinstance(device, requests.DeviceReport) else requests.DeviceReport()
        token = tokens.new_token(self.random)
        request = requests.SessionJoin(request_id=request_id, name=name, number="123456789", device=report)
        made = decide.decide_join(self.session, request, "ro", token, self.moment)
        self._commit(made.facts)
        self.tokens.setdefault(made.participant_id, []).append(token)
        return made.participant_id

    def resume(self, token: str) -> str:
        """A page comes back with a token; gives who it is."""
        me = decide.find_by_token(self.session, token)
        authorise("session.resume", me.role, self.session.state)
        new = tokens.new_token(self.random)
        if self._commit(decide.decide_resume(self.session, me, token, new)):
            self.tokens[me.id].append(new)
        return me.id

    def connection(self, who: str, connection: Connection) -> None:
        """A connection changes."""
        self._commit(decide.decide_connection(self.session, self.person(who), connection, self.moment))

    def expire(self) -> None:
        """Let the relay look at its clock until nothing more follows."""
        while self._commit(decide.decide_expiry(self.session, self.moment)):
            pass

    def say(self, who: str, text: str, line_id: str = "", audience: Audience = Audience.ALL) -> None:
        """Somebody writes a line."""
        line = line_id or f"line-{next(self._count)}"
        request = requests.ChatSend(session_id=self.session.id, line_id=line, text=text, audience=audience)
        self.act("chat.send", who, lambda me: decide.decide_chat(self.session, me, request, self.moment))

    def ask(self, who: str, subject: str, kind: ActivityKind = ActivityKind.VIEW) -> str:
        """Somebody asks for an activity; gives its id."""
        request = requests.ActivityAsk(
            session_id=self.session.id, request_id=f"r-{next(self._count)}", kind=kind, subject=subject
        )
        facts = self.act(
            "activity.ask",
            who,
            lambda me: activities.decide_ask(self.session, me, request, self.now_ms, f"a-{next(self._count)}"),
        )
        return self._activity(facts)

    def offer(self, who: str, kind: ActivityKind = ActivityKind.VIEW) -> str:
        """Somebody starts an activity of his own accord; gives its id."""
        request = requests.ActivityOffer(
            session_id=self.session.id, request_id=f"r-{next(self._count)}", kind=kind, source=Source.SCREEN
        )
        facts = self.act(
            "activity.offer",
            who,
            lambda me: activities.decide_offer(self.session, me, request, self.now_ms, f"a-{next(self._count)}"),
        )
        return self._activity(facts)

    @staticmethod
    def _activity(facts: list[Fact]) -> str:
        return next(fact.activity.id for fact in facts if isinstance(fact, ActivitySet))

    def answer(self, who: str, activity_id: str, accept: bool, words: str = "") -> None:
        """Somebody says yes or no."""
        request = requests.ActivityAnswer(
            session_id=self.session.id, activity_id=activity_id, accept=accept, source=Source.SCREEN, words=words
        )
        self.act("activity.answer", who, lambda me: activities.decide_answer(self.session, me, request, self.now_ms))

    def update(self, who: str, activity_id: str, **fields: object) -> None:
        """Somebody changes a share."""
        request = requests.ActivityUpdate(
            session_id=self.session.id,
            activity_id=activity_id,
            **fields,  # type: ignore[arg-type]
        )
        self.act("activity.update", who, lambda me: activities.decide_update(self.session, me, request, self.now_ms))

    def stop(self, who: str, activity_id: str, reason: ActivityEnd = ActivityEnd.STOPPED) -> None:
        """Somebody stops an activity."""
        request = requests.ActivityStop(session_id=self.session.id, activity_id=activity_id, reason=reason)
        self.act("activity.stop", who, lambda me: activities.decide_stop(self.session, me, request, self.now_ms))

    def leave(self, who: str) -> None:
        """Somebody leaves."""
        self.act(
            "session.leave",
            who,
            lambda me: decide.decide_leave(self.session, me, LeaveReason.LEFT, self.moment),
        )

    def end(self, who: str) -> None:
        """Somebody ends the session."""
        self.act(
            "session.end",
            who,
            lambda me: decide.decide_end(self.session, EndReason.ENDED_BY_REP, me.id, self.moment),
        )

    def facts_told(self, who: str) -> list[events.SessionFact]:
        """What somebody was told."""
        return [event.fact for event in self.told.get(who, [])]

    def rebuilt(self) -> Session:
        """The session as a restarted relay would have it."""
        session = Session(self.session.id)
        for entry in self.journal:
            apply(session, entry)
        return session
