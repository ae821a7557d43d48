"""Carries out the commands of a voice call: ask or join, hang up, mute, end; and push to talk while a key is held."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent, QWindow
from PySide6.QtWidgets import QApplication
from typing_extensions import override

from support_manager.errors import SupportManagerError
from support_manager.events import SessionSnapshot
from ui.actions import Actions
from ui.widgets.kit import Kit

TALK_KEY = Qt.Key.Key_F8


class Calling(QObject):
    """Connects the commands of the call; with the setting `push_to_talk` a rep is heard only while he holds F8.

    Args:
        kit: what every widget is handed.
        actions: the commands; `actions.current` is the session they are about.
        parent: the owner.
    """

    def __init__(self, kit: Kit, actions: Actions, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kit, self._actions = kit, actions
        self._session = ""
        """The session in whose call this rep is."""
        self._was_shut = False
        """Whether he had shut the microphone himself when he chose in this call to be heard by key only."""
        actions.voice.triggered.connect(self.begin)
        actions.hang_up.triggered.connect(self.hang_up)
        actions.mute.triggered.connect(self.mute)
        actions.end_call.triggered.connect(self.end)
        actions.updated.connect(self._follow)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusWindowChanged.connect(self._keys_go_to)
        settings = kit.intents.settings
        if settings.microphone or settings.speaker:
            kit.intents.use_audio(settings.microphone, settings.speaker)

    def begin(self) -> None:
        """Join the call of the current session; as its controller with nobody in it, ask the customer to talk."""
        current = self._actions.current
        if current is None:
            return
        call = current.call
        joins = bool(call.speaking) or current.view.you in call.asked
        intents = self._kit.intents
        act = intents.join_voice(current.id) if joins else intents.ask_voice(current.id)
        self._kit.work.run(act, name=f"voice {current.id}", on_error=self._refused)

    def hang_up(self) -> None:
        """Leave the call, or say no to it."""
        if (current := self._actions.current) is not None:
            act = self._kit.intents.leave_voice(current.id)
            self._kit.work.run(act, name=f"hang_up {current.id}", on_error=self._refused)

    def mute(self, muted: bool) -> None:
        """Let nothing be heard, or go on."""
        if (current := self._actions.current) is not None:
            self._mute(current.id, muted)

    def end(self) -> None:
        """End the call for everybody."""
        if (current := self._actions.current) is not None:
            act = self._kit.intents.end_voice(current.id)
            self._kit.work.run(act, name=f"end_call {current.id}", on_error=self._refused)

    def talk_by_key(self, wanted: bool) -> None:
        """Be heard only while the key is held from now on, or without it; in a call that holds at once."""
        if self._session:
            if wanted:
                self._was_shut = self._actions.mute.isChecked()
            self._mute(self._session, wanted or self._was_shut)

    def _mute(self, session_id: str, muted: bool) -> None:
        self._actions.mute.setChecked(muted)
        act = self._kit.intents.mute_voice(session_id, muted)
        self._kit.work.run(act, name=f"mute {session_id}", on_error=self._refused)

    def _refused(self, error: SupportManagerError) -> None:
        self._kit.work.tell_error(error)
        self._actions.tick()

    def _follow(self) -> None:
        """A call begins with the microphone open, or shut where a key opens it, or where this rep had shut it before
        his app came back to the call."""
        inside = next((each for each in self._kit.intents.sessions.values() if _is_in(each)), None)
        session = inside.id if inside is not None else ""
        if session == self._session:
            # Shut beneath this window: he comes back to the call after another app of his had muted it.
            if session and not self._kit.work.running(f"mute {session}"):
                self._actions.mute.setChecked(self._kit.intents.is_muted)
            return
        self._session, self._was_shut = session, False
        self._listen(bool(session))
        if inside is not None:
            self._mute(session, self._kit.intents.settings.push_to_talk or inside.view.you in inside.call.muted)
        else:
            self._actions.mute.setChecked(False)

    def _listen(self, on: bool) -> None:
        """Hear every key of the app, only in a call: each of Qt's events passes through Python then, and costs."""
        app = QApplication.instance()
        if app is None:
            return
        if on:
            app.installEventFilter(self)
        else:
            app.removeEventFilter(self)

    def _keys_go_to(self, window: QWindow | None) -> None:
        """Where no window of this app has the focus, Qt does not tell when the key is let go of."""
        by_key = bool(self._session) and self._kit.intents.settings.push_to_talk
        if window is None and by_key and not self._actions.mute.isChecked():
            self._mute(self._session, True)

    @override
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        kind = event.type()
        if kind not in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease) or not isinstance(event, QKeyEvent):
            return False
        if event.key() != TALK_KEY or not self._session or not self._kit.intents.settings.push_to_talk:
            return False
        if not event.isAutoRepeat() and self._actions.mute.isChecked() is (kind is QEvent.Type.KeyPress):
            self._mute(self._session, kind is QEvent.Type.KeyRelease)
        return True


def _is_in(session: SessionSnapshot) -> bool:
    return session.view.you in session.call.speaking
