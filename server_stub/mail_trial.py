"""Tries the site's mail server: one test message to an address, and a record in the audit log of how that went."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from resources import catalog
from server_stub.audit import Audit
from server_stub.mail import MailError, Postman, make_message
from server_stub.ports import MailServer
from support_manager.protocol.addresses import mail_address

MAIL_KEYS = ("smtp_host", "smtp_port", "smtp_security", "smtp_user", "smtp_password", "mail_from")
"""The settings of a mail server, in its order."""
_TRY_S = 15.0
"""How long somebody waits for a page or a command that says nothing yet."""


class NoTrialError(Exception):
    """Nothing can be sent; the text is the key of the sentence that says why."""


class Trial(NamedTuple):
    """What is to be tried."""

    server: MailServer
    company: str
    address: str


def plan_trial(values: Mapping[str, Any], typed: str) -> Trial:
    """A test message to the address that was typed.

    Args:
        values: of all settings.
        typed: an address, unchecked.

    Raises:
        NoTrialError: see there.
    """
    address, server = mail_address(typed), MailServer(*(values[key] for key in MAIL_KEYS))
    if address is None:
        raise NoTrialError("mail.bad_address")
    if not server.is_set_up:
        raise NoTrialError("mail.not_set_up")
    return Trial(server, str(values["company"]), address)


async def carry_out(trial: Trial, language: str, *, postman: Postman, audit: Audit, who: str, origin: str = "") -> None:
    """Send the message.

    Args:
        trial: of `plan_trial`.
        language: of the message.
        postman: sends it.
        audit: told how it went.
        who: tries it, for the audit log.
        origin: the network address from which he does.

    Raises:
        MailError: with the mail server's own words.
    """
    server, company, address = trial
    message = make_message(
        catalog.sentence(language, "admin", "mail.subject", company=company),
        catalog.sentence(language, "admin", "mail.text", company=company),
        sender=server.sender,
        company=company,
        address=address,
    )

    async def note(outcome: object) -> None:
        what = f"to {address.rpartition('@')[2]}: {outcome}"
        await audit.record("mail_tried", who=who, what=what, address=origin)

    try:
        await postman.send(message, server, limit_s=_TRY_S)
    except MailError as error:
        await note(error.code or "no answer")
        raise
    await note("sent")
