"""The picture that the share's encoder keeps: parts that changed come into their place as if all had come anew."""

import random

from support_manager.media.screens import Patch
from support_manager.media.share_encoder import Canvas

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
