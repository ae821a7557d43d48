"""Short messages over the window: results and errors that need no answer."""

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, QPoint, QPropertyAnimation, Qt, QTimer
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from typing_extensions import override

from ui.widgets.kit import SPACE_2, SPACE_3, Kit, icon_button, label, name_it
from ui.work import Notice, Tone

MOST = 3
SHOWN_MS = {Tone.INFO: 5_000, Tone.GOOD: 4_000, Tone.ERROR: 12_000}
"""How long a message stays; an error long enough to be read twice. Any of them can be closed."""
_WIDTH = 440
_ICONS = {
    Tone.INFO: ("info", "accent"),
    Tone.GOOD: ("circle-check", "positive"),
    Tone.ERROR: ("triangle-alert", "danger"),
}


class Toast(QFrame):
    """One message with its icon and a cross."""

    def __init__(self, kit: Kit, notice: Notice, host: "Toasts") -> None:
        super().__init__(host)
        self._kit = kit
        self.notice = notice
        self.setObjectName("toast")
        self.setProperty("kind", "toast")
        self.setProperty("tone", notice.tone.value)
        self.setFixedWidth(_WIDTH)
        icon = QLabel()
        icon.setPixmap(kit.theme.icon(*_ICONS[notice.tone]).pixmap(16, 16))
        words = label("toastText", wrap=True, selectable=True)
        words.setText(notice.text)
        self._close = icon_button("toastClose")
        self._close.setIcon(kit.theme.icon("x", "text-muted"))
        self._close.clicked.connect(lambda: host.dismiss(self))
        row = QHBoxLayout(self)
        row.setContentsMargins(SPACE_3, SPACE_2, SPACE_2, SPACE_2)
        row.setSpacing(SPACE_2)
        row.addWidget(icon, 0, Qt.AlignmentFlag.AlignTop)
        row.addWidget(words, 1, Qt.AlignmentFlag.AlignVCenter)
        row.addWidget(self._close, 0, Qt.AlignmentFlag.AlignTop)
        icon.setContentsMargins(0, 6, 0, 0)
        self.setAccessibleName(notice.text)
        self._timer = QTimer(self, singleShot=True, interval=SHOWN_MS[notice.tone])
        self._timer.timeout.connect(lambda: host.dismiss(self))
        self._timer.start()
        kit.on_words(self.retranslate)

    def retranslate(self) -> None:
        """Take the words of the present language; the message itself stays as it was said."""
        name_it(self._close, self._kit.say("toast.close"))

    @override
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Enter:
            self._timer.stop()
        elif event.type() == QEvent.Type.Leave:
            self._timer.start()
        return super().event(event)


class Toasts(QWidget):
    """Holds the messages over its host; clicks beside them go to what lies beneath.

    Args:
        kit: what every widget is handed.
        host: the window.
        room: says over which part of the window they may lie now, at its head, because no heading, tab or button is
            there; None where only the window's foot is free.
    """

    def __init__(self, kit: Kit, host: QWidget, room: Callable[[], QWidget | None]) -> None:
        super().__init__(host)
        self._kit = kit
        self._host = host
        self._room = room
        self._watched: QWidget | None = None
        self._shown: list[Toast] = []
        self.setObjectName("toasts")
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(SPACE_2)
        host.installEventFilter(self)
        kit.work.notice.connect(self.show_notice)
        kit.work.notice_gone.connect(self.take_away)
        self.hide()

    def shown(self) -> list[Notice]:
        """The messages that are on the screen, oldest first."""
        return [toast.notice for toast in self._shown]

    def show_notice(self, notice: Notice) -> None:
        """Show a message; one that is there already is not doubled, and the oldest makes room."""
        self.take_away(notice)
        while len(self._shown) >= MOST:
            self.dismiss(self._shown[0])
        toast = Toast(self._kit, notice, self)
        self._shown.append(toast)
        self._column.addWidget(toast)
        toast.show()
        self.place()
        self._fade_in(toast)

    def take_away(self, notice: Notice) -> None:
        """Take a message away, if it is shown."""
        for same in [toast for toast in self._shown if toast.notice == notice]:
            self.dismiss(same)

    def dismiss(self, toast: Toast) -> None:
        """Take a message away."""
        if toast in self._shown:
            self._shown.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self.place()

    def _fade_in(self, toast: Toast) -> None:
        motion_ms = self._kit.theme.motion_ms
        if not motion_ms:
            return
        effect = QGraphicsOpacityEffect(toast)
        toast.setGraphicsEffect(effect)
        fade = QPropertyAnimation(effect, b"opacity", toast)
        fade.setDuration(motion_ms)
        fade.setStartValue(0.0)
        fade.setEndValue(1.0)
        # The effect would keep the toast in an off-screen buffer for all its life.
        fade.finished.connect(lambda: effect.setEnabled(False))
        fade.start(QPropertyAnimation.DeletionPolicy.DeleteWhenStopped)

    def place(self) -> None:
        """Go where there is room; whoever changes what `room` says calls it."""
        self.setVisible(bool(self._shown))
        if not self._shown:
            return
        free = self._room()
        if free is not None and not self._host.isAncestorOf(free):
            return  # it has just gone to another window, and this one goes, too
        room = free or self._host
        self._watch(room)
        width = min(_WIDTH, room.width() - 2 * SPACE_3)
        for toast in self._shown:
            toast.setFixedWidth(width)
        height = sum(toast.heightForWidth(width) for toast in self._shown) + SPACE_2 * (len(self._shown) - 1)
        # Mostly at the head: the foot of the window holds the view's commands and the line being written.
        top = SPACE_3 if free is not None else self._host.height() - height - SPACE_3
        place = room.mapTo(self._host, QPoint((room.width() - width) // 2, top))
        self.setGeometry(place.x(), place.y(), width, height)
        self.raise_()

    def _watch(self, room: QWidget) -> None:
        if room is self._watched:
            return
        if self._watched is not None and self._watched is not self._host and shiboken6.isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = room
        if room is not self._host:
            room.installEventFilter(self)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Resize, QEvent.Type.Move):
            self.place()
        return False
