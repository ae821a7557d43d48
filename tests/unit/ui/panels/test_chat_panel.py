"""The chat: plain text always, order and states of lines, what is new, limits, and 2,000 lines at once."""

import time

import pytest
import pytest_asyncio
from PySide6.QtCore import QEventLoop, QItemSelectionModel, Qt
from PySide6.QtGui import QFontMetrics
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel, QListView

from support_manager.errors import AppCode, LocalProblem
from support_manager.events import Happening, LineState, PendingLine
from support_manager.files.book import Done
from support_manager.protocol import limits
from tests.harness.session_script import line, now_ms
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.models.transcript import RowKind


@pytest_asyncio.fixture
async def desk(qapp):
    made = WindowUnderTest(email_at_start=False)
    made.session = made.intents.open().id
    made.intents.join(made.session)
    made.chat = made.window._panels[made.session].chat
    drain()
    yield made
    await made.work.aclose()
    made.close()


def rows(desk: WindowUnderTest) -> list[tuple[RowKind, str]]:
    model = desk.chat.model
    return [
        (model.row(at).kind, model.words(model.row(at)).replace("\u2068", "").replace("\u2069", ""))
        for at in range(model.rowCount())
    ]


@pytest.mark.rule("B-7.4")
async def test_enter_sends_and_shift_enter_starts_a_line(desk):
    box = desk.chat.input
    QTest.keyClicks(box, "first")
    QTest.keyClick(box, Qt.Key.Key_Return, Qt.KeyboardModifier.ShiftModifier)
    QTest.keyClicks(box, "second")
    QTest.keyClick(box, Qt.Key.Key_Return)
    await until(lambda: ("send_chat", desk.session, "first\nsecond") in desk.intents.asked)
    assert box.toPlainText() == ""
    QTest.keyClicks(box, "   ")
    QTest.keyClick(box, Qt.Key.Key_Return)
    drain()
    assert sum(asked[0] == "send_chat" for asked in desk.intents.asked) == 1, "an empty line is no line"


@pytest.mark.rule("B-7.4", "B-12.5")
async def test_a_line_on_its_way_becomes_the_confirmed_one(desk):
    desk.intents.change(desk.session, pending=(PendingLine("x1", "on its way"),))
    assert rows(desk)[-1] == (RowKind.LINE, "on its way")
    model = desk.chat.model
    assert model.heading(model.row(model.rowCount() - 1)) == "Sending…"
    desk.intents.change(desk.session, pending=(PendingLine("x1", "on its way", LineState.FAILED),))
    assert model.heading(model.row(model.rowCount() - 1)) == "Not sent. Click to send again"
    desk.intents.change(
        desk.session,
        pending=(),
        view={"chat": (line("on its way", sender="rep", name="Maria", id="x1"),)},
    )
    assert [text for _, text in rows(desk)].count("on its way") == 1
    assert model.heading(model.row(model.rowCount() - 1)).startswith("You, ")


async def test_what_happens_stands_between_the_lines(desk):
    desk.intents.say(desk.session, line("hello"))
    desk.intents.notice(desk.session, Happening.SHARING)
    desk.intents.say(desk.session, line("now you see it"))
    assert [text for _, text in rows(desk)] == [
        "Ana Popescu joined", "hello", "Ana Popescu shows the screen", "now you see it",
    ]  # fmt: skip


@pytest.mark.rule("B-12.1", "B-9.5")
async def test_what_became_of_a_call_or_a_drawing_stands_there_in_words(desk):
    for what, words in (
        (Happening.VOICE_DENIED, "Ana Popescu does not want to talk now"),
        (Happening.VOICE_UNASKED, "Ana Popescu is no longer asked to join the call"),
        (Happening.VOICE_LEFT, "Ana Popescu left the call"),
        (Happening.VOICE_OUT, "Ana Popescu is no longer in the call"),
        (Happening.MY_DRAWING_STOPPED, "Ana Popescu ended your drawing"),
    ):
        desk.intents.notice(desk.session, what)
        assert rows(desk)[-1] == (RowKind.NOTE, words)
    for what, words in (
        (Happening.MY_VOICE_STOPPED, "You are no longer in the call. Your microphone is off."),
        (
            Happening.VOICE_OVER_CONTROL,
            "The app of whoever is in charge now has no voice, so the call is over.",
        ),
        (Happening.VOICE_OVER_TRANSFER, "The session is being passed on, so the call is over."),
    ):
        desk.intents.notice(desk.session, what, "")
        assert rows(desk)[-1] == (RowKind.NOTE, words)


