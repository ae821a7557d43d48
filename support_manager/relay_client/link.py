"""Keeps one connection to the relay up: connects, waits for its end, backs off with jitter, connects again."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Protocol, TypeVar

import structlog

from support_manager.errors import AppCode, CertificateProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import Link, LinkChanged
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Hello, Request
from support_manager.protocol.version import PROTOCOL_VERSION
from support_manager.relay_client.client import ACK_S, RelayClient
from support_manager.relay_client.transport import TransportFactory
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)
R = TypeVar("R", bound=Wire)

FIRST_RETRY_S = 0.25
LONGEST_RETRY_S = 15.0
STEADY_S = 5.0
"""A connection that held this long counts as one; the tries after it begin anew, quick ones first."""
_TOKEN_CODES = frozenset({ErrorCode.TOKEN_EXPIRED, ErrorCode.NOT_SIGNED_IN})
_FINAL_CODES = _TOKEN_CODES | {
    ErrorCode.WRONG_CREDENTIALS,
    ErrorCode.ACCOUNT_DISABLED,
    ErrorCode.NOT_ALLOWED,
    ErrorCode.VERSION_TOO_OLD,
    ErrorCode.VERSION_TOO_NEW,
}
"""Refusals that another try does not mend; only a person can."""


class Tokens(Protocol):
    """Where the link gets its access token."""

    async def access(self, origin: str, *, fresh: bool = False) -> str:
        """A token of that relay that holds now; `fresh` after it refused the last one. Raises `SupportManagerError`."""


def retry_delay_s(attempt: int, rng: random.Random) -> float:
    """How long to wait before try number `attempt` (from 1): doubling, half of it by chance, at most 15 s.

    The first ones are quick, because a relay that restarts is back within a second or two; the chance keeps a
    thousand clients from coming back in the same instant.
    """
    ceiling = min(LONGEST_RETRY_S, FIRST_RETRY_S * 2.0 ** min(attempt - 1, 10))
    return ceiling * (0.5 + rng.random() / 2)


class RelayLink:
    """The app's standing connection to its relay.

    Args:
        origin: of the relay.
        tokens: for the access token.
        transport_factory: makes a transport for each try.
        on_event: called with every event of the relay, in order.
        on_online: awaited after each connect, before `request` is open to others; resumes the sessions.
        on_change: called with each `LinkChanged`.
        on_refused: called once, with the code, when the relay will not have this account any more; the link ends.
        on_certificate: called with a certificate that is not trusted, again only when it is another one, or after
            `hurry` or a time online; the link goes on trying.
        client_version: of this app.
        locale: of the rep.
        rng: for the jitter.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        origin: str,
        tokens: Tokens,
        transport_factory: TransportFactory,
        *,
        on_event: Callable[[Wire], None],
        on_online: Callable[[], Awaitable[None]],
        on_change: Callable[[LinkChanged], None],
        on_refused: Callable[[ErrorCode | AppCode], None],
        on_certificate: Callable[[CertificateProblem], None],
        client_version: str = "",
        locale: str = "en",
        rng: random.Random | None = None,
        clock: Callable[[], float] = monotonic,
    ) -> None:
        self._origin = origin
        self._tokens = tokens
        self._factory = transport_factory
        self._on_event = on_event
        self._on_online = on_online
        self._on_change = on_change
        self._on_refused = on_refused
        self._on_certificate = on_certificate
        self._version = client_version
        self._locale = locale
        self._rng = rng or random.Random()  # noqa: S311 - jitter, no secret
        self._clock = clock
        self._tasks = TaskOwner("link")
        self._client: RelayClient | None = None
        self._gone = asyncio.Event()
        self._hurry = asyncio.Event()
        self._settled: asyncio.Future[None] | None = None
        self._told = ""
        self.state = Link.CONNECTING

    async def start(self) -> None:
        """Begin, and return after the first try: online, or failed and to be tried again, or refused."""
        self._settled = asyncio.get_running_loop().create_future()
        _ = self._tasks.spawn(self._keep(), name="keep")
        await self._settled

    async def request(self, message: Request, reply: type[R], *, timeout_s: float = ACK_S) -> R:
        """Send a request over the present connection; raises as `RelayClient.request` does."""
        client = self._client
        if client is None:
            raise RelayUnavailable(AppCode.CONNECTION_LOST)
        return await client.request(message, reply, timeout_s=timeout_s)

    def hurry(self) -> None:
        """Do not wait for the next try any longer."""
        self._hurry.set()

    async def aclose(self) -> None:
        """End the connection and all tries."""
        self._settle()
        await self._tasks.aclose(3.0)
        await self._drop()

    async def _keep(self) -> None:
        attempt = 0
        fresh = False
        while True:
            self._set(LinkChanged(Link.CONNECTING if attempt == 0 and self._client is None else Link.RECONNECTING))
            code: ErrorCode | AppCode | None = None
            try:
                await self._connect(fresh=fresh)
                fresh = False
                await self._on_online()
                since = self._clock()
                self._set(LinkChanged(Link.ONLINE))
                self._settle()
                self._told = ""
                await self._gone.wait()
                if self._clock() - since >= STEADY_S:
                    attempt = 0  # a relay that accepts and drops is no better than one that does not answer
                code = AppCode.CONNECTION_LOST
            except Refused as refusal:
                code = refusal.code
                if self._client is None and refusal.code in _FINAL_CODES:
                    if refusal.code not in _TOKEN_CODES or fresh:
                        self._give_up(refusal.code)
                        return
                    fresh = True
                    continue
            except CertificateProblem as problem:
                code = problem.code
                self._tell(problem)
            except SupportManagerError as problem:
                code = problem.code
            except (
                Exception
            ):  # a bug, or a relay that speaks in tongues: without this task the app never connects again
                log.exception("connection failed in an unknown way")
                code = AppCode.INTERNAL_APP
            finally:
                await self._drop()
            attempt += 1
            delay = retry_delay_s(attempt, self._rng)
            self._set(LinkChanged(Link.RECONNECTING, code=code, retry_in_s=delay))
            self._settle()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurry.wait(), delay)
                self._told = ""
            self._hurry.clear()  # only now: who hurries during a try means the next one

    async def _connect(self, *, fresh: bool) -> None:
        token = await self._tokens.access(self._origin, fresh=fresh)
        self._gone.clear()
        client = RelayClient(self._factory, self._on_event, self._gone.set)
        hello = Hello(v=PROTOCOL_VERSION, client="app", client_version=self._version, locale=self._locale, access=token)
        await client.connect(self._origin, hello)
        self._client = client

    async def _drop(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _tell(self, problem: CertificateProblem) -> None:
        fingerprint = problem.params.get("fingerprint", "")
        if fingerprint != self._told:
            self._told = fingerprint
            self._on_certificate(problem)

    def _give_up(self, code: ErrorCode | AppCode) -> None:
        log.warning("the relay will not have this account", code=str(code))
        self._settle()
        self._on_refused(code)

    def _set(self, change: LinkChanged) -> None:
        self.state = change.link
        self._on_change(change)

    def _settle(self) -> None:
        if self._settled is not None and not self._settled.done():
            self._settled.set_result(None)
