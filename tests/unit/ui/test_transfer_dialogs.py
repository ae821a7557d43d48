"""Assist Session, Transfer Control, Transfer Session and leaving: what is asked, what is refused, what is offered."""

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QDialog, QLabel, QLineEdit, QMenu, QPushButton

from support_manager.errors import Refused
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Targets
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection, Mode
from tests.harness.centre_script import ANA, TARGETS, assisted, be_agent, controlled, item, rep
from tests.harness.session_script import REP
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import actionable, unnamed
from ui.bridge import Bridge
from ui.dialogs.transfer_session import TransferSessionDialog, message_length
from ui.session_menu import SessionMenu
from ui.tray import Tray
from ui.widgets.kit import Kit


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    made.commands.session_wanted.connect(made.window.show_session)
    yield made
    await made.work.aclose()
    made.close()


def press(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name, QPushButton), Qt.MouseButton.LeftButton)
    drain()


def asked(desk: WindowUnderTest, name: str) -> list[tuple[object, ...]]:
    return [one[1:] for one in desk.intents.asked if one[0] == name]


def entries(menu: QMenu) -> list[str]:
    return [one.text().replace("&", "") for one in menu.actions() if one.isVisible() and not one.isSeparator()]


# --- Assist Session


@pytest.mark.rule("B-8.1")
async def test_a_rep_types_a_number_and_is_inside(desk):
    desk.actions.assist.trigger()
    drain()
    assert not desk.find("assist_dialog_join").isEnabled()
    typed = desk.find("assist_dialog_number", QLineEdit)
    QTest.keyClicks(typed, "555 666-77")
    assert not desk.find("assist_dialog_join").isEnabled(), "eight digits"
    QTest.keyClicks(typed, "7")
    session = assisted(desk)
    desk.intents.sessions.pop(session.id)
    desk.intents.coming = session
    QTest.keyClick(typed, Qt.Key.Key_Return)
    await until(lambda: asked(desk, "assist") == [("555666777",)])
    await until(lambda: not desk.shown("assist_dialog"))
    assert desk.window.current_session == session.id


@pytest.mark.rule("B-8.2")
@pytest.mark.parametrize("language", ["en", "ro"])
async def test_each_refusal_has_its_own_words_and_the_dialog_stays(desk, language):
    desk.translator.set_language(language)
    desk.commands.assist("482119904")
    drain()
    said = set()
    codes = (
        ErrorCode.WRONG_NUMBER,
        ErrorCode.SESSION_ENDED,
        ErrorCode.NO_PRIVILEGE,
        ErrorCode.SESSION_LOCKED,
        ErrorCode.TOO_MANY_TRIES,
    )
    for code in codes:
        desk.intents.error = Refused(code)
        problem = desk.find("assist_dialog_problem", QLabel)
        before = problem.text()
        press(desk, "assist_dialog_join")
        await until(lambda problem=problem, before=before: problem.text() not in {"", before})
        said.add(problem.text())
        await until(lambda: desk.find("assist_dialog_join").isEnabled())
    assert len(said) == len(codes)
    assert desk.find("assist_dialog_number").property("wrong")
    QTest.keyClick(desk.find("assist_dialog_number"), Qt.Key.Key_Backspace)
    assert desk.find("assist_dialog_problem", QLabel).text() == ""


async def test_the_number_of_a_session_that_is_open_here_chooses_its_tab(desk):
    first = controlled(desk)
    desk.window.tabs.choose("")
    desk.commands.assist(first.view.number)
    press(desk, "assist_dialog_join")
    assert desk.window.current_session == first.id
    assert asked(desk, "assist") == []


# --- Transfer Control


@pytest.mark.rule("B-9.1", "B-13.4")
async def test_the_sub_menu_lists_the_assistants_wherever_it_stands(desk):
    session = controlled(desk)
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(Kit(desk.intents, desk.translator, desk.theme, desk.work), desk.actions, bridge)
    (window_menu,) = desk.window.top.findChildren(SessionMenu)
    menus = (window_menu.control, tray.session_menu.control)
    assert [entries(menu) for menu in menus] == [["Nobody assists this session"]] * 2
    assert all(menu.menuAction().isEnabled() for menu in menus), "it says so"
    lost = rep("Zoe & Co\tEne", connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (REP, ANA, rep(), lost)})
    drain()
    assert [entries(menu) for menu in menus] == [["Dan Pop", "Zoe  Co Ene (connection lost)"]] * 2
    assert [one.isEnabled() for one in menus[0].actions()] == [True, False]
    menus[1].actions()[0].trigger()
    await until(lambda: asked(desk, "transfer_control") == [(session.id, "dan")])
    desk.intents.change(session.id, view={"participants": (rep("Maria", id="rep"), ANA, rep(role=Role.CONTROLLER))})
    drain()
    assert not any(menu.menuAction().isEnabled() for menu in menus), "control is gone"
    tray.close()
    bridge.close()


