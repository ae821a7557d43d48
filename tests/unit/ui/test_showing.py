"""Showing the rep's screen: the picker, what tells of it, and the privacy that goes with it."""

import asyncio
from collections.abc import Callable

import pytest
import pytest_asyncio
from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QWidget

from support_manager.errors import AppCode, RelayUnavailable
from support_manager.events import Attention, Happening, Link, OfferArrived, Picture
from support_manager.protocol.activities import ActivityKind, ActivityState, Source
from support_manager.protocol.channel import DrawStroke
from support_manager.protocol.views import ActivityView, InboxItem, InboxKind
from tests.harness.centre_script import be_agent, item
from tests.harness.painted import PaintedSource
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.devices.screens import Place
from ui.dialogs.show_screen import ShowScreenDialog
from ui.notifications import Notifications
from ui.tray import Tray
from ui.widgets.kit import Kit
from ui.work import Notice

HOSTILE = "<b>Bank</b>\u202egnp.exe\nsecond line"


class FakeScreens:
    """Screens and windows as a test wants them."""

    def __init__(self) -> None:
        self.problem = ""
        self.all = [PaintedSource(title="one"), PaintedSource(title="two")]
        self.others = [PaintedSource(kind=Source.WINDOW, title=HOSTILE), PaintedSource(kind=Source.WINDOW, title="")]

    def screens(self) -> list[PaintedSource]:
        return list(self.all)

    def windows(self) -> list[PaintedSource]:
        return list(self.others)

    def thumbnail(self, source: PaintedSource, size: QSize) -> QImage | None:
        return QImage(size, QImage.Format.Format_RGB32)

    def place(self, source: PaintedSource) -> Place | None:
        return Place(100, 100, 300, 200)


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    made.window.showing.screens = FakeScreens()
    yield made
    made.window.showing.dispose()
    await made.work.aclose()
    made.close()


def dialog(desk: WindowUnderTest) -> ShowScreenDialog:
    return next(one for one in desk.window.findChildren(ShowScreenDialog) if one.isVisible())


async def joined(desk: WindowUnderTest, number: str = "482119903", name: str = "Ana P.") -> str:
    session = desk.intents.open(number)
    desk.intents.join(session.id, name)
    drain()
    desk.window.tabs.choose(session.id)
    drain()
    return session.id


def choose(desk: WindowUnderTest, session_id: str, source: PaintedSource) -> None:
    """In the picker of that session's tab."""
    desk.window.tabs.choose(session_id)
    drain()
    pick(desk)(source)


def pick(desk: WindowUnderTest) -> Callable[[PaintedSource], None]:
    """Open the picker; what it returns chooses there."""
    desk.actions.show_screen.trigger()
    drain()
    picker = dialog(desk)

    def chosen(source: PaintedSource) -> None:
        picker.accept()
        picker.chosen.emit(source)

    return chosen


async def showing(desk: WindowUnderTest, session_id: str, kind: Source = Source.SCREEN) -> None:
    choose(desk, session_id, PaintedSource(kind=kind, title="Letter"))
    desk.intents.change(session_id)  # anything may happen in between
    await until(lambda: (show := desk.intents.sessions[session_id].show) is not None and show.kind is kind)
    drain()


def words(desk: WindowUnderTest, key: str, **places: object) -> str:
    return desk.translator.t("show", key, **places)


async def test_the_picker_lists_screens_and_windows_by_keyboard_and_titles_are_text(desk):
    session_id = await joined(desk)
    desk.actions.show_screen.trigger()
    drain()
    picker = dialog(desk)
    await until(lambda: picker.list.count() == 4)
    texts = [picker.list.item(row).text() for row in range(4)]
    assert texts[:2] == [words(desk, "picker.screen_number", number=n) for n in (1, 2)]
    assert "\n" not in texts[2]
    assert "\u202e" not in texts[2]
    assert texts[3] == words(desk, "picker.untitled")
    assert picker.list.hasFocus()
    assert picker.list.accessibleName() == words(desk, "picker.list")
    QTest.keyClick(picker.list, Qt.Key.Key_Right)
    QTest.keyClick(picker.list, Qt.Key.Key_Right)
    assert picker.list.currentRow() == 2
    QTest.keyClick(picker.list, Qt.Key.Key_Return)
    await until(lambda: desk.shown("showStrip"))
    (asked,) = [one for one in desk.intents.asked if one[0] == "show_screen"]
    assert asked[1:] == (session_id, desk.window.showing.screens.others[0])


