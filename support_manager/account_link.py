"""One account's way to its relay: signing in and out, the standing connection, and what ends it."""

import asyncio
import random
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol, TypeVar

from resources.catalog import best_language
from support_manager.credentials import CredentialStore
from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import AppEvent, Failed, Link, LinkChanged, SignedOut
from support_manager.files.parts import Access
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Request
from support_manager.protocol.views import AccountView
from support_manager.relay_client.address import normalise, pin_key
from support_manager.relay_client.client import ACK_S
from support_manager.relay_client.http import RelayHttp
from support_manager.relay_client.link import RelayLink
from support_manager.relay_client.loading import load_network
from support_manager.relay_client.transport import EventListener, LostListener, Transport
from support_manager.relay_client.trust import is_fingerprint
from support_manager.settings import SettingsStore
from support_manager.sign_in import SignInDesk
from support_manager.tasks import TaskOwner

R = TypeVar("R", bound=Wire)
TransportMaker = Callable[[EventListener, LostListener], Transport]


def is_same_relay(typed: str, origin: str) -> bool:
    """Say whether what was typed means that relay, however it is spelt; what is no address means none."""
    try:
        return normalise(typed) == origin
    except RelayUnavailable:
        return False


class LinkUser(Protocol):
    """Who works over the connection: the sessions and the Inbox."""

    def take(self, message: Wire) -> None:
        """An event of the relay, in order."""

    async def take_up(self) -> None:
        """After each connect: bind everything to the new connection. Raises when that failed again."""

    def went_offline(self) -> None:
        """The relay is away."""

    async def clear(self) -> None:
        """Another account, or none: put everything away without ending it."""


