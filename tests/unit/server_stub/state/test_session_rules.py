"""Playbooks of a session's rules, one rule each, without a relay."""

import pytest

from server_stub.state import decide, tokens
from server_stub.state.facts import ActivitySet, ChatAdded
from server_stub.state.names import clean_name, clean_text
from server_stub.state.project import project, snapshot
from server_stub.state.refused import Refused
from support_manager.protocol import events, limits, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import AccountView, Audience, Capability, Connection, EndReason, LeaveReason, Mode
from tests.harness.scene import REP, Scene


@pytest.fixture
def scene():
    return Scene()


def refusal(call, *arguments, **named):
    with pytest.raises(Refused) as caught:
        call(*arguments, **named)
    return caught.value.code


@pytest.mark.rule("B-2.5", "B-6.1")
def test_a_second_customer_is_told_that_the_session_is_taken_and_nobody_hears_of_him(scene):
    scene.join("Maria")
    before = len(scene.journal)
    assert refusal(scene.join, "Ion", "join-request-0002") is ErrorCode.SESSION_TAKEN
    assert len(scene.journal) == before


@pytest.mark.rule("B-1.2", "B-1.3")
def test_the_first_customer_is_primary_and_the_session_becomes_active(scene):
    maria = scene.join("Maria")
    assert scene.person(maria).role is Role.PRIMARY
    assert scene.session.state is SessionState.ACTIVE
    told = scene.facts_told(scene.rep)
    assert [type(fact) for fact in told] == [events.ParticipantJoined, events.SessionChanged]


def test_a_join_repeated_after_a_lost_ack_lets_the_same_customer_in_with_a_new_token(scene):
    maria = scene.join("Maria")
    assert scene.join("Maria") == maria
    assert len(scene.session.members()) == 2
    assert scene.resume(scene.tokens[maria][1]) == maria
    assert refusal(scene.resume, scene.tokens[maria][0]) is ErrorCode.RESUME_REFUSED


def test_a_guessable_request_id_brings_nobody_in_as_somebody_else(scene):
    scene.join("Maria", "1")
    assert refusal(scene.join, "Ion", "1") is ErrorCode.SESSION_TAKEN


@pytest.mark.rule("B-3.4")
def test_a_rep_starts_only_the_modes_he_has():
    account = AccountView(id="a", name="a", display_name="A", modes=(Mode.SINGLE,))
    request = requests.SessionStart(request_id="r", mode=Mode.MULTI)
    moment = Scene().moment
    assert refusal(decide.decide_start, account, "1", request, moment) is ErrorCode.NO_PRIVILEGE


@pytest.mark.rule("B-7.4")
def test_private_lines_between_reps_never_reach_a_customer(scene):
    maria = scene.join()
    scene.say(scene.rep, "careful with this one", audience=Audience.REPS)
    scene.say(scene.rep, "hello")
    assert [f.line.text for f in scene.facts_told(maria) if isinstance(f, events.ChatAdded)] == ["hello"]
    seen = snapshot(scene.session, scene.person(maria), link="https://x/join#secret")
    assert [line.text for line in seen.chat] == ["hello"]
    assert seen.link == ""
    assert len(snapshot(scene.session, scene.person(scene.rep), link="l").chat) == 2
    assert refusal(scene.say, maria, "me too", audience=Audience.REPS) is ErrorCode.NOT_ALLOWED


@pytest.mark.rule("B-2.5", "B-7.4")
def test_whoever_comes_after_a_customer_who_left_reads_nothing_of_what_was_said_before(scene):
    maria = scene.join("Maria")
    scene.say(maria, "my card number is 1234")
    scene.say(scene.rep, "thank you")
    scene.leave(maria)
    scene.say(scene.rep, "nobody is here")
    ion = scene.join("Ion", "join-request-0002")
    scene.say(scene.rep, "good morning")

    def reads(session, who):
        return [line.text for line in snapshot(session, session.participants[who], link="l").chat]

    for session in (scene.session, scene.rebuilt()):
        assert reads(session, ion) == ["good morning"]
        assert len(reads(session, scene.rep)) == 4
    early = [event for event in scene.journal if project(scene.session, event, scene.person(ion))]
    assert [entry.fact.line.text for entry in early if isinstance(entry.fact, ChatAdded)] == ["good morning"]
    # The same person who comes back still has his own.
    scene.connection(ion, Connection.CLOSED_PAGE)
    scene.resume(scene.tokens[ion][-1])
    assert reads(scene.session, ion) == ["good morning"]
    assert [line.text for line in snapshot(scene.session, scene.person(ion), link="l", after_seq=99).chat] == []


