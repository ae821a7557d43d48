"""Whatever people do, a rep's screen fed with the relay's events shows what a fresh snapshot would show him."""

import itertools
import random
from collections.abc import Callable
from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from server_stub.state import activities, control, customers, decide, leaving, transfer
from server_stub.state.decide import Moment
from server_stub.state.facts import Entry, Fact
from server_stub.state.model import Participant, Session, apply
from server_stub.state.project import project, snapshot
from server_stub.state.refused import Refused
from support_manager.events import Happening
from support_manager.protocol import requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind
from support_manager.protocol.roles import REPS, Role
from support_manager.protocol.views import AGENT, AccountView, Audience, Connection, EndReason, LeaveReason, Mode
from support_manager.session.machine import SessionMachine

ACCOUNTS = [
    AccountView(
        id=f"account-{name}", name=name, display_name=name.title(), privileges=(AGENT,), modes=(Mode.SINGLE, Mode.MULTI)
    )
    for name in ("ana", "bob", "eva")
]
Act = tuple[str, int, int, bool]
ACTORS = {
    **dict.fromkeys(("admit", "select", "give", "refuse", "pass", "view", "record", "call", "mine"), Role.CONTROLLER),
    **dict.fromkeys(("offer", "answer", "stop"), Role.PRIMARY),
}
CONCERNED = {
    "admit": Role.WAITING,
    "select": Role.SECONDARY,
    "give": Role.ASSISTANT,
    "refuse": Role.ASSISTANT,
    "view": Role.PRIMARY,
    "record": Role.PRIMARY,
    "call": Role.PRIMARY,
    "mine": Role.PRIMARY,
}


class Scene:
    """One session at the relay, and the screens of the reps who are in it."""

    def __init__(self) -> None:
        self.session = Session("s1")
        self.screens: dict[str, SessionMachine] = {}
        self.news: list[Happening] = []
        self._ids = itertools.count(1)
        self._random = random.Random(1)
        self._now = 1_000
        started = requests.SessionStart(request_id="start", mode=Mode.SINGLE)
        self.do(lambda m: decide.decide_start(ACCOUNTS[0], "482119903", started, m))

    def fresh(self, person: Participant) -> Any:
        return snapshot(self.session, person, link="link")

    def do(self, decision: Callable[[Moment], list[Fact]]) -> None:
        """Decide, apply and tell, as the relay does; whoever is new begins with a snapshot."""
        self._now += 1_000
        try:
            facts = decision(Moment(self._now, self._random.randbytes))
        except Refused:
            return
        for fact in facts:
            entry = Entry("s1", self.session.seq + 1, self._now, fact)
            apply(self.session, entry)
            for person_id, machine in self.screens.items():
                event = project(self.session, entry, self.session.participants[person_id])
                if event is not None:
                    self.news += [each.what for each in machine.apply(event).attention]
        for person in self.session.members():
            if person.role in REPS and person.id not in self.screens:
                self.screens[person.id] = SessionMachine(self.fresh(person))

    def act(self, act: Act) -> None:
        name, who, whom, yes = act
        members = self.session.members()
        if not members:
            return
        me, other = members[who % len(members)], members[whom % len(members)]
        if who % 2 == 0:  # more often than by chance, whoever may do it
            me = next((each for each in members if each.role is ACTORS.get(name)), me)
        if whom % 2 == 0:
            wanted = CONCERNED.get(name)
            other = next((each for each in members if each.role is wanted and each is not me), other)
        account = ACCOUNTS[who % len(ACCOUNTS)]
        s, new = self.session, f"id-{next(self._ids):016}"
        kind = ActivityKind.VIEW if yes else ActivityKind.VIDEO
        one_of_them = next(itertools.islice(s.activities, whom % max(1, len(s.activities)), None), "")

        def with_role(event: str, decision: Callable[[Moment], list[Fact]]) -> Callable[[Moment], list[Fact]]:
            def allowed(moment: Moment) -> list[Fact]:
                decide.authorise(event, me.role, s.state)
                return decision(moment)

            return allowed

        def ask(message: type, **fields: Any) -> Any:
            return message(session_id="s1", **fields)

        match name:
            case "join":
                request = requests.SessionJoin(request_id=new, name=f"Guest {who}", number="482119903")
                room = 0 if yes and not whom else None
                if s.is_live:
                    self.do(lambda m: customers.decide_join(s, request, "en", "t" * 43, m, room=room).facts)
            case "assist":
                self.do(lambda m: control.decide_assist(s, account, new, m)[0])
            case "leave" if yes:
                left = with_role("session.leave", lambda m: leaving.decide_leave(s, me, LeaveReason.LEFT, m))
                self.do(left)
            case "admit":
                admit = ask(requests.CustomerAdmit, participant_id=other.id, accept=yes)
                self.do(with_role("customer.admit", lambda m: customers.decide_admit(s, me, admit, m)))
            case "select":
                select = ask(requests.CustomerSelect, participant_id=other.id)
                self.do(with_role("customer.select", lambda m: customers.decide_select(s, me, select, m)))
            case "lock":
                lock = ask(requests.SessionLock, locked=yes)
                self.do(with_role("session.lock", lambda m: customers.decide_lock(s, lock)))
            case "give":
                give = lambda m: control.decide_transfer_control(s, me, other.id, m)  # noqa: E731
                self.do(with_role("control.transfer", give))
            case "want":
                want = ask(requests.ControlAsk, asking=yes)
                self.do(with_role("control.ask", lambda m: control.decide_ask_control(me, want)))
            case "refuse":
                refuse = ask(requests.ControlRefuse, participant_id=other.id)
                self.do(with_role("control.refuse", lambda m: control.decide_refuse_control(s, me, refuse)))
            case "pass":
                to: dict[str, Any] = {"queue_id": "q1"} if yes else {"agents": ("account-eva",)}
                pass_on = ask(requests.SessionTransfer, **to)
                passed = lambda m: transfer.decide_pass_on(s, me, pass_on, "Support" if yes else "", m)  # noqa: E731
                self.do(with_role("session.transfer", passed))
            case "fall" if yes and not who:
                self.do(lambda m: transfer.decide_fall_to_queue(s, "q1", "Support", m))
            case "accept":
                self.do(lambda m: transfer.decide_accept(s, account, m)[0])
            case "lose":
                connection = Connection.LOST if yes else Connection.ONLINE
                self.do(lambda m: decide.decide_connection(s, me, connection, m))
            case "say":
                said = ask(requests.ChatSend, line_id=new, text="x", audience=Audience.REPS if yes else Audience.ALL)
                self.do(with_role("chat.send", lambda m: decide.decide_chat(s, me, said, m)))
            case "view":
                view = ask(requests.ActivityAsk, request_id=new, kind=kind, subject=other.id)
                self.do(with_role("activity.ask", lambda m: activities.decide_ask(s, me, view, m.now_ms, new)))
            case "record":
                record = ask(requests.ActivityAsk, request_id=new, kind=ActivityKind.RECORDING, subject=other.id)
                self.do(with_role("activity.ask", lambda m: activities.decide_ask(s, me, record, m.now_ms, new)))
            case "call":
                call = ask(requests.ActivityAsk, request_id=new, kind=ActivityKind.VOICE, subject=other.id)
                self.do(with_role("activity.ask", lambda m: activities.decide_ask(s, me, call, m.now_ms, new)))
            case "talk" | "mine":
                mine = ActivityKind.DRAW if activities.current(s, ActivityKind.VIEW, other.id) else ActivityKind.VIDEO
                own = ActivityKind.VOICE if name == "talk" else mine
                begin = ask(requests.ActivityOffer, request_id=new, kind=own)
                self.do(with_role("activity.offer", lambda m: activities.decide_offer(s, me, begin, m.now_ms, new)))
            case "offer":
                offer = ask(requests.ActivityOffer, request_id=new, kind=kind)
                self.do(with_role("activity.offer", lambda m: activities.decide_offer(s, me, offer, m.now_ms, new)))
            case "answer" if s.activities:
                answer = ask(requests.ActivityAnswer, activity_id=one_of_them, accept=yes)
                self.do(with_role("activity.answer", lambda m: activities.decide_answer(s, me, answer, m.now_ms)))
            case "stop" if s.activities:
                stop = ask(requests.ActivityStop, activity_id=one_of_them, reason=ActivityEnd.STOPPED)
                self.do(with_role("activity.stop", lambda m: activities.decide_stop(s, me, stop, m.now_ms)))
            case "end":
                ended = lambda m: decide.decide_end(s, EndReason.ENDED_BY_REP, me.id, m)  # noqa: E731
                self.do(with_role("session.end", ended))

    def check(self) -> None:
        hubs = 0
        for person_id, machine in self.screens.items():
            person = self.session.participants[person_id]
            if person.left is not None:
                assert machine.snapshot().role is Role.SIGNED_IN
                continue
            shown, truth = machine.view, self.fresh(person)
            # What says when a thing changed or was heard last is no part of the picture; nor is the dead link.
            same = {"seq": truth.seq, "link": truth.link}
            assert _sorted(msgspec.structs.replace(shown, **same)) == _sorted(truth)
            assert machine.snapshot().role is person.role
            hubs += machine.is_hub
        assert hubs <= 1, "two apps never believe to be in charge"


