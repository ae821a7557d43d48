"""The controller: takes the intents of the windows and tells them, as events, all that happens."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TypeVar

import structlog

from resources.catalog import best_language
from support_manager.credentials import CredentialStore
from support_manager.desk import Desk
from support_manager.errors import AppCode, LocalProblem, Refused, RelayUnavailable, SupportManagerError
from support_manager.events import AppEvent, Failed, Link, LinkChanged, SessionSnapshot, SignedOut
from support_manager.intents import Invitation
from support_manager.invitations import build_invitation
from support_manager.links import parse_link
from support_manager.media.engine import MediaEngine
from support_manager.media.mailbox import FrameMailbox
from support_manager.protocol import limits
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.events import Welcome
from support_manager.protocol.fields import Wire
from support_manager.protocol.requests import Request
from support_manager.protocol.views import AccountView, Audience, Mode, SiteView
from support_manager.relay_client.address import normalise, pin_key
from support_manager.relay_client.client import ACK_S
from support_manager.relay_client.http import RelayHttp
from support_manager.relay_client.link import RelayLink
from support_manager.relay_client.transport import EventListener, LostListener, SocketTransport, Transport
from support_manager.relay_client.trust import is_fingerprint
from support_manager.settings import Settings, SettingsStore, profile_folder
from support_manager.sign_in import SignInDesk
from support_manager.tasks import TaskOwner

R = TypeVar("R", bound=Wire)
log = structlog.get_logger(__name__)
_CLOSE_S = 5.0


def app_version() -> str:
    """This app's version, as the relay's log shows it."""
    try:
        return version("support-manager")
    except PackageNotFoundError:
        return "0"


def aiortc_engine() -> MediaEngine:
    """The real media engine; importing it takes a while, so it is called in a thread after the first paint."""
    from support_manager.media.aiortc_engine import AiortcEngine

    return AiortcEngine()


class Controller:
    """Implements `intents.Intents`.

    Args:
        settings: the profile's settings.
        credentials: the keyring.
        engine_factory: makes the media engine; called in a thread, once it is needed.
        transport_factory: makes a transport to the relay; the default is Socket.IO.
        rng: for the jitter of the back-off.
    """

    def __init__(
        self,
        settings: SettingsStore,
        credentials: CredentialStore,
        engine_factory: Callable[[], MediaEngine] = aiortc_engine,
        *,
        transport_factory: Callable[[EventListener, LostListener], Transport] | None = None,
        rng: random.Random | None = None,
    ) -> None:
        self._store = settings
        self._factory = transport_factory or self._socket_transport
        self._rng = rng
        self._listeners: list[Callable[[AppEvent], None]] = []
        self._tasks = TaskOwner("controller", self._task_failed)
        self._signing = SignInDesk(RelayHttp(self._pin_for, app_version()), credentials, self._emit)
        self._desk = Desk(self._request, engine_factory, self._emit)
        self._relay: RelayLink | None = None
        self._link = Link.SIGNED_OUT
        self._origin = settings.current.relay_url
        self._site: SiteView | None = None
        self._turn = asyncio.Lock()
        self._closed = False

    @classmethod
    def for_profile(
        cls, folder: Path | None = None, engine_factory: Callable[[], MediaEngine] = aiortc_engine
    ) -> "Controller":
        """The controller of a profile folder, with everything real; None means the platform's own folder."""
        service = "support-manager" if folder is None else f"support-manager {folder.resolve()}"
        return cls(SettingsStore(profile_folder(folder)), CredentialStore(service), engine_factory)

    # --- what windows may read

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""
        return self._signing.account

    @property
    def link(self) -> Link:
        """The connection to the relay."""
        return self._link

    @property
    def relay_url(self) -> str:
        """The relay's address, as last used."""
        return self._origin

    @property
    def site(self) -> SiteView | None:
        """What the relay said of itself, once it has."""
        return self._site

    @property
    def sessions(self) -> Mapping[str, SessionSnapshot]:
        """The open sessions by id."""
        return self._desk.sessions

    @property
    def settings(self) -> Settings:
        """The present settings."""
        return self._store.current

    def subscribe(self, listener: Callable[[AppEvent], None]) -> Callable[[], None]:
        """Call `listener` with every event from now on; calling the result ends that."""
        self._listeners.append(listener)

        def end() -> None:
            if listener in self._listeners:
                self._listeners.remove(listener)

        return end

    # --- signing in and out

    async def start(self) -> None:
        """Sign in with what the keyring holds; see `Intents.start`."""
        if self._store.set_aside is not None:
            self._emit(Failed(AppCode.SETTINGS_UNREADABLE, {"file": str(self._store.set_aside)}))
        settings = self._store.current
        if not (settings.stay_signed_in and settings.relay_url and settings.account_name):
            return
        async with self._turn:
            try:
                origin = normalise(settings.relay_url)
                if await self._signing.restore(origin, settings.account_name):
                    await self._open_link(origin)
            except SupportManagerError as error:
                self._emit(Failed(error.code, error.params))

    async def sign_in(self, relay_url: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in; see `Intents.sign_in`."""
        origin = normalise(relay_url)
        name = name.strip()
        if not 0 < len(name) <= limits.ACCOUNT_NAME_CHARS or not 0 < len(password) <= limits.PASSWORD_CHARS:
            raise Refused(ErrorCode.WRONG_CREDENTIALS)
        async with self._turn:
            before = (self._origin, self._signing.account)
            account = await self._signing.sign_in(origin, name, password, stay=stay)
            await self._close_link()
            if before[1] is not None and before != (origin, account):
                await self._desk.clear()  # somebody else's sessions, or another relay's
            await self._keep(relay_url=origin, account_name=name, stay_signed_in=stay)
            await self._open_link(origin)
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
            await self._desk.clear()
            await self._signing.sign_out()
            await self._keep(stay_signed_in=False)
            self._signed_out(None)

    def _refused(self, code: ErrorCode | AppCode) -> None:
        """The relay will not have this account any more: say so, and leave the rep at the sign-in."""
        _ = self._tasks.spawn(self._after_refusal(code, self._relay), name="refused")

    async def _after_refusal(self, code: ErrorCode | AppCode, relay: RelayLink | None) -> None:
        async with self._turn:
            if relay is not self._relay:
                return  # somebody has signed in meanwhile
            await self._close_link()
            await self._desk.clear()
            if code not in (ErrorCode.VERSION_TOO_OLD, ErrorCode.VERSION_TOO_NEW):
                await self._signing.drop()
            self._signed_out(code)

    def _signed_out(self, code: ErrorCode | AppCode | None) -> None:
        self._change_link(LinkChanged(Link.SIGNED_OUT, code=code))
        self._emit(SignedOut(code))

    # --- sessions

    async def start_session(self, mode: Mode | None = None, tracking_code: str = "") -> SessionSnapshot:
        """Start a session (B-3.1)."""
        if mode is None:
            allowed = self.account.modes if self.account is not None else ()
            mode = self.settings.mode if not allowed or self.settings.mode in allowed else allowed[0]
        return await self._desk.start_session(mode, tracking_code)

    async def end_session(self, session_id: str) -> None:
        """End a session for everybody."""
        await self._desk[session_id].end()

    async def ask_view(self, session_id: str) -> None:
        """Ask the primary customer to show his screen."""
        await self._desk[session_id].ask_view()

    async def stop_view(self, session_id: str) -> None:
        """Stop looking, or take the question back."""
        await self._desk[session_id].stop_view()

    async def send_chat(self, session_id: str, text: str, audience: Audience = Audience.ALL) -> None:
        """Send one line; see `Intents.send_chat`."""
        self._desk[session_id].send_chat(text, audience)

    async def retry_chat(self, session_id: str, line_id: str) -> None:
        """Send a line once more; see `Intents.retry_chat`."""
        self._desk[session_id].retry_chat(line_id)

    def invitation(self, session_id: str, locale: str, address: str = "") -> Invitation:
        """What an invitation of a customer to that session says.

        Raises:
            Refused: `session_unknown`; LocalProblem: `bad_mail_address`.
        """
        view = self._desk[session_id].snapshot.view
        return build_invitation(
            view,
            locale=locale,
            rep=self.account.display_name if self.account is not None else "",
            company=self._site.company if self._site is not None else "",
            site=self._site.url if self._site is not None and self._site.url else self._origin,
            address=address,
        )

    def set_visible(self, session_id: str, visible: bool) -> None:
        """Tell whether that session's picture is on screen."""
        self._desk.set_visible(session_id, visible)

    def mailbox(self, session_id: str) -> FrameMailbox | None:
        """Where that session's newest picture is to be had; None when nothing is shared."""
        runtime = self._desk.get(session_id)
        return None if runtime is None else runtime.mailbox()

    # --- the rest

    async def change_settings(self, **changes: object) -> Settings:
        """Change some settings and keep them."""
        return await self._store.change(**changes)

    def open_link(self, url: str) -> None:
        """Take a `support-manager:` link."""
        try:
            self._emit(parse_link(url))
        except LocalProblem as problem:
            self._emit(Failed(problem.code, problem.params))

    async def aclose(self) -> None:
        """Shut everything down in order, within 5 s."""
        if self._closed:
            return
        self._closed = True
        # A token on its way from the relay to the keyring must not be lost, however long the others take.
        await asyncio.gather(self._signing.aclose(), self._close_rest())

    async def _close_rest(self) -> None:
        try:
            async with asyncio.timeout(_CLOSE_S):
                for step in (self._close_link, self._desk.aclose, self._tasks.aclose):
                    await _told(step)
        except TimeoutError:
            log.error("the app did not close in time")

    # --- inside

    async def _open_link(self, origin: str) -> None:
        self._origin = origin
        self._relay = RelayLink(
            origin,
            self._signing,
            self._factory,
            on_event=self._take,
            on_online=self._desk.take_up,
            on_change=self._change_link,
            on_refused=self._refused,
            on_certificate=lambda problem: self._emit(Failed(problem.code, problem.params)),
            client_version=app_version(),
            locale=best_language(self.settings.language),
            rng=self._rng,
        )
        await self._relay.start()

    async def _close_link(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            await relay.aclose()
            self._desk.went_offline()

    async def _request(self, message: Request, reply: type[R], *, timeout_s: float = ACK_S) -> R:
        if self._relay is None:
            raise RelayUnavailable(AppCode.CONNECTION_LOST)
        return await self._relay.request(message, reply, timeout_s=timeout_s)

    def _take(self, message: Wire) -> None:
        if isinstance(message, Welcome):
            self._site = message.site
        else:
            self._desk.take(message)

    def _change_link(self, change: LinkChanged) -> None:
        if change.link is Link.RECONNECTING:
            self._desk.went_offline()
        self._link = change.link
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
        return SocketTransport(on_event, on_lost, pin_for=self._pin_for)

    def _emit(self, event: AppEvent) -> None:
        for listener in list(self._listeners):
            try:
                listener(event)
            except Exception:
                log.exception("listener failed", event_type=type(event).__name__)

    def _task_failed(self, name: str, error: BaseException) -> None:
        self._emit(Failed(AppCode.INTERNAL_APP, {"task": name}))


async def _told(step: Callable[[], Awaitable[None]]) -> None:
    """One step of closing; its failure is logged and keeps nobody from the next one."""
    try:
        await step()
    except Exception:
        log.exception("a part of the app did not close in order")
