"""The bounded field types of which every message is made."""

from typing import Annotated

import msgspec

from support_manager.protocol import limits

_END = r"$(?!\n)"
"""The end of the text, in Python as in JavaScript: there a bare `$` is enough, here it lets a last newline through."""
_ID = rf"^[A-Za-z0-9_-]+{_END}"

Id = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_CHARS, pattern=_ID)]
"""A public identifier; knowing one gives no right to anything."""
Token = Annotated[str, msgspec.Meta(min_length=20, max_length=limits.TOKEN_CHARS, pattern=_ID)]
"""A secret of 256 random bits in URL-safe base 64."""
Number = Annotated[str, msgspec.Meta(pattern=rf"^[0-9]{{{limits.SESSION_NUMBER_DIGITS}}}{_END}")]
"""A session number without the spaces it is shown with."""
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.NAME_CHARS)]
"""A person's name as he typed it: text from a stranger, never markup."""
Text = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.TEXT_CHARS)]
QueueName = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.QUEUE_NAME_CHARS)]
Slug = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ID_CHARS, pattern=rf"^[a-z0-9]+(-[a-z0-9]+)*{_END}")]
"""A queue's name in addresses: `…/help/SLUG`."""
Email = Annotated[str, msgspec.Meta(max_length=limits.EMAIL_CHARS)]
"""An e-mail address or nothing; whether it is one is checked where it is used."""
Problem = Annotated[str, msgspec.Meta(max_length=limits.PROBLEM_CHARS)]
"""What a customer wrote on the entry form: text from a stranger."""
TransferMessage = Annotated[str, msgspec.Meta(max_length=limits.TRANSFER_MESSAGE_CHARS)]
"""The personal message of a transfer, counted in code points after NFC (B-10.2)."""
Outcome = Annotated[str, msgspec.Meta(max_length=limits.OUTCOME_CHARS)]
Notes = Annotated[str, msgspec.Meta(max_length=limits.NOTES_CHARS)]
Search = Annotated[str, msgspec.Meta(max_length=limits.SEARCH_CHARS)]
Rating = Annotated[int, msgspec.Meta(ge=1, le=5)]
TrackingCode = Annotated[str, msgspec.Meta(max_length=limits.TRACKING_CODE_CHARS)]
Words = Annotated[str, msgspec.Meta(max_length=limits.WORDS_CHARS)]
"""What a person read when he agreed: the record of a consent."""
Browser = Annotated[str, msgspec.Meta(max_length=limits.BROWSER_CHARS)]
Locale = Annotated[str, msgspec.Meta(pattern=rf"^[a-z]{{2}}(-[A-Z]{{2}})?{_END}", max_length=limits.LOCALE_CHARS)]
ClientVersion = Annotated[str, msgspec.Meta(max_length=limits.VERSION_CHARS)]
AccountName = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.ACCOUNT_NAME_CHARS)]
Password = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.PASSWORD_CHARS)]
Sdp = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.SDP_CHARS)]
CandidateLine = Annotated[str, msgspec.Meta(max_length=limits.CANDIDATE_CHARS)]
MediaId = Annotated[str, msgspec.Meta(max_length=32)]
MediaIndex = Annotated[int, msgspec.Meta(ge=0, le=255)]
Sealed = Annotated[str, msgspec.Meta(min_length=1, max_length=limits.FILE_SEALED_CHARS, pattern=_ID)]
"""What only the two ends of a file transfer can read, in URL-safe base 64."""
FileKey = Annotated[str, msgspec.Meta(max_length=limits.FILE_KEY_CHARS, pattern=rf"^(|[A-Za-z0-9_-]{{87}}){_END}")]
"""A public key of P-256 for files, or nothing where this end can neither send nor take any."""
FileBytes = Annotated[int, msgspec.Meta(ge=0, le=limits.FILE_BYTES)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
Epoch = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
"""Which media connection of a participant a signal is about; the highest one is the current one."""
Seq = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
"""Place of an event within its session, from 1 upwards; 0 means «nothing seen yet»."""
Time = Annotated[int, msgspec.Meta(ge=0)]
"""Milliseconds since 1970-01-01 UTC by the relay's clock."""
Pixels = Annotated[int, msgspec.Meta(ge=0, le=32_768)]


class Wire(msgspec.Struct, frozen=True, kw_only=True):
    """Base of what the relay tells clients: unknown fields are ignored, so that a newer relay may add some."""


class Ask(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of what clients send: an unknown field is an error."""