@pytest.mark.rule("B-9.1")
async def test_the_dialog_has_the_same_list_and_follows_it(desk):
    session = controlled(desk)
    desk.actions.transfer_control.trigger()
    drain()
    assert desk.shown("control_dialog_nobody")
    assert not desk.find("control_dialog_confirm").isEnabled()
    desk.intents.change(session.id, view={"participants": (REP, ANA, rep(), rep("Zoe"))})
    drain()
    assert not desk.shown("control_dialog_nobody")
    desk.find("control_target_zoe").setChecked(True)  # type: ignore[attr-defined]
    desk.intents.change(session.id, view={"participants": (REP, ANA, rep("Ion"), rep(), rep("Zoe"))})
    drain()
    assert desk.find("control_target_zoe").isChecked(), "the choice stays"  # type: ignore[attr-defined]
    press(desk, "control_dialog_confirm")
    await until(lambda: asked(desk, "transfer_control") == [(session.id, "zoe")])
    assert not desk.shown("control_dialog")


async def test_the_dialog_closes_when_control_is_gone(desk):
    session = controlled(desk, rep())
    desk.actions.transfer_control.trigger()
    drain()
    desk.intents.change(session.id, view={"participants": (rep("Maria", id="rep"), ANA, rep(role=Role.CONTROLLER))})
    drain()
    assert not desk.shown("control_dialog")


@pytest.mark.rule("B-13.1", "B-13.4")
async def test_the_trays_menu_has_the_session_presence_inbox_and_a_line_for_each_session(desk):
    be_agent(desk, item("w", "Eve"))
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(Kit(desk.intents, desk.translator, desk.theme, desk.work), desk.actions, bridge)
    desk.window._update_commands()
    before = ["Open Support Manager", "Start session", "Invite", "Session", "Assist Session…", "Inbox (1)", "Presence"]
    assert entries(tray.menu) == [*before, "No open sessions", "Icon tray", "Preferences…", "Quit"]
    first = controlled(desk, rep())
    desk.intents.open("555666777")
    names = ["Ana Popescu · 482\u00a0119\u00a0903", "Waiting for the customer · 555\u00a0666\u00a0777"]
    assert entries(tray.menu)[7:9] == names
    desk.window.tabs.choose(first.id)
    assert entries(tray.menu)[3] == "Session: Ana Popescu", "whom its commands are about"
    about = entries(tray.session_menu)
    for name in ("Transfer Control", "Transfer Session…", "Leave session", "End session"):
        assert name in about
    (window_menu,) = desk.window.top.findChildren(SessionMenu)
    shared = [one for one in tray.session_menu.actions() if one.objectName().startswith("action_")]
    assert set(shared) < set(window_menu.actions()), "the very same commands"
    tray.close()
    bridge.close()


# --- Transfer Session


async def transfer(desk: WindowUnderTest) -> TransferSessionDialog:
    desk.intents.targets = TARGETS
    desk.actions.transfer_session.trigger()
    (dialog,) = desk.window.findChildren(TransferSessionDialog)
    await until(lambda: dialog.queues.group.buttons())
    return dialog


@pytest.mark.rule("B-10.1")
async def test_exactly_one_queue_is_chosen(desk):
    be_agent(desk)
    session = controlled(desk)
    dialog = await transfer(desk)
    assert not dialog.transfer.isEnabled()
    for name in ("transfer_queue_q1", "transfer_queue_q2"):
        desk.find(name).click()  # type: ignore[attr-defined]
    assert dialog.queues.chosen() == ["q2"]
    dialog.message.setPlainText("  Driver removed.\n")
    press(desk, "transfer_dialog_confirm")
    await until(lambda: asked(desk, "transfer_session"))
    assert asked(desk, "transfer_session") == [(session.id, "q2", (), "Driver removed.")]
    await until(lambda: not desk.shown("transfer_dialog"))


@pytest.mark.rule("B-10.1")
async def test_one_agent_or_more_with_their_state(desk):
    be_agent(desk)
    session = controlled(desk)
    dialog = await transfer(desk)
    desk.find("transfer_queue_q1").click()  # type: ignore[attr-defined]
    dialog.tabs.setCurrentIndex(1)
    drain()
    assert not dialog.transfer.isEnabled(), "the queue of the other tab does not count"
    words = [one.text() for one in dialog.agents.findChildren(QLabel, "transfer_agent_words")]
    assert words == ["Online · helps 1 of 3", "Away", "Offline"]
    assert not desk.find("transfer_agent_off").isEnabled()
    desk.find("transfer_agent_away").click()  # type: ignore[attr-defined]
    assert "None of the chosen agents is Online" in desk.find("transfer_dialog_hint", QLabel).text()
    desk.find("transfer_agent_on").click()  # type: ignore[attr-defined]
    assert "None" not in desk.find("transfer_dialog_hint", QLabel).text()
    press(desk, "transfer_dialog_confirm")
    await until(lambda: asked(desk, "transfer_session"))
    assert asked(desk, "transfer_session") == [(session.id, None, ("on", "away"), "")]


