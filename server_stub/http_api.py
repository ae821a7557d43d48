"""The relay's HTTP interface for the app and for monitors: `protocol/http.py` over aiohttp, JSON only."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from importlib.metadata import PackageNotFoundError, version
from typing import TypeVar

import msgspec
import structlog
from aiohttp import web

from server_stub.accounts import Accounts
from server_stub.limits import AtOnce, TryLimiter
from server_stub.queues import Queue
from server_stub.settings import LiveSettings
from server_stub.store.database import StoreError
from server_stub.transport import client_address
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.http import Health, QueueEntry, Refresh, SignedIn, SignIn
from support_manager.protocol.requests import Nothing
from support_manager.protocol.version import OLDEST_SUPPORTED, PROTOCOL_VERSION
from support_manager.protocol.views import SiteView
from support_manager.protocol.wire import ProtocolError, ack_error, ack_ok, to_message

log = structlog.get_logger(__name__)
T = TypeVar("T")

BODY_BYTES = 4 * 1024
WRONG_PASSWORDS_PER_MINUTE = 200
"""Over the whole site; above it every sign-in waits `SLOW_S`, and nobody is locked out by a stranger's guesses."""
SLOW_S = 1.0
SIGN_INS_AT_ONCE = 4
"""How many passwords of one address are checked at the same time."""
BODY_S = 10.0
"""How long a request's body may take, from its first byte to its last."""

_STATUS = {
    ErrorCode.BAD_MESSAGE: 400,
    ErrorCode.VERSION_TOO_OLD: 400,
    ErrorCode.VERSION_TOO_NEW: 400,
    ErrorCode.WRONG_CREDENTIALS: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.ACCOUNT_DISABLED: 403,
    ErrorCode.NOT_ALLOWED: 403,
    ErrorCode.QUEUE_UNKNOWN: 404,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY_TRIES: 429,
    ErrorCode.RELAY_BUSY: 503,
    ErrorCode.RELAY_STOPPING: 503,
    ErrorCode.INTERNAL: 503,
}


def relay_version() -> str:
    """The version of the installed program."""
    try:
        return version("support-manager")
    except PackageNotFoundError:
        return "0.0.0"


