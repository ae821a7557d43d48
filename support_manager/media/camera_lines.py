"""The camera lines of one connection: at the hub one up and four down, at an app that assists four that come in."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from aiortc.rtp import AnyRtcpPacket, RtpPacket
from av import VideoFrame
from typing_extensions import override

from support_manager.media.camera_room import ViewerRoom
from support_manager.media.down_line import ShareDownLine
from support_manager.media.engine import CameraFigures, PeerKey
from support_manager.media.feed import Feed
from support_manager.media.figures import ShareMeter
from support_manager.media.frame_box import FrameBox
from support_manager.media.frames import EncodedFrame
from support_manager.media.lines import Line, ShareLine
from support_manager.media.negotiation import OfferedLine
from support_manager.protocol.channel import CAMERA_LINES, CameraRate, Cameras, ChannelMessage

FULL_CAMERA = CameraRate(max_fps=20, max_kbps=500)
HIDDEN_CAMERA = CameraRate(max_fps=1, max_kbps=40)
"""For a camera that nobody looks at: enough to show that it is alive."""
DOWN = tuple(f"camera_down_{number}" for number in range(1, CAMERA_LINES + 1))
_MAX_PIXELS = 1_920 * 1_200
"""Of a camera's picture; a larger one is refused unread. What is asked for is 640x360."""


def _too_large(width: int, height: int) -> bool:
    return width * height > _MAX_PIXELS


class CameraLine(ShareLine):
    """A camera that comes in: repaired, decoded and shown while it may be seen, else dropped unread.

    Args:
        offered: what the offer says of the line.
        name: of the connection, for the thread's name and the log.
        send: queues one RTCP packet.
    """

    def __init__(self, offered: OfferedLine, name: str, send: Callable[[bytes], None]) -> None:
        self.meter = ShareMeter(time.monotonic())
        self._box: FrameBox | None = None
        super().__init__(
            offered,
            name=f"{name} {offered.role}",
            meter=self.meter,
            send=send,
            deliver=self._show,
            too_large=_too_large,
        )

    def show_in(self, box: FrameBox | None) -> None:
        """Show what comes there; None: drop it."""
        if box is self._box:
            return
        before, self._box = self._box, box
        self.restart()
        self.forget()
        self.meter.forget()
        if before is not None:
            before.clear()
        if box is not None:
            self.ask_for_key()

    @property
    def is_shown(self) -> bool:
        """Whether it may be seen."""
        return self._box is not None

    def figures(self, owner: PeerKey, now: float, *, paused: bool = False) -> CameraFigures:
        """How the camera of `owner` arrives here."""
        told = self.meter.figures(owner, now, 0.0)
        return CameraFigures(owner, told.liveness, told.fps, told.kilobytes_per_s, told.width, told.height, paused)

    @override
    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        if self._box is not None:
            super().take(packet, size, now)

    @override
    def tick(self, now: float, round_trip_ms: float) -> None:
        if self._box is not None:
            super().tick(now, round_trip_ms)

    def _show(self, picture: VideoFrame, frame: EncodedFrame) -> None:
        """Runs on the decoder's thread."""
        box = self._box
        if box is not None:
            self.meter.frame(picture.width, picture.height, True, time.monotonic())
            box.put(picture, self.captured_ms(frame.timestamp))


class CameraLines(Protocol):
    """The camera lines of a connection, as the connection sees them. Times are `time.monotonic()`."""

    @property
    def by_role(self) -> Mapping[str, Line]:
        """The lines by their names in `MEDIA_LINES`."""

    @property
    def busy(self) -> bool:
        """Whether something is outstanding that the lines' `tick` must see to."""

    def sources(self) -> dict[str, tuple[int, int | None]]:
        """By the name of a line on which we send: its SSRC, and that of its repetitions."""

    def opened(self) -> None:
        """The data channel stands."""

    def beat(self, now: float) -> None:
        """The peer has given a sign of life."""

    def take_rtcp(self, packet: AnyRtcpPacket, now: float) -> None:
        """Take what the peer says of lines on which we send."""

    def take_message(self, message: ChannelMessage) -> None:
        """Take a message of the data channel."""

    def reports(self) -> list[bytes]:
        """The sender reports that are due."""

    def join(self, timeout_s: float) -> None:
        """Wait for the decoders' threads."""


