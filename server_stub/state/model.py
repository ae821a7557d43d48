"""The state of one session and `apply`, the one function that changes it."""

from typing import assert_never

from server_stub.state.facts import (
    ActivitySet,
    ChatAdded,
    ConnectionChanged,
    DeviceReported,
    Ended,
    Entry,
    Joined,
    Left,
    Started,
    StateChanged,
    TokenRotated,
)
from support_manager.protocol.activities import ActivityState
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import (
    ActivityView,
    ChatLine,
    Connection,
    Device,
    EndReason,
    LeaveReason,
    Mode,
    ParticipantView,
)


class Participant:
    """One person in a session, or one who was in it."""

    __slots__ = (
        "account_id",
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
    )

    def __init__(self, *, participant_id: str, role: Role, name: str, locale: str, at: int, seq: int) -> None:
        self.id = participant_id
        self.role = role
        self.name = name
        self.locale = locale
        self.joined_at = at
        self.joined_seq = seq
        """The entry by which he came in; what was said before was not meant for him, unless he is a rep."""
        self.connection = Connection.ONLINE
        self.connection_since = at
        self.device = Device()
        self.account_id = ""
        self.request_id = ""
        self.token_hashes: tuple[str, ...] = ()
        self.left: LeaveReason | None = None

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
        )


class Session:
    """One session, built by `apply` from its facts and by nothing else."""

    __slots__ = (
        "account_id",
        "activities",
        "chat",
        "chat_chars",
        "end_reason",
        "ended_activities",
        "ended_at",
        "id",
        "lines",
        "mode",
        "number",
        "participants",
        "request_id",
        "requests",
        "seq",
        "started_at",
        "state",
        "tracking_code",
    )

    def __init__(self, session_id: str) -> None:
        self.id = session_id
        self.seq = 0
        self.state = SessionState.NONE
        self.number = ""
        self.mode = Mode.MULTI
        self.account_id = ""
        self.request_id = ""
        self.tracking_code = ""
        self.started_at = 0
        self.ended_at = 0
        self.end_reason: EndReason | None = None
        self.participants: dict[str, Participant] = {}
        self.activities: dict[str, ActivityView] = {}
        self.ended_activities: set[str] = set()
        self.requests: dict[tuple[str, str], str] = {}
        """(asker, request_id) → activity: the idempotency of ask and offer."""
        self.chat: list[ChatLine] = []
        self.chat_chars = 0
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
            session.chat.append(fact.line)
            session.chat_chars += len(fact.line.text)
            session.lines[(fact.line.sender, fact.line.id)] = fact.line
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
            person.token_hashes = (fact.token_hash,)
            session.participants[person.id] = person
        case Left():
            person = session.participants[fact.participant_id]
            person.left = fact.reason
            person.token_hashes = ()
        case StateChanged():
            session.state = fact.state
        case Started():
            _start(session, fact, entry)
        case Ended():
            session.state = SessionState.ENDED
            session.end_reason = fact.reason
            session.ended_at = entry.at
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


def _set_activity(session: Session, fact: ActivitySet) -> None:
    activity = fact.activity
    if fact.request_id:
        session.requests[(activity.asked_by, fact.request_id)] = activity.id
    if activity.state is ActivityState.ENDED:
        session.activities.pop(activity.id, None)
        session.ended_activities.add(activity.id)
    else:
        session.activities[activity.id] = activity
