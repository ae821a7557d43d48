"""Playbooks of people and roles, one rule each, without a relay: single mode, assisting, both transfers."""

import pytest

from server_stub.state.facts import Entry, decode_fact
from server_stub.state.handovers import Handovers
from server_stub.state.model import Session, apply
from server_stub.state.project import snapshot
from server_stub.state.refused import Refused
from server_stub.state.registry import Registry
from support_manager.protocol import events, limits
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    Audience,
    Capability,
    Connection,
    Device,
    EndReason,
    Handover,
    LeaveReason,
    MarkKind,
    Mode,
    TransferTarget,
    WaitReason,
)
from tests.harness.scene import REP, Scene, account


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def single():
    """A single-mode session."""
    return Scene(Mode.SINGLE)


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


def join(scene, name):
    return scene.join(name, f"join-request-of-{name}")


def kinds(facts):
    return [type(fact) for fact in facts]


def run(scene, kind, subject, activity_id):
    """An activity of a kind that this version cannot start yet, as a later one will."""
    scene.session.activities[activity_id] = ActivityView(
        id=activity_id, kind=kind, state=ActivityState.RUNNING, asked_by=scene.rep, subject=subject
    )


# Single mode: waiting, admission, lock


@pytest.mark.rule("B-2.5")
def test_every_joiner_after_the_first_waits_and_only_reps_hear_of_him(single):
    maria = join(single, "Maria")
    ion = join(single, "Ion")
    assert (single.person(maria).role, single.person(ion).role) == (Role.PRIMARY, Role.WAITING)
    assert isinstance(single.facts_told(single.rep)[-1], events.ParticipantJoined)
    assert set(single.screens[maria].people) == {single.rep, maria}
    view = single.view(ion)
    assert view.waiting_for is WaitReason.ADMISSION
    assert [p.name for p in view.participants] == ["Ion"]
    assert (view.chat, view.activities, view.marks, view.locked, view.transfer) == ((), (), (), False, None)
    single.say(maria, "my card number is 1234")
    single.connection(ion, Connection.LOST)
    single.resume(single.tokens[ion][0])
    assert single.facts_told(maria)[-1].line.text.endswith("1234")
    assert kinds(single.facts_told(ion)) == [events.ParticipantConnection] * 2


@pytest.mark.rule("B-2.5", "B-2.6")
def test_whoever_is_let_in_is_announced_sees_what_runs_and_nothing_from_before(single):
    maria = join(single, "Maria")
    single.say(maria, "before")
    view = single.offer(maria)
    ion = join(single, "Ion")
    assert ion not in single.session.activities[view].seen_by
    single.say(maria, "while he waits")
    single.admit(single.rep, ion)
    told = single.facts_told(maria)[-2:]
    assert (told[0].participant.name, told[0].participant.role) == ("Ion", Role.SECONDARY)
    assert ion in told[1].activity.seen_by
    single.say(maria, "after")
    assert [line.text for line in single.screens[ion].chat] == ["after"]
    assert [line.text for line in single.view(ion).chat] == ["after"]


@pytest.mark.rule("B-2.5")
def test_whoever_is_sent_away_is_told_and_the_customer_never_hears_of_him(single):
    maria = join(single, "Maria")
    before = len(single.facts_told(maria))
    ion = join(single, "Ion")
    single.admit(single.rep, ion, accept=False)
    assert single.facts_told(ion) == [events.ParticipantLeft(participant_id=ion, reason=LeaveReason.REMOVED)]
    assert len(single.facts_told(maria)) == before
    assert refusal(single.resume, single.tokens[ion][0]) is ErrorCode.RESUME_REFUSED
    assert refusal(single.admit, single.rep, ion) is ErrorCode.PARTICIPANT_UNKNOWN


@pytest.mark.rule("B-2.5")
def test_letting_in_twice_changes_nothing_and_nobody_inside_can_be_sent_away_by_it(single):
    maria = join(single, "Maria")
    ion = join(single, "Ion")
    single.admit(single.rep, ion)
    before = len(single.journal)
    single.admit(single.rep, ion)
    assert len(single.journal) == before
    assert refusal(single.admit, single.rep, maria, False) is ErrorCode.PARTICIPANT_UNKNOWN
    assert refusal(single.admit, single.rep, single.rep, False) is ErrorCode.PARTICIPANT_UNKNOWN
    assert refusal(single.admit, maria, ion) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-2.5")
