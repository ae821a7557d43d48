"""Screens as VP8 frames, made once: what a customer's page would send, without page and network."""

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import av
import numpy as np
from av.video.codeccontext import VideoCodecContext

FPS = 30


@dataclass(frozen=True)
class FilmFrame:
    """One encoded frame."""

    data: bytes
    key: bool


@cache
def film(width: int = 320, height: int = 180, seconds: int = 2, key_every: int = 10_000) -> tuple[FilmFrame, ...]:
    """A film of a grey that grows lighter and begins anew every second; the first frame is a key frame.

    Args:
        width: in pixels.
        height: in pixels.
        seconds: of `FPS` frames each.
        key_every: how many frames lie between key frames.
    """
    codec = VideoCodecContext.create("libvpx", "w")
    codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
    codec.time_base = Fraction(1, FPS)
    codec.options = {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0", "g": str(key_every)}
    found: list[FilmFrame] = []
    for number in range(seconds * FPS):
        picture = np.full((height * 3 // 2, width), 128, np.uint8)
        picture[:height] = brightness(number)
        frame = av.VideoFrame.from_ndarray(picture, "yuv420p")
        frame.pts = number
        found += [FilmFrame(bytes(packet), packet.is_keyframe) for packet in codec.encode(frame)]
    found += [FilmFrame(bytes(packet), packet.is_keyframe) for packet in codec.encode(None)]
    return tuple(found)


def brightness(number: int) -> int:
    """The grey of a frame of `film`."""
    return 40 + number % FPS * 6


def endless(frames: tuple[FilmFrame, ...]) -> Iterator[FilmFrame]:
    """The film again and again, from its key frame on each time."""
    while True:
        yield from frames
