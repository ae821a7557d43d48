"""A rep's own microphone: open only while a key is held where he wants it so, and never by itself where he shut it."""

from collections.abc import AsyncIterator

import msgspec
import pytest
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QCheckBox, QDialog, QWidget

from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.views import ActivityView
from tests.harness.session_script import REP
from tests.harness.session_window import WindowUnderTest, drain, until
from ui.calling import TALK_KEY

MINE = ActivityView(
    id="a1", kind=ActivityKind.VOICE, state=ActivityState.RUNNING, subject=REP.id, asked_by=REP.id, changed_at=1
)
MUTED = msgspec.structs.replace(MINE, paused=True)


@pytest.fixture
async def desk(qapp) -> AsyncIterator[WindowUnderTest]:
    made = WindowUnderTest()
    yield made
    await made.work.aclose()
    made.close()


async def call(desk: WindowUnderTest, *, by_key: bool = False) -> None:
    """Have the rep be in a call, who is heard only while he holds the key down or all the time."""
    await desk.intents.change_settings(push_to_talk=by_key)
    session = desk.intents.open()
    desk.intents.join(session.id)
    desk.intents.change(session.id, view={"activities": (MINE,)})
    await until(lambda: told(desk) == [by_key])


def told(desk: WindowUnderTest) -> list[bool]:
    """What the microphone was told, from the first to the last: whether to be shut."""
    return [bool(each[2]) for each in desk.intents.asked if each[0] == "mute_voice"]


def focused() -> QWidget | None:
    window = QApplication.focusWindow()
    found = [each for each in QApplication.topLevelWidgets() if window is not None and each.windowHandle() is window]
    return found[0] if found else None


@pytest.mark.rule("B-7.7")
async def test_the_key_opens_the_microphone_while_it_is_held(desk: WindowUnderTest) -> None:
    await call(desk, by_key=True)
    QTest.keyPress(desk.window, TALK_KEY)
    await until(lambda: told(desk) == [True, False])
    QTest.keyRelease(desk.window, TALK_KEY)
    await until(lambda: told(desk) == [True, False, True])
    assert desk.actions.mute.isChecked()


@pytest.mark.rule("B-7.7")
async def test_whose_key_is_let_go_of_in_another_app_is_heard_no_longer(
    desk: WindowUnderTest, qapp: QApplication
) -> None:
    """Qt tells of no key while no window of this app has the focus; the offscreen platform knows no other app."""
    await call(desk, by_key=True)
    await until(lambda: focused() is desk.window)
    QTest.keyPress(desk.window, TALK_KEY)
    await until(lambda: told(desk) == [True, False])
    qapp.focusWindowChanged.emit(None)
    await until(lambda: told(desk) == [True, False, True])
    assert desk.actions.mute.isChecked()


@pytest.mark.rule("B-7.7")
async def test_the_key_is_held_on_in_another_window_of_the_app(desk: WindowUnderTest) -> None:
    await call(desk, by_key=True)
    await until(lambda: focused() is desk.window)
    QTest.keyPress(desk.window, TALK_KEY)
    await until(lambda: told(desk) == [True, False])
    desk.actions.detach_tab.trigger()
    await until(lambda: focused() not in (None, desk.window))
    other = focused()
    assert other is not None
    assert told(desk) == [True, False]
    QTest.keyRelease(other, TALK_KEY)
    await until(lambda: told(desk) == [True, False, True])
    other.close()
    drain()


@pytest.mark.rule("B-7.7")
async def test_who_needs_no_key_is_heard_on_in_another_app(desk: WindowUnderTest, qapp: QApplication) -> None:
    await call(desk)
    qapp.focusWindowChanged.emit(None)
    assert not desk.actions.mute.isChecked()
    assert told(desk) == [False]


@pytest.mark.rule("B-7.7")
async def test_the_key_is_chosen_in_a_call_and_holds_at_once(desk: WindowUnderTest) -> None:
    await call(desk)
    desk.actions.preferences.trigger()
    drain()
    desk.find("preferences_dialog_push_to_talk", QCheckBox).click()
    desk.window.findChild(QDialog, "preferences_dialog").close()  # at once: it takes effect all the same
    await until(lambda: told(desk) == [False, True])
    assert desk.intents.settings.push_to_talk
    assert desk.actions.mute.isChecked()
    desk.actions.preferences.trigger()
    drain()
    desk.find("preferences_dialog_push_to_talk", QCheckBox).click()
    await until(lambda: told(desk) == [False, True, False])
    assert not desk.actions.mute.isChecked()


@pytest.mark.rule("B-7.7")
async def test_who_had_muted_himself_is_not_heard_for_trying_the_key(desk: WindowUnderTest) -> None:
    await call(desk)
    desk.actions.mute.trigger()
    await until(lambda: told(desk) == [False, True])
    for count in (3, 4):
        desk.actions.preferences.trigger()
        drain()
        desk.find("preferences_dialog_push_to_talk", QCheckBox).click()
        desk.window.findChild(QDialog, "preferences_dialog").close()
        await until(lambda count=count: len(told(desk)) == count)
    assert told(desk) == [False, True, True, True]
    assert desk.actions.mute.isChecked()


@pytest.mark.rule("B-7.7", "B-12.5")
async def test_a_microphone_shut_beneath_the_window_is_shown_as_shut(desk: WindowUnderTest) -> None:
    """Another app of this rep had held the session, and muted it."""
    await call(desk)
    await until(lambda: not desk.actions.mute.isChecked())
    (session_id,) = desk.intents.sessions
    desk.intents.is_muted = True
    desk.intents.change(session_id, view={"activities": (MUTED,)})
    await until(desk.actions.mute.isChecked)
    assert told(desk) == [False], "shown, not told anew"
    desk.actions.mute.trigger()
    await until(lambda: told(desk) == [False, False])
    assert not desk.actions.mute.isChecked()


@pytest.mark.rule("B-7.7")
async def test_the_key_is_chosen_outside_a_call_and_nothing_is_told_of_it(desk: WindowUnderTest) -> None:
    desk.intents.open()
    desk.actions.preferences.trigger()
    drain()
    desk.find("preferences_dialog_push_to_talk", QCheckBox).click()
    await until(lambda: desk.intents.settings.push_to_talk)
    assert told(desk) == []
    assert not desk.actions.mute.isChecked()


@pytest.mark.rule("B-12.5")
async def test_who_was_muted_is_muted_when_the_app_comes_back(desk: WindowUnderTest) -> None:
    session = desk.intents.open(recovered=True, activities=(MUTED,))
    await until(lambda: told(desk))
    assert told(desk) == [True]
    assert desk.actions.mute.isChecked()
    # A call that begins anew begins as every call.
    desk.intents.change(session.id, view={"activities": ()})
    desk.intents.change(session.id, view={"activities": (MINE,)})
    await until(lambda: told(desk) == [True, False])
    assert not desk.actions.mute.isChecked()
