"""What a page of the admin area gets and gives: who asks, in which language, the form; an answer or another address."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import NamedTuple

from aiohttp import web

from resources import catalog
from server_stub.forms import TOKEN_FIELD, Form
from server_stub.markup import Html, Part, joined, tag
from server_stub.visitors import Visitor


@dataclass(frozen=True)
class Answer:
    """A page: what stands in its middle."""

    title: str
    content: Html
    status: int = 200


@dataclass(frozen=True)
class GoTo:
    """Done: the browser goes to another page, which says so."""

    path: str
    said: str = ""
    """Key of the sentence that the other page says."""


class GoneError(Exception):
    """What the address names is not there."""


class Row(NamedTuple):
    """A row of a table."""

    cells: tuple[Part, ...]
    off: bool = False
    """Whether what it is about is switched off."""


def row(*cells: Part, off: bool = False) -> Row:
    """A row of a table."""
    return Row(cells, off)


@dataclass(frozen=True)
class Asking:
    """One request of an administrator."""

    request: web.Request
    visitor: Visitor
    language: str
    form: Form
    address: str
    """From which it came."""

    @property
    def who(self) -> str:
        """The administrator's account."""
        return self.visitor.account.id

    def t(self, key: str, **places: object) -> str:
        """A sentence of the area."""
        return catalog.sentence(self.language, "admin", key, **places)

    def has(self, key: str) -> bool:
        """Whether there is such a sentence."""
        return key in catalog.load(self.language, "admin")

    def part(self, name: str) -> str:
        """What the address names."""
        return self.request.match_info.get(name, "")

    def to_send(self, action: str, *parts: Part, class_: str = "fields") -> Html:
        """A form with the token that no other site has."""
        token = tag("input", type="hidden", name=TOKEN_FIELD, value=self.visitor.form_token)
        return tag("form", token, *parts, method="post", action=action, class_=class_)

    def field(
        self,
        key: str,
        name: str,
        value: str = "",
        *,
        wrong: str = "",
        hint: str = "",
        **attributes: str | int | bool,
    ) -> Html:
        """A labelled box of one line, with its hint and with what is wrong in it.

        Args:
            key: of the label.
            name: of the field.
            value: that stands in it.
            wrong: a sentence.
            hint: key of the sentence below it.
            attributes: of the box.
        """
        box = tag("input", id=name, name=name, value=value, **self._told(name, wrong, hint), **attributes)
        return self._labelled(key, name, box, wrong, hint)

    def choice(
        self,
        key: str,
        name: str,
        value: str,
        options: Iterable[tuple[str, str]],
        *,
        wrong: str = "",
        hint: str = "",
    ) -> Html:
        """The same with a list to choose from: value and words of each."""
        entries = (tag("option", words, value=one, selected=one == value) for one, words in options)
        box = tag("select", *entries, id=name, name=name, **self._told(name, wrong, hint))
        return self._labelled(key, name, box, wrong, hint)

    def area(self, key: str, name: str, value: str, *, wrong: str = "", hint: str = "") -> Html:
        """The same with several lines."""
        box = tag("textarea", value, id=name, name=name, rows=4, spellcheck="false", **self._told(name, wrong, hint))
        return self._labelled(key, name, box, wrong, hint)

    def tick(self, label: str, name: str, ticked: bool, *, value: str = "yes") -> Html:
        """A check box with its words."""
        box = tag("input", type="checkbox", name=name, value=value, checked=ticked)
        return tag("label", box, tag("span", label), class_="tick")

    def button(self, key: str, class_: str = "button primary") -> Html:
        """The button that sends a form."""
        return tag("button", self.t(key), type="submit", class_=class_)

    @staticmethod
    def _told(name: str, wrong: str, hint: str) -> dict[str, str | int | bool | None]:
        ids = [f"{name}-{word}" for word, there in (("wrong", wrong), ("hint", hint)) if there]
        return {"aria_invalid": "true" if wrong else None, "aria_describedby": " ".join(ids) or None}

    def _labelled(self, key: str, name: str, box: Html, wrong: str, hint: str) -> Html:
        return joined(
            tag("label", self.t(key), for_=name),
            box,
            tag("p", wrong, class_="wrong", id=f"{name}-wrong") if wrong else None,
            tag("p", self.t(hint), class_="hint", id=f"{name}-hint") if hint else None,
        )

    def table(self, columns: Sequence[str], rows: Iterable[Row], caption: str) -> Html:
        """A table; the keyboard reaches it where it scrolls, and every cell knows its column for narrow screens.

        Args:
            columns: keys of their names.
            rows: as many cells each; the first one is the name of what the row is about.
            caption: for screen readers.
        """
        names = [self.t(key) for key in columns]
        head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
        lines = []
        for one in rows:
            first, *others = one.cells
            cells = [tag("td", cell, data_label=name) for name, cell in zip(names[1:], others, strict=True)]
            lines.append(tag("tr", tag("th", first, scope="row"), *cells, class_="off" if one.off else None))
        body = tag("table", head, tag("tbody", *lines))
        return tag("div", body, class_="scroll", role="region", aria_label=caption, tabindex=0)


def clock(at_ms: int) -> Html:
    """A moment as people read it, in UTC."""
    at = datetime.fromtimestamp(at_ms / 1000, UTC)
    return tag("time", f"{at:%Y-%m-%d %H:%M:%S}", datetime=f"{at:%Y-%m-%dT%H:%M:%SZ}")


def failed(words: str) -> Html:
    """What went wrong, at the head of a page; screen readers say it at once."""
    return tag("p", words, class_="error", role="alert") if words else Html()
