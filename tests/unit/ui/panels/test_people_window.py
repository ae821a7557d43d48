"""Several people in a session: banners, the list of participants, what an assistant has and what he has not."""

import time

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton, QWidget

from support_manager.errors import Refused
from support_manager.events import Happening, LeftWhy, Picture, SessionLeft
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    Connection,
    EndReason,
    Handover,
    Mark,
    MarkKind,
    Mode,
    TransferTarget,
    TransferView,
)
from tests.harness.centre_script import ANA, EVE, ION, assisted, controlled, rep
from tests.harness.session_script import REP, line
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.models.transcript import RowKind
from ui.panels.banners import banners_of
from ui.widgets.state_dot import Mark as Dot
from ui.widgets.state_dot import StateDot


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def plain(text: str) -> str:
    return text.replace("\u2068", "").replace("\u2069", "")


def banners(desk: WindowUnderTest) -> list[str]:
    found = [one for one in desk.window.findChildren(QLabel, "bannerWords") if one.isVisible()]
    return [plain(one.text()) for one in sorted(found, key=lambda one: one.mapToGlobal(one.pos()).y())]


def press(desk: WindowUnderTest, name: str) -> None:
    QTest.mouseClick(desk.find(name, QPushButton), Qt.MouseButton.LeftButton)
    drain()


@pytest.mark.rule("B-7.9", "B-8.1")
async def test_an_assistant_reads_whom_he_assists_and_has_no_control(desk):
    session = assisted(desk)
    assert banners(desk) == ["You assist Dan Pop. You see what is shared and can chat."]
    assert not desk.shown("stateAsk")
    assert "When Dan Pop asks" in plain(desk.find("statePageText", QLabel).text())
    for name in ("ask_view", "stop_view", "end_session", "transfer_control", "transfer_session", "lock_session"):
        assert not desk.actions[name].isEnabled(), name
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    assert desk.shown("share_view"), "he sees what is shared"
    assert not desk.actions.stop_view.isEnabled()
    desk.find("chatInput").setPlainText("Hello from me")  # type: ignore[attr-defined]
    QTest.keyClick(desk.find("chatInput"), Qt.Key.Key_Return)
    await until(lambda: ("send_chat", session.id, "Hello from me") in desk.intents.asked)
    press(desk, "banner_leave")
    await until(lambda: ("leave_session", session.id) in desk.intents.asked)
    assert unnamed(desk.window) == []


@pytest.mark.rule("B-10.2")
async def test_who_accepted_still_reads_what_was_written_to_him(desk):
    session = controlled(desk)
    assert not desk.shown("handoverText")
    desk.intents.change(session.id, view={"handover": Handover(by="Dan Pop", message="<b>Red</b> light\nTray 2")})
    drain()
    assert plain(desk.find("handoverTitle", QLabel).text()) == "Dan Pop wrote when passing it on"
    text = desk.find("handoverText", QLabel)
    assert (text.text(), text.textFormat()) == ("<b>Red</b> light\nTray 2", Qt.TextFormat.PlainText)


@pytest.mark.rule("B-7.9")
async def test_an_assistant_asks_for_control_and_takes_it_back(desk):
    session = assisted(desk)
    press(desk, "banner_ask")
    await until(lambda: ("ask_control", session.id, True) in desk.intents.asked)
    people = desk.intents.sessions[session.id].view.participants
    asking = (msgspec.structs.replace(people[0], asks_control=True), *people[1:])
    desk.intents.change(session.id, view={"participants": asking})
    drain()
    assert banners(desk) == ["You have asked Dan Pop for control."]
    assert desk.actions.ask_control.isChecked()
    press(desk, "banner_unask")
    await until(lambda: ("ask_control", session.id, False) in desk.intents.asked)


@pytest.mark.rule("B-7.9", "B-9.2")
async def test_the_controller_gives_or_keeps_what_is_asked_for(desk):
    session = controlled(desk, rep(asks_control=True), rep("Zoe Ene", asks_control=True))
    assert banners(desk) == ["Dan Pop asks for control.", "Zoe Ene asks for control."]
    give, _ = sorted(
        desk.window.findChildren(QPushButton, "banner_give"), key=lambda one: one.mapToGlobal(one.pos()).y()
    )
    QTest.mouseClick(give, Qt.MouseButton.LeftButton)
    await until(lambda: ("transfer_control", session.id, "dan") in desk.intents.asked)
    desk.intents.change(session.id, view={"participants": (REP, ANA, rep(asks_control=True))})
    drain()
    press(desk, "banner_keep")
    await until(lambda: ("refuse_control", session.id, "dan") in desk.intents.asked)


