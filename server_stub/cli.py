"""The operator's commands: serve, user, queue, setting, turn-config, mail, session, audit, check, backup."""

import argparse
import asyncio
import getpass
import json
import logging
import sys
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any

import platformdirs

from server_stub import cli_audit, cli_mail, cli_queue, cli_session, cli_turn, log, settings
from server_stub.accounts import AccountError, Accounts
from server_stub.app import ServeOptions, check_exposure, existing_database, open_database, serve, store_failure
from server_stub.cli_rights import add_rights, told_rights
from server_stub.failures import OperatorError
from server_stub.http_api import relay_version
from server_stub.queues import QueueError
from server_stub.rights import SITES, Rights
from server_stub.setting_checks import MODES
from server_stub.settings import SettingError, check_public_url
from server_stub.store.database import Database, StoreError
from server_stub.upkeep import backup, check
from support_manager.protocol import limits
from support_manager.protocol.views import PRIVILEGES

_ACCOUNT_SENTENCES = {
    "name_taken": "There is already an account of that name; choose another, or see `support-relay user list`.",
    "bad_name": f"An account's name must have 1 to {limits.ACCOUNT_NAME_CHARS} printable characters.",
    "bad_display_name": f"A display name must have 1 to {limits.NAME_CHARS} printable characters.",
    "short_password": f"The password is too short; take at least {limits.PASSWORD_MIN_CHARS} characters.",
    "long_password": f"The password is too long; take at most {limits.PASSWORD_CHARS} characters.",
    "unknown_name": "There is no account of that name; see `support-relay user list`.",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        arguments: without the program's name; by default those of this process.

    Returns:
        The exit code: 0 done, 1 refused with a sentence on standard error, 2 wrong usage.
    """
    options = _parser().parse_args(arguments)
    # The relay's own log is for its operator; whoever types a command reads the line that confirms it.
    log.set_up(logging.INFO if options.run is _serve else logging.WARNING)
    try:
        options.run(options)
    except OperatorError as failure:
        print(f"support-relay: {failure.sentence}", file=sys.stderr)
        return failure.exit_code
    except SettingError as error:
        print(f"support-relay: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="support-relay",
        description="The relay of Support Manager: brokers sessions and serves the customer's page.",
    )
    parser.add_argument("--version", action="version", version=f"support-relay {relay_version()}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)

    place = argparse.ArgumentParser(add_help=False)
    place.add_argument(
        "--data",
        type=Path,
        default=Path(platformdirs.user_data_dir("support-relay", appauthor=False)),
        metavar="DIR",
        help="folder of the relay's database (default: %(default)s)",
    )
    place.add_argument("--database", default="", metavar="URL", help="another database instead, as an SQLAlchemy URL")
    listing = argparse.ArgumentParser(add_help=False)
    listing.add_argument("--json", action="store_true", help="print JSON")

    command = commands.add_parser("serve", parents=[place], help="run the relay until it is told to stop")
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument(
        "--port", type=_port, default=8765, help="port to listen on, 0 for any free one (default: %(default)s)"
    )
    command.add_argument("--tls-cert", type=Path, metavar="FILE", help="certificate with its chain, PEM")
    command.add_argument("--tls-key", type=Path, metavar="FILE", help="private key of the certificate, PEM")
    command.add_argument(
        "--behind-proxy",
        action="store_true",
        help="a proxy in front adds TLS and tells clients' addresses by X-Forwarded-For",
    )
    command.add_argument("--plain-http", action="store_true", help="allow plain HTTP on other than loopback")
    command.add_argument(
        "--public-url", default="", metavar="URL", help="address under which customers reach the relay"
    )
    command.set_defaults(run=_serve)

    users = commands.add_parser("user", help="accounts of reps").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    command = users.add_parser("add", parents=[place], help="make an account; the password is asked for")
    command.add_argument("name", help="the name to sign in with")
    command.add_argument(
        "--display-name", default="", metavar="NAME", help="the name that customers see (default: the same)"
    )
    command.add_argument(
        "--password-stdin", action="store_true", help="read the password from the first line of standard input"
    )
    add_rights(command)
    command.set_defaults(run=_user_add)
    command = users.add_parser("set", parents=[place], help="change what an account may, or the name that people see")
    command.add_argument("name", help="the account's name")
    command.add_argument("--display-name", default=None, metavar="NAME", help="the name that customers see")
    add_rights(command, changing=True)
    command.set_defaults(run=_user_set)
    command = users.add_parser("list", parents=[place, listing], help="list the accounts")
    command.set_defaults(run=_user_list)
    for word, meaning, run in (
        ("disable", "close an account and revoke its tokens", _user_disable),
        ("enable", "open a closed account again", _user_enable),
        ("password", "give an account another password and revoke its tokens", _user_password),
    ):
        command = users.add_parser(word, parents=[place], help=meaning)
        command.add_argument("name", help="the account's name")
        if word == "password":
            command.add_argument(
                "--password-stdin", action="store_true", help="read the password from the first line of standard input"
            )
        command.set_defaults(run=run)

    cli_queue.add_commands(commands, place, listing, _with_database)

    cli_turn.add_command(commands, place, _with_database)

    site = commands.add_parser("setting", help="settings of the site").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    command = site.add_parser("list", parents=[place, listing], help="list every setting with its value")
    command.set_defaults(run=_setting_list)
    command = site.add_parser("get", parents=[place, listing], help="print one setting")
    command.add_argument("key", metavar="KEY", help="the setting's name, one of those below")
    command.set_defaults(run=_setting_get)
    _explain_settings(command)
    command = site.add_parser(
        "set", parents=[place], help="change one setting; a running relay takes it up within seconds"
    )
    command.add_argument("key", metavar="KEY", help="the setting's name, one of those below")
    command.add_argument("value", metavar="VALUE", help="its new value as described below; it is checked first")
    _explain_settings(command)
    command.set_defaults(run=_setting_set)

    cli_mail.add_commands(commands, place, _with_database)

    cli_session.add_commands(commands, place, listing, _with_database)

    cli_audit.add_command(commands, place, _with_database)

    command = commands.add_parser(
        "check", parents=[place, listing], help="look for what is wrong with the installation"
    )
    command.set_defaults(run=_check)
    command = commands.add_parser("backup", parents=[place], help="copy the database of a running or stopped relay")
    command.add_argument("file", type=Path, help="where to; must not exist yet")
    command.set_defaults(run=_backup)
    return parser


def _explain_settings(command: argparse.ArgumentParser) -> None:
    """Add every setting with its meaning to a command's help; argparse alone would fill them into one paragraph."""
    lines = (f"  {one.key}\n      {one.meaning}" for one in settings.DEFINITIONS.values())
    command.epilog = "keys:\n" + "\n".join(lines)
    command.formatter_class = argparse.RawDescriptionHelpFormatter


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 65_535:
        raise argparse.ArgumentTypeError("a port is a whole number from 0 to 65535")
    return int(text)


# Commands


def _serve(asked: argparse.Namespace) -> None:
    options = ServeOptions(
        data=asked.data,
        database=asked.database,
        host=asked.host,
        port=asked.port,
        certificate=asked.tls_cert,
        key=asked.tls_key,
        behind_proxy=asked.behind_proxy,
        plain_http=asked.plain_http,
        public_url=check_public_url(asked.public_url),
    )
    check_exposure(options)

    def say(url: str) -> None:
        print(json.dumps({"event": "listening", "url": url, "host": options.host}), flush=True)

    _run(serve(options, say))


def _user_add(asked: argparse.Namespace) -> None:
    password = _new_password(asked)

    async def work(database: Database) -> None:
        await _with_accounts(
            database,
            lambda accounts: accounts.add(
                asked.name,
                password,
                display_name=asked.display_name,
                modes=() if asked.mode in (None, SITES) else MODES[asked.mode],
                privileges=tuple(word for word in PRIVILEGES if getattr(asked, word)),
                customers_limit=None if asked.limit == SITES else asked.limit,
            ),
        )

    _with_database(asked, work, new=True)
    print(f"The account {asked.name} is made and can sign in.")


def _user_set(asked: argparse.Namespace) -> None:
    wanted = {key: getattr(asked, key) for key in ("agent", "admin", "mode", "limit", "display_name")}
    if all(value is None for value in wanted.values()):
        raise OperatorError("Say what to change, such as --agent or --limit 3; see support-relay user set --help.")
    _with_database(asked, lambda database: Rights(database).change(asked.name, **wanted))
    print(f"The account {asked.name} is changed; a running relay takes it up within seconds.")


def _user_list(asked: argparse.Namespace) -> None:
    async def work(database: Database) -> None:
        rows = await _with_accounts(database, lambda accounts: accounts.everyone())
        if asked.json:
            keys = (
                *("id", "name", "display_name", "disabled", "created_at"),
                *("privileges", "modes", "customers_limit"),
            )
            print(json.dumps([{key: getattr(row, key) for key in keys} for row in rows], ensure_ascii=False))
            return
        for row in rows:
            print("\t".join((row.name, row.display_name, "disabled" if row.disabled else "open", *told_rights(row))))

    _with_database(asked, work)


def _user_disable(asked: argparse.Namespace) -> None:
    _with_database(asked, lambda database: _with_accounts(database, lambda one: one.set_disabled(asked.name, True)))
    print(f"The account {asked.name} is closed, and its tokens are revoked.")


def _user_enable(asked: argparse.Namespace) -> None:
    _with_database(asked, lambda database: _with_accounts(database, lambda one: one.set_disabled(asked.name, False)))
    print(f"The account {asked.name} is open again.")


def _user_password(asked: argparse.Namespace) -> None:
    password = _new_password(asked)
    _with_database(asked, lambda database: _with_accounts(database, lambda one: one.set_password(asked.name, password)))
    print(f"The account {asked.name} has its new password, and its tokens are revoked.")


def _setting_list(asked: argparse.Namespace) -> None:
    async def work(database: Database) -> None:
        values = {key: settings.shown(key, value) for key, value in (await settings.read_all(database)).items()}
        if asked.json:
            print(json.dumps(values, ensure_ascii=False))
            return
        for key, value in values.items():
            print(f"{key}\t{settings.as_text(value)}\t# {settings.DEFINITIONS[key].meaning}")

    _with_database(asked, work)


def _setting_get(asked: argparse.Namespace) -> None:
    settings.definition(asked.key)

    async def work(database: Database) -> None:
        value = settings.shown(asked.key, (await settings.read_all(database))[asked.key])
        print(json.dumps(value, ensure_ascii=False) if asked.json else settings.as_text(value))

    _with_database(asked, work)


def _setting_set(asked: argparse.Namespace) -> None:
    settings.definition(asked.key).parse(asked.value)
    _with_database(asked, lambda database: settings.write(database, asked.key, asked.value), new=True)
    # Not the value: it can hold the password of a TURN server.
    print(f"The setting {asked.key} is changed; a running relay takes it up within seconds.")


def _check(asked: argparse.Namespace) -> None:
    options = _options(asked)
    findings = _run(check(options))
    if asked.json:
        print(json.dumps({"version": relay_version(), "findings": [finding.__dict__ for finding in findings]}))
    else:
        print(f"support-relay {relay_version()}")
        for finding in findings:
            print(f"{'ok     ' if finding.good else 'PROBLEM'} {finding.text}")
    if not all(finding.good for finding in findings):
        raise OperatorError("Something needs attention; each line marked PROBLEM says what to do.")


def _backup(asked: argparse.Namespace) -> None:
    _run(backup(_options(asked), asked.file))
    print(f"The database is copied to {asked.file}.")


# What they share


def _options(asked: argparse.Namespace) -> ServeOptions:
    return ServeOptions(data=asked.data, database=asked.database)


def _run(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the command gives
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    return uvloop.run(work)


def _with_database(asked: argparse.Namespace, work: Callable[[Database], Awaitable[Any]], *, new: bool = False) -> None:
    """Do `work` on the database; only with `new` is one made where there is none."""
    options = _options(asked)

    async def whole() -> None:
        try:
            async with open_database(options, exclusive=False) if new else existing_database(options) as database:
                await work(database)
        except StoreError as error:
            raise store_failure(error, options) from None
        except AccountError as error:
            raise OperatorError(_ACCOUNT_SENTENCES[error.code]) from None
        except QueueError as error:
            raise OperatorError(str(error)) from None

    _run(whole())


async def _with_accounts(database: Database, work: Callable[[Accounts], Awaitable[Any]]) -> Any:  # noqa: ANN401
    accounts = Accounts(database)
    try:
        return await work(accounts)
    finally:
        accounts.close()


def _new_password(asked: argparse.Namespace) -> str:
    if asked.password_stdin:
        password = sys.stdin.readline().rstrip("\r\n")
    elif not sys.stdin.isatty():
        raise OperatorError(
            "There is no terminal to ask for the password; give it on standard input with --password-stdin."
        )
    else:
        password = getpass.getpass("Password: ")
        if len(password) >= limits.PASSWORD_MIN_CHARS and getpass.getpass("Once more: ") != password:
            raise OperatorError("The two passwords differ; nothing was changed, please try again.")
    if len(password) < limits.PASSWORD_MIN_CHARS:
        raise OperatorError(_ACCOUNT_SENTENCES["short_password"])
    if len(password) > limits.PASSWORD_CHARS:
        raise OperatorError(_ACCOUNT_SENTENCES["long_password"])
    return password
