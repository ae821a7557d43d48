"""The tables of roles and activities have no gap, and what they do not list is refused."""

import pytest

from support_manager.protocol.activities import (
    ACTIVITIES,
    ACTIVITY_TRANSITIONS,
    ActivityEnd,
    ActivityKind,
    ActivityState,
    Consent,
)
from support_manager.protocol.requests import REQUESTS
from support_manager.protocol.roles import ALLOWED, CUSTOMERS, Role, SessionState, is_allowed


def test_every_event_has_a_row_and_every_row_an_event():
    assert set(ALLOWED) == set(REQUESTS)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("state", SessionState)
def test_unknown_events_are_denied(role, state):
    assert not is_allowed("session.format_disk", role, state)


@pytest.mark.rule("B-12.1")
def test_only_the_controller_ends_a_session():
    enders = {role for role in Role for state in SessionState if is_allowed("session.end", role, state)}
    assert enders == {Role.CONTROLLER}


def test_nothing_but_coming_back_works_in_an_ended_session():
    for event in ALLOWED:
        for role in Role:
            if is_allowed(event, role, SessionState.ENDED):
                assert event in {"session.resume", "survey.send"}


def test_customers_never_ask_and_never_start_sessions():
    for role in (*CUSTOMERS, Role.WAITING, Role.ANONYMOUS):
        for event in ("activity.ask", "session.start", "session.list", "session.end"):
            assert not any(is_allowed(event, role, state) for state in SessionState)


def test_every_kind_of_activity_has_its_row():
    assert set(ACTIVITIES) == set(ActivityKind)
    for rule in ACTIVITIES.values():
        assert rule.asked_by | rule.offered_by, "somebody must be able to start it"
        assert {ActivityEnd.STOPPED, ActivityEnd.SESSION_ENDED} <= rule.ended_by


@pytest.mark.rule("B-7.1")
def test_what_shows_a_customer_needs_his_yes():
    assert ACTIVITIES[ActivityKind.VIEW].consent is Consent.PRIMARY
    assert ACTIVITIES[ActivityKind.RECORDING].consent is Consent.PRIMARY
    assert ACTIVITIES[ActivityKind.VIDEO].consent is Consent.OWNER
    assert ACTIVITIES[ActivityKind.VOICE].consent is Consent.OWNER


def test_ended_activities_stay_ended():
    assert not ACTIVITY_TRANSITIONS[ActivityState.ENDED]
    assert set(ACTIVITY_TRANSITIONS) == set(ActivityState)