@pytest.mark.rule("B-12.6")
async def test_an_assistant_may_take_over_once_the_controller_is_lost_for_a_minute(desk):
    session = assisted(desk)
    people = desk.intents.sessions[session.id].view.participants
    lost = rep(role=Role.CONTROLLER, connection=Connection.LOST)
    desk.intents.change(session.id, view={"participants": (people[0], lost, ANA)})
    drain()
    assert banners(desk)[0].startswith("Dan Pop, who is in charge, lost the connection. You can take over in")
    assert not desk.find("banner_take").isEnabled()
    entry = desk.window.model.entry(session.id)
    assert entry.lost_at is not None
    (early,) = banners_of(entry, entry.lost_at + limits.CONTROLLER_LOST_S - 1)
    (late,) = banners_of(entry, entry.lost_at + limits.CONTROLLER_LOST_S)
    assert [one.enabled for one in early.buttons] == [False, True]
    assert [one.enabled for one in late.buttons] == [True, True]
    entry.lost_at = time.monotonic() - limits.CONTROLLER_LOST_S
    desk.intents.change(session.id)
    drain()
    press(desk, "banner_take")
    await until(lambda: ("take_control", session.id) in desk.intents.asked)
    back = rep(role=Role.CONTROLLER)
    desk.intents.change(session.id, view={"participants": (people[0], back, ANA)})
    drain()
    assert banners(desk) == ["You assist Dan Pop. You see what is shared and can chat."]


@pytest.mark.rule("B-9.2", "B-9.3")
async def test_the_former_controller_stays_as_an_assistant_and_can_be_given_control_back(desk):
    session = controlled(desk, rep())
    given = (rep("Maria Grigore", id="rep"), rep(role=Role.CONTROLLER), ANA)
    mark = Mark(seq=5, at=5, kind=MarkKind.CONTROL, name="Dan Pop", former="Maria Grigore")
    desk.intents.change(session.id, view={"participants": given, "marks": (mark,)})
    desk.intents.notice(session.id, Happening.CONTROL_GONE, "Dan Pop")
    drain()
    assert banners(desk) == ["You assist Dan Pop. You see what is shared and can chat."]
    assert desk.actions.leave_session.isEnabled()
    assert not desk.actions.end_session.isEnabled()
    assert desk.find("chatInput").isEnabled()
    model = desk.window._panels[session.id].chat.model
    told = [plain(model.words(model.row(at))) for at in range(model.rowCount())]
    assert told.count("Maria Grigore gave control to Dan Pop") == 1
    assert not [words for words in told if "has control now" in words], "said once, by the line across"
    desk.intents.change(session.id, view={"participants": (REP, rep(), ANA)})
    drain()
    assert banners(desk) == []
    assert desk.actions.end_session.isEnabled()
    assert desk.shown("stateAsk")


@pytest.mark.rule("B-2.5")
async def test_who_waits_is_let_in_or_sent_away(desk):
    session = controlled(desk, EVE)
    assert banners(desk) == ["Eve wants to join and sees nothing yet."]
    press(desk, "banner_admit")
    await until(lambda: ("admit", session.id, "eve", True) in desk.intents.asked)
    press(desk, "person_turn_away")
    await until(lambda: ("admit", session.id, "eve", False) in desk.intents.asked)
    more = [msgspec.structs.replace(EVE, id=f"w{at}", name=f"Guest {at}") for at in range(3)]
    desk.intents.change(session.id, view={"participants": (REP, ANA, EVE, *more)})
    drain()
    assert banners(desk)[1] == "3 more wait to be let in; see the list of participants."
    desk.intents.change(session.id, view={"participants": (REP, ANA), "locked": True})
    drain()
    assert banners(desk) == ["The session is locked: nobody else can join."]
    assert desk.actions.lock_session.isChecked()
    press(desk, "banner_unlock")
    await until(lambda: ("lock_session", session.id, False) in desk.intents.asked)


@pytest.mark.rule("B-6.3")
async def test_the_rep_is_told_who_waits_because_of_his_limit(desk):
    controlled(desk, EVE, mode=Mode.MULTI)
    assert banners(desk)[0].startswith("Eve waits: you are helping as many customers as you may.")
    assert not desk.shown("banner_admit"), "the relay lets him in by itself"
    assert desk.shown("banner_turn_away")


@pytest.mark.rule("B-1.2", "B-5.1")
async def test_a_name_is_selected_to_help_that_customer(desk):
    session = controlled(desk, ION)
    press(desk, "person_help")
    await until(lambda: ("select_customer", session.id, "ion") in desk.intents.asked)


@pytest.mark.rule("B-5.3")
async def test_selecting_another_customer_while_something_is_shared_is_asked_first(desk):
    session = controlled(desk, ION)
    desk.intents.picture(session.id, Picture.LIVE)
    drain()
    rows = [one for one in desk.window.findChildren(QWidget, "personRow") if one.isVisible()]
    rows.sort(key=lambda one: one.mapToGlobal(one.rect().topLeft()).y())
    QTest.mouseClick(rows[1], Qt.MouseButton.LeftButton)  # anywhere on the row
    drain()
    assert "ends on all screens" in desk.find("select_dialog_text", QLabel).text()
    press(desk, "select_dialog_cancel")
    assert not [one for one in desk.intents.asked if one[0] == "select_customer"]
    press(desk, "person_help")
    press(desk, "select_dialog_confirm")
    await until(lambda: ("select_customer", session.id, "ion") in desk.intents.asked)


