"""Finds English sentences on Romanian screens: what a page shows, and the sentences that read otherwise in Romanian."""

import re
from collections.abc import Iterable

from resources import catalog

SHOWN = """
[...document.body.querySelectorAll("*")]
    .filter((one) => one.checkVisibility() && one.tagName !== "OPTION")
    .flatMap((one) => [...one.childNodes].filter((node) => node.nodeType === 3).map((node) => node.data.trim())
        .concat(one.getAttribute("aria-label") ?? [], one.title ?? [], one.placeholder ?? []))
    .filter(Boolean)
"""
"""Every text, label and hint that can be seen; the languages' own names stand in options."""


def _forms(found: object) -> list[str]:
    return list(found.values()) if isinstance(found, dict) else [str(found)]


def english_only(*areas: str) -> list[re.Pattern[str]]:
    """A pattern for every English sentence that reads otherwise in Romanian; places stand for anything."""
    patterns = []
    for area in areas:
        romanian = {sentence for found in catalog.load("ro", area).values() for sentence in _forms(found)}
        for found in catalog.load("en", area).values():
            for sentence in _forms(found):
                words = re.sub(r"\{\w+\}", "", sentence)
                if sentence not in romanian and re.search(r"[A-Za-z]{3}", words):
                    patterns.append(re.compile(re.sub(r"\\\{\w+\\\}", ".+", re.escape(sentence))))
    return patterns


def english(texts: Iterable[str], patterns: list[re.Pattern[str]]) -> list[str]:
    """Those of the texts that are English."""
    return [text for text in texts if any(pattern.fullmatch(text) for pattern in patterns)]