async def test_the_picker_keeps_what_is_chosen_while_windows_come_and_go(desk):
    await joined(desk)
    desk.actions.show_screen.trigger()
    drain()
    picker = dialog(desk)
    await until(lambda: picker.list.count() == 4)
    picker.list.setCurrentRow(2)
    desk.window.showing.screens.others.insert(0, PaintedSource(kind=Source.WINDOW, title="New"))
    picker._look()
    await until(lambda: picker.list.count() == 5)
    assert picker.list.currentRow() == 3
    picker.reject()


async def test_where_nothing_can_be_shown_the_picker_says_what_to_do(desk):
    await joined(desk)
    desk.window.showing.screens.problem = "picker.wayland"
    desk.actions.show_screen.trigger()
    drain()
    assert words(desk, "picker.wayland") in desk.words()
    assert not desk.shown("show_dialog_list")
    assert not dialog(desk)._confirm.isEnabled()
    dialog(desk).reject()


async def test_the_strip_says_what_is_shown_to_whom_and_pause_and_stop_are_one_click(desk):
    session_id = await joined(desk)
    await showing(desk, session_id)
    assert "Ana P." in desk.window.show_strip.words.text()
    assert desk.actions.stop_show.isEnabled()
    assert desk.translator.t("session", "state.showing.title") in desk.words()
    assert not desk.shown("stateAsk"), "asking would end it"
    QTest.mouseClick(desk.find("showStripPause"), Qt.MouseButton.LeftButton)
    assert desk.intents.asked[-1] == ("pause_show", session_id, True)
    what = words(desk, "what.screen")
    assert desk.window.show_strip.words.text() == words(desk, "strip.paused", what=what)
    QTest.mouseClick(desk.find("showStripPause"), Qt.MouseButton.LeftButton)
    assert desk.intents.asked[-1] == ("pause_show", session_id, False)
    QTest.mouseClick(desk.find("showStripStop"), Qt.MouseButton.LeftButton)
    await until(lambda: not desk.shown("showStrip"))
    assert desk.translator.t("session", "state.joined.title", name="\u2068Ana P.\u2069") in desk.words()
    assert not desk.actions.stop_show.isEnabled()
    assert not desk.actions.pause_show.isVisible()


async def test_a_frame_stands_around_what_is_shown_and_takes_no_click(desk, qapp):
    session_id = await joined(desk)
    await showing(desk, session_id, Source.WINDOW)

    def edges() -> list[QWidget]:
        return [one for one in qapp.topLevelWidgets() if one.objectName().startswith("showFrame") and one.isVisible()]

    assert len(edges()) == 4
    for edge in edges():
        assert edge.windowFlags() & Qt.WindowType.WindowTransparentForInput
        assert not edge.geometry().intersects(QRect(100, 100, 300, 200))
    assert min(edge.geometry().left() for edge in edges()) == 96
    await desk.window.showing._kit.intents.stop_show(session_id)
    drain()
    assert not edges()


@pytest.mark.rule("B-7.3")
async def test_what_the_customer_draws_stands_on_the_screen_and_the_rep_ends_it_with_one_click(desk, qapp):
    session_id = await joined(desk)
    await showing(desk, session_id)
    drawing = ActivityView(id="d1", kind=ActivityKind.DRAW, state=ActivityState.RUNNING, asked_by="ana", subject="ana")
    view = desk.intents.sessions[session_id].view
    assert not desk.shown("showStripErase")
    desk.intents.change(session_id, view={"activities": (*view.activities, drawing)})
    desk.intents.draws_as(session_id, "ana", DrawStroke(number=1, colour=1, points=((6_000, 30_000), (60_000, 30_000))))

    def ink() -> list[QWidget]:
        return [one for one in qapp.topLevelWidgets() if one.objectName() == "drawingWindow" and one.isVisible()]

    await until(ink)
    (window,) = ink()
    assert window.geometry() == QRect(100, 100, 300, 200)
    assert window.windowFlags() & Qt.WindowType.WindowTransparentForInput
    assert window.image.pixelColor(150, 92).name() == desk.theme.draw_color(1).name()
    QTest.mouseClick(desk.find("showStripErase"), Qt.MouseButton.LeftButton)
    await until(lambda: ("end_drawing", session_id, "ana") in desk.intents.asked)
    await until(lambda: not ink())


async def test_what_was_chosen_is_not_forgotten_while_the_relay_is_asked(desk, qapp):
    session_id = await joined(desk)
    source = desk.window.showing.screens.screens()[0]
    desk.window.showing._sources[session_id] = source
    desk.intents.change(session_id)  # anything may be told before the relay has said yes
    assert desk.window.showing._sources == {session_id: source}


