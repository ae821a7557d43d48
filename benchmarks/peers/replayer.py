"""Customers who send what a real Chromium sent before: a recording each, over and over, as the hub asks for it.

A program as `light_receiver` is one: `offer` → one more customer, `answer`, `read` → when which frame left, `end`.
Arguments: the recording in full, and one at the rate of a hidden tab.
"""

import asyncio
import random
import struct
import sys
import time
from pathlib import Path
from typing import Any

from aiortc.rtp import RTCP_PSFB_FIR, RTCP_PSFB_PLI, AnyRtcpPacket, RtcpPsfbPacket, RtcpSenderInfo, RtcpSrPacket
from typing_extensions import override

from benchmarks.peers.light_receiver import LightReceiver, mark_of
from benchmarks.peers.recording import Recording
from support_manager.media.connection import _wall_ms
from support_manager.media.vp8 import parse_part
from support_manager.protocol.channel import Rate
from tests.harness.programs import serve

_NTP_EPOCH_S = 2_208_988_800
_HIDDEN_FPS = 5


class Replayer(LightReceiver):
    """One customer.

    Args:
        full: what he sends while somebody looks.
        hidden: what he sends while nobody does.
    """

    def __init__(self, name: str, full: Recording, hidden: Recording) -> None:
        super().__init__(name)
        self._full, self._hidden = full, hidden
        self._playing = full
        self._again = asyncio.Event()
        self.sent: list[tuple[int, float]] = []
        self.keys = 0
        self._media_ssrc = random.getrandbits(32)
        self._number = random.getrandbits(16)
        self._time = random.getrandbits(32)
        self.bytes = self._packets = 0
        """Of payloads that left, in all."""

    def play(self) -> None:
        """Begin to send, as soon as there is a connection."""
        _ = self._tasks.spawn(self._send_all(), name="replay")

    async def _send_all(self) -> None:
        while not self.connected:  # noqa: ASYNC110 - nobody tells this end
            await asyncio.sleep(0.02)
        self._beat()
        while True:
            self._again.clear()
            started, base, recording = time.monotonic(), self._time, self._playing
            self.keys += 1
            for packet in recording.packets:
                wait = started + packet.at_s - time.monotonic()
                if wait > 0.001:
                    await asyncio.sleep(wait)
                if self._again.is_set():
                    break
                self._time = (base + packet.timestamp) & 0xFFFFFFFF
                self._put(packet.payload, packet.marker)
            self._time = (self._time + 3_000) & 0xFFFFFFFF

    def _put(self, payload: bytes, marker: bool) -> None:
        line = self._offer.lines[0]
        mid = line.mid.encode()
        extension = bytes([1 << 4 | len(mid) - 1]) + mid
        extension += bytes(-len(extension) % 4)
        head = struct.pack(
            "!BBHII", 0x90, line.payload_type | (0x80 if marker else 0), self._number, self._time, self._media_ssrc
        )
        head += struct.pack("!HH", 0xBEDE, len(extension) // 4) + extension
        if self._dtls.send_media(head + payload):
            self._number = (self._number + 1) & 0xFFFF
            self._packets += 1
            self.bytes += len(payload)
        if marker:
            self.sent.append((mark_of(parse_part(payload).data), time.monotonic()))

    @override
    def _beat(self) -> None:
        self._write(self._control.beat(_wall_ms(), sharing=True))

    @override
    def _tell_times(self) -> None:
        now = time.time() + _NTP_EPOCH_S
        info = RtcpSenderInfo(int(now * 2**32) & 0xFFFFFFFFFFFFFFFF, self._time, self._packets, self.bytes & 0xFFFFFFFF)
        self._dtls.queue_rtcp(bytes(RtcpSrPacket(ssrc=self._media_ssrc, sender_info=info, reports=[])))
        self._packets_come.set()

    @override
    def _message(self, message: object) -> None:
        read = self._control.take(message, _wall_ms())
        if isinstance(read, Rate):
            self._obey(read)

    def _obey(self, rate: Rate) -> None:
        """Send as much as the hub asks for."""
        wanted = self._hidden if rate.max_fps <= _HIDDEN_FPS else self._full
        if wanted is not self._playing:
            self._playing = wanted
            self._again.set()

    @override
    def _rtcp(self, packet: AnyRtcpPacket) -> None:
        if isinstance(packet, RtcpPsfbPacket) and packet.fmt in (RTCP_PSFB_PLI, RTCP_PSFB_FIR):
            self._again.set()  # from the key frame with which the recording begins
        super()._rtcp(packet)


class Customers:
    """The program's customers."""

    def __init__(self, full: Recording, hidden: Recording) -> None:
        self._full, self._hidden = full, hidden
        self._made: list[Replayer] = []

    async def do(self, asked: dict[str, Any]) -> dict[str, Any]:
        """Carry out one command."""
        match asked["do"]:
            case "offer":
                customer = Replayer(f"replayer {len(self._made)}", self._full, self._hidden)
                self._made.append(customer)
                return {"number": len(self._made) - 1, "sdp": await customer.offer()}
            case "answer":
                customer = self._made[asked["number"]]
                customer.take_answer(asked["sdp"])
                customer.play()
                return {}
            case "read":
                found = [
                    {"sent": each.sent, "keys": each.keys, "lost": each.lost, "bytes": each.bytes}
                    for each in self._made
                ]
                for each in self._made:
                    each.sent, each.keys = [], 0
                return {"customers": found, "cpu_s": time.process_time()}
            case word:
                raise ValueError(word)

    async def aclose(self) -> None:
        """Close all."""
        await asyncio.gather(*(customer.aclose() for customer in self._made))


if __name__ == "__main__":
    recordings = [Recording.load(Path(word)) for word in sys.argv[1:3]]
    asyncio.run(serve(lambda: Customers(recordings[0], recordings[-1])))
