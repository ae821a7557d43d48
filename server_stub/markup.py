"""HTML written by the program: elements whose text and attributes are escaped, so that a name is never markup."""

import html

_EMPTY = frozenset(("input", "br", "hr"))


class Html(str):
    """Text that is markup already; everything else is escaped where it is put in."""

    __slots__ = ()


Part = Html | str | int | None
"""What an element may hold; nothing for None."""


def escaped(part: Part) -> str:
    """A part as it stands in the page."""
    if part is None:
        return ""
    return part if isinstance(part, Html) else html.escape(str(part))


def joined(*parts: Part) -> Html:
    """Parts one after the other."""
    return Html("".join(escaped(part) for part in parts))


def tag(element: str, /, *parts: Part, **attributes: str | int | bool | None) -> Html:
    """An element.

    Args:
        element: its name.
        parts: what it holds.
        attributes: `True` writes the bare name, `False` and None nothing; `class_` is `class`, `aria_label` is
            `aria-label`.
    """
    written = "".join(
        f" {name.rstrip('_').replace('_', '-')}" + ("" if value is True else f'="{html.escape(str(value))}"')
        for name, value in attributes.items()
        if value is not None and value is not False
    )
    if element in _EMPTY:
        return Html(f"<{element}{written}>")
    return Html(f"<{element}{written}>{joined(*parts)}</{element}>")
