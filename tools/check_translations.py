"""Checks the translations: same keys and places in every language, every key used, every error code spoken for."""

import json
import re
import string
import sys
from pathlib import Path
from typing import Any

from resources.catalog import AREAS, LANGUAGES
from support_manager.errors import AppCode
from support_manager.protocol.codes import ErrorCode

ROOT = Path(__file__).resolve().parent.parent
FORMS = {"en": {"one", "other"}, "ro": {"one", "few", "other"}}
WRONG_LETTERS = re.compile("[şţŞŢ]")
"""Cedilla letters: Romanian is written with a comma below (ș, ț)."""


def places(value: Any) -> set[str]:  # noqa: ANN401 - a sentence or its plural forms
    """The names of the places of a sentence."""
    texts = value.values() if isinstance(value, dict) else [value]
    return {name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name is not None}


def check_area(area: str) -> list[str]:
    """What is wrong in one area."""
    problems = []
    found: dict[str, dict[str, Any]] = {}
    for language in LANGUAGES:
        path = ROOT / "resources" / "translations" / language / f"{area}.json"
        if not path.exists():
            problems.append(f"{language}/{area}.json is missing")
            continue
        found[language] = json.loads(path.read_text(encoding="utf-8"))
    source = found.get(LANGUAGES[0], {})
    for language, catalogue in found.items():
        where = f"{language}/{area}.json"
        problems += [f"{where}: {key} is missing" for key in source.keys() - catalogue.keys()]
        problems += [f"{where}: {key} is not in {LANGUAGES[0]}" for key in catalogue.keys() - source.keys()]
        for key, value in catalogue.items():
            texts = value.values() if isinstance(value, dict) else [value]
            if isinstance(value, dict) and set(value) != FORMS[language]:
                problems.append(f"{where}: {key} needs the forms {sorted(FORMS[language])}")
            if any(not text.strip() for text in texts):
                problems.append(f"{where}: {key} is empty")
            if language == "ro" and any(WRONG_LETTERS.search(text) for text in texts):
                problems.append(f"{where}: {key} has a cedilla where a comma belongs")
            if key in source and places(value) != places(source[key]):
                problems.append(f"{where}: {key} has other places than the source")
    return problems


def unused(area: str) -> list[str]:
    """Keys of an area that no file of the program names; a key may also be built from its head (`state.` + …)."""
    path = ROOT / "resources" / "translations" / LANGUAGES[0] / f"{area}.json"
    if area == "errors" or not path.exists():
        return []
    sources = ""
    for folder in ("support_manager", "ui", "server_stub", "resources"):
        for file in (ROOT / folder).rglob("*"):
            if file.suffix in {".py", ".js", ".html"} and "vendor" not in file.parts:
                sources += file.read_text(encoding="utf-8")
    heads = set(re.findall(r"""["'`]([a-z][\w.]*[._])(?:["'`]|\{|\$\{)""", sources))
    return [
        f"{area}: nobody says {key}"
        for key in json.loads(path.read_text(encoding="utf-8"))
        if key not in sources and not any(key.startswith(head) for head in heads)
    ]


def main() -> None:
    """Print every problem and fail if there is one."""
    problems = [problem for area in AREAS for problem in check_area(area) + unused(area)]
    errors = json.loads((ROOT / "resources/translations/en/errors.json").read_text(encoding="utf-8"))
    problems += [f"errors: no sentence for {code}" for code in (*ErrorCode, *AppCode) if code not in errors]
    if problems:
        sys.exit("\n".join(problems))


if __name__ == "__main__":
    main()
