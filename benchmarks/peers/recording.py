"""What a real Chromium sent for its share, packet by packet: taken once at the start of a run, then replayed."""

import asyncio
import pickle
import time
from dataclasses import dataclass
from pathlib import Path

from aiortc.rtp import RtpPacket
from typing_extensions import override

from support_manager.media.connection import HubConnection
from support_manager.media.control import FULL_RATE
from support_manager.media.engine import PeerKey
from support_manager.media.frame_box import FrameBox
from support_manager.media.negotiation import parse_offer
from support_manager.media.vp8 import parse_part
from support_manager.media.ways import Ways
from support_manager.protocol.channel import Rate


@dataclass(frozen=True, slots=True)
class Taken:
    """One packet of the share; retransmissions and padding are left out.

    Attributes:
        at_s: since the first one.
        timestamp: RTP time since the first one, 1/90000 s.
    """

    at_s: float
    timestamp: int
    marker: bool
    payload: bytes


@dataclass(frozen=True, slots=True)
class Recording:
    """Packets that begin with a key frame and end with a whole frame."""

    packets: tuple[Taken, ...]

    @property
    def seconds(self) -> float:
        """How long it lasts, the pause after the last frame included."""
        return self.packets[-1].at_s + 1 / 30

    @property
    def bits_per_s(self) -> float:
        """Of the payloads."""
        return sum(len(packet.payload) for packet in self.packets) * 8 / self.seconds

    @property
    def fps(self) -> float:
        """Whole frames a second."""
        return sum(packet.marker for packet in self.packets) / self.seconds

    def save(self, path: Path) -> None:
        """Write it for another process of ours."""
        path.write_bytes(pickle.dumps(self))

    @staticmethod
    def load(path: Path) -> "Recording":
        """Read what `save` wrote."""
        found: Recording = pickle.loads(path.read_bytes())
        return found


class Recorder(HubConnection):
    """A hub that writes down what comes on `share_up`; it decodes, too, as the real one does."""

    def __init__(self, sdp: str) -> None:
        self.answered: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._came: list[tuple[float, RtpPacket]] = []
        super().__init__(
            "recorder",
            parse_offer(sdp),
            (),
            FrameBox(str(PeerKey("recording", "publisher"))),
            visible=True,
            ways=Ways(),
            on_answer=self.answered.set_result,
            on_connected=lambda: None,
            on_lost=lambda reason: None,
            on_figures=lambda connection: None,
        )
        self._payload_type = self._offer.lines[0].payload_type

    @override
    def _rtp(self, packet: RtpPacket, size: int) -> None:
        if packet.payload_type == self._payload_type and packet.payload:
            self._came.append((time.monotonic(), packet))
        super()._rtp(packet, size)

    def ask_for_rate(self, rate: Rate = FULL_RATE) -> None:
        """Say how much the page may send."""
        self.say(rate)

    async def take(self, seconds: float) -> Recording:
        """Record: from the next key frame on, for this long and up to the end of a frame.

        Raises:
            OSError: if none came.
        """
        self._came.clear()
        self.share.ask_for_key()
        deadline = time.monotonic() + 10.0
        first: float | None = None
        while first is None or time.monotonic() < first + seconds:
            await asyncio.sleep(0.05)
            if first is None:
                first = next((at for at, packet in self._came if _starts_key(packet)), None)
                if time.monotonic() > deadline:
                    raise OSError("no key frame to begin the recording with")
        begun = next(number for number, (_, packet) in enumerate(self._came) if _starts_key(packet))
        first_number = self._came[begun][1].sequence_number
        part = sorted(self._came[begun:], key=lambda each: (each[1].sequence_number - first_number) & 0xFFFF)
        while part and not part[-1][1].marker:
            part.pop()
        (start, head), *_ = part
        return Recording(
            tuple(
                Taken(max(0.0, at - start), (p.timestamp - head.timestamp) & 0xFFFFFFFF, bool(p.marker), p.payload)
                for at, p in part
            )
        )


def _starts_key(packet: RtpPacket) -> bool:
    try:
        part = parse_part(packet.payload)
    except ValueError:
        return False
    return part.key and part.starts
