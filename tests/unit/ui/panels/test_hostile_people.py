"""What many people, hostile ones among them, can do to a rep's window: nothing that he did not mean."""

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from support_manager.events import Happening
from support_manager.protocol import limits
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection, InboxKind
from tests.harness.centre_script import ANA, be_agent, controlled, item
from tests.harness.session_script import REP, line, person
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.models.transcript import RowKind
from ui.panels.inbox import MOST_CARDS, InboxCard, InboxPanel
from ui.widgets.transcript_view import TranscriptView


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def turn_away(desk: WindowUnderTest, name: str) -> QPushButton:
    """The button in the list of participants that turns that person away."""
    found = desk.window.findChildren(QPushButton, "person_turn_away")
    return next(one for one in found if one.isVisible() and name in one.accessibleName())


def asked(desk: WindowUnderTest, name: str) -> list[tuple[object, ...]]:
    return [one[1:] for one in desk.intents.asked if one[0] == name]


EVE = person("Eve", id="eve", role=Role.WAITING)
ION = person("Ion", id="ion", role=Role.WAITING)


@pytest.mark.rule("B-2.5")
async def test_a_key_pressed_while_the_list_changes_is_about_the_same_person(desk):
    session = controlled(desk, EVE, ION)
    turn_away(desk, "Ion").setFocus()
    drain()
    away = msgspec.structs.replace(EVE, connection=Connection.LOST)
    late = msgspec.structs.replace(ION, connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (REP, ANA, away, late)})
    drain()
    focused = QApplication.focusWidget()
    assert isinstance(focused, QPushButton)
    QTest.keyClick(focused, Qt.Key.Key_Space)
    await until(lambda: asked(desk, "admit"))
    assert asked(desk, "admit") == [(session.id, "ion", False)]


@pytest.mark.rule("B-2.5")
async def test_a_key_pressed_when_that_person_is_gone_is_about_nobody(desk):
    session = controlled(desk, EVE, ION)
    turn_away(desk, "Ion").setFocus()
    drain()
    desk.intents.change(session.id, view={"participants": (REP, ANA, EVE)})
    drain()
    focused = QApplication.focusWidget()
    assert focused is not None
    for key in (Qt.Key.Key_Space, Qt.Key.Key_Return):
        QTest.keyClick(focused, key)
    drain()
    assert asked(desk, "admit") == []
    assert asked(desk, "select_customer") == []


@pytest.mark.rule("B-2.5")
async def test_a_list_that_changes_while_the_rep_is_elsewhere_keeps_his_keyboard_with_the_same_person(desk):
    session = controlled(desk, EVE, ION)
    turn_away(desk, "Ion").setFocus()
    elsewhere = QWidget()
    elsewhere.show()
    elsewhere.activateWindow()
    await until(elsewhere.isActiveWindow)
    late = msgspec.structs.replace(ION, connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (REP, ANA, EVE, late)})
    drain()
    elsewhere.close()
    desk.window.activateWindow()
    await until(desk.window.isActiveWindow)
    assert QApplication.focusWidget() is turn_away(desk, "Ion")


# --- the Inbox


def cards(desk: WindowUnderTest) -> list[InboxCard]:
    return [one for one in desk.window.findChildren(InboxCard) if one.isVisible()]


@pytest.mark.rule("B-11.3")
@pytest.mark.parametrize("text", ["\n".join("x" * 500), "\u202e" + "ab \n\n\n" * 166, "W" * 1_000, "̴̵" * 500])
async def test_no_customer_writes_the_others_out_of_sight(desk, text):
    be_agent(desk, item("w", "Mallory", age_s=300, problem=text), item("a", "Ana", age_s=100))
    first, second = sorted(cards(desk), key=lambda one: one.y())
    assert first.height() < 450
    assert second.y() < 500
    said = first.findChild(QLabel, "inboxSaid")
    assert isinstance(said, QLabel)
    assert "\u202e" not in said.text()
    assert said.text() == text or said.text().endswith("…")


@pytest.mark.rule("B-11.3")
async def test_a_full_inbox_is_built_in_small_steps_and_only_what_changed_is_touched(desk, monkeypatch):
    taken: list[str] = []
    steps: list[int] = []
    take, show = InboxCard.take, InboxPanel.show_items
    monkeypatch.setattr(InboxCard, "take", lambda self, one: (taken.append(one.session_id), take(self, one))[1])

    def counted(panel: InboxPanel) -> None:
        before = len(taken)
        show(panel)
        steps.append(len(taken) - before)

    monkeypatch.setattr(InboxPanel, "show_items", counted)
    items = [item(f"s{at}", f"Customer {at}", age_s=1_000 - at) for at in range(limits.INBOX_ITEMS - 1)]
    passed = item("own", "Ion", age_s=0, offered_s=25, kind=InboxKind.TRANSFER, former="Dan")
    items.append(passed)
    be_agent(desk, *items)
    await until(lambda: len(cards(desk)) == MOST_CARDS)
    shown = [one.item.session_id for one in sorted(cards(desk), key=lambda one: one.y())]
    assert shown == [*(one.session_id for one in items[: MOST_CARDS - 1]), "own"], (
        "the oldest, and what is his to answer"
    )
    assert str(limits.INBOX_ITEMS) in desk.find("inboxTitle", QLabel).text()  # type: ignore[attr-defined]
    assert max(steps) <= 20
    taken.clear()
    changed = msgspec.structs.replace(items[7], offered=True)
    be_agent(desk, *items[:7], changed, *items[8:])
    assert set(taken) == {"s7"}


# --- the transcript


@pytest.mark.rule("B-7.4", "B-7.9")
async def test_asking_for_control_again_and_again_pushes_nothing_out_of_sight(desk):
    session = controlled(desk)
    desk.intents.say(session.id, line("It stays red"))
    for at in range(50):
        desk.intents.notice(session.id, Happening.ASKS_CONTROL, "Mallory")
        desk.intents.notice(session.id, (Happening.LOST, Happening.BACK)[at % 2], "Ana Popescu")
    drain()
    model = desk.window.findChild(TranscriptView).model()
    rows = [model.row(at) for at in range(model.rowCount())]
    notes = [(row.what, row.name) for row in rows if row.kind is RowKind.NOTE and row.what is not Happening.JOINED]
    assert len(notes) <= 4
    assert notes[-1][0] is Happening.BACK, "the newest is what holds"
