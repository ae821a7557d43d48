"""The relay's mail: makes messages, and hands one at a time to the operator's mail server."""

import asyncio
import html
import ssl
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime, make_msgid

import aiosmtplib
import structlog

from resources.invitations import InvitationWords, one_line
from server_stub.ports import MailServer

log = structlog.get_logger(__name__)

SEND_S = 30.0
"""How long a mail server may take for one message, from the connection to its last word."""
AT_ONCE = 16
"""How many messages are on their way at the same time; the others wait."""
DETAIL_CHARS = 300


class MailError(Exception):
    """A message was not sent; the text is the server's, bounded and on one line: text from a stranger."""

    def __init__(self, words: str, code: int | None = None) -> None:
        super().__init__(one_line(words)[:DETAIL_CHARS])
        self.code = code
        """The server's reply code (RFC 5321, section 4.2), when there was a reply."""


def invitation_message(words: InvitationWords, *, sender: str, company: str, address: str) -> EmailMessage:
    """An invitation as a message of plain text with an HTML alternative.

    Args:
        words: what it says.
        sender: the address from which it comes.
        company: the name beside that address.
        address: of whoever is invited, checked.
    """
    message = make_message(words.subject, words.text, sender=sender, company=company, address=address)
    message["Content-Language"] = words.language
    message.add_alternative(_as_html(words), subtype="html")
    return message


def make_message(subject: str, text: str, *, sender: str, company: str, address: str) -> EmailMessage:
    """A message of plain text; every header is made of one line, whatever a name may hold."""
    message = EmailMessage(policy=SMTP)
    message["From"] = Address(one_line(company), addr_spec=sender)
    message["To"] = Address(addr_spec=address)
    message["Subject"] = one_line(subject)
    message["Date"] = format_datetime(localtime())
    message["Message-ID"] = make_msgid(domain=_domain(sender))
    message.set_content(text)
    return message


def _as_html(words: InvitationWords) -> str:
    link = html.escape(words.link)
    paragraphs = []
    for paragraph in words.text.strip().split("\n\n"):
        lines = html.escape(paragraph).replace("\n", "<br>\n").replace(link, f'<a href="{link}">{link}</a>')
        paragraphs.append(f"<p>{lines}</p>")
    body = "\n".join(paragraphs)
    return (
        f'<!doctype html>\n<html lang="{words.language}">\n<head><meta charset="utf-8">'
        f"<title>{html.escape(words.subject)}</title></head>\n"
        f'<body style="font: 16px/1.5 sans-serif; max-width: 40em">\n{body}\n</body>\n</html>\n'
    )


def _domain(address: str) -> str:
    return address.rpartition("@")[2]


class Postman:
    """Sends messages, a few at a time."""

    def __init__(self) -> None:
        self._room = asyncio.Semaphore(AT_ONCE)

    async def send(self, message: EmailMessage, server: MailServer, *, limit_s: float = SEND_S) -> None:
        """Send one message to its one recipient.

        Args:
            message: of `make_message` or `invitation_message`.
            server: set up.
            limit_s: seconds that the server has.

        Raises:
            MailError: it was not taken.
        """
        async with self._room:
            try:
                async with asyncio.timeout(limit_s):
                    await _send(message, server, limit_s)
            except TimeoutError:
                raise MailError(f"{server.host}:{server.port}: no answer within {limit_s:g} s") from None
            except aiosmtplib.SMTPRecipientsRefused as error:
                refused = error.recipients[0]
                raise MailError(f"{refused.code} {refused.message}", refused.code) from None
            except aiosmtplib.SMTPResponseException as error:
                raise MailError(f"{error.code} {error.message}", error.code) from None
            except (aiosmtplib.SMTPException, OSError, ValueError) as error:
                cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
                raise MailError(f"{server.host}:{server.port}: {cause}") from None


async def _send(message: EmailMessage, server: MailServer, limit_s: float) -> None:
    context = None
    if server.security != "none":
        # Reading the system's certificates takes tens of milliseconds; the loop has other things to do.
        context = await asyncio.to_thread(ssl.create_default_context)
    await aiosmtplib.send(
        message,
        hostname=server.host,
        port=server.port,
        username=server.user or None,
        password=server.password if server.user else None,
        # Otherwise the name of this machine, which is none of a mail server's business.
        local_hostname=_domain(server.sender),
        timeout=limit_s,
        use_tls=server.security == "tls",
        start_tls=server.security == "starttls",
        tls_context=context,
    )
