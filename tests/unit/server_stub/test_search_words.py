"""Words made alike for searching."""

import pytest

from server_stub.search_words import WORDS_SEARCHED, folded, words_of


@pytest.mark.parametrize(
    ("text", "alike"),
    [
        ("Ștefan ȘTEFAN", "stefan stefan"),
        ("Şedinţă", "sedinta"),  # the old letters with cedilla
        ("S\u0326tefan", "stefan"),  # taken apart already
        ("Straße", "strasse"),
        ("ﬁle", "file"),
        ("İstanbul", "istanbul"),
        ("Ελλάδα", "ελλαδα"),
        ("100%_'\\", "100%_'\\"),
    ],
)
def test_case_and_diacritics_make_no_difference(text, alike):
    assert folded(text) == alike
    assert folded(alike) == alike


def test_a_search_has_an_end():
    assert words_of("") == words_of("  ") == []
    assert words_of("Ana ANA Pop") == ["ana", "pop"]
    many = words_of(" ".join(f"w{'x' * n}" for n in range(30)))
    assert len(many) == WORDS_SEARCHED
    assert many[0] == "w" + "x" * 29
