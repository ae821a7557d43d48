"""Turns decoded frames into pictures ready to paint: crop, scale and convert in one pass, off the UI thread."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

from support_manager.media.mailbox import Viewport

if TYPE_CHECKING:
    from av import VideoFrame
    from av.filter import Graph

MAX_SIDE = 8192
"""Pixels; a larger picture than any screen is a mistake, and would only cost memory."""


class Pixels(NamedTuple):
    """Converted pixels, B, G, R, X; `data` is a buffer that keeps its memory alive."""

    data: object
    stride: int
    width: int
    height: int


class _Plan(NamedTuple):
    """What a filter graph was made for; another plan needs another graph."""

    source: tuple[int, int, str, int, int]
    crop: tuple[int, int, int, int]
    width: int
    height: int


def fit_crop(crop: tuple[int, int, int, int] | None, width: int, height: int) -> tuple[int, int, int, int]:
    """The part of a `width` × `height` source that `crop` means: inside it, never empty.

    The corner lies on even pixels, because the colours of a 4:2:0 picture are shared by blocks of 2 × 2; cutting
    through a block would shift the colours against the brightness.
    """
    if crop is None:
        return (0, 0, width, height)
    x = min(max(0, crop[0]), max(0, width - 2)) & ~1
    y = min(max(0, crop[1]), max(0, height - 2)) & ~1
    return (x, y, max(1, min(crop[2], width - x)), max(1, min(crop[3], height - y)))


def _filter_name(crop: tuple[int, int, int, int], width: int, height: int) -> str:
    """How to scale so that text stays readable.

    Enlarging by a whole factor repeats pixels: sharp edges stay sharp. All else is bilinear, which swscale widens to an
    average over the covered source pixels when it makes a picture smaller; "fast" bilinear would skip pixels, and with
    them the thin strokes of letters.
    """
    whole = width % crop[2] == 0 and height % crop[3] == 0 and width // crop[2] == height // crop[3]
    return "neighbor" if whole else "bilinear"


class Scaler:
    """Converts frames for one viewport at a time. For one thread; the filter graph is kept while nothing changes.

    Raises:
        av.FFmpegError: from `convert`, when a frame cannot be converted (an unknown pixel format, no memory).
    """

    def __init__(self) -> None:
        self._plan: _Plan | None = None
        self._graph: Graph | None = None

    def convert(self, frame: VideoFrame, viewport: Viewport | None) -> Pixels:
        """The part of the frame that the viewport shows, in its size; all of it in source size without a viewport.

        The pixels belong to the result: the frame may go, and the next conversion does not touch them (the filter graph
        hands out buffers of a pool and takes one back when the last reference is gone).
        """
        crop = fit_crop(viewport.crop if viewport else None, frame.width, frame.height)
        width = min(max(1, viewport.width), MAX_SIDE) if viewport else crop[2]
        height = min(max(1, viewport.height), MAX_SIDE) if viewport else crop[3]
        source = (frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
        plan = _Plan(source, crop, width, height)
        if self._graph is None or plan != self._plan:
            self._graph = _graph(plan)
            self._plan = plan
        if frame.pts is None:
            frame.pts = 0
        self._graph.vpush(frame)
        done = self._graph.vpull()
        plane = done.planes[0]
        return Pixels(plane, plane.line_size, done.width, done.height)


def _graph(plan: _Plan) -> Graph:
    from av.filter import Graph  # imported late: PyAV takes 0.2 s that the app's start does not have

    width, height, pixel_format, colorspace, color_range = plan.source
    graph = Graph()
    graph.threads = 1  # a second thread would take the core that the network and the windows run on
    flags = _filter_name(plan.crop, plan.width, plan.height)
    nodes = [
        graph.add(
            "buffer",
            video_size=f"{width}x{height}",
            pix_fmt=pixel_format,
            colorspace=str(colorspace),
            range=str(color_range),
            time_base=str(Fraction(1, 90_000)),
            pixel_aspect="1/1",
        )
    ]
    if plan.crop != (0, 0, width, height):
        x, y, crop_width, crop_height = plan.crop
        nodes.append(graph.add("crop", f"{crop_width}:{crop_height}:{x}:{y}:exact=1"))
    padded = False
    if pixel_format == "yuv420p" and plan.crop[2:] != (plan.width, plan.height):
        # Scaled as it is, and converted afterwards: swscale has fast code for each, and slow code for both at once.
        # With as many rows of colour as of brightness this keeps what one step would keep.
        nodes.append(graph.add("scale", f"{plan.width}:{plan.height}:flags={flags}"))
        nodes.append(graph.add("format", "yuv422p"))
        # The fast conversion wants an even height. The filler goes again without a copy; `pad` needs an even width.
        padded = plan.height % 2 == 1 and plan.width % 2 == 0
    if padded:
        nodes.append(graph.add("pad", f"{plan.width}:{plan.height + 1}:0:0"))
    nodes.append(graph.add("scale", f"{plan.width}:{plan.height + padded}:flags={flags}"))
    nodes.append(graph.add("format", "bgr0"))
    if padded:
        nodes.append(graph.add("crop", f"{plan.width}:{plan.height}:0:0:exact=1"))
    nodes.append(graph.add("buffersink"))
    graph.link_nodes(*nodes)
    graph.configure()
    return graph
