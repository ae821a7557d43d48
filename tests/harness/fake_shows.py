"""What a fake controller does about the rep's own share: it shows at once, and nobody sees it."""

from collections.abc import Callable
from dataclasses import replace

from support_manager.events import AppEvent, OwnShow, SessionChanged, SessionSnapshot
from support_manager.media.screens import Shareable


class FakeShows:
    """The part of `Intents` that is about showing (B-7.2), for fakes that have `sessions`, `emit` and `_ask`."""

    sessions: dict[str, SessionSnapshot]

    def emit(self, event: AppEvent) -> None:
        raise NotImplementedError

    def _ask(self, name: str, *arguments: object) -> None:
        raise NotImplementedError

    async def show_screen(self, session_id: str, source: Shareable, paused: Callable[[], bool] | None = None) -> None:
        self._ask("show_screen", session_id, source)
        await self.answer()
        held = paused is not None and paused()
        self._own_show(session_id, OwnShow(source.kind, source.title, paused=held, viewers=1))

    async def answer(self) -> None:
        """The relay says yes; a test may have it think."""

    def pause_show(self, session_id: str, paused: bool) -> None:
        self._ask("pause_show", session_id, paused)
        show = self.sessions[session_id].show
        if show is not None:
            self._own_show(session_id, replace(show, paused=paused))

    async def stop_show(self, session_id: str) -> None:
        self._ask("stop_show", session_id)
        self._own_show(session_id, None)

    def _own_show(self, session_id: str, show: OwnShow | None) -> None:
        changed = self.sessions[session_id] = replace(self.sessions[session_id], show=show)
        self.emit(SessionChanged(changed))
