"""A participant made of aiortc: offers the fixed media lines, shares a synthetic screen, beats; no browser needed."""

import asyncio
import fractions
import ipaddress
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import av
import ifaddr
import msgspec
from aiortc import (
    MediaStreamTrack,
    RTCBundlePolicy,
    RTCConfiguration,
    RTCIceServer,
    RTCIceTransportPolicy,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.sdp import candidate_from_sdp

from support_manager.protocol.channel import Beat, ChannelMessage
from support_manager.protocol.signals import CHANNEL_LABEL, MEDIA_LINES

DIRECTIONS = {
    "share_up": "sendonly",
    "share_down": "recvonly",
    "voice": "sendrecv",
    "camera_up": "sendonly",
    "camera_down_1": "recvonly",
    "camera_down_2": "recvonly",
    "camera_down_3": "recvonly",
    "camera_down_4": "recvonly",
}


async def rests(count: Callable[[], int], what: str, most: int = 15, quiet_s: float = 0.5) -> None:
    """Wait until a count has stood still for so long: what was under way has arrived, and nothing comes any more.

    Args:
        count: says how many there are.
        what: is counted.
        most: that may still come. A slow machine takes longer for them, but sends no more.
        quiet_s: how long it has to stand still.

    Raises:
        AssertionError: it goes on.
    """
    deadline = time.monotonic() + 10
    first = last = count()
    since = time.monotonic()
    while time.monotonic() - since < quiet_s:
        assert time.monotonic() < deadline, f"{what} goes on: {last}"
        await asyncio.sleep(0.01)
        if (found := count()) != last:
            last, since = found, time.monotonic()
        assert last - first <= most, f"{last - first} more of {what}"


def require_network() -> None:
    """Fail unless this process has an address that ICE would use.

    Raises:
        RuntimeError: on a machine with nothing but loopback.
    """
    for adapter in ifaddr.get_adapters():
        for address in adapter.ips:
            text = address.ip if isinstance(address.ip, str) else address.ip[0]
            parsed = ipaddress.ip_address(text)
            if not parsed.is_loopback and not parsed.is_link_local:
                return
    raise RuntimeError("no address but loopback: run media tests by `python -m tests.harness.netns -- pytest …`")


class ScreenTrack(MediaStreamTrack):
    """A moving picture at a steady rate; `pause` makes it stop.

    Args:
        width: in pixels.
        height: in pixels.
        fps: frames a second.
    """

    kind = "video"

    def __init__(self, width: int = 640, height: int = 360, fps: int = 30) -> None:
        super().__init__()
        self.width, self.height, self.fps = width, height, fps
        self.moving = asyncio.Event()
        self.moving.set()
        self.sent = 0
        self._started: float | None = None

    async def recv(self) -> av.VideoFrame:
        await self.moving.wait()
        now = time.monotonic()
        if self._started is None:
            self._started = now
        due = self._started + self.sent / self.fps
        if due > now:
            await asyncio.sleep(due - now)
        else:
            self._started += now - due
        frame = av.VideoFrame(self.width, self.height, "yuv420p")
        luma, *chroma = frame.planes
        row = bytearray(luma.line_size)
        x = self.sent * 8 % self.width
        row[x : x + 32] = b"\xeb" * 32
        luma.update(bytes(row[: luma.line_size]) * luma.height)
        for plane in chroma:
            plane.update(b"\x80" * plane.buffer_size)
        frame.pts = int((time.monotonic() - self._started) * 90_000)
        frame.time_base = fractions.Fraction(1, 90_000)
        self.sent += 1
        return frame


class Participant:
    """One peer connection as a participant's page makes it.

    Args:
        track: shared on `share_up`; None: nothing.
        camera: the same on `camera_up`.
        beating: whether the page is alive.
        turn: URL, user name and credential of the server through which all media goes; None: directly.
    """

    def __init__(
        self,
        track: MediaStreamTrack | None = None,
        *,
        camera: MediaStreamTrack | None = None,
        beating: bool = True,
        turn: tuple[str, str, str] | None = None,
    ) -> None:
        servers = [] if turn is None else [RTCIceServer(urls=[turn[0]], username=turn[1], credential=turn[2])]
        policy = RTCIceTransportPolicy.ALL if turn is None else RTCIceTransportPolicy.RELAY
        self.connection = RTCPeerConnection(
            RTCConfiguration(iceServers=servers, bundlePolicy=RTCBundlePolicy.MAX_BUNDLE, iceTransportPolicy=policy)
        )
        self.received: list[Any] = []
        self.beating = beating
        self._last: tuple[float, float] = (0.0, 0.0)
        for role in MEDIA_LINES[:-1]:
            kind = "audio" if role == "voice" else "video"
            source = {"share_up": track, "camera_up": camera}.get(role) or kind
            self.connection.addTransceiver(source, direction=DIRECTIONS[role])
        self.channel = self.connection.createDataChannel(CHANNEL_LABEL)
        self.channel.on("message", self._message)
        self._beats: asyncio.Task[None] | None = None

    async def offer(self) -> str:
        """The offer, with all candidates in it."""
        await self.connection.setLocalDescription(await self.connection.createOffer())
        return self.connection.localDescription.sdp

    async def take_answer(self, sdp: str) -> None:
        """Go on with the hub's answer."""
        await self.connection.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="answer"))
        # aiortc reads the candidates of the last bundled line only; an answer has them in the first.
        for line in sdp.splitlines():
            if line.startswith("a=candidate:"):
                candidate = candidate_from_sdp(line.removeprefix("a=candidate:"))
                candidate.sdpMid = "0"
                await self.connection.addIceCandidate(candidate)
        self._beats = asyncio.get_running_loop().create_task(self._beat(), name="participant beats")

    def _message(self, text: str) -> None:
        message = msgspec.json.decode(text, type=ChannelMessage)
        self.received.append(message)
        if isinstance(message, Beat):
            self._last = (message.sent_ms, time.time() * 1000)

    async def _beat(self) -> None:
        while True:
            if self.beating and self.channel.readyState == "open":
                echo, at = self._last
                now = time.time() * 1000
                beat = Beat(sent_ms=now, echo_ms=echo, held_ms=now - at if echo else 0, sharing=True)
                self.channel.send(msgspec.json.encode(beat).decode())
            await asyncio.sleep(1.0)

    async def aclose(self) -> None:
        """Close the connection."""
        if self._beats is not None:
            self._beats.cancel()
            with suppress(asyncio.CancelledError):
                await self._beats
        await self.connection.close()


async def until(condition: Callable[[], bool], timeout_s: float = 10.0, what: str = "the condition") -> None:
    """Wait until `condition` holds.

    Raises:
        AssertionError: if it does not in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not come true in {timeout_s} s")
        await asyncio.sleep(0.01)
