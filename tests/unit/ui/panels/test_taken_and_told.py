"""What comes from outside the tab: a session taken up elsewhere, a sign-in that ended, a link, a line that failed."""

import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from support_manager.events import Failed, LineState, Link, PendingLine, SessionClosed, SignedOut
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import EndReason
from tests.harness.session_window import WindowUnderTest, drain, until


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def taken(desk: WindowUnderTest) -> str:
    session = desk.intents.open().id
    desk.intents.join(session)
    desk.intents.emit(Failed(ErrorCode.RESUME_REFUSED, session_id=session))
    drain()
    return session


async def test_a_session_taken_up_elsewhere_says_so_in_its_tab(desk):
    session = taken(desk)
    assert desk.find("statePageTitle", QLabel).text() == "This session goes on elsewhere"
    assert not desk.find("chatInput").isEnabled()
    assert not desk.actions.end_session.isEnabled(), "another app is in charge of it"
    desk.intents.set_link(Link.ONLINE)
    drain()
    assert desk.shown("stateAsk"), "a new connection takes it back"
    assert desk.find("chatInput").isEnabled()
    assert desk.window.current_session == session


async def test_its_tab_closes_without_a_question_and_stays_closed(desk):
    session = taken(desk)
    QTest.mouseClick(desk.find("stateCloseTab"), Qt.MouseButton.LeftButton)
    drain()
    assert desk.window.tabs.ids() == []
    desk.intents.change(session)
    drain()
    assert desk.window.tabs.ids() == []
    assert not any(asked[0] == "end_session" for asked in desk.intents.asked)


async def test_the_end_of_the_sign_in_takes_all_tabs_away(desk):
    for number in ("111222333", "444555666"):
        desk.intents.open(number)
    desk.intents.sessions.clear()
    desk.intents.account = None
    desk.intents.emit(SignedOut(ErrorCode.ACCOUNT_DISABLED))
    drain()
    assert desk.window.tabs.ids() == []
    assert desk.window.current_session is None


async def test_a_line_that_failed_is_sent_again_by_a_click_or_by_enter(desk):
    session = desk.intents.open().id
    desk.intents.join(session)
    desk.intents.change(session, pending=(PendingLine("x1", "again, please", LineState.FAILED),))
    drain()
    view = desk.window._panels[session].chat.view
    last = view.model().index(view.model().rowCount() - 1)
    assert view.model().heading(view.model().row(last.row())) == "Not sent. Click to send again"
    QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=view.visualRect(last).center())
    await until(lambda: ("retry_chat", session, "x1") in desk.intents.asked)
    assert desk.intents.sessions[session].pending == (PendingLine("x1", "again, please"),)
    desk.intents.change(session, pending=(PendingLine("x2", "once more", LineState.FAILED),))
    view.setCurrentIndex(view.model().index(view.model().rowCount() - 1))
    QTest.keyClick(view, Qt.Key.Key_Return)
    await until(lambda: ("retry_chat", session, "x2") in desk.intents.asked)


async def test_nothing_is_sent_again_after_the_end(desk):
    session = desk.intents.open().id
    desk.intents.change(session, pending=(PendingLine("x1", "too late", LineState.FAILED),))
    snapshot = desk.intents.sessions.pop(session)
    desk.intents.emit(SessionClosed(snapshot, EndReason.ENDED_BY_REP))
    drain()
    view = desk.window._panels[session].chat.view
    last = view.model().index(view.model().rowCount() - 1)
    assert view.model().heading(view.model().row(last.row())) == "Not sent"
    view.clicked.emit(last)
    drain()
    assert not any(asked[0] == "retry_chat" for asked in desk.intents.asked)
