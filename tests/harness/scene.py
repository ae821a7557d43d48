"""One session without a relay: people act, facts follow, each person keeps what was told to him; for playbooks."""

import itertools
from collections.abc import Callable

from server_stub.state import activities, control, customers, decide, files, leaving, tokens, transfer
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import ActivitySet, Entry, Fact, decode_fact, encode_fact
from server_stub.state.model import Participant, Session, apply
from server_stub.state.project import project, snapshot
from server_stub.state.refused import Refused
from support_manager.protocol import events, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, Source
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role
from support_manager.protocol.views import (
    AGENT,
    AccountView,
    Audience,
    Connection,
    EndReason,
    LeaveReason,
    Mode,
    SessionView,
)
from tests.harness.screens import Screen

REP = AccountView(
    id="account-ana", name="ana", display_name="Ana Pop", privileges=(AGENT,), modes=(Mode.MULTI, Mode.SINGLE)
)

FILE_RULES = files.FileRules(size_bytes=1_000, per_session=3, at_once=2, site_bytes=10_000, idle_s=600)


def account(name: str, *, privileges: tuple[str, ...] = (AGENT,)) -> AccountView:
    """A colleague who may work in both modes."""
    return AccountView(
        id=f"account-{name.lower()}",
        name=name.lower(),
        display_name=name,
        privileges=privileges,
        modes=(Mode.MULTI, Mode.SINGLE),
    )


