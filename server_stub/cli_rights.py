"""The options by which the commands `user add` and `user set` say what an account may, and how `user list` tells it."""

import argparse

from server_stub.accounts import AccountRow
from server_stub.rights import SITES
from server_stub.setting_checks import MODES

_LIMIT_HIGHEST = 1_000


def add_rights(command: argparse.ArgumentParser, *, changing: bool = False) -> None:
    """Give a command the options `--agent`, `--admin`, `--mode` and `--limit`.

    Args:
        command: to be given them.
        changing: whether it can take a privilege back, too.
    """
    for word, meaning in (
        ("agent", "has the Inbox, takes customers from queues and passes sessions on"),
        ("admin", "may open the admin area of the site"),
    ):
        action = argparse.BooleanOptionalAction if changing else "store_true"
        command.add_argument(f"--{word}", action=action, default=None if changing else False, help=meaning)
    command.add_argument(
        "--mode",
        choices=(*MODES, SITES),
        help="in which mode he starts sessions: one session for several customers, a session for every customer, or "
        "his choice (default: as the setting “modes” says)",
    )
    command.add_argument(
        "--limit",
        type=_limit,
        metavar="N",
        help="how many customers he may help at once, 0 for any number (default: “site”, as the setting "
        "“customers_per_rep” says)",
    )


def _limit(text: str) -> int | str:
    if text == SITES:
        return SITES
    if not text.isascii() or not text.isdigit() or int(text) > _LIMIT_HIGHEST:
        raise argparse.ArgumentTypeError(f"a limit is a whole number from 0 to {_LIMIT_HIGHEST}, or “{SITES}”")
    return int(text)


def told_rights(row: AccountRow) -> tuple[str, str, str]:
    """Privileges, modes and limit as a list of accounts shows them; a hyphen for none, `site` for the site's."""
    mode = next((word for word, modes in MODES.items() if row.modes == tuple(one.value for one in modes)), SITES)
    limit = SITES if row.customers_limit is None else str(row.customers_limit)
    return ",".join(row.privileges) or "-", mode, limit
