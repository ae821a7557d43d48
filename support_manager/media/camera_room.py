"""The room that a shared screen leaves to cameras on one viewer's line: the cameras give way first (issue 4)."""

TIGHT_BPS = 1_200_000.0
"""A line that carries less than this has no room for cameras beside a shared screen."""
ROOMY_BPS = 2_000_000.0
"""With so much they come back, once it has been there for a while: not to and fro at the edge."""
ROOMY_FOR_S = 5.0


class ViewerRoom:
    """Decides for one viewer; told once a second. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        self.paused = False
        """Whether this viewer gets no cameras for now."""
        self._roomy_since: float | None = None

    def look(self, share_bps: float | None, now: float) -> bool:
        """Look at the line.

        Args:
            share_bps: what the line seems to carry of the share, in bit/s; None: nothing is shared on it.
            now: the time.

        Returns:
            Whether `paused` changed.
        """
        before = self.paused
        if share_bps is None:
            self.paused, self._roomy_since = False, None
        elif share_bps < TIGHT_BPS:
            self.paused, self._roomy_since = True, None
        elif self.paused and share_bps >= ROOMY_BPS:
            self._roomy_since = now if self._roomy_since is None else self._roomy_since
            if now - self._roomy_since >= ROOMY_FOR_S:
                self.paused, self._roomy_since = False, None
        else:
            self._roomy_since = None
        return self.paused is not before
