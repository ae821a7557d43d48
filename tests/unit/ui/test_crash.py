"""The crash hook: one report for each kind of crash, without secrets, from every place, and never in a circle."""

import asyncio
import os
import stat
import sys
import threading
from pathlib import Path

import pytest
import structlog
from PySide6.QtCore import qWarning
from PySide6.QtTest import QSignalSpy
from structlog.testing import LogCapture

from ui.crash import CrashHook, without_secrets

SECRET = "Zk3v9QpLw8Xt2RbN5mYc7HdF1sGj4TaU"


@pytest.fixture
def hook(qapp, tmp_path: Path):
    made = CrashHook(tmp_path / "crashes")
    made.install()
    yield made
    made.remove()


def reports(hook: CrashHook) -> list[Path]:
    return sorted(hook._folder.glob("crash-*.txt"))


def boom(words: str) -> None:
    raise ValueError(words)


def crash(words: str = "boom") -> BaseException:
    try:
        boom(words)
    except ValueError as error:
        return error
    raise AssertionError


def test_uncaught_exception_is_written_once_and_told_once(hook: CrashHook):
    told = QSignalSpy(hook.crashed)
    for number in range(3):
        error = crash(f"boom {number}")
        sys.excepthook(type(error), error, error.__traceback__)
    assert told.count() == 1
    (report,) = reports(hook)
    assert told.at(0)[0] == str(report)
    words = report.read_text()
    assert "boom 0" in words
    assert "in boom" in words
    if os.name == "posix":
        assert stat.S_IMODE(report.stat().st_mode) == 0o600


def test_report_has_no_secrets(hook: CrashHook):
    error = crash(f"GET https://relay.example/join#{SECRET} token={SECRET} password: hunter2hunter")
    hook.report(error, "test")
    words = reports(hook)[0].read_text()
    assert SECRET not in words
    assert "hunter2hunter" not in words
    assert "relay.example" in words
    assert str(Path.home()) not in without_secrets(f"{Path.home()}/x")


def test_thread_and_loop_are_heard(hook: CrashHook):
    told = QSignalSpy(hook.crashed)
    thread = threading.Thread(target=boom, args=("in a thread",), name="worker")
    thread.start()
    thread.join()

    async def fail_in_callback() -> None:
        loop = asyncio.get_running_loop()
        hook.watch(loop)
        loop.call_soon(boom, "in a callback")
        await asyncio.sleep(0)
        await asyncio.sleep(0)

    asyncio.run(fail_in_callback())
    assert told.count() == 2
    assert {"in a thread" in path.read_text() for path in reports(hook)} == {True, False}


def test_a_hook_that_fails_itself_does_not_go_in_circles(hook: CrashHook, capsys):
    calls = []

    def worse(_report: str) -> None:
        calls.append(1)
        try:
            raise RuntimeError("while telling")
        except RuntimeError as error:
            sys.excepthook(type(error), error, error.__traceback__)

    hook.crashed.connect(worse)
    error = crash("first")
    sys.excepthook(type(error), error, error.__traceback__)
    assert calls == [1]
    assert len(reports(hook)) == 1


def test_unwritable_folder_is_told_all_the_same(qapp, tmp_path: Path):
    blocked = tmp_path / "file"
    blocked.write_text("")
    hook = CrashHook(blocked / "crashes")
    told = QSignalSpy(hook.crashed)
    hook.report(crash(), "test")
    assert told.count() == 1
    assert told.at(0)[0] == ""


def test_interrupt_is_no_crash(hook: CrashHook, capsys):
    sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert not reports(hook)


def test_qt_messages_go_to_the_log(hook: CrashHook, monkeypatch: pytest.MonkeyPatch):
    # Not what is printed: a test before may have had the module's logger keep its own way out.
    heard = LogCapture()
    monkeypatch.setattr("ui.crash.log", structlog.wrap_logger(structlog.PrintLogger(), processors=[heard]))
    qWarning("a warning of Qt")
    assert "a warning of Qt" in str(heard.entries)


def test_hooks_are_given_back(qapp, tmp_path: Path):
    before = sys.excepthook, threading.excepthook
    hook = CrashHook(tmp_path)
    hook.install()
    assert sys.excepthook != before[0]
    hook.remove()
    assert (sys.excepthook, threading.excepthook) == before
