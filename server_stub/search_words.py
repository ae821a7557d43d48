"""Makes words alike for searching: without case and diacritics, so that «stefan» finds «Ștefan»."""

import re
import unicodedata

_MARKS = re.compile("[\u0300-\u036f]+")
"""Combining diacritical marks, into which NFKD takes letters apart (Unicode Standard, block 0300–036F)."""
WORDS_SEARCHED = 8
"""Each word looks through every transcript once, so there is an end of them."""


def folded(text: str) -> str:
    """The text as it is kept for searching and searched for."""
    if text.isascii():
        return text.lower()
    return _MARKS.sub("", unicodedata.normalize("NFKD", text.casefold())).casefold()


def words_of(search: str) -> list[str]:
    """The words to find, all of them; where there are too many, the longest."""
    words = sorted(set(folded(search).split()), key=lambda word: (-len(word), word))
    return words[:WORDS_SEARCHED]
