"""The commands: each one has a name, icon and key of its own, and can be used only when it makes sense."""

import asyncio

import msgspec
import pytest

from resources.catalog import LANGUAGES
from support_manager.events import Link, Picture
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.roles import Role
from support_manager.protocol.views import ActivityView, Capability, Device
from tests.harness.fake_intents import FakeIntents
from ui.actions import COMMANDS, Actions
from ui.i18n import Translator
from ui.theme import Theme

SESSION = {"invite", "copy_number", "copy_link", "focus_chat", "detach_tab"}
SIGNED_IN = {"sign_out", "icon_tray", "replies", "recordings"}
ONLINE = {"start_session", "assist", "history"} | SIGNED_IN
CONTROL = {"end_session", "leave_session", "transfer_control", "notes"}
VIEW = {"screenshot", "save_screenshot", "view_fit", "view_actual", "zoom_in", "zoom_out", "full_screen"}
VIEW |= {"show_figures"}
ALWAYS = {"preferences", "about", "show_window", "quit"}


@pytest.fixture
def actions(qapp) -> Actions:
    return Actions(Theme("light"), Translator("en"))


@pytest.fixture
def intents() -> FakeIntents:
    made = FakeIntents(signed_in=True)
    asyncio.run(made.start_session())
    return made


def usable(actions: Actions, intents: FakeIntents, link: Link = Link.ONLINE, count: int = 1) -> set[str]:
    current = next(iter(intents.sessions.values()), None)
    actions.update(link, account=intents.account, current=current, count=count)
    return {action.objectName().removeprefix("action_") for action in actions if action.isEnabled()} - ALWAYS


@pytest.mark.rule("B-13.4")
def test_every_command_has_name_icon_and_a_key_of_its_own(actions: Actions):
    keys = [action.shortcut().toString() for action in actions if not action.shortcut().isEmpty()]
    assert len(keys) == len(set(keys))
    for action in actions:
        assert action.iconText()
        assert not action.icon().isNull()
        assert action.iconText() in action.toolTip()
    assert len(list(actions)) == len(COMMANDS)


@pytest.mark.parametrize("language", LANGUAGES)
def test_names_follow_the_language(actions: Actions, language: str):
    translator = Translator("en")
    live = Actions(Theme("light"), translator)
    translator.set_language(language)
    assert live.end_session.iconText() == {"en": "End session", "ro": "Încheiați sesiunea"}[language]


def test_signed_out_leaves_only_what_needs_nobody(actions: Actions):
    actions.update(Link.SIGNED_OUT, account=None, current=None, count=0)
    assert {action.objectName().removeprefix("action_") for action in actions if action.isEnabled()} == ALWAYS


def test_without_a_session(actions: Actions):
    assert usable(actions, FakeIntents(signed_in=True)) == ONLINE


def test_waiting_for_the_customer(actions: Actions, intents: FakeIntents):
    assert usable(actions, intents) == ONLINE | CONTROL | SESSION


def test_customer_is_there(actions: Actions, intents: FakeIntents):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    new = {"ask_view", "show_screen", "record", "camera", "ask_camera", "voice"}
    assert usable(actions, intents) == ONLINE | CONTROL | SESSION | new


def test_customer_whose_device_cannot_share_is_not_asked(actions: Actions, intents: FakeIntents):
    (session_id,) = intents.sessions
    intents.joins(session_id, device=Device(screen=Capability.NO, phone=True))
    assert "ask_view" not in usable(actions, intents)


@pytest.mark.parametrize("picture", [Picture.ASKED, Picture.CONNECTING])
def test_question_can_be_taken_back_and_not_asked_twice(actions: Actions, intents: FakeIntents, picture: Picture):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    intents.shows(session_id, picture)
    found = usable(actions, intents)
    assert "stop_view" in found
    assert "ask_view" not in found
    assert not found & VIEW


@pytest.mark.parametrize("picture", [Picture.LIVE, Picture.STATIC, Picture.PAUSED, Picture.LOST])
def test_a_picture_can_be_looked_at(actions: Actions, intents: FakeIntents, picture: Picture):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    intents.shows(session_id, picture)
    assert usable(actions, intents) >= VIEW | {"stop_view"}


def test_offline_the_session_is_still_there(actions: Actions, intents: FakeIntents):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    intents.shows(session_id, Picture.LIVE)
    found = usable(actions, intents, Link.RECONNECTING)
    assert found >= SESSION | VIEW | {"stop_view"}, "what a person stops, stops with the network down too"
    assert not found & {"start_session", "end_session", "ask_view"}


@pytest.mark.rule("B-7.9")
def test_an_assistant_has_no_control(actions: Actions, intents: FakeIntents):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    me, customer = intents.sessions[session_id].view.participants
    intents._change(
        intents.sessions[session_id], participants=(msgspec.structs.replace(me, role=Role.ASSISTANT), customer)
    )
    assert not usable(actions, intents) & {"end_session", "ask_view", "stop_view", "camera", "ask_camera"}


def test_tabs_need_two_sessions(actions: Actions, intents: FakeIntents):
    assert not usable(actions, intents, count=1) & {"next_tab", "previous_tab"}
    assert usable(actions, intents, count=2) >= {"next_tab", "previous_tab"}


@pytest.mark.rule("B-7.7")
def test_in_a_call_it_is_muted_left_and_ended_again_and_again(actions: Actions, intents: FakeIntents):
    (session_id,) = intents.sessions
    intents.joins(session_id)
    inside = {"mute", "hang_up", "end_call"}
    me = intents.sessions[session_id].view.you
    for _ in range(2):
        assert not usable(actions, intents) & inside
        assert not actions.hang_up.isVisible()
        mine = ActivityView(
            id="call", kind=ActivityKind.VOICE, state=ActivityState.RUNNING, asked_by=me, subject=me, changed_at=1
        )
        intents._change(intents.sessions[session_id], activities=(mine,))
        assert usable(actions, intents) >= inside, "also after it was hidden"
        assert actions.hang_up.isVisible()
        assert "voice" not in usable(actions, intents)
        intents._change(intents.sessions[session_id], activities=())
