"""The participant's end of a connection to the hub, for an app that assists: offers, and shows what is handed on."""

import asyncio
from collections.abc import Callable

from aiortc import RTCDataChannel, RTCDataChannelParameters
from aiortc.rtcdtlstransport import RTCDtlsFingerprint, RTCDtlsParameters
from aiortc.rtcicetransport import RTCIceParameters
from aiortc.rtcsctptransport import RTCSctpCapabilities
from typing_extensions import override

from support_manager.media.camera_lines import CameraLines, GuestCameras
from support_manager.media.connection import CONNECT_S, HubConnection
from support_manager.media.frame_box import FrameBox
from support_manager.media.lines import DroppedLine, Line, ShareLine
from support_manager.media.offering import ParsedAnswer, blank_offer, make_offer, parse_answer
from support_manager.media.ways import Ways
from support_manager.protocol.signals import CHANNEL_LABEL
from support_manager.protocol.views import IceServer


class GuestConnection(HubConnection):
    """A connection that this side offers; what comes on `share_down` is its share.

    Args:
        name: of the peer, for names of tasks and threads.
        ice_servers: STUN and TURN servers; aiortc's own default is never used.
        box: where pictures go.
        ways: which of the servers answer from here.
        on_offer: called with the offer.
        on_connected: called once ICE and DTLS are through.
        on_lost: called once when the connection is dead; not called after `close`.
        on_figures: called every second, and at once when the liveness changes.
    """

    def __init__(
        self,
        name: str,
        ice_servers: tuple[IceServer, ...],
        box: FrameBox,
        *,
        visible: bool,
        ways: Ways,
        on_offer: Callable[[str], None],
        on_connected: Callable[[], None],
        on_lost: Callable[[str], None],
        on_figures: Callable[[HubConnection], None],
    ) -> None:
        self._answer: asyncio.Future[ParsedAnswer] = asyncio.get_running_loop().create_future()
        super().__init__(
            name,
            blank_offer(),
            ice_servers,
            box,
            visible=visible,
            ways=ways,
            on_answer=on_offer,
            on_connected=on_connected,
            on_lost=on_lost,
            on_figures=on_figures,
        )
        # From the first moment on: the hub's checks may come before we look at its answer.
        self._ice._connection.ice_controlling = True

    @override
    def _make_lines(self, name: str) -> tuple[ShareLine, list[Line]]:
        up, down, *others = self._offer.lines
        share = ShareLine(down, name=name, meter=self.meter, send=self._queue_rtcp, deliver=self._picture)
        return share, [DroppedLine(up), share, *(self._other_line(line) for line in others)]

    @override
    def _make_cameras(self, name: str) -> CameraLines:
        return GuestCameras(self._offer.lines, name, self._queue_rtcp)

    def take_answer(self, sdp: str) -> None:
        """Go on with the hub's answer; a second one is dropped.

        Raises:
            OfferError: if it is malformed.
        """
        answer = parse_answer(sdp)
        if not self._answer.done():
            for candidate in answer.candidates:
                self._queue_candidate(candidate)
            self._answer.set_result(answer)

    @override
    async def _agree(self) -> bool:
        self._on_answer(make_offer(self._local()))
        try:
            async with asyncio.timeout(CONNECT_S):
                await self._answer
        except TimeoutError:
            self._lose("no answer in time")
            return False
        return True

    @override
    async def _handshake(self) -> None:
        answer = self._answer.result()
        self._dtls._set_role("server" if answer.setup == "active" else "client")
        await self._ice.start(RTCIceParameters(answer.ufrag, answer.password, False))
        if self._ice.state != "completed":
            return
        prints = [RTCDtlsFingerprint(algorithm=name, value=value) for name, value in answer.fingerprints]
        await self._dtls.start(RTCDtlsParameters(fingerprints=prints))

    @override
    async def _open_channel(self) -> None:
        answer = self._answer.result()
        await self._sctp.start(RTCSctpCapabilities(maxMessageSize=answer.max_message_bytes), answer.sctp_port)
        channel = RTCDataChannel(self._sctp, RTCDataChannelParameters(label=CHANNEL_LABEL))
        channel.on("open", self._beat)
        self._use(channel)

    @override
    def _say_rate(self) -> None:
        """What is handed on comes as it is: one viewer's wish would be everybody's."""

    @override
    async def aclose(self) -> None:
        """Close everything, within 2 s; no callback is called any more."""
        self._answer.cancel()
        await super().aclose()
