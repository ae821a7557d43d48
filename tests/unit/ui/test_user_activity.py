"""That somebody is at the computer is told at a key or the mouse, and not again before a pause."""

from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QMouseEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from ui.user_activity import UserActivity


def window_of(qtbot) -> QWidget:
    widget = QWidget()
    qtbot.addWidget(widget)
    widget.show()
    widget.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWindow() is not None)
    return widget


def press(widget: QWidget) -> None:
    QApplication.sendEvent(widget.windowHandle(), QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_A, Qt.KeyboardModifier(0)))


def move(widget: QWidget) -> None:
    place, none = QPointF(3, 3), Qt.MouseButton.NoButton
    event = QMouseEvent(QEvent.Type.MouseMove, place, place, none, none, Qt.KeyboardModifier(0))
    QApplication.sendEvent(widget.windowHandle(), event)


def test_a_key_and_the_mouse_tell_once_in_a_pause(qapp, qtbot):
    widget, told = window_of(qtbot), []
    activity = UserActivity(qapp, lambda: told.append(True), pause_ms=60)
    for _ in range(20):
        press(widget)
        move(widget)
    assert told == [True]
    qtbot.waitUntil(lambda: not activity._pause.isActive())
    move(widget)
    assert told == [True, True]
    activity.deleteLater()


def test_what_is_no_sign_of_a_person_tells_nothing(qapp, qtbot):
    widget, told = window_of(qtbot), []
    activity = UserActivity(qapp, lambda: told.append(True))
    widget.resize(300, 200)
    widget.repaint()
    QApplication.processEvents()
    assert told == []
    press(widget)
    assert told == [True]
    activity.deleteLater()


def test_it_follows_the_focus_to_another_window_and_outlives_it(qapp, qtbot):
    first, told = window_of(qtbot), []
    activity = UserActivity(qapp, lambda: told.append(True), pause_ms=1)
    second = window_of(qtbot)
    qtbot.waitUntil(lambda: QApplication.focusWindow() is second.windowHandle())
    press(second)
    assert told == [True]
    qtbot.waitUntil(lambda: not activity._pause.isActive())
    second.close()
    second.deleteLater()
    first.activateWindow()
    qtbot.waitUntil(lambda: QApplication.focusWindow() is first.windowHandle())
    QTest.qWait(0)
    press(first)
    assert told == [True, True]
    activity.deleteLater()
