"""What is before the rep's eyes: tells model, panels and controller which sessions are seen, and which is read."""

from collections.abc import Callable, Mapping

from support_manager.intents import Intents
from ui.detached import Detached
from ui.models.sessions import SessionModel
from ui.panels.session import SessionPanel


class Sight:
    """Keeps the rest of the program true to what the windows show.

    Args:
        intents: a session that nobody sees gets a smaller picture.
        model: a session that is read loses its marks.
        panels: the tabs' panels.
        detached: the tabs in windows of their own.
        chosen: the session that the main window shows, None while it shows none or is not shown itself.
        in_front: whether the rep is looking at the main window.
    """

    def __init__(
        self,
        intents: Intents,
        model: SessionModel,
        panels: Mapping[str, SessionPanel],
        detached: Detached,
        chosen: Callable[[], str | None],
        in_front: Callable[[], bool],
    ) -> None:
        self._intents, self._model, self._panels, self._detached = intents, model, panels, detached
        self._chosen, self._in_front = chosen, in_front
        self._seen: set[str] = set()
        self.read: str | None = None
        """The session that the rep has before his eyes."""
        self.chat_read: str | None = None
        """The same, where its chat is among what he sees."""

    def look(self) -> None:
        """Look again."""
        chosen = self._chosen()
        if chosen in self._detached:
            chosen = None
        seen = self._detached.shown() | ({chosen} if chosen is not None else set())
        for changed, visible in ((self._seen - seen, False), (seen - self._seen, True)):
            for session_id in changed & set(self._intents.sessions):
                self._intents.set_visible(session_id, visible)
        self._seen = seen
        self.read = chosen if self._in_front() else self._detached.in_front()
        for session_id, panel in self._panels.items():
            panel.chats.set_looked_at(session_id == self.read and panel.shows_chat)
        before = self._panels.get(self.read) if self.read is not None else None
        self.chat_read = self.read if before is not None and before.shows_chat else None
        self._model.look_at(self.read, chat=self.chat_read is not None)

    def forget(self, session_id: str) -> None:
        """A session's tab is gone."""
        self._seen.discard(session_id)
