"""`support-manager:` links: two forms are known, everything else is refused (B-2.2)."""

import re
from urllib.parse import parse_qsl, urlsplit

from support_manager.errors import AppCode, LocalProblem
from support_manager.events import LinkPrefilled
from support_manager.protocol import limits
from support_manager.protocol.addresses import SCHEME, assist_link

__all__ = ["SCHEME", "assist_link", "parse_link"]

_LONGEST = 200
_NUMBER = re.compile(rf"[0-9]{{{limits.SESSION_NUMBER_DIGITS}}}", re.ASCII)


def parse_link(url: str) -> LinkPrefilled:
    """Read `support-manager:start` or `support-manager:assist?number=482119903`; also with `//` before the word.

    A link comes from any web page at all. It fills in at most a number of nine digits, and a click of the rep decides.

    Raises:
        LocalProblem: `bad_link`.
    """
    bad = LocalProblem(AppCode.BAD_LINK)
    if len(url) > _LONGEST or not url.isascii() or not url.isprintable():
        raise bad
    try:
        parts = urlsplit(url)
        query = parse_qsl(parts.query, keep_blank_values=True, strict_parsing=bool(parts.query), max_num_fields=1)
    except ValueError:
        raise bad from None
    action = (parts.netloc + parts.path).rstrip("/")
    if parts.scheme != SCHEME or parts.fragment:
        raise bad
    if action == "start" and not query:
        return LinkPrefilled("start")
    if action == "assist" and not query:
        return LinkPrefilled("assist")
    if action == "assist" and query[0][0] == "number":
        number = query[0][1].replace(" ", "")
        if _NUMBER.fullmatch(number):
            return LinkPrefilled("assist", number)
    raise bad