@pytest.mark.rule("B-7.4")
def test_a_line_sent_twice_stands_once_and_a_full_transcript_takes_no_more(scene):
    maria = scene.join()
    scene.say(maria, "hello", "line-1")
    scene.say(maria, "hello", "line-1")
    assert len(scene.session.chat) == 1
    while len(scene.session.chat) < limits.TRANSCRIPT_LINES:
        scene.say(scene.rep, "more")
    assert refusal(scene.say, scene.rep, "too much") is ErrorCode.TRANSCRIPT_FULL
    scene.say(maria, "hello", "line-1")


def test_a_transcript_is_bounded_in_characters_too(scene):
    scene.join()
    for _ in range(limits.TRANSCRIPT_CHARS // limits.TEXT_CHARS):
        scene.say(scene.rep, "x" * limits.TEXT_CHARS)
    assert refusal(scene.say, scene.rep, "x") is ErrorCode.TRANSCRIPT_FULL
    assert scene.session.chat_chars == limits.TRANSCRIPT_CHARS


@pytest.mark.rule("B-7.4")
@pytest.mark.parametrize(("text", "times"), [("x" * limits.TEXT_CHARS, 63), ("x", limits.CUSTOMER_LINES + 1)])
def test_a_customer_who_floods_the_chat_leaves_the_others_room(scene, text, times):
    """Also one who goes and comes again as somebody new; and also after a restart."""
    full = 0
    for coming in range(5):
        maria = scene.join(request_id=f"join-request-{coming:04}")
        for count in range(times):
            try:
                scene.say(maria, text)
            except Refused as refused:
                assert refused.code is ErrorCode.TRANSCRIPT_FULL
                full += 1
                assert coming or count >= times - 2
        scene.leave(maria)
    assert full > times, "the later ones had little or nothing left"
    for session in (scene.session, scene.rebuilt()):
        assert session.customers_lines <= limits.CUSTOMERS_LINES
        assert session.customers_chars <= limits.CUSTOMERS_CHARS
        assert session.customers_lines == len(session.chat)
    scene.join(request_id="join-request-last")
    for _ in range(limits.TRANSCRIPT_LINES - limits.CUSTOMERS_LINES):
        scene.say(scene.rep, "x" * 250)


def test_the_same_line_id_of_two_people_makes_two_lines(scene):
    maria = scene.join()
    scene.say(maria, "a", "line-1")
    scene.say(scene.rep, "b", "line-1")
    assert [line.text for line in scene.session.chat] == ["a", "b"]


@pytest.mark.rule("B-7.1")
def test_a_view_runs_only_after_the_customer_said_yes_and_the_words_he_read_are_kept(scene):
    maria = scene.join()
    view = scene.ask(scene.rep, maria)
    assert scene.session.activities[view].state is ActivityState.ASKED
    assert refusal(scene.answer, scene.rep, view, True) is ErrorCode.NOT_ALLOWED
    scene.answer(maria, view, True, "Ana Pop asks to see your screen")
    assert scene.session.activities[view].state is ActivityState.RUNNING
    assert scene.session.activities[view].seen_by == (scene.rep,)
    kept = [entry.fact.words for entry in scene.journal if isinstance(entry.fact, ActivitySet)]
    assert kept == ["", "Ana Pop asks to see your screen"]


@pytest.mark.rule("B-7.1")
def test_each_view_is_asked_for_anew(scene):
    maria = scene.join()
    view = scene.ask(scene.rep, maria)
    assert refusal(scene.ask, scene.rep, maria) is ErrorCode.ACTIVITY_BUSY
    scene.answer(maria, view, False)
    again = scene.ask(scene.rep, maria)
    assert again != view
    assert scene.session.activities[again].state is ActivityState.ASKED


@pytest.mark.rule("B-1.2")
@pytest.mark.parametrize("kind", [ActivityKind.VIEW, ActivityKind.VIDEO, ActivityKind.RECORDING])
def test_only_who_is_helped_is_asked(kind):
    single = Scene(Mode.SINGLE)
    _, ion = single.join(), single.join("Ion", "join-request-0002")
    assert refusal(single.ask, single.rep, ion, kind) is ErrorCode.NOT_ALLOWED, "he waits"
    single.admit(single.rep, ion)
    assert refusal(single.ask, single.rep, ion, kind) is ErrorCode.NOT_ALLOWED, "another one is helped"
    single.select(single.rep, ion)
    single.ask(single.rep, ion, kind)


@pytest.mark.rule("B-7.1")
def test_an_offer_of_the_customer_while_he_is_asked_is_his_yes(scene):
    maria = scene.join()
    view = scene.ask(scene.rep, maria)
    assert scene.offer(maria) == view
    assert scene.session.activities[view].state is ActivityState.RUNNING
    assert refusal(scene.offer, maria) is ErrorCode.ACTIVITY_BUSY


@pytest.mark.rule("B-2.4")
def test_a_device_that_cannot_show_its_screen_is_not_asked(scene):
    maria = scene.join(device=requests.DeviceReport(screen=Capability.NO, browser="Phone\u202eevil"))
    assert refusal(scene.ask, scene.rep, maria) is ErrorCode.NOT_SUPPORTED
    assert scene.person(maria).device.browser == "Phoneevil"


@pytest.mark.rule("B-7.1")
def test_who_stops_how_is_told_in_words(scene):
    maria = scene.join()

    def ended_by(act, asked=False):
        view = scene.ask(scene.rep, maria) if asked else scene.offer(maria)
        act(view)
        return scene.facts_told(maria)[-1].activity.end

    assert ended_by(lambda view: scene.stop(maria, view)) is ActivityEnd.STOPPED
    assert ended_by(lambda view: scene.stop(scene.rep, view)) is ActivityEnd.STOPPED
    assert ended_by(lambda v: scene.stop(maria, v, ActivityEnd.SOURCE_ENDED)) is ActivityEnd.SOURCE_ENDED
    assert ended_by(lambda v: scene.stop(maria, v), asked=True) is ActivityEnd.DENIED
    assert ended_by(lambda v: scene.stop(scene.rep, v), asked=True) is ActivityEnd.CANCELLED
    dismissed = ActivityEnd.PICKER_DISMISSED
    assert ended_by(lambda v: scene.stop(maria, v, dismissed), asked=True) is dismissed


def test_only_the_owner_knows_what_became_of_his_source_and_nobody_sends_the_relays_reasons(scene):
    maria = scene.join()
    view = scene.offer(maria)
    assert refusal(scene.stop, scene.rep, view, ActivityEnd.SOURCE_ENDED) is ErrorCode.NOT_ALLOWED
    for reason in (ActivityEnd.SESSION_ENDED, ActivityEnd.CONTROL_TRANSFERRED, ActivityEnd.CUSTOMER_SWITCHED):
        assert refusal(scene.stop, maria, view, reason) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.update, scene.rep, view, paused=True) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.stop, maria, "nothing") is ErrorCode.ACTIVITY_UNKNOWN
    scene.stop(maria, view)
    scene.stop(scene.rep, view)


