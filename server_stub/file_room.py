"""Room on the relay's disk for files on their way: each has a share from its receiver's yes on, the rest is anybody's.

What all transfers hold together, with the parts that come right now, never passes what the administrator gives. A share
is so large that a transfer that has no more than that still moves, so senders wait for one another but never for ever.
"""

from server_stub.ports import RelaySettings
from server_stub.spool import SEGMENT, Spool, sealed_length
from server_stub.state.refused import Refused
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import ActivityView

SHARE = 3 * SEGMENT
"""Of one transfer: a part that comes, one that is fetched, and the segment that goes once all of it was fetched."""


class Holding:
    """What one transfer holds.

    Args:
        length: of all its pieces, in bytes.
    """

    def __init__(self, length: int) -> None:
        self.share = min(length, SHARE)
        self.spool: Spool | None = None
        """None until the yes is on record."""
        self.arriving = 0
        """Bytes of the part that is being taken."""

    @property
    def bytes(self) -> int:
        """What nobody else can have."""
        return self.with_part(self.arriving)

    def with_part(self, length: int) -> int:
        """The same if a part of `length` bytes were being taken."""
        return max(self.share, (self.spool.stored if self.spool is not None else 0) + length)


class FileRoom:
    """Shares the room out.

    Args:
        settings: say how much there is; where it becomes less, nobody new gets any until enough has ended.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._held: dict[str, Holding] = {}

    @property
    def left(self) -> int:
        """What nobody holds, in bytes; less than 0 where the limit was lowered."""
        return self._settings.file_rules.site_bytes - sum(each.bytes for each in self._held.values())

    def claim(self, activity: ActivityView) -> str:
        """Set the share of a transfer aside, before its receiver's yes is on record; returns its id.

        Raises:
            Refused: `files_full`.
        """
        holding = Holding(_length(activity))
        if holding.bytes > self.left:
            raise Refused(ErrorCode.FILES_FULL)
        self._held[activity.id] = holding
        return activity.id

    def take_back(self, activity_id: str) -> None:
        """That yes never came on record."""
        holding = self._held.get(activity_id)
        if holding is not None and holding.spool is None:
            del self._held[activity_id]

    def hold(self, activity: ActivityView, spool: Spool) -> Holding:
        """A transfer runs; after a start of the relay nobody claims anew what runs already."""
        holding = self._held.setdefault(activity.id, Holding(_length(activity)))
        holding.spool = spool
        return holding

    def may_take(self, holding: Holding, length: int) -> bool:
        """Whether a part of `length` bytes fits: into the share, or into what nobody holds."""
        return holding.with_part(length) - holding.bytes <= max(0, self.left)

    def give_back(self, activity_id: str) -> None:
        """A transfer is over, and nothing of it lies on the disk any more."""
        self._held.pop(activity_id, None)


def _length(activity: ActivityView) -> int:
    return sealed_length(activity.file.size if activity.file is not None else 0)
