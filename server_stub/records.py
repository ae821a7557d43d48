"""What is written of sessions beside their journal: a history row when one is over, acts in the audit log (B-12.7)."""

import asyncio
from collections.abc import Callable
from typing import Any

import structlog
from sqlalchemy import delete, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from server_stub import audit
from server_stub.ceiling import controller_of
from server_stub.live import LiveSessions
from server_stub.search_words import folded
from server_stub.state.facts import (
    ActivitySet,
    ControlAsked,
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
)
from server_stub.state.model import Session, apply
from server_stub.state.refused import Refused
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import read_session
from server_stub.tasks import TaskOwner
from support_manager.protocol.activities import ACTIVITIES, ActivityEnd, ActivityKind, ActivityState, Consent
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.requests import Noted
from support_manager.protocol.roles import CUSTOMERS, Role
from support_manager.protocol.views import LeaveReason, MarkKind

log = structlog.get_logger(__name__)

GROUP_S = 0.5
"""Records wait this long for others: each transaction keeps the journal of the live sessions waiting."""
_AGAIN_S = 5.0
_CUSTOMER = "customer"
_BY_FORM = 2
"""Where in his session's journal the customer stands who came by a form."""
_RECORDED = (
    ActivitySet,
    ControlAsked,
    Ended,
    Entered,
    Joined,
    Left,
    Locked,
    MarkAdded,
    PassedOn,
    RoleChanged,
    Started,
)


class Records:
    """Writes history and audit as sessions go on, always a moment later than the journal.

    Args:
        database: open.
        tasks: owner of the writing.
        on_written: called when history rows were written.
    """

    def __init__(self, database: Database, tasks: TaskOwner, on_written: Callable[[], None]) -> None:
        self._database = database
        self._tasks = tasks
        self._on_written = on_written
        self._over: list[Session] = []
        self._acts: list[audit.Record] = []
        self._is_writing = False
        self._turn = asyncio.Lock()

    async def open(self, live: LiveSessions) -> None:
        """Write what a relay that was cut off could not write any more, then follow the sessions.

        Raises:
            StoreError: the database failed.
        """
        session, history = tables.session.c, tables.history.c
        unwritten = select(session.id).where(
            session.ended_at.is_not(None),
            session.first_fact.is_not(None),
            ~select(history.session_id).where(history.session_id == session.id, history.ended_at.is_not(None)).exists(),
        )
        async with self._database.reading() as connection:
            missing = list((await connection.execute(unwritten)).scalars())
        for session_id in missing:
            over = Session(session_id)
            for entry in await read_session(self._database, session_id):
                apply(over, entry)
            async with self._database.transaction() as connection:
                await _write_history(connection, over)
        live.watch(self._seen, _RECORDED)

    def _seen(self, session: Session, entry: Entry) -> None:
        act = _act(session, entry) or people_act(session, entry)
        if act is not None:
            self._acts.append(act)
        elif isinstance(entry.fact, ActivitySet):
            self._acts += recording_acts(session, entry) + share_acts(session, entry) + file_acts(session, entry)
        if isinstance(entry.fact, Ended):
            self._over.append(session)
        if (self._acts or self._over) and not self._is_writing:
            self._is_writing = True
            self._tasks.spawn(self._write(), name="records")

    async def _write(self) -> None:
        try:
            while self._acts or self._over:
                await asyncio.sleep(GROUP_S)
                await self._write_group()
        finally:
            self._is_writing = False

    async def _write_group(self) -> None:
        async with self._turn:
            await self._write_now()

    async def _write_now(self) -> None:
        acts, over = self._acts[:], self._over[:]
        if not acts and not over:
            return
        try:
            async with self._database.transaction() as connection:
                await audit.append(connection, acts)
                for session in over:
                    await _write_history(connection, session)
        except StoreError as error:
            log.warning("records not written; they are tried again", code=error.code, acts=len(acts), over=len(over))
            await asyncio.sleep(_AGAIN_S)
            return
        del self._acts[: len(acts)], self._over[: len(over)]
        if over:
            self._on_written()

    async def flush(self) -> None:
        """Write what waits now: before the relay stops, and before somebody reads it."""
        if self._acts or self._over:
            await self._write_group()

    # What people say of a session beside it

    async def noted(self, session_id: str) -> Noted:
        """What reps have noted of a session, live or over.

        Raises:
            StoreError: the database failed.
        """
        history = tables.history.c
        here = select(history.outcome, history.notes).where(history.session_id == session_id)
        async with self._database.reading() as connection:
            row = (await connection.execute(here)).one_or_none()
        return Noted() if row is None else Noted(outcome=row.outcome, notes=row.notes)

    async def note(
        self, session_id: str, session: Session | None, noted: Noted, act: audit.Record, *, seen: Noted
    ) -> bool:
        """Keep what a rep notes; the same again changes nothing. Returns whether there is such a session.

        Args:
            session_id: of a session, live or over.
            session: the same, while the relay has it in memory.
            noted: outcome and notes.
            act: for the audit log.
            seen: what the rep has read in their place.

        Raises:
            Refused: `notes_changed` when others are there by now; nothing was written.
            StoreError: nothing was written.
        """
        table = tables.history
        row = select(*_STAY).where(table.c.session_id == session_id)
        async with self._turn, self._database.transaction() as connection:
            before = (await connection.execute(row)).one_or_none()
            if before is None and session is not None:
                await _write_history(connection, session)
                before = (await connection.execute(row)).one()
            if before is None:
                return False
            kept = Noted(outcome=before.outcome, notes=before.notes)
            if kept == noted:
                return True
            if kept != seen:
                raise Refused(ErrorCode.NOTES_CHANGED)
            values = {"outcome": noted.outcome, "notes": noted.notes}
            found_by = _lasting(**{column.name: getattr(before, column.name) for column in _STAY} | values)
            changed = update(table).where(table.c.session_id == session_id).values(**values, lasting=found_by)
            await connection.execute(changed)
            await audit.append(connection, [act])
        return True

    async def rate(self, session: Session, participant_id: str, rating: int, comment: str, act: audit.Record) -> None:
        """Keep what a customer thinks of it; his last answer counts, beside those of others.

        Raises:
            StoreError: nothing was written.
        """
        history, answer = tables.history.c, tables.survey_answer
        here = (answer.c.session_id == session.id) & (answer.c.participant_id == participant_id)
        values = {"rating": rating, "comment": comment}
        async with self._turn, self._database.transaction() as connection:
            before = (await connection.execute(select(answer.c.rating, answer.c.comment).where(here))).one_or_none()
            if before is not None:
                if tuple(before) == (rating, comment):
                    return
                await connection.execute(update(answer).where(here).values(values))
            else:
                written = select(history.session_id).where(history.session_id == session.id)
                if (await connection.execute(written)).one_or_none() is None:
                    await _write_history(connection, session)
                row = {"session_id": session.id, "participant_id": participant_id, **values}
                await connection.execute(insert(answer).values(row))
            await audit.append(connection, [act])