class Scene:
    """A session with its people.

    Attributes:
        journal: every entry, as the disk would have it.
        told: what each participant was told, in order.
    """

    def __init__(self, mode: Mode = Mode.MULTI, *, by_form: bool = False) -> None:
        self.now_ms = 1_000_000
        self._count = itertools.count(1)
        self.session = Session("session-1")
        self.journal: list[Entry] = []
        self.told: dict[str, list[events.SessionEvent]] = {}
        self.tokens: dict[str, list[str]] = {}
        self.screens: dict[str, Screen] = {}
        """What each participant sees, built from snapshots and from what he was told."""
        self.rep = ""
        if by_form:
            self.customer = self._enter()
            """Who filled in the queue's entry form."""
        else:
            start = requests.SessionStart(request_id="start-1", mode=mode)
            self._commit(decide.decide_start(REP, "123456789", start, self.moment))
            self.rep = self._holder(Role.CONTROLLER)
            self._look(self.rep)
        self.limit: int | None = None
        """How many customers whoever is or becomes the controller may help."""

    @property
    def room(self) -> int | None:
        """How many customers more fit."""
        return None if self.limit is None else self.limit - len(self.session.customers())

    def _enter(self) -> str:
        token = tokens.new_token(self.random)
        request = requests.QueueEnter(
            request_id="enter-request-0001", queue="support", name="Maria", email="maria@example.org", problem="Help"
        )
        made = transfer.decide_queue_enter("123456789", "support", "Support", request, "ro", token, self.moment)
        self._commit(made.facts)
        self.tokens[made.participant_id] = [token]
        self._look(made.participant_id)
        return made.participant_id

    def view(self, who: str) -> SessionView:
        """A fresh snapshot for somebody."""
        return snapshot(self.session, self.person(who), link="link")

    def _look(self, who: str) -> None:
        if who in self.screens:
            self.screens[who].take(self.view(who))
        else:
            self.screens[who] = Screen(self.view(who))

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
                    if viewer.id in self.screens:
                        self.screens[viewer.id].hear(event)
        for who, screen in self.screens.items():
            if screen.is_let_in:
                self._look(who)
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
        made = customers.decide_join(self.session, request, "ro", token, self.moment, room=self.room)
        self._commit(made.facts)
        self.tokens.setdefault(made.participant_id, []).append(token)
        self._look(made.participant_id)
        return made.participant_id

    def resume(self, token: str) -> str:
        """A page comes back with a token; gives who it is."""
        me = decide.find_by_token(self.session, token)
        authorise("session.resume", me.role, self.session.state)
        new = tokens.new_token(self.random)
        if self._commit(decide.decide_resume(self.session, me, token, new)):
            self.tokens[me.id].append(new)
        self._look(me.id)
        return me.id

    def connection(self, who: str, connection: Connection) -> None:
        """A connection changes."""
        self._commit(decide.decide_connection(self.session, self.person(who), connection, self.moment))

    def expire(self) -> None:
        """Let the relay look at its clock until nothing more follows."""
        while self._commit(leaving.decide_expiry(self.session, self.moment)):
            pass

    def report(self, who: str, device: requests.DeviceReport) -> None:
        """Somebody's device tells what it can do."""
        request = requests.ParticipantReport(session_id=self.session.id, device=device)
        self.act("participant.report", who, lambda me: decide.decide_report(me, request))

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

    def offer_file(self, who: str, size: int = 10, rules: files.FileRules = FILE_RULES) -> str:
        """Somebody offers the other end a file; gives the activity's id."""
        number = next(self._count)
        request = requests.ActivityOffer(
            session_id=self.session.id,
            request_id=f"r-{number}",
            kind=ActivityKind.FILE,
            file=requests.FileOffer(transfer=f"t{number}", size=size, key_id="key", sealed="sealed"),
        )
        facts = self.act(
            "activity.offer",
            who,
            lambda me: files.decide_offer(self.session, me, request, self.now_ms, f"a-{next(self._count)}", rules),
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
            lambda me: leaving.decide_leave(self.session, me, LeaveReason.LEFT, self.moment),
        )

    def end(self, who: str) -> None:
        """Somebody ends the session."""
        self.act(
            "session.end",
            who,
            lambda me: decide.decide_end(self.session, EndReason.ENDED_BY_REP, me.id, self.moment),
        )

    # Reps and roles

    def assist(self, name: str = "Bogdan", request_id: str = "") -> str:
        """A colleague comes in as an assistant; gives his id."""
        request_id = request_id or f"assist-{next(self._count)}"
        facts, who = control.decide_assist(self.session, account(name), request_id, self.moment)
        self._commit(facts)
        self._look(who)
        return who

    def lock(self, who: str, locked: bool = True) -> None:
        """The controller locks or opens the session."""
        request = requests.SessionLock(session_id=self.session.id, locked=locked)
        self.act("session.lock", who, lambda me: customers.decide_lock(self.session, request))

    def admit(self, who: str, customer: str, accept: bool = True) -> None:
        """The controller lets somebody in, or sends him away."""
        request = requests.CustomerAdmit(session_id=self.session.id, participant_id=customer, accept=accept)
        self.act(
            "customer.admit",
            who,
            lambda me: customers.decide_admit(self.session, me, request, self.moment, room=self.room),
        )

    def let_in(self) -> None:
        """The relay lets in whoever waits for room, one after the other."""
        while self._commit(customers.decide_let_in(self.session, self.moment, room=self.room)):
            pass

    def select(self, who: str, customer: str) -> None:
        """The controller helps another customer."""
        request = requests.CustomerSelect(session_id=self.session.id, participant_id=customer)
        self.act("customer.select", who, lambda me: customers.decide_select(self.session, me, request, self.moment))

    def transfer_control(self, who: str, to: str, *, room: int | None = None) -> None:
        """The controller gives control to an assistant."""
        me = self.session.member(who)
        if me is not None and me.was_controller and me.role is Role.ASSISTANT and self.session.is_live:
            # As the relay does: who has just lost control is told so, not that he may not.
            self._commit(control.decide_transfer_control(self.session, me, to, self.moment))
            return
        self.act(
            "control.transfer",
            who,
            lambda me: control.decide_transfer_control(self.session, me, to, self.moment, room=room),
        )

    def ask_control(self, who: str, asking: bool = True) -> None:
        """An assistant asks for control, or takes that back."""
        request = requests.ControlAsk(session_id=self.session.id, asking=asking)
        self.act("control.ask", who, lambda me: control.decide_ask_control(me, request))

    def refuse_control(self, who: str, asker: str) -> None:
        """The controller keeps control."""
        request = requests.ControlRefuse(session_id=self.session.id, participant_id=asker)
        self.act("control.refuse", who, lambda me: control.decide_refuse_control(self.session, me, request))

    def take_control(self, who: str, *, room: int | None = None) -> None:
        """An assistant takes over."""
        self.act("control.take", who, lambda me: control.decide_take_control(self.session, me, self.moment, room=room))

    def pass_on(self, who: str, *, queue: str | None = None, agents: tuple[str, ...] = (), message: str = "") -> None:
        """The controller cedes the session to a queue or to agents, by their names."""
        queue_name = f"Queue {queue}" if queue else ""
        request = requests.SessionTransfer(
            session_id=self.session.id,
            queue_id=queue,
            agents=tuple(account(name).id for name in agents),
            message=message,
        )
        self.act(
            "session.transfer",
            who,
            lambda me: transfer.decide_pass_on(self.session, me, request, queue_name, self.moment),
        )

    def fall_to_queue(self, queue: str = "support") -> None:
        """Nobody accepted."""
        self._commit(transfer.decide_fall_to_queue(self.session, queue, f"Queue {queue}", self.moment))

    def accept(self, name: str) -> str:
        """An agent accepts; gives his id in the session."""
        facts, who = transfer.decide_accept(self.session, account(name), self.moment, room=self.limit)
        self._commit(facts)
        self._look(who)
        return who

    def facts_told(self, who: str) -> list[events.SessionFact]:
        """What somebody was told."""
        return [event.fact for event in self.told.get(who, [])]

    def rebuilt(self) -> Session:
        """The session as a restarted relay would have it."""
        session = Session(self.session.id)
        for entry in self.journal:
            apply(session, entry)
        return session
