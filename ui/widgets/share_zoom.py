"""Where a shared picture lies in its view: fit, one to one, zoom and pan, in whole pixels so that text stays sharp."""

import math
from dataclasses import dataclass

from support_manager.media.mailbox import Viewport

STEPS = (0.25, 1 / 3, 0.5, 2 / 3, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0)
"""Zoom steps: device pixels for one pixel of the customer's screen."""
SNAP = 1.05
"""A picture that would be enlarged by less than this is shown one to one: sharp, with a narrow border."""


@dataclass(frozen=True, slots=True)
class Placement:
    """What to ask of the mailbox, and where its picture belongs, in device pixels of the view."""

    viewport: Viewport
    x: int
    y: int


@dataclass(slots=True)
class Zoom:
    """The state of one view; `scale` None means fit. The centre of a zoomed view is kept in source pixels."""

    view_width: int = 1
    view_height: int = 1
    source_width: int = 0
    source_height: int = 0
    scale: float | None = None
    centre_x: float = 0.0
    centre_y: float = 0.0

    def set_view(self, width: int, height: int) -> None:
        """The view's size in device pixels."""
        self.view_width, self.view_height = max(1, width), max(1, height)

    def set_source(self, width: int, height: int) -> None:
        """The size of the customer's screen; the same part of it stays in the middle when it changes."""
        if (width, height) == (self.source_width, self.source_height):
            return
        if self.source_width and self.source_height:
            self.centre_x *= width / self.source_width
            self.centre_y *= height / self.source_height
        else:
            self.centre_x, self.centre_y = width / 2, height / 2
        self.source_width, self.source_height = width, height

    @property
    def factor(self) -> float:
        """Device pixels for one source pixel, also while fitting."""
        if self.scale is not None:
            return self.scale
        if not self.source_width or not self.source_height:
            return 1.0
        fit = min(self.view_width / self.source_width, self.view_height / self.source_height)
        return 1.0 if 1.0 <= fit < SNAP else fit

    @property
    def can_pan(self) -> bool:
        """Whether a part of the picture lies outside of the view."""
        return (
            round(self.source_width * self.factor) > self.view_width
            or round(self.source_height * self.factor) > self.view_height
        )

    def placement(self) -> Placement:
        """Where the picture is now."""
        if not self.source_width or not self.source_height:
            # The first picture tells the shape; until then its size says only how much detail is wanted.
            return Placement(Viewport(self.view_width, self.view_height), 0, 0)
        factor = self.factor
        x, crop_x, crop_width, width = _axis(self.source_width, self.view_width, factor, self.centre_x)
        y, crop_y, crop_height, height = _axis(self.source_height, self.view_height, factor, self.centre_y)
        whole = (crop_width, crop_height) == (self.source_width, self.source_height)
        crop = None if whole else (crop_x, crop_y, crop_width, crop_height)
        return Placement(Viewport(width, height, crop), x, y)

    def source_at(self, x: float, y: float) -> tuple[float, float]:
        """The source pixel under a point of the view, in device pixels."""
        placed = self.placement()
        crop = placed.viewport.crop or (0, 0, self.source_width, self.source_height)
        return crop[0] + (x - placed.x) / self.factor, crop[1] + (y - placed.y) / self.factor

    def fit(self) -> None:
        """Show all of it."""
        self.scale = None

    def zoom_to(self, scale: float, x: float | None = None, y: float | None = None) -> None:
        """Take another scale; the source pixel under (x, y) stays there, by default that in the middle."""
        x = self.view_width / 2 if x is None else x
        y = self.view_height / 2 if y is None else y
        under_x, under_y = self.source_at(x, y)
        self.scale = min(max(scale, STEPS[0]), STEPS[-1])
        self.centre_x = under_x - (x - self.view_width / 2) / self.scale
        self.centre_y = under_y - (y - self.view_height / 2) / self.scale
        self._keep_inside()

    def step(self, up: bool, x: float | None = None, y: float | None = None) -> None:
        """Zoom by one step."""
        now = self.factor
        steps = [step for step in STEPS if (step > now * 1.01 if up else step < now * 0.99)]
        if steps:
            self.zoom_to(steps[0] if up else steps[-1], x, y)

    def pan(self, x: float, y: float) -> None:
        """Move the picture by device pixels."""
        self.centre_x -= x / self.factor
        self.centre_y -= y / self.factor
        self._keep_inside()

    def _keep_inside(self) -> None:
        half_width = self.view_width / self.factor / 2
        half_height = self.view_height / self.factor / 2
        self.centre_x = _between(half_width, self.centre_x, self.source_width - half_width)
        self.centre_y = _between(half_height, self.centre_y, self.source_height - half_height)


def _between(low: float, value: float, high: float) -> float:
    return (low + high) / 2 if high < low else min(max(value, low), high)


def _axis(source: int, view: int, factor: float, centre: float) -> tuple[int, int, int, int]:
    """One axis: position in the view, first source pixel, source pixels, device pixels."""
    size = round(source * factor)
    if size <= view:
        if size > 2 and not factor.is_integer():
            size -= size % 2  # an even size is converted five times as fast (see the scaler), and looks the same
        return (view - size) // 2, 0, source, max(1, size)
    visible = min(source, 2 * math.ceil(view / factor / 2))
    # An even first pixel: colours belong to blocks of 2 × 2 (see the scaler). The last block reaches the very edge.
    first = min(max(0, round(centre - visible / 2)), source - visible)
    first -= first % 2
    count = min(source - first, visible + 2) if first + visible < source else source - first
    at = 0 if first + count < source else min(0, view - round(count * factor))
    return at, first, count, max(1, round(count * factor))
