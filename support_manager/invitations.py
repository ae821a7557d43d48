"""Invitations: what a customer or a colleague gets by mail, by message or on the phone, in his language."""

from urllib.parse import quote, urlsplit

from resources.invitations import in_threes, one_line, write_invitation
from support_manager.errors import AppCode, LocalProblem
from support_manager.intents import Invitation
from support_manager.protocol.addresses import assist_link, mail_address
from support_manager.protocol.views import SessionView

__all__ = ["build_invitation", "check_address", "in_threes", "mailto"]


def check_address(typed: str) -> str:
    """One plain e-mail address; see `protocol.addresses.mail_address`.

    Raises:
        LocalProblem: `bad_mail_address`.
    """
    address = mail_address(typed)
    if address is None:
        raise LocalProblem(AppCode.BAD_MAIL_ADDRESS)
    return address


def mailto(subject: str, text: str, address: str = "") -> str:
    """A `mailto:` URL by RFC 6068: everything percent-encoded as UTF-8, lines parted by %0D%0A (section 5).

    Raises:
        LocalProblem: `bad_mail_address`.
    """
    to = quote(check_address(address), safe="@") if address.strip() else ""
    body = "\r\n".join(text.splitlines())
    return f"mailto:{to}?subject={quote(one_line(subject), safe='')}&body={quote(body, safe='')}"


def build_invitation(
    view: SessionView, *, locale: str, rep: str, company: str, site: str, address: str = "", to_rep: bool = False
) -> Invitation:
    """Everything that an invitation to the session `view` says.

    Args:
        view: the session, with number and link.
        locale: of whoever is invited; the nearest language there is will be taken.
        rep: display name of the rep who invites.
        company: of the relay's site; may be empty.
        site: address at which customers find the page Join, and reps Assist Session.
        address: of whoever is invited, for the `mailto:` URL; may be empty.
        to_rep: invite a colleague to assist: he gets the number and the way to Assist Session (B-4.6), never the
            customers' link.

    Raises:
        LocalProblem: `bad_mail_address`.
    """
    is_web = urlsplit(view.link).scheme in ("http", "https")
    customers = view.link if is_web else f"{one_line(site).rstrip('/')}/join"
    words = write_invitation(
        locale=locale,
        number=view.number,
        link=assist_link(view.number) if to_rep else customers,
        rep=rep,
        company=company,
        site=site,
        to_rep=to_rep,
    )
    return Invitation(
        subject=words.subject,
        text=words.text,
        mailto=mailto(words.subject, words.text, address),
        instant_message=words.instant_message,
        link=words.link,
        number=words.number,
        phone=words.phone,
    )
