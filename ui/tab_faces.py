"""What the tabs and the windows' titles say of each session: name, state, unread lines, attention."""

from collections.abc import Callable

from PySide6.QtWidgets import QWidget

from ui.detached import Detached
from ui.models.sessions import SessionEntry, SessionModel
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
        window: whose title counts the unread lines and says what is in it.
        signs_in: whether the sign-in fills the window now.
    """

    def __init__(
        self,
        kit: Kit,
        model: SessionModel,
        tabs: SessionTabBar,
        detached: Detached,
        window: QWidget,
        signs_in: Callable[[], bool],
    ) -> None:
        self._kit, self._model, self._tabs, self._window = kit, model, tabs, window
        self._detached, self._signs_in = detached, signs_in

    def show(self, session_id: str) -> None:
        """Show one session's tab as it is now."""
        entry, tab = self._model.entry(session_id), self._tabs.tab(session_id)
        if entry is None or tab is None:
            return
        say = self._kit.say
        title = _title_of(entry)
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
        self._detached.name(session_id, self._of_window(title))
        tab.setToolTip("")  # titles come from strangers: no rich text by accident
        self.show_title()

    def show_title(self) -> None:
        """Show the window's title as it is now: two windows of the app are told apart where windows are switched."""
        unread = sum(entry.unread for entry in map(self._model.entry, self._model.ids()) if entry is not None)
        title = self._of_window(self._inside())
        self._window.setWindowTitle(f"({unread}) {title}" if unread else title)

    def _inside(self) -> str:
        """What fills the window: a session, unless it has a window of its own, or what stands there without one."""
        if self._signs_in():
            return self._kit.translator.t("app", "sign_in.title")
        chosen = self._tabs.current() or ""
        entry = self._model.entry(chosen)
        return _title_of(entry) if entry is not None and chosen not in self._detached else self._kit.say("tabs.name")

    def _of_window(self, what: str) -> str:
        return self._kit.say("window.title", what=what, app=self._kit.translator.t("app", "app.name"))


def _title_of(entry: SessionEntry) -> str:
    return tab_title(entry.title, entry.last_customer, number_in_threes(entry.snapshot.view.number))