async def test_an_assistant_may_do_nothing_about_people(desk):
    session = assisted(desk)
    people = desk.intents.sessions[session.id].view.participants
    desk.intents.change(session.id, view={"participants": (*people, ION, EVE)})
    drain()
    for name in ("person_help", "person_admit", "person_turn_away", "banner_admit"):
        assert not desk.shown(name), name


async def test_a_refused_lock_takes_its_tick_back(desk):
    controlled(desk)
    desk.intents.error = Refused(ErrorCode.NOT_ALLOWED)
    desk.actions.lock_session.trigger()
    assert desk.actions.lock_session.isChecked()
    await until(lambda: not desk.actions.lock_session.isChecked())


@pytest.mark.rule("B-10.3", "B-12.6")
async def test_an_assistant_sees_that_a_session_is_on_its_way(desk):
    session = assisted(desk)
    me, _, customer = desk.intents.sessions[session.id].view.participants
    to_queue = TransferView(to=TransferTarget.QUEUE, since=1, queue_id="q1", queue_name="Support", former="Dan Pop")
    view = {"participants": (me, customer), "state": SessionState.QUEUED, "transfer": to_queue}
    desk.intents.change(session.id, view=view)
    drain()
    assert "waits in the queue Support" in banners(desk)[0]
    assert plain(desk.find("statePageTitle", QLabel).text()) == "Ana Popescu waits in a queue"
    desk.intents.change(
        session.id, view={"state": SessionState.OFFERED, "transfer": TransferView(to=TransferTarget.AGENTS, since=1)}
    )
    drain()
    assert "passed on to agents" in banners(desk)[0]
    assert plain(desk.find("statePageTitle", QLabel).text()) == "Ana Popescu is being passed on"


@pytest.mark.rule("B-12.1")
@pytest.mark.parametrize("why", LeftWhy)
async def test_a_session_that_goes_on_without_the_rep_says_so_and_its_tab_goes(desk, why):
    session = assisted(desk)
    told = []
    desk.work.notice.connect(lambda notice: told.append(plain(notice.text)))
    last = desk.intents.sessions.pop(session.id)
    desk.intents.emit(SessionLeft(last, why))
    drain()
    assert desk.window.tabs.ids() == []
    (words,) = told
    assert "Ana Popescu" in words
    assert desk.shown("startButton")


@pytest.mark.rule("B-12.1")
async def test_an_assistant_reads_who_ended_it(desk):
    session = assisted(desk)
    desk.intents.end(session.id, EndReason.ENDED_BY_REP)
    drain()
    assert "representative in charge ended it" in desk.find("statePageText", QLabel).text()
    assert banners(desk) == []


@pytest.mark.rule("B-12.1")
@pytest.mark.parametrize(("language", "connected", "roles"), [("en", "connected", 2), ("ro", "conectat", 2)])
async def test_nobody_is_connected_to_a_session_that_is_over(desk, language, connected, roles):
    desk.translator.set_language(language)
    session = controlled(desk)
    said = [one.text() for one in desk.window.findChildren(QLabel, "personRole") if one.isVisible()]
    assert len(said) == roles
    assert all(connected in one for one in said)
    desk.intents.end(session.id, EndReason.ENDED_BY_REP)
    drain()
    said = [one.text() for one in desk.window.findChildren(QLabel, "personRole") if one.isVisible()]
    dots = [one for one in desk.window.findChildren(StateDot, "personDot") if one.isVisible()]
    assert len(said) == len(dots) == roles
    assert not any(connected in one or "·" in one for one in said)
    assert {one.mark for one in dots} == {Dot.GONE}
    read_out = [one.accessibleName() for one in (*dots, *desk.window.findChildren(QWidget, "personRow"))]
    assert not any(connected in one for one in read_out)


@pytest.mark.rule("B-7.4", "B-9.2", "B-10.3", "B-12.1")
@pytest.mark.parametrize("language", ["en", "ro"])
async def test_every_line_across_the_transcript_is_in_words_at_its_place(desk, language):
    desk.translator.set_language(language)
    session = controlled(desk)
    desk.intents.say(session.id, line("before"))
    marks = [
        Mark(seq=10 + at, at=2, kind=kind, name="Zoe", former="Dan", queue="Support")
        for at, kind in enumerate(MarkKind)
    ]
    marks.append(Mark(seq=99, at=2, kind=MarkKind.PASSED_ON, former="Dan"))
    desk.intents.change(session.id, view={"marks": tuple(marks)})
    desk.intents.say(session.id, msgspec.structs.replace(line("after"), seq=100))
    model = desk.window._panels[session.id].chat.model
    rows = [model.row(at) for at in range(model.rowCount())]
    found = [plain(model.words(row)) for row in rows if row.kind is RowKind.MARK]
    assert len(found) == len(MarkKind) + 1 == len(set(found))
    assert all("mark." not in words for words in found)
    assert all(any(name in words for name in ("Zoe", "Dan", "Support")) for words in found)
    texts = [row.text for row in rows if row.kind is RowKind.LINE]
    assert texts == ["before", "after"], "old lines stay"
    assert rows[-1].text == "after"
    desk.window.grab()
    desk.intents.change(session.id)
    assert model.rowCount() == len(rows), "no line is drawn twice"