@pytest.mark.rule("B-12.5")
def test_a_lost_connection_ends_no_share(scene):
    maria = scene.join()
    view = scene.offer(maria)
    scene.connection(maria, Connection.LOST)
    assert scene.session.activities[view].state is ActivityState.RUNNING
    scene.resume(scene.tokens[maria][0])
    assert scene.person(maria).connection is Connection.ONLINE
    assert scene.session.activities[view].state is ActivityState.RUNNING


@pytest.mark.rule("B-7.1", "B-12.4")
def test_a_reload_ends_the_view_and_a_closed_page_is_told_apart_from_a_lost_connection(scene):
    maria = scene.join()
    scene.offer(maria)
    scene.connection(maria, Connection.CLOSED_PAGE)
    scene.connection(maria, Connection.LOST)
    told = scene.facts_told(scene.rep)[-2:]
    assert told[0].activity.end is ActivityEnd.PAGE_RELOADED
    assert told[1].connection is Connection.CLOSED_PAGE
    assert scene.resume(scene.tokens[maria][0]) == maria


@pytest.mark.rule("B-12.4")
def test_a_closed_page_may_come_back_for_ten_minutes_and_then_the_seat_is_free(scene):
    maria = scene.join()
    scene.connection(maria, Connection.CLOSED_PAGE)
    scene.later(limits.RETURN_AFTER_CLOSED_PAGE_S - 1)
    scene.expire()
    scene.resume(scene.tokens[maria][0])
    scene.connection(maria, Connection.CLOSED_PAGE)
    scene.later(limits.RETURN_AFTER_CLOSED_PAGE_S)
    scene.expire()
    assert scene.person(maria).left is LeaveReason.CLOSED_PAGE
    assert scene.session.state is SessionState.WAITING
    assert refusal(scene.resume, scene.tokens[maria][1]) is ErrorCode.RESUME_REFUSED
    assert scene.join("Ion", "join-request-0002") != maria


