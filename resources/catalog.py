"""Translations: one JSON file per language and area; every visible sentence of app, page, mail and site is in one.

A value is a sentence with `{name}` places, or an object of CLDR plural forms chosen by the place `count`:
`{"one": "{count} message", "other": "{count} messages"}`; Romanian has `one`, `few` and `other`.
"""

import json
from functools import cache
from typing import Any

from resources import text

LANGUAGES = ("en", "ro")
"""English is the source language; each other one has exactly the same keys (checked)."""
AREAS = (
    "app",
    "session",
    "view",
    "draw",
    "camera",
    "errors",
    "mail",
    "page",
    "site",
    "admin",
    "show",
    "recordings",
    "files",
    "voice",
)


def plural_form(language: str, count: int) -> str:
    """The CLDR plural category of a whole number (Unicode TR 35, plural rules of English and Romanian)."""
    if count == 1:
        return "one"
    if language == "ro" and (count == 0 or 2 <= count % 100 <= 19 or count % 100 == 1):
        return "few"
    return "other"


@cache
def load(language: str, area: str) -> dict[str, Any]:
    """The catalogue of one area; keys are dotted names.

    Raises:
        FileNotFoundError: for a language or area that does not exist.
    """
    catalogue: dict[str, Any] = json.loads(text(f"translations/{language}/{area}.json"))
    return catalogue


def best_language(wanted: str) -> str:
    """The language to use for a locale such as `ro_RO` or `ro-MD`; English where there is no better one."""
    head = wanted.replace("_", "-").split("-", 1)[0].lower()
    return head if head in LANGUAGES else LANGUAGES[0]


def sentence(language: str, area: str, key: str, **places: object) -> str:
    """The sentence under `key`, its places filled in; a name that ends in a full stop ends the sentence, too.

    Raises:
        KeyError: for a key or a place that does not exist; `make check` finds both before a person does.
    """
    found = load(language, area)[key]
    if isinstance(found, dict):
        count = places["count"]
        if not isinstance(count, int):
            raise KeyError("count")
        found = found.get(plural_form(language, count), found["other"])
    for name, value in places.items():
        # "Maria G." at the end of a sentence needs no second full stop.
        if isinstance(value, str) and value.rstrip("\u2069").endswith("."):
            found = found.replace(f"{{{name}}}.", f"{{{name}}}")
    result: str = found.format_map(places) if places else found
    return result
