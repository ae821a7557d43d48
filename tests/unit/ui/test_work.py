"""What widgets start is owned: it ends with the app, and nothing of it is left over."""

import inspect
from typing import Any

from tests.harness.session_window import WindowUnderTest


async def test_work_that_the_end_catches_before_it_began_leaves_nothing_behind(qapp: Any) -> None:
    """The window's place is saved by a timer, which may strike in the moment in which the app is closed."""
    desk = WindowUnderTest(email_at_start=False)
    begun = []

    async def saving() -> None:
        begun.append(True)

    waited_for = saving()
    desk.work.run(waited_for, name="saving")
    await desk.work.aclose()
    assert not begun
    assert inspect.getcoroutinestate(waited_for) == inspect.CORO_CLOSED
    desk.close()
