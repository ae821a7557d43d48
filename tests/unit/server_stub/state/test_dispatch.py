"""Who is offered what: each rule as a story, and the invariants over anything that can happen."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from server_stub.state.dispatch import REST_MS, AgentNow, Dispatcher, QueueNow, Rule, Waiting, in_line, wait_s

CHOSEN_MS = 30_000
OFFER_MS = 20_000


class Stage:
    """A dispatcher with its surroundings, turned by hand."""

    def __init__(self, kind=Rule.EVERYBODY, online="abc", members="abc"):
        self.dispatcher = Dispatcher()
        self.now = 1_000_000
        self.waiting = {}
        self.queues = {"q": QueueNow(kind, OFFER_MS, frozenset(members))}
        self.agents = {one: AgentNow(one in online) for one in "abc"}
        self.outcome = None

    def wait(self, session_id, **more):
        self.waiting[session_id] = Waiting(session_id, self.now, **({"queue_id": "q"} | more))
        return self.step()

    def step(self, later_ms=0):
        self.now += later_ms
        self.outcome = self.dispatcher.step(self.now, self.waiting.values(), self.queues, self.agents, CHOSEN_MS)
        return self

    def set(self, account, online, **more):
        self.agents[account] = AgentNow(online, **more)
        return self.step()

    def decline(self, session_id, account):
        self.dispatcher.decline(session_id, account)
        return self.step()

    def asked(self, session_id="1"):
        return "".join(sorted(self.dispatcher.asked(session_id)))

    def may_take(self, account, session_id="1"):
        return self.dispatcher.may_take(session_id, account, self.queues)


@pytest.mark.rule("B-10.4", "B-11.1")
def test_everybody_is_asked_at_once_and_again_after_a_rest():
    stage = Stage(online="ab").wait("1")
    assert stage.asked() == "ab"
    assert stage.set("c", True).asked() == "abc"
    assert stage.decline("1", "b").asked() == "ac"
    stage.step(OFFER_MS)
    assert stage.asked() == ""
    assert stage.outcome.next_ms == stage.now + REST_MS
    assert stage.may_take("b")
    assert stage.step(REST_MS - 1).asked() == ""
    assert stage.step(1).asked() == "abc"


@pytest.mark.rule("B-11.1")
def test_round_robin_asks_one_after_the_other_in_turn():
    stage = Stage(Rule.ROUND_ROBIN)
    order = [stage.wait("1").asked()]
    for _ in range(2):
        order.append(stage.step(OFFER_MS).asked())
    assert sorted(order) == ["a", "b", "c"]
    assert stage.step(OFFER_MS).asked() == ""
    assert stage.step(REST_MS).asked() == order[0]
    del stage.waiting["1"]
    assert stage.wait("2").asked("2") == order[1]


@pytest.mark.rule("B-11.1")
def test_the_most_idle_is_asked_first_and_those_with_customers_last():
    stage = Stage(Rule.MOST_IDLE)
    stage.agents = {"a": AgentNow(True, 1, 5), "b": AgentNow(True, 0, 20), "c": AgentNow(True, 0, 10)}
    assert stage.wait("1").asked() == "c"
    assert stage.decline("1", "c").asked() == "b"
    assert stage.decline("1", "b").asked() == "a"


@pytest.mark.rule("B-11.1")
def test_who_is_asked_alone_is_asked_for_one_at_a_time_and_nobody_else_may_take_it():
    stage = Stage(Rule.ROUND_ROBIN, online="ab")
    for number in "123":
        stage.wait(number)
    assert sorted(stage.asked("1") + stage.asked("2")) == ["a", "b"]
    assert stage.asked("3") == ""
    first = stage.asked("1")
    other = stage.asked("2")
    assert stage.may_take(first)
    assert not stage.may_take(other)
    assert stage.may_take(first, "3")
    assert stage.may_take("c", "3")  # Away: not asked, but nobody else is
    del stage.waiting["1"]
    assert stage.step().asked("3") == first


@pytest.mark.rule("B-10.4")
def test_chosen_agents_are_asked_until_the_time_is_up_or_all_decline():
    stage = Stage(online="ab").wait("1", queue_id="", agents=frozenset("ac"))
    assert stage.asked() == "a"
    assert stage.set("c", True).asked() == "ac"
    assert not stage.may_take("b")
    assert stage.decline("1", "a").outcome.falls == []
    assert not stage.may_take("a")
    assert stage.decline("1", "c").outcome.falls == ["1"]
    stage.wait("2", queue_id="", agents=frozenset("a"))
    assert stage.step(CHOSEN_MS - 1).outcome.falls == ["1"]
    assert stage.may_take("a", "2")
    assert stage.step(1).outcome.falls == ["1", "2"]
    assert not stage.may_take("a", "2")


@pytest.mark.rule("B-10.4")
def test_nobody_chosen_is_there_and_the_session_falls_all_the_same():
    stage = Stage(online="").wait("1", queue_id="", agents=frozenset("a"))
    assert (stage.asked(), stage.outcome.falls) == ("", [])
    assert stage.outcome.next_ms == stage.now + CHOSEN_MS
    assert stage.step(CHOSEN_MS).outcome.falls == ["1"]


@pytest.mark.rule("B-11.3")
@pytest.mark.parametrize("kind", Rule)
def test_who_goes_away_while_asked_is_asked_no_more_and_again_when_he_is_back(kind):
    stage = Stage(kind, online="a").wait("1")
    assert stage.asked() == "a"
    assert stage.set("a", False).asked() == ""
    assert stage.set("a", True).asked() == "a"


def test_a_queue_without_agents_keeps_its_customers():
    stage = Stage(online="").wait("1")
    assert (stage.asked(), stage.outcome.falls, stage.outcome.next_ms) == ("", [], None)
    assert stage.set("b", True).asked() == "b"


def test_a_queue_that_is_gone_lets_its_customers_fall():
    stage = Stage().wait("1")
    stage.queues.clear()
    assert stage.step().outcome.falls == ["1"]
    assert stage.asked() == ""


def test_passed_on_again_is_a_new_question():
    stage = Stage(online="a").wait("1", queue_id="", agents=frozenset("a"))
    stage.decline("1", "a")
    stage.now += 5
    assert stage.wait("1", queue_id="", agents=frozenset("a")).asked() == "a"


@pytest.mark.rule("B-10.3")
@pytest.mark.parametrize("kind", list(Rule))
def test_who_passed_it_on_to_his_own_queue_is_asked_once_no_colleague_is_left_to_ask(kind):
    stage = Stage(kind, online="ab").wait("1", former="a")
    assert stage.asked() == "b"
    assert stage.decline("1", "b").asked() == "a", "at once: the customer waits"
    assert stage.decline("1", "a").asked() == ""
    assert stage.step(REST_MS).asked() == "b", "a new round begins with the colleagues again"


@pytest.mark.rule("B-10.3", "B-10.4")
@pytest.mark.parametrize("kind", list(Rule))
def test_who_passed_it_on_is_asked_at_once_where_nobody_else_is_there(kind):
    stage = Stage(kind, online="ab").wait("1", former="a")
    assert stage.set("b", False).asked() == "a"
    assert stage.set("b", True).asked() == ("ab" if kind is Rule.EVERYBODY else "a")


@pytest.mark.rule("B-10.4")
def test_the_head_comes_first_then_the_oldest():
    line = [Waiting("1", 1, "q"), Waiting("2", 2, "q"), Waiting("3", 9, "q", at_head=True)]
    assert [one.session_id for one in in_line(reversed(line))] == ["3", "1", "2"]


@pytest.mark.rule("B-11.2")
@pytest.mark.parametrize(
    ("place", "handling_ms", "online", "expected"),
    [(1, 60_000, 1, 60), (3, 60_000, 2, 90), (3, None, 2, None), (3, 60_000, 0, None), (0, 60_000, 2, None)],
)
def test_the_estimated_wait(place, handling_ms, online, expected):
    assert wait_s(place, handling_ms, online) == expected


class Anything(RuleBasedStateMachine):
    """Customers, agents and time in any order; checked after every step."""

    def __init__(self):
        super().__init__()
        self.stage = Stage()
        self.stage.queues["r"] = QueueNow(Rule.ROUND_ROBIN, OFFER_MS, frozenset("ab"))
        self.stage.queues["m"] = QueueNow(Rule.MOST_IDLE, OFFER_MS, frozenset("bc"))
        self.numbers = 0
        self.passed = {}
        self.before = {}

    def step(self, later_ms=0):
        stage = self.stage
        self.before = {key: set(stage.dispatcher.asked(key)) for key in stage.waiting}
        stage.step(later_ms)

    @rule(queue=st.sampled_from("qrm"), head=st.booleans(), former=st.sampled_from(["", *"abc"]))
    def somebody_comes(self, queue, head, former):
        self.numbers += 1
        key = str(self.numbers)
        self.stage.waiting[key] = Waiting(key, self.stage.now, queue, at_head=head, former=former)
        self.step()

    @rule(agents=st.sets(st.sampled_from("abc"), min_size=1))
    def passed_on_to(self, agents):
        self.numbers += 1
        key = str(self.numbers)
        self.stage.waiting[key] = Waiting(key, self.stage.now, agents=frozenset(agents))
        self.step()

    @rule(account=st.sampled_from("abc"), online=st.booleans(), customers=st.integers(0, 2))
    def agent_changes(self, account, online, customers):
        self.stage.agents[account] = AgentNow(online, customers, self.stage.now)
        self.step()

    @rule(data=st.data(), account=st.sampled_from("abc"))
    def declines(self, data, account):
        if self.stage.waiting:
            self.stage.dispatcher.decline(data.draw(st.sampled_from(sorted(self.stage.waiting))), account)
            self.step()

    @rule(data=st.data())
    def accepted_or_gone(self, data):
        if self.stage.waiting:
            del self.stage.waiting[data.draw(st.sampled_from(sorted(self.stage.waiting)))]
            self.step()

    @rule(later_ms=st.integers(1, 2 * OFFER_MS))
    def time_passes(self, later_ms):
        self.step(later_ms)

    @rule()
    def relay_restarts(self):
        self.stage.dispatcher = Dispatcher()
        self.step()

    @rule()
    def fallen_sessions_are_queued(self):
        for key in self.stage.outcome.falls if self.stage.outcome else ():
            if key in self.stage.waiting:
                self.stage.waiting[key] = Waiting(key, self.stage.now, "q", at_head=True)
        self.step()

    @invariant()
    def only_those_who_may_be_asked_are_asked(self):
        stage = self.stage
        alone = []
        for key, one in stage.waiting.items():
            asked = set(stage.dispatcher.asked(key))
            assert all(stage.agents[account].is_online for account in asked)
            assert asked <= (stage.queues[one.queue_id].members if one.queue_id else one.agents)
            assert all(stage.dispatcher.asked(key)[account] > stage.now for account in asked)
            assert all(stage.may_take(account, key) for account in asked)
            if one.queue_id in ("r", "m"):
                assert len(asked) <= 1
                alone.extend(asked)
        assert len(alone) == len(set(alone))

    @invariant()
    def never_to_nobody(self):
        stage = self.stage
        if stage.outcome is None:
            return
        ringing = {
            a for k, one in stage.waiting.items() if one.queue_id in ("r", "m") for a in stage.dispatcher.asked(k)
        }
        for key, one in stage.waiting.items():
            if stage.dispatcher.asked(key) or key in stage.outcome.falls:
                continue
            if not one.queue_id:
                assert stage.outcome.next_ms is not None
                continue
            here = {a for a in stage.queues[one.queue_id].members if stage.agents[a].is_online}
            if here and not (one.queue_id != "q" and here & ringing):
                # They are left in peace for a moment, and then asked again.
                assert stage.outcome.next_ms is not None
                assert stage.outcome.next_ms <= stage.now + REST_MS

    @invariant()
    def first_come_first_offered(self):
        stage = self.stage
        for queue_id in "rm":
            line = in_line(one for one in stage.waiting.values() if one.queue_id == queue_id)
            for place, one in enumerate(line):
                new = set(stage.dispatcher.asked(one.session_id)) - self.before.get(one.session_id, set())
                for account in new:
                    for earlier in line[:place]:
                        call = stage.dispatcher._calls[earlier.session_id]
                        assert call.asked or account in call.passed


Anything.TestCase.settings = settings(max_examples=120, stateful_step_count=40, deadline=None)
TestAnything = Anything.TestCase


@pytest.mark.parametrize("waiting", [{}, {"queue_id": "", "agents": frozenset("ab")}])
def test_a_clock_set_back_by_a_day_leaves_nobody_hanging(waiting):
    stage = Stage(Rule.ROUND_ROBIN).wait("1", **waiting)
    first = stage.asked()
    stage.step(-24 * 3_600_000)
    assert stage.asked() == first
    stage.step(max(OFFER_MS, CHOSEN_MS))
    assert stage.asked() != first
    assert stage.outcome.falls == (["1"] if waiting else [])
