"""The Inbox: who waits and what is offered, oldest first, accepted and declined by mouse and keyboard; presence."""

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QToolButton

from support_manager.errors import Refused
from support_manager.events import Link, OfferArrived, OfferGone
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import InboxKind, InboxView, Presence
from tests.harness.centre_script import QUEUES, be_agent, controlled, item
from tests.harness.session_script import now_ms
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.bridge import Bridge
from ui.models.inbox import LONGEST_OFFER_S, InboxModel
from ui.notifications import Notifications
from ui.panels.inbox import InboxCard
from ui.tray import Tray
from ui.widgets.kit import Kit


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def cards(desk: WindowUnderTest) -> list[InboxCard]:
    found = [one for one in desk.window.findChildren(InboxCard) if one.isVisible()]
    return sorted(found, key=lambda one: one.mapToGlobal(one.rect().topLeft()).y())


def texts(card: InboxCard) -> dict[str, str]:
    return {one.objectName(): plain(one.text()) for one in card.findChildren(QLabel) if one.isVisible()}


WAITING = item("w", "Ana Popescu", age_s=190, problem="The printer blinks.", email="ana@example.com")
OFFERED = item("o", "Ion <b>V.</b>", age_s=20, offered_s=24, kind=InboxKind.TRANSFER, former="Dan", message="Hurry!")


@pytest.mark.rule("B-11.3", "B-10.2")
async def test_entries_stand_oldest_first_with_who_what_since_and_message(desk):
    offered = msgspec.structs.replace(OFFERED, since=now_ms() - 20_000, offered_until=now_ms() + 24_000)
    waiting = msgspec.structs.replace(WAITING, since=now_ms() - 190_000)
    be_agent(desk, offered, waiting)
    first, second = cards(desk)
    assert texts(first)["inboxName"] == "Ana Popescu"
    assert texts(first)["inboxSince"] == "3 min"
    assert texts(first)["inboxFrom"] == "Queue Support"
    assert texts(first)["inboxSaid"] == "The printer blinks."
    assert texts(first)["inboxEmail"] == "ana@example.com"
    assert texts(second)["inboxName"] == "Ion <b>V.</b>", "plain text, whoever wrote it"
    assert texts(second)["inboxFrom"] == "Passed on to you by Dan"
    assert texts(second)["inboxMessage"] == "Hurry!"
    assert texts(second)["inboxLeft"] in {f"{left} s" for left in range(10, 25)}
    assert first.accept.text() == "Take"
    assert not first.decline.isVisible()
    assert (second.accept.text(), second.decline.text()) == ("Accept", "Decline")
    assert desk.find("topInbox", QToolButton).text() == "Inbox (2)"
    assert unnamed(desk.window) == []


@pytest.mark.rule("B-11.3")
@pytest.mark.parametrize(
    ("language", "of_dan", "of_the_customer"),
    [
        ("en", "Dan wrote when passing it on", "Written by the customer on the form"),
        ("ro", "Mesaj la transferare, de la Dan", "Scris de client în formular"),
    ],
)
async def test_it_says_what_the_colleague_wrote_and_what_the_customer(desk, language, of_dan, of_the_customer):
    desk.translator.set_language(language)
    now = {"since": now_ms(), "offered_until": now_ms() + 24_000}
    both = msgspec.structs.replace(OFFERED, **now, problem="It blinks.")
    alone = msgspec.structs.replace(both, session_id="a", message="")
    from_the_form = msgspec.structs.replace(WAITING, since=now_ms())
    be_agent(desk, both, alone, from_the_form)
    shown = {card.item.session_id: card for card in cards(desk)}
    parts = ("inboxMessageTitle", "inboxMessage", "inboxSaidTitle", "inboxSaid")
    said = {name: [texts(card)[part] for part in parts if part in texts(card)] for name, card in shown.items()}
    assert said[both.session_id] == [of_dan, "Hurry!", of_the_customer, "It blinks."]
    assert said["a"] == [of_the_customer, "It blinks."], "or it would read as Dan's words"
    assert said[from_the_form.session_id] == ["The printer blinks."]
    read_out = plain(shown[both.session_id].accessibleName())
    assert f"{of_dan}, Hurry!, {of_the_customer}, It blinks." in read_out
    card = shown[both.session_id]
    heights = [card.findChild(QLabel, part).y() for part in parts]
    assert heights == sorted(heights)


