"""A button whose menu was used looks hovered no longer than the pointer is on it, wherever in the app it is."""

import pytest_asyncio
from PySide6.QtCore import QPoint, QPointF
from PySide6.QtGui import QCursor, QEnterEvent
from PySide6.QtWidgets import QApplication, QToolButton, QWidget

from tests.harness.centre_script import be_agent, controlled, rep
from tests.harness.session_window import WindowUnderTest, drain
from ui.icon_tray import IconTray
from ui.widgets.kit import Desk


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def enter(widget: QWidget) -> None:
    """What Qt sends when the pointer comes; the Leave that X11 swallows never follows."""
    at = QPointF(widget.rect().center())
    QCursor.setPos(widget.mapToGlobal(at.toPoint()))
    QApplication.sendEvent(widget, QEnterEvent(at, at, QPointF(QCursor.pos())))
    assert widget.underMouse()


async def test_every_menu_button_is_let_go_when_its_menu_closes_elsewhere(desk):
    be_agent(desk)
    controlled(desk, rep())
    # Held: a window that nobody holds is collected in the midst of whatever Qt does with it.
    bar = IconTray(Desk(desk.intents, desk.translator, desk.theme, desk.work, desk.actions), desk.window)
    desk.actions.icon_tray.trigger()
    assert bar.isVisible()
    desk.actions.detach_tab.trigger()
    drain()
    made = {one.objectName(): one for one in QApplication.allWidgets() if isinstance(one, QToolButton) and one.menu()}
    everywhere = {"topSession", "topPresence", "topAccount", "iconTrayInvite", "iconTraySession", "detachedSession"}
    assert everywhere | {"dashboardPresence"} <= set(made)
    for name, one in made.items():
        enter(one)
        one.menu().popup(one.mapToGlobal(QPoint(0, one.height())))
        QCursor.setPos(one.mapToGlobal(QPoint(40, one.height() + 60)))
        one.menu().close()
        assert not one.underMouse(), name
    bar.close()
    bar.deleteLater()
    drain()


async def test_a_button_that_the_pointer_is_on_stays_hovered(desk):
    one = desk.find("topSession", QToolButton)
    enter(one)
    one.menu().popup(one.mapToGlobal(QPoint(0, one.height())))
    one.menu().close()
    assert one.underMouse()


async def test_a_tab_is_let_go_when_its_menu_closes_elsewhere(desk):
    session = desk.intents.open()
    drain()
    tab = desk.window.tabs.tab(session.id)
    enter(tab)
    tab.customContextMenuRequested.emit(QPoint(10, 10))
    menu = QApplication.activePopupWidget()
    assert menu is not None
    assert tab.underMouse()
    QCursor.setPos(tab.mapToGlobal(QPoint(40, tab.height() + 60)))
    assert tab.underMouse()
    menu.close()
    assert not tab.underMouse()
