"""Several reps: real controllers with scripted media engines on one relay, and accounts with what they may."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TypeVar

import keyring

from support_manager.controller import Controller
from support_manager.credentials import CredentialStore
from support_manager.events import AppEvent, Attention, Happening, Link, SessionSnapshot
from support_manager.media.engine import MediaEngine
from support_manager.protocol import requests, signals
from support_manager.protocol.views import ParticipantView
from support_manager.settings import SettingsStore
from tests.harness.keyrings import MemoryRing
from tests.harness.relay import PASSWORD, Client, RelayProcess
from tests.harness.scripted_engine import ScriptedEngine

T = TypeVar("T")
_ALLOWED = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})


@contextmanager
def memory_ring() -> Iterator[MemoryRing]:
    """No keyring of this machine is touched meanwhile."""
    before = keyring.get_keyring()
    made = MemoryRing()
    keyring.set_keyring(made)
    try:
        yield made
    finally:
        keyring.set_keyring(before)


def add_rep(relay: RelayProcess, name: str, *options: str) -> None:
    """An account; `options` are those of `support-relay user add`."""
    relay.add_user(name, name.title(), PASSWORD, *options)


class Rep:
    """A rep's app without windows, and all the events it has told.

    Args:
        profile: its folder.
        name: of the account.
        engine: makes the media engine, if not the scripted one.
    """

    def __init__(self, profile: Path, name: str, engine: Callable[[], MediaEngine] | None = None) -> None:
        self.name = name
        self.engine = ScriptedEngine()
        self.controller = Controller(
            SettingsStore(profile / name),
            CredentialStore(allowed=_ALLOWED),
            engine or (lambda: self.engine),
            rng=random.Random(1),
        )
        self.events: list[AppEvent] = []
        self.controller.subscribe(self.events.append)

    async def sign_in(self, relay: RelayProcess) -> None:
        await self.controller.sign_in(relay.url, self.name, PASSWORD, stay=False)
        await self.until(lambda: self.controller.link is Link.ONLINE)

    def of(self, kind: type[T]) -> list[T]:
        """All events of that kind, in order."""
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, condition: Callable[[], T], within_s: float = 15.0) -> T:
        """Wait for a condition."""
        deadline = time.monotonic() + within_s
        while not (found := condition()):
            assert time.monotonic() < deadline, f"{self.name}: not seen in {within_s} s; {self.events[-12:]}"
            await asyncio.sleep(0.01)
        return found

    async def told(self, kind: type[T]) -> T:
        """The last event of that kind, once there is one."""
        return await self.until(lambda: next(reversed(self.of(kind)), None))

    async def noticed(self, what: Happening) -> Attention:
        """The last such happening, once there is one."""
        return await self.until(
            lambda: next((each for each in reversed(self.of(Attention)) if each.what is what), None)
        )

    def sees(self, session_id: str) -> SessionSnapshot:
        """The session as this rep's windows show it."""
        return self.controller.sessions[session_id]

    def finds(self, session_id: str, name: str) -> ParticipantView:
        """The person of that name in a session."""
        return next(each for each in self.sees(session_id).view.participants if each.name == name)


@asynccontextmanager
async def signed_in(
    relay: RelayProcess, profile: Path, *names: str, engine: Callable[[], MediaEngine] | None = None
) -> AsyncIterator[list[Rep]]:
    """The apps of these reps, online; whatever session one of them controls at the end is ended."""
    reps = [Rep(profile, name, engine) for name in names]
    try:
        for each in reps:
            await each.sign_in(relay)
        yield reps
        for each in reps:
            for snapshot in list(each.controller.sessions.values()):
                if snapshot.has_control:
                    await each.controller.end_session(snapshot.id)
    finally:
        async with asyncio.timeout(10):
            await asyncio.gather(*(each.controller.aclose() for each in reps))


async def offers_media(customer: Client, hub: ParticipantView, epoch: int) -> None:
    """The customer's page offers its media connection to whoever is in charge, as it does when that changes."""
    await customer.ask(
        "signal.send",
        requests.SignalSend(
            session_id=customer.session_id, to=hub.id, epoch=epoch, signal=signals.Offer(sdp="v=0\r\ns=offer\r\n")
        ),
    )
