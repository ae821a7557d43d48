"""The app's settings: a small typed file in the profile folder, read leniently, written atomically."""

import msgspec

from support_manager.protocol.views import Mode


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """What the app remembers between runs; no secret is ever in here."""

    relay_url: str = ""
    account_name: str = ""
    stay_signed_in: bool = False
    email_at_start: bool = True
    """The box E-mail of the Start page (B-3.1)."""
    own_mail_program: bool = True
    """The box «Send using my own email program» (B-4.2)."""
    mode: Mode = Mode.MULTI
    language: str = ""
    """`en`, `ro`, or empty for the system's."""
    theme: str = "system"
    """`system`, `light`, `dark` or `contrast`."""
    notifications: bool = True
    pinned_certificates: dict[str, str] = msgspec.field(default_factory=dict)
    """`host:port` → SHA-256 fingerprint that the rep accepted."""
    window: dict[str, str] = msgspec.field(default_factory=dict)
    """Geometry and the like, by object name, base 64."""