class HubCameras:
    """At the hub: the participant's camera comes in, and up to four others go to him.

    Args:
        lines: the offer's camera lines.
        name: of the connection.
        send: queues one RTCP packet.
        send_media: sends one RTP packet at once; False if it cannot be taken now.
        say: sends a message on the data channel, if it stands.
    """

    def __init__(
        self,
        lines: Sequence[OfferedLine],
        name: str,
        send: Callable[[bytes], None],
        send_media: Callable[[bytes], bool],
        say: Callable[[ChannelMessage], object],
    ) -> None:
        offered = {line.role: line for line in lines}
        later = asyncio.get_running_loop().call_later
        self.up = CameraLine(offered["camera_up"], name, send)
        self.downs = tuple(
            ShareDownLine(offered[role], send=send_media, later=later, clock=time.monotonic) for role in DOWN
        )
        self.by_role: Mapping[str, Line] = {"camera_up": self.up, **dict(zip(DOWN, self.downs, strict=True))}
        self.room = ViewerRoom()
        self._say = say
        self._owners: tuple[str, ...] = ()
        self._told: ChannelMessage | None = None
        self._visible = False
        self._forwarded = False
        self._rate: CameraRate | None = None

    @property
    def busy(self) -> bool:
        """Whether the camera that comes in wants a packet or a key frame."""
        return self.up.is_shown and self.up.busy

    @property
    def troubled_at(self) -> float:
        """When a picture of a camera waited or was lost on its way to this participant."""
        return max(line.troubled_at for line in self.downs)

    def sources(self) -> dict[str, tuple[int, int | None]]:
        """By the name of a line on which we send: its SSRC, and that of its repetitions."""
        return {line.offered.mid: (line.ssrc, line.rtx_ssrc) for line in self.downs}

    def opened(self) -> None:
        """Tell what the participant could not hear before."""
        self._told = self._rate = None
        self._tell()
        self._tell_rate()

    def beat(self, now: float) -> None:
        """The participant is alive."""
        self.up.meter.beat(now)

    def take_rtcp(self, packet: AnyRtcpPacket, now: float) -> None:
        """What the participant says of the cameras that go to him."""
        for line in self.downs:
            line.take_rtcp(packet, now)

    def take_message(self, message: ChannelMessage) -> None:
        """A participant says nothing about cameras: what runs is the relay's to say."""

    def reports(self) -> list[bytes]:
        """The sender reports that are due."""
        made = [line.times() for line in self.downs if line.times is not None]
        return [report for report in made if report is not None]

    def join(self, timeout_s: float) -> None:
        """Wait for the decoder's thread."""
        self.up.join(timeout_s)

    def take_in(self, box: FrameBox | None, feed: Feed | None) -> None:
        """Have the participant's camera shown there and handed on so; None: not at all."""
        self.up.forward_to(feed)
        self.up.show_in(box)
        if self._forwarded is not (feed is not None):
            self._forwarded = feed is not None
            self._tell_rate()

    def set_visible(self, visible: bool) -> None:
        """Whether the rep can see it."""
        self._visible = visible
        self._tell_rate()

    def name_owners(self, owners: Sequence[str]) -> None:
        """Tell the participant whose cameras are on the lines to him."""
        self._owners = tuple(owners)
        self._tell()

    def _tell(self) -> None:
        message = Cameras(owners=self._owners, paused=self.room.paused)
        if message != self._told and (self._told is not None or any(self._owners)):
            self._told = message
            self._say(message)

    def _tell_rate(self) -> None:
        rate = FULL_CAMERA if self._visible or self._forwarded else HIDDEN_CAMERA
        if rate != self._rate:
            self._rate = rate
            self._say(rate)


class GuestCameras:
    """At an app that assists: up to four cameras come in, and the hub says whose.

    Args:
        lines: our offer's camera lines.
        name: of the connection.
        send: queues one RTCP packet.
    """

    def __init__(self, lines: Sequence[OfferedLine], name: str, send: Callable[[bytes], None]) -> None:
        offered = {line.role: line for line in lines}
        self.ins = tuple(CameraLine(offered[role], name, send) for role in DOWN)
        self.by_role: Mapping[str, Line] = dict(zip(DOWN, self.ins, strict=True))
        self._boxes: Mapping[str, FrameBox] = {}
        self._owners: tuple[str, ...] = ()
        self._paused = False

    @property
    def busy(self) -> bool:
        """Whether a camera that comes in wants a packet or a key frame."""
        return any(line.is_shown and line.busy for line in self.ins)

    def sources(self) -> dict[str, tuple[int, int | None]]:
        """Nothing is sent on these lines."""
        return {}

    def opened(self) -> None:
        """The hub tells by itself."""

    def beat(self, now: float) -> None:
        """The hub is alive."""
        for line in self.ins:
            line.meter.beat(now)

    def take_rtcp(self, packet: AnyRtcpPacket, now: float) -> None:
        """Nothing is sent on these lines."""

    def take_message(self, message: ChannelMessage) -> None:
        """Hear whose cameras come on the lines."""
        if isinstance(message, Cameras):
            self._owners, self._paused = message.owners, message.paused
            self._seat()

    def reports(self) -> list[bytes]:
        """Nothing is sent on these lines."""
        return []

    def join(self, timeout_s: float) -> None:
        """Wait for the decoders' threads."""
        for line in self.ins:
            line.join(timeout_s)

    def show(self, boxes: Mapping[str, FrameBox]) -> None:
        """Show the cameras of these participants, whom the relay named; nobody else's, whatever the hub says."""
        self._boxes = boxes
        self._seat()

    def _seat(self) -> None:
        for number, line in enumerate(self.ins):
            owner = self._owners[number] if number < len(self._owners) else ""
            line.show_in(self._boxes.get(owner))

    def figures(self, session_id: str, now: float) -> list[CameraFigures]:
        """How each of them arrives."""
        return [
            line.figures(PeerKey(session_id, owner), now, paused=self._paused)
            for line, owner in zip(self.ins, self._owners, strict=False)
            if line.is_shown
        ]
