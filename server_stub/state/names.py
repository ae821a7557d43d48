"""Cleans text from strangers: one spelling (NFC), no control and no direction characters, bounded."""

import unicodedata

_DROPPED_CATEGORIES = frozenset({"Cc", "Cs", "Co", "Cn"})
_DIRECTION = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")
"""Bidirectional controls (Unicode Standard Annex 9, section 2): they can make a name read as something else."""
_LINE_SEPARATORS = str.maketrans({"\u2028": "\n", "\u2029": "\n"})


def clean_name(raw: str, max_chars: int) -> str:
    """One line without surrounding or doubled white space, at most `max_chars` code points; may be empty."""
    if raw.isascii() and raw.isprintable():
        text = raw
    else:
        text = "".join(c if c.isprintable() else " " for c in unicodedata.normalize("NFC", raw) if _is_kept(c))
    return " ".join(text.split())[:max_chars].rstrip()


def clean_text(raw: str, max_chars: int) -> str:
    """Several lines, tabs kept, at most `max_chars` code points; may be empty."""
    if raw.isascii() and raw.isprintable():
        return raw.strip()[:max_chars]
    text = unicodedata.normalize("NFC", raw).translate(_LINE_SEPARATORS).replace("\r\n", "\n")
    return "".join(c for c in text if c in "\n\t" or _is_kept(c)).strip()[:max_chars]


def _is_kept(char: str) -> bool:
    if char in "\n\t\r":  # become spaces in a name
        return True
    return char not in _DIRECTION and unicodedata.category(char) not in _DROPPED_CATEGORIES
