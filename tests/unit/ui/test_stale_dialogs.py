"""Dialogs, tray and notifications when the world moves on under them: nothing old is left, nothing wrong is done."""

import asyncio

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QPushButton

from support_manager.events import Attention, Happening, OfferArrived, SignedOut
from support_manager.protocol.requests import Targets
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Connection
from tests.harness.centre_script import ANA, TARGETS, be_agent, controlled, item, rep
from tests.harness.session_script import REP, line, person
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.bridge import Bridge
from ui.notifications import Notifications
from ui.tray import Tray
from ui.widgets.kit import Kit


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def press(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name, QPushButton), Qt.MouseButton.LeftButton)
    drain()


def asked(desk: WindowUnderTest, name: str) -> list[tuple[object, ...]]:
    return [one[1:] for one in desk.intents.asked if one[0] == name]


def kit_of(desk: WindowUnderTest) -> Kit:
    return Kit(desk.intents, desk.translator, desk.theme, desk.work)  # type: ignore[arg-type]


# --- dialogs


class Slow:
    """An intent whose answer comes when the test says so."""

    def __init__(self, answer: object) -> None:
        self.asked = asyncio.Event()
        self.go = asyncio.Event()
        self._answer = answer

    async def __call__(self, *_: object, **__: object) -> object:
        self.asked.set()
        await self.go.wait()
        return self._answer


@pytest.mark.rule("B-10.1")
async def test_an_answer_to_a_dialog_that_was_closed_meanwhile_breaks_nothing(desk, monkeypatch):
    failures: list[object] = []
    desk.work._owner._on_failure = lambda name, error: failures.append(error)
    be_agent(desk)
    controlled(desk)
    targets, coming = Slow(TARGETS), Slow(desk.intents.open("555666777", recovered=True))
    monkeypatch.setattr(desk.intents, "transfer_targets", targets)
    monkeypatch.setattr(desk.intents, "assist", coming)
    desk.actions.transfer_session.trigger()
    await asyncio.wait_for(targets.asked.wait(), 5)
    press(desk, "transfer_dialog_cancel")
    desk.commands.assist("123456789")
    press(desk, "assist_dialog_join")
    await asyncio.wait_for(coming.asked.wait(), 5)
    press(desk, "assist_dialog_cancel")
    await until(lambda: not desk.shown("transfer_dialog") and not desk.shown("assist_dialog"))
    for one in (targets, coming):
        one.go.set()
    await until(lambda: not desk.work._running)
    assert failures == []


@pytest.mark.rule("B-7.9", "B-10.1")
@pytest.mark.parametrize("how", ["moved", "ended"])
async def test_transfer_session_closes_when_there_is_nothing_left_to_transfer(desk, how):
    be_agent(desk)
    session = controlled(desk, rep())
    desk.intents.targets = Targets(queues=TARGETS.queues)
    desk.actions.transfer_session.trigger()
    await until(lambda: desk.shown("transfer_dialog_message"))
    if how == "ended":
        desk.intents.end(session.id)
    else:
        mine = msgspec.structs.replace(REP, role=Role.ASSISTANT)
        desk.intents.change(session.id, view={"participants": (mine, ANA, rep(role=Role.CONTROLLER))})
    await until(lambda: not desk.shown("transfer_dialog"))


@pytest.mark.rule("B-12.1", "B-12.2")
async def test_end_in_the_question_before_leaving_never_ends_another_session(desk):
    first = controlled(desk, rep())
    desk.actions.leave_session.trigger()
    drain()
    assert desk.shown("leave_dialog_end")
    second = desk.intents.open("555666777")  # accepted a moment ago: it comes to the front
    drain()
    assert desk.window.current_session == second.id
    if desk.shown("leave_dialog_end"):
        press(desk, "leave_dialog_end")
        await until(lambda: not desk.work._running)
    assert asked(desk, "end_session") == []
    assert not desk.shown("leave_dialog")
    assert first.id in desk.intents.sessions


@pytest.mark.rule("B-12.1", "B-12.5")
@pytest.mark.parametrize(
    ("people", "name"),
    [
        ((msgspec.structs.replace(ANA, connection=Connection.LOST),), "Ana Popescu"),
        ((person("Ion", id="ion", role=Role.SECONDARY),), "Ion"),
        ((person("Eve", id="eve", role=Role.WAITING),), "Eve"),
        ((rep(),), "Dan Pop"),
    ],
)
async def test_nobody_is_cut_off_without_a_question(desk, people, name):
    session = controlled(desk)
    desk.intents.change(session.id, view={"participants": (REP, *people)})
    drain()
    desk.actions.end_session.trigger()
    drain()
    assert name in desk.find("end_dialog_text").text()  # type: ignore[attr-defined]
    assert asked(desk, "end_session") == []
    press(desk, "end_dialog_confirm")
    await until(lambda: asked(desk, "end_session") == [(session.id,)])


async def test_a_session_with_nobody_in_it_ends_at_once(desk):
    session = controlled(desk)
    desk.intents.change(
        session.id, view={"participants": (REP, msgspec.structs.replace(ANA, connection=Connection.CLOSED_PAGE))}
    )
    drain()
    desk.actions.end_session.trigger()
    await until(lambda: asked(desk, "end_session") == [(session.id,)])


# --- tray and notifications


@pytest.mark.rule("B-13.1")
async def test_the_tray_names_nobody_after_signing_out(desk):
    tray = Tray(kit_of(desk), desk.actions, Bridge(desk.intents.subscribe, desk.window), desk.window)
    session = controlled(desk)
    desk.intents.notice(session.id, Happening.LOST)
    assert any("Ana" in one.text() for one in tray.menu.actions())
    desk.intents.sessions.clear()
    desk.intents.emit(SignedOut())
    drain()
    assert not any("Ana" in one.text() for one in tray.menu.actions())
    assert "1" not in tray._icon.toolTip()
    tray.close()


class Told:
    """Notifications with a clock of the test's."""

    def __init__(self, desk: WindowUnderTest) -> None:
        self.now = 100.0
        self.titles: list[str] = []
        bridge = Bridge(desk.intents.subscribe, desk.window)
        self.tray = Tray(kit_of(desk), desk.actions, bridge, desk.window)
        self.tray.show_message = self._show  # type: ignore[method-assign]
        self.notifications = Notifications(
            kit_of(desk), bridge, self.tray, desk.window, lambda _: False, parent=desk.window, clock=lambda: self.now
        )

    def _show(self, title: str, _text: str) -> bool:
        self.titles.append(title.replace("\u2068", "").replace("\u2069", ""))
        return True


@pytest.mark.rule("B-13.1")
async def test_nobody_buries_the_rep_in_notifications(desk):
    told = Told(desk)
    noisy, quiet = desk.intents.open(), desk.intents.open("555666777")
    for at in range(200):
        what = (Happening.ASKS_CONTROL, Happening.WAITING, Happening.LOST, Happening.BACK)[at % 4]
        desk.intents.notice(noisy.id, what, "Mallory")
        desk.intents.emit(Attention(noisy.id, Happening.CHAT, "Mallory", line(f"line {at}")))
    for at in range(200):
        desk.intents.emit(OfferArrived(item(f"o{at}", f"Customer {at}", offered_s=20)))
    assert len(told.titles) == 6
    desk.intents.notice(quiet.id, Happening.JOINED, "Ana")
    assert told.titles[6:] == ["Ana joined"], "the flood of one hides no other"
    told.now += 11
    desk.intents.notice(noisy.id, Happening.JOINED, "Ion")
    assert told.titles[7:] == ["Ion joined"]
    told.tray.close()
