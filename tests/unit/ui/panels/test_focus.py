"""Where the keyboard's focus stands: never lost to a chance neighbour, and ringed only when the keyboard brought it."""

from dataclasses import replace

import pytest
import pytest_asyncio
import shiboken6
from PySide6.QtCore import Qt
from PySide6.QtTest import QSignalSpy, QTest
from PySide6.QtWidgets import QApplication, QPlainTextEdit, QWidget

from support_manager.events import Picture
from support_manager.files.lines import FileLine, FileState
from support_manager.protocol import limits
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection
from tests.harness.centre_script import ANA, EVE, assisted, controlled, rep
from tests.harness.session_script import REP
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.focus_ring import RING, FocusRing


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


OFFERED = FileLine("f1", "s1", incoming=True, name="a.exe", size=5, state=FileState.OFFERED, other="Ana Popescu")


def focus() -> str:
    widget = QApplication.focusWidget()
    return widget.objectName() if widget is not None else ""


async def test_a_started_session_has_the_focus_on_invite(desk):
    QTest.mouseClick(desk.find("startButton"), Qt.MouseButton.LeftButton)
    await until(lambda: focus() == "waitingInvite")


async def test_what_was_focused_and_goes_away_hands_the_focus_to_the_chat(desk):
    session = desk.intents.open()
    drain()
    desk.find("waitingInvite").setFocus()
    desk.intents.join(session.id)
    drain()
    assert focus() == "chatInput"
    desk.find("stateAsk").setFocus()
    QTest.mouseClick(desk.find("stateAsk"), Qt.MouseButton.LeftButton)
    await until(lambda: desk.shown("stateTakeBack"))
    assert focus() == "chatInput"
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    assert focus() == "chatInput"
    desk.find("viewStop").setFocus()
    desk.intents.end(session.id)
    await until(lambda: focus() == "outcome_dialog_outcome")
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Escape)
    await until(lambda: focus() != "outcome_dialog_outcome")
    # Without a window manager nobody makes the window active again; what then has the focus in it is known.
    assert desk.window.focusWidget().objectName() == "stateCloseTab"


@pytest.mark.rule("B-12.6")
async def test_who_has_taken_over_writes_to_the_customer_at_once(desk):
    session = assisted(desk)
    lost = rep(role=Role.CONTROLLER, connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (rep("Maria Grigore", id="rep"), lost, ANA)})
    desk.window.model.entry(session.id).lost_at -= limits.CONTROLLER_LOST_S
    await until(lambda: desk.shown("banner_take") and desk.find("banner_take").isEnabled())
    desk.find("banner_take").setFocus()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    me, dan = rep("Maria Grigore", Role.CONTROLLER, id="rep"), rep(connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (me, dan, ANA)})
    await until(lambda: not desk.shown("banner_take"))
    assert focus() == "chatInput"


BESIDE = {"chat": "chatInput", "files": "besideFiles", "nothing": "rightSideUnfold"}
"""Where the focus goes when what had it is gone, by what is to be seen beside the screen."""


