"""The part of the fake controller that is about files: lists that a test sets, and what was asked of it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from support_manager.events import AppEvent, FilesChanged
from support_manager.files.book import Done
from support_manager.files.lines import FileLine


class FakeFiles:
    """Files of sessions as a test sets them."""

    folder = Path("Downloads")

    def __init__(self) -> None:
        self.file_lines: dict[str, tuple[FileLine, ...]] = {}
        self.arrived: dict[str, tuple[Done, ...]] = {}

    def emit(self, event: AppEvent) -> None:
        raise NotImplementedError

    def _ask(self, name: str, *arguments: Any) -> None:
        raise NotImplementedError

    def set_files(self, session_id: str, *lines: FileLine) -> None:
        """Have a session's files be these."""
        self.file_lines[session_id] = lines
        self.emit(FilesChanged(session_id, lines))

    @property
    def files_folder(self) -> Path:
        return self.folder

    def files(self, session_id: str) -> tuple[FileLine, ...]:
        return self.file_lines.get(session_id, ())

    def files_done(self, session_id: str) -> tuple[Done, ...]:
        return self.arrived.get(session_id, ())

    async def offer_files(self, session_id: str, paths: Sequence[Path]) -> None:
        self._ask("offer_files", session_id, tuple(paths))

    async def accept_file(self, session_id: str, file_id: str) -> None:
        self._ask("accept_file", session_id, file_id)

    async def decline_file(self, session_id: str, file_id: str) -> None:
        self._ask("decline_file", session_id, file_id)

    async def pause_file(self, session_id: str, file_id: str, paused: bool) -> None:
        self._ask("pause_file", session_id, file_id, paused)

    async def cancel_file(self, session_id: str, file_id: str) -> None:
        self._ask("cancel_file", session_id, file_id)


class NoFiles:
    """Takes everything that a desk tells its files, and does nothing: for tests of what is not about them."""

    def follow(self, *_: object) -> None: ...

    def over(self, *_: object) -> None: ...

    def take_activity(self, *_: object) -> None: ...

    def went_online(self) -> None: ...

    def reached(self, *_: object) -> None: ...

    async def clear(self) -> None: ...

    async def aclose(self) -> None: ...
