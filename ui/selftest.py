"""`--self-test`: tries every part of this installation on a virtual screen and says what works, a line for each."""

import asyncio
import importlib.util
import json
import logging
import os
import secrets
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog

CHECK_S = 60.0
_ACCOUNT = "self-test"


class CheckFailedError(Exception):
    """A part does not do what it must."""


class Report:
    """Prints the lines and remembers whether one was bad."""

    def __init__(self) -> None:
        self.failed = False

    def line(self, word: str, name: str, detail: str, seconds: float) -> None:
        """Print one line."""
        sys.stdout.write(f"{word:7} {name:22} {detail}  ({seconds:.1f} s)\n")
        sys.stdout.flush()

    def check(self, name: str, part: Callable[[], str]) -> None:
        """Try one part; what it returns is printed, and `skipped: …` counts as neither good nor bad."""
        begun = time.monotonic()
        try:
            detail = part()
        except Exception as error:  # noqa: BLE001 - a self-test goes on to the next part, whatever this one did
            self.failed = True
            self.line("FAILED", name, f"{type(error).__name__}: {error}", time.monotonic() - begun)
            return
        word = "skipped" if detail.startswith("skipped") else "ok"
        self.line(word, name, detail.removeprefix("skipped: "), time.monotonic() - begun)


def run() -> int:
    """Run every check; returns the exit code."""
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    from PySide6.QtWidgets import QApplication

    qt = QApplication.instance() or QApplication(["support-manager"])
    assert isinstance(qt, QApplication)  # noqa: S101 - a core application here would be a bug of ours
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    report = Report()
    report.check("translations", _translations)
    report.check("icons", _icons)
    report.check("styles", _styles)
    report.check("windows", lambda: _windows(qt))
    report.check("event loop", lambda: _event_loop(qt))
    report.check("encode and decode", _media)
    report.check("peer connection", lambda: _in_loop(_peer_connection()))
    report.check("keyring", _keyring)
    report.check("relay", lambda: _in_loop(_relay()))
    sys.stdout.write("self-test failed\n" if report.failed else "self-test passed\n")
    return 1 if report.failed else 0


def _in_loop(part: Coroutine[Any, Any, str]) -> str:
    return asyncio.run(asyncio.wait_for(part, CHECK_S))


def _translations() -> str:
    from resources.catalog import AREAS, LANGUAGES, load

    count = 0
    for area in AREAS:
        keys = [set(load(language, area)) for language in LANGUAGES]
        if any(found != keys[0] for found in keys):
            raise CheckFailedError(f"the languages differ in {area}")
        count += len(keys[0])
    return f"{count} sentences, {', '.join(LANGUAGES)}"


def _icons() -> str:
    from PySide6.QtCore import QByteArray
    from PySide6.QtSvg import QSvgRenderer

    from resources import path
    from ui.actions import COMMANDS

    names = [found.name for found in path("icons").iterdir() if found.name.endswith(".svg")]
    for name in names:
        if not QSvgRenderer(QByteArray(path(f"icons/{name}").read_bytes())).isValid():
            raise CheckFailedError(f"{name} cannot be drawn")
    missing = [command.icon for command in COMMANDS if f"{command.icon}.svg" not in names]
    if missing:
        raise CheckFailedError(f"missing: {', '.join(missing)}")
    return f"{len(names)} icons"


def _styles() -> str:
    from pathlib import Path as FilePath

    from ui.style_sheet import marks, style_sheet
    from ui.theme import tokens

    names = list(tokens()["colors"])
    for name in names:
        if "$" in style_sheet(tokens(), name):
            raise CheckFailedError(f"{name} has a gap")
        for mark in marks(name).values():
            if not FilePath(mark).is_file():
                raise CheckFailedError(f"{mark} is missing")
    return ", ".join(names)


@contextmanager
def _app(qt: Any) -> Iterator[Any]:  # noqa: ANN401 - imported late, on purpose
    from support_manager.controller import Controller
    from ui.app import build
    from ui.crash import CrashHook

    with tempfile.TemporaryDirectory() as folder:
        app = build(Controller.for_profile(Path(folder)), qt, CrashHook(Path(folder)))
        try:
            yield app
        finally:
            app.dispose()


def _windows(qt: Any) -> str:  # noqa: ANN401
    from PySide6.QtCore import QEvent

    from resources.catalog import LANGUAGES

    with _app(qt) as app:
        for shown in (False, True):
            app.window.show_sessions(shown)
            app.window.show()
            for language in LANGUAGES:
                app.translator.set_language(language)
                for look in ("light", "dark", "contrast"):
                    app.theme.choose(look)
                    qt.processEvents()
                    picture = app.window.grab().toImage()
                    seen = {picture.pixel(x, y) for x in range(0, picture.width(), 7) for y in range(0, 400, 7)}
                    if len(seen) < 4:
                        raise CheckFailedError(f"the window stays empty ({language}, {look})")
    qt.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    return f"{len(LANGUAGES)} languages, 3 themes"


def _event_loop(qt: Any) -> str:  # noqa: ANN401
    from qasync import QEventLoop as OneLoop

    async def tick() -> str:
        await asyncio.sleep(0.01)
        return "qasync"

    with OneLoop(qt) as loop:
        return str(loop.run_until_complete(tick()))


def _media() -> str:
    from support_manager.media.self_check import encode_and_decode

    return encode_and_decode()


async def _peer_connection() -> str:
    from support_manager.media.self_check import loopback

    return await loopback() or "skipped: no network: this machine has no address but 127.0.0.1"


def _keyring() -> str:
    import keyring

    found = keyring.get_keyring()
    kind = type(found)
    return f"{kind.__module__}.{kind.__qualname__}"


def _relay_command() -> list[str] | None:
    """How the relay is started here: the program beside this one, or the module; None where it is not installed."""
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).with_name("support-relay" + Path(sys.executable).suffix)
        return [str(beside)] if beside.is_file() else None
    return [sys.executable, "-m", "server_stub"] if importlib.util.find_spec("server_stub") else None


async def _relay() -> str:
    from support_manager.controller import Controller
    from support_manager.events import Link

    command = _relay_command()
    if command is None:
        return "skipped: the relay is not installed here"
    password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory() as folder:
        data, profile = Path(folder) / "relay", Path(folder) / "profile"
        await _call(
            [*command, "user", "add", _ACCOUNT, "--data", str(data), "--display-name", "Self-test", "--password-stdin"],
            password,
        )
        relay = await asyncio.create_subprocess_exec(
            *command, "serve", "--data", str(data), "--port", "0",
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
        )  # fmt: skip
        controller = Controller.for_profile(profile)
        try:
            assert relay.stdout is not None  # noqa: S101 - a pipe was asked for
            url = json.loads(await relay.stdout.readline())["url"]
            await controller.sign_in(url, _ACCOUNT, password, stay=False)
            while controller.link is not Link.ONLINE:  # noqa: ASYNC110 - bounded by CHECK_S; a self-test needs no event
                await asyncio.sleep(0.02)
            session = await controller.start_session()
            await controller.end_session(session.id)
            return f"signed in, started and ended session {session.view.number}"
        finally:
            await controller.aclose()
            if relay.returncode is None:
                relay.terminate()
            await relay.wait()


async def _call(command: list[str], line: str) -> None:
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    _, said = await process.communicate(line.encode() + b"\n")
    if process.returncode:
        raise CheckFailedError(said.decode(errors="replace").strip()[-300:] or f"exit code {process.returncode}")