@pytest.mark.rule("B-12.6")
def test_a_controller_lost_for_ten_minutes_ends_the_session_with_a_reason(scene):
    maria = scene.join()
    scene.offer(maria)
    scene.connection(scene.rep, Connection.LOST)
    scene.later(limits.SESSION_WITHOUT_CONTROLLER_S - 1)
    scene.expire()
    assert scene.session.is_live
    scene.later(1)
    scene.expire()
    told = scene.facts_told(maria)
    assert told[-1] == events.SessionEnded(reason=EndReason.CONTROLLER_LOST)
    assert told[-2].activity.end is ActivityEnd.SESSION_ENDED


@pytest.mark.rule("B-12.1", "B-12.2")
def test_only_the_controller_ends_and_only_others_leave(scene):
    maria = scene.join()
    assert refusal(scene.end, maria) is ErrorCode.NOT_ALLOWED
    assert refusal(scene.leave, scene.rep) is ErrorCode.NOT_ALLOWED
    view = scene.offer(maria)
    scene.leave(maria)
    told = scene.facts_told(scene.rep)
    left = events.ParticipantLeft(participant_id=maria, reason=LeaveReason.LEFT)
    assert told[-2] == left
    assert view not in scene.session.activities
    scene.end(scene.rep)
    assert refusal(scene.say, scene.rep, "anybody?") is ErrorCode.SESSION_ENDED


def test_a_resume_token_holds_until_the_next_one_is_used(scene):
    maria = scene.join()
    first = scene.tokens[maria][0]
    scene.resume(first)
    scene.resume(first)
    second = scene.tokens[maria][-1]
    scene.resume(second)
    assert refusal(scene.resume, first) is ErrorCode.RESUME_REFUSED


def test_no_token_stands_in_the_journal(scene):
    maria = scene.join()
    scene.resume(scene.tokens[maria][0])
    link = tokens.link_token(b"key", scene.session.id)
    kept = repr(scene.journal)
    assert all(secret not in kept for secret in (*scene.tokens[maria], link))


def test_numbers_have_nine_digits_never_begin_with_zero_and_are_unique():
    drawn = iter([0, 0, 899_999_999])
    random = lambda count: next(drawn).to_bytes(count)  # noqa: E731
    first = tokens.new_number(random, ())
    assert first == "100000000"
    assert tokens.new_number(random, {first}) == "999999999"


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("  Ana   Pop ", "Ana Pop"),
        ("Ștefan\u0301", "Ștefań"),
        ("a\u202eb\u2066c\x00d\x1b[31me", "abcd[31me"),
        ("line\nbreak\tand\u2028more", "line break and more"),
        ("\u202e\u200f \x07", ""),
        ("\ud800x", "x"),
        ("x" * 100, "x" * 60),
    ],
)
def test_names_lose_what_could_deceive(raw, clean):
    assert clean_name(raw, 60) == clean


def test_chat_keeps_its_lines_and_loses_control_characters():
    assert clean_text("a\r\nb\x1b\u202ec\t!\n", 4000) == "a\nbc\t!"
    assert refusal(Scene().say, "nobody", "x") is ErrorCode.SESSION_UNKNOWN


def test_an_empty_name_is_refused(scene):
    assert refusal(scene.join, "\u202e ") is ErrorCode.BAD_MESSAGE


def test_the_host_is_named_by_his_account(scene):
    assert scene.person(scene.rep).name == REP.display_name
