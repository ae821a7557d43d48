"""Carries out the commands that need no panel: those of a session by an intent, those of the app by a dialog."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QDialog, QWidget

from support_manager.protocol.views import Connection
from ui.actions import Actions
from ui.dialogs.about import AboutDialog
from ui.dialogs.end_session import EndSessionDialog
from ui.dialogs.preferences import PreferencesDialog
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
    """

    def __init__(self, kit: Kit, actions: Actions, window: QWidget, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._kit, self._actions, self._window = kit, actions, window
        actions.ask_view.triggered.connect(self.ask_view)
        actions.stop_view.triggered.connect(self.stop_view)
        actions.end_session.triggered.connect(self.end_session)
        actions.copy_number.triggered.connect(self.copy_number)
        actions.copy_link.triggered.connect(self.copy_link)
        actions.preferences.triggered.connect(self.show_preferences)
        actions.about.triggered.connect(self.show_about)
        actions.sign_out.triggered.connect(self.sign_out)

    def ask_view(self) -> None:
        """Ask the customer of the current session to show his screen."""
        if (current := self._actions.current) is not None:
            self._kit.work.run(self._kit.intents.ask_view(current.id), name=f"ask_view {current.id}")

    def stop_view(self) -> None:
        """Stop looking, or take the question back."""
        if (current := self._actions.current) is not None:
            self._kit.work.run(self._kit.intents.stop_view(current.id), name=f"stop_view {current.id}")

    def end_session(self) -> None:
        """End the current session; asked once more while a customer is in it, because nobody can undo it."""
        current = self._actions.current
        if current is None:
            return
        customer = current.customer
        if customer is None or customer.connection is not Connection.ONLINE:
            self._end(current.id)
            return
        if self._already_open("end_dialog"):
            return
        dialog = EndSessionDialog(self._kit, customer.name, self._window)
        dialog.confirmed.connect(lambda: self._end(current.id))
        dialog.start()

    def _end(self, session_id: str) -> None:
        self._kit.work.run(self._kit.intents.end_session(session_id), name=f"end_session {session_id}")

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
            PreferencesDialog(self._kit, self._window).start()

    def show_about(self) -> None:
        """Open what the program says about itself, once."""
        if not self._already_open("about_dialog"):
            AboutDialog(self._kit, self._window).start()

    def sign_out(self) -> None:
        """Sign out; sessions stay on the relay."""
        self._kit.work.run(self._kit.intents.sign_out(), name="sign_out")

    def _already_open(self, name: str) -> bool:
        found = self._window.findChild(QDialog, name)
        if found is None or not found.isVisible():
            return False
        found.raise_()
        found.activateWindow()
        return True