class AccountLink:
    """Signs in and out and keeps the connection up for whoever is signed in.

    Args:
        settings: the profile's settings.
        credentials: the keyring.
        user: who works over the connection.
        emit: called with the events for windows.
        client_version: of this app.
        transport_factory: makes a transport to the relay; the default is Socket.IO.
        rng: for the jitter of the back-off.
    """

    def __init__(
        self,
        settings: SettingsStore,
        credentials: CredentialStore,
        user: LinkUser,
        emit: Callable[[AppEvent], None],
        *,
        client_version: str,
        transport_factory: TransportMaker | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._store = settings
        self._user = user
        self._emit = emit
        self._version = client_version
        self._factory = transport_factory or self._socket_transport
        self._rng = rng
        self._tasks = TaskOwner("account", lambda name, _: emit(Failed(AppCode.INTERNAL_APP, {"task": name})))
        self._signing = SignInDesk(RelayHttp(self._pin_for, client_version), credentials, emit)
        self._relay: RelayLink | None = None
        self._turn = asyncio.Lock()
        self.state = Link.SIGNED_OUT
        self.origin = settings.current.relay_url
        """The relay's address, as last used."""

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""
        return self._signing.account

    @property
    def access(self) -> Access:
        """How the relay is reached over HTTP."""
        return Access(self.origin, self._pin_for(self.origin))

    async def start(self) -> None:
        """Sign in with what the keyring holds; see `Intents.start`."""
        await load_network()
        settings = self._store.current
        if not (settings.stay_signed_in and settings.relay_url and settings.account_name):
            return
        async with self._turn:
            try:
                origin = normalise(settings.relay_url)
                if await self._signing.restore(origin, settings.account_name):
                    await self._open(origin)
            except SupportManagerError as error:
                self._emit(Failed(error.code, error.params))

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in; see `Intents.sign_in`."""
        origin = normalise(relay_url)
        name = name.strip()
        if not 0 < len(name) <= limits.ACCOUNT_NAME_CHARS or not 0 < len(password) <= limits.PASSWORD_CHARS:
            raise Refused(ErrorCode.WRONG_CREDENTIALS)
        async with self._turn:
            before = (self.origin, self._signing.account)
            await load_network()
            account = await self._signing.sign_in(origin, name, password, stay=stay)
            await self._close_link()
            if before[1] is not None and before != (origin, account):
                await self._user.clear()  # somebody else's sessions, or another relay's
            await self._keep(relay_url=origin, account_name=name, stay_signed_in=stay)
            await self._open(origin)
        return account

    async def accept_certificate(self, relay_url: str, fingerprint: str) -> None:
        """Trust exactly this certificate for that relay from now on."""
        origin = normalise(relay_url)
        if not is_fingerprint(fingerprint):
            raise LocalProblem(AppCode.CERTIFICATE_UNKNOWN, fingerprint=fingerprint)
        pins = {**self._store.current.pinned_certificates, pin_key(origin): fingerprint}
        await self._keep(pinned_certificates=pins)
        if self._relay is not None:
            self._relay.hurry()

    async def sign_out(self) -> None:
        """Revoke and forget the tokens; sessions stay on the relay."""
        async with self._turn:
            await self._close_link()
            await self._user.clear()
            await self._signing.sign_out()
            await self._keep(stay_signed_in=False)
            self._signed_out(None)

    async def reread_account(self) -> None:
        """Learn what this account may do by now, as far as the relay is there to be asked."""
        with suppress(SupportManagerError):
            await self._signing.access(self.origin, fresh=True)

    async def request(self, message: Request, reply: type[R], *, timeout_s: float = ACK_S) -> R:
        """Send a request over the present connection; raises as `RelayLink.request`."""
        if self._relay is None:
            raise RelayUnavailable(AppCode.CONNECTION_LOST)
        return await self._relay.request(message, reply, timeout_s=timeout_s)

    async def aclose_tokens(self) -> None:
        """A token on its way from the relay to the keyring must not be lost, however long the others take."""
        await self._signing.aclose()

    async def aclose(self) -> None:
        """End the connection; the sign-in stays in the keyring."""
        await self._close_link()
        await self._tasks.aclose()

    # --- inside

    def _refused(self, code: ErrorCode | AppCode) -> None:
        """The relay will not have this account any more: say so, and leave the rep at the sign-in."""
        _ = self._tasks.spawn(self._after_refusal(code, self._relay), name="refused")

    async def _after_refusal(self, code: ErrorCode | AppCode, relay: RelayLink | None) -> None:
        async with self._turn:
            if relay is not self._relay:
                return  # somebody has signed in meanwhile
            await self._close_link()
            await self._user.clear()
            if code in (ErrorCode.VERSION_TOO_OLD, ErrorCode.VERSION_TOO_NEW):
                self._signing.rest()
            else:
                await self._signing.drop()
            self._signed_out(code)

    def _signed_out(self, code: ErrorCode | AppCode | None) -> None:
        self._change(LinkChanged(Link.SIGNED_OUT, code=code))
        self._emit(SignedOut(code))

    async def _open(self, origin: str) -> None:
        self.origin = origin
        self._relay = RelayLink(
            origin,
            self._signing,
            self._factory,
            on_event=self._user.take,
            on_online=self._user.take_up,
            on_change=self._change,
            on_refused=self._refused,
            on_certificate=lambda problem: self._emit(Failed(problem.code, problem.params)),
            client_version=self._version,
            locale=best_language(self._store.current.language),
            rng=self._rng,
        )
        await self._relay.start()

    async def _close_link(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.aclose()
            self._user.went_offline()

    def _change(self, change: LinkChanged) -> None:
        if change.link is Link.RECONNECTING:
            self._user.went_offline()
        self.state = change.link
        self._emit(change)

    async def _keep(self, **changes: object) -> None:
        """Keep settings on the way of doing something else: a full disk is told, but stops nobody from working."""
        try:
            await self._store.change(**changes)
        except LocalProblem as problem:
            self._emit(Failed(problem.code, problem.params))

    def _pin_for(self, origin: str) -> str | None:
        return self._store.current.pinned_certificates.get(pin_key(origin))

    def _socket_transport(self, on_event: EventListener, on_lost: LostListener) -> Transport:
        from support_manager.relay_client.socket_io import SocketTransport

        return SocketTransport(on_event, on_lost, pin_for=self._pin_for)