def test_a_locked_session_lets_nobody_in_but_whoever_was_in(single):
    maria = join(single, "Maria")
    single.lock(single.rep)
    assert single.facts_told(maria)[-1] == events.SessionChanged(state=SessionState.ACTIVE, locked=True)
    assert refusal(join, single, "Ion") is ErrorCode.SESSION_LOCKED
    assert refusal(single.assist) is ErrorCode.SESSION_LOCKED
    assert join(single, "Maria") == maria
    single.connection(maria, Connection.CLOSED_PAGE)
    assert single.resume(single.tokens[maria][-1]) == maria
    single.lock(single.rep, False)
    join(single, "Ion")


@pytest.mark.rule("B-2.5", "B-12.4")
def test_whoever_waits_may_leave_and_is_gone_after_ten_minutes_without_his_page(single):
    join(single, "Maria")
    ion, vlad = join(single, "Ion"), join(single, "Vlad")
    single.leave(ion)
    assert single.facts_told(ion)[-1].reason is LeaveReason.LEFT
    single.connection(vlad, Connection.CLOSED_PAGE)
    single.later(limits.RETURN_AFTER_CLOSED_PAGE_S)
    single.expire()
    assert single.person(vlad).left is LeaveReason.CLOSED_PAGE
    assert refusal(single.say, ion, "hello?") is ErrorCode.SESSION_UNKNOWN


@pytest.mark.rule("B-12.1")
def test_whoever_waits_is_told_when_the_session_ends(single):
    join(single, "Maria")
    ion = join(single, "Ion")
    single.end(single.rep)
    assert kinds(single.facts_told(ion)) == [events.SessionEnded]


# Selecting a customer


@pytest.mark.rule("B-1.2", "B-5.1", "B-5.3")
def test_selecting_a_customer_makes_him_primary_and_ends_every_share_on_all_screens(single):
    maria, ion = join(single, "Maria"), join(single, "Ion")
    single.admit(single.rep, ion)
    view = single.offer(maria)
    run(single, ActivityKind.SHOW, single.rep, "show")
    run(single, ActivityKind.VOICE, maria, "call")
    single.select(single.rep, ion)
    for who in (single.rep, maria, ion):
        told = single.facts_told(who)[-5:]
        assert [(f.activity.id, f.activity.end) for f in told[:2]] == [
            (view, ActivityEnd.CUSTOMER_SWITCHED),
            ("show", ActivityEnd.CUSTOMER_SWITCHED),
        ]
        assert [(f.participant.id, f.participant.role) for f in told[2:4]] == [
            (maria, Role.SECONDARY),
            (ion, Role.PRIMARY),
        ]
        assert (told[4].mark.kind, told[4].mark.name, told[4].mark.former) == (MarkKind.CUSTOMER, "Ion", "Maria")
    assert set(single.session.activities) == {"call"}
    assert refusal(single.offer, maria) is ErrorCode.NOT_ALLOWED
    single.offer(ion)


@pytest.mark.rule("B-1.2", "B-5.1")
def test_what_the_former_customer_was_asked_is_off_the_table_and_nobody_else_can_be_selected(single):
    maria, ion, vlad = join(single, "Maria"), join(single, "Ion"), join(single, "Vlad")
    single.admit(single.rep, ion)
    view = single.ask(single.rep, maria)
    single.select(single.rep, maria)
    assert view in single.session.activities
    single.select(single.rep, ion)
    assert refusal(single.answer, maria, view, True) in (ErrorCode.ACTIVITY_UNKNOWN, ErrorCode.NOT_ALLOWED)
    for nobody in (vlad, single.rep, "nobody"):
        assert refusal(single.select, single.rep, nobody) is ErrorCode.PARTICIPANT_UNKNOWN
    assert refusal(single.select, maria, maria) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-1.2", "B-5.3")
def test_when_the_customer_being_helped_goes_the_next_one_who_is_there_is_helped(single):
    maria, ion, vlad = join(single, "Maria"), join(single, "Ion"), join(single, "Vlad")
    single.admit(single.rep, ion)
    single.admit(single.rep, vlad)
    run(single, ActivityKind.SHOW, single.rep, "show")
    single.connection(ion, Connection.LOST)
    single.leave(maria)
    assert single.person(vlad).role is Role.PRIMARY
    assert not single.session.activities
    assert single.session.state is SessionState.ACTIVE
    single.leave(vlad)
    single.leave(ion)
    assert single.session.state is SessionState.WAITING


@pytest.mark.rule("B-5.2")
def test_a_share_is_seen_by_every_participant_and_by_nobody_who_left(single):
    maria, ion = join(single, "Maria"), join(single, "Ion")
    single.admit(single.rep, ion)
    bogdan = single.assist("Bogdan")
    view = single.offer(maria)
    assert set(single.session.activities[view].seen_by) == {single.rep, ion, bogdan}
    single.leave(bogdan)
    assert set(single.session.activities[view].seen_by) == {single.rep, ion}


