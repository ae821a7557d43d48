"""Runs the coroutines that widgets start: owned tasks, a busy state, and one path for everything that goes wrong."""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from enum import Enum
from secrets import token_hex
from typing import Any, TypeVar

import shiboken6
import structlog
from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from support_manager.errors import AppCode, SupportManagerError
from support_manager.tasks import TaskOwner
from ui.error_text import ErrorText

T = TypeVar("T")
log = structlog.get_logger(__name__)


class Tone(Enum):
    """How a notice is meant."""

    INFO = "info"
    GOOD = "good"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Notice:
    """A short message that the window shows for a while (a toast); plain text."""

    text: str
    tone: Tone = Tone.INFO


class Work(QObject):
    """The one way from a click to a coroutine; the window shows `notice` as a toast.

    Args:
        errors: gives the sentences.
        parent: the owner.

    Signals:
        notice: a `Notice` to be shown.
        notice_gone: a `Notice` that is true no longer.
        running_changed: a piece of work began or ended.
    """

    notice = Signal(object)
    notice_gone = Signal(object)
    running_changed = Signal()

    def __init__(self, errors: ErrorText, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._errors = errors
        self._owner = TaskOwner("ui")
        self._running: dict[str, int] = {}

    def running(self, name: str) -> bool:
        """Whether work of that name is on its way."""
        return name in self._running

    def run(
        self,
        coroutine: Coroutine[Any, Any, T],
        *,
        name: str,
        on_done: Callable[[T], None] | None = None,
        on_error: Callable[[SupportManagerError], None] | None = None,
        busy: QWidget | None = None,
    ) -> None:
        """Run `coroutine`.

        Args:
            coroutine: mostly an intent of the controller.
            name: of the task, for the log and for `running`.
            on_done: gets the result.
            on_error: gets what a person may be told; without it a notice says it.
            busy: is disabled and has the property `busy` until the end.
        """
        self._running[name] = self._running.get(name, 0) + 1
        if busy is not None:
            _set_busy(busy, True)
        watch = self._watch(coroutine, name, on_done, on_error, busy)
        try:
            task = self._owner.spawn(watch, name=name)
        except RuntimeError:  # the app is closing: nobody waits for this any more
            watch.close()
            coroutine.close()
            self._ended(name, busy)
            return
        # A task that is cancelled before its first step never comes to what it was to wait for.
        task.add_done_callback(lambda _: coroutine.close())
        self.running_changed.emit()

    async def _watch(
        self,
        coroutine: Coroutine[Any, Any, T],
        name: str,
        on_done: Callable[[T], None] | None,
        on_error: Callable[[SupportManagerError], None] | None,
        busy: QWidget | None,
    ) -> None:
        try:
            result = await coroutine
        except SupportManagerError as error:
            self._ended(name, busy)
            if on_error is not None:
                on_error(error)
            else:
                self.tell_error(error)
            return
        except Exception as error:
            self._ended(name, busy)
            log_id = token_hex(4)
            log.error("work failed", work=name, log_id=log_id, exc_info=error)
            failure = SupportManagerError(AppCode.INTERNAL_APP)
            if on_error is not None:
                on_error(failure)
            self.tell(self._errors.of_error(failure, log_id), Tone.ERROR)
            return
        finally:
            coroutine.close()
        self._ended(name, busy)
        if on_done is not None:
            on_done(result)

    def _ended(self, name: str, busy: QWidget | None) -> None:
        left = self._running.get(name, 0) - 1
        if left > 0:
            self._running[name] = left
        else:
            self._running.pop(name, None)
        if busy is not None and shiboken6.isValid(busy):
            _set_busy(busy, False)
        self.running_changed.emit()

    def tell(self, words: str, tone: Tone = Tone.INFO) -> Notice:
        """Show a short message; what it gives is for `take_back`."""
        notice = Notice(words, tone)
        self.notice.emit(notice)
        return notice

    def take_back(self, notice: Notice) -> None:
        """Show it no longer, if it still is: it is not true any more."""
        self.notice_gone.emit(notice)

    def tell_error(self, error: SupportManagerError) -> None:
        """Show what went wrong, in words."""
        self.tell(self._errors.of_error(error), Tone.ERROR)

    def sentence(self, error: SupportManagerError) -> str:
        """What went wrong, in words, for a place of its own."""
        return self._errors.of_error(error)

    async def aclose(self, timeout_s: float = 2.0) -> None:
        """Cancel everything and wait for the ends, at most `timeout_s` seconds."""
        await self._owner.aclose(timeout_s)


def _set_busy(widget: QWidget, busy: bool) -> None:
    widget.setEnabled(not busy)
    widget.setProperty("busy", busy)
    widget.style().unpolish(widget)
    widget.style().polish(widget)
