"""Sentences and links: every error has words in every language, and a bad parameter costs nothing."""

import pytest

from resources.catalog import LANGUAGES
from support_manager.errors import AppCode
from support_manager.protocol.codes import ErrorCode
from ui.error_text import ErrorText
from ui.i18n import Translator
from ui.links import desktop_entry, is_link
from ui.widgets.plain import isolated


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("code", [*ErrorCode, *AppCode])
def test_every_code_has_a_sentence_even_without_its_parameters(language: str, code: ErrorCode | AppCode):
    words = ErrorText(Translator(language)).of(code)
    assert len(words) > 20
    assert "{" not in words


@pytest.mark.parametrize("params", [{"area": "x"}, {"key": "x"}, {"self": "x"}, {"file": "{0}"}, {"code": "{x.y}"}])
def test_odd_parameters_from_the_relay_do_no_harm(params: dict[str, str]):
    assert ErrorText(Translator("en")).of(AppCode.SETTINGS_UNREADABLE, params)


def test_an_unknown_code_gets_the_general_sentence_and_the_log_entry(qapp):
    errors = ErrorText(Translator("en"))
    assert errors.of("no_such_code", log_id="ab12") == f"{errors.of(AppCode.INTERNAL_APP)} (Log entry ab12)"


def test_language_of_the_system_and_back(qtbot):
    translator = Translator("ro")
    with qtbot.waitSignal(translator.changed):
        translator.set_language("en")
    with qtbot.assertNotEmitted(translator.changed):
        translator.set_language("en")
    assert translator.t("app", "close.text", count=2).startswith("2 sessions")
    translator.set_language("ro")
    assert translator.t("app", "close.text", count=20).startswith("20 de sesiuni")


def test_links():
    assert is_link("Support-Manager:start")
    assert not is_link("https://example.com")
    assert not is_link("--relay=x")
    entry = desktop_entry(["/opt/a b/x", '--odd"%f'])
    assert 'Exec="/opt/a b/x" "--odd\\"%%f" %u' in entry


@pytest.mark.parametrize(
    ("language", "start"),
    [("en", "You assist \u2068{}\u2069 You see"), ("ro", "Asistați sesiunea condusă de \u2068{}\u2069 Vedeți")],
)
def test_a_name_that_ends_in_a_full_stop_brings_no_second_one(language: str, start: str):
    said = Translator(language).t("session", "banner.assist", name=isolated("Dan P."))
    assert said.startswith(start.format("Dan P."))
    whole = Translator(language).t("session", "banner.assist", name=isolated("Dan Pop"))
    assert whole.startswith(start.format("Dan Pop").replace("\u2069", "\u2069."))
