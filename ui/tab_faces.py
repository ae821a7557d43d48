"""What the tabs and the window's title say of each session: name, state, unread lines, attention."""

from PySide6.QtWidgets import QWidget

from ui.detached import Detached
from ui.models.sessions import SessionModel
from ui.widgets.kit import Kit
from ui.widgets.plain import number_in_threes
from ui.widgets.state_dot import mark_of
from ui.widgets.tab_bar import SessionTabBar, TabFace, tab_title


class TabFaces:
    """Keeps the faces of the tabs true to the model.

    Args:
        kit: what every widget is handed.
        model: the sessions.
        tabs: the tabs.
        detached: the tabs in windows of their own, whose titles are the tabs'.
        window: whose title counts the unread lines.
    """

    def __init__(self, kit: Kit, model: SessionModel, tabs: SessionTabBar, detached: Detached, window: QWidget) -> None:
        self._kit, self._model, self._tabs, self._window = kit, model, tabs, window
        self._detached = detached

    def show(self, session_id: str) -> None:
        """Show one session's tab as it is now."""
        entry, tab = self._model.entry(session_id), self._tabs.tab(session_id)
        if entry is None or tab is None:
            return
        say = self._kit.say
        number = number_in_threes(entry.snapshot.view.number)
        title = tab_title(entry.title, entry.last_customer, number)
        parts = [title, say(f"stage.{entry.stage.value}")]
        if entry.assists:
            parts.append(say("role.assistant"))
        if entry.unread:
            parts.append(say("tabs.unread", count=entry.unread))
        if entry.unread_private:
            parts.append(say("tabs.unread_private", count=entry.unread_private))
        if entry.attention is not None:
            parts.append(say("tabs.attention"))
        tab.show_face(TabFace(title, mark_of(entry), entry.unread, entry.attention is not None, ", ".join(parts)))
        self._detached.name(session_id, title)
        tab.setToolTip("")  # titles come from strangers: no rich text by accident
        self.show_title()

    def show_title(self) -> None:
        """Show the window's title as it is now."""
        unread = sum(entry.unread for entry in map(self._model.entry, self._model.ids()) if entry is not None)
        app = self._kit.translator.t("app", "app.name")
        self._window.setWindowTitle(f"({unread}) {app}" if unread else app)
