"""The commands `support-relay session list` and `end`: live sessions as they stand in the journal, and their end."""

import argparse
import asyncio
import json
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import select

from resources import catalog
from resources.invitations import in_threes, one_line
from server_stub.cli_queue import WithDatabase
from server_stub.ending import REASON_CHARS, give_order, reason_of, take_back
from server_stub.failures import OperatorError
from server_stub.state.model import Session, apply
from server_stub.store import tables
from server_stub.store.database import Database, StoreError
from server_stub.store.journal import read_journal
from support_manager.protocol.roles import Role

TAKEN_S = 8.0
"""How long a running relay has to take up an order, and then to end the session; it looks every two seconds."""
_LOOK_S = 0.2


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    listing: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `session` with all below it.

    Args:
        commands: to which it is added.
        place: options that say where the database is.
        listing: options of commands that list.
        with_database: opens it.
    """
    sessions = commands.add_parser("session", help="live sessions").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    command = sessions.add_parser(
        "list",
        parents=[place, listing],
        help="list the live sessions, the oldest first",
        description="Lists number, who is in charge, since when (UTC), state and participants of each live session; "
        "of a relay that does not run, those that go on at its next start.",
    )
    command.set_defaults(run=lambda asked: _list(asked, with_database))
    command = sessions.add_parser(
        "end",
        parents=[place],
        help="end a live session for everybody",
        description="Has the running relay end a live session, and waits until it has; when no relay runs, nothing is "
        "done.",
    )
    command.add_argument("number", nargs="+", metavar="NUMBER", help="the session's number, with or without spaces")
    command.add_argument(
        "--reason", default="at the command line", metavar="TEXT", help="why, for the audit log (default: %(default)s)"
    )
    command.set_defaults(run=lambda asked: _end(asked, with_database))


async def _live(database: Database) -> list[Session]:
    """The live sessions, the oldest first: what is acknowledged is in the journal, so it is all there."""
    sessions: dict[str, Session] = {}
    for entry in await read_journal(database, time.time_ns() // 1_000_000):
        session = sessions.setdefault(entry.session_id, Session(entry.session_id))
        try:
            apply(session, entry)
        except (ValueError, LookupError) as error:
            raise StoreError("database_unreadable", "journal") from error
    return sorted((one for one in sessions.values() if one.is_live), key=lambda one: one.started_at)


def _list(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    async def work(database: Database) -> None:
        found = [_told(session) for session in await _live(database)]
        if asked.json:
            print(json.dumps(found, ensure_ascii=False))
            return
        for one in found:
            since = f"{datetime.fromtimestamp(one['started_at'] / 1000, UTC):%Y-%m-%d %H:%M:%S}"
            people = ", ".join(
                f"{one_line(person['name'])} ({_word('role', person['role'])}, {_word('link', person['connection'])})"
                for person in one["people"]
            )
            in_charge = one_line(one["in_charge"]) or _word("session", "nobody")
            print("\t".join((in_threes(one["number"]), in_charge, since, _word("state", one["state"]), people or "-")))

    with_database(asked, work)


def _end(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    number = "".join("".join(asked.number).split())
    reason = reason_of(asked.reason)
    if not reason:
        raise OperatorError(f"Give the reason in 1 to {REASON_CHARS} characters with --reason; the session goes on.")

    async def work(database: Database) -> None:
        session_id = next((one.id for one in await _live(database) if one.number == number), None)
        if session_id is None:
            given = one_line(" ".join(asked.number))
            raise OperatorError(f"There is no live session {given}; see support-relay session list.")
        order_id = await give_order(database, session_id, reason)
        try:
            is_over = await _is_over(database, session_id)
        finally:
            is_taken = not await take_back(database, order_id)
        if not is_over and not is_taken:
            raise OperatorError(
                "No running relay has taken this up, so nothing was done; start the relay, and try again."
            )
        if not is_over and not await _is_over(database, session_id):
            raise OperatorError(
                "The relay has taken this up, but the session goes on; see the relay's log, and try again."
            )
        print(f"The session {in_threes(number)} is over, and everybody in it is told.")

    with_database(asked, work)


async def _is_over(database: Database, session_id: str) -> bool:
    """Whether the journal has the session's end, at last after `TAKEN_S`."""
    session = tables.session.c
    ended = select(session.ended_at).where(session.id == session_id)
    until = time.monotonic() + TAKEN_S
    while True:
        async with database.reading() as connection:
            if (await connection.execute(ended)).scalar() is not None:
                return True
        if time.monotonic() >= until:
            return False
        await asyncio.sleep(_LOOK_S)


def _word(area: str, key: str) -> str:
    return catalog.sentence("en", "admin", f"{area}.{key}")


def _told(session: Session) -> dict[str, Any]:
    controller = session.holder(Role.CONTROLLER)
    return {
        "id": session.id,
        "number": session.number,
        "in_charge": controller.name if controller is not None else "",
        "started_at": session.started_at,
        "state": session.state.value,
        "people": [
            {"name": person.name, "role": person.role.value, "connection": person.connection.value}
            for person in session.members()
        ],
    }
