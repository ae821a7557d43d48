"""The app's side of a transfer's HTTP: appends parts by tus, fetches parts by range, says what an answer means."""

import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from support_manager.errors import AppCode, LocalProblem
from support_manager.protocol import limits
from support_manager.relay_client.trust import context_for

if TYPE_CHECKING:
    import aiohttp

PART_S = 120.0
"""How long one part may take; a slow line then sends what is left of it in the next request."""
_PIECE = 256 * 1024


class GoneError(Exception):
    """The token holds no longer: the transfer is over, or the relay was restarted."""


class RangeError(Exception):
    """The relay does not have what was asked for: it has forgotten it, or has less."""


class AgainError(Exception):
    """Not now: the network, a busy relay, or a full window. Nothing is lost."""

    reason: AppCode | None = None
    """What stands in the way, where that may last."""


class FullError(AgainError):
    """The relay has no room on its disk; somebody may make some."""

    reason = AppCode.FILE_SITE_FULL


class DivertedError(AgainError):
    """Not the relay answered but something in between, as a network does that wants its people to sign in first."""

    reason = AppCode.FILE_DIVERTED


class TooLargeError(Exception):
    """A server on the way takes less in one request."""


_REFUSED = (400, 405, 411, 412, 415, 501)
"""Asking again gives the same answer."""
_OF_ANOTHER = (200, 511)
"""The relay gives 200 to HEAD alone, with `Upload-Offset`; 511 is RFC 6585's "sign in to this network first"."""


@dataclass(frozen=True, slots=True)
class Access:
    """How the relay is reached.

    Args:
        origin: scheme, host and port.
        pin: the accepted fingerprint of its certificate, if there is one.
    """

    origin: str
    pin: str | None

    def context(self) -> ssl.SSLContext:
        """The TLS context."""
        return context_for(self.pin)


class Parts:
    """Talks to one relay about one transfer; use it as an async context manager, on the loop that transfers.

    Args:
        access: of the relay.
        path: of the transfer, as the ticket says.
        token: of the ticket.
    """

    def __init__(self, access: Access, path: str, token: str) -> None:
        self._access = access
        self._url = access.origin + path
        self._headers = {"Authorization": f"Bearer {token}", "Tus-Resumable": "1.0.0"}
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        import aiohttp

        timeout = aiohttp.ClientTimeout(total=PART_S, sock_connect=8.0, sock_read=limits.FILE_WAIT_S + 15.0)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(ssl=self._access.context()),
            timeout=timeout,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=2**20,
        )
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._session is not None:
            await self._session.close()

    def _running(self) -> "aiohttp.ClientSession":
        if self._session is None:
            raise RuntimeError("outside its context")
        return self._session

    async def append(self, offset: int, pieces: list[bytes]) -> int:
        """Append sealed bytes at `offset`; returns how much the relay has now.

        Raises:
            GoneError, TooLargeError, AgainError: see there.
            LocalProblem: `file_refused`.
        """
        session = self._running()
        headers = {
            **self._headers,
            "Upload-Offset": str(offset),
            "Content-Type": "application/offset+octet-stream",
            "Content-Length": str(sum(map(len, pieces))),
        }
        try:
            async with session.patch(self._url, headers=headers, data=_pieces(pieces), allow_redirects=False) as answer:
                if answer.status == 204:
                    return _number(answer.headers.get("Upload-Offset"))
                if answer.status == 413:
                    raise TooLargeError
                self._judge(answer.status)
                raise AgainError(f"status {answer.status}")
        except _trouble() as error:
            raise _again(error) from None

    async def offset(self) -> int:
        """How much the relay has.

        Raises:
            GoneError, AgainError: see there.
        """
        session = self._running()
        try:
            async with session.head(self._url, headers=self._headers, allow_redirects=False) as answer:
                if answer.status == 200 and "Upload-Offset" in answer.headers:
                    return _number(answer.headers["Upload-Offset"])
                self._judge(answer.status)
                raise AgainError(f"status {answer.status}")
        except _trouble() as error:
            raise _again(error) from None

    async def fetch(self, start: int, kept: int) -> bytes:
        """The next sealed bytes from `start` on, as far as they come in time; none when nothing did.

        Args:
            start: the first byte wanted.
            kept: how much is here for good, which the relay then forgets.

        Raises:
            GoneError, RangeError, AgainError: see there.
            LocalProblem: `file_refused`.
        """
        session = self._running()
        pieces: list[bytes] = []
        came = 0
        headers = {**self._headers, "Range": f"bytes={start}-", "Upload-Kept": str(kept)}
        try:
            async with session.get(self._url, headers=headers, allow_redirects=False) as answer:
                if answer.status == 204:
                    return b""
                if answer.status == 416:
                    raise RangeError(f"from {start}, {kept} kept")
                self._judge(answer.status)
                length = answer.content_length
                if answer.status != 206 or length is None or length > limits.FILE_PART_BYTES:
                    raise AgainError(f"status {answer.status}")
                async for piece in answer.content.iter_any():
                    pieces.append(piece)
                    came += len(piece)
                    if came > length:
                        raise AgainError("more than announced")
                return b"".join(pieces)
        except _trouble() as error:
            if came:
                return b"".join(pieces)  # a slow line, or one that broke: the next request goes on from here
            raise _again(error) from None

    @staticmethod
    def _judge(status: int) -> None:
        if status in (401, 403, 404, 410):
            raise GoneError(f"status {status}")
        if status == 507:
            raise FullError(f"status {status}")
        if status in _REFUSED:
            raise LocalProblem(AppCode.FILE_REFUSED)
        if status in _OF_ANOTHER or 300 <= status < 400:
            raise DivertedError(f"status {status}")


def _trouble() -> tuple[type[Exception], ...]:
    """What a request may fail with that may go well another time."""
    import aiohttp

    return aiohttp.ClientError, TimeoutError, OSError


def _again(error: Exception) -> AgainError:
    import aiohttp

    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return DivertedError(repr(error))  # what leads elsewhere before an https relay has not the relay's certificate
    return AgainError(repr(error))


async def _pieces(pieces: list[bytes]) -> AsyncIterator[bytes]:
    for piece in pieces:
        yield piece


def _number(text: str | None) -> int:
    if text is None or not text.isascii() or not text.isdigit() or len(text) > 16:
        raise AgainError("no offset")
    return int(text)
