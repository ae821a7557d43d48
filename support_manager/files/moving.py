"""Moves the content of one transfer, on the files' own thread: reads, seals and sends, or fetches, opens and writes.

Both directions are the same loop: ask for a ticket, do parts until something stands in the way, wait a moment, ask
again. What counts is at the ends: the receiver's partial file, and the relay's offset for the sender. Memory holds
two parts at most, whatever the size.
"""

import asyncio
import errno
import hashlib
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import ParamSpec, Protocol, TypeVar

import structlog

from support_manager.errors import AppCode, LocalProblem, Refused, SupportManagerError
from support_manager.files.parts import (
    Access,
    AgainError,
    DivertedError,
    FullError,
    GoneError,
    Parts,
    RangeError,
    TooLargeError,
)
from support_manager.files.seal import CHUNK, SEALED_CHUNK, ContentSeal, SealError
from support_manager.protocol import limits
from support_manager.protocol.requests import FileTicket
from support_manager.session.outbox import TRANSIENT

log = structlog.get_logger(__name__)

PART_CHUNKS = limits.FILE_PART_BYTES // SEALED_CHUNK
_AGAIN_S = (0.2, 0.5, 1.0, 2.0, 4.0)
_UNSAFE = 2 * limits.FILE_PART_BYTES
"""Of what is not safe here the relay has room for one part more, for sure: asked for what comes after that, it waits
for a sender who waits for room."""
_LASTING_TRIES = 10
"""So many tickets in a row, in half a minute, are spent on what may pass but need not."""
P = ParamSpec("P")
T = TypeVar("T")


@dataclass(slots=True)
class Progress:
    """How far a transfer is; written by the thread that moves it, read by the windows' loop."""

    done: int = 0
    digest: str = ""
    path: str = ""


class Source(Protocol):
    """Where content to be sent comes from: the same bytes every time it is opened."""

    size: int

    def check(self) -> None:
        """Raises LocalProblem(file_gone, file_changed) when it is not what was offered any more."""

    def read(self, offset: int, length: int) -> bytes:
        """The bytes there; fewer mean that it changed."""

    def close(self) -> None:
        """Close what is open."""


@dataclass(slots=True)
class FileSource:
    """A file on the rep's disk, as it was when it was offered."""

    path: Path
    size: int
    stamp: tuple[int, int, int]
    """Inode, modification time in nanoseconds, size."""
    _descriptor: int = field(default=-1)

    @classmethod
    def of(cls, path: Path) -> "FileSource":
        """The file at `path`.

        Raises:
            LocalProblem: `file_gone`.
        """
        try:
            found = path.stat()
            if not path.is_file():
                raise LocalProblem(AppCode.FILE_GONE)
            with path.open("rb"):
                pass
        except OSError:
            raise LocalProblem(AppCode.FILE_GONE) from None
        return cls(path, found.st_size, (found.st_ino, found.st_mtime_ns, found.st_size))

    def check(self) -> None:
        """See `Source`."""
        try:
            found = os.fstat(self._descriptor) if self._descriptor >= 0 else self.path.stat()
        except OSError:
            raise LocalProblem(AppCode.FILE_GONE) from None
        if (found.st_ino, found.st_mtime_ns, found.st_size) != self.stamp:
            raise LocalProblem(AppCode.FILE_CHANGED)

    def read(self, offset: int, length: int) -> bytes:
        """See `Source`."""
        try:
            if self._descriptor < 0:
                self._descriptor = os.open(self.path, os.O_RDONLY | getattr(os, "O_BINARY", 0))
            os.lseek(self._descriptor, offset, os.SEEK_SET)
            return os.read(self._descriptor, length)
        except OSError:
            raise LocalProblem(AppCode.FILE_GONE) from None

    def close(self) -> None:
        """See `Source`."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


Ticketing = Callable[[], Awaitable[FileTicket]]


async def in_thread(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run `work` in a worker thread; whoever is cancelled meanwhile waits for its end, for it has the file open."""
    working = asyncio.get_running_loop().run_in_executor(None, partial(work, *args, **kwargs))
    try:
        return await asyncio.shield(working)
    except asyncio.CancelledError:
        await asyncio.wait([working])
        raise


async def _with_tickets(
    access: Callable[[], Access],
    ticketing: Ticketing,
    work: Callable[[Parts, FileTicket], Awaitable[bool]],
    progress: Progress,
) -> None:
    """Do `work` with one ticket after another until it says that it is done.

    A ticket may be void, a disk full and a network closed for a while. Where that lasts, a server on the way lets
    nobody through, nobody makes room, or nobody signs in, and that is what this ends with.

    Raises:
        LocalProblem: `file_refused`, `file_site_full`, `file_diverted`, and what `work` raises.
    """
    failures = lasting = 0
    while True:
        before = progress.done
        reason: AppCode | None = None
        try:
            ticket = await ticketing()
            async with Parts(access(), ticket.path, ticket.token) as parts:
                if await work(parts, ticket):
                    return
        except GoneError:
            log.info("file ticket is void, asking for another")
            reason = AppCode.FILE_REFUSED
        except AgainError as error:
            log.info("file part not moved", reason=str(error))
            reason = error.reason
        except Refused as refusal:
            if refusal.code not in TRANSIENT:
                raise
        except LocalProblem:
            raise
        except SupportManagerError as error:
            log.info("no file ticket", code=str(error.code))
        if progress.done > before:
            failures = lasting = 0
        lasting = lasting + 1 if reason is not None else 0
        if reason is not None and lasting > _LASTING_TRIES:
            raise LocalProblem(reason)
        await asyncio.sleep(_AGAIN_S[min(failures, len(_AGAIN_S) - 1)])
        failures += 1


