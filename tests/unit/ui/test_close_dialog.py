"""Closing with a session open: keep it, hand it over, end it, or stay; never ended by accident (B-12.2, B-12.3)."""

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QPushButton

from tests.harness.centre_script import assisted, be_agent, controlled, rep
from tests.harness.session_window import WindowUnderTest, drain
from ui.dialogs.close import CloseDialog, Closing


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def asked_on_closing(desk: WindowUnderTest, count: int = 1) -> tuple[CloseDialog, list[str]]:
    kit = desk.window._kit
    dialog = CloseDialog(kit, count, closing=Closing.WINDOW, tray=True, actions=desk.actions, parent=desk.window)
    dialog.start()
    drain()
    names = [one.objectName().removeprefix("close_dialog_") for one in dialog.findChildren(QPushButton)]
    assert all(one.text() for one in dialog.findChildren(QPushButton))
    return dialog, names


@pytest.mark.rule("B-12.2", "B-12.3")
async def test_a_controller_with_assistants_who_is_an_agent_has_every_way(desk):
    be_agent(desk)
    controlled(desk, rep())
    dialog, names = asked_on_closing(desk)
    assert names == ["keep", "control", "session", "end", "stay"]
    QTest.mouseClick(dialog.findChild(QPushButton, "close_dialog_session"), Qt.MouseButton.LeftButton)
    drain()
    assert desk.shown("transfer_dialog")
    assert desk.window.isVisible(), "it stays until somebody has the customer"


@pytest.mark.rule("B-12.2", "B-10.5")
async def test_only_what_this_rep_can_do_is_offered(desk):
    controlled(desk, rep())
    assert asked_on_closing(desk)[1] == ["keep", "control", "end", "stay"]
    desk.intents.sessions.clear()
    assisted(desk)
    desk.window._update_commands()
    desk.window.tabs.choose(desk.window.tabs.ids()[-1])
    assert asked_on_closing(desk)[1] == ["keep", "end", "stay"]


async def test_with_several_sessions_none_is_singled_out(desk):
    be_agent(desk)
    controlled(desk, rep())
    assert asked_on_closing(desk, 2)[1] == ["keep", "end", "stay"]


@pytest.mark.rule("B-12.3")
@pytest.mark.parametrize("closing", Closing)
async def test_of_one_session_it_speaks_as_of_one(desk, closing):
    titles, notes = [], []
    for count in (1, 2):
        dialog = CloseDialog(desk.window._kit, count, closing=closing, tray=True, parent=desk.window)
        dialog.start()
        titles.append(dialog.windowTitle())
        notes.append(dialog.findChild(QLabel, "close_dialog_end_note").text())
        assert dialog.findChild(QPushButton, "close_dialog_end").accessibleDescription() == notes[-1]
        dialog.reject()
    assert (
        titles
        == {
            "en": ["A session is still open", "Sessions are still open"],
            "ro": ["Există o sesiune deschisă", "Există sesiuni deschise"],
        }[desk.translator.language]
    )
    if desk.translator.language == "en":
        assert notes == [f"Everybody in {what} is told, and nobody can come back." for what in ("it", "them")]
    else:  # says it of neither
        assert notes == ["Toți participanții sunt anunțați și nimeni nu mai poate reveni."] * 2
