"""More than a thousand random interleavings of requests that race: one outcome each, and all screens agree afterwards.

Every client acts on what his own screen shows, which lags behind: the relay carries requests out one at a time in an
order of chance, and what it tells arrives at each screen in order but whenever it likes. Nothing else connects them.
"""

import random
from collections import Counter

import pytest

from server_stub.state import control, customers, decide, leaving, transfer
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import Entry, decode_fact, encode_fact
from server_stub.state.project import project, snapshot
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from server_stub.state.tokens import new_token
from support_manager.protocol import requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import CUSTOMERS, REPS, Role, SessionState
from support_manager.protocol.views import EndReason, LeaveReason, Mode
from tests.harness.scene import account
from tests.harness.screens import Screen

ROUNDS = 250
PASSED_ON = (SessionState.OFFERED, SessionState.QUEUED)


class World:
    """One relay's state with several sessions, and the screens of whoever is in them."""

    def __init__(self, seed):
        self.chance = random.Random(seed)
        self.registry = Registry(b"key")
        self.screens = {}
        self.on_the_way = {}
        self.limit = None
        self.started = 0

    def moment(self):
        return Moment(1_000_000, self.chance.randbytes)

    def room(self, account_id):
        return None if self.limit is None or not account_id else self.limit - self.registry.customers_of(account_id)

    def room_in(self, session):
        holder = session.holder(Role.CONTROLLER)
        return self.room(holder.account_id if holder is not None else "")

    def commit(self, session_id, facts):
        """All facts of one act; what is told is on its way from now on."""
        session = self.registry.get(session_id)
        seq = session.seq if session is not None else 0
        for n, fact in enumerate(facts, 1):
            entry = Entry(session_id, seq + n, 1_000_000, decode_fact(encode_fact(fact)))
            session = self.registry.apply(entry)
            controllers = [p for p in session.members() if p.role is Role.CONTROLLER]
            assert len(controllers) <= 1
            for viewer in session.participants.values():
                event = project(session, entry, viewer)
                if event is not None and viewer.id in self.screens:
                    self.on_the_way[viewer.id].append(event)
        return session

    def look(self, session, who):
        """A client comes in, or asks for a whole snapshot, as the ack of his request brings it."""
        view = snapshot(session, session.participants[who], link="link")
        if who in self.screens:
            self.screens[who].take(view)
        else:
            self.screens[who] = Screen(view)
            self.on_the_way[who] = []

    def start(self, name, mode=Mode.MULTI):
        self.started += 1
        session_id = f"session-{self.started}"
        request = requests.SessionStart(request_id=f"start-{self.started}", mode=mode)
        facts = decide.decide_start(account(name), f"{100_000_000 + self.started}", request, self.moment())
        session = self.commit(session_id, facts)
        self.look(session, session.holder(Role.CONTROLLER).id)
        return session

    def join(self, session, name):
        request = requests.SessionJoin(request_id=f"join-of-{name}-0123456789", name=name, number=session.number)
        room = self.room_in(session)
        made = customers.decide_join(session, request, "en", new_token(self.chance.randbytes), self.moment(), room=room)
        self.commit(session.id, made.facts)
        self.look(session, made.participant_id)
        return made.participant_id

    def assist(self, session, name):
        facts, who = control.decide_assist(session, account(name), f"assist-{name}", self.moment())
        self.commit(session.id, facts)
        self.look(session, who)
        return who

    def accept(self, session, name):
        own = account(name)
        facts, who = transfer.decide_accept(session, own, self.moment(), room=self.room(own.id))
        self.commit(session.id, facts)
        self.look(session, who)
        return who

    def act(self, event, session, who, decision):
        me = session.member(who)
        if me is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        if event == "control.transfer" and me.role is Role.ASSISTANT and me.was_controller and session.is_live:
            raise Refused(ErrorCode.CONTROL_MOVED)
        authorise(event, me.role, session.state)
        self.commit(session.id, decision(me))

    def transfer_control(self, session, who, to):
        def decision(me):
            heir = session.member(to)
            room = self.room(heir.account_id if heir is not None else "")
            return control.decide_transfer_control(session, me, to, self.moment(), room=room)

        self.act("control.transfer", session, who, decision)

    def pass_on(self, session, who, to):
        request = requests.SessionTransfer(session_id=session.id, **to)
        self.act(
            "session.transfer",
            session,
            who,
            lambda me: transfer.decide_pass_on(
                session, me, request, "Support" if request.queue_id else "", self.moment()
            ),
        )

    def end(self, session, who):
        self.act(
            "session.end",
            session,
            who,
            lambda me: decide.decide_end(session, EndReason.ENDED_BY_REP, me.id, self.moment()),
        )

    def leave(self, session, who):
        self.act(
            "session.leave",
            session,
            who,
            lambda me: leaving.decide_leave(session, me, LeaveReason.LEFT, self.moment()),
        )

    def fall(self, session):
        """Nobody accepted in time, as the relay thinks."""
        self.commit(session.id, transfer.decide_fall_to_queue(session, "support", "Support", self.moment()))

    def let_in(self, account_id):
        """What the relay does by itself when there is room."""
        for session in self.registry.controlled_by(account_id):
            self.commit(session.id, customers.decide_let_in(session, self.moment(), room=self.room_in(session)))

    # Chance

    def somebody_leaves(self, sessions):
        inside = [(session, p.id) for session in sessions for p in session.customers()]
        if inside:
            self.leave(*self.chance.choice(inside))
        self.let_in("account-ana")

    def deliver(self, who):
        screen, waiting = self.screens[who], self.on_the_way[who]
        if waiting:
            screen.hear(waiting.pop(0))
            if screen.is_let_in:
                session = next(s for s in self.registry if who in s.participants)
                if session.member(who) is not None:
                    self.look(session, who)
                else:  # he has gone meanwhile: there is no snapshot for him, and he knows why
                    screen.gone = session.participants[who].left

    def race(self, acts):
        """Carry out the acts in an order of chance, news arriving in between; gives what became of each."""
        outcomes = {}
        waiting = list(acts)
        while waiting or any(self.on_the_way.values()):
            late = [who for who, events in self.on_the_way.items() if events]
            if waiting and (not late or self.chance.random() < 0.5):
                name, act, *arguments = waiting.pop(self.chance.randrange(len(waiting)))
                try:
                    act(*arguments)
                    outcomes[name] = None
                except Refused as refused:
                    outcomes[name] = refused.code
            else:
                self.deliver(self.chance.choice(late))
        self.all_agree()
        return outcomes

    def all_agree(self):
        for session in self.registry:
            inside = session.members()
            for person in inside:
                view = snapshot(session, person, link="link")
                assert self.screens[person.id].differences(view) == []
            seen = [self.screens[p.id] for p in inside if p.role is not Role.WAITING]
            assert len({(s.state, s.end_reason, tuple(m.kind for m in s.marks)) for s in seen if s.role in REPS}) <= 1
            assert len({s.state for s in seen}) <= 1
            for person in session.participants.values():
                if person.left is not None:
                    assert self.screens[person.id].gone is person.left
            if session.is_live:
                holders = [p for p in inside if p.role is Role.CONTROLLER]
                assert len(holders) == (0 if session.state in PASSED_ON else 1)
                for screen in seen:
                    shown = [p.id for p in screen.people.values() if p.role is Role.CONTROLLER]
                    assert shown == [p.id for p in holders]
            else:
                assert all(self.screens[p.id].end_reason is session.end_reason for p in inside)
        if self.limit is not None:
            reps = {p.account_id for s in self.registry for p in s.participants.values() if p.account_id}
            assert all(self.registry.customers_of(each) <= self.limit for each in reps)


