"""A hostile participant, or a stranger on the network, never takes the engine down and costs little."""

import asyncio
import random
import re
import socket
import threading
from collections.abc import AsyncIterator

import pytest
from aiortc.rtp import RtpPacket

from support_manager.media.aiortc_engine import AiortcEngine
from support_manager.media.engine import (
    AnswerReady,
    Liveness,
    MediaEvent,
    OfferRejected,
    PeerConnected,
    PeerKey,
    PeerLost,
    ShareFigures,
)
from support_manager.protocol.channel import Rate
from support_manager.protocol.signals import Candidate
from support_manager.protocol.views import IceServer
from tests.harness.participant import Participant, ScreenTrack, require_network, until

PEER = PeerKey("s1", "p1")


class Host:
    """An engine and what it said."""

    def __init__(self) -> None:
        require_network()
        self.engine = AiortcEngine()
        self.events: list[MediaEvent] = []
        self.engine.start(self.events.append)

    def of(self, kind: type) -> list:
        return [event for event in self.events if isinstance(event, kind)]

    async def answer(self, sdp: str, epoch: int = 1, peer: PeerKey = PEER, servers: tuple = ()) -> str:
        self.engine.take_offer(peer, epoch, sdp, servers)
        await until(lambda: any((e.peer, e.epoch) == (peer, epoch) for e in self.of(AnswerReady)), what="the answer")
        return self.of(AnswerReady)[-1].sdp

    async def join(self, participant: Participant, epoch: int = 1, peer: PeerKey = PEER) -> str:
        answer = await self.answer(await participant.offer(), epoch, peer)
        await participant.take_answer(answer)
        await until(lambda: PeerConnected(peer, epoch) in self.events, what="the connection")
        return answer

    def received(self, peer: PeerKey = PEER) -> int:
        return self.engine.mailbox(peer).figures().received


@pytest.fixture
async def host() -> AsyncIterator[Host]:
    host = Host()
    yield host
    await host.engine.aclose()


@pytest.fixture
async def participants() -> AsyncIterator[list[Participant]]:
    """Those put in here are closed at the end."""
    made: list[Participant] = []
    yield made
    for participant in made:
        await participant.aclose()


async def test_strangers_datagrams_change_nothing(host: Host, participants: list[Participant]) -> None:
    participant = Participant(ScreenTrack())
    participants.append(participant)
    answer = await host.join(participant)
    found = re.search(r"a=candidate:\S+ 1 udp \d+ (\S+) (\d+) typ host", answer)
    assert found is not None
    stranger = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    stranger.setblocking(False)
    rng = random.Random(7)
    for size in [0, 1, 2, 3, *range(11, 60, 7), 1_200] * 4:
        for first in (0, 22, 128, 200):
            data = bytes([first] * min(size, 1)) + rng.randbytes(max(0, size - 1))
            stranger.sendto(data, (found[1], int(found[2])))
    stranger.close()
    before = host.received()
    await until(lambda: host.received() > before + 30, what="more frames")
    assert host.of(PeerLost) == []


async def test_lines_are_told_apart_by_name(host: Host, participants: list[Participant]) -> None:
    """An offer without sources, as Firefox may send: only the MID extension says whose packets these are."""
    participant = Participant(ScreenTrack())
    participants.append(participant)
    offer = re.sub(r"a=ssrc[^\r]*\r\n", "", await participant.offer())
    await participant.take_answer(await host.answer(offer))
    await until(lambda: host.received() > 10, what="frames")


async def test_losses_are_mended(host: Host, participants: list[Participant]) -> None:
    participant = Participant(ScreenTrack(1_280, 720))
    participants.append(participant)
    await host.join(participant)
    transport = participant.connection.getTransceivers()[0].sender.transport
    send, rng = transport._send_rtp, random.Random(3)

    async def lossy(data: bytes) -> None:
        if data[1] in range(192, 209) or rng.random() > 0.08:
            await send(data)

    transport._send_rtp = lossy
    before = host.received()
    await until(lambda: host.received() >= before + 90, 12, "ninety frames in spite of 8 % loss")
    await until(lambda: any(figures.loss > 0.02 for figures in host.of(ShareFigures)), what="a loss figure")


async def test_newer_epoch_takes_over_when_it_is_up(host: Host, participants: list[Participant]) -> None:
    first, second = Participant(ScreenTrack()), Participant(ScreenTrack(320, 240))
    participants += [first, second]
    await host.join(first)
    await until(lambda: host.received() > 0, what="a frame of the first")
    answer = await host.answer(await second.offer(), 2)
    before = host.received()
    await until(lambda: host.received() > before + 5, what="the first one going on meanwhile")
    await second.take_answer(answer)
    await until(lambda: PeerConnected(PEER, 2) in host.events, what="the second connection")
    await until(lambda: host.engine.mailbox(PEER).figures().width == 320, what="the second one's picture")
    await until(lambda: first.connection.connectionState == "closed", what="the first one's end")
    assert host.of(PeerLost) == []


