"""The dashboard of single-session mode: its tabs, the participants, and the ways to transfer from it."""

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLabel, QPushButton, QToolButton

from support_manager.events import Picture
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Mode
from tests.harness.centre_script import ANA, EVE, ION, assisted, be_agent, controlled, rep
from tests.harness.session_script import REP
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.panels.dashboard import TABS, TransferButton


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def press(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name), Qt.MouseButton.LeftButton)
    drain()


def asked(desk: WindowUnderTest, name: str) -> list[tuple[object, ...]]:
    return [one[1:] for one in desk.intents.asked if one[0] == name]


@pytest.mark.rule("B-5.4", "B-13.3")
async def test_single_mode_has_the_dashboard_with_its_three_tabs(desk):
    controlled(desk)
    names = [desk.find(f"dashboardTab_{name}", QPushButton).text() for name in TABS]  # type: ignore[attr-defined]
    assert (
        names
        == {
            "en": ["Tools", "Application", "Session"],
            "ro": ["Instrumente", "Aplicație", "Sesiune"],
        }[desk.translator.language]
    )
    shown = {
        "tools": {"dashboard_invite", "dashboard_ask_view", "dashboard_focus_chat"},
        "application": {"dashboard_preferences", "dashboardLanguage", "dashboard_icon_tray", "dashboard_history"},
        "session": {"dashboardTransfer", "dashboard_lock_session", "dashboard_end_session", "dashboard_leave_session"},
    }
    for tab, parts in shown.items():
        press(desk, f"dashboardTab_{tab}")
        for each, others in shown.items():
            assert all(desk.shown(name) == (each == tab) for name in others), (tab, each)
        assert all(desk.shown(name) for name in parts)
        assert unnamed(desk.window) == []


async def test_the_chosen_tab_has_room_for_its_bold_name(desk):
    controlled(desk)
    desk.window.resize(1000, 650)
    for name in TABS:
        press(desk, f"dashboardTab_{name}")
        tab = desk.find(f"dashboardTab_{name}", QPushButton)
        font = tab.font()
        font.setWeight(font.Weight.DemiBold)
        assert QFontMetrics(font).horizontalAdvance(tab.text()) <= tab.width() - 2 * 4, name
        row = tab.parentWidget()
        assert row.rect().contains(tab.geometry()), name


async def test_a_session_of_multisession_mode_has_no_dashboard(desk):
    controlled(desk, mode=Mode.MULTI)
    assert not desk.shown("dashboard")
    assert desk.shown("sessionSide")


@pytest.mark.rule("B-4.1", "B-13.4")
async def test_its_buttons_are_the_commands_themselves(desk):
    session = controlled(desk)
    press(desk, "dashboardTab_tools")
    assert desk.find("dashboard_invite", QToolButton).defaultAction() is desk.actions.invite  # type: ignore[attr-defined]
    press(desk, "dashboard_invite")
    assert desk.shown("invitePanel")
    desk.window.sheet.close_sheet()
    press(desk, "dashboard_ask_view")
    await until(lambda: asked(desk, "ask_view") == [(session.id,)])
    assert not desk.find("dashboard_ask_view").isEnabled()
    assert desk.find("dashboard_stop_view").isEnabled()


@pytest.mark.rule("B-9.1")
async def test_the_arrow_on_transfer_session_leads_to_the_dialog_of_transfer_control(desk):
    be_agent(desk)
    session = controlled(desk, rep())
    press(desk, "dashboardTab_session")
    found = desk.find("dashboardTransfer", TransferButton)
    assert isinstance(found, TransferButton)
    assert found.defaultAction() is desk.actions.transfer_session
    assert found.popupMode() is QToolButton.ToolButtonPopupMode.MenuButtonPopup
    assert found.menu().actions() == [desk.actions.transfer_session, desk.actions.transfer_control]
    found.menu().actions()[1].trigger()
    drain()
    assert desk.shown("control_dialog")
    press(desk, "control_dialog_confirm")
    await until(lambda: asked(desk, "transfer_control") == [(session.id, "dan")])


@pytest.mark.rule("B-10.5")
async def test_without_the_agent_privilege_the_button_is_transfer_control(desk):
    controlled(desk, rep())
    press(desk, "dashboardTab_session")
    found = desk.find("dashboardTransfer", TransferButton)
    assert isinstance(found, TransferButton)
    assert found.defaultAction() is desk.actions.transfer_control
    assert found.menu() is None
    assert "dashboardPresence" not in desk.words()


@pytest.mark.rule("B-5.1", "B-5.3")
async def test_selecting_a_name_helps_that_customer_after_a_notice_that_sharing_ends(desk):
    session = controlled(desk, ION)
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    press(desk, "person_help")
    assert asked(desk, "select_customer") == [], "the notice comes first"
    assert desk.find("select_dialog_text", QLabel).text()  # type: ignore[attr-defined]
    press(desk, "select_dialog_confirm")
    await until(lambda: asked(desk, "select_customer") == [(session.id, "ion")])