@pytest.mark.rule("B-11.3")
async def test_accept_and_decline_by_mouse(desk):
    be_agent(desk, WAITING, OFFERED)
    first, second = cards(desk)
    desk.intents.coming = desk.intents.open("777666555")
    desk.window.tabs.choose("")
    drain()
    QTest.mouseClick(second.decline, Qt.MouseButton.LeftButton)
    await until(lambda: ("decline_offer", "o") in desk.intents.asked)
    QTest.mouseClick(first.accept, Qt.MouseButton.LeftButton)
    await until(lambda: ("accept_offer", "w") in desk.intents.asked)


@pytest.mark.rule("B-11.3")
async def test_accept_and_decline_by_keyboard(desk):
    third = item("t", "Zoe", age_s=5, offered_s=20)
    be_agent(desk, WAITING, OFFERED, third)
    desk.actions.inbox.trigger()
    first, second, last = cards(desk)
    assert QApplication.focusWidget() is second, "the oldest that is offered"
    QTest.keyClick(second, Qt.Key.Key_Down)
    assert QApplication.focusWidget() is last
    QTest.keyClick(last, Qt.Key.Key_Delete)
    await until(lambda: ("decline_offer", "t") in desk.intents.asked)
    QTest.keyClick(last, Qt.Key.Key_Up)
    QTest.keyClick(second, Qt.Key.Key_Up)
    assert QApplication.focusWidget() is first
    QTest.keyClick(first, Qt.Key.Key_Delete)
    desk.intents.coming = desk.intents.open("777666555")
    QTest.keyClick(first, Qt.Key.Key_Return)
    await until(lambda: ("accept_offer", "w") in desk.intents.asked)
    assert ("decline_offer", "w") not in desk.intents.asked, "nobody asked him yet"


@pytest.mark.rule("B-10.4")
async def test_an_offer_that_is_gone_disappears_the_focus_goes_on_and_it_is_said(desk):
    told = []
    desk.work.notice.connect(lambda notice: told.append(plain(notice.text)))
    be_agent(desk, WAITING, OFFERED)
    desk.actions.inbox.trigger()
    desk.intents.error = Refused(ErrorCode.OFFER_GONE)
    QTest.keyClick(cards(desk)[1], Qt.Key.Key_Return)
    await until(lambda: told)
    assert "Somebody else has taken this customer" in told[0]
    be_agent(desk, WAITING)
    (left,) = cards(desk)
    assert left.item.session_id == "w"
    assert QApplication.focusWidget() is left


async def test_a_card_that_stays_keeps_its_place_and_its_focus(desk):
    be_agent(desk, WAITING, OFFERED)
    desk.actions.inbox.trigger()
    before = QApplication.focusWidget()
    be_agent(desk, item("n", "New", age_s=1), WAITING, OFFERED)
    assert QApplication.focusWidget() is before
    assert [card.item.session_id for card in cards(desk)] == ["w", "o", "n"]


async def test_no_button_moves_when_an_offer_lapses_and_comes_again(desk):
    offers = [item(name, name, age_s=age, offered_s=24) for name, age in (("a", 30), ("b", 20))]
    lapsed = [msgspec.structs.replace(one, offered=False, offered_until=None) for one in offers]

    def places() -> list[int]:
        drain()
        return [card.accept.mapTo(desk.window, card.accept.rect().topLeft()).y() for card in cards(desk)]

    be_agent(desk, *offers)
    before = places()
    be_agent(desk, lapsed[0], offers[1])
    assert places() == before
    be_agent(desk, *lapsed)
    assert places() == before


