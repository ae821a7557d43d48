"""One recording on disk: blocks in, whole clusters out in order of time, and at the end the index in front."""

import contextlib
import errno
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from support_manager.media import webm
from support_manager.media.vp8 import key_frame_size
from support_manager.media.webm import AUDIO, BLOCK_MS, HEADER_BYTES, SILENCE, VIDEO, Block, Chapter, Cue, Facts, Whole

try:
    import fcntl
except ImportError:  # Windows has no such lock; there `_written` and the app's own lock on its profile must do
    fcntl = None  # type: ignore[assignment]

PART = ".part"
"""What a file's name ends in until it is finished."""
SETTLE_MS = 500
"""Blocks of both tracks that come within this time are put in order."""
CUT_MS = 500
"""Clusters are written at least this often: what a crash costs at most is this and `SETTLE_MS`."""
CUE_MS = 1_000
"""The index has a place to seek to at most this often."""
STEP_MS = 5_000
"""As much is put in order and written at once, however long nobody came by: a laptop may have slept for hours."""
SLACK_MS = 60
"""Sound that comes this much off its place is taken to be in its place: the clock of its mixer only jitters."""
MOST_CHAPTERS = 2_000
CHAPTER_CHARS = 160
_written: set[Path] = set()
"""What is being written by this process right now, of all threads."""


@dataclass(slots=True)
class Index:
    """What has to be known at the end, gathered while writing or found again after a crash."""

    width: int = 0
    height: int = 0
    end_ms: int = 0
    cues: list[Cue] = field(default_factory=list)
    chapters: list[Chapter] = field(default_factory=list)
    heard: bool = False
    """Whether anything but silence is in it."""
    seen: bool = False
    """Whether any picture is in it."""

    def note(self, block: Block, place: int) -> None:
        """A block lies in the cluster at `place`."""
        self.end_ms = max(self.end_ms, block.at_ms + BLOCK_MS)  # a picture is seen for a moment, too
        if block.track == AUDIO:
            self.heard = self.heard or block.data != SILENCE
            return
        self.seen = self.seen or not block.blank
        if block.key:
            if not self.cues or block.at_ms - self.cues[-1].at_ms >= CUE_MS:
                self.cues.append(Cue(block.at_ms, place))
            with contextlib.suppress(ValueError):
                width, height = key_frame_size(block.data)
                self.width, self.height = max(self.width, width), max(self.height, height)

    def whole(self) -> Whole:
        """The same for the file's front."""
        found = sorted(self.chapters, key=lambda chapter: chapter.at_ms)
        return Whole(self.end_ms, self.width or 640, self.height or 360, self.cues, found)


