"""What can be shown of this computer, as the media thread sees it: screens and windows behind one small interface."""

from dataclasses import dataclass
from typing import Protocol

from support_manager.protocol.activities import Source


class SourceGone(Exception):  # noqa: N818 - an end, not an error: the window was closed, the screen unplugged
    """What is shown is not there any more."""


class SourceRefused(Exception):  # noqa: N818 - as above
    """The system does not let this program see the screen; `code` is one of `support_manager.errors.AppCode`.

    Args:
        code: why.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True, slots=True)
class Patch:
    """The part of a picture that has changed since the last one.

    Attributes:
        data: its pixels of 4 bytes, B, G, R, X, row by row and without gaps; good until the grabber's next call.
        left: its first column, even.
        top: its first row, even.
        columns: how many, even.
        rows: how many, even.
        width: of the whole picture, even.
        height: of the whole picture, even.
        at: when it was looked at, `time.time()`.
    """

    data: memoryview
    left: int
    top: int
    columns: int
    rows: int
    width: int
    height: int
    at: float


class Gate:
    """Closed from any thread, it keeps whatever is looked at from then on from leaving; the same moment counts.

    Attributes:
        closed: whether it is.
    """

    __slots__ = ("closed",)

    def __init__(self) -> None:
        self.closed = False


class Grabber(Protocol):
    """Looks at one screen or window. Used by one thread only, the one that opened it."""

    @property
    def is_hidden(self) -> bool:
        """Whether there is nothing new to see for now, as a window is minimised."""

    def wait(self, seconds: float) -> None:
        """Wait until there may be something new, at most for this long."""

    def grab(self, *, whole: bool = False) -> Patch | None:
        """What has changed since the last call, the first time or with `whole` everything; None if nothing has.

        Raises:
            SourceGone: if there is nothing to look at any more.
        """

    def close(self) -> None:
        """Let go of it."""


class Shareable(Protocol):
    """One screen or window that can be shown."""

    @property
    def kind(self) -> Source:
        """Whether it is a whole screen or one window."""

    @property
    def title(self) -> str:
        """Its name: for a window the title, which is text from anywhere."""

    def open(self) -> Grabber:
        """Begin to look at it; called on the thread that will.

        Raises:
            SourceGone: if it is not there any more.
            SourceRefused: if the system does not allow it.
        """
