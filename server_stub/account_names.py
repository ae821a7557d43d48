"""An account's name: the spelling in which it is kept, and what two names of one account have in common."""

import unicodedata

from support_manager.protocol import limits


class AccountError(Exception):
    """An account cannot be made or changed; `code` is one of `name_taken`, `bad_name`, `bad_display_name`,
    `short_password`, `long_password`, `unknown_name`.
    """

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def clean_name(name: str) -> str:
    """The form in which an account's name is kept.

    Raises:
        AccountError: `bad_name` when it is empty, too long, or holds control characters.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or len(cleaned) > limits.ACCOUNT_NAME_CHARS or not cleaned.isprintable():
        raise AccountError("bad_name")
    return cleaned


def clean_display_name(name: str) -> str:
    """The form in which the name that customers see is kept.

    Raises:
        AccountError: `bad_display_name`.
    """
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or len(cleaned) > limits.NAME_CHARS or not cleaned.isprintable():
        raise AccountError("bad_display_name")
    return cleaned


def name_key(name: str) -> str:
    """What two names have in common that are the same account."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFKC", name).strip().casefold())
