"""The multisession window: what each state shows, the tabs, the keyboard, what the controller is told."""

import re

import pytest
import pytest_asyncio
from PySide6.QtCore import QDateTime, QEvent, QLocale, QPoint, Qt
from PySide6.QtGui import QFocusEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QWidget

from support_manager.errors import AppCode, RelayUnavailable
from support_manager.events import Happening, Link, Picture
from support_manager.protocol.views import Capability, Connection, Device, EndReason, Intake
from tests.harness.session_script import REP, line
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.widgets.state_dot import Mark
from ui.widgets.transcript_view import TranscriptView
from ui.work import Tone


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def key(widget: QWidget, code: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    QTest.keyClick(widget, code, modifier)
    drain()


def click(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name), Qt.MouseButton.LeftButton)
    drain()


def title(desk: WindowUnderTest) -> str:
    return desk.find("statePageTitle", QLabel).text().replace("\u2068", "").replace("\u2069", "")


@pytest.mark.rule("B-3.1", "B-4.5")
async def test_waiting_shows_the_number_in_threes_and_copies_it(desk):
    session = desk.intents.open("482119903")
    assert desk.find("waitingNumberFigures", QLabel).text() == "482\u00a0119\u00a0903"
    click(desk, "waitingNumberCopy")
    assert QApplication.clipboard().text() == "482119903"
    click(desk, "waitingCopyLink")
    assert QApplication.clipboard().text() == session.view.link
    click(desk, "waitingCopyMessage")
    assert session.view.link in QApplication.clipboard().text()
    assert "482 119 903" in desk.find("waitingPhone", QLabel).text()


