"""The command `support-relay session list`: the live sessions as they stand in the journal."""

import argparse
import json
import time
from datetime import UTC, datetime
from typing import Any

from resources import catalog
from resources.invitations import in_threes, one_line
from server_stub.cli_queue import WithDatabase
from server_stub.state.model import Session, apply
from server_stub.store.database import Database
from server_stub.store.journal import read_journal
from support_manager.protocol.roles import Role


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    listing: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `session` with what is below it.

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
        "of a relay that does not run, those that go on at its next start. To end one: the admin area.",
    )
    command.set_defaults(run=lambda asked: _list(asked, with_database))


async def _live(database: Database) -> list[Session]:
    """The live sessions, the oldest first: what is acknowledged is in the journal, so it is all there."""
    sessions: dict[str, Session] = {}
    for entry in await read_journal(database, time.time_ns() // 1_000_000):
        session = sessions.setdefault(entry.session_id, Session(entry.session_id))
        apply(session, entry)
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
