"""What can go wrong, as codes with parameters; the sentences for people are translations under `error.<code>`.

SupportManagerError
├── Refused             the relay said no; `code` is a protocol.codes.ErrorCode
├── RelayUnavailable    no answer, no connection, or no relay at that address
├── CertificateProblem  TLS could not be trusted; carries the fingerprint that was seen
├── LocalProblem        something on this machine: settings, keyring, mail program, disk
└── InvalidTransition   a bug of ours: a state was asked to become one it cannot
"""

from enum import StrEnum

from support_manager.protocol.codes import ErrorCode


class AppCode(StrEnum):
    """Errors that arise in the app itself; they share one name space with the relay's codes."""

    RELAY_UNREACHABLE = "relay_unreachable"
    NOT_A_RELAY = "not_a_relay"
    BAD_ADDRESS = "bad_address"
    NO_TLS = "no_tls"
    """Plain HTTP to another machine: refused."""
    TIMED_OUT = "timed_out"
    CERTIFICATE_UNKNOWN = "certificate_unknown"
    CERTIFICATE_CHANGED = "certificate_changed"
    CONNECTION_LOST = "connection_lost"
    KEYRING_UNAVAILABLE = "keyring_unavailable"
    SETTINGS_UNREADABLE = "settings_unreadable"
    SETTINGS_NOT_SAVED = "settings_not_saved"
    NO_MAIL_PROGRAM = "no_mail_program"
    BAD_MAIL_ADDRESS = "bad_mail_address"
    BAD_LINK = "bad_link"
    TRANSFER_MESSAGE_TOO_LONG = "transfer_message_too_long"
    """The personal message of a transfer is over its limit (B-10.2)."""
    MEDIA_FAILED = "media_failed"
    CAMERA_NONE = "camera_none"
    CAMERA_BUSY = "camera_busy"
    """Another program has it, or it does not start."""
    CAMERA_DENIED = "camera_denied"
    """The system does not let this program use it."""
    CAMERA_GONE = "camera_gone"
    """It was unplugged while it was shown."""
    VOICE_ELSEWHERE = "voice_elsewhere"
    """This computer's microphone is in the call of another session."""
    FILE_GONE = "file_gone"
    FILE_CHANGED = "file_changed"
    """It was changed while it was being sent."""
    FILE_DAMAGED = "file_damaged"
    """What came is not what was sent."""
    FILE_NO_ROOM = "file_no_room"
    FILE_FOLDER = "file_folder"
    """Where received files go cannot be written."""
    FILE_REFUSED = "file_refused"
    """A server between here and the relay takes no request of its kind, however small."""
    FILE_SITE_FULL = "file_site_full"
    """The relay's disk has no room."""
    FILE_DIVERTED = "file_diverted"
    """A network that wants its people to sign in answers in the relay's place."""
    FILE_NOBODY = "file_nobody"
    FILE_NOT_THERE = "file_not_there"
    """The customer's browser can do nothing with files."""
    SOURCE_GONE = "source_gone"
    """The window that was shown is closed, or the screen unplugged."""
    SHOW_FAILED = "show_failed"
    SCREEN_NOT_ALLOWED = "screen_not_allowed"
    """The system does not let this program see the screen."""
    SCREEN_NOT_SUPPORTED = "screen_not_supported"
    """No way to see this system's screen (Wayland, or an X server without the extensions)."""
    RECORDINGS_UNREADABLE = "recordings_unreadable"
    RECORDING_NOT_DELETED = "recording_not_deleted"
    INTERNAL_APP = "internal_app"


class SupportManagerError(Exception):
    """Base of everything that a person may be told about.

    Args:
        code: what happened.
        params: values for the sentence, e.g. `{"host": "…"}`; never secrets.
    """

    def __init__(self, code: ErrorCode | AppCode, **params: str) -> None:
        super().__init__(str(code))
        self.code = code
        self.params = params


class Refused(SupportManagerError):  # noqa: N818 - reads as what happened
    """The relay said no."""


class RelayUnavailable(SupportManagerError):  # noqa: N818
    """The relay could not be reached or did not answer in time."""


class CertificateProblem(SupportManagerError):  # noqa: N818
    """The relay's certificate is not trusted; `params["fingerprint"]` is the SHA-256 that was seen."""


class LocalProblem(SupportManagerError):  # noqa: N818
    """Something on this machine."""


class InvalidTransition(SupportManagerError):  # noqa: N818
    """A state machine was asked for a step it does not have."""
