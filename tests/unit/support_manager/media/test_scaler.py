"""The scaler: every size comes out whole and in the right colours, and as close to one careful step as the eye asks."""

import av
import pytest

from support_manager.media.mailbox import Viewport
from support_manager.media.scaler import Pixels, Scaler

GREEN_YUV = (145, 54, 34)
GREEN_BGR = (0, 255, 0)


def frame_of(colour: tuple[int, int, int], width: int = 192, height: int = 108) -> av.VideoFrame:
    """A frame of one colour."""
    frame = av.VideoFrame(width, height, "yuv420p")
    for plane, value in zip(frame.planes, colour, strict=True):
        plane.update(bytes([value]) * plane.buffer_size)
    return frame


def stripes(width: int = 192, height: int = 108) -> av.VideoFrame:
    """Black and white lines, upright on the left and level on the right, as fine as text; colours in broad bands."""
    frame = av.VideoFrame(width, height, "yuv420p")
    luma = frame.planes[0]
    rows = bytearray()
    for y in range(height):
        row = bytes(
            (16 if (x // 2) % 2 else 235) if x < width // 2 else (16 if (y // 2) % 2 else 235) for x in range(width)
        )
        rows += row + bytes(luma.line_size - width)
    luma.update(bytes(rows))
    for plane, shift in zip(frame.planes[1:], (0, 40), strict=True):
        plane.update(b"".join(bytes([90 + shift + 60 * (y // 9 % 2)]) * plane.line_size for y in range(height // 2)))
    return frame


def row_of(pixels: Pixels, y: int) -> bytes:
    """One row, without what lies behind its end."""
    return bytes(memoryview(pixels.data)[y * pixels.stride : y * pixels.stride + pixels.width * 4])  # type: ignore[arg-type]


@pytest.mark.parametrize("size", [(96, 54), (95, 54), (96, 53), (95, 53), (191, 107), (192, 108), (193, 109), (1, 1)])
def test_any_size_is_whole_and_of_the_right_colour_to_its_last_pixel(size: tuple[int, int]) -> None:
    pixels = Scaler().convert(frame_of(GREEN_YUV), Viewport(*size))
    assert (pixels.width, pixels.height) == size
    for y in {0, size[1] // 2, size[1] - 1}:
        row = row_of(pixels, y)
        for x in {0, size[0] // 2, size[0] - 1}:
            assert all(abs(row[x * 4 + n] - GREEN_BGR[n]) <= 3 for n in range(3)), (x, y)


def test_a_crop_of_odd_size_at_one_to_one_is_whole() -> None:
    pixels = Scaler().convert(frame_of(GREEN_YUV), Viewport(51, 33, (20, 10, 51, 33)))
    assert (pixels.width, pixels.height) == (51, 33)
    assert abs(row_of(pixels, 32)[50 * 4 + 1] - 255) <= 3


@pytest.mark.parametrize("size", [(143, 81), (142, 80), (144, 81), (250, 141)])
def test_scaling_first_looks_like_scaling_and_converting_in_one_step(size: tuple[int, int]) -> None:
    frame = stripes()
    frame.pts = 0
    pixels = Scaler().convert(frame, Viewport(*size))
    graph = av.filter.Graph()
    nodes = [
        graph.add("buffer", video_size="192x108", pix_fmt="yuv420p", time_base="1/90000", pixel_aspect="1/1"),
        graph.add("scale", f"{size[0]}:{size[1]}:flags=bilinear+accurate_rnd+full_chroma_int"),
        graph.add("format", "bgr0"),
        graph.add("buffersink"),
    ]
    graph.link_nodes(*nodes)
    graph.configure()
    graph.vpush(frame)
    careful = graph.vpull().planes[0]
    differences = []
    for y in range(size[1]):
        wanted = bytes(memoryview(careful)[y * careful.line_size : y * careful.line_size + size[0] * 4])
        differences += [abs(a - b) for n, (a, b) in enumerate(zip(row_of(pixels, y), wanted, strict=True)) if n % 4 < 3]
    assert sum(differences) / len(differences) < 4
    assert sum(1 for one in differences if one > 40) / len(differences) < 0.02
