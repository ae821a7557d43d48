"""Recording as a rep sees it: the command, the bar that says that it runs, the library, what is told of the end."""

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QComboBox, QLineEdit, QListWidget, QPushButton

from support_manager.events import RecordingEnded, RecordingsTended
from support_manager.media.engine import RecordingTrouble
from support_manager.protocol.activities import ActivityState
from support_manager.recordings import RecordingState
from tests.harness.fake_recordings import recording_of
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.panels.recording_bar import clock_words

DAY_MS = 86_400_000
KEPT = (
    recording_of("Ion \u202eB.", 1_764_300_000_000),
    recording_of("Ana <b>P.</b>", 1_764_300_000_000 - DAY_MS),
    recording_of("Eva", 1_764_300_000_000 - 2 * DAY_MS, state=RecordingState.UNFINISHED, seconds=0.0),
)


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    session = made.intents.open()
    made.intents.join(session.id, "Ana P.")
    drain()
    yield made
    await made.work.aclose()
    made.close()


def says(desk: WindowUnderTest, key: str, **places: object) -> str:
    return desk.translator.t("recordings", key, **places)


def in_words(desk: WindowUnderTest, size: str) -> str:
    """A size as the language of the words around it writes it."""
    return size.replace(".", ",") if desk.translator.language == "ro" else size


@pytest.mark.rule("B-7.8", "B-13.4")
async def test_one_command_asks_takes_back_and_stops(desk):
    (session,) = desk.intents.sessions
    record = desk.actions.record
    assert record.isEnabled()
    assert not record.isChecked()
    record.trigger()
    await until(lambda: ("ask_recording", session) in desk.intents.asked)
    await until(record.isChecked)
    record.trigger()
    await until(lambda: ("stop_recording", session) in desk.intents.asked)
    await until(lambda: not record.isChecked())


async def test_a_refusal_takes_the_tick_back_and_says_why(desk):
    from support_manager.errors import Refused
    from support_manager.protocol.codes import ErrorCode

    desk.intents.error = Refused(ErrorCode.ACTIVITY_BUSY)
    desk.actions.record.trigger()
    await until(lambda: desk.window.toasts.shown())
    assert not desk.actions.record.isChecked()


@pytest.mark.rule("B-7.8")
async def test_the_bar_stands_there_as_long_as_it_runs(desk):
    (session,) = desk.intents.sessions
    assert not desk.shown("recordingBar")
    desk.intents.records(session, ActivityState.ASKED)
    drain()
    assert desk.find("recordingBar").property("kind") == "notice"
    assert "Ana P." in desk.find("recordingBar").accessibleName().replace("\u2068", "").replace("\u2069", "")
    desk.intents.records(session, ActivityState.RUNNING)
    desk.intents.recorded(session, 754.0, 14_200_000)
    drain()
    assert desk.find("recordingBar").property("kind") == "live"
    assert desk.find("recordingBar").accessibleName() == says(desk, "bar.running")
    assert says(desk, "bar.figures", time="12:34", size=in_words(desk, "14.2 MB")) in desk.words()
    QTest.mouseClick(desk.find("recordingStop", QPushButton), Qt.MouseButton.LeftButton)
    await until(lambda: not desk.shown("recordingBar"))
    assert unnamed(desk.window) == []


@pytest.mark.rule("B-7.8")
async def test_an_assistant_reads_who_records_and_has_no_button(desk):
    import msgspec

    from support_manager.protocol.roles import Role

    (session,) = desk.intents.sessions
    view = desk.intents.sessions[session].view
    people = tuple(
        msgspec.structs.replace(one, role=Role.ASSISTANT) if one.id == view.you else one for one in view.participants
    )
    boss = msgspec.structs.replace(people[0], id="boss", name="Dan Pop", role=Role.CONTROLLER)
    desk.intents.change(session, view={"participants": (*people, boss)})
    desk.intents.records(session, ActivityState.RUNNING, asked_by="boss")
    drain()
    assert "Dan Pop" in desk.find("recordingBar").accessibleName()
    assert not desk.shown("recordingStop")
    assert not desk.actions.record.isEnabled()


async def library(desk):
    desk.intents.kept = KEPT
    desk.actions.recordings.trigger()
    await until(lambda: desk.shown("recordingsList"))
    rows = desk.find("recordingsList", QListWidget)
    await until(lambda: rows.count() == len(desk.intents.kept))
    return rows


