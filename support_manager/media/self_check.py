"""What the self-test asks of the media libraries: that a VP8 picture survives, and that two ends reach each other."""

import asyncio
from fractions import Fraction

CONNECT_S = 20.0


def encode_and_decode() -> str:
    """Encode a few grey pictures as VP8 and decode them; says what came out.

    Raises:
        RuntimeError: when less came out than went in, or in another size.
    """
    import av

    width, height, count = 320, 180, 5
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = width, height, "yuv420p"
    encoder.time_base = Fraction(1, 30)
    encoder.options = {"deadline": "realtime", "lag-in-frames": "0"}
    packets = []
    for number in range(count):
        frame = av.VideoFrame(width, height, "yuv420p")
        for plane in frame.planes:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts = number
        packets += encoder.encode(frame)
    packets += encoder.encode(None)
    decoder = av.CodecContext.create("vp8", "r")
    frames = [frame for packet in packets for frame in decoder.decode(packet)]
    if len(frames) != count or (frames[0].width, frames[0].height) != (width, height):
        raise RuntimeError(f"{len(frames)} of {count} pictures came back")
    return f"PyAV {av.__version__}"


async def loopback() -> str | None:
    """Connect two peers on this machine and pass one message; None where it has no address but 127.0.0.1.

    aioice never offers a loopback address, so without a network there is nothing that could be tried.

    Raises:
        TimeoutError: when the message did not arrive within `CONNECT_S`.
    """
    import aiortc

    first = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    second = aiortc.RTCPeerConnection(aiortc.RTCConfiguration(iceServers=[]))
    arrived: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    def on_message(message: str) -> None:
        if not arrived.done():
            arrived.set_result(message)

    second.on("datachannel", lambda channel: channel.on("message", on_message))
    try:
        channel = first.createDataChannel("check")
        channel.on("open", lambda: channel.send("check"))
        await first.setLocalDescription(await first.createOffer())
        if "a=candidate" not in first.localDescription.sdp:
            return None
        await second.setRemoteDescription(first.localDescription)
        await second.setLocalDescription(await second.createAnswer())
        await first.setRemoteDescription(second.localDescription)
        async with asyncio.timeout(CONNECT_S):
            await arrived
    finally:
        await asyncio.gather(first.close(), second.close())
    return f"aiortc {aiortc.__version__}"


def speak() -> str:
    """Send a little sound through Opus and through WebRTC's audio processing.

    Raises:
        RuntimeError: when either is missing or gives nothing.
    """
    import numpy as np

    from support_manager.media.voice.opus import FRAME, RATE, Decoder, Encoder
    from support_manager.media.voice.processing import Processing

    tone = (8_000 * np.sin(2 * np.pi * 440 * np.arange(FRAME) / RATE)).astype(np.int16)
    encoder, decoder, processing = Encoder(), Decoder(), Processing()
    if not processing.works:
        raise RuntimeError("WebRTC's audio processing cannot be loaded")
    for _ in range(10):
        processing.played(tone)
        decoded = decoder.decode(encoder.encode(processing.heard(tone, 40.0)))
        if decoded is None or len(decoded) != FRAME:
            raise RuntimeError("no sound came out of Opus")
    return "Opus, echo cancellation"