@pytest.mark.rule("B-6.4")
async def test_another_tab_pauses_the_shared_desktop_within_the_click(desk):
    first = await joined(desk)
    second = await joined(desk, "482119904", "Ion B.")
    desk.window.tabs.choose(first)
    await showing(desk, first)
    desk.intents.asked.clear()
    told = []
    desk.work.notice.connect(lambda notice: told.append(notice.text))
    desk.window.tabs.choose(second)
    assert ("pause_show", first, True) in desk.intents.asked, "before anything of the other tab could be painted"
    assert told == [words(desk, "paused.private")]
    what = words(desk, "what.screen")
    assert desk.window.show_strip.words.text() == words(desk, "strip.private", what=what)
    desk.actions.pause_show.trigger()
    assert desk.intents.asked[-1] == ("pause_show", first, False)
    assert not desk.intents.sessions[first].show.paused


@pytest.mark.rule("B-6.4")
async def test_opening_the_inbox_pauses_it_too_and_a_window_needs_no_pause(desk):
    first = await joined(desk)
    second = await joined(desk, "482119904", "Ion B.")
    desk.window.tabs.choose(first)
    await showing(desk, first)
    desk.window.show_inbox()
    assert desk.intents.sessions[first].show.paused
    desk.actions.pause_show.trigger()
    desk.window.tabs.choose(first)
    assert not desk.intents.sessions[first].show.paused
    await showing(desk, first, Source.WINDOW)
    desk.window.tabs.choose(second)
    assert not desk.intents.sessions[first].show.paused


@pytest.mark.rule("B-6.4")
async def test_the_inbox_beside_the_session_names_nobody_while_the_desktop_is_shown(desk):
    waiting = [item(f"s{at}", "Secret Name", email="secret@example.com", problem="Secret problem") for at in (1, 2)]
    be_agent(desk, *waiting)
    first = await joined(desk)

    def told() -> bool:
        return any("Secret" in one or "secret" in one for one in desk.words())

    begin, pause = desk.intents.show_screen, desk.intents.pause_show
    before: list[bool] = []

    async def show_screen(session_id: str, source: PaintedSource, **more: object) -> None:
        before.append(told())
        await begin(session_id, source, **more)

    def pause_show(session_id: str, paused: bool) -> None:
        before.append(told())
        pause(session_id, paused)

    desk.intents.show_screen, desk.intents.pause_show = show_screen, pause_show
    assert told()
    await showing(desk, first)
    assert not told()
    assert desk.find("inboxEmpty", QLabel).text() == desk.translator.t("session", "inbox.unseen", count=2)
    assert not desk.window.inbox_in_sight(), "so an offer is notified"
    be_agent(desk, *waiting, item("s3", "Secret Third"))
    assert not told()
    desk.actions.inbox.trigger()
    drain()
    assert desk.intents.sessions[first].show.paused
    assert told()
    assert desk.window.inbox_in_sight()
    desk.actions.pause_show.trigger()
    assert not told()
    assert before == [False] * 3, "gone before the first picture, there after the last one"
    await showing(desk, first, Source.WINDOW)
    assert told(), "a window has no Inbox in it"
    await showing(desk, first)
    assert not told()
    await desk.intents.stop_show(first)
    drain()
    assert told()


async def test_a_screen_that_could_not_be_shown_hides_nothing(desk):
    be_agent(desk, item("s1", "Ion B."))
    session_id = await joined(desk)
    desk.intents.error = RelayUnavailable(AppCode.CONNECTION_LOST)
    choose(desk, session_id, PaintedSource())
    await until(lambda: ("show_screen", session_id) == desk.intents.asked[-1][:2])
    await until(lambda: not desk.work.running(f"show_screen {session_id}"))
    assert "Ion B." in desk.words()