@pytest.mark.rule("B-10.2")
@pytest.mark.parametrize("unit", ["x", "😀", "e\u0301"])
async def test_the_message_is_counted_in_code_points_after_nfc(desk, unit):
    be_agent(desk)
    controlled(desk)
    dialog = await transfer(desk)
    desk.find("transfer_queue_q1").click()  # type: ignore[attr-defined]
    counter = desk.find("transfer_dialog_counter", QLabel)
    dialog.message.setPlainText(unit * limits.TRANSFER_MESSAGE_CHARS)
    assert counter.text() == "345 / 345"
    assert dialog.transfer.isEnabled()
    dialog.message.setPlainText(unit * (limits.TRANSFER_MESSAGE_CHARS + 1))
    assert counter.text() == "1 character too many"
    assert not dialog.transfer.isEnabled()
    assert message_length("e\u0301") == 1


async def test_what_the_relay_refuses_is_said_in_the_dialog_and_nothing_is_lost(desk):
    be_agent(desk)
    controlled(desk)
    dialog = await transfer(desk)
    desk.find("transfer_queue_q1").click()  # type: ignore[attr-defined]
    dialog.message.setPlainText("Driver removed.")
    desk.intents.error = Refused(ErrorCode.QUEUE_UNKNOWN)
    press(desk, "transfer_dialog_confirm")
    await until(lambda: desk.shown("transfer_dialog_problem"))
    assert "queue does not exist" in desk.find("transfer_dialog_problem", QLabel).text()
    assert dialog.message.toPlainText() == "Driver removed."
    await until(lambda: dialog.transfer.isEnabled())


async def test_a_list_that_cannot_be_had_is_said_and_asked_for_again(desk):
    be_agent(desk)
    controlled(desk)
    desk.intents.error = Refused(ErrorCode.RELAY_BUSY)
    desk.actions.transfer_session.trigger()
    await until(lambda: desk.shown("transfer_dialog_again"))
    desk.intents.error = None
    desk.intents.targets = Targets(agents=TARGETS.agents)
    press(desk, "transfer_dialog_again")
    await until(lambda: "no queue" in desk.find("transfer_dialog_state", QLabel).text())
    assert not desk.shown("transfer_dialog_again")


@pytest.mark.rule("B-10.5")
async def test_who_is_no_agent_does_not_see_the_command(desk):
    controlled(desk, rep())
    (menu,) = desk.window.top.findChildren(SessionMenu)
    assert "Transfer Session…" not in entries(menu)
    be_agent(desk)
    assert "Transfer Session…" in entries(menu)


# --- leaving


@pytest.mark.rule("B-12.2")
@pytest.mark.parametrize(
    ("agent", "assistant", "offered"),
    [
        (False, False, {"end"}),
        (False, True, {"control", "end"}),
        (True, False, {"session", "end"}),
        (True, True, {"control", "session", "end"}),
    ],
)
async def test_a_controller_is_offered_what_he_may_do_instead_of_leaving(desk, agent, assistant, offered):
    if agent:
        be_agent(desk)
    session = controlled(desk, *((rep(),) if assistant else ()), mode=Mode.MULTI)
    desk.actions.leave_session.trigger()
    drain()
    found = {name for name in ("control", "session", "end") if desk.shown(f"leave_dialog_{name}")}
    assert found == offered
    assert asked(desk, "leave_session") == []
    press(desk, "leave_dialog_stay")
    assert not asked(desk, "end_session")
    if assistant:
        desk.window._close_tab(session.id)
        drain()
        press(desk, "leave_dialog_control")
        assert desk.shown("control_dialog")


@pytest.mark.rule("B-12.1", "B-12.2")
async def test_closing_an_assistants_tab_leaves_and_ends_nothing(desk):
    session = assisted(desk)
    desk.window._close_tab(session.id)
    await until(lambda: asked(desk, "leave_session") == [(session.id,)])
    assert asked(desk, "end_session") == []


# --- all of them


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_every_part_is_named_fits_and_escape_closes(desk, language):
    desk.translator.set_language(language)
    be_agent(desk)
    controlled(desk, rep())
    desk.window.resize(860, 490)
    desk.intents.targets = TARGETS
    for name in ("transfer_control", "transfer_session", "leave_session", "assist"):
        desk.actions[name].trigger()
        await until(lambda: not desk.work.running("transfer_targets"))
        (dialog,) = [one for one in desk.window.findChildren(QDialog) if one.isVisible()]
        assert unnamed(dialog) == []
        assert actionable(dialog)
        assert dialog.height() <= 708, name
        assert dialog.height() >= dialog.minimumSizeHint().height(), name
        QTest.keyClick(dialog, Qt.Key.Key_Escape)
        drain()
        assert not [one for one in desk.window.findChildren(QDialog) if one.isVisible()]
