"""Who gets the room: the customer's screen, also in a narrow window, and a window that fits its screen."""

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import QPoint, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QWheelEvent
from PySide6.QtWidgets import QApplication, QDialog, QLabel, QScrollArea, QWidget

from support_manager.events import Picture
from support_manager.protocol.views import Mode
from tests.harness.centre_script import be_agent, controlled
from tests.harness.session_window import WindowUnderTest, drain
from ui.dialogs.about import AboutDialog
from ui.dialogs.assist import AssistDialog
from ui.dialogs.certificate import CertificateDialog
from ui.dialogs.close import CloseDialog, Closing
from ui.dialogs.crash import CrashDialog
from ui.dialogs.end_session import EndSessionDialog
from ui.dialogs.preferences import PreferencesDialog
from ui.dialogs.select_customer import SelectCustomerDialog
from ui.dialogs.sign_in import SignInPage
from ui.i18n import Translator
from ui.panels.layout_memory import first_place
from ui.widgets.kit import Kit
from ui.widgets.share_overlay import age_words

SMALLEST_SCREEN = QSize(1024, 768)
LEAST = QSize(860, 490)


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def live(desk: WindowUnderTest) -> None:
    session = desk.intents.open()
    desk.intents.join(session.id)
    desk.intents.picture(session.id, Picture.LIVE)
    desk.intents.figures(session.id)
    drain()


def painted(desk: WindowUnderTest) -> bytes:
    return bytes(desk.find("share_view").grab().toImage().constBits())


@pytest.mark.parametrize("screen", [(1024, 768), (1366, 768), (1440, 900), (2560, 1440), (910, 512)])
def test_the_first_window_takes_most_of_the_screen_and_stays_on_it(screen):
    room = QRect(30, 20, *screen)
    place = first_place(room, LEAST)
    assert room.contains(place)
    assert place.width() >= min(1720, room.width() * 0.9)
    assert (place.center() - room.center()).manhattanLength() <= 2


async def test_the_picture_gets_two_thirds_of_a_usual_window(desk):
    desk.window.resize(1440, 900)
    live(desk)
    assert desk.find("share_view").width() >= 1440 * 0.64


async def test_a_narrow_window_opens_with_its_facts_folded_until_the_rep_unfolds_them(qapp):
    made = WindowUnderTest(email_at_start=False, window={})  # the screen of the tests is a narrow one
    session = made.intents.open()
    drain()
    assert made.window._panels[session.id].left.folded
    assert not made.window._panels[session.id].right.folded
    await made.work.aclose()
    made.close()


async def test_figures_without_room_in_the_bar_are_painted_over_the_picture(desk):
    desk.window.resize(860, 480)
    live(desk)
    before = painted(desk)
    desk.actions.show_figures.trigger()
    drain()
    assert desk.find("viewFigures", QLabel).text() == ""
    assert painted(desk) != before
    desk.window.resize(1600, 800)
    drain()
    with_bar = painted(desk)
    assert "1920 × 1080" in desk.find("viewFigures", QLabel).text()
    desk.actions.show_figures.trigger()
    drain()
    assert painted(desk) != with_bar, "the plot of the last minute goes with them"
    assert desk.find("viewFigures", QLabel).text() == ""


@pytest.mark.parametrize(
    ("age_ms", "words"), [(41, "41 ms"), (1_400, "1 s"), (14_041, "14 s"), (119_000, "119 s"), (240_500, "4 min")]
)
def test_the_age_of_a_picture_is_told_in_plain_units(age_ms, words):
    assert age_words(Translator("en"), age_ms) == words
    assert age_words(Translator("ro"), age_ms) == words


def _dialogs(kit: Kit, parent: QWidget) -> list[QDialog]:
    name = "Alexandrina-Constantina Papadopoulos-Vasilescu de la contabilitate"
    return [
        PreferencesDialog(kit, parent),
        AboutDialog(kit, parent),
        CertificateDialog(kit, "support.example.com:8443", "ab12" * 16, changed=True, parent=parent),
        CloseDialog(kit, 21, closing=Closing.APP, tray=True, parent=parent),
        CloseDialog(kit, 21, closing=Closing.ACCOUNT, tray=True, parent=parent),
        CloseDialog(kit, 1, closing=Closing.WINDOW, tray=False, parent=parent),
        EndSessionDialog(kit, name, parent),
        AssistDialog(kit, "482119903", parent),
        SelectCustomerDialog(kit, name, parent),
        CrashDialog(kit, f"/somewhere/share/{'support-manager/' * 4}crash.txt", parent),
    ]


async def test_every_dialog_fits_a_small_screen_and_opens_over_the_middle_of_the_window(desk):
    desk.window.resize(860, 480)
    drain()
    kit = Kit(desk.intents, desk.translator, desk.theme, desk.work)  # type: ignore[arg-type]
    for dialog in _dialogs(kit, desk.window):
        dialog.start()  # type: ignore[attr-defined]
        drain()
        assert dialog.width() <= SMALLEST_SCREEN.width()
        assert dialog.height() <= SMALLEST_SCREEN.height() - 60
        assert dialog.height() >= dialog.minimumSizeHint().height(), f"{dialog.objectName()} is squeezed"
        apart = dialog.geometry().center() - desk.window.geometry().center()
        assert abs(apart.x()) <= 40, dialog.objectName()
        assert abs(apart.y()) <= 80, dialog.objectName()
        dialog.reject()
        drain()


