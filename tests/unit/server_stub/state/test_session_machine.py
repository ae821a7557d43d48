"""Random histories of a session keep its invariants, the journal rebuilds the live state, and all screens agree."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from server_stub.state.decide import authorise
from server_stub.state.facts import ChatAdded, Ended, Left
from server_stub.state.files import receiver_of
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from support_manager.protocol import events, requests
from support_manager.protocol.activities import (
    ACTIVITIES,
    DRAWN_ON,
    ActivityEnd,
    ActivityKind,
    ActivityState,
    Consent,
)
from support_manager.protocol.roles import CUSTOMERS, REPS, Role, SessionState
from support_manager.protocol.views import Audience, Connection, Mode
from tests.harness.scene import Scene

COLLEAGUES = ("Bogdan", "Corina", "Dan")
TAKES_FILES = requests.DeviceReport(file_key="k" * 87)
KINDS = st.lists(st.sampled_from(ActivityKind), min_size=1, unique=True)
STAYS = (ActivityKind.FILE, ActivityKind.RECORDING)
"""They go on with whoever was helped when another customer is (B-7.5, B-7.8)."""
PASSED_ON = (SessionState.OFFERED, SessionState.QUEUED)


def as_plain(session: Session) -> dict:
    plain = {name: getattr(session, name) for name in Session.__slots__ if name != "participants"}
    people = session.participants.items()
    plain["participants"] = {key: {name: getattr(p, name) for name in p.__slots__} for key, p in people}
    return plain


class Histories(RuleBasedStateMachine):
    @initialize(
        mode=st.sampled_from(Mode),
        by_form=st.booleans(),
        limit=st.sampled_from([None, None, 1, 2]),
        customers=st.sampled_from([0, 1, 2, 2]),
    )
    def open(self, mode, by_form, limit, customers):
        self.scene = Scene(mode, by_form=by_form)
        self.scene.limit = limit
        self.joined = 0
        self.agreed = set()
        """Activity, who said yes to it or began it, and what he was then."""
        if self.scene.rep:
            self.scene.report(self.scene.rep, TAKES_FILES)
        for _ in range(customers):
            self.join(again=False)
        for person in self.scene.session.members():
            if person.role is Role.WAITING:
                self.attempt(self.scene.admit, self.scene.rep, person.id)

    def people(self):
        return list(self.scene.session.participants)

    def somebody(self, data):
        """Mostly somebody who is in it: whoever left may do nothing, which needs no long search to show."""
        inside = [person.id for person in self.scene.session.members()]
        everybody = self.people()
        return data.draw(st.sampled_from(inside if inside and data.draw(st.integers(0, 9)) else everybody))

    def activities(self):
        session = self.scene.session
        return [*session.activities, *sorted(session.ended_activities), "unknown"]

    def mostly(self, data, role):
        """Mostly whoever has that role."""
        holder = self.scene.session.holder(role)
        return holder.id if holder is not None and data.draw(st.integers(0, 2)) else self.somebody(data)

    def those(self, state):
        return [each.id for each in self.scene.session.activities.values() if each.state is state]

    def attempt(self, call, *arguments):
        try:
            return call(*arguments)
        except Refused:
            return None

    @rule(again=st.booleans())
    def join(self, again):
        if self.scene.session.is_live:
            self.joined += not again
            self.attempt(self.scene.join, "Maria", f"join-request-{self.joined:04}", TAKES_FILES)

    @rule(data=st.data())
    def resume(self, data):
        known = [token for tokens in self.scene.tokens.values() for token in tokens] or ["none"]
        self.attempt(self.scene.resume, data.draw(st.sampled_from(known)))

    @rule(data=st.data(), connection=st.sampled_from([Connection.LOST, Connection.CLOSED_PAGE]))
    def lose(self, data, connection):
        self.scene.connection(data.draw(st.sampled_from(self.people())), connection)

    @rule(data=st.data(), line=st.integers(0, 5), audience=st.sampled_from(Audience))
    def say(self, data, line, audience):
        who = self.somebody(data)
        self.attempt(self.scene.say, who, f"text {line}", f"line-{line}", audience)

    @rule(data=st.data(), kinds=KINDS, at_once=st.booleans())
    def ask(self, data, kinds, at_once):
        who, whom = self.mostly(data, Role.CONTROLLER), self.mostly(data, Role.PRIMARY)
        for kind in kinds:
            activity = self.attempt(self.scene.ask, who, whom, kind)
            if activity is not None and at_once:
                self.say_yes(self.somebody(data), activity)
                self.say_yes(whom, activity)

    @rule(data=st.data(), kinds=KINDS, role=st.sampled_from([Role.CONTROLLER, Role.PRIMARY]))
    def offer(self, data, kinds, role):
        who = self.mostly(data, role)
        for kind in kinds:
            if kind is ActivityKind.FILE:
                activity = self.attempt(self.scene.offer_file, who)
            else:
                activity = self.attempt(self.scene.offer, who, kind)
            if activity is not None:
                self.remember(who, activity)

    @rule(data=st.data(), accept=st.booleans())
    def answer(self, data, accept):
        who = self.somebody(data)
        activity = data.draw(st.sampled_from(self.those(ActivityState.ASKED) or self.activities()))
        if accept:
            self.say_yes(who, activity)
        else:
            self.attempt(self.scene.answer, who, activity, False)

    def say_yes(self, who, activity):
        is_asked = activity in self.those(ActivityState.ASKED)
        try:
            self.scene.answer(who, activity, True)
        except Refused:
            return
        if is_asked:
            self.remember(who, activity)

    def remember(self, who, activity):
        self.agreed.add((activity, who, self.scene.person(who).role))

    @rule(data=st.data(), reason=st.sampled_from(ActivityEnd))
    def stop(self, data, reason):
        who = self.somebody(data)
        self.attempt(self.scene.stop, who, data.draw(st.sampled_from(self.activities())), reason)

    @rule(data=st.data())
    def leave(self, data):
        self.attempt(self.scene.leave, self.somebody(data))

    # People and roles

    @rule(data=st.data(), name=st.sampled_from(COLLEAGUES))
    def assist(self, data, name):
        self.attempt(self.scene.assist, name)

    @rule(data=st.data(), locked=st.booleans())
    def lock(self, data, locked):
        self.attempt(self.scene.lock, self.somebody(data), locked)

    @rule(data=st.data(), accept=st.booleans())
    def admit(self, data, accept):
        self.attempt(self.scene.admit, self.somebody(data), self.somebody(data), accept)

    @rule()
    def let_in(self):
        self.scene.let_in()

    @rule(data=st.data())
    def select(self, data):
        self.attempt(self.scene.select, self.somebody(data), self.somebody(data))

    @rule(data=st.data())
    def transfer_control(self, data):
        self.attempt(self.scene.transfer_control, self.somebody(data), self.somebody(data))

    @rule(data=st.data(), asking=st.booleans())
    def ask_control(self, data, asking):
        self.attempt(self.scene.ask_control, self.somebody(data), asking)

    @rule(data=st.data())
    def refuse_control(self, data):
        self.attempt(self.scene.refuse_control, self.somebody(data), self.somebody(data))

    @rule(data=st.data())
    def take_control(self, data):
        self.attempt(self.scene.take_control, self.somebody(data))

    @rule(data=st.data(), to_queue=st.booleans())
    def pass_on(self, data, to_queue):
        to = {"queue": "support"} if to_queue else {"agents": ("Bogdan", "Corina")}
        who = self.somebody(data)
        try:
            self.scene.pass_on(who, message="please", **to)
        except Refused:
            return

    @rule()
    def nobody_accepts(self):
        if self.scene.session.state is SessionState.OFFERED:
            self.scene.fall_to_queue()

    @rule(name=st.sampled_from(COLLEAGUES))
    def accept(self, name):
        self.attempt(self.scene.accept, name)

    @rule(data=st.data())
    def end(self, data):
        if data.draw(st.integers(0, 5)) == 0:
            self.attempt(self.scene.end, self.somebody(data))

    @rule(data=st.data(), seconds=st.sampled_from([1, 60, 599, 600]))
    def pass_time(self, data, seconds):
        self.scene.later(seconds)
        self.scene.expire()

    @invariant()
    def one_controller_and_none_only_while_offered_or_queued(self):
        session = self.scene.session
        roles = [p.role for p in session.members()]
        assert roles.count(Role.PRIMARY) <= 1
        if session.is_live:
            assert roles.count(Role.CONTROLLER) == (0 if session.state in PASSED_ON else 1)
            assert (session.transfer is not None) == (session.state in PASSED_ON)

    @invariant()
    def no_customer_is_left_without_a_rep_an_offer_or_a_queue_unless_told_that_it_ended(self):
        session = self.scene.session
        if session.is_live:
            if session.state is SessionState.QUEUED:
                assert session.transfer.queue_id
            if session.state is SessionState.OFFERED:
                assert session.transfer.agents
            return
        for person in session.members():
            if person.role not in REPS:
                assert isinstance(self.scene.told[person.id][-1].fact, events.SessionEnded)

    @invariant()
    def nobody_stands_in_a_queue_for_nothing(self):
        session = self.scene.session
        if session.state in PASSED_ON:
            assert [p for p in session.members() if p.role not in REPS]

    @invariant()
    def counters_never_exceed_limits(self):
        if self.scene.limit is not None:
            assert len(self.scene.session.customers()) <= self.scene.limit
        assert len(self.scene.session.chat) <= 2_000

    @invariant()
    def active_means_that_a_customer_is_there(self):
        session = self.scene.session
        if session.state is SessionState.ACTIVE:
            assert session.holder(Role.PRIMARY) is not None
        if session.state is SessionState.WAITING:
            assert not session.customers()
        if session.is_live and session.mode is Mode.MULTI:
            assert len([p for p in session.members() if p.role not in REPS]) <= 1

    @invariant()
    def every_screen_shows_what_a_fresh_snapshot_would(self):
        for person in self.scene.session.members():
            assert self.scene.screens[person.id].differences(self.scene.view(person.id)) == []

    @invariant()
    def whoever_waits_learns_nothing_of_the_others(self):
        for person in self.scene.session.members():
            if person.role is Role.WAITING:
                assert set(self.scene.screens[person.id].people) == {person.id}
                told = self.scene.told.get(person.id, [])
                his = [e for e in told if getattr(e.fact, "participant_id", None) != person.id]
                assert all(isinstance(event.fact, events.SessionEnded) for event in his)
            elif person.role in CUSTOMERS:
                shown = self.scene.screens[person.id].people.values()
                assert not [each for each in shown if each.role is Role.WAITING]

    @invariant()
    def nothing_runs_without_the_consent_that_its_row_asks(self):
        for activity in self.scene.session.activities.values():
            if activity.state is not ActivityState.RUNNING:
                continue
            consent = ACTIVITIES[activity.kind].consent
            whose = receiver_of(activity) if consent is Consent.RECEIVER else activity.subject
            was = {role for about, who, role in self.agreed if (about, who) == (activity.id, whose)}
            assert was
            assert consent is not Consent.PRIMARY or Role.PRIMARY in was

    @invariant()
    def nothing_runs_that_belongs_to_nobody_or_to_who_may_not_do_it_any_more(self):
        session = self.scene.session
        running = {session.activities[each].kind for each in self.those(ActivityState.RUNNING)}
        for activity in session.activities.values():
            assert session.is_live
            owner = session.member(activity.subject)
            assert owner is not None
            row = ACTIVITIES[activity.kind]
            former = {Role.SECONDARY} if activity.kind in STAYS else set()
            if row.consent is Consent.PRIMARY:
                assert owner.role in {Role.PRIMARY} | former
            else:
                assert owner.role in row.offered_by | row.joined_by | former
            if activity.kind is ActivityKind.DRAW:
                assert DRAWN_ON[owner.role] in running, "with the view, and as long (B-7.3)"
            seen_by = [session.member(each) for each in activity.seen_by]
            assert all(each is not None and each.role in row.seen_by | former for each in seen_by)

    @invariant()
    def chat_never_doubles_and_keeps_its_order(self):
        chat = self.scene.session.chat
        keys = [(line.sender, line.id) for line in chat]
        assert len(keys) == len(set(keys))
        assert [line.seq for line in chat] == sorted({line.seq for line in chat})

    @invariant()
    def customers_never_hear_private_lines_and_who_is_gone_hears_nothing(self):
        session = self.scene.session
        gone_at = {e.fact.participant_id: e.seq for e in self.scene.journal if isinstance(e.fact, Left)}
        for person in session.participants.values():
            told = self.scene.told.get(person.id, [])
            assert [event.seq for event in told] == sorted({event.seq for event in told})
            if person.role not in REPS:
                lines = [e.fact.line for e in told if isinstance(e.fact, events.ChatAdded)]
                assert all(line.audience is Audience.ALL and line.seq > person.joined_seq for line in lines)
                assert all(line.audience is Audience.ALL for line in self.scene.screens[person.id].chat)
            if person.left is not None:
                # The last thing he hears is that he is gone.
                assert told[-1].seq == gone_at[person.id]
            if told:
                first = self.scene.journal[told[0].seq - 1].fact
                of_himself = getattr(first, "participant_id", None) == person.id
                assert told[0].seq >= person.joined_seq or person.role in REPS or of_himself

    @invariant()
    def what_ended_says_so_once_and_last(self):
        ends = [entry.seq for entry in self.scene.journal if isinstance(entry.fact, Ended)]
        assert len(ends) <= 1
        late = [entry for entry in self.scene.journal if ends and entry.seq > ends[0]]
        assert not late
        assert not [entry for entry in late if isinstance(entry.fact, ChatAdded)]

    @invariant()
    def the_journal_rebuilds_the_live_state(self):
        assert as_plain(self.scene.rebuilt()) == as_plain(self.scene.session)

    @invariant()
    def nothing_is_allowed_once_it_ended(self):
        if self.scene.session.is_live:
            return
        members_only = (
            *("chat.send", "activity.ask", "activity.offer", "session.end", "signal.send", "session.leave"),
            *("session.lock", "customer.admit", "customer.select", "control.transfer", "control.ask"),
            *("control.refuse", "control.take", "session.transfer", "offer.accept"),
        )
        for event in members_only:
            for role in Role:
                try:
                    authorise(event, role, self.scene.session.state)
                except Refused:
                    continue
                raise AssertionError((event, role))


TestHistories = pytest.mark.rule("B-1.1", "B-1.3", "B-2.5", "B-6.3", "B-9.6")(Histories.TestCase)
TestHistories.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)
