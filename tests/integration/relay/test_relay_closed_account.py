"""A closed account as its rep's app sees it: out within seconds, and told why where it asks to sign in again."""

import asyncio
import random
import subprocess
import sys
import time

import keyring
import pytest

from support_manager.controller import Controller
from support_manager.credentials import CredentialStore
from support_manager.events import AppEvent, Link, SignedOut
from support_manager.protocol.codes import ErrorCode
from support_manager.settings import SettingsStore
from tests.harness.keyrings import MemoryRing
from tests.harness.relay import PASSWORD, ROOT, RelayProcess
from tests.harness.scripted_engine import ScriptedEngine

ALLOWED = frozenset({f"{MemoryRing.__module__}.{MemoryRing.__qualname__}"})


@pytest.fixture
def ring():
    before, made = keyring.get_keyring(), MemoryRing()
    keyring.set_keyring(made)
    yield made
    keyring.set_keyring(before)


async def test_the_app_of_a_closed_account_is_signed_out_and_says_why(tmp_path, ring):
    events: list[AppEvent] = []
    controller = Controller(
        SettingsStore(tmp_path), CredentialStore(allowed=ALLOWED), ScriptedEngine, rng=random.Random(1)
    )
    controller.subscribe(events.append)
    async with RelayProcess() as relay:
        await asyncio.to_thread(relay.add_user, "ana")
        try:
            await controller.sign_in(relay.url, "ana", PASSWORD, stay=True)
            assert controller.link is Link.ONLINE
            command = [sys.executable, "-m", "server_stub", "user", "disable", "ana", "--data", str(relay.data)]
            await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=True, capture_output=True)
            deadline = time.monotonic() + 15
            while not (out := [event for event in events if isinstance(event, SignedOut)]):
                assert time.monotonic() < deadline, events[-6:]
                await asyncio.sleep(0.02)
            assert out == [SignedOut(ErrorCode.ACCOUNT_DISABLED)]
            assert controller.link is Link.SIGNED_OUT
            assert ring.kept == {}
        finally:
            await controller.aclose()
