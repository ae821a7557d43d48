"""Invitations and links: what is written, how it is encoded, and what gets refused."""

from email.message import EmailMessage
from urllib.parse import parse_qs, unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from resources import catalog
from resources.catalog import load
from support_manager.errors import AppCode, LocalProblem
from support_manager.events import LinkPrefilled
from support_manager.intents import Invitation
from support_manager.invitations import build_invitation, check_address, in_threes, mailto
from support_manager.links import parse_link
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.roles import SessionState
from support_manager.protocol.views import Mode, SessionView

LINK = "https://help.example.org/join#" + "k" * 43


def invite(
    locale: str = "en",
    rep: str = "Ana Pop",
    company: str = "Exemplu SRL",
    address: str = "",
    *,
    to_rep: bool = False,
) -> Invitation:
    view = SessionView(
        id="s1",
        number="482119903",
        mode=Mode.MULTI,
        state=SessionState.WAITING,
        seq=0,
        started_at=0,
        you="rep",
        link=LINK,
    )
    return build_invitation(
        view,
        locale=locale,
        rep=rep,
        company=company,
        site="https://help.example.org/",
        address=address,
        to_rep=to_rep,
    )


@pytest.mark.rule("B-4.5", "B-3.2")
@pytest.mark.parametrize("locale", ["en", "ro_RO"])
def test_an_invitation_says_all_that_is_needed(locale: str) -> None:
    made = invite(locale)
    for needed in (LINK, "482 119 903", "Ana Pop", "Exemplu SRL", "https://help.example.org,"):
        assert needed in made.text
    assert LINK in made.instant_message
    assert "482 119 903" in made.phone
    assert "https://help.example.org" in made.phone
    assert made.number == "482 119 903"
    assert made.link == LINK
    assert "{" not in made.subject + made.text + made.instant_message + made.phone


@pytest.mark.rule("B-4.6")
@pytest.mark.parametrize(("locale", "assist"), [("en", "Assist Session"), ("ro_RO", "Asistare sesiune")])
def test_a_colleague_gets_the_number_and_the_way_to_assist_session(locale: str, assist: str) -> None:
    made = invite(locale, to_rep=True, address="eva@example.org")
    link = "support-manager:assist?number=482119903"
    assert made.link == link
    assert parse_link(made.link) == LinkPrefilled("assist", "482119903")
    for words in (made.text, made.instant_message, made.phone):
        assert "482 119 903" in words
        assert assist in words
        assert "{" not in words
    assert link in made.text
    assert "https://help.example.org" in made.text
    everything = made.subject + made.text + made.instant_message + made.phone + made.mailto
    assert "join#" not in everything, "the customers' link would bring him in as a customer"
    assert "Ana Pop" in made.subject
    assert "Exemplu SRL" in made.subject
    assert made.mailto.startswith("mailto:eva@example.org?")
    with pytest.raises(LocalProblem):
        invite(locale, to_rep=True, address="eva@example.org, max@example.org")


def test_each_customer_reads_his_own_language() -> None:
    assert "Asociere" in invite("ro").text
    assert "choose Join" in invite("en-GB").text
    assert "choose Join" in invite("tlh").text


@pytest.mark.parametrize("language", ["en", "ro"])
def test_the_button_to_choose_is_called_as_on_the_page(language: str) -> None:
    step = next(line for line in invite(language).text.splitlines() if line.startswith("2. "))
    assert step.endswith(f" {catalog.sentence(language, 'page', 'join.send')}.")


@pytest.mark.rule("B-4.3")
@pytest.mark.parametrize("locale", ["en", "ro"])
def test_the_mail_program_gets_exactly_what_was_written(locale: str) -> None:
    made = invite(locale, address="ion@example.org")
    parts = urlsplit(made.mailto)
    fields = parse_qs(parts.query, strict_parsing=True)
    assert parts.scheme == "mailto"
    assert unquote(parts.path) == "ion@example.org"
    assert fields == {"subject": [made.subject], "body": [made.text.replace("\n", "\r\n")]}
    assert made.mailto.isascii()
    assert "+" not in made.mailto, "a plus is a plus in RFC 6068, not a space"
    assert parts.fragment == "", "the link's own fragment is encoded"
    assert len(made.mailto) < 2_000, "Windows hands over no more"


