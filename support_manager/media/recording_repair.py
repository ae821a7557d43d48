"""Finishes recordings that were cut off: reads what is whole of them, and writes their index as their end would have.

The content is hostile as far as it came from a peer; nothing here decodes it.
"""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from support_manager.media import webm
from support_manager.media.recording_file import MOST_CHAPTERS, PART, Index, complete, is_being_written, lock
from support_manager.media.webm import HEADER_BYTES, Element, Facts, NotOursError

log = structlog.get_logger(__name__)

_MOST_CLUSTER = 256 * 1024 * 1024
_HEAD_BYTES = 16


def unfinished(folder: Path) -> list[Path]:
    """The recordings of a folder that were cut off, or are being written by another process, by name; blocks.

    Other programs call what they have not downloaded yet just so.

    Raises:
        OSError: the folder cannot be read.
    """
    if not folder.is_dir():
        return []
    parts = (path for path in folder.iterdir() if path.name.endswith(f".webm{PART}"))
    found = [path for path in parts if not is_being_written(path)]
    ours = sorted(path for path in found if _is_ours(path))
    if len(ours) < len(found):
        log.info("unfinished files of other programs left alone", count=len(found) - len(ours))
    return ours


def _is_ours(part: Path) -> bool:
    try:
        if not part.is_file():
            return False
        with part.open("rb") as file:
            return webm.is_ours(file.read(HEADER_BYTES))
    except OSError:
        return False


def finish(part: Path, progress: Callable[[float], None] = lambda _: None) -> Path | None:
    """Finish one recording; blocks, as long as reading the file takes.

    Args:
        part: the file as it was left.
        progress: called now and then with 0…1.

    Returns:
        The finished file, or None if there is nothing in it, and then it is gone.

    Raises:
        BlockingIOError: somebody is writing it.
        NotOursError: it is none of ours, and is left alone.
        OSError: the disk refused; the file is as it was.
    """
    if is_being_written(part):
        raise BlockingIOError(errno.EWOULDBLOCK, "this file is being written")
    path = part.with_name(part.name.removesuffix(PART))
    file = os.open(part, os.O_RDWR | getattr(os, "O_BINARY", 0) | getattr(os, "O_CLOEXEC", 0))
    try:
        front = _at(file, HEADER_BYTES, 0)
        if not webm.is_ours(front):
            raise NotOursError("not a recording of ours")
        lock(file)
        size = os.fstat(file).st_size
        facts = _facts(front, path)
        index, end = _read(file, size, progress)
        has_content = index.heard or index.seen
        if has_content:
            os.ftruncate(file, end)
            complete(file, facts, index, end)
    finally:
        os.close(file)
    # Only now: an open file is neither removed nor renamed on Windows.
    if not has_content:
        part.unlink()
        return None
    part.replace(path)
    return path


def _at(file: int, size: int, place: int) -> bytes:
    """So many bytes from there, or fewer at the end; Windows has no `pread`."""
    os.lseek(file, place, os.SEEK_SET)
    found = bytearray()
    while len(found) < size and (data := os.read(file, size - len(found))):
        found += data
    return bytes(found)


def _facts(front: bytes, path: Path) -> Facts:
    try:
        return webm.read_front(front).facts
    except NotOursError:  # cut off while it was being finished
        return Facts(path.stem, int(os.stat(path.with_name(path.name + PART)).st_mtime * 1000))


def _read(file: int, size: int, progress: Callable[[float], None]) -> tuple[Index, int]:
    """The index of what is whole, and where that ends."""
    index, end = Index(), HEADER_BYTES
    for part, at in _parts(file, size):
        content = _at(file, part.size, part.at)
        if webm.is_cluster(part):
            try:
                for block in webm.read_cluster(content):
                    index.note(block, at)
            except NotOursError:
                break
        else:
            chapter = webm.read_mark(content)
            if chapter is not None and len(index.chapters) < MOST_CHAPTERS:
                index.chapters.append(chapter)
        end = part.at + part.size
        progress(end / size)
    return index, end


def _parts(file: int, size: int) -> Iterator[tuple[Element, int]]:
    """Clusters and marks, each with where it starts, up to the first that is not whole."""
    at = HEADER_BYTES
    while at < size:
        try:
            part = next(webm.elements(_at(file, _HEAD_BYTES, at)), None)
        except NotOursError:
            return
        if part is None or not 0 <= part.size <= _MOST_CLUSTER or at + part.at + part.size > size:
            return
        if not webm.is_cluster(part) and not webm.is_void(part):
            return  # what lies behind a finished recording
        yield Element(part.identity, at + part.at, part.size), at
        at += part.at + part.size
