"""Who is signed in, and for how long: what the relay refuses, and what of it is kept."""

import asyncio
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import keyring
import pytest

from support_manager.account_link import AccountLink
from support_manager.credentials import CredentialStore
from support_manager.errors import AppCode, Refused, RelayUnavailable
from support_manager.events import AppEvent, Link, SignedOut
from support_manager.protocol import http as bodies
from support_manager.protocol.codes import ErrorCode
from support_manager.protocol.fields import Wire
from support_manager.protocol.views import AccountView
from support_manager.relay_client.http import RelayHttp
from support_manager.relay_client.transport import EventListener, LostListener
from support_manager.settings import SettingsStore
from tests.harness.keyrings import MemoryRing

RELAY = "https://relay.example.org"
ANA = AccountView(id="account-1", name="ana", display_name="Ana Pop")


class Http(RelayHttp):
    """Lets everybody in, and remembers whose tokens were given back."""

    def __init__(self) -> None:
        super().__init__(lambda origin: None)
        self.count = 0
        self.revoked: list[str] = []

    async def sign_in(self, origin: str, name: str, password: str) -> bodies.SignedIn:
        self.count += 1
        token = str(self.count) * 43
        return bodies.SignedIn(access_token="a" * 43, access_valid_s=900, refresh_token=token, account=ANA)

    async def sign_out(self, origin: str, refresh_token: str) -> None:
        self.revoked.append(refresh_token)


class Nobody:
    """Works over the connection, with nothing to do."""

    def take(self, message: Wire) -> None:
        pass

    async def take_up(self) -> None:
        pass

    def went_offline(self) -> None:
        pass

    async def clear(self) -> None:
        pass


class Bench:
    """A link to a relay that may refuse this app when it connects."""

    def __init__(self, profile: Path) -> None:
        self.refusal: ErrorCode | None = None
        self.lose: LostListener = lambda: None
        self.events: list[AppEvent] = []
        ring = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})
        self.link = AccountLink(
            SettingsStore(profile),
            CredentialStore(allowed=ring),
            Nobody(),
            self.events.append,
            client_version="1",
            transport_factory=self._transport,
            rng=random.Random(1),
        )
        self.http = self.link._signing._http = Http()

    def _transport(self, on_event: EventListener, on_lost: LostListener) -> "Bench":
        self.lose = on_lost
        return self

    async def connect(self, origin: str, hello: dict[str, Any]) -> None:
        if self.refusal is not None:
            raise Refused(self.refusal)

    async def call(self, event: str, payload: object, timeout_s: float) -> object:
        raise RelayUnavailable(AppCode.TIMED_OUT)

    async def aclose(self) -> None:
        pass

    async def sign_in(self) -> None:
        assert await self.link.sign_in(RELAY, "ana", "secret", stay=True) == ANA

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(10):
            while not condition():  # noqa: ASYNC110 - the condition is about another object
                await asyncio.sleep(0.005)


@pytest.fixture
def ring() -> Iterator[MemoryRing]:
    before, made = keyring.get_keyring(), MemoryRing()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.mark.rule("B-12.1")
@pytest.mark.parametrize(
    ("code", "is_kept"),
    [
        (ErrorCode.VERSION_TOO_OLD, True),
        (ErrorCode.VERSION_TOO_NEW, True),
        (ErrorCode.ACCOUNT_DISABLED, False),
    ],
)
async def test_nobody_is_signed_in_at_a_relay_that_refuses_him(
    tmp_path: Path, ring: MemoryRing, code: ErrorCode, is_kept: bool
) -> None:
    """Windows ask who is signed in, to know what to show; a newer app takes the kept sign-in up again."""
    bench = Bench(tmp_path)
    await bench.sign_in()
    assert bench.link.state is Link.ONLINE
    bench.refusal = code
    bench.lose()
    await bench.until(lambda: SignedOut(code) in bench.events)
    assert bench.link.account is None
    assert list(ring.kept.values()) == (["1" * 43] if is_kept else [])
    bench.refusal = None
    await bench.sign_in()
    assert bench.link.account == ANA
    assert bench.link.state is Link.ONLINE
    assert list(ring.kept.values()) == ["2" * 43]
    await bench.link.aclose_tokens()
    assert bench.http.revoked == (["1" * 43] if is_kept else []), "no token stays good that nobody holds"
    await bench.link.aclose()