class Sender:
    """Sends one file.

    Args:
        source: the content.
        seal: of the transfer.
        progress: kept up to date.
    """

    def __init__(self, source: Source, seal: ContentSeal, progress: Progress) -> None:
        self._source = source
        self._seal = seal
        self._progress = progress
        self._hash = hashlib.sha256()
        self._hashed = 0
        self._part_chunks = PART_CHUNKS

    async def run(self, access: Callable[[], Access], ticketing: Ticketing) -> None:
        """Send all of it; returns once the relay has the last byte.

        Raises:
            LocalProblem: `file_gone`, `file_changed`, `file_refused`, `file_site_full`, `file_diverted`.
            Refused: the relay says that the transfer is over.
        """
        try:
            await _with_tickets(access, ticketing, self._send, self._progress)
        finally:
            await in_thread(self._source.close)

    async def _send(self, parts: Parts, ticket: FileTicket) -> bool:
        offset = ticket.offset
        ahead: asyncio.Task[list[bytes]] | None = None
        loop = asyncio.get_running_loop()
        try:
            while offset < self._seal.length:
                pieces = await (asyncio.shield(ahead) if ahead is not None else in_thread(self._make, offset))
                after = offset + sum(map(len, pieces))
                # The next part is read and sealed while this one is on its way.
                ahead = (
                    loop.create_task(in_thread(self._make, after), name="next part")
                    if after < self._seal.length
                    else None
                )
                try:
                    taken = await parts.append(offset, pieces)
                except (FullError, DivertedError):
                    raise
                except AgainError as error:
                    log.info("part not taken, asking where to go on", reason=str(error))
                    taken = await self._ask(parts)
                except TooLargeError:
                    if self._part_chunks == 1:
                        raise LocalProblem(AppCode.FILE_REFUSED) from None
                    self._part_chunks = max(1, self._part_chunks // 4)
                    raise AgainError("a server on the way takes less at a time") from None
                if taken != after and ahead is not None:
                    await asyncio.wait([ahead])
                    ahead = None
                offset = taken
                self._progress.done = min(self._source.size, offset // SEALED_CHUNK * CHUNK)
        finally:
            if ahead is not None:
                await asyncio.wait([ahead])
        self._progress.done = self._source.size
        if self._hashed < self._source.size:
            await in_thread(self._hash_to, self._source.size)
        self._progress.digest = self._hash.hexdigest()
        return True

    @staticmethod
    async def _ask(parts: Parts) -> int:
        await asyncio.sleep(_AGAIN_S[0])
        return await parts.offset()

    def _make(self, offset: int) -> list[bytes]:
        """The next part, sealed; in a worker thread."""
        self._source.check()
        index, skip = divmod(offset, SEALED_CHUNK)
        pieces = []
        for number in range(index, min(index + self._part_chunks, self._seal.chunks)):
            sealed = self._seal.seal(number, self._chunk(number))
            pieces.append(sealed[skip:])
            skip = 0
        # Once more: what was just read may have been read while somebody was writing it.
        self._source.check()
        return pieces

    def _chunk(self, number: int) -> bytes:
        start = number * CHUNK
        self._hash_to(start)
        data = (
            self._source.read(start, min(CHUNK, max(0, self._source.size - start)))
            if start < self._source.size
            else b""
        )
        if len(data) != min(CHUNK, max(0, self._source.size - start)):
            raise LocalProblem(AppCode.FILE_CHANGED)
        if self._hashed == start and data:
            self._hash.update(data)
            self._hashed += len(data)
        wanted = self._seal.plain_size(number)
        if len(data) < wanted:
            trailer = self._hash.digest()
            at = max(0, start - self._source.size)
            data += trailer[at : at + wanted - len(data)]
        return data

    def _hash_to(self, end: int) -> None:
        """Hash what an earlier run of this app has sent already."""
        end = min(end, self._source.size)
        while self._hashed < end:
            data = self._source.read(self._hashed, min(4 * CHUNK, end - self._hashed))
            if not data:
                raise LocalProblem(AppCode.FILE_CHANGED)
            self._hash.update(data)
            self._hashed += len(data)


class Receiver:
    """Receives one file into a partial file.

    Args:
        partial: where content is written; what lies there is taken up again.
        size: of the content.
        seal: of the transfer.
        progress: kept up to date.
    """

    def __init__(self, partial: Path, size: int, seal: ContentSeal, progress: Progress) -> None:
        self._partial = partial
        self._size = size
        self._seal = seal
        self._progress = progress
        self._descriptor = -1
        self._hash = hashlib.sha256()
        self._next = 0
        """The chunk that comes next; all before are on the disk."""
        self._rest = b""
        """Sealed bytes of that chunk that came already."""
        self._trailer = b""
        self._safe = 0
        """The chunk up to which a loss of power takes nothing any more."""
        self._syncing: asyncio.Future[None] | None = None

    async def run(self, access: Callable[[], Access], ticketing: Ticketing) -> str:
        """Fetch all of it and check it; returns its SHA-256.

        Raises:
            LocalProblem: `file_no_room`, `file_folder`, `file_damaged`, `file_refused`, `file_site_full`,
                `file_diverted`.
            Refused: the relay says that the transfer is over.
        """
        try:
            await in_thread(self._open)
            await _with_tickets(access, ticketing, self._fetch, self._progress)
            digest = await in_thread(self._check)
        except OSError as error:
            full = error.errno in (errno.ENOSPC, errno.EDQUOT)
            raise LocalProblem(AppCode.FILE_NO_ROOM if full else AppCode.FILE_FOLDER) from None
        except SealError as error:
            log.warning("file damaged", reason=str(error))
            raise LocalProblem(AppCode.FILE_DAMAGED) from None
        finally:
            if self._syncing is not None:
                await asyncio.wait([self._syncing])
            await in_thread(self._close)
        self._progress.digest = digest
        return digest

    def _open(self) -> None:
        """Open the partial file and hash what lies there; in a worker thread."""
        flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
        self._descriptor = os.open(self._partial, flags, 0o600)
        whole = min(os.fstat(self._descriptor).st_size, self._size) // CHUNK
        for _ in range(whole):
            self._hash.update(os.read(self._descriptor, CHUNK))
        os.ftruncate(self._descriptor, whole * CHUNK)
        os.lseek(self._descriptor, whole * CHUNK, os.SEEK_SET)
        os.fsync(self._descriptor)
        self._next = self._safe = whole
        self._progress.done = whole * CHUNK

    async def _fetch(self, parts: Parts, ticket: FileTicket) -> bool:
        self._rest = b""
        if self._syncing is not None:
            await asyncio.wait([self._syncing])
        await in_thread(self._sync, self._next)
        ahead: asyncio.Task[bytes] | None = None
        loop = asyncio.get_running_loop()
        try:
            while self._next < self._seal.chunks:
                start = self._next * SEALED_CHUNK + len(self._rest)
                try:
                    data = await (ahead if ahead is not None else parts.fetch(start, self._safe * SEALED_CHUNK))
                except RangeError as error:
                    log.warning("the relay has not what comes next", reason=str(error))
                    if start > self._safe * SEALED_CHUNK:
                        raise AgainError(str(error)) from None
                    # It has forgotten what lies here no more: somebody took the partial file away.
                    raise LocalProblem(AppCode.FILE_DAMAGED) from None
                start += len(data)
                while self._syncing is not None and start - self._safe * SEALED_CHUNK > _UNSAFE:
                    await asyncio.wait([self._syncing])
                    self._start_sync(loop)
                # The next part is on its way while this one is opened and written.
                ahead = (
                    loop.create_task(parts.fetch(start, self._safe * SEALED_CHUNK), name="next part")
                    if start < self._seal.length
                    else None
                )
                if data:
                    await in_thread(self._take, data)
                self._start_sync(loop)
        finally:
            if ahead is not None:
                ahead.cancel()
                await asyncio.wait([ahead])
        return True

    def _start_sync(self, loop: asyncio.AbstractEventLoop) -> None:
        """What the relay is told to forget must survive a loss of power; nothing waits for it but the telling."""
        if self._syncing is not None and self._syncing.done():
            self._syncing.result()
            self._syncing = None
        if self._syncing is None and self._safe < self._next:
            self._syncing = loop.run_in_executor(None, self._sync, self._next)

    def _sync(self, reached: int) -> None:
        os.fsync(self._descriptor)
        self._safe = reached

    def _take(self, data: bytes) -> None:
        """Open and write sealed bytes; in a worker thread."""
        held = memoryview(self._rest + data if self._rest else data)
        plain = []
        while self._next < self._seal.chunks:
            length = self._seal.plain_size(self._next) + limits.FILE_TAG_BYTES
            if len(held) < length:
                break
            chunk = self._seal.open(self._next, held[:length])
            held = held[length:]
            start = self._next * CHUNK
            content = chunk[: max(0, self._size - start)]
            self._trailer += chunk[len(content) :]
            self._hash.update(content)
            plain.append(content)
            self._next += 1
        self._rest = bytes(held)
        for content in plain:
            view = memoryview(content)
            while view:
                view = view[os.write(self._descriptor, view) :]
        self._progress.done += sum(map(len, plain))

    def _check(self) -> str:
        if self._trailer != self._hash.digest():
            raise SealError("the hash of the whole is another")
        os.fsync(self._descriptor)
        return self._hash.hexdigest()

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1
