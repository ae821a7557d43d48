"""Text from strangers, made safe to stand inside our own sentences and labels."""

import re
import unicodedata

from PySide6.QtCore import QLocale

FIRST_STRONG_ISOLATE = "\u2068"
POP_ISOLATE = "\u2069"
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")

_TURNING = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f" + "".join(sorted(_BIDI_CONTROLS)) + "]")
"""Those, and all control characters (Unicode category Cc) but line break and tabulator."""


def one_line(text: str, limit: int = 200) -> str:
    """`text` without line breaks, control characters and direction overrides, at most `limit` characters."""
    kept = "".join(
        " " if char.isspace() else char
        for char in text[: limit * 4]
        if char.isspace() or (char not in _BIDI_CONTROLS and unicodedata.category(char) not in {"Cc", "Cs"})
    )
    clean = " ".join(kept.split())
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def isolated(name: str) -> str:
    """A stranger's name for a place inside one of our sentences (Unicode UAX 9, isolates)."""
    return f"{FIRST_STRONG_ISOLATE}{one_line(name, 80)}{POP_ISOLATE}"


def without_overrides(text: str) -> str:
    """A stranger's text of several lines, without the characters that turn its neighbours around."""
    return _TURNING.sub("", text)


def number_in_threes(number: str) -> str:
    """`482119903` as `482 119 903`, with no-break spaces so that it is never torn apart."""
    return "\u00a0".join(number[at : at + 3] for at in range(0, len(number), 3))


def size_text(size: float, language: str) -> str:
    """A size in bytes as people read it, with numbers written as in the language of the words around it."""
    return QLocale(language).formattedDataSize(int(size), 1, QLocale.DataSizeFormat.DataSizeSIFormat)