def seen(desk: WindowUnderTest, card: InboxCard) -> bool:
    """Whether all of the button that accepts is in view."""
    return card.accept.visibleRegion().boundingRect() == card.accept.rect()


@pytest.mark.rule("B-11.3")
async def test_what_is_offered_comes_into_view_with_its_answers(desk):
    waiting = [item(f"w{at}", f"Customer {at}", age_s=900 - at, problem="It blinks. " * 12) for at in range(4)]
    be_agent(desk, *waiting)
    desk.intents.open()
    drain()
    desk.actions.inbox.trigger()
    be_agent(desk, *waiting, OFFERED)
    drain()
    first, *_, offered = cards(desk)
    assert first.hasFocus()
    assert seen(desk, first), "nothing moves from under the keyboard"
    assert not seen(desk, offered), "the Inbox above a session has room for one or two"
    first.clearFocus()
    be_agent(desk, *waiting[1:], OFFERED)
    await until(lambda: seen(desk, offered))


@pytest.mark.parametrize("presence", Presence)
async def test_an_empty_inbox_says_why_nobody_is_there(desk, presence):
    be_agent(desk, presence=presence)
    words = desk.find("inboxEmpty", QLabel).text()
    assert words.startswith("Nobody is waiting") or presence is Presence.OFFLINE
    assert ("not asked" in words) == (presence in {Presence.AWAY, Presence.BUSY})


async def test_who_is_no_agent_has_no_inbox_and_no_presence(desk):
    controlled(desk)
    for name in ("inboxPanel", "topInbox", "topPresence"):
        assert not desk.shown(name), name
    for name in ("inbox", "transfer_session", "presence_online", "presence_away", "presence_busy"):
        assert not desk.actions[name].isVisible(), name
        assert not desk.actions[name].isEnabled(), name


async def test_the_inbox_stands_where_the_agent_looks(desk):
    be_agent(desk, WAITING)
    assert desk.shown("inboxPanel")
    first = controlled(desk)
    assert desk.window.seat.inbox.isVisible()
    panel = desk.window._panels[first.id]
    assert panel.left.isAncestorOf(desk.window.seat.inbox)
    panel.left.set_folded(True)
    assert not desk.shown("inboxPanel")
    desk.actions.inbox.trigger()
    drain()
    assert desk.shown("inboxPanel")
    desk.intents.end(first.id)
    desk.window._close_tab(first.id)
    drain()
    assert desk.shown("inboxPanel"), "it does not go with the tab that held it"
    assert len(cards(desk)) == 1


@pytest.mark.rule("B-11.3", "B-13.1")
async def test_presence_is_shown_as_others_see_it_and_chosen_in_one_place(desk):
    be_agent(desk)
    button = desk.find("topPresence")
    assert button.text() == "Online ▾"  # type: ignore[attr-defined]
    assert desk.actions.presence_online.isChecked()
    desk.actions.presence_busy.trigger()
    await until(lambda: ("set_presence", Presence.BUSY) in desk.intents.asked)
    desk.intents.set_inbox(InboxView(presence=Presence.AWAY, chosen=Presence.ONLINE, queues=QUEUES))
    drain()
    assert button.text() == "Away ▾", "by itself after ten idle minutes"  # type: ignore[attr-defined]
    assert desk.actions.presence_online.isChecked(), "what he chose holds on"
    desk.intents.set_link(Link.RECONNECTING)
    drain()
    assert not desk.shown("topPresence")
    assert desk.shown("topLink"), "without a connection the presence would be a guess"


async def test_a_choice_that_is_refused_takes_its_tick_back(desk):
    be_agent(desk)
    desk.intents.error = Refused(ErrorCode.RELAY_BUSY)
    desk.actions.presence_away.trigger()
    assert desk.actions.presence_away.isChecked()
    await until(lambda: desk.actions.presence_online.isChecked())


