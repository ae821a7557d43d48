"""The representatives' own chat: beside the customer's, impossible to mistake for it, never sent to everybody."""

import msgspec
import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QPushButton

from support_manager.events import PendingLine
from support_manager.protocol.roles import Role
from support_manager.protocol.views import Audience, ChatLine
from tests.harness.centre_script import ANA, controlled, rep
from tests.harness.session_script import REP, line
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.models.transcript import RowKind, TranscriptModel, TranscriptRow


class Heard:
    """What was sent, with whom it is for; the script's own notes leave that out."""

    def __init__(self, desk: WindowUnderTest) -> None:
        self.lines: list[tuple[str, Audience]] = []
        real = desk.intents.send_chat

        async def send_chat(session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
            self.lines.append((text, audience))
            await real(session_id, text, audience)

        desk.intents.send_chat = send_chat  # type: ignore[method-assign]


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def private(text: str, sender: str = "dan", name: str = "Dan Pop") -> ChatLine:
    return msgspec.structs.replace(
        line(text, sender=sender, name=name), audience=Audience.REPS, sender_role=Role.ASSISTANT
    )


def lines(model: TranscriptModel) -> list[TranscriptRow]:
    rows = [model.row(at) for at in range(model.rowCount())]
    return [row for row in rows if row.kind is RowKind.LINE]


def texts(model: TranscriptModel) -> list[str]:
    return [row.text for row in lines(model)]


@pytest.mark.rule("B-7.4")
async def test_each_line_stands_in_its_own_chat_only(desk):
    session = controlled(desk, rep())
    desk.intents.say(session.id, line("for all"), private("for us"))
    chats = desk.window._panels[session.id].chats
    assert texts(chats.public.model) == ["for all"]
    assert texts(chats.private.model) == ["for us"]
    pending = (PendingLine("p1", "public"), PendingLine("p2", "secret", audience=Audience.REPS))
    desk.intents.change(session.id, pending=pending)
    assert texts(chats.public.model) == ["for all", "public"]
    assert texts(chats.private.model) == ["for us", "secret"]


@pytest.mark.rule("B-7.4")
async def test_what_is_written_for_colleagues_goes_to_them_only_and_nothing_begun_changes_sides(desk):
    heard = Heard(desk)
    controlled(desk, rep())
    public = desk.find("chatInput")
    public.setPlainText("draft for the customer")  # type: ignore[attr-defined]
    desk.actions.focus_private.trigger()
    drain()
    assert desk.find("privateBandWords", QLabel).text() == "Only representatives read this"
    own = desk.find("privateInput")
    assert QApplication.focusWidget() is own
    assert own.toPlainText() == ""  # type: ignore[attr-defined]
    QTest.keyClicks(own, "not for the customer")
    QTest.keyClick(own, Qt.Key.Key_Return)
    await until(lambda: heard.lines)
    assert heard.lines == [("not for the customer", Audience.REPS)]
    desk.actions.focus_chat.trigger()
    drain()
    assert not desk.shown("privateBand")
    assert public.toPlainText() == "draft for the customer"  # type: ignore[attr-defined]
    QTest.keyClick(public, Qt.Key.Key_Return)
    await until(lambda: len(heard.lines) == 2)
    assert heard.lines[1] == ("draft for the customer", Audience.ALL)


@pytest.mark.rule("B-7.4")
async def test_the_private_chat_looks_unlike_the_other(desk):
    session = controlled(desk, rep())
    desk.intents.say(session.id, line("same words", sender="rep", name="Maria Grigore"))
    desk.intents.say(session.id, private("same words", "rep", "Maria Grigore"))
    chats = desk.window._panels[session.id].chats
    drain()

    def colours() -> set[str]:
        image = desk.find("chats").grab().toImage()
        return {image.pixelColor(x, y).name() for x in range(0, image.width(), 2) for y in range(0, image.height(), 2)}

    own = {desk.theme.color(role).name() for role in ("private", "private-soft")}
    assert desk.theme.color("private-soft").name() not in colours()
    chats.bring(Audience.REPS)
    drain()
    assert own <= colours()


@pytest.mark.rule("B-7.4")
async def test_what_a_rep_wrote_before_he_came_back_stands_under_you(desk):
    session = controlled(desk, rep())
    desk.intents.change(session.id, view={"you_before": ("earlier",)})
    desk.intents.say(
        session.id,
        line("from before", sender="earlier", name="Maria Grigore"),
        line("from now", sender="rep", name="Maria Grigore"),
        line("from Dan", sender="dan", name="Dan Pop"),
        private("between us", sender="earlier", name="Maria Grigore"),
    )
    chats = desk.window._panels[session.id].chats
    rows = [(row.text, row.own) for model in (chats.public.model, chats.private.model) for row in lines(model)]
    assert rows == [("from before", True), ("from now", True), ("from Dan", False), ("between us", True)]
    first = lines(chats.public.model)[0]
    assert chats.public.model.heading(first).startswith("You")


async def test_without_another_representative_there_is_one_chat(desk):
    session = controlled(desk)
    assert not desk.shown("chatsPrivate")
    assert not desk.actions.focus_private.isEnabled()
    desk.intents.change(session.id, view={"participants": (REP, ANA, rep())})
    drain()
    assert desk.shown("chatsPrivate")
    desk.intents.change(session.id, view={"participants": (REP, ANA)})
    drain()
    assert desk.shown("chatsPrivate"), "what was written there can still be read"


@pytest.mark.rule("B-6.2")
async def test_unread_lines_are_counted_on_the_chat_that_is_not_in_front(desk):
    session = controlled(desk, rep())
    other = desk.intents.open("111222333")
    drain()
    desk.intents.say(session.id, private("one"), private("two"), line("three"))
    tab = desk.window.tabs.tab(session.id)
    assert "3 new messages" in tab.accessibleName()
    assert "2 of them for representatives only" in tab.accessibleName()
    desk.window.tabs.choose(session.id)
    drain()
    assert desk.find("chatsPrivate", QPushButton).text() == "Colleagues (2)"
    desk.find("chatsPrivate").click()  # type: ignore[attr-defined]
    drain()
    assert desk.find("chatsPrivate", QPushButton).text() == "Colleagues"
    assert desk.find("chatsPublic", QPushButton).text() == "Everybody"
    desk.intents.say(session.id, line("four"))
    drain()
    assert desk.find("chatsPublic", QPushButton).text() == "Everybody (1)"
    assert other.id in desk.window.tabs.ids()
