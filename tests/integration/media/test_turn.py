"""A real coturn as the relay configures it: whom it serves, whither it relays, and media through it."""

import asyncio
import stat
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from aioice import stun, turn
from aiortc import RTCIceGatherer

from server_stub.turn import VALID_S, credentials
from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import AnswerReady, MediaEvent, PeerConnected, PeerKey
from support_manager.media.ways import UDP_S, Ways
from support_manager.protocol.views import IceServer
from tests.harness.coturn import Coturn, make_certificate
from tests.harness.netns import ADDRESS, blocked
from tests.harness.participant import Participant, ScreenTrack, until

pytestmark = pytest.mark.asyncio(loop_scope="module")
PEER = PeerKey("s1", "p1")
ALLOWED_PEER = ("198.18.0.1", 9)
OWN_NETWORKS = (
    *("127.0.0.1", "10.0.0.5", "172.16.9.9", "172.31.255.255", "192.168.1.1", "169.254.169.254", "0.0.0.1"),
    *("100.64.0.1", "224.0.0.251", "255.255.255.255"),
)


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def coturn(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Coturn]:
    async with Coturn(tmp_path_factory.mktemp("turn") / "relay") as server:
        yield server


async def allocated(server: Coturn, username: str, credential: str, way: str = "udp") -> turn.TurnTransport:
    transport, _ = await turn.create_turn_endpoint(
        asyncio.DatagramProtocol,
        server_addr=(server.host, server.port),
        username=username,
        password=credential,
        transport=way,
    )
    return transport


async def permit(transport: turn.TurnTransport, address: tuple[str, int]) -> None:
    request = stun.Message(message_method=stun.Method.CREATE_PERMISSION, message_class=stun.Class.REQUEST)
    request.attributes["XOR-PEER-ADDRESS"] = address
    await transport._TurnTransport__inner_protocol.request_with_retry(request)


async def freed(transport: turn.TurnTransport) -> None:
    await transport._TurnTransport__inner_protocol.delete()


def refusal(caught: pytest.ExceptionInfo[stun.TransactionFailed]) -> int:
    return caught.value.response.error_code


@pytest.mark.parametrize("way", ["udp", "tcp"])
async def test_credentials_of_the_relay_open_an_address_and_expired_or_forged_ones_do_not(coturn: Coturn, way: str):
    transport = await allocated(coturn, *credentials(coturn.secret, "ana", time.time()), way)
    await permit(transport, ALLOWED_PEER)
    await freed(transport)
    expired = credentials(coturn.secret, "ana", time.time() - VALID_S - 2)
    forged = credentials("another secret", "ana", time.time())
    longer = credentials(coturn.secret, "ana", time.time())
    for username, credential in (expired, forged, (f"9{longer[0]}", longer[1]), ("ana", longer[1])):
        with pytest.raises(stun.TransactionFailed) as caught:
            await allocated(coturn, username, credential, way)
        assert refusal(caught) == 401, username


@pytest.mark.slow
async def test_an_address_that_is_open_stays_open_when_its_credentials_run_out(coturn: Coturn):
    soon = credentials(coturn.secret, "ana", time.time() - VALID_S + 3)
    transport = await allocated(coturn, *soon)
    await permit(transport, ALLOWED_PEER)
    await asyncio.sleep(5)  # until they have run out
    with pytest.raises(stun.TransactionFailed):
        await allocated(coturn, *soon)
    request = stun.Message(message_method=stun.Method.REFRESH, message_class=stun.Class.REQUEST)
    request.attributes["LIFETIME"] = 600
    response, _ = await transport._TurnTransport__inner_protocol.request_with_retry(request)
    assert response.attributes["LIFETIME"] == 600
    await permit(transport, ALLOWED_PEER)
    await freed(transport)


async def test_it_never_relays_into_anybodys_own_network(coturn: Coturn):
    transport = await allocated(coturn, *credentials(coturn.secret, "mallory", time.time()))
    for address in OWN_NETWORKS:
        with pytest.raises(stun.TransactionFailed) as caught:
            await permit(transport, (address, 80))
        assert refusal(caught) == 403, address
    for address in ("::1", "fe80::1", "fd00::1", "::ffff:10.0.0.5", "ff02::1"):
        with pytest.raises(stun.TransactionFailed) as caught:
            await permit(transport, (address, 80))
        assert refusal(caught) in (403, 443), address
    for address in (ALLOWED_PEER, ("8.8.8.8", 53)):
        await permit(transport, address)
    await freed(transport)


@pytest.mark.slow
async def test_without_a_word_of_the_operator_the_tests_own_network_is_refused_too(tmp_path: Path):
    async with Coturn(tmp_path / "relay", port=3479, allow=()) as server:
        transport = await allocated(server, *credentials(server.secret, "ana", time.time()))
        with pytest.raises(stun.TransactionFailed) as caught:
            await permit(transport, ALLOWED_PEER)
        assert refusal(caught) == 403
        await freed(transport)


async def test_one_person_opens_only_so_many_addresses(tmp_path: Path):
    async with Coturn(tmp_path / "relay", "--user-quota", "3", port=3480) as server:
        held = []
        # Fresh credentials are no fresh person.
        for number in range(3):
            held.append(await allocated(server, *credentials(server.secret, "ana", time.time() + number)))
        with pytest.raises(stun.TransactionFailed) as caught:
            await allocated(server, *credentials(server.secret, "ana", time.time() + 9))
        assert refusal(caught) == 486
        held.append(await allocated(server, *credentials(server.secret, "ion", time.time())))
        for transport in held:
            await freed(transport)


