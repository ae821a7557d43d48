"""The files beside a session: rows that say where each stands, what may be pressed then, and drops anywhere on it."""

from pathlib import Path

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import QMimeData, QPointF, Qt, QUrl
from PySide6.QtGui import QDragEnterEvent, QDropEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton, QWidget

from support_manager.errors import AppCode
from support_manager.files.lines import FileLine, FileState
from support_manager.protocol.activities import ActivityEnd
from tests.harness.session_script import DEVICE
from tests.harness.session_window import WindowUnderTest, drain, until

DIGEST = "0123456789abcdef" * 4


def line(state: FileState, **changes: object) -> FileLine:
    values: dict[str, object] = {
        "id": "f1", "session_id": "s1", "incoming": True, "name": "raport.pdf", "size": 2_000_000, "state": state,
        "other": "Ana Popescu",
    }  # fmt: skip
    return FileLine(**(values | changes))  # type: ignore[arg-type]


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    made.session = made.intents.open().id
    made.intents.join(made.session, device=msgspec.structs.replace(DEVICE, file_key="k" * 87))
    made.panel = made.window._panels[made.session]
    drain()
    yield made
    await made.work.aclose()
    made.close()


def buttons(desk) -> set[str]:
    row = desk.find("fileRow")
    return {one.objectName() for one in row.findChildren(QPushButton) if one.isVisible()}


STATES = [
    (FileState.SEALED, set()),
    (FileState.OFFERED, {"file_accept", "file_decline"}),
    (FileState.RUNNING, {"file_pause", "file_cancel"}),
    (FileState.PAUSED, {"file_resume", "file_cancel"}),
    (FileState.DONE, {"file_folder", "file_hash"}),
    (FileState.DECLINED, set()),
    (FileState.FAILED, set()),
]


@pytest.mark.rule("B-7.5")
async def test_each_state_has_its_words_and_its_buttons(desk):
    said = set()
    for state, wanted in STATES:
        desk.intents.set_files(desk.session, line(state, digest=DIGEST, code=AppCode.FILE_NO_ROOM))
        desk.panel.beside.bring("files")
        drain()
        assert buttons(desk) == wanted, state
        words = desk.find("fileWords", QLabel).text()
        assert words
        assert "{" not in words
        said.add(words)
    assert len(said) == len(STATES)


@pytest.mark.rule("B-7.5")
async def test_a_file_that_ends_with_a_transfer_says_so_and_not_that_the_rep_has_cancelled_it(desk):
    said = set()
    for end in (ActivityEnd.STOPPED, ActivityEnd.CONTROL_TRANSFERRED, ActivityEnd.SESSION_TRANSFERRED):
        desk.intents.set_files(desk.session, line(FileState.STOPPED, by_me=True, end=end))
        desk.panel.beside.bring("files")
        drain()
        words = desk.find("fileWords", QLabel).text()
        assert (desk.translator.t("files", "stopped.mine") in words) is (end is ActivityEnd.STOPPED)
        said.add(words)
    assert len(said) == 3


@pytest.mark.rule("B-7.5")
async def test_an_offer_comes_to_the_front_and_is_answered_by_a_person(desk):
    desk.intents.set_files(desk.session, line(FileState.OFFERED))
    drain()
    assert desk.shown("fileRow")
    assert not [asked for asked in desk.intents.asked if "file" in str(asked[0])]
    QTest.mouseClick(desk.find("file_accept"), Qt.MouseButton.LeftButton)
    await until(lambda: ("accept_file", desk.session, "f1") in desk.intents.asked)


async def test_rate_and_time_left_are_told_while_it_moves(desk):
    desk.intents.set_files(desk.session, line(FileState.RUNNING, done=500_000, rate=100_000.0))
    desk.panel.beside.bring("files")
    drain()
    words = desk.find("fileWords", QLabel).text()
    assert "15" in words
    assert ("2.0 MB" if desk.translator.language == "en" else "2,0 MB") in words, "as its language writes numbers"
    assert "/s" in words


@pytest.mark.rule("B-12.3")
async def test_a_name_is_never_markup_and_turns_no_direction(desk):
    desk.intents.set_files(desk.session, line(FileState.OFFERED, name="<img src=x>\u202egpj.exe"))
    drain()
    name = desk.find("fileName", QLabel)
    assert name.textFormat() == Qt.TextFormat.PlainText
    assert "\u202e" not in name.text()


def drop(widget: QWidget, *paths: Path) -> bool:
    """Drag files over a widget and let go, as a file manager does; whether they were taken."""
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(path)) for path in paths])
    copy, left, none = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPointF(5, 5), copy, data, left, none)
    enter.ignore()
    QApplication.sendEvent(widget, enter)
    if not enter.isAccepted():
        return False
    QApplication.sendEvent(widget, QDropEvent(QPointF(5, 5), copy, data, left, none))
    return True


@pytest.mark.rule("B-7.5")
@pytest.mark.parametrize("target", ["session", "files"])
async def test_files_dropped_on_the_session_are_offered(desk, tmp_path, target):
    paths = (tmp_path / "a.txt", tmp_path / "Dosar")
    widget = desk.panel if target == "session" else desk.panel.beside.files
    assert desk.actions.send_file.isEnabled()
    assert drop(widget, *paths)
    await until(lambda: ("offer_files", desk.session, paths) in desk.intents.asked)


async def test_nothing_is_taken_while_no_file_can_be_sent(desk, tmp_path):
    desk.intents.customer(desk.session, device=DEVICE)
    drain()
    assert not desk.actions.send_file.isEnabled()
    assert not drop(desk.panel, tmp_path / "a.txt")