async def test_a_message_does_not_lie_over_the_sign_in(desk):
    desk.window.resize(1280, 800)
    kit = Kit(desk.intents, desk.translator, desk.theme, desk.work)  # type: ignore[arg-type]
    desk.intents.account = None
    desk.window.set_sign_in_page(SignInPage(kit))
    desk.work.tell("Somebody signed in elsewhere.")
    drain()
    card, toasts = desk.find("sign_in_card"), desk.find("toasts")
    over = QRect(toasts.mapToGlobal(QPoint()), toasts.size())
    assert not over.intersects(QRect(card.mapToGlobal(QPoint()), card.size()))
    assert desk.window.frameGeometry().contains(over)


async def test_the_waiting_page_has_room_in_the_smallest_window(desk):
    desk.intents.open()
    desk.window.resize(desk.window.minimumSize())
    drain()
    title, invite = desk.find("waitingNumberFigures"), desk.find("waitingInvite")
    for part in (title, invite):
        assert part.height() >= part.minimumSizeHint().height(), part.objectName()
        assert part.visibleRegion().boundingRect() == part.rect(), f"{part.objectName()} is cut off"


async def test_the_start_page_is_not_squeezed_in_the_smallest_window(desk):
    be_agent(desk)
    desk.intents.account = msgspec.structs.replace(desk.intents.account, modes=(Mode.MULTI, Mode.SINGLE))
    desk.find("startPage").show_state()
    desk.window.resize(desk.window.minimumSize())
    drain()
    page = desk.find("startPage")
    assert desk.find("startMode").isVisible()
    for words in page.findChildren(QLabel):
        assert words.height() >= words.heightForWidth(words.width()), f"{words.objectName()} is cut off"
    start, mode, area = desk.find("startButton"), desk.find("startMode"), page.findChild(QScrollArea)
    assert start.visibleRegion().boundingRect() == start.rect()
    # What is not in sight is brought there with the focus; and the wheel that scrolls on the way chooses nothing.
    desk.window.setMinimumSize(0, 0)
    desk.window.resize(860, 300)
    drain()
    assert start.visibleRegion().isEmpty()
    page.take_focus()
    drain()
    assert start.visibleRegion().boundingRect() == start.rect()
    at, chosen = area.verticalScrollBar().value(), mode.currentIndex()
    where = QPointF(mode.rect().center())
    up = Qt.MouseButton.NoButton, Qt.KeyboardModifier.NoModifier, Qt.ScrollPhase.NoScrollPhase
    for delta in (120, -120):
        wheel = QWheelEvent(where, mode.mapToGlobal(where), QPoint(), QPoint(0, delta), *up, False)
        QApplication.sendEvent(mode, wheel)
        assert mode.currentIndex() == chosen
        assert not wheel.isAccepted(), "it goes on to the page"
    assert at > 0


@pytest.mark.parametrize("width", [958, 1440])
async def test_no_button_is_narrower_than_its_words_once_the_session_has_ended(desk, width):
    session = controlled(desk)
    desk.window.resize(width, 1000)
    desk.intents.end(session.id)
    drain()
    for name in ("stateStartNew", "stateNotes", "stateCloseTab"):
        made = desk.find(name)
        assert made.width() >= made.sizeHint().width(), name
        assert made.visibleRegion().boundingRect() == made.rect(), f"{name} is cut off"


@pytest.mark.parametrize("width", [860, 1280])
async def test_a_message_hides_nothing_that_one_reads_or_clicks(desk, width):
    be_agent(desk)
    controlled(desk)
    desk.window.resize(width, 800)
    desk.work.tell("The session with Ana Popescu is passed on; it goes on without you.")
    drain()
    toasts = desk.find("toasts")

    def over(name: str) -> bool:
        part = desk.find(name)
        place = QRect(part.mapToGlobal(QPoint()), part.size())
        return QRect(toasts.mapToGlobal(QPoint()), toasts.size()).intersects(place)

    everywhere = ("leftSide", "rightSide", "topBar", "statePageTitle", "statePageText", "stateAsk")
    assert [name for name in everywhere if over(name)] == []
    desk.actions.history.trigger()
    desk.work.tell("Something else.")
    drain()
    assert not over("historySearch")
    desk.window.sheet.close_sheet()
    desk.window.tabs.choose("")
    drain()
    assert [name for name in ("topBar", "inboxPanel", "startButton") if over(name)] == []
    assert QRect(desk.window.mapToGlobal(QPoint()), desk.window.size()).contains(
        QRect(toasts.mapToGlobal(QPoint()), toasts.size())
    )


async def test_a_message_stays_in_sight_when_a_sheet_opens(desk):
    controlled(desk)
    desk.work.tell("The session with Ana Popescu is passed on; it goes on without you.")
    desk.actions.invite.trigger()
    drain()
    toasts, card = desk.find("toasts"), desk.find("sheetCard")
    at = desk.window.childAt(toasts.geometry().center())
    assert toasts.isAncestorOf(at), at
    assert not QRect(card.mapToGlobal(QPoint()), card.size()).contains(
        QRect(toasts.mapToGlobal(QPoint()), toasts.size())
    )
