"""The room that a shared screen leaves to cameras on one viewer's line: the cameras give way first (issue 4)."""

TIGHT_BPS = 1_200_000.0
"""A line that carries less than this has no room for cameras beside a shared screen."""
ROOMY_BPS = 2_000_000.0
"""With so much they come back, once it has been there for a while: not to and fro at the edge."""
ROOMY_FOR_S = 5.0
RECENT_S = 8.0
"""A guess of what a line carries counts against the cameras for so long after the last trouble on it: what a screen
that hardly moves has sent says nothing of what the line would carry."""
PATIENCE_S = 10.0
"""After so long without any trouble they are tried again, whatever the guess …"""
MOST_PATIENCE_S = 80.0
"""… and after twice as long each time that it brings trouble again."""


class ViewerRoom:
    """Decides for one viewer; told once a second. Times are `time.monotonic()`."""

    def __init__(self) -> None:
        self.paused = False
        """Whether this viewer gets no cameras for now."""
        self._roomy_since: float | None = None
        self._paused_at = self._tried_at = float("-inf")
        self._patience_s = PATIENCE_S

    def look(self, share_bps: float | None, now: float, troubled_at: float | None = None) -> bool:
        """Look at the line.

        Args:
            share_bps: what the line seems to carry of the share, in bit/s; None: nothing is shared on it.
            now: the time.
            troubled_at: when something waited or was lost on the line last; None: just now.

        Returns:
            Whether `paused` changed.
        """
        before = self.paused
        troubled_at = now if troubled_at is None else troubled_at
        if share_bps is None:
            self.paused, self._roomy_since, self._patience_s = False, None, PATIENCE_S
        elif not self.paused:
            if share_bps < TIGHT_BPS and now - troubled_at < RECENT_S:
                self._pause(now)
        elif now - max(troubled_at, self._paused_at) >= self._patience_s:
            self.paused, self._roomy_since, self._tried_at = False, None, now
        elif share_bps < ROOMY_BPS:
            self._roomy_since = None
        else:
            self._roomy_since = now if self._roomy_since is None else self._roomy_since
            if now - self._roomy_since >= ROOMY_FOR_S:
                self.paused, self._roomy_since = False, None
        return self.paused is not before

    def _pause(self, now: float) -> None:
        again = now - self._tried_at < self._patience_s
        self._patience_s = min(MOST_PATIENCE_S, self._patience_s * 2) if again else PATIENCE_S
        self.paused, self._roomy_since, self._paused_at = True, None, now