@pytest.mark.rule("B-12.1")
async def test_a_note_that_one_line_has_no_room_for_is_wrapped_and_not_cut(desk):
    view = desk.find("transcript", QListView)
    desk.intents.notice(desk.session, Happening.VOICE_LEFT)
    desk.intents.notice(desk.session, Happening.VOICE_OVER_CONTROL, "")
    drain()
    last = view.model().rowCount() - 1
    short, long = (view.visualRect(view.model().index(row, 0)).height() for row in (last - 1, last))
    lines = QFontMetrics(view.font()).height()
    assert long > short, "as on one line, with words left out"
    assert long >= 2 * lines


@pytest.mark.rule("B-7.5")
async def test_a_file_that_arrived_stands_in_the_transcript_with_size_and_hash(desk):
    digest = "0123456789abcdef" * 4
    hostile = "<b>invoice</b>\u202efdp.exe"
    desk.intents.say(desk.session, line("here it comes"))
    desk.intents.arrived[desk.session] = (
        Done(
            session_id=desk.session, transfer="t1", incoming=True, name=hostile, size=1_500_000, digest=digest,
            at=now_ms(), other="Ana Popescu",
        ),
    )  # fmt: skip
    desk.intents.set_files(desk.session)
    desk.intents.set_files(desk.session)
    desk.intents.say(desk.session, line("thanks", at=now_ms() + 1_000))
    model = desk.chat.model
    kinds = [model.row(at).kind for at in range(model.rowCount())]
    assert kinds == [RowKind.NOTE, RowKind.LINE, RowKind.FILE, RowKind.LINE]
    copied = model.as_text([2])
    assert "1.5 MB" in copied
    assert digest in copied
    assert "\u202e" not in copied
    assert "Ana Popescu" in copied


async def test_a_session_found_again_shows_lines_and_joins_in_their_order(desk):
    early, late = now_ms() - 100_000, now_ms() - 1_000
    found = desk.intents.open("999888777", recovered=True, chat=(line("old", at=early, sender="rep", name="Maria"),))
    desk.intents.join(found.id, joined_at=late)
    model = desk.window._panels[found.id].chat.model
    assert model.words(model.row(0)) == "old"


@pytest.mark.parametrize(
    "hostile",
    [
        "<img src=x onerror=alert(1)>",
        "<b>bold</b> &amp; <a href='file:///etc'>x</a>",
        "a" * limits.TEXT_CHARS,
        "\u202eevil",
    ],
)
async def test_hostile_lines_are_shown_as_they_are_and_copied_as_text(desk, hostile):
    desk.intents.say(desk.session, line(hostile))
    drain()
    view = desk.chat.view
    shown = rows(desk)[-1][1]
    assert shown == hostile.replace("\u202e", "")
    index = desk.chat.model.index(desk.chat.model.rowCount() - 1)
    view.selectionModel().select(index, QItemSelectionModel.SelectionFlag.ClearAndSelect)
    QTest.keyClick(view, Qt.Key.Key_C, Qt.KeyboardModifier.ControlModifier)
    assert QApplication.clipboard().text() == shown
    assert view.sizeHintForIndex(index).width() <= view.viewport().width(), "long words are broken"
    assert not view.grab().isNull()


async def test_the_counter_shows_near_the_limit_and_nothing_too_long_goes_out(desk):
    box, counter = desk.chat.input, desk.find("chatCounter", QLabel)
    box.setPlainText("a" * 100)
    assert counter.text() == ""
    box.setPlainText("a" * (limits.TEXT_CHARS - 1))
    assert counter.text() == "1 character left"
    # Counted as everywhere: code points after NFC, so e + combining accent is one.
    box.setPlainText("e\u0301" * limits.TEXT_CHARS)
    assert counter.text() == "0 characters left"
    box.setPlainText("a" * (limits.TEXT_CHARS + 2))
    assert counter.text() == "2 characters too many"
    QTest.keyClick(box, Qt.Key.Key_Return)
    drain()
    assert not any(asked[0] == "send_chat" for asked in desk.intents.asked)
    assert not desk.find("chatSend").isEnabled()
    assert len(box.toPlainText()) == limits.TEXT_CHARS + 2, "nothing typed is lost"