def won(outcomes):
    return {name for name, code in outcomes.items() if code is None}


def world_with_reps(seed, *names):
    world = World(seed)
    session = world.start("Ana")
    maria = world.join(session, "Maria")
    return world, session, maria, [world.assist(session, name) for name in names]


@pytest.mark.rule("B-9.6")
def test_two_transfers_of_control_at_once():
    winners = Counter()
    for seed in range(ROUNDS):
        world, session, maria, (bogdan, corina) = world_with_reps(seed, "Bogdan", "Corina")
        ana = session.holder(Role.CONTROLLER).id
        outcomes = world.race(
            [
                ("to bogdan", world.transfer_control, session, ana, bogdan),
                ("to corina", world.transfer_control, session, ana, corina),
                ("to the queue", world.pass_on, session, ana, {"queue_id": "support"}),
            ]
        )
        (winner,) = won(outcomes)
        winners[winner] += 1
        if winner == "to the queue":
            # He is out of it: for him there is no such session any more.
            assert set(outcomes.values()) == {None, ErrorCode.SESSION_UNKNOWN}
            assert session.state is SessionState.QUEUED
        else:
            heir = {"to bogdan": bogdan, "to corina": corina}[winner]
            assert session.holder(Role.CONTROLLER).id == heir
            lost = {name: code for name, code in outcomes.items() if code is not None}
            assert lost.pop("to the queue") is ErrorCode.NOT_ALLOWED
            assert set(lost.values()) == {ErrorCode.CONTROL_MOVED}
            assert {world.screens[each].people[heir].role for each in (ana, maria)} == {Role.CONTROLLER}
    assert set(winners) == {"to bogdan", "to corina", "to the queue"}


