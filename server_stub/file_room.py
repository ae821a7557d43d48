"""Room on the relay's disk for files on their way: each has a share from its receiver's yes on, the rest is anybody's.

What all transfers hold together, with the parts that come right now, never passes what the administrator gives. A share
is so large that a transfer that has no more than that still moves, so senders wait for one another but never for ever;
and beyond the shares something is left for whoever says yes next.
"""

from server_stub.ports import RelaySettings
from server_stub.spool import SEGMENT, Spool, sealed_length
from server_stub.state.refused import Refused
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import ActivityView

SHARE = 3 * SEGMENT
"""Of one transfer: a part that comes, one that is fetched, and the segment that goes once all of it was fetched."""
_SPARE = 4
"""One part in so many of all the room, and at least a share, is for those who say yes next."""


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
        self.counted = 0
        """What nobody else can have, as the room last counted it."""
        self.over = False
        """Given back: whoever still fetches of it changes nothing any more."""

    def with_part(self, length: int) -> int:
        """What nobody else could have if a part of `length` bytes were being taken."""
        return max(self.share, (self.spool.stored if self.spool is not None else 0) + length)


class FileRoom:
    """Shares the room out.

    Args:
        settings: say how much there is; where it becomes less, nobody new gets any until enough has ended.
    """

    def __init__(self, settings: RelaySettings) -> None:
        self._settings = settings
        self._held: dict[str, Holding] = {}
        self._counted = 0
        """By all together."""

    @property
    def left(self) -> int:
        """What nobody holds, in bytes; less than 0 where the limit was lowered."""
        return self._settings.file_rules.site_bytes - self._counted

    def claim(self, activity: ActivityView) -> Holding:
        """Set the share of a transfer aside, before its receiver's yes is on record.

        A claim of the same transfer's that is there already is that of a yes which never came on record.

        Raises:
            Refused: `files_no_room`.
        """
        former = self._held.get(activity.id)
        holding = Holding(_length(activity))
        if holding.share > self.left + (former.counted if former is not None else 0):
            raise Refused(ErrorCode.FILES_NO_ROOM)
        self.give_back(activity.id)
        return self._put(activity.id, holding)

    def take_back(self, activity_id: str, holding: Holding) -> None:
        """That yes never came on record; where another has claimed meanwhile, that one's claim stays."""
        if holding.spool is None and self._held.get(activity_id) is holding:
            self.give_back(activity_id)

    def hold(self, activity: ActivityView, spool: Spool) -> Holding:
        """A transfer runs; after a start of the relay nobody claims anew what runs already."""
        holding = self._held.get(activity.id) or self._put(activity.id, Holding(_length(activity)))
        holding.spool = spool
        return holding

    def count(self, holding: Holding) -> bool:
        """What it holds has changed; says whether there is more room for others now."""
        if holding.over:
            return False
        before, holding.counted = holding.counted, holding.with_part(holding.arriving)
        self._counted += holding.counted - before
        return holding.counted < before

    def may_take(self, holding: Holding, length: int) -> bool:
        """Whether a part of `length` bytes fits: into the share, or into what nobody holds or needs soon."""
        more = holding.with_part(length) - holding.counted
        spare = max(SHARE, self._settings.file_rules.site_bytes // _SPARE)
        return more <= max(0, self.left - spare)

    def give_back(self, activity_id: str) -> None:
        """A transfer is over, and nothing of it lies on the disk any more."""
        holding = self._held.pop(activity_id, None)
        if holding is not None:
            self._counted -= holding.counted
            holding.over = True

    def _put(self, activity_id: str, holding: Holding) -> Holding:
        self._held[activity_id] = holding
        self.count(holding)
        return holding


def _length(activity: ActivityView) -> int:
    return sealed_length(activity.file.size if activity.file is not None else 0)