@pytest.mark.rule("B-5.1", "B-2.5")
async def test_who_waits_is_let_in_or_sent_away_from_the_list(desk):
    session = controlled(desk, EVE)
    press(desk, "person_admit")
    await until(lambda: asked(desk, "admit") == [(session.id, "eve", True)])
    press(desk, "person_turn_away")
    await until(lambda: asked(desk, "admit")[1:] == [(session.id, "eve", False)])


async def test_the_list_says_how_many_customers_there_are_and_what_to_do(desk):
    session = controlled(desk, ION)
    both = desk.find("participantsTitle", QLabel).text(), desk.find("participantsHint", QLabel).text()  # type: ignore[attr-defined]
    assert "2" in both[0]
    desk.intents.change(session.id, view={"participants": (REP, ANA)})
    drain()
    one = desk.find("participantsTitle", QLabel).text(), desk.find("participantsHint", QLabel).text()  # type: ignore[attr-defined]
    assert "1" in one[0]
    desk.intents.change(session.id, view={"participants": (REP,)})
    drain()
    none = desk.find("participantsHint", QLabel).text()  # type: ignore[attr-defined]
    assert len({both[1], one[1], none}) == 3
    assert not desk.shown("deviceList")


async def test_nobody_is_promised_a_say_that_is_not_his(desk):
    session = controlled(desk)
    assert desk.shown("participantsHint"), "who comes next waits for the rep"
    desk.intents.change(session.id, view={"locked": True})
    drain()
    assert not desk.shown("participantsHint"), "nobody comes any more"
    desk.intents.change(session.id, view={"locked": False})
    drain()
    mine = desk.find("participantsHint", QLabel).text()  # type: ignore[attr-defined]
    people = (rep("Maria Grigore", id="rep"), rep(role=Role.CONTROLLER), ANA)
    desk.intents.change(session.id, view={"participants": people})
    drain()
    assert desk.find("participantsHint", QLabel).text() != mine, "an assistant lets nobody in"  # type: ignore[attr-defined]
    desk.intents.end(session.id)
    drain()
    assert not desk.shown("participantsHint"), "nobody joins what is over"


async def test_an_assistant_selects_nobody(desk):
    session = assisted(desk)
    people = (rep("Maria Grigore", id="rep"), rep(role=Role.CONTROLLER), ANA, ION, EVE)
    single = desk.intents.open("777888999", mode=Mode.SINGLE)
    desk.intents.change(single.id, view={"participants": people, "state": session.view.state})
    drain()
    desk.window.tabs.choose(single.id)
    drain()
    for name in ("person_help", "person_admit", "person_turn_away"):
        assert not desk.shown(name)


async def test_the_language_is_chosen_in_its_tab_and_follows_the_preferences(desk):
    controlled(desk)
    press(desk, "dashboardTab_application")
    box = desk.find("dashboardLanguage", QComboBox)
    assert isinstance(box, QComboBox)
    other = {"en": "ro", "ro": "en"}[desk.translator.language]
    box.setCurrentIndex(box.findData(other))
    box.activated.emit(box.currentIndex())
    await until(lambda: desk.translator.language == other)
    assert desk.find("dashboardTab_tools", QPushButton).text() in {"Tools", "Instrumente"}  # type: ignore[attr-defined]
    desk.work.run(desk.intents.change_settings(language=""), name="preferences theme")
    await until(lambda: box.currentData() == "")


@pytest.mark.rule("B-3.4")
async def test_the_mode_is_offered_where_the_account_has_both_and_single_brings_the_dashboard(desk):
    assert not desk.shown("startMode"), "only multisession is allowed: there is nothing to choose"
    assert desk.intents.account is not None
    desk.intents.account = msgspec.structs.replace(desk.intents.account, modes=(Mode.MULTI, Mode.SINGLE))
    desk.window.start_page.show_state()
    box = desk.find("startMode", QComboBox)
    assert isinstance(box, QComboBox)
    box.setCurrentIndex(box.findData(Mode.SINGLE))
    press(desk, "startButton")
    await until(lambda: asked(desk, "start_session") == [(Mode.SINGLE, "")])
    await until(lambda: desk.shown("sessionPanel"))
    desk.intents.account = msgspec.structs.replace(desk.intents.account, modes=(Mode.SINGLE,))
    desk.window.tabs.choose("")
    desk.window.start_page.show_state()
    assert not desk.shown("startMode"), "only one is allowed: the relay knows which"
    press(desk, "startButton")
    await until(lambda: asked(desk, "start_session")[1:] == [(None, "")])
