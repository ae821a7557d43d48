"""`--self-test`: tries every part of this installation on a virtual screen and says what works, a line for each."""

import asyncio
import importlib
import importlib.util
import json
import logging
import os
import pkgutil
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
_PACKAGES = ("resources", "support_manager", "ui")
_PLUGINS = (
    "platforms/libqxcb.so",
    "platforms/libqoffscreen.so",
    "platforminputcontexts/libcomposeplatforminputcontextplugin.so",
    "platformthemes/libqxdgdesktopportal.so",
    "iconengines/libqsvgicon.so",
    "imageformats/libqsvg.so",
)
"""What Qt loads by itself on Linux and this app cannot do without. Wayland's is not among them: it needs libraries
that a system without Wayland does not have."""
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
    report.check("modules", _modules)
    report.check("versions", _versions)
    report.check("environment", _environment)
    report.check("plug-ins", _plugins)
    report.check("translations", _translations)
    report.check("icons", _icons)
    report.check("styles", _styles)
    report.check("windows", lambda: _windows(qt))
    report.check("event loop", lambda: _event_loop(qt))
    report.check("encode and decode", _media)
    report.check("voice", _voice)
    report.check("peer connection", lambda: _in_loop(_peer_connection()))
    report.check("keyring", _keyring)
    report.check("relay", lambda: _in_loop(_relay()))
    sys.stdout.write("self-test failed\n" if report.failed else "self-test passed\n")
    return 1 if report.failed else 0


def _in_loop(part: Coroutine[Any, Any, str]) -> str:
    return asyncio.run(asyncio.wait_for(part, CHECK_S))


def _modules() -> str:
    """Import every module of the app: what it imports late must be here, too."""
    count = 0
    for package in _PACKAGES:
        for found in pkgutil.walk_packages(importlib.import_module(package).__path__, f"{package}."):
            importlib.import_module(found.name)
            count += 1
    return f"{count} modules"


def _versions() -> str:
    from importlib.metadata import version

    from ui.dialogs.about import PARTS, own_version

    if not (own := own_version()):
        raise CheckFailedError("this program does not know its version")
    for distribution, _, _ in PARTS:
        version(distribution)
    return f"Support Manager {own}"


def _environment() -> str:
    own = getattr(sys, "_MEIPASS", None)  # the folder of a frozen program's libraries
    if own is not None and own in os.environ.get("LD_LIBRARY_PATH", ""):
        raise CheckFailedError("programs started from here would load the libraries of this one")
    return "frozen" if own is not None else "from sources"


def _plugins() -> str:
    from PySide6.QtCore import QLibraryInfo, QPluginLoader

    if not sys.platform.startswith("linux"):
        return "skipped: Qt's plug-ins have other names here"
    folder = Path(QLibraryInfo.path(QLibraryInfo.LibraryPath.PluginsPath))
    for name in _PLUGINS:
        loader = QPluginLoader(str(folder / name))
        if not loader.load():
            raise CheckFailedError(loader.errorString())
    return f"{len(_PLUGINS)} plug-ins of Qt"


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
    from PySide6.QtGui import QImage

    from ui.style_sheet import marks, style_sheet
    from ui.theme import tokens

    names = list(tokens()["colors"])
    for name in names:
        if "$" in style_sheet(tokens(), name):
            raise CheckFailedError(f"{name} has a gap")
        for mark in marks(name).values():
            if QImage(mark).isNull():
                raise CheckFailedError(f"{mark} cannot be drawn")
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


def _voice() -> str:
    from support_manager.media.self_check import speak
    from ui.devices.audio import microphones, speakers

    return f"{speak()}; {len(microphones())} microphones, {len(speakers())} speakers"


async def _peer_connection() -> str:
    from support_manager.media.self_check import loopback

    return await loopback() or "skipped: no network: this machine has no address but 127.0.0.1"


def _keyring() -> str:
    import keyring
    from keyring.backends import chainer

    if sys.platform.startswith("linux"):
        importlib.import_module("secretstorage")  # its back end is passed over in silence where this is missing
    found = keyring.get_keyring()
    used = found.backends if isinstance(found, chainer.ChainerBackend) else [found]
    return ", ".join(f"{type(one).__module__}.{type(one).__qualname__}" for one in used)


def _relay_command() -> list[str] | None:
    """How the relay is started here: the program beside this one, or the module; None where it is not installed."""
    if getattr(sys, "frozen", False):
        beside = Path(sys.executable).with_name("support-relay" + Path(sys.executable).suffix)
        return [str(beside)] if beside.is_file() else None
    return [sys.executable, "-m", "server_stub"] if importlib.util.find_spec("server_stub") else None


async def _relay() -> str:
    command = _relay_command()
    if command is None:
        return "skipped: the relay is not installed here"
    password = secrets.token_urlsafe(12)
    with tempfile.TemporaryDirectory() as folder:
        data, profile = str(Path(folder) / "relay"), Path(folder) / "profile"
        version = (await _call([*command, "--version"])).strip()
        place = ["--data", data]
        await _call(
            [*command, "user", "add", _ACCOUNT, *place, "--display-name", "Self-test", "--password-stdin"], password
        )
        if _ACCOUNT not in await _call([*command, "user", "list", *place]):
            raise CheckFailedError("the account is not listed")
        relay = await asyncio.create_subprocess_exec(
            *command, "serve", *place, "--port", "0", stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
        try:
            assert relay.stdout is not None and relay.stderr is not None  # noqa: S101, PT018 - pipes were asked for
            line = await relay.stdout.readline()
            if not line:
                raise CheckFailedError(_tail(await relay.stderr.read()) or "the relay does not start")
            number = await _session(json.loads(line)["url"], password, profile)
        finally:
            if relay.returncode is None:
                relay.terminate()
            code = await relay.wait()
    if code != 0 and sys.platform != "win32":  # where there is no SIGTERM, to terminate is to kill
        raise CheckFailedError(f"the relay stopped with exit code {code}")
    return f"{version}: signed in, started and ended session {number}"


async def _session(url: str, password: str, profile: Path) -> str:
    """Sign in, start a session and end it; returns its number."""
    from support_manager.controller import Controller
    from support_manager.events import Link

    controller = Controller.for_profile(profile)
    try:
        await controller.sign_in(url, _ACCOUNT, password, stay=False)
        while controller.link is not Link.ONLINE:  # noqa: ASYNC110 - bounded by CHECK_S; a self-test needs no event
            await asyncio.sleep(0.02)
        session = await controller.start_session()
        await controller.end_session(session.id)
        return session.view.number
    finally:
        await controller.aclose()


async def _call(command: list[str], line: str = "") -> str:
    """Run a command of the relay with one line of input; returns what it printed."""
    process = await asyncio.create_subprocess_exec(
        *command,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    printed, said = await process.communicate(line.encode() + b"\n")
    if process.returncode:
        raise CheckFailedError(_tail(said) or f"exit code {process.returncode}")
    return printed.decode(errors="replace")


def _tail(said: bytes) -> str:
    return said.decode(errors="replace").strip()[-300:]
