"""A time code of large blocks: drawn by `pages/timecode.html`, read back from any pixels that show it, however scaled.

The code is a grid of 22 × 2 cells. The first and the last column are magenta and tell where it is and how large;
between them 40 cells, black 0 and white 1: 32 bits of milliseconds since 1970, highest first, then 8 bits that check
them. Cells of 24 pixels survive VP8, 4:2:0 colours and scaling to a third.
"""

from dataclasses import dataclass
from pathlib import Path

from PySide6.QtGui import QImage

COLUMNS, ROWS, CELL = 22, 2, 24
WIDTH, HEIGHT = COLUMNS * CELL, ROWS * CELL
PAGES = Path(__file__).parent / "pages"
_MASK = 0xFFFF_FFFF


@dataclass(frozen=True, slots=True)
class Place:
    """Where a code lies in some pixels."""

    x: int
    y: int
    width: int
    height: int


def cells(value: int) -> list[bool]:
    """The 40 data cells of a value, first row first; True is white."""
    value &= _MASK
    check = (value >> 24 ^ value >> 16 ^ value >> 8 ^ value ^ 0x5A) & 0xFF
    bits = value << 8 | check
    return [bool(bits >> (39 - place) & 1) for place in range(40)]


def value_of(found: list[bool]) -> int | None:
    """The value of 40 cells; None if the check does not hold."""
    bits = 0
    for cell in found:
        bits = bits << 1 | cell
    value = bits >> 8
    return value if cells(value) == found else None


def _magenta(pixels: bytes | memoryview, at: int) -> bool:
    return pixels[at + 2] > 170 and pixels[at + 1] < 100 and pixels[at] > 170


def find(pixels: bytes | memoryview, width: int, height: int, stride: int) -> Place | None:
    """Where the code is in BGRX pixels; None if it is not there whole. Takes some milliseconds; do it once."""
    step = 4
    hits = [
        (x, y) for y in range(0, height, step) for x in range(0, width, step) if _magenta(pixels, y * stride + x * 4)
    ]
    if not hits:
        return None
    left, right = min(x for x, _ in hits), max(x for x, _ in hits)
    top, bottom = min(y for _, y in hits), max(y for _, y in hits)

    def row_has(y: int) -> bool:
        return any(_magenta(pixels, y * stride + x * 4) for x in range(left, min(left + 3 * step, width)))

    def column_has(x: int) -> bool:
        return any(_magenta(pixels, y * stride + x * 4) for y in range(top, bottom + 1))

    while top > 0 and row_has(top - 1):
        top -= 1
    while bottom + 1 < height and row_has(bottom + 1):
        bottom += 1
    while left > 0 and column_has(left - 1):
        left -= 1
    while right + 1 < width and column_has(right + 1):
        right += 1
    place = Place(left, top, right + 1 - left, bottom + 1 - top)
    # The shape tells a code from anything else that is magenta.
    shape = place.width / place.height
    return place if 0.8 < shape / (COLUMNS / ROWS) < 1.25 else None


def read(pixels: bytes | memoryview, stride: int, place: Place) -> int | None:
    """The value of the code at `place` in BGRX pixels; None while it cannot be read (half drawn, not there)."""
    found = []
    for row in range(ROWS):
        y = place.y + int((row + 0.5) * place.height / ROWS)
        for column in range(1, COLUMNS - 1):
            x = place.x + int((column + 0.5) * place.width / COLUMNS)
            green = pixels[y * stride + x * 4 + 1]
            if 90 < green < 165:
                return None
            found.append(green >= 165)
    return value_of(found)


def read_image(image: QImage) -> int | None:
    """The value of the code that an image shows anywhere; None where none can be read."""
    plain = image.convertToFormat(QImage.Format.Format_RGB32)
    pixels, stride = bytes(plain.constBits()), plain.bytesPerLine()
    place = find(pixels, plain.width(), plain.height(), stride)
    return read(pixels, stride, place) if place is not None else None


def age_ms(value: int, now_ms: float) -> float:
    """How old a code is, in milliseconds; `now_ms` is `time.time() * 1000`."""
    return (now_ms - value + 2**31) % 2**32 - 2**31


def draw(value: int) -> tuple[bytes, int, int]:
    """The code as BGRX pixels of its own size, for tests: pixels, width, height."""
    black, white, magenta = bytes((0, 0, 0, 255)), bytes((255, 255, 255, 255)), bytes((255, 0, 255, 255))
    found = cells(value)
    lines = []
    for row in range(ROWS):
        colours = [magenta, *(white if cell else black for cell in found[row * 20 : row * 20 + 20]), magenta]
        lines.append(b"".join(colour * CELL for colour in colours) * CELL)
    return b"".join(lines), WIDTH, HEIGHT
