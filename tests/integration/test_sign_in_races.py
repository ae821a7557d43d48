"""Signing out, or in as somebody else, while the relay is about to answer a refresh."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import keyring
import pytest

from support_manager.credentials import CredentialStore
from support_manager.errors import Refused
from support_manager.events import AppEvent, SignedIn
from support_manager.protocol import http as bodies
from support_manager.protocol.codes import ErrorCode
from support_manager.relay_client.http import RelayHttp
from support_manager.sign_in import SignInDesk
from support_manager.tasks import TaskOwner
from tests.harness.keyrings import MemoryRing
from tests.harness.relay import PASSWORD, RelayProcess

ALLOWED = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})


class SlowHttp(RelayHttp):
    """The answer to a refresh is held up on its way back."""

    def __init__(self) -> None:
        super().__init__(lambda origin: None)
        self.answered = asyncio.Event()
        self.go_on = asyncio.Event()

    async def refresh(self, origin: str, refresh_token: str) -> bodies.SignedIn:
        answer = await super().refresh(origin, refresh_token)
        self.answered.set()
        await self.go_on.wait()
        return answer


class Bench:
    """A desk in the middle of a refresh."""

    def __init__(self) -> None:
        self.http = SlowHttp()
        self.events: list[AppEvent] = []
        self.tasks = TaskOwner("bench")
        self.desk = SignInDesk(self.http, CredentialStore(allowed=ALLOWED), self.events.append)

    async def refreshing(self, relay: RelayProcess) -> "asyncio.Task[str]":
        await self.desk.sign_in(relay.url, "ana", PASSWORD, stay=True)
        self.events.clear()
        waiting = self.tasks.spawn(self.desk.access(relay.url, fresh=True), name="waiting")
        await asyncio.wait_for(self.http.answered.wait(), 10)
        return waiting


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        process.add_user("ana", "Ana Pop")
        process.add_user("dan", "Dan Pop")
        yield process


@pytest.fixture
def ring() -> Iterator[MemoryRing]:
    before, made = keyring.get_keyring(), MemoryRing()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


@pytest.fixture
async def bench(ring: MemoryRing) -> AsyncIterator[Bench]:
    made = Bench()
    yield made
    await made.desk.aclose()
    await made.tasks.aclose()


async def refused(waiting: "asyncio.Task[str]") -> ErrorCode:
    with pytest.raises(Refused) as refusal:
        await asyncio.wait_for(waiting, 10)
    assert isinstance(refusal.value.code, ErrorCode)
    return refusal.value.code


async def test_signing_out_leaves_no_token_behind(bench: Bench, relay: RelayProcess, ring: MemoryRing) -> None:
    waiting = await bench.refreshing(relay)
    held = bench.desk._held
    assert held is not None
    await bench.desk.sign_out()
    bench.http.go_on.set()
    assert await refused(waiting) is ErrorCode.NOT_SIGNED_IN
    assert ring.kept == {}
    assert bench.events == [], "nobody is signed in"
    with pytest.raises(Refused):  # the token that came last is worthless too
        await RelayHttp(lambda origin: None).refresh(relay.url, held.refresh_token)


@pytest.mark.parametrize("name", ["dan", "ana"])
async def test_signing_in_meanwhile_wins(bench: Bench, relay: RelayProcess, ring: MemoryRing, name: str) -> None:
    waiting = await bench.refreshing(relay)
    account = await bench.desk.sign_in(relay.url, name, PASSWORD, stay=True)
    fresh = bench.tasks.spawn(bench.desk.access(relay.url, fresh=True), name="fresh")
    bench.http.go_on.set()
    assert await refused(waiting) is ErrorCode.NOT_SIGNED_IN
    await fresh
    assert bench.desk.account == account
    assert [event.account for event in bench.events if isinstance(event, SignedIn)] == [account]
    held = bench.desk._held
    assert held is not None
    assert list(ring.kept.values()) == [held.refresh_token]
    assert (await bench.http.refresh(relay.url, held.refresh_token)).account == account


@pytest.mark.parametrize(("name", "stay"), [("dan", True), ("dan", False), ("ana", True)])
async def test_whoever_was_signed_in_before_is_signed_out_at_the_relay(
    bench: Bench, relay: RelayProcess, ring: MemoryRing, name: str, stay: bool
) -> None:
    await bench.desk.sign_in(relay.url, "ana", PASSWORD, stay=True)
    former = bench.desk._held
    assert former is not None
    await bench.desk.sign_in(relay.url, name, PASSWORD, stay=stay)
    await bench.desk.aclose()
    with pytest.raises(Refused):
        await RelayHttp(lambda origin: None).refresh(relay.url, former.refresh_token)
    held = bench.desk._held
    assert held is not None
    assert list(ring.kept.values()) == ([held.refresh_token] if stay else [])
    assert (await RelayHttp(lambda origin: None).refresh(relay.url, held.refresh_token)).account.name == name


async def test_one_relays_token_is_not_shown_to_another(bench: Bench, relay: RelayProcess) -> None:
    """A link to the old relay may still be at its tries while the rep signs in at a new one."""
    await bench.desk.sign_in(relay.url, "ana", PASSWORD, stay=False)
    with pytest.raises(Refused) as refusal:
        await bench.desk.access("https://elsewhere.example.org")
    assert refusal.value.code is ErrorCode.NOT_SIGNED_IN
