"""The relay's small HTTP interface: sign-in, refresh, sign-out."""

import ssl
from collections.abc import Callable
from typing import TypeVar

import msgspec

from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.http import Refresh, SignedIn, SignIn
from support_manager.protocol.requests import Nothing
from support_manager.protocol.version import PROTOCOL_VERSION
from support_manager.protocol.wire import ProtocolError, read_ack, to_plain
from support_manager.relay_client.address import host_and_port
from support_manager.relay_client.trust import certificate_problem, context_for

T = TypeVar("T")
_TOTAL_S = 15.0
_CONNECT_S = 8.0
_ANSWER_BYTES = 64 * 1024


class RelayHttp:
    """Speaks to the HTTP side of relays; holds no connection between calls.

    Args:
        pin_for: gives the fingerprint accepted for an origin, or None.
        client_version: of this app, for the relay's log.
    """

    def __init__(self, pin_for: Callable[[str], str | None], client_version: str = "") -> None:
        self._pin_for = pin_for
        self._version = client_version

    async def sign_in(self, origin: str, name: str, password: str) -> SignedIn:
        """Exchange name and password for tokens.

        Raises:
            Refused: `wrong_credentials`, `account_disabled`, `too_many_tries`, `version_too_old`, …
            RelayUnavailable: no answer, or not a relay's.
            CertificateProblem: TLS could not be trusted.
        """
        body = SignIn(name=name, password=password, v=PROTOCOL_VERSION, client_version=self._version)
        return await self._call(origin, "/api/sign-in", body, SignedIn)

    async def refresh(self, origin: str, refresh_token: str) -> SignedIn:
        """Exchange a refresh token for new tokens; the old one is used up. Raises as `sign_in` does."""
        body = Refresh(refresh_token=refresh_token, v=PROTOCOL_VERSION)
        return await self._call(origin, "/api/refresh", body, SignedIn)

    async def sign_out(self, origin: str, refresh_token: str) -> None:
        """Revoke a refresh token and its family. Raises as `sign_in` does."""
        body = Refresh(refresh_token=refresh_token, v=PROTOCOL_VERSION)
        await self._call(origin, "/api/sign-out", body, Nothing)

    async def _call(self, origin: str, path: str, body: object, kind: type[T]) -> T:
        import aiohttp

        pin = self._pin_for(origin)
        host, _ = host_and_port(origin)
        timeout = aiohttp.ClientTimeout(total=_TOTAL_S, sock_connect=_CONNECT_S)
        connector = aiohttp.TCPConnector(ssl=context_for(pin), force_close=True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector, timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
                ) as http,
                http.post(origin + path, json=to_plain(body), allow_redirects=False) as answer,
            ):
                raw = await answer.content.read(_ANSWER_BYTES + 1)
                while len(raw) <= _ANSWER_BYTES and (more := await answer.content.read(_ANSWER_BYTES)):
                    raw += more
        except (aiohttp.ClientConnectorCertificateError, ssl.SSLCertVerificationError):
            raise await certificate_problem(origin, pin) from None
        except aiohttp.ClientSSLError as error:
            raise RelayUnavailable(AppCode.NOT_A_RELAY, host=host) from error
        except TimeoutError as error:
            raise RelayUnavailable(AppCode.TIMED_OUT, host=host) from error
        except (aiohttp.ClientConnectionError, OSError) as error:
            raise RelayUnavailable(AppCode.RELAY_UNREACHABLE, host=host) from error
        except (aiohttp.ClientError, ValueError) as error:
            raise RelayUnavailable(AppCode.NOT_A_RELAY, host=host) from error
        return _read(raw, kind, host)


def _read(raw: bytes, kind: type[T], host: str) -> T:
    if len(raw) > _ANSWER_BYTES:
        raise RelayUnavailable(AppCode.NOT_A_RELAY, host=host)
    try:
        return read_ack(msgspec.json.decode(raw), kind)
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        raise RelayUnavailable(AppCode.NOT_A_RELAY, host=host) from None
    except ProtocolError as error:
        if error.detail != "refused":  # its own answer is malformed; a refusal has a code of the relay's
            raise RelayUnavailable(AppCode.NOT_A_RELAY, host=host) from None
        if error.code is ErrorCode.INTERNAL:
            raise RelayUnavailable(ErrorCode.INTERNAL, host=host) from None
        raise Refused(error.code, host=host) from None
