"""A live session ended by an administrator: in the admin area, or by an order that the command line leaves."""

import secrets
import time
from typing import Any

import structlog
from sqlalchemy import Row, delete, insert, select

from server_stub.audit import OPERATOR, Audit
from server_stub.members import Members
from server_stub.records import Records
from server_stub.state.decide import Moment, decide_end
from server_stub.state.facts import Fact
from server_stub.state.model import Session
from server_stub.store import tables
from server_stub.store.database import Database
from support_manager.protocol.views import EndReason

log = structlog.get_logger(__name__)

REASON_CHARS = 200
ORDER_S = 60.0
"""An older order is dropped: whoever gave it has long been told that no relay took it."""


def reason_of(text: str) -> str:
    """The reason on one line; empty when it is none that the audit log takes."""
    reason = " ".join(text.split())
    return reason if len(reason) <= REASON_CHARS and reason.isprintable() else ""


class Ending:
    """Ends live sessions for everybody.

    Args:
        members: the sessions.
        audit: told who ended which, and why.
        records: write what was done in the session before.
    """

    def __init__(self, members: Members, audit: Audit, records: Records) -> None:
        self._members = members
        self._audit = audit
        self._records = records

    async def end(self, session: Session, *, who: str, reason: str, address: str = "") -> None:
        """End a live session; the reason stands in the audit log.

        Raises:
            StoreError: nothing happened.
            JournalFailed: it is on record, but not ended.
        """
        await self._records.flush()
        await self._audit.record("session_ended_by_admin", who=who, what=reason, session_id=session.id, address=address)

        def decision(moment: Moment) -> list[Fact]:
            return decide_end(session, EndReason.RELAY_CLOSED, None, moment) if session.is_live else []

        await self._members.live.change(session, decision)

    async def carry_out(self, database: Database) -> None:
        """Carry out what the command line has ordered; each order is taken once, whatever becomes of it.

        Raises:
            StoreError: the database failed; no order was taken.
        """
        for order in await _taken(database):
            session = self._members.live.registry.get(order.session_id)
            is_late = abs(_now_ms() - order.at) > ORDER_S * 1_000
            if is_late or session is None or not session.is_live:
                log.warning("an order to end a session came to nothing", session=order.session_id, late=is_late)
                continue
            try:
                await self.end(session, who=OPERATOR, reason=order.reason)
            except Exception:
                log.exception("session not ended", session=session.id)


# Orders


async def give_order(database: Database, session_id: str, reason: str) -> str:
    """Leave an order for the running relay.

    Returns:
        The order's id.

    Raises:
        StoreError: the database failed; nothing was ordered.
    """
    order_id = secrets.token_hex(16)
    async with database.transaction() as connection:
        row = {"id": order_id, "session_id": session_id, "reason": reason, "at": _now_ms()}
        await connection.execute(insert(tables.end_order).values(row))
    return order_id


async def take_back(database: Database, order_id: str) -> bool:
    """Take an order back; False when the relay has taken it already.

    Raises:
        StoreError: the database failed.
    """
    async with database.transaction() as connection:
        done = await connection.execute(delete(tables.end_order).where(tables.end_order.c.id == order_id))
    return done.rowcount > 0


async def _taken(database: Database) -> list[Row[Any]]:
    # Looked at first without waiting for a writer, for mostly there is none.
    async with database.reading() as connection:
        if (await connection.execute(select(tables.end_order.c.id).limit(1))).first() is None:
            return []
    async with database.transaction() as connection:
        # In one statement: an order is either taken or taken back.
        return list(await connection.execute(delete(tables.end_order).returning(*tables.end_order.c)))


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
