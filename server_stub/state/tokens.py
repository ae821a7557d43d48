"""Secrets of sessions: numbers, link tokens and resume tokens, and the form in which they are kept.

A resume token is 256 random bits; only its SHA-256 is kept. A link token must be shown to the rep again after a
restart, so it is not random but derived: HMAC-SHA-256 (RFC 2104) of the session's id under a key of this
installation. So no token stands in the database; whoever has the key and an id could make the link of a live session,
and the key is as well guarded as the accounts beside it.
"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Container

from support_manager.protocol import limits

TOKEN_BYTES = 32
_FIRST_NUMBER = 10 ** (limits.SESSION_NUMBER_DIGITS - 1)
_NUMBERS = 9 * _FIRST_NUMBER


def new_id(random: Callable[[int], bytes]) -> str:
    """A public identifier of 96 random bits."""
    return _encode(random(12))


def new_token(random: Callable[[int], bytes]) -> str:
    """A secret of 256 random bits in URL-safe base 64."""
    return _encode(random(TOKEN_BYTES))


def hash_token(token: str) -> str:
    """How a token is kept: 256 random bits need no salt and no slow hash."""
    return hashlib.sha256(token.encode()).hexdigest()


def link_token(key: bytes, session_id: str) -> str:
    """The token in the join link of a session."""
    return _encode(hmac.digest(key, b"link:" + session_id.encode(), "sha256"))


def new_number(random: Callable[[int], bytes], taken: Container[str]) -> str:
    """A session number that nobody else has; 64 random bits make the bias of the remainder irrelevant."""
    while True:
        number = str(_FIRST_NUMBER + int.from_bytes(random(8)) % _NUMBERS)
        if number not in taken:
            return number


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
