"""What stands beside the screen: a chat that is not in sight is not read, and says how much is waiting in it."""

import pytest
import pytest_asyncio
from PySide6.QtWidgets import QPushButton, QWidget

from tests.harness.session_script import line
from tests.harness.session_window import WindowUnderTest, drain


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    made.session = made.intents.open().id
    made.intents.join(made.session)
    made.panel = made.window._panels[made.session]
    drain()
    yield made
    await made.work.aclose()
    made.close()


def hide_chat(desk, how: str) -> None:
    if how == "files":
        desk.panel.beside.bring("files")
    else:
        desk.panel.right.set_folded(True)


def show_chat(desk, how: str) -> None:
    if how == "files":
        desk.panel.beside.bring("chat")
    else:
        desk.panel.right.set_folded(False)


@pytest.mark.rule("B-6.2")
@pytest.mark.parametrize("how", ["files", "folded"])
async def test_lines_behind_the_files_or_on_a_folded_side_are_unread_until_the_chat_is_seen(desk, how):
    entry = desk.window.model.entry(desk.session)
    desk.intents.say(desk.session, line("seen"))
    drain()
    assert entry.unread == 0
    hide_chat(desk, how)
    desk.intents.say(desk.session, line("help me"), line("please"))
    drain()
    assert (entry.unread, entry.attention) == (2, None)
    assert desk.window.windowTitle().startswith("(2)")
    if how == "files":
        shown = desk.find("besideChat", QPushButton)
        assert (shown.text(), shown.accessibleName()) == ("Chat (2)", "Chat, 2 new messages")
    else:
        assert desk.find("rightSideUnfold").accessibleName().endswith("(2 new messages)")
    show_chat(desk, how)
    drain()
    assert entry.unread == 0
    assert "new" not in desk.window.findChild(QWidget, "rightSideUnfold").accessibleName()
    assert desk.find("besideChat", QPushButton).text() == "Chat"
    desk.intents.say(desk.session, line("seen again"))
    drain()
    assert entry.unread == 0


@pytest.mark.rule("B-6.2")
async def test_a_side_that_is_folded_over_unread_lines_says_so_in_the_language_of_now(desk):
    hide_chat(desk, "files")
    desk.intents.say(desk.session, line("help me"), line("please"))
    drain()
    hide_chat(desk, "folded")
    assert desk.find("rightSideUnfold").accessibleName().endswith("(2 new messages)")
    desk.translator.set_language("ro")
    drain()
    assert desk.find("rightSideUnfold").accessibleName().endswith("(2 mesaje noi)")