# Limits


@pytest.mark.rule("B-6.3")
def test_a_customer_over_the_limit_waits_and_comes_in_when_there_is_room(scene):
    scene.limit = 0
    maria = join(scene, "Maria")
    assert scene.view(maria).waiting_for is WaitReason.LIMIT
    told = scene.facts_told(scene.rep)[-1]
    assert (told.participant.name, told.participant.role) == ("Maria", Role.WAITING)
    assert scene.session.state is SessionState.WAITING
    scene.let_in()
    assert scene.person(maria).role is Role.WAITING
    scene.limit = 1
    scene.let_in()
    assert scene.person(maria).role is Role.PRIMARY
    assert scene.session.state is SessionState.ACTIVE


@pytest.mark.rule("B-6.3")
def test_whoever_is_not_there_when_there_is_room_waits_on_and_the_controller_may_not_pass_the_limit(single):
    single.limit = 1
    maria, ion = join(single, "Maria"), join(single, "Ion")
    assert refusal(single.admit, single.rep, ion) is ErrorCode.LIMIT_REACHED
    other = Scene()
    other.limit = 0
    zoe = join(other, "Zoe")
    other.connection(zoe, Connection.LOST)
    other.limit = 1
    other.let_in()
    assert other.person(zoe).role is Role.WAITING
    other.resume(other.tokens[zoe][0])
    other.let_in()
    assert other.person(zoe).role is Role.PRIMARY
    single.leave(maria)
    single.limit = 0
    vlad = join(single, "Vlad")
    assert single.view(vlad).waiting_for is WaitReason.ADMISSION
    single.limit = 1
    single.let_in()
    assert single.session.customers() == []
    single.admit(single.rep, ion)
    assert single.person(ion).role is Role.PRIMARY


@pytest.mark.rule("B-6.3")
def test_nobody_is_given_more_customers_than_he_may_help(scene):
    join(scene, "Maria")
    bogdan = scene.assist("Bogdan")
    assert refusal(scene.transfer_control, scene.rep, bogdan, room=0) is ErrorCode.COLLEAGUE_FULL
    scene.transfer_control(scene.rep, bogdan, room=1)
    scene.pass_on(bogdan, agents=("Corina",))
    scene.limit = 0
    assert refusal(scene.accept, "Corina") is ErrorCode.LIMIT_REACHED


# Assisting


@pytest.mark.rule("B-1.1", "B-7.9", "B-8.1", "B-12.1")
def test_an_assistant_has_no_control_may_leave_and_may_not_end(scene):
    maria = scene.join()
    view = scene.offer(maria)
    bogdan = scene.assist("Bogdan")
    assert scene.person(bogdan).role is Role.ASSISTANT
    assert bogdan in scene.session.activities[view].seen_by
    told = scene.facts_told(maria)[-2]
    assert (told.participant.name, told.participant.role) == ("Bogdan", Role.ASSISTANT)
    for act in (
        lambda: scene.end(bogdan),
        lambda: scene.ask(bogdan, maria),
        lambda: scene.stop(bogdan, view),
        lambda: scene.lock(bogdan),
        lambda: scene.admit(bogdan, maria),
        lambda: scene.select(bogdan, maria),
        lambda: scene.transfer_control(bogdan, bogdan),
        lambda: scene.refuse_control(bogdan, bogdan),
        lambda: scene.pass_on(bogdan, agents=("Corina",)),
    ):
        assert refusal(act) is ErrorCode.NOT_ALLOWED
    scene.say(bogdan, "hello everybody")
    scene.say(bogdan, "between us", audience=Audience.REPS)
    assert [line.text for line in scene.screens[maria].chat] == ["hello everybody"]
    scene.leave(bogdan)
    assert scene.facts_told(bogdan)[-1] == events.ParticipantLeft(participant_id=bogdan, reason=LeaveReason.LEFT)
    assert view in scene.session.activities


@pytest.mark.rule("B-8.2")
def test_each_reason_why_nobody_can_assist_has_its_own_answer(scene):
    scene.join()
    bogdan = scene.assist("Bogdan", "request-1")
    assert scene.assist("Bogdan", "request-1") == bogdan
    assert refusal(scene.assist, "Bogdan", "request-2") is ErrorCode.ALREADY_INSIDE
    scene.pass_on(scene.rep, queue="support")
    assert refusal(scene.assist, "Corina") is ErrorCode.NO_CONTROLLER
    scene.accept("Corina")
    scene.end(scene.session.holder(Role.CONTROLLER).id)
    assert refusal(scene.assist, "Dan") is ErrorCode.SESSION_ENDED