async def test_the_library_lists_finds_and_says_what_is_the_matter(desk):
    rows = await library(desk)
    assert rows.item(0).text().split("\n")[0] == "Ion B.", "no direction override, no markup"
    assert rows.item(1).text().split("\n")[0] == "Ana <b>P.</b>"
    assert "12:34" in rows.item(0).text()
    assert says(desk, "panel.unfinished") in rows.item(2).text()
    assert desk.find("recordingPlay", QPushButton).isEnabled()
    search = desk.find("recordingsSearch", QLineEdit)
    search.setText("ana 482")
    assert rows.count() == 1
    search.setText("nobody at all")
    assert says(desk, "panel.none") in desk.words()
    assert unnamed(desk.find("recordingsPanel")) == []


async def test_an_empty_library_says_what_to_do(desk):
    desk.actions.recordings.trigger()
    await until(lambda: says(desk, "panel.empty") in desk.words())


async def test_deleting_asks_once_more_and_escape_from_it_keeps(desk):
    rows = await library(desk)
    QTest.mouseClick(desk.find("recordingDelete", QPushButton), Qt.MouseButton.LeftButton)
    assert says(desk, "panel.delete_question") in desk.words()
    QTest.mouseClick(desk.find("recordingDeleteKeep", QPushButton), Qt.MouseButton.LeftButton)
    assert not [one for one in desk.intents.asked if one[0] == "delete_recording"]
    QTest.mouseClick(desk.find("recordingDelete", QPushButton), Qt.MouseButton.LeftButton)
    QTest.mouseClick(desk.find("recordingDeleteSure", QPushButton), Qt.MouseButton.LeftButton)
    await until(lambda: ("delete_recording", KEPT[0].name) in desk.intents.asked)
    await until(lambda: rows.count() == 2)
    rows.setCurrentRow(1)
    assert not desk.find("recordingDelete", QPushButton).isEnabled(), "one that is being written"


async def test_how_long_they_are_kept_is_remembered_and_who_would_lose_some_is_asked(desk):
    await library(desk)
    keep = desk.find("recordingsKeep", QComboBox)
    assert keep.currentData() == 0
    wanted = ("change_settings", {"recordings_days": 30})
    keep.setCurrentIndex(2)
    keep.activated.emit(2)
    question = says(desk, "panel.keep_question", count=2, age=says(desk, "panel.keep_days", count=30))
    assert question in desk.words(), "one that is being written is not among them"
    QTest.mouseClick(desk.find("recordingDeleteKeep", QPushButton), Qt.MouseButton.LeftButton)
    assert question not in desk.words()
    assert keep.currentData() == 0
    assert wanted not in desk.intents.asked
    keep.setCurrentIndex(2)
    keep.activated.emit(2)
    QTest.mouseClick(desk.find("recordingDeleteSure", QPushButton), Qt.MouseButton.LeftButton)
    await until(lambda: wanted in desk.intents.asked)
    await until(lambda: ("tend_recordings",) in desk.intents.asked)
    assert not [one for one in desk.intents.asked if one[0] == "delete_recording"], "not the chosen one"
    assert keep.currentData() == 30


async def test_what_became_of_it_is_told_in_words(desk):
    (session,) = desk.intents.sessions
    desk.intents.emit(RecordingEnded(session, "a.webm", 62.0, 3_400_000))
    desk.intents.emit(RecordingEnded(session, "a.webm", 62.0, 3_400_000, RecordingTrouble.DISK_FULL))
    desk.intents.emit(RecordingEnded(session, "", 2.0, 0, RecordingTrouble.NOT_WRITABLE))
    drain()
    told = [notice.text for notice in desk.window.toasts.shown()]
    assert told[0] == says(desk, "told.saved", time="01:02", size=in_words(desk, "3.4 MB"))
    assert says(desk, "told.disk_full") in told[1]
    assert "01:02" in told[1]
    assert told[2] == says(desk, "told.not_writable", folder="/nowhere/recordings")


async def test_what_was_cut_off_is_finished_for_all_to_see(desk):
    await library(desk)
    desk.intents.emit(RecordingsTended(left=2, progress=0.4))
    drain()
    assert says(desk, "panel.progress", count=2, percent=40) in desk.words()
    desk.intents.emit(RecordingsTended(finished=2, deleted=1))
    drain()
    told = [notice.text for notice in desk.window.toasts.shown()]
    assert says(desk, "told.finished", count=2) in told
    assert says(desk, "told.deleted", count=1) in told


def test_lengths():
    assert [clock_words(each) for each in (0, 59.9, 3_600, -1)] == ["00:00", "00:59", "1:00:00", "00:00"]
