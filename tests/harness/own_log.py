"""The tests' log: as plain as the product's, and given back by what sets up a log of its own in this process."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

import structlog


def set_up() -> None:
    """Write tracebacks plain, as the product does (`ui/logs.py`, `server_stub/log.py`).

    Where it finds rich, structlog draws them with all variables, which took 0.6 to 0.8 s on a call's loop: that was
    measured as the product's delay, and the jitter buffers needed seconds to come back from it.
    """
    *before, _ = structlog.get_config()["processors"]
    plain = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*before, plain])


@contextmanager
def given_back() -> Iterator[None]:
    """Give this process its log back after a command of the relay was run in it."""
    root, relay = logging.getLogger(), logging.getLogger("server_stub")
    before = list(root.handlers), root.level, relay.level, structlog.get_config()
    try:
        yield
    finally:
        root.handlers = before[0]
        root.setLevel(before[1])
        relay.setLevel(before[2])
        structlog.configure(**before[3])