@pytest.mark.rule("B-1.3")
def test_a_customer_who_sends_an_assistants_request_id_does_not_become_that_assistant(single):
    bogdan = single.assist("Bogdan", "assist-request-0001")
    maria = single.join("Maria", "assist-request-0001")
    assert maria != bogdan
    assert (single.person(bogdan).role, single.person(maria).role) == (Role.ASSISTANT, Role.PRIMARY)


@pytest.mark.rule("B-6.3", "B-8.1")
def test_the_relay_knows_in_which_sessions_a_rep_is_and_how_many_customers_he_helps(single):
    registry = Registry(b"key")
    maria, ion = join(single, "Maria"), join(single, "Ion")
    bogdan = single.assist("Bogdan")
    single.admit(single.rep, ion)
    single.transfer_control(single.rep, bogdan)
    seen = 0

    def catch_up():
        nonlocal seen
        for entry in single.journal[seen:]:
            registry.apply(entry)
        seen = len(single.journal)

    catch_up()
    for name, inside, helps in (("account-ana", 1, 0), ("account-bogdan", 1, 2), ("account-corina", 0, 0)):
        assert (len(registry.of_account(name)), registry.customers_of(name)) == (inside, helps)
    single.leave(single.rep)
    single.leave(maria)
    catch_up()
    assert registry.of_account("account-ana") == []
    assert registry.customers_of("account-bogdan") == 1
    assert registry.passed_on() == []
    single.pass_on(bogdan, queue="support")
    catch_up()
    assert [s.id for s in registry.passed_on()] == [single.session.id]
    assert (registry.of_account("account-bogdan"), registry.customers_of("account-bogdan")) == ([], 0)
    corina = single.accept("Corina")
    single.end(corina)
    catch_up()
    assert (registry.passed_on(), registry.of_account("account-corina"), registry.live()) == ([], [], [])
    assert registry.find("123456789", None) is None
    assert registry.ended_by_number("123456789") is registry.get(single.session.id)


@pytest.mark.rule("B-8.1")
def test_a_session_holds_only_so_many(scene):
    for count in range(limits.PARTICIPANTS_PER_SESSION - 1):
        scene.assist(f"Rep {count}")
    assert refusal(scene.assist, "One More") is ErrorCode.SESSION_TAKEN
    assert refusal(join, scene, "Maria") is ErrorCode.SESSION_TAKEN


@pytest.mark.rule("B-8.1")
def test_an_assistant_whose_app_is_gone_for_ten_minutes_is_gone(scene):
    scene.join()
    bogdan = scene.assist("Bogdan")
    scene.connection(bogdan, Connection.LOST)
    scene.later(limits.RETURN_AFTER_CLOSED_PAGE_S)
    scene.expire()
    assert scene.person(bogdan).left is LeaveReason.LOST
    assert scene.session.is_live


# Transfer Control


