"""Opus for speech: mono, 48 kHz, packets of 20 ms out, any valid packet in (RFC 6716, RFC 7587)."""

import numpy as np
from av import AudioFrame, CodecContext, Packet
from av.error import FFmpegError
from numpy.typing import NDArray

Samples = NDArray[np.int16]

RATE = 48_000
FRAME = 960
"""Samples of one packet of ours, 20 ms."""
BITS_PER_S = 32_000
MAX_PACKET_BYTES = 1_275 * 3
_MAX_PACKET_SAMPLES = 5_760
_SILK = (480, 960, 1_920, 2_880)
_HYBRID = (480, 960)
_CELT = (120, 240, 480, 960)


def duration(packet: bytes) -> int:
    """Samples at 48 kHz that a packet holds, by its first byte (RFC 6716 section 3.1); 0 for one that is malformed."""
    if not packet or len(packet) > MAX_PACKET_BYTES:
        return 0
    config = packet[0] >> 3
    if config < 12:
        one = _SILK[config % 4]
    elif config < 16:
        one = _HYBRID[config % 2]
    else:
        one = _CELT[config % 4]
    code = packet[0] & 3
    count = (1, 2, 2, packet[1] & 0x3F if len(packet) > 1 else 0)[code]
    return one * count if one * count <= _MAX_PACKET_SAMPLES else 0


class Encoder:
    """Encodes for one listener; what is lost on the way is in the next packet too (in-band FEC)."""

    def __init__(self) -> None:
        context = CodecContext.create("libopus", "w")
        context.sample_rate, context.layout, context.format = RATE, "mono", "s16"
        context.bit_rate = BITS_PER_S
        context.options = {"application": "voip", "frame_duration": "20", "fec": "1", "packet_loss": "10"}
        self._context = context
        self._time = 0

    def encode(self, samples: Samples) -> bytes:
        """One packet of `FRAME` samples; empty if the codec gives none."""
        frame = AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts = RATE, self._time
        self._time += FRAME
        packets = self._context.encode(frame)
        return bytes(packets[0]) if packets else b""


class Decoder:
    """Decodes one speaker's packets, whatever they hold."""

    def __init__(self) -> None:
        context = CodecContext.create("libopus", "r")
        context.sample_rate, context.layout = RATE, "mono"
        self._context = context

    def decode(self, packet: bytes) -> Samples | None:
        """The samples; None for a packet that is none."""
        if not duration(packet):
            return None
        try:
            frames = self._context.decode(Packet(packet))
        except (FFmpegError, ValueError):
            return None
        if not frames:
            return None
        return np.concatenate([frame.to_ndarray()[0] for frame in frames]).astype(np.int16, copy=False)