@pytest.mark.rule("B-7.1")
async def test_asking_waiting_and_taking_back(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    drain()
    assert title(desk) == "Ana Popescu is here"
    click(desk, "stateAsk")
    await until(lambda: ("ask_view", session.id) in desk.intents.asked)
    assert title(desk) == "Waiting for Ana Popescu"
    assert not desk.shown("stateAsk")
    click(desk, "stateTakeBack")
    await until(lambda: ("stop_view", session.id) in desk.intents.asked)
    assert desk.shown("stateAsk")


@pytest.mark.rule("B-7.1")
async def test_sharing_shows_the_view_with_its_bar(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    desk.intents.picture(session.id, Picture.LIVE, since_s=252)
    drain()
    assert desk.shown("share_view")
    assert desk.find("viewWords", QLabel).text().startswith("Sharing 04:1")
    figures = desk.find("viewFigures", QLabel)
    desk.intents.figures(session.id)
    assert figures.text() == "", "figures come on demand only"
    desk.actions.show_figures.trigger()
    assert figures.text() == "30 fps · 41 ms old · 210 kB/s · 1920 × 1080"
    click(desk, "viewStop")
    await until(lambda: ("stop_view", session.id) in desk.intents.asked)
    assert not desk.shown("share_view")


@pytest.mark.rule("B-12.1", "B-12.4", "B-12.5")
async def test_every_ending_is_told_in_words(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    for what, words in (
        (Happening.DENIED, "Ana Popescu does not want to show the screen now"),
        (Happening.STOPPED, "Ana Popescu stopped showing the screen"),
    ):
        desk.intents.notice(session.id, what)
        assert title(desk) == words
        assert desk.shown("stateAsk")
    desk.intents.customer(session.id, connection=Connection.LOST)
    assert title(desk) == "Ana Popescu lost the connection"
    assert not desk.shown("stateAsk")
    desk.intents.customer(session.id, connection=Connection.CLOSED_PAGE)
    assert title(desk) == "Ana Popescu closed the page"
    desk.intents.end(session.id, EndReason.EXPIRED)
    drain()
    assert title(desk) == "The session has ended"
    assert "gone before anybody took over" in desk.find("statePageText", QLabel).text()
    assert not desk.find("chatInput").isEnabled()
    panel = desk.window._panels[session.id]
    panel.take(panel._entry)  # the end is told once, whatever comes after it
    told = desk.find("transcript", TranscriptView).model()
    words = [told.index(at, 0).data() for at in range(told.rowCount())]
    assert words[-1] == "Session ended: the customer was gone before anybody took over"
    assert len([one for one in words if "ended" in one]) == 1
    click(desk, "stateCloseTab")
    assert desk.window.tabs.ids() == []
    assert desk.shown("startButton")


@pytest.mark.rule("B-12.1", "B-12.4")
@pytest.mark.parametrize("form", [None, Intake(queue_name="Support", problem="My printer")])
async def test_how_a_customer_comes_back_is_told_by_the_way_in_which_he_came(desk, form):
    session = desk.intents.open(intake=form)
    desk.intents.join(session.id)
    desk.intents.customer(session.id, connection=Connection.CLOSED_PAGE)
    drain()
    text = desk.find("statePageText", QLabel).text()
    assert ("link or number" in text) is (form is None), text
    assert ("same page" in text) is (form is not None), text
    desk.intents.change(session.id, view={"participants": (REP,)})
    desk.intents.notice(session.id, Happening.LEFT)
    assert title(desk) == "Ana Popescu left the session"
    text = desk.find("statePageText", QLabel).text()
    assert ("number" in text) is (form is None), text
    assert ("queue" in text) is (form is not None), text


@pytest.mark.rule("B-2.4")
async def test_what_the_device_can_do_is_said(desk):
    session = desk.intents.open()
    desk.intents.join(session.id, device=Device(screen=Capability.NO, secure=Capability.NO, phone=True))
    drain()
    assert desk.find("device_screen", QLabel).text() == "Cannot show the screen: the page was not opened over https"
    assert desk.shown("device_phone")
    assert not desk.shown("stateAsk"), "what the device cannot do is not asked for"
    desk.intents.customer(session.id, device=Device(screen=Capability.YES))
    drain()
    assert desk.find("device_screen", QLabel).text() == "Can show the screen"
    assert desk.shown("stateAsk")


@pytest.mark.rule("B-6.1", "B-6.2", "B-13.3")
async def test_tabs_show_what_needs_attention_until_chosen(desk):
    first = desk.intents.open().id
    second = desk.intents.open("730114265", recovered=True).id
    desk.intents.join(second, "Ion")
    desk.intents.say(second, line("hello", name="Ion"), line("there?", name="Ion"))
    tab = desk.window.tabs.tab(second)
    assert (tab.face.title, tab.face.mark, tab.face.unread, tab.face.attention) == ("Ion", Mark.DOT, 2, True)
    assert tab.accessibleName() == "Ion, joined, 2 new messages, needs attention"
    assert desk.window.windowTitle().startswith("(2)")
    await until(desk.window.isActiveWindow)
    desk.window.tabs.choose(second)
    assert (tab.face.unread, tab.face.attention) == (0, False)
    assert desk.intents.asked[-2:] == [("set_visible", first, False), ("set_visible", second, True)]
    desk.window.hide()
    drain()
    assert desk.intents.asked[-1] == ("set_visible", second, False)


@pytest.mark.rule("B-6.2")
async def test_the_windows_title_says_what_is_in_it(desk):
    window = desk.window
    titles = [window.windowTitle()]
    session = desk.intents.open("482119903").id
    titles.append(window.windowTitle())
    desk.intents.join(session)
    titles.append(window.windowTitle())
    desk.window.model.rename(session, "Printer")
    titles.append(window.windowTitle())
    desk.window._show_start()
    drain()
    titles.append(window.windowTitle())
    window.set_sign_in_page(QWidget())
    window.show_sessions(False)
    titles.append(window.windowTitle())
    desk.translator.set_language("ro")
    titles.append(window.windowTitle())
    window.show_sessions(True)
    titles.append(window.windowTitle())
    english, romanian = titles[:6], titles[6:]
    names = ["Sessions", "482 119 903", "Ana Popescu", "Printer", "Sessions", "Sign in"]
    assert english == [f"{name} – Support Manager" for name in names]
    assert romanian == ["Conectare – Manager de asistență", "Sesiuni – Manager de asistență"]


@pytest.mark.rule("B-6.2")
async def test_tabs_are_renamed_moved_and_closed(desk):
    ids = [desk.intents.open(number).id for number in ("111222333", "444555666", "777888999")]
    drain()
    bar = desk.window.tabs
    tab = bar.tab(ids[0])
    QTest.mouseDClick(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    editor = desk.find("tabTitleEdit")
    QTest.keyClicks(editor, "Printer")
    key(editor, Qt.Key.Key_Return)
    assert tab.face.title == "Printer"
    QTest.mousePress(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    QTest.mouseMove(tab, QPoint(90, 20))
    QTest.mouseMove(tab, QPoint(tab.width() + 60, 20))
    drain()
    QTest.mouseRelease(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    assert bar.ids() == [ids[1], ids[0], ids[2]]
    QTest.mouseClick(tab, Qt.MouseButton.LeftButton, pos=tab.close_box().center())
    await until(lambda: ("end_session", ids[0]) in desk.intents.asked)
    assert ids[0] in bar.ids(), "an ended session's tab stays until it is closed"
    QTest.mouseClick(tab, Qt.MouseButton.LeftButton, pos=tab.close_box().center())
    assert ids[0] not in bar.ids()


@pytest.mark.rule("B-6.2")
@pytest.mark.parametrize("typed", ["", "Printer"])
async def test_a_tabs_name_is_no_longer_edited_once_the_rep_goes_on_elsewhere(desk, typed):
    ids = [desk.intents.open(number).id for number in ("111222333", "444555666")]
    await until(desk.window.isActiveWindow)
    tab = desk.window.tabs.tab(ids[1])
    for elsewhere in (
        lambda: QTest.mouseClick(desk.find("chatInput"), Qt.MouseButton.LeftButton),
        lambda: QTest.mouseClick(desk.window.tabs.tab(ids[0]), Qt.MouseButton.LeftButton, pos=QPoint(60, 20)),
    ):
        desk.window.tabs.choose(ids[1])
        before = tab.face.title
        QTest.mouseDClick(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
        editor = desk.find("tabTitleEdit")
        QTest.keyClicks(editor, typed)
        elsewhere()
        drain()
        assert not desk.shown("tabTitleEdit")
        assert tab.face.title == (typed or before)


@pytest.mark.rule("B-6.2")
async def test_a_name_left_as_it_was_is_no_name_of_the_reps_own(desk):
    session = desk.intents.open("111222333").id
    drain()
    tab = desk.window.tabs.tab(session)
    QTest.mouseDClick(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    key(desk.find("tabTitleEdit"), Qt.Key.Key_Return)
    assert not desk.shown("tabTitleEdit")
    desk.intents.join(session)
    drain()
    assert tab.face.title == "Ana Popescu"
    desk.window.model.rename(session, "Printer")
    QTest.mouseDClick(tab, Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    editor = desk.find("tabTitleEdit")
    editor.clear()
    key(editor, Qt.Key.Key_Return)
    assert tab.face.title == "Ana Popescu", "an empty field gives the customer's name again"


async def test_the_menu_of_the_field_itself_ends_no_editing_of_a_tabs_name(desk):
    session = desk.intents.open("111222333").id
    await until(desk.window.isActiveWindow)
    QTest.mouseDClick(desk.window.tabs.tab(session), Qt.MouseButton.LeftButton, pos=QPoint(60, 20))
    editor = desk.find("tabTitleEdit")
    QTest.keyClicks(editor, "Pri")
    QApplication.sendEvent(editor, QFocusEvent(QEvent.Type.FocusOut, Qt.FocusReason.PopupFocusReason))
    assert desk.find("tabTitleEdit").text() == "Pri"


async def test_keys_go_through_tabs_and_areas(desk):
    ids = [desk.intents.open(number).id for number in ("111222333", "444555666")]
    await until(desk.window.isActiveWindow)
    key(desk.window, Qt.Key.Key_1, Qt.KeyboardModifier.AltModifier)
    assert desk.window.current_session == ids[0]
    desk.actions.next_tab.trigger()
    assert desk.window.current_session == ids[1]
    desk.actions.next_tab.trigger()
    assert desk.window.current_session == ids[0]
    visited = []
    for _ in range(4):
        key(desk.window, Qt.Key.Key_F6)
        focused = QApplication.focusWidget()
        visited.append(
            next(
                name
                for name in ("topBar", "leftSide", "sessionCentre", "rightSide")
                if any(area.isAncestorOf(focused) for area in desk.window.findChildren(QWidget, name))
            )
        )
    assert set(visited) == {"topBar", "leftSide", "sessionCentre", "rightSide"}


async def test_the_connection_is_told_in_words_with_a_count_down(desk):
    desk.intents.set_link(Link.RECONNECTING, retry_in_s=3)
    assert desk.window.link_bar.words() == "Reconnecting, next try in 3 s. Your sessions go on."
    assert desk.find("topLink", QLabel).text() == "Reconnecting"
    await until(lambda: "in 2 s" in desk.window.link_bar.words())
    height = desk.window.link_bar.height()
    desk.intents.set_link(Link.ONLINE)
    assert desk.window.link_bar.words() == "Connected to the relay."
    assert desk.window.link_bar.height() == height, "nothing jumps"


async def test_errors_are_shown_as_messages_that_can_be_closed(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    desk.intents.error = RelayUnavailable(AppCode.RELAY_UNREACHABLE, host="support.example.com")
    click(desk, "stateAsk")
    await until(desk.window.toasts.shown)
    assert desk.window.toasts.shown()[0].tone is Tone.ERROR
    click(desk, "toastClose")
    assert desk.window.toasts.shown() == []


async def test_geometry_and_sides_are_remembered(qapp):
    first = WindowUnderTest(email_at_start=False)
    panel_id = first.intents.open().id
    drain()
    panel = first.window._panels[panel_id]
    panel.left.set_folded(True)
    assert panel.left.width() <= 48
    await until(lambda: "main" in first.intents.settings.window)
    kept = first.intents.settings.window
    await first.work.aclose()
    first.close()
    second = WindowUnderTest(email_at_start=False, window=kept)
    other = second.window._panels.get(second.intents.open().id)
    assert other.left.folded
    assert not other.right.folded
    await second.work.aclose()
    second.close()


async def test_broken_settings_do_not_keep_the_window_away(qapp):
    made = WindowUnderTest(email_at_start=False, window={"main": "§§", "sides": "1,x,-4"})
    made.intents.open()
    assert made.window.isVisible()
    await made.work.aclose()
    made.close()


async def test_every_widget_is_named(desk):
    assert unnamed(desk.window) == []
    session = desk.intents.open()
    drain()
    desk.window.show_invite()
    assert unnamed(desk.window) == []
    desk.window.sheet.close_sheet()
    desk.intents.join(session.id)
    desk.intents.picture(session.id, Picture.LIVE)
    assert unnamed(desk.window) == []


async def test_closed_tabs_leave_nothing_behind(desk):
    def count() -> int:
        drain()
        return len(desk.window.findChildren(QWidget))

    before = count()
    for _ in range(3):
        session = desk.intents.open().id
        desk.intents.join(session)
        desk.window.show_invite()
        desk.window.sheet.close_sheet()
        desk.intents.end(session)
        desk.window.model.close(session)
    assert count() == before


@pytest.mark.parametrize(
    "hostile", ["<img src=file:///etc/passwd>", "\u202egnp.exe", "<b>Bold</b>\n<a href=x>y</a>", "A&B" * 20]
)
async def test_names_are_plain_text_wherever_they_stand(desk, hostile):
    session = desk.intents.open()
    desk.intents.join(session.id, hostile[:60])
    desk.intents.say(session.id, line(hostile, name=hostile[:60]))
    drain()
    for made in desk.window.findChildren(QLabel):
        assert made.textFormat() is Qt.TextFormat.PlainText or not made.text(), made.objectName()
    assert all("\u202e" not in text for text in desk.words())
    assert not any("<b>" in widget.toolTip() for widget in desk.window.findChildren(QWidget))


async def test_switching_the_theme_repaints_without_a_restart(desk):
    session = desk.intents.open()
    desk.intents.join(session.id)
    before = desk.window.grab().toImage()
    desk.theme.choose("dark")
    drain()
    assert desk.window.grab().toImage() != before
    desk.theme.choose("light")


async def test_minimised_windows_ask_for_less(desk):
    session = desk.intents.open().id
    assert desk.intents.asked[-1] == ("set_visible", session, True)
    desk.window.showMinimized()
    QApplication.sendEvent(desk.window, QEvent(QEvent.Type.ActivationChange))
    await until(lambda: desk.intents.asked[-1] == ("set_visible", session, False))


@pytest.mark.parametrize(("language", "written"), [("en", r"\d{1,2}:\d\d [AP]M"), ("ro", r"\d\d:\d\d")])
async def test_every_time_is_written_as_the_language_does(desk, language, written):
    desk.translator.set_language(language)
    session = desk.intents.open()
    drain()
    at = session.view.started_at
    shown = desk.translator.time(at).replace("\u202f", " ")
    assert re.fullmatch(written, shown)
    assert desk.find("sideStarted", QLabel).text().replace("\u202f", " ").endswith(shown)
    moment = QDateTime.fromMSecsSinceEpoch(at)
    in_history = desk.translator.locale.toString(moment, QLocale.FormatType.ShortFormat)
    assert in_history.replace("\u202f", " ").endswith(shown), "as the history writes it"