def _sorted(view: Any) -> Any:
    """Activities have no order."""
    return msgspec.structs.replace(view, activities=tuple(sorted(view.activities, key=lambda each: each.id)))


NAMES = [
    *("join", "join", "assist", "assist", "admit", "admit", "select", "select", "give", "give", "leave", "lock"),
    *("want", "want", "refuse", "pass", "fall", "accept", "accept", "lose", "say"),
    *("view", "view", "offer", "record", "answer", "answer", "stop", "stop", "stop"),
    *("call", "talk", "mine", "mine", "mine"),
]
_acts = st.tuples(st.sampled_from(NAMES), st.integers(0, 5), st.integers(0, 5), st.booleans())


@given(st.lists(_acts, max_size=40), st.booleans())
@settings(max_examples=120, deadline=None)
def test_a_screen_fed_with_events_shows_what_a_fresh_one_shows(acts: list[Act], ends: bool) -> None:
    scene = Scene()
    for act in acts:
        scene.act(act)
        scene.check()
    if ends:
        scene.act(("end", 0, 0, False))
        scene.check()


def test_long_random_days_reach_every_corner_and_agree() -> None:
    """The same with a fixed seed, and proof that the acts above do what they are there for."""
    dice = random.Random(7)
    seen: set[Happening] = set()
    for _ in range(600):
        scene = Scene()
        for _ in range(40):
            scene.act((dice.choice(NAMES), dice.randrange(6), dice.randrange(6), dice.random() < 0.5))
            scene.check()
        seen |= set(scene.news)
    assert seen == set(Happening) - {Happening.CLOSED_PAGE, Happening.FILE_OFFERED, Happening.FILE_ARRIVED}