def _act(session: Session, entry: Entry) -> audit.Record | None:
    """The audit's record of a fact, once it is applied; None for what is no act. Never what people wrote."""
    fact, what = entry.fact, f"session {session.number}"
    in_charge = controller_of(session)
    match fact:
        case Started():
            kind, who = "session_started", fact.account_id
        case Entered():
            kind, who, what = "session_entered", _CUSTOMER, f"{what}, queue {fact.queue_id}"
        case Joined() if fact.account_id and fact.role is Role.ASSISTANT:
            kind, who = "session_assisted", fact.account_id
        case Locked():
            kind, who = "session_locked" if fact.locked else "session_unlocked", in_charge
        case MarkAdded(kind=MarkKind.PASSED_ON | MarkKind.QUEUED):
            return None  # by the next fact, which knows to whom
        case PassedOn(at_head=False):
            kind, who = "session_passed_on", fact.former_account or _former(session, fact.former)
            what = f"{what}, queue {fact.queue_id}" if fact.queue_id else f"{what}, agents {' '.join(fact.agents)}"
        case PassedOn():
            kind, who, what = "session_queued", in_charge or "relay", f"{what}, queue {fact.queue_id}"
        case MarkAdded(kind=MarkKind.CONTROL):
            kind, who, what = "session_control", fact.former_account, f"{what}, to {in_charge}"
        case MarkAdded() if fact.kind is not MarkKind.CUSTOMER:  # whose turn it is, his role's fact says
            kind, who = f"session_{fact.kind.value}", in_charge or "relay"
        case Ended():
            by = session.participants.get(fact.by or "")
            kind, who = "session_ended", by.account_id if by is not None and by.account_id else "relay"
            what = f"{what}, {fact.reason.value}"
        case _:
            return None
    return audit.Record(entry.at, kind, who, what, session.id)