async def test_no_decoder_thread_for_lines_without_packets(host: Host, participants: list[Participant]) -> None:
    participant = Participant()
    participants.append(participant)
    await host.join(participant)
    await until(lambda: bool(host.of(ShareFigures)), what="figures")
    names = [thread.name for thread in threading.enumerate()]
    assert not [name for name in names if name.startswith("decode-")]
    # The participant here is aiortc's own, which is ready for whatever picture or voice the hub may hand on.
    assert names.count("video-decoder") <= 5  # a share and four cameras
    assert names.count("audio-decoder") <= 1
    assert host.of(ShareFigures)[-1].liveness is Liveness.WAITING


async def test_no_foreign_stun_server(host: Host, participants: list[Participant]) -> None:
    """aiortc asks Google's server unless it is given a list; an empty one must stay empty."""
    from support_manager.media.ice_servers import usable_servers

    assert usable_servers(()) == []
    assert usable_servers((IceServer(urls=("http://x", "stun:")),)) == []
    (server,) = usable_servers((IceServer(urls=("turn:192.0.2.1:3478",), username="u", credential="c"),))
    assert (server.urls, server.username, server.credential) == (["turn:192.0.2.1:3478"], "u", "c")
    participant = Participant()
    participants.append(participant)
    answer = await host.answer(await participant.offer())
    assert "typ host" in answer
    assert "typ srflx" not in answer


async def test_flood_of_candidates_and_offers(host: Host, participants: list[Participant]) -> None:
    participant = Participant()
    participants.append(participant)
    offer = await participant.offer()
    for epoch in range(1, 30):
        host.engine.take_offer(PEER, epoch, offer, ())
        for port in range(1, 80):
            host.engine.add_candidate(
                PEER, epoch, Candidate(candidate=f"candidate:1 1 udp 1 198.18.0.9 {port} typ host")
            )
        host.engine.add_candidate(PEER, epoch, Candidate(candidate="nonsense"))
        host.engine.take_offer(PeerKey("s2", f"p{epoch}"), 1, "v=0\r\n" + "a=x\r\n" * epoch, ())
    answer = await host.answer(offer, 30)
    await participant.take_answer(answer)
    await until(lambda: PeerConnected(PEER, 30) in host.events, what="the last connection")
    assert len(host.of(OfferRejected)) == 29


async def test_names_that_nobody_answers_to_keep_no_address_waiting(
    host: Host, participants: list[Participant]
) -> None:
    """A browser behind a router sends `.local` names first (RFC 8828); each takes a second to come to nothing."""
    participant = Participant()
    participants.append(participant)
    offer = await participant.offer()
    found = [line for line in offer.splitlines() if line.startswith("a=candidate")]
    answer = await host.answer("".join(f"{line}\r\n" for line in offer.splitlines() if line not in found))
    for number in range(30):
        host.engine.add_candidate(
            PEER, 1, Candidate(candidate=f"candidate:1 1 udp 2122260223 nobody-{number}.local 50000 typ host")
        )
    for line in found:
        host.engine.add_candidate(PEER, 1, Candidate(candidate=line.removeprefix("a=")))
    # Without a candidate of the hub's he waits to be found, by the addresses that came last.
    await participant.take_answer(
        "".join(f"{line}\r\n" for line in answer.splitlines() if not line.startswith("a=candidate"))
    )
    async with asyncio.timeout(10):
        await until(lambda: PeerConnected(PEER, 1) in host.events, what="the connection")


