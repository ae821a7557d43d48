"""The library of recordings on this computer: where they go, what there is, finishing, deleting, keeping for a time."""

import asyncio
import contextlib
import os
import re
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import structlog

from resources import catalog
from support_manager.errors import AppCode, LocalProblem
from support_manager.events import AppEvent, RecordingsTended
from support_manager.media.engine import RecordingPlan
from support_manager.media.recording_file import PART
from support_manager.media.recording_repair import finish, unfinished
from support_manager.media.webm import HEADER_BYTES, NotOursError, read_front
from support_manager.protocol.views import SessionView
from support_manager.session.chapters import names_of
from support_manager.settings import SettingsStore
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_NAME_CHARS = 60
_NAME_BYTES = 150
_DAY_S = 86_400
_LOOK_S = 3_600
"""So often it is seen whether a day is over: who waits for a whole day counts no hours in which the computer slept."""
_UNWANTED = re.compile(r'[<>:"/\\|?*%\s]+')
_TELL_S = 0.25


class RecordingState(Enum):
    """Where a recording stands."""

    FINISHED = "finished"
    UNFINISHED = "unfinished"
    """Cut off, or being written right now."""
    DAMAGED = "damaged"
    """Not to be read as a recording of this program."""


@dataclass(frozen=True, slots=True)
class Recording:
    """One recording."""

    name: str
    """Of its file."""
    path: Path
    customer: str
    rep: str
    number: str
    started_at: int
    """Milliseconds since 1970."""
    seconds: float
    bytes: int
    state: RecordingState


