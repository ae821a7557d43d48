"""The state of one session and `apply`, the one function that changes it."""

from dataclasses import dataclass
from typing import assert_never

from server_stub.state.facts import (
    ActivitySet,
    ChatAdded,
    ConnectionChanged,
    ControlAsked,
    DeviceReported,
    Ended,
    Entered,
    Entry,
    Joined,
    Left,
    Locked,
    MarkAdded,
    PassedOn,
    RoleChanged,
    Started,
    StateChanged,
    TokenRotated,
)
from support_manager.protocol.activities import ActivityKind, ActivityState
from support_manager.protocol.roles import CUSTOMERS, REPS, Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    ChatLine,
    Connection,
    Device,
    EndReason,
    Handover,
    Intake,
    LeaveReason,
    Mark,
    Mode,
    ParticipantView,
    TransferTarget,
    TransferView,
    WaitReason,
)


@dataclass(frozen=True, slots=True)
class Transfer:
    """Where a session without a controller is on its way.

    Attributes:
        to: agents, or a queue.
        queue_id: the queue; empty while it is offered to agents.
        queue_name: as it was called then.
        agents: account ids of whom it was offered to.
        message: what the rep wrote to whoever accepts (B-10.2).
        since_ms: when it was passed on.
        at_head: whether it stands before those who came by themselves (B-10.4, B-12.6).
        former: who passed it on; empty for a customer who came by an entry form.
        former_account: his account, who is asked last; empty also where it fell to a queue by itself.
    """

    to: TransferTarget
    queue_id: str
    queue_name: str
    agents: frozenset[str]
    message: str
    since_ms: int
    at_head: bool
    former: str
    former_account: str

    def view(self) -> TransferView:
        """What everybody in the session may know of it."""
        return TransferView(
            to=self.to,
            since=self.since_ms,
            queue_id=self.queue_id or None,
            queue_name=self.queue_name,
            former=self.former,
        )


class Participant:
    """One person in a session, or one who was in it."""

    __slots__ = (
        "account_id",
        "asks_control",
        "chat_chars",
        "chat_lines",
        "connection",
        "connection_since",
        "device",
        "id",
        "joined_at",
        "joined_seq",
        "left",
        "locale",
        "name",
        "request_id",
        "role",
        "token_hashes",
        "waiting_for",
        "was_controller",
    )

    def __init__(self, *, participant_id: str, role: Role, name: str, locale: str, at: int, seq: int) -> None:
        self.id = participant_id
        self.role = role
        self.name = name
        self.locale = locale
        self.joined_at = at
        self.joined_seq = seq
        """The entry by which he came in, or was let in; what was said before was not meant for him, unless he is a
        rep."""
        self.connection = Connection.ONLINE
        self.connection_since = at
        self.device = Device()
        self.account_id = ""
        self.request_id = ""
        self.token_hashes: tuple[str, ...] = ()
        self.left: LeaveReason | None = None
        self.waiting_for: WaitReason | None = None
        self.asks_control = False
        self.chat_lines = 0
        self.chat_chars = 0
        self.was_controller = role is Role.CONTROLLER

    def view(self) -> ParticipantView:
        """What every member may know of this person."""
        return ParticipantView(
            id=self.id,
            role=self.role,
            name=self.name,
            connection=self.connection,
            joined_at=self.joined_at,
            locale=self.locale,
            device=self.device,
            asks_control=self.asks_control,
        )


