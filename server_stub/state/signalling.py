"""Who may signal to whom, in which epoch and how often; kept in memory only, for signals are never journalled."""

from server_stub.state.model import Participant, Session
from server_stub.state.refused import Refused
from support_manager.protocol import limits, signals
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import Role


class SignalBook:
    """Epochs and numbers of candidates of one session's media connections, one to each participant but the hub."""

    __slots__ = ("_candidates", "_epochs")

    def __init__(self) -> None:
        self._epochs: dict[str, int] = {}
        self._candidates: dict[tuple[str, str], int] = {}

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