class HttpApi:
    """Sign-in, refresh, sign-out, site and queue information, health.

    Args:
        accounts: who may sign in.
        settings: the running relay's settings.
        figures: live sessions and participants.
        queue: gives the queue of a short name as it is now.
    """

    def __init__(
        self,
        *,
        accounts: Accounts,
        settings: LiveSettings,
        figures: Callable[[], tuple[int, int]],
        queue: Callable[[str], Awaitable[Queue | None]],
    ) -> None:
        self._accounts = accounts
        self._settings = settings
        self._figures = figures
        self._queue_now = queue
        self._wrong = TryLimiter(
            per_address=limits.WRONG_PASSWORDS_PER_MINUTE_PER_ADDRESS,
            per_site=WRONG_PASSWORDS_PER_MINUTE,
            clock=time.monotonic,
        )
        self._under_way = AtOnce()
        self._version = relay_version()
        self._started = time.monotonic()
        self.stopping = False

    def attach(self, app: web.Application) -> None:
        """Serve the interface under `/api/` and `/health`."""
        app.router.add_post("/api/sign-in", self._guarded(self._sign_in))
        app.router.add_post("/api/refresh", self._guarded(self._refresh))
        app.router.add_post("/api/sign-out", self._guarded(self._sign_out))
        app.router.add_get("/api/site", self._guarded(self._site))
        app.router.add_get("/api/queue/{slug}", self._guarded(self._queue))
        app.router.add_get("/health", self._health)

    def _guarded(
        self, handler: Callable[[web.Request], Awaitable[Wire]]
    ) -> Callable[[web.Request], Awaitable[web.Response]]:
        async def handle(request: web.Request) -> web.Response:
            try:
                if self.stopping:
                    raise ProtocolError(ErrorCode.RELAY_STOPPING)
                origin = request.headers.get("Origin")
                if origin is not None and origin not in self._settings.allowed_origins:
                    raise ProtocolError(ErrorCode.NOT_ALLOWED)
                return _json(ack_ok(await handler(request)))
            except ProtocolError as error:
                response = _json(ack_error(error.code), status=_STATUS.get(error.code, 400))
                if error.code is ErrorCode.TOO_MANY_TRIES:
                    response.headers["Retry-After"] = "60"
                return response
            except StoreError as error:
                log.error("the database failed", code=error.code, detail=error.detail)
                return _json(ack_error(ErrorCode.RELAY_BUSY), status=503)

        return handle

    async def _sign_in(self, request: web.Request) -> Wire:
        asked = await read_json(request, SignIn)
        _check_version(asked.v)
        return await self.sign_in(request, asked.name, asked.password)

    async def sign_in(self, request: web.Request, name: str, password: str) -> SignedIn:
        """Sign somebody in, counting wrong passwords by address, whether an app or a page asks.

        Raises:
            ProtocolError: `wrong_credentials`, `account_disabled`, `too_many_tries`, `relay_busy`.
        """
        address = client_address(request, behind_proxy=self._settings.behind_proxy)
        # A failure counts only once it is known, so few may be under way: a hundred guesses at once are no way round.
        if self._wrong.is_blocked(address) or not self._under_way.has_room(address, SIGN_INS_AT_ONCE):
            log.warning("too many sign-ins", address=address)
            raise ProtocolError(ErrorCode.TOO_MANY_TRIES)
        self._under_way.begin(address)
        try:
            if self._wrong.is_site_slow:
                await asyncio.sleep(SLOW_S)
            signed_in = await self._accounts.sign_in(name, password)
        except ProtocolError as error:
            if error.code is ErrorCode.WRONG_CREDENTIALS:
                self._wrong.failed(address)
                log.warning("wrong password", address=address)
            raise
        finally:
            self._under_way.end(address)
        log.info("signed in", account=signed_in.account.id, address=address)
        return signed_in

    async def _refresh(self, request: web.Request) -> Wire:
        asked = await read_json(request, Refresh)
        _check_version(asked.v)
        return await self._accounts.refresh(asked.refresh_token)

    async def _sign_out(self, request: web.Request) -> Wire:
        asked = await read_json(request, Refresh)
        await self._accounts.sign_out(asked.refresh_token)
        return Nothing()

    async def _site(self, request: web.Request) -> Wire:
        return self.site_view()

    def site_view(self) -> SiteView:
        """What everybody may know of this relay."""
        return SiteView(
            company=self._settings.company,
            relay_version=self._version,
            without_controller_s=self._settings.session_without_controller_s,
            file_bytes=self._settings.file_rules.size_bytes,
            protocol=PROTOCOL_VERSION,
            oldest_protocol=OLDEST_SUPPORTED,
            url=self._settings.public_url,
        )

    async def _queue(self, request: web.Request) -> QueueEntry:
        queue = await self._queue_now(request.match_info["slug"])
        if queue is None:
            raise ProtocolError(ErrorCode.QUEUE_UNKNOWN)
        now_ms = time.time_ns() // 1_000_000
        is_open = queue.is_open(now_ms)
        return QueueEntry(name=queue.name, is_open=is_open, opens_at=None if is_open else queue.opens_at(now_ms))

    async def _health(self, request: web.Request) -> web.Response:
        sessions, participants = self._figures()
        health = Health(
            status="stopping" if self.stopping else "ok",
            relay_version=self._version,
            sessions=sessions,
            participants=participants,
            uptime_s=int(time.monotonic() - self._started),
        )
        return _json(ack_ok(health), status=503 if self.stopping else 200)


async def read_json(request: web.Request, kind: type[T]) -> T:
    """The body of a request as a message of `kind`: JSON by content type and by content, small, and soon there.

    Raises:
        ProtocolError: `bad_message` or `too_large`.
    """
    body = await read_body(request, "application/json", BODY_BYTES)
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "not JSON") from None
    return to_message(raw, kind)


async def read_body(request: web.Request, content_type: str, most_bytes: int) -> bytes:
    """The whole body of a request, within `BODY_S`.

    Args:
        request: not read yet.
        content_type: that it must have, in UTF-8.
        most_bytes: more than so many are refused.

    Raises:
        ProtocolError: `bad_message` or `too_large`.
    """
    if request.content_type != content_type or (request.charset or "utf-8").lower() not in ("utf-8", "utf8"):
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "content type")
    if "Content-Encoding" in request.headers:
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "content encoding")
    if request.content_length is not None and request.content_length > most_bytes:
        raise ProtocolError(ErrorCode.TOO_LARGE, "body")
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_S):
            async for chunk in request.content.iter_any():
                body += chunk
                if len(body) > most_bytes:
                    raise ProtocolError(ErrorCode.TOO_LARGE, "body")
    except (TimeoutError, web.RequestPayloadError):
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "slow or broken body") from None
    return bytes(body)


def _check_version(spoken: int) -> None:
    if spoken < OLDEST_SUPPORTED:
        raise ProtocolError(ErrorCode.VERSION_TOO_OLD)
    if spoken > PROTOCOL_VERSION:
        raise ProtocolError(ErrorCode.VERSION_TOO_NEW)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(
        body=msgspec.json.encode(value),
        status=status,
        headers={"Content-Type": "application/json; charset=utf-8", "Cache-Control": "no-store"},
    )
