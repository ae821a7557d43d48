"""Invitations: what a customer or a colleague gets by mail, by message or on the phone, in his language."""

import re
from urllib.parse import quote, urlsplit

from resources.catalog import best_language, sentence
from support_manager.errors import AppCode, LocalProblem
from support_manager.intents import Invitation
from support_manager.links import assist_link
from support_manager.protocol.views import SessionView

_AREA = "mail"
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_LOCAL_CHARS = 64
_ADDRESS_CHARS = 254


def check_address(typed: str) -> str:
    """One plain e-mail address (the dot-string form of RFC 5321, section 4.1.2), its domain in ASCII.

    Quoted local parts, display names and lists are refused: nobody types them into the address box on purpose, and
    they are what header injection is made of.

    Raises:
        LocalProblem: `bad_mail_address`.
    """
    bad = LocalProblem(AppCode.BAD_MAIL_ADDRESS)
    local, at, domain = typed.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        raise bad from None
    labels = domain.split(".")
    if (
        not at
        or len(local) > _LOCAL_CHARS
        or len(local) + 1 + len(domain) > _ADDRESS_CHARS
        or not _LOCAL.fullmatch(local)
        or len(labels) < 2
        or not all(_LABEL.fullmatch(label) for label in labels)
        or labels[-1].isdigit()
    ):
        raise bad
    return f"{local}@{domain}"


def in_threes(number: str) -> str:
    """A session number as people read it: `482 119 903`."""
    return " ".join(number[start : start + 3] for start in range(0, len(number), 3))


def mailto(subject: str, text: str, address: str = "") -> str:
    """A `mailto:` URL by RFC 6068: everything percent-encoded as UTF-8, lines parted by %0D%0A (section 5).

    Raises:
        LocalProblem: `bad_mail_address`.
    """
    to = quote(check_address(address), safe="@") if address.strip() else ""
    body = "\r\n".join(text.splitlines())
    return f"mailto:{to}?subject={quote(_one_line(subject), safe='')}&body={quote(body, safe='')}"


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
    language = best_language(locale)
    rep, company, site = _one_line(rep), _one_line(company), _one_line(site).rstrip("/")
    head = "rep_" if to_rep else ""
    if to_rep:
        link = assist_link(view.number)
    else:
        link = view.link if urlsplit(view.link).scheme in ("http", "https") else f"{site}/join"
    places = {
        "rep": rep,
        "company": company,
        "site": site,
        "link": _one_line(link),
        "number": in_threes(view.number),
        "signature": "\n".join(each for each in (rep, company) if each),
    }
    named = company and company != rep
    subject = sentence(language, _AREA, f"{head}subject_company" if named else f"{head}subject", **places)
    text = sentence(language, _AREA, f"{head}text", **places)
    return Invitation(
        subject=subject,
        text=text,
        mailto=mailto(subject, text, address),
        instant_message=sentence(language, _AREA, f"{head}instant_message", **places),
        link=places["link"],
        number=places["number"],
        phone=sentence(language, _AREA, f"{head}phone", **places),
    )


def _one_line(text: str) -> str:
    """Names come from other people: no line break or control character of theirs gets into a header or a URL."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())
