"""Canned replies: written once, found by `/`, put into the line with the places filled in."""

import pytest
import pytest_asyncio
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QListWidget, QPlainTextEdit

from support_manager.settings import Reply, SettingsStore
from tests.harness.session_window import WindowUnderTest, drain, until
from tests.harness.widgets import unnamed
from ui.models.replies import fill, matching

HELLO = Reply("hello", "Good day {customer}, I am {rep} of {company}. Your number: {number}.")
BYE = Reply("bye", "/me waves {nobody}\nGood bye")


@pytest_asyncio.fixture(params=["en", "ro"])
async def desk(qapp, request):
    made = WindowUnderTest(request.param, email_at_start=False, replies=(HELLO, BYE))
    session = made.intents.open()
    made.intents.join(session.id, "Ana {rep}\nP.")
    drain()
    yield made
    await made.work.aclose()
    made.close()


def field(desk: WindowUnderTest) -> QPlainTextEdit:
    found = desk.find("chatInput", QPlainTextEdit)
    assert isinstance(found, QPlainTextEdit)
    found.setFocus()
    return found


def test_values_are_not_places_and_other_braces_stay():
    assert fill("{customer} {rep} {other} {", {"customer": "{rep}\u202e\n<b>", "rep": "Maria"}) == (
        "{rep} <b> Maria {other} {"
    )


def test_names_that_begin_so_come_first():
    assert matching((BYE, HELLO), "") == [BYE, HELLO]
    assert matching((BYE, HELLO), "GOOD") == [BYE, HELLO]
    assert matching((Reply("x", "hell"), HELLO), "hel")[0] == HELLO
    assert matching((HELLO,), "zzz") == []


async def test_a_slash_finds_one_and_enter_puts_it_in_without_sending(desk):
    typed = field(desk)
    QTest.keyClicks(typed, "/he")
    picker = desk.find("chatPicker", QListWidget)
    assert isinstance(picker, QListWidget)
    assert picker.count() == 1
    assert QApplication.focusWidget() is typed, "the field keeps the focus"
    QTest.keyClick(typed, Qt.Key.Key_Return)
    assert typed.toPlainText() == ("Good day Ana {rep} P., I am Maria Grigore of Example. Your number: 482 119 903.")
    assert not desk.shown("chatPicker")
    assert not [one for one in desk.intents.asked if one[0] == "send_chat"]
    QTest.keyClick(typed, Qt.Key.Key_Return)
    await until(lambda: [one for one in desk.intents.asked if one[0] == "send_chat"])


async def test_arrows_choose_escape_puts_away_and_a_reply_may_begin_with_a_slash(desk):
    typed = field(desk)
    QTest.keyClicks(typed, "/")
    picker = desk.find("chatPicker", QListWidget)
    assert isinstance(picker, QListWidget)
    assert (picker.count(), picker.currentRow()) == (2, 0)
    QTest.keyClick(typed, Qt.Key.Key_Escape)
    assert not desk.shown("chatPicker")
    assert typed.toPlainText() == "/"
    QTest.keyClick(typed, Qt.Key.Key_Backspace)
    QTest.keyClicks(typed, "/")
    QTest.keyClick(typed, Qt.Key.Key_Up)
    QTest.keyClick(typed, Qt.Key.Key_Tab)
    assert typed.toPlainText() == BYE.text
    assert not desk.shown("chatPicker")


async def test_the_button_inserts_at_the_cursor(desk):
    typed = field(desk)
    QTest.keyClicks(typed, "so: ")
    QTest.mouseClick(desk.find("chatReplies"), Qt.MouseButton.LeftButton)
    picker = desk.find("chatPicker", QListWidget)
    assert isinstance(picker, QListWidget)
    QTest.mouseClick(picker.viewport(), Qt.MouseButton.LeftButton, pos=picker.visualItemRect(picker.item(0)).center())
    assert typed.toPlainText().startswith("so: Good day Ana")
    assert QApplication.focusWidget() is typed


async def test_what_fits_nothing_can_be_sent_as_it_is(desk):
    typed = field(desk)
    QTest.keyClicks(typed, "/zzz")
    QTest.keyClick(typed, Qt.Key.Key_Return)
    await until(lambda: [one for one in desk.intents.asked if one[0] == "send_chat"])


async def test_replies_are_written_named_and_deleted(desk):
    desk.actions.replies.trigger()
    drain()
    assert unnamed(desk.window.sheet) == []
    QTest.mouseClick(desk.find("repliesAdd"), Qt.MouseButton.LeftButton)
    name = desk.find("repliesName", QLineEdit)
    assert QApplication.focusWidget() is name
    QTest.keyClicks(name, "wait")
    text = desk.find("repliesText", QPlainTextEdit)
    QTest.keyClicks(text, "One moment, ")
    QTest.mouseClick(desk.find("repliesPlace_customer"), Qt.MouseButton.LeftButton)
    await until(lambda: Reply("wait", "One moment, {customer}") in desk.intents.settings.replies)
    found = desk.find("repliesList", QListWidget)
    assert isinstance(found, QListWidget)
    found.setCurrentRow(0)
    QTest.mouseClick(desk.find("repliesRemove"), Qt.MouseButton.LeftButton)
    await until(lambda: HELLO not in desk.intents.settings.replies)
    assert [one.name for one in desk.intents.settings.replies] == ["bye", "wait"]


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_an_empty_list_says_how_to_begin(qapp, language):
    desk = WindowUnderTest(language, email_at_start=False)
    desk.actions.replies.trigger()
    drain()
    assert desk.shown("repliesNone")
    assert not desk.shown("repliesList")
    QTest.mouseClick(desk.find("repliesAdd"), Qt.MouseButton.LeftButton)
    drain()
    assert not desk.shown("repliesNone")
    assert desk.shown("repliesList")
    await desk.work.aclose()
    desk.close()


async def test_closing_the_sheet_loses_nothing(desk):
    desk.actions.replies.trigger()
    drain()
    name = desk.find("repliesName", QLineEdit)
    name.setFocus()
    QTest.keyClicks(name, "!")
    desk.window.sheet.close_sheet()
    await until(lambda: desk.intents.settings.replies[0].name == "hello!")


async def test_they_are_kept_in_the_profile(tmp_path):
    store = SettingsStore(tmp_path)
    await store.change(replies=(HELLO, BYE))
    assert SettingsStore(tmp_path).current.replies == (HELLO, BYE)


@pytest.mark.parametrize("language", ["en", "ro"])
async def test_without_any_it_says_where_they_are_written(qapp, language):
    desk = WindowUnderTest(language, email_at_start=False)
    desk.intents.open()
    drain()
    QTest.keyClicks(field(desk), "/")
    picker = desk.find("chatPicker", QListWidget)
    assert isinstance(picker, QListWidget)
    assert picker.item(0).text() == desk.window._kit.say("replies.none_yet")
    await desk.work.aclose()
    desk.close()