@pytest.mark.rule("B-9.2", "B-9.4", "B-9.6")
def test_control_moves_in_one_step_every_activity_ends_and_the_customer_reads_both_names(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    view = scene.offer(maria)
    kinds_running = [kind for kind in ActivityKind if kind is not ActivityKind.VIEW]
    for kind in kinds_running:
        run(scene, kind, maria, kind.value)
    before = scene.session.seq
    scene.transfer_control(scene.rep, bogdan)
    told = [event.fact for event in scene.told[maria] if event.seq > before]
    ended = {f.activity.id: f.activity.end for f in told[:-3]}
    assert ended == dict.fromkeys([view, *(k.value for k in kinds_running)], ActivityEnd.CONTROL_TRANSFERRED)
    assert [(f.participant.name, f.participant.role) for f in told[-3:-1]] == [
        ("Ana Pop", Role.ASSISTANT),
        ("Bogdan", Role.CONTROLLER),
    ]
    mark = told[-1].mark
    assert (mark.kind, mark.name, mark.former) == (MarkKind.CONTROL, "Bogdan", "Ana Pop")
    assert not scene.session.activities
    assert {entry.at for entry in scene.journal if entry.seq > before} == {scene.now_ms}


@pytest.mark.rule("B-9.5")
@pytest.mark.parametrize("can_speak", [Capability.YES, Capability.NO, Capability.UNKNOWN])
def test_a_voice_call_goes_on_only_where_the_new_controllers_app_has_voice(scene, can_speak):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    run(scene, ActivityKind.VOICE, maria, "call")
    scene.person(bogdan).device = Device(microphone=can_speak)
    scene.transfer_control(scene.rep, bogdan)
    assert ("call" in scene.session.activities) == (can_speak is Capability.YES)


@pytest.mark.rule("B-9.3")
def test_the_former_controller_may_stay_leave_or_be_given_control_back(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    scene.transfer_control(scene.rep, bogdan)
    scene.say(scene.rep, "I am still here")
    view = scene.offer(maria)
    assert scene.rep in scene.session.activities[view].seen_by
    assert refusal(scene.end, scene.rep) is ErrorCode.NOT_ALLOWED
    scene.transfer_control(bogdan, scene.rep)
    assert scene.person(scene.rep).role is Role.CONTROLLER
    scene.transfer_control(scene.rep, bogdan)
    scene.leave(scene.rep)
    assert scene.person(scene.rep).left is LeaveReason.LEFT
    assert refusal(scene.leave, bogdan) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-9.6")
def test_of_two_transfers_one_wins_and_the_other_is_told_and_the_same_again_is_no_error(scene):
    scene.join()
    bogdan, corina = scene.assist("Bogdan"), scene.assist("Corina")
    scene.transfer_control(scene.rep, bogdan)
    assert refusal(scene.transfer_control, scene.rep, corina) is ErrorCode.CONTROL_MOVED
    before = len(scene.journal)
    scene.transfer_control(scene.rep, bogdan)
    assert len(scene.journal) == before
    assert scene.session.holder(Role.CONTROLLER).id == bogdan


@pytest.mark.rule("B-9.1")
def test_control_goes_to_assistants_who_are_there_and_to_nobody_else(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    for nobody in (maria, scene.rep, "nobody"):
        assert refusal(scene.transfer_control, scene.rep, nobody) is ErrorCode.PARTICIPANT_UNKNOWN
    scene.connection(bogdan, Connection.LOST)
    assert refusal(scene.transfer_control, scene.rep, bogdan) is ErrorCode.PARTICIPANT_UNKNOWN


@pytest.mark.rule("B-7.9")
def test_an_assistant_asks_for_control_takes_it_back_and_is_refused(scene):
    scene.join()
    bogdan, corina = scene.assist("Bogdan"), scene.assist("Corina")
    scene.ask_control(bogdan)
    assert scene.facts_told(scene.rep)[-1].participant.asks_control
    before = len(scene.journal)
    scene.ask_control(bogdan)
    scene.refuse_control(scene.rep, corina)
    assert len(scene.journal) == before
    scene.refuse_control(scene.rep, bogdan)
    assert not scene.facts_told(bogdan)[-1].participant.asks_control
    scene.ask_control(bogdan)
    scene.ask_control(bogdan, asking=False)
    assert not scene.person(bogdan).asks_control
    scene.ask_control(bogdan)
    scene.transfer_control(scene.rep, bogdan)
    assert not scene.person(bogdan).asks_control
    assert refusal(scene.refuse_control, bogdan, "nobody") is ErrorCode.PARTICIPANT_UNKNOWN


@pytest.mark.rule("B-7.9", "B-10.3")
def test_a_question_for_control_goes_with_the_rep_who_was_asked(scene):
    scene.join()
    bogdan = scene.assist("Bogdan")
    scene.ask_control(bogdan)
    scene.pass_on(scene.rep, agents=("Corina",))
    told = [fact.participant for fact in scene.facts_told(bogdan) if hasattr(fact, "participant")]
    assert [one.asks_control for one in told if one.id == bogdan][-1] is False
    assert not scene.person(bogdan).asks_control


# A controller who is lost


@pytest.mark.rule("B-12.6")
def test_an_assistant_takes_over_from_a_controller_lost_for_a_minute_and_not_before(scene):
    maria = scene.join()
    bogdan, corina = scene.assist("Bogdan"), scene.assist("Corina")
    view = scene.offer(maria)
    assert refusal(scene.take_control, bogdan) is ErrorCode.CONTROLLER_PRESENT
    scene.connection(scene.rep, Connection.LOST)
    scene.later(limits.CONTROLLER_LOST_S - 1)
    assert refusal(scene.take_control, bogdan) is ErrorCode.CONTROLLER_PRESENT
    scene.later(1)
    assert refusal(scene.take_control, maria) is ErrorCode.NOT_ALLOWED
    scene.expire()
    scene.take_control(bogdan)
    mark = scene.facts_told(maria)[-1].mark
    assert (mark.kind, mark.name, mark.former) == (MarkKind.TAKEN_OVER, "Bogdan", "Ana Pop")
    assert view not in scene.session.activities
    assert refusal(scene.take_control, corina) is ErrorCode.CONTROLLER_PRESENT
    scene.connection(scene.rep, Connection.ONLINE)
    assert scene.person(scene.rep).role is Role.ASSISTANT


@pytest.mark.rule("B-12.6")
def test_a_session_from_a_queue_returns_to_its_head_when_its_controller_is_lost_and_nobody_can_take_over():
    scene = Scene(by_form=True)
    bogdan = scene.accept("Bogdan")
    scene.offer(scene.customer)
    scene.connection(bogdan, Connection.LOST)
    scene.later(limits.CONTROLLER_LOST_S - 1)
    scene.expire()
    assert scene.session.state is SessionState.ACTIVE
    scene.later(1)
    scene.expire()
    transfer = scene.session.transfer
    assert (scene.session.state, transfer.queue_id, transfer.at_head) == (SessionState.QUEUED, "support", True)
    told = scene.facts_told(scene.customer)
    assert kinds(told)[-4:] == [
        events.ActivityChanged,
        events.ParticipantLeft,
        events.MarkAdded,
        events.SessionChanged,
    ]
    assert told[-3].reason is LeaveReason.LOST
    assert (told[-2].mark.kind, told[-2].mark.former, told[-2].mark.queue) == (MarkKind.QUEUED, "Bogdan", "Support")
    assert scene.person(bogdan).left is LeaveReason.LOST
    assert scene.accept("Corina")


@pytest.mark.rule("B-12.6")
def test_with_an_assistant_it_is_left_to_him_and_goes_back_to_the_queue_only_at_the_end():
    scene = Scene(by_form=True)
    bogdan = scene.accept("Bogdan")
    corina = scene.assist("Corina")
    scene.connection(bogdan, Connection.LOST)
    scene.later(limits.CONTROLLER_LOST_S)
    scene.expire()
    assert scene.session.state is SessionState.ACTIVE
    scene.later(limits.SESSION_WITHOUT_CONTROLLER_S - limits.CONTROLLER_LOST_S)
    scene.expire()
    assert scene.session.state is SessionState.QUEUED
    assert scene.person(corina).role is Role.ASSISTANT


@pytest.mark.rule("B-12.6")
def test_any_other_session_ends_after_ten_minutes_with_an_assistant_or_without(scene):
    maria = scene.join()
    scene.assist("Bogdan")
    scene.connection(scene.rep, Connection.LOST)
    scene.later(limits.SESSION_WITHOUT_CONTROLLER_S)
    scene.expire()
    assert scene.facts_told(maria)[-1] == events.SessionEnded(reason=EndReason.CONTROLLER_LOST)


# Transfer Session


@pytest.mark.rule("B-10.1", "B-10.3", "B-10.4")
def test_the_rep_is_out_at_once_and_the_customer_reads_where_he_is_being_passed_on(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    view = scene.offer(maria)
    scene.pass_on(scene.rep, agents=("Bogdan", "Corina"), message="Knows the printer")
    told = scene.facts_told(maria)[-4:]
    assert (told[0].activity.id, told[0].activity.end) == (view, ActivityEnd.SESSION_TRANSFERRED)
    assert told[1] == events.ParticipantLeft(participant_id=scene.rep, reason=LeaveReason.LEFT)
    assert (told[2].mark.kind, told[2].mark.former) == (MarkKind.PASSED_ON, "Ana Pop")
    assert told[3].state is SessionState.OFFERED
    assert (told[3].transfer.to, told[3].transfer.former) == (TransferTarget.AGENTS, "Ana Pop")
    assert scene.facts_told(scene.rep)[-1] == told[1]
    assert "Knows the printer" not in repr(scene.told[maria]) + repr(scene.view(maria))
    assert scene.session.transfer.agents == {"account-bogdan", "account-corina"}
    assert scene.session.transfer.message == "Knows the printer"
    # His other reps stay; he who accepts may be one of them: so a session is ceded to an assistant completely.
    assert scene.accept("Bogdan") == bogdan
    assert scene.person(bogdan).role is Role.CONTROLLER
    assert refusal(scene.accept, "Corina") is ErrorCode.OFFER_GONE


@pytest.mark.rule("B-10.2", "B-10.4")
def test_who_accepts_reads_the_transcript_and_is_announced_by_name(scene):
    maria = scene.join()
    scene.say(maria, "it does not print")
    scene.say(scene.rep, "between us", audience=Audience.REPS)
    scene.pass_on(scene.rep, queue="support")
    corina = scene.accept("Corina")
    assert [line.text for line in scene.view(corina).chat] == ["it does not print", "between us"]
    told = scene.facts_told(maria)[-3:]
    assert (told[0].participant.name, told[0].participant.role) == ("Corina", Role.CONTROLLER)
    assert (told[1].mark.kind, told[1].mark.name) == (MarkKind.ACCEPTED, "Corina")
    assert told[2] == events.SessionChanged(state=SessionState.ACTIVE)


@pytest.mark.rule("B-10.2")
def test_what_was_written_when_passing_on_stays_to_be_read_by_who_accepted_and_by_nobody_else(scene):
    maria = scene.join()
    scene.pass_on(scene.rep, agents=("Bogdan",), message="Knows the printer")
    assert scene.view(maria).handover is None
    bogdan = scene.accept("Bogdan")
    assert scene.session.transfer is None
    assert scene.view(bogdan).handover == Handover(by="Ana Pop", message="Knows the printer")
    assert scene.view(maria).handover is None
    scene.pass_on(bogdan, queue="support")
    assert scene.view(scene.accept("Corina")).handover is None, "Bogdan wrote nothing"


@pytest.mark.rule("B-10.2", "B-12.7")
def test_the_record_has_what_was_written_when_passing_on_for_its_writer_and_its_reader_alone(scene):
    maria = scene.join()
    scene.assist("Dan")
    scene.pass_on(scene.rep, agents=("Bogdan",), message="Knows the printer")
    scene.fall_to_queue()
    bogdan = scene.accept("Bogdan")
    scene.pass_on(bogdan, queue="support")
    corina = scene.accept("Corina")
    scene.pass_on(corina, agents=("Bogdan",), message="It is the cable")
    scene.leave(maria)
    assert scene.session.state is SessionState.ENDED
    session, handovers = Session(scene.session.id), Handovers()
    for entry in scene.journal:
        apply(session, entry)
        handovers.follow(session, entry.fact)
    to_bogdan = Handover(by="Ana Pop", message="Knows the printer")
    last = Handover(by="Corina", message="It is the cable")
    assert handovers.of(REP.id) == (to_bogdan,)
    assert handovers.of(account("Bogdan").id) == (to_bogdan,)
    assert handovers.of(account("Corina").id) == (last,), "nobody accepted with it, but she wrote it"
    assert handovers.of(account("Dan").id) == handovers.of("") == ()


@pytest.mark.rule("B-10.4")
def test_when_nobody_accepts_it_falls_to_the_head_of_a_queue_with_its_message(scene):
    maria = scene.join()
    scene.pass_on(scene.rep, agents=("Bogdan",), message="Knows the printer")
    scene.fall_to_queue()
    transfer = scene.session.transfer
    assert (transfer.at_head, transfer.message, transfer.former) == (True, "Knows the printer", "Ana Pop")
    told = scene.facts_told(maria)[-2:]
    assert (told[0].mark.kind, told[0].mark.queue) == (MarkKind.QUEUED, "Queue support")
    assert (told[1].state, told[1].transfer.queue_name) == (SessionState.QUEUED, "Queue support")
    before = len(scene.journal)
    scene.fall_to_queue()
    assert len(scene.journal) == before
    scene.accept("Corina")
    scene.connection(scene.session.holder(Role.CONTROLLER).id, Connection.LOST)
    scene.later(limits.CONTROLLER_LOST_S)
    scene.expire()
    assert scene.session.state is SessionState.QUEUED


@pytest.mark.rule("B-10.2")
@pytest.mark.parametrize(
    ("text", "fits"),
    [("x" * 345, True), ("😀" * 345, True), ("e\u0301" * 172 + "x", True), ("x" * 346, False), ("😀" * 346, False)],
)
def test_the_personal_message_is_counted_in_code_points_and_never_cut(scene, text, fits):
    scene.join()
    if fits:
        scene.pass_on(scene.rep, queue="support", message=text)
        assert len(scene.session.transfer.message) <= limits.TRANSFER_MESSAGE_CHARS
        assert scene.session.transfer.message.endswith(text[-1])
    else:
        assert refusal(scene.pass_on, scene.rep, queue="support", message=text) is ErrorCode.BAD_MESSAGE
        assert scene.session.state is SessionState.ACTIVE


@pytest.mark.rule("B-10.1", "B-10.5")
def test_it_goes_to_a_queue_or_to_agents_never_to_both_to_nobody_or_to_oneself(scene):
    scene.join()
    assert refusal(scene.pass_on, scene.rep) is ErrorCode.BAD_MESSAGE
    assert refusal(scene.pass_on, scene.rep, queue="q", agents=("Bogdan",)) is ErrorCode.BAD_MESSAGE
    assert refusal(scene.pass_on, scene.rep, agents=("Bogdan", "Ana")) is ErrorCode.AGENT_UNKNOWN
    assert scene.session.state is SessionState.ACTIVE


@pytest.mark.rule("B-10.3", "B-12.1")
def test_a_session_that_nobody_needs_any_more_does_not_stand_in_the_queue(scene):
    maria = scene.join()
    bogdan = scene.assist("Bogdan")
    scene.pass_on(scene.rep, queue="support")
    scene.leave(maria)
    assert scene.facts_told(bogdan)[-1] == events.SessionEnded(reason=EndReason.EXPIRED)
    assert refusal(scene.accept, "Corina") is ErrorCode.OFFER_GONE


@pytest.mark.rule("B-11.1")
def test_an_entry_form_makes_a_session_in_the_queue_and_only_reps_read_what_was_written():
    scene = Scene(by_form=True)
    view = scene.view(scene.customer)
    assert (view.state, view.transfer.queue_name, view.intake) == (SessionState.QUEUED, "Support", None)
    assert scene.session.holder(Role.CONTROLLER) is None
    scene.say(scene.customer, "Is anybody there?")
    bogdan = scene.accept("Bogdan")
    intake = scene.view(bogdan).intake
    assert (intake.email, intake.problem) == ("maria@example.org", "Help")
    assert scene.session.state is SessionState.ACTIVE


def test_what_an_older_relay_wrote_is_still_read():
    started = (
        '{"type":"started","number":"123456789","mode":"multi","account_id":"a","participant_id":"p","name":"Ana",'
        '"locale":"en","request_id":"r"}'
    )
    joined = (
        '{"type":"joined","participant_id":"q","role":"primary","name":"M","locale":"en","device":{},'
        '"request_id":"r","token_hash":"h"}'
    )
    state = '{"type":"state","state":"active"}'
    session = Session("s")
    for seq, body in enumerate((started, joined, state), 1):
        apply(session, Entry("s", seq, 1_000, decode_fact(body)))
    assert session.state is SessionState.ACTIVE
    assert session.holder(Role.CONTROLLER).was_controller
    customer = session.holder(Role.PRIMARY)
    assert (customer.account_id, customer.waiting_for, customer.token_hashes) == ("", None, ("h",))
    assert (session.transfer, session.marks, session.locked, session.queue_id) == (None, [], False, "")
    passed = '{"type":"passed_on","to":"queue","queue_id":"q","queue_name":"Support","former":"Ana"}'
    apply(session, Entry("s", 4, 1_000, decode_fact(passed)))
    assert (session.transfer.former, session.transfer.former_account) == ("Ana", "")


@pytest.mark.rule("B-8.1")
def test_strangers_who_wait_keep_no_colleague_out(single):
    for number in range(limits.PARTICIPANTS_PER_SESSION - 1):
        join(single, f"Stranger{number}")
    assert len(single.session.members()) == limits.PARTICIPANTS_PER_SESSION
    assert single.person(single.assist("Bogdan")).role is Role.ASSISTANT


@pytest.mark.rule("B-2.5")
def test_whoever_waited_and_went_is_kept_no_longer_than_until_the_next_one_comes(single):
    maria = join(single, "Maria")
    for number in range(50):
        single.leave(join(single, f"Waiter-{number}"))
    last = join(single, "Ion")
    assert set(single.session.participants) == {single.rep, maria, last}
    # Whoever was let in and went is remembered: history names him.
    single.admit(single.rep, last)
    single.leave(last)
    vlad = join(single, "Vlad")
    assert set(single.session.participants) == {single.rep, maria, last, vlad}
    assert set(single.rebuilt().participants) == set(single.session.participants)


@pytest.mark.rule("B-7.4", "B-10.5")
def test_a_rep_who_comes_back_is_told_which_earlier_lines_are_his_and_nobody_learns_whose_account_they_are(scene):
    maria = scene.join()
    ana = scene.rep
    bogdan = scene.assist()
    scene.say(ana, "Good morning")
    scene.say(bogdan, "I was here first")
    scene.say(maria, "Hello")
    scene.leave(bogdan)
    again = scene.assist()
    scene.say(again, "I am back")
    silent = scene.assist("Corina")
    scene.leave(silent)
    corina = scene.assist("Corina")
    assert again != bogdan
    for session in (scene.session, scene.rebuilt()):
        views = {who: snapshot(session, session.participants[who], link="l") for who in (ana, maria, again, corina)}
        assert {who: view.you_before for who, view in views.items()} == {
            ana: (),
            maria: (),
            again: (bogdan,),
            corina: (),  # nothing was written there
        }
        own = [line.text for line in views[again].chat if views[again].is_own(line)]
        assert own == ["I was here first", "I am back"]
        assert [line.text for line in views[maria].chat if views[maria].is_own(line)] == ["Hello"]
    # What arrived before a resume is kept by the app, so it needs the ids also where no line comes anew.
    later = snapshot(scene.session, scene.person(again), link="l", after_seq=scene.session.seq)
    assert (later.chat, later.you_before) == ((), (bogdan,))
