"""A viewer that costs little: DTLS, SRTP and all checks of a real one, but nothing is decoded. `-m` runs several.

As a program it reads JSON commands from standard input, one a line, and answers each with one line:
`{"do": "offer"}` → `{"sdp": …}` for one more viewer, `{"do": "answer", "number": 0, "sdp": …}`, `{"do": "read"}` →
what came since the last reading, `{"do": "end"}`.
"""

import asyncio
import time
import zlib
from typing import Any

from aiortc.rtcrtpreceiver import StreamStatistics
from aiortc.rtp import RTCP_PSFB_PLI, RtcpPsfbPacket, RtcpReceiverInfo, RtcpSrPacket, RtpPacket
from typing_extensions import override

from support_manager.media.connection import HubConnection
from support_manager.media.frame_box import FrameBox
from support_manager.media.frames import SequenceUnwrapper
from support_manager.media.guest import GuestConnection
from support_manager.media.lines import DroppedLine, Line, ShareLine
from support_manager.media.negotiation import OfferedLine
from support_manager.media.vp8 import parse_part
from support_manager.media.ways import Ways
from tests.harness.programs import serve


def mark_of(data: bytes) -> int:
    """What a frame is recognised by on both sides of a hub: its last packet, which is handed on as it is."""
    return zlib.crc32(data[-256:])


class CountingLine:
    """Takes a share, checks that it is whole and in order, and counts.

    Args:
        offered: the line.
        connection: through which a key frame is asked for.
    """

    busy = False

    def __init__(self, offered: OfferedLine, connection: "LightReceiver") -> None:
        self.offered = offered
        self._connection = connection
        self._unwrapper = SequenceUnwrapper()
        self._statistics: StreamStatistics | None = None
        self._newest: int | None = None
        self._missing: set[int] = set()
        self.source = 0
        self.packets = self.bytes = self.frames = self.keys = self.bad = 0
        self.marks: list[tuple[int, float]] = []
        """Mark of each frame (see `mark_of`) and when it was whole, `time.monotonic()`."""

    def take(self, packet: RtpPacket, size: int, now: float) -> None:
        """Count a packet of the share."""
        number, payload = packet.sequence_number, packet.payload
        if packet.payload_type == self.offered.rtx_payload_type:
            if len(payload) < 2:
                return
            number, payload = int.from_bytes(payload[:2], "big"), payload[2:]
        else:
            if self._statistics is None or packet.ssrc != self.source:
                self.source, self._statistics, self._newest = packet.ssrc, StreamStatistics(90_000), None
                self._missing.clear()
                self._unwrapper = SequenceUnwrapper()
            self._statistics.add(packet)
        self.packets += 1
        self.bytes += size
        full = self._unwrapper.unwrap(number)
        if self._newest is not None and full > self._newest + 1:
            self._missing.update(range(self._newest + 1, min(full, self._newest + 1000)))
        self._missing.discard(full)
        self._newest = max(full, self._newest or 0)
        try:
            part = parse_part(payload)
        except ValueError:
            self.bad += 1
            return
        self.keys += part.key and part.starts
        if packet.marker:
            self.frames += 1
            self.marks.append((mark_of(part.data), now))

    def read(self) -> dict[str, Any]:
        """What came since the last reading."""
        found = {
            "packets": self.packets,
            "bytes": self.bytes,
            "frames": self.frames,
            "keys": self.keys,
            "bad": self.bad,
            "missing": len(self._missing),
            "marks": self.marks,
        }
        self.packets = self.bytes = self.frames = self.keys = self.bad = 0
        self.marks = []
        self._missing.clear()
        return found

    def sender_report(self, report: RtcpSrPacket, arrived_ms: float, round_trip_ms: float) -> None:
        """Nobody asks for the age of a picture here."""

    def tick(self, now: float, round_trip_ms: float) -> None:
        """Nothing is ever due: what is lost is only counted."""

    def reception(self, now: float) -> RtcpReceiverInfo | None:
        """What a browser reports once a second."""
        statistics = self._statistics
        if statistics is None or statistics.max_seq is None:
            return None
        return RtcpReceiverInfo(
            ssrc=self.source,
            fraction_lost=min(255, statistics.fraction_lost),
            packets_lost=statistics.packets_lost,
            highest_sequence=(statistics.cycles + statistics.max_seq) & 0xFFFFFFFF,
            jitter=statistics.jitter & 0xFFFFFFFF,
            lsr=0,
            dlsr=0,
        )

    def refresh(self, now: float) -> None:
        """Nobody looks at it."""

    def forward_to(self, feed: object) -> None:
        """Nobody gets it."""

    def forget(self) -> None:
        """Nothing is kept."""

    def close(self) -> None:
        """Nothing to close."""

    def join(self, timeout_s: float) -> None:
        """There is no thread."""


class LightReceiver(GuestConnection):
    """One viewer. `offer` first, `take_answer` with the hub's answer, then `counting.read()`."""

    def __init__(self, name: str = "light") -> None:
        self.described: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.lost = ""
        super().__init__(
            name,
            (),
            FrameBox(name),
            visible=True,
            ways=Ways(),
            on_offer=self.described.set_result,
            on_connected=lambda: None,
            on_lost=self._gone,
            on_figures=_ignore,
        )

    def _gone(self, reason: str) -> None:
        self.lost = reason

    @override
    def _make_lines(self, name: str) -> tuple[ShareLine, list[Line]]:
        up, down, *others = self._offer.lines
        self.counting = CountingLine(down, self)
        lines: list[Line] = [DroppedLine(up), self.counting, *(DroppedLine(line) for line in others)]
        return self.counting, lines  # type: ignore[return-value]

    async def offer(self) -> str:
        """The offer, with all candidates in it."""
        self.start()
        return await self.described

    def ask_for_key(self) -> None:
        """As a browser does that cannot decode."""
        self._queue_rtcp(bytes(RtcpPsfbPacket(fmt=RTCP_PSFB_PLI, ssrc=self._ssrc, media_ssrc=self.counting.source)))


def _ignore(connection: HubConnection) -> None:
    """Figures of a share are nobody's business here."""


class Viewers:
    """The program's viewers."""

    def __init__(self) -> None:
        self._made: list[LightReceiver] = []

    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        match asked["do"]:
            case "offer":
                viewer = LightReceiver(f"light {len(self._made)}")
                self._made.append(viewer)
                return {"number": len(self._made) - 1, "sdp": await viewer.offer()}
            case "answer":
                self._made[asked["number"]].take_answer(asked["sdp"])
                return {}
            case "read":
                viewers = [{**viewer.counting.read(), "lost": viewer.lost} for viewer in self._made]
                return {"viewers": viewers, "cpu_s": time.process_time()}
            case word:
                raise ValueError(word)

    async def aclose(self) -> None:
        """Close all."""
        await asyncio.gather(*(viewer.aclose() for viewer in self._made))


if __name__ == "__main__":
    asyncio.run(serve(Viewers))