def people_act(session: Session, entry: Entry) -> audit.Record | None:
    """The audit's record of who came, was let in, is helped from now on, and went, and of asking for control (B-1.2,
    B-2.5, B-7.9); customers by their ids, never by what they call themselves.

    None for what another record says: a customer who came by a form, a rep who accepted or passed on. Whoever comes
    and goes, asks and takes back for ever is held up by `LiveSessions.spend`, before there is a fact to record.
    """
    fact, what = entry.fact, f"session {session.number}"
    if not isinstance(fact, Joined | RoleChanged | Left | ControlAsked):
        return None
    person = session.participants[fact.participant_id]
    who = _who(session, fact.participant_id if isinstance(fact, Joined | Left) else fact.by)
    what = _naming(session, what, person.id)
    match fact:
        case Joined() if not fact.account_id and not (session.intake is not None and entry.seq == _BY_FORM):
            kind = "session_joined" if fact.waiting_for is None else "session_waiting"
        case RoleChanged() if person.joined_seq == entry.seq:
            kind = "session_let_in"
        case RoleChanged(role=Role.PRIMARY):
            kind = "session_selected"
        case Left(reason=LeaveReason.REMOVED):
            kind, who = "session_turned_away", controller_of(session)
        case Left() if fact.reason is not LeaveReason.LEFT or person.role is not Role.CONTROLLER:
            kind, what = "session_left", f"{what}, {fact.reason.value}"
        case ControlAsked(asking=True):
            kind = "control_asked"
        case ControlAsked() if fact.by not in (None, person.id):
            kind, what = "control_refused", f"{what}, to {person.account_id}"
        case ControlAsked(by=None):
            what = f"{what}, to {person.account_id}, {ActivityEnd.SESSION_TRANSFERRED.value}"
            kind = "control_lapsed"
        case ControlAsked():
            kind, what = "control_lapsed", f"{what}, {ActivityEnd.CANCELLED.value}"
        case _:
            return None
    return audit.Record(entry.at, kind, who, what, session.id)


def recording_acts(session: Session, entry: Entry) -> list[audit.Record]:
    """The audit's records of a recording (B-7.8): who asked, who agreed, that it runs, who stopped it and why;
    "lapsed" where nobody had answered."""
    fact = entry.fact
    if not isinstance(fact, ActivitySet) or fact.activity.kind is not ActivityKind.RECORDING:
        return []
    activity, what = fact.activity, f"session {session.number}"
    asker, by = _who(session, activity.asked_by), _who(session, activity.ended_by)
    match activity.state:
        case ActivityState.ASKED if fact.request_id:
            what, acts = _naming(session, what, activity.subject), [("recording_asked", asker)]
        case ActivityState.RUNNING if fact.agreed:
            what = _naming(session, what, activity.subject)
            acts = [("recording_allowed", _who(session, activity.subject)), ("recording_started", asker)]
        case ActivityState.ENDED if activity.end is ActivityEnd.DENIED:
            what, acts = _naming(session, what, activity.ended_by), [("recording_refused", by)]
        case ActivityState.ENDED:
            what = (
                f"{_naming(session, what, activity.ended_by)}, {activity.end.value if activity.end is not None else ''}"
            )
            acts = [("recording_lapsed" if activity.id in session.ended_unanswered else "recording_stopped", by)]
        case _:
            acts = []
    return [audit.Record(entry.at, kind, who, what, session.id) for kind, who in acts]


_SHARED = frozenset({ActivityKind.VIEW, ActivityKind.SHOW, ActivityKind.DRAW, ActivityKind.VIDEO, ActivityKind.VOICE})


def share_acts(session: Session, entry: Entry) -> list[audit.Record]:
    """The audit's records of a screen, a drawing, a camera or a voice (B-7.1 to B-7.3, B-7.6, B-7.7): who asked, whose
    yes it was or who began by himself, who refused, who ended it and why; "lapsed" where nobody had answered, so that
    nothing ran, and "started" where nobody has to be asked."""
    fact = entry.fact
    if not isinstance(fact, ActivitySet) or fact.activity.kind not in _SHARED:
        return []
    activity, what = fact.activity, f"session {session.number}"
    by = _who(session, activity.ended_by)
    match activity.state:
        case ActivityState.ASKED if fact.request_id:
            act, who = "asked", _who(session, activity.asked_by)
            what = _naming(session, what, activity.subject)
        case ActivityState.RUNNING if fact.agreed or fact.request_id:
            act = "started" if ACTIVITIES[activity.kind].consent is Consent.NONE else "allowed"
            who, what = _who(session, activity.subject), _naming(session, what, activity.subject)
        case ActivityState.ENDED if activity.end is ActivityEnd.DENIED:
            act, who, what = "refused", by, _naming(session, what, activity.ended_by)
        case ActivityState.ENDED:
            what = (
                f"{_naming(session, what, activity.ended_by)}, {activity.end.value if activity.end is not None else ''}"
            )
            act, who = "lapsed" if activity.id in session.ended_unanswered else "stopped", by
        case _:
            return []
    return [audit.Record(entry.at, f"{activity.kind.value}_{act}", who, what, session.id)]


_FILE_ENDS = {
    ActivityEnd.FINISHED: "file_arrived",
    ActivityEnd.DENIED: "file_declined",
    ActivityEnd.FAILED: "file_failed",
}


