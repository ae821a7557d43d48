"""How activities end, as docs/behaviour.md says it: the table of section 7 as data."""

import re
from pathlib import Path

_BEHAVIOUR = Path(__file__).resolve().parents[2] / "docs" / "behaviour.md"


def ends_table() -> dict[str, dict[str, str]]:
    """Activity → what happens → what becomes of it, in the words of the table."""
    lines = re.findall(r"^\| (.+) \|$", _BEHAVIOUR.read_text(encoding="utf-8"), re.MULTILINE)
    rows = [[cell.strip() for cell in line.split(" | ")] for line in lines]
    head = next(row for row in rows if row[:2] == ["activity", "refused"])
    return {row[0]: dict(zip(head[1:], row[1:], strict=True)) for row in rows if len(row) == len(head) and row != head}
