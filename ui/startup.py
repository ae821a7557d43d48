"""Starts the app in the order that shows the window soonest, and holds the one event loop until the end."""

import argparse
import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QSocketNotifier, Qt, QTimer
from PySide6.QtWidgets import QApplication

from support_manager.settings import profile_folder
from ui.collector import Collector
from ui.crash import CrashHook
from ui.instance import OneInstance
from ui.links import OpenedLinks, is_link

if TYPE_CHECKING:
    from ui.app import App


def run_app(options: argparse.Namespace, ready: "Callable[[App], object] | None" = None) -> int:
    """Run the app until it quits; returns the exit code.

    Args:
        options: the command line, as `ui.app.arguments` reads it.
        ready: called on the running loop once the window is shown.
    """
    QApplication.setDesktopFileName("support-manager")
    QApplication.setHighDpiScaleFactorRoundingPolicy(Qt.HighDpiScaleFactorRoundingPolicy.PassThrough)
    qt = QApplication.instance() or QApplication([sys.argv[0]])
    assert isinstance(qt, QApplication)  # noqa: S101 - a core application without windows would be a bug of ours
    qt.setApplicationName("support-manager")
    qt.setQuitOnLastWindowClosed(False)
    profile = profile_folder(options.profile)
    link = options.link if is_link(options.link) else ""
    instance = OneInstance(profile)
    if not instance.claim():
        return _hand_over(instance, link)
    from ui.logs import set_up

    set_up(profile, verbose=options.verbose)
    crash = CrashHook(profile / "crashes")
    crash.install()
    from qasync import QEventLoop as OneLoop

    loop = OneLoop(qt)
    asyncio.set_event_loop(loop)
    crash.watch(loop)
    collector = Collector()
    collector.start()
    try:
        with loop:
            loop.run_until_complete(_run(options, qt, crash, instance, link, profile, ready))
    finally:
        asyncio.set_event_loop(None)
        collector.stop()
        crash.remove()
        instance.release()
    return 0


def _hand_over(instance: OneInstance, link: str) -> int:
    if instance.hand_over(link):
        return 0
    from ui.i18n import Translator

    sys.stderr.write(Translator().t("app", "instance.failed") + "\n")
    return 1


async def _run(
    options: argparse.Namespace,
    qt: QApplication,
    crash: CrashHook,
    instance: OneInstance,
    link: str,
    profile: Path,
    ready: "Callable[[App], object] | None",
) -> None:
    from support_manager.controller import Controller
    from ui.app import build
    from ui.devices.qt_camera import QtCamera
    from ui.media import MediaParts

    ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    media = MediaParts()
    controller = Controller.for_profile(options.profile and profile, media.make_engine)
    controller.use_camera(QtCamera())
    app = build(controller, qt, crash, relay_url=options.relay)
    app.on_end(lambda: ended.set_result(None))
    opened = OpenedLinks(app.controller.open_link, app)
    qt.installEventFilter(opened)
    instance.called.connect(lambda words: _called(app, words))
    _quit_on_signals(app)
    app.show()
    QTimer.singleShot(0, lambda: _after_first_paint(app, options, link))
    if ready is not None:
        ready(app)
    await ended
    media.close()
    qt.removeEventFilter(opened)
    app.dispose()


def _after_first_paint(app: "App", options: argparse.Namespace, link: str) -> None:
    from support_manager.account_link import is_same_relay

    credentials = _credentials() if options.sign_in_from_stdin else None
    is_kept = not options.relay or is_same_relay(options.relay, app.controller.settings.relay_url)
    app.start(resume=credentials is None and is_kept)
    if credentials is not None:
        app.sign_in.submit_as(*credentials)
    if link:
        app.controller.open_link(link)


def _credentials() -> tuple[str, str] | None:
    """Name and password as one line of JSON on standard input, for `make run`: never on a command line."""
    try:
        found = json.loads(sys.stdin.readline())
        return str(found["name"]), str(found["password"])
    except (ValueError, KeyError, TypeError, OSError):
        return None


def _called(app: "App", link: str) -> None:
    app.come_to_front()
    if is_link(link):
        app.controller.open_link(link)


def _quit_on_signals(app: "App") -> None:
    """Quit in order when the system asks for it: a signal wakes the loop through a socket (Qt runs no Python else)."""
    ours, theirs = socket.socketpair()
    for end in (ours, theirs):
        end.setblocking(False)
    signal.set_wakeup_fd(theirs.fileno(), warn_on_full_buffer=False)
    notifier = QSocketNotifier(ours.fileno(), QSocketNotifier.Type.Read, app)

    def on_wake() -> None:
        data = os.read(ours.fileno(), 64)
        if signal.SIGTERM in data or signal.SIGINT in data:
            app.quit()

    notifier.activated.connect(on_wake)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)

    def release() -> None:
        notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, signal.SIG_DFL)
        ours.close()
        theirs.close()

    app.on_end(release)