class RecordingFile:
    """A file that is being recorded to. Blocks; belongs to a thread of its own. Times are ms since the start.

    Args:
        path: the final name; until `finish` it has `PART` behind it.
        facts: what it says of itself.
        blank: makes a VP8 key frame of that size that shows nothing, for times without a picture.

    Raises:
        OSError: the folder or the file cannot be made.
    """

    def __init__(self, path: Path, facts: Facts, blank: Callable[[int, int], bytes]) -> None:
        self.path = path
        self._facts = facts
        self._blank = blank
        self._index = Index()
        self._waiting: list[Block] = []
        self._marks: list[Chapter] = []
        self._sound_ms = 0
        self._video_ms = -1
        self._empty_since: int | None = 0
        self._size = (1280, 720)
        self._written_ms = 0
        self._refused = False
        """Whether the disk has taken a cluster no more."""
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0)
        self._file = os.open(part_of(path), flags, 0o600)
        self._part = part_of(path).resolve()
        _written.add(self._part)
        try:
            lock(self._file)
            _write_all(self._file, webm.header(facts))
        except OSError:
            _written.discard(self._part)
            os.close(self._file)
            with contextlib.suppress(OSError):
                part_of(path).unlink()
            raise
        self.bytes = HEADER_BYTES

    @property
    def has_content(self) -> bool:
        """Whether anything was seen or heard so far."""
        return self._index.heard or self._index.seen

    def picture(self, at_ms: int, data: bytes, *, key: bool) -> None:
        """Take the next frame of the share."""
        at_ms = max(at_ms, self._video_ms + 1)
        if self._empty_since is not None:
            self._cover(at_ms)
            self._empty_since = None
        if key:
            with contextlib.suppress(ValueError):
                self._size = key_frame_size(data)
        self._put_video(Block(at_ms, VIDEO, key, data))

    def nothing(self, at_ms: int) -> None:
        """From now on there is no picture."""
        if self._empty_since is None:
            self._empty_since = max(at_ms, self._video_ms + 1)

    def sound(self, at_ms: int, data: bytes) -> None:
        """Take the next Opus packet of 20 ms; what is late is dropped, what is missing before it is silence."""
        if at_ms < self._sound_ms - SLACK_MS:
            return
        if at_ms > self._sound_ms + SLACK_MS:
            self._hush(at_ms)
        self._put_sound(data)

    def chapter(self, at_ms: int, text: str) -> None:
        """Something happened."""
        if len(self._index.chapters) < MOST_CHAPTERS:
            chapter = Chapter(max(0, at_ms), text[:CHAPTER_CHARS])
            self._index.chapters.append(chapter)
            self._marks.append(chapter)

    def advance(self, now_ms: int, *, force: bool = False) -> None:
        """Write what is old enough.

        Raises:
            OSError: the disk refused; whatever was written before is whole.
        """
        if not force and now_ms - self._written_ms < CUT_MS:
            return
        until = now_ms if force else now_ms - SETTLE_MS
        for step in range(self._written_ms + STEP_MS, until, STEP_MS):
            self._write_until(step, force=False)
        self._write_until(until, force=force)
        self._written_ms = now_ms

    def _write_until(self, until: int, *, force: bool) -> None:
        self._hush(until)
        if self._empty_since is not None:
            self._cover(until)
        ready = sorted((b for b in self._waiting if b.at_ms <= until or force), key=lambda block: block.at_ms)
        self._waiting = [] if force else [block for block in self._waiting if block.at_ms > until]
        data = bytearray()
        written: list[tuple[Block, int]] = []
        for chapter in self._marks:
            data += webm.mark(chapter)
        self._marks.clear()
        while ready:
            most = ready[0].at_ms + STEP_MS
            count = next((at for at, block in enumerate(ready) if block.at_ms >= most), len(ready))
            some, ready = ready[:count], ready[count:]
            place = self.bytes + len(data)
            data += webm.cluster(some)
            written += ((block, place) for block in some)
        if data:
            self._append(bytes(data))
        for block, place in written:
            self._index.note(block, place)

    def finish(self, now_ms: int) -> Path | None:
        """Write the rest and the index; the file, under its final name, or None if there was nothing to keep.

        Raises:
            OSError: it could not be finished now, or was tried before; the next start finds it and tries again.
        """
        if self._file < 0:
            raise OSError(errno.EBADF, "this file is closed")  # its number may be another file's by now
        try:
            self._complete(now_ms)
            # Only now: an open file is neither removed nor renamed on Windows.
            if not self.has_content:
                part_of(self.path).unlink()
                return None
            part_of(self.path).replace(self.path)
            return self.path
        finally:
            _written.discard(self._part)

    # --- inside

    def _complete(self, now_ms: int) -> None:
        try:
            if not self._refused:  # what comes after a gap has no key frame: nobody could see it
                with contextlib.suppress(OSError):  # a full disk: what is there is kept
                    self.advance(now_ms, force=True)
            if self.has_content:
                complete(self._file, self._facts, self._index, self.bytes)
        finally:
            file, self._file = self._file, -1
            os.close(file)

    def _put_video(self, block: Block) -> None:
        self._video_ms = block.at_ms
        self._waiting.append(block)

    def _put_sound(self, data: bytes) -> None:
        self._waiting.append(Block(self._sound_ms, AUDIO, True, data))
        self._sound_ms += BLOCK_MS

    def _hush(self, until_ms: int) -> None:
        while self._sound_ms + BLOCK_MS <= until_ms:
            self._put_sound(SILENCE)

    def _cover(self, until_ms: int) -> None:
        """Show nothing for the time without a picture, with a frame every ten seconds, so that players can seek."""
        while self._empty_since is not None and self._empty_since < until_ms:
            at_ms = max(self._empty_since, self._video_ms + 1)
            self._put_video(Block(at_ms, VIDEO, True, self._blank(*self._size), blank=True))
            self._empty_since += 10_000

    def _append(self, data: bytes) -> None:
        if self._file < 0:
            raise OSError(errno.EBADF, "this file is closed")
        try:
            _write_all(self._file, data)
        except OSError:
            self._refused = True
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, self.bytes)
                os.lseek(self._file, self.bytes, os.SEEK_SET)
            raise
        self.bytes += len(data)


def part_of(path: Path) -> Path:
    """The name that a recording has until it is finished."""
    return path.with_name(path.name + PART)


def is_being_written(part: Path) -> bool:
    """Whether this process is writing that file; of other processes `lock` tells."""
    return part.resolve() in _written


def complete(file: int, facts: Facts, index: Index, end: int) -> None:
    """Write the index over the front of a file that ends at `end`; then it only wants its final name.

    Raises:
        OSError: the disk refused.
    """
    index.cues = [cue for cue in index.cues if cue.place < end]
    front, tail = webm.finished(facts, index.whole(), end)
    if tail:
        try:
            os.lseek(file, end, os.SEEK_SET)
            _write_all(file, tail)
        except OSError:
            # No room behind: as much as finds room in front.
            os.ftruncate(file, end)
            index.chapters = index.chapters[:200]
            step = max(1, len(index.cues) // 800)
            index.cues = index.cues[::step]
            front, _ = webm.finished(facts, index.whole(), end)
    os.lseek(file, 0, os.SEEK_SET)
    _write_all(file, front)
    os.fsync(file)


def lock(file: int) -> None:
    """Say that this file is being written.

    Raises:
        OSError: somebody else is writing it.
    """
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def _write_all(file: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(file, view) :]
