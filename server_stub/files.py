"""Files on their way over HTTP: sealed pieces come by the tus protocol and go out by range, nothing is ever readable.

The sender's side is tus 1.0.0 (core, with expiration and termination): `HEAD` tells the offset, `PATCH` appends. A
transfer is made by the activity, so there is no creation here. The receiver's side is `GET` with `Range: bytes=N-`
or `bytes=N-M`, which gives what is there from N on, waits for more if nothing is, and answers 204 if nothing comes;
`Upload-Kept` says how much the receiver has for good. One request carries at most `FILE_PART_BYTES`, so every wait is
short, any proxy in between may buffer, and a sender who is ahead of the receiver waits for room (back-pressure).
"""

import asyncio
import errno
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web

from server_stub.file_room import FileRoom, Holding
from server_stub.link import Link
from server_stub.members import Members
from server_stub.ports import RandomBytes, RelaySettings
from server_stub.spool import WINDOW, Spool, is_same_start, leftovers, sealed_length
from server_stub.state.decide import Moment, authorise
from server_stub.state.facts import ActivitySet, Entry, Fact
from server_stub.state.files import receiver_of
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from server_stub.state.tokens import hash_token, new_token
from server_stub.store.journal import JournalFailed
from server_stub.tasks import TaskOwner
from support_manager.protocol import limits, requests
from support_manager.protocol.activities import ActivityEnd, ActivityKind, ActivityState
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.views import ActivityView
from support_manager.protocol.wire import ProtocolError, ack_error

log = structlog.get_logger(__name__)

TUS = "1.0.0"
OCTETS = "application/offset+octet-stream"
IDLE_S = 10.0
"""How long a body may pause."""
SLOWEST = 16 * 1024
"""Bytes a second that a body must come or go with, over all of it; on a slower line bodies are smaller."""
_WRITE_BYTES = 1024 * 1024
_EVERY_S = 10.0
_FETCHES = 8
"""Requests of one receiver's that may wait or be answered at a time; his app and page make two."""
_NO_ROOM = (errno.ENOSPC, errno.EDQUOT)
_STATUS = {
    ErrorCode.BAD_MESSAGE: 400,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.TRANSFER_GONE: 404,
    ErrorCode.WRONG_OFFSET: 409,
    ErrorCode.WRONG_LENGTH: 400,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_FAST: 503,
    ErrorCode.RELAY_BUSY: 507,
}


class Transfer:
    """One running transfer: its spool, who is at its ends, and who waits for it to move."""

    def __init__(self, session: Session, activity: ActivityView, spool: Spool, holding: Holding) -> None:
        self.session = session
        self.id = activity.id
        self.sender = activity.subject
        self.receiver = receiver_of(activity)
        self.spool = spool
        self.holding = holding
        self.moved_at = time.monotonic()
        self.gone = False
        self.timer: asyncio.Timeout | None = None
        """Of the request that appends right now; there is one at most."""
        self.fetches = 0
        """Requests that fetch right now."""
        self.fetched = spool.kept
        """How far its receiver ever was."""
        self.rest = asyncio.Event()
        self.rest.set()
        self._moved = asyncio.Event()

    def move(self) -> None:
        """Wake everybody who waits: bytes came, bytes went, or it is over."""
        self.moved_at = time.monotonic()
        self.wake()

    def wake(self) -> None:
        """Have everybody who waits look again."""
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def interrupt(self) -> None:
        """End the request that appends right now, if there is one; what came of it is kept."""
        while self.timer is not None:
            if not self.timer.expired():  # else it ends already, and writes the last of what came
                self.timer.reschedule(asyncio.get_running_loop().time())
            await self.rest.wait()

    async def until(self, condition: Callable[[], bool]) -> bool:
        """Wait until `condition` holds or `FILE_WAIT_S` are over; says whether it holds."""
        try:
            async with asyncio.timeout(limits.FILE_WAIT_S):
                while not condition() and not self.gone:
                    await self._moved.wait()
        except TimeoutError:
            pass
        if self.gone:
            raise ProtocolError(ErrorCode.TRANSFER_GONE)
        return condition()


