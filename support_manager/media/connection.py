"""One WebRTC connection between a participant and the hub: ICE, DTLS, data channel, media lines, signs of life.

Seen from the hub, which answers; `guest` is the other end, for an app that is a participant.
"""

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from aioice import Candidate as IceCandidate
from aiortc import RTCCertificate, RTCDataChannel, RTCIceGatherer
from aiortc.exceptions import InvalidStateError
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities
from aiortc.rtp import AnyRtcpPacket, RtcpReceiverInfo, RtcpRrPacket, RtcpSrPacket, RtpPacket
from av import VideoFrame

from support_manager.media.aiortc_fixes import HubDtlsTransport, HubIceTransport, HubSctpTransport
from support_manager.media.budget import PeerBudget
from support_manager.media.camera_lines import CameraLines, HubCameras
from support_manager.media.control import FULL_RATE, HIDDEN_RATE, Control
from support_manager.media.down_line import ShareDownLine
from support_manager.media.engine import Liveness
from support_manager.media.feed import Feed
from support_manager.media.figures import ShareMeter, changes
from support_manager.media.frame_box import FrameBox
from support_manager.media.frames import EncodedFrame
from support_manager.media.lines import DroppedLine, Line, ShareLine
from support_manager.media.negotiation import (
    CandidateAddress,
    LocalTransport,
    OfferedLine,
    OfferError,
    ParsedOffer,
    make_answer,
    parse_candidate,
)
from support_manager.media.transport_cc import TransportFeedback
from support_manager.media.voice.line import VoiceLine
from support_manager.media.ways import Ways, uses_one_of
from support_manager.protocol import limits
from support_manager.protocol.channel import Beat, ChannelMessage, DrawMessage, StopRecording
from support_manager.protocol.signals import CHANNEL_LABEL
from support_manager.protocol.views import IceServer
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

CONNECT_S = 20.0
GATHER_S = 9.0
PEER_LOST_S = 10.0
"""Without any packet or heartbeat for this long a connection is given up."""
_FEEDBACK_S = 0.05
_REPAIR_S = 0.025
_TELL_S = 0.1
_HOUSEKEEPING_S = 0.25
_SHARPENS_S = 2.0
"""A picture looked at again is in full size within this time, or what comes is shown as it is."""
_LOCAL_NAMES = 8
"""So many `.local` names of a peer (RFC 8828) are asked for; a browser has one for each of its addresses."""
_MAX_SOURCES = 64
_MAX_BUFFERED_BYTES = 64 * 1024


