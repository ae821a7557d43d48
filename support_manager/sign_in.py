"""Signing in and staying so: access and refresh tokens, their rotation, and the keyring."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from time import monotonic
from typing import Any

import structlog

from support_manager.credentials import CredentialStore
from support_manager.errors import AppCode, LocalProblem, Refused, SupportManagerError
from support_manager.events import AppEvent, Failed, SignedIn
from support_manager.protocol import http as bodies
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.views import AccountView
from support_manager.relay_client.http import RelayHttp
from support_manager.tasks import TaskOwner

log = structlog.get_logger(__name__)

_EARLY_S = 30.0
"""An access token this close to its end counts as used up."""
_REVOKE_S = 4.0


@dataclass(slots=True)
class _Holding:
    origin: str
    name: str
    refresh_token: str
    stay: bool
    access_token: str = ""
    access_until: float = 0.0
    account: AccountView | None = None


class SignInDesk:
    """Holds the tokens of one signed-in rep; `access` is what the link to the relay asks for.

    Args:
        http: the relay's HTTP interface.
        credentials: the keyring.
        emit: called with `SignedIn` and `Failed`.
    """

    def __init__(self, http: RelayHttp, credentials: CredentialStore, emit: Callable[[AppEvent], None]) -> None:
        self._http = http
        self._credentials = credentials
        self._emit = emit
        self._held: _Holding | None = None
        self._refreshing: asyncio.Task[str | SupportManagerError] | None = None
        self._refreshed: _Holding | None = None
        self._returning: asyncio.Task[None] | None = None
        self._tasks = TaskOwner("sign-in")

    @property
    def account(self) -> AccountView | None:
        """Who is signed in."""
        return self._held.account if self._held is not None else None

    async def sign_in(self, origin: str, name: str, password: str, *, stay: bool) -> AccountView:
        """Sign in with a password; raises as `RelayHttp.sign_in` does."""
        answer = await self._http.sign_in(origin, name, password)
        former, self._held = self._held, _Holding(origin, name, answer.refresh_token, stay)
        self._take(self._held, answer)
        problem = await self._keep(self._held)
        self._emit(SignedIn(answer.account, origin, kept=stay and problem is None, kept_problem=problem))
        if not stay:
            await self._forget(origin, name)
        if former is not None:  # whoever was signed in before is not any more, here and at his relay
            self._returning = self._tasks.spawn(self._give_back(former), name="give back")
        return answer.account

    async def restore(self, origin: str, name: str) -> bool:
        """Take up what the keyring holds; False when it holds nothing. The relay is asked by the first `access`."""
        try:
            token = await self._credentials.load(origin, name)
        except LocalProblem as problem:
            self._emit(Failed(problem.code, problem.params))
            return False
        if token is None:
            return False
        self._held = _Holding(origin, name, token, stay=True)
        return True

    async def access(self, origin: str, *, fresh: bool = False) -> str:
        """An access token that holds; asks for a new one when it is time, once however many wait for it.

        Args:
            origin: the relay that the token is for; one relay's token is never shown to another.
            fresh: even if the present one seems to hold.

        Raises:
            Refused: nobody is signed in there, or the refresh token is used up, revoked or expired: sign in anew.
            RelayUnavailable, CertificateProblem: as `RelayHttp.refresh`.
        """
        held = self._held
        if held is None or held.origin != origin:
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        if not fresh and held.access_token and monotonic() < held.access_until:
            return held.access_token
        if self._refreshing is None or self._refreshing.done() or self._refreshed is not held:
            self._refreshed = held
            self._refreshing = self._tasks.spawn(_quietly(self._refresh(held)), name="refresh")
        outcome = await asyncio.shield(self._refreshing)
        if isinstance(outcome, SupportManagerError):
            raise outcome
        return outcome

    async def sign_out(self) -> None:
        """Forget the tokens here first, then revoke them at the relay; an unreachable relay is no reason to stay."""
        held, self._held = self._held, None
        if held is not None:
            await self._give_back(held)

    async def _give_back(self, held: _Holding) -> None:
        """Revoke at the relay what is not held any more, and leave nothing of it in the keyring."""
        now = self._held
        if now is not None and now.stay and (now.origin, now.name) == (held.origin, held.name):
            await self._keep(now)  # a sign-in anew: the entry is its own
        else:
            await self._forget(held.origin, held.name)
        try:
            async with asyncio.timeout(_REVOKE_S):
                await self._http.sign_out(held.origin, held.refresh_token)
        except (SupportManagerError, TimeoutError) as error:
            log.warning("token not revoked at the relay", error=str(error))

    def rest(self) -> None:
        """Nobody is signed in for now. The tokens hold: a newer app takes them up, another sign-in gives them back."""
        if self._held is not None:
            self._held.account = None

    async def drop(self) -> None:
        """The relay refused these tokens: forget them."""
        held, self._held = self._held, None
        if held is not None and held.stay:
            await self._forget(held.origin, held.name)

    async def aclose(self) -> None:
        """Wait for what is on its way: a new token must not be lost between the relay and the keyring, and an old one
        must not stay good."""
        waiting = [each for each in (self._refreshing, self._returning) if each is not None and not each.done()]
        if waiting:
            await asyncio.wait(waiting, timeout=2.0)
        await self._tasks.aclose(1.0)

    async def _refresh(self, held: _Holding) -> str:
        if held.stay:  # another app of the same profile may have exchanged it meanwhile
            held.refresh_token = await self._kept_token(held) or held.refresh_token
        try:
            answer = await self._http.refresh(held.origin, held.refresh_token)
        except Refused:
            newer = await self._kept_token(held) if held.stay else None
            if newer is None or newer == held.refresh_token:
                raise
            answer = await self._http.refresh(held.origin, newer)
        first = held.account is None
        self._take(held, answer)
        problem = await self._keep(held) if held is self._held else None
        if held is not self._held:  # signed out, or in as somebody else, while the relay was answering
            await self._give_back(held)
            raise Refused(ErrorCode.NOT_SIGNED_IN)
        if first:
            self._emit(SignedIn(answer.account, held.origin, kept=problem is None, kept_problem=problem))
        elif problem is not None:
            self._emit(Failed(problem))
        return held.access_token

    async def _kept_token(self, held: _Holding) -> str | None:
        try:
            return await self._credentials.load(held.origin, held.name)
        except LocalProblem:
            return None

    def _take(self, held: _Holding, answer: bodies.SignedIn) -> None:
        held.refresh_token = answer.refresh_token
        held.access_token = answer.access_token
        held.access_until = monotonic() + max(answer.access_valid_s - _EARLY_S, answer.access_valid_s / 2)
        held.account = answer.account

    async def _keep(self, held: _Holding) -> AppCode | None:
        if not held.stay:
            return None
        try:
            await self._credentials.save(held.origin, held.name, held.refresh_token)
        except LocalProblem:
            return AppCode.KEYRING_UNAVAILABLE
        return None

    async def _forget(self, origin: str, name: str) -> None:
        try:
            await self._credentials.forget(origin, name)
        except LocalProblem as problem:
            log.info("nothing forgotten", code=str(problem.code))


async def _quietly(work: Coroutine[Any, Any, str]) -> str | SupportManagerError:
    """Give the error as a result: several may wait for it, or nobody."""
    try:
        return await work
    except SupportManagerError as error:
        return error
