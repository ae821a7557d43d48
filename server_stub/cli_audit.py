"""The command `support-relay audit`: reads the audit log, filtered, and writes it as CSV."""

import argparse
import os
import sys
from datetime import UTC, datetime
from urllib.parse import urlencode

from resources import catalog
from resources.invitations import one_line
from server_stub.admin.audit_reading import AuditReader, BadDayError, Filter
from server_stub.audit import OPERATOR, WHO_CHARS, Audit
from server_stub.cli_queue import WithDatabase
from server_stub.failures import OperatorError
from server_stub.store.database import Database

_KIND = "audit.kind."


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `audit`.

    Args:
        commands: to which it is added.
        place: options that say where the database is.
        with_database: opens it.
    """
    command = commands.add_parser(
        "audit",
        parents=[place],
        help="list the audit log, the newest first, or write it as CSV",
        description="Lists time, act, who, what and network address of each record, the newest first; times and days "
        "are UTC. The acts are named as in the CSV of the admin area.",
    )
    command.add_argument(
        "--who", default="", metavar="NAME", help="an account by its name or a part of it, “operator”, or an address"
    )
    command.add_argument("--act", default="", metavar="ACT", help="one kind of act, such as setting_changed")
    command.add_argument("--from-day", default="", metavar="DAY", help="first day, such as 2026-05-31")
    command.add_argument("--to-day", default="", metavar="DAY", help="last day, that day included")
    command.add_argument("--csv", action="store_true", help="write CSV with every column, as the admin area does")
    command.set_defaults(run=lambda asked: _run(asked, with_database))


def _run(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    given = (asked.who, asked.act, asked.from_day, asked.to_day)
    wanted = Filter(*(text.strip()[:WHO_CHARS] for text in given))
    if not "".join(wanted).isprintable():
        raise OperatorError("The filter has characters that stand in no record.")

    async def work(database: Database) -> None:
        reader = AuditReader(database)
        await _check_act(reader, wanted.kind)
        try:
            await (_write_csv if asked.csv else _list)(database, reader, wanted)
        except BadDayError as error:
            words = catalog.sentence("en", "admin", "audit.bad_day")
            raise OperatorError(f"“{one_line(str(error))}”: {words}") from None

    try:
        with_database(asked, work)
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever reads has seen enough, as `| head` has; nor shall Python say so when it flushes at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


async def _check_act(reader: AuditReader, act: str) -> None:
    known = [key.removeprefix(_KIND) for key in catalog.load("en", "admin") if key.startswith(_KIND)]
    if act and act not in known:
        # One that another version wrote stands in the log all the same.
        found = await reader.kinds()
        if act not in found:
            there = f"the log has {', '.join(found)}" if found else "the log is empty"
            raise OperatorError(f"There is no act “{one_line(act)}”; {there}.")


async def _list(_: Database, reader: AuditReader, wanted: Filter) -> None:
    names = await reader.names()
    async for one in reader.everything(wanted, names):
        at = f"{datetime.fromtimestamp(one.at / 1000, UTC):%Y-%m-%d %H:%M:%S}"
        who = names.get(one.who, (one.who, ""))[0]
        print("\t".join((at, *(one_line(cell) or "-" for cell in (one.kind, who, one.what, one.address)))))


async def _write_csv(database: Database, reader: AuditReader, wanted: Filter) -> None:
    pieces = reader.csv(wanted)
    head = await anext(pieces)
    # As bytes: its line ends and its encoding are the format's, not this system's.
    sys.stdout.buffer.write(head)
    filters = {key: value for key, value in wanted._asdict().items() if value}
    await Audit(database).record("audit_exported", who=OPERATOR, what=urlencode(filters)[:500])
    async for piece in pieces:
        sys.stdout.buffer.write(piece)
