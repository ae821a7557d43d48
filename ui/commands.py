"""Carries out the commands that need no panel: those of a session by an intent, those of the app by a dialog."""

from collections.abc import Coroutine
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QWidget

from support_manager.errors import SupportManagerError
from support_manager.events import SessionSnapshot
from support_manager.protocol.channel import DrawClear
from support_manager.protocol.views import Connection, ParticipantView, Presence
from ui.actions import PRESENCES, Actions
from ui.calling import Calling
from ui.dialogs.about import AboutDialog
from ui.dialogs.assist import AssistDialog
from ui.dialogs.end_session import EndSessionDialog
from ui.dialogs.leave import LeaveDialog
from ui.dialogs.preferences import PreferencesDialog
from ui.dialogs.transfer_control import TransferControlDialog
from ui.dialogs.transfer_session import TransferSessionDialog
from ui.widgets.clipboard import copy_text
from ui.widgets.kit import Kit
from ui.widgets.plain import number_in_threes
from ui.work import Tone


class Commands(QObject):
    """Connects the actions whose effect is the same wherever they were chosen.

    Args:
        kit: what every widget is handed.
        actions: the commands; `actions.current` is the session they are about.
        window: the parent of dialogs.
        parent: the owner.

    Signals:
        session_wanted: a session came in by a command and is to come to the front; the argument is its id.
        ending: this rep ends a session; the argument is its id.
    """

    session_wanted = Signal(str)
    ending = Signal(str)

    def __init__(self, kit: Kit, actions: Actions, window: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kit, self._actions, self._window = kit, actions, window
        actions.ask_view.triggered.connect(self.ask_view)
        actions.stop_view.triggered.connect(self.stop_view)
        actions.point.triggered.connect(self.point)
        actions.clear_drawing.triggered.connect(self.clear_drawing)
        actions.camera.triggered.connect(self.camera)
        actions.ask_camera.triggered.connect(self.ask_camera)
        self.calling = Calling(kit, actions, self)
        actions.end_session.triggered.connect(self.end_session)
        actions.assist.triggered.connect(lambda: self.assist())
        actions.transfer_control.triggered.connect(self.transfer_control)
        actions.control_chosen.connect(self.give_control)
        actions.transfer_session.triggered.connect(self.transfer_session)
        actions.ask_control.triggered.connect(self.ask_control)
        actions.take_control.triggered.connect(self.take_control)
        actions.lock_session.triggered.connect(self.lock_session)
        actions.leave_session.triggered.connect(self.leave_session)
        for presence in PRESENCES:
            actions.presence(presence).triggered.connect(lambda _=False, one=presence: self.set_presence(one))
        actions.copy_number.triggered.connect(self.copy_number)
        actions.copy_link.triggered.connect(self.copy_link)
        actions.preferences.triggered.connect(self.show_preferences)
        actions.about.triggered.connect(self.show_about)

    def ask_view(self) -> None:
        """Ask the customer of the current session to show his screen."""
        if (current := self._actions.current) is not None:
            self._kit.work.run(self._ask_view(current), name=f"ask_view {current.id}")

    async def _ask_view(self, session: SessionSnapshot) -> None:
        """The two never stand beside each other: what this rep shows himself ends first, and that is said."""
        if session.show is not None:
            await self._kit.intents.stop_show(session.id)
            self._kit.work.tell(self._kit.translator.t("show", "view_stopped"))
        await self._kit.intents.ask_view(session.id)

    def stop_view(self) -> None:
        """Stop looking, or take the question back."""
        if (current := self._actions.current) is not None:
            self._kit.work.run(self._kit.intents.stop_view(current.id), name=f"stop_view {current.id}")

    def point(self, on: bool) -> None:
        """Begin to point and draw on what the customer shows, or end it; ending it takes all strokes away."""
        current = self._actions.current
        if current is None:
            return
        intents = self._kit.intents
        self._run("point", current, intents.begin_drawing(current.id) if on else intents.end_drawing(current.id))

    def clear_drawing(self) -> None:
        """Take back all that this rep drew, and go on; have others stop who draw on what he shows."""
        current = self._actions.current
        if current is None:
            return
        if current.draws:
            self._kit.intents.draw(current.id, DrawClear())
        for person in current.drawers if current.has_control else ():
            self._run("end_drawing", current, self._kit.intents.end_drawing(current.id, person.id))

    def camera(self, on: bool) -> None:
        """Show this rep's own camera in the current session, or stop it (B-7.6)."""
        if (current := self._actions.current) is not None:
            intents = self._kit.intents
            act = intents.start_camera(current.id) if on else intents.stop_camera(current.id)
            self._run("camera", current, act)

    def ask_camera(self) -> None:
        """Ask the customer of the current session to show his camera."""
        if (current := self._actions.current) is not None:
            self._run("ask_camera", current, self._kit.intents.ask_camera(current.id))

    def end_session(self) -> None:
        """End the current session; asked once more while somebody is in it, because nobody can undo it."""
        current = self._actions.current
        if current is None:
            return
        person = _somebody_in(current)
        if person is None:
            self._end(current.id)
            return
        if self._already_open("end_dialog"):
            return
        dialog = EndSessionDialog(self._kit, person.name, self._window)
        dialog.confirmed.connect(lambda: self._end(current.id))
        dialog.start()

    def _end(self, session_id: str) -> None:
        self.ending.emit(session_id)
        self._kit.work.run(self._kit.intents.end_session(session_id), name=f"end_session {session_id}")

    def assist(self, number: str = "") -> None:
        """Ask for a colleague's session number; `number` comes from a link and is only filled in (B-2.2, B-8.1)."""
        found = self._window.findChild(AssistDialog)
        if found is not None and found.isVisible():
            found.fill(number)
            found.raise_()
            found.activateWindow()
            return
        dialog = AssistDialog(self._kit, number, self._window)
        dialog.inside.connect(self.session_wanted)
        dialog.start()

    def transfer_control(self) -> None:
        """Choose an assistant to be in charge; the menus have the same list as entries (B-9.1)."""
        if self._actions.current is not None and not self._already_open("control_dialog"):
            TransferControlDialog(self._kit, self._actions, self._window).start()

    def give_control(self, participant_id: str) -> None:
        """Give control of the current session to one of its assistants, at once (B-9.2)."""
        if (current := self._actions.current) is not None:
            self._run("transfer_control", current, self._kit.intents.transfer_control(current.id, participant_id))

    def transfer_session(self) -> None:
        """Choose a queue or agents to cede the current session to (B-10.1)."""
        current = self._actions.current
        if current is not None and not self._already_open("transfer_dialog"):
            dialog = TransferSessionDialog(self._kit, current, self._window)
            watched = self._actions.updated.connect(lambda: dialog.follow(self._kit.intents.sessions.get(current.id)))
            dialog.finished.connect(lambda: QObject.disconnect(watched))
            dialog.start()

    def ask_control(self, asking: bool) -> None:
        """Ask the controller for control, or take that back (B-7.9)."""
        if (current := self._actions.current) is not None:
            self._run("ask_control", current, self._kit.intents.ask_control(current.id, asking))

    def take_control(self) -> None:
        """Take over from a controller who is lost (B-12.6); the relay says when it is too early."""
        if (current := self._actions.current) is not None:
            self._run("take_control", current, self._kit.intents.take_control(current.id))

    def lock_session(self, locked: bool) -> None:
        """Let nobody else in, or open the session again (B-2.5)."""
        if (current := self._actions.current) is not None:
            self._run("lock_session", current, self._kit.intents.lock_session(current.id, locked))

    def leave_session(self) -> None:
        """Leave the current session; a controller is offered what he may do instead (B-12.2)."""
        current = self._actions.current
        if current is None:
            return
        if not current.has_control:
            self._run("leave_session", current, self._kit.intents.leave_session(current.id))
        elif not self._already_open("leave_dialog"):
            LeaveDialog(self._kit, self._actions, self._window).start()

    def set_presence(self, presence: Presence) -> None:
        """Be Online, Away or Busy from now on (B-11.3)."""
        act = self._kit.intents.set_presence(presence)
        self._kit.work.run(act, name="set_presence", on_error=self._refused)

    def _run(self, name: str, session: SessionSnapshot, act: Coroutine[Any, Any, object]) -> None:
        self._kit.work.run(act, name=f"{name} {session.id}", on_error=self._refused)

    def _refused(self, error: SupportManagerError) -> None:
        """Say what went wrong, and take back the tick that the click has set."""
        self._kit.work.tell_error(error)
        self._actions.tick()

    def copy_number(self) -> None:
        """Copy the current session's number, in threes as people read it."""
        if (current := self._actions.current) is not None:
            copy_text(number_in_threes(current.view.number).replace("\u00a0", " "))
            self._kit.work.tell(self._kit.translator.t("app", "copied.number"), Tone.GOOD)

    def copy_link(self) -> None:
        """Copy the current session's join link."""
        if (current := self._actions.current) is not None:
            copy_text(current.view.link)
            self._kit.work.tell(self._kit.translator.t("app", "copied.link"), Tone.GOOD)

    def show_preferences(self) -> None:
        """Open the preferences, once."""
        if not self._already_open("preferences_dialog"):
            dialog = PreferencesDialog(self._kit, self._window)
            dialog.push_to_talk_chosen.connect(self.calling.talk_by_key)
            dialog.start()

    def show_about(self) -> None:
        """Open what the program says about itself, once."""
        if not self._already_open("about_dialog"):
            AboutDialog(self._kit, self._window).start()

    def _already_open(self, name: str) -> bool:
        found = self._window.findChild(QDialog, name)
        if found is None or not found.isVisible():
            return False
        found.raise_()
        found.activateWindow()
        return True


def _somebody_in(session: SessionSnapshot) -> ParticipantView | None:
    """Who would be cut off by the end: the customer first, also one whose connection is lost, for he may come back."""
    others = (person for person in session.view.participants if person.id != session.view.you)
    there = [person for person in others if person.connection is not Connection.CLOSED_PAGE]
    return min(there, key=lambda person: person is not session.customer, default=None)
