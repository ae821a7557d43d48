"""What the app remembers of transfers between runs: keys and places of those under way, and what has arrived.

It lies in the profile folder, readable by this user only. Keys are forgotten with the end of their transfer; names,
sizes and hashes of finished files stay for the history. The relay has none of it.
"""

import asyncio
import contextlib
import os
from pathlib import Path

import msgspec
import structlog

from support_manager.files.moving import in_thread

log = structlog.get_logger(__name__)

_MOST_DONE = 1_000
_FILE = "files.json"


class Entry(msgspec.Struct, kw_only=True):
    """One transfer under way."""

    transfer: str
    session_id: str
    incoming: bool
    name: str = ""
    type: str = ""
    size: int = 0
    secret: str = ""
    weak: bool = False
    activity_id: str = ""
    path: str = ""
    """The source, or the partial file."""
    folder: str = ""
    """Where it is to go."""
    stamp: tuple[int, int, int] = (0, 0, 0)
    archive: bool = False
    """Whether `path` is a folder that is sent as an archive."""
    spool: bool = False
    """Whether `path` is ours and goes with the transfer."""


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """One file that arrived, for the transcript and the summary."""

    session_id: str
    transfer: str
    incoming: bool
    name: str
    size: int
    digest: str
    at: int
    other: str = ""
    path: str = ""
    weak: bool = False


class _Book(msgspec.Struct, kw_only=True):
    secrets: dict[str, str] = msgspec.field(default_factory=dict)
    """`session participant` → the secret that we chose for him, as base 64."""
    entries: list[Entry] = msgspec.field(default_factory=list)
    done: list[Done] = msgspec.field(default_factory=list)


class FileBook:
    """Keeps it, and writes it whole.

    Args:
        folder: the profile folder.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / _FILE
        self._turn = asyncio.Lock()
        self._asked = self._written = 0
        book = self._read()
        self.secrets = book.secrets
        self.entries = {entry.transfer: entry for entry in book.entries}
        self.done = book.done

    def _read(self) -> _Book:
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=_Book)
        except FileNotFoundError:
            return _Book()
        except (OSError, msgspec.MsgspecError, UnicodeError):
            log.warning("the book of files cannot be read; transfers under way begin anew")
            return _Book()

    async def save(self) -> None:
        """Write it, in a thread; a full disk costs the resumption and nothing else.

        Who asks while it is being written waits for the next time, together with all others who do: where a disk takes
        seconds, nobody waits for more than two turns.
        """
        self._asked += 1
        wanted = self._asked
        async with self._turn:
            if self._written >= wanted:
                return
            covered = self._asked
            self.done = self.done[-_MOST_DONE:]
            raw = msgspec.json.encode(
                _Book(secrets=dict(self.secrets), entries=list(self.entries.values()), done=list(self.done))
            )
            try:
                await in_thread(_write, self._path, raw)
            except OSError as error:
                log.warning("the book of files was not saved", error=type(error).__name__)
            self._written = covered


def _write(path: Path, raw: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(raw)
            file.flush()
            os.fsync(file.fileno())
        new.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            new.unlink()
        raise
