"""The media thread: a plain asyncio loop of its own, ended in order, whose failure is told and never spreads."""

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)


class Resident(Protocol):
    """What lives in the thread."""

    async def aclose(self) -> None:
        """Close everything, within 2 s."""


R = TypeVar("R", bound=Resident)


class MediaThread(Generic[R]):
    """Hosts one resident on a loop of its own.

    Commands are called in the order in which they were given, the first ones once the resident is there.

    Args:
        make: makes the resident, in the thread (so that heavy imports happen there).
        on_failed: called in the thread if it fails; not after `aclose`.
        name: of the thread.
    """

    def __init__(self, make: Callable[[], Awaitable[R]], on_failed: Callable[[str], None], name: str = "media") -> None:
        self._make = make
        self._on_failed = on_failed
        # aioice needs UDP that survives ICMP errors, which the proactor loop of Windows lacks (CPython issue 119711).
        self._loop = asyncio.SelectorEventLoop()
        self._stop = asyncio.Event()
        self._ended = threading.Event()
        self._stopping = False
        self._resident: R | None = None
        self._early: list[Callable[[R], None]] = []
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def call(self, command: Callable[[R], None]) -> None:
        """Have `command` called in the thread with the resident, soon; it is dropped if the thread has ended."""
        try:
            self._loop.call_soon_threadsafe(self._command, command)
        except RuntimeError:
            log.debug("command dropped, the media thread has ended")

    def _command(self, command: Callable[[R], None]) -> None:
        if self._resident is None:
            self._early.append(command)
            return
        try:
            command(self._resident)
        except Exception:
            # A command about one peer must not take the others down with it.
            log.exception("media command failed")

    async def aclose(self, timeout_s: float = 3.0) -> None:
        """Close the resident and end the thread, within `timeout_s`; a thread that hangs is left behind as a daemon."""
        self._stopping = True
        if not self._thread.is_alive():
            self._close_unstarted_loop()
            return
        try:
            self._loop.call_soon_threadsafe(self._stop.set)
        except RuntimeError:
            log.debug("the media thread has ended already")
        if not await asyncio.to_thread(self._ended.wait, timeout_s):
            log.error("the media thread did not end in time")

    def _close_unstarted_loop(self) -> None:
        if not self._loop.is_closed() and not self._loop.is_running():
            self._loop.close()
            self._ended.set()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.set_exception_handler(_log_stray)
        try:
            self._loop.run_until_complete(self._live())
        except BaseException as error:
            log.exception("the media thread failed")
            if not self._stopping:
                self._on_failed(repr(error))
        finally:
            self._wind_up()

    async def _live(self) -> None:
        resident = self._resident = await self._make()
        early, self._early = self._early, []
        for command in early:
            self._command(command)
        try:
            await self._stop.wait()
        finally:
            await resident.aclose()

    def _wind_up(self) -> None:
        try:
            stray = asyncio.all_tasks(self._loop)
            for task in stray:
                task.cancel()
            if stray:
                self._loop.run_until_complete(asyncio.wait(stray, timeout=0.5))
            self._loop.run_until_complete(self._loop.shutdown_asyncgens())
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
        except RuntimeError:
            log.exception("the media loop did not wind up")
        finally:
            asyncio.set_event_loop(None)
            self._loop.close()
            self._ended.set()


def _log_stray(_loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    log.warning(
        "stray error in the media loop",
        message=str(context.get("message")),
        exc_info=error if isinstance(error, BaseException) else None,
    )
