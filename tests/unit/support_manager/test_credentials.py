"""The keyring: only good back ends, never for longer than the time-out, never anything else."""

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

import keyring
import pytest
from keyring.errors import KeyringError

from support_manager.credentials import CredentialStore
from support_manager.errors import AppCode, LocalProblem
from tests.harness.keyrings import MemoryRing

RELAY = "https://relay.example.org"


class LockedRing(MemoryRing):
    """Asks the user to unlock it, and he has gone for lunch."""

    def __init__(self) -> None:
        super().__init__()
        self.unlocked = threading.Event()
        self.calls = 0

    def get_password(self, service: str, username: str) -> str | None:
        self.calls += 1
        self.unlocked.wait(30)
        return super().get_password(service, username)


class BrokenRing(MemoryRing):
    """Fails at everything."""

    def get_password(self, service: str, username: str) -> str | None:
        raise KeyringError("no D-Bus")

    def set_password(self, service: str, username: str, password: str) -> None:
        raise RuntimeError("of a kind that the library does not know")


ALLOWED = frozenset(f"{each.__module__}.{each.__qualname__}" for each in (MemoryRing, LockedRing, BrokenRing))


@pytest.fixture(autouse=True)
def _previous_ring() -> Iterator[None]:
    before = keyring.get_keyring()
    yield
    keyring.set_keyring(before)


def store(**options: float) -> CredentialStore:
    return CredentialStore(allowed=ALLOWED, **options)


async def test_a_secret_is_kept_replaced_and_forgotten() -> None:
    ring = MemoryRing()
    keyring.set_keyring(ring)
    assert await store().load(RELAY, "ana") is None
    await store().save(RELAY, "ana", "first")
    await store().save(RELAY, "ana", "second")
    await store().save(RELAY, "dan", "other")
    assert await store().load(RELAY, "ana") == "second"
    assert await store().load("https://elsewhere.example.org", "ana") is None
    await store().forget(RELAY, "ana")
    await store().forget(RELAY, "ana")
    assert list(ring.kept.values()) == ["other"]


async def test_another_profile_has_entries_of_its_own() -> None:
    keyring.set_keyring(MemoryRing())
    await CredentialStore("one", allowed=ALLOWED).save(RELAY, "ana", "secret")
    assert await CredentialStore("two", allowed=ALLOWED).load(RELAY, "ana") is None


async def test_a_locked_ring_costs_the_time_out_once_and_never_the_app() -> None:
    ring = LockedRing()
    keyring.set_keyring(ring)
    waiting = store(timeout_s=0.05)
    before = monotonic()
    for _ in range(3):
        with pytest.raises(LocalProblem) as caught:
            await waiting.load(RELAY, "ana")
        assert caught.value.code is AppCode.KEYRING_UNAVAILABLE
    assert monotonic() - before < 5
    assert ring.calls == 1, "while one call hangs there is no second one"
    stuck = [each for each in threading.enumerate() if each.name == "keyring"]
    assert stuck
    assert all(each.daemon for each in stuck), "the app can end"
    ring.unlocked.set()
    for each in stuck:
        each.join(5)
    waiting._timeout_s = 10.0  # how long it takes is no matter any more
    assert await waiting.load(RELAY, "ana") is None, "unlocked at last: it works again"


async def test_whatever_a_ring_raises_means_unavailable() -> None:
    keyring.set_keyring(BrokenRing())
    for act in (store().load(RELAY, "ana"), store().save(RELAY, "ana", "x"), store().forget(RELAY, "ana")):
        with pytest.raises(LocalProblem) as caught:
            await act
        assert caught.value.code is AppCode.KEYRING_UNAVAILABLE


async def test_a_ring_that_is_not_on_the_list_gets_no_secret() -> None:
    ring = MemoryRing()
    keyring.set_keyring(ring)
    with pytest.raises(LocalProblem) as caught:
        await CredentialStore().save(RELAY, "ana", "secret")
    assert caught.value.code is AppCode.KEYRING_UNAVAILABLE
    assert ring.kept == {}


@pytest.mark.parametrize("name", ["null", "fail"])
async def test_the_librarys_do_nothing_rings_are_not_taken_for_success(name: str) -> None:
    module = __import__(f"keyring.backends.{name}", fromlist=["Keyring"])
    keyring.set_keyring(module.Keyring())
    with pytest.raises(LocalProblem):
        await CredentialStore().save(RELAY, "ana", "secret")


_IN_A_SESSION = """
import asyncio, sys
from support_manager.credentials import CredentialStore

async def main():
    store = CredentialStore(timeout_s=20)
    await store.save("https://relay.example.org", "ana", "secret")
    assert await CredentialStore().load("https://relay.example.org", "ana") == "secret"
    await store.forget("https://relay.example.org", "ana")
    assert await store.load("https://relay.example.org", "ana") is None
    print("kept and forgotten")

asyncio.run(main())
"""


@pytest.mark.slow
@pytest.mark.skipif(
    not (shutil.which("dbus-run-session") and shutil.which("gnome-keyring-daemon")), reason="needs gnome-keyring"
)
def test_gnomes_keyring_keeps_a_secret(tmp_path: Path) -> None:
    script = 'echo password | gnome-keyring-daemon --unlock --components=secrets >/dev/null && exec "$0" -c "$1"'
    environment = {key: value for key, value in os.environ.items() if key != "PYTHON_KEYRING_BACKEND"}
    environment |= {"HOME": str(tmp_path), "XDG_DATA_HOME": str(tmp_path), "XDG_RUNTIME_DIR": str(tmp_path)}
    done = subprocess.run(
        ["dbus-run-session", "--", "sh", "-c", script, sys.executable, _IN_A_SESSION],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env=environment,
    )
    assert "kept and forgotten" in done.stdout, done.stderr
