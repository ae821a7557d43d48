"""The command `support-relay turn-config`: writes coturn's configuration and lets sessions use that server."""

import argparse
import os
import secrets
import sys
from pathlib import Path

from server_stub import settings
from server_stub.cli_queue import WithDatabase
from server_stub.failures import OperatorError
from server_stub.setting_checks import SettingError, host
from server_stub.store.database import Database
from server_stub.turn import TurnPlan, config_of, span_of, urls_of

_SECRET_BYTES = 32


def add_command(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `turn-config`.

    Args:
        commands: to which it is added.
        place: options that say where the database is.
        with_database: opens it.
    """
    usual = TurnPlan(host="")
    command = commands.add_parser(
        "turn-config",
        parents=[place],
        help="write the configuration of a TURN server (coturn), and let sessions use that server",
        description="Writes coturn's configuration with a secret that only relay and coturn know, and sets turn_urls. "
        "Run it again after every change; the secret stays the same unless --new-secret is given.",
    )
    command.add_argument("host", help="public name of the TURN server, such as turn.example.org")
    command.add_argument("--out", default="-", metavar="FILE", help="where to; by default standard output")
    command.add_argument("--listen-port", type=_port, default=usual.port, help="UDP and TCP (default: %(default)s)")
    command.add_argument("--tls-cert", default="", metavar="FILE", help="certificate on the TURN server, PEM")
    command.add_argument("--tls-key", default="", metavar="FILE", help="its private key on the TURN server, PEM")
    command.add_argument(
        "--tls-port", type=_port, default=usual.tls_port, help="TLS; 443 passes most firewalls (default: %(default)s)"
    )
    command.add_argument("--external-ip", default="", metavar="IP", help="public address, where it stands behind NAT")
    command.add_argument("--min-port", type=_port, default=usual.lowest_port, help="(default: %(default)s)")
    command.add_argument("--max-port", type=_port, default=usual.highest_port, help="(default: %(default)s)")
    command.add_argument(
        "--allow-peer",
        action="append",
        default=[],
        metavar="CIDR",
        help="a private network into which it may relay after all; may be given several times",
    )
    command.add_argument(
        "--user-quota",
        type=_count,
        default=usual.per_user,
        help="relayed addresses of one person (default: %(default)s)",
    )
    command.add_argument(
        "--total-quota", type=_count, default=usual.total, help="relayed addresses in all (default: %(default)s)"
    )
    command.add_argument("--new-secret", action="store_true", help="make another secret; the former opens nothing more")
    command.set_defaults(run=lambda asked: _run(asked, with_database))


def _port(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError("a port is a whole number from 1 to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise argparse.ArgumentTypeError("this must be a whole number from 1 to 1000000")
    return int(text)


def _run(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    plan = _plan(asked)

    async def work(database: Database) -> None:
        values = await settings.read_all(database)
        secret = str(values["turn_secret"])
        if asked.new_secret or not secret:
            secret = secrets.token_urlsafe(_SECRET_BYTES)
        text = config_of(plan, secret)
        # First the file: should that fail, the relay goes on with what its TURN server knows.
        if asked.out == "-":
            sys.stdout.write(text)
        else:
            _write(Path(asked.out), text)
        if secret != values["turn_secret"]:
            await settings.write(database, "turn_secret", secret)
        if urls_of(plan) != values["turn_urls"]:
            await settings.write(database, "turn_urls", urls_of(plan))

    with_database(asked, work, new=True)
    if asked.out != "-":
        print(f"{asked.out} is written; start coturn with it. Sessions use {urls_of(plan)} within seconds.")


def _plan(asked: argparse.Namespace) -> TurnPlan:
    if bool(asked.tls_cert) != bool(asked.tls_key):
        raise OperatorError("Give --tls-cert and --tls-key together; coturn needs both for TLS.")
    if asked.min_port > asked.max_port:
        raise OperatorError("--min-port must not be above --max-port.")
    for word in (asked.host, asked.external_ip):
        try:
            host(word)
        except SettingError:
            shown = " ".join(word.split())
            raise OperatorError(f"“{shown}” is no name or address of a server, such as turn.example.org.") from None
    if not asked.host:
        raise OperatorError("Name the TURN server, such as turn.example.org.")
    for path in (asked.tls_cert, asked.tls_key):
        if not path.isprintable():
            raise OperatorError("The name of a certificate's file must be one line.")
    for network in asked.allow_peer:
        try:
            span_of(network)
        except ValueError:
            raise OperatorError(f"“{network}” is no network such as 10.1.0.0/16; see --allow-peer.") from None
    return TurnPlan(
        host=asked.host,
        port=asked.listen_port,
        tls_port=asked.tls_port,
        certificate=asked.tls_cert,
        key=asked.tls_key,
        external_ip=asked.external_ip,
        lowest_port=asked.min_port,
        highest_port=asked.max_port,
        per_user=asked.user_quota,
        total=asked.total_quota,
        allowed=tuple(asked.allow_peer),
    )


def _write(path: Path, text: str) -> None:
    part = path.with_name(path.name + ".part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(text)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise OperatorError(f"{path} cannot be written ({error.strerror}); name another place with --out.") from None
