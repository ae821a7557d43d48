"""Addresses that both ends write: e-mail addresses of whoever is invited, and `support-manager:` links."""

import re

from support_manager.protocol import limits

SCHEME = "support-manager"
_LOCAL = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*", re.ASCII)
_LABEL = re.compile(r"(?!-)[A-Za-z0-9-]{1,63}(?<!-)", re.ASCII)
_LOCAL_CHARS = 64
"""RFC 5321, section 4.5.3.1.1."""


def mail_address(typed: str) -> str | None:
    """One plain e-mail address (the dot-string form of RFC 5321, section 4.1.2), its domain in ASCII; None for others.

    Quoted local parts, display names and lists are refused: nobody types them into the address box on purpose, and
    they are what header injection is made of.
    """
    local, at, domain = typed.strip().rpartition("@")
    try:
        domain = domain.encode("idna").decode("ascii")
    except UnicodeError:
        return None
    labels = domain.split(".")
    if (
        not at
        or len(local) > _LOCAL_CHARS
        or len(local) + 1 + len(domain) > limits.EMAIL_CHARS
        or not _LOCAL.fullmatch(local)
        or len(labels) < 2
        or not all(_LABEL.fullmatch(label) for label in labels)
        or labels[-1].isdigit()
    ):
        return None
    return f"{local}@{domain}"


def assist_link(number: str) -> str:
    """The link that opens Assist Session with that number filled in; it waits for a click there (B-2.2)."""
    return f"{SCHEME}:assist?number={number}"
