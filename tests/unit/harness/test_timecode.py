"""The time code itself: what is drawn is what is read, at every scale, and what is damaged is not read at all."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage

from tests.harness import timecode


def shown(value: int, scale: float = 1.0, x: int = 31, y: int = 17) -> tuple[bytes, int, int, int]:
    """The code somewhere on a grey screen: pixels, width, height, stride."""
    pixels, width, height = timecode.draw(value)
    code = QImage(pixels, width, height, width * 4, QImage.Format.Format_RGB32).copy()
    smooth = Qt.TransformationMode.SmoothTransformation
    code = code.scaled(round(width * scale), round(height * scale), mode=smooth)
    screen = bytearray(b"\x80\x80\x80\xff" * (900 * 200))
    bits, stride = code.constBits(), code.bytesPerLine()
    for row in range(code.height()):
        at = ((y + row) * 900 + x) * 4
        screen[at : at + code.width() * 4] = bits[row * stride : row * stride + code.width() * 4]
    return bytes(screen), 900, 200, 900 * 4


@pytest.mark.parametrize("value", [0, 1, 0xFFFF_FFFF, 0x1234_5678, 1_763_000_000_000])
@pytest.mark.parametrize("scale", [0.33, 0.5, 0.73, 1.0, 1.5])
def test_what_is_drawn_is_read_at_every_scale(value, scale):
    pixels, width, height, stride = shown(value, scale)
    place = timecode.find(pixels, width, height, stride)
    assert place is not None
    assert abs(place.x - 31) <= 1
    assert abs(place.y - 17) <= 1
    assert timecode.read(pixels, stride, place) == value & 0xFFFF_FFFF


def test_a_damaged_code_is_not_read():
    pixels, width, height, stride = shown(12345)
    place = timecode.find(pixels, width, height, stride)
    assert place is not None
    damaged = bytearray(pixels)
    for y in range(17, 17 + 24):
        for x in range(31 + 24, 31 + 48):
            at = y * stride + x * 4
            damaged[at : at + 3] = bytes(255 - level for level in damaged[at : at + 3])
    assert timecode.read(damaged, stride, place) is None


def test_without_a_code_there_is_no_place():
    assert timecode.find(b"\xff" * (4 * 100 * 50), 100, 50, 400) is None


def test_ages_cross_the_32_bit_border():
    assert timecode.age_ms(0xFFFF_FFF0, 2**33 + 0x10) == 0x20
    assert timecode.age_ms(5, 2**33) == -5