def test_times_hold_with_clocks_that_disagree(qapp):
    now = [1_000_000.0]
    model = InboxModel(Bridge(lambda _: lambda: None), None, wall_ms=lambda: now[0])
    made = item("s", "Ana")
    ahead = msgspec.structs.replace(made, since=2_000_000, offered=True, offered_until=1_030_000)
    assert model.waited_s(ahead) == 0
    assert model.left_s(ahead) == 30
    now[0] = 1_031_000
    assert model.left_s(ahead) == 0
    now[0] = 1_030_000 - (LONGEST_OFFER_S + 1) * 1000
    assert model.left_s(ahead) is None
    assert model.left_s(made) is None


@pytest.mark.rule("B-13.1")
async def test_an_offer_is_notified_and_a_click_opens_the_inbox(desk):
    be_agent(desk, OFFERED)
    kit = Kit(desk.intents, desk.translator, desk.theme, desk.work)
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(kit, desk.actions, bridge)
    told: list[tuple[str, str]] = []
    tray.show_message = lambda title, text: bool(told.append((plain(title), plain(text)))) or True  # type: ignore[method-assign]
    sight = [True]
    window = desk.window
    notifications = Notifications(kit, bridge, tray, window, lambda _: True, lambda: sight[0])
    opened = []
    notifications.inbox_chosen.connect(lambda: opened.append(True))
    desk.intents.emit(OfferArrived(OFFERED))
    assert told == [], "he sees it"
    sight[0] = False
    desk.intents.emit(OfferArrived(OFFERED))
    assert told == [("Ion <b>V.</b> waits for you", "Passed on by Dan\nHurry!")]
    passed = msgspec.structs.replace(OFFERED, kind=InboxKind.WAITING, queue_name="Support")
    desk.intents.emit(OfferArrived(passed))
    assert told[1:] == [("Ion <b>V.</b> waits for you", "Passed on by Dan to Support\nHurry!")]
    tray.message_clicked.emit()
    assert opened == [True]
    notices: list[str] = []
    desk.work.notice.connect(lambda notice: notices.append(plain(notice.text)))
    desk.intents.emit(OfferGone("o", "Ion", taken=False))
    assert notices == []
    desk.intents.emit(OfferGone("o", "Ion", taken=True))
    assert notices[0].startswith("Ion is not in your Inbox any more")
    tray.close()
    bridge.close()


@pytest.mark.rule("B-13.1")
async def test_what_the_window_says_of_an_offer_goes_with_the_offer(desk):
    be_agent(desk, OFFERED)
    kit = Kit(desk.intents, desk.translator, desk.theme, desk.work)
    bridge = Bridge(desk.intents.subscribe)
    tray = Tray(kit, desk.actions, bridge)
    tray.show_message = lambda title, text: False  # type: ignore[method-assign]
    keep = Notifications(kit, bridge, tray, desk.window, lambda _: True)
    desk.intents.emit(OfferArrived(OFFERED))
    (shown,) = desk.window.toasts.shown()
    assert plain(shown.text).startswith("Ion <b>V.</b> waits for you")
    other = msgspec.structs.replace(OFFERED, session_id="other")
    desk.intents.emit(OfferArrived(other))
    desk.intents.emit(OfferGone("o", "Ion", taken=False))
    assert len(desk.window.toasts.shown()) == 1, "the same words, but he still waits"
    desk.intents.emit(OfferGone("other", "Ion", taken=False))
    assert desk.window.toasts.shown() == []
    keep.deleteLater()
    tray.close()
    bridge.close()


async def test_signing_out_empties_it(desk):
    be_agent(desk, WAITING)
    desk.intents.account = None
    desk.intents.set_inbox(None)
    desk.window._refresh()
    drain()
    assert not desk.shown("inboxPanel")
    assert desk.window.inbox_model.items == ()