@pytest.mark.rule("B-6.4")
@pytest.mark.parametrize("where", ["tab", "inbox", "tab and back", "before the choice"])
async def test_whoever_goes_elsewhere_before_it_begins_finds_it_paused_from_the_first(desk, where):
    first = await joined(desk)
    second = await joined(desk, "482119904", "Ion B.")
    desk.window.tabs.choose(first)
    drain()
    told, shows = [], []
    desk.work.notice.connect(lambda notice: told.append(notice.text))
    desk.intents.subscribe(lambda _: shows.append(desk.intents.sessions[first].show))
    yes = asyncio.Event()
    desk.intents.answer = yes.wait
    chosen = pick(desk)
    if where == "before the choice":
        desk.window.tabs.choose(second)
    chosen(PaintedSource(title="one"))
    await until(lambda: any(one[0] == "show_screen" for one in desk.intents.asked))
    if where == "inbox":
        desk.window.show_inbox()
    elif where != "before the choice":
        desk.window.tabs.choose(second)
    if where == "tab and back":
        desk.window.tabs.choose(first)
    drain()
    assert told == []
    yes.set()
    await until(lambda: told)
    assert told == [words(desk, "paused.private")]
    assert all(show.paused for show in shows if show is not None)
    strip = desk.window.show_strip.words.text()
    assert strip == words(desk, "strip.private", what=words(desk, "what.screen"))
    desk.actions.pause_show.trigger()
    assert not desk.intents.sessions[first].show.paused
    await showing(desk, first)
    assert not desk.intents.sessions[first].show.paused, "he stayed"


@pytest.mark.rule("B-6.4")
async def test_a_window_that_begins_elsewhere_needs_no_pause(desk):
    first = await joined(desk)
    second = await joined(desk, "482119904", "Ion B.")
    yes = asyncio.Event()
    desk.intents.answer = yes.wait
    choose(desk, first, PaintedSource(kind=Source.WINDOW, title="Letter"))
    await until(lambda: any(one[0] == "show_screen" for one in desk.intents.asked))
    desk.window.tabs.choose(second)
    yes.set()
    await until(lambda: desk.intents.sessions[first].show is not None)
    assert not desk.intents.sessions[first].show.paused


@pytest.mark.rule("B-6.4")
async def test_notifications_carry_no_names_while_the_desktop_is_shown(desk):
    kit = Kit(desk.intents, desk.translator, desk.theme, desk.work)
    tray = Tray(kit, desk.actions, desk.bridge)
    told = []
    tray.show_message = lambda title, text: told.append(f"{title} {text}") or True
    notes = Notifications(kit, desk.bridge, tray, desk.window, lambda _: False)
    notes.is_private = lambda: desk.window.showing.is_private
    session_id = await joined(desk)
    await showing(desk, session_id)
    told.clear()
    desk.intents.emit(Attention(session_id, Happening.JOINED, "Secret Name"))
    item = InboxItem(session_id="s9", kind=InboxKind.WAITING, customer="Other Secret", since=1, offered=True)
    desk.intents.emit(OfferArrived(item))
    assert told == [f"{words(desk, 'notify.title')} {words(desk, 'notify.text')}"] * 2
    await desk.intents.stop_show(session_id)
    desk.intents.emit(Attention(session_id, Happening.JOINED, "Secret Name"))
    assert "Secret Name" in told[-1]
    tray.close()


async def test_the_other_ones_screen_and_ones_own_never_stand_beside_each_other(desk):
    session_id = await joined(desk)
    desk.intents.picture(session_id, Picture.LIVE)
    drain()
    desk.actions.show_screen.trigger()
    drain()
    assert any(words(desk, "picker.ends", name="\u2068Ana P.\u2069") == one for one in desk.words())
    dialog(desk).reject()
    desk.intents.picture(session_id, Picture.NONE)
    await showing(desk, session_id)
    desk.actions.ask_view.trigger()
    await until(lambda: ("ask_view", session_id) in desk.intents.asked)
    names = [one[0] for one in desk.intents.asked]
    assert names.index("stop_show") < names.index("ask_view")


@pytest.mark.rule("B-12.5")
async def test_while_the_relay_is_away_no_picture_ends_for_one_that_cannot_begin(desk):
    session_id = await joined(desk)
    desk.intents.picture(session_id, Picture.LIVE)
    drain()
    chosen = pick(desk)
    desk.intents.set_link(Link.RECONNECTING, 12)
    told: list[Notice] = []
    desk.work.notice.connect(told.append)
    chosen(PaintedSource())
    await until(lambda: not desk.work.running(f"show_screen {session_id}"))
    assert [one[0] for one in desk.intents.asked if one[0] in ("stop_view", "show_screen")] == []
    assert [one.text for one in told] == [desk.work.sentence(RelayUnavailable(AppCode.CONNECTION_LOST))]


async def test_a_second_share_ends_the_first(desk):
    first = await joined(desk)
    second = await joined(desk, "482119904", "Ion B.")
    await showing(desk, first)
    choose(desk, second, PaintedSource())
    await until(lambda: desk.intents.sessions[second].show is not None)
    assert desk.intents.sessions[first].show is None