@pytest.mark.rule("B-9.6", "B-12.1")
def test_a_transfer_against_the_end():
    winners = Counter()
    for seed in range(ROUNDS):
        world, session, maria, (bogdan,) = world_with_reps(seed, "Bogdan")
        ana = session.holder(Role.CONTROLLER).id
        outcomes = world.race(
            [
                ("end", world.end, session, ana),
                ("control", world.transfer_control, session, ana, bogdan),
                ("agents", world.pass_on, session, ana, {"agents": ("account-corina", "account-bogdan")}),
                ("assistant goes", world.leave, session, bogdan),
            ]
        )
        decided = won(outcomes) - {"assistant goes"}
        assert len(decided) == 1
        winners[decided.pop()] += 1
        # Nobody who may not leave has left, whatever came first.
        if not session.is_live:
            assert world.screens[maria].end_reason is EndReason.ENDED_BY_REP
        elif session.state is SessionState.OFFERED:
            assert world.screens[maria].transfer.former == "Ana"
        else:
            assert session.holder(Role.CONTROLLER).id == bogdan
            assert outcomes["assistant goes"] is ErrorCode.NOT_ALLOWED
    assert set(winners) == {"end", "control", "agents"}


@pytest.mark.rule("B-10.4")
def test_accept_against_accept():
    winners = Counter()
    for seed in range(ROUNDS):
        world, session, maria, (bogdan,) = world_with_reps(seed, "Bogdan")
        ana = session.holder(Role.CONTROLLER).id
        world.pass_on(session, ana, {"agents": ("account-bogdan", "account-corina")})
        outcomes = world.race(
            [
                ("bogdan", world.accept, session, "Bogdan"),
                ("corina", world.accept, session, "Corina"),
                ("customer goes", world.leave, session, maria),
                *([("time is up", world.fall, session)] if world.chance.random() < 0.5 else []),
            ]
        )
        accepted = won(outcomes) & {"bogdan", "corina"}
        if accepted:
            (winner,) = accepted
            winners[winner] += 1
            assert session.holder(Role.CONTROLLER).account_id == f"account-{winner}"
            if winner == "bogdan":
                assert session.holder(Role.CONTROLLER).id == bogdan
        else:
            # The customer went before anybody accepted: nothing is left to accept.
            winners["nobody"] += 1
            assert session.state is SessionState.ENDED
        refusals = {outcomes[name] for name in ("bogdan", "corina") if outcomes[name] is not None}
        assert refusals == {ErrorCode.OFFER_GONE}
    assert set(winners) == {"bogdan", "corina", "nobody"}