async def test_reading_further_up_is_not_disturbed(desk):
    desk.intents.say(desk.session, *(line(f"line {number}", at=1000 + number) for number in range(80)))
    bar = desk.chat.view.verticalScrollBar()
    await until(lambda: bar.maximum() > 0 and bar.value() == bar.maximum())
    bar.setValue(0)
    desk.intents.say(desk.session, line("new one", at=5000))
    drain()
    assert bar.value() == 0
    assert desk.find("chatNewLines").text() == "1 new message"
    desk.find("chatNewLines").click()
    await until(lambda: bar.value() == bar.maximum())
    assert not desk.shown("chatNewLines")


@pytest.mark.rule("B-6.2")
async def test_new_lines_in_a_hidden_tab_are_parted_from_the_old_ones(desk):
    desk.intents.say(desk.session, line("read"))
    desk.intents.open("111222333")
    desk.intents.say(desk.session, line("unread one"), line("unread two"))
    assert [kind for kind, _ in rows(desk)][-3:] == [RowKind.NEW, RowKind.LINE, RowKind.LINE]
    await until(desk.window.isActiveWindow)
    desk.window.tabs.choose(desk.session)
    assert RowKind.NEW in [kind for kind, _ in rows(desk)], "it stays while the rep reads"
    desk.chat.input.setPlainText("answer")
    desk.chat.send()
    await until(lambda: RowKind.NEW not in [kind for kind, _ in rows(desk)])


async def test_a_line_that_does_not_even_get_on_its_way_is_back_in_its_field(desk, monkeypatch):
    async def not_now(*_: object) -> None:
        raise LocalProblem(AppCode.CONNECTION_LOST)

    monkeypatch.setattr(desk.intents, "send_chat", not_now)
    told = []
    desk.work.notice.connect(lambda notice: told.append(notice.text))
    box = desk.chat.input
    QTest.keyClicks(box, "first line")
    QTest.keyClick(box, Qt.Key.Key_Return)
    QTest.keyClicks(box, "and on")
    await until(lambda: told)
    assert box.toPlainText() == "first line\nand on"
    assert told == [desk.work.sentence(LocalProblem(AppCode.CONNECTION_LOST))]


async def test_opening_a_full_transcript_never_stands_still_for_long(desk):
    chat = tuple(line(f"ț {number} " + "words " * (number % 40), at=1000 + number) for number in range(2_000))
    chat_view, inserted, steps = desk.chat.view, [], []
    desk.chat.model.rowsInserted.connect(lambda _, first, last: inserted.append(last - first + 1))
    delegate = chat_view.itemDelegate()
    measured, measure = [0], delegate.sizeHint

    def counted(option, index):
        measured[0] += 1
        return measure(option, index)

    delegate.sizeHint = counted
    desk.intents.change(desk.session, view={"chat": chat})
    assert inserted == [2_000], "one insertion, not two thousand"
    bar = chat_view.verticalScrollBar()
    while chat_view.layoutMode() is not QListView.LayoutMode.SinglePass or not steps:
        before = measured[0]
        QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 1)
        steps.append(measured[0] - before)
        assert len(steps) < 1_000
    assert max(steps) <= 2 * 300, "measured in steps, between which the window lives"
    await until(lambda: bar.maximum() > 10_000 and bar.value() == bar.maximum())
    assert chat_view.viewport().updatesEnabled()
    # One line more moves nothing but itself.
    seen = []
    bar.rangeChanged.connect(lambda _, most: seen.append(most))
    before = bar.maximum()
    desk.intents.say(desk.session, line("one more", at=9_000_000))
    await until(lambda: seen)
    assert min(seen) > before
    assert bar.value() == bar.maximum()


async def test_a_full_transcript_stays_quick(desk):
    texts = [f"line {number}: " + "words " * (number % 40) for number in range(limits.TRANSCRIPT_LINES)]
    chat = tuple(line(text, at=1000 + number) for number, text in enumerate(texts))
    began = time.thread_time()
    desk.intents.change(desk.session, view={"chat": chat})
    drain()
    desk.chat.view.grab()
    took = time.thread_time() - began
    assert desk.chat.model.rowCount() >= limits.TRANSCRIPT_LINES
    began = time.thread_time()
    desk.intents.say(desk.session, line("one more", at=9_000_000))
    drain()
    desk.chat.view.grab()
    added = time.thread_time() - began
    # What it costs the loop itself, with room for a slow machine: here it is a fifth of that.
    assert took < 5.0
    assert added < 1.0
