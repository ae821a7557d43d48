"""The media thread: commands in order, failures told once, an end in time whatever lives in it."""

import asyncio
import threading
import time

from support_manager.media.thread import MediaThread


class Lodger:
    """Lives in the thread and notes what is asked of it."""

    def __init__(self) -> None:
        self.heard: list[int] = []
        self.closed = threading.Event()

    async def aclose(self) -> None:
        self.closed.set()


def lives() -> bool:
    """Whether the thread is still there."""
    return any(thread.name == "media" for thread in threading.enumerate())


async def until(event: threading.Event) -> None:
    assert await asyncio.to_thread(event.wait, 5.0)


async def test_early_commands_are_kept_in_order() -> None:
    lodger, go, done = Lodger(), threading.Event(), threading.Event()

    async def make() -> Lodger:
        await asyncio.to_thread(go.wait, 5.0)
        return lodger

    thread = MediaThread(make, lambda reason: None)
    thread.start()
    for number in range(5):
        thread.call(lambda who, number=number: who.heard.append(number))
    go.set()
    thread.call(lambda who: done.set())
    await until(done)
    assert lodger.heard == [0, 1, 2, 3, 4]
    await thread.aclose()
    assert lodger.closed.is_set()
    assert not lives()


async def test_failing_command_spares_the_rest() -> None:
    lodger, done = Lodger(), threading.Event()

    async def make() -> Lodger:
        return lodger

    failures: list[str] = []
    thread = MediaThread(make, failures.append)
    thread.start()
    thread.call(lambda who: 1 / 0)
    thread.call(lambda who: done.set())
    await until(done)
    await thread.aclose()
    assert failures == []


async def test_failure_to_start_is_told() -> None:
    told = threading.Event()
    reasons: list[str] = []

    async def make() -> Lodger:
        raise ImportError("no codec library")

    def failed(reason: str) -> None:
        reasons.append(reason)
        told.set()

    thread = MediaThread(make, failed)
    thread.start()
    await until(told)
    assert "no codec library" in reasons[0]
    thread.call(lambda who: None)
    await thread.aclose()
    assert len(reasons) == 1


async def test_hanging_lodger_does_not_hold_the_app_up() -> None:
    hang = threading.Event()

    class Hanging(Lodger):
        async def aclose(self) -> None:
            hang.wait(20)  # on purpose: it blocks its loop

    async def make() -> Lodger:
        return Hanging()

    thread = MediaThread(make, lambda reason: None)
    thread.start()
    ready = threading.Event()
    thread.call(lambda who: ready.set())
    await until(ready)
    began = time.monotonic()
    await thread.aclose(0.2)
    assert time.monotonic() - began < 5
    hang.set()
    while lives():  # noqa: ASYNC110 - leave nothing behind for the next test
        await asyncio.sleep(0.05)


async def test_closing_before_starting() -> None:
    async def make() -> Lodger:
        return Lodger()

    thread = MediaThread(make, lambda reason: None)
    await thread.aclose()
    thread.call(lambda who: None)
    assert not lives()