@pytest.mark.parametrize("beside", BESIDE)
async def test_a_banner_that_is_answered_hands_the_focus_to_what_is_seen_beside(desk, beside):
    session = controlled(desk, EVE)
    panel = desk.window._panels[session.id]
    desk.find("chatInput").insertPlainText("a draft that nobody sees")
    if beside == "files":
        panel.beside.bring("files")
    panel.right.set_folded(beside == "nothing")
    desk.find("banner_admit").setFocus()
    desk.intents.change(session.id, view={"participants": (REP, ANA)})
    await until(lambda: not desk.shown("banner_admit"))
    assert focus() == BESIDE[beside]
    assert QApplication.focusWidget().isVisible()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Return)
    draft = desk.window.findChild(QPlainTextEdit, "chatInput")
    assert (draft.toPlainText() == "") is (beside == "chat"), "nothing is sent unseen"


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("before", [False, True], ids=["first", "beside another"])
async def test_a_file_that_is_offered_takes_no_key_that_was_meant_for_the_chat(desk, before):
    session = controlled(desk)
    offered = replace(OFFERED, session_id=session.id)
    moving = (replace(offered, id="f0", state=FileState.RUNNING),) if before else ()
    if before:
        desk.intents.set_files(session.id, *moving)
        desk.window._panels[session.id].beside.bring("files")
        desk.find("file_cancel").setFocus()
        desk.window._panels[session.id].beside.bring("chat")
    desk.find("chatInput").setFocus()
    desk.intents.set_files(session.id, *moving, offered)
    drain()
    assert desk.shown("file_accept")
    assert focus() == "besideFiles"
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return):
        QTest.keyClick(QApplication.focusWidget(), key)
    QTest.mouseClick(desk.find("file_decline"), Qt.MouseButton.LeftButton)
    await until(lambda: ("decline_file", session.id, "f1") in desk.intents.asked)
    assert len([asked for asked in desk.intents.asked if "file" in str(asked[0])]) == 1, "no key asked for anything"
    desk.window._kit.actions.focus_chat.trigger()
    assert focus() == "chatInput"
    assert QApplication.focusWidget().isVisible()


@pytest.mark.rule("B-7.5")
async def test_a_file_that_is_offered_while_the_rep_is_elsewhere_takes_no_key_when_he_is_back(desk):
    session = controlled(desk)
    offered = replace(OFFERED, session_id=session.id)
    moving = replace(offered, id="f0", state=FileState.RUNNING)
    desk.intents.set_files(session.id, moving)
    beside = desk.window._panels[session.id].beside
    beside.bring("files")
    desk.find("file_cancel").setFocus()
    beside.bring("chat")
    desk.find("chatInput").setFocus()
    elsewhere = QWidget()
    elsewhere.show()
    elsewhere.activateWindow()
    await until(elsewhere.isActiveWindow)
    assert not desk.window.isActiveWindow()
    desk.intents.set_files(session.id, moving, offered)
    drain()
    elsewhere.close()
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    assert focus() == "besideFiles"


CLOSES = {"files": "besideFiles", "tab": "chatInput", "folded": "rightSideUnfold", "nothing": "chatInput"}
"""Where the focus goes when a card over the window closes, by what has changed behind it."""


@pytest.mark.parametrize("changed", CLOSES)
async def test_a_card_that_closes_gives_the_focus_to_nothing_that_is_out_of_sight(desk, changed):
    first, second = desk.intents.open("111222333"), desk.intents.open("444555666")
    for session in (first, second):
        desk.intents.join(session.id)
    drain()
    desk.window.tabs.choose(first.id)
    before = desk.find("chatInput")
    before.setFocus()
    before.insertPlainText("for the first alone")
    desk.window.show_invite()
    drain()
    assert desk.window.sheet.isAncestorOf(QApplication.focusWidget())
    if changed == "tab":
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    else:
        if changed == "files":
            desk.intents.set_files(first.id, replace(OFFERED, session_id=first.id))
            desk.window._panels[first.id].beside.bring("files")
        if changed == "folded":
            desk.window._panels[first.id].right.set_folded(True)
        QTest.keyClick(desk.window.sheet, Qt.Key.Key_Escape)
    drain()
    assert not desk.window.sheet.isVisible()
    assert focus() == CLOSES[changed]
    assert QApplication.focusWidget().isVisible()
    assert (QApplication.focusWidget() is before) is (changed == "nothing")


@pytest.mark.parametrize("other", ["detached", "start"])
async def test_a_card_that_closes_over_no_session_leaves_the_keyboard_in_nothing_hidden(desk, other):
    first, second = desk.intents.open("111222333"), desk.intents.open("444555666")
    for session in (first, second):
        desk.intents.join(session.id)
    drain()
    if other == "detached":
        desk.window._detach_or_attach(second.id)
        desk.window.activateWindow()
        await until(desk.window.isActiveWindow)
    desk.window.tabs.choose(first.id)
    desk.find("chatInput").setFocus()
    desk.window.show_invite()
    drain()
    desk.window.tabs.choose(second.id if other == "detached" else "")
    drain()
    assert not desk.window.sheet.isVisible()
    assert desk.window.focusWidget().objectName() == ("detachedBring" if other == "detached" else "startButton")


