"""What the relay's core asks of its surroundings: settings, accounts, clock and randomness, as interfaces."""

import secrets
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple, Protocol

from server_stub.state.files import FileRules
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import AccountView, IceServer


class Clock(Protocol):
    """Two clocks, so that tests can turn both by hand."""

    def now_ms(self) -> int:
        """Milliseconds since 1970-01-01 UTC, for what people and the journal read."""

    def monotonic_s(self) -> float:
        """Seconds that never jump, for rates and time-outs."""


class SystemClock:
    """The machine's clocks."""

    def now_ms(self) -> int:
        """Read the wall clock."""
        return time.time_ns() // 1_000_000

    def monotonic_s(self) -> float:
        """Read the monotonic clock."""
        return time.monotonic()


RandomBytes = Callable[[int], bytes]
"""Gives that many unpredictable bytes; `secrets.token_bytes` outside tests."""

random_bytes: RandomBytes = secrets.token_bytes


class MailServer(NamedTuple):
    """How the relay sends mail."""

    host: str
    """Empty: it sends none."""
    port: int
    security: str
    """`none`, `starttls` or `tls`."""
    user: str
    password: str
    sender: str

    @property
    def is_set_up(self) -> bool:
        """Whether mail can be sent at all."""
        return bool(self.host and self.sender)


class RelaySettings(Protocol):
    """What the operator decides; the core reads it at every use, so that a change takes effect at once."""

    @property
    def company(self) -> str:
        """Name of the site's owner, shown to customers."""

    @property
    def public_url(self) -> str:
        """Address under which customers reach the relay, without a slash at the end."""

    @property
    def allowed_origins(self) -> tuple[str, ...]:
        """Browser origins that may open a socket; clients without an Origin are no browsers and are let through."""

    @property
    def ice_servers(self) -> tuple[IceServer, ...]:
        """Handed out to members of sessions; empty by default, never a public server behind the operator's back."""

    @property
    def turn_urls(self) -> str:
        """Addresses of the TURN server for which the relay makes credentials, parted by spaces; empty: none."""

    @property
    def turn_secret(self) -> str:
        """Shared with that TURN server."""

    @property
    def relay_only(self) -> bool:
        """Whether media may go through the TURN server only."""

    @property
    def behind_proxy(self) -> bool:
        """Whether the last `X-Forwarded-For` entry is the client's address."""

    @property
    def keep_days(self) -> int:
        """How many days after its end a session's transcript and other facts are kept."""

    @property
    def connections_per_address(self) -> int:
        """How many sockets one address may hold, or one network of IPv6 (see `limits.networks_of`)."""

    @property
    def default_queue(self) -> str:
        """Short name of the queue to which a session falls that nobody accepts (B-10.4)."""

    @property
    def offer_s(self) -> int:
        """For how many seconds a session is offered to chosen agents (B-10.4)."""

    @property
    def customers_per_rep(self) -> int:
        """How many customers a rep whose account says nothing may help at once; 0 for any number (B-6.3)."""

    @property
    def session_without_controller_s(self) -> int:
        """After how many seconds without a controller a session ends (B-12.6)."""

    @property
    def file_rules(self) -> FileRules:
        """What the administrator allows of files (B-7.5)."""

    @property
    def mail(self) -> MailServer:
        """How invitations are sent (B-4.4)."""


class Caller(NamedTuple):
    """A signed-in rep and the sign-in (family of tokens) by which he came."""

    account: AccountView
    family: str


class AccountsPort(Protocol):
    """Who a rep is."""

    async def caller_by_access(self, token: str) -> Caller | None:
        """The enabled account behind a valid access token, or None."""

    async def ended_sign_ins(self, sign_ins: Mapping[str, str]) -> Mapping[str, ErrorCode]:
        """Which of these sign-ins (family → account) hold no longer, and what their reps are told."""
