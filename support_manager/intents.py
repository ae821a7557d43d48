"""The intents that windows may send to the controller: the whole interface between `ui` and the logic.

Every coroutine raises `support_manager.errors.SupportManagerError` when it could not do what was asked; nothing is
then half done. All methods are called on the one UI loop, and listeners are called there.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from support_manager.events import AppEvent, Link, SessionSnapshot
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol.views import AccountView, Audience, Mode
from support_manager.settings import Settings


@dataclass(frozen=True, slots=True)
class Invitation:
    """Everything that an invitation to one session says, in one language."""

    subject: str
    text: str
    """The whole message with the link, lines parted by `\\n`."""
    mailto: str
    """A `mailto:` URL (RFC 6068) with subject, text and, if given, the address."""
    instant_message: str
    link: str
    number: str
    """In threes: `482 119 903`."""
    phone: str
    """The words to say on the phone."""


class Intents(Protocol):
    """What a window may ask for."""

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""

    @property
    def link(self) -> Link:
        """The connection to the relay."""

    @property
    def relay_url(self) -> str:
        """The relay's address, as last used."""

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The open sessions by id, in the order in which they were opened."""

    @property
    def settings(self) -> Settings:
        """The present settings; change them with `change_settings`."""

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; calling the result ends that."""

    async def start(self) -> None:
        """Sign in with what the keyring holds, if anything; never raises for a missing or refused token."""

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in; `stay` keeps a refresh token in the keyring."""

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        """Trust exactly this certificate for that relay from now on (kept in the settings)."""

    async def sign_out(self) -> None:
        """Revoke and forget the tokens; sessions stay on the relay."""

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        """Start a session (B-3.1)."""

    async def end_session(self, session_id: str) -> None:
        """End a session for everybody."""

    async def ask_view(self, session_id: str) -> None:
        """Ask the primary customer to show his screen."""

    async def stop_view(self, session_id: str) -> None:
        """Stop looking, or take the question back."""

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        """Send one line; it shows as pending at once and is sent again after a reconnect until the relay has it."""

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        """Send a line of ours once more that shows as failed; one that does not is left alone."""

    async def change_settings(self, **changes: object) -> Settings:
        """Change some settings and keep them; raises `settings_not_saved` when the disk refuses."""

    def invitation(self, session_id: str, locale: str, address: str = "") -> Invitation:
        """What an invitation of a customer to that session says."""

    def set_visible(self, session_id: str, visible: bool) -> None:
        """Tell whether that session's picture is on screen; a hidden one asks its page for ≤ 2 fps, ≤ 300 kbit/s."""

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        """Where that session's newest picture is to be had; None when nothing is shared."""

    def open_link(self, url: str) -> None:
        """Take a `support-manager:` link; emits `LinkPrefilled`, or `Failed(bad_link)`. Does nothing else."""

    async def aclose(self) -> None:
        """Shut everything down in order, within 5 s. Sessions stay on the relay."""
