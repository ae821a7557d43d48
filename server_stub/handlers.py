"""The edge of the relay: says who may connect, decodes, has a request carried out, acknowledges; never raises."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
import structlog
from aiohttp import web
from sqlalchemy import insert, select

from server_stub.audit import Audit
from server_stub.ceiling import Ceiling
from server_stub.chat import Chat
from server_stub.connections import BEAT_S, Server
from server_stub.directory import Directory
from server_stub.ending import Ending
from server_stub.entering import Entering
from server_stub.file_room import FileRoom
from server_stub.files import Files
from server_stub.history import Remembering
from server_stub.http_api import relay_version
from server_stub.in_session import InSession
from server_stub.inbox import Inbox
from server_stub.inviting import Inviting
from server_stub.joining import Joining
from server_stub.link import Link
from server_stub.live import LiveSessions, packet_of
from server_stub.mail import Postman
from server_stub.members import Members
from server_stub.people import People
from server_stub.ports import AccountsPort, Clock, RandomBytes, RelaySettings, SystemClock, random_bytes
from server_stub.queues import Queue
from server_stub.records import Records
from server_stub.state.model import Session
from server_stub.state.refused import Refused
from server_stub.state.registry import KEEP_ENDED_MS, Registry
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import JournalFailed
from server_stub.store.pruning import prune
from server_stub.tasks import TaskOwner
from support_manager.protocol import events, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import REQUESTS
from support_manager.protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION
from support_manager.protocol.views import Connection, SiteView
from support_manager.protocol.wire import ProtocolError, decode_request, to_message

log = structlog.get_logger(__name__)

_TICK_S = 5.0
_PRUNE_EVERY_S = 3_600.0
_DAY_MS = 24 * 3_600 * 1_000
_SIGN_INS_EVERY_S = 1.0
"""How soon an open socket learns that its account was closed or its sign-in revoked."""
_LINK_KEY = "link_key"
_encode = msgspec.json.Encoder().encode


class Relay:
    """The relay's core: sessions, their members and what flows between them.

    Args:
        database: open and up to date.
        settings: what the operator decided.
        accounts: who a rep is.
        clock: wall and monotonic time.
        random: unpredictable bytes.
        folder: where files on their way are kept.
    """

    def __init__(
        self,
        *,
        database: Database,
        settings: RelaySettings,
        accounts: AccountsPort,
        clock: Clock | None = None,
        random: RandomBytes = random_bytes,
        folder: Path | None = None,
    ) -> None:
        self._database = database
        self._settings = settings
        self._accounts = accounts
        self._clock = clock or SystemClock()
        self._random = random
        self._tasks = TaskOwner("relay")
        self._server = Server(self, settings, self._clock.monotonic_s)
        self._is_stopping = False
        self._audit = Audit(database, self._clock.now_ms)
        self.postman = Postman()
        self._members = Members(settings, lambda: self._clock.now_ms() / 1000)
        self._ceiling = Ceiling(self._members, settings, database, self._tasks)
        self._directory = Directory(database, settings)
        self._inbox = Inbox(self._members, self._ceiling, self._directory, settings, self._clock, self._tasks)
        self._records = Records(database, self._tasks, self._handled)
        self.ending = Ending(self._members, self._audit, self._records)
        room = FileRoom(settings)
        self.files = Files(self._members, settings, folder or Path("files"), room, random, self._tasks)
        self._chat = Chat(self._members)
        self._handlers: dict[str, Callable[[Link, Any], Awaitable[Wire]]] = {
            **Joining(self._members, self._ceiling, database, self._audit, self._clock, random, self._tasks).handlers(),
            **InSession(self._members, room, random).handlers(),
            **self._chat.handlers(),
            **self.files.handlers(),
            **People(self._members, self._ceiling, database, self._clock).handlers(),
            **self._inbox.handlers(),
            **Inviting(self._members, self._audit, self.postman, settings, self._clock, self._tasks).handlers(),
            **Entering(self._members, self._inbox, self._directory, self._clock, random).handlers(),
            **Remembering(self._members, self._records, database, self._clock).handlers(),
        }

    # Life

    async def start(self) -> None:
        """Rebuild the live sessions from the journal, before the first client comes.

        Raises:
            StoreError: the journal cannot be read.
        """
        registry = Registry(await self._link_key())
        live = LiveSessions(self._database, registry, self._clock, self._random)
        await live.rebuild()
        self._members.open(live)
        await self._ceiling.open()
        await self._records.open(live)
        await self._inbox.open()
        await self.files.open()
        self._tasks.spawn(self._tick(), name="tick")
        self._tasks.spawn(self._prune(), name="prune")
        self._tasks.spawn(self._beat(), name="beat")
        self._tasks.spawn(self._watch_sign_ins(), name="watch sign-ins")

    def attach(self, app: web.Application) -> None:
        """Serve Socket.IO under `/socket.io/` of `app`."""
        self._server.attach(app)

    async def stop(self) -> None:
        """Tell every client `relay_stopping`, write what waits, close the sockets."""
        self._is_stopping = True
        notice = packet_of("notice", events.Notice(code=ErrorCode.RELAY_STOPPING))
        links = self._server.links
        for link in links:
            link.send(notice)
        self._inbox.close()
        # Before its writer is cancelled: a commit that is cut off is written twice or not at all.
        await self._records.flush()
        await self._tasks.aclose()
        if self._members.is_open:
            await self._members.live.close()
            await self._records.flush()
        await self._server.close_all(links)

    def _handled(self) -> None:
        """Sessions are over and written down: handling times have changed."""
        self._directory.is_stale = True

    def figures(self) -> tuple[int, int]:
        """Live sessions and participants, for `/health`."""
        sessions = self._members.live.registry.live() if self._members.is_open else []
        return len(sessions), sum(len(session.members()) for session in sessions)

    async def queue_now(self, slug: str) -> Queue | None:
        """The queue of that short name as it is by now, for the entry page."""
        return await self._directory.queue_now(slug)

    @property
    def members(self) -> Members:
        """The live sessions and who is in them, for the site's pages."""
        return self._members

    def sessions_of(self, account_id: str) -> list[Session]:
        """The live sessions in which a rep is, the oldest first."""
        found = self._members.live.registry.of_account(account_id) if self._members.is_open else []
        return sorted(found, key=lambda session: session.started_at)

    async def _link_key(self) -> bytes:
        """The installation's key for link tokens, made at the first start."""
        table = tables.setting
        async with self._database.transaction() as connection:
            row = (await connection.execute(select(table.c.value).where(table.c.key == _LINK_KEY))).first()
            if row is not None:
                return bytes.fromhex(str(row.value))
            key = self._random(32)
            await connection.execute(insert(table).values(key=_LINK_KEY, value=key.hex()))
            return key

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self._members.live.tick(self._settings.session_without_controller_s)
            except Exception:
                log.exception("tick failed")

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(BEAT_S)
            try:
                await self._server.beat()
            except Exception:
                log.exception("beat failed")

    async def _prune(self) -> None:
        """Delete what the operator wants kept no longer, at the start and then every hour."""
        while True:
            now = self._clock.now_ms()
            # Never what somebody who comes back may still be told.
            kept_ms = max(self._settings.keep_days * _DAY_MS, 2 * KEEP_ENDED_MS)
            try:
                emptied = await prune(self._database, ended_before_ms=now - kept_ms, now_ms=now)
                if emptied:
                    log.info("old sessions pruned", sessions=emptied)
            except StoreError as error:
                log.warning("old sessions could not be pruned", code=error.code)
            await asyncio.sleep(_PRUNE_EVERY_S)

    async def _watch_sign_ins(self) -> None:
        """Put out whoever may no longer be here; his sessions wait for him as after a lost connection."""
        seen: int | None = None
        last: dict[str, str] = {}
        while True:
            await asyncio.sleep(_SIGN_INS_EVERY_S)
            links = [link for link in self._server.links if link.account is not None and not link.is_closing]
            try:
                sign_ins = {link.family: link.account.id for link in links if link.account is not None}
                sign_ins |= self.files.sign_ins()
                stamp = await self._database.stamp()
                if not sign_ins or (stamp is not None and stamp == seen and sign_ins == last):
                    continue
                ended = await self._accounts.ended_sign_ins(sign_ins)
                seen, last = stamp, sign_ins
            except StoreError as error:
                log.warning("sign-ins could not be checked", code=error.code)
                continue
            self.files.forget(ended)
            for link in links:
                code = ended.get(link.family)
                if code is not None and link.account is not None:
                    log.info("sign-in ended", code=code.value, account=link.account.id, address=link.address)
                    link.dismiss(packet_of("notice", events.Notice(code=code)))

    # Connections (connections.Requests)

    async def admit(self, link: Link, auth: object) -> ErrorCode | None:
        """Say who a new connection is, or why it may not come in; never raises."""
        try:
            code = await self._admit(link, auth)
        except ProtocolError as error:
            code = error.code
        except StoreError:
            code = ErrorCode.RELAY_BUSY
        except Exception:
            log.exception("connect failed", address=link.address)
            code = ErrorCode.INTERNAL
        if code is not None:
            log.info("connection refused", code=code.value, address=link.address)
        return code

    async def _admit(self, link: Link, auth: object) -> ErrorCode | None:
        if self._is_stopping or not self._members.is_open:
            return ErrorCode.RELAY_STOPPING
        # The version comes first: a client of another version may well send other fields.
        version = auth.get("v") if isinstance(auth, dict) else None
        if type(version) is int and version < OLDEST_SUPPORTED:
            return ErrorCode.VERSION_TOO_OLD
        if type(version) is int and version > PROTOCOL_VERSION:
            return ErrorCode.VERSION_TOO_NEW
        hello = to_message(auth, requests.Hello)
        if hello.client == "app":
            if hello.access is None:
                return ErrorCode.NOT_SIGNED_IN
            caller = await self._accounts.caller_by_access(hello.access)
            if caller is None:
                return ErrorCode.TOKEN_EXPIRED
            link.account, link.family = caller
            self._ceiling.learn(caller.account)
        elif hello.client != "page" or hello.access is not None:
            return ErrorCode.BAD_MESSAGE
        link.hello = hello
        return None

    def welcome(self, link: Link) -> None:
        """Greet a connection that is in."""
        site = SiteView(
            company=self._settings.company,
            relay_version=relay_version(),
            without_controller_s=self._settings.session_without_controller_s,
            file_bytes=self._settings.file_rules.size_bytes,
            protocol=PROTOCOL_VERSION,
            oldest_protocol=OLDEST_SUPPORTED,
            url=self._settings.public_url,
        )
        link.send(packet_of("welcome", events.Welcome(site=site, now=self._clock.now_ms(), account=link.account)))

    def gone(self, link: Link) -> None:
        """A connection is no more: whoever it was has lost it."""
        if not self._members.is_open:
            return
        self._inbox.gone(link)
        for session, participant_id in self._members.live.unbind(link):
            if not self._is_stopping:
                lost = self._members.live.change_connection(session, participant_id, Connection.LOST)
                self._tasks.spawn(lost, name="connection lost")

    async def answer(self, link: Link, event: str, arguments: list[Any]) -> str:
        """Carry out a request and give the JSON of its ack; never raises."""
        try:
            self._count(link)
            if event not in REQUESTS:
                raise Refused(ErrorCode.UNKNOWN_EVENT)
            request = decode_request(event, arguments[0] if len(arguments) == 1 else None)
            reply = await self._handlers[event](link, request)
            return _carried_out(reply)
        except Exception as error:  # noqa: BLE001 - it is logged there
            return self._refusal(link, event, error)

    def say(self, link: Link, request: requests.ChatSend, answer: Callable[[str], None]) -> bool:
        """Carry out a chat line without a task, and call `answer` with the JSON of its ack when it is on disk; False
        when it has to wait its turn as all requests. Until then the connection's next message waits. Never raises."""
        if link.inlet is None or not self._members.is_open or not self._chat.is_at_rest(request):
            return False
        link.inlet.hold()
        said = partial(self._said, link, answer)
        try:
            self._count(link)
            self._chat.put(link, request, said)
        except Exception as error:  # noqa: BLE001 - it is logged there
            said(error)
        return True

    def _said(self, link: Link, answer: Callable[[str], None], result: requests.ChatSent | Exception) -> None:
        try:
            if isinstance(result, Exception):
                answer(self._refusal(link, "chat.send", result))
            else:
                answer(_carried_out(result))
        finally:
            if link.inlet is not None:
                link.inlet.go_on()

    def _count(self, link: Link) -> None:
        if not link.bucket.take(self._clock.monotonic_s()):
            raise Refused(ErrorCode.TOO_FAST)

    def _refusal(self, link: Link, event: str, error: Exception) -> str:
        """The JSON of the ack of a request that was not carried out; what is no refusal of ours goes into the log."""
        if isinstance(error, Refused | ProtocolError):
            code = error.code
        elif isinstance(error, JournalFailed | StoreError):
            code = ErrorCode.RELAY_STOPPING if self._is_stopping else ErrorCode.RELAY_BUSY
        else:
            log.error("request failed", request=event if event in REQUESTS else "unknown", exc_info=error)
            code = ErrorCode.INTERNAL
        self._note_refusal(link, event, code)
        return f'{{"ok":false,"code":"{code.value}"}}'

    def _note_refusal(self, link: Link, event: str, code: ErrorCode) -> None:
        # Candidates that a newer set-up of the same picture has overtaken are many in normal use, and nobody's fault.
        overtaken = event == "signal.send" and code is ErrorCode.STALE_EPOCH
        (log.debug if overtaken else log.info)(
            "request refused",
            request=event if event in REQUESTS else "unknown",
            code=code.value,
            address=link.address,
            sessions=tuple(link.bound),
        )
        senseless = code in (ErrorCode.BAD_MESSAGE, ErrorCode.UNKNOWN_EVENT, ErrorCode.TOO_FAST)
        if senseless and not link.strikes.take(self._clock.monotonic_s()):
            link.kick("too many senseless messages")


def _carried_out(reply: Wire) -> str:
    return f'{{"ok":true,"value":{_encode(reply).decode()}}}'