class Files:
    """Follows the file activities of all sessions and moves what their ends send.

    Args:
        members: the sessions.
        settings: what the operator decided.
        folder: for the pieces; everything in it is the relay's.
        room: on the disk.
        random: unpredictable bytes.
        tasks: owner of the cleaning.
    """

    def __init__(
        self,
        members: Members,
        settings: RelaySettings,
        folder: Path,
        room: FileRoom,
        random: RandomBytes,
        tasks: TaskOwner,
    ) -> None:
        self._members = members
        self._settings = settings
        self._folder = folder
        self._room = room
        self._random = random
        self._tasks = tasks
        self._transfers: dict[str, Transfer] = {}
        self._waiting: set[Transfer] = set()
        """Whose sender waits for the site's room."""
        self._tokens: dict[str, tuple[str, str]] = {}
        """Hash of a token → transfer and participant."""
        self._sign_ins: dict[str, tuple[str, str]] = {}
        """Hash of a rep's token → family of his sign-in, and account."""

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {"file.open": self._on_open}

    def attach(self, app: web.Application) -> None:
        """Serve `/files/ID`."""
        app.router.add_route("HEAD", "/files/{id}", self._guarded(self._head))
        app.router.add_route("PATCH", "/files/{id}", self._guarded(self._patch))
        app.router.add_route("GET", "/files/{id}", self._guarded(self._get))
        app.router.add_route("DELETE", "/files/{id}", self._guarded(self._delete))
        app.router.add_route("OPTIONS", "/files/{id}", self._options)

    async def open(self) -> None:
        """Take up the transfers of the sessions that live, and delete what is left of all others."""
        running = [
            (session, activity)
            for session in self._members.live.registry.live()
            for activity in session.activities.values()
            if activity.kind is ActivityKind.FILE and activity.state is ActivityState.RUNNING
        ]
        wanted = {activity.id for _, activity in running}
        if not await asyncio.to_thread(is_same_start, self._folder):
            wanted.clear()
        for folder in await asyncio.to_thread(lambda: list(leftovers(self._folder, wanted))):
            await asyncio.to_thread(Spool(folder, 0).delete)
        for session, activity in running:
            transfer = self._begin(session, activity)
            await asyncio.to_thread(transfer.spool.open)
            self._room.count(transfer.holding)
            transfer.fetched = transfer.spool.kept
        self._members.live.watch(self._seen, (ActivitySet,))
        self._tasks.spawn(self._expire(), name="files")

    def sign_ins(self) -> dict[str, str]:
        """Sign-ins (family → account) that a token depends on."""
        return dict(self._sign_ins[key] for key in self._tokens if key in self._sign_ins)

    def forget(self, families: Collection[str]) -> None:
        """Void the tokens of sign-ins that hold no longer; a rep who may come back asks for new ones."""
        ended = {key for key, (family, _) in self._sign_ins.items() if family in families}
        self._keep_tokens(lambda key: key not in ended)

    def _keep_tokens(self, wanted: Callable[[str], bool]) -> None:
        self._tokens = {key: value for key, value in self._tokens.items() if wanted(key)}
        self._sign_ins = {key: value for key, value in self._sign_ins.items() if key in self._tokens}

    # Activities

    def _seen(self, session: Session, entry: Entry) -> None:
        activity = entry.fact.activity if isinstance(entry.fact, ActivitySet) else None
        if activity is None or activity.kind is not ActivityKind.FILE:
            return
        known = self._transfers.get(activity.id)
        if activity.state is ActivityState.RUNNING and known is None:
            self._begin(session, activity)
        elif activity.state is ActivityState.ENDED and known is not None:
            self._end(known)
        elif known is not None:
            known.moved_at = time.monotonic()

    def _begin(self, session: Session, activity: ActivityView) -> Transfer:
        size = activity.file.size if activity.file is not None else 0
        spool = Spool(self._folder / activity.id, sealed_length(size))
        holding = self._room.hold(activity, spool)
        transfer = self._transfers[activity.id] = Transfer(session, activity, spool, holding)
        return transfer

    def _end(self, transfer: Transfer) -> None:
        del self._transfers[transfer.id]
        self._keep_tokens(lambda key: self._tokens[key][0] != transfer.id)
        transfer.gone = True
        transfer.move()
        self._tasks.spawn(self._clear(transfer), name=f"clear {transfer.id}")

    async def _clear(self, transfer: Transfer) -> None:
        await transfer.interrupt()  # nobody waits for a slow sender of what nobody gets
        await asyncio.to_thread(transfer.spool.delete)
        self._room.give_back(transfer.id)
        self._wake_waiting()

    def _count(self, transfer: Transfer) -> None:
        """What it holds has changed: others may have what it has no more."""
        if self._room.count(transfer.holding):
            self._wake_waiting()

    def _wake_waiting(self) -> None:
        """There is more room than before, for whoever waits for some."""
        for transfer in self._waiting:
            transfer.wake()

    async def _expire(self) -> None:
        """End what nobody answers, sends or fetches any more."""
        while True:
            await asyncio.sleep(_EVERY_S)
            idle_s = self._settings.file_rules.idle_s
            now, now_ms = time.monotonic(), self._members.live.moment().now_ms
            for session in self._members.live.registry.live():
                for activity in list(session.activities.values()):
                    if activity.kind is not ActivityKind.FILE:
                        continue
                    known = self._transfers.get(activity.id)
                    is_idle = (
                        now - known.moved_at > idle_s
                        if known is not None
                        else now_ms - activity.changed_at > idle_s * 1_000
                    )
                    if is_idle:
                        await self._finish(session, activity.id, ActivityEnd.EXPIRED, None)

    async def _finish(self, session: Session, activity_id: str, reason: ActivityEnd, by: str | None) -> None:
        """End a transfer on the relay's own behalf, or because an end of it said so over HTTP."""

        def decision(moment: Moment) -> list[Fact]:
            found = session.activities.get(activity_id)
            if found is None:
                return []
            view = msgspec.structs.replace(
                found, state=ActivityState.ENDED, end=reason, ended_by=by, paused=False, changed_at=moment.now_ms
            )
            return [ActivitySet(activity=view)]

        try:
            await self._members.live.change(session, decision)
        except JournalFailed:
            log.warning("end of a file not journalled", session=session.id)

    async def _on_open(self, link: Link, request: requests.FileOpen) -> requests.FileTicket:
        """Hand an end of a running transfer its token; an older one of his is void from then on."""
        session, me = self._members.of(link, request.session_id)
        authorise("file.open", me.role, session.state)
        transfer = self._transfers.get(request.activity_id)
        if transfer is None or transfer.session is not session or me.id not in (transfer.sender, transfer.receiver):
            raise Refused(ErrorCode.ACTIVITY_UNKNOWN)
        mine = (transfer.id, me.id)
        token = new_token(self._random)
        self._keep_tokens(lambda key: self._tokens[key] != mine)
        self._tokens[hash_token(token)] = mine
        if link.account is not None:
            self._sign_ins[hash_token(token)] = (link.family, link.account.id)
        return requests.FileTicket(
            token=token, path=f"/files/{transfer.id}", length=transfer.spool.length, offset=transfer.spool.head
        )

    # HTTP

    def _guarded(
        self, handler: Callable[[web.Request, Transfer, bool], Awaitable[web.StreamResponse]]
    ) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                origin = request.headers.get("Origin")
                if origin is not None and origin not in self._settings.allowed_origins:
                    raise ProtocolError(ErrorCode.NOT_ALLOWED)
                transfer, sends = self._authorised(request)
                if request.method != "GET" and request.headers.get("Tus-Resumable") != TUS:
                    return web.Response(status=412, headers={"Tus-Version": TUS, **_HEADERS})
                return await handler(request, transfer, sends)
            except ProtocolError as error:
                return _refusal(error.code)
            except ConnectionError:
                raise  # the other end hung up: aiohttp knows what to do
            except OSError as error:
                log.error("a file's piece could not be kept", error=error.strerror)
                # Without room both ends give up after a while and say so; anything else is asked for again.
                return _refusal(ErrorCode.RELAY_BUSY, None if error.errno in _NO_ROOM else 503)

        return handle

    def _authorised(self, request: web.Request) -> tuple[Transfer, bool]:
        """Which transfer the bearer token gives a right to, and whether to its sender's side."""
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        found = self._tokens.get(hash_token(token)) if scheme.lower() == "bearer" and token else None
        transfer = self._transfers.get(found[0]) if found is not None else None
        if found is None or transfer is None or transfer.id != request.match_info["id"]:
            raise ProtocolError(ErrorCode.TRANSFER_GONE)
        if transfer.session.member(found[1]) is None:
            raise ProtocolError(ErrorCode.TRANSFER_GONE)
        return transfer, found[1] == transfer.sender

    async def _options(self, request: web.Request) -> web.Response:
        size = sealed_length(self._settings.file_rules.size_bytes)
        headers = {"Tus-Version": TUS, "Tus-Extension": "expiration,termination", "Tus-Max-Size": str(size)}
        return web.Response(status=204, headers={**headers, **_HEADERS})

    async def _head(self, request: web.Request, transfer: Transfer, sends: bool) -> web.Response:
        return web.Response(status=200, headers=self._state(transfer))

    def _state(self, transfer: Transfer) -> dict[str, str]:
        spool, idle_s = transfer.spool, self._settings.file_rules.idle_s
        expires = time.time() + idle_s - (time.monotonic() - transfer.moved_at)
        return {
            "Upload-Offset": str(spool.head),
            "Upload-Length": str(spool.length),
            "Upload-Kept": str(spool.kept),
            "Upload-Expires": time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(expires)),
            **_HEADERS,
        }

    async def _delete(self, request: web.Request, transfer: Transfer, sends: bool) -> web.Response:
        """Termination (tus): whichever end asks stops the transfer."""
        by = transfer.sender if sends else transfer.receiver
        await self._finish(transfer.session, transfer.id, ActivityEnd.STOPPED, by)
        return web.Response(status=204, headers=_HEADERS)

    # Sending

    async def _patch(self, request: web.Request, transfer: Transfer, sends: bool) -> web.StreamResponse:
        if not sends:
            raise ProtocolError(ErrorCode.NOT_ALLOWED)
        if request.content_type != OCTETS or "Content-Encoding" in request.headers:
            return _refusal(ErrorCode.BAD_MESSAGE, status=415)
        length = request.content_length
        if length is None:
            return _refusal(ErrorCode.WRONG_LENGTH, status=411)
        if length > limits.FILE_PART_BYTES:
            raise ProtocolError(ErrorCode.TOO_LARGE)
        offset = _number(request.headers.get("Upload-Offset", ""))
        await transfer.interrupt()  # whatever became of the sender's last request, it is over now
        spool = transfer.spool
        if offset != spool.head:
            raise ProtocolError(ErrorCode.WRONG_OFFSET)
        if offset + length > spool.length:
            raise ProtocolError(ErrorCode.WRONG_LENGTH)
        complete = False
        transfer.rest.clear()
        try:
            async with asyncio.timeout(IDLE_S + limits.FILE_WAIT_S + length / SLOWEST) as transfer.timer:
                complete = await self._take(request, transfer, length)
        except TimeoutError:
            log.info("a piece of a file came too slowly", transfer=transfer.id)
        finally:
            transfer.timer = None
            transfer.rest.set()
        if transfer.gone:
            raise ProtocolError(ErrorCode.TRANSFER_GONE)
        if not complete:
            return _refusal(ErrorCode.WRONG_LENGTH, status=408)
        return web.Response(status=204, headers=self._state(transfer))

    async def _take(self, request: web.Request, transfer: Transfer, length: int) -> bool:
        """Take a body as far as it comes; what came is kept. Says whether it came whole."""
        spool, holding = transfer.spool, transfer.holding

        def has_room() -> bool:
            if spool.head + length - spool.kept > WINDOW:
                return False
            if self._room.may_take(holding, length):
                return True
            self._waiting.add(transfer)
            return False

        try:
            if not await transfer.until(has_room):
                raise ProtocolError(ErrorCode.TOO_FAST)
        finally:
            self._waiting.discard(transfer)
        holding.arriving = length
        self._count(transfer)
        try:
            return await self._read(request, transfer, length)
        finally:
            holding.arriving = 0
            self._count(transfer)

    async def _read(self, request: web.Request, transfer: Transfer, length: int) -> bool:
        spool = transfer.spool
        if spool.head == 0:
            await _to_the_end(asyncio.to_thread(spool.make))
        start = at = spool.head
        pieces: list[bytes] = []
        held = 0
        complete = False
        try:
            while at + held < start + length:
                async with asyncio.timeout(IDLE_S):
                    piece = await request.content.readany()
                if not piece:
                    break
                pieces.append(piece)
                held += len(piece)
                if held >= _WRITE_BYTES:
                    await _to_the_end(asyncio.to_thread(spool.write, at, pieces))
                    at, held, pieces = at + held, 0, []
            complete = at + held == start + length
        except (TimeoutError, web.RequestPayloadError, ConnectionError):
            complete = False
        finally:
            if not transfer.gone:
                await _to_the_end(self._keep(transfer, at, pieces))
        return complete

    @staticmethod
    async def _keep(transfer: Transfer, at: int, pieces: list[bytes]) -> None:
        """Write the last of a body; only now does any of it count."""
        end = at + sum(map(len, pieces))
        if pieces:
            await asyncio.to_thread(transfer.spool.write, at, pieces)
        if end > transfer.spool.head:
            transfer.spool.head = end
            transfer.move()

    # Fetching

    async def _get(self, request: web.Request, transfer: Transfer, sends: bool) -> web.StreamResponse:
        if sends:
            raise ProtocolError(ErrorCode.NOT_ALLOWED)
        if transfer.fetches >= _FETCHES:
            raise ProtocolError(ErrorCode.TOO_FAST)
        transfer.fetches += 1
        try:
            return await self._give(request, transfer)
        finally:
            transfer.fetches -= 1

    async def _give(self, request: web.Request, transfer: Transfer) -> web.StreamResponse:
        spool = transfer.spool
        unit, _, span = request.headers.get("Range", "").partition("=")
        first, _, last = span.partition("-")
        start = _number(first) if unit == "bytes" else -1
        most = min(limits.FILE_PART_BYTES, _number(last) - start + 1 if last else limits.FILE_PART_BYTES)
        kept = _number(request.headers.get("Upload-Kept", "0"))
        if spool.head < kept == start < spool.length:
            # The machine was started anew and what was on its disk is gone: the receiver knows where to go on.
            await transfer.interrupt()
            if spool.head < kept:
                await asyncio.to_thread(spool.skip, kept)
                self._count(transfer)
        if not spool.kept <= kept <= start <= spool.head or start >= spool.length or most < 1:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{spool.length}", **_HEADERS})
        if kept > spool.kept:
            await asyncio.to_thread(spool.drop, kept)
            transfer.move()
            self._count(transfer)
        if not await transfer.until(lambda: spool.head > start):
            return web.Response(status=204, headers=self._state(transfer))
        end = min(spool.head, start + most)
        response = web.StreamResponse(
            status=206,
            headers={
                "Content-Type": "application/octet-stream",
                "Content-Length": str(end - start),
                "Content-Range": f"bytes {start}-{end - 1}/{spool.length}",
                **_HEADERS,
            },
        )
        await response.prepare(request)
        at = start
        try:
            async with asyncio.timeout(IDLE_S + (end - start) / SLOWEST):
                while at < end:
                    data = await asyncio.to_thread(spool.read, at, min(end, at + _WRITE_BYTES))
                    if not data:
                        raise ConnectionResetError("a piece is not there any more")
                    at += len(data)
                    await response.write(data)
                await response.write_eof()
        except TimeoutError:
            log.info("a piece of a file was fetched too slowly", transfer=transfer.id)
            if request.transport is not None:
                request.transport.abort()
            raise ConnectionResetError("fetched too slowly") from None
        if end > transfer.fetched:  # the same once more is no progress
            transfer.fetched = end
            transfer.moved_at = time.monotonic()
        return response


async def _to_the_end(writing: Coroutine[Any, Any, None]) -> None:
    """Write, and never leave that alone half done: its late bytes would fall into the next body's."""
    task = asyncio.get_running_loop().create_task(writing, name="piece")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise


_HEADERS = {"Tus-Resumable": TUS, "Cache-Control": "no-store"}


def _number(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 16:
        raise ProtocolError(ErrorCode.BAD_MESSAGE)
    return int(text)


def _refusal(code: ErrorCode, status: int | None = None) -> web.Response:
    response = web.json_response(ack_error(code), status=status or _STATUS.get(code, 400), headers=_HEADERS)
    if code is ErrorCode.TOO_FAST:
        response.headers["Retry-After"] = "1"
    return response
