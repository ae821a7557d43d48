"""Canned replies: which ones fit what is typed, and their text with the places filled in."""

import re
from collections.abc import Mapping, Sequence

from support_manager.settings import Reply
from ui.widgets.plain import one_line

PLACES = ("customer", "rep", "number", "company")
"""What may stand in braces in a reply: `{customer}` …"""
MOST = 100
NAME_CHARS, TEXT_CHARS = 40, 2_000
_PLACE = re.compile(r"\{(" + "|".join(PLACES) + r")\}")


def fill(text: str, places: Mapping[str, str]) -> str:
    """`text` with each place replaced by its value; other braces stay, and values are not looked at again.

    Args:
        text: the rep's own words.
        places: values by name; a stranger's name among them becomes one line.
    """
    return _PLACE.sub(lambda found: one_line(places.get(found[1], ""), 80), text)


def matching(replies: Sequence[Reply], typed: str) -> list[Reply]:
    """The replies whose name or text has what is typed; those whose name begins with it come first."""
    words = typed.casefold().strip()
    found = [one for one in replies if words in one.name.casefold() or words in one.text.casefold()]
    return sorted(found, key=lambda one: not one.name.casefold().startswith(words))