class RecordingLibrary:
    """Implements `session.recording.Recordings`, and what the panel Recordings shows. The disk is asked in threads.

    Args:
        settings: folder, language, how long recordings are kept.
        emit: called with the events for windows.
        clock: seconds since 1970.
    """

    def __init__(
        self, settings: SettingsStore, emit: Callable[[AppEvent], None], clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._emit = emit
        self._clock = clock
        self._tasks = TaskOwner("recordings")
        self._tending: asyncio.Task[None] | None = None
        self._daily: asyncio.Task[None] | None = None
        self._tended_at = 0.0
        self._closing = False

    @property
    def folder(self) -> Path:
        """Where recordings go."""
        chosen = self._settings.current.recordings_folder
        return Path(chosen) if chosen else self._settings.own_recordings

    def plan(self, view: SessionView) -> RecordingPlan:
        """Where the recording of that session goes that begins now, and what it says of itself."""
        customer, rep = names_of(view)
        now = self._clock()
        stamp = time.strftime("%Y-%m-%d %H.%M.%S", time.localtime(now))
        name = " ".join(part for part in (stamp, file_words(customer), view.number) if part)
        tags = {"CUSTOMER": customer, "REPRESENTATIVE": rep, "SESSION_NUMBER": view.number}
        title = self.chapter("title", name=customer, rep=rep)
        return RecordingPlan(self.folder / f"{name}.webm", title, int(now * 1000), tags)

    def chapter(self, key: str, **places: str) -> str:
        """What stands in a list of chapters, in the app's language."""
        language = self._settings.current.language or "en"
        return catalog.sentence(catalog.best_language(language), "recordings", key, **places)

    async def find(self) -> tuple[Recording, ...]:
        """All recordings, newest first.

        Raises:
            LocalProblem: `recordings_unreadable`.
        """
        try:
            return await asyncio.to_thread(_find, self.folder)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise LocalProblem(AppCode.RECORDINGS_UNREADABLE, folder=str(self.folder), reason=reason) from error

    async def delete(self, name: str) -> None:
        """Delete one for good; one that is gone already is no error.

        Raises:
            LocalProblem: `recording_not_deleted`.
        """
        if Path(name).name != name or not name.endswith((".webm", f".webm{PART}")):
            raise LocalProblem(AppCode.RECORDING_NOT_DELETED, name=name, reason="not a recording")
        try:
            await asyncio.to_thread((self.folder / name).unlink, missing_ok=True)
        except OSError as error:
            reason = error.strerror or type(error).__name__
            raise LocalProblem(AppCode.RECORDING_NOT_DELETED, name=name, reason=reason) from error

    def tend(self) -> None:
        """Finish what was cut off, and delete what is kept no longer; in the background, once at a time.

        From the first time on it is done once a day, too: an app in the tray runs for weeks.
        """
        if self._closing:
            return
        self._tended_at = self._clock()
        if self._daily is None:
            self._daily = self._tasks.spawn(self._tend_daily(), name="daily")
        if self._tending is None or self._tending.done():
            self._tending = self._tasks.spawn(self._tend(), name="tend")

    async def _tend_daily(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_S)
            if self._clock() - self._tended_at >= _DAY_S:
                self.tend()

    async def _tend(self) -> None:
        folder, days = self.folder, self._settings.current.recordings_days
        loop = asyncio.get_running_loop()
        finished = deleted = 0
        try:
            parts = await asyncio.to_thread(unfinished, folder)
        except OSError as error:
            log.warning("recordings cannot be looked through", error=type(error).__name__)
            return
        for at, part in enumerate(parts):
            left = len(parts) - at
            told = 0.0

            def progress(done: float, left: int = left) -> None:
                nonlocal told
                if self._closing:
                    raise InterruptedError
                if time.monotonic() - told > _TELL_S:
                    told = time.monotonic()
                    with contextlib.suppress(RuntimeError):
                        loop.call_soon_threadsafe(self._emit, RecordingsTended(left, done))
                time.sleep(0)  # the interpreter is the windows' first

            try:
                if await asyncio.to_thread(finish, part, progress) is not None:
                    finished += 1
            except (BlockingIOError, FileNotFoundError, NotOursError):
                continue  # it is being written, is whole by now, or is another's
            except InterruptedError:
                return
            except OSError as error:
                log.warning("recording cannot be finished", error=type(error).__name__)
        if days:
            try:
                deleted = await asyncio.to_thread(_delete_old, folder, self._clock() - days * _DAY_S)
            except OSError as error:
                log.warning("recordings cannot be looked through", error=type(error).__name__)
        if parts or deleted:
            self._emit(RecordingsTended(finished=finished, deleted=deleted))

    async def aclose(self) -> None:
        """Stop tending; what is half finished is finished at the next start."""
        self._closing = True
        await self._tasks.aclose(1.0)


def file_words(name: str) -> str:
    """A person's name as part of a file's: nothing that is more than a letter to any system, and not too long."""
    clean = "".join(c for c in unicodedata.normalize("NFC", name) if unicodedata.category(c)[0] in "LMNPSZ")
    clean = _UNWANTED.sub(" ", clean).strip(" .")[:_NAME_CHARS]
    while len(clean.encode("utf-8", "ignore")) > _NAME_BYTES:
        clean = clean[:-1]
    return clean.encode("utf-8", "ignore").decode().strip(" .")


def _find(folder: Path) -> tuple[Recording, ...]:
    if not folder.is_dir():
        return ()
    found = []
    for entry in os.scandir(folder):
        if entry.name.endswith((".webm", f".webm{PART}")) and entry.is_file(follow_symlinks=False):
            with contextlib.suppress(FileNotFoundError):
                found.append(_look_at(Path(entry.path)))
    return tuple(sorted(found, key=lambda one: (one.started_at, one.name), reverse=True))


def _look_at(path: Path) -> Recording:
    stat = None
    try:
        stat = path.stat()
        with path.open("rb") as file:
            data = file.read(HEADER_BYTES)
    except FileNotFoundError:
        raise
    except OSError:  # one that cannot be read must not take the others with it
        return _unread(path, stat, RecordingState.UNFINISHED if path.name.endswith(PART) else RecordingState.DAMAGED)
    try:
        front = read_front(data)
    except NotOursError:
        return _unread(path, stat, RecordingState.DAMAGED)
    tags, length_ms = front.facts.tags, front.duration_ms
    is_whole = length_ms is not None and not path.name.endswith(PART)
    return Recording(
        name=path.name,
        path=path,
        customer=tags.get("CUSTOMER", ""),
        rep=tags.get("REPRESENTATIVE", ""),
        number=tags.get("SESSION_NUMBER", ""),
        started_at=front.facts.started_at,
        seconds=(length_ms or 0) / 1000,
        bytes=stat.st_size,
        state=RecordingState.FINISHED if is_whole else RecordingState.UNFINISHED,
    )


def _unread(path: Path, stat: os.stat_result | None, state: RecordingState) -> Recording:
    written_at, size = (int(stat.st_mtime * 1000), stat.st_size) if stat is not None else (0, 0)
    return Recording(path.name, path, "", "", "", written_at, 0.0, size, state)


def _delete_old(folder: Path, before_s: float) -> int:
    deleted = 0
    for one in _find(folder):
        if one.state is RecordingState.FINISHED and one.started_at / 1000 + one.seconds < before_s:
            try:
                one.path.unlink()
                deleted += 1
            except OSError as error:
                log.warning("old recording not deleted", error=type(error).__name__)
    return deleted
