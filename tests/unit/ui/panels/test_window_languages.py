"""A live switch of language reaches every visible text, and Romanian fits where English does."""

import json

import pytest
import pytest_asyncio
from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QPaintEvent, QRegion
from PySide6.QtWidgets import QAbstractButton, QLabel, QPlainTextEdit, QWidget

from resources import text
from support_manager.events import Happening, Link, Picture
from support_manager.protocol.views import Connection
from tests.harness.session_script import line
from tests.harness.session_window import WindowUnderTest, drain


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    yield made
    await made.work.aclose()
    made.close()


def sentences(language: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for area in ("app", "session", "view"):
        for key, value in json.loads(text(f"translations/{language}/{area}.json")).items():
            found[f"{area}.{key}"] = value["other"] if isinstance(value, dict) else value
    return found


def english_only() -> set[str]:
    """English sentences without places that no Romanian sentence equals."""
    romanian = set(sentences("ro").values())
    return {value for value in sentences("en").values() if "{" not in value and value not in romanian}


def put_on(desk: WindowUnderTest, state: str) -> None:
    if state == "start":
        return
    session = desk.intents.open(tracking_code="T-1").id
    if state in {"waiting", "invite"}:
        if state == "invite":
            desk.window.show_invite(with_text=True)
        return
    desk.intents.join(session)
    desk.intents.say(session, line("x"))
    match state:
        case "asked":
            desk.intents.picture(session, Picture.ASKED)
        case "sharing":
            desk.intents.picture(session, Picture.LIVE)
        case "lost":
            desk.intents.picture(session, Picture.LOST)
            desk.intents.set_link(Link.RECONNECTING, 3)
        case "denied":
            desk.intents.notice(session, Happening.DENIED)
        case "closed":
            desk.intents.customer(session, connection=Connection.CLOSED_PAGE)
        case "ended":
            desk.intents.end(session)


STATES = ("start", "waiting", "invite", "joined", "asked", "sharing", "lost", "denied", "closed", "ended")


@pytest.mark.parametrize("state", STATES)
async def test_no_english_is_left_after_the_switch(desk, state):
    put_on(desk, state)
    drain()
    left_before = english_only() & set(desk.words())
    assert left_before, "the test must be able to see English at all"
    desk.translator.set_language("ro")
    drain()
    assert english_only() & set(desk.words()) == set()
    for action in desk.actions:
        assert action.text() not in english_only()
    desk.translator.set_language("en")
    drain()
    assert left_before <= set(desk.words())


@pytest.mark.parametrize("size", [(1280, 800), (1000, 650)])
@pytest.mark.parametrize("language", ["en", "ro"])
@pytest.mark.parametrize("state", STATES)
async def test_nothing_is_clipped(desk, state, language, size):
    desk.translator.set_language(language)
    desk.window.resize(*size)
    put_on(desk, state)
    drain()
    clipped = []
    for widget in desk.window.findChildren(QWidget):
        if not widget.isVisible() or type(widget).__name__ == "ElidedLabel":
            continue
        if isinstance(widget, QLabel) and widget.text():
            width = widget.width() if widget.wordWrap() else widget.sizeHint().width()
            height = widget.heightForWidth(widget.width()) if widget.wordWrap() else widget.sizeHint().height()
            if width > widget.width() or height > widget.height():
                clipped.append(f"{widget.objectName()}: {widget.text()}")
        painted_by_itself = type(widget).__name__ in {"_Initials", "SessionTab"}
        if (
            isinstance(widget, QAbstractButton)
            and widget.text()
            and not painted_by_itself
            and (widget.sizeHint().width() > widget.width())
        ):
            clipped.append(f"{widget.objectName()}: {widget.text()}")
        parent = widget.parentWidget()
        if parent is not None and parent.objectName() in {"topBar", "viewBar"}:
            assert parent.rect().contains(widget.geometry()), (
                f"{widget.objectName()} hangs out of {parent.objectName()}"
            )
    assert clipped == []
    assert desk.window.size().toTuple() == size, "the contents must not force the window wider"


class _Paints(QObject):
    """Collects what of a widget is painted."""

    def __init__(self) -> None:
        super().__init__()
        self.region = QRegion()

    def eventFilter(self, _watched: QObject, event: QEvent) -> bool:
        if isinstance(event, QPaintEvent):
            self.region = self.region.united(event.region())
        return False


async def test_the_empty_message_field_shows_its_hint_in_the_new_language_at_once(qapp):
    desk = WindowUnderTest(email_at_start=False)
    desk.intents.open()
    drain()
    field = desk.find("chatInput", QPlainTextEdit).viewport()
    paints = _Paints()
    field.installEventFilter(paints)
    desk.translator.set_language("ro")
    drain()
    assert paints.region.boundingRect().contains(field.rect())
    await desk.work.aclose()
    desk.close()