class Session:
    """One session, built by `apply` from its facts and by nothing else."""

    __slots__ = (
        "account_id",
        "activities",
        "chat",
        "chat_chars",
        "customers_chars",
        "customers_lines",
        "end_reason",
        "ended_activities",
        "ended_at",
        "ended_unanswered",
        "files",
        "handover",
        "handover_for",
        "id",
        "intake",
        "lines",
        "locked",
        "marks",
        "mode",
        "number",
        "participants",
        "queue_id",
        "queue_name",
        "request_id",
        "requests",
        "seq",
        "started_at",
        "state",
        "tracking_code",
        "transfer",
    )

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.seq = 0
        self.state = SessionState.NONE
        self.number = ""
        self.mode = Mode.MULTI
        self.account_id = ""
        """Who started it; empty for a customer who came by an entry form."""
        self.request_id = ""
        self.tracking_code = ""
        self.queue_id = ""
        """The last queue it stood in, to whose head it returns when its controller is lost (B-12.6)."""
        self.queue_name = ""
        self.intake: Intake | None = None
        self.handover: Handover | None = None
        """The message that went with passing it on to whoever accepted; it outlives the offer, for he goes by it."""
        self.handover_for = ""
        """His id: it was written to him, and to nobody else in the session."""
        self.transfer: Transfer | None = None
        """Set while it is offered or queued."""
        self.locked = False
        self.marks: list[Mark] = []
        self.started_at = 0
        self.ended_at = 0
        self.end_reason: EndReason | None = None
        self.participants: dict[str, Participant] = {}
        self.activities: dict[str, ActivityView] = {}
        self.ended_activities: set[str] = set()
        self.ended_unanswered: set[str] = set()
        """Those of them that were only asked for: they never ran."""
        self.files = 0
        """How many files were ever offered in it."""
        self.requests: dict[tuple[str, str], str] = {}
        """(asker, request_id) → activity: the idempotency of ask and offer."""
        self.chat: list[ChatLine] = []
        self.chat_chars = 0
        self.customers_lines = 0
        self.customers_chars = 0
        self.lines: dict[tuple[str, str], ChatLine] = {}
        """(sender, line_id) → line: sending a line again never doubles it."""

    @property
    def is_live(self) -> bool:
        """Whether anything can still happen in it."""
        return self.state not in (SessionState.NONE, SessionState.ENDED)

    def member(self, participant_id: str | None) -> Participant | None:
        """The participant with that id, unless he left."""
        found = self.participants.get(participant_id or "")
        return found if found is not None and found.left is None else None

    def holder(self, role: Role) -> Participant | None:
        """Who holds a role that only one can hold."""
        return next((p for p in self.participants.values() if p.role is role and p.left is None), None)

    def members(self) -> list[Participant]:
        """Everybody who is in it, also those whose connection is lost."""
        return [p for p in self.participants.values() if p.left is None]

    def customers(self) -> list[Participant]:
        """The customers who were let in, in the order in which they came."""
        return [p for p in self.participants.values() if p.left is None and p.role in CUSTOMERS]

    def rep_of(self, account_id: str) -> Participant | None:
        """The rep with that account, while he is in it."""
        return next((p for p in self.members() if account_id and p.account_id == account_id), None)

    def forget_departed_waiters(self) -> None:
        """Forget who waited and went without ever being let in: whoever knows a number could come and go for ever."""
        gone = [p.id for p in self.participants.values() if p.left is not None and p.role is Role.WAITING]
        for participant_id in gone:
            del self.participants[participant_id]

    def put_clock_on(self, by_ms: int) -> None:
        """The wall clock was set: who is gone has been gone for as long as before.

        Args:
            by_ms: how far it was put on; negative when it was set back.
        """
        for person in self.members():
            if person.connection is not Connection.ONLINE:
                person.connection_since += by_ms


def apply(session: Session, entry: Entry) -> None:
    """Change `session` as `entry` says; entries come in order, each once.

    Raises:
        ValueError: an entry is missing or comes twice: the journal is damaged.
    """
    if entry.seq != session.seq + 1 or entry.session_id != session.id:
        raise ValueError(f"entry {entry.seq} after {session.seq}")
    session.seq = entry.seq
    fact = entry.fact
    match fact:
        case ChatAdded():
            _add_line(session, fact.line)
        case ConnectionChanged():
            person = session.participants[fact.participant_id]
            person.connection = fact.connection
            person.connection_since = entry.at
        case ActivitySet():
            _set_activity(session, fact)
        case TokenRotated():
            session.participants[fact.participant_id].token_hashes = (fact.used, fact.new)
        case DeviceReported():
            session.participants[fact.participant_id].device = fact.device
        case Joined():
            person = Participant(
                participant_id=fact.participant_id,
                role=fact.role,
                name=fact.name,
                locale=fact.locale,
                at=entry.at,
                seq=entry.seq,
            )
            person.device = fact.device
            person.request_id = fact.request_id
            person.token_hashes = (fact.token_hash,) if fact.token_hash else ()
            person.account_id = fact.account_id
            person.waiting_for = fact.waiting_for
            session.forget_departed_waiters()
            session.participants[person.id] = person
        case Left():
            person = session.participants[fact.participant_id]
            person.left = fact.reason
            person.token_hashes = ()
            person.asks_control = False
            person.waiting_for = None
        case RoleChanged():
            _change_role(session.participants[fact.participant_id], fact.role, entry.seq)
        case ControlAsked():
            session.participants[fact.participant_id].asks_control = fact.asking
        case MarkAdded():
            session.marks.append(
                Mark(seq=entry.seq, at=entry.at, kind=fact.kind, name=fact.name, former=fact.former, queue=fact.queue)
            )
        case Locked():
            session.locked = fact.locked
        case PassedOn():
            _pass_on(session, fact, entry.at)
        case StateChanged():
            session.state = fact.state
            _note_handover(session)
            session.transfer = None
        case Started():
            _start(session, fact, entry)
        case Entered():
            _enter(session, fact, entry)
        case Ended():
            session.state = SessionState.ENDED
            session.end_reason = fact.reason
            session.ended_at = entry.at
            session.transfer = None
        case _:
            assert_never(fact)


