"""Ways out of this network: which STUN and TURN addresses answer from here, all tried at once, remembered a while."""

import asyncio
import secrets
import ssl
import struct
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import structlog
import truststore
from aioice.ice import Connection, TransportPolicy, get_host_addresses
from aioice.turn import TurnTransport
from aiortc import RTCIceGatherer
from aiortc.rtcicetransport import parse_stun_turn_uri
from typing_extensions import override

from support_manager.media.ice_servers import usable_servers
from support_manager.protocol.views import IceServer
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

UDP_S = 0.9
"""A network that lets UDP through has answered by then, three requests on the way."""
STREAM_S = 2.0
_UDP_AGAIN_S = 0.25
_KNOWN_S = 60.0
_BINDING = 0x0001
_ANSWER = 0x0101
_COOKIE = 0x2112A442
_LOOPBACK = ("127.0.0.1", "::1", "0.0.0.0", "::")  # noqa: S104 - addresses to leave alone, nothing is bound
_ORDER = ("udp", "tcp", "tls")


@dataclass(frozen=True)
class Server:
    """One address of a STUN or TURN server.

    Attributes:
        is_turn: whether it relays.
        way: `udp`, `tcp` or `tls`.
    """

    is_turn: bool
    host: str
    port: int
    way: str
    username: str = ""
    credential: str = ""

    @property
    def place(self) -> tuple[str, int, str]:
        """What is tried and remembered; credentials change."""
        return self.host, self.port, self.way


def servers_of(given: tuple[IceServer, ...]) -> list[Server]:
    """All addresses that can be used, UDP first, then TCP, then TLS, otherwise in the order given."""
    found = []
    for entry in usable_servers(given):
        for url in entry.urls if isinstance(entry.urls, list) else [entry.urls]:
            parsed: dict[str, Any] = parse_stun_turn_uri(url)
            scheme, transport = parsed["scheme"], parsed.get("transport", "udp")
            is_turn = scheme.startswith("turn")
            if scheme == "stuns" or (is_turn and not (entry.username and entry.credential)):
                continue
            way = "tls" if scheme == "turns" else transport if is_turn else "udp"
            if way in _ORDER:
                name, word = entry.username or "", entry.credential or ""
                found.append(Server(is_turn, parsed["host"].strip("[]"), parsed["port"], way, name, word))
    return sorted(found, key=lambda server: _ORDER.index(server.way))