class HubConnection:
    """A connection under one epoch.

    Args:
        name: of the peer, for names of tasks and threads.
        offer: what the participant offered.
        ice_servers: STUN and TURN servers; aiortc's own default is never used.
        box: where pictures go.
        ways: which of the servers answer from here.
        on_answer: called with the answer.
        on_connected: called once ICE and DTLS are through.
        on_lost: called once when the connection is dead; not called after `close`.
        on_figures: called every second, and at once when the liveness changes.
    """

    def __init__(
        self,
        name: str,
        offer: ParsedOffer,
        ice_servers: tuple[IceServer, ...],
        box: FrameBox,
        *,
        visible: bool,
        ways: Ways,
        on_answer: Callable[[str], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
        on_figures: Callable[["HubConnection"], None],
    ) -> None:
        self._offer = offer
        self._box = box
        self._visible = visible
        self._watched = False
        self._recorded = False
        self._shown_at = float("-inf")
        self._on_answer = on_answer
        self._on_connected = on_connected
        self._on_lost = on_lost
        self._on_figures = on_figures
        self._tasks = TaskOwner(f"media {name}", on_failure=lambda task, error: self._lose(f"{task}: {error!r}"))
        self._ssrc = random.getrandbits(32)
        self._certificate = RTCCertificate.generateCertificate()
        self._ice_servers = ice_servers
        self._ways = ways
        self._gatherer = RTCIceGatherer(iceServers=[])
        self.budget = PeerBudget(time.monotonic())
        self._ice = HubIceTransport(self._gatherer, self.budget)
        self._dtls = HubDtlsTransport(self._ice, self._certificate, self._rtp, self._rtcp)
        self._sctp = HubSctpTransport(self._dtls, offer.sctp_port)
        self._channel: RTCDataChannel | None = None
        self._untold: list[ChannelMessage] = []
        self._control = Control()
        self._feedback = TransportFeedback(self._ssrc)
        self._feedback_due = 0.0
        self._numbered = 0
        """The source of the newest packet with a number for the whole transport: browsers heed no other's name."""
        self._packets_come = asyncio.Event()
        self._last_packet = time.monotonic()
        self._candidates: asyncio.Queue[CandidateAddress] = asyncio.Queue(limits.CANDIDATES_PER_EPOCH)
        self._candidates_taken = 0
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._liveness = Liveness.WAITING
        self._told_at = float("-inf")
        self._decoded_age_ms = 0.0
        self.connected = False
        self.is_voice_only = False
        self.meter = ShareMeter(time.monotonic())
        self.on_stop_recording: Callable[[], None] | None = None
        """Called when the participant wants no recording any more; set before `start`."""
        self.on_drawn: Callable[[DrawMessage], None] | None = None
        """Called with what comes about drawing; set before `start`."""
        self.on_open: Callable[[], None] | None = None
        """Called once messages can be said; set before `start`."""
        self.down: ShareDownLine | None = None
        self.cameras = self._make_cameras(name)
        spoken = next(line for line in offer.lines if line.role == "voice")
        self.voice = VoiceLine(spoken, send=self._dtls.send_media)
        self.share, self._lines = self._make_lines(name)
        self._by_source = {source: line for line in self._lines for source in _sources(line)}
        self._by_mid = {line.offered.mid: line for line in self._lines}
        self._dtls.use_extensions({uri: number for line in offer.lines for uri, number in line.extensions.items()})
        self._ice.on("statechange", self._state_changed)
        self._dtls.on("statechange", self._state_changed)
        self._sctp.on("datachannel", self._channel_opened)

    def _make_lines(self, name: str) -> tuple[ShareLine, list[Line]]:
        up, down, *others = self._offer.lines
        share = ShareLine(up, name=name, meter=self.meter, send=self._queue_rtcp, deliver=self._picture)
        self.down = ShareDownLine(
            down,
            send=self._dtls.send_media,
            later=asyncio.get_running_loop().call_later,
            clock=time.monotonic,
        )
        self._dtls.on_feedback = self.down.take_feedback
        return share, [share, self.down, *(self._other_line(line) for line in others)]

    def _other_line(self, offered: OfferedLine) -> Line:
        """Cameras, and the voice line, which looks the same from both ends."""
        if offered.role == "voice":
            return self.voice
        return self.cameras.by_role.get(offered.role) or DroppedLine(offered)

    def _make_cameras(self, name: str) -> CameraLines:
        return HubCameras(self._offer.lines, name, self._queue_rtcp, self._dtls.send_media, self.say)

    # -- life

    def start(self) -> None:
        """Begin: gather, answer, connect."""
        for candidate in self._offer.candidates:
            self._queue_candidate(candidate)
        _ = self._tasks.spawn(self._connect(), name="connect")
        _ = self._tasks.spawn(self._add_candidates(), name="candidates")

    async def _connect(self) -> None:
        async with asyncio.timeout(GATHER_S):
            await self._ways.prepare(self._gatherer, self._ice_servers)
            await self._gatherer.gather()
        self._ways.gathered(self._gatherer)
        if not await self._agree():
            return
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._handshake()
        except TimeoutError:
            self._ways.forget()
            self._lose("no connection in time")
            return
        if self._ice.state != "completed" or self._dtls.state != "connected":
            self._ways.forget()
            self._lose("ICE or DTLS failed")
            return
        await self._open_channel()
        self.connected = True
        self._last_packet = time.monotonic()
        _ = self._tasks.spawn(self._repair(), name="repair")
        _ = self._tasks.spawn(self._keep_house(), name="housekeeping")
        self._on_connected()

    async def _agree(self) -> bool:
        """Exchange descriptions; False if nothing came of it."""
        self._on_answer(make_answer(self._offer, self._local()))
        return True

    def _local(self) -> LocalTransport:
        local = self._gatherer.getLocalParameters()
        fingerprints = self._dtls.getLocalParameters().fingerprints
        candidates = self._gatherer._connection.local_candidates
        return LocalTransport(
            ufrag=local.usernameFragment or "",
            password=local.password or "",
            fingerprints=tuple((f.algorithm, f.value) for f in fingerprints if f.algorithm == "sha-256"),
            candidates=tuple(candidate.to_sdp() for candidate in candidates),
            sources=self._sources_of_ours(),
        )

    def _sources_of_ours(self) -> dict[str, tuple[int, int | None]]:
        share = {} if self.down is None else {self.down.offered.mid: (self.down.ssrc, self.down.rtx_ssrc)}
        return {**share, **self.cameras.sources(), self.voice.offered.mid: (self.voice.ssrc, None)}

    async def _open_channel(self) -> None:
        offer = self._offer
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=offer.max_message_bytes), offer.sctp_port)

    async def _handshake(self) -> None:
        offer = self._offer
        self._ice._connection.ice_controlling = offer.ice_lite
        self._dtls._set_role("server" if offer.answer_setup == "passive" else "client")
        await self._ice.start(RTCIceParameters(offer.ufrag, offer.password, offer.ice_lite))
        if self._ice.state != "completed":
            return
        prints = [RTCDtlsFingerprint(algorithm=name, value=value) for name, value in offer.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints=prints))

    async def aclose(self) -> None:
        """Close everything, within 2 s; no callback is called any more."""
        self._closed = True
        for line in self._lines:
            line.close()
        await self._tasks.aclose(0.5)
        try:
            async with asyncio.timeout(1.0):
                await self._sctp.stop()
                await self._dtls.stop()
                await self._ice.stop()
        except (TimeoutError, ConnectionError, InvalidStateError) as error:
            log.warning("a media transport did not stop in time", error=repr(error))
        for protocol in self._gatherer._connection._protocols:
            # Whatever went wrong above, no socket stays open.
            with suppress(AttributeError):
                protocol.transport.close()
        self._sctp.remove_all_listeners()
        self._dtls.remove_all_listeners()

    def _lose(self, reason: str) -> None:
        if not self._closed:
            self._closed = True
            log.info("media connection lost", reason=reason)
            self._on_lost(reason)

    def addresses_changed(self, present: frozenset[str]) -> None:
        """This machine has these addresses now; a connection whose own address is gone is dead."""
        if self.connected and not uses_one_of(self._gatherer._connection, present):
            self._lose("the address is gone")

    def _state_changed(self) -> None:
        if self._ice.state == "failed" or (self.connected and self._dtls.state in ("closed", "failed")):
            self._lose("ICE or DTLS ended")

    # -- candidates

    def add_candidate(self, line: str) -> None:
        """Add a trickled candidate line; a bad, useless or surplus one is dropped."""
        if not line.strip():
            return  # no end of candidates for aioice: peer reflexive ones may still come
        try:
            candidate = parse_candidate(line)
        except OfferError as error:
            log.info("candidate refused", reason=str(error))
            return
        if candidate is not None:
            self._queue_candidate(candidate)

    def _queue_candidate(self, candidate: CandidateAddress) -> None:
        self._candidates_taken += 1
        if self._candidates_taken <= limits.CANDIDATES_PER_EPOCH:
            with suppress(asyncio.QueueFull):
                self._candidates.put_nowait(candidate)

    async def _add_candidates(self) -> None:
        names = 0
        while True:
            candidate = await self._candidates.get()
            if not candidate.host.endswith(".local"):
                await self._add_candidate(candidate)
                continue
            # A name is asked for on the local network and takes a second where nobody answers: beside the others.
            names += 1
            if names <= _LOCAL_NAMES:
                _ = self._tasks.spawn(self._add_candidate(candidate), name=f"candidate-{names}")

    async def _add_candidate(self, candidate: CandidateAddress) -> None:
        try:
            await self._gatherer._connection.add_remote_candidate(
                IceCandidate(
                    foundation=candidate.foundation,
                    component=1,
                    transport="udp",
                    priority=candidate.priority,
                    host=candidate.host,
                    port=candidate.port,
                    type=candidate.type,
                )
            )
        except OSError as error:  # no multicast here, for one: there are other ways
            log.info("candidate not usable", reason=str(error))

    # -- data channel

    def _channel_opened(self, channel: RTCDataChannel) -> None:
        if self._closed:
            return
        if self._channel is not None or channel.label != CHANNEL_LABEL:
            self._lose("a data channel that was not agreed on")
            return
        self._use(channel)
        self._say_rate()
        self.cameras.opened()
        self._beat()
        if self.on_open is not None:
            self.on_open()

    def say_soon(self, message: ChannelMessage) -> None:
        """Say something on the data channel, at once or when it opens."""
        if self._channel is None:
            self._untold.append(message)
        else:
            self.say(message)

    def _use(self, channel: RTCDataChannel) -> None:
        self._channel = channel
        untold, self._untold = self._untold, []
        for message in untold:
            self.say(message)
        channel.on("message", self._message)
        channel.on("close", lambda: self._lose("data channel closed"))

    def _message(self, message: object) -> None:
        read = self._control.take(message, _wall_ms())
        if isinstance(read, Beat):
            self.meter.beat(time.monotonic(), self._control.sharing)
            self._look()
            self.cameras.beat(time.monotonic())
        elif isinstance(read, StopRecording):
            if self.on_stop_recording is not None and not self._closed:
                self.on_stop_recording()
        elif isinstance(read, DrawMessage):
            if self.on_drawn is not None and not self._closed:
                self.on_drawn(read)
        elif read is not None and not self.is_voice_only:
            self.cameras.take_message(read)

    def say(self, message: ChannelMessage) -> bool:
        """Say something on the data channel; False if that was not possible now."""
        return self._write(self._control.write(message))

    def _say_rate(self) -> None:
        self.say(FULL_RATE if self._visible or self._watched or self._recorded else HIDDEN_RATE)

    def _beat(self) -> None:
        fed = self.down is not None and self.down.is_fed is not None and self.down.is_fed(time.monotonic())
        self._write(self._control.beat(_wall_ms(), sharing=fed))

    def _write(self, text: str) -> bool:
        channel = self._channel
        if channel is None or channel.readyState != "open" or channel.bufferedAmount >= _MAX_BUFFERED_BYTES:
            return False
        channel.send(text)
        return True

    def set_visible(self, visible: bool) -> None:
        """Full rate and a fresh frame, or next to nothing."""
        now = time.monotonic()
        if visible and not self._visible:
            self._shown_at = now
            self.share.refresh(now)
            self._packets_come.set()
        self._visible = visible
        self._say_rate()

    def forward_to(self, feed: Feed | None) -> None:
        """Hand the share on to viewers, who need it in full whether it is on this screen or not."""
        self.share.forward_to(feed)
        watched = feed is not None
        if watched is not self._watched:
            self._watched = watched
            self._say_rate()

    def only_voice(self) -> None:
        """Control has moved on: take and tell nothing any more but the call's sound (B-9.5)."""
        self.is_voice_only = True
        self.on_drawn = self.on_stop_recording = self.on_open = None
        self.share_ended()

    def record(self, recording: bool) -> None:
        """What is recorded is needed in full whether it is on this screen or not."""
        if recording is not self._recorded:
            self._recorded = recording
            self._say_rate()

    # -- media

    def _queue_rtcp(self, packet: bytes) -> None:
        self._dtls.queue_rtcp(packet)
        self._packets_come.set()  # it leaves with the next turn of `_repair`

    def _rtp(self, packet: RtpPacket, size: int) -> None:
        now = time.monotonic()
        self._last_packet = now
        if packet.extensions.transport_sequence_number is not None:
            self._feedback.received(packet.extensions.transport_sequence_number, int(now * 1e6))
            self._numbered = packet.ssrc
            self._packets_come.set()  # whoever's it is: a sender that hears nothing takes its line for a bad one
        line = self._by_source.get(packet.ssrc)
        if line is None:
            line = self._line_of(packet)
            if line is None:
                return
        if self.is_voice_only and line is not self.voice:
            return
        self._packets_come.set()
        line.take(packet, size, now)

    def _line_of(self, packet: RtpPacket) -> Line | None:
        """The line of a source that the offer did not announce (RFC 9143 section 9.2)."""
        line = self._by_mid.get(packet.extensions.mid or "")
        if line is None:
            fitting = [
                line
                for line in self._lines
                if line.offered.answer_direction in ("recvonly", "sendrecv")
                and packet.payload_type in (line.offered.payload_type, line.offered.rtx_payload_type)
            ]
            line = fitting[0] if len(fitting) == 1 else None
        if line is not None and len(self._by_source) < _MAX_SOURCES:
            self._by_source[packet.ssrc] = line
        return line

    def _rtcp(self, packet: AnyRtcpPacket) -> None:
        self._last_packet = time.monotonic()
        if isinstance(packet, RtcpSrPacket):
            line = self._by_source.get(packet.ssrc)
            if line is not None:
                line.sender_report(packet, _wall_ms(), self._control.round_trip_ms)
        if self.down is not None:
            self.down.take_rtcp(packet, self._last_packet)
        self.cameras.take_rtcp(packet, self._last_packet)

    def _picture(self, picture: VideoFrame, frame: EncodedFrame) -> None:
        """Runs on the decoder's thread."""
        width, height = picture.width, picture.height
        now = time.monotonic()
        reduced = not (self._visible and now - self._shown_at > _SHARPENS_S) and self._control.is_reduced(width, height)
        told = self._control.captured if reduced else (width, height)
        now_ms = _wall_ms()
        captured_ms = self.share.clock.captured_ms(frame.timestamp, now_ms)
        self._decoded_age_ms = now_ms - captured_ms if captured_ms else 0.0
        # What is made small for a tab that nobody looks at keeps the decoder going. On the screen it would be a blur,
        # and where the view is zoomed a jump there and back.
        is_shown = not reduced or self._box.figures().width <= width
        if is_shown:
            self._box.put(picture, captured_ms)
        age_s = self._decoded_age_ms / 1_000
        if self.meter.frame(*told, changes(frame, width, height), now, age_s=age_s, is_shown=is_shown):
            with suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._look)

    def _look(self) -> None:
        """Tell at once when the liveness has changed: a veil lies over the picture until that is known."""
        if not self.connected or self._closed:
            return
        now = time.monotonic()
        liveness = self.meter.liveness(now)
        # A page may say that it holds its picture and goes on fifty times a second; who looks need not hear each time.
        if liveness is not self._liveness and (liveness is Liveness.LIVE or now - self._told_at >= _TELL_S):
            self._tell_figures()

    def _tell_figures(self) -> None:
        self._told_at = time.monotonic()
        self._liveness = self.meter.liveness(self._told_at)
        self._on_figures(self)

    async def _repair(self) -> None:
        """Ask again for what is missing, and tell the sender what came; rests while nothing comes."""
        while True:
            await self._packets_come.wait()
            now = time.monotonic()
            for line in self._lines:
                line.tick(now, self._control.round_trip_ms)
            if self._feedback.waiting and now >= self._feedback_due:
                self._feedback_due = now + _FEEDBACK_S
                for message in self._feedback.take(self._numbered):
                    self._dtls.queue_rtcp(message)
            await self._dtls.flush()
            if now - self._last_packet > 2.0 and not self.share.busy and not self.cameras.busy:
                self._packets_come.clear()
            await asyncio.sleep(_REPAIR_S)

    async def _keep_house(self) -> None:
        """Signs of life in both directions, reports, figures."""
        beats = 0
        while True:
            now = time.monotonic()
            if now - self._last_packet > PEER_LOST_S and self.meter.since_last_sign_s(now) > PEER_LOST_S:
                self._lose("no sign of life")
                return
            if beats % 4 == 0:
                self._beat()
                self._tell_times()
                blocks = [block for line in self._lines if (block := line.reception(now)) is not None]
                await self._report(blocks)
                self._tell_figures()
            else:
                self._look()
            beats += 1
            await asyncio.sleep(_HOUSEKEEPING_S)

    def _tell_times(self) -> None:
        report = None if self.down is None or self.down.times is None else self.down.times()
        for due in (report, *self.cameras.reports()):
            if due is not None:
                self._dtls.queue_rtcp(due)
                self._packets_come.set()

    async def _report(self, blocks: list[RtcpReceiverInfo]) -> None:
        if blocks:
            self._dtls.queue_rtcp(bytes(RtcpRrPacket(ssrc=self._ssrc, reports=blocks)))
            await self._dtls.flush()

    def age_ms(self) -> float:
        """Age of the picture: when painted if it is, else when decoded; 0 while not known."""
        return self._box.figures().age_ms or self._decoded_age_ms

    def share_ended(self) -> None:
        """Forget the frames of the share that is over."""
        self.meter.forget()
        self.share.forget()
        self._liveness = Liveness.WAITING

    async def join_threads(self, timeout_s: float) -> None:
        """Wait for the decoder's thread after `aclose`."""
        await asyncio.to_thread(self.share.join, timeout_s)
        await asyncio.to_thread(self.cameras.join, timeout_s)


def _sources(line: Line) -> list[int]:
    return [source for source in (line.offered.ssrc, line.offered.rtx_ssrc) if source is not None]


def _wall_ms() -> float:
    return time.time() * 1000