async def test_the_secret_is_for_nobody_else_and_stays_the_same(tmp_path: Path):
    server = Coturn(tmp_path / "relay")
    text = await asyncio.to_thread(server.configure)
    file = server._file
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert await asyncio.to_thread(server.configure) == text
    assert len(server.secret) >= 40
    for line in ("use-auth-secret", "no-cli", "no-tcp-relay", "fingerprint", "no-multicast-peers", "stale-nonce=600"):
        assert f"\n{line}\n" in text
    former = server.secret
    server._options = ("--new-secret",)
    await asyncio.to_thread(server.configure)
    assert server.secret != former


class Relayed:
    """An engine that may only relay, and a participant that may only relay, through one coturn."""

    def __init__(self, server: Coturn, *urls: str) -> None:
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)
        self.engine.set_relay_only("site", True)
        name, word = credentials(server.secret, "maria", time.time())
        self.servers = (IceServer(urls=urls, username=name, credential=word),)
        self.participant = Participant(ScreenTrack(), turn=(urls[-1], *credentials(server.secret, "ana", time.time())))

    async def connect(self) -> str:
        offer = await self.participant.offer()
        assert " typ host" not in offer
        self.engine.take_offer(PEER, 1, offer, self.servers)
        await until(lambda: any(isinstance(each, AnswerReady) for each in self.events), what="the answer")
        answer = next(each.sdp for each in self.events if isinstance(each, AnswerReady))
        await self.participant.take_answer(answer)
        await until(lambda: PeerConnected(PEER, 1) in self.events, what="the connection")
        return answer

    async def aclose(self) -> None:
        await self.participant.aclose()
        await self.engine.aclose()


async def test_media_through_the_relay_only(coturn: Coturn):
    both = Relayed(coturn, f"turn:{coturn.host}:{coturn.port}?transport=udp")
    try:
        answer = await both.connect()
        found = [line for line in answer.splitlines() if line.startswith("a=candidate")]
        assert found
        assert all(" typ relay" in line for line in found)
        await until(lambda: both.engine.mailbox(PEER).figures().received > 30, what="frames")
    finally:
        await both.aclose()


async def test_where_udp_is_blocked_tcp_is_found_by_itself(coturn: Coturn):
    way = f"{coturn.host}:{coturn.port}?transport"
    both = Relayed(coturn, f"turn:{way}=udp", f"turn:{way}=tcp")
    try:
        with blocked(f"udp dport {coturn.port}"):
            began = time.monotonic()
            await both.connect()
            print(f"connected over TURN/TCP after {time.monotonic() - began:.2f} s")
            await until(lambda: both.engine.mailbox(PEER).figures().received > 30, what="frames")
    finally:
        await both.aclose()


@pytest.mark.slow
async def test_where_only_tls_passes_it_is_found_and_a_companys_own_ca_is_trusted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    certificate, key = await asyncio.to_thread(make_certificate, tmp_path, ADDRESS)
    options = ("--tls-cert", str(certificate), "--tls-key", str(key), "--tls-port", "5350")
    async with Coturn(tmp_path / "relay", *options, port=3481) as server:
        urls = (
            *(f"turn:{server.host}:{server.port}?transport={way}" for way in ("udp", "tcp")),
            f"turns:{server.host}:5350?transport=tcp",
        )
        with blocked(f"udp dport {server.port}", f"tcp dport {server.port}"):
            ways = Ways()
            strange = RTCIceGatherer(iceServers=[])
            name, word = credentials(server.secret, "maria", time.time())
            await ways.prepare(strange, (IceServer(urls=urls, username=name, credential=word),))
            assert strange._connection.turn_server is None, "nobody vouches for this certificate"
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            both = Relayed(server, *urls)
            try:
                await both.connect()
                await until(lambda: both.engine.mailbox(PEER).figures().received > 30, what="frames")
            finally:
                await both.aclose()


@pytest.mark.slow
async def test_a_way_that_closes_is_given_up_at_the_next_try(coturn: Coturn):
    """What was known to work a moment ago is found out anew, and not only after a minute."""
    ways = Ways()
    name, word = credentials(coturn.secret, "maria", time.time())
    urls = tuple(f"turn:{coturn.host}:{coturn.port}?transport={way}" for way in ("udp", "tcp"))
    servers = (IceServer(urls=urls, username=name, credential=word),)
    found = []
    for rules in ((), (f"udp dport {coturn.port}",), (f"udp dport {coturn.port}",)):
        gatherer = RTCIceGatherer(iceServers=[])
        with blocked(*rules):
            await ways.prepare(gatherer, servers)
            await gatherer.gather()
        ways.gathered(gatherer)
        found.append((gatherer._connection.turn_transport, len(gatherer._connection.local_candidates) > 1))
        await gatherer._connection.close()
    assert found == [("udp", True), ("udp", False), ("tcp", True)]


@pytest.mark.slow
async def test_a_server_that_is_away_holds_nothing_up(coturn: Coturn):
    """aioice alone would wait for 5 s."""
    ways = Ways()
    name, word = credentials(coturn.secret, "maria", time.time())
    gone = IceServer(
        urls=(f"turn:{ADDRESS}:3499?transport=udp", "stun:198.18.0.2:3478"), username=name, credential=word
    )
    with blocked("udp dport 3499"):
        began = time.monotonic()
        gatherer = RTCIceGatherer(iceServers=[])
        await ways.prepare(gatherer, (gone,))
        assert time.monotonic() - began < 1.5
        assert gatherer._connection.turn_server is None
        began = time.monotonic()
        await ways.prepare(RTCIceGatherer(iceServers=[]), (gone,))
        assert time.monotonic() - began < UDP_S / 2, "what was found out once is known for a while"
