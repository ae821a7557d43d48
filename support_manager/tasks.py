"""Owners of asyncio tasks: every task has a name and an owner who cancels it, awaits it and hears of its failure."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger(__name__)


class TaskOwner:
    """Spawns named tasks, keeps them alive, reports their failures and ends them all in `aclose`.

    Args:
        name: of the owner, the prefix of its tasks' names.
        on_failure: called with the task's name and exception when one fails; failures are logged in any case.
    """

    def __init__(self, name: str, on_failure: Callable[[str, BaseException], None] | None = None) -> None:
        self._name = name
        self._on_failure = on_failure
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False

    def spawn(self, coroutine: Coroutine[Any, Any, T], *, name: str) -> asyncio.Task[T]:
        """Start a task owned by this object.

        Raises:
            RuntimeError: after `aclose`.
        """
        if self._closed:
            coroutine.close()
            raise RuntimeError(f"{self._name} is closed, cannot start {name}")
        task = asyncio.get_running_loop().create_task(coroutine, name=f"{self._name}:{name}")
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            return
        log.error("task failed", task=task.get_name(), exc_info=error)
        if self._on_failure is not None:
            self._on_failure(task.get_name(), error)

    async def aclose(self, timeout_s: float = 5.0) -> None:
        """Cancel every task and wait for the ends, at most `timeout_s` seconds."""
        self._closed = True
        tasks = [task for task in self._tasks if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        if tasks:
            _, pending = await asyncio.wait(tasks, timeout=timeout_s)
            for task in pending:
                log.error("task did not end", task=task.get_name())
