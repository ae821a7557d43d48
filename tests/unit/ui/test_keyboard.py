"""Everything by keyboard: Tab reaches every part of every page and dialog, menus have letters, all is named."""

from collections.abc import Callable

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QDialog, QMenu, QRadioButton, QWidget

from support_manager.events import Attention, Happening, Picture
from tests.harness.session_window import WindowUnderTest, drain
from tests.harness.widgets import actionable, unnamed
from ui.bridge import Bridge
from ui.dialogs.about import AboutDialog
from ui.dialogs.assist import AssistDialog
from ui.dialogs.certificate import CertificateDialog
from ui.dialogs.close import CloseDialog, Closing
from ui.dialogs.crash import CrashDialog
from ui.dialogs.end_session import EndSessionDialog
from ui.dialogs.preferences import PreferencesDialog
from ui.dialogs.select_customer import SelectCustomerDialog
from ui.dialogs.sign_in import SignInPage
from ui.notifications import Notifications
from ui.tray import Tray
from ui.widgets.kit import Kit

MOST_STEPS = 80


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def kit_of(desk: WindowUnderTest) -> Kit:
    return Kit(desk.intents, desk.translator, desk.theme, desk.work)  # type: ignore[arg-type]


def walk(window: QWidget) -> set[str]:
    """Press Tab until it comes round, and back again; the names of what had the focus."""
    window.activateWindow()
    drain()
    ways = []
    for key in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
        seen: list[QWidget] = []
        for _ in range(MOST_STEPS):
            focused = QApplication.focusWidget()
            assert focused is not None, "the focus got lost"
            assert focused.isVisible(), f"{focused.objectName()} has the focus and cannot be seen"
            if focused in seen[:1] and len(seen) > 1:
                break
            seen.append(focused)
            QTest.keyClick(focused, key)
            drain()
        else:
            raise AssertionError(f"Tab does not come round: {[one.objectName() for one in seen[-4:]]}")
        ways.append({one.objectName() for one in seen})
    assert ways[0] == ways[1], "another way back"
    return ways[0]


def wanted(root: QWidget) -> set[str]:
    """What Tab has to reach; of radio buttons one stands for all."""
    return {one.objectName() for one in actionable(root) if one.isEnabled() and not isinstance(one, QRadioButton)}


DIALOGS: dict[str, Callable[[Kit, QWidget], QDialog]] = {
    "preferences": PreferencesDialog,
    "about": AboutDialog,
    "certificate": lambda kit, parent: CertificateDialog(kit, "support.example.com", "ab12" * 16, parent=parent),
    "changed": lambda kit, parent: CertificateDialog(kit, "a.example", "ab12" * 16, changed=True, parent=parent),
    "close": lambda kit, parent: CloseDialog(kit, 2, closing=Closing.WINDOW, tray=True, parent=parent),
    "quit": lambda kit, parent: CloseDialog(kit, 1, closing=Closing.APP, tray=False, parent=parent),
    "sign out": lambda kit, parent: CloseDialog(kit, 2, closing=Closing.ACCOUNT, tray=True, parent=parent),
    "end": lambda kit, parent: EndSessionDialog(kit, "Ana", parent),
    "assist": lambda kit, parent: AssistDialog(kit, "482119903", parent),
    "select": lambda kit, parent: SelectCustomerDialog(kit, "Ion", parent),
    "crash": lambda kit, parent: CrashDialog(kit, "/reports/crash.txt", parent),
}


@pytest.mark.parametrize("name", DIALOGS)
async def test_tab_reaches_every_part_of_every_dialog_and_all_are_named(desk, name):
    dialog = DIALOGS[name](kit_of(desk), desk.window)
    dialog.start()  # type: ignore[attr-defined]
    drain()
    assert unnamed(dialog) == []
    assert wanted(dialog) <= walk(dialog)
    QTest.keyClick(dialog, Qt.Key.Key_Escape)
    drain()
    assert desk.window.findChild(QDialog) is None, "Escape closes it"


async def test_tab_reaches_every_part_of_the_sign_in(desk):
    desk.intents.account = None
    page = SignInPage(kit_of(desk))
    desk.window.set_sign_in_page(page)
    page.take_cursor()
    drain()
    assert unnamed(page) == []
    assert wanted(page) <= walk(desk.window)


async def test_tab_reaches_every_part_of_start_waiting_and_live_view(desk):
    desk.window.start_page.take_focus()
    assert wanted(desk.window.start_page) <= walk(desk.window)
    session = desk.intents.open()
    drain()
    assert wanted(desk.window.centre) <= walk(desk.window)
    desk.intents.join(session.id)
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    assert wanted(desk.window.centre) <= walk(desk.window)
    assert unnamed(desk.window) == []


async def test_tab_stays_inside_the_invite_sheet(desk):
    desk.intents.open()
    desk.window.show_invite()
    drain()
    seen = walk(desk.window)
    assert wanted(desk.window.sheet) <= seen
    assert not seen & wanted(desk.window.top)


def entries(menu: QMenu) -> list[QAction]:
    return [one for one in menu.actions() if not one.isSeparator() and one.objectName().startswith("action_")]


async def test_every_menu_entry_has_a_letter_and_no_two_have_the_same(desk):
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(kit_of(desk), desk.actions, bridge)
    for menu in (*desk.window.findChildren(QMenu), tray.menu):
        letters = {}
        for action in entries(menu):
            if "tray" in action.objectName():
                continue
            at = action.text().find("&")
            assert at >= 0, f"{menu.objectName()}: {action.text()} has no letter"
            letter = action.text()[at + 1].casefold()
            assert letter.isascii() and letter.isalpha(), action.text()  # noqa: PT018 - one thing: it can be typed
            assert letter not in letters, f"{menu.objectName()}: {action.text()} and {letters[letter]}"
            letters[letter] = action.text()
    tray.close()
    bridge.close()


async def test_letters_are_for_menus_and_not_for_buttons(desk):
    desk.intents.open()
    drain()
    assert not [words for words in desk.words() if "&" in words]


async def test_a_click_on_a_notification_opens_its_session_and_none_comes_about_the_one_being_read(desk):
    first, second = desk.intents.open(), desk.intents.open("482119904")
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(kit_of(desk), desk.actions, bridge)
    window, told = desk.window, []
    tray.show_message = lambda title, text: bool(told.append(title)) or True  # type: ignore[method-assign]
    notifications = Notifications(
        kit_of(desk),
        bridge,
        tray,
        window,
        lambda event: window.in_front() and window.current_session == event.session_id,
    )
    notifications.session_chosen.connect(window.show_session)
    assert window.current_session == second.id
    desk.intents.emit(Attention(second.id, Happening.JOINED, "Ion"))
    assert told == []
    desk.intents.emit(Attention(first.id, Happening.JOINED, "Ana"))
    assert len(told) == 1
    tray.message_clicked.emit()
    assert window.current_session == first.id
    tray.close()
    bridge.close()
