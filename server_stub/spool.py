"""Files on their way, on the relay's disk: sealed pieces between what was sent and what was fetched, and no more.

One folder for each transfer, in it one file for each `SEGMENT` bytes. A segment goes as soon as the receiver has it, so
the disk holds a window of each transfer and never all of a large one. How much is there is what the files say, which
is why it survives a crash of the relay. It does not outlive a start of the machine: waiting for the disk with every
piece halves the speed, and both ends can do without, as the receiver says where to go on (`skip`). Everything here
blocks and is called in threads.
"""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from support_manager.protocol import limits

SEGMENT = limits.FILE_PART_BYTES
WINDOW = 8 * SEGMENT
"""How far what was sent may be ahead of what was fetched; beyond, the sender waits."""
_BOOT = Path("/proc/sys/kernel/random/boot_id")
_MOST_PIECES = 512
"""Of one system call; the system takes 1024 (IOV_MAX)."""


def sealed_length(size: int) -> int:
    """Bytes of a file of `size` bytes as it is on its way: content and hash, with a tag for each chunk."""
    plain = size + limits.FILE_HASH_BYTES
    return plain + -(-plain // limits.FILE_CHUNK_BYTES) * limits.FILE_TAG_BYTES


class Spool:
    """One transfer's pieces.

    Args:
        folder: of this transfer; made on first use, for the relay's user only.
        length: of the whole, in bytes.
    """

    def __init__(self, folder: Path, length: int) -> None:
        self._folder = folder
        self.length = length
        self.kept = 0
        """What the receiver has for good."""
        self.head = 0
        """How much was sent."""

    @property
    def stored(self) -> int:
        """Bytes on the disk, at most."""
        return self.head - self.kept // SEGMENT * SEGMENT

    def make(self) -> None:
        """Make the folder; what a failed first write left in it is overwritten by the next."""
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def open(self) -> None:
        """Take up what is on the disk, after a start of the relay.

        Segments that do not follow the lowest one are of no use and are deleted.
        """
        self.make()
        numbers = sorted(int(entry.name) for entry in self._folder.iterdir() if entry.name.isdigit())
        if not numbers:
            return
        self.kept = numbers[0] * SEGMENT
        self.head = self.kept
        for at, number in enumerate(numbers):
            size = self._path(number).stat().st_size
            if number != numbers[0] + at or self.head != number * SEGMENT or size > SEGMENT:
                self._path(number).unlink()
            else:
                self.head += size
        self.head = min(self.head, self.length)

    def write(self, offset: int, pieces: Sequence[bytes]) -> None:
        """Put pieces at `offset`; they count once `head` says so.

        Raises:
            OSError: the disk refused; what it took of them is cut off by the next write at the same offset.
        """
        waiting = [memoryview(piece) for piece in pieces if piece]
        while waiting:
            number, at = divmod(offset, SEGMENT)
            with self._open(number, os.O_RDWR | os.O_CREAT) as file:
                if at == 0 or os.fstat(file).st_size > at:
                    os.ftruncate(file, at)
                while waiting and at < SEGMENT:
                    some, room = [], SEGMENT - at
                    for view in waiting[:_MOST_PIECES]:
                        some.append(view[:room])
                        room -= len(some[-1])
                        if not room:
                            break
                    done = os.pwritev(file, some, at)
                    at, offset = at + done, offset + done
                    _consume(waiting, done)

    def skip(self, kept: int) -> None:
        """Forget all that is here and go on at `kept`: the receiver has what lies before, and nobody what is here."""
        self.make()
        for entry in self._folder.iterdir():
            if entry.name.isdigit():
                entry.unlink()
        self.kept = self.head = kept

    def read(self, start: int, end: int) -> bytes:
        """The bytes from `start` to `end`, within one segment or fewer than asked for.

        Raises:
            OSError: they are not there any more.
        """
        number, at = divmod(start, SEGMENT)
        with self._open(number, os.O_RDONLY) as file:
            return os.pread(file, min(end - start, SEGMENT - at), at)

    def drop(self, kept: int) -> None:
        """The receiver has everything below `kept` for good."""
        for number in range(self.kept // SEGMENT, kept // SEGMENT):
            self._path(number).unlink(missing_ok=True)
        self.kept = max(self.kept, kept)

    def delete(self) -> None:
        """The transfer is over: nothing of it stays."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _path(self, number: int) -> Path:
        return self._folder / f"{number:08d}"

    def _open(self, number: int, flags: int) -> "_Descriptor":
        return _Descriptor(self._path(number), flags)


def _consume(waiting: list[memoryview], done: int) -> None:
    """Take what was written off the front."""
    count = 0
    while count < len(waiting) and done >= len(waiting[count]):
        done -= len(waiting[count])
        count += 1
    del waiting[:count]
    if done:
        waiting[0] = waiting[0][done:]


class _Descriptor:
    """An open file of the system's, closed at the end of a `with`."""

    def __init__(self, path: Path, flags: int) -> None:
        self._number = os.open(path, flags | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def __enter__(self) -> int:
        return self._number

    def __exit__(self, *exc: object) -> None:
        os.close(self._number)


def leftovers(root: Path, wanted: set[str]) -> Iterator[Path]:
    """Folders of transfers that are over."""
    if root.is_dir():
        yield from (entry for entry in root.iterdir() if entry.is_dir() and entry.name not in wanted)


def is_same_start(root: Path, boot: Path = _BOOT) -> bool:
    """Whether the machine runs since the pieces in `root` were written; from now on this start counts.

    After another one they may have the right length and hold nothing, as nobody waited for the disk.
    """
    mark = root / "boot"
    try:
        now = boot.read_bytes()
    except OSError:
        return False
    try:
        before = mark.read_bytes()
    except OSError:
        before = b""
    if now != before:
        root.mkdir(mode=0o700, parents=True, exist_ok=True)
        mark.touch(mode=0o600)
        mark.write_bytes(now)
    return now == before
