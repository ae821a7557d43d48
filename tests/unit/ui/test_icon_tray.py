"""The icon tray: the same commands as everywhere, moved by mouse and keys, back in its place after a restart."""

import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, QRect, Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMenu, QToolButton

from tests.harness.centre_script import be_agent, controlled, rep
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import settle, unnamed
from ui.bridge import Bridge
from ui.icon_tray import IconTray, snapped
from ui.session_menu import SessionMenu
from ui.tray import Tray
from ui.widgets.kit import Desk, Kit

SCREEN = QRect(100, 50, 1000, 700)


def made_for(desk: WindowUnderTest) -> IconTray:
    kit = Desk(desk.intents, desk.translator, desk.theme, desk.work, desk.actions)  # type: ignore[arg-type]
    return IconTray(kit, desk.window)


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()
    settle()


@pytest.fixture
def bar(desk: WindowUnderTest) -> IconTray:
    made = made_for(desk)
    desk.window._refresh()
    desk.actions.icon_tray.trigger()
    drain()
    return made


def entries(menu: QMenu) -> list[QAction]:
    return [one for one in menu.actions() if not one.isSeparator()]


@pytest.mark.parametrize(
    ("at", "goes_to"),
    [
        ((400, 300), (400, 300)),
        ((110, 300), (100, 300)),
        ((400, 60), (400, 50)),
        ((790, 715), (800, 710)),
        ((-500, -500), (100, 50)),
        ((5000, 5000), (800, 710)),
    ],
)
def test_it_snaps_to_edges_and_stays_on_the_screen(at, goes_to):
    assert snapped(QRect(QPoint(*at), QPoint(at[0] + 299, at[1] + 39)), SCREEN) == QPoint(*goes_to)


@pytest.mark.rule("B-13.2")
async def test_it_is_a_frameless_bar_above_all_windows_with_menus_and_activity_buttons(desk, bar):
    assert bar.isVisible()
    assert bar.windowFlags() & Qt.WindowType.WindowStaysOnTopHint
    assert bar.windowFlags() & Qt.WindowType.FramelessWindowHint
    assert bar.height() == 40
    session = controlled(desk, rep())
    assert unnamed(bar) == []
    number = session.view.number
    assert any(number == "".join(words.split()) for words in [bar._number.text()])
    ask = bar.findChild(QToolButton, "iconTray_ask_view")
    QTest.mouseClick(ask, Qt.MouseButton.LeftButton)
    await until(lambda: ("ask_view", session.id) in desk.intents.asked)
    QTest.mouseClick(bar.findChild(QToolButton, "iconTrayClose"), Qt.MouseButton.LeftButton)
    assert not bar.isVisible()
    assert not desk.actions.icon_tray.isChecked()


@pytest.mark.rule("B-13.4", "B-13.3", "B-9.1", "B-4.1")
async def test_all_four_places_show_the_same_commands_from_one_definition(desk, bar):
    be_agent(desk)
    controlled(desk, rep())
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(Kit(desk.intents, desk.translator, desk.theme, desk.work), desk.actions, bridge)  # type: ignore[arg-type]
    (window_menu,) = desk.window.top.findChildren(SessionMenu)
    icon_menu = bar._session.menu()
    assert isinstance(icon_menu, SessionMenu)
    mine = [one for one in entries(icon_menu) if one in list(desk.actions)]
    assert mine == [one for one in entries(window_menu) if one in list(desk.actions)]
    kept = [one for one in entries(tray.session_menu) if one in list(desk.actions)]
    assert set(kept) == set(mine) - {desk.actions.assist}, "which has its own place in the tray's menu"
    assert entries(icon_menu.control) == entries(window_menu.control) == entries(tray.session_menu.control)
    dashboard = {
        one.defaultAction() for one in desk.window.findChildren(QToolButton) if one.objectName()[:5] == "dashb"
    }
    passing = {desk.actions.transfer_session, desk.actions.leave_session, desk.actions.end_session, desk.actions.invite}
    assert passing | {desk.actions.lock_session} <= dashboard
    assert desk.actions.invite in entries(bar._invite.menu())
    assert desk.actions.invite in tray.menu.actions()
    entries(icon_menu.control)[0].trigger()
    await until(lambda: [one for one in desk.intents.asked if one[0] == "transfer_control"])
    tray.close()
    bridge.close()


