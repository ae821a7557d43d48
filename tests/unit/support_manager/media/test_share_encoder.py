"""The picture that the share's encoder keeps: parts that changed come into their place as if all had come anew."""

import random

import numpy as np
from numpy.typing import NDArray

from support_manager.media.screens import Patch
from support_manager.media.share_encoder import Canvas, libyuv, swscale

WIDTH, HEIGHT = 200, 120


def patch(pixels: bytes, left: int, top: int, columns: int, rows: int) -> Patch:
    lines = (pixels[((top + row) * WIDTH + left) * 4 :][: columns * 4] for row in range(rows))
    return Patch(memoryview(b"".join(lines)), left, top, columns, rows, WIDTH, HEIGHT, 0.0)


def blocks(rng: random.Random) -> bytes:
    """Random colours in blocks of 2x2, as large as one colour difference."""
    rows = []
    for _ in range(HEIGHT // 2):
        row = b"".join(rng.randbytes(3) + b"\0" for _ in range(WIDTH // 2))
        rows.append(b"".join(row[at : at + 4] * 2 for at in range(0, len(row), 4)) * 2)
    return b"".join(rows)


def planes(canvas: Canvas) -> list[bytes]:
    assert canvas.frame is not None
    found = []
    for plane in canvas.frame.planes:
        memory, step = bytes(plane), plane.line_size
        found.append(b"".join(memory[row * step : row * step + plane.width] for row in range(plane.height)))
    return found


def test_a_part_comes_into_its_place():
    rng = random.Random(3)
    before, after = blocks(rng), blocks(rng)
    mixed = bytearray(before)
    left, top, columns, rows = 48, 32, 72, 64
    for row in range(top, top + rows):
        at = (row * WIDTH + left) * 4
        mixed[at : at + columns * 4] = after[at : at + columns * 4]
    parts, whole = Canvas(), Canvas()
    parts.put(patch(before, 0, 0, WIDTH, HEIGHT))
    parts.put(patch(after, left, top, columns, rows))
    whole.put(patch(bytes(mixed), 0, 0, WIDTH, HEIGHT))
    assert parts.size == (WIDTH, HEIGHT)
    assert planes(parts) == planes(whole)


def test_both_ways_to_the_encoders_colours_give_the_same():
    """A computer without the one shows what the other shows, of every size that the grabber gives."""
    rng = random.Random(5)
    pixels = blocks(rng)
    by_ffmpeg, by_libyuv = swscale(), libyuv()
    for left, top, columns, rows in ((0, 0, WIDTH, HEIGHT), (16, 32, 2, 2), (48, 16, 70, 34), (0, 0, WIDTH, 2)):
        part = patch(pixels, left, top, columns, rows)
        for number, (one, other) in enumerate(zip(by_ffmpeg(part), by_libyuv(part), strict=True)):
            halved = 1 if number == 0 else 2
            assert apart(one, other, columns // halved, rows // halved) <= 2
    later = Patch(memoryview(pixels)[8 * WIDTH * 4 :], 0, 8, WIDTH, HEIGHT - 8, WIDTH, HEIGHT, 0.0)  # as Qt's are
    (one, *_), (other, *_) = by_ffmpeg(later), by_libyuv(later)
    assert apart(one, other, WIDTH, HEIGHT - 8) <= 2


def apart(one: NDArray[np.uint8], other: NDArray[np.uint8], columns: int, rows: int) -> int:
    mine, his = (each[:rows, :columns].astype(int) for each in (one, other))
    return int(np.abs(mine - his).max())
