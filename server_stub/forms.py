"""What a browser sends back from a form: small, soon there, from this site's own pages."""

from collections.abc import Collection, Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from server_stub.http_api import read_body
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.wire import ProtocolError

FORM_BYTES = 64 * 1024
_FIELDS = 3_000
TOKEN_FIELD = "form_token"  # noqa: S105 - the field's name


class Form:
    """The fields of a form that was sent.

    Args:
        fields: name → values, in order.
    """

    def __init__(self, fields: Mapping[str, list[str]]) -> None:
        self._fields = fields

    def text(self, name: str) -> str:
        """A field of one line; empty when it is not there."""
        return self._fields.get(name, [""])[0]

    def ticked(self, name: str) -> bool:
        """Whether a check box was ticked."""
        return name in self._fields

    def all(self, name: str) -> list[str]:
        """Every value of a name."""
        return self._fields.get(name, [])


async def read_form(request: web.Request) -> Form:
    """The form that a request brings.

    Raises:
        ProtocolError: `bad_message` or `too_large`.
    """
    body = await read_body(request, "application/x-www-form-urlencoded", FORM_BYTES)
    fields: dict[str, list[str]] = {}
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS, errors="strict")
    except (ValueError, UnicodeError):
        raise ProtocolError(ErrorCode.BAD_MESSAGE, "form") from None
    for name, value in pairs:
        fields.setdefault(name, []).append(value.replace("\x00", ""))
    return Form(fields)


def is_from_elsewhere(request: web.Request, origins: Collection[str]) -> bool:
    """Whether the browser says that another site's page sent this.

    As our pages send no referrer, their own forms come with the Origin `null` (Fetch, "append a request `Origin`
    header"); then, and where there is no header at all, the form's token alone decides.
    """
    origin: Any = request.headers.get("Origin", "null")
    if origin != "null" and origin not in origins:
        return True
    return request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none")
