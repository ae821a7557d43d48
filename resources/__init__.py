"""Plain files of the product, read through `importlib.resources`: page, icons, styles, translations."""

from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable


def path(name: str) -> Traversable:
    """The file or folder `name`, e.g. `icons/mail.svg`; it may live in a frozen program's archive."""
    found = files(__name__)
    for part in name.split("/"):
        found = found.joinpath(part)
    return found


@cache
def text(name: str) -> str:
    """The text of the file `name`.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    return path(name).read_text(encoding="utf-8")


def binary(name: str) -> bytes:
    """The bytes of the file `name`.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    return path(name).read_bytes()