async def test_where_nothing_can_take_the_keyboard_from_a_card_tab_still_works(desk):
    desk.find("startButton").setFocus()
    desk.window.sheet.open_with(QPlainTextEdit(), "Card")
    desk.find("sheetClose").setFocus()
    desk.find("startButton").setEnabled(False)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Space)
    assert not desk.window.sheet.isVisible()
    assert QApplication.focusWidget().isVisible()


async def test_a_card_that_closes_leaves_the_keyboard_where_it_has_gone_on_to(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    drain()
    desk.find("leftSideFold").setFocus()
    desk.window.show_invite()
    drain()
    desk.window._kit.actions.focus_chat.trigger()
    assert focus() == "chatInput"
    desk.window.sheet.close_sheet()
    assert focus() == "chatInput"


async def test_a_card_closes_also_where_what_had_the_focus_is_gone(desk):
    session = controlled(desk)
    desk.intents.set_files(session.id, replace(OFFERED, session_id=session.id))
    drain()
    had_focus = desk.find("file_accept")
    had_focus.setFocus()
    desk.window.show_invite()
    desk.intents.set_files(session.id)
    await until(lambda: not shiboken6.isValid(had_focus))
    closed = QSignalSpy(desk.window.sheet.closed)
    QTest.keyClick(desk.window.sheet, Qt.Key.Key_Escape)
    assert closed.count() == 1
    assert focus() == "besideFiles"


async def test_the_focus_stays_with_whoever_has_it_and_is_still_there(desk):
    session = desk.intents.open()
    desk.find("chatInput").setFocus()
    desk.intents.join(session.id)
    drain()
    assert focus() == "chatInput"
    desk.find("leftSideFold").setFocus()
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    assert focus() == "leftSideFold"


async def test_the_focus_follows_into_the_chosen_tab(desk):
    first, second = desk.intents.open("111222333"), desk.intents.open("444555666")
    for session in (first, second):
        desk.intents.join(session.id)
    drain()
    desk.window.tabs.choose(first.id)
    desk.find("chatInput").setFocus()
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_2, Qt.KeyboardModifier.AltModifier)
    drain()
    assert desk.window.tabs.current() == second.id
    assert focus() == "chatInput"
    assert QApplication.focusWidget().isVisible()


async def test_only_the_keyboard_draws_a_ring(desk, qapp):
    ring = FocusRing(qapp)
    handle = desk.window.windowHandle()
    desk.intents.open()
    drain()
    start: QWidget = desk.find("waitingInvite")
    start.setFocus()
    QTest.mouseClick(handle, Qt.MouseButton.LeftButton, pos=desk.window.rect().center())
    desk.find("waitingCopyLink").setFocus()
    assert not desk.find("waitingCopyLink").property(RING)
    QTest.keyClick(handle, Qt.Key.Key_Tab)
    drain()
    assert QApplication.focusWidget().property(RING) is True
    ring.deleteLater()
    drain()


@pytest.mark.parametrize("step", [1, -1])
async def test_f6_visits_every_area_once_around(desk, step):
    session = desk.intents.open()
    desk.intents.join(session.id)
    drain()
    shift = Qt.KeyboardModifier.ShiftModifier if step < 0 else Qt.KeyboardModifier.NoModifier
    desk.find("chatInput").setFocus()
    seen = []
    panel = desk.window._panels[session.id]
    areas = {"bar": desk.window.top, "left": panel.left, "middle": panel.areas[1], "chat": panel.right}
    for _ in range(4):
        QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_F6, shift)
        drain()
        now = QApplication.focusWidget()
        seen.append(next(name for name, area in areas.items() if area.isAncestorOf(now)))
    assert seen == (["bar", "left", "middle", "chat"] if step > 0 else ["middle", "left", "bar", "chat"])
