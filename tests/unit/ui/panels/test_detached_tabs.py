"""Tabs in windows of their own: taken out, put back by closing, renamed and reordered; nothing ends by it (B-6.2)."""

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt, qInstallMessageHandler
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QMenu

from support_manager.events import Picture
from tests.harness.centre_script import be_agent, controlled, item
from tests.harness.session_script import line
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import settle, unnamed
from ui.detached import DetachedWindow


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()
    settle()
    assert windows() == []


def windows() -> list[DetachedWindow]:
    return [one for one in QApplication.topLevelWidgets() if isinstance(one, DetachedWindow) and one.isVisible()]


@pytest.fixture
def session(desk: WindowUnderTest) -> str:
    made = desk.intents.open()
    desk.intents.join(made.id)
    drain()
    desk.actions.detach_tab.trigger()
    drain()
    return str(made.id)


@pytest.mark.rule("B-6.2")
async def test_a_tab_is_detached_and_closing_its_window_puts_it_back(desk, session):
    (window,) = windows()
    is_english = desk.translator.language == "en"
    app, sessions = ("Support Manager", "Sessions") if is_english else ("Manager de asistență", "Sesiuni")
    assert window.windowTitle() == f"Ana Popescu – {app}"
    assert desk.window.windowTitle() == f"{sessions} – {app}", "not the same twice in the task switcher"
    assert unnamed(window) == []
    assert unnamed(desk.window) == []
    assert desk.shown("detachedPage"), "the tab says where its panel is"
    assert not desk.shown("sessionPanel")
    assert window.panel.isVisible()
    assert desk.actions.detach_tab.isChecked()
    desk.intents.asked.clear()
    window.close()
    drain()
    assert windows() == []
    assert desk.shown("sessionPanel")
    assert not desk.actions.detach_tab.isChecked()
    assert desk.window.current_session == session


@pytest.mark.rule("B-6.2")
async def test_a_message_shown_there_hinders_nobody_from_putting_it_back(desk, session):
    desk.work.tell("Somebody asks for control.")
    drain()
    said: list[str] = []
    before = qInstallMessageHandler(lambda _kind, _context, text: said.append(text))
    try:
        windows()[0].close()
        desk.window.resize(900, 700)
        drain()
    finally:
        qInstallMessageHandler(before)
    assert desk.shown("sessionPanel")
    assert [one for one in said if "hierarchy" in one] == []
    assert "end_session" not in {one[0] for one in desk.intents.asked}


async def test_the_panel_goes_on_working_in_its_window(desk, session):
    (window,) = windows()
    desk.intents.picture(session, Picture.LIVE)
    drain()
    assert window.panel.share.isVisible()
    QTest.keyClicks(window.panel.chat.input, "hello")
    QTest.keyClick(window.panel.chat.input, Qt.Key.Key_Return)
    await until(lambda: ("send_chat", session, "hello") in desk.intents.asked)
    window.activateWindow()
    await until(window.isActiveWindow)
    desk.actions.stop_view.trigger()
    await until(lambda: ("stop_view", session) in desk.intents.asked)


@pytest.mark.rule("B-6.2")
async def test_the_commands_follow_the_window_in_front(desk, session):
    other = desk.intents.open("555666777")
    desk.window.tabs.choose(other.id)
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    assert desk.actions.current is not None
    assert desk.actions.current.id == other.id
    (window,) = windows()
    window.activateWindow()
    await until(lambda: desk.actions.current is not None and desk.actions.current.id == session)
    desk.window.tabs.choose(other.id)
    desk.window.show_session(session)
    await until(window.isActiveWindow)


async def test_what_is_seen_and_what_is_read(desk, session):
    other = desk.intents.open("555666777")
    desk.window.tabs.choose(other.id)
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    assert desk.window.sight.read == other.id
    assert ("set_visible", session, False) not in desk.intents.asked, "its window is on a screen still"
    desk.intents.say(session, line("new"))
    drain()
    entry = desk.window.model.entry(session)
    assert entry is not None
    assert entry.unread == 1
    (window,) = windows()
    window.activateWindow()
    await until(lambda: desk.window.sight.read == session)
    assert entry.unread == 0
    desk.intents.asked.clear()
    window.hide()
    assert ("set_visible", session, False) in desk.intents.asked
    window.show()
    assert ("set_visible", session, True) in desk.intents.asked


async def test_an_ended_session_closes_with_its_window(desk, session):
    desk.intents.end(session)
    drain()
    assert len(windows()) == 1, "it can still be read"
    desk.window._close_tab(session)
    drain()
    assert windows() == []
    assert desk.window.current_session is None
    assert desk.shown("startPage")


async def test_the_inbox_stays_in_the_main_window(desk, session):
    be_agent(desk, item("w", "Eve"))
    desk.window.show_inbox()
    drain()
    assert desk.window.seat.inbox.isVisible()
    assert desk.window.isAncestorOf(desk.window.seat.inbox)
    controlled(desk)


async def test_the_page_in_its_place_brings_the_window_or_the_tab_back(desk, session):
    desk.window.tabs.choose(session)
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    (window,) = windows()
    QTest.mouseClick(desk.find("detachedBring"), Qt.MouseButton.LeftButton)
    await until(window.isActiveWindow)
    QTest.mouseClick(desk.find("detachedBack"), Qt.MouseButton.LeftButton)
    await until(lambda: windows() == [])
    assert desk.shown("sessionPanel")


async def test_notices_are_shown_there_too(desk, session):
    (window,) = windows()
    desk.work.tell("Copied")
    drain()
    assert [one.text() for one in window.findChildren(QLabel, "toastText")] == ["Copied"]


@pytest.mark.rule("B-6.2")
async def test_tabs_are_reordered_by_menu_and_keys_and_detached_by_the_tabs_menu(desk, session):
    other = desk.intents.open("555666777")
    drain()
    tabs = desk.window.tabs
    assert tabs.ids() == [session, other.id]
    tab = tabs.tab(other.id)
    assert tab is not None
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    tab.setFocus()
    QTest.keyClick(tab, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert tabs.ids() == [other.id, session]
    QTest.keyClick(tab, Qt.Key.Key_Left, Qt.KeyboardModifier.ControlModifier)
    assert tabs.ids() == [other.id, session], "not beyond the end"
    tabs._menu(session, tab.rect().center())
    menu = next(one for one in tabs.findChildren(QMenu) if one.isVisible())
    entries = [one for one in menu.actions() if not one.isSeparator()]
    assert [one.isEnabled() for one in entries] == [True, True, True, False, True]
    assert entries[1].text() == desk.window._kit.say("tabs.attach")
    entries[2].trigger()
    assert tabs.ids() == [session, other.id]
    entries[1].trigger()
    drain()
    assert windows() == []
    menu.close()
    drain()