@pytest.mark.rule("B-9.4", "B-9.5")
async def test_who_handed_control_over_gets_nothing_but_sound_and_that_not_for_long(
    host: Host, participants: list[Participant], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a page goes on sending to the former centre, no picture of it is made there."""
    monkeypatch.setattr("support_manager.media.hub.OVERLAP_S", 1.5)
    participant = Participant(ScreenTrack())
    participants.append(participant)
    await host.join(participant)
    await until(lambda: host.received() > 10, what="frames")
    host.engine.hand_over(PEER.session_id)
    await until(lambda: host.engine.mailbox(PEER).full() is None, what="the end of the picture")
    before = host.received()
    await until(lambda: participant.connection.connectionState == "closed", what="the end of the connection")
    assert host.received() - before <= 2, "what was being decoded"
    assert not host.of(PeerLost), "nobody counts on it any more"


async def test_a_flood_costs_no_more_than_its_budget_and_is_told(host: Host, participants: list[Participant]) -> None:
    """Packets by the ten thousand, each a share of its own number: the others' pictures go on."""
    hostile, other = Participant(), Participant(ScreenTrack())
    participants += [hostile, other]
    await host.join(hostile)
    await host.join(other, peer=PeerKey("s2", "p2"))
    await until(lambda: host.received(PeerKey("s2", "p2")) > 10, what="the other one's frames")
    transport = hostile.connection.getTransceivers()[0].sender.transport
    flooding = True

    async def flood() -> None:
        number = 0
        while flooding:
            for _ in range(400):
                number = (number + 1) & 0xFFFF
                packet = RtpPacket(payload_type=96, sequence_number=number, ssrc=4_711, payload=b"\x10\x00" + bytes(30))
                await transport._send_rtp(packet.serialize())
            await asyncio.sleep(0)

    sending = asyncio.get_running_loop().create_task(flood(), name="flood")

    def dropped() -> int:
        return max((figures.dropped for figures in host.of(ShareFigures) if figures.peer == PEER), default=0)

    try:
        await until(lambda: dropped() > 1_000, 20, "the drops in the figures")
        before = host.received(PeerKey("s2", "p2"))
        await until(lambda: host.received(PeerKey("s2", "p2")) > before + 30, 15, "the other one's frames meanwhile")
    finally:
        flooding = False
        await sending
    assert not [figures for figures in host.of(ShareFigures) if figures.peer != PEER and figures.dropped]


async def test_unknown_channel_ends_the_connection(host: Host, participants: list[Participant]) -> None:
    participant = Participant()
    participants.append(participant)
    await host.join(participant)
    participant.connection.createDataChannel("other")
    await until(lambda: PeerLost(PEER, 1) in host.events, what="the loss")


async def test_giant_message_is_refused_or_ends_the_connection(host: Host, participants: list[Participant]) -> None:
    participant, other = Participant(), Participant(ScreenTrack())
    participants += [participant, other]
    await host.join(participant)
    await host.join(other, peer=PeerKey("s2", "p2"))
    participant.connection.sctp._remote_max_message_size = 0  # it ignores what the answer says
    await until(lambda: participant.channel.readyState == "open", what="the channel")
    participant.channel.send("x" * 100_000)
    participant.channel.send("y" * 8_000_000)
    await until(lambda: PeerLost(PEER, 1) in host.events, 15, "the loss")
    before = host.received(PeerKey("s2", "p2"))
    await until(lambda: host.received(PeerKey("s2", "p2")) > before + 10, what="the others' frames")


@pytest.mark.slow
async def test_silent_page_is_lost_and_back(host: Host, participants: list[Participant]) -> None:
    track = ScreenTrack()
    participant = Participant(track)
    participants.append(participant)
    await host.join(participant)
    await until(lambda: any(f.liveness is Liveness.LIVE for f in host.of(ShareFigures)), what="live")
    track.moving.clear()
    await until(lambda: host.of(ShareFigures)[-1].liveness is Liveness.STATIC, 6, "static")
    participant.beating = False
    await until(lambda: host.of(ShareFigures)[-1].liveness is Liveness.LOST, 6, "lost")
    participant.beating = True
    await until(lambda: host.of(ShareFigures)[-1].liveness is Liveness.STATIC, 4, "static again")
    track.moving.set()
    await until(lambda: host.of(ShareFigures)[-1].liveness is Liveness.LIVE, 4, "live again")


async def test_visibility_is_told_and_remembered(host: Host, participants: list[Participant]) -> None:
    participant = Participant(ScreenTrack())
    participants.append(participant)
    host.engine.set_visible(PEER, False)
    await host.join(participant)

    def rates() -> list[int]:
        return [message.max_fps for message in participant.received if isinstance(message, Rate)]

    await until(lambda: rates() == [2], what="the hidden rate")
    host.engine.set_visible(PEER, True)
    await until(lambda: rates() == [2, 60], what="the full rate")


async def test_ended_share_leaves_nothing(host: Host, participants: list[Participant]) -> None:
    track = ScreenTrack()
    participant = Participant(track)
    participants.append(participant)
    await host.join(participant)
    await until(lambda: host.received() > 5, what="frames")
    track.moving.clear()
    await asyncio.sleep(0.2)  # what is under way arrives
    host.engine.share_ended(PEER)
    await until(lambda: host.of(ShareFigures)[-1].liveness is Liveness.WAITING, what="waiting")
    assert host.engine.mailbox(PEER).full() is None
    track.moving.set()
    await until(lambda: host.engine.mailbox(PEER).full() is not None, what="the next share")


async def test_closed_session_is_gone(host: Host, participants: list[Participant]) -> None:
    participant = Participant(ScreenTrack())
    participants.append(participant)
    await host.join(participant)
    host.engine.close_session(PEER.session_id)
    await until(lambda: participant.connection.connectionState == "closed", what="the end")
    assert host.of(PeerLost) == []
