"""What windows show of a file transfer: one frozen line for each, whichever way it goes."""

from dataclasses import dataclass
from enum import Enum

from support_manager.errors import AppCode
from support_manager.protocol.activities import ActivityEnd
from support_manager.protocol.codes import ErrorCode


class FileState(Enum):
    """Where a transfer stands, as people see it."""

    SEALED = "sealed"
    """Offered to us; its name cannot be read yet, for the connection from end to end is not there."""
    OFFERED = "offered"
    """Offered to us; we have not answered."""
    WAITING = "waiting"
    """Offered by us; the other end has not answered."""
    RUNNING = "running"
    PAUSED = "paused"
    DONE = "done"
    DECLINED = "declined"
    STOPPED = "stopped"
    FAILED = "failed"


OPEN = frozenset({FileState.SEALED, FileState.OFFERED, FileState.WAITING, FileState.RUNNING, FileState.PAUSED})
"""States in which a transfer is not over."""


@dataclass(frozen=True, slots=True)
class FileLine:
    """One transfer of one session. Names come from strangers."""

    id: str
    """The activity's; what intents name."""
    session_id: str
    incoming: bool
    name: str
    size: int
    state: FileState
    other: str
    """Name of whoever is at the other end."""
    weak: bool = False
    """Whether its key was agreed over the relay."""
    done: int = 0
    """Bytes of content sent or received, as this end knows it."""
    rate: float = 0.0
    """Bytes a second, over the last seconds; 0 while nothing moves."""
    digest: str = ""
    """SHA-256 of the whole, hexadecimal, once it is there and compared."""
    path: str = ""
    """Where it lies on this machine; empty while it is not there."""
    code: ErrorCode | AppCode | None = None
    """Why it failed."""
    by_me: bool = False
    """Whether this rep ended it."""
    end: ActivityEnd | None = None
    """Why it is over, as the relay says; None while it is not, or the relay has not said so."""

    @property
    def is_open(self) -> bool:
        """Whether it is not over yet."""
        return self.state in OPEN

    @property
    def left_s(self) -> float | None:
        """Seconds left at the present rate; None while nobody can know."""
        return (self.size - self.done) / self.rate if self.rate > 0 else None