@pytest.mark.rule("B-6.3", "B-2.5")
def test_joins_at_the_limit():
    seen = Counter()
    for seed in range(ROUNDS):
        world = World(seed)
        world.limit = 2
        # Both modes at once: they count together.
        sessions = [world.start("Ana"), world.start("Ana"), world.start("Ana", Mode.SINGLE)]
        helped = world.start("Bogdan")
        world.join(helped, "Zoe")
        other = world.assist(helped, "Ana")
        bogdan = helped.holder(Role.CONTROLLER).id
        outcomes = world.race(
            [
                ("maria", world.join, sessions[0], "Maria"),
                ("ion", world.join, sessions[1], "Ion"),
                ("vlad", world.join, sessions[2], "Vlad"),
                ("second", world.join, sessions[0], "Second"),
                ("somebody goes", world.somebody_leaves, sessions),
                ("control", world.transfer_control, helped, bogdan, other),
            ]
        )
        world.let_in("account-ana")
        world.race([])
        assert world.registry.customers_of("account-ana") <= 2
        inside = [p for s in sessions for p in s.customers()]
        waiting = [p for s in sessions for p in s.members() if p.role is Role.WAITING]
        assert all(p.role in CUSTOMERS for p in inside)
        # Nobody waits while there is room, and nobody is turned away for the limit.
        assert not waiting or world.registry.customers_of("account-ana") == 2
        assert outcomes["control"] in (None, ErrorCode.COLLEAGUE_FULL)
        assert outcomes["vlad"] is None
        seen[(len(waiting), outcomes["control"])] += 1
    assert len(seen) > 3


@pytest.mark.rule("B-1.2", "B-2.5", "B-5.3")
def test_whom_to_help_against_who_comes_and_goes():
    seen = Counter()
    for seed in range(ROUNDS):
        world = World(seed)
        session = world.start("Ana", Mode.SINGLE)
        ana = session.holder(Role.CONTROLLER).id
        maria, ion = world.join(session, "Maria"), world.join(session, "Ion")
        world.act("customer.admit", session, ana, admits(session, ion, world))
        world.race([])
        vlad = world.join(session, "Vlad")
        bogdan = world.assist(session, "Bogdan")
        outcomes = world.race(
            [
                ("help ion", world.act, "customer.select", session, ana, selects(session, ion, world)),
                ("admit vlad", world.act, "customer.admit", session, ana, admits(session, vlad, world)),
                ("refuse vlad", world.act, "customer.admit", session, ana, admits(session, vlad, world, accept=False)),
                ("maria goes", world.leave, session, maria),
                ("vlad goes", world.leave, session, vlad),
                ("control", world.transfer_control, session, ana, bogdan),
            ]
        )
        customers_now = session.customers()
        primary = [p for p in customers_now if p.role is Role.PRIMARY]
        assert len(primary) == 1, "somebody is always helped while anybody is there"
        assert maria not in {p.id for p in customers_now}
        if outcomes["help ion"] is None:
            assert primary[0].id == ion
        decided = won(outcomes) & {"admit vlad", "refuse vlad"}
        assert len(decided) <= 1
        seen.update(decided or {"nobody"})
        # Whoever leads in the end alone decides from now on.
        if outcomes["control"] is None:
            with pytest.raises(Refused):
                world.act("customer.select", session, ana, selects(session, ion, world))
    assert set(seen) == {"admit vlad", "refuse vlad", "nobody"}


def admits(session, customer, world, *, accept=True):
    request = requests.CustomerAdmit(session_id=session.id, participant_id=customer, accept=accept)
    return lambda me: customers.decide_admit(session, me, request, world.moment(), room=world.room_in(session))


def selects(session, customer, world):
    request = requests.CustomerSelect(session_id=session.id, participant_id=customer)
    return lambda me: customers.decide_select(session, me, request, world.moment())
