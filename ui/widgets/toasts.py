"""Short messages over the window: results and errors that need no answer."""

from PySide6.QtCore import QEvent, QObject, QPropertyAnimation, Qt, QTimer
from PySide6.QtWidgets import QFrame, QGraphicsOpacityEffect, QHBoxLayout, QLabel, QVBoxLayout, QWidget
from typing_extensions import override

from ui.widgets.kit import SPACE_2, SPACE_3, Kit, icon_button, label, name_it
from ui.work import Notice, Tone

MOST = 3
SHOWN_MS = {Tone.INFO: 5_000, Tone.GOOD: 4_000, Tone.ERROR: 12_000}
"""How long a message stays; an error long enough to be read twice. Any of them can be closed."""
_WIDTH = 440
_TOP = 56
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
    """Holds the messages over its host, below the tabs; clicks beside them go to what lies beneath."""

    def __init__(self, kit: Kit, host: QWidget) -> None:
        super().__init__(host)
        self._kit = kit
        self._host = host
        self._shown: list[Toast] = []
        self._at_foot = False
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
        self._place()
        self._fade_in(toast)

    def take_away(self, notice: Notice) -> None:
        """Take a message away, if it is shown."""
        for same in [toast for toast in self._shown if toast.notice == notice]:
            self.dismiss(same)

    def set_at_foot(self, at_foot: bool) -> None:
        """Place the messages at the host's foot: the sign-in has its card in the middle, and nothing at the foot."""
        self._at_foot = at_foot
        self._place()

    def dismiss(self, toast: Toast) -> None:
        """Take a message away."""
        if toast in self._shown:
            self._shown.remove(toast)
            self._column.removeWidget(toast)
            toast.hide()
            toast.deleteLater()
            self._place()

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

    def _place(self) -> None:
        self.setVisible(bool(self._shown))
        if not self._shown:
            return
        height = sum(toast.heightForWidth(_WIDTH) for toast in self._shown) + SPACE_2 * (len(self._shown) - 1)
        # Below the tabs: the foot of the window holds the view's commands and the line being written.
        top = self._host.height() - height - SPACE_3 if self._at_foot else _TOP
        self.setGeometry((self._host.width() - _WIDTH) // 2, top, _WIDTH, height)
        self.raise_()

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self._place()
        return False
