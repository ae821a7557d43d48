"""The real app as a process: its start, one instance, links handed over, tray, end; relay and tray are real."""

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.harness.app import AppProcess
from tests.harness.display import Display
from tests.harness.relay import PASSWORD, RelayProcess
from tests.integration.test_controller import install, self_signed

ROOT = Path(__file__).resolve().parents[3]


def environment(display: Display | None = None) -> dict[str, str]:
    base = display.environment() if display is not None else {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    return {**base, "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring", "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def relay() -> Iterator[RelayProcess]:
    with RelayProcess() as process:
        process.add_user("maria", "Maria Georgescu")
        yield process


@pytest.fixture
async def app(tmp_path: Path, relay: RelayProcess) -> AsyncIterator[AppProcess]:
    async with AppProcess(
        environment(), tmp_path / "profile", "--relay", relay.url, credentials=("maria", PASSWORD)
    ) as process:
        yield process


def second_start(profile: Path, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ui", "--profile", str(profile), *words]
    return subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30, check=False)


async def until_online(app: AppProcess) -> None:
    await app.until(lambda link: link == "online", "link")


async def test_signed_in_from_the_start_and_a_session_can_be_started_and_ended(app: AppProcess):
    await until_online(app)
    await app.until(lambda enabled: bool(enabled), "enabled", name="action_start_session")
    await app.do("settings", email_at_start=False)
    await app.do("trigger", name="action_start_session")
    session = await app.session()
    assert len(session["view"]["number"]) == 9
    await app.do("trigger", name="action_end_session")
    await app.until(lambda sessions: sessions == [], "sessions")


@pytest.mark.rule("B-13.4", "B-2.2")
async def test_a_second_start_hands_its_link_over_and_ends(app: AppProcess, tmp_path: Path):
    await until_online(app)
    before = await app.do("sessions")
    done = await asyncio.to_thread(second_start, tmp_path / "profile", "support-manager:start")
    assert (done.returncode, done.stdout) == (0, "")
    assert await app.do("sessions") == before, "a link only pre-fills"
    assert await app.do("ping") == "pong"


async def test_another_profile_is_another_app(app: AppProcess, tmp_path: Path):
    async with AppProcess(environment(), tmp_path / "other") as other:
        assert other.pid != app.pid
        assert await other.do("visible", name="sign_in_page")


async def test_after_a_crash_the_profile_can_be_used_again(tmp_path: Path, relay: RelayProcess):
    first = AppProcess(environment(), tmp_path / "profile")
    await first.start()
    await first.kill9()
    async with AppProcess(environment(), tmp_path / "profile") as again:
        assert await again.do("ping") == "pong"


async def test_a_wrong_password_is_said_on_the_page(tmp_path: Path, relay: RelayProcess):
    async with AppProcess(
        environment(), tmp_path / "profile", "--relay", relay.url, credentials=("maria", "not the password")
    ) as app:
        await app.see("sign_in_error")
        assert "not right" in await app.do("text", name="sign_in_error")


async def test_a_relay_that_is_not_there_is_said_on_the_page(tmp_path: Path):
    async with AppProcess(
        environment(), tmp_path / "profile", "--relay", "http://127.0.0.1:9", credentials=("maria", PASSWORD)
    ) as app:
        await app.see("sign_in_error")
        assert await app.do("text", name="sign_in_error")


@pytest.mark.rule("B-12.5")
async def test_a_relay_that_renews_its_certificate_is_accepted_again_in_the_same_window(tmp_path: Path):
    one, two = (self_signed(tmp_path, name) for name in ("one", "two"))
    files = {"cert": tmp_path / "relay.pem", "key": tmp_path / "relay.key"}
    install(one, files)
    options = ("--tls-cert", str(files["cert"]), "--tls-key", str(files["key"]))
    with RelayProcess(tmp_path / "data", *options) as relay:
        relay.add_user("maria", "Maria Georgescu")
        words = ("--relay", relay.url)
        async with AppProcess(environment(), tmp_path / "profile", *words, credentials=("maria", PASSWORD)) as app:
            await app.click("certificate_dialog_compared")
            await app.click("certificate_dialog_accept")
            await until_online(app)
            await app.do("settings", email_at_start=False)
            await app.do("trigger", name="action_start_session")
            session = await app.session()
            relay.kill9()
            install(two, files)
            await asyncio.to_thread(relay.restart)
            await app.click("certificate_dialog_cancel")
            await app.click("linkCertificate")
            await app.click("certificate_dialog_compared")
            await app.click("certificate_dialog_accept")
            await until_online(app)
            assert not await app.do("visible", name="linkCertificate")
            assert (await app.session())["view"]["id"] == session["view"]["id"], "and nothing was lost"
            await app.do("end", session_id=session["view"]["id"])


async def test_being_asked_to_end_ends_it_in_order(app: AppProcess, tmp_path: Path):
    await until_online(app)
    begun = time.monotonic()
    assert await app.stop() == 0
    assert time.monotonic() - begun < 6
    assert "Traceback" not in app.log()


def test_unreadable_settings_cost_nothing_but_a_sentence(tmp_path: Path):
    async def story() -> None:
        profile = tmp_path / "profile"
        profile.mkdir()
        (profile / "settings.json").write_text("{ not json")
        async with AppProcess(environment(), profile) as app:
            await app.see("sign_in_error")
        assert list(profile.glob("settings.json.unreadable-*"))

    asyncio.run(story())


# --- with a screen


@pytest.fixture
def screen_with_tray() -> Iterator[Display]:
    with Display(1280, 900, window_manager=True, tray=True) as display:
        yield display


@pytest.mark.rule("B-13.1", "B-12.3")
async def test_with_a_tray_closing_keeps_the_app_and_a_second_start_shows_it(
    screen_with_tray: Display, tmp_path: Path, relay: RelayProcess
):
    async with AppProcess(
        environment(screen_with_tray), tmp_path / "profile", "--relay", relay.url, credentials=("maria", PASSWORD)
    ) as app:
        await until_online(app)
        await app.until(bool, "tray")
        await app.do("close_window")
        await app.until(lambda windows: "mainWindow" not in windows, "windows")
        done = await asyncio.to_thread(second_start, tmp_path / "profile")
        assert done.returncode == 0
        await app.until(lambda windows: "mainWindow" in windows, "windows")


@pytest.mark.slow
@pytest.mark.rule("B-13.1")
async def test_a_tray_that_comes_late_is_found_and_one_that_goes_loses_nothing(tmp_path: Path, relay: RelayProcess):
    with Display(1280, 900, window_manager=True) as display:
        async with AppProcess(
            environment(display), tmp_path / "profile", "--relay", relay.url, credentials=("maria", PASSWORD)
        ) as app:
            await until_online(app)
            assert not await app.do("tray")
            tray = display.spawn("trayer", "--edge", "bottom")
            await app.until(bool, "tray")
            await app.do("close_window")
            await app.until(lambda windows: "mainWindow" not in windows, "windows")
            tray.terminate()
            tray.wait(10)
            await app.until(lambda windows: "mainWindow" in windows, "windows")


# --- without windows


def test_self_test_passes(tmp_path: Path):
    done = subprocess.run(
        [sys.executable, "-m", "ui", "--self-test"],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=110, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    for part in ("translations", "icons", "styles", "windows", "encode and decode", "keyring", "relay"):
        assert any(line.startswith("ok") and part in line for line in done.stdout.splitlines()), part
    assert "peer connection" in done.stdout


def test_links_are_registered_only_on_command(tmp_path: Path):
    home = tmp_path / "data"
    done = subprocess.run(
        [sys.executable, "-m", "ui", "--register-links"],
        cwd=ROOT, env={**environment(), "XDG_DATA_HOME": str(home), "XDG_CONFIG_HOME": str(tmp_path / "config")},
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    (entry,) = (home / "applications").iterdir()
    assert "MimeType=x-scheme-handler/support-manager;" in entry.read_text()
    assert "%u" in entry.read_text()


def test_usable_window_comes_soon(tmp_path: Path):
    """The whole benchmark is `benchmarks/start`; here only what is gross: nothing heavy before the first paint."""
    program = (
        "import json, sys\n"
        "from ui import app\n"
        "def ready(built):\n"
        "    heavy = {'av', 'aiortc', 'keyring', 'sqlalchemy', 'cryptography', 'aiohttp', 'socketio'}\n"
        "    heavy &= set(sys.modules)\n"
        "    print(json.dumps(sorted(heavy)), flush=True)\n"
        "    built.quit()\n"
        f"sys.exit(app.main(['--profile', {str(tmp_path)!r}], ready=ready))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