@pytest.mark.rule("B-4.6")
@pytest.mark.parametrize(
    "bad",
    [
        "ion",
        "ion@",
        "@example.org",
        "ion@example",
        "ion@exa mple.org",
        "ion@example.org, eva@example.org",
        "ion@example.org;eva@example.org",
        "Ion <ion@example.org>",
        '"ion x"@example.org',
        "ion@example.org\nBcc: eva@example.org",
        "ion@example.org%0ABcc:eva",
        "ion..pop@example.org",
        ".ion@example.org",
        "ion@-example.org",
        "ion@example..org",
        "ion@127.0.0.1",
        "ion@example.org?bcc=eva@example.org",
        "x" * 65 + "@example.org",
        "ion@" + "x." * 130 + "org",
        "ion\0@example.org",
    ],
)
def test_what_is_no_address_is_refused(bad: str) -> None:
    with pytest.raises(LocalProblem) as caught:
        invite(address=bad)
    assert caught.value.code is AppCode.BAD_MAIL_ADDRESS


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        (" ion.pop+help@example.org ", "ion.pop+help@example.org"),
        ("o'neil@sub.example.co.uk", "o'neil@sub.example.co.uk"),
        ("ion@țară.example.org", "ion@xn--ar-pia30q.example.org"),
    ],
)
def test_what_is_an_address_is_taken(typed: str, kept: str) -> None:
    local, _, domain = kept.partition("@")
    taken = check_address(typed)
    assert taken.startswith(f"{local}@")
    assert taken.isascii()
    assert "xn--" in taken if "xn--" in domain else taken == kept


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_name_gets_into_a_header(rep: str, company: str) -> None:
    made = invite(rep=rep, company=company)
    assert made.subject.isprintable()
    message = EmailMessage()
    message["Subject"] = made.subject  # the library refuses line breaks
    fields = parse_qs(urlsplit(made.mailto).query, keep_blank_values=True)
    assert set(fields) == {"subject", "body"}


@given(st.text(max_size=200), st.text(max_size=200))
def test_a_mailto_url_has_two_fields_whatever_is_in_them(subject: str, text: str) -> None:
    subject, text = subject.encode(errors="replace").decode(), text.encode(errors="replace").decode()
    url = mailto(subject, text)
    fields = [each.split("=")[0] for each in urlsplit(url).query.split("&")]
    assert fields == ["subject", "body"]
    assert "\n" not in url


def test_numbers_are_shown_in_threes() -> None:
    assert in_threes("482119903") == "482 119 903"


@pytest.mark.rule("B-2.2")
@pytest.mark.parametrize(
    ("url", "event"),
    [
        ("support-manager:start", LinkPrefilled("start")),
        ("support-manager://start/", LinkPrefilled("start")),
        ("support-manager:assist", LinkPrefilled("assist")),
        ("support-manager:assist?number=482119903", LinkPrefilled("assist", "482119903")),
        ("support-manager://assist?number=482+119+903", LinkPrefilled("assist", "482119903")),
        ("SUPPORT-MANAGER:assist?number=482%20119%20903", LinkPrefilled("assist", "482119903")),
    ],
)
def test_links_fill_in_and_no_more(url: str, event: LinkPrefilled) -> None:
    assert parse_link(url) == event


@pytest.mark.parametrize(
    "url",
    [
        "",
        "start",
        "https://example.org/start",
        "support-manager:",
        "support-manager:end",
        "support-manager:start?now=1",
        "support-manager:start#x",
        "support-manager:assist?number=48211990",
        "support-manager:assist?number=4821199034",
        "support-manager:assist?number=٤٨٢١١٩٩٠٣",
        "support-manager:assist?number=482119903&x=1",
        "support-manager:assist?x=482119903",
        "support-manager:assist?number=--profile=x",
        "support-manager:assist/../start",
        "support-manager:start\n",
        "support-manager:start" + "/" * 300,
        "support-manager://[",
    ],
)
def test_every_other_link_is_refused(url: str) -> None:
    with pytest.raises(LocalProblem) as caught:
        parse_link(url)
    assert caught.value.code is AppCode.BAD_LINK


@pytest.mark.parametrize("language", ["en", "ro"])
def test_every_error_has_a_sentence_that_ends(language: str) -> None:
    sentences = load(language, "errors")
    assert set(sentences) == {each.value for each in (*ErrorCode, *AppCode)}
    for code, text in sentences.items():
        assert len(text) > 30, code
        assert text[0].isupper(), code
        assert text[-1] == "." or "https://" in text or "@" in text, code
    assert [code for code, text in sentences.items() if "{" in text] == [
        "settings_unreadable",
        "transfer_message_too_long",
        "recordings_unreadable",
        "recording_not_deleted",
    ]
