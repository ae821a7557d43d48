"""Who may signal to whom, in which epoch and how often; kept in memory only, for signals are never journalled."""

from server_stub.limits import Bucket
from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from support_manager.protocol import limits, signals
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role

SIGNAL_BYTES_PER_SECOND = 16 * 1024
SIGNAL_BYTES_BURST = 128 * 1024
"""What one may send to another: some six whole offers with their candidates at once, and then one every other second.
Far below what may wait for a slow reader, so that a flood is refused to who makes it and cuts nobody else off."""


class SignalBook:
    """Epochs, numbers of candidates and bytes of one session's media connections, one to each participant but the
    hub."""

    __slots__ = ("_bytes", "_candidates", "_epochs")

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}
        self._candidates: dict[tuple[str, str], int] = {}
        self._bytes: dict[tuple[str, str], Bucket] = {}

    def check(self, session: Session, me: Participant, to: str, epoch: int, signal: signals.Signal) -> None:
        """Let a signal pass or refuse it; counts it.

        Raises:
            Refused: `participant_unknown`, `not_allowed` (past the hub, or an offer by the hub, an answer to it),
                `stale_epoch`, `too_fast` (too many candidates in one epoch).
        """
        other = session.member(to)
        if other is None or other.id == me.id or other.role is Role.WAITING:
            raise Refused(ErrorCode.PARTICIPANT_UNKNOWN)
        from_hub = me.role is Role.CONTROLLER
        if not from_hub and other.role is not Role.CONTROLLER:
            raise Refused(ErrorCode.NOT_ALLOWED)
        if isinstance(signal, signals.Answer | signals.NeedOffer) and not from_hub:
            raise Refused(ErrorCode.NOT_ALLOWED)
        if isinstance(signal, signals.Offer) and from_hub:
            raise Refused(ErrorCode.NOT_ALLOWED)
        participant = other.id if from_hub else me.id
        known = self._epochs.get(participant, 0)
        if epoch < known:
            raise Refused(ErrorCode.STALE_EPOCH)
        if epoch > known and not from_hub:
            self._epochs[participant] = epoch
            self._candidates.pop((participant, me.id), None)
            self._candidates.pop((participant, other.id), None)
        if isinstance(signal, signals.Candidate):
            key = (participant, me.id)
            count = self._candidates.get(key, 0) + 1
            if count > limits.CANDIDATES_PER_EPOCH:
                raise Refused(ErrorCode.TOO_FAST)
            self._candidates[key] = count

    def spend(self, me: str, to: str, size: int, now_s: float) -> None:
        """Count the bytes of a signal that passes.

        Args:
            me: who sends it.
            to: who gets it.
            size: bytes on the wire.
            now_s: steady seconds.

        Raises:
            Refused: `too_fast` when it is more than the two may have to say to each other.
        """
        bucket = self._bytes.get((me, to))
        if bucket is None:
            bucket = self._bytes[(me, to)] = Bucket(SIGNAL_BYTES_PER_SECOND, SIGNAL_BYTES_BURST, now_s)
        if not bucket.take(now_s, size):
            raise Refused(ErrorCode.TOO_FAST)