class Ways:
    """What is known of the way out; one for all connections of this app. Lives on the media loop.

    # WORKAROUND(aioice 0.13.0): it takes one STUN and one TURN server and never falls back from UDP to TCP to TLS, and
    # a server that does not answer holds gathering up for 5 s –
    # https://github.com/aiortc/aioice/blob/0.13.0/src/aioice/ice.py – goes when upstream tries them in turn.

    Args:
        clock: seconds that never jump.
        trust: makes the TLS context; by default it trusts what the system trusts, a company's own CA included.
    """

    def __init__(
        self, clock: Callable[[], float] = time.monotonic, trust: Callable[[], ssl.SSLContext] | None = None
    ) -> None:
        self._clock = clock
        self._trust = trust or (lambda: truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
        self._known: dict[tuple[str, int, str], tuple[float, bool]] = {}
        self._wishes: set[str] = set()
        self._addresses = frozenset[str]()

    @property
    def relay_only(self) -> bool:
        """Whether anybody who may say so wants media to go through TURN only."""
        return bool(self._wishes)

    def set_relay_only(self, who: str, wanted: bool) -> None:
        """Whether `who` (the site, the rep) wants it; it holds for connections to come."""
        if wanted:
            self._wishes.add(who)
        else:
            self._wishes.discard(who)

    def have_changed(self) -> frozenset[str] | None:
        """This machine's addresses, if they are others than at the last call; what was known then holds no longer."""
        found = frozenset(get_host_addresses(use_ipv4=True, use_ipv6=True))
        former, self._addresses = self._addresses, found
        if former in (frozenset(), found):
            return None
        self._known.clear()
        return found

    async def prepare(self, gatherer: RTCIceGatherer, given: tuple[IceServer, ...]) -> None:
        """Let a gatherer that has not begun use the best STUN and TURN server that answer.

        Args:
            gatherer: made without any servers.
            given: the relay's; none that is not among them is ever asked.
        """
        connection = gatherer._connection
        if self.relay_only:
            connection._transport_policy = TransportPolicy.RELAY
        servers = servers_of(given)
        stun, turn = await asyncio.gather(
            # Whoever relays over UDP answers bindings, too (RFC 8656 section 3.1).
            self._first([each for each in servers if each.way == "udp"]),
            self._first([each for each in servers if each.is_turn]),
        )
        if stun is not None:
            connection.stun_server = (stun.host, stun.port)
        if turn is not None:
            connection.turn_server = (turn.host, turn.port)
            connection.turn_username, connection.turn_password = turn.username, turn.credential
            connection.turn_transport = "udp" if turn.way == "udp" else "tcp"
            connection.turn_ssl = self._trust() if turn.way == "tls" else False  # type: ignore[assignment]
        if servers:
            log.info("way out", stun=stun is not None, turn=None if turn is None else turn.way)

    def gathered(self, gatherer: RTCIceGatherer) -> None:
        """A prepared gatherer is done: a TURN server that has given no address is not tried again for a while."""
        connection = gatherer._connection
        if connection.turn_server is None or any(each.type == "relay" for each in connection.local_candidates):
            return
        way = "tls" if connection.turn_ssl else connection.turn_transport
        log.warning("the TURN server gives no address", host=connection.turn_server[0], way=way)
        self._known[*connection.turn_server, way] = (self._clock() + _KNOWN_S, False)

    def forget(self) -> None:
        """A connection came to nothing: what was found out about the way may hold no longer."""
        self._known.clear()

    async def _first(self, servers: list[Server]) -> Server | None:
        """The first of the list that answers; all are tried at once."""
        tasks = TaskOwner("ways")
        tries = [tasks.spawn(self._answers(server), name=f"try {server.way}") for server in servers]
        try:
            for server, attempt in zip(servers, tries, strict=True):
                if await attempt:
                    return server
            return None
        finally:
            await tasks.aclose(0.5)

    async def _answers(self, server: Server) -> bool:
        known = self._known.get(server.place)
        if known is not None and self._clock() < known[0]:
            return known[1]
        try:
            async with asyncio.timeout(UDP_S if server.way == "udp" else STREAM_S):
                await (_ask_udp(server) if server.way == "udp" else self._ask_stream(server))
            answers = True
        except (OSError, TimeoutError, asyncio.IncompleteReadError, UnicodeError) as error:
            log.info("no answer", host=server.host, port=server.port, way=server.way, error=type(error).__name__)
            answers = False
        self._known[server.place] = (self._clock() + _KNOWN_S, answers)
        return answers

    async def _ask_stream(self, server: Server) -> None:
        """A binding over TCP or TLS: not every port that opens is a STUN server's."""
        context = self._trust() if server.way == "tls" else None
        reader, writer = await asyncio.open_connection(server.host, server.port, ssl=context)
        try:
            request = _binding()
            writer.write(request)
            head = await reader.readexactly(20)
            if not _is_answer(head, request):
                raise ConnectionError("not a STUN server")
        finally:
            writer.transport.abort()


def uses_one_of(connection: Connection, addresses: frozenset[str]) -> bool:
    """Whether the way in use begins at one of these addresses of this machine."""
    pair = connection._nominated.get(1)
    if pair is None:
        return True
    transport: Any = pair.protocol.transport
    if isinstance(transport, TurnTransport):
        transport = transport._TurnTransport__inner_protocol.transport  # type: ignore[attr-defined]
    name = transport.get_extra_info("sockname")
    return name is None or name[0].partition("%")[0] in addresses or name[0] in _LOOPBACK


def _binding() -> bytes:
    """A binding request (RFC 8489 section 5)."""
    return struct.pack("!HHI", _BINDING, 0, _COOKIE) + secrets.token_bytes(12)


def _is_answer(data: bytes, request: bytes) -> bool:
    return len(data) >= 20 and data[:2] == struct.pack("!H", _ANSWER) and data[4:20] == request[4:20]


class _Asking(asyncio.DatagramProtocol):
    def __init__(self, request: bytes) -> None:
        self._request = request
        self.answered = asyncio.get_running_loop().create_future()

    @override
    def datagram_received(self, data: bytes, addr: object) -> None:
        if _is_answer(data, self._request) and not self.answered.done():
            self.answered.set_result(None)

    @override
    def error_received(self, exc: Exception) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc)


async def _ask_udp(server: Server) -> None:
    request = _binding()
    transport, asking = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: _Asking(request), remote_addr=(server.host, server.port)
    )
    try:
        while True:
            transport.sendto(request)
            with suppress(TimeoutError):
                async with asyncio.timeout(_UDP_AGAIN_S):
                    await asyncio.shield(asking.answered)
                    return
    finally:
        transport.close()