def file_acts(session: Session, entry: Entry) -> list[audit.Record]:
    """The audit's records of a file (B-7.5): who offered it, who took it, what became of it; never its name."""
    fact = entry.fact
    if not isinstance(fact, ActivitySet) or fact.activity.file is None:
        return []
    activity = fact.activity
    what = f"session {session.number}, file {activity.id}, {fact.activity.file.size} bytes"
    who: str | None
    match activity.state:
        case ActivityState.ASKED if fact.request_id:
            kind, who = "file_offered", activity.asked_by
        case ActivityState.RUNNING if fact.agreed:
            kind, who = "file_accepted", next(iter(activity.seen_by), None)
        case ActivityState.ENDED:
            end = activity.end or ActivityEnd.STOPPED
            kind, who = _FILE_ENDS.get(end, "file_stopped"), activity.ended_by
            what = f"{what}, {end.value}"
        case _:
            return []
    return [audit.Record(entry.at, kind, _who(session, who), _naming(session, what, who), session.id)]


def _naming(session: Session, what: str, participant_id: str | None) -> str:
    """The same with the id of whoever has no account, as of several customers it is one."""
    person = session.participants.get(participant_id or "")
    return what if person is None or person.account_id else f"{what}, customer {person.id}"


def _who(session: Session, participant_id: str | None) -> str:
    person = session.participants.get(participant_id or "")
    return "relay" if person is None else person.account_id or _CUSTOMER


def _former(session: Session, name: str) -> str:
    """The account of the controller who left a moment ago; the last one of that name."""
    left = [p.account_id for p in session.participants.values() if p.was_controller and p.left and p.name == name]
    return left[-1] if left else "relay"


_STAY = tuple(tables.history.c[name] for name in ("number", "tracking_code", "reps", "outcome", "notes"))
"""What a rep finds a session by for good; the rest goes with the transcript."""


def _lasting(*, number: str, tracking_code: str, reps: list[str], outcome: str, notes: str) -> str:
    return folded("\n".join((number, tracking_code, *reps, outcome, notes)))


async def _write_history(connection: AsyncConnection, session: Session) -> None:
    table = tables.history
    values = history_of(session)
    here = table.c.session_id == session.id
    noted = (await connection.execute(select(table.c.outcome, table.c.notes).where(here))).one_or_none()
    found_by = _lasting(
        **{name: values[name] for name in ("number", "tracking_code", "reps")},
        outcome=noted.outcome if noted is not None else "",
        notes=noted.notes if noted is not None else "",
    )
    if noted is None:
        written = {"outcome": "", "notes": ""}
        row = {"session_id": session.id, **written, **values, "lasting": found_by}
        await connection.execute(insert(table).values(row))
    else:
        # Noted while it lived: what a rep wrote stays.
        await connection.execute(update(table).where(here).values(**values, lasting=found_by))
    reps = tables.history_rep
    await connection.execute(delete(reps).where(reps.c.session_id == session.id))
    accounts: dict[str, bool] = {}
    for person in session.participants.values():
        if person.account_id:
            accounts[person.account_id] = accounts.get(person.account_id, False) or person.was_controller
    if accounts:
        rows = [
            {"session_id": session.id, "account_id": account_id, "was_controller": was_controller}
            for account_id, was_controller in accounts.items()
        ]
        await connection.execute(insert(reps), rows)


def history_of(session: Session) -> dict[str, Any]:
    """The columns of a session's history row that the session itself says; live or over."""
    people = session.participants.values()
    customers = list(dict.fromkeys(p.name for p in people if p.role in CUSTOMERS))
    reps = list(dict.fromkeys(p.name for p in people if p.account_id))
    intake = session.intake
    words = [
        *customers,
        *((intake.email, intake.problem) if intake is not None else ()),
        *(line.text for line in session.chat),
    ]
    return {
        "number": session.number,
        "mode": session.mode.value,
        "started_at": session.started_at,
        "ended_at": session.ended_at or None,
        "customers": customers,
        "reps": reps,
        "queue_id": session.queue_id or None,
        "queue_name": session.queue_name,
        "tracking_code": session.tracking_code,
        "end_reason": session.end_reason.value if session.end_reason is not None else None,
        "lines": len(session.chat),
        "handling_ms": _handling_ms(session),
        "search": folded("\n".join(word for word in words if word)),
    }


def _handling_ms(session: Session) -> int | None:
    """How long the rep who accepted it last had it; None for a customer whom nobody helped in the end (B-11.2)."""
    if not session.ended_at or not session.queue_id or session.holder(Role.CONTROLLER) is None:
        return None
    accepted = [mark.at for mark in session.marks if mark.kind is MarkKind.ACCEPTED]
    return session.ended_at - accepted[-1] if accepted else None
