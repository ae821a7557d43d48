"""The command `support-relay mail test`: tries the site's mail server."""

import argparse

from resources import catalog
from resources.invitations import one_line
from server_stub import settings
from server_stub.audit import OPERATOR, Audit
from server_stub.cli_queue import WithDatabase
from server_stub.failures import OperatorError
from server_stub.mail import MailError, Postman
from server_stub.mail_trial import NoTrialError, carry_out, plan_trial
from server_stub.store.database import Database


def add_commands(
    commands: "argparse._SubParsersAction[argparse.ArgumentParser]",
    place: argparse.ArgumentParser,
    with_database: WithDatabase,
) -> None:
    """Add the command `mail` with what is below it.

    Args:
        commands: to which it is added.
        place: options that say where the database is.
        with_database: opens it.
    """
    mail = commands.add_parser("mail", help="the site's mail server").add_subparsers(
        title="commands", metavar="COMMAND", required=True
    )
    command = mail.add_parser("test", parents=[place], help="send a test message through the mail server")
    command.add_argument("address", help="to whom, such as name@example.org")
    command.set_defaults(run=lambda asked: _test(asked, with_database))


def _test(asked: argparse.Namespace, with_database: WithDatabase) -> None:
    async def work(database: Database) -> None:
        try:
            trial = plan_trial(await settings.read_all(database), asked.address)
        except NoTrialError as error:
            raise OperatorError(
                {
                    "mail.bad_address": f"“{one_line(asked.address)}” is no e-mail address; it looks like "
                    "name@example.org.",
                    "mail.not_set_up": "There is no mail server yet; set smtp_host and mail_from with support-relay "
                    "setting set first.",
                }[str(error)]
            ) from None
        try:
            await carry_out(trial, "en", postman=Postman(), audit=Audit(database), who=OPERATOR)
        except MailError as error:
            raise OperatorError(f"{catalog.sentence('en', 'admin', 'mail.failed')} “{error}”.") from None
        print(catalog.sentence("en", "admin", "mail.sent", address=trial.address))

    with_database(asked, work)
