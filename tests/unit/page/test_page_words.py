"""The page's sentences: complete, and in plain words that stay right whatever the names are."""

import json
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGE = ROOT / "resources" / "customer_page"


def sentences(language: str) -> dict[str, str]:
    found = json.loads((ROOT / "resources" / "translations" / language / "page.json").read_text(encoding="utf-8"))
    flat: dict[str, str] = {}
    for key, value in found.items():
        forms = value if isinstance(value, dict) else {"": value}
        flat.update({f"{key} {form}".strip(): text for form, text in forms.items()})
    return flat


@pytest.mark.parametrize("language", ["en", "ro"])
def test_no_name_stands_before_a_full_stop(language):
    """Reps are called "Maria G.", companies "Alfa S.R.L.": a full stop after them would stand twice."""
    wrong = {
        key: text
        for key, text in sentences(language).items()
        if re.search(r"\{(names?|company|former|helpers|primary|queue)\}[.?!…]", text)
    }
    assert wrong == {}


@pytest.mark.parametrize("language", ["en", "ro"])
def test_a_customer_reads_no_jargon(language):
    jargon = re.compile(
        r"\b(relay|server|socket|websocket|token|client|peer|webrtc|timeout|error|eroare)\b", re.IGNORECASE
    )
    wrong = {key: text for key, text in sentences(language).items() if jargon.search(text)}
    assert wrong == {}


def test_every_sentence_is_used_and_every_used_one_exists():
    code = "\n".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.js"))
    keys = {key.split()[0] for key in sentences("en")}
    # Put together from a code, a part, a field, a role, a kind of mark, a step.
    built = (
        "over.",
        "error.",
        "hint.",
        "check.",
        "join.",
        "role.",
        "people.",
        "mark.",
        "note.",
        "camera.",
        "lost.",
        "survey.rating_",
        "draw.",
        "files.",
    )
    assert {key for key in keys if f'"{key}"' not in code and not key.startswith(built)} == set()
    used = set(
        re.findall(
            r'"((?:strip|start|join|joining|let_in|waiting|asked|live|notice|chat|leave|safe|enter|closed|opens|summary)\.[a-z_]+)"',
            code,
        )
    )
    assert used - keys == set()
