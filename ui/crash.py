"""The crash hook: whatever nobody caught is written to a report without secrets and told once, calmly."""

import asyncio
import hashlib
import os
import platform
import re
import sys
import threading
import traceback
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import structlog
from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler, qVersion

log = structlog.get_logger(__name__)

_SECRET = re.compile(
    r"(?<![\w/.-])[A-Za-z0-9_\-+=]{24,}(?![\w/])|(?<=#)[^\s\"')>]+|(?i:bearer|password|token)[=: ]+\S+"
)
_KEPT_REPORTS = 20


def without_secrets(text: str) -> str:
    """`text` with everything that may be a token, a password or the user's name left out."""
    return _SECRET.sub("[left out]", text).replace(str(Path.home()), "~")


class CrashHook(QObject):
    """Stands at every place where an uncaught exception surfaces; never raises and never calls itself.

    Args:
        folder: where reports are written.
        parent: the owner.

    Signals:
        crashed: a new kind of crash was reported; the argument is the report's path, or an empty text when it
            could not be written. It is sent to the UI thread's loop, whatever thread failed.
    """

    crashed = Signal(str)

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._seen: set[str] = set()
        self._guard = threading.local()
        self._lock = threading.Lock()
        self._undo: list[Callable[[], object]] = []

    def install(self) -> None:
        """Take the interpreter's and Qt's hooks."""
        old_sys, old_thread = sys.excepthook, threading.excepthook
        sys.excepthook = self._on_exception
        threading.excepthook = self._on_thread
        old_qt = qInstallMessageHandler(_on_qt_message)
        self._undo = [
            lambda: setattr(sys, "excepthook", old_sys),
            lambda: setattr(threading, "excepthook", old_thread),
            lambda: qInstallMessageHandler(old_qt),
        ]

    def watch(self, loop: asyncio.AbstractEventLoop) -> None:
        """Take what surfaces in the loop: callbacks that raised, tasks that nobody awaited."""
        loop.set_exception_handler(self._on_loop)
        self._undo.append(lambda: loop.set_exception_handler(None))

    def remove(self) -> None:
        """Give the hooks back."""
        for undo in reversed(self._undo):
            undo()
        self._undo.clear()

    def _on_exception(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        if issubclass(kind, KeyboardInterrupt):
            sys.__excepthook__(kind, error, trace)
            return
        self.report(error.with_traceback(trace), "uncaught")

    def _on_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None and not isinstance(args.exc_value, SystemExit):
            self.report(args.exc_value, f"thread {args.thread.name if args.thread else '?'}")

    def _on_loop(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        error = context.get("exception")
        if isinstance(error, BaseException):
            self.report(error, str(context.get("message", "loop")))
        else:
            log.error("loop reports", message=str(context.get("message", "")))

    def report(self, error: BaseException, where: str) -> None:
        """Write a report of `error`, once for each kind, and tell."""
        if getattr(self._guard, "busy", False):
            return
        self._guard.busy = True
        try:
            words = "".join(traceback.format_exception(error))
            kind = hashlib.sha256(_place(error).encode()).hexdigest()[:8]
            log.error("crash", where=where, report=kind, error=type(error).__name__)
            with self._lock:
                if kind in self._seen:
                    return
                self._seen.add(kind)
            self.crashed.emit(self._write(kind, where, words))
        except Exception:  # noqa: BLE001 - the very last place: anything raised here would only call us again
            sys.__excepthook__(type(error), error, error.__traceback__)
        finally:
            self._guard.busy = False

    def _write(self, kind: str, where: str, words: str) -> str:
        stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
        text = (
            f"Support Manager crash report {kind}\n{datetime.now(UTC).isoformat()}\n"
            f"Python {platform.python_version()}, Qt {qVersion()}, {platform.platform()}\nWhere: {where}\n\n{words}"
        )
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            target = self._folder / f"crash-{stamp}-{kind}.txt"
            descriptor = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(without_secrets(text))
            for old in sorted(self._folder.glob("crash-*.txt"))[:-_KEPT_REPORTS]:
                old.unlink(missing_ok=True)
        except OSError as error:
            log.error("crash report not written", error=error.strerror or type(error).__name__)
            return ""
        return str(target)


def _place(error: BaseException) -> str:
    """What makes two crashes the same: the type and the lines of code, not the message."""
    frames = traceback.extract_tb(error.__traceback__)
    return type(error).__name__ + "".join(f"|{frame.filename}:{frame.lineno}" for frame in frames)


def _on_qt_message(kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
    words = without_secrets(message)
    category = context.category or "qt"
    if kind in (QtMsgType.QtDebugMsg, QtMsgType.QtInfoMsg):
        log.debug("qt", category=category, message=words)
    elif kind == QtMsgType.QtWarningMsg:
        log.warning("qt", category=category, message=words)
    else:
        log.error("qt", category=category, message=words)
