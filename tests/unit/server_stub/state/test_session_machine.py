"""Random histories of a session keep its invariants, and the journal rebuilds exactly the live state."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server_stub.state.decide import authorise
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from support_manager.protocol import events
from support_manager.protocol.activities import ActivityEnd, ActivityState
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import Audience, Connection
from tests.harness.scene import Scene


def as_plain(session: Session) -> dict:
    plain = {name: getattr(session, name) for name in Session.__slots__ if name != "participants"}
    people = session.participants.items()
    plain["participants"] = {key: {name: getattr(p, name) for name in p.__slots__} for key, p in people}
    return plain


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.scene = Scene()
        self.joined = 0
        self.texts = {}
        self.agreed = set()

    def people(self):
        return list(self.scene.session.participants)

    def activities(self):
        session = self.scene.session
        return [*session.activities, *sorted(session.ended_activities), "unknown"]

    def attempt(self, call, *arguments):
        try:
            return call(*arguments)
        except Refused:
            return None

    @rule(again=st.booleans())
    def join(self, again):
        if self.scene.session.is_live:
            self.joined += not again
            self.attempt(self.scene.join, "Maria", f"join-request-{self.joined:04}")

    @rule(data=st.data())
    def resume(self, data):
        known = [token for tokens in self.scene.tokens.values() for token in tokens] or ["none"]
        self.attempt(self.scene.resume, data.draw(st.sampled_from(known)))

    @rule(data=st.data(), connection=st.sampled_from([Connection.LOST, Connection.CLOSED_PAGE]))
    def lose(self, data, connection):
        self.scene.connection(data.draw(st.sampled_from(self.people())), connection)

    @rule(data=st.data(), line=st.integers(0, 5), audience=st.sampled_from(Audience))
    def say(self, data, line, audience):
        who = data.draw(st.sampled_from(self.people()))
        self.attempt(self.scene.say, who, f"text {line}", f"line-{line}", audience)

    @rule(data=st.data())
    def ask(self, data):
        people = self.people()
        self.attempt(self.scene.ask, data.draw(st.sampled_from(people)), data.draw(st.sampled_from(people)))

    @rule(data=st.data())
    def offer(self, data):
        who = data.draw(st.sampled_from(self.people()))
        activity = self.attempt(self.scene.offer, who)
        if activity is not None:
            self.agreed.add((activity, who))

    @rule(data=st.data(), accept=st.booleans())
    def answer(self, data, accept):
        who = data.draw(st.sampled_from(self.people()))
        activity = data.draw(st.sampled_from(self.activities()))
        try:
            self.scene.answer(who, activity, accept)
        except Refused:
            return
        if accept:
            self.agreed.add((activity, who))

    @rule(data=st.data(), reason=st.sampled_from(ActivityEnd))
    def stop(self, data, reason):
        who = data.draw(st.sampled_from(self.people()))
        self.attempt(self.scene.stop, who, data.draw(st.sampled_from(self.activities())), reason)

    @rule(data=st.data())
    def leave(self, data):
        self.attempt(self.scene.leave, data.draw(st.sampled_from(self.people())))

    @rule(data=st.data(), seconds=st.sampled_from([1, 60, 599, 600]))
    def pass_time(self, data, seconds):
        self.scene.later(seconds)
        self.scene.expire()

    @invariant()
    def at_most_one_holds_a_role_that_is_one_persons(self):
        roles = [p.role for p in self.scene.session.members()]
        assert roles.count(Role.CONTROLLER) <= 1
        assert roles.count(Role.PRIMARY) <= 1

    @invariant()
    def active_means_that_a_customer_is_there(self):
        session = self.scene.session
        if session.state is SessionState.ACTIVE:
            assert session.holder(Role.PRIMARY) is not None
        if session.state is SessionState.WAITING:
            assert session.holder(Role.PRIMARY) is None

    @invariant()
    def nothing_runs_without_the_consent_of_whose_it_is(self):
        for activity in self.scene.session.activities.values():
            if activity.state is ActivityState.RUNNING:
                assert (activity.id, activity.subject) in self.agreed

    @invariant()
    def nothing_runs_that_belongs_to_nobody(self):
        session = self.scene.session
        for activity in session.activities.values():
            assert session.is_live
            assert session.member(activity.subject) is not None

    @invariant()
    def chat_never_doubles_and_keeps_its_order(self):
        chat = self.scene.session.chat
        keys = [(line.sender, line.id) for line in chat]
        assert len(keys) == len(set(keys))
        assert [line.seq for line in chat] == sorted({line.seq for line in chat})

    @invariant()
    def customers_never_hear_private_lines_and_who_is_gone_hears_nothing(self):
        session = self.scene.session
        for person in session.participants.values():
            told = self.scene.told.get(person.id, [])
            assert [event.seq for event in told] == sorted({event.seq for event in told})
            if person.role is Role.PRIMARY:
                lines = [e.fact.line for e in told if isinstance(e.fact, events.ChatAdded)]
                assert all(line.audience is Audience.ALL for line in lines)
            if person.left is not None:
                gone_at = next(
                    entry.seq
                    for entry in self.scene.journal
                    if type(entry.fact).__name__ == "Left" and entry.fact.participant_id == person.id
                )
                assert all(event.seq < gone_at for event in told)

    @invariant()
    def the_journal_rebuilds_the_live_state(self):
        assert as_plain(self.scene.rebuilt()) == as_plain(self.scene.session)

    @invariant()
    def nothing_is_allowed_once_it_ended(self):
        if self.scene.session.is_live:
            return
        for event in ("chat.send", "activity.ask", "activity.offer", "session.end", "signal.send"):
            for role in Role:
                try:
                    authorise(event, role, self.scene.session.state)
                except Refused:
                    continue
                raise AssertionError((event, role))


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