def _start(session: Session, fact: Started, entry: Entry) -> None:
    session.state = SessionState.WAITING
    session.number = fact.number
    session.mode = fact.mode
    session.account_id = fact.account_id
    session.request_id = fact.request_id
    session.tracking_code = fact.tracking_code
    session.started_at = entry.at
    host = Participant(
        participant_id=fact.participant_id,
        role=Role.CONTROLLER,
        name=fact.name,
        locale=fact.locale,
        at=entry.at,
        seq=entry.seq,
    )
    host.account_id = fact.account_id
    session.participants[host.id] = host


def _enter(session: Session, fact: Entered, entry: Entry) -> None:
    session.number = fact.number
    session.intake = fact.intake
    session.request_id = fact.request_id
    session.started_at = entry.at
    _pass_on(session, PassedOn(to=TransferTarget.QUEUE, queue_id=fact.queue_id, queue_name=fact.queue_name), entry.at)


def _note_handover(session: Session) -> None:
    """Whoever has just accepted goes by what was written to him, also once the offer is gone."""
    transfer, taker = session.transfer, session.holder(Role.CONTROLLER)
    if transfer is not None and transfer.message and taker is not None:
        session.handover = Handover(by=transfer.former, message=transfer.message)
        session.handover_for = taker.id


def _pass_on(session: Session, fact: PassedOn, at: int) -> None:
    session.handover = None
    session.transfer = Transfer(
        to=fact.to,
        queue_id=fact.queue_id,
        queue_name=fact.queue_name,
        agents=frozenset(fact.agents),
        message=fact.message,
        since_ms=at,
        at_head=fact.at_head,
        former=fact.former,
        former_account=fact.former_account,
    )
    if fact.to is TransferTarget.QUEUE:
        session.state = SessionState.QUEUED
        session.queue_id, session.queue_name = fact.queue_id, fact.queue_name
    else:
        session.state = SessionState.OFFERED


def _add_line(session: Session, line: ChatLine) -> None:
    chars = len(line.text)
    session.chat.append(line)
    session.chat_chars += chars
    session.lines[(line.sender, line.id)] = line
    if line.sender_role not in REPS:
        person = session.participants[line.sender]
        person.chat_lines += 1
        person.chat_chars += chars
        session.customers_lines += 1
        session.customers_chars += chars


def _change_role(person: Participant, role: Role, seq: int) -> None:
    if person.role is Role.WAITING:
        person.joined_seq = seq
        person.waiting_for = None
    person.role = role
    person.asks_control = False
    person.was_controller = person.was_controller or role is Role.CONTROLLER


def _set_activity(session: Session, fact: ActivitySet) -> None:
    activity = fact.activity
    if activity.kind is ActivityKind.FILE and activity.id not in session.activities:
        session.files += activity.state is not ActivityState.ENDED
    if fact.request_id:
        session.requests[(activity.asked_by, fact.request_id)] = activity.id
    if activity.state is ActivityState.ENDED:
        was = session.activities.pop(activity.id, None)
        if was is not None and was.state is ActivityState.ASKED:
            session.ended_unanswered.add(activity.id)
        session.ended_activities.add(activity.id)
    else:
        session.activities[activity.id] = activity
