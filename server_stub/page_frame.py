"""What every page of the site has around it: navigation bar, who is signed in, languages; all values escaped."""

import html
import re
from collections.abc import Mapping

from aiohttp import web

import resources
from resources import catalog
from server_stub.forms import TOKEN_FIELD
from server_stub.markup import Html, joined, tag
from server_stub.settings import LiveSettings
from server_stub.visitors import Visitor

PAGES = {"/": "home", "/start": "start", "/assist": "assist"}
"""Address → name of a page that is the same for everybody; its texts stand in the translations under that name."""
_TITLES = {"home": "home.title", "start": "start.title", "assist": "assist.title", "not_found": "not_found.title"}
_CURRENT = {"/start": "current_start", "/assist": "current_assist"}
_LANGUAGE_COOKIE = "language"
_PLACE = re.compile(r"\{\{(?:\{(?P<raw>[a-z_]+)\}|(?P<word>t:)?(?P<name>[a-z0-9_.]*))\}\}")
_ARROW = Html(
    '<svg aria-hidden="true" width="16" height="16" viewBox="0 0 24 24"><path d="m6 9 6 6 6-6" fill="none" '
    'stroke="currentColor" stroke-width="2" stroke-linecap="round" stroke-linejoin="round"/></svg>'
)


def public_page(
    name: str, path: str, language: str, company: str, public_url: str, app_url: str, *, visitor: Visitor | None = None
) -> str:
    """A page that is the same for everybody, apart from the bar.

    Args:
        name: of the page: its template and its texts.
        path: its address; empty for a page without.
        language: of the texts.
        company: name of the site's owner.
        public_url: address of the relay.
        app_url: where the app is to be had; empty when nobody says.
        visitor: who is signed in.
    """
    values = {"public_url": public_url, "app_url": app_url, "offer": "offer" if app_url else "ask"}
    content = fill(resources.text(f"site/{name}.html"), language, {"company": company, **values}, {})
    return framed(
        content=content,
        title=catalog.sentence(language, "site", _TITLES[name]),
        path=path,
        language=language,
        company=company,
        visitor=visitor,
    )


def framed(
    *, content: str, title: str, path: str, language: str, company: str, visitor: Visitor | None, wide: bool = False
) -> str:
    """A whole page.

    Args:
        content: markup.
        title: of the page, without the company.
        path: its address, for the links to other languages.
        language: of the texts.
        company: name of the site's owner.
        visitor: who is signed in.
        wide: whether it needs room for tables.
    """
    values = {"company": company, "language": language, "path": path or "/", "title": title}
    values["width"] = "wide" if wide else "usual"
    # A promise to customers, who see no page with tables.
    values["note"] = "" if wide else catalog.sentence(language, "site", "footer.note")
    for place, key in _CURRENT.items():
        values[key] = "page" if place == path else "false"
    for other in catalog.LANGUAGES:
        values[f"current_{other}"] = "true" if other == language else "false"
    markup = {"content": content, "account": account_menu(path, language, visitor)}
    return fill(resources.text("site/layout.html"), language, values, markup)


def fill(template: str, language: str, values: Mapping[str, str], markup: Mapping[str, str]) -> str:
    """Fill a template: `{{t:key}}` with a sentence, `{{name}}` with a value, `{{{name}}}` with markup."""

    def replace(match: re.Match[str]) -> str:
        if match["raw"]:
            return markup[match["raw"]]
        if match["word"]:
            return html.escape(catalog.sentence(language, "site", match["name"], company=values["company"]))
        return html.escape(values[match["name"]])

    return _PLACE.sub(replace, template)


def account_menu(path: str, language: str, visitor: Visitor | None) -> Html:
    """The end of the navigation bar: the way to sign in, or who is signed in and what is his."""

    def t(key: str) -> str:
        return catalog.sentence(language, "site", key)

    def link(address: str, text: str) -> Html:
        return tag("a", text, href=address, aria_current="page" if path == address else "false")

    if visitor is None:
        return link("/sign-in", t("nav.sign_in"))
    leave = tag(
        "form",
        tag("input", type="hidden", name=TOKEN_FIELD, value=visitor.form_token),
        tag("button", t("nav.sign_out"), type="submit"),
        method="post",
        action="/sign-out",
    )
    entries = joined(link("/desk", t("nav.desk")), link("/admin", t("nav.admin")) if visitor.is_admin else None, leave)
    name = tag("span", visitor.account.display_name, class_="who")
    return tag("details", tag("summary", name, _ARROW), tag("div", entries), class_="menu")


def choose_language(request: web.Request) -> tuple[str, bool]:
    """The language of an answer, and whether the visitor chose it just now (`?lang=ro`) and wants it kept."""
    asked = request.query.get("lang", "")
    if asked in catalog.LANGUAGES:
        return asked, True
    kept = request.cookies.get(_LANGUAGE_COOKIE, "")
    if kept in catalog.LANGUAGES:
        return kept, False
    return _best_of(request.headers.get("Accept-Language", "")[:500]), False


def keep_language(response: web.StreamResponse, language: str, settings: LiveSettings) -> None:
    """Remember the language that a visitor chose."""
    response.set_cookie(_LANGUAGE_COOKIE, language, max_age=365 * 24 * 3600, samesite="Strict", secure=settings.is_tls)


def _best_of(header: str) -> str:
    """The visitor's first choice among our languages (RFC 9110 section 12.5.4); English when there is none."""
    wanted: list[tuple[float, int, str]] = []
    for place, entry in enumerate(header.split(",")):
        tag_, _, quality = entry.partition(";")
        try:
            weight = float(quality.strip().removeprefix("q=")) if quality.strip() else 1.0
        except ValueError:
            continue
        head = tag_.strip().split("-", 1)[0].lower()
        if head in catalog.LANGUAGES and weight > 0:
            wanted.append((-weight, place, head))
    return min(wanted)[2] if wanted else catalog.LANGUAGES[0]
