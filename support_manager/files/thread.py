"""The files' own thread: an asyncio loop on which content moves, so that no window waits for it."""

import asyncio
import concurrent.futures
import threading
from collections.abc import Awaitable, Coroutine
from typing import Any, TypeVar

import structlog

T = TypeVar("T")
log = structlog.get_logger(__name__)
_END_S = 10.0
"""A part that is being written is written to its end; longer takes only a disk that hangs."""


class FilesThread:
    """Runs coroutines on a loop of its own; it starts with the first one and ends in `aclose`."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None

    async def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work` over there; cancelling this cancels that, and waits until it has ended."""
        loop = self._started()
        ended: concurrent.futures.Future[T] = concurrent.futures.Future()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            tasks.append(loop.create_task(work, name="file"))
            tasks[0].add_done_callback(finish)

        def finish(task: asyncio.Task[T]) -> None:
            error = asyncio.CancelledError() if task.cancelled() else task.exception()
            if error is not None:
                ended.set_exception(error)
            else:
                ended.set_result(task.result())

        def stop() -> None:
            tasks[0].cancel()

        loop.call_soon_threadsafe(begin)
        waiting = asyncio.wrap_future(ended)
        try:
            return await asyncio.shield(waiting)
        except asyncio.CancelledError:
            if not waiting.done() and not loop.is_closed():
                loop.call_soon_threadsafe(stop)
                await asyncio.wait([waiting], timeout=_END_S)
            if waiting.done() and not waiting.cancelled():
                waiting.exception()  # looked at, so that nobody is told of it
            raise

    def _started(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.SelectorEventLoop()
            self._thread = threading.Thread(target=self._live, args=(self._loop,), name="files", daemon=True)
            self._thread.start()
        return self._loop

    @staticmethod
    def _live(loop: asyncio.AbstractEventLoop) -> None:
        asyncio.set_event_loop(loop)
        try:
            loop.run_forever()
            stray = asyncio.all_tasks(loop)
            for task in stray:
                task.cancel()
            if stray:
                loop.run_until_complete(asyncio.wait(stray, timeout=1.0))
            loop.run_until_complete(loop.shutdown_default_executor())
        except Exception:
            log.exception("the files' thread did not end in order")
        finally:
            loop.close()

    async def aclose(self, timeout_s: float = 3.0) -> None:
        """End the thread; work that is left is cancelled."""
        loop, thread = self._loop, self._thread
        self._loop = self._thread = None
        if loop is None or thread is None:
            return
        loop.call_soon_threadsafe(loop.stop)
        await asyncio.to_thread(thread.join, timeout_s)
        if thread.is_alive():
            log.error("the files' thread did not end in time")


async def on_loop(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T]) -> T:
    """From the files' thread: have `work` done on another loop, and wait for what it gives."""
    waiting: Awaitable[T] = asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, loop))
    return await waiting