@pytest.mark.rule("B-13.2")
async def test_invite_from_it_opens_the_same_panel(desk, bar):
    assert not bar._invite.isEnabled(), "no session"
    controlled(desk)
    bar._invite.menu().actions()[0].trigger()
    drain()
    assert desk.shown("invitePanel")


@pytest.mark.rule("B-13.2")
async def test_at_the_right_edge_it_does_not_grow_over_it(desk, bar):
    screen = bar.screen().availableGeometry()
    bar.move(screen.right() + 1 - bar.width(), 200)
    before = bar.width()
    controlled(desk, rep())  # with a number to show, and more buttons
    drain()
    assert bar.width() > before
    assert bar.geometry().right() == screen.right()


@pytest.mark.rule("B-13.2")
async def test_it_is_dragged_by_its_grip_and_remembers_its_place(desk, bar):
    bar.move(0, 200)
    start = bar.grip.rect().center()
    QTest.mousePress(bar.grip, Qt.MouseButton.LeftButton, pos=start)
    QTest.mouseMove(bar.grip, start + QPoint(0, 60))
    drain()
    QTest.mouseRelease(bar.grip, Qt.MouseButton.LeftButton, pos=start)
    assert bar.pos() == QPoint(0, 260)
    await until(lambda: desk.intents.settings.window.get("icon_tray") == "0,260")
    assert desk.intents.settings.window["icon_tray_open"] == "1"
    assert "sides" in desk.intents.settings.window, "what others remember stays"
    again = made_for(desk)
    assert again.pos() == QPoint(0, 260)
    again.deleteLater()


async def test_what_is_remembered_wrongly_counts_as_nothing(desk):
    desk.intents.settings.window.update(icon_tray="here,there")
    bar = made_for(desk)
    assert desk.window.screen().availableGeometry().contains(bar.pos())
    bar.deleteLater()


async def test_it_was_open_and_comes_back_with_the_sign_in(desk):
    desk.intents.settings.window.update(icon_tray_open="1", icon_tray="300,300")
    account, desk.intents.account = desk.intents.account, None
    desk.window._update_commands()
    bar = made_for(desk)
    drain()
    assert not bar.isVisible(), "nobody is signed in"
    desk.intents.account = account
    desk.window._update_commands()
    drain()
    assert bar.isVisible()


async def test_the_keyboard_reaches_and_moves_and_folds_it(desk, bar):
    controlled(desk)
    bar.move(60, 300)
    bar.activateWindow()
    bar.grip.setFocus()
    drain()
    assert QApplication.focusWidget() is bar.grip
    QTest.keyClick(bar.grip, Qt.Key.Key_Left)
    QTest.keyClick(bar.grip, Qt.Key.Key_Down)
    assert bar.pos() == QPoint(44, 316)
    seen = set()
    for _ in range(20):
        focused = QApplication.focusWidget()
        assert focused is not None
        seen.add(focused.objectName())
        QTest.keyClick(focused, Qt.Key.Key_Tab)
        drain()
    assert seen >= {"iconTrayGrip", "iconTrayInvite", "iconTraySession", "iconTray_ask_view", "iconTrayClose"}
    bar.grip.setFocus()
    wide = bar.width()
    QTest.keyClick(bar.grip, Qt.Key.Key_Return)
    drain()
    assert bar.folded
    assert bar.width() < wide / 4
    QTest.keyClick(bar.grip, Qt.Key.Key_Space)
    drain()
    assert not bar.folded
    shown = []
    desk.actions.show_window.triggered.connect(lambda: shown.append(True))
    QTest.keyClick(bar.grip, Qt.Key.Key_Escape)
    assert shown == [True]


async def test_the_desktops_own_close_only_hides_it(desk, bar):
    controlled(desk)
    bar.close()
    drain()
    assert not bar.isVisible()
    assert not desk.actions.icon_tray.isChecked()
    assert desk.intents.asked == [one for one in desk.intents.asked if one[0] == "set_visible"]
    desk.actions.icon_tray.trigger()
    drain()
    assert bar.isVisible()
