"""The words of an invitation, in the invited person's language; app and relay write the same message from them."""

from typing import NamedTuple

from resources.catalog import best_language, sentence

_AREA = "mail"


class InvitationWords(NamedTuple):
    """Everything that an invitation says."""

    language: str
    subject: str
    text: str
    instant_message: str
    link: str
    number: str
    """In threes."""
    phone: str


def in_threes(number: str) -> str:
    """A session number as people read it: `482 119 903`."""
    return " ".join(number[start : start + 3] for start in range(0, len(number), 3))


def one_line(text: str) -> str:
    """Names come from other people: no line break or control character of theirs gets into a header or a URL."""
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def write_invitation(
    *, locale: str, number: str, link: str, rep: str, company: str, site: str, to_rep: bool = False
) -> InvitationWords:
    """Write an invitation.

    Args:
        locale: of whoever is invited; the nearest language there is will be taken.
        number: of the session.
        link: a customer's join link, or for a colleague the one that opens his app at Assist Session (B-4.6).
        rep: display name of the rep who invites.
        company: of the relay's site; may be empty.
        site: address at which customers find the page Join, and reps Assist Session.
        to_rep: invite a colleague to assist.
    """
    language = best_language(locale)
    rep, company, site = one_line(rep), one_line(company), one_line(site).rstrip("/")
    head = "rep_" if to_rep else ""
    places = {
        "rep": rep,
        "company": company,
        "site": site,
        "link": one_line(link),
        "number": in_threes(number),
        "signature": "\n".join(each for each in (rep, company) if each),
    }
    named = company and company != rep
    return InvitationWords(
        language=language,
        subject=one_line(sentence(language, _AREA, f"{head}subject_company" if named else f"{head}subject", **places)),
        text=sentence(language, _AREA, f"{head}text", **places),
        instant_message=sentence(language, _AREA, f"{head}instant_message", **places),
        link=places["link"],
        number=places["number"],
        phone=sentence(language, _AREA, f"{head}phone", **places),
    )
