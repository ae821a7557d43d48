"""What became of sessions: found and read again by reps, noted by controllers, rated by customers (B-12.7)."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import structlog
from sqlalchemy import Select, or_, select

from server_stub.audit import Record
from server_stub.limits import TryLimiter
from server_stub.link import Link
from server_stub.members import Members
from server_stub.ports import Clock
from server_stub.records import Records
from server_stub.search_words import words_of
from server_stub.state.decide import authorise
from server_stub.state.handovers import Handovers
from server_stub.state.model import Session, apply
from server_stub.state.names import clean_name, clean_text
from server_stub.state.refused import Refused
from server_stub.store import tables
from server_stub.store.database import Database
from server_stub.store.journal import read_session
from support_manager.protocol import limits, requests
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Noted, Nothing
from support_manager.protocol.roles import Role, SessionState
from support_manager.protocol.views import AccountView, EndReason, HistoryEntry, Mode, SurveyAnswer

log = structlog.get_logger(__name__)

SEARCHES_AT_ONCE = 2
"""A search reads every transcript of a rep; others wait their turn, and the live sessions for none."""
SURVEYS_PER_MINUTE = 10
"""Of one customer: who changes his mind more often must not fill the audit log."""
_APPLIED_AT_ONCE = 1_000
_NOTHING = Nothing()
_COLUMNS = tuple(column for column in tables.history.c if column.name not in ("search", "lasting"))


class Remembering:
    """Carries out the requests about sessions that are over, and the notes of those that live.

    A session that is none of the asker's does not exist for him: unknown and foreign ones get the same answer.

    Args:
        members: the sessions in memory.
        records: writes and keeps what is said.
        database: open.
        clock: wall and monotonic time.
    """

    def __init__(self, members: Members, records: Records, database: Database, clock: Clock) -> None:
        self._members = members
        self._records = records
        self._database = database
        self._clock = clock
        self._searches = asyncio.Semaphore(SEARCHES_AT_ONCE)
        self._surveys = TryLimiter(
            per_address=SURVEYS_PER_MINUTE, per_site=100 * SURVEYS_PER_MINUTE, clock=clock.monotonic_s
        )

    def handlers(self) -> Mapping[str, Callable[[Link, Any], Awaitable[Wire]]]:
        """Event → who carries it out."""
        return {
            "history.list": self._on_history_list,
            "history.read": self._on_history_read,
            "history.notes": self._on_history_notes,
            "history.note": self._on_history_note,
            "survey.send": self._on_survey_send,
        }

    # Finding and reading

    async def _on_history_list(self, link: Link, request: requests.HistoryList) -> requests.History:
        account = _rep(link, "history.list")
        words = words_of(clean_name(request.search, limits.SEARCH_CHARS))
        # A session that ended a moment ago may not be written down yet.
        await self._records.flush()
        if not words:
            return await self._find(account, words, request)
        async with self._searches:
            return await self._find(account, words, request)

    async def _find(self, account: AccountView, words: list[str], request: requests.HistoryList) -> requests.History:
        history = tables.history.c
        mine = _of_account(account.id)
        if request.before is not None:
            mine = mine.where(history.ended_at < request.before)
        for word in words:
            mine = mine.where(
                or_(history.search.contains(word, autoescape=True), history.lasting.contains(word, autoescape=True))
            )
        newest = mine.order_by(history.ended_at.desc(), history.session_id.desc())
        async with self._database.reading() as connection:
            found = list((await connection.execute(newest.limit(request.limit + 1))).all())
            more = len(found) > request.limit
            if more:
                # The next page begins before a moment, so all that ended in one moment are on the same page.
                first_left_out = found[-1].ended_at
                page = [row for row in found[:-1] if row.ended_at != first_left_out]
                if not page:
                    page = list((await connection.execute(newest.where(history.ended_at == first_left_out))).all())
                    older = mine.where(history.ended_at < first_left_out).limit(1)
                    more = (await connection.execute(older)).first() is not None
                found = page
        return requests.History(entries=tuple(_entry(row) for row in found), more=more)

    async def _on_history_read(self, link: Link, request: requests.HistoryRead) -> requests.HistoryPage:
        account = _rep(link, "history.read")
        await self._records.flush()
        async with self._database.reading() as connection:
            wanted = _of_account(account.id).where(tables.history.c.session_id == request.session_id)
            row = (await connection.execute(wanted)).one_or_none()
            answer = tables.survey_answer.c
            said = select(answer.participant_id, answer.rating, answer.comment).where(
                answer.session_id == request.session_id
            )
            answers = (await connection.execute(said.order_by(answer.participant_id))).all()
        if row is None:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        rebuilt, handovers = await self._rebuilt(row.session_id)
        session = self._members.live.registry.get(row.session_id) or rebuilt
        people = session.participants if session is not None else {}
        survey = tuple(
            SurveyAnswer(name=people[whose].name if whose in people else "", rating=stars, comment=comment)
            for whose, stars, comment in answers
        )
        if session is None:
            return requests.HistoryPage(entry=_entry(row), kept=False, survey=survey)
        yours = tuple(sorted(p.id for p in session.participants.values() if p.account_id == account.id))
        return requests.HistoryPage(
            entry=_entry(row),
            survey=survey,
            chat=tuple(session.chat),
            marks=tuple(session.marks),
            intake=session.intake,
            yours=yours,
            handovers=handovers.of(account.id),
        )

    async def _rebuilt(self, session_id: str) -> tuple[Session | None, Handovers]:
        """A session that is over and what went with it, from its journal; None when that is deleted."""
        entries = await read_session(self._database, session_id)
        session, handovers = Session(session_id), Handovers()
        for number, entry in enumerate(entries, 1):
            apply(session, entry)
            handovers.follow(session, entry.fact)
            if number % _APPLIED_AT_ONCE == 0:
                await asyncio.sleep(0)
        return (session if entries else None), handovers

    # Notes and survey

    async def _on_history_notes(self, link: Link, request: requests.HistoryNotes) -> Noted:
        await self._may_note(_rep(link, "history.notes"), request.session_id)
        return await self._records.noted(request.session_id)

    async def _on_history_note(self, link: Link, request: requests.HistoryNote) -> Nothing:
        account = _rep(link, "history.note")
        session = await self._may_note(account, request.session_id)
        noted, seen = (
            Noted(outcome=clean_name(outcome, limits.OUTCOME_CHARS), notes=clean_text(notes, limits.NOTES_CHARS))
            for outcome, notes in ((request.outcome, request.notes), (request.seen_outcome, request.seen_notes))
        )
        act = Record(
            self._clock.now_ms(), "session_noted", account.id, "outcome and notes", request.session_id, link.address
        )
        if not await self._records.note(request.session_id, session, noted, act, seen=seen):
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        log.info("session noted", session=request.session_id, account=account.id)
        return _NOTHING

    async def _may_note(self, account: AccountView, session_id: str) -> Session | None:
        """The session of which that rep may write and read the notes, while the relay has it in memory.

        Raises:
            Refused: `session_unknown` to a rep who was not in it, `not_allowed` to one who never had control.
        """
        await self._records.flush()
        session = self._members.live.registry.get(session_id)
        if session is not None:
            mine = [p.was_controller for p in session.participants.values() if p.account_id == account.id]
        else:
            rep = tables.history_rep.c
            wanted = select(rep.was_controller).where(rep.session_id == session_id, rep.account_id == account.id)
            async with self._database.reading() as connection:
                mine = list((await connection.execute(wanted)).scalars())
        if not mine:
            raise Refused(ErrorCode.SESSION_UNKNOWN)
        if not any(mine):
            raise Refused(ErrorCode.NOT_ALLOWED)
        return session

    async def _on_survey_send(self, link: Link, request: requests.SurveySend) -> Nothing:
        session, me = self._members.of(link, request.session_id)
        authorise("survey.send", me.role, session.state)
        if self._surveys.is_blocked(me.id):
            raise Refused(ErrorCode.TOO_FAST)
        self._surveys.failed(me.id)
        await self._records.flush()
        comment = clean_text(request.comment, limits.PROBLEM_CHARS)
        act = Record(self._clock.now_ms(), "session_rated", "customer", "survey", session.id, link.address)
        await self._records.rate(session, me.id, request.rating, comment, act)
        log.info("session rated", session=session.id, participant=me.id)
        return _NOTHING


def _rep(link: Link, event: str) -> AccountView:
    """The rep who asks.

    Raises:
        Refused: `not_allowed` to a page.
    """
    authorise(event, Role.ANONYMOUS if link.account is None else Role.SIGNED_IN, SessionState.NONE)
    if link.account is None:
        raise Refused(ErrorCode.NOT_SIGNED_IN)
    return link.account


def _of_account(account_id: str) -> Select[Any]:
    """The sessions that are over and in which that account took part."""
    history, rep = tables.history.c, tables.history_rep
    return (
        select(*_COLUMNS)
        .join(rep, rep.c.session_id == history.session_id)
        .where(rep.c.account_id == account_id, history.ended_at.is_not(None))
    )


def _entry(row: Any) -> HistoryEntry:  # noqa: ANN401 - a database row
    return HistoryEntry(
        session_id=row.session_id,
        number=row.number,
        mode=Mode(row.mode),
        started_at=row.started_at,
        ended_at=row.ended_at,
        customers=tuple(row.customers),
        reps=tuple(row.reps),
        queue_name=row.queue_name,
        tracking_code=row.tracking_code,
        end_reason=EndReason(row.end_reason) if row.end_reason else None,
        outcome=row.outcome,
        notes=row.notes,
        lines=row.lines,
    )
