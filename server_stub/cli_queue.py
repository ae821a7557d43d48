"""The operator's commands for queues: `support-relay queue add`, `list`, `set`, `delete` and `member`."""

import argparse
import json
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from server_stub.accounts import Accounts
from server_stub.failures import OperatorError
from server_stub.hours import DAYS
from server_stub.queues import OFFER_S_HIGHEST, OFFER_S_LOWEST, Queue, Queues, Rule
from server_stub.settings import read_all
from server_stub.store.database import Database
from support_manager.protocol.views import AGENT

_HOURS = (
    "opening hours: groups of days with times, parted by commas, such as “mon-fri 09:00-12:00 13:00-17:00, "
    "sat 22:00-02:00”; “always” or “never”"
)


class WithDatabase(Protocol):
    """Does some work on the database that the command line names."""

    def __call__(
        self, asked: argparse.Namespace, work: Callable[[Database], Awaitable[Any]], *, new: bool = False
    ) -> None:
        """Open, work, close; failures become the operator's sentences."""


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    listing: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `queue` with all below it.

    Args:
        commands: to which it is added.
        place: options that say where the database is.
        listing: options of commands that list.
        with_database: opens it.
    """

    def runs(command: argparse.ArgumentParser, run: Callable[[argparse.Namespace, WithDatabase], None]) -> None:
        command.set_defaults(run=lambda asked: run(asked, with_database))

    queues = commands.add_parser("queue", help="queues of waiting customers").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    command = queues.add_parser("add", parents=[place], help="make a queue; its entry page is …/help/SHORT-NAME")
    _short_name(command)
    command.add_argument("name", help="the name that people read, such as “First aid”")
    _options(command)
    runs(command, _add)
    command = queues.add_parser("list", parents=[place, listing], help="list the queues with their members")
    runs(command, _list)
    command = queues.add_parser("set", parents=[place], help="change a queue")
    _short_name(command)
    command.add_argument("--name", help="the name that people read")
    _options(command)
    command.add_argument(
        "--open",
        action=argparse.BooleanOptionalAction,
        default=None,
        dest="enabled",
        help="let customers and transfers in; who waits in a queue that is not open is helped all the same",
    )
    runs(command, _set)
    command = queues.add_parser("delete", parents=[place], help="delete a queue; who waits goes to the default queue")
    _short_name(command)
    runs(command, _delete)
    members = queues.add_parser("member", help="agents of a queue").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    for word, meaning, run in (
        ("add", "let an agent take customers of a queue", _member_add),
        ("remove", "take an agent out of a queue", _member_remove),
    ):
        command = members.add_parser(word, parents=[place], help=meaning)
        _short_name(command)
        command.add_argument("account", help="the account's name")
        runs(command, run)


def _short_name(command: argparse.ArgumentParser) -> None:
    command.add_argument("queue", metavar="SHORT-NAME", help="the queue's name in addresses, such as first-aid")


def _options(command: argparse.ArgumentParser) -> None:
    command.add_argument("--rule", choices=tuple(Rule), help="whom the queue asks (default: everybody)")
    command.add_argument(
        "--offer-s",
        type=_seconds,
        metavar="SECONDS",
        help=f"how long an agent is asked, {OFFER_S_LOWEST} to {OFFER_S_HIGHEST} (default: the setting “offer_s”)",
    )
    command.add_argument("--hours", help=f"{_HOURS} (default: always)")
    command.add_argument("--time-zone", metavar="ZONE", help="of the hours, such as Europe/Bucharest (default: UTC)")


def _seconds(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not OFFER_S_LOWEST <= int(text) <= OFFER_S_HIGHEST:
        raise argparse.ArgumentTypeError(f"an offer stands {OFFER_S_LOWEST} to {OFFER_S_HIGHEST} whole seconds")
    return int(text)


def _given(asked: argparse.Namespace, *keys: str) -> dict[str, Any]:
    return {key: getattr(asked, key) for key in keys if getattr(asked, key) is not None}


def _add(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    given = _given(asked, "rule", "offer_s", "hours", "time_zone")
    with_database(asked, lambda database: Queues(database).add(asked.queue, asked.name, **given))
    print(f"The queue {asked.queue} is made; add its agents with support-relay queue member add.")


def _set(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    given = _given(asked, "name", "rule", "offer_s", "hours", "time_zone", "enabled")
    if not given:
        raise OperatorError("Say what to change, such as --hours or --rule; see support-relay queue set --help.")
    with_database(asked, lambda database: Queues(database).change(asked.queue, **given))
    print(f"The queue {asked.queue} is changed; a running relay takes it up within seconds.")


def _delete(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    with_database(asked, lambda database: Queues(database).remove(asked.queue))
    print(f"The queue {asked.queue} is deleted; whoever waits in it goes to the head of the default queue.")


def _member_add(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    with_database(asked, lambda database: Queues(database).add_member(asked.queue, asked.account))
    print(f"{asked.account} is an agent of the queue {asked.queue}.")


def _member_remove(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    with_database(asked, lambda database: Queues(database).remove_member(asked.queue, asked.account))
    print(f"{asked.account} is no agent of the queue {asked.queue}.")


def _list(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    async def work(database: Database) -> None:
        accounts = Accounts(database)
        try:
            people = {row.id: row for row in await accounts.everyone()}
        finally:
            accounts.close()
        default = (await read_all(database))["default_queue"]
        # A privilege may be taken back while somebody is a member; who is no agent gets no offers.
        agents = {key: row.name for key, row in people.items() if AGENT in row.privileges and not row.disabled}
        now_ms = time.time_ns() // 1_000_000
        found = [_told(queue, default, agents, now_ms) for queue in await Queues(database).everyone()]
        if asked.json:
            print(json.dumps(found, ensure_ascii=False))
            return
        for one in found:
            state = one["state"] + (", default" if one["default"] else "")
            members = ", ".join(one["members"]) or "no agents"
            hours = f"{one['hours']} ({one['time_zone']})"
            print("\t".join((one["slug"], one["name"], state, one["rule"], f"{one['offer_s']} s", hours, members)))

    with_database(asked, work)


def _state(queue: Queue, now_ms: int) -> str:
    if not queue.enabled:
        return "switched off"
    if queue.is_open(now_ms):
        return "open"
    opens = queue.hours.next_opening_there(now_ms)
    return "closed now" if opens is None else f"closed now, opens {DAYS[opens.weekday()]} {opens:%Y-%m-%d %H:%M}"


def _told(queue: Queue, default: str, agents: dict[str, str], now_ms: int) -> dict[str, Any]:
    return {
        "id": queue.id,
        "slug": queue.slug,
        "name": queue.name,
        "enabled": queue.enabled,
        "state": _state(queue, now_ms),
        "default": queue.slug == default,
        "rule": queue.rule.value,
        "offer_s": queue.offer_s,
        "time_zone": queue.hours.zone,
        "hours": queue.hours.text(),
        "members": sorted(agents[member] for member in queue.members if member in agents),
    }
